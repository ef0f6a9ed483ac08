"""The demo company: an invented maker of household care, in as many consecutive weekly extracts as asked for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from soe_lib.demo import network, week
from soe_lib.demo.company import COMPANY, COMPONENTS, COPACKER, CURRENCY, FAMILIES, Real, Size
from soe_lib.demo.past import World, invent, order_book
from soe_lib.demo.week import CAPITAL_RATE, STORAGE_COST, actuals, budget, consensus, deliveries, inventory, receipts
from soe_lib.errors import DataError
from soe_lib.extract.writing import write

Shape = Literal["company", "plain", "bom"]
LAST = date(2026, 11, 16)
TOLERANCE = (0.05, 0.05, 0.06, 0.06)
NOTES = (
    "The company and everything in it is invented; the figures come from a seeded generator.",
    "Late cost is booked as cash; short cost is goodwill and steers the plan only.",
)


def generate(
    folder: Path,
    weeks: int = 3,
    items: int = 24,
    seed: int = 7,
    *,
    last: date = LAST,
    plants: int = 2,
    lines: int = 3,
    warehouses: int = 3,
    customer_classes: int = 3,
    shape: Shape = "company",
    horizon_weeks: int | None = None,
    horizon_daily: int | None = None,
) -> list[Path]:
    """Write `weeks` consecutive weekly extracts of an invented company; returns their folders, oldest first.

    The same arguments give the same bytes. Shape "company" is a company one believes, and its last week tells a story:
    a line down, a container late, a promotion that nobody forecast, a family drifting away from its S&OP commitment.
    Shapes "plain" and "bom" are networks to measure with: half of the plants make each item, each on two lines, and
    ship it everywhere, and demand has a season; "bom" adds a two-level bill of material and lead times.

    Parameters
    ----------
    folder : the company's folder; each extract is a folder in it, named by its as-of date.
    weeks : number of extracts, Mondays, the last one on `last`.
    items, plants, lines, warehouses, customer_classes : size; `lines` per plant.
    seed : whole number, 0 or more, from which every figure follows.
    last : the last as-of date, a Monday.
    horizon_weeks, horizon_daily : length of the planning horizon [weeks] and of its daily part [days];
        13 and 14 for a company, 12 and 7 (18 periods) for a network.

    Raises
    ------
    DataError : a size below 1, a `last` that is no Monday, a shape or seed that does not exist.
    """
    _check(weeks=weeks, seed=seed, last=last, shape=shape)
    size = Size(items, plants, lines, warehouses, customer_classes)
    company = shape == "company"
    length = horizon_weeks or (13 if company else 12)
    daily = horizon_daily if horizon_daily is not None else (14 if company else 7)
    if not company:
        deep, horizon = shape == "bom", (length, daily)
        return network.write_all(folder, size, weeks=weeks, seed=seed, last=last, deep=deep, horizon=horizon)
    history = max(weeks, 12) + 12
    world = invent(size, last=last, history=history, ahead=max(length + 2, 19), seed=seed)
    mondays = [(at, world.demand.timeline.monday(at)) for at in range(history - weeks + 1, history + 1)]
    return [
        write(folder / str(as_of), extract(world, at, horizon_weeks=length), _settings(as_of, size, length, daily))
        for at, as_of in mondays
    ]


def _check(*, weeks: int, seed: int, last: date, shape: str) -> None:
    if weeks < 1:
        raise DataError(f"{weeks} weekly extracts were asked for: ask for 1 or more.")
    if seed < 0:
        raise DataError(f"The seed {seed} is negative: use a whole number of 0 or more.")
    if last.weekday() != 0:
        raise DataError(f"{last} is a {last:%A}: extracts of the demo company are made on Mondays.")
    if shape not in get_args(Shape):
        raise DataError(f"There is no shape {shape!r}: choose one of {', '.join(get_args(Shape))}.")


def _settings(as_of: date, size: Size, weeks: int, daily: int) -> dict[str, Any]:
    families = FAMILIES["family"].head(size.families)
    return {
        "company": COMPANY,
        "currency": CURRENCY,
        "as_of": as_of,
        "assumptions": list(NOTES),
        "horizon": {"weeks": weeks, "daily": daily},
        "costs": {"per": "week", "holding_on": "closing", "capital_rate": CAPITAL_RATE},
        "lead_time": {"dispatch": "spread"},
        "calendar": {"fiscal": "months", "working_days": ["Mon", "Tue", "Wed", "Thu", "Fri"]},
        "forecast": {"version": VERSION},
        "terms": {"receivable_days": 45, "payable_days": 30},
        "tolerance": dict(zip(families, TOLERANCE, strict=False)),
    }


VERSION = "current"
KNOWN_LAGS = (1, 2, 3, 4)  # weeks between publishing a forecast and the week it is for, kept of old versions
HOLIDAYS = ("12-25", "12-26", "01-01")
PLANT_STORAGE_COST = 0.60
BELOW_SAFETY = 0.15  # of the standard cost, a week, for items; half of that for components


def extract(world: World, at: int, *, horizon_weeks: int, told: int = 8) -> dict[str, pl.DataFrame]:
    """Every table as known on the Monday of week `at`; the last week's holds the story."""
    as_of, last = world.demand.timeline.monday(at), world.demand.timeline.last
    coming = receipts(world, at)
    tables = {
        "items": _items(world),
        "locations": _locations(world),
        "resources": world.recipes.resources,
        "calendar": _calendar(world, as_of, horizon_weeks),
        "routings": world.recipes.routings,
        "operations": world.recipes.operations,
        "components": world.recipes.components,
        "offers": world.recipes.offers,
        "lanes": world.company.lanes.select("lane", "origin", "destination", "mode", "lead_time_days", "cost_per_unit"),
        "customers": world.company.customers.drop("discount", "weight", "weekdays", "over").select(
            "customer", pl.all().exclude("customer")
        ),
        "forecast": _forecast(world, at, horizon_weeks, told),
        "orders": _orders(world, at),
        "inventory": inventory(world, at),
        "receipts": coming,
        "policies": _policies(world),
        "consensus": consensus(world, as_of),
        "budget": budget(world, as_of),
        "actuals": actuals(world, at, weeks=told),
        "deliveries": deliveries(world, at),
        "units": _units(world),
    }
    return {**tables, "events": week.events(world, as_of, coming)} if at == last else tables


