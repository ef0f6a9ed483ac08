"""Ending a trouble sooner: half the stop, half the delay, half the loss; nobody knows yet what that costs.

A stop of several days ends on an earlier day, and its hours fall with its working days; a stop of one day, or without
an end, has half its hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def sooner(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The event of the exception at half its size; what that gains is the most that may be paid for it."""
    names = list(issue.about.get("event", ()))
    for row in situation.snapshot["events"].filter(pl.col("event").is_in(names)).iter_rows(named=True):
        if row["kind"] == "downtime" and row["hours"] and (days := _later_half(situation, row)):
            name = f"Repair {row['target']} {words.count(days, 'day')} sooner"
            yield Option(Scenario(name).longer(days=-days, event=row["event"]), paid=False)
        elif row["kind"] == "downtime" and row["hours"]:
            half = row["hours"] / 2
            yield Option(
                Scenario(f"Repair {row['target']} {words.count(half, 'hour')} sooner")
                .set("events.hours", half, event=row["event"]), paid=False,
            )  # fmt: skip
        elif row["kind"] == "delay" and (row["days"] or 0) >= 2:
            days = int(row["days"] // 2)
            name = f"Get {row['target']} {words.count(row['days'] - days, 'day')} sooner"
            yield Option(Scenario(name).set("events.days", days, event=row["event"]), paid=False)
        elif row["kind"] == "supply_loss" and (row["factor"] or 0.0) < 1:
            left = ((row["factor"] or 0.0) + 1) / 2
            name = f"Have {row['target']} deliver {words.percent(left)}"
            yield Option(Scenario(name).set("events.factor", left, event=row["event"]), paid=False)


def _later_half(situation: Situation, event: dict[str, Any]) -> int:
    """Days from an event's end that hold half of its working days to come, rounded down; 0 where none can go."""
    today, last = situation.snapshot.as_of, event["to"]
    first = max(event["from"] or today, today)
    if last is None or last <= first:
        return 0
    days = pl.date_range(first, last, eager=True)
    working = days.filter(days.dt.weekday().is_in(situation.snapshot.settings.calendar.working_days))
    return (last - working[-(working.len() // 2) - 1]).days if working.len() > 1 else 0
