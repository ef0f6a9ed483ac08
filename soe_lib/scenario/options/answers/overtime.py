"""More overtime on the line that is short of hours, or on the dearest line that makes what is missed."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.limits import first_weeks, has_price, lines_for
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def overtime(situation: Situation, issue: Issue) -> Iterator[Option]:
    """Twice the overtime that may be worked in the first weeks, at the premium that it costs."""
    named = issue.about.get("resource", ()) or lines_for(situation, issue)
    for line in has_price(situation, "overtime_limit", "resource", named)[:1]:
        yield Option(doubled(situation, line))


def doubled(situation: Situation, line: str) -> Scenario:
    """The allowance for overtime of one line, doubled in the first weeks."""
    weeks = first_weeks(situation)
    name = f"Twice the overtime on {line}, {words.periods(weeks)}"
    return Scenario(name).scale("calendar.overtime_hours", 2.0, resource=line, period=weeks)
