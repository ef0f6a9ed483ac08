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
    """Resources with overtime: the premium over regular hours."""
    worked = (
        situation.load.filter(pl.col("overtime") > 0)
        .group_by("resource")
        .agg(hours=pl.col("overtime").sum(), weeks=pl.col("label").sort_by("order"))
    )
    for resource, hours, weeks in worked.filter(pl.col("hours") >= LEAST_HOURS).sort("resource").rows():
        yield issue(situation, resource, hours, weeks)


def premium_of(situation: Situation, resource: str) -> float:
    """What the plan pays for overtime on a resource beyond the regular rate [money, positive]."""
    costs = situation.snapshot["resources"].select("resource", "hourly_cost", "overtime_cost")
    worked = situation.plan.flows["overtime"].select("resource", "quantity").filter(pl.col("resource") == resource)
    premium = pl.col("overtime_cost").fill_null(pl.col("hourly_cost")) - pl.col("hourly_cost")
    return float(worked.join(costs, on="resource").select((pl.col("quantity") * premium).sum()).item())


def issue(situation: Situation, resource: str, hours: float, weeks: list[str]) -> Issue:
    """The exception of one resource."""
    where = words.listing((words.period_name(week) for week in weeks), limit=4)
    inside = situation.plan.periods.filter((pl.col("week") == weeks[0]) | (pl.col("period") == weeks[0]))
    starts = inside["starts_on"].to_list()
    return Issue(
        kind="Overtime",
        subject=resource,
        what=f"{resource} works {words.count(hours, 'hour')} of overtime in {where}",
        cause="its regular hours are used up, and what the extra hours make is worth more than they cost",
        money=max(premium_of(situation, resource), 0.0),
        basis="overtime hours × (overtime cost − regular cost)",
        ask=f"Approve {words.count(hours, 'hour')} of overtime on {resource} in {where}",
        doing_nothing="without approval the plan loses these hours and must be made again",
        owner="Production manager",
        page="supply_review",
        anchor=words.anchor("Line load"),
        deadline=min(starts) if starts else None,
    )
