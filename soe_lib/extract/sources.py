"""From files to raw frames: text as it stands in the file, with the line that every row came from."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.layout import Layout, scan
from soe_lib.extract.schema import Table, schema
from soe_lib.extract.settings_file import FILE as SETTINGS_FILE
from soe_lib.extract.spelling import likeness, nearest

SUFFIXES = (".csv", ".parquet")
ALIKE = 0.8
Rows = pl.Series | Sequence[int] | np.ndarray
BOM = b"\xef\xbb\xbf"
UTF8_FIX = "Export the file again as UTF-8 (in Excel: Save as, CSV UTF-8)."


@dataclass(frozen=True)
class Source:
    """One file as it was delivered.

    Parameters
    ----------
    frame : the rows as they stand there, one String column per header (parquet keeps numbers and dates).
    size, sha256 : bytes of the file and their fingerprint.
    plain : the file has no letter beyond ASCII and no tab, so that a blank at an end can only be a space.
    layout : finds where each row starts, when rows and lines of the file are not simply one after the other.
    first : the number of the first row: 2 below a header, 1 in a parquet file.
    """

    table: str
    file: str
    frame: pl.DataFrame
    size: int
    sha256: str
    plain: bool = False
    layout: Callable[[], Layout] | None = None
    first: int = 2

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


def discover(folder: Path) -> tuple[dict[str, Path], list[Finding]]:
    """The file of each table, and what else lies in the folder.

    Parameters
    ----------
    folder : the extract's folder.
    """
    found: dict[str, list[Path]] = {}
    strangers: list[Path] = []
    for path in sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith((".", "~"))):
        if path.suffix in SUFFIXES and path.stem in schema():
            found.setdefault(path.stem, []).append(path)
        elif path.name != SETTINGS_FILE:
            strangers.append(path)
    findings = [_stranger(path, [name for name in schema() if name not in found]) for path in strangers]
    for name, paths in found.items():
        if len(paths) > 1:
            rule = f"Two files for one table: {' and '.join(path.name for path in paths)}."
            findings.append(
                Finding("stop", name, paths[0].name, rule=rule, fix="Keep the right one, remove the other.")
            )
    return {name: paths[0] for name, paths in found.items()}, [one for one in findings if one is not None]


def _stranger(path: Path, absent: Iterable[str]) -> Finding | None:
    if path.suffix.lower() not in (*SUFFIXES, ".xlsx", ".tsv", ".txt"):
        return None
    alike = nearest(path.stem, absent)
    if alike and likeness(path.stem, alike) >= ALIKE:
        fix = f"Did you mean {alike}.csv? Rename the file."
        return Finding("stop", alike, path.name, rule="The file belongs to no table of the contract.", fix=fix)
    fix = "Rename it to the table it holds, or remove it."
    return Finding(
        "warn", "", path.name, rule="The file belongs to no table of the contract and was not read.", fix=fix
    )


def read_source(path: Path, table: Table) -> tuple[Source | None, list[Finding]]:
    """One file as a raw frame; None where it cannot be read at all.

    Parameters
    ----------
    path : the .csv or .parquet file.
    table : the table of the contract that it holds.
    """
    reader = _read_parquet if path.suffix == ".parquet" else _read_csv
    try:
        before = path.stat()
        source, findings = reader(path, table)
        after = path.stat()
    except OSError as error:
        return None, [_stop(table, path, f"The file cannot be opened: {error.strerror}.", "Check it and its rights.")]
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        fix = "Wait until the copy has finished and check again."
        findings.append(Finding("stop", table.name, path.name, rule="The file changed while it was read.", fix=fix))
    if source is not None and source.frame.height == 0:
        fix = "Expected? Then remove the file; else export it again."
        findings.append(source.finding("warn", rule="The file has a header and no row.", fix=fix))
    return source, findings


def _stop(table: Table, path: Path, rule: str, fix: str, rows: tuple[int, ...] = (), value: str = "") -> Finding:
    return Finding("stop", table.name, path.name, rows, value=value, rule=rule, fix=fix, count=len(rows))


def _read_csv(path: Path, table: Table) -> tuple[Source | None, list[Finding]]:
    content = path.read_bytes()
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    text, findings = _clean(content, path, table)
    if text is None:
        return None, findings
    header, problem = _header(text, path, table)
    if problem:
        return None, [*findings, problem]
    try:
        frame = pl.read_csv(text, infer_schema=False, has_header=True)
    except pl.exceptions.PolarsError as error:
        problems = _ragged(text, len(header), path, table)
        rule = f"The file cannot be read as CSV: {str(error).splitlines()[0]}."
        return None, [*findings, *(problems or [_stop(table, path, rule, "Export the file again.")])]
    if frame.width != len(header):
        return None, [*findings, _stop(table, path, "The header cannot be read.", "Write it on one line.", (1,))]
    frame.columns = header
    if _may_be_short(frame, text) and (problems := _ragged(text, len(header), path, table)):
        return None, [*findings, *problems]
    layout = cache(lambda: scan(text)) if b'"' in text else None
    source = Source(table.name, path.name, frame, size, digest, text.isascii() and b"\t" not in text, layout)
    source, blank = _without_blank_rows(source, text)
    return source, [*findings, *blank]


def _clean(content: bytes, path: Path, table: Table) -> tuple[bytes | None, list[Finding]]:
    """The file's bytes as UTF-8 without a byte order mark, or why that cannot be had."""
    if not content or content.isspace() or content == BOM:
        return None, [_stop(table, path, "The file is empty (no byte of content).", "Export the file again.")]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, [_stop(table, path, "The file is UTF-16, not UTF-8.", UTF8_FIX)]
    findings: list[Finding] = []
    if content.startswith(BOM):
        content = content.removeprefix(BOM)
        rule = "A byte order mark was taken off."
        findings.append(Finding("repair", table.name, path.name, (1,), rule=rule, count=1))
    if (at := content.find(b"\x00")) >= 0:
        line = content.count(b"\n", 0, at) + 1
        return None, [*findings, _stop(table, path, "The row holds a NUL byte.", UTF8_FIX, (line,))]
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, [*findings, _not_utf8(content, error.start, path, table)]
    if b"\r" in content and b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    return content, findings


