"""How the company makes and buys things, and what they cost and sell for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from soe_lib.demo.company import BASES, COMPONENTS, COPACKER, OFFERS, SPEEDS, Company, Real, Whole

REGULAR_HOURS = 80.0  # a line's week: five days of two shifts
LOADS = (0.97, 0.98, 0.96, 0.93, 0.94, 0.92)  # how busy the lines are on average over the year, one after the other
MIXING_LOAD, MIXING_COST = 0.72, 140.0
COPACK_SPEED, COPACK_COST = 100.0, 290.0
FILLING_YIELD, MIXING_YIELD = 0.985, 0.995
CONSUMABLES, MIXING_ENERGY = 0.12, 20.0


@dataclass(frozen=True)
class Recipes:
    """Tables of the contract (routings, operations, components, offers, resources), and the same facts as arrays.

    rate: cases an hour of each item on its home line. bill: units of each component (rows of the catalogue) that one
    case started takes directly, [item, component]. need: the same with bases resolved into what they are mixed from.
    sites: [component, plant], true where the plant uses it. weekly: units used a week on average, [component, plant].
    """

    routings: pl.DataFrame
    operations: pl.DataFrame
    components: pl.DataFrame
    offers: pl.DataFrame
    resources: pl.DataFrame
    rate: Real
    bill: Real
    need: Real
    sites: NDArray[np.bool_]
    weekly: Real


def build(company: Company) -> Recipes:
    """Everything the plants, the co-packer and the suppliers can do."""
    bill = _bill(company)
    mix = _mix()
    need = bill + bill @ mix
    rate = _rates(company)
    sites = _sites(company, need)
    weekly = _weekly(company, need)
    filling, copacking, mixing = _filling(company), _copacking(company, need), _mixing(company, sites)
    hours = [_filling_hours(company, filling, rate), _copack_hours(copacking), _mixing_hours(mixing, weekly)]
    used = [_lines_of(filling, "item_row", bill), _lines_of(mixing, "component_row", mix * MIXING_YIELD)]
    keep = ["routing", "item", "location", "lead_time_days", "cost_per_unit", "yield"]
    return Recipes(
        routings=pl.concat([table.select(keep) for table in (filling, copacking, mixing)]),
        operations=pl.concat(hours, how="diagonal"),
        components=pl.concat(used),
        offers=_offers(company, sites, weekly),
        resources=_resources(company),
        rate=rate,
        bill=bill,
        need=need,
        sites=sites,
        weekly=weekly,
    )


def _code(names: pl.Series) -> Whole:
    """Row numbers of components in the catalogue."""
    known = COMPONENTS.select(name="item").with_row_index("row")
    found = names.alias("name").to_frame().join(known, on="name", how="left", maintain_order="left")
    return found["row"].to_numpy().astype(np.int64)


def _bill(company: Company) -> Real:
    """What a case started takes directly: base by the tonne, bottles and closures by the thousand, one carton."""
    items, bill = company.items, np.zeros((company.size.items, COMPONENTS.height))
    row = np.arange(company.size.items)
    bill[row, _code(items["base"])] = items["tonnes"].to_numpy()
    bill[row, _code(items["bottle"])] = items["bottles"].to_numpy() / 1000
    bill[row, _code(items["closure"])] = items["bottles"].to_numpy() / 1000
    bill[row, _code(pl.Series(["CARTON"]))[0]] = 1.0
    return bill


def _mix() -> Real:
    """What a good tonne of each base takes, the losses of mixing included, [base, component]."""
    count = COMPONENTS.height
    mix = np.zeros((count, count))
    bases = BASES
    mix[_code(bases["base"]), _code(bases["component"])] = bases["quantity"].to_numpy() / MIXING_YIELD
    return mix


def _rates(company: Company) -> Real:
    """Cases an hour on the home line: the bottle's usual speed, times what makes the line as busy as it should be."""
    speed = company.items["bottle"].replace_strict(SPEEDS, return_dtype=pl.Float64).to_numpy()
    line, lines = company.column("items", "line"), company.lines.height
    hours = np.bincount(line, weights=company.cases() / FILLING_YIELD / speed, minlength=lines)
    load = np.resize(np.array(LOADS), lines)
    return np.rint(speed * (hours / (REGULAR_HOURS * load))[line])


