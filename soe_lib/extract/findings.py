"""Findings about an extract, and the raw tables that locate them by file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from soe_lib.extract.schema import Table

LEVELS = ("stop", "warn", "repair", "note")
SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One fact that a planner should know about an extract before trusting its plan.

    Parameters
    ----------
    level : "stop" (nothing is planned), "warn" (planned, with a banner), "repair" (mended and counted) or "note".
    table, file : the table of the contract, and its file.
    rows : up to five line numbers in the file; the header is line 1.
    column, value : the column, and the cell's value.
    rule : the violated rule, or the observation.
    fix : the remedy.
    count : number of rows affected.
    """

    level: str
    table: str
    file: str
    rows: tuple[int, ...] = ()
    column: str = ""
    value: str = ""
    rule: str = ""
    fix: str = ""
    count: int = 0

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"A finding's level is one of {', '.join(LEVELS)}, not {self.level!r}.")
        for name in ("table", "file", "column", "value", "rule", "fix"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    def __str__(self) -> str:
        value = f" '{self.value}'" if self.value else ""
        column = f", column {self.column}{value}" if self.column else f"{',' if self.rows else ''}{value}"
        place = f"{self.file or self.table}{self._where()}{column}".strip(", ") or "extract"
        return f"{self.level}: {place}: {self.rule} {self.fix}".rstrip()

    def _where(self) -> str:
        if not self.rows:
            return f" ({self.count:,} rows)" if self.count > 1 else ""
        more = self.count - len(self.rows)
        shown = ", ".join(map(str, self.rows)) + (f" and {more:,} more" if more > 0 else "")
        return f" row{'s' if self.count > 1 else ''} {shown}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values, for JSON."""
        return {**asdict(self), "rows": list(self.rows)}


def printable(text: str, longest: int = 400) -> str:
    """Text that is safe in a terminal and a log: control characters escaped, long values shortened."""
    safe = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def by_level(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by level (stop first), file, row and column."""
    return tuple(sorted(findings, key=lambda one: (LEVELS.index(one.level), one.file, one.rows, one.column, one.rule)))


def stops(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Only the findings that stop planning."""
    return tuple(one for one in findings if one.level == "stop")


QUOTE, NEWLINE, RETURN = 34, 10, 13


@dataclass(frozen=True)
class Layout:
    """The rows below the header: the line on which each starts, its number of values, whether it is blank."""

    line: np.ndarray
    fields: np.ndarray
    blank: np.ndarray

    def take(self, keep: np.ndarray) -> Layout:
        """The layout of the selected rows."""
        return Layout(self.line[keep], self.fields[keep], self.blank[keep])


def scan(text: bytes, separator: str = ",") -> Layout:
    """The layout of a CSV text whose quotes are balanced.

    Parameters
    ----------
    text : the file's bytes in UTF-8, header included, rows ended by a newline.
    separator : one ASCII character between the values of a row.
    """
    letters = np.frombuffer(text, dtype=np.uint8)
    outside = np.bitwise_xor.accumulate((letters == QUOTE).view(np.uint8)) == 0
    newlines = np.flatnonzero(letters == NEWLINE)
    ends = newlines[outside[newlines]]
    if not ends.size or ends[-1] != letters.size - 1:
        ends = np.append(ends, letters.size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    commas = np.flatnonzero((letters == ord(separator)) & outside)
    fields = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    length = ends - starts
    blank = (length == 0) | ((length == 1) & (letters[np.minimum(starts, letters.size - 1)] == RETURN))
    line = np.searchsorted(newlines, starts) + 1
    return Layout(line[1:], fields[1:], blank[1:])


Rows = pl.Series | Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Source:
    """One file as it was delivered.

    Parameters
    ----------
    frame : the raw rows, one String column per header (parquet keeps numbers and dates).
    size : bytes of the file.
    digest : computes the fingerprint of these bytes on demand.
    plain : the file has only ASCII and no tab, so that blanks at the ends of cells can only be spaces.
    tight : the file has no spaces and no quotes, so that no cell needs trimming or is an empty string.
    layout : computes the line on which each row starts, where rows and lines do not match one to one.
    first : the number of the first row: 2 below a header, 1 in a parquet file.
    settled : by column, the cells that a workbook stores as numbers or days; no number or date convention applies.
    days : by text column, the cells with a day in place of a label of time, for which no period is declared.
    """

    table: str
    file: str
    frame: pl.DataFrame
    size: int
    digest: Callable[[], str]
    plain: bool = False
    tight: bool = False
    layout: Callable[[], Layout] | None = None
    first: int = 2
    settled: Mapping[str, pl.Series] = field(default_factory=dict)
    days: Mapping[str, pl.Series] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The fingerprint of the bytes that were read."""
        return self.digest()

    def lines(self, rows: Rows) -> tuple[int, ...]:
        """The line numbers in the file of the first few of these rows."""
        shown = np.sort(np.asarray(rows, dtype=np.int64))[:SHOWN]
        if self.layout is None:
            return tuple(int(row) + self.first for row in shown)
        line = self.layout().line
        return tuple(int(line[row]) for row in shown)

    def finding(self, level: str, rows: Rows = (), **what: str) -> Finding:
        """A finding in this file at these rows."""
        return Finding(level, self.table, self.file, self.lines(rows), count=len(rows), **what)


def digest_of(content: bytes) -> Callable[[], str]:
    """The fingerprint of a file's bytes, computed on first use, since a check of a large file does not need it."""
    return cache(lambda: hashlib.sha256(content).hexdigest())


def refusal(
    table: Table, path: Path | str, rule: str, fix: str, rows: tuple[int, ...] = (), value: str = ""
) -> Finding:
    """A finding that stops: the table cannot be read from this file."""
    file = path.name if isinstance(path, Path) else path
    return Finding("stop", table.name, file, rows, value=value, rule=rule, fix=fix, count=len(rows))
