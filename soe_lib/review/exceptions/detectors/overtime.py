"""Overtime that the plan pays for and that somebody must approve."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation

LEAST_HOURS = 0.5


@detector
def overtime(situation: Situation) -> Iterator[Issue]:
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


def premium(situation: Situation) -> float:
    """What the plan pays for overtime beyond the regular rate [money, positive]."""
    costs = situation.snapshot["resources"].select("resource", "hourly_cost", "overtime_cost")
    worked = situation.plan.flows["overtime"].select("resource", "quantity")
    more = pl.col("overtime_cost").fill_null(pl.col("hourly_cost")) - pl.col("hourly_cost")
    return float(worked.join(costs, on="resource").select((pl.col("quantity") * more).sum()).item())


def issue(situation: Situation, worked: pl.DataFrame) -> Issue:
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
