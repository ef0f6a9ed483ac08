"""Companies drawn at random, unlike those of `worlds`, lived by the plan with its cushion and by MRP: share of hindsight.

python -m tests.benchmarks.other_worlds --worlds 30 --csv other.csv

Every seed draws its own network (goods, plants, warehouses, recipes of none to two levels, shared components, offers of one
to six weeks with or without a faster one), its own demand (seasonal, trending, intermittent, lumpy), its own forecast (noise
that grows with the lag, leaning or not), its own mishaps, and its own way of writing things down: versions in the extract or
earlier extracts only, two weeks or a year of history, sales without demand, no goods receipts, no lost hours.
Whole lots, least runs and shelf life bind the planners; hindsight is free of them, and what they cost is taken off
afterwards.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from soe_lib.replay.known import shaped
from soe_lib.replay.loop import Replay, earned, live
from soe_lib.replay.planners import BaseStock, Decisions
from soe_lib.replay.truth import DECIDED, Truth
from soe_lib.solver.answer import SolverOptions

START = date(2026, 3, 2)
LINE = ("item", "location", "customer")
GAP = 0.01  # of a plan with whole numbers
PATTERNS = ("level", "seasonal", "trending", "intermittent", "lumpy")


@dataclass(frozen=True)
class Traits:
    """What a seed makes of a company; see `drawn`."""

    seed: int
    weeks: int
    goods: int
    parts: int
    plants: int
    houses: int
    depth: int  # levels of recipes
    noise: float  # of the forecast one week ahead; its variance grows by a quarter with each
    insight: float  # how much of what will be asked for is known a week before
    lean: str  # of the forecast: none, high, low, by family
    load: float
    overtime: float
    stops: bool
    late: bool
    express: bool
    lots: bool
    perishable: bool
    history: int
    newcomer: bool
    handed: str  # versions or extracts
    sales_only: bool
    receipts_told: bool
    losses_told: bool


def drawn(seed: int, weeks: int = 22) -> Traits:
    """The traits of a seed."""
    rng = np.random.default_rng([seed, 77])
    lots = bool(rng.uniform() < 0.2)
    goods = round(np.exp(rng.uniform(np.log(3), np.log(5 if lots else 25))))
    depth = int(rng.choice([0, 1, 1, 2]))
    return Traits(
        seed=seed, weeks=weeks, goods=goods, parts=max(2, goods // 2), depth=depth, lots=lots,
        plants=int(rng.choice([1, 1, 2, 3])), houses=int(rng.choice([1, 2, 3])),
        noise=float(rng.choice([0.05, 0.15, 0.3, 0.45])), insight=float(rng.choice([0.0, 0.3, 0.7])),
        lean=str(rng.choice(["none", "high", "low", "by family"])), load=float(rng.uniform(0.7, 0.95)),
        overtime=float(rng.choice([0.0, 0.1, 0.25])), stops=bool(rng.uniform() < 0.5), late=bool(rng.uniform() < 0.5),
        express=bool(rng.uniform() < 0.5), perishable=bool(rng.uniform() < 0.25),
        history=int(rng.choice([2, 4, 6, 26, 52])), newcomer=bool(rng.uniform() < 0.3),
        handed=str(rng.choice(["versions", "versions", "extracts"])), sales_only=bool(rng.uniform() < 0.25),
        receipts_told=bool(rng.uniform() < 0.75), losses_told=bool(rng.uniform() < 0.75),
    )  # fmt: skip


@dataclass
class Company:
    """What does not change: master data as tables, and arrays that tell how demand and hours are made."""

    traits: Traits
    rng: np.random.Generator
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        t, rng = self.traits, self.rng
        self.goods = [f"G{n:02d}" for n in range(t.goods)]
        self.family = [f"F{n % 3}" for n in range(t.goods)]
        self.home = rng.integers(0, t.plants, t.goods)
        self.make_weeks, self.ship_weeks = rng.integers(0, 2, t.goods), rng.integers(0, 3, t.houses)
        self.margin = rng.uniform(1.3, 2.5, t.goods)
        self.holding = float(rng.uniform(0.002, 0.01))
        self._classes()
        self._recipes()
        self._lines()

    def _classes(self) -> None:
        """Customer classes: some wait, some wait for goodwill, some are lost at once."""
        rng, self.classes = self.rng, []
        for number in range(int(rng.integers(1, 5))):
            waits = int(rng.choice([0, 7, 14, 28]))
            cash = bool(rng.uniform() < 0.5)
            self.classes.append({
                "customer": f"C{number}", "priority": number + 1, "latest_days": waits,
                "late": float(rng.uniform(0.02, 0.12)) * (waits > 0), "cash": cash,
                "short": float(rng.choice([0.0, 0.1, 0.4])),
            })  # fmt: skip

    def _recipes(self) -> None:
        """What a good takes of each component; sub-assemblies where there are two levels; costs from the bottom up."""
        t, rng = self.traits, self.rng
        self.part_cost, self.lead = rng.uniform(1.0, 20.0, t.parts), rng.integers(1, 7, t.parts)
        uses = rng.uniform(0.3, 2.0, (t.goods, t.parts)) * (rng.uniform(size=(t.goods, t.parts)) < 2.0 / t.parts)
        uses[uses.sum(axis=1) == 0, 0] = 1.0
        self.uses = uses
        self.hours = rng.uniform(0.01, 0.06, t.goods)
        bought = rng.uniform(4.0, 40.0, t.goods)
        self.good_lead = rng.integers(1, 7, t.goods)
        self.cost = bought if t.depth == 0 else uses @ self.part_cost + self.hours * 50.0 + 1.0
        self.price = self.cost * self.margin

    def _lines(self) -> None:
        """Who asks where for what: shape (goods, houses, classes) of mean units a week."""
        t, rng = self.traits, self.rng
        base = rng.lognormal(np.log(150.0), 0.9, t.goods)
        sold = rng.uniform(size=(t.goods, t.houses)) < 0.7
        sold[~sold.any(axis=1), 0] = True
        split = rng.dirichlet(np.full(t.houses * len(self.classes), 3.0), t.goods)
        split = split.reshape(t.goods, t.houses, -1) * sold[:, :, None]
        self.base = base[:, None, None] * split / split.sum(axis=(1, 2), keepdims=True)
        self.pattern = rng.choice(PATTERNS, t.goods)

    @property
    def lead_weeks(self) -> int:
        """The longest way from order to customer."""
        bought = self.good_lead.max() if self.traits.depth == 0 else self.lead.max() + self.make_weeks.max()
        return int(bought + self.ship_weeks.max())

    @property
    def horizon(self) -> int:
        """Weeks that a plan looks ahead."""
        return max(10, self.lead_weeks + 5)


def demand(c: Company, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and actual demand by week: shape (goods, houses, classes, weeks)."""
    rng, weeks = c.rng, np.arange(total)
    shape = (*c.base.shape, total)
    phase, swing = rng.uniform(0, 52, c.traits.goods), rng.uniform(0.1, 0.5, c.traits.goods)
    season = 1.0 + swing[:, None] * np.sin(2 * np.pi * (weeks + phase[:, None]) / 52.0)
    slope = rng.uniform(-0.006, 0.012, c.traits.goods)[:, None] * (weeks - total / 2)
    kind = c.pattern[:, None]
    course = np.where(kind == "seasonal", season, np.where(kind == "trending", np.exp(slope), 1.0))
    mean = c.base[..., None] * course[:, None, None, :]
    steady = rng.lognormal(0.0, 0.2, shape) * np.exp(-0.02)
    hits, size = rng.uniform(size=shape) < 0.3, rng.lognormal(0.0, 0.6, shape) * np.exp(-0.18)
    lumps = 1.0 + (rng.uniform(size=shape) < 0.08) * rng.uniform(1.0, 4.0, shape)
    rough = np.select([kind == "intermittent", kind == "lumpy"], [1, 2], 0)[:, None, :, None]
    factor = np.where(rough == 1, hits * size / 0.3, np.where(rough == 2, steady * lumps / 1.2, steady))
    return mean, np.round(mean * factor)