def _sites(company: Company, need: Real) -> NDArray[np.bool_]:
    """Which plant uses which component, at home or as the second plant of an item."""
    used = (need > 0).astype(np.float64)
    home = _at(company.column("items", "plant"), company.size.plants)
    away = _at(company.column("items", "other_plant"), company.size.plants)
    return (used.T @ (home + away)) > 0


def _weekly(company: Company, need: Real) -> Real:
    """Units of each component that an average week uses at each plant."""
    started = company.cases() / FILLING_YIELD
    return (need * started[:, None]).T @ _at(company.column("items", "plant"), company.size.plants)


def _at(plant: Whole, plants: int) -> Real:
    """Zeros and ones, [row, plant]; no plant where the row says −1."""
    return (plant[:, None] == np.arange(plants)[None, :]).astype(np.float64)


def _filling(company: Company) -> pl.DataFrame:
    """Routings of finished items at their home plant and, for some, at a second one."""
    items = company.items.with_row_index("item_row").with_columns(pl.col("item_row").cast(pl.Int64))
    home = items.with_columns(away=False)
    away = items.filter(pl.col("other_plant") >= 0).with_columns(plant="other_plant", away=True)
    both = pl.concat([home, away]).with_columns(at=pl.col("plant"))
    places = company.plants.select("location").with_row_index("plant").with_columns(pl.col("plant").cast(pl.Int64))
    return both.join(places, on="plant", how="left", maintain_order="left").with_columns(
        pl.format("{} at {}", "item", "location").alias("routing"),
        pl.lit(1.0).alias("lead_time_days"),
        pl.lit(CONSUMABLES).alias("cost_per_unit"),
        pl.lit(FILLING_YIELD).alias("yield"),
    )


def _filling_hours(company: Company, filling: pl.DataFrame, rate: Real) -> pl.DataFrame:
    """One step of filling; the other line, where there is one, is an alternative and slower."""
    pace = filling.with_columns(rate=pl.Series(rate[filling["item_row"].to_numpy()]))
    same_place = pl.col("plant") * company.size.lines + pl.col("line") % company.size.lines
    first = pace.with_columns(
        use=pl.when("away").then(same_place).otherwise("line"),
        rate=pl.when("away").then((pl.col("rate") * 0.85).round(0)).otherwise("rate"),
    )
    second = pace.filter(~pl.col("away") & (pl.col("other_line") >= 0)).with_columns(
        use=pl.col("other_line"), rate=(pl.col("rate") * 0.82).round(0)
    )
    names = company.lines.select("resource").with_row_index("use").with_columns(pl.col("use").cast(pl.Int64))
    rows = pl.concat([first, second]).join(names, on="use", how="left", maintain_order="left")
    return rows.select("routing", pl.lit("fill").alias("step"), "resource", units_per_hour="rate")


def _copacking(company: Company, need: Real) -> pl.DataFrame:
    """The co-packer brings materials and all: a dear price per case, and four days."""
    price = COMPONENTS["unit_cost"].fill_null(0.0).to_numpy()
    full = np.round(1.20 * (need * price).sum(axis=1) + 0.60, 2)
    return (
        company.items.with_columns(cost_per_unit=pl.Series(full))
        .filter("copacked")
        .with_columns(
            pl.format("{} at {}", "item", pl.lit(COPACKER[0])).alias("routing"),
            pl.lit(COPACKER[0]).alias("location"),
            pl.lit(4.0).alias("lead_time_days"),
            pl.lit(1.0).alias("yield"),
        )
    )


def _copack_hours(copacking: pl.DataFrame) -> pl.DataFrame:
    """One line for all that the co-packer fills."""
    line = pl.lit(f"{COPACKER[0]} line")
    return copacking.select("routing", pl.lit("fill").alias("step"), resource=line, units_per_hour=pl.lit(COPACK_SPEED))


def _mixing(company: Company, sites: NDArray[np.bool_]) -> pl.DataFrame:
    """Routings of the bases at every plant that fills them; a base is used the day it is mixed."""
    component, plant = np.nonzero(sites & COMPONENTS["unit_cost"].is_null().to_numpy()[:, None])
    names = pl.concat(
        [COMPONENTS[component].select("item"), company.plants[plant].select("location")], how="horizontal"
    )
    return names.with_columns(
        pl.Series("component_row", component),
        pl.Series("plant", plant),
        pl.format("{} at {}", "item", "location").alias("routing"),
        pl.lit(0.0).alias("lead_time_days"),
        pl.lit(MIXING_ENERGY).alias("cost_per_unit"),
        pl.lit(MIXING_YIELD).alias("yield"),
    )


