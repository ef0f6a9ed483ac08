"""What a plan owns at the close of a day: stock on hand, and goods that have left and not yet arrived."""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.money.reading import PlanLike, periods_of, with_dates

NODE = ["item", "location"]
POSITION = pl.Schema({"item": pl.String, "location": pl.String, "quantity": pl.Float64})
PLACE = {"make": "location", "buy": "location", "ship": "destination"}
"""Flows whose goods are under way, and the column that says where to."""


def position(plan: PlanLike, day: date) -> pl.DataFrame:
    """Units owned at the close of a day, by item and the place where they are or will be.

    Formula: stock at the end of the last period that has ended (opening stock before the first) + goods under
    way + receipts already ours that come in later. Receipts still to be paid for are not owned. Flow `uncounted` is
    what actuals own beside their counts; see `value_closed_week`.
    """
    parts = [_on_hand(plan, day), _receipts(plan, day), *(_under_way(plan, flow, day) for flow in PLACE)]
    parts.append(_closed(plan, "uncounted", day))
    return _summed(parts)


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in POSITION.items()) for part in parts])
    return every.group_by(NODE).agg(pl.col("quantity").sum()).filter(pl.col("quantity") != 0).sort(NODE)


def _on_hand(plan: PlanLike, day: date) -> pl.DataFrame:
    closed = _closed(plan, "stock", day)
    return closed if closed.height else plan.flows.get("open", pl.DataFrame(schema=POSITION))


def _closed(plan: PlanLike, flow: str, day: date) -> pl.DataFrame:
    """What a flow of stock holds in the last period that has ended by a day."""
    if flow not in plan.flows:
        return pl.DataFrame(schema=POSITION)
    closed = with_dates(plan.flows[flow], plan).filter(pl.col("ends_on") <= day)
    return closed.sort(*NODE, "ends_on").unique(NODE, keep="last", maintain_order=True)


def _receipts(plan: PlanLike, day: date) -> pl.DataFrame:
    frame = plan.flows.get("receive")
    if frame is None or not {"kind", "period"} <= set(frame.columns):
        return pl.DataFrame(schema=POSITION)
    ours = with_dates(frame.filter(pl.col("kind").cast(pl.String) != "buy"), plan)
    return ours.filter(pl.col("starts_on") > day)


def _under_way(plan: PlanLike, flow: str, day: date) -> pl.DataFrame:
    """Units that leave on or before the day and arrive after it.

    Formula: quantity × days of the period on which goods leave and are still under way / days on which they
    leave: all of them, the first or the last as `dispatch` says. A lead time in periods arrives with its period.
    """
    frame = plan.flows.get(flow)
    if frame is None or not {"lead_days", PLACE[flow]} <= set(frame.columns):
        return pl.DataFrame(schema=POSITION)
    dated = with_dates(frame.filter(pl.col("quantity") != 0), plan)
    dispatch = pl.col("dispatch").cast(pl.String) if "dispatch" in frame.columns else pl.lit("spread")
    first = pl.when(dispatch == "end").then("ends_on").otherwise("starts_on")
    last = pl.when(dispatch == "start").then("starts_on").otherwise("ends_on")
    lead = pl.col("lead_calendar" if "lead_calendar" in frame.columns else "lead_days").fill_null(0.0)
    oldest = pl.lit(day).dt.offset_by("1d") - pl.duration(days=lead.ceil().cast(pl.Int64))
    leaving = (last - first).dt.total_days() + 1
    still = (pl.min_horizontal(last, pl.lit(day)) - pl.max_horizontal(first, oldest)).dt.total_days() + 1
    by_days = (still / leaving).clip(0.0, 1.0)
    share = pl.when(_lead_periods(frame).is_null()).then(by_days).otherwise(_by_periods(plan, frame, day))
    good = pl.col("yield") if flow == "make" and "yield" in frame.columns else pl.lit(1.0)
    moved = dated.with_columns(quantity=pl.col("quantity") * good * share)
    return moved.select("item", pl.col(PLACE[flow]).alias("location"), "quantity")


def _lead_periods(frame: pl.DataFrame) -> pl.Expr:
    return pl.col("lead_periods") if "lead_periods" in frame.columns else pl.lit(None, dtype=pl.Int64)


def _by_periods(plan: PlanLike, frame: pl.DataFrame, day: date) -> pl.Expr:
    """1 where goods left in a period that has begun and the period they arrive in has not."""
    ordered = periods_of(plan).sort("starts_on").with_row_index("_index")
    begun = int((ordered["starts_on"] <= day).sum())
    place = {period: index for index, period in enumerate(ordered["period"].to_list())}
    index = pl.col("period").replace_strict(place, default=None, return_dtype=pl.Int64)
    return ((index < begun) & (index + _lead_periods(frame) >= begun)).cast(pl.Float64)
