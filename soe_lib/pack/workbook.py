"""finance.xlsx: the frames behind the finance page, a sheet each, with live totals; text never becomes a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from soe_lib.errors import PackError
from soe_lib.pack import live
from soe_lib.pack.site import Site
from soe_lib.review import words

NAME = "finance.xlsx"
FIRST = ("statement", "months", "side_by_side", "bridges", "bridge", "ledger")
LAST = ("checks",)
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "remove_timezone": True}
ROWS = 1_000_000
CENTS = "#,##0.00;[Red]-#,##0.00"
INK = "#14213a"
RULE = "#b9c2cf"


@dataclass(frozen=True)
class Sheet:
    """One frame on its way to a sheet."""

    name: str
    frame: pl.DataFrame

    @property
    def own_totals(self) -> bool:
        """Whether the frame marks its own total lines, by a yes/no column named total."""
        return self.frame.schema.get("total") == pl.Boolean

    @property
    def shown(self) -> pl.DataFrame:
        """The frame without the mark: total lines are bold instead."""
        return self.frame.drop("total") if self.own_totals else self.frame

    @property
    def amounts(self) -> list[str]:
        """The columns that get a live total: numeric, named amount…; none where the frame has its own total lines."""
        if self.own_totals:
            return []
        if self.name == live.BRIDGES:
            return []  # starts, steps and ends in one column: their sum says nothing
        return [name for name, kind in self.frame.schema.items() if name.startswith("amount") and kind.is_numeric()]


def read(folder: Path) -> tuple[Sheet, ...]:
    """The frames that the finance review left in `<results>/finance`, in the order of the sheets.

    Errors
    ------
    PackError : a frame that cannot be read, holds something that is no number, or has too many rows for a sheet.
    """
    sheets = [Sheet(path.stem, _frame(path)) for path in sorted(folder.glob("*.parquet"))]
    place = {name: index for index, name in enumerate(FIRST)} | dict.fromkeys(LAST, 1000)
    return tuple(sorted(sheets, key=lambda sheet: (place.get(sheet.name, 500), sheet.name)))


def write(path: Path, sheets: Sequence[Sheet], site: Site, *, notes: Sequence[str] = ()) -> None:
    """Write the workbook.

    Parameters
    ----------
    path : where to; sheets : the frames; site : company, week, run and fingerprint for the first sheet.
    notes : sentences for the first sheet, the assumptions say.
    """
    with xlsxwriter.Workbook(str(path), SAFE) as book:
        # A fixed date: the same figures give the same bytes.
        book.set_properties({"title": f"{site.company}, {site.week}", "created": datetime.combine(site.as_of, time())})
        formats = _formats(book)
        _read_me(book, formats, sheets, site, notes)
        taken = {"read me", "tie-outs"}
        places = {sheet.name: live.Place(_title(sheet.name, taken), sheet.shown) for sheet in sheets}
        for sheet in sheets:
            _sheet(book, formats, sheet, places)
        if found := live.checks(places):
            _tie_outs(book, formats, found)


def _frame(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PackError(f"The workbook needs {path.name}, which cannot be read ({error}).") from error
    if frame.height > ROWS:
        raise PackError(f"{path.name} has {frame.height:,} rows, more than a sheet holds: sum it in finance_review.")
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    bad = [name for name in floats if frame.select((~pl.col(name).is_finite()).any()).item()]
    if bad:
        raise PackError(f"{path.name} has values that are no numbers in {', '.join(bad)}; a sheet cannot show them.")
    return frame


def _formats(book: Any) -> dict[str, Any]:
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top", "font_color": INK}
    head = base | {"bold": True, "bottom": 2, "bottom_color": INK, "text_wrap": True, "valign": "bottom"}
    return {
        "text": book.add_format(base),
        "wrap": book.add_format(base | {"text_wrap": True}),
        "title": book.add_format(base | {"font_size": 16, "bold": True}),
        "bold": book.add_format(base | {"bold": True}),
        "head": book.add_format(head),
        "head right": book.add_format(head | {"align": "right"}),
        "cents": book.add_format(base | {"num_format": CENTS}),
        "number": book.add_format(base | {"num_format": "#,##0.####"}),
        "whole": book.add_format(base | {"num_format": "#,##0"}),
        "date": book.add_format(base | {"num_format": "yyyy-mm-dd", "align": "left"}),
        "strong text": book.add_format(base | {"bold": True, "top": 1, "top_color": RULE}),
        "strong cents": book.add_format(base | {"bold": True, "top": 1, "top_color": RULE, "num_format": CENTS}),
        "total": book.add_format(base | {"bold": True, "top": 1, "bottom": 6}),
        "total cents": book.add_format(base | {"bold": True, "top": 1, "bottom": 6, "num_format": CENTS}),
    }


def _read_me(book: Any, formats: Mapping[str, Any], sheets: Sequence[Sheet], site: Site, notes: Sequence[str]) -> None:
    page = book.add_worksheet("Read me")
    page.hide_gridlines(2)
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 90)
    facts = [
        ("Company", site.company),
        ("As of", words.full_day(site.as_of)),
        ("Week", site.week),
        ("Run", str(site.run)),
        ("Currency", site.currency),
        ("Inputs", site.fingerprint),
        ("Signs", "Revenue is positive, cost is negative; in a bridge, favourable is positive."),
        ("Totals", "The bottom line of a sheet is a live formula over the rows that a filter leaves."),
    ]
    page.write_string(0, 0, f"{site.company}: finance of {site.week}", formats["title"])
    listed = [(_title(sheet.name, set()), _about(sheet)) for sheet in sheets]
    lines = [*facts, *listed, *(("Assumed", note) for note in notes)]
    for row, (name, text) in enumerate(lines, start=2):
        page.write_string(row, 0, name, formats["bold"])
        page.write_string(row, 1, text, formats["wrap"])


def _about(sheet: Sheet) -> str:
    keys = [name.replace("_", " ") for name, kind in sheet.shown.schema.items() if not kind.is_numeric()]
    return f"{words.count(sheet.frame.height, 'row')}{' by ' + words.listing(keys, limit=8) if keys else ''}"


def _sheet(book: Any, formats: Mapping[str, Any], sheet: Sheet, places: Mapping[str, live.Place]) -> None:
    page = book.add_worksheet(places[sheet.name].title)
    page.hide_gridlines(2)
    page.freeze_panes(1, 0)
    frame = sheet.shown
    marks = sheet.frame["total"].fill_null(False).to_list() if sheet.own_totals else [False] * frame.height
    made = live.formulas(sheet.name, places, marks)
    for number, (name, kind) in enumerate(frame.schema.items()):
        page.write_string(0, number, name.replace("_", " "), formats["head right" if kind.is_numeric() else "head"])
        page.set_column(number, number, _width(frame[name]))
        _column(
            page, number, frame[name], marks, formats, {row: text for (row, of), text in made.items() if of == name}
        )
    if frame.height:
        page.autofilter(0, 0, frame.height, max(frame.width - 1, 0))
        _totals(page, sheet, formats)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)


def _column(
    page: Any,
    number: int,
    values: pl.Series,
    marks: Sequence[bool],
    formats: Mapping[str, Any],
    made: Mapping[int, str],
) -> None:
    """One column; each value by its type, text always as text, a live formula with the value it has now."""
    kind = values.dtype
    amount = kind.is_numeric() and values.name.startswith("amount")
    plain = formats["cents" if amount else "whole" if kind.is_integer() else "number" if kind.is_numeric() else "text"]
    strong = formats["strong cents" if kind.is_numeric() else "strong text"]
    dated = kind in {pl.Date, pl.Datetime}
    for row, (value, mark) in enumerate(zip(values.to_list(), marks, strict=True), start=1):
        if value is None:
            page.write_blank(row, number, None, strong if mark else plain)
        elif dated:
            page.write_datetime(row, number, value, formats["date"])
        elif row - 1 in made:
            page.write_formula(row, number, made[row - 1], strong if mark else plain, round(value, 2))
        elif kind.is_numeric():
            page.write_number(row, number, value, strong if mark else plain)
        else:
            text = ("yes" if value else "no") if kind == pl.Boolean else str(value)
            page.write_string(row, number, text, strong if mark else plain)


def _tie_outs(book: Any, formats: Mapping[str, Any], found: Sequence[live.Check]) -> None:
    """Every tie-out as two live formulas, their difference, and whether they meet to the cent."""
    page = book.add_worksheet("Tie-outs")
    page.hide_gridlines(2)
    page.freeze_panes(1, 1)
    for number, (name, width) in enumerate(
        (("check", 60), ("one way", 18), ("other way", 18), ("difference", 14), ("ties", 8))
    ):
        page.write_string(0, number, name, formats["head right" if 0 < number < 4 else "head"])
        page.set_column(number, number, width)
    for row, check in enumerate(found, start=1):
        page.write_string(row, 0, check.name, formats["text"])
        page.write_formula(row, 1, check.one, formats["cents"], check.value)
        if check.other.startswith("="):
            page.write_formula(row, 2, check.other, formats["cents"], check.against)
        else:
            page.write_number(row, 2, check.against, formats["cents"])
        page.write_formula(
            row, 3, f"=ROUND(B{row + 1}-C{row + 1},2)", formats["cents"], round(check.value - check.against, 2)
        )
        page.write_formula(row, 4, f'=IF(D{row + 1}=0,"yes","NO")', formats["text"], "yes" if check.ok else "NO")
    last = len(found) + 1
    page.write_string(last, 0, "All tie", formats["total"])
    every = all(check.ok for check in found)
    page.write_formula(
        last, 4, f'=IF(COUNTIF(E2:E{last},"yes")={len(found)},"yes","NO")', formats["total"], "yes" if every else "NO"
    )


def _totals(page: Any, sheet: Sheet, formats: Mapping[str, Any]) -> None:
    """The bottom line: live sums with the value they have now, so that readers without Excel see it too."""
    if not sheet.amounts:
        return
    last = sheet.frame.height
    bottom = last + 1
    for number, name in enumerate(sheet.frame.columns):
        if name in sheet.amounts:
            letter = xlsxwriter.utility.xl_col_to_name(number)
            total = round(float(sheet.frame[name].sum()), 2)
            formula = f"=SUBTOTAL(109,{letter}2:{letter}{last + 1})"
            page.write_formula(bottom, number, formula, formats["total cents"], total)
        elif number == 0:
            page.write_string(bottom, 0, "Total", formats["total"])
        else:
            page.write_blank(bottom, number, None, formats["total"])


def _width(values: pl.Series) -> float:
    """A column's width from its longest value, within reason."""
    if values.is_empty():
        return 14.0
    if values.dtype.is_numeric():
        return max(14.0, len(values.name) + 2.0)
    longest = values.cast(pl.String, strict=False).str.len_chars().max()
    return min(48.0, max(10.0, float(longest if isinstance(longest, int) else 0) + 2, len(values.name) + 2.0))


def _title(name: str, taken: set[str]) -> str:
    """A sheet's name: readable, unique, without the characters that Excel forbids."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", name.replace("_", " ")).strip()[:28].capitalize() or "Sheet"
    title, number = plain, 2
    while title.lower() in taken:
        title, number = f"{plain} {number}", number + 1
    taken.add(title.lower())
    return title
