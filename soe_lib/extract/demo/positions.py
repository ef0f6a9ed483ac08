"""Where the goods are on a Monday morning: stock, and receipts that are on their way."""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Whole
from soe_lib.extract.demo.simulation import by_weekday, road_days
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


def arrival_day(component: Whole) -> Whole:
    """Weekday on which a component is delivered, Tuesday to Thursday (Monday is 0)."""
    return 1 + component % 3


def _ordered(world: World, at: int) -> pl.DataFrame:
    past, plants = world.past, world.company.plants["location"]
    waiting = (past.placed < at) & (past.arriving > 0)
    waiting[:at] = False
    week, component, plant = np.nonzero(waiting)
    number = (week * waiting.shape[1] + component) * waiting.shape[2] + plant + 10_001
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
