"""Precedence of overlapping labels of time, and the hours that a downtime takes from its days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from soe_lib.extract.calendar import LESS, Calendar, with_label
from soe_lib.extract.settings import Settings

LABELLED = {
    "calendar": ("resource",),
    "offer_prices": ("offer",),
    "forecast": ("item", "location", "customer", "version"),
}
"""The tables whose rows are labelled by `period` or `date`, and the rest of their key."""


def bucket(column: str = "period") -> pl.Expr:
    """The label as delivered, without the shorter labels cut out of it."""
    return pl.col(column).str.split(LESS).list.first()


def labelled(calendar: Calendar, frame: pl.DataFrame, table: str, column: str = "period") -> pl.DataFrame:
    """The rows of a table with their day as label, and with the days of shorter labels of the same key cut out.

    A row keeps its share of the other days: 160 h in a month of 20 working days, with a separate row for one of its
    weeks, leave 160 × 15 ÷ 20 = 120 h for the rest of the month.

    Parameters
    ----------
    frame : rows of the table. column : the column of the label, in the input and the result.
    """
    rows = with_label(frame, column)
    key = [*LABELLED[table]]
    taken = (
        overlapping(calendar, rows, key, column)
        .filter(pl.col("other_days") < pl.col("days"))
        .group_by(*key, column)
        .agg(pl.col("other").sort().str.join(LESS))
    )
    if taken.is_empty():
        return rows
    cut = pl.concat_str(column, "other", separator=LESS, ignore_nulls=True)
    rows = rows.join(taken, on=[*key, column], how="left", nulls_equal=True, maintain_order="left")
    return rows.with_columns(cut.alias(column)).drop("other")


def named_prices(calendar: Calendar, prices: pl.DataFrame) -> pl.DataFrame:
    """The prices of offer_prices by period: offer, period, named_cost (mean of its priced days), named (their number).

    Parameters
    ----------
    prices : rows of offer_prices.
    """
    named = calendar.by_day(labelled(calendar, prices, "offer_prices")).drop("period")
    by_day = named.join(calendar.days, on="date")
    # Two labels of one length on a day stop the extract when it is read; here their mean is used.
    by_day = by_day.group_by("offer", "period", "date").agg(pl.col("unit_cost").mean())
    return by_day.group_by("offer", "period").agg(pl.col("unit_cost").mean().alias("named_cost"), named=pl.len())


def overlapping(calendar: Calendar, rows: pl.DataFrame, key: Sequence[str], column: str = "period") -> pl.DataFrame:
    """The pairs of labels of one key that share days: *key, label, days, other, other_days.

    Parameters
    ----------
    rows : the key and, in `column`, one label per row; unknown labels overlap nothing.
    """
    pairs = _pairs(calendar, rows[column]).rename({"label": column})
    if pairs.is_empty():
        nothing = rows.select(*key, column).clear()
        return nothing.with_columns(days=pl.lit(0), other=pl.lit(""), other_days=pl.lit(0))
    names = rows.select(*key, column).unique()
    others = names.rename({column: "other"})
    return names.join(pairs, on=column).join(others, on=[*key, "other"], how="semi", nulls_equal=True)


def _pairs(calendar: Calendar, labels: pl.Series) -> pl.DataFrame:
    """The pairs of labels that share days, of any key: label, days, other, other_days."""
    length = ((pl.col("last") - pl.col("first")).dt.total_days() + 1).alias("days")
    spans = calendar.spans(labels).drop_nulls().with_columns(length).sort("first", "last")
    if not spans.select((pl.col("first") <= pl.col("last").shift(1).cum_max()).any()).item():
        return spans.select("label", "days", other="label", other_days="days").clear()
    other = spans.rename({name: f"other_{name}" for name in spans.columns}).rename({"other_label": "other"})
    pairs = spans.join_where(other, pl.col("first") <= pl.col("other_last"), pl.col("last") >= pl.col("other_first"))
    return pairs.filter(pl.col("label") != pl.col("other")).select("label", "days", "other", "other_days")


ROUNDING = 1e-9


def limits_per(settings: Settings, periods: pl.DataFrame) -> str:
    """`[limits] per` (week, day or period); if blank, week, or period if the extract has its own periods."""
    return settings.limits.per or ("period" if (periods["kind"] == "given").all() else "week")


def worked(calendar: Calendar, per: str) -> pl.DataFrame:
    """period, work: factor on the hours per head, or per expansion step, in each period."""
    working = list(calendar.working_days)
    works = pl.col("date").dt.weekday().is_in(working).cast(pl.Float64).sum()
    work = {"week": works / len(working), "day": works, "period": pl.lit(1.0)}
    return calendar.days.group_by("period").agg(work=work[per]).sort("period")


def offered(calendar: Calendar, settings: Settings, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """resource, date, hours, overtime: hours of each day of the horizon with the opening heads, before events [h]."""
    rows = labelled(calendar, tables["calendar"], "calendar").select(
        "resource", "period", hours=pl.col("hours").fill_null(0.0), overtime=pl.col("overtime_hours").fill_null(0.0)
    )
    by_label = calendar.day_shares(rows["period"])
    given = rows.join(by_label, left_on="period", right_on="label").select(
        "resource", "date", pl.col("hours", "overtime") * pl.col("share")
    )
    crews = tables["workforce"].with_columns(pl.col("opening_heads", "hours_per_head").fill_null(0.0))
    by_period = calendar.day_shares(calendar.periods["period"]).join(
        worked(calendar, limits_per(settings, calendar.periods)), left_on="label", right_on="period"
    )
    heads = pl.col("opening_heads") * pl.col("hours_per_head") * pl.col("work") * pl.col("share")
    brought = crews.join(by_period, how="cross").select("resource", "date", hours=heads, overtime=pl.lit(0.0))
    inside = pl.concat([given, brought]).join(calendar.days.select("date"), on="date", how="semi")
    return inside.group_by("resource", "date").agg(pl.col("hours", "overtime").sum()).sort("resource", "date")


def taken(days: pl.DataFrame, calendar: Calendar, first: date, last: date, hours: float) -> pl.DataFrame:
    """Hours lost to one downtime: resource, date, hours, overtime [h] and missing [h, equal on all days of a resource].

    The hours are spread evenly over the event's days. Hours that a day lacks are taken from the others, regular hours
    first, then overtime. Days outside the horizon bear the share of their working days.

    Parameters
    ----------
    days : from `offered`, of the resources that are down. first, last : of the event. hours : in total.
    """
    mine = days.filter(pl.col("date").is_between(first, last))
    wanted = pl.lit(hours * share_inside(calendar, first, last))
    regular = _levelled(mine, "hours", wanted)
    rest = (wanted - pl.col("taken_hours").sum().over("resource")).clip(lower_bound=0.0)
    both = _levelled(regular.with_columns(rest.alias("rest")), "overtime", pl.col("rest"))
    missing = pl.col("rest") - pl.col("taken_overtime").sum().over("resource")
    return both.select(
        "resource", "date", hours="taken_hours", overtime="taken_overtime",
        missing=pl.when(missing > ROUNDING * (1.0 + hours)).then(missing).otherwise(0.0),
    )  # fmt: skip


def _levelled(days: pl.DataFrame, what: str, wanted: pl.Expr) -> pl.DataFrame:
    """The days with `taken_…`: equal shares, each capped at the day's hours, in total `wanted` if possible."""
    ordered = days.sort("resource", what)
    before = (pl.col(what).cum_sum() - pl.col(what)).over("resource")
    left = pl.len().over("resource") - pl.int_range(pl.len()).over("resource")
    level = (wanted - before) / left
    # Days ascend by hours: the first day with at least an even share of what the days before it leave.
    enough = pl.when(pl.col("_level") <= pl.col(what)).then("_level").max().over("resource")
    return (
        ordered.with_columns(_level=level)
        .with_columns(_even=enough)
        .with_columns(pl.min_horizontal(what, pl.col("_even").clip(lower_bound=0.0)).alias(f"taken_{what}"))
        .drop("_level", "_even")
    )


def left(days: pl.DataFrame, took: pl.DataFrame) -> pl.DataFrame:
    """The hours that a downtime leaves: resource, date, hours, overtime."""
    both = days.join(took, on=["resource", "date"], how="left", suffix="_taken", maintain_order="left")
    rest = [
        (pl.col(name) - pl.col(f"{name}_taken").fill_null(0.0)).clip(lower_bound=0.0) for name in ("hours", "overtime")
    ]
    return both.select("resource", "date", *rest)


def share_inside(calendar: Calendar, first: date, last: date) -> float:
    """Share of an event's working days (of all its days, if none is working) inside the horizon."""
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
    works = pl.col("date").dt.weekday().is_in(list(calendar.working_days))
    counted = days.filter(works | ~works.any())
    inside = counted.join(calendar.days.select("date"), on="date", how="semi")
    return inside.height / counted.height if counted.height else 0.0
