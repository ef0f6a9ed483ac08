"""Tables as CSV for people: a text that a spreadsheet would take for a formula gets an apostrophe in front."""

from __future__ import annotations

from pathlib import Path

import polars as pl

STARTS = r"^[=+\-@\t\r]"


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV: texts that begin with = + - @, tab or return get a ' in front, numbers stay numbers."""
    texts = pl.selectors.string()
    guarded = pl.when(texts.str.contains(STARTS)).then("'" + texts).otherwise(texts).name.keep()
    frame.with_columns(guarded).write_csv(path)
