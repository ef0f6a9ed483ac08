"""Generated companies with a hidden truth, lived week by week by several planners: share of hindsight earned.

python -m tests.benchmarks.worlds --seeds 10            # the grid: noise × load, forecasts biased, events on
python -m tests.benchmarks.worlds --causes --seeds 6    # what drives the loss: each cause alone
python -m tests.benchmarks.worlds --matrix --seeds 4 --csv worlds.csv   # noise × load × biased or not × events or none
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.known import shaped
from soe_lib.replay.loop import Replay, live
from soe_lib.replay.planners import BaseStock, Optimiser, Planner
from soe_lib.replay.run import code
from soe_lib.replay.truth import Truth

START = date(2026, 1, 5)
HORIZON, HISTORY = 13, 26
ITEMS, COMPONENTS, LINES = 10, 2, 2
CUSTOMERS = {"Key": (1, 14.0), "Retail": (2, 28.0), "Spot": (3, 0.0)}
"""Customer → priority, days that it waits."""


@dataclass(frozen=True)
class World:
    """One generated company.

    Parameters
    ----------
    seed : of everything that is drawn.
    noise : standard deviation of the logarithm of demand around its mean, as seen thirteen weeks ahead.
    load : mean hours needed ÷ regular hours.
    bias : of the forecast of one family [share]; 0.2 is 20 % too high.
    stops, late : whether lines stop, and whether deliveries come late.
    weeks : that are carried out.
    """

    seed: int = 1
    noise: float = 0.2
    load: float = 0.80
    bias: float = 0.2
    stops: bool = True
    late: bool = True
    weeks: int = 40


def draw(world: World) -> Truth:
    """The truth of a world, and all that was known of it when."""
    rng = {
        what: np.random.default_rng([world.seed, number])
        for number, what in enumerate(("company", "demand", "stops", "late"))
    }
    company, total = _Company(rng["company"]), HISTORY + world.weeks + HORIZON
    mean, actual, published = _demand(world, company, rng["demand"], total)
    hours = company.hours(mean, world.load)
    lost, known_lost = _stops(world, rng["stops"], total, hours)
    late = _late(world, rng["late"], total)
    real = _snapshot(company, world, actual, hours[:, None] - lost, late)
    planned = np.repeat(hours[:, None], total, axis=1)
    promised = _snapshot(company, world, actual, planned, np.zeros_like(late), promised=True)
    events = _events(known_lost)
    past = {"actuals": _past(actual, company, lost), "deliveries": _delivered(company, late)}
    return Truth(real, promised, world.weeks, HORIZON, published, events, past)


class _Company:
    """What does not change in a world: items, prices, recipes, customers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.items = [f"I{number:02d}" for number in range(ITEMS)]
        self.family = ["Leaning" if number % 3 == 0 else "Straight" for number in range(ITEMS)]
        self.line = np.arange(ITEMS) % LINES
        self.base = rng.lognormal(np.log(300.0), 0.6, ITEMS)
        self.split = rng.dirichlet([6.0, 6.0, 4.0], ITEMS)
        self.phase, self.swing = rng.uniform(0, 52, ITEMS), rng.uniform(0.05, 0.25, ITEMS)
        self.hours_per_unit = rng.uniform(0.02, 0.05, ITEMS)
        self.recipe = rng.uniform(0.3, 1.2, (ITEMS, COMPONENTS)) * (rng.uniform(size=(ITEMS, COMPONENTS)) < 0.8)
        self.recipe[self.recipe.sum(axis=1) == 0, 0] = 0.8
        self.part_cost = rng.uniform(3.0, 6.0, COMPONENTS)
        material = self.recipe @ self.part_cost + 2.0
        self.cost = material + self.hours_per_unit * 60.0
        self.price = self.cost * rng.uniform(1.6, 2.2, ITEMS)

    def mean(self, weeks: np.ndarray) -> np.ndarray:
        """shape (items, customers, weeks)."""
        season = 1.0 + self.swing[:, None] * np.sin(2 * np.pi * (weeks[None, :] + self.phase[:, None]) / 52.0)
        return self.base[:, None, None] * self.split[:, :, None] * season[:, None, :]

    def hours(self, mean: np.ndarray, load: float) -> np.ndarray:
        """Regular hours of each line and week, shape (lines,)."""
        needed = np.array(
            [
                (mean.sum(axis=1)[self.line == line] * self.hours_per_unit[self.line == line][:, None])
                .sum(axis=0)
                .mean()
                for line in range(LINES)
            ]
        )
        return needed / load


