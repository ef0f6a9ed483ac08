"""Tiny companies for tests: tables as lists of dicts, written as an extract and read like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot

Rows = Sequence[Mapping[str, Any]]
MONDAY = date(2026, 1, 5)


def weeks(count: int, start: date = MONDAY) -> Rows:
    """Periods W1, W2 … of seven days each."""
    return [
        {
            "period": f"W{n + 1}",
            "starts_on": start + timedelta(days=7 * n),
            "ends_on": start + timedelta(days=7 * n + 6),
        }
        for n in range(count)
    ]


def days(count: int, start: date = MONDAY) -> Rows:
    """Periods of one day each."""
    return [
        {"period": f"D{n + 1:03d}", "starts_on": (day := start + timedelta(days=n)), "ends_on": day}
        for n in range(count)
    ]


def write(folder: Path, settings: str = "", **tables: Rows) -> Path:
    """Write an extract: settings (costs per period unless said otherwise) and one CSV per table."""
    folder.mkdir(parents=True, exist_ok=True)
    head = f'company = "test"\ncurrency = "EUR"\nas_of = "{MONDAY}"\n'
    (folder / "settings.toml").write_text(head + (settings or '[costs]\nper = "period"\n'), encoding="utf-8")
    for name, rows in tables.items():
        pl.DataFrame(list(rows), infer_schema_length=None).write_csv(folder / f"{name}.csv")
    return folder


def snapshot(folder: Path, settings: str = "", **tables: Rows) -> Snapshot:
    """The checked snapshot of a tiny company; items and locations are worked out where they are left out."""
    seen = [row for rows in tables.values() for row in rows]
    if "items" not in tables:
        names = {str(row[k]) for row in seen for k in ("item", "component", "substitute") if row.get(k)}
        tables["items"] = [{"item": name, "unit": "each"} for name in sorted(names)]
    if "locations" not in tables:
        names = {str(row[k]) for row in seen for k in ("location", "origin", "destination") if row.get(k)}
        tables["locations"] = [{"location": name, "kind": "plant"} for name in sorted(names)]
    return soe.read(write(folder, settings, **tables))
