"""One table as it was delivered: text as it stands there, with the line that every row came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.layout import Layout
from soe_lib.extract.schema import Table

Rows = pl.Series | Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Source:
    """One file as it was delivered.

    Parameters
    ----------
    frame : the rows as they stand there, one String column per header (parquet keeps numbers and dates).
    size : bytes of the file.
    digest : makes the fingerprint of these bytes, once somebody asks for it.
    plain : the file has no letter beyond ASCII and no tab, so that a blank at an end can only be a space.
    tight : the file has neither a blank nor a quote, so that no cell has a space at an end or is an empty string.
    layout : finds where each row starts, when rows and lines of the file are not simply one after the other.
    first : the number of the first row: 2 below a header, 1 in a parquet file.
    settled : by column, which cells a workbook held as numbers or days: no convention of writing is theirs.
    days : by column of text, which cells hold a day where a label of time is wanted, and nobody says of what it is.
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
        """The file line numbers of the first few of these rows."""
        shown = np.sort(np.asarray(rows, dtype=np.int64))[:SHOWN]
        if self.layout is None:
            return tuple(int(row) + self.first for row in shown)
        line = self.layout().line
        return tuple(int(line[row]) for row in shown)

    def finding(self, level: str, rows: Rows = (), **what: str) -> Finding:
        """A finding in this file at these rows."""
        return Finding(level, self.table, self.file, self.lines(rows), count=len(rows), **what)


def digest_of(content: bytes) -> Callable[[], str]:
    """The fingerprint of a file's bytes, made when it is first asked for: a check of a large file does without."""
    return cache(lambda: hashlib.sha256(content).hexdigest())


def refusal(
    table: Table, path: Path | str, rule: str, fix: str, rows: tuple[int, ...] = (), value: str = ""
) -> Finding:
    """A finding that stops: the table cannot be read from this file."""
    file = path.name if isinstance(path, Path) else path
    return Finding("stop", table.name, file, rows, value=value, rule=rule, fix=fix, count=len(rows))
