"""Writes extracts: the template workbook, and folders of CSV tables with settings.toml."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from polars import selectors
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from soe_lib.errors import DataError
from soe_lib.extract.schema import Column, Table, schema
from soe_lib.extract.workbook import REMARK
from soe_lib.workspace import shipped

Section = Mapping[str, Any]
FILE = "extract.xlsx"
FIRST, LAST = 4, 5000  # first data row, and last row with drop-downs, counted from 0
REMARKS = ("unit", "note", "example")
INK, SOFT, WASH, KEY = "#14213A", "#4A5670", "#F5F7FA", "#0B5A8A"
READ_ME = (
    "One sheet per table. Fill what you have and leave the rest: a sheet without rows counts as not delivered.",
    "Save the workbook beside settings.toml, in a folder named by the as-of date, such as data/mycompany/2026-11-16/.",
    "Rows with a word in column # are explanations. They are not read, and may be deleted.",
    "Codes are text: 00123 stays 00123. Format a column of codes as text before filling it.",
    "A blank cell means the default in the note. A column that is not needed may be deleted.",
    "Columns with a blue name are the table's key: each combination of their values occurs in one row only.",
    "Then: soe check --data FOLDER lists the findings by sheet, row and column, and how to fix them.",
)
NUMBERS = {"quantity": 120, "factor": 12, "yield": 0.97, "rate": 0.92, "priority": 1, "volume": 1}
SHOWN_DAY = date(2026, 11, 16)


def write_template(path: Path) -> None:
    """Write the workbook; the same schema gives the same bytes.

    Parameters
    ----------
    path : the .xlsx file.
    """
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"title": "An extract", "author": "soe_lib", "created": datetime(2026, 1, 1)})
        styles = _styles(book)
        _read_me(book, styles)
        for table in schema().values():
            _Page(book, table, styles).write()
        _columns(book, styles)


def _styles(book: xlsxwriter.Workbook) -> dict[str, Any]:
    text = {"font_name": "Calibri", "font_size": 11}
    head = {**text, "bold": True, "font_color": "#FFFFFF", "bg_color": INK, "valign": "top", "border_color": "#FFFFFF"}
    soft = {**text, "font_color": SOFT, "bg_color": WASH, "italic": True, "valign": "top"}
    return {
        "head": book.add_format(head),
        "key": book.add_format({**head, "bg_color": KEY}),
        "soft": book.add_format(soft),
        "note": book.add_format({**soft, "text_wrap": True}),
        "text": book.add_format({**text, "num_format": "@"}),
        "date": book.add_format({**text, "num_format": "yyyy-mm-dd"}),
        "softdate": book.add_format({**soft, "num_format": "yyyy-mm-dd", "align": "left"}),
        "softtext": book.add_format({**soft, "num_format": "@"}),
        "plain": book.add_format(text),
        "title": book.add_format({**text, "bold": True, "font_size": 16, "font_color": INK}),
        "wrap": book.add_format({**text, "text_wrap": True, "valign": "top"}),
    }


def _read_me(book: xlsxwriter.Workbook, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("read me")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 110, styles["wrap"])
    sheet.write_string(0, 0, "An extract for soe", styles["title"])
    for row, line in enumerate(READ_ME, start=2):
        sheet.write_string(row, 0, line, styles["wrap"])


def _columns(book: xlsxwriter.Workbook, styles: dict[str, Any]) -> None:
    """Write the searchable sheet of all tables and columns."""
    sheet = book.add_worksheet("columns")
    heads = ("table", "column", "key", "required", "type", "unit", "default", "choices", "meaning")
    for at, (name, width) in enumerate(zip(heads, (16, 24, 6, 9, 9, 22, 9, 30, 90), strict=True)):
        sheet.set_column(at, at, width, styles["plain"])
        sheet.write_string(0, at, name, styles["head"])
    columns = [column for table in schema().values() for column in table.columns]
    for row, column in enumerate(columns, start=1):
        marks = ("yes" if column.key else "", "yes" if column.required else "")
        rest = (column.type, column.unit, default(column), ", ".join(column.choices), column.meaning)
        for at, text in enumerate((column.table, column.name, *marks, *rest)):
            sheet.write_string(row, at, text)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, len(columns), len(heads) - 1)


class _Page:
    """One table's sheet: names, units, notes, an example and validation rules."""

    def __init__(self, book: xlsxwriter.Workbook, table: Table, styles: dict[str, Any]) -> None:
        self.table, self.styles = table, styles
        self.sheet: Worksheet = book.add_worksheet(table.name)

    def write(self) -> None:
        """Write the whole sheet."""
        self.sheet.set_column(0, 0, 9, self.styles["soft"])
        self.sheet.write_string(0, 0, REMARK, self.styles["head"])
        for row, name in enumerate(REMARKS, start=1):
            self.sheet.write_string(row, 0, name, self.styles["soft"])
        self.sheet.set_row(2, 78)
        for at, column in enumerate(self.table.columns, start=1):
            self._column(at, column)
        self.sheet.freeze_panes(FIRST, 1 + sum(column.key for column in self.table.columns[:2]))

    def _column(self, at: int, column: Column) -> None:
        kind = {"text": "text", "date": "date"}.get(column.type, "plain")
        self.sheet.set_column(at, at, max(14, len(column.name) + 3), self.styles[kind])
        self.sheet.write_string(0, at, column.name, self.styles["key" if column.key else "head"])
        self.sheet.write_comment(
            0, at, f"{note(column)}\n{shape(column)}", {"author": "", "x_scale": 2.2, "font_size": 9}
        )
        self.sheet.write_string(1, at, column.unit or column.type, self.styles["soft"])
        self.sheet.write_string(2, at, note(column), self.styles["note"])
        self._example(at, column)
        rule = allowed(column)
        if rule:
            self.sheet.data_validation(FIRST, at, LAST, at, {"ignore_blank": True, **rule})

    def _example(self, at: int, column: Column) -> None:
        value = example(column)
        if isinstance(value, date):
            self.sheet.write_datetime(3, at, datetime(value.year, value.month, value.day), self.styles["softdate"])
        elif isinstance(value, str):
            self.sheet.write_string(3, at, value, self.styles["softtext"])
        else:
            self.sheet.write_number(3, at, value, self.styles["soft"])