def _demand(
    world: World, company: _Company, shocks: np.random.Generator, total: int
) -> tuple[np.ndarray, np.ndarray, pl.DataFrame]:
    """Mean, actual demand, and every forecast: what is ahead becomes known bit by bit, most of it only when it comes.

    log demand = log mean + Σ of one shock for each lag 0 … 12; the forecast of a lag knows the shocks of longer lags.
    """
    weeks = np.arange(-HISTORY, total - HISTORY)
    mean = company.mean(weeks)
    # Half of the variance comes in the week itself, the rest evenly over the twelve weeks before.
    variance = np.r_[0.5, np.full(HORIZON - 1, 0.5 / (HORIZON - 1))] * world.noise**2
    common, own = (
        shocks.standard_normal((HORIZON, ITEMS, 1, total)),
        shocks.standard_normal((HORIZON, ITEMS, len(CUSTOMERS), total)),
    )
    shock = (np.sqrt(0.5) * common + np.sqrt(0.5) * own) * np.sqrt(variance)[:, None, None, None]
    shock -= 0.5 * variance[:, None, None, None]
    actual = np.round(mean * np.exp(shock.sum(axis=0)))
    lean = np.where(np.array(company.family) == "Leaning", 1.0 + world.bias, 1.0)[:, None, None]
    frames = []
    for lag in range(HORIZON):
        forecast = np.round(mean * np.exp(shock[lag + 1 :].sum(axis=0)) * lean)
        if world.noise == 0.0:
            forecast = np.round(actual * lean)
        frames.append(
            _long(forecast, company, weeks).with_columns(published_on=pl.col("date") - pl.duration(days=7 * lag))
        )
    return mean, actual, pl.concat(frames).sort("published_on", "date", "item", "customer")


def _long(table: np.ndarray, company: _Company, weeks: np.ndarray) -> pl.DataFrame:
    """shape (items, customers, weeks) → item, location, customer, date, quantity."""
    days = pl.Series([START + timedelta(days=7 * int(week)) for week in weeks])
    index = np.indices(table.shape).reshape(3, -1)
    return pl.DataFrame(
        {
            "item": np.array(company.items)[index[0]],
            "location": "DC",
            "customer": np.array(list(CUSTOMERS))[index[1]],
            "date": days.gather(index[2]),
            "quantity": table.ravel(),
        }
    )


def _stops(
    world: World, rng: np.random.Generator, total: int, hours: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, int, int, float]]]:
    """Hours lost by line and week, and of a stop of two weeks its second: known when it begins (line, week, known, hours)."""
    begins = rng.uniform(size=(LINES, total)) < 0.05
    first, second = (
        rng.uniform(0.3, 0.7, (LINES, total)),
        rng.uniform(0.0, 0.6, (LINES, total)) * (rng.uniform(size=(LINES, total)) < 0.4),
    )
    if not world.stops:
        begins[:] = False
    lost = begins * first
    lost[:, 1:] = np.maximum(lost[:, 1:], (begins * second)[:, :-1])
    lost[:, HISTORY + world.weeks :] = 0.0
    known = [
        (int(line), int(week) + 1, int(week) + 1, float(second[line, week] * hours[line]))
        for line, week in np.argwhere(begins & (second > 0))
        if HISTORY <= week + 1 < HISTORY + world.weeks
    ]
    return lost * hours[:, None], known


def _late(world: World, rng: np.random.Generator, total: int) -> np.ndarray:
    """Weeks that an ordinary order of each component comes late, by the week of its order."""
    draws = rng.uniform(size=(COMPONENTS, total))
    late = np.where(draws < 0.06, 2, np.where(draws < 0.20, 1, 0))
    if not world.late:
        late[:] = 0
    late[:, HISTORY + world.weeks :] = 0
    return late


