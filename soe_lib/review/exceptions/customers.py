"""Exceptions of demand: orders that nobody forecast, months off their commitment, demand that is not served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.causes import EVENT, FULL, ORDERS, OTHER, effect_of
from soe_lib.review.exceptions.issue import Issue, detector
from soe_lib.review.frames.escalation import COSTS
from soe_lib.review.frames.service import ALL
from soe_lib.review.frames.time import buckets

if TYPE_CHECKING:
    from soe_lib.review.week import Week


ABOVE, SHARE_OF_PLAN = 0.25, 0.001


@detector
def unforecast_orders(situation: Week) -> Iterator[Issue]:
    """Customers whose orders for a family exceed the forecast by a quarter and by a thousandth of the
    plan's revenue.
    """
    yield from (issue(situation, row) for row in situation.unforecast.iter_rows(named=True))


def unforecast(situation: Week) -> pl.DataFrame:
    """Customer, family: weeks [list], items [list], first [date], orders, forecast, excess [units],
    revenue, margin. Forecast is the customer's own, or what its orders consume of all forecasts where that is more.
    """
    costs = situation.snapshot["items"].select("item", "description", pl.col("standard_cost").fill_null(0.0))
    starts = situation.plan.periods.group_by("week").agg(first=pl.col("starts_on").min())
    excess = (pl.col("orders") - pl.col("forecast")).clip(lower_bound=0.0)
    foreseen = pl.max_horizontal("forecast", pl.col("orders") - pl.col("unforeseen"))
    known = situation.demand_lines.with_columns(forecast=foreseen)
    lines = known.join(costs, on="item", how="left", validate="m:1").with_columns(excess=excess)
    weekly = lines.group_by("customer", "family", "week", "order").agg(
        pl.col("orders", "forecast").sum(),
        items=pl.col("description").filter(excess > 0.5).unique().sort(),
        revenue=(pl.col("excess") * pl.col("price")).sum(),
        margin=(pl.col("excess") * (pl.col("price") - pl.col("standard_cost"))).sum(),
    )
    abnormal = weekly.filter(pl.col("orders") > (1 + ABOVE) * pl.col("forecast")).sort("order")
    grouped = abnormal.join(starts, on="week", how="left").group_by("customer", "family", maintain_order=True)
    found = grouped.agg(
        pl.col("orders", "forecast", "revenue", "margin").sum(),
        weeks=pl.col("week").unique(maintain_order=True),
        items=pl.col("items").explode().unique().sort(),
        first=pl.col("first").min(),
    )
    least = SHARE_OF_PLAN * max(situation.plan.ledger.accounts().get("revenue", 0.0), 0.0)
    # Who forecasts nothing makes to order: there no order is a surprise.
    made_to_order = float(lines["forecast"].sum()) <= 0
    return found.filter((pl.col("revenue") > least) & (not made_to_order)).with_columns(
        excess=pl.col("orders") - pl.col("forecast")
    )


def subject_of(row: dict[str, Any]) -> str:
    """What the exception of one customer and family is about."""
    return f"{row['customer'] or 'The market'} {row['family']}"


def orders_of(situation: Week, row: dict[str, Any]) -> tuple[str, ...]:
    """The orders of one customer and family in the weeks in which they exceed the forecast."""
    return tuple(_those(situation, row)["order"].unique().sort())


def _those(situation: Week, row: dict[str, Any]) -> pl.DataFrame:
    mine = (pl.col("customer") == row["customer"]) & (pl.col("family") == row["family"]) & (pl.col("order") != "")
    places = buckets(situation.plan.periods)
    weeks = places.filter(pl.col("bucket").is_in(row["weeks"]))["period"]
    return situation.lines.filter(mine & pl.col("due").cast(pl.String).is_in(weeks.cast(pl.String).implode()))


def issue(situation: Week, row: dict[str, Any]) -> Issue:
    """The exception of one customer and family."""
    who = row["customer"] or "The market"
    found = effect_of(situation, ORDERS, subject_of(row))
    where = words.periods(row["weeks"], limit=3)
    money = words.brief_money(row["revenue"], situation.currency)
    mine = (pl.col("customer") == row["customer"]) & (pl.col("family") == row["family"]) & (pl.col("order") != "")
    missed = situation.lines.filter(mine)
    units = float((missed["late"] + missed["short"]).sum())
    effect = (
        f"{words.number(units)} units of these orders miss their date"
        if units >= 0.5
        else "all of it is served on time"
    )
    if found.any:
        effect += f"; {found.units} of {words.listing(found.items)} for others would be on time without them"
    those = _those(situation, row)
    return Issue(
        kind="Orders above forecast",
        subject=subject_of(row),
        what=f"{who} ordered {words.number(row['orders'])} units of {row['family']} for {where}, "
        f"{words.number(row['excess'])} more than forecast ({words.listing(row['items'])}), "
        f"{money} of revenue; {effect}",
        cause="the forecast did not expect these orders",
        money=max(row["margin"], 0.0),
        basis="units above forecast × (price − standard cost)",
        ask=f"Accept the {row['family']} order of {who}, and say whether the forecast follows it",
        doing_nothing=f"the forecast stays as it is; {effect}",
        owner="Demand planner",
        page="demand_review",
        anchor=words.anchor("Orders against forecast"),
        deadline=max(situation.snapshot.as_of, (row["first"] or situation.snapshot.as_of) - timedelta(days=7)),
        service=f"{words.number(units)} units miss their date" if units >= 0.5 else "No customer waits",
        revenue=found.revenue,
        headline=f"{who} ordered {words.number(row['excess'])} units of {row['family']} more than forecast for {where}",
        about={
            "customers": (row["customer"],),
            "orders": tuple(those["order"].unique().sort()),
            "items": tuple(those["item"].unique().sort()),
            "weeks": tuple(row["weeks"]),
        },
    )


@detector
def month_drift(situation: Week) -> Iterator[Issue]:
    """Families off their month by more than a tolerance, or where waiting costs more than deciding: the units off, at
    the family's average margin per unit.

    Orders that nobody forecast are an exception of their own, so the part of an excess that they explain is not
    counted again.
    """
    out = situation.matters.filter(~pl.col("inside") | pl.col("handed"))
    for family in out["family"].unique().sort():
        first, *later = out.filter(pl.col("family") == family).sort("month").to_dicts()
        yield month_drift_issue(situation, first, later)


def month_drift_issue(situation: Week, row: dict[str, Any], later: list[dict[str, Any]]) -> Issue:
    """The exception of one family: the first month outside its tolerance, and the later ones by name."""
    gap = row["outlook"] - row["consensus"]
    month, side = words.month_name(row["month"]), "under" if gap < 0 else "over"
    off = f"{words.percent(abs(row['share'] - 1))} {side}"
    told = explained(situation, row) if gap > 0 else 0.0
    parts = [
        f"{words.number(row['actual'])} were sold before this week, {words.number(row['planned'])} are planned",
        f"{words.number(told)} of them are orders above forecast" if told else "",
        f"{words.listing(outside(one) for one in later)} also outside" if later else "",
    ]
    handed = any(one["handed"] for one in (row, *later))
    verb = ("Recover or hand up" if handed else "Recover") if gap < 0 else "Confirm"
    return Issue(
        kind="Off the S&OP plan",
        subject=row["family"],
        what=f"{row['family']} will end {month} at {words.number(row['outlook'])} units, {off} the S&OP commitment of "
        f"{words.number(row['consensus'])} ({whose(row, situation.currency)})",
        cause="; ".join(part for part in parts if part),
        money=max(abs(gap) - told, 0.0) * unit_margin(situation, row["family"]),
        basis="units off the commitment, less orders above forecast that are counted by themselves, × the family's "
        "average price − standard cost",
        ask=f"{verb} {row['family']} in {month}: {words.number(abs(gap))} units {side} commitment",
        doing_nothing=f"{row['family']} closes {month} {off} its commitment",
        owner="Sales and S&OP lead",
        hand_up=situation.snapshot.settings.escalation.tolerance_to if handed else "",
        page="demand_review",
        anchor=words.anchor("Outlook against S&OP"),
        about={"months": (row["month"],)},
    )


def whose(row: dict[str, Any], currency: str) -> str:
    """Which band holds, and what waiting and deciding cost: "tolerance 5 %"."""
    if row["holds"] != COSTS:
        return f"tolerance {words.percent(row['high'] - 1)}"
    waiting, deciding = (words.money(row[name], currency) for name in ("waiting", "deciding"))
    matter = "S&OP's" if row["handed"] else "S&OE's"
    return f"waiting a week costs {waiting}, deciding {deciding}: it is {matter} matter"


def outside(row: dict[str, Any]) -> str:
    """A later month that is outside too: "Dec 2026 (−8 %)"."""
    return f"{words.month_name(row['month'])} ({words.percent(row['share'] - 1, sign=True)})"


def explained(situation: Week, row: dict[str, Any]) -> float:
    """Units of a family above the commitment that are orders nobody forecast, due in that month [units]."""
    surprise = situation.unforecast.filter((pl.col("family") == row["family"]) | (row["family"] == ALL))
    months = situation.snapshot.calendar.fiscal_month(surprise["first"])
    units = float(surprise.filter(months == row["month"])["excess"].sum())
    return min(units, row["outlook"] - row["consensus"])


def unit_margin(situation: Week, family: str) -> float:
    """The average price less standard cost of what a family is asked for [money/unit], never below 0."""
    mine = situation.lines if family == ALL else situation.lines.filter(pl.col("family") == family)
    units = float(mine["demand"].sum())
    return max(float((mine["demand"] * mine["margin"]).sum()) / units, 0.0) if units > 0 else 0.0


CAUSES = {
    FULL: "the hours of {key} are used up in the weeks before",
    EVENT: "event {key}: without it they would be on time",
    OTHER: "more is wanted than can be made and brought there in time",
}


@detector
def unserved(situation: Week) -> Iterator[Issue]:
    """Missed demand laid to no event: short × (price − standard cost + penalty), and what lateness costs."""
    groups = (
        situation.missed.filter(pl.col("kind").is_in(list(CAUSES))).select("kind", "key").unique().sort("kind", "key")
    )
    found = (unserved_issue(situation, kind, key) for kind, key in groups.rows() if effect_of(situation, kind, key).any)
    yield from found


def unserved_issue(situation: Week, kind: str, key: str) -> Issue:
    """The exception of one full line, or of what has no cause."""
    found = effect_of(situation, kind, key)
    who = words.listing(found.customers) if found.customers else "the market"
    what = words.listing(found.items)
    where = f" on {key}" if kind == FULL else ""
    return Issue(
        kind="Demand not served",
        subject=key or OTHER,
        what=f"{what}: {found.units}, due in {found.when}, for {who}",
        cause=CAUSES[kind].format(key=key),
        money=max(found.money, 0.0),
        basis="short units × (price − standard cost + penalty) + what lateness costs",
        ask=f"Who waits for {what}: add hours{where} or agree new dates with {who}",
        doing_nothing=f"{found.units}, as planned",
        owner="Supply planner",
        page="balance",
        anchor=words.anchor("Orders at risk"),
        deadline=situation.snapshot.as_of,
        revenue=found.revenue,
        service=found.service(situation.currency),
        about={"resource": (key,) if kind == FULL else (), "event": (key,) if kind == EVENT else (), **found.about},
    )
