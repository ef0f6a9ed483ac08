"""What the invented company is: its words and typical figures, items, places, lines, customers and lanes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from soe_lib.errors import DataError

COMPANY = "Alder & Finch Household Care"
CURRENCY = "EUR"

FAMILIES = pl.DataFrame(
    # Season: height of the yearly wave and the day of the year on which it peaks. Margin: share of the price.
    [
        ("Laundry", "LAU", "BASE-LAU", 1.05, 0.03, 265, 0.35),
        ("Dish care", "DIS", "BASE-DIS", 1.03, 0.05, 345, 0.37),
        ("Surface care", "SUR", "BASE-SUR", 1.00, 0.08, 110, 0.40),
        ("Hand care", "HAN", "BASE-HAN", 1.02, 0.08, 20, 0.42),
    ],
    schema=["family", "code", "base", "kilograms_per_litre", "wave", "peak", "margin"],
    orient="row",
)

VARIANTS = pl.DataFrame(
    [
        ("LAU", "Colour gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "White gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Colour gel 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("LAU", "Sensitive gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Wool and silk gel 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("LAU", "Sport gel 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("DIS", "Dish lemon 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish classic 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish lemon 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("DIS", "Dish sensitive 500 ml", 0.5, 12, "BOT-0500", "CAP-FLIP"),
        ("DIS", "Dish aloe 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("DIS", "Dish catering 2 L", 2.0, 4, "CAN-2000", "CAP-FLIP"),
        ("SUR", "Kitchen spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "Bathroom spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "All-purpose lemon 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("SUR", "Glass spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("SUR", "All-purpose pine 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("SUR", "Limescale spray 500 ml", 0.5, 12, "BOT-0500", "TRIGGER"),
        ("HAN", "Hand soap aloe 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Hand soap honey 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Soap refill aloe 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("HAN", "Hand soap sensitive 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
        ("HAN", "Soap refill honey 1 L", 1.0, 8, "BOT-1000", "CAP-FLIP"),
        ("HAN", "Kids foam soap 500 ml", 0.5, 12, "BOT-0500", "PUMP"),
    ],
    schema=["code", "variant", "litres", "bottles", "bottle", "closure"],
    orient="row",
)

# Cases a week of a fast, a middling and a slow item; how often a customer lists one; how well it is forecast.
RANKS = pl.DataFrame(
    [("A", 5200.0, 0.75, 0.08, 0.050), ("B", 2100.0, 0.36, 0.13, 0.075), ("C", 800.0, 0.20, 0.20, 0.110)],
    schema=["rank", "cases", "listing", "surprise", "revision"],
    orient="row",
)

# Cases an hour on a filling line, by bottle.
SPEEDS = {"BOT-0500": 130.0, "BOT-1000": 150.0, "CAN-2000": 170.0}

BASES = pl.DataFrame(
    # Kilograms of each raw material in a tonne of base; the rest is water.
    [
        ("BASE-LAU", "SURF-LAS", 160.0),
        ("BASE-LAU", "SURF-SLES", 60.0),
        ("BASE-LAU", "ENZYME", 12.0),
        ("BASE-LAU", "PERFUME", 6.0),
        ("BASE-DIS", "SURF-LAS", 50.0),
        ("BASE-DIS", "SURF-SLES", 140.0),
        ("BASE-DIS", "PERFUME", 4.0),
        ("BASE-SUR", "SURF-LAS", 40.0),
        ("BASE-SUR", "SURF-SLES", 20.0),
        ("BASE-SUR", "PERFUME", 5.0),
        ("BASE-HAN", "SURF-SLES", 110.0),
        ("BASE-HAN", "PERFUME", 8.0),
    ],
    schema=["base", "component", "quantity"],
    orient="row",
)

COMPONENTS = pl.DataFrame(
    # Packaging is counted and priced by the thousand, as its makers do; bases by the tonne.
    # Review: weeks between two purchase orders. Cover: safety stock in weeks of use. Lot: an order is so many lots.
    [
        ("BASE-LAU", "Laundry base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-DIS", "Dish base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-SUR", "Cleaner base", "t", None, None, None, None, 0.15, 1.0),
        ("BASE-HAN", "Soap base", "t", None, None, None, None, 0.15, 1.0),
        ("SURF-LAS", "Surfactant LAS", "kg", 1.55, 14, 1, 1_000, 0.6, 0.001),
        ("SURF-SLES", "Surfactant SLES", "kg", 1.25, 10, 1, 1_000, 0.6, 0.001),
        ("ENZYME", "Enzyme blend", "kg", 14.00, 28, 2, 100, 1.0, 0.001),
        ("PERFUME", "Perfume oil", "kg", 19.00, 21, 1, 50, 0.8, 0.001),
        ("BOT-0500", "Bottle 500 ml", "thousand", 160.0, 7, 1, 10, 0.4, 1.0),
        ("BOT-1000", "Bottle 1 L", "thousand", 210.0, 7, 1, 10, 0.4, 1.8),
        ("CAN-2000", "Canister 2 L", "thousand", 380.0, 10, 1, 5, 0.5, 3.0),
        ("CAP-FLIP", "Flip-top cap", "thousand", 45.0, 14, 1, 20, 0.6, 0.1),
        ("TRIGGER", "Trigger sprayer", "thousand", 240.0, 42, 2, 10, 0.5, 0.4),
        ("PUMP", "Lotion pump", "thousand", 210.0, 35, 2, 10, 1.0, 0.4),
        ("CARTON", "Shipping carton", "each", 0.42, 7, 1, 2_000, 0.4, 0.0004),
    ],
    schema=["item", "description", "unit", "unit_cost", "lead", "review", "lot", "cover", "volume"],
    orient="row",
)

# What is counted in one step of each unit, and in one step of a planned figure such as a safety stock.
GRAIN = {"t": 0.1, "kg": 1.0, "thousand": 0.001, "each": 1.0}
ROUND = {"t": 1.0, "kg": 100.0, "thousand": 1.0, "each": 100.0}

OFFERS = pl.DataFrame(
    # Dearer: factor on the unit cost. Cap: the most a period, in days of use; none: no limit.
    [
        ("SURF-LAS", "Rhein Tensid", "road", 1.00, 14, None, False),
        ("SURF-LAS", "Rhein Tensid", "rush", 1.30, 4, 3.0, True),
        ("SURF-SLES", "Rhein Tensid", "road", 1.00, 10, None, False),
        ("SURF-SLES", "Rhein Tensid", "rush", 1.30, 4, 3.0, True),
        ("ENZYME", "Novaferm", "cold chain", 1.00, 28, None, False),
        ("ENZYME", "Novaferm", "air", 1.35, 7, 3.0, True),
        ("PERFUME", "Parfums du Sud", "road", 1.00, 21, None, False),
        ("PERFUME", "Parfums du Sud", "courier", 1.20, 5, 3.0, True),
        ("BOT-0500", "Blaasvorm", "road", 1.00, 7, None, False),
        ("BOT-1000", "Blaasvorm", "road", 1.00, 7, None, False),
        ("CAN-2000", "Blaasvorm", "road", 1.00, 10, None, False),
        ("BOT-0500", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("BOT-1000", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("CAN-2000", "Blaasvorm", "rush", 1.35, 3, 2.0, True),
        ("CAP-FLIP", "Capsula", "road", 1.00, 14, None, False),
        ("CAP-FLIP", "Capsula", "rush", 1.50, 4, 3.0, True),
        ("TRIGGER", "Kobe Dispensers", "sea", 1.00, 42, None, False),
        ("TRIGGER", "Lombardia Spray", "road", 1.25, 14, 3.0, False),
        ("TRIGGER", "Kobe Dispensers", "air", 2.10, 6, 1.0, True),
        ("PUMP", "Kobe Dispensers", "sea", 1.00, 35, None, False),
        ("PUMP", "Kobe Dispensers", "air", 2.10, 6, 1.0, True),
        ("CARTON", "Maaskarton", "road", 1.00, 7, None, False),
        ("CARTON", "Maaskarton", "rush", 1.30, 2, 2.0, True),
    ],
    schema=["item", "supplier", "mode", "dearer", "lead", "cap", "expedite"],
    orient="row",
)

# Town, degrees north, degrees east. Crew cost an hour for a plant's line.
PLANTS = [
    ("Venlo", 51.37, 6.17, 320.0),
    ("Poznan", 52.41, 16.93, 230.0),
    ("Zaragoza", 41.65, -0.89, 260.0),
    ("Brno", 49.20, 16.61, 215.0),
    ("Treviso", 45.67, 12.24, 285.0),
    ("Leuven", 50.88, 4.70, 330.0),
]
COPACKER = ("Lille Copack", 50.63, 3.06)
WAREHOUSES = [
    ("DC Duisburg", 51.43, 6.76),
    ("DC Lyon", 45.76, 4.84),
    ("DC Wroclaw", 51.11, 17.03),
    ("DC Milano", 45.46, 9.19),
    ("DC Madrid", 40.42, -3.70),
    ("DC Budapest", 47.50, 19.04),
    ("DC Hamburg", 53.55, 9.99),
    ("DC Antwerp", 51.22, 4.40),
]

CLASSES = pl.DataFrame(
    # Discount on the list price. Weight: size of a customer. Over: by how much its forecast is too high.
    # Shelf days: what a late case costs a week, goodwill and contractual penalty of a short one.
    [
        ("key account", 1, 0.05, 3.0, 7.00, 7.00, 2.50, 2),
        ("retail", 2, 0.00, 1.6, 4.20, 4.50, 0.00, 4),
        ("distributor", 3, 0.08, 1.0, 1.75, 2.50, 0.00, 7),
        ("export", 4, 0.10, 0.8, 1.40, 1.50, 0.00, 7),
        ("online", 5, 0.02, 0.6, 3.50, 3.50, 0.00, 3),
    ],
    schema=["segment", "priority", "discount", "weight", "late_cost", "short_cost", "short_penalty", "latest_days"],
    orient="row",
)

# Segment, customer, weekdays of delivery (Monday is 0), share by which its own forecast runs too high.
CUSTOMERS = pl.DataFrame(
    [
        ("key account", "Marktland", (1, 3), 0.00),
        ("key account", "Grandmarche", (0, 2), 0.00),
        ("retail", "Nordkauf", (2,), 0.00),
        ("retail", "Casa Verde", (3,), -0.02),
        ("retail", "Polmarket", (1,), 0.00),
        ("distributor", "Hansen Trade", (4,), 0.00),
        ("distributor", "Rhone Distribution", (3,), 0.12),
        ("distributor", "Baltic Wholesale", (2,), 0.03),
        ("export", "Levant Trading", (4,), 0.05),
        ("export", "Aegean Import", (4,), 0.05),
        ("online", "Korbhaus", (0, 3), 0.00),
    ],
    schema=["segment", "customer", "weekdays", "over"],
    orient="row",
)


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
    plants = _places(PLANTS, ["location", "north", "east", "hourly_cost"], count=size.plants)
    warehouses = _places(WAREHOUSES, ["location", "north", "east"], count=size.warehouses)
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


def _places(known: Sequence[tuple[str | float, ...]], columns: list[str], *, count: int) -> pl.DataFrame:
    """The first `count` places; beyond the list the towns come round again, numbered."""
    turns = math.ceil(count / len(known))
    rows = [(f"{row[0]} {turn + 1}" if turn else row[0], *row[1:]) for turn in range(turns) for row in known]
    return pl.DataFrame(rows[:count], schema=columns, orient="row")


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