def published(c: Company, mean: np.ndarray, actual: np.ndarray, past: int) -> pl.DataFrame:
    """Every forecast as it was published: noise grows with the root of the lag, insight comes with the week."""
    t, rng = c.traits, c.rng
    lean = {"none": (0.0, 0.0, 0.0), "high": (0.2,) * 3, "low": (-0.15,) * 3, "by family": (0.2, -0.15, 0.0)}[t.lean]
    leaning = np.array([1.0 + lean[n % 3] for n in range(t.goods)])[:, None, None, None]
    shock, frames = np.zeros(actual.shape), []
    for lag in range(c.horizon):
        variance = t.noise**2 * (1.0 if lag == 0 else 0.25)  # of a lag: noise² × (1 + lag ÷ 4)
        shock = shock + np.sqrt(variance) * rng.standard_normal((t.goods, 1, 1, actual.shape[-1]))
        known = t.insight ** (lag + 1)
        seen = (known * actual + (1.0 - known) * mean) * np.exp(shock - 0.5 * t.noise**2 * (1 + lag / 4)) * leaning
        rows = _long(np.round(seen), c, past)
        frames.append(rows.with_columns(published_on=pl.col("date") - pl.duration(days=7 * lag)))
    every = pl.concat(frames).filter(pl.col("published_on") >= START - timedelta(days=7 * past))
    if t.newcomer:
        every = every.filter((pl.col("item") != c.goods[-1]) | (pl.col("published_on") >= START))
    return every.sort("published_on", "date", *LINE)


