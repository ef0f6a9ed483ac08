"""Tables for an ERP: CSV and a workbook that no spreadsheet takes for formulas, read back before they count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from soe_lib.errors import PackError, ReconciliationError

WORKBOOK = "orders.xlsx"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "'")
"""First letters by which a spreadsheet takes text for a formula; and the mark itself, so that it can be taken away."""
GUARD = "'"
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
ROWS = 1_000_000


def write_tables(folder: Path, tables: Mapping[str, pl.DataFrame], title: str, as_of: date) -> list[str]:
    """Write a CSV per table and one workbook with a sheet each; returns the names of the files.

    CSV text that begins like a formula gets an apostrophe before it; numbers, negative ones too, stay numbers. In the
    workbook text is written as text, as it is.
    """
    names = write_csv(folder, tables)
    with xlsxwriter.Workbook(str(folder / WORKBOOK), SAFE) as book:
        # A fixed date: the same orders give the same bytes.
        book.set_properties({"title": title, "created": datetime.combine(as_of, time())})
        for name, frame in tables.items():
            if frame.height > ROWS:
                raise PackError(f"{name} has {frame.height:,} rows, more than a sheet holds; release fewer weeks.")
            _sheet(book, name, frame)
    return [*names, WORKBOOK]


def write_csv(folder: Path, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Write a CSV per table; returns the names of the files."""
    for name, frame in tables.items():
        guarded(frame).write_csv(folder / f"{name}.csv")
    return [f"{name}.csv" for name in tables]


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run, with an apostrophe before it; `read_csv` takes it away again."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        pl.when(pl.any_horizontal(*(pl.col(name).str.starts_with(sign) for sign in DANGEROUS)))
        .then(pl.concat_str(pl.lit(GUARD), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def read_csv(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    """A table as it was before it was written; columns that it does not have are blank."""
    frame = pl.read_csv(path, schema=pl.Schema(schema), missing_columns="insert")
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(name).str.strip_prefix(GUARD) for name in texts)


def checked(path: Path, frame: pl.DataFrame) -> None:
    """Write one table as CSV aside, read it back, and put it in its place only if it is what was written."""
    aside = path.with_name(f".{path.name}.part")
    aside.parent.mkdir(parents=True, exist_ok=True)
    guarded(frame).write_csv(aside)
    if not read_csv(aside, frame.schema).equals(frame):
        aside.unlink()
        raise ReconciliationError(f"{path.name} does not read back as it was written; nothing was kept.")
    aside.replace(path)


def _sheet(book: xlsxwriter.Workbook, name: str, frame: pl.DataFrame) -> None:
    narrow = {one for one, kind in frame.schema.items() if kind.is_numeric() or kind == pl.Date}
    frame.write_excel(
        book,
        name,
        header_format={"bold": True, "bottom": 1},
        dtype_formats={pl.Date: "yyyy-mm-dd", pl.Float64: "General", pl.Int64: "General"},
        column_widths={one: 90 if one in narrow else 145 for one in frame.columns},  # pixels
        freeze_panes=(1, 0),
        autofilter=frame.height > 0,
    )


def read_back(folder: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Read what was written; ReconciliationError where it is not what it was."""
    for name, frame in tables.items():
        again = read_csv(folder / f"{name}.csv", frame.schema)
        texts = pl.col(pl.String).fill_null("")
        if not again.with_columns(texts).equals(frame.with_columns(texts)):
            raise ReconciliationError(f"{name}.csv does not read back as it was written; nothing was released.")
