"""What a planner worked out by hand and offers: scenarios of scenarios.toml that say which exception they answer."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.files import load, shelf
from soe_lib.scenario.options.registry import Option, answer


@answer
def by_hand(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The company's scenarios whose `answers` names this exception, or a part of its name."""
    file = shelf(situation.snapshot)
    if not file.is_file():
        return
    key = issue.key.lower()
    for scenario in load(file):
        if scenario.edits and scenario.answers and scenario.answers.lower() in key:
            yield Option(scenario)