def _long(table: np.ndarray, c: Company, past: int) -> pl.DataFrame:
    """shape (goods, houses, classes, weeks) → item, location, customer, date, quantity; lines that nobody asks are left out."""
    index = np.argwhere(np.broadcast_to(c.base[..., None] > 0, table.shape))
    days = pl.Series([START + timedelta(days=7 * (week - past)) for week in range(table.shape[-1])])
    return pl.DataFrame({
        "item": np.array(c.goods)[index[:, 0]],
        "location": np.array([f"W{n}" for n in range(c.traits.houses)])[index[:, 1]],
        "customer": np.array([one["customer"] for one in c.classes])[index[:, 2]],
        "date": days.gather(index[:, 3]),
        "quantity": table[tuple(index.T)],
    })  # fmt: skip


def draw(t: Traits) -> tuple[Truth, Company]:
    """The truth of a world, and all that was known of it when."""
    c = Company(t, np.random.default_rng([t.seed, 1]))
    past, horizon = t.history, c.horizon
    total = past + t.weeks + horizon
    mean, actual = demand(c, total)
    if t.newcomer:
        actual[-1, :, :, :past] = 0.0
    told = published(c, mean, actual, past)
    need = np.zeros(t.plants)
    np.add.at(need, c.home, (mean.mean(axis=3).sum(axis=(1, 2)) * c.hours))
    offered = np.maximum(need, 1.0)[:, None] / t.load * np.ones(total)
    rng = np.random.default_rng([t.seed, 2])
    stop = (rng.uniform(size=offered.shape) < 0.08) * rng.uniform(0.3, 0.9, offered.shape) * t.stops
    stop[:, past + t.weeks :] = 0.0
    sources = t.goods if t.depth == 0 else t.parts
    late = rng.choice([0, 1, 2], p=[0.75, 0.17, 0.08], size=(sources, total)) * t.late
    late[:, past + t.weeks :] = 0
    real = _snapshot(c, actual, offered * (1.0 - stop), late, past)
    promised = _snapshot(c, actual, offered, np.zeros_like(late), past, promised=True)
    before = {"actuals": _actuals(c, actual, offered * stop, past), "deliveries": _deliveries(c, mean, late, past)}
    return Truth(real, promised, t.weeks, horizon, told, _none_known(), before), c


def _none_known() -> pl.DataFrame:
    return shaped("events", pl.DataFrame(schema={"event": pl.String})).with_columns(
        known_on=pl.lit(None, dtype=pl.Date)
    )


def _sources(c: Company) -> list[tuple[str, str, int, float, int]]:
    """What is bought: item, plant, lead time [weeks], cost, number."""
    t = c.traits
    if t.depth == 0:
        return [(good, f"P{c.home[n]}", int(c.good_lead[n]), c.cost[n], n) for n, good in enumerate(c.goods)]
    used = [(n, k) for k in range(t.plants) for n in range(t.parts) if (c.uses[c.home == k, n] > 0).any()]
    return [(f"K{n:02d}", f"P{k}", int(c.lead[n]), c.part_cost[n], n) for n, k in used]


