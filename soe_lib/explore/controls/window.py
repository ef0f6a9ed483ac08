"""From which week, and for how many: the two fields that several controls share."""

from __future__ import annotations

from datetime import date, timedelta

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Field, Said, number, pick, slide
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words


def window(choices: Choices, *, weeks: int = 0) -> tuple[Field, Field]:
    """First week and number of weeks; 0 weeks: to the end of the horizon."""
    options = tuple((words.sentence(words.period_name(label)).rstrip("."), first) for label, first, _ in choices.weeks)
    return pick("from", "From", options), slide("weeks", "Weeks (0: to the end)", 0, len(options), value=weeks)


def span(snapshot: Snapshot, said: Said) -> tuple[date, date]:
    """First and last day of the weeks that are said."""
    start, end = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    given, weeks = said.get("from"), int(number(said, "weeks"))
    first = given if isinstance(given, date) else start
    if not weeks:
        return first, end
    # A first week that the horizon begins in the midst of ends on its Sunday.
    return first, min(first + timedelta(days=7 * weeks - 1 - first.weekday()), end)


def during(snapshot: Snapshot, said: Said) -> str:
    """The weeks as the end of a scenario's name; blank for the whole horizon."""
    first, last = span(snapshot, said)
    whole = first == snapshot.periods["starts_on"][0] and last == snapshot.periods["ends_on"][-1]
    return "" if whole else f", {words.day(first)} to {words.day(last)}"
