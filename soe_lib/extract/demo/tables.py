"""One weekly extract as tables of the contract."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue, story
from soe_lib.extract.demo.commitments import STORAGE_COST, budget, consensus
from soe_lib.extract.demo.company import Real
from soe_lib.extract.demo.demand import order_book
from soe_lib.extract.demo.history import actuals
from soe_lib.extract.demo.positions import deliveries, inventory, receipts
from soe_lib.extract.demo.world import World

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
    return {**tables, "events": story.events(world, as_of, coming)} if at == last else tables


def _items(world: World) -> pl.DataFrame:
    """Finished items by the case, then components."""
    finished = world.company.items.select("item", "description", "family", "volume", "weight").with_columns(
        unit=pl.lit("case"),
        standard_cost=pl.Series(world.costs.item),
        price=pl.Series(world.costs.price),
        end_value=pl.Series(world.costs.item_end),
    )
    parts = catalogue.COMPONENTS.select("item", "description", "unit", "volume").with_columns(
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
    plants = pl.Series("location", [*company.plants["location"], catalogue.COPACKER[0]]).to_frame()
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
    copacker = pl.col("location") == catalogue.COPACKER[0]
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
        still_open = pl.concat([still_open, story.promotion(world, at)])
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
        catalogue.COMPONENTS[component]
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
