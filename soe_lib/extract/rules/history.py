"""Against the weeks before: last week's file again, another company's, and files much longer or shorter than usual."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import lru_cache
from pathlib import Path
from statistics import median

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.folders import dates
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.schema import schema
from soe_lib.extract.settings_file import FILE, as_date, load
from soe_lib.extract.sources import SUFFIXES, WORKBOOK
from soe_lib.extract.workbook import UnreadableError, Workbook

WEEKS = 8
BAND = 0.3
FEW = 10  # fewer rows than these differ by chance
MOVING = ("orders", "inventory", "receipts")
COUNTED = ("forecast", "items", "routings", "operations", "components", *MOVING)


def earlier(extract: Extract) -> list[Path]:
    """The company's extracts before this one, newest first, as many as a comparison looks back."""
    today = as_date(extract.folder.name)
    if today is None:
        return []
    before: list[date] = [day for day in dates(extract.folder.parent) if day < today]
    return [extract.folder.parent / day.isoformat() for day in reversed(before[-WEEKS:])]


@rule
def not_last_weeks_file(extract: Extract) -> list[Finding]:
    """What moves every week is not, byte for byte, a file of the week before, whatever that is called."""
    findings = []
    folders = earlier(extract)[:1]
    for table in MOVING:
        source = extract.sources.get(table)
        if source is None or source.frame.height < FEW or not folders:
            continue
        for path in sorted(one for one in folders[0].iterdir() if one.is_file() and not one.name.startswith(".")):
            if path.stat().st_size == source.size and _digest(path) == source.sha256:
                rule_text = f"Byte for byte {path.name} of {path.parent.name}."
                expected = table in extract.settings.unchanged
                fix = f'Export it again; if nothing moved, say unchanged = ["{table}"] in settings.toml.'
                level = "note" if expected else "stop"
                findings.append(source.finding(level, rule=rule_text, fix="" if expected else fix))
                break
    return findings


@rule
def same_company(extract: Extract) -> list[Finding]:
    """The extract is of the company, and in the currency, of the one before it."""
    findings = []
    for folder in earlier(extract)[:1]:
        before = load(folder)[0]
        for name in ("company", "currency"):
            was, now = getattr(before, name), getattr(extract.settings, name)
            if was and now and was != now:
                rule_text = f"The extract of {folder.name} says {was}: is this the right one?"
                fix = "Put the right extract into the folder, or mend the one before."
                findings.append(Finding("stop", "settings", FILE, (), name, now, rule_text, fix, 1))
    return findings


@rule
def about_as_long_as_usual(extract: Extract) -> list[Finding]:
    """A file has about as many rows as in the weeks before: ±30 % of their median."""
    findings = []
    folders = earlier(extract)
    for table in COUNTED:
        source = extract.sources.get(table)
        counts = [rows for folder in folders if (rows := _rows(folder, table)) is not None]
        if source is None or len(counts) < 2:
            continue
        usual, rows = median(counts), source.frame.height
        if abs(rows - usual) > max(BAND * usual, FEW):
            rule_text = f"{rows:,} rows, where the median of {len(counts)} weeks is {usual:,.0f}."
            fix = "Check that the export is whole and of the right company."
            findings.append(source.finding("warn", rule=rule_text, fix=fix))
    return findings


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rows(folder: Path, table: str) -> int | None:
    """Rows of a table in another extract, counted without parsing it: a CSV's lines, the count a parquet file keeps."""
    for suffix in SUFFIXES:
        path = folder / f"{table}{suffix}"
        if path.is_file():
            try:
                if suffix == ".parquet":
                    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
                text = path.read_bytes()
            except (OSError, pl.exceptions.PolarsError):
                return None
            return max(0, text.count(b"\n") - text.endswith(b"\n"))
    for path in sorted(folder.glob(f"[!~.]*{WORKBOOK}")):
        rows = _rows_of_sheets(path, path.stat().st_mtime_ns).get(table)
        if rows is not None:
            return rows
    return None


@lru_cache(maxsize=64)
def _rows_of_sheets(path: Path, written: int) -> dict[str, int]:
    """Rows by table of an earlier week's workbook; read once while it is not written again."""
    del written
    book = Workbook(path)
    try:
        read = {table: book.read(table, schema()[table])[0] for table in COUNTED if table in book.sheets}
    except (UnreadableError, OSError):
        return {}
    return {table: source.frame.height for table, source in read.items() if source is not None}
