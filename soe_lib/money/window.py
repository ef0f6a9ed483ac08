"""Any plan for the money room: its horizon, the stock that it owns on a day, and its part within a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol, cast

import polars as pl

from soe_lib.errors import DataError, ReconciliationError
from soe_lib.extract.calendar import Calendar
from soe_lib.money.ledger import BEYOND, LINES, Ledger, no_periods, timeline
from soe_lib.money.rates import RateBook

Window = tuple[date, date]
"""First and last day, both included."""

STANDARD = pl.Schema({"item": pl.String, "standard_cost": pl.Float64})
NODE = ["item", "location"]
POSITION = pl.Schema({"item": pl.String, "location": pl.String, "quantity": pl.Float64})
PLACE = {"make": "location", "buy": "location", "ship": "destination"}
"""Flows with goods in transit → the column of their destination."""
MOVES = pl.Schema({"item": pl.String, "location": pl.String, "period": pl.String, "quantity": pl.Float64})
SHOWN = 5


class PlanLike(Protocol):
    """Anything with a name, flows and a ledger: a Plan, or a Valued plan."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def flows(self) -> Mapping[str, pl.DataFrame]:
        """Flow → frame of keys and quantity."""

    @property
    def ledger(self) -> Ledger:
        """Its money lines."""


def periods_of(plan: PlanLike) -> pl.DataFrame:
    """The plan's periods: its own, else those of its ledger."""
    own = getattr(plan, "periods", None)
    return own if isinstance(own, pl.DataFrame) and own.height else plan.ledger.periods


def items_of(plan: PlanLike) -> pl.DataFrame:
    """The plan's items: its own, else those of its ledger."""
    own = getattr(plan, "items", None)
    return own if isinstance(own, pl.DataFrame) and own.height else plan.ledger.items


def horizon(plan: PlanLike) -> Window:
    """First and last day that the plan covers: its window, else its periods.

    Raises ReconciliationError if it has neither.
    """
    window = getattr(plan, "window", None)
    if window is not None:
        return window
    periods = periods_of(plan)
    if periods.is_empty():
        raise ReconciliationError(f"{plan.name} has no periods, so the days that it covers are unknown.")
    return periods.get_column("starts_on").min(), periods.get_column("ends_on").max()  # type: ignore[return-value]


def standard_costs(plans: list[PlanLike], given: pl.DataFrame | None) -> pl.DataFrame:
    """item, standard_cost [money/unit]: from the given frame, else from the plans' items, the last plan first."""
    frames = [given] if given is not None else [items_of(plan) for plan in reversed(plans)]
    known = [
        frame.select(pl.col("item").cast(pl.String), pl.col("standard_cost").cast(pl.Float64)).drop_nulls()
        for frame in frames
        if {"item", "standard_cost"} <= set(frame.columns)
    ]
    return pl.concat([pl.DataFrame(schema=STANDARD), *known]).unique("item", keep="first").sort("item")


def with_dates(frame: pl.DataFrame, plan: PlanLike) -> pl.DataFrame:
    """The frame with starts_on, ends_on and days of its `period`; null for unknown labels."""
    dates = timeline(frame.get_column("period"), periods_of(plan))
    return frame.join(dates.drop("week", "month", "months"), on="period", how="left", validate="m:1")


def position(plan: PlanLike, day: date) -> pl.DataFrame:
    """Units owned at the close of a day, by item and present or future place.

    Formula: stock at the end of the last period that has ended (opening stock before the first) + goods in transit +
    owned receipts that arrive later. Receipts still to be paid for are not owned. Flow `uncounted` is stock of actuals
    in addition to their counts; see `value_closed_week`.
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
    """The stock of a flow in the last period that has ended by a day."""
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
    """Units dispatched on or before the day that arrive after it."""
    frame = plan.flows.get(flow)
    if frame is None or not {"lead_days", PLACE[flow]} <= set(frame.columns):
        return pl.DataFrame(schema=POSITION)
    moved = under_way(plan, flow, frame.filter(pl.col("quantity") != 0), day)
    place = pl.col(PLACE[flow]).alias("location")
    return moved.select("item", place, quantity=pl.col("quantity") * pl.col("share"))


def under_way(plan: PlanLike, flow: str, frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Rows of make, buy or ship with the share of each unit in transit at the close of the day.

    Formula: dispatch days of the period whose goods are still in transit / dispatch days: all days of the period, the
    first or the last, by `dispatch`. Goods with a lead time in periods arrive with their period.
    """
    dated = with_dates(frame, plan)
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
    return dated.with_columns(share=good * share)


def _lead_periods(frame: pl.DataFrame) -> pl.Expr:
    return pl.col("lead_periods") if "lead_periods" in frame.columns else pl.lit(None, dtype=pl.Int64)


