"""Against the weeks before: last week's file under a new date, and files much longer or shorter than usual."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from statistics import median

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.folders import dates
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.settings_file import as_date
from soe_lib.extract.sources import SUFFIXES

WEEKS = 8
BAND = 0.3
FEW = 10  # fewer rows than these differ by chance
MOVING = ("orders", "inventory", "receipts")
COUNTED = ("forecast", "items", *MOVING)


def earlier(extract: Extract) -> list[Path]:
    """The company's extracts before this one, newest first, as many as a comparison looks back."""
    today = as_date(extract.folder.name)
    if today is None:
        return []
    before: list[date] = [day for day in dates(extract.folder.parent) if day < today]
    return [extract.folder.parent / day.isoformat() for day in reversed(before[-WEEKS:])]


@rule
def not_last_weeks_file(extract: Extract) -> list[Finding]:
    """What moves every week is not, byte for byte, the file of the week before."""
    findings = []
    folders = earlier(extract)[:1]
    for table in MOVING:
        source = extract.sources.get(table)
        if source is None or source.frame.height < FEW:
            continue
        for path in (folder / source.file for folder in folders):
            if path.is_file() and path.stat().st_size == source.size and _digest(path) == source.sha256:
                rule_text = f"Byte for byte the file of {path.parent.name}."
                fix = "Export it again, unless nothing moved."
                findings.append(source.finding("warn", rule=rule_text, fix=fix))
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
    return None
