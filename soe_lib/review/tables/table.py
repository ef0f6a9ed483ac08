"""A frame ready for a page: headings, formats, caption, note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from soe_lib.review import words

Format = str | Callable[[Any], str]
TOP = 12


def day(when: date) -> str:
    """A date that stays on one line: "Mon 16 Nov"."""
    return words.day(when).replace(" ", words.HARD_SPACE)


@dataclass(frozen=True, eq=False)
class Table:
    """A frame ready for a page.

    Parameters
    ----------
    frame : its columns are the headings. caption : what the table shows, with its unit.
    formats : heading → "money", "number", "percent", a format such as ",.1f", or a function of one value.
    note : definitions below the table. rows : the most lines to show. strong : which lines are bold.
    """

    frame: pl.DataFrame
    caption: str
    formats: Mapping[str, Format] = field(default_factory=dict)
    note: str = ""
    rows: int = TOP
    strong: pl.Expr | None = None
