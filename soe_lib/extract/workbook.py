"""Reads an extract's workbook: one sheet per table, cells as text, computed formulas, Excel's dates.

A workbook is a zip of XML. Its declared unpacked size is checked before unpacking, and zipfile never returns more than
declared, so that a small file cannot exhaust memory.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from soe_lib.errors import plainly
from soe_lib.extract.casting import TIME
from soe_lib.extract.findings import SHOWN, Finding, Layout, Source, digest_of, refusal
from soe_lib.extract.schema import Column, Table

CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>(.*?)</(?:\w+:)?c>", re.DOTALL)
EMPTY_VALUE = re.compile(rb"<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</")
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
ROW = re.compile(rb"<(?:\w+:)?row\s([^>]*)>")


def uncomputed(xml: bytes) -> Iterator[tuple[str, int]]:
    """Column letters and row of every formula cell without a computed value."""
    if b"<f" not in xml and b":f" not in xml:
        return
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


def merged(xml: bytes) -> Iterator[tuple[int, int, int]]:
    """First column (0 for A), first and last row of every group of merged cells."""
    from openpyxl.utils import column_index_from_string

    if b"mergeCell" in xml:
        for one in MERGED.finditer(xml):
            yield column_index_from_string(one.group(1).decode()) - 1, int(one.group(2)), int(one.group(4))


def hidden(xml: bytes) -> Iterator[int]:
    """The rows hidden manually or by a filter."""
    if b"hidden=" not in xml:
        return
    for row in ROW.finditer(xml):
        place = re.search(rb'\br="(\d{1,7})"', row.group(1))
        if place and re.search(rb'\bhidden="(?:1|true)"', row.group(1)):
            yield int(place.group(1))


MOST_COLUMNS = 200
EXACT = 10**15  # Excel keeps 15 digits of a number
REMARK = "#"  # name of the column that marks explanatory rows: units, notes, an example
BESIDE_FORMAT = re.compile(r'\[[^\]]*\]|"[^"]*"|\\.')
SAID = {
    "unnamed": ("stop", "A column holds values and has no name.", "Name it in row 1, or remove the values."),
    "extra": ("stop", "A value to the right of the last named column.", "Name it in row 1, or remove the value."),
    "uncomputed": ("stop", "A formula without a computed value.", "Open the workbook in Excel, compute and save it."),
    "error": ("stop", "The cell shows an Excel error.", "Mend the formula, or leave the cell blank."),
    "merged": ("stop", "Merged cells: only the first of them holds the value.", "Unmerge them and fill every cell."),
    "time": ("stop", "The cell holds a time of day, which is not allowed.", "Write a number such as 7.5, or a date."),
    "long": (
        "stop",
        "A code of more than 15 digits is stored as a number: Excel has lost its last digits.",
        "Format the column as text before filling it.",
    ),
    "code": (
        "warn",
        "A date in a column of codes: Excel turns codes such as 1-2 into dates.",
        "Format the column as text, then type the codes again.",
    ),
    "hidden": ("warn", "Hidden rows were read too.", "Remove them if they do not count."),
    "clock": ("repair", "Times were read as hours.", ""),
    "serial": ("repair", "Excel day numbers were read as days ({system} date system of the workbook).", ""),
}


class Sheet:
    """Turns the rows of one sheet into text, and collects findings for cells that cannot be read.

    Parameters
    ----------
    book, sheet : of openpyxl, read only.
    content : the file's bytes.
    file : name of the sheet in findings.
    table : the table of the contract that it holds.
    own : the company's name of a column → the contract's, where they differ.
    """

    def __init__(self, book: Any, sheet: Any, content: bytes, file: str, table: Table, own: Mapping[str, str]) -> None:
        self.book, self.sheet, self.content, self.file, self.table, self.own = book, sheet, content, file, table, own
        self.seen: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self.typed: defaultdict[int, list[int]] = defaultdict(list)
        self.days: defaultdict[int, list[int]] = defaultdict(list)

    def source(self) -> tuple[Source | None, list[Finding]]:
        """The raw frame and its findings; None for a sheet without rows."""
        header, problem = self._header()
        if problem:
            return None, [problem]
        lines: list[int] = []
        rows: list[list[str | None]] = []
        for line, cells in self._rows(header, lines):
            lines.append(line)
            rows.append(cells)
        kept = [n for n, name in enumerate(header) if name not in (REMARK, "")]
        where = np.asarray(lines, dtype=np.int64)
        self._inspect_xml(where, max(kept, default=-1))
        if not rows or not kept:
            return None, self._findings(header)
        frame = pl.DataFrame(rows, schema={f"c{n}": pl.String for n in range(len(header))}, orient="row")
        frame = frame.select(pl.nth(kept)).rename({f"c{n}": header[n] for n in kept})
        layout = Layout(where, np.full(where.size, len(kept)), np.zeros(where.size, dtype=bool))
        size, digest = len(self.content), digest_of(self.content)
        marks = [{header[n]: _marks(one[n], where.size) for n in kept if n in one} for one in (self.typed, self.days)]
        settled, days = marks
        source = Source(
            self.table.name, self.file, frame, size, digest, layout=lambda: layout, settled=settled, days=days
        )
        return source, self._findings(header, data=True)

    def _header(self) -> tuple[list[str], Finding | None]:
        self.sheet.reset_dimensions()
        first = next(self.sheet.iter_rows(min_row=1, max_row=1, max_col=MOST_COLUMNS), ())
        header = ["" if cell.value is None else " ".join(str(cell.value).split()) for cell in first]
        while header and not header[-1]:
            header.pop()
        names = [self.own.get(name) or (name if name in self.table.names else plainly(name)) for name in header]
        self.columns: list[Column | None] = [self.table[one] if one in self.table.names else None for one in names]
        rule, fix = "", "Remove or rename one of them."
        if len(header) == MOST_COLUMNS:
            rule, fix = f"More than {MOST_COLUMNS - 1} columns.", "Remove some."
        elif twice := sorted({name for name in header if name and header.count(name) > 1}):
            rule = f"Duplicate column: {', '.join(map(repr, twice))}."
        return header, refusal(self.table, self.file, rule, fix, (1,)) if rule else None

    def _rows(self, header: list[str], done: list[int]) -> Iterator[tuple[int, list[str | None]]]:
        """Line and texts of every row with data; `done` are the lines before it."""
        width, remark = len(header), header.index(REMARK) if REMARK in header else None
        if not width:
            return
        for line, row in enumerate(self.sheet.iter_rows(min_row=2, max_col=width + 1), start=2):
            if all(cell.value is None for cell in row):
                continue
            if remark is not None and row[remark].value is not None:
                continue
            if row[width].value is not None:
                self.seen["extra", -1].append(line)
            texts = [self._text(cell, n, line, len(done)) for n, cell in enumerate(row[:width])]
            if any(text is not None and text.strip() for text in texts):
                for n, name in enumerate(header):
                    if not name and texts[n]:
                        self.seen["unnamed", n].append(line)
                yield line, texts

    def _text(self, cell: Any, column: int, line: int, row: int) -> str | None:
        """A cell in the contract's convention; text cells remain unchanged."""
        value = cell.value
        if value is None or isinstance(value, str):
            if cell.data_type == "e":
                self.seen["error", column].append(line)
                return None
            return value
        if isinstance(value, datetime) and value.time() != time(0):
            return value.isoformat(" ")  # a timestamp, for tables with a declared zone
        self.typed[column].append(row)
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int | float):
            return self._number(value, cell, column, line)
        if isinstance(value, datetime):
            return self._day(value, str(cell.number_format), column, line, row)
        return self._time(value, column, line)

    def _day(self, value: datetime, form: str, column: int, line: int, row: int) -> str:
        """A date; in a text column its month if the number format has no day."""
        known = self.columns[column]
        if known is None or known.type != "text":
            return value.strftime("%Y-%m-%d")
        if "d" not in BESIDE_FORMAT.sub("", form).lower():
            return value.strftime("%Y-%m")
        if known.name in TIME:
            self.days[column].append(row)
        elif known.references or (known.key and known.name == self.table.key[0]):
            self.seen["code", column].append(line)
        return value.strftime("%Y-%m-%d")

    def _time(self, value: time | timedelta, column: int, line: int) -> str | None:
        """A time of day or a duration, in the column's unit (hours or days)."""
        known = self.columns[column]
        if isinstance(value, time):
            value = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        seconds, unit = value.total_seconds(), known.unit.split("/")[0] if known is not None else ""
        if unit not in ("h", "days"):
            self.seen["time", column].append(line)
            return None
        if unit == "h":
            self.seen["clock", column].append(line)
        return repr(round(seconds / (3600 if unit == "h" else 86400), 9))

    def _number(self, value: float, cell: Any, column: int, line: int) -> str:
        known = self.columns[column]
        kind = known.type if known is not None else ""
        if kind == "date" and value == int(value) and 1 <= value < 110_000:
            from openpyxl.utils.datetime import from_excel

            self.seen["serial", column].append(line)
            return str(from_excel(int(value), self.book.epoch).date())
        if kind == "text" and abs(value) >= EXACT:
            self.seen["long", column].append(line)
        if isinstance(value, float) and not value.is_integer():
            return repr(value)
        zeros = re.fullmatch(r"0{2,20}", str(cell.number_format))
        return str(int(value)).zfill(len(zeros.group())) if zeros else str(int(value))

    def _inspect_xml(self, data: np.ndarray, last_column: int) -> None:
        """Collect findings that openpyxl does not report: uncomputed formulas, merged cells, hidden rows with data."""
        from openpyxl.utils import column_index_from_string

        with zipfile.ZipFile(io.BytesIO(self.content)) as packed:
            xml = packed.read(self.sheet._worksheet_path.lstrip("/"))
        lines = set(data.tolist())
        for letters, line in uncomputed(xml):
            if line > 1 and (line in lines or not self._remark(line)):
                self.seen["uncomputed", column_index_from_string(letters) - 1].append(line)
        for column, first, last in merged(xml):
            if column <= last_column:
                self.seen["merged", column] += data[(data >= first) & (data <= last)].tolist()
        unseen = [line for line in hidden(xml) if line in lines]
        if unseen:
            self.seen["hidden", -1] += unseen

    def _remark(self, line: int) -> bool:
        """Whether a row is explanatory, without data."""
        row = next(self.sheet.iter_rows(min_row=line, max_row=line, max_col=MOST_COLUMNS), ())
        header = next(self.sheet.iter_rows(min_row=1, max_row=1, max_col=MOST_COLUMNS), ())
        marks = [n for n, cell in enumerate(header) if cell.value == REMARK]
        return bool(marks) and len(row) > marks[0] and row[marks[0]].value is not None

    def _findings(self, header: list[str], *, data: bool = False) -> list[Finding]:
        findings = []
        system = "1904" if self.book.epoch.year == 1904 else "1900"
        for (kind, column), lines in self.seen.items():
            level, rule, fix = SAID[kind]
            if lines:
                name = header[column] if 0 <= column < len(header) else ""
                where = tuple(sorted(lines)[:SHOWN])
                text = rule.format(system=system)
                findings.append(Finding(level, self.table.name, self.file, where, name, "", text, fix, len(lines)))
        if data and self.sheet.sheet_state != "visible":
            rule, fix = "The sheet is hidden in Excel and was read.", "Remove it if it does not count."
            findings.append(Finding("warn", self.table.name, self.file, rule=rule, fix=fix))
        return findings


