"""The simulated past as actuals.

Amounts: sales at the price invoiced, make and stock at standard cost, buy at the price paid, ship at the freight paid
(dated on the Friday, at the place goods leave), hours at what the hours cost.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Real, Whole
from soe_lib.extract.demo.demand import delivery_days
from soe_lib.extract.demo.positions import arrival_day, positions
from soe_lib.extract.demo.recipes import MIXING_COST, REGULAR_HOURS
from soe_lib.extract.demo.simulation import by_weekday, started
from soe_lib.extract.demo.world import World

STOPS, STOP_HOURS = 0.2, 4.0  # share of weeks in which a line stops, and for how long [h]
COLUMNS = ["date", "measure", "item", "location", "resource", "customer", "quantity", "hours", "amount"]


def actuals(world: World, at: int, *, weeks: int = 8) -> pl.DataFrame:
    """What happened in the last `weeks` weeks before week `at`: sales, make, buy, ship, stock and hours by day.

    Hours lost in stops come last, so that the other rows keep their lines.
    """
    told = np.arange(max(at - weeks, 0), at)
    parts = [_sales(world, told), _make(world, told), _mix(world, told), _buy(world, told)]
    parts += [_ship(world, told), _stock(world, told), _hours(world, told)]
    rows = pl.concat(parts, how="diagonal").select(COLUMNS)
    rows = rows.sort("date", "measure", "item", "location", "resource", "customer", nulls_last=False)
    return pl.concat([rows, _lost(world, told).select(COLUMNS)])


def _sales(world: World, told: Whole) -> pl.DataFrame:
    """Half of a week's sales on each of the customer's delivery days."""
    past, lines = world.past.sold, world.named_lines()
    price = world.net_price() * world.noise(1, past.shape, 0.006)
    days = delivery_days(world.company)
    first = np.where(days[:, 0] == days[:, 1], past, np.ceil(past / 2))
    sold = np.stack([first, past - first], axis=2)[told]
    week, line, half = np.nonzero(sold)
    quantity = sold[week, line, half]
    return lines[line].with_columns(
        world.dates(told[week], days[line, half]),
        measure=pl.lit("sales"),
        quantity=pl.Series(quantity),
        amount=pl.Series(np.round(quantity * price[told[week], line], 2)),
    )


def campaigns(world: World, week: int) -> tuple[Real, Real]:
    """One item after the other on each line, over five equal days: good cases [item, day] and hours [line, day]."""
    line, lines = world.company.column("items", "line"), world.company.lines.height
    made = world.past.made[week]
    hours = started(made) / world.recipes.rate
    turn = np.lexsort(((np.arange(len(line)) + week) % 7, line))
    total = np.bincount(line, weights=hours, minlength=lines)
    earlier = np.concatenate([[0.0], np.cumsum(total)])[line[turn]]
    begin = np.empty_like(hours)
    begin[turn] = np.cumsum(hours[turn]) - hours[turn] - earlier
    day_ends = total[line][:, None] * np.arange(6) / 5
    done = np.clip((day_ends - begin[:, None]) / np.maximum(hours, 1e-9)[:, None], 0.0, 1.0)
    done[:, 5] = 1.0
    good = np.diff(np.rint(done * made[:, None]), axis=1)
    return good, np.repeat(total[:, None] / 5, 5, axis=1)


def _make(world: World, told: Whole) -> pl.DataFrame:
    daily = np.stack([campaigns(world, int(week))[0] for week in told])
    week, item, day = np.nonzero(daily)
    return _made(
        world.company.items["item"].gather(item),
        world.home().gather(item),
        world.dates(told[week], day),
        daily[week, item, day],
        world.costs.item[item],
    )


def _mix(world: World, told: Whole) -> pl.DataFrame:
    daily = np.stack([_mixed(world, int(week)) for week in told])
    week, component, plant, day = np.nonzero(daily)
    return _made(
        catalogue.COMPONENTS["item"].gather(component),
        world.company.plants["location"].gather(plant),
        world.dates(told[week], day),
        daily[week, component, plant, day],
        world.costs.component[component],
    )


def _made(item: pl.Series, location: pl.Series, date: pl.Series, quantity: Real, cost: Real) -> pl.DataFrame:
    columns = [item.alias("item"), location.alias("location"), date, pl.Series("quantity", quantity)]
    amount = pl.Series("amount", np.round(quantity * cost, 2))
    return pl.DataFrame([*columns, amount]).with_columns(measure=pl.lit("make"))


def _mixed(world: World, week: int) -> Real:
    """Good tonnes mixed on each weekday, to a tenth, [component, plant, day]; zero for what is bought."""
    base = catalogue.COMPONENTS["unit_cost"].is_null().to_numpy()[:, None]
    home = world.company.column("items", "plant")[:, None] == np.arange(world.company.size.plants)
    direct = (world.recipes.bill * started(world.past.made[week])[:, None]).T @ home.astype(np.float64)
    return by_weekday(np.where(base, np.rint(10 * direct), 0.0)) / 10


def _buy(world: World, told: Whole) -> pl.DataFrame:
    arriving = world.past.arriving
    paid = world.costs.component[:, None] * world.noise(2, arriving.shape, 0.012)
    week, component, plant = np.nonzero(arriving[told])
    week = told[week]
    quantity = arriving[week, component, plant]
    return (
        catalogue.COMPONENTS[component]
        .select("item")
        .with_columns(
            world.company.plants["location"].gather(plant),
            world.dates(week, arrival_day(component)),
            measure=pl.lit("buy"),
            quantity=pl.Series(quantity),
            amount=pl.Series(np.round(quantity * paid[week, component, plant], 2)),
        )
    )


def _ship(world: World, told: Whole) -> pl.DataFrame:
    shipped = world.past.shipped
    freight = (shipped * world.road_cost()).sum(axis=2) * world.noise(3, world.past.made.shape, 0.02)
    quantity = shipped.sum(axis=2)
    week, item = np.nonzero(quantity[told])
    week = told[week]
    return (
        world.company.items[item]
        .select("item")
        .with_columns(
            world.home().gather(item),
            world.dates(week, 4),
            measure=pl.lit("ship"),
            quantity=pl.Series(quantity[week, item]),
            amount=pl.Series(np.round(freight[week, item], 2)),
        )
    )


def _stock(world: World, told: Whole) -> pl.DataFrame:
    """Closing stock on each Sunday, which is the next Monday's opening stock."""
    sundays = world.dates(told, 6)
    parts = [
        positions(world, int(week) + 1).with_columns(pl.lit(sunday).alias("date"))
        for week, sunday in zip(told, sundays, strict=True)
    ]
    rows = pl.concat(parts).filter(pl.col("quantity") > 0).with_columns(measure=pl.lit("stock"))
    return rows.with_columns(amount=(pl.col("quantity") * pl.col("cost")).round(2)).drop("cost")


