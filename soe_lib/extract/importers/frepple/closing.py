"""What closes an import: settings.toml, and the sentences on what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from soe_lib.extract.importers.frepple.calendars import WEEKDAYS
from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.report import tell

LEAST_WORKED = 0.25
"""A weekday works where it has at least this share of the busiest weekday's hours."""


def left_out(export: Frepple, currency: str) -> tuple[str, ...]:
    """What was not exported, what has no place in the contract, and the currency that was given."""
    absent = ", ".join(f"{table}.csv" for table in export.absent)
    empty = (f"{len(export.absent)} tables were not exported and count as empty: {absent}.",) if absent else ()
    dependent = {"operationdependency.csv": export["operationdependency"].height}
    left = {**{name: rows for name, rows in dependent.items() if rows}, **export.unused}
    files = tuple(f"{name} ({rows:,} rows) has no place in the contract yet; left out." for name, rows in left.items())
    return (
        *empty,
        *files,
        *(_beside(file, columns) for file, columns in export.beside.items()),
        *_parameters(export),
        f"All amounts are in {currency}, which was set at the import; frePPLe keeps no currency here.",
    )


def _beside(file: str, columns: Mapping[str, int]) -> str:
    counted = ", ".join(f"{name} ({count:,})" for name, count in columns.items())
    return f"{file} holds columns that the import does not use (filled cells): {counted}."


def _parameters(export: Frepple) -> tuple[str, ...]:
    rows = export["parameter"]
    other = rows.filter(pl.col("name").str.to_lowercase() != "currentdate", pl.col("value") != "")
    return tell(
        other, "name", rows.height, "parameters", "of frePPLe are not used; the plan is made by its own settings"
    )


def settings(
    company: str, currency: str, as_of: date, calendar: pl.DataFrame, *, weeks: int, daily: int
) -> dict[str, object]:
    """settings.toml as plain values; working days are the weekdays on which the resources work."""
    worked = calendar.group_by(pl.col("date").dt.weekday().alias("weekday")).agg(pl.col("hours").sum()).sort("weekday")
    busy = worked.filter(pl.col("hours") >= pl.col("hours").max() * LEAST_WORKED)["weekday"].to_list()
    section: dict[str, object] = {"fiscal": "months"}
    if busy:
        section["working_days"] = [WEEKDAYS[day - 1].capitalize() for day in busy]
    return {
        "company": company,
        "currency": currency,
        "as_of": as_of.isoformat(),
        "horizon": {"weeks": weeks, "daily": daily},
        "costs": {"per": "week"},
        "limits": {"per": "period"},  # the only maxima are those of lots, and only to bound them
        "calendar": section,
    }
