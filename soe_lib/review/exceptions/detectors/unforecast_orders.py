"""Orders far above the forecast: a promotion nobody announced, or a forecast that is too low."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.causes import ORDERS
from soe_lib.review.exceptions.effect import effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.frames.time import buckets
from soe_lib.review.situation import Situation

ABOVE, SHARE_OF_PLAN = 0.25, 0.001


@detector
def unforecast_orders(situation: Situation) -> Iterator[Issue]:
    """Customers whose orders for a family exceed the forecast by a quarter and by a thousandth of the
    plan's revenue.
    """
    yield from (issue(situation, row) for row in situation.unforecast.iter_rows(named=True))


def unforecast(situation: Situation) -> pl.DataFrame:
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


def orders_of(situation: Situation, row: dict[str, Any]) -> tuple[str, ...]:
    """The orders of one customer and family in the weeks in which they exceed the forecast."""
    return tuple(_those(situation, row)["order"].unique().sort())


def _those(situation: Situation, row: dict[str, Any]) -> pl.DataFrame:
    mine = (pl.col("customer") == row["customer"]) & (pl.col("family") == row["family"]) & (pl.col("order") != "")
    places = buckets(situation.plan.periods)
    weeks = places.filter(pl.col("bucket").is_in(row["weeks"]))["period"]
    return situation.lines.filter(mine & pl.col("due").cast(pl.String).is_in(weeks.cast(pl.String).implode()))


def issue(situation: Situation, row: dict[str, Any]) -> Issue:
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
