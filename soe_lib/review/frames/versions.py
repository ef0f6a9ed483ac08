"""What the forecast said of a week at every time it was published: its error by lag, and its waterfall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.history import sales_by_week

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

WEEK = r"^\d{4}-W\d{2}$"
LAGS = 5


def forecast_versions(snapshot: Snapshot) -> pl.DataFrame:
    """Every forecast of a finished week that a version names the week of: item, week, lag, forecast, actual [units].

    A version called by an ISO week ("2026-W42") was published in that week; the lag counts weeks from there to the
    week of demand. Only whole ISO weeks before the as-of week count. A week without sales has an actual of zero.
    """
    weekly = snapshot["forecast"].filter(
        pl.col("version").str.contains(WEEK), pl.col("period").fill_null("").str.contains(WEEK)
    )
    this = snapshot.as_of.strftime("%G-W%V")
    finished = weekly.filter(pl.col("period") < this)
    empty = {"item": pl.String, "week": pl.String, "lag": pl.Int64, "forecast": pl.Float64, "actual": pl.Float64}
    if finished.is_empty():
        return pl.DataFrame(schema=empty)
    days = (_monday("period") - _monday("version")).dt.total_days()
    summed = (
        finished.with_columns(lag=(days // 7).cast(pl.Int64))
        .filter(pl.col("lag") >= 0)
        .group_by("item", pl.col("period").alias("week"), "lag")
        .agg(forecast=pl.col("quantity").sum())
    )
    sold = sales_by_week(snapshot).group_by("item", "week").agg(pl.col("actual").sum())
    known = sold["week"].unique().implode()
    return (
        summed.filter(pl.col("week").is_in(known))
        .join(sold, on=["item", "week"], how="left", validate="m:1")
        .with_columns(pl.col("actual").fill_null(0.0))
        .select(list(empty))
        .sort("week", "item", "lag")
    )


def errors_by_lag(versions: pl.DataFrame) -> pl.DataFrame:
    """How good the forecast was so many weeks ahead: lag, weeks, actual, forecast [units], wmape, bias [ratios].

    Formula: WMAPE = Σ|A − F| ÷ ΣA, bias = Σ(A − F) ÷ ΣA, by item and week; null without sales.

    Parameters
    ----------
    versions : from `forecast_versions`.
    """
    error = pl.col("actual") - pl.col("forecast")
    summed = versions.group_by("lag").agg(
        weeks=pl.col("week").n_unique(), actual=pl.col("actual").sum(), forecast=pl.col("forecast").sum(),
        size=error.abs().sum(), lean=error.sum(),
    )  # fmt: skip
    sold = pl.when(pl.col("actual") > 0).then(pl.col("actual"))
    return summed.select(
        "lag", "weeks", "actual", "forecast", wmape=pl.col("size") / sold, bias=pl.col("lean") / sold
    ).sort("lag")


def waterfall(versions: pl.DataFrame, *, lags: int = LAGS) -> pl.DataFrame:
    """Each finished week with what was forecast for it from far to near, and what was sold [units].

    Parameters
    ----------
    versions : from `forecast_versions`. lags : how many of the nearest lags to show.

    Returns
    -------
    week, a column per lag called "3 weeks before", "same week", …, sold; null where no version was published.
    """
    shown = sorted(set(versions["lag"]), reverse=True)[-lags:]
    by_lag = [
        pl.when((pl.col("lag") == lag).any()).then(pl.col("forecast").filter(pl.col("lag") == lag).sum())
        .alias(name_of(lag))
        for lag in shown
    ]  # fmt: skip
    sold = versions.unique(["item", "week"]).group_by("week").agg(sold=pl.col("actual").sum())
    wide = versions.group_by("week").agg(by_lag)
    return wide.join(sold, on="week", validate="1:1").sort("week")


def name_of(lag: int) -> str:
    """A lag as a heading."""
    return "same week" if lag == 0 else f"{lag} week{'' if lag == 1 else 's'} before"


def _monday(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column), pl.lit("-1")).str.to_date("%G-W%V-%u")