def _marks(rows: list[int], height: int) -> pl.Series:
    """A mask of `height` rows, true at `rows`."""
    marks = np.zeros(height, dtype=bool)
    marks[rows] = True
    return pl.Series(marks)


MOST_BYTES = 300_000_000  # unpacked; some 1,000,000 rows of a forecast
SMALL_BYTES, MOST_RATIO = 60_000_000, 100  # a workbook compresses about 10:1, a zip bomb 1000:1


class UnreadableError(Exception):
    """A workbook cannot be read; gives the reason and the fix."""

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
        """The file's bytes, after the check of their unpacked size."""
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
        """The names of its worksheets, without chart sheets.

        Raises
        ------
        UnreadableError : the file is no workbook, or cannot be read safely.
        """
        return tuple(sheet.title for sheet in self.book.worksheets)

    def read(
        self, sheet: str, table: Table, columns: Mapping[str, str] | None = None
    ) -> tuple[Source | None, list[Finding]]:
        """One sheet as a raw frame of text; None if it has no row or cannot be read.

        Parameters
        ----------
        sheet : its name.
        table : the table of the contract that it holds.
        columns : the contract's name → the company's own, where they differ.
        """
        own = {name: known for known, name in (columns or {}).items()}
        try:
            return _guarded(
                lambda: Sheet(self.book, self.book[sheet], self.content, self.file(sheet), table, own).source()
            )
        except UnreadableError as error:
            return None, [refusal(table, self.file(sheet), f"{error}", error.fix)]

    def file(self, sheet: str) -> str:
        """The name of the sheet in findings."""
        return f"{self.path.name}, sheet {sheet}"


def _guarded(action: Any) -> Any:
    """Run a function that reads the XML; any error of a damaged workbook becomes an UnreadableError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, names and the like, which contain no data
            return action()
    except (UnreadableError, OSError):
        raise
    except Exception as error:
        raise UnreadableError(f"The workbook is damaged ({type(error).__name__}).") from None


def examine(content: bytes) -> None:
    """Refuse a file that is no workbook, or whose declared unpacked size is too large, before unpacking it.

    Raises
    ------
    UnreadableError : with the reason and the fix.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            total = sum(part.file_size for part in parts)
            if total > MOST_BYTES or (total > SMALL_BYTES and total > MOST_RATIO * len(content)):
                size = f"{len(content) / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB"
                raise UnreadableError(
                    f"The workbook is too large to read safely: {size}.", "Deliver CSV or parquet files."
                )
            if any(part.flag_bits & 1 for part in parts):
                raise UnreadableError("The workbook is encrypted.", "Save it without a password.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in packed.open(part).read(4096):
                    raise UnreadableError("The workbook declares XML entities, which no Excel file does.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        fix = "Save it again in Excel as .xlsx, without a password."
        raise UnreadableError("The file is no Excel workbook (.xlsx), or it is cut off.", fix) from error
