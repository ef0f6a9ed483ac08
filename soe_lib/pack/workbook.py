"""finance.xlsx: the frames behind the finance page, a sheet each, with live formulas; text never becomes a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from soe_lib.errors import PackError
from soe_lib.money.profit_and_loss import SUBTOTALS
from soe_lib.pack.render import Site
from soe_lib.review import words

Formulas = dict[tuple[int, str], str]
"""(row of the frame, column) → formula; the value that stands in the frame is kept beside it."""

BRIDGES, LEDGER, STATEMENT, CHECKS = "bridges", "ledger", "statement", "checks"
CLOSE = 0.005
"""Money below which a difference is none."""


@dataclass(frozen=True)
class Place:
    """A frame and the sheet that it stands on, its first row below the heading."""

    title: str
    frame: pl.DataFrame

    def column(self, name: str) -> str:
        """All cells of a column, as another sheet names them."""
        letter = xl_col_to_name(self.frame.columns.index(name))
        return f"{self.quoted}!${letter}$2:${letter}${self.frame.height + 1}"

    def cell(self, row: int, name: str) -> str:
        """One cell, as another sheet names it."""
        return f"{self.quoted}!{xl_rowcol_to_cell(row + 1, self.frame.columns.index(name))}"

    @property
    def quoted(self) -> str:
        """The sheet's name as formulas write it."""
        return "'" + self.title.replace("'", "''") + "'"


def formulas(name: str, places: Mapping[str, Place], totals: Sequence[bool]) -> Formulas:
    """The formulas of one sheet: subtotals of a statement, the steps of the bridges, nothing elsewhere."""
    place = places[name]
    if name == BRIDGES:
        return _bridges(place, places)
    if {"section", "account"} <= set(place.frame.columns) and any(totals):
        return _statement(place.frame, totals)
    return {}


def _statement(frame: pl.DataFrame, totals: Sequence[bool]) -> Formulas:
    """Subtotals down, and the sum of the groups across."""
    sections = frame["section"].to_list()
    amounts = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    made: Formulas = {}
    for row, (line, mark) in enumerate(zip(frame["account"].to_list(), totals, strict=True)):
        if not mark or line not in SUBTOTALS:
            continue
        rows = [n for n, section in enumerate(sections) if section in SUBTOTALS[line]]
        for name in amounts:
            # A plan without stock has no accrual margin: its cell stays blank.
            if frame[name][row] is not None:
                letter = xl_col_to_name(frame.columns.index(name))
                made[row, name] = f"=SUM({','.join(_ranges(rows, letter))})"
    groups = [name for name in amounts if name != "amount total"]
    if "amount total" in amounts and groups:
        first, last = (xl_col_to_name(frame.columns.index(name)) for name in (groups[0], groups[-1]))
        across = {(row, "amount total"): f"=SUM({first}{row + 2}:{last}{row + 2})" for row in range(frame.height)}
        made = across | made
    return made


def _ranges(rows: Sequence[int], letter: str) -> list[str]:
    """Rows as ranges of cells: 0, 1, 2, 5 → A2:A4, A7."""
    found: list[list[int]] = []
    for row in rows:
        if found and found[-1][1] == row - 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return [f"{letter}{a + 2}:{letter}{b + 2}" for a, b in found]


def _bridges(place: Place, places: Mapping[str, Place]) -> Formulas:
    """Each step from the rows of its sheet; each end from its start and steps."""
    frame, made = place.frame, {}
    amount, driver = (xl_col_to_name(frame.columns.index(name)) for name in ("amount", "driver"))
    start = 0
    rows = frame.select("sheet", "kind", "driver").rows()
    for row, (sheet, kind, _) in enumerate(rows):
        if kind == "start":
            start = row
        elif kind == "end":
            made[row, "amount"] = f"=SUM({amount}{start + 2}:{amount}{row + 1})"
        elif (detail := places.get(sheet)) is not None:
            matches = f"{detail.column('driver')}={driver}{row + 2}"
            made[row, "amount"] = f"=SUMPRODUCT(({matches})*{detail.column('amount')})"
    return made


