"""Live formulas of the workbook: totals, bridges and checks that a spreadsheet works out again from the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from soe_lib.money.statement import SUBTOTALS

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
