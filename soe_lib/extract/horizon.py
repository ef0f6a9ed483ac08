"""What every period of the horizon carries: place, days, length in the costs' time base, ISO week, fiscal month."""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.extract.calendar import Calendar

PER = {"day": 1.0, "week": 7.0, "year": 365.0}
PERIODS = {
    "period": pl.String,
    "index": pl.Int64,
    "starts_on": pl.Date,
    "ends_on": pl.Date,
    "days": pl.Int64,
    "length": pl.Float64,
    "kind": pl.String,
    "week": pl.String,
    "month": pl.String,
    "months": pl.String,
}


def build(periods: pl.DataFrame, as_of: date, *, per: str, fiscal: str, working_days: tuple[int, ...]) -> Calendar:
    """A calendar whose periods carry index, days, length in `costs.per`, kind, ISO week and fiscal months.

    `month` is the one with most days; `months` are all of them with their working days, such as "2026-11:1 2026-12:4".

    Parameters
    ----------
    periods : [period, starts_on, ends_on] and, for a horizon of our own, kind; given periods have kind "given".
    per : time base of the costs: day, week (7 days), year (365 days) or period (every period counts 1).
    """
    ordered = periods.sort("starts_on")
    if "kind" not in ordered.columns:
        ordered = ordered.with_columns(kind=pl.lit("given"))
    ordered = ordered.with_row_index("index").with_columns(
        pl.col("index").cast(pl.Int64), days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    )
    length = pl.lit(1.0) if per == "period" else pl.col("days") / PER[per]
    ordered = ordered.with_columns(length=length, week=pl.col("starts_on").dt.strftime("%G-W%V"))
    bare = Calendar(ordered, as_of, fiscal, working_days)
    majority = bare.days.with_columns(bare.fiscal_month(bare.days["date"]).alias("month"))
    majority = (
        majority.group_by("period", "month").len().sort(["period", "len", "month"], descending=[False, True, False])
    )
    full = ordered.join(majority.unique("period", keep="first").select("period", "month"), on="period", how="left")
    full = full.join(_months(bare), on="period", how="left")
    return Calendar(full.sort("index").select(list(PERIODS)).cast(PERIODS), as_of, fiscal, working_days)  # type: ignore[arg-type]


def _months(bare: Calendar) -> pl.DataFrame:
    """period, months: every fiscal month of a period and how many of its working days are in it."""
    each = bare.month_days.select("period", text=pl.format("{}:{}", "month", "days"))
    return each.group_by("period", maintain_order=True).agg(months=pl.col("text").str.join(" "))
