"""A plan cut to a window of days, so that plans of different horizons can be compared on what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.position import position
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, periods_of, with_dates
from soe_lib.money.stock import stock_change


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


def cut(plan: PlanLike, window: Window, *, standard_cost: pl.DataFrame | None = None) -> Cut:
    """The plan within a window: cash of its days, stock at their end less stock at their start, at end value.

    Formula: amount × (days of the period within the window / days of the period) for cash and steering, of S&OP plan
    and budget working days;
    end value = Σ what is owned at the close of the window × end value; opening stock = −Σ what is owned when
    it begins × end value; see `position`; where a plan says what it hands on on the window's last day, that instead of
    both. With standard costs, both at standard cost, as "stock change".

    Parameters
    ----------
    window : first and last day.
    standard_cost : item, standard_cost [money/unit]: read the plan in accrual; left out: in cash and end value.

    Raises ReconciliationError where the window is not within the plan's horizon.
    """
    first, last = horizon(plan)
    start, end = window
    if start < first or end > last or start > end:
        raise ReconciliationError(f"{plan.name} covers {first} to {last}, not all of {start} to {end}.")
    flows = {
        name: _within(frame, plan, window, ["quantity"])
        for name, frame in plan.flows.items()
        if "period" in frame.columns
    }
    money = plan.ledger.lines.filter(pl.col("kind") != "inventory")
    lines = _within(money, plan, window, ["quantity", "amount"])
    stock, notes = _stock(plan, window, standard_cost)
    ledger = Ledger(
        pl.concat([lines.select(LINES.names()), stock]),
        plan.ledger.unmatched,
        items_of(plan),
        periods_of(plan),
        plan.ledger.adapted,
    )
    return Cut(plan.name, flows, ledger, window, items_of(plan), periods_of(plan), tuple(notes))


def _within(frame: pl.DataFrame, plan: PlanLike, window: Window, columns: list[str]) -> pl.DataFrame:
    calendar = getattr(plan, "calendar", None)
    if calendar is not None:
        shares = calendar.within(*window).rename({"share": "_share"})
        kept = frame.join(shares, on="period", how="inner", maintain_order="left")
    else:
        start, end = (pl.lit(day, dtype=pl.Date) for day in window)
        dated = with_dates(frame, plan)
        shared = (pl.min_horizontal("ends_on", end) - pl.max_horizontal("starts_on", start)).dt.total_days() + 1
        share = (shared / pl.col("days")).clip(0.0, 1.0).fill_null(0.0)
        kept = dated.with_columns(_share=share).filter(pl.col("_share") > 0)
    return kept.with_columns(pl.col(name) * pl.col("_share") for name in columns).select(frame.columns)


def accrual(plan: PlanLike, standard_cost: pl.DataFrame) -> Cut:
    """The whole plan in accrual: the change of its stock at standard cost stands where the end value stood.

    Formula: accrual margin = cash margin + stock change at standard cost; cash alone for a plan without stock.

    Parameters
    ----------
    standard_cost : item, standard_cost [money/unit].
    """
    change = stock_change(plan, standard_cost)
    notes = [f"{plan.name} says nothing about stock: it is read in cash."] if change is None else []
    kept = plan.ledger.where(pl.col("kind") != "inventory")
    if change is not None:
        lines, notes = _at_standard(plan, change, 1.0)
        kept += Ledger(lines)
    return Cut(plan.name, plan.flows, kept, horizon(plan), items_of(plan), periods_of(plan), tuple(notes))


def _stock(plan: PlanLike, window: Window, costs: pl.DataFrame | None) -> tuple[pl.DataFrame, list[str]]:
    handed = getattr(plan, "handed_on", None)
    if costs is None and handed is not None and handed[0] == window[1]:
        return _handed_on(*handed), []
    ends = {"opening stock": (window[0] - timedelta(days=1), -1.0), "end value": (window[1], 1.0)}
    rates = getattr(plan, "rates", None)
    known = isinstance(rates, RateBook) and "leave" in rates.tables
    if "stock" not in plan.flows or (costs is None and not known):
        return pl.DataFrame(schema=LINES), [f"{plan.name}: stock at the ends of the window is not valued."]
    parts, notes = [], []
    for account, (day, sign) in ends.items():
        owned = _owned(plan, day)
        if costs is not None:
            priced = owned.join(costs, on="item", how="left").with_columns(
                period=pl.lit(day.isoformat()), amount=pl.col("quantity") * pl.col("standard_cost")
            )
            lines, lost = _at_standard(plan, priced, sign)
        else:
            lines, lost = _at_end_value(plan, owned, account, sign)
        parts.append(lines)
        notes += lost
    dates = periods_of(plan)
    if dates.filter((pl.col("starts_on") <= window[1]) & (pl.col("ends_on") > window[1])).height:
        notes.append(f"{plan.name}: the window ends within a period, over which stock moves evenly.")
    return pl.concat(parts), notes


def _handed_on(day: date, money: float) -> pl.DataFrame:
    """What is owned at the close of a day at what it is worth to the days after it, as one line."""
    blank = dict.fromkeys(("item", "location", "customer"), "")
    line = {"account": "handed on", "kind": "inventory", "flow": "stock", **blank, "period": day.isoformat()}
    return pl.DataFrame([{**line, "quantity": 1.0, "per_unit": money, "amount": money}], schema=LINES)


def _owned(plan: PlanLike, day: date) -> pl.DataFrame:
    """Units owned at the close of a day; within a period they move as evenly as its money does.

    Formula: owned before the period + (owned at its end − owned before it) × the part of it that is over.
    """
    inside = periods_of(plan).filter(pl.col("starts_on") <= day, pl.col("ends_on") > day)
    if inside.is_empty():
        return position(plan, day)
    first, last = cast("date", inside["starts_on"].min()), cast("date", inside["ends_on"].max())
    calendar = getattr(plan, "calendar", None)
    if calendar is None:
        over = ((day - first).days + 1) / ((last - first).days + 1)
    else:
        over = float(calendar.within(first, day)["share"].sum())
    ends = ((first - timedelta(days=1), 1.0 - over), (last, over))
    both = pl.concat([position(plan, end).with_columns(pl.col("quantity") * part) for end, part in ends])
    return both.group_by("item", "location").agg(pl.col("quantity").sum()).sort("item", "location")


def _at_end_value(plan: PlanLike, owned: pl.DataFrame, account: str, sign: float) -> tuple[pl.DataFrame, list[str]]:
    valued = plan.rates.value({"leave": owned})  # type: ignore[attr-defined]
    lost = [f"{plan.name}: {units:,.6g} units of {account} have no end value." for _, _, units in valued.lost]
    money = valued.lines.with_columns(account=pl.lit(account), kind=pl.lit("inventory"), flow=pl.lit("stock"))
    return money.with_columns(pl.col("per_unit", "amount") * sign).select(LINES.names()), lost


def _at_standard(plan: PlanLike, change: pl.DataFrame, sign: float) -> tuple[pl.DataFrame, list[str]]:
    unknown = change.filter(pl.col("amount").is_null())
    lost = []
    if unknown.height:
        units = unknown["quantity"].abs().sum()
        lost = [f"{plan.name}: {units:,.6g} units of {unknown['item'].n_unique()} items have no standard cost."]
    lines = change.drop_nulls("amount").with_columns(
        account=pl.lit("stock change"), kind=pl.lit("inventory"), flow=pl.lit("stock"), customer=pl.lit(""),
        amount=pl.col("amount") * sign, per_unit=pl.col("amount") * sign / pl.col("quantity"),
    )  # fmt: skip
    return lines.select(LINES.names()), lost
