"""Selects the rows of an edit: by values, by referenced tables, and by time labels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from soe_lib.errors import DataError, hint, likeness
from soe_lib.extract.calendar import Calendar
from soe_lib.extract.precedence import LABELLED, labelled
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import as_date
from soe_lib.extract.snapshot import Snapshot

Value = str | int | float | bool | date | None
Filters = tuple[tuple[str, tuple[Value, ...]], ...]
Setting = tuple[str, tuple[tuple[str, Value], ...]]
"""A control of the workbench by its key, and the values of its fields."""


def dated(path: str, value: Any) -> Any:
    """The value, an ISO text made a date where the path's column holds dates."""
    table, _, column = path.partition(".")
    known = schema().get(table)
    if isinstance(value, str) and known and column in known.names and known[column].type == "date":
        return as_date(value) or value
    return value


def plain(value: Any) -> Value:
    """A value as Python's own text, number, yes/no or date, from any array or frame.

    Raises
    ------
    DataError : a list, table or other thing that an edit cannot record.
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, datetime):
        value = value.date()
    if value is None or isinstance(value, str | bool | int | float | date):
        return value
    raise DataError(f"An edit takes a text, number, yes/no or date, not {type(value).__name__} {value!r}.")


def filters(where: dict[str, Any]) -> Filters:
    """Filters as recorded: each name with the values that it accepts."""
    return tuple((name, tuple(plain(one) for one in _listed(accepted))) for name, accepted in where.items())


def _listed(accepted: Any) -> Iterable[Any]:
    many = not isinstance(accepted, str) and isinstance(accepted, Iterable)
    values = list(accepted) if many else [accepted]
    if not values:
        raise DataError("A filter with an empty list matches nothing: give a value, or leave the filter out.")
    return values


def shown(value: Value) -> str:
    """A value as a planner would write it."""
    if value is None or value == "":
        return "blank"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def condition(where: Filters) -> str:
    """Filters as the end of a sentence: " where resource is L2 and period is 2026-W48 or 2026-W49"."""
    if not where:
        return ""
    parts = [f"{name} is {' or '.join(shown(value) for value in values)}" for name, values in where]
    return f" where {' and '.join(parts)}"


LABEL = "label"
"""Stands for the label of a row: its date, else its period."""
SHARED_OUT = {"calendar": ("hours", "overtime_hours"), "forecast": ("quantity", "committed")}
"""Amounts that are split with their row; all other columns (prices) hold for every part."""
WHOLE = ("forecast",)
"""Tables whose amounts are split in whole units."""
DATED = {"orders": "due_on", "receipts": "due_on", "actuals": "date", "inventory": "expires_on"}


def day_column(table: str, name: str) -> str:
    """The date column that a filter of this name selects by; blank where the filter is not about days."""
    if table in LABELLED and name in ("period", "date"):
        return LABEL
    if name in ("period", "date") and table in DATED:
        return DATED[table]
    columns = schema()[table].columns
    return name if any(column.name == name and column.type == "date" for column in columns) else ""


def spans(calendar: Calendar, values: tuple[Value, ...]) -> pl.DataFrame:
    """First and last day of each label: [label, first, last].

    Raises
    ------
    DataError : a label that is no period, ISO date, ISO week or fiscal month.
    """
    labels = [str(value) for value in values]
    found = calendar.spans(pl.Series("label", labels))
    unknown = found.filter(pl.col("first").is_null())["label"].to_list()
    if unknown:
        raise DataError(
            f"{unknown[0]!r} is not a period, date, ISO week or fiscal month. {calendar.advice(unknown[0])}"
        )
    return found


def row_spans(snapshot: Snapshot, frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """First and last day of each row: [first, last], null where the row has no day."""
    if column != LABEL:
        return frame.select(first=pl.col(column), last=pl.col(column))
    label = pl.coalesce(pl.col("date").dt.strftime("%Y-%m-%d"), pl.col("period")).alias("label")
    labels = frame.select(label)
    known = snapshot.calendar.spans(labels["label"])
    return labels.join(known, on="label", how="left", maintain_order="left").select("first", "last")


def inside(rows: pl.DataFrame, wanted: pl.DataFrame) -> pl.Series:
    """Which rows lie wholly inside one of the wanted spans."""
    tests = [
        (pl.col("first") >= first) & (pl.col("last") <= last)
        for first, last in wanted.select("first", "last").iter_rows()
    ]
    return rows.select(pl.any_horizontal(tests).fill_null(False).alias("inside"))["inside"]


def split(snapshot: Snapshot, table: str, frame: pl.DataFrame, values: tuple[Value, ...]) -> pl.DataFrame:
    """The rows of a table, with each row that a label cuts replaced by one row per day.

    A filter for one day cuts a week's row. Its amounts go to its working days, or to all its days where none works,
    forecasts in whole units; a day with a row of its own keeps it. The plan splits rows in the same way, so only the
    rows change.
    """
    if table not in LABELLED:
        return frame
    wanted = spans(snapshot.calendar, values)
    rows = row_spans(snapshot, frame, LABEL)
    touches = [
        (pl.col("first") <= last) & (pl.col("last") >= first)
        for first, last in wanted.select("first", "last").iter_rows()
    ]
    overlaps = rows.select(pl.any_horizontal(touches).fill_null(False).alias("cut"))["cut"]
    cut = overlaps & ~inside(rows, wanted)
    if not cut.any():
        return frame
    less = labelled(snapshot.calendar, frame, table, "period")
    parts = _by_day(snapshot, table, frame.with_columns(rows, _label=less["period"]).filter(cut)).select(frame.columns)
    return _merged(table, pl.concat([frame.filter(~cut), parts]))


def _by_day(snapshot: Snapshot, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    working = list(snapshot.settings.calendar.working_days)
    days = (
        rows.with_row_index("_row").with_columns(date=pl.date_ranges("first", "last")).explode("date")
    ).with_columns(_works=pl.col("date").dt.weekday().is_in(working))
    counted = days.filter(pl.col("_works") | ~pl.col("_works").any().over("_row"))
    share = _whole_share if table in WHOLE else _even_share
    amounts = [share(pl.col(name)).alias(name) for name in SHARED_OUT.get(table, ())]
    left = snapshot.calendar.by_day(rows.select("_label").unique(), "_label")
    return counted.with_columns(*amounts, period=pl.lit("")).join(left, on=["_label", "date"], how="semi")


def _even_share(amount: pl.Expr) -> pl.Expr:
    return amount / pl.len().over("_row")


def _whole_share(amount: pl.Expr) -> pl.Expr:
    """Whole units; the remainder goes to the first days, as in `Calendar.split`."""
    base = (_even_share(amount) + 1e-9).floor()
    left = amount - base * pl.len().over("_row")
    return base + (left - pl.int_range(pl.len()).over("_row")).clip(0.0, 1.0)


def _merged(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Merges rows of the same day: a part of a week's row may meet the day's own row."""
    key = list(schema()[table].key)
    if not rows.select(key).is_duplicated().any():
        return rows
    amounts = SHARED_OUT.get(table, ())
    others = [pl.col(name).first() for name in rows.columns if name not in (*key, *amounts)]
    sums = [pl.col(name).sum() for name in amounts]
    return rows.group_by(key, maintain_order=True).agg(*sums, *others).select(rows.columns)