def default(column: Column) -> str:
    """A column's default in the form of schema.csv."""
    if isinstance(column.default, bool):
        return "yes" if column.default else "no"
    return "" if column.default is None else f"{column.default:g}" if column.type != "text" else str(column.default)


def note(column: Column) -> str:
    """The meaning of a column, and its default or whether it is required."""
    blank = default(column)
    must = " Required." if column.required else f" Blank: {blank}." if blank else ""
    return f"{column.meaning}.{must}"


def shape(column: Column) -> str:
    """The form of a cell of the column."""
    words = {
        "text": "Text",
        "number": "Number",
        "integer": "Whole number",
        "date": "Day, 2026-11-16",
        "yes-no": "yes or no",
    }
    parts = [words[column.type]]
    parts += [f"in {column.unit}"] if column.unit else []
    parts += [f"one of {', '.join(column.choices)}"] if column.choices else []
    parts += [f"at least {column.minimum:g}"] if column.minimum is not None else []
    parts += [f"found in {column.references.replace('.', ', column ')}"] if column.references else []
    return "; ".join(parts) + "."


def allowed(column: Column) -> dict[str, Any]:
    """Excel's data validation of a cell; choices and references get a drop-down."""
    if column.type == "yes-no":
        return {"validate": "list", "source": ["yes", "no"]}
    if column.choices:
        return {"validate": "list", "source": list(column.choices)}
    if column.references:
        table, _, name = column.references.partition(".")
        letter = xl_col_to_name(1 + schema()[table].names.index(name))
        source = f"='{table}'!${letter}${FIRST + 1}:${letter}${LAST + 1}"
        return {
            "validate": "list",
            "source": source,
            "error_type": "warning",
            "error_message": f"Not found in {table}.",
        }
    if column.type == "date":
        return {"validate": "date", "criteria": ">=", "value": date(1970, 1, 1), "error_message": "A day is needed."}
    if column.type in ("number", "integer"):
        kind = "decimal" if column.type == "number" else "integer"
        least = column.minimum if column.minimum is not None else -1e9
        return {"validate": kind, "criteria": ">=", "value": least, "error_message": f"A number from {least:g} on."}
    return {}


def example(column: Column) -> str | float | date:
    """A valid value of the column."""
    if column.type == "date":
        return SHOWN_DAY
    if column.type == "yes-no":
        return "no"
    if column.type in ("number", "integer"):
        return NUMBERS.get(column.name, column.default if column.default else 10)
    if column.choices:
        return column.choices[0]
    words = {"period": "2026-W48", "fiscal_month": "2026-11", "month": "2026-11", "currency": "USD", "unit": "each"}
    if column.name in words:
        return words[column.name]
    target = column.references.partition(".")[2] or column.name
    return f"{target.upper()[:4]}-001" if column.key or column.references else f"a {column.name.replace('_', ' ')}"


