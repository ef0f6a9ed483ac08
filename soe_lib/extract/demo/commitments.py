"""What was promised before the week began: the S&OP consensus and the budget, by fiscal month and family."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Real, Whole
from soe_lib.extract.demo.recipes import FILLING_YIELD
from soe_lib.extract.demo.world import World

CAPITAL_RATE = 0.0018  # a week
STORAGE_COST = 1.10  # per cubic metre and week
STORAGE_RATE = 0.001  # storage a week, as a share of the stock's value
WEEKS_A_MONTH = 4.35
CYCLE = 0.30  # weeks of demand that S&OP expects in a warehouse beyond safety stock
GROWTH = (0.99, 1.01, 1.03, 1.02)  # what the budget thought of each family, relative to what S&OP thinks now
OVERTIME = 0.006  # of conversion, as budgeted


def months(as_of: date) -> list[str]:
    """The fiscal (calendar) months from the one before the as-of date to the third after it."""
    first = as_of.year * 12 + as_of.month - 2
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, first + 5)]


def consensus(world: World, as_of: date) -> pl.DataFrame:
    """Sales and stock by family and warehouse, make by family and plant: cases, and money at price or standard cost.

    S&OP fixed it when nobody saw the drift: what an informed planner expects, give or take half a per cent.
    """
    asked = months(as_of)
    wanted = _monthly(world, asked) * _opinion(world, asked)[:, _family(world)[_line_item(world)]]
    lines, item = world.named_lines(), _line_item(world)
    price, cost = world.net_price(), world.costs.item[item]
    sales = _rows(world, asked, lines["location"], wanted, wanted * price, "sales")
    make = _rows(world, asked, world.home().gather(item), wanted, wanted * cost, "make")
    stock = _expected_stock(world, asked)
    return pl.concat([sales, make, stock]).sort("fiscal_month", "family", "location", "measure")


def budget(world: World, as_of: date) -> pl.DataFrame:
    """Revenue and costs by family and account over all places; revenue positive, costs negative."""
    asked = months(as_of)
    family, item = _family(world), _line_item(world)
    growth = np.array(GROWTH)[family % len(GROWTH)]
    wanted = _monthly(world, asked) * growth[item]
    material = (world.recipes.need * catalogue.COMPONENTS["unit_cost"].fill_null(0.0).to_numpy()).sum(
        axis=1
    ) / FILLING_YIELD
    conversion = world.costs.item - material
    road = world.road_cost()[item, world.company.column("demand_lines", "warehouse")]
    held = _expected_stock(world, asked).group_by("fiscal_month", "family").agg(pl.col("amount").sum())
    accounts = {
        "revenue": world.net_price(),
        "material": -material[item],
        "conversion": -conversion[item],
        "overtime": -OVERTIME * conversion[item],
        "freight": -road,
    }
    everywhere = pl.repeat("", len(item), eager=True, dtype=pl.String)
    rows = [
        _rows(world, asked, everywhere, wanted, wanted * per_unit, "sales").with_columns(account=pl.lit(account))
        for account, per_unit in accounts.items()
    ]
    keep = pl.col("account") == "revenue"
    money = pl.concat(rows).with_columns(measure=pl.when(keep).then("measure"), quantity=pl.when(keep).then("quantity"))
    held_cost = (-WEEKS_A_MONTH * (CAPITAL_RATE + STORAGE_RATE) * pl.col("amount")).round(0)
    holding = held.select("fiscal_month", "family", account=pl.lit("holding"), amount=held_cost)
    columns = ["fiscal_month", "family", "account", "measure", "quantity", "amount"]
    return pl.concat([money.select(columns), holding], how="diagonal").sort("fiscal_month", "family", "account")


def _family(world: World) -> Whole:
    return np.arange(world.company.size.items) * world.company.size.families // world.company.size.items


def _line_item(world: World) -> Whole:
    return world.company.column("demand_lines", "item")


def _opinion(world: World, asked: list[str]) -> Real:
    """How far S&OP is off what an informed planner expects, [month, family]; the same whenever it is told."""
    known = _all_months(world)
    noise = world.noise(6, (len(known), world.company.size.families), 0.006)
    return noise[[known.index(month) for month in asked]]


def _all_months(world: World) -> list[str]:
    days = world.demand.timeline.mondays
    first, last = (day.year * 12 + day.month - 1 for day in (days[0], days[-1]))
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, last + 2)]


def _shares(world: World, asked: list[str]) -> Real:
    """Share of each week's working days (Monday to Friday) that lie in each month, [month, week]."""
    count = world.demand.timeline.count
    days = world.dates(np.repeat(np.arange(count), 5), np.tile(np.arange(5), count))
    label = days.dt.strftime("%Y-%m").to_numpy().reshape(-1, 5)
    return np.stack([(label == month).mean(axis=1) for month in asked])


def _monthly(world: World, asked: list[str]) -> Real:
    """Cases that an informed planner expects, [month, demand line]."""
    return _shares(world, asked) @ world.demand.level


def _rows(
    world: World, asked: list[str], location: pl.Series, quantity: Real, amount: Real, measure: str
) -> pl.DataFrame:
    """[month, demand line] added up by month, family and location, in whole cases and whole money."""
    month, line = np.indices(quantity.shape).reshape(2, -1)
    families = world.company.items["family"].gather(_line_item(world))
    cells = pl.DataFrame(
        {
            "fiscal_month": pl.Series(asked).gather(month),
            "family": families.gather(line),
            "location": location.gather(line),
            "quantity": quantity.ravel(),
            "amount": amount.ravel(),
        }
    )
    keys = ["fiscal_month", "family", "location"]
    total = cells.group_by(keys, maintain_order=True).agg(pl.col("quantity", "amount").sum().round(0))
    return total.with_columns(measure=pl.lit(measure)).select(*keys, "measure", "quantity", "amount")


def _expected_stock(world: World, asked: list[str]) -> pl.DataFrame:
    """Stock at the month's end: safety stock and a part of an average week's demand, at standard cost."""
    share = _shares(world, asked)
    item = _line_item(world)
    cell = item * world.company.size.warehouses + world.company.column("demand_lines", "warehouse")
    safety = world.past.safety.ravel()[cell] / np.bincount(cell)[cell]
    weekly = (share @ world.demand.level) / share.sum(axis=1, keepdims=True)
    quantity = safety[None, :] + CYCLE * weekly
    return _rows(world, asked, world.named_lines()["location"], quantity, quantity * world.costs.item[item], "stock")