def _events(known: list[tuple[int, int, int, float]]) -> pl.DataFrame:
    rows = [
        {
            "event": f"STOP-{line}-{week}", "kind": "downtime", "target": f"L{line}", "from": _day(week), "to": _day(week) + timedelta(days=6),
            "hours": lost, "factor": None, "quantity": None, "days": None, "note": "", "known_on": _day(at),
        }
        for line, week, at, lost in known
    ]  # fmt: skip
    kinds = {
        "event": pl.String,
        "kind": pl.String,
        "target": pl.String,
        "from": pl.Date,
        "to": pl.Date,
        "hours": pl.Float64,
        "factor": pl.Float64,
        "quantity": pl.Float64,
        "days": pl.Float64,
        "note": pl.String,
        "known_on": pl.Date,
    }
    return pl.DataFrame(rows, schema=kinds)


def _day(week: int) -> date:
    """Monday of a week that is counted from the beginning of the history."""
    return START + timedelta(days=7 * (week - HISTORY))


def _past(actual: np.ndarray, company: _Company, lost: np.ndarray) -> pl.DataFrame:
    """What the company wrote down before the first Monday: demand and sales by customer, hours lost by line."""
    rows = _long(actual[:, :, :HISTORY], company, np.arange(-HISTORY, 0))
    prices = pl.DataFrame({"item": company.items, "price": company.price})
    rows = rows.join(prices, on="item", how="left")
    both = pl.concat([rows.with_columns(measure=pl.lit(measure)) for measure in ("demand", "sales")])
    both = both.with_columns(amount=pl.when(pl.col("measure") == "sales").then(pl.col("quantity") * pl.col("price")))
    stops = [
        {"date": _day(int(week)), "resource": f"L{line}", "measure": "lost hours", "hours": float(lost[line, week])}
        for line, week in np.argwhere(lost[:, :HISTORY] > 0)
    ]
    kinds = {"date": pl.Date, "resource": pl.String, "measure": pl.String, "hours": pl.Float64}
    return pl.concat([shaped("actuals", both), shaped("actuals", pl.DataFrame(stops, schema=kinds))])


def _delivered(company: _Company, late: np.ndarray) -> pl.DataFrame:
    """Goods receipts before the first Monday: one order of each component and week, three weeks promised."""
    use = company.base @ company.recipe
    rows = [
        {
            "receipt": f"GR-{part}-{week}", "kind": "buy", "item": f"K{part}", "location": "PLANT", "offer": f"K{part} sea",
            "ordered_on": _day(week), "promised_on": _day(week + 3), "arrived_on": _day(week + 3 + int(late[part, week])),
            "quantity": round(float(use[part])),
        }
        for part in range(COMPONENTS) for week in range(HISTORY)
    ]  # fmt: skip
    return shaped("deliveries", pl.DataFrame(rows).filter(pl.col("arrived_on") < START))


