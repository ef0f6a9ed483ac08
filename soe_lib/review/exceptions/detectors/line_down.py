"""Lines that are down, and what their lost hours lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.causes import DOWN
from soe_lib.review.exceptions.effect import effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def line_down(situation: Situation) -> Iterator[Issue]:
    """Downtime ahead: what the plan would earn more without it; else the money lost on demand of what the line
    makes.
    """
    down = situation.events.filter(pl.col("kind") == "downtime")
    yield from (issue(situation, row) for row in down.iter_rows(named=True))


def issue(situation: Situation, row: dict[str, Any]) -> Issue:
    """The exception of one downtime."""
    snapshot = situation.snapshot
    first, last = row["from"] or snapshot.as_of, row["to"] or snapshot.periods["ends_on"][-1]
    lost = float(situation.load.filter(pl.col("resource") == row["target"])["lost"].sum())
    found = effect_of(situation, DOWN, row["event"])
    said = f"{found.units} of {words.listing(found.items)}" if found.any else "the plan makes up for it elsewhere"
    money, basis = situation.cost_of(row["event"], found.money)
    return Issue(
        kind="Line down",
        subject=f"{row['target']} {row['event']}",
        what=f"{row['target']} is down from {words.day(first)} to {words.day(last)} and loses "
        f"{words.count(lost, 'hour')}: {said}",
        cause=row["note"],
        money=money,
        basis=basis,
        ask=f"How {row['target']} catches up {words.count(lost, 'hour')}: repair sooner, overtime, or another line",
        doing_nothing=f"{found.units}, as planned" if found.any else "the plan stands; a longer stop would hit it",
        owner="Production manager",
        page="supply_review",
        anchor=words.anchor("Late receipts and events"),
        deadline=max(snapshot.as_of, first),
        revenue=found.revenue,
        headline=f"{row['target']} is down until {words.day(last)}"
        + (f": {found.units} of {words.listing(found.items, limit=2)}" if found.any else ""),
        service=found.service(situation.currency),
        about={"event": (row["event"],), "resource": (row["target"],), **found.about},
    )
