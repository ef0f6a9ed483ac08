"""Refusing what the plan asks to have approved: no overtime, no expediting."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def refuse(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The plan without what is to be approved."""
    if issue.kind == "Overtime":
        yield Option(Scenario("Approve no overtime").set("calendar.overtime_hours", 0.0))
    elif issue.kind == "Expediting":
        fast = situation.snapshot["offers"].filter(pl.col("expedite").fill_null(value=False))
        if fast.height:
            yield Option(Scenario("Approve no expediting").set("offers.maximum", 0.0, expedite=True))
