"""What the plan ties up in cash, and what hurry costs."""

from __future__ import annotations

import polars as pl

from soe_lib.review.score import Score, insufficient, known


def cash_to_cash(
    *,
    stock_value: float,
    annual_cost_of_goods: float,
    receivable_days: float | None,
    payables: float | None = None,
    annual_material_cost: float | None = None,
    payable_days: float | None = None,
) -> Score:
    """Days between paying for material and being paid for goods.

    Formula: days of inventory + days of sales outstanding − days of payables outstanding (SCOR AM.1.1).
    Days of payables = payables ÷ (annual material cost ÷ 365), or the agreed terms where `payable_days` is
    given.

    Parameters
    ----------
    stock_value : at standard cost [money]. annual_cost_of_goods : [money/year].
    receivable_days : days until customers pay [days].
    payables, annual_material_cost : owed to suppliers [money], bought in a year [money/year].
    payable_days : agreed days until suppliers are paid [days]; used instead of the two above.
    """
    name = "Cash-to-cash"
    if annual_cost_of_goods <= 0:
        return insufficient(name, "days", "no cost of goods sold")
    if receivable_days is None:
        return insufficient(name, "days", "no days of sales outstanding: set terms.receivable_days")
    if payable_days is None:
        if payables is None or not annual_material_cost or annual_material_cost <= 0:
            return insufficient(name, "days", "no days of payables outstanding: set terms.payable_days")
        payable_days = payables / (annual_material_cost / 365)
    stock_days = stock_value / (annual_cost_of_goods / 365)
    text = f"Stock {stock_days:.1f} + receivables {receivable_days:.1f} − payables {payable_days:.1f} days."
    return known(name, stock_days + receivable_days - payable_days, "days", text)


def expediting(frame: pl.DataFrame) -> pl.DataFrame:
    """What was paid to be faster, by cause; the largest first.

    Formula: Σ units × (expedited cost − standard cost). Positive: money spent on hurry.

    Parameters
    ----------
    frame : cause, units [units], expedited_cost, standard_cost [money/unit].

    Returns
    -------
    cause, units [units], cost [money].
    """
    cost = pl.col("units") * (pl.col("expedited_cost") - pl.col("standard_cost"))
    return (
        frame.group_by("cause")
        .agg(units=pl.col("units").sum(), cost=cost.sum())
        .sort(["cost", "cause"], descending=[True, False])
    )
