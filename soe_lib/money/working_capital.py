"""What a plan ties up from week to week: stock at standard cost, receivables, payables, and days of stock."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cash import CashCurve, cash_curve
from soe_lib.money.reading import PlanLike, with_dates
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.worth import at_standard_cost


def working_capital(
    plan: PlanLike, snapshot: Snapshot, *, curve: CashCurve | None = None, digits: int = 2
) -> pl.DataFrame:
    """Working capital at the end of each week of the plan.

    Formula: working capital = stock at standard cost + receivables − payables; days of stock = stock ÷ cost of what the
    plan sells per day, over the whole of it (null where it sells nothing).

    Parameters
    ----------
    curve : the plan's cash curve, where it is there already; see `cash_curve` for terms and what is open at the start.
    digits : decimals of the currency.

    Returns week, ends_on, stock, receivables, payables, working_capital [money, in whole minor units], days_of_stock.

    Raises DataError for stock or sales without a standard cost, FormulationError for a plan without stock.
    """
    known = cash_curve(plan, snapshot, digits=digits) if curve is None else curve
    costs = snapshot["items"]
    cells = at_standard_cost(with_dates(plan.flows["stock"], plan), costs, "in stock")
    ends = cells.group_by("ends_on").agg(pl.col("worth").sum()).sort("ends_on")
    weeks = ends.with_columns(week=pl.col("ends_on").dt.strftime("%G-W%V")).unique(
        "week", keep="last", maintain_order=True
    )
    sold = at_standard_cost(with_dates(plan.flows["sell"], plan), costs, "sold")
    days = int(cells.select("ends_on", "days").unique()["days"].sum())
    a_day = float(sold["worth"].sum()) / days if days else 0.0
    open_items = known.rows.select(pl.col("date").alias("ends_on"), "receivables", "payables")
    stock = pl.Series("stock", whole(weeks["worth"].to_numpy() * 10**digits), dtype=pl.Int64)
    rows = weeks.with_columns(stock).join(open_items, on="ends_on", how="left")
    rows = rows.with_columns(pl.col("receivables", "payables").fill_null(0))
    rows = rows.with_columns(working_capital=pl.col("stock") + pl.col("receivables") - pl.col("payables"))
    return rows.select(
        "week", "ends_on",
        as_money(pl.col("stock", "receivables", "payables", "working_capital"), digits),
        days_of_stock=pl.col("worth") / a_day if a_day else pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