def _not_utf8(content: bytes, at: int, path: Path, table: Table) -> Finding:
    line = content.count(b"\n", 0, at) + 1
    value = content[max(at - 12, content.rfind(b"\n", 0, at) + 1) : at + 12].split(b"\n")[0].decode("cp1252", "replace")
    return _stop(table, path, "The row is not UTF-8 (it looks like Windows-1252).", UTF8_FIX, (line,), value.strip())


def _header(text: bytes, path: Path, table: Table) -> tuple[list[str], Finding | None]:
    end = text.find(b"\n")
    first = text[: end if end >= 0 else len(text)].decode("utf-8").rstrip("\r").replace("\r", " ")
    header = [name.strip() for name in next(csv.reader([first]), [])]
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in first:
            return header, _stop(table, path, f"Columns are separated by {name}.", "Export with commas.", (1,))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        fix = "Remove or rename one of them."
        return header, _stop(table, path, f"Duplicate column: {', '.join(map(repr, twice))}.", fix, (1,))
    if "" in header:
        return header, _stop(table, path, "A column has no name.", "Name it in the header, or remove it.", (1,))
    return header, None


def _may_be_short(frame: pl.DataFrame, text: bytes) -> bool:
    """Whether a row could be short: the reader fills its missing values with blanks and says nothing."""
    if frame.to_series(-1).null_count() == 0:
        return False
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    return b'"' in text or frame.width == 1 or text.count(b",") != lines * (frame.width - 1)


def _ragged(text: bytes, width: int, path: Path, table: Table) -> list[Finding]:
    """Quotes never closed, and rows with too many or too few values."""
    if text.count(b'"') % 2:
        line = next(n for n, one in enumerate(text.split(b"\n"), 1) if one.count(b'"') % 2)
        return [_stop(table, path, "A quote is opened and never closed.", "Close or double it.", (line,))]
    layout, findings = scan(text), []
    for bad, rule in (
        (layout.fields > width, f"More values than the {width} columns of the header."),
        ((layout.fields < width) & ~layout.blank, f"Fewer values than the {width} columns of the header."),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            fix = "Put quotes around values with a comma, or export the file again: it may be cut off."
            where = tuple(int(line) for line in layout.line[rows[:SHOWN]])
            findings.append(replace(_stop(table, path, rule, fix, where), count=int(rows.size)))
    return findings


def _without_blank_rows(source: Source, text: bytes) -> tuple[Source, list[Finding]]:
    blank = source.frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not blank.any():
        return source, []
    whole = replace(source, layout=cache(lambda: scan(text)))
    keep = (~blank).to_numpy()
    inner = blank[: int(np.flatnonzero(keep).max(initial=-1)) + 1].arg_true()
    rule = "Blank rows were left out."
    findings = [whole.finding("repair", inner, rule=rule)] if len(inner) else []
    layout = cache(lambda: scan(text).take(keep))
    return replace(source, frame=source.frame.filter(~blank), layout=layout), findings


def _read_parquet(path: Path, table: Table) -> tuple[Source | None, list[Finding]]:
    content = path.read_bytes()
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        rule = f"The file cannot be read as parquet: {str(error).splitlines()[0]}."
        return None, [_stop(table, path, rule, "Write the file again.")]
    source = Source(table.name, path.name, frame, len(content), hashlib.sha256(content).hexdigest(), False, None, 1)
    return source, []
