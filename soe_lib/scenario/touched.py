"""What an edit touches, as a table for a reader."""

from __future__ import annotations

from typing import Any

import polars as pl

from soe_lib.scenario.values import shown

COLUMNS = {
    "table": pl.String,
    "row": pl.String,
    "column": pl.String,
    "before": pl.String,
    "after": pl.String,
    "difference": pl.Float64,
}


def changes(table: str, rows: list[str], column: str, before: list[Any], after: list[Any]) -> pl.DataFrame:
    """One line per row touched: [table, row, column, before, after, difference].

    difference = after − before where both are numbers, else blank.
    """
    return pl.DataFrame(
        {
            "table": [table] * len(rows),
            "row": rows,
            "column": [column] * len(rows),
            "before": [shown(value) for value in before],
            "after": [shown(value) for value in after],
            "difference": [_difference(old, new) for old, new in zip(before, after, strict=True)],
        },
        schema=COLUMNS,
    )


def _difference(old: Any, new: Any) -> float | None:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    return float(new) - float(old) if numbers else None
