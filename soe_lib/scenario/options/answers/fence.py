"""Loosening the frozen fence, where the plan of record holds this one back."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario

PASSIVE = ("Overtime", "Expediting")


@answer
def fence(situation: Situation, issue: Issue) -> Iterator[Option]:
    """A fence of no days: production may change from today on."""
    days, rows = situation.snapshot.settings.fence.frozen_days, situation.plan.prices.get("frozen")
    # A frozen row is an equality: a price of either sign says that a change would gain.
    held = rows is not None and bool((rows["price"].abs() > 1e-6).any())
    if days > 0 and held and issue.kind not in PASSIVE:
        name = f"Open the frozen fence of {words.count(days, 'day')}"
        yield Option(Scenario(name).set("settings.fence.frozen_days", 0))
