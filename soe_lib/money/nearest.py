"""Rates for rows that the book does not list: the nearest period's, or the forecast's for an order."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from soe_lib.money.booking import adapted
from soe_lib.money.timeline import timeline

TIMES = ("due", "period")
"""Key columns that are points in time, the one to match first in front."""

NEAREST = "rate of the nearest period"
AS_FORECAST = "order unknown to the rates, valued as forecast"
OWN_RATE = "unknown to the rates, valued at its own plan's"


def adapt(
    flow: str,
    rows: pl.DataFrame,
    table: pl.DataFrame,
    keys: Sequence[str],
    calendars: tuple[pl.DataFrame, pl.DataFrame],
    *,
    timed: bool,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a loaded plan joined to the rates that come nearest, and a count of how.

    Formula: among the rates with the same other keys, the one whose due day is nearest and then whose lag
    from due to period is nearest; the earlier of two as near. It is booked in the row's own period. For
    flows that cost money per time, per_unit × days of the row's period / days of the rate's period.

    Parameters
    ----------
    rows : _row, key columns, quantity.
    table : the flow's rates.
    calendars : periods of the plan, periods of the book.

    Returns the joined rows, and flow, how, rows, quantity.
    """
    times = [key for key in TIMES if key in keys]
    hits = _by_time(rows, table, keys, times, calendars, timed) if times else _none(rows, table)
    counts = [adapted(rows.join(hits, on="_row", how="semi"), flow, NEAREST)]
    rest = rows.join(hits, on="_row", how="anti")
    if "order" in keys and rest.filter(pl.col("order") != "").height:
        loose = rest.with_columns(order=pl.lit(""))
        same = loose.join(table, on=list(keys), how="inner")
        late = loose.join(same, on="_row", how="anti")
        more = [same, _by_time(late, table, keys, times, calendars, timed) if times else _none(late, table)]
        found = pl.concat(more, how="diagonal")
        counts.append(adapted(rest.join(found, on="_row", how="semi"), flow, AS_FORECAST))
        hits = pl.concat([hits, found], how="diagonal")
    return hits, pl.concat(counts)


def _by_time(
    rows: pl.DataFrame,
    table: pl.DataFrame,
    keys: Sequence[str],
    times: Sequence[str],
    calendars: tuple[pl.DataFrame, pl.DataFrame],
    timed: bool,
) -> pl.DataFrame:
    plan, book = calendars
    others = [key for key in keys if key not in times]
    asked = _dated(rows, times, plan, book)
    slots = _dated(table.select(keys).unique(), times, book, plan)
    placed = _closest(asked, slots, others, "_day_0")
    if len(times) == 2:
        placed = _closest(placed, slots.rename({"_day_0": "_near_day_0"}), [*others, "_near_day_0"], "_day_1")
    at = [f"_near_day_{place}" for place in range(len(times))]
    target = slots.rename({f"_day_{place}": name for place, name in enumerate(at)})
    target = target.unique([*others, *at], keep="first", maintain_order=True)
    near = {time: f"_near_{time}" for time in times} | {"_days": "_near_days"}
    wide = placed.join(target.rename(near), on=[*others, *at], how="inner", validate="m:1")
    joined = wide.join(
        table, left_on=[*others, *(near[time] for time in times)], right_on=[*others, *times], how="inner"
    )
    own = pl.col(times[-1]).alias("booked")
    ratio = (pl.col("_days") / pl.col("_near_days")) if timed else pl.lit(1.0)
    return joined.with_columns(own, per_unit=pl.col("per_unit") * ratio).drop(
        [name for name in joined.columns if name.startswith("_") and name != "_row"]
    )


def _dated(frame: pl.DataFrame, times: Sequence[str], *calendars: pl.DataFrame) -> pl.DataFrame:
    """The frame with _day_0 (first time as a number), _day_1 (lag of the second), _days; unknown drop out."""
    for place, time in enumerate(times):
        dates = timeline(frame.get_column(time), *calendars).select(
            pl.col("period").alias(time),
            pl.col("starts_on").cast(pl.Int32).cast(pl.Int64).alias(f"_day_{place}"),
            pl.col("days").alias("_days"),
        )
        frame = frame.drop("_days", strict=False).join(dates, on=time, how="inner", validate="m:1")
    if len(times) == 2:
        frame = frame.with_columns(_day_1=pl.col("_day_1") - pl.col("_day_0"))
    return frame


def _closest(rows: pl.DataFrame, slots: pl.DataFrame, by: Sequence[str], on: str) -> pl.DataFrame:
    """The rows with _near<on>: the slot's value nearest to theirs, among slots of the same `by`."""
    places = slots.select(*by, on).unique().with_columns(_found=pl.col(on)).sort(on)
    left = rows.sort(on)
    found = left
    for strategy, name in (("backward", "_before"), ("forward", "_after")):
        found = _asof(found, places.rename({"_found": name}), by, on, strategy)
    before, after, day = pl.col("_before"), pl.col("_after"), pl.col(on)
    nearer = pl.when(after.is_null() | (day - before <= after - day)).then(before).otherwise(after)
    return found.with_columns(nearer.alias(f"_near{on}")).drop("_before", "_after").drop_nulls(f"_near{on}")


def _asof(left: pl.DataFrame, right: pl.DataFrame, by: Sequence[str], on: str, strategy: str) -> pl.DataFrame:
    grouped = list(by) or None
    if strategy == "backward":
        return left.join_asof(right, on=on, by=grouped, strategy="backward", check_sortedness=False)
    return left.join_asof(right, on=on, by=grouped, strategy="forward", check_sortedness=False)


def _none(rows: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    extra = [name for name in table.columns if name not in rows.columns]
    return rows.clear().with_columns(pl.lit(None, dtype=table.schema[name]).alias(name) for name in extra)
