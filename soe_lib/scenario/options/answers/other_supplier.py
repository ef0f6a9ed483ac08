"""Another supplier: more of an ordinary offer than it gives today."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.answers.expedite import more_of
from soe_lib.scenario.options.registry import Option, answer


@answer
def other_supplier(situation: Situation, issue: Issue) -> Iterator[Option]:
    """Twice the most that an ordinary offer of the same part gives in a period, at its price."""
    yield from more_of(situation, issue, expedited=False)
