"""Where the goods are on a Monday morning: stock, and receipts that are on their way."""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Whole
from soe_lib.extract.demo.simulation import by_weekday, road_days
from soe_lib.extract.demo.story import IMPORTED
from soe_lib.extract.demo.world import World


def positions(world: World, week: int) -> pl.DataFrame:
    """All stock on the Monday morning of a week: [item, location, quantity, cost (standard, per unit)]."""
    company, past = world.company, world.past
    items = company.items.select("item").with_columns(pl.Series("cost", world.costs.item))
    at_plant = items.with_columns(world.home().alias("location"), pl.Series("quantity", past.plant_stock[week]))
    item, warehouse = np.indices(past.warehouse_stock[week].shape).reshape(2, -1)
    in_warehouse = items[item].with_columns(
        company.warehouses["location"].gather(warehouse), pl.Series("quantity", past.warehouse_stock[week].ravel())
    )
    component, plant = np.nonzero(world.recipes.sites)
    parts = (
        catalogue.COMPONENTS[component]
        .select("item")
        .with_columns(
            company.plants["location"].gather(plant),
            pl.Series("cost", world.costs.component[component]),
            pl.Series("quantity", past.component_stock[week, component, plant]),
        )
    )
    columns = ["item", "location", "quantity", "cost"]
    return pl.concat([table.select(columns) for table in (at_plant, in_warehouse, parts)])


def inventory(world: World, at: int) -> pl.DataFrame:
    """Opening stock of week `at`: [item, location, on_hand]."""
    stock = positions(world, at).filter(pl.col("quantity") > 0)
    return stock.select("item", "location", on_hand="quantity").sort("item", "location")


def receipts(world: World, at: int) -> pl.DataFrame:
    """Purchase orders placed before week `at` and not yet in, and goods on the road to the warehouses."""
    return pl.concat([_ordered(world, at), _on_the_road(world, at)], how="diagonal").sort("receipt")


LATE = (0.3, 1.2)
"""Days that a delivery comes after its promise, and their spread; of an imported part the second pair."""
LATE_IMPORTED = (1.5, 4.0)
EARLIEST = -5


def deliveries(world: World, at: int, *, weeks: int = 26) -> pl.DataFrame:
    """Purchase orders that came in before week `at`: when they were placed, first promised for, and here.

    They arrived on the day and in the quantity that the actuals and every stock know; the first promise lay before or
    after that day by a draw of the order's own. Receipts show the day that was confirmed last, which was kept.
    """
    past = world.past
    came = past.arriving > 0
    came[at:], came[: max(at - weeks, 0)] = False, False
    week, component, plant = np.nonzero(came)
    days = np.array([LATE, LATE_IMPORTED])[
        (catalogue.COMPONENTS["lead"].fill_null(0).to_numpy() >= IMPORTED).astype(int)
    ]
    drawn = np.random.default_rng([world.seed, 7]).normal(0.0, 1.0, came.shape)[week, component, plant]
    placed = past.placed[week, component, plant]
    travel = (week - placed) * 7 + arrival_day(component)
    late = np.clip(np.rint(days[component, 0] + days[component, 1] * drawn), EARLIEST, travel - 1).astype(np.int64)
    columns = ["receipt", "kind", "item", "location", "offer", "ordered_on", "promised_on", "arrived_on", "quantity"]
    found = _purchases(world, week, component, plant).rename({"due_on": "arrived_on"})
    promised = world.dates(week, arrival_day(component) - late).alias("promised_on")
    return found.with_columns(world.dates(placed, 0).alias("ordered_on"), promised).select(columns).sort("receipt")


def arrival_day(component: Whole) -> Whole:
    """Weekday on which a component is delivered, Tuesday to Thursday (Monday is 0)."""
    return 1 + component % 3


def _ordered(world: World, at: int) -> pl.DataFrame:
    past = world.past
    waiting = (past.placed < at) & (past.arriving > 0)
    waiting[:at] = False
    return _purchases(world, *np.nonzero(waiting))


def _purchases(world: World, week: Whole, component: Whole, plant: Whole) -> pl.DataFrame:
    """Purchase orders by the week, component and plant of their arrival, under their regular offer."""
    past, plants = world.past, world.company.plants["location"]
    number = (week * past.arriving.shape[1] + component) * past.arriving.shape[2] + plant + 10_001
    regular = catalogue.OFFERS.unique("item", keep="first", maintain_order=True).select("item", "mode")
    items = catalogue.COMPONENTS[component].select("item").with_columns(plants.gather(plant))
    return items.join(regular, on="item", how="left", maintain_order="left").select(
        pl.format("PO-{}", pl.Series("number", number)).alias("receipt"),
        pl.lit("buy").alias("kind"),
        "item",
        "location",
        world.dates(week, arrival_day(component)).alias("due_on"),
        pl.Series("quantity", past.arriving[week, component, plant]),
        pl.format("{} {} {}", "item", "mode", "location").alias("offer"),
    )


def _on_the_road(world: World, at: int) -> pl.DataFrame:
    company, road = world.company, road_days(world.company)
    daily = by_weekday(world.past.shipped[at - 1])
    item, warehouse, day = np.nonzero((np.arange(5) + road[..., None] >= 7) & (daily > 0))
    lanes = company.lanes.filter(pl.col("mode") == "road").select("lane", "plant", "warehouse")
    travel = pl.DataFrame({"plant": company.column("items", "plant")[item], "warehouse": warehouse})
    rows = travel.join(lanes, on=["plant", "warehouse"], how="left", maintain_order="left")
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(4)
    return rows.select(
        pl.format("TR-{}-{}", pl.lit(f"{world.demand.timeline.monday(at - 1):%y%m%d}"), number).alias("receipt"),
        pl.lit("ship").alias("kind"),
        company.items["item"].gather(item),
        company.warehouses["location"].gather(warehouse),
        world.dates(np.full(len(item), at - 1), day + road[item, warehouse]).alias("due_on"),
        pl.Series("quantity", daily[item, warehouse, day]),
        "lane",
    )
