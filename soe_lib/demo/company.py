"""What the invented company is: its words and typical figures, items, places, lines, customers and lanes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from soe_lib.errors import DataError

COMPANY = "Alder & Finch Household Care"
CURRENCY = "EUR"

COPACKER = ("Lille Copack", 50.63, 3.06)
SPEEDS = {"BOT-0500": 130.0, "BOT-1000": 150.0, "CAN-2000": 170.0}  # cases an hour on a filling line, by bottle


def _catalogue(name: str) -> pl.DataFrame:
    return pl.read_csv(Path(__file__).with_name("catalogue") / f"{name}.csv")


# wave, peak: height of the yearly season and its day of the year. margin: share of the price.
FAMILIES = _catalogue("families")
VARIANTS = _catalogue("variants")
# cases a week of a fast, a middling and a slow item; how often a customer lists one; how well it is forecast (surprise
# in the last week, revision in each before); safety stock in weeks.
RANKS = _catalogue("ranks")
# Kilograms of each raw material in a tonne of base; the rest is water.
BASES = _catalogue("bases")
# Packaging is counted and priced by the thousand, as its makers do; bases, which nobody sells, by the tonne. review:
# weeks between two purchase orders. cover: safety stock in weeks of use. lot: an order is so many lots. grain, step:
# what is counted in one step, and in one step of a planned figure such as a safety stock.
COMPONENTS = _catalogue("components").join(_catalogue("units"), on="unit", how="left", maintain_order="left")
# dearer: factor on the unit cost. cap: the most a period, in days of use; blank: no limit.
OFFERS = _catalogue("offers")
# Degrees north and east; what the crew of a plant's line costs an hour.
PLANTS, WAREHOUSES = _catalogue("plants"), _catalogue("warehouses")
# discount on the list price; weight: size of a customer; what a late case costs a week, goodwill and contractual
# penalty of a short one.
CLASSES = _catalogue("classes")
# weekdays of delivery (Monday is 0); over: share by which a customer's own forecast runs too high.
CUSTOMERS = _catalogue("customers").with_columns(pl.col("weekdays").str.split(" ").cast(pl.List(pl.Int64)))

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How big a company: finished items, plants, lines in each plant, warehouses, classes of customers."""

    items: int = 24
    plants: int = 2
    lines: int = 3
    warehouses: int = 3
    customer_classes: int = 3

    def __post_init__(self) -> None:
        small = [name for name, count in vars(self).items() if count < 1]
        if small:
            raise DataError(f"A demo company needs at least one of each: {', '.join(small)} must be 1 or more.")

    @property
    def families(self) -> int:
        """Product families: four, or fewer where there are fewer items."""
        return min(self.items, FAMILIES.height)


@dataclass(frozen=True)
class Company:
    """The lasting facts, in frames whose row numbers serve as codes.

    items: item, description, family, code, rank, n (number within the family), litres, bottles, bottle, closure, base,
        tonnes, plant, line, other_line (−1: none), other_plant (−1), copacked, cases (a week), volume, weight.
    plants, warehouses: location, north, east (plants also hourly_cost). lines: resource, plant.
    customers: customer, segment, priority and terms. demand_lines: item, warehouse, customer (row numbers), cases.
    lanes: as in the contract, with plant and warehouse as row numbers (plant −1: the co-packer).
    """

    size: Size
    items: pl.DataFrame
    plants: pl.DataFrame
    warehouses: pl.DataFrame
    lines: pl.DataFrame
    customers: pl.DataFrame
    demand_lines: pl.DataFrame
    lanes: pl.DataFrame

    def column(self, frame: str, name: str) -> Whole:
        """One whole-number column of one of the frames, as an array."""
        table: pl.DataFrame = getattr(self, frame)
        return table[name].to_numpy().astype(np.int64)

    def cases(self) -> Real:
        """Cases a week wanted of each item, on average over the year."""
        return self.items["cases"].to_numpy()


def found(size: Size, *, seed: int) -> Company:
    """The company that `seed` invents: its shape follows from the size alone, its figures from the seed."""
    generator = np.random.default_rng([seed, 1])
    plants, warehouses = _places(PLANTS, size.plants), _places(WAREHOUSES, size.warehouses)
    items = _items(size, generator)
    customers = _customers(size)
    return Company(
        size=size,
        items=items,
        plants=plants,
        warehouses=warehouses,
        lines=_lines(size, plants),
        customers=customers,
        demand_lines=_demand_lines(items, customers, size, generator),
        lanes=_lanes(plants, warehouses),
    )