@dataclass(frozen=True)
class Check:
    """A tie-out: two ways to one figure, each a formula with the value that it has now."""

    name: str
    one: str
    other: str
    value: float
    against: float

    @property
    def ok(self) -> bool:
        """Whether both are the same to the cent."""
        return abs(self.value - self.against) < CLOSE


def checks(places: Mapping[str, Place]) -> list[Check]:
    """Every tie-out that the sheets allow: statement and ledger by account, statements among each other, bridges."""
    found: list[Check] = []
    if {LEDGER, STATEMENT} <= places.keys():
        found += _of_accounts(places[LEDGER], places[STATEMENT])
    if {"months", STATEMENT} <= places.keys():
        found += _of_statements(places[STATEMENT], places["months"])
    if BRIDGES in places:
        found += _of_bridges(places[BRIDGES], places)
    return found


def _of_accounts(ledger: Place, statement: Place) -> list[Check]:
    if not {"account", "amount"} <= set(ledger.frame.columns) or "section" not in statement.frame.columns:
        return []
    column = _whole(statement)
    found = []
    sums = dict(ledger.frame.group_by("account").agg(pl.col("amount").sum()).iter_rows())
    booked = statement.frame.filter(pl.col("section").is_in(["account", "inventory", "steering"]))["account"]
    for row, account in enumerate(statement.frame["account"]):
        if account in booked:
            one = (
                f"=SUMPRODUCT(({ledger.column('account')}={statement.cell(row, 'account')})*{ledger.column('amount')})"
            )
            value = round(float(sums.get(account, 0.0)), 2)
            against = float(statement.frame[column][row])
            found.append(
                Check(f"Ledger = statement: {account}", one, f"={statement.cell(row, column)}", value, against)
            )
    return found


def _of_statements(family: Place, months: Place) -> list[Check]:
    one, other = _whole(family), _whole(months)
    lines = months.frame["account"].to_list()
    return [
        Check(
            f"By family = by month: {line}", f"={family.cell(row, one)}", f"={months.cell(lines.index(line), other)}",
            float(family.frame[one][row]), float(months.frame[other][lines.index(line)]),
        )
        for row, line in enumerate(family.frame["account"])
        if line in lines
    ]  # fmt: skip


def _whole(place: Place) -> str:
    """The column of a statement that holds all groups."""
    names = [name for name, kind in place.frame.schema.items() if kind.is_numeric()]
    return "amount total" if "amount total" in names else names[-1]


def _of_bridges(place: Place, places: Mapping[str, Place]) -> list[Check]:
    """The end of each bridge as its rows add up, against the end as it was published."""
    found, start, first = [], 0.0, 0
    for row, (name, sheet, kind, amount) in enumerate(place.frame.select("bridge", "sheet", "kind", "amount").rows()):
        if kind == "start":
            start, first = float(amount), row
        elif kind == "end" and (detail := places.get(sheet)) is not None:
            one = f"={place.cell(first, 'amount')}+SUM({detail.column('amount')})"
            value = round(start + float(detail.frame["amount"].sum()), 2)
            published = float(amount)
            found.append(Check(f"{name}: start + rows = end", one, repr(published), value, published))
    return found


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
        if self.name == BRIDGES:
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
        places = {sheet.name: Place(_title(sheet.name, taken), sheet.shown) for sheet in sheets}
        for sheet in sheets:
            _sheet(book, formats, sheet, places)
        if found := checks(places):
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


def _sheet(book: Any, formats: Mapping[str, Any], sheet: Sheet, places: Mapping[str, Place]) -> None:
    page = book.add_worksheet(places[sheet.name].title)
    page.hide_gridlines(2)
    page.freeze_panes(1, 0)
    frame = sheet.shown
    marks = sheet.frame["total"].fill_null(False).to_list() if sheet.own_totals else [False] * frame.height
    made = formulas(sheet.name, places, marks)
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


def _tie_outs(book: Any, formats: Mapping[str, Any], found: Sequence[Check]) -> None:
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
