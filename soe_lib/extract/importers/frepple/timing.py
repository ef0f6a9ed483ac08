"""Durations and validity: frePPLe counts working time and dates far away, the contract whole calendar days."""

from __future__ import annotations

from datetime import date

import polars as pl

ALWAYS_FROM = date(1971, 1, 1)
ALWAYS_TO = date(2030, 12, 30)
"""frePPLe's own first and last date, which mean "always"."""


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
    """valid_from and valid_to, blank where frePPLe means "always"."""
    first, last = pl.col(start).dt.date(), pl.col(end).dt.date()
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
