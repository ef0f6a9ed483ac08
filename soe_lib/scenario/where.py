"""Which rows of a table an edit means: by its own columns, by what they refer to, and by labels of labels."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import likeness, nearest
from soe_lib.scenario import labels
from soe_lib.scenario.values import Filters, Value, condition, shown

DEPTH = 2
"""So many references are followed: a receipt's offer to its supplier, an operation's routing to its item's family."""
SHOWN = 3


def rows(snapshot: Snapshot, table: str, frame: pl.DataFrame, where: Filters) -> pl.Series:
    """Which rows of a table all filters accept.

    A filter names a column of the table, or of a table that it refers to (`supplier` of a receipt, through its offer),
    or a time: `period` and every date accept a period, ISO date, ISO week or fiscal month and mean what lies inside.

    Raises
    ------
    DataError : a filter that no column answers to, a value that no row has (with the nearest ones), or filters that
        have no row in common.
    """
    if frame.is_empty():
        raise DataError(f"The table {table} of {snapshot.company} as of {snapshot.as_of} has no row to edit.")
    kept = pl.repeat(True, frame.height, eager=True)
    for name, values in where:
        kept = kept & _accepted(snapshot, table, frame, name, values)
    if not kept.any():
        raise DataError(
            f"No row of {table} is left{condition(where)}: each filter has rows, but they have none in common."
        )
    return kept


def _accepted(snapshot: Snapshot, table: str, frame: pl.DataFrame, name: str, values: tuple[Value, ...]) -> pl.Series:
    """Rows that one filter accepts; each of its values must be the value of some row."""
    if column := labels.day_column(table, name):
        days = labels.row_spans(snapshot, frame, column)
        found = [labels.inside(days, labels.spans(snapshot.calendar, (value,))) for value in values]
        known = f"Its days go from {days['first'].min()!s} to {days['last'].max()!s}."
    else:
        found = [_equal(snapshot, table, frame, name, value) for value in values]
        known = ""
    for value, one in zip(values, found, strict=True):
        if not one.any():
            advice = known or _nearest(value, _values(snapshot, table, name, DEPTH))
            raise DataError(f"No row of {table} has {name} {shown(value)}. {advice}")
    accepted = found[0]
    for one in found[1:]:
        accepted = accepted | one
    return accepted


def _equal(snapshot: Snapshot, table: str, frame: pl.DataFrame, name: str, value: Value) -> pl.Series:
    found = _match(snapshot, table, frame, name, value, DEPTH)
    if found is None:
        known = _filters_of(table, DEPTH)
        alike = nearest(name, known)
        own = ", ".join(column.name for column in schema()[table].columns)
        raise DataError(
            f"{table} has nothing called {name} to filter by. "
            + (f"Did you mean {alike}?" if alike else f"It has {own}.")
        )
    return found.fill_null(False)


def _match(
    snapshot: Snapshot, table: str, frame: pl.DataFrame, name: str, value: Value, depth: int
) -> pl.Series | None:
    """Rows with this value in their own column, or in the first table they refer to that has the column."""
    if name in frame.columns:
        return frame[name].is_null() if value is None else frame[name] == _typed(table, name, value)
    if depth == 0:
        return None
    for column in schema()[table].columns:
        target, _, key = column.references.partition(".")
        other = snapshot[target] if target else frame
        found = _match(snapshot, target, other, name, value, depth - 1) if target else None
        if found is not None:
            return frame[column.name].is_in(other.filter(found)[key].implode())
    return None


def _typed(table: str, name: str, value: Value) -> Value:
    kind = schema()[table][name].type
    if kind == "yes-no":
        return value if isinstance(value, bool) else str(value).lower() in ("yes", "true", "1")
    if kind in ("number", "integer"):
        if isinstance(value, int | float):
            return float(value)
        raise DataError(f"{table}.{name} is a number, and {shown(value)} is none.")
    return str(value)


def _filters_of(table: str, depth: int) -> list[str]:
    """Everything that rows of a table can be filtered by."""
    columns = schema()[table].columns
    further = [
        name
        for column in columns
        if depth and column.references
        for name in _filters_of(column.references.partition(".")[0], depth - 1)
    ]
    return list(dict.fromkeys([column.name for column in columns] + further))


def _values(snapshot: Snapshot, table: str, name: str, depth: int) -> list[str]:
    """The values that a filter of this name could have."""
    if name in snapshot[table].columns:
        return [shown(value) for value in snapshot[table][name].unique().sort().to_list()]
    for column in schema()[table].columns:
        target = column.references.partition(".")[0]
        if target and name in _filters_of(target, depth - 1):
            return _values(snapshot, target, name, depth - 1)
    return []


def _nearest(value: Value, known: list[str]) -> str:
    text = shown(value)
    ranked = sorted(set(known) - {text}, key=lambda one: (-likeness(text, one), one))[:SHOWN]
    return f"The nearest are {', '.join(ranked)}." if ranked else "It has no values at all."


def names(table: str, frame: pl.DataFrame) -> list[str]:
    """Each row as people call it: the filled parts of its key."""
    key = [pl.col(name).cast(pl.String).replace("", None) for name in schema()[table].key]
    return frame.select(row=pl.concat_str(key, separator=" · ", ignore_nulls=True))["row"].to_list()
