"""What a reader should know of a snapshot before looking at a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.findings import LEVELS
from soe_lib.extract.schema import Column, schema

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


def describe(snapshot: Snapshot) -> str:
    """Rows by table, findings, what is read but not used yet, and what is assumed."""
    first, last = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    horizon = f"{snapshot.periods.height} periods from {first} to {last}"
    head = f"{snapshot.company} as of {snapshot.as_of}, {snapshot.currency}: {horizon}"
    counts = {level: sum(one.level == level for one in snapshot.findings) for level in LEVELS}
    found = ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "none"
    rows = [f"  {name:<16}{frame.height:>12,} rows" for name, frame in snapshot.tables.items() if frame.height]
    sections = [
        [head],
        ["Tables", *rows],
        [f"Findings: {found}", *(f"  {one}" for one in snapshot.findings)],
        _titled("Read, checked, not used yet", not_used(snapshot)),
        _titled("Assumed", assumptions(snapshot)),
    ]
    return "\n".join(line for section in sections for line in section)


def not_used(snapshot: Snapshot) -> tuple[str, ...]:
    """Tables with rows, and columns with values, that no planning block reads yet."""
    lines = []
    for name, table in schema().items():
        frame = snapshot.tables[name]
        if frame.height and not table.used:
            lines.append(f"{name}: {frame.height} rows")
        elif frame.height:
            filled = [one.name for one in table.columns if not one.used and _says_something(frame, one)]
            lines += [f"{name}.{', '.join(filled)}"] if filled else []
    return tuple(lines)


def assumptions(snapshot: Snapshot) -> tuple[str, ...]:
    """What the extract itself assumes, and what blank cells of it were taken to mean."""
    lines = list(snapshot.settings.notes)
    if snapshot["lanes"].height and (snapshot["lanes"]["lead_time_days"] == 0).all():
        lines.append("Goods arrive in the period in which they leave: no lane has a lead time.")
    if snapshot["items"]["end_value"].sum() == 0:
        lines.append("Stock is worth nothing at the horizon's end: no item has an end_value.")
    unpriced = snapshot["items"]["standard_cost"].null_count()
    if unpriced:
        lines.append(f"{unpriced} of {snapshot['items'].height} items have no standard_cost.")
    return tuple(lines)


def _says_something(frame: pl.DataFrame, column: Column) -> bool:
    values = frame.get_column(column.name).drop_nulls()
    blank = "" if column.type == "text" and not column.default else column.default
    return bool(len(values)) if blank is None else bool((values != blank).any())


def _titled(title: str, lines: tuple[str, ...]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []
