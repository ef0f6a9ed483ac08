"""Events that last longer: the end moves, and the hours that the event names grow with its days."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot


def longer(snapshot: Snapshot, events: pl.DataFrame, meant: pl.Series, days: int) -> pl.DataFrame:
    """The events with `to` so many days later, and `hours`, where given, as many per working day as before.

    Formula: hours × working days to the new end ÷ working days to the old one (days, where none of them works).

    Parameters
    ----------
    meant : which events. days : calendar days; negative: it ends sooner.

    Raises
    ------
    DataError : an event without an end, or one that would end before it begins.
    """
    first = pl.col("from").fill_null(pl.lit(snapshot.as_of))
    until = pl.col("to") + pl.duration(days=days)
    asked = events.filter(meant)
    for where, text in (
        (pl.col("to").is_null(), 'has no end, so it cannot last longer: give it one with .set("events.to", …)'),
        (until < first, f"would end before it begins, {days} days from its end: drop it instead"),
    ):
        if (bad := asked.filter(where)).height:
            raise DataError(f"Event {bad['event'][0]} {text}.")
    working = list(snapshot.settings.calendar.working_days)
    old, new = (_works(pl.date_ranges(first, end), working) for end in (pl.col("to"), until))
    each = pl.when(old == 0).then((until - first).dt.total_days() + 1).otherwise(new)
    of = pl.when(old == 0).then((pl.col("to") - first).dt.total_days() + 1).otherwise(old)
    changed = asked.with_columns(until.alias("to"), pl.col("hours") * each / of)
    place = pl.int_range(pl.len()).alias("_place")
    kept, moved = events.with_columns(place).filter(~meant), changed.with_columns(events.select(place).filter(meant))
    return pl.concat([kept, moved.select(kept.columns)]).sort("_place").drop("_place")


def _works(days: pl.Expr, working: list[int]) -> pl.Expr:
    """How many of some days are working days."""
    return days.list.eval(pl.element().dt.weekday().is_in(working)).list.sum()
