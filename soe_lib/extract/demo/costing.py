"""What things cost and sell for: the standard-cost roll-up, the cheapest way to get an item, prices and end values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Company, Real
from soe_lib.extract.demo.recipes import Recipes

END_VALUE = 0.98  # of the standard cost: stock left over is worth a little less than it cost
MIX_FREIGHT = 0.55  # a typical case's freight, which the price has to earn as well


@dataclass(frozen=True)
class Costs:
    """Money per unit: standard cost and end value of items (cases) and components, price of items."""

    item: Real
    component: Real
    item_end: Real
    component_end: Real
    price: Real


def roll_up(company: Company, recipes: Recipes, *, seed: int) -> Costs:
    """Standard cost from the bottom up, each level rounded to four decimals before the next one uses it.

    standard cost = (Σ quantity × standard cost of the component + cost_per_unit + hours × hourly_cost) ÷ yield, on the
    home plant's first line for a finished item and at the dearest plant for a base; bought components at the price of
    their regular supplier. The price earns the family's margin, give or take three points, and a typical freight.
    """
    bought = catalogue.COMPONENTS["unit_cost"].fill_null(0.0).to_numpy()
    hourly = dict(recipes.resources.select("resource", "hourly_cost").iter_rows())
    bases = _bases(recipes, bought, hourly)
    component = bought.copy()
    component[bases["row"].to_numpy()] = bases["standard"].to_numpy()
    item, cheapest = _items(company, recipes, component, hourly)
    generator = np.random.default_rng([seed, 2])
    margin = company.items["margin"].to_numpy() + generator.uniform(-0.03, 0.03, company.size.items)
    cheapest_component = bought.copy()
    cheapest_component[bases["row"].to_numpy()] = bases["cheapest"].to_numpy()
    return Costs(
        item=item,
        component=component,
        item_end=_end(item, cheapest),
        component_end=_end(component, cheapest_component),
        price=np.round((item + MIX_FREIGHT) / (1 - margin) * 20) / 20,
    )


def _end(standard: Real, cheapest: Real) -> Real:
    """END_VALUE of the standard or of the least cost: at more than it costs to get one, stocking up would never end."""
    value: Real = np.round(END_VALUE * np.minimum(standard, cheapest), 4)
    return value


def _bases(recipes: Recipes, bought: Real, hourly: dict[str, float]) -> pl.DataFrame:
    """Standard and cheapest cost of each base over the plants that mix it: [row, standard, cheapest]."""
    known = catalogue.COMPONENTS.select("item").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    price = pl.DataFrame({"component": catalogue.COMPONENTS["item"], "price": bought})
    cost = _per_routing(recipes, price, hourly)
    mixed = cost.join(known, on="item", how="inner", maintain_order="left")
    return (
        mixed.group_by("row", maintain_order=True)
        .agg(pl.col("cost").max().round(4).alias("standard"), pl.col("cost").min().alias("cheapest"))
        .sort("row")
    )


def _items(company: Company, recipes: Recipes, component: Real, hourly: dict[str, float]) -> tuple[Real, Real]:
    """Standard cost on the home line, and the least cost over all routings and lines, of each finished item."""
    price = pl.DataFrame({"component": catalogue.COMPONENTS["item"], "price": component})
    cost = _per_routing(recipes, price, hourly)
    names = company.items.select("item", "plant", pl.int_range(pl.len()).alias("row"))
    places = company.plants.select("location", pl.int_range(pl.len()).alias("plant"))
    routes = cost.join(names.join(places, on="plant", how="left"), on="item", how="inner", suffix="_home")
    home = routes.filter(pl.col("location") == pl.col("location_home")).sort("row", "place")
    first = home.unique("row", keep="first", maintain_order=True).sort("row")
    least = routes.group_by("row").agg(pl.col("cost").min()).sort("row")
    return np.round(first["cost"].to_numpy(), 4), least["cost"].to_numpy()


def _per_routing(recipes: Recipes, price: pl.DataFrame, hourly: dict[str, float]) -> pl.DataFrame:
    """Cost of a good unit by routing and line: [item, location, place, cost], place the order of the operations."""
    material = (
        recipes.components.join(price, on="component", how="left", maintain_order="left")
        .group_by("routing", maintain_order=True)
        .agg((pl.col("quantity") * pl.col("price")).sum().alias("material"))
    )
    per_unit = pl.coalesce("hours_per_unit", 1 / pl.col("units_per_hour"))
    work = recipes.operations.with_row_index("place").select(
        "routing",
        "place",
        work=per_unit * pl.col("resource").replace_strict(hourly, return_dtype=pl.Float64),
    )
    routes = recipes.routings.join(work, on="routing", how="left", validate="1:m", maintain_order="left")
    joined = routes.join(material, on="routing", how="left", validate="m:1", maintain_order="left")
    total = pl.col("material").fill_null(0.0) + pl.col("cost_per_unit") + pl.col("work")
    return joined.select("item", "location", "place", cost=(total / pl.col("yield")).round(9))