def _places(known: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first `count` places; beyond the list the towns come round again, numbered."""
    row = np.arange(count)
    turn = pl.Series("turn", row // known.height + 1).cast(pl.String)
    name = pl.when(turn == "1").then("location").otherwise(pl.concat_str("location", turn, separator=" "))
    return known[row % known.height].with_columns(name.alias("location"))


def _items(size: Size, generator: np.random.Generator) -> pl.DataFrame:
    """Finished items: families of equal size, two fast, two middling and two slow items out of every six."""
    row = np.arange(size.items)
    family = row * size.families // size.items
    number = row - np.searchsorted(family, family)
    variant, rank = family * 6 + number % 6, number % 6 // 2
    spread = np.exp(generator.normal(0.0, 0.12, size.items))
    cases = np.rint(RANKS["cases"].to_numpy()[rank] * spread / 10) * 10
    edition = np.where(number >= 6, number // 6 + 1, 0)
    plant, line, other_line = _home(size, family, number)
    frame = pl.concat(
        [
            FAMILIES[family].select("family", "base", "kilograms_per_litre", "margin"),
            VARIANTS[variant],
            pl.DataFrame({"rank": RANKS["rank"].to_numpy()[rank], "n": number, "edition": edition}),
            pl.DataFrame({"plant": plant, "line": line, "other_line": other_line, "cases": cases}),
        ],
        how="horizontal",
    )
    content = pl.col("litres") * pl.col("bottles")
    return frame.with_columns(
        item=pl.format("{}-{}", "code", (pl.col("n") + 101).cast(pl.String)),
        description=pl.when(pl.col("edition") > 0)
        .then(pl.format("{}, edition {}", "variant", "edition"))
        .otherwise("variant"),
        tonnes=(content * pl.col("kilograms_per_litre") / 1000).round(5),
        volume=(content * 0.0014).round(5),
        weight=(content * 1.08).round(3),
        other_plant=_second_plant(size),
        copacked=(pl.col("n") % 6).is_in([0, 1, 3]) & pl.col("code").is_in(["LAU", "DIS"]),
    )


def _second_plant(size: Size) -> pl.Expr:
    """Plain bottles without an enzyme can be filled at the next plant too: one item in three."""
    may = (pl.col("closure") == "CAP-FLIP") & (pl.col("code") != "LAU") & (pl.col("n") % 6).is_in([2, 4])
    return pl.when(may & (size.plants > 1)).then((pl.col("plant") + 1) % size.plants).otherwise(-1)


def _home(size: Size, family: Whole, number: Whole) -> tuple[Whole, Whole, Whole]:
    """Plant and line of each item, and the other line of two items in three.

    Families are dealt to the plants; those of one plant take neighbouring lines and share the one between them.
    """
    families, plants = size.families, size.plants
    if plants <= families:
        plant = family * plants // families
        first = -(-plant * families // plants)
        place, mates = family - first, -(-(plant + 1) * families // plants) - first
    else:
        plant = family + families * (number % -(-(plants - family) // families))
        place, mates = np.zeros_like(family), np.ones_like(family)
    start = place * size.lines // mates
    width = np.maximum(-(-(place + 1) * size.lines // mates) - start, 1)
    offset = np.where(width == 2, (number % 3 == 1).astype(np.int64), number % width)
    other = np.where((width > 1) & (number % 3 != 2), (offset + 1) % width, -1)
    mirror = place % 2 == 1
    line = plant * size.lines + start + np.where(mirror, width - 1 - offset, offset)
    second = plant * size.lines + start + np.where(mirror, width - 1 - other, other)
    return plant, line, np.where(other < 0, -1, second)


def _lines(size: Size, plants: pl.DataFrame) -> pl.DataFrame:
    """Filling lines L1, L2, … of every plant."""
    plant = np.repeat(np.arange(size.plants), size.lines)
    number = pl.Series("number", np.tile(np.arange(1, size.lines + 1), size.plants))
    frame = plants[plant].select("location", "hourly_cost").with_columns(number, plant=pl.Series(plant))
    return frame.with_columns(resource=pl.format("{} L{}", "location", "number"))


def _customers(size: Size) -> pl.DataFrame:
    """Customers of the first classes, with the terms of their class."""
    if size.customer_classes > CLASSES.height:
        raise DataError(
            f"{size.customer_classes} customer classes were asked for, but a demo company has at most "
            f"{CLASSES.height}: ask for fewer, or for shape 'plain'."
        )
    classes = CLASSES.head(size.customer_classes)
    return classes.join(CUSTOMERS, on="segment", how="inner", maintain_order="left_right", validate="1:m")


def _demand_lines(
    items: pl.DataFrame, customers: pl.DataFrame, size: Size, generator: np.random.Generator
) -> pl.DataFrame:
    """Who buys what from where: in every class each warehouse serves one customer, who lists part of the range."""
    position = customers.with_row_index("customer_row").with_columns(
        mate=pl.int_range(pl.len()).over("segment"), mates=pl.len().over("segment")
    )
    sites = (
        position.join(pl.DataFrame({"warehouse": np.arange(size.warehouses)}), how="cross")
        .filter(pl.col("warehouse") % pl.col("mates") == pl.col("mate"))
        .select(customer=pl.col("customer_row").cast(pl.Int64), warehouse="warehouse", weight="weight")
        .sort("customer", "warehouse")
    )
    ranks = RANKS.select("rank", "listing")
    grid = (
        items.with_row_index("row")
        .select(pl.col("row").cast(pl.Int64), "rank", "cases")
        .join(ranks, on="rank", how="left", maintain_order="left")
        .join(sites.with_row_index("site"), how="cross", maintain_order="left_right")
    )
    listed = generator.random(grid.height) < grid["listing"].to_numpy()
    anchor = grid["row"].to_numpy() % sites.height == grid["site"].to_numpy()  # every item has a buyer
    appetite = grid["weight"].to_numpy() * np.exp(generator.normal(0.0, 0.35, grid.height))
    lines = grid.with_columns(appetite=pl.Series(appetite)).filter(pl.Series(listed | anchor))
    item, share = lines["row"].to_numpy(), lines["appetite"].to_numpy()
    total = np.bincount(item, weights=share, minlength=items.height)
    cases = lines["cases"].to_numpy() * share / total[item]
    return lines.select(item="row", warehouse="warehouse", customer="customer").with_columns(cases=pl.Series(cases))


def _lanes(plants: pl.DataFrame, warehouses: pl.DataFrame) -> pl.DataFrame:
    """Road from every plant and the co-packer to every warehouse, and express where the road takes two days or more."""
    copacker = pl.DataFrame([COPACKER], schema=["origin", "north", "east"], orient="row")
    origins = pl.concat(
        [
            plants.select(origin="location", north="north", east="east", plant=pl.int_range(pl.len())),
            copacker.with_columns(plant=pl.lit(-1, dtype=pl.Int64)),
        ]
    )
    ends = warehouses.select(destination="location", to_north="north", to_east="east", warehouse=pl.int_range(pl.len()))
    pairs = origins.join(ends, how="cross", maintain_order="left_right")
    width = np.cos(np.radians((pairs["north"] + pairs["to_north"]).to_numpy() / 2))
    north = (pairs["north"] - pairs["to_north"]).to_numpy()
    kilometres = 1.25 * 111.2 * np.hypot(north, (pairs["east"] - pairs["to_east"]).to_numpy() * width)
    days = np.clip(np.ceil(kilometres / 400), 1, 4)
    road = pairs.with_columns(
        mode=pl.lit("road"),
        lead_time_days=pl.Series(days),
        cost_per_unit=pl.Series(np.round(0.20 + 0.0006 * kilometres, 2)),
    )
    express = road.filter(pl.col("lead_time_days") > 1).with_columns(
        mode=pl.lit("express"), lead_time_days=pl.lit(1.0), cost_per_unit=(pl.col("cost_per_unit") * 2.4).round(2)
    )
    name = pl.format("{} > {} {}", "origin", pl.col("destination").str.replace("DC ", ""), "mode")
    return pl.concat([road, express]).with_columns(lane=name)
