"""The service–cost frontier as the weekly page shows it: a chart, or a sentence where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soe_lib.errors import SoeError
from soe_lib.model import budget
from soe_lib.review import words
from soe_lib.review.charts.chart import Chart

if TYPE_CHECKING:
    from soe_lib.model.living import Living

POINTS = 5
LEAST = 20.0
"""Seconds of a time budget from which a curve with set-ups is begun."""


def service_against_margin(living: Living, *, points: int = POINTS) -> Chart | str:
    """What more service costs in margin, each point planned again; says why where it cannot be told.

    Parameters
    ----------
    living : this week's living model. points : how many levels of service, ends included.
    """
    from soe_lib.tradeoffs.frontier import frontier

    rest = budget.left()
    if living.home.whole and rest is not None and rest < LEAST:
        return (
            "Service is not held against margin in this pack: each point is a plan with set-ups, and the pack's time "
            "was over. Give it more (soe pack --minutes)."
        )
    try:
        found = frontier(living.home.snapshot, "service", "margin", points=points, living=living)
    except SoeError as error:
        return f"Service cannot be held against margin here. {words.sentence(str(error).splitlines()[0])}"
    return found.chart() if len(found) > 1 else found.finding