def _snapshot(
    company: _Company, world: World, actual: np.ndarray, hours: np.ndarray, late: np.ndarray, *, promised: bool = False
) -> Snapshot:
    """The extract of the first Monday over the whole time, as it was or as it was promised."""
    weeks = world.weeks + HORIZON
    days = [START + timedelta(days=7 * week) for week in range(weeks)]
    settings = {
        "company": "World", "currency": "EUR", "as_of": START, "horizon": {"weeks": weeks, "daily": 0},
        "costs": {"per": "week", "holding_on": "closing"}, "forecast": {"version": "current"},
    }  # fmt: skip
    parts = [f"K{number}" for number in range(COMPONENTS)]
    tables = {
        "items": [
            *({"item": item, "family": family, "unit": "each", "standard_cost": cost, "holding_cost": 0.004 * cost, "price": price} for item, family, cost, price in zip(company.items, company.family, company.cost, company.price, strict=True)),
            *({"item": part, "family": "Parts", "unit": "each", "standard_cost": cost, "holding_cost": 0.004 * cost} for part, cost in zip(parts, company.part_cost, strict=True)),
        ],
        "locations": [{"location": "PLANT", "kind": "plant"}, {"location": "DC", "kind": "warehouse"}],
        "resources": [{"resource": f"L{line}", "location": "PLANT", "kind": "line", "hourly_cost": 60.0, "overtime_cost": 90.0} for line in range(LINES)],
        "calendar": [
            {"resource": f"L{line}", "period": day.strftime("%G-W%V"), "hours": float(hours[line, HISTORY + week]), "overtime_hours": float(0.2 * hours[line].max())}
            for line in range(LINES) for week, day in enumerate(days)
        ],
        "routings": [{"routing": item, "item": item, "location": "PLANT", "lead_time_days": 0, "cost_per_unit": 2.0, "yield": 1.0} for item in company.items],
        "operations": [{"routing": item, "resource": f"L{line}", "hours_per_unit": hour} for item, line, hour in zip(company.items, company.line, company.hours_per_unit, strict=True)],
        "components": [{"routing": item, "component": part, "quantity": company.recipe[i, k]} for i, item in enumerate(company.items) for k, part in enumerate(parts) if company.recipe[i, k] > 0],
        "offers": [
            {"offer": f"{part} {way}", "valid_from": day, "valid_to": day + timedelta(days=6), "supplier": way, "item": part, "location": "PLANT",
             "unit_cost": cost * (1.0 if way == "sea" else 1.4), "lead_time_days": (21 + 7 * int(late[k, HISTORY + week])) if way == "sea" else 7, "expedite": "no" if way == "sea" else "yes"}
            for k, (part, cost) in enumerate(zip(parts, company.part_cost, strict=True)) for way in ("sea", "air") for week, day in enumerate(days)
        ],
        "lanes": [{"lane": "PLANT > DC", "origin": "PLANT", "destination": "DC", "mode": "road", "lead_time_days": 7, "cost_per_unit": 0.3}],
        "customers": [
            {"customer": customer, "priority": priority, "late_cost": 0.05 * company.price.mean() if waits else 0.0, "short_cost": 0.15 * company.price.mean(), "latest_days": waits}
            for customer, (priority, waits) in CUSTOMERS.items()
        ],
        "inventory": _opening(company, parts),
        "receipts": _pipeline(company, parts, late),
    }  # fmt: skip
    if promised:
        tables["offers"] = [row for row in tables["offers"] if row["valid_from"] == days[0]]
        for row in tables["offers"]:
            row["valid_from"] = row["valid_to"] = None
    forecast = _long(actual[:, :, HISTORY:], company, np.arange(weeks)).with_columns(
        period=pl.col("date").dt.strftime("%G-W%V"), version=pl.lit("current")
    )
    frames = {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items()}
    return soe.snapshot(settings, {**frames, "forecast": forecast.drop("date")})


def _opening(company: _Company, parts: list[str]) -> list[dict[str, object]]:
    """Two weeks of goods where they are sold, two weeks of components where they are used."""
    base = company.base
    use = base @ company.recipe
    return [
        *(
            {"item": item, "location": "DC", "on_hand": round(2.0 * float(level))}
            for item, level in zip(company.items, base, strict=True)
        ),
        *(
            {"item": part, "location": "PLANT", "on_hand": round(2.0 * float(level))}
            for part, level in zip(parts, use, strict=True)
        ),
    ]


def _pipeline(company: _Company, parts: list[str], late: np.ndarray) -> list[dict[str, object]]:
    """What was ordered and shipped before the first Monday: three weeks of components, one of goods."""
    base, use = company.base, company.base @ company.recipe
    return [
        *(
            {
                "receipt": f"SHIP-{item}",
                "kind": "ship",
                "item": item,
                "location": "DC",
                "due_on": START,
                "quantity": round(float(level)),
                "offer": None,
                "lane": "PLANT > DC",
            }
            for item, level in zip(company.items, base, strict=True)
        ),
        *(
            {
                "receipt": f"PO-{part}-{week}",
                "kind": "buy",
                "item": part,
                "location": "PLANT",
                "due_on": START + timedelta(days=7 * (week + int(late[k, HISTORY - 3 + week]))),
                "quantity": round(float(use[k])),
                "offer": f"{part} sea",
                "lane": None,
            }
            for k, part in enumerate(parts)
            for week in range(3)
        ),
    ]


