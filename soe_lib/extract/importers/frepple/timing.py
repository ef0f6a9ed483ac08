"""Durations and validity: frePPLe counts working time and dates far away, the contract whole calendar days."""

from __future__ import annotations

from datetime import date

import polars as pl

ALWAYS_FROM = date(1971, 1, 1)
ALWAYS_TO = date(2030, 12, 30)
"""frePPLe's own first and last date, which mean "always"."""


EVER, NEVER = date(1, 1, 1), date(9999, 12, 31)


def lead_days(hours: pl.Expr, share: pl.Expr | float = 1.0) -> pl.Expr:
    """Whole calendar days of a duration in working hours: hours / 24 / share of time worked, rounded, at least one.

    Nothing stays nothing: a duration of zero takes no day.
    """
    days = (hours / 24 / share).round(0).clip(1.0)
    return pl.when(hours > 0).then(days).otherwise(0.0)


def is_rounded(hours: pl.Expr, share: pl.Expr | float = 1.0) -> pl.Expr:
    """Whether `lead_days` changes the duration by more than a minute."""
    return ((hours / 24 / share - lead_days(hours, share)) * 1440).abs() > 1


def validity(start: str = "effectivestart", end: str = "effectiveend") -> list[pl.Expr]:
    """valid_from and valid_to, blank where frePPLe means "always".

    frePPLe's end is the first moment that is out. A day belongs to the terms that are in force as it begins, so that
    terms which change within a day neither overlap nor leave a gap.
    """
    first = (pl.col(start) + pl.duration(days=1) - pl.duration(microseconds=1)).dt.date()
    last = (pl.col(end) - pl.duration(microseconds=1)).dt.date()
    return [
        pl.when(first > ALWAYS_FROM).then(first).alias("valid_from"),
        pl.when(last < ALWAYS_TO).then(last).alias("valid_to"),
    ]


def effective(as_of: date, start: str = "effectivestart", end: str = "effectiveend") -> pl.Expr:
    """Whether a row holds on the as-of date."""
    return (pl.col(start).is_null() | (pl.col(start).dt.date() <= as_of)) & (
        pl.col(end).is_null() | (pl.col(end).dt.date() > as_of)
    )


def lots() -> list[pl.Expr]:
    """minimum and multiple of an order, blank where they say nothing: a frePPLe order is one unit at least."""
    return [
        pl.when(pl.col("sizeminimum") > 1).then(pl.col("sizeminimum")).alias("minimum"),
        pl.when((pl.col("sizemultiple") > 0) & (pl.col("sizemultiple") != 1)).then("sizemultiple").alias("multiple"),
    ]


def disjoint(table: pl.DataFrame, key: str, by: list[str]) -> pl.DataFrame:
    """Rows of one key cut so that at most one is valid on any day: the first by `by`.

    Parameters
    ----------
    table : with key, valid_from and valid_to; blank means always.
    by : what is better, smallest first; of equals the row that stands first.
    """
    first, last = pl.col("valid_from").fill_null(EVER), pl.col("valid_to").fill_null(NEVER)
    rows = table.sort(*by, nulls_last=True, maintain_order=True).with_row_index("_row")
    rows = rows.with_columns(_from=first, _to=last).filter(pl.col("_from") <= pl.col("_to"))
    after = rows.filter(pl.col("_to") < NEVER).select(key, _cut=pl.col("_to") + pl.duration(days=1))
    cuts = pl.concat([rows.select(key, _cut="_from"), after]).unique().sort(key, "_cut")
    parts = cuts.with_columns(_end=(pl.col("_cut").shift(-1).over(key) - pl.duration(days=1)).fill_null(NEVER))
    held = parts.join(rows, on=key).filter(pl.col("_from") <= pl.col("_cut"), pl.col("_to") >= pl.col("_end"))
    held = held.sort(key, "_cut", "_row").unique([key, "_cut"], keep="first", maintain_order=True)
    before = pl.col("_end").shift(1).over(key) + pl.duration(days=1)
    goes_on = (pl.col("_row") == pl.col("_row").shift(1).over(key)) & (pl.col("_cut") == before)
    held = held.with_columns(_run=(~goes_on.fill_null(False)).cum_sum())
    spans = held.group_by("_run", maintain_order=True).agg(
        pl.col("_row").first(), pl.col("_cut").min(), pl.col("_end").max()
    )
    valid_from, valid_to = pl.col("_cut"), pl.col("_end")
    return spans.join(rows, on="_row", maintain_order="left").select(
        pl.when(valid_from > EVER).then(valid_from).alias("valid_from") if name == "valid_from"
        else pl.when(valid_to < NEVER).then(valid_to).alias("valid_to") if name == "valid_to"
        else pl.col(name)
        for name in table.columns
    )  # fmt: skip
