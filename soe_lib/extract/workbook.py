"""An extract's workbook: one sheet per table, cells as text, formulas and dates as Excel means them.

A workbook is a zip of XML. What it says it unpacks to is checked before anything is unpacked, and zipfile never hands
out more than was said, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.layout import Layout
from soe_lib.extract.schema import Table
from soe_lib.extract.source import Source, digest_of, refusal

MOST_BYTES = 300_000_000  # unpacked; some 1,000,000 rows of a forecast
SMALL_BYTES, MOST_RATIO = 60_000_000, 100  # a workbook packs to a tenth or so, a bomb to a thousandth
MOST_COLUMNS = 200
EXACT = 10**15  # Excel keeps 15 digits of a number
REMARK = "#"  # a column so named marks rows that only explain: units, notes, an example
CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>(.*?)</(?:\w+:)?c>", re.DOTALL)
EMPTY_VALUE = re.compile(rb"<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</")


class UnreadableError(Exception):
    """Why a workbook cannot be read, and how to mend it."""

    def __init__(self, rule: str, fix: str = "Save it again in Excel as .xlsx.") -> None:
        self.fix = fix
        super().__init__(rule)


@dataclass(frozen=True)
class Workbook:
    """One .xlsx file of an extract.

    Parameters
    ----------
    path : the file.
    """

    path: Path

    @cached_property
    def content(self) -> bytes:
        """The file's bytes, once they are known to unpack to a size that can be worked with."""
        content = self.path.read_bytes()
        examine(content)
        return content

    @cached_property
    def book(self) -> Any:
        """The workbook with the values that Excel last computed."""
        import openpyxl

        return _guarded(lambda: openpyxl.load_workbook(io.BytesIO(self.content), read_only=True, data_only=True))

    @cached_property
    def sheets(self) -> tuple[str, ...]:
        """The names of its sheets; charts have none.

        Raises
        ------
        UnreadableError : it is no workbook, or none that can be read safely.
        """
        return tuple(sheet.title for sheet in self.book.worksheets)

    def read(self, sheet: str, table: Table) -> tuple[Source | None, list[Finding]]:
        """One sheet as a raw frame of text; None where it has no row at all, or cannot be read.

        Parameters
        ----------
        sheet : its name.
        table : the table of the contract that it holds.
        """
        try:
            return _guarded(lambda: _Sheet(self, sheet, table).source())
        except UnreadableError as error:
            return None, [refusal(table, self.file(sheet), f"{error}", error.fix)]

    def file(self, sheet: str) -> str:
        """How findings name the sheet."""
        return f"{self.path.name}, sheet {sheet}"


