"""Another line: overtime where the same items can be made too."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.answers.overtime import doubled
from soe_lib.scenario.options.limits import has_price, lines_for
from soe_lib.scenario.options.registry import Option, answer


@answer
def other_line(situation: Situation, issue: Issue) -> Iterator[Option]:
    """Twice the overtime on the other line whose hours are worth most, where one line is short of hours."""
    named = issue.about.get("resource", ())
    others = [line for line in lines_for(situation, issue) if line not in named] if named else []
    for line in has_price(situation, "overtime_limit", "resource", others)[:1]:
        yield Option(doubled(situation, line))
