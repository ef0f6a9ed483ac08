"""How long the stock lasts, and how much of it nobody will want."""

from __future__ import annotations

import polars as pl

from soe_lib.review.score import Score, insufficient, known


def days_of_supply(*, stock_value: float, annual_cost_of_goods: float) -> Score:
    """For how many days the stock would last at the past year's pace (looks backward).

    Formula: stock value ÷ (annual cost of goods sold ÷ 365) (SCOR, inventory days of supply).

    Parameters
    ----------
    stock_value : at standard cost [money].
    annual_cost_of_goods : of a year, or annualised [money/year].
    """
    if annual_cost_of_goods <= 0:
        return insufficient("Days of supply", "days", "no cost of goods sold")
    text = "Stock value ÷ (annual cost of goods sold ÷ 365); looks backward."
    return known("Days of supply", stock_value / (annual_cost_of_goods / 365), "days", text)


def forward_cover(frame: pl.DataFrame, *, beyond: float | None = None) -> pl.DataFrame:
    """How many periods of coming demand each stock covers, with the fraction of the last one (looks
    forward).

    Formula: k whole periods with Σ_{t≤k} d_t ≤ stock, plus (stock − Σ_{t≤k} d_t) ÷ d_{k+1}. A stock that
    outlasts the horizon gets `beyond` (null unless given): no cover is invented from demand nobody has
    forecast.

    Parameters
    ----------
    frame : item, location, index [0, 1, …; period number], stock [units now, same on each row], demand
        [units].
    beyond : the value to state for a stock that outlasts the horizon [periods].

    Returns
    -------
    item, location, stock [units], cover [periods].
    """
    keys = ["item", "location"]
    before = pl.col("demand").cum_sum().over(keys, order_by="index") - pl.col("demand")
    left = (pl.col("stock") - before).clip(lower_bound=0.0)
    share = pl.when(pl.col("demand") > 0).then((left / pl.col("demand")).clip(upper_bound=1.0))
    # A period without demand is covered as long as the stock lasted to its start.
    counted = share.otherwise(pl.when(left > 0).then(1.0).otherwise(0.0))
    lasting = pl.col("stock").first() >= pl.col("demand").sum()
    return (
        frame.sort([*keys, "index"])
        .with_columns(part=counted)
        .group_by(keys, maintain_order=True)
        .agg(
            stock=pl.col("stock").first(),
            cover=pl.when(lasting).then(pl.lit(beyond, dtype=pl.Float64)).otherwise(pl.col("part").sum()),
        )
    )


def excess_and_obsolete(frame: pl.DataFrame, *, months: float = 3.0) -> pl.DataFrame:
    """Stock that the coming demand will not use up in time, in money.

    Formula: obsolete = stock × cost where no demand is coming; excess = max(stock − months × demand per
    month, 0) × cost where some is. A unit is never counted twice.

    Parameters
    ----------
    frame : item, location, stock [units], demand_per_month [units/month, coming], standard_cost
        [money/unit].
    months : months of coming demand that are no excess.

    Returns
    -------
    the frame with excess [money] and obsolete [money] added.
    """
    coming = pl.col("demand_per_month") > 0
    value = pl.col("stock") * pl.col("standard_cost")
    over = (pl.col("stock") - months * pl.col("demand_per_month")).clip(lower_bound=0.0) * pl.col("standard_cost")
    return frame.with_columns(
        excess=pl.when(coming).then(over).otherwise(0.0), obsolete=pl.when(coming).then(0.0).otherwise(value)
    )
