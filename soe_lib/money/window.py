"""A plan cut to a window of days, so that plans of different horizons can be compared on what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, periods_of, with_dates

_NODE = ["item", "location"]


@dataclass(frozen=True, eq=False)
class Cut:
    """What a plan does within a window of days.

    Parameters
    ----------
    name, flows, ledger : as of the plan, within the window; only flows that have a period are kept.
    window : first and last day.
    notes : what had to be assumed.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    window: Window
    items: pl.DataFrame
    periods: pl.DataFrame
    notes: tuple[str, ...] = ()


def common_window(plans: list[PlanLike]) -> Window:
    """The days that all the plans cover; raises ReconciliationError where there are none."""
    spans = [horizon(plan) for plan in plans]
    start, end = max(first for first, _ in spans), min(last for _, last in spans)
    if start > end:
        said = "; ".join(f"{plan.name} {a} to {b}" for plan, (a, b) in zip(plans, spans, strict=True))
        raise ReconciliationError(f"the plans share no day: {said}. There is nothing to compare.")
    return start, end


def cut(plan: PlanLike, window: Window) -> Cut:
    """The plan within a window: cash of its days, stock at their end less stock at their start, at end value.

    Formula: amount × (days of the period within the window / days of the period) for cash and steering;
    end value = Σ stock at the window's last period end × end value; opening stock = −Σ stock before the
    window × end value. Goods under way at either end are not counted.

    Raises ReconciliationError where the window is not within the plan's horizon.
    """
    first, last = horizon(plan)
    start, end = window
    if start < first or end > last or start > end:
        raise ReconciliationError(f"{plan.name} covers {first} to {last}, not all of {start} to {end}.")
    flows = {
        name: _within(frame, plan, window, ["quantity"]) for name, frame in plan.flows.items() if "period" in frame.columns
    }
    money = plan.ledger.lines.filter(pl.col("kind") != "inventory")
    lines = _within(money, plan, window, ["quantity", "amount"])
    stock, notes = _stock(plan, window)
    ledger = Ledger(
        pl.concat([lines.select(LINES.names()), stock]),
        plan.ledger.unmatched,
        items_of(plan),
        periods_of(plan),
        plan.ledger.adapted,
    )
    return Cut(plan.name, flows, ledger, window, items_of(plan), periods_of(plan), tuple(notes))


def _within(frame: pl.DataFrame, plan: PlanLike, window: Window, columns: list[str]) -> pl.DataFrame:
    start, end = (pl.lit(day, dtype=pl.Date) for day in window)
    dated = with_dates(frame, plan)
    shared = (pl.min_horizontal("ends_on", end) - pl.max_horizontal("starts_on", start)).dt.total_days() + 1
    share = (shared / pl.col("days")).clip(0.0, 1.0).fill_null(0.0)
    kept = dated.with_columns(_share=share).filter(pl.col("_share") > 0)
    return kept.with_columns(pl.col(name) * pl.col("_share") for name in columns).select(frame.columns)


def _stock(plan: PlanLike, window: Window) -> tuple[pl.DataFrame, list[str]]:
    rates = getattr(plan, "rates", None)
    none = pl.DataFrame(schema=LINES)
    if not isinstance(rates, RateBook) or "stock" not in plan.flows or "leave" not in rates.tables:
        return none, [f"{plan.name}: stock at the ends of the window is not valued."]
    closing = with_dates(plan.flows["stock"], plan)
    ends = {
        "opening stock": (_before(closing, plan, window[0]), -1.0),
        "end value": (_latest(closing.filter(pl.col("ends_on") <= window[1])), 1.0),
    }
    parts = []
    for account, (stock, sign) in ends.items():
        valued = rates.value({"leave": stock.select(*_NODE, "quantity")}).lines
        parts.append(
            valued.with_columns(account=pl.lit(account), kind=pl.lit("inventory"), flow=pl.lit("stock"))
            .with_columns(pl.col("per_unit", "amount") * sign)
            .select(LINES.names())
        )
    split = closing.filter((pl.col("starts_on") <= window[1]) & (pl.col("ends_on") > window[1]))
    note = [f"{plan.name}: the window ends within a period, stock is that of the period before."] * (split.height > 0)
    return pl.concat(parts), note


def _before(closing: pl.DataFrame, plan: PlanLike, start: date) -> pl.DataFrame:
    earlier = closing.filter(pl.col("ends_on") < start)
    opening = plan.flows.get("open")
    if earlier.is_empty() and opening is not None:
        return opening.select(*_NODE, "quantity")
    return _latest(earlier)


def _latest(closing: pl.DataFrame) -> pl.DataFrame:
    return closing.sort(*_NODE, "ends_on").unique(_NODE, keep="last", maintain_order=True).select(*_NODE, "quantity")
