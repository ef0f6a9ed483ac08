"""Networks to measure with, of any size: half of the plants make each item and ship it to every warehouse.

Each plant makes an item on a line of its own choice and, dearer and slower, on the next line too; demand has a
season, later for every other item. So the hours of all lines and periods compete, as they do in a real network.
Shape "plain" has one level and no lead times. Shape "bom" adds semi-finished goods and bought materials at the plants,
days to make and to travel, and weeks to buy. Nothing here tells a story; all of it is drawn at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.demo.company import Real, Size, Whole
from soe_lib.extract.writing import Section, write

DAY_HOURS, LOAD, MIXING_LOAD = 16.0, 1.0, 0.75
HOURLY, MIXING_ENERGY = 100.0, 0.30
DEARER, SLOWER = (1.0, 1.1), (1.0, 1.2)  # cost and hours of the second line, of the first one's
LEAST_MARGIN, MOST_MARGIN = 0.28, 0.42
LISTED = 0.29  # share of (item, warehouse, class) with demand: 300 items at 18 periods make about 300,000 variables


@dataclass(frozen=True)
class Network:
    """Names and figures of one network; semis and materials are empty where it is plain.

    weekly: units a week, [item, warehouse, class]. routes: item, plant and line in it of every way to make a finished
    item, row numbers. route_cost: of each route, per unit, hours aside. hours: of each route, per unit. freight:
    [plant, warehouse]. semi_of, material_of: what an item takes one of, [item]. mixing: hours per unit of a
    semi-finished good.
    """

    size: Size
    items: pl.Series
    plants: pl.Series
    warehouses: pl.Series
    customers: pl.Series
    semis: pl.Series
    materials: pl.Series
    weekly: Real
    routes: tuple[Whole, Whole, Whole]
    route_cost: Real
    hours: Real
    freight: Real
    margin: Real
    mixing: float

    @property
    def deep(self) -> bool:
        """Whether there are levels below the finished items."""
        return len(self.semis) > 0

    def made(self) -> Real:
        """Units a week of each item at each plant, were they shared out evenly, [item, plant]."""
        item, plant, _ = self.routes
        share = np.zeros((self.size.items, self.size.plants))
        share[item, plant] = 1.0
        return share * (self.weekly.sum(axis=(1, 2)) / share.sum(axis=1))[:, None]

    def semi_of(self) -> Whole:
        """The semi-finished good that each item takes one of."""
        return np.arange(self.size.items) % len(self.semis)

    def packing_of(self) -> Whole:
        """The packing material that each item takes one of: the later half of the materials."""
        half = len(self.materials) // 2
        return half + np.arange(self.size.items) % (len(self.materials) - half)

    def raw_of(self) -> Whole:
        """The two raw materials that each semi-finished good is half and half of, [semi, 2]."""
        half = max(len(self.materials) // 2, 1)
        semi = np.arange(len(self.semis))
        return np.stack([semi % half, (semi + 1) % half], axis=1)

    def material_cost(self) -> Real:
        """Money per unit of each material."""
        return np.round(0.4 + np.arange(len(self.materials)) % 5 * 0.15, 2)

    def semi_cost(self) -> Real:
        """Money per unit of each semi-finished good: its raw materials, energy and the crew."""
        return np.round(self.material_cost()[self.raw_of()].mean(axis=1) + MIXING_ENERGY + self.mixing * HOURLY, 4)

    def costs(self) -> Real:
        """Money per unit of each route, all levels and the line's hours included."""
        item = self.routes[0]
        below = np.zeros(self.size.items)
        if self.deep:
            below = self.semi_cost()[self.semi_of()] + self.material_cost()[self.packing_of()]
        return self.route_cost + self.hours * HOURLY + below[item]