def _items(world: World) -> pl.DataFrame:
    """Finished items by the case, then components."""
    finished = world.company.items.select("item", "description", "family", "volume", "weight").with_columns(
        unit=pl.lit("case"),
        standard_cost=pl.Series(world.costs.item),
        price=pl.Series(world.costs.price),
        end_value=pl.Series(world.costs.item_end),
    )
    parts = COMPONENTS.select("item", "description", "unit", "volume").with_columns(
        family=pl.when(pl.int_range(pl.len()) < 4).then(pl.lit("Bases")).otherwise(pl.lit("Materials")),
        standard_cost=pl.Series(world.costs.component),
        end_value=pl.Series(world.costs.component_end),
    )
    order = ["item", "description", "family", "unit", "standard_cost", "price", "end_value", "volume", "weight"]
    used = pl.Series(world.recipes.sites.any(axis=1))
    return pl.concat([finished, parts.filter(used)], how="diagonal").select(order)


def _locations(world: World) -> pl.DataFrame:
    """Plants, the co-packer, and warehouses with room for about two weeks of sales."""
    company = world.company
    gone = np.zeros_like(world.past.safety)
    lines = company.demand_lines
    np.add.at(gone, (lines["item"].to_numpy(), lines["warehouse"].to_numpy()), lines["cases"].to_numpy())
    room = ((world.past.safety + 1.3 * gone) * company.items["volume"].to_numpy()[:, None]).sum(axis=0)
    plants = pl.Series("location", [*company.plants["location"], COPACKER[0]]).to_frame()
    warehouses = company.warehouses.select("location", storage_capacity=pl.Series(np.ceil(room / 50) * 50))
    kinds = [
        plants.with_columns(kind=pl.lit("plant"), storage_cost=pl.lit(PLANT_STORAGE_COST)),
        warehouses.with_columns(kind=pl.lit("warehouse"), storage_cost=pl.lit(STORAGE_COST)),
    ]
    return pl.concat(kinds, how="diagonal")


