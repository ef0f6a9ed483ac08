"""Networks to measure with, of any size: half of the plants make each item and ship it to every warehouse.

Each plant makes an item on a line of its own choice and, dearer and slower, on the next line too; demand has a
season, later for every other item. So the hours of all lines and periods compete, as they do in a real network.
Shape "plain" has one level and no lead times. Shape "bom" adds semi-finished goods and bought materials at the plants,
days to make and to travel, and weeks to buy. Nothing here tells a story; all of it is drawn at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from soe_lib.extract.demo.company import Real, Size, Whole

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