def _use(c: Company, mean: np.ndarray, item: str, plant: str) -> float:
    """Mean units a week of what is bought."""
    weekly = mean.mean(axis=3).sum(axis=(1, 2))
    if c.traits.depth == 0:
        return float(weekly[c.goods.index(item)])
    mine = c.home == int(plant[1:])
    return float((weekly[mine] * c.uses[mine, int(item[1:])]).sum())


def _actuals(c: Company, actual: np.ndarray, lost: np.ndarray, past: int) -> pl.DataFrame:
    rows = _long(actual[..., :past], c, past).filter(pl.col("quantity") > 0)
    both = pl.concat([rows.with_columns(measure=pl.lit(measure)) for measure in ("demand", "sales")])
    stops = [
        {"date": START + timedelta(days=7 * (int(w) - past)), "resource": f"L{k}", "measure": "lost hours", "hours": float(lost[k, w])}
        for k, w in np.argwhere(lost[:, :past] > 0)
    ]  # fmt: skip
    kinds = {"date": pl.Date, "resource": pl.String, "measure": pl.String, "hours": pl.Float64}
    return pl.concat([shaped("actuals", both), shaped("actuals", pl.DataFrame(stops, schema=kinds))])


def _deliveries(c: Company, mean: np.ndarray, late: np.ndarray, past: int) -> pl.DataFrame:
    rows = [
        {
            "receipt": f"GR-{item}-{plant}-{week}", "kind": "buy", "item": item, "location": plant, "offer": f"{item} {plant} slow",
            "ordered_on": (day := START + timedelta(days=7 * (week - past))), "promised_on": day + timedelta(days=7 * lead),
            "arrived_on": day + timedelta(days=7 * (lead + int(late[n, week]))), "quantity": _use(c, mean, item, plant),
        }
        for item, plant, lead, _, n in _sources(c) for week in range(past)
    ]  # fmt: skip
    made = pl.DataFrame(rows, schema_overrides={"ordered_on": pl.Date, "promised_on": pl.Date, "arrived_on": pl.Date})
    return shaped("deliveries", made.filter(pl.col("arrived_on") < START))