MARK = "# Written by an importer; importing again into the same folder replaces it."


def write_extract(
    folder: Path,
    tables: Mapping[str, pl.DataFrame],
    *,
    settings: Mapping[str, object],
    assumptions: Sequence[str],
) -> Mapping[str, int]:
    """Write an extract and return the number of rows by table.

    Parameters
    ----------
    folder : the extract's folder, named by its as-of date; it may only contain an earlier import, which is replaced.
    tables : frames by table of the contract; tables without rows are not written.
    settings : top-level values and one mapping per section of settings.toml.
    assumptions : sentences for the pack.

    Raises
    ------
    DataError : the folder contains files that no importer wrote.
    """
    if folder.exists() and any(folder.iterdir()) and not _imported(folder):
        raise DataError(
            f"{folder} holds files that were not imported, and they are not overwritten. "
            "Choose another output folder, or move that one away."
        )
    filled = {name: _ordered(name, rows) for name, rows in tables.items() if not rows.is_empty()}
    rows = {name: filled[name].height for name in schema() if name in filled}
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        for name, frame in filled.items():
            frame.write_csv(aside / f"{name}.csv", float_precision=None)
        text = toml({**settings, "assumptions": list(assumptions), "control": rows}, spread=True)
        (aside / "settings.toml").write_text(f"{MARK}\n{text}", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return rows


def _imported(folder: Path) -> bool:
    path = folder / "settings.toml"
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def _ordered(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The table sorted by key, with the columns in the contract's order and without empty ones."""
    table = schema()[name]
    kept = [column for column in table.names if column in rows.columns and _filled(rows[column])]
    texts = [
        pl.when(pl.col(column)).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(column)
        for column in kept
        if rows.schema[column] == pl.Boolean
    ]
    return rows.select(kept).sort([key for key in table.key if key in kept]).with_columns(texts)


def _filled(column: pl.Series) -> bool:
    return bool((column != "").any()) if column.dtype == pl.String else column.null_count() < len(column)


def write(folder: Path, tables: Mapping[str, pl.DataFrame], settings: Section) -> Path:
    """Write the tables that have rows, and the settings, into `folder`; returns it.

    CSV files of other tables are removed, since a leftover table would be read as part of this extract.
    """
    folder.mkdir(parents=True, exist_ok=True)
    filled = {name: table for name, table in tables.items() if table.height}
    for old in folder.glob("*.csv"):
        if old.stem not in filled:
            old.unlink()
    for name, table in filled.items():
        text = _plain(table).write_csv(line_terminator="\n")
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8"))
    control = {name: _totals(table) for name, table in sorted(filled.items())}
    (folder / "settings.toml").write_bytes(toml({**settings, "control": control}).encode("utf-8"))
    return folder


def toml(settings: Section, *, spread: bool = False) -> str:
    """The settings as TOML: plain values, then one section per non-empty mapping; nested mappings are inline.

    Parameters
    ----------
    spread : write each entry of a list on a separate line.
    """
    sections: dict[str, Section] = {
        "": {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    }
    sections |= {f"[{name}]\n": value for name, value in settings.items() if isinstance(value, Mapping) and value}
    lines = {
        head: "\n".join(f"{_key(name)} = {_value(value, spread)}" for name, value in section.items())
        for head, section in sections.items()
    }
    return "\n\n".join(head + text for head, text in lines.items()) + "\n"


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else _value(name)


def _value(value: Any, spread: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        spread = spread and bool(value)
        return (
            "[\n" + "".join(f"  {_value(one)},\n" for one in value) + "]"
            if spread
            else f"[{', '.join(map(_value, value))}]"
        )
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        # JSON strings are TOML basic strings, except that JSON does not escape DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _totals(table: pl.DataFrame) -> Section:
    """Control totals: rows, and the quantity if the table has one."""
    counted = {"rows": table.height}
    amount = next((name for name in ("quantity", "on_hand") if name in table.columns), None)
    return {**counted, amount: round(float(table[amount].sum()), 6)} if amount else counted


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """The table without empty columns, with whole numbers written without decimals."""
    kept = table.select(column for column in table.iter_columns() if column.null_count() < table.height)
    return kept.with_columns(selectors.float().cast(pl.String).str.strip_suffix(".0"))


if __name__ == "__main__":
    write_template(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped() / "templates" / FILE)
