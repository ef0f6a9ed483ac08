"""Overlapping labels of time: of two rows of one key, the one of fewer days holds for its days, in every table.

A day goes before an ISO week, a week before a fiscal month, and a period of the extract before whatever has more days
than it. What is cut out of the longer label is written into it, so that `Calendar.shares`, `parts` and `split` place
the rest of it without knowing about rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from soe_lib.extract.calendar import LESS, Calendar, with_label

LABELLED = {
    "calendar": ("resource",),
    "offer_prices": ("offer",),
    "forecast": ("item", "location", "customer", "version"),
}
"""The tables whose rows are labelled by `period` or `date`, and what else names a row of them."""


def bucket(column: str = "period") -> pl.Expr:
    """The label as it was delivered: a month is a month, whatever is cut out of it."""
    return pl.col(column).str.split(LESS).list.first()


def labelled(calendar: Calendar, frame: pl.DataFrame, table: str, column: str = "period") -> pl.DataFrame:
    """The rows of a table with their day as label, and without the days that a shorter label of the same key takes.

    A row keeps its share of the other days: of 160 h in a month of 20 working days with a row for one of its weeks,
    160 × 15 ÷ 20 = 120 h are left beside the week's own.

    Parameters
    ----------
    frame : rows of the table. column : where the label stands and is written.
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
    """What offer_prices says of each period: offer, period, named_cost (the mean of its days), named (how many days).

    Parameters
    ----------
    prices : rows of offer_prices.
    """
    named = calendar.by_day(labelled(calendar, prices, "offer_prices")).drop("period")
    by_day = named.join(calendar.days, on="date")
    # What two labels of one length give to a day is stopped when the extract is read; here it is their mean.
    by_day = by_day.group_by("offer", "period", "date").agg(pl.col("unit_cost").mean())
    return by_day.group_by("offer", "period").agg(pl.col("unit_cost").mean().alias("named_cost"), named=pl.len())


def overlapping(calendar: Calendar, rows: pl.DataFrame, key: Sequence[str], column: str = "period") -> pl.DataFrame:
    """Every label of a key that shares days with another one of it: *key, label, days, other, other_days.

    Parameters
    ----------
    rows : the key and, in `column`, one label per row; labels that mean nothing overlap nothing.
    """
    pairs = _pairs(calendar, rows[column]).rename({"label": column})
    if pairs.is_empty():
        nothing = rows.select(*key, column).clear()
        return nothing.with_columns(days=pl.lit(0), other=pl.lit(""), other_days=pl.lit(0))
    names = rows.select(*key, column).unique()
    others = names.rename({column: "other"})
    return names.join(pairs, on=column).join(others, on=[*key, "other"], how="semi", nulls_equal=True)


def _pairs(calendar: Calendar, labels: pl.Series) -> pl.DataFrame:
    """Labels that share days, whatever the rows: label, days, other, other_days."""
    length = ((pl.col("last") - pl.col("first")).dt.total_days() + 1).alias("days")
    spans = calendar.spans(labels).drop_nulls().with_columns(length).sort("first", "last")
    if not spans.select((pl.col("first") <= pl.col("last").shift(1).cum_max()).any()).item():
        return spans.select("label", "days", other="label", other_days="days").clear()
    other = spans.rename({name: f"other_{name}" for name in spans.columns}).rename({"other_label": "other"})
    pairs = spans.join_where(other, pl.col("first") <= pl.col("other_last"), pl.col("last") >= pl.col("other_first"))
    return pairs.filter(pl.col("label") != pl.col("other")).select("label", "days", "other", "other_days")
