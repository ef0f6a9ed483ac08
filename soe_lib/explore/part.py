"""What one change of a scenario stands for: its edits, what they touch, and its name in few words."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.edits import SETTINGS, Edit
from soe_lib.whatif.scenario import Scenario


@dataclass(frozen=True)
class Note:
    """What one edit touches.

    Parameters
    ----------
    text : one sentence. rows : rows of the extract that it touches; 0: it matches nothing.
    """

    text: str
    rows: int

    @property
    def nothing(self) -> bool:
        """Whether the edit changes nothing."""
        return self.rows == 0


@dataclass(frozen=True)
class Part:
    """The edits that one change stands for, and what they touch; without edits where they would match nothing.

    Parameters
    ----------
    words : the change as part of a scenario's name: "Venlo L2 down 3 days".
    """

    note: Note
    edits: tuple[Edit, ...] = ()
    words: str = ""


def nothing(why: str, called: str = "") -> Part:
    """A part without edits, and why."""
    return Part(Note(f"{why} Nothing changed.", 0), words=called)


def touching(snapshot: Snapshot, called: str, scenario: Scenario) -> Part:
    """The part of edits that are recorded as they stand, with the rows that they touch, counted by table."""
    try:
        rows = scenario.touched(snapshot)
    except DataError as error:
        return nothing(f"{_start(called)}: {str(error).partition(': ')[2] or error}", called)
    tables = rows.group_by("table", maintain_order=True).agg(pl.len(), pl.col("row").n_unique().alias("rows"))
    parts = [
        words.count(changes, "setting") if table == SETTINGS else f"{words.count(number, 'row')} of {table}"
        for table, changes, number in tables.iter_rows()
    ]
    return Part(Note(f"{_start(called)}: {words.listing(parts)}.", rows.height), scenario.edits, called)


def counted(called: str, scenario: Scenario, touched: dict[str, int]) -> Part:
    """The part of edits whose reach is counted by who makes them: rows by what they are; none is nothing."""
    if not sum(touched.values()):
        return nothing(f"{_start(called)}: there is no such row.", called)
    parts = [words.count(number, what) for what, number in touched.items() if number]
    return Part(Note(f"{_start(called)}: {words.listing(parts)}.", sum(touched.values())), scenario.edits, called)


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]
