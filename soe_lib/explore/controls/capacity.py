"""More or fewer regular hours, and overtime: how many hours, and at what premium."""

from __future__ import annotations

import polars as pl

from soe_lib.explore import edits
from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, share, some_or_all, text, where
from soe_lib.explore.part import Note, Part, counted
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario


def hours_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Whose hours, and how many more."""
    return (_resource(choices), share("share", "Hours, %", -50, 50))


def overtime_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Whose overtime, how many hours more, and how much dearer."""
    return (
        _resource(choices),
        share("share", "Hours, %", -100, 100, 5),
        share("premium", "Premium, %", -50, 200, 10),
    )


def hours_part(snapshot: Snapshot, said: Said) -> Part | None:
    """Regular hours, of the calendar and of crews, times a factor; events take their hours from what is left."""
    change = number(said, "share") / 100
    if not change:
        return None
    called = f"{_whose(said)} hours {_signed(change)}"
    return counted(called, *_scaled(snapshot, said, 1.0 + change, "hours", "hours_per_head"))


def overtime_part(snapshot: Snapshot, said: Said) -> Part | None:
    """The ceiling of overtime times a factor, and what an hour costs above a regular one times another."""
    change, premium = number(said, "share") / 100, number(said, "premium") / 100
    if not change and not premium:
        return None
    parts = []
    if change:
        called = f"{_whose(said)} overtime hours {_signed(change)}"
        made = _scaled(snapshot, said, 1.0 + change, "overtime_hours", "overtime_hours_per_head")
        parts.append(counted(called, *made))
    if premium:
        called = f"{_whose(said)} overtime premium {_signed(premium)}"
        parts.append(edits.premium(snapshot, premium, text(said, "resource"), called))
    note = Note(" ".join(one.note.text for one in parts), sum(one.note.rows for one in parts))
    return Part(note, tuple(edit for one in parts for edit in one.edits), ", ".join(one.words for one in parts))


def _resource(choices: Choices) -> Field:
    return some_or_all("resource", "Resource", "All resources", choices.resources)


def _scaled(snapshot: Snapshot, said: Said, factor: float, calendar: str, crew: str) -> tuple[Scenario, dict[str, int]]:
    """The edits of hours, of the calendar's and of those that come with heads, and how many rows each reaches."""
    made = Scenario("")
    counts: dict[str, int] = {}
    for table, column, kind in (("calendar", calendar, "calendar row"), ("workforce", crew, "crew")):
        rows = snapshot[table].filter(pl.col(column) > 0)
        rows = rows.filter(pl.col("resource") == text(said, "resource")) if text(said, "resource") else rows
        if rows.height or table == "calendar":
            counts[kind] = rows.height
        if rows.height:
            made = made.scale(f"{table}.{column}", factor, **where(said, "resource"))
    return made, counts


def _whose(said: Said) -> str:
    return text(said, "resource") or "all"


def _signed(change: float) -> str:
    return words.percent(change, sign=True).replace(words.HARD_SPACE, " ")


CONTROLS = (
    Control("hours", "Regular hours", "Capacity", 60, hours_fields, hours_part),
    Control("overtime", "Overtime", "Capacity", 61, overtime_fields, overtime_part),
)