def _mixing_hours(mixing: pl.DataFrame, weekly: Real) -> pl.DataFrame:
    """Crew hours per tonne, such that the crew of each plant is about as busy as MIXING_LOAD says."""
    is_base = COMPONENTS["unit_cost"].is_null().to_numpy()
    tonnes = weekly[is_base].sum(axis=0)
    hours = np.round(MIXING_LOAD * REGULAR_HOURS / np.where(tonnes > 0, tonnes, 200.0), 4)
    crew = pl.format("{} mixing", "location")
    pace = mixing.with_columns(hours_per_unit=pl.Series(hours[mixing["plant"].to_numpy()]))
    return pace.select("routing", pl.lit("mix").alias("step"), crew.alias("resource"), "hours_per_unit")


def _lines_of(routings: pl.DataFrame, row: str, per_unit: Real) -> pl.DataFrame:
    """Component rows of routings: one for each positive cell of the matrix's row."""
    quantities = per_unit[routings[row].to_numpy()]
    routing, component = np.nonzero(quantities > 0)
    return pl.DataFrame(
        {
            "routing": routings["routing"].to_numpy()[routing],
            "component": COMPONENTS["item"].to_numpy()[component],
            "quantity": np.round(quantities[routing, component], 6),
        }
    )


def _offers(company: Company, sites: NDArray[np.bool_], weekly: Real) -> pl.DataFrame:
    """Every supplier's terms at every plant that uses the component; rush terms are capped by the plant's daily use."""
    component, plant = np.nonzero(sites)
    use = np.maximum(weekly, 0.05 * weekly.sum(axis=1, keepdims=True))[component, plant] / 5
    places = pl.concat(
        [
            COMPONENTS[component].select("item", "step", "unit_cost"),
            company.plants[plant].select("location"),
            pl.DataFrame({"daily": use}),
        ],
        how="horizontal",
    )
    offers = OFFERS.join(places, on="item", how="inner", maintain_order="left_right")
    step = pl.col("step")
    return offers.select(
        pl.format("{} {} {}", "item", "mode", "location").alias("offer"),
        "supplier",
        "item",
        "location",
        unit_cost=(pl.col("unit_cost") * pl.col("dearer")).round(4),
        lead_time_days=pl.col("lead").cast(pl.Float64),
        maximum=(pl.col("daily") * pl.col("cap") / step).ceil() * step,
        expedite=pl.when("expedite").then(pl.lit("yes")),
    )


def _resources(company: Company) -> pl.DataFrame:
    """Filling lines, a mixing crew in each plant, and the co-packer's line."""
    lines = company.lines.select("resource", "location", "hourly_cost", kind=pl.lit("line"))
    crews = company.plants.select(
        pl.format("{} mixing", "location").alias("resource"),
        "location",
        hourly_cost=pl.lit(MIXING_COST),
        kind=pl.lit("labour"),
    )
    place = COPACKER[0]
    copack = lines.clear().vstack(
        pl.DataFrame(
            {"resource": [f"{place} line"], "location": [place], "hourly_cost": [COPACK_COST], "kind": ["line"]}
        )
    )
    everything = pl.concat([lines, crews, copack]).with_columns(overtime_cost=(pl.col("hourly_cost") * 1.5).round(2))
    return everything.select("resource", "location", "kind", "hourly_cost", "overtime_cost")


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
    bought = COMPONENTS["unit_cost"].fill_null(0.0).to_numpy()
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
    known = COMPONENTS.select("item").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    price = pl.DataFrame({"component": COMPONENTS["item"], "price": bought})
    cost = _per_routing(recipes, price, hourly)
    mixed = cost.join(known, on="item", how="inner", maintain_order="left")
    return (
        mixed.group_by("row", maintain_order=True)
        .agg(pl.col("cost").max().round(4).alias("standard"), pl.col("cost").min().alias("cheapest"))
        .sort("row")
    )


def _items(company: Company, recipes: Recipes, component: Real, hourly: dict[str, float]) -> tuple[Real, Real]:
    """Standard cost on the home line, and the least cost over all routings and lines, of each finished item."""
    price = pl.DataFrame({"component": COMPONENTS["item"], "price": component})
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