# -- planners ------------------------------------------------------------------------------------------------------------


def typed(first: Truth, z: float, cost: float = 0.05) -> pl.DataFrame:
    """Safety stocks as a textbook types them, from the record before the first Monday: z × √(interval × σ² + (use × σ of lead time)²)."""
    history = (
        first.past["actuals"]
        .filter(pl.col("measure") == "demand")
        .group_by("item", "location", "date")
        .agg(pl.col("quantity").sum())
    )
    lagged = first.published.filter(
        pl.col("published_on") == pl.col("date") - pl.duration(days=7), pl.col("date") < first.start
    )
    lagged = lagged.group_by("item", "location", "date").agg(forecast=pl.col("quantity").sum())
    errors = (
        history.join(lagged, on=["item", "location", "date"])
        .group_by("item", "location")
        .agg(sigma=((pl.col("quantity") - pl.col("forecast")) ** 2).mean().sqrt(), use=pl.col("quantity").mean())
    )
    goods = errors.with_columns(safety_stock=z * pl.col("sigma") * np.sqrt(2.0))
    bom = first.promised["components"].join(first.promised["routings"].select("routing", item="item"), on="routing")
    parts = (
        bom.join(errors.drop("location"), on="item")
        .group_by(item="component")
        .agg(
            variance=((pl.col("quantity") * pl.col("sigma")) ** 2).sum(), use=(pl.col("quantity") * pl.col("use")).sum()
        )
    )
    weeks = (pl.col("arrived_on") - pl.col("promised_on")).dt.total_days() / 7.0
    late = (
        first.past["deliveries"].filter(pl.col("kind") == "buy").sort("receipt").group_by("item").agg(weeks=weeks.std())
    )
    parts = parts.join(late, on="item", how="left").with_columns(
        location=pl.lit("PLANT"),
        safety_stock=z * (4.0 * pl.col("variance") + (pl.col("use") * pl.col("weeks").fill_null(0.0)) ** 2).sqrt(),
    )
    both = pl.concat(
        [goods.select("item", "location", "safety_stock"), parts.select("item", "location", "safety_stock")]
    )
    return shaped("policies", both.sort("item").with_columns(below_safety_cost=pl.lit(cost)))


PLANNERS: dict[str, Callable[[Truth], Planner]] = {
    "as it is": lambda _: Optimiser(cushion="never"),
    "cushion": lambda _: Optimiser(cushion="with a record"),
    "typed z 2.33": lambda first: Optimiser(cushion="never", safety=typed(first, 2.33)),
    "MRP z 1.65": lambda first: BaseStock(typed(first, 1.65)),
    "MRP z 2.33": lambda first: BaseStock(typed(first, 2.33)),
}


# -- runs ----------------------------------------------------------------------------------------------------------------


def version() -> str:
    """Fingerprint of the code that a result depends on."""
    digest = hashlib.sha256(code().encode())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:12]


def run(world: World, name: str) -> dict[str, object]:
    """One planner in one world."""
    first = draw(world)
    done: Replay = live(first, PLANNERS[name](first), name)
    accounts = dict(done.ledger.accounts())
    return {
        **asdict(world),
        "planner": name,
        "share": done.share,
        "money": done.money,
        "seconds": done.seconds / world.weeks,
        "accounts": accounts,
    }


def kept(world: World, name: str, home: Path, mark: str) -> dict[str, object]:
    """The same, from its file where it was done before."""
    key = hashlib.sha256(json.dumps([asdict(world), name, mark], sort_keys=True).encode()).hexdigest()[:20]
    file = home / f"{key}.json"
    if file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    found = run(world, name)
    home.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(found), encoding="utf-8")
    aside.replace(file)
    return found


