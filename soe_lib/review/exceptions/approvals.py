"""Exceptions that ask for approval: overtime, expedited purchases, moves inside the frozen fence."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.frames.changes import reasons, recorded_in_fence
from soe_lib.review.week import Week

LEAST_HOURS = 0.5


@detector
def overtime(situation: Week) -> Iterator[Issue]:
    """Overtime of all resources together: the premium over regular hours."""
    worked = (
        situation.load.filter(pl.col("overtime") > 0)
        .group_by("resource")
        .agg(hours=pl.col("overtime").sum(), weeks=pl.col("label"))
        .filter(pl.col("hours") >= LEAST_HOURS)
        .sort(["hours", "resource"], descending=[True, False])
    )
    if worked.height:
        yield issue(situation, worked)


def premium(situation: Week) -> float:
    """What the plan pays for overtime beyond the regular rate [money, positive]."""
    costs = situation.snapshot["resources"].select("resource", "hourly_cost", "overtime_cost")
    worked = situation.plan.flows["overtime"].select("resource", "quantity")
    more = pl.col("overtime_cost").fill_null(pl.col("hourly_cost")) - pl.col("hourly_cost")
    return float(worked.join(costs, on="resource").select((pl.col("quantity") * more).sum()).item())


def issue(situation: Week, worked: pl.DataFrame) -> Issue:
    """The exception of all overtime."""
    order = dict(situation.load.select("label", "order").unique().rows())
    weeks = sorted(worked["weeks"].explode().unique().to_list(), key=order.__getitem__)
    where = words.periods(weeks)
    lines = words.listing((f"{name} {words.number(hours)}" for name, hours, _ in worked.rows()), limit=5)
    hours = words.count(float(worked["hours"].sum()), "hour")
    inside = situation.plan.periods.filter((pl.col("week") == weeks[0]) | (pl.col("period") == weeks[0]))
    starts = inside["starts_on"].to_list()
    money = max(premium(situation), 0.0)
    cost = words.money(money, situation.currency)
    return Issue(
        kind="Overtime",
        subject="all lines",
        what=f"{hours} of overtime in {where} ({lines})",
        cause="regular hours are used up, and what the extra hours make is worth more than they cost",
        money=money,
        basis="overtime hours × (overtime cost − regular cost)",
        ask=f"Approve {hours} of overtime in {where}, {cost} of premium",
        doing_nothing="without approval the plan loses these hours and must be made again",
        owner="Production manager",
        page="supply_review",
        anchor=words.anchor("Line load"),
        deadline=min(starts) if starts else None,
        headline=f"{hours} of overtime in {where}",
    )


@detector
def expediting(situation: Week) -> Iterator[Issue]:
    """Items bought at an expedited price: the premium over the standard offer, as the ledger books it."""
    names = situation.snapshot["items"].select("item", "description")
    booked = situation.plan.ledger.by("account", "item")
    paid = booked.filter((pl.col("account") == "expediting") & (pl.col("amount") < -0.5))
    if paid.height:
        yield expediting_issue(situation, paid.join(names, on="item", how="left").sort("amount", "item"))


def expediting_issue(situation: Week, paid: pl.DataFrame) -> Issue:
    """The exception of all expediting."""
    total = -float(paid["amount"].sum())
    money = words.money(total, situation.currency)
    each = (
        f"{description or item} {words.money(-amount, situation.currency)}"
        for item, amount, description in paid.select("item", "amount", "description").rows()
    )
    items = words.listing(paid["description"].to_list())
    return Issue(
        kind="Expediting",
        subject="all purchases",
        what=f"{money} is paid to buy faster than the ordinary way ({words.listing(each, limit=5)})",
        cause="the ordinary lead time is too long for the demand that needs it",
        money=total,
        basis="expedited units × (expedited − standard cost)",
        ask=f"Approve {money} to expedite {items}",
        doing_nothing="without approval the plan loses this supply and must be made again",
        owner="Buyer",
        page="supply_review",
        anchor=words.anchor("Exceptions"),
        deadline=situation.snapshot.as_of,
        headline=f"{money} is paid to buy faster than the ordinary way",
    )


@detector
def fence_broken(situation: Week) -> Iterator[Issue]:
    """Units broken in the fence beyond the share that settings allow: units × break price (steering, no cash)."""
    snapshot, breaks = situation.snapshot, situation.breaks_by_cause
    rules, fence = snapshot.settings.escalation, snapshot.settings.fence
    if situation.record is None or breaks.is_empty():
        return
    moved = float(breaks["change"].abs().sum())
    told = recorded_in_fence(snapshot, situation.record)
    share = moved / told if told > 0 else 1.0
    if moved < 0.5 or share <= rules.fence:
        return
    names = dict(snapshot["items"].select("item", "description").rows())
    yield Issue(
        kind="Fence broken",
        subject="production",
        what=f"{words.number(moved)} units are moved inside the frozen fence of "
        f"{words.count(fence.frozen_days, 'day')}, {words.percent(share)} of what was planned there "
        f"({words.listing(breaks['description'])})",
        cause=words.listing(reasons(breaks, names)),
        money=float(breaks["money"].sum()),
        basis="units broken × break price; steering, no cash",
        ask=f"Allow {words.number(moved)} units to move inside the frozen fence",
        doing_nothing="the shop floor keeps to last week's plan and this plan must be made again",
        owner="Production manager",
        page="balance",
        anchor=words.anchor("What changed in the plan"),
        deadline=snapshot.as_of,
        hand_up=rules.fence_to,
    )
