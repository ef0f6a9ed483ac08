"""Labels of time in filters: what lies inside a period, day, week or month, and rows that lie in it only in part."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.calendar import Calendar
from soe_lib.extract.precedence import LABELLED, labelled
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.scenario.values import Value

LABEL = "label"
"""Stands for the label of a row: its date, else its period."""
SHARED_OUT = {"calendar": ("hours", "overtime_hours"), "forecast": ("quantity", "committed")}
"""Amounts that are split with their row; all other columns (prices) hold for every part."""
WHOLE = ("forecast",)
"""Tables whose amounts are split in whole units."""
DATED = {"orders": "due_on", "receipts": "due_on", "actuals": "date", "inventory": "expires_on"}


def day_column(table: str, name: str) -> str:
    """The Date column that a filter of this name means in a table; blank where it means no day."""
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
        raise DataError(f"{unknown[0]!r} is no label of time here. {calendar.advice(unknown[0])}")
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
    """The rows of a table, those that a label cuts replaced by one row a day.

    A week's row is cut by a filter for one of its days. Its amounts go to its working days, or to all its days where
    none works, forecasts in whole units, and a day that has a row of its own keeps that: just as the plan would split
    them, so nothing changes but the rows.
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
    """Whole units, those that are left over to the first days, as in `Calendar.split`."""
    base = (_even_share(amount) + 1e-9).floor()
    left = amount - base * pl.len().over("_row")
    return base + (left - pl.int_range(pl.len()).over("_row")).clip(0.0, 1.0)


def _merged(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Two rows of one day are one: a part of a week's row may meet a row that the day had already."""
    key = list(schema()[table].key)
    if not rows.select(key).is_duplicated().any():
        return rows
    amounts = SHARED_OUT.get(table, ())
    others = [pl.col(name).first() for name in rows.columns if name not in (*key, *amounts)]
    sums = [pl.col(name).sum() for name in amounts]
    return rows.group_by(key, maintain_order=True).agg(*sums, *others).select(rows.columns)