def _by_periods(plan: PlanLike, frame: pl.DataFrame, day: date) -> pl.Expr:
    """1 for goods dispatched in a period that has begun whose arrival period has not begun; else 0."""
    ordered = periods_of(plan).sort("starts_on").with_row_index("_index")
    begun = int((ordered["starts_on"] <= day).sum())
    place = {period: index for index, period in enumerate(ordered["period"].to_list())}
    index = pl.col("period").replace_strict(place, default=None, return_dtype=pl.Int64)
    return ((index < begun) & (index + _lead_periods(frame) >= begun)).cast(pl.Float64)


def moves(plan: PlanLike) -> pl.DataFrame | None:
    """Growth of the plan's own stock in units, by item, location and period; None for a plan without stock.

    Formula: closing stock − closing stock of the previous period − owned receipts; "beyond" has the goods in transit at
    the end. In total: stock at the end − opening stock − owned receipts. Receipts still to be paid for (kind buy) count
    like purchases within the plan; goods in transit count when they arrive.
    """
    if "leave" not in plan.flows or "stock" not in plan.flows:
        return None
    opening, leaving = _cells(plan, "open"), _cells(plan, "leave")
    closing = with_dates(_cells(plan, "stock"), plan).sort(*NODE, "starts_on", "period")
    before = pl.col("quantity").shift(1).over(NODE)
    grown = closing.with_columns(quantity=pl.col("quantity") - before.fill_null(0.0))
    first = closing.unique(NODE, keep="first", maintain_order=True).select(*NODE, "period")
    start = (
        opening.drop("period")
        .join(first, on=NODE, how="left")
        .with_columns(pl.col("period").fill_null(BEYOND), quantity=-pl.col("quantity"))
    )
    last = closing.unique(NODE, keep="last", maintain_order=True)
    ending = pl.concat([leaving, last.with_columns(quantity=-pl.col("quantity"))], how="diagonal")
    ours = _owned(plan).with_columns(quantity=-pl.col("quantity"))
    parts = [grown, start, ending.with_columns(period=pl.lit(BEYOND)), ours]
    every = pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in MOVES.items()) for part in parts])
    return every.group_by(*NODE, "period").agg(pl.col("quantity").sum()).sort(*NODE, "period")


def _cells(plan: PlanLike, flow: str) -> pl.DataFrame:
    frame = plan.flows.get(flow)
    if frame is None:
        return pl.DataFrame(schema=MOVES)
    period = pl.col("period") if "period" in frame.columns else pl.lit(BEYOND).alias("period")
    return frame.select(*NODE, period, "quantity").select(pl.col(n).cast(t) for n, t in MOVES.items())


def _owned(plan: PlanLike) -> pl.DataFrame:
    frame = plan.flows.get("receive")
    if frame is None:
        return pl.DataFrame(schema=MOVES)
    ours = frame.filter(pl.col("kind").cast(pl.String) != "buy") if "kind" in frame.columns else frame
    return ours.select(pl.col(name).cast(dtype) for name, dtype in MOVES.items())