def _lost(world: World, told: Whole) -> pl.DataFrame:
    """Hours that a line stood still, on one day of some weeks: never more than it had left that day."""
    generator = np.random.default_rng([world.seed, 8])
    shape = (world.demand.timeline.last, world.company.lines.height)
    stops, size = generator.random(shape) < STOPS, generator.lognormal(np.log(STOP_HOURS), 0.6, shape)
    weekday = generator.integers(0, 5, shape)
    worked = np.stack([campaigns(world, int(week))[1][:, 0] for week in told])
    left = np.maximum(REGULAR_HOURS / 5 - worked * 1.1, 0.0)  # what `_hours` draws lies below
    hours = np.round(np.where(stops[told], np.minimum(size[told], left), 0.0), 1)
    week, line = np.nonzero(hours)
    lost = world.company.lines.select("resource", "location")[line].with_columns(
        world.dates(told[week], weekday[told[week], line]),
        measure=pl.lit("lost hours"),
        hours=pl.Series(hours[week, line]),
    )
    blank = {"item": pl.String, "customer": pl.String, "quantity": pl.Float64, "amount": pl.Float64}
    columns = [pl.lit(None, dtype=kind).alias(name) for name, kind in blank.items()]
    return lost.with_columns(columns).sort("date", "resource")


def _hours(world: World, told: Whole) -> pl.DataFrame:
    """Hours of lines and mixing crews by day, a little off standard, and what they cost."""
    pace = world.recipes.operations.filter(pl.col("step") == "mix").unique("resource", maintain_order=True)
    crews = world.company.plants.select(pl.format("{} mixing", "location").alias("resource"), "location")
    per_tonne = crews.join(pace, on="resource", how="left", maintain_order="left")["hours_per_unit"].fill_null(0.0)
    tonnes = np.stack([_mixed(world, int(week)).sum(axis=0) for week in told])
    lines = np.stack([campaigns(world, int(week))[1] for week in told])
    planned = np.concatenate([lines, tonnes * per_tonne.to_numpy()[None, :, None]], axis=1)
    shape = (world.demand.timeline.last, planned.shape[1], 5)
    hours = np.round(planned * 1.01 * world.noise(4, shape, 0.02)[told], 2)
    price = np.concatenate([world.company.lines["hourly_cost"].to_numpy(), np.full(len(crews), MIXING_COST)])
    spent = hours * price[None, :, None] * world.noise(5, shape, 0.01)[told]
    week, row, day = np.nonzero(hours)
    return pl.concat([world.company.lines.select("resource", "location"), crews])[row].with_columns(
        world.dates(told[week], day),
        measure=pl.lit("hours"),
        hours=pl.Series(hours[week, row, day]),
        amount=pl.Series(np.round(spent[week, row, day], 2)),
    )
