"""The change of stock that turns cash margin into accrual margin."""

from __future__ import annotations

import polars as pl

from soe_lib.money.reading import PlanLike, with_dates
from soe_lib.money.timeline import BEYOND

MOVES = pl.Schema({"item": pl.String, "location": pl.String, "period": pl.String, "quantity": pl.Float64})
_NODE = ["item", "location"]


def moves(plan: PlanLike) -> pl.DataFrame | None:
    """Units by which the plan's own stock grows, by item, location and period; None for a plan without stock.

    Formula: closing − closing of the period before − receipts that were already ours; in "beyond" what is
    under way at the end. In all: left at the end − opening stock − receipts already ours. Receipts still to be
    paid for (kind buy) are bought within the plan and count like any purchase; goods under way count when
    they arrive.
    """
    if "leave" not in plan.flows or "stock" not in plan.flows:
        return None
    opening, leaving = _cells(plan, "open"), _cells(plan, "leave")
    closing = with_dates(_cells(plan, "stock"), plan).sort(*_NODE, "starts_on", "period")
    before = pl.col("quantity").shift(1).over(_NODE)
    grown = closing.with_columns(quantity=pl.col("quantity") - before.fill_null(0.0))
    first = closing.unique(_NODE, keep="first", maintain_order=True).select(*_NODE, "period")
    start = (
        opening.drop("period")
        .join(first, on=_NODE, how="left")
        .with_columns(pl.col("period").fill_null(BEYOND), quantity=-pl.col("quantity"))
    )
    last = closing.unique(_NODE, keep="last", maintain_order=True)
    ending = pl.concat([leaving, last.with_columns(quantity=-pl.col("quantity"))], how="diagonal")
    ours = _owned(plan).with_columns(quantity=-pl.col("quantity"))
    parts = [grown, start, ending.with_columns(period=pl.lit(BEYOND)), ours]
    every = pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in MOVES.items()) for part in parts])
    return every.group_by(*_NODE, "period").agg(pl.col("quantity").sum()).sort(*_NODE, "period")


def _cells(plan: PlanLike, flow: str) -> pl.DataFrame:
    frame = plan.flows.get(flow)
    if frame is None:
        return pl.DataFrame(schema=MOVES)
    period = pl.col("period") if "period" in frame.columns else pl.lit(BEYOND).alias("period")
    return frame.select(*_NODE, period, "quantity").select(pl.col(n).cast(t) for n, t in MOVES.items())


def _owned(plan: PlanLike) -> pl.DataFrame:
    frame = plan.flows.get("receive")
    if frame is None:
        return pl.DataFrame(schema=MOVES)
    ours = frame.filter(pl.col("kind").cast(pl.String) != "buy") if "kind" in frame.columns else frame
    return ours.select(pl.col(name).cast(dtype) for name, dtype in MOVES.items())


def stock_change(plan: PlanLike, standard_cost: pl.DataFrame) -> pl.DataFrame | None:
    """The stock that the plan builds up or runs down, at standard cost; None for a plan without stock.

    Formula: amount = units by which the plan's own stock grows × standard cost; null where an item has none.

    Parameters
    ----------
    standard_cost : item, standard_cost [money/unit].

    Returns item, location, period, quantity [unit], amount [money].
    """
    found = moves(plan)
    if found is None:
        return None
    priced = found.filter(pl.col("quantity") != 0).join(standard_cost, on="item", how="left", validate="m:1")
    return priced.with_columns(amount=pl.col("quantity") * pl.col("standard_cost")).drop("standard_cost")
