"""Available to promise: stock, receipts and runs of a plan that are not promised to an order."""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.store.plan import Plan

LINE = ("item", "location", "customer", "order", "due")


def available_to_promise(plan: Plan, item: str, location: str) -> Floats:
    """Cumulative ATP of an item at a place at the end of each period of a plan, shape (periods,) [units].

    Formula: ATP(t) = min over s >= t of (stock on hand + Σ up to s of what comes in − Σ up to s of what is promised or
    used otherwise). By the balance of stock that is min over s >= t of (stock(s) + Σ up to s of what the plan serves
    to forecast), so that a promise takes nothing from a later one. Committed forecast counts as promised.
    Source: cumulative ATP with look-ahead, Vollmann, Berry, Whybark & Jacobs, "Manufacturing planning and control for
    supply chain management" (5th ed., 2005), ch. 6; APICS Dictionary, "available-to-promise: cumulative with look
    ahead".
    """
    periods = plan.periods.select(pl.col("period").cast(pl.String))
    free = _over(plan, "stock", (pl.col("item") == item) & (pl.col("location") == location), periods)
    free += np.cumsum(_forecast(plan, item, location, periods))
    return np.minimum.accumulate(free[::-1])[::-1]


def _over(plan: Plan, flow: str, cells: pl.Expr, periods: pl.DataFrame) -> Floats:
    """Σ of a flow's cells by period."""
    rows = plan.flows[flow].filter(cells) if flow in plan.flows else None
    if rows is None or rows.is_empty():
        return np.zeros(periods.height)
    sums = rows.group_by(pl.col("period").cast(pl.String)).agg(pl.col("quantity").sum())
    placed = periods.join(sums, on="period", how="left", maintain_order="left")
    return placed["quantity"].fill_null(0.0).to_numpy().copy()


def _forecast(plan: Plan, item: str, location: str, periods: pl.DataFrame) -> Floats:
    """Units taken from the stock of a place to serve uncommitted forecast, by period [units of the item]."""
    index = periods.with_row_index("index")
    parts = []
    for flow, taken, each in (("sell", "item", pl.lit(1.0)), ("replace", "substitute", pl.col("ratio"))):
        if flow in plan.flows:
            rows = plan.flows[flow].filter(
                pl.col("order") == "", pl.col(taken) == item, pl.col("location") == location, pl.col("quantity") > 0
            )
            owed = pl.col("committed") if "committed" in rows.columns else pl.lit(0.0)
            parts.append(rows.select(*LINE, "period", "quantity", each.alias("each"), owed.alias("committed")))
    if not parts or not (rows := pl.concat(parts)).height:
        return np.zeros(periods.height)
    free = _above(pl.col("quantity").cum_sum()) - _above(pl.col("quantity").cum_sum() - pl.col("quantity"))
    split = rows.with_columns(pl.col("period").cast(pl.String)).join(index, on="period").sort(*LINE, "index")
    sums = split.with_columns(free=free.over(LINE) * pl.col("each")).group_by("period").agg(pl.col("free").sum())
    return periods.join(sums, on="period", how="left", maintain_order="left")["free"].fill_null(0.0).to_numpy()


def _above(served: pl.Expr) -> pl.Expr:
    """Units of a line that are served above its commitment."""
    return (served - pl.col("committed").fill_null(0.0)).clip(lower_bound=0.0)