def stock_change(plan: PlanLike, standard_cost: pl.DataFrame) -> pl.DataFrame | None:
    """The stock change of the plan at standard cost; None for a plan without stock.

    Formula: amount = growth of the plan's own stock × standard cost; null for items without standard cost.

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


def at_standard_cost(units: pl.DataFrame, costs: pl.DataFrame, what: str) -> pl.DataFrame:
    """The rows with standard_cost [money/unit] and worth [money].

    Formula: worth = quantity × standard cost; rows with quantity 0 need no cost.

    Parameters
    ----------
    units : item, quantity [unit] and any other columns. costs : item, standard_cost.
    what : description of the units in errors: "in stock", "sold".

    Raises DataError for items with units and no standard cost.
    """
    known = costs.select(pl.col("item").cast(pl.String), pl.col("standard_cost").cast(pl.Float64)).unique("item")
    priced = units.join(known, on="item", how="left", validate="m:1")
    lost = priced.filter(pl.col("standard_cost").is_null(), pl.col("quantity") != 0)
    if lost.height:
        names = lost["item"].unique().sort()
        listed = ", ".join(names.head(SHOWN)) + (", …" if names.len() > SHOWN else "")
        raise DataError(
            f"{names.len()} items with {lost['quantity'].abs().sum():,.6g} units {what} have no standard cost: "
            f"{listed}. Give items.standard_cost (0 where a unit is worth nothing)."
        )
    filled = priced.with_columns(pl.col("standard_cost").fill_null(0.0))
    return filled.with_columns(worth=pl.col("quantity") * pl.col("standard_cost"))


@dataclass(frozen=True, eq=False, repr=False)
class Valued:
    """A loaded plan valued by a rate book; bridge and statement take it like a Plan.

    Parameters
    ----------
    name : "S&OP plan", "budget", "actuals" …
    flows : flow → frame of keys and `quantity`.
    ledger : its money lines.
    assumptions : one sentence each, with counts and quantities.
    window : first and last day that it covers.
    periods, items : to group it by weeks, months and families.
    rates : the book that it was valued by.
    handed_on : a day, and the value of the stock owned at its close for the days after it [money], if known.
    calendar : splits a period by working days; None: flows are even over the days of a period.
    notes : assumptions made when it was cut to a window.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    assumptions: tuple[str, ...]
    window: Window
    periods: pl.DataFrame = field(default_factory=no_periods)
    items: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"item": pl.String}))
    rates: RateBook = field(default_factory=lambda: RateBook({}))
    calendar: Calendar | None = None
    handed_on: tuple[date, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def margin(self) -> float:
        """Cash margin plus end value [money]."""
        return self.ledger.margin

    @property
    def steering(self) -> float:
        """Amounts that influence the plan but are not cash [money]."""
        return self.ledger.steering

    def __repr__(self) -> str:
        lines = [f"  - {sentence}" for sentence in self.assumptions]
        return "\n".join([f"{self.name}, {self.window[0]} to {self.window[1]}", repr(self.ledger), *lines])


def assumed(ledger: Ledger) -> list[str]:
    """The ledger's assumptions about rates, one sentence each."""
    taken = [f"{rows:,} rows of {flow} ({q:,.6g} units): {how}." for flow, how, rows, q in ledger.adapted.iter_rows()]
    return taken + [
        f"{rows:,} rows of {flow} ({q:,.6g} units) have no rate and no money." for flow, rows, q in ledger.lost
    ]


def common_window(plans: list[PlanLike]) -> Window:
    """The days that all the plans cover; raises ReconciliationError if there are none."""
    spans = [horizon(plan) for plan in plans]
    start, end = max(first for first, _ in spans), min(last for _, last in spans)
    if start > end:
        listed = "; ".join(f"{plan.name} {a} to {b}" for plan, (a, b) in zip(plans, spans, strict=True))
        raise ReconciliationError(f"the plans share no day: {listed}. There is nothing to compare.")
    return start, end


def cut(plan: PlanLike, window: Window, *, standard_cost: pl.DataFrame | None = None) -> Valued:
    """The plan within a window: cash of its days, and closing stock less opening stock at end value.

    Formula: cash and steering = amount × (days of the period within the window / days of the period), in working days
    for S&OP plan and budget. End value = Σ units owned at the close of the window × end value; opening stock = −Σ units
    owned at its start × end value; see `position`. If the plan has `handed_on` for the window's last day, that value
    replaces both. With standard costs, both are at standard cost, as "stock change".

    Parameters
    ----------
    window : first and last day.
    standard_cost : item, standard_cost [money/unit], for the plan in accrual; default: in cash and end value.

    Raises ReconciliationError if the window is not within the plan's horizon.
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
    return _read(plan, flows, ledger, window, notes)


def _read(
    plan: PlanLike, flows: Mapping[str, pl.DataFrame], ledger: Ledger, window: Window, notes: Sequence[str]
) -> Valued:
    return Valued(plan.name, flows, ledger, (), window, periods_of(plan), items_of(plan), notes=tuple(notes))


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


def accrual(plan: PlanLike, standard_cost: pl.DataFrame) -> Valued:
    """The plan in accrual: the stock change at standard cost replaces the end value.

    Formula: accrual margin = cash margin + stock change at standard cost; cash alone for a plan without stock.

    Parameters
    ----------
    standard_cost : item, standard_cost [money/unit].
    """
    change = stock_change(plan, standard_cost)
    notes = [f"{plan.name} has no stock: it is read in cash."] if change is None else []
    kept = plan.ledger.where(pl.col("kind") != "inventory")
    if change is not None:
        lines, notes = _at_standard(plan, change, 1.0)
        kept += Ledger(lines)
    return _read(plan, plan.flows, kept, horizon(plan), notes)


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
        owned = _owned_at(plan, day)
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
        notes.append(f"{plan.name}: the window ends within a period; stock is assumed to change evenly over it.")
    return pl.concat(parts), notes


def _handed_on(day: date, money: float) -> pl.DataFrame:
    """The value of the stock owned at the close of a day for the days after it, as one line."""
    blank = dict.fromkeys(("item", "location", "customer"), "")
    line = {"account": "handed on", "kind": "inventory", "flow": "stock", **blank, "period": day.isoformat()}
    return pl.DataFrame([{**line, "quantity": 1.0, "per_unit": money, "amount": money}], schema=LINES)


def _owned_at(plan: PlanLike, day: date) -> pl.DataFrame:
    """Units owned at the close of a day, interpolated within a period.

    Formula: owned before the period + (owned at its end − owned before it) × elapsed share of the period.
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