def _snapshot(
    c: Company, actual: np.ndarray, hours: np.ndarray, late: np.ndarray, past: int, *, promised: bool = False
) -> Snapshot:
    """The extract of the first Monday over the whole time, as it was or as it was promised."""
    t = c.traits
    count = t.weeks + c.horizon
    days = [START + timedelta(days=7 * week) for week in range(count)]
    mean = actual[..., past:]
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [
            {"item": good, "family": c.family[n], "unit": "each", "standard_cost": c.cost[n], "holding_cost": c.holding * c.cost[n], "price": c.price[n]}
            for n, good in enumerate(c.goods)
        ],
        "locations": [*({"location": f"P{k}", "kind": "plant"} for k in range(t.plants)), *({"location": f"W{h}", "kind": "warehouse"} for h in range(t.houses))],
        "resources": [{"resource": f"L{k}", "location": f"P{k}", "kind": "line", "hourly_cost": 50.0, "overtime_cost": 80.0} for k in range(t.plants)],
        "calendar": [
            {"resource": f"L{k}", "period": day.strftime("%G-W%V"), "hours": float(hours[k, past + w]), "overtime_hours": t.overtime * float(hours[k].max())}
            for k in range(t.plants) for w, day in enumerate(days)
        ],
        "lanes": [
            {"lane": f"{good} P{c.home[n]} > W{h}", "origin": f"P{c.home[n]}", "destination": f"W{h}", "item": good, "mode": "road", "lead_time_days": 7 * int(c.ship_weeks[h]), "cost_per_unit": 0.01 * c.cost[n]}
            for n, good in enumerate(c.goods) for h in range(t.houses) if c.base[n, h].sum() > 0
        ],
        "customers": [
            {"customer": one["customer"], "priority": one["priority"], "latest_days": one["latest_days"], "short_cost": one["short"] * c.price.mean(),
             "late_cost": one["late"] * c.price.mean() * one["cash"], "late_goodwill": one["late"] * c.price.mean() * (not one["cash"])}
            for one in c.classes
        ],
        "offers": [], "inventory": [], "receipts": [],
    }  # fmt: skip
    if t.depth:
        _made(c, tables)
    for item, plant, lead, cost, n in _sources(c):
        use = _use(c, mean, item, plant)
        ways = [("slow", lead, 1.0), ("fast", max(1, lead // 2), 1.35)][: 2 if t.express and lead > 1 else 1]
        for way, weeks, factor in ways:
            for w, day in enumerate(days):
                delay = int(late[n, past + w]) if way == "slow" else 0
                valid = {"valid_from": day, "valid_to": day + timedelta(days=6)}
                if promised:
                    valid = {"valid_from": None, "valid_to": None}
                tables["offers"].append({
                    "offer": f"{item} {plant} {way}", **valid, "supplier": f"S{n % 3}", "item": item, "location": plant,
                    "unit_cost": cost * factor, "lead_time_days": 7 * (weeks + delay), "expedite": "no" if way == "slow" else "yes",
                })  # fmt: skip
                if promised:
                    break
        tables["inventory"].append({"item": item, "location": plant, "on_hand": round(1.5 * use)})
        for w in range(lead):
            delay = int(late[n, max(past - lead + w, 0)])
            tables["receipts"].append({
                "receipt": f"PO-{item}-{plant}-{w}", "kind": "buy", "item": item, "location": plant, "quantity": round(use),
                "due_on": START + timedelta(days=7 * (w + delay)), "offer": f"{item} {plant} slow", "lane": None,
            })  # fmt: skip
    weekly = mean.mean(axis=3).sum(axis=2)
    for n, good in enumerate(c.goods):
        for h in range(t.houses):
            if weekly[n, h] > 0:
                tables["inventory"].append({"item": good, "location": f"W{h}", "on_hand": round(2.5 * weekly[n, h])})
            for w in range(int(c.ship_weeks[h])):
                tables["receipts"].append({
                    "receipt": f"SH-{good}-{h}-{w}", "kind": "ship", "item": good, "location": f"W{h}", "quantity": round(weekly[n, h]),
                    "due_on": START + timedelta(days=7 * w), "offer": None, "lane": f"{good} P{c.home[n]} > W{h}",
                })  # fmt: skip
    tables["receipts"] = [row for row in tables["receipts"] if row["quantity"] > 0]
    settings = {
        "company": f"Other {t.seed}", "currency": "EUR", "as_of": START, "horizon": {"weeks": count, "daily": 0},
        "costs": {"per": "week", "holding_on": "closing"}, "forecast": {"version": "current"},
        **({} if t.depth else {"tables": {"none": ["components"]}}),
    }  # fmt: skip
    rows = _long(actual[..., past:], c, 0)
    frames = {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items() if rows}
    asked = rows.with_columns(period=pl.col("date").dt.strftime("%G-W%V"), version=pl.lit("current")).drop("date")
    return soe.snapshot(settings, {**frames, "forecast": asked})


def _made(c: Company, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Parts, sub-assemblies, routings, operations and recipes."""
    t = c.traits
    cost = c.part_cost
    tables["items"] += [
        {"item": f"K{n:02d}", "family": "Parts", "unit": "each", "standard_cost": cost[n], "holding_cost": c.holding * cost[n]}
        for n in range(t.parts)
    ]  # fmt: skip
    tables.update({"routings": [], "operations": [], "components": []})
    for n, good in enumerate(c.goods):
        plant, material = f"P{c.home[n]}", float(c.uses[n] @ cost)
        steps = [(good, 7 * int(c.make_weeks[n]))]
        if t.depth == 2 and n % 2 == 0:  # every other good has a sub-assembly between it and its parts
            sub, steps = f"{good} sub", [(f"{good} sub", 0), (good, 7 * int(c.make_weeks[n]))]
            tables["items"].append({"item": sub, "family": "Subs", "unit": "each", "standard_cost": material + 0.3, "holding_cost": c.holding * material})  # fmt: skip
        for step, (item, lead) in enumerate(steps):
            tables["routings"].append({"routing": item, "item": item, "location": plant, "lead_time_days": lead, "cost_per_unit": 1.0 / len(steps), "yield": 1.0})  # fmt: skip
            tables["operations"].append({"routing": item, "resource": f"L{c.home[n]}", "hours_per_unit": c.hours[n] / len(steps)})  # fmt: skip
            if step == 0:
                tables["components"] += [{"routing": item, "component": f"K{k:02d}", "quantity": c.uses[n, k]} for k in range(t.parts) if c.uses[n, k] > 0]  # fmt: skip
            else:
                tables["components"].append({"routing": item, "component": steps[0][0], "quantity": 1.0})


# -- what planners see, and what binds them ------------------------------------------------------------------------------


@dataclass
class Told:
    """The extract of a Monday as this company hands it over, with the lots and lives that bind its plan."""

    c: Company
    first: Truth
    home: Path | None = None

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """What is not written down is left out; earlier forecasts lie in earlier extracts where it is so."""
        t, held = self.c.traits, snapshot["actuals"]
        if t.sales_only:
            held = held.filter(pl.col("measure") != "demand")
        if not t.losses_told:
            held = held.filter(pl.col("measure") != "lost hours")
        changed = {"actuals": held}
        if not t.receipts_told:
            changed["deliveries"] = snapshot["deliveries"].clear()
        changed |= bound(self.c, snapshot)
        snapshot = snapshot.replace(**changed)
        if t.handed == "extracts":
            now = snapshot["forecast"].filter(pl.col("version") == "current")
            snapshot = self._through_files(snapshot.replace(forecast=now))
        return snapshot

    def _through_files(self, snapshot: Snapshot) -> Snapshot:
        if self.home is None:
            self.home = Path(tempfile.mkdtemp(prefix="other-world-"))
            for week in range(min(self.c.traits.history, 13), 0, -1):
                day = START - timedelta(days=7 * week)
                rows = self.first.published.filter(pl.col("published_on") == day, pl.col("date") >= day)
                before = self.first.past["actuals"].filter(pl.col("date") < day)
                then = snapshot.replace(
                    forecast=shaped("forecast", rows.with_columns(period=pl.col("date").dt.strftime("%G-W%V"), version=pl.lit("current")).drop("date")),
                    inventory=snapshot["inventory"].with_columns(pl.col("on_hand") + week), actuals=before, receipts=snapshot["receipts"].clear(), deliveries=snapshot["deliveries"].clear(),
                )  # fmt: skip
                _written(self.home, then, day, self.c)
        _written(self.home, snapshot, snapshot.as_of, self.c)
        return soe.read(self.home, snapshot.as_of)


def _written(home: Path, snapshot: Snapshot, day: date, c: Company) -> None:
    folder = home / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    empty = [name for name in (*(() if c.traits.depth else ("components",)), "orders") if not snapshot[name].height]
    none = f"[tables]\nnone = {empty}\n" if empty else ""
    (folder / "settings.toml").write_text(
        f'company = "Other {c.traits.seed}"\ncurrency = "EUR"\nas_of = "{day}"\n{none}'
        f'[horizon]\nweeks = {c.horizon}\ndaily = 0\n[costs]\nper = "week"\nholding_on = "closing"\n[forecast]\nversion = "current"\n',
        encoding="utf-8",
    )
    for name in ("items", "locations", "resources", "calendar", "lanes", "customers", "offers", "inventory", "receipts", "forecast",
                 "routings", "operations", "components", "actuals", "deliveries", "orders"):  # fmt: skip
        if snapshot[name].height:
            rows = snapshot[name]
            rows.select(one.name for one in rows if one.null_count() < rows.height).write_csv(folder / f"{name}.csv")


def bound(c: Company, snapshot: Snapshot) -> dict[str, pl.DataFrame]:
    """Tables with least orders, whole lots, set-ups and lives, where the company has them."""
    t, changed = c.traits, {}
    if t.lots:
        use = {
            (item, plant): max(1.0, round(1.5 * _use(c, c.base[..., None], item, plant)))
            for item, plant, *_ in _sources(c)
        }
        least = [use[key] for key in snapshot["offers"].select("item", "location").iter_rows()]
        changed["offers"] = snapshot["offers"].with_columns(minimum=pl.Series(least, dtype=pl.Float64))
        if t.depth:
            weekly = dict(zip(c.goods, c.base.sum(axis=(1, 2)), strict=True))
            runs = [max(1.0, round(1.5 * weekly[name.split()[0]])) for name in snapshot["routings"]["routing"]]
            changed["routings"] = snapshot["routings"].with_columns(minimum=pl.Series(runs, dtype=pl.Float64))
    if t.perishable:
        life = pl.when(pl.col("item").str.starts_with("G")).then(float(7 * (5 + t.seed % 4)))
        changed["items"] = snapshot["items"].with_columns(life.alias("shelf_life_days"))
    return changed


@dataclass
class Planned:
    """The plan as `soe.plan` makes it, from what is handed over."""

    told: Told
    cushion: str = "with a record"

    def __call__(self, snapshot: Snapshot) -> Decisions:
        seen = self.told(snapshot)
        settings = replace(seen.settings, cushion=replace(seen.settings.cushion, use=self.cushion))
        made = Model(replace(seen, settings=settings)).solve(SolverOptions(gap=GAP if self.told.c.traits.lots else 0.0))
        return {flow: made.flows[flow].filter(pl.col("quantity") > 1e-7) for flow in DECIDED if flow in made.flows}


@dataclass
class Rule:
    """MRP with safety stocks that are typed again every Monday, from versions and actuals; lots are rounded up."""

    c: Company
    z: float

    def __call__(self, snapshot: Snapshot) -> Decisions:
        made = dict(BaseStock(typed(self.c, snapshot, self.z))(snapshot))
        tables = bound(self.c, snapshot) if self.c.traits.lots else {}
        for flow, table, key in (("buy", "offers", "offer"), ("make", "routings", "routing")):
            if table in tables:
                least = tables[table].select(key, "minimum").unique(key)
                rows = made[flow].join(least, on=key, how="left").filter(pl.col("quantity") > 1e-6)
                made[flow] = rows.with_columns(quantity=pl.max_horizontal("quantity", "minimum")).drop("minimum")
        return made


def typed(c: Company, snapshot: Snapshot, z: float) -> pl.DataFrame:
    """z × √(weeks × σ² + (use × σ of lead time)²), σ from forecasts one week ahead; 0.3 of the forecast where little is known."""
    key = ["item", "location"]
    rows, day = snapshot["forecast"], snapshot.as_of
    monday = {name: (pl.col(name) + "-1").str.to_date("%G-W%V-%u") for name in ("version", "period")}
    ahead = rows.filter(pl.col("version") == "current").group_by(key).agg(rate=pl.col("quantity").sum() / c.horizon)
    lagged = (
        rows.filter(pl.col("version") != "current")
        .with_columns(date=monday["period"], made=monday["version"])
        .filter(pl.col("made") == pl.col("date") - pl.duration(days=7), pl.col("date") < day)
        .group_by(*key, "date")
        .agg(forecast=pl.col("quantity").sum())
    )
    asked = (
        snapshot["actuals"].filter(pl.col("measure") == "demand").group_by(*key, "date").agg(pl.col("quantity").sum())
    )
    errors = lagged.join(asked, on=[*key, "date"], how="left").with_columns(pl.col("quantity").fill_null(0.0))
    sigma = errors.group_by(key).agg(n=pl.len(), sigma=((pl.col("quantity") - pl.col("forecast")) ** 2).mean().sqrt())
    goods = ahead.join(sigma, on=key, how="left").with_columns(
        sigma=pl.when(pl.col("n") >= 4).then("sigma").otherwise(0.3 * pl.col("rate"))
    )
    ship = {f"W{h}": int(weeks) for h, weeks in enumerate(c.ship_weeks)}
    found, variance, use = [], dict[str, float](), dict[str, float]()
    for item, location, rate, _, deviation in goods.sort(key).select(*key, "rate", "n", "sigma").iter_rows():
        make = int(c.make_weeks[c.goods.index(item)]) if c.traits.depth else 0
        found.append(
            {"item": item, "location": location, "safety_stock": z * deviation * np.sqrt(make + ship[location] + 1.0)}
        )
        variance[item], use[item] = variance.get(item, 0.0) + deviation**2, use.get(item, 0.0) + rate
    weeks_late = (pl.col("arrived_on") - pl.col("promised_on")).dt.total_days() / 7.0
    came = (
        snapshot["deliveries"]
        .filter(pl.col("kind") == "buy")
        .group_by("item")
        .agg(weeks_late.std().fill_null(0.0).alias("s"))
    )
    slack = dict(came.iter_rows())
    for item, plant, lead, _, n in _sources(c):
        takes = {item: 1.0} if c.traits.depth == 0 else {
            good: c.uses[g, n] for g, good in enumerate(c.goods) if f"P{c.home[g]}" == plant and c.uses[g, n] > 0
        }  # fmt: skip
        spread = sum(q**2 * variance.get(good, 0.0) for good, q in takes.items())
        rate = sum(q * use.get(good, 0.0) for good, q in takes.items())
        stock = z * np.sqrt((lead + 1.0) * spread + (rate * slack.get(item, 0.0)) ** 2)
        found.append({"item": item, "location": plant, "safety_stock": float(stock)})
    return shaped("policies", pl.DataFrame(found))


NAMES = ("as it is", "cushion", "MRP z 1.65", "MRP z 2.33")


def run(t: Traits, names: tuple[str, ...] = NAMES) -> list[dict[str, object]]:
    """One world, lived by each planner."""
    first, c = draw(t)
    rows = []
    for name in names:
        planner = Rule(c, float(name.split()[-1])) if name.startswith("MRP") else Planned(
            Told(c, first), "never" if name == "as it is" else "with a record"
        )  # fmt: skip
        began = time.process_time()
        done = live(first, planner, name)
        lost = expired(done, c)
        rows.append({
            **asdict(t), "horizon": c.horizon, "planner": name, "share": done.share - lost / earned(first), "expired": lost,
            "money": done.money, "earned": earned(first), "seconds": (time.process_time() - began) / t.weeks, **done.ledger.accounts(),
        })  # fmt: skip
    return rows


def expired(done: Replay, c: Company) -> float:
    """Money of goods that lay in a warehouse longer than they live, first in first out, at their cost."""
    if not c.traits.perishable:
        return 0.0
    life, own, weeks = 5 + c.traits.seed % 4, done.truth.physics, c.traits.weeks
    shape = (own.nodes.height, -1)
    parts = [
        (own.stock.multiply(own.stock > 0) @ done.state.x).reshape(shape),
        -(own.stock.multiply(own.stock < 0) @ done.state.x).reshape(shape),
    ]
    came, went = (np.cumsum(part, axis=1)[:, :weeks] for part in parts)
    cost = dict(zip(c.goods, c.cost, strict=True))
    money = 0.0
    for node, (item, place) in enumerate(own.nodes.select(pl.col("item", "location").cast(pl.String)).iter_rows()):
        if place.startswith("W"):
            gone = 0.0
            for week in range(life, weeks):
                gone += max(0.0, came[node, week - life] - went[node, week] - gone)
            money += gone * cost[item]
    return money


def main(argv: list[str] | None = None) -> None:
    """Run what is asked for and print where the cushion is furthest behind the better rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--weeks", type=int, default=22)
    parser.add_argument(
        "--lots", action=argparse.BooleanOptionalAction, help="only worlds with whole lots, or without (they take long)"
    )
    parser.add_argument("--planners", nargs="+", default=list(NAMES))
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    rows: list[dict[str, object]] = []
    worlds = [drawn(seed, args.weeks) for seed in range(args.first, args.first + args.worlds)]
    worlds = [one for one in worlds if args.lots in (None, one.lots)]
    with ProcessPoolExecutor(args.workers) as pool:
        futures = [pool.submit(run, one, tuple(args.planners)) for one in worlds]
        for number, future in enumerate(as_completed(futures), start=1):
            rows += future.result()
            if args.csv:
                pl.DataFrame(rows, infer_schema_length=None).write_csv(args.csv)
            print(f"\r{number} of {len(worlds)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(table(pl.DataFrame(rows, infer_schema_length=None)))


def table(rows: pl.DataFrame) -> str:
    """Share of hindsight by world and planner, the worst for the cushion first, and the means."""
    keys = [
        "seed",
        "goods",
        "depth",
        "noise",
        "insight",
        "lean",
        "load",
        "history",
        "handed",
        "stops",
        "late",
        "lots",
        "perishable",
    ]
    wide = rows.pivot("planner", index=keys, values="share")
    rules = [name for name in wide.columns if name.startswith("MRP")]
    if "cushion" in wide.columns and rules:
        wide = wide.with_columns(ahead=pl.col("cushion") - pl.max_horizontal(rules)).sort("ahead")
    means = wide.select(pl.col(name).mean() for name in wide.columns[len(keys) :])
    with pl.Config(
        tbl_rows=200,
        tbl_cols=30,
        float_precision=3,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=230,
    ):
        return f"{wide}\nmeans\n{means}"


if __name__ == "__main__":
    main()