def invent(size: Size, *, seed: int, deep: bool) -> Network:
    """The lasting figures: demand and costs are drawn, and hours are set so that the lines are LOAD busy."""
    draw = np.random.default_rng([seed, 9])
    shape = (size.items, size.warehouses, size.customer_classes)
    share = np.exp(draw.normal(0.0, 0.4, shape)) * (draw.random(shape) < LISTED)
    anchor = draw.integers(0, size.customer_classes, shape[:2])
    share[*np.indices(shape[:2]), anchor] += 1.0
    volume = np.exp(draw.normal(6.5, 0.7, size.items))
    weekly = np.rint(volume[:, None, None] * share / share.sum(axis=(1, 2), keepdims=True) + 0.5 * (share > 0))
    pace = draw.uniform(0.7, 1.4, size.items)
    offered = 7 * DAY_HOURS * size.plants * size.lines * LOAD
    total = weekly.sum(axis=(1, 2))
    item, plant, line, cost, slower = _ways(size, draw, np.random.default_rng([seed, 9, 2]))
    return Network(
        size=size,
        items=names("F", size.items),
        plants=names("P", size.plants),
        warehouses=names("W", size.warehouses),
        customers=names("K", size.customer_classes),
        semis=names("S", max(size.items // 5, 1) if deep else 0),
        materials=names("M", max(size.items // 10, 2) if deep else 0),
        weekly=weekly,
        routes=(item, plant, line),
        route_cost=np.round(cost * (0.5 if deep else 1.0), 3),
        hours=np.round(pace[item] * slower * offered / (total @ pace), 6),
        freight=np.round(draw.uniform(0.2, 1.6, (size.plants, size.warehouses)), 2),
        margin=draw.uniform(LEAST_MARGIN, MOST_MARGIN, size.items),
        mixing=round(MIXING_LOAD * 7 * DAY_HOURS * size.plants / float(total.sum()), 6),
    )


def _ways(size: Size, draw: np.random.Generator, second: np.random.Generator) -> tuple[Whole, Whole, Whole, Real, Real]:
    """Item, plant, line, cost and hours (1: the first line's) of every way: first lines, then second ones."""
    item, way = np.indices((size.items, max(size.plants // 2, 1))).reshape(2, -1)
    plant, line = (item + way) % size.plants, item // size.plants % size.lines
    cost = draw.uniform(4.0, 12.0, size.items)[item] * draw.uniform(0.92, 1.12, len(item))
    slower = np.ones(len(item))
    if size.lines == 1:
        return item, plant, line, cost, slower
    return (
        np.tile(item, 2),
        np.tile(plant, 2),
        np.concatenate([line, (line + 1) % size.lines]),
        np.concatenate([cost, cost * second.uniform(*DEARER, len(item))]),
        np.concatenate([slower, second.uniform(*SLOWER, len(item))]),
    )


def names(letter: str, count: int) -> pl.Series:
    """F001, F002, …: enough digits for all, so that text sorts like numbers."""
    digits = max(len(str(count)), 2)
    return pl.Series(values=[f"{letter}{number:0{digits}d}" for number in range(1, count + 1)], dtype=pl.String)


def line_names(network: Network) -> pl.Series:
    """Lines of all plants, plant by plant."""
    plant, line = np.indices((network.size.plants, network.size.lines)).reshape(2, -1)
    frame = pl.DataFrame({"plant": network.plants.gather(plant), "line": line + 1})
    return frame.select(pl.format("{}-L{}", "plant", "line").alias("resource")).to_series()


def at(item: str, place: str) -> pl.Expr:
    """Name of something at a plant or on a line, from two columns."""
    return pl.format("{}@{}", item, place)


def semi_sites(network: Network) -> pl.DataFrame:
    """Every semi-finished good at every plant: [semi, plant] row numbers and [item, location] names."""
    semi, plant = np.indices((len(network.semis), network.size.plants)).reshape(2, -1)
    return pl.DataFrame(
        {"semi": semi, "plant": plant, "item": network.semis.gather(semi), "location": network.plants.gather(plant)}
    )


def ways(network: Network) -> pl.DataFrame:
    """Every line that makes every finished item: its row number, [item, location, resource, routing] names."""
    item, plant, line = network.routes
    resource = line_names(network).gather(plant * network.size.lines + line)
    names = {"item": network.items.gather(item), "location": network.plants.gather(plant), "resource": resource}
    return pl.DataFrame({"row": item, **names}).with_columns(at("item", "resource").alias("routing"))


def routings(network: Network) -> pl.DataFrame:
    """A day to make a finished item and two for a semi-finished good; none at all in a plain network."""
    columns = ["routing", "item", "location", "lead_time_days", "cost_per_unit"]
    finished = ways(network).with_columns(
        cost_per_unit=pl.Series(network.route_cost), lead_time_days=pl.lit(1.0 if network.deep else 0.0)
    )
    semis = semi_sites(network).with_columns(
        at("item", "location").alias("routing"), cost_per_unit=pl.lit(MIXING_ENERGY), lead_time_days=pl.lit(2.0)
    )
    return pl.concat([finished.select(columns), semis.select(columns)])


def operations(network: Network) -> pl.DataFrame:
    """Each item takes hours of one line in each of its ways; semi-finished goods take the plant's mixing crew."""
    finished = ways(network).select("routing", "resource", pl.Series("hours_per_unit", network.hours))
    semis = semi_sites(network).select(
        at("item", "location").alias("routing"),
        pl.format("{}-MIX", "location").alias("resource"),
        pl.lit(network.mixing).alias("hours_per_unit"),
    )
    return pl.concat([finished, semis])


def components(network: Network) -> pl.DataFrame:
    """One semi-finished good and one packing for each item; half and half of two raw materials for each good."""
    routes, sites = ways(network), semi_sites(network)
    item, semi = routes["row"].to_numpy(), sites["semi"].to_numpy()
    base = network.semis.gather(network.semi_of()[item]).alias("component")
    packing = network.materials.gather(network.packing_of()[item]).alias("component")
    parts = [routes.select("routing", part, quantity=pl.lit(1.0)) for part in (base, packing)]
    mixes = sites.select(at("item", "location").alias("routing"))
    raw = network.raw_of()[semi]
    parts += [
        mixes.with_columns(network.materials.gather(raw[:, side]).alias("component"), quantity=pl.lit(0.5))
        for side in range(2)
    ]
    total = pl.concat(parts).group_by("routing", "component", maintain_order=True).agg(pl.col("quantity").sum())
    return total.sort("routing", "component")


def _lead_weeks(network: Network) -> Whole:
    return 1 + np.arange(len(network.materials)) % 4


def _material_sites(network: Network) -> tuple[Whole, Whole]:
    material, plant = np.indices((len(network.materials), network.size.plants)).reshape(2, -1)
    return material, plant


def material_use(network: Network) -> tuple[Real, Real]:
    """Units a week of each semi-finished good and of each material at each plant, were items shared out evenly."""
    made = network.made()
    semis = np.zeros((len(network.semis), network.size.plants))
    np.add.at(semis, network.semi_of(), made)
    materials = np.zeros((len(network.materials), network.size.plants))
    np.add.at(materials, network.packing_of(), made)
    np.add.at(materials, network.raw_of()[:, 0], 0.5 * semis)
    np.add.at(materials, network.raw_of()[:, 1], 0.5 * semis)
    return semis, materials


def offers(network: Network) -> pl.DataFrame:
    """One supplier for each material, one to four weeks away."""
    material, plant = _material_sites(network)
    names = pl.DataFrame({"item": network.materials.gather(material), "location": network.plants.gather(plant)})
    return names.select(
        at("item", "location").alias("offer"),
        pl.format("Supplier {}", "item").alias("supplier"),
        "item",
        "location",
        pl.Series("unit_cost", network.material_cost()[material]),
        pl.Series("lead_time_days", 7.0 * _lead_weeks(network)[material]),
    )


def receipts(network: Network, as_of: date) -> pl.DataFrame:
    """Weekly deliveries on order until the first one that could still be ordered arrives."""
    use = material_use(network)[1]
    before = np.arange(5)[:, None, None] < _lead_weeks(network)[None, :, None]
    week, material, plant = np.nonzero(before & (use > 0))
    monday = np.datetime64(as_of, "D")
    return pl.DataFrame(
        {
            "number": np.arange(len(week)) + 1,
            "item": network.materials.gather(material),
            "location": network.plants.gather(plant),
            "due_on": pl.Series(monday + (7 * week + 1).astype("timedelta64[D]")).cast(pl.Date),
            "quantity": np.ceil(1.1 * use[material, plant]),
        }
    ).select(
        pl.format("R{}", pl.col("number").cast(pl.String).str.zfill(6)).alias("receipt"),
        pl.lit("buy").alias("kind"),
        "item",
        "location",
        "due_on",
        "quantity",
        at("item", "location").alias("offer"),
    )


OVERTIME_HOURS, OVERTIME_COST = 3.0, 150.0
END_VALUE = 0.90
OPENING_WEEKS = 0.4
SEASON, LATER = 0.30, 0.25  # swing of demand over the horizon; how much of it every other item is later


def write_all(
    folder: Path, size: Size, *, weeks: int, seed: int, last: date, deep: bool, horizon: tuple[int, int]
) -> list[Path]:
    """Write `weeks` weekly extracts of one network; `horizon` is its weeks and its daily days."""
    network = invent(size, seed=seed, deep=deep)
    mondays = [last - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    return [
        write(folder / str(as_of), extract(network, as_of, horizon[0], seed=seed), _settings(network, as_of, horizon))
        for as_of in mondays
    ]


def extract(network: Network, as_of: date, weeks: int, *, seed: int) -> dict[str, pl.DataFrame]:
    """The tables of one week; forecast and opening stock are drawn anew for each as-of date."""
    draw = np.random.default_rng([seed, 10, as_of.toordinal()])
    tables = {
        "items": _items(network),
        "locations": _locations(network),
        "resources": _resources(network),
        "calendar": _calendar(network, as_of, weeks),
        "routings": routings(network),
        "operations": operations(network),
        "lanes": _lanes(network),
        "customers": _customers(network),
        "forecast": _forecast(network, as_of, weeks, draw),
        "inventory": _inventory(network, draw),
    }
    if not network.deep:
        return tables
    deep = {"components": components(network), "offers": offers(network), "receipts": receipts(network, as_of)}
    return {**tables, **deep}


def _settings(network: Network, as_of: date, horizon: tuple[int, int]) -> Section:
    return {
        "company": "Network with a bill of material" if network.deep else "Plain network",
        "currency": "EUR",
        "as_of": as_of,
        "assumptions": ["Drawn at random to measure with: nothing in it means anything."],
        "horizon": {"weeks": horizon[0], "daily": horizon[1]},
        "costs": {"per": "week", "holding_on": "closing", "capital_rate": 0.002},
        "lead_time": {"dispatch": "spread"},
        # A network never sleeps: every period has demand and hours.
        "calendar": {"fiscal": "months", "working_days": 7},
    }


def _items(network: Network) -> pl.DataFrame:
    """Standard cost: the dearest route; end value: nine tenths of the cheapest; price: the margin on the dearest."""
    item, cost = network.routes[0], network.costs()
    dear, cheap = np.zeros(network.size.items), np.full(network.size.items, np.inf)
    np.maximum.at(dear, item, cost)
    np.minimum.at(cheap, item, cost)
    finished = pl.DataFrame(
        {
            "item": network.items,
            "family": pl.Series(np.arange(network.size.items) % 6 + 1).cast(pl.String),
            "standard_cost": np.round(dear, 4),
            "price": np.round((dear + 1.0) / (1 - network.margin), 2),
            "end_value": np.round(END_VALUE * cheap, 4),
        }
    ).with_columns(pl.format("Family {}", "family").alias("family"))
    if not network.deep:
        return finished
    parts = pl.DataFrame(
        {
            "item": pl.concat([network.semis, network.materials]),
            "standard_cost": np.concatenate([network.semi_cost(), network.material_cost()]),
        }
    )
    value = (pl.col("standard_cost") * END_VALUE).round(4)
    return pl.concat([finished, parts.with_columns(family=pl.lit("Parts"), end_value=value)], how="diagonal")


def _locations(network: Network) -> pl.DataFrame:
    plants = pl.DataFrame({"location": network.plants}).with_columns(kind=pl.lit("plant"))
    return pl.concat([plants, pl.DataFrame({"location": network.warehouses}).with_columns(kind=pl.lit("warehouse"))])


def _crews(network: Network) -> pl.Series:
    """One mixing crew in each plant, where there is something to mix."""
    names = network.plants.alias("plant").to_frame().select(pl.format("{}-MIX", "plant").alias("resource")).to_series()
    return names if network.deep else names.clear()


def _resources(network: Network) -> pl.DataFrame:
    plant = np.repeat(np.arange(network.size.plants), network.size.lines)
    lines = pl.DataFrame({"resource": line_names(network), "location": network.plants.gather(plant)})
    crews = pl.DataFrame({"resource": _crews(network), "location": network.plants if network.deep else _crews(network)})
    both = pl.concat([lines.with_columns(kind=pl.lit("line")), crews.with_columns(kind=pl.lit("labour"))])
    return both.with_columns(hourly_cost=pl.lit(HOURLY), overtime_cost=pl.lit(OVERTIME_COST))


def _calendar(network: Network, as_of: date, weeks: int) -> pl.DataFrame:
    days = pl.date_range(as_of, as_of + timedelta(days=7 * weeks - 1), eager=True).alias("date").to_frame()
    names = pl.concat([line_names(network), _crews(network)]).to_frame()
    hours = {"hours": pl.lit(DAY_HOURS), "overtime_hours": pl.lit(OVERTIME_HOURS)}
    return names.join(days, how="cross", maintain_order="left_right").with_columns(**hours)


def _lanes(network: Network) -> pl.DataFrame:
    plant, warehouse = np.indices(network.freight.shape).reshape(2, -1)
    days = (plant + warehouse) % 3 + 1.0 if network.deep else np.zeros(len(plant))
    names = {"origin": network.plants.gather(plant), "destination": network.warehouses.gather(warehouse)}
    figures = {"lead_time_days": days, "cost_per_unit": network.freight.ravel()}
    name = pl.format("{}>{}", "origin", "destination").alias("lane")
    return pl.DataFrame({**names, **figures}).select(name, pl.all())


def _customers(network: Network) -> pl.DataFrame:
    """Classes by priority; none takes goods late."""
    priority = np.arange(1, network.size.customer_classes + 1)
    goodwill = np.round(6.0 / priority, 2)
    return pl.DataFrame({"customer": network.customers, "priority": priority, "short_cost": goodwill})


def _forecast(network: Network, as_of: date, weeks: int, draw: np.random.Generator) -> pl.DataFrame:
    item, warehouse, customer = np.nonzero(network.weekly)
    mondays = pl.date_range(as_of, as_of + timedelta(weeks=weeks - 1), "1w", eager=True)
    turn = np.arange(weeks) / weeks - LATER * (item % 2)[:, None]
    wave = 1 + SEASON * np.sin(2 * np.pi * turn)
    noise = np.exp(draw.normal(0.0, 0.15, (len(item), weeks)))
    quantity = network.weekly[item, warehouse, customer][:, None] * wave * noise
    line, week = np.indices(quantity.shape).reshape(2, -1)
    return pl.DataFrame(
        {
            "item": network.items.gather(item[line]),
            "location": network.warehouses.gather(warehouse[line]),
            "customer": network.customers.gather(customer[line]),
            "period": mondays.dt.strftime("%G-W%V").gather(week),
            # At least one unit a day, so that each day of the first week has a demand of its own.
            "quantity": np.maximum(np.rint(quantity), 7.0).ravel(),
        }
    )


def _inventory(network: Network, draw: np.random.Generator) -> pl.DataFrame:
    """Some days of demand in the warehouses; below the finished items a week's use at each plant."""
    demand = network.weekly.sum(axis=2) * OPENING_WEEKS
    stock = np.rint(demand * np.exp(draw.normal(0.0, 0.3, demand.shape)))
    if network.deep:
        stock = np.rint(stock * 3)  # a week and more is under way
    item, warehouse = np.nonzero(stock)
    names = {"item": network.items.gather(item), "location": network.warehouses.gather(warehouse)}
    finished = pl.DataFrame({**names, "on_hand": stock[item, warehouse]})
    if not network.deep:
        return finished
    below = np.ceil(np.concatenate(material_use(network)))
    row, plant = np.nonzero(below)
    parts = pl.concat([network.semis, network.materials])
    more = {"item": parts.gather(row), "location": network.plants.gather(plant), "on_hand": below[row, plant]}
    return pl.concat([finished, pl.DataFrame(more)])
