"""A frame ready for a page: headings, formats, caption, note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

TOP = 12


@dataclass(frozen=True, eq=False)
class Table:
    """A frame ready for a page.

    Parameters
    ----------
    frame : its columns are the headings. caption : what the table shows, with its unit.
    formats : heading → "money", "number", "percent", "date" or a format such as ",.1f".
    note : definitions below the table. rows : the most lines to show. strong : which lines are bold.
    """

    frame: pl.DataFrame
    caption: str
    formats: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    rows: int = TOP
    strong: pl.Expr | None = None