DEPTH = 2
"""References that are followed: a receipt's offer to its supplier, an operation's routing to its item's family."""
SHOWN = 3


def meant_rows(snapshot: Snapshot, table: str, frame: pl.DataFrame, where: Filters) -> pl.Series:
    """The mask of the rows that all filters accept.

    A filter names a column of the table, or of a table that it refers to (`supplier` of a receipt, through its offer),
    or a time: `period` and every date accept a period, ISO date, ISO week or fiscal month and select what lies inside.

    Raises
    ------
    DataError : a filter that no column has, a value that no row has (with the nearest ones), or filters that have no
        row in common.
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
    if column := day_column(table, name):
        days = row_spans(snapshot, frame, column)
        found = [inside(days, spans(snapshot.calendar, (value,))) for value in values]
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
        own = ", ".join(column.name for column in schema()[table].columns)
        raise DataError(f"{table} has nothing called {name} to filter by. {hint(name, known) or f'It has {own}.'}")
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
        raise DataError(f"{table}.{name} must be a number, not {shown(value)}.")
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


def row_names(table: str, frame: pl.DataFrame) -> list[str]:
    """Each row as people call it: the filled parts of its key."""
    key = [pl.col(name).cast(pl.String).replace("", None) for name in schema()[table].key]
    return frame.select(row=pl.concat_str(key, separator=" · ", ignore_nulls=True))["row"].to_list()