def _guarded(action: Any) -> Any:
    """Run something that reads the XML: whatever a damaged workbook does to the reader, it is unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles, names and the like, which hold no data
            return action()
    except (UnreadableError, OSError):
        raise
    except Exception as error:
        raise UnreadableError(f"The workbook is damaged ({type(error).__name__}).") from None


def examine(content: bytes) -> None:
    """Refuse a file that is no workbook or unpacks to more than can be worked with, before anything is unpacked.

    Raises
    ------
    UnreadableError : with what to do about it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            total = sum(part.file_size for part in parts)
            if total > MOST_BYTES or (total > SMALL_BYTES and total > MOST_RATIO * len(content)):
                says = f"{len(content) / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB"
                raise UnreadableError(
                    f"The workbook is too large to read safely: {says}.", "Deliver CSV or parquet files."
                )
            if any(part.flag_bits & 1 for part in parts):
                raise UnreadableError("The workbook is encrypted.", "Save it without a password.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in packed.open(part).read(4096):
                    raise UnreadableError("The workbook declares XML entities, which no Excel file does.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        fix = "Save it again in Excel as .xlsx, without a password."
        raise UnreadableError("The file is no Excel workbook (.xlsx), or it is cut off.", fix) from error


class _Sheet:
    """Turns the rows of one sheet into text, and collects what cannot be read on the way."""

    def __init__(self, book: Workbook, sheet: str, table: Table) -> None:
        self.book, self.name, self.table = book, sheet, table
        self.sheet = book.book[sheet]
        self.file = book.file(sheet)
        self.errors: dict[int, list[int]] = {}
        self.long: dict[int, list[int]] = {}
        self.serial: dict[int, list[int]] = {}
        self.extra: list[int] = []

    def source(self) -> tuple[Source | None, list[Finding]]:
        """The raw frame and what is wrong with its cells; a sheet without rows was not delivered."""
        header, problem = self._header()
        if problem:
            return None, [problem]
        lines, rows = [], []
        for line, cells in self._rows(header):
            lines.append(line)
            rows.append(cells)
        kept = [n for n, name in enumerate(header) if name != REMARK]
        if not rows or not kept:
            return None, []
        names = [header[n] for n in kept]
        frame = pl.DataFrame(rows, schema=[f"c{n}" for n in range(len(header))], orient="row", strict=False)
        frame = frame.select(pl.nth(kept).cast(pl.String))
        frame.columns = names
        where = np.asarray(lines, dtype=np.int64)
        layout = Layout(where, np.full(where.size, len(names)), np.zeros(where.size, dtype=bool))
        digest = digest_of(self.book.content)
        size = len(self.book.content)
        source = Source(self.table.name, self.file, frame, size, digest, layout=lambda: layout)
        return source, self._findings(header, set(lines))

    def _header(self) -> tuple[list[str], Finding | None]:
        self.sheet.reset_dimensions()
        first = next(self.sheet.iter_rows(min_row=1, max_row=1, max_col=MOST_COLUMNS), ())
        header = ["" if cell.value is None else str(cell.value).strip() for cell in first]
        while header and not header[-1]:
            header.pop()
        self.kinds = [self.table[name].type if name in self.table.names else "" for name in header]
        if len(header) == MOST_COLUMNS:
            return header, refusal(
                self.table, self.file, f"More than {MOST_COLUMNS - 1} columns.", "Remove some.", (1,)
            )
        if "" in header:
            fix = "Name it in row 1, or remove it."
            return header, refusal(self.table, self.file, "A column has no name.", fix, (1,))
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            rule = f"Duplicate column: {', '.join(map(repr, twice))}."
            return header, refusal(self.table, self.file, rule, "Remove or rename one of them.", (1,))
        return header, None

    def _rows(self, header: list[str]) -> Iterator[tuple[int, list[str | None]]]:
        """Line and texts of every row that holds data."""
        width, remark = len(header), header.index(REMARK) if REMARK in header else None
        if not width:
            return
        for line, row in enumerate(self.sheet.iter_rows(min_row=2, max_col=width + 1), start=2):
            if all(cell.value is None for cell in row):
                continue
            if remark is not None and row[remark].value is not None:
                continue
            if row[width].value is not None:
                self.extra.append(line)
            texts = [self._text(cell, n, line) for n, cell in enumerate(row[:width])]
            if any(text is not None and text.strip() for text in texts):
                yield line, texts

    def _text(self, cell: Any, column: int, line: int) -> str | None:
        value = cell.value
        if value is None or isinstance(value, str):
            if cell.data_type == "e":
                self.errors.setdefault(column, []).append(line)
                return None
            return value
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return self._number(value, cell, column, line)
        if isinstance(value, datetime):
            if value.time() != time(0):
                return value.isoformat(" ")
            month = self.kinds[column] == "text" and "d" not in str(cell.number_format).lower()
            return value.strftime("%Y-%m" if month else "%Y-%m-%d")
        return str(value if not isinstance(value, timedelta) else value.total_seconds() / 86400)

    def _number(self, value: float, cell: Any, column: int, line: int) -> str:
        kind = self.kinds[column]
        if kind == "date" and value == int(value) and 1 <= value < 110_000:
            from openpyxl.utils.datetime import from_excel

            self.serial.setdefault(column, []).append(line)
            return str(from_excel(int(value), self.book.book.epoch).date())
        if kind == "text" and abs(value) >= EXACT:
            self.long.setdefault(column, []).append(line)
        if isinstance(value, float) and not value.is_integer():
            return repr(value)
        zeros = re.fullmatch(r"0{2,20}", str(cell.number_format))
        return str(int(value)).zfill(len(zeros.group())) if zeros else str(int(value))

    def _findings(self, header: list[str], data: set[int]) -> list[Finding]:
        findings = []
        if self.extra:
            rule = "A value to the right of the last named column."
            findings.append(
                self._finding("stop", self.extra, "", rule, "Name the column in row 1, or remove the value.")
            )
        for column, lines in self._uncomputed(data).items():
            name = header[column] if column < len(header) else ""
            rule, fix = "A formula without a computed value.", "Open the workbook in Excel, compute and save it."
            findings.append(self._finding("stop", lines, name, rule, fix))
        for column, lines in self.errors.items():
            rule, fix = "The cell shows an Excel error.", "Mend the formula, or leave the cell blank."
            findings.append(self._finding("stop", lines, header[column], rule, fix))
        for column, lines in self.long.items():
            rule = "A code of more than 15 digits is stored as a number: Excel has lost its last digits."
            findings.append(
                self._finding("stop", lines, header[column], rule, "Format the column as text before filling it.")
            )
        for column, lines in self.serial.items():
            system = "1904" if self.book.book.epoch.year == 1904 else "1900"
            rule = f"Excel day numbers were read as days ({system} date system of the workbook)."
            findings.append(self._finding("repair", lines, header[column], rule, ""))
        return findings

    def _finding(self, level: str, lines: list[int], column: str, rule: str, fix: str) -> Finding:
        where = tuple(sorted(lines)[:SHOWN])
        return Finding(level, self.table.name, self.file, where, column, "", rule, fix, len(lines))

    def _uncomputed(self, data: set[int]) -> dict[int, list[int]]:
        """Lines by column of formulas that no program computed; they read as blank cells otherwise."""
        with zipfile.ZipFile(io.BytesIO(self.book.content)) as packed:
            xml = packed.read(self.sheet._worksheet_path.lstrip("/"))
        if b"<f" not in xml and b":f>" not in xml:
            return {}
        found: dict[int, list[int]] = {}
        for reference in uncomputed(xml):
            letters, line = reference
            if line > 1 and (line in data or not self._remark(line)):
                found.setdefault(column_index(letters), []).append(line)
        return found

    def _remark(self, line: int) -> bool:
        """Whether a row only explains, so that nothing in it is data."""
        row = next(self.sheet.iter_rows(min_row=line, max_row=line, max_col=MOST_COLUMNS), ())
        header = next(self.sheet.iter_rows(min_row=1, max_row=1, max_col=MOST_COLUMNS), ())
        marks = [n for n, cell in enumerate(header) if cell.value == REMARK]
        return bool(marks) and len(row) > marks[0] and row[marks[0]].value is not None


def uncomputed(xml: bytes) -> Iterable[tuple[str, int]]:
    """Column letters and row of every formula cell of a sheet that has no computed value."""
    for cell in CELL.finditer(xml):
        attributes, inner = cell.groups()
        if not re.search(rb"<(?:\w+:)?f[\s>/]", inner):
            continue
        has_value = re.search(rb"<(?:\w+:)?v[\s>/]", inner) is not None
        blank_text = b't="str"' in attributes
        if not has_value or (EMPTY_VALUE.search(inner) and not blank_text):
            place = re.search(rb'r="([A-Z]{1,3})(\d{1,7})"', attributes)
            if place:
                yield place.group(1).decode(), int(place.group(2))


def column_index(letters: str) -> int:
    """0 for A, 25 for Z, 26 for AA."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
