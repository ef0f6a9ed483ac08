"""One weekly extract of a network as tables of the contract."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract.demo.company import Size
from soe_lib.extract.demo.network import DAY_HOURS, HOURLY, Network, invent
from soe_lib.extract.demo.network_making import (
    components,
    line_names,
    material_use,
    offers,
    operations,
    receipts,
    routings,
)
from soe_lib.extract.demo.write import Section, write

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