def grid(args: argparse.Namespace) -> Iterator[World]:
    """The worlds that are asked for."""
    for seed in range(1, args.seeds + 1):
        base = World(seed=seed, weeks=args.weeks)
        if args.causes:
            base = replace(base, load=0.88)
            for noise, bias, stops, late in CAUSES:
                yield replace(base, noise=noise, bias=bias, stops=stops, late=late)
        elif args.matrix:
            for noise, load, bias, events in product(args.noise, args.load, (args.bias, 0.0), (True, False)):
                yield replace(base, noise=noise, load=load, bias=bias, stops=events, late=events)
        else:
            for noise in args.noise:
                for load in args.load:
                    yield replace(base, noise=noise, load=load, bias=args.bias, stops=not args.calm, late=not args.calm)


CAUSES = ((0.0, 0.0, False, False), (0.0, 0.0, False, True), (0.0, 0.0, True, False), (0.0, 0.2, False, False), (0.0, -0.15, False, False), (0.35, 0.0, False, False), (0.35, 0.0, True, True), (0.35, 0.2, True, True), (0.35, -0.15, True, True))  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Run what is asked for, on two processes, and print the table of shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--weeks", type=int, default=40)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.2, 0.5])
    parser.add_argument("--load", type=float, nargs="+", default=[0.80, 0.93])
    parser.add_argument("--bias", type=float, default=0.2)
    parser.add_argument("--calm", action="store_true", help="no line stops, no delivery is late")
    parser.add_argument("--causes", action="store_true", help="each cause of loss alone, load 0.88")
    parser.add_argument("--matrix", action="store_true", help="biased and not, with events and calm")
    parser.add_argument("--csv", type=Path, help="a file of all results, one line each")
    parser.add_argument("--planners", nargs="+", default=list(PLANNERS))
    parser.add_argument("--keep", type=Path, default=Path("out/worlds"), help="where results are kept")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(argv)
    tasks, mark, rows = [(world, name) for world in grid(args) for name in args.planners], version(), []
    with ProcessPoolExecutor(args.workers) as pool:
        futures = [pool.submit(kept, world, name, args.keep, mark) for world, name in tasks]
        for number, future in enumerate(as_completed(futures), start=1):
            rows.append(future.result())
            print(f"\r{number} of {len(tasks)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if args.csv:
        pl.DataFrame([{key: row[key] for key in row if key != "accounts"} for row in rows]).write_csv(args.csv)
    print(table(rows))


def table(rows: list[dict[str, object]]) -> str:
    """Mean share of hindsight by world and planner."""
    keys = ["noise", "load", "bias", "stops", "late"]
    frame = pl.DataFrame([{key: row[key] for key in (*keys, "planner", "share", "seconds", "seed")} for row in rows])
    order = list(dict.fromkeys(row for row in PLANNERS if row in set(frame["planner"])))
    wide = frame.pivot("planner", index=keys, values="share", aggregate_function="mean").sort(keys)
    wide = wide.join(_ahead(frame, keys), on=keys, how="left")
    order += wide.columns[len(keys) + len(order) :]
    with pl.Config(
        tbl_rows=100,
        tbl_cols=20,
        float_precision=3,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=200,
    ):
        seconds = frame.group_by("planner").agg(pl.col("seconds").mean()).sort("planner")
        return f"{wide.select(*keys, *order)}\nseconds a decision: {dict(seconds.iter_rows())}"


def _ahead(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """By how much the cushion is ahead of the better rule: the mean of the paired seeds, and the worst seed."""
    rules = [name for name in frame["planner"].unique() if name.startswith("MRP")]
    paired = frame.pivot("planner", index=[*keys, "seed"], values="share")
    if "cushion" not in paired.columns or not rules:
        return frame.select(keys).unique()
    ahead = pl.col("cushion") - pl.max_horizontal(rules)
    return paired.group_by(keys).agg(ahead.mean().alias("ahead"), ahead.min().alias("worst seed"))


if __name__ == "__main__":
    main()