def _calendar(world: World, as_of: date, horizon_weeks: int) -> pl.DataFrame:
    """Two shifts from Monday to Friday, two hours of overtime on top and a Saturday shift; nothing on holidays."""
    days = pl.date_range(as_of, as_of + timedelta(weeks=horizon_weeks) - timedelta(days=1), eager=True).alias("date")
    works, saturday = pl.col("date").dt.weekday() <= 5, pl.col("date").dt.weekday() == 6
    closed = pl.col("date").dt.strftime("%m-%d").is_in(HOLIDAYS)
    copacker = pl.col("location") == COPACKER[0]
    regular = pl.when(copacker).then(8.0).otherwise(16.0)
    extra = pl.when(saturday).then(6.0).otherwise(1.0)
    return (
        world.recipes.resources.select("resource", "location")
        .join(days.to_frame().filter((works | saturday) & ~closed), how="cross", maintain_order="left_right")
        .with_columns(hours=pl.when(works).then(regular).otherwise(0.0))
        .with_columns(overtime_hours=pl.when(copacker).then(0.0).otherwise(extra))
        .filter((pl.col("hours") > 0) | (pl.col("overtime_hours") > 0))
        .select("resource", "date", "hours", "overtime_hours")
    )


def _forecast(world: World, at: int, horizon_weeks: int, told: int) -> pl.DataFrame:
    """The current forecast over the horizon, with prices; and of older ones what they said about the weeks told."""
    ahead = np.arange(at, at + horizon_weeks)
    current = _version(world, VERSION, ahead, world.demand.published(at))
    tables = [current.with_columns(price=pl.Series(np.tile(world.net_price(), len(ahead))))]
    for published in range(max(at - told - KNOWN_LAGS[-1], 0), at):
        weeks = np.array([published + lag for lag in KNOWN_LAGS if at - told <= published + lag < at], dtype=np.int64)
        label = world.demand.timeline.labels[published]
        tables.append(_version(world, label, weeks, world.demand.published(published)))
    return pl.concat(tables, how="diagonal").sort("version", "item", "location", "customer", "period")


def _version(world: World, version: str, weeks: np.ndarray, forecast: Real) -> pl.DataFrame:
    week, line = np.indices((len(weeks), forecast.shape[1])).reshape(2, -1)
    return world.named_lines()[line].with_columns(
        world.demand.timeline.labels.gather(weeks[week]).alias("period"),
        pl.lit(version).alias("version"),
        pl.Series("quantity", forecast[weeks[week], line]),
    )


def _orders(world: World, at: int) -> pl.DataFrame:
    """Orders placed before the as-of week and due from it on, within three weeks; and in the last week a promotion."""
    book = order_book(world.company, world.demand, seed=world.seed)
    still_open = book.filter((pl.col("placed") < at) & (pl.col("week") >= at))
    still_open = still_open.select("order", "line", "due_on", "quantity")
    if at == world.demand.timeline.last:
        still_open = pl.concat([still_open, week.promotion(world, at)])
    line = still_open["line"].to_numpy()
    named = pl.concat([still_open, world.named_lines()[line]], how="horizontal")
    priced = named.with_columns(price=pl.Series(world.net_price()[line]))
    return priced.select("order", "item", "location", "customer", "due_on", "quantity", "price").sort("due_on", "order")


def _policies(world: World) -> pl.DataFrame:
    """Safety stocks of items in the warehouses and of components in the plants."""
    company, past = world.company, world.past
    item, warehouse = np.nonzero(past.safety)
    finished = (
        company.items[item]
        .select("item")
        .with_columns(
            company.warehouses["location"].gather(warehouse),
            safety_stock=pl.Series(past.safety[item, warehouse]),
            below_safety_cost=pl.Series(np.round(BELOW_SAFETY * world.costs.item[item], 2)),
        )
    )
    component, plant = np.nonzero(past.component_safety)
    parts = (
        COMPONENTS[component]
        .select("item")
        .with_columns(
            company.plants["location"].gather(plant),
            safety_stock=pl.Series(past.component_safety[component, plant]),
            below_safety_cost=pl.Series(np.round(BELOW_SAFETY / 2 * world.costs.component[component], 5)),
        )
    )
    return pl.concat([finished, parts])


def _units(world: World) -> pl.DataFrame:
    """How many cases a bottle and a pallet are."""
    items = world.company.items.select("item", "bottles", "litres")
    pallet = pl.when(pl.col("litres") * pl.col("bottles") > 7).then(60.0).otherwise(80.0)
    bottle = items.select("item", unit=pl.lit("bottle"), factor=(1 / pl.col("bottles")).round(6))
    return pl.concat([bottle, items.select("item", unit=pl.lit("pallet"), factor=pallet)]).sort("item", "unit")
