"""A line, dock or crew that is down for some days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from soe_lib.explore import edits
from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, one_of, pick, slide, text
from soe_lib.explore.part import Part
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words

LONGEST = 28


def fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Which, how long, from when."""
    return (
        one_of("resource", "Resource", choices.resources, choices.scarcest),
        slide("days", "Days down", 0, min(LONGEST, len(choices.days))),
        pick("from", "From", tuple((words.day(day), day) for day in choices.days)),
    )


def part(snapshot: Snapshot, said: Said) -> Part | None:
    """The resource loses the hours of the days that it is down."""
    days, start = int(number(said, "days")), said.get("from")
    if not days:
        return None
    first = start if isinstance(start, date) and start != snapshot.periods["starts_on"][0] else None
    trial = Trial(resource=text(said, "resource") or "nothing", outage_days=days, outage_from=first)
    return replace(edits.outage(snapshot, trial), words=trial.name)


CONTROLS = (Control("downtime", "A line is down", "Events", 10, fields, part),)
