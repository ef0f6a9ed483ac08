"""What the forecast said of a week at every time it was published: its error by lag, and its waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.history import published_forecast, sales_by_week

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

WEEK = r"^\d{4}-W\d{2}$"
LAGS = 5
COLUMNS = {"item": pl.String, "week": pl.String, "lag": pl.Int64, "forecast": pl.Float64, "actual": pl.Float64}


def forecast_versions(snapshot: Snapshot, past: Sequence[Snapshot] = ()) -> pl.DataFrame:
    """What was forecast of each finished week at every time it was published: one source for all figures of accuracy.

    A version called by an ISO week ("2026-W42") was published in that week; where this extract names none for a week
    and a lag, the extract of so many weeks before says what was published then. The lag counts weeks from the Monday of
    publication to the Monday of the week of demand: 0 is the forecast of the week itself. Only whole ISO weeks before
    the as-of week with sales count. In an earlier extract a missing forecast is a forecast of zero: an error of the
    whole sale.

    Parameters
    ----------
    past : earlier extracts.

    Returns
    -------
    item, week, lag [weeks], forecast, actual [units].
    """
    sold = sold_so_far(snapshot, past)
    named = _named(snapshot, sold)
    published = [_published(one, sold) for one in past]
    if not published:
        return named.sort("week", "item", "lag")
    others = pl.concat(published).filter(pl.col("week") < snapshot.as_of.strftime("%G-W%V"))
    return pl.concat([named, others.join(named, on=["week", "lag"], how="anti")]).sort("week", "item", "lag")


def sold_so_far(snapshot: Snapshot, past: Sequence[Snapshot] = ()) -> pl.DataFrame:
    """What was sold in each finished week: item, week, actual [units]; the newest extract that tells a week counts."""
    told: list[pl.DataFrame] = []
    for extract in (snapshot, *reversed(past)):
        weekly = sales_by_week(extract).filter(pl.col("week") < extract.as_of.strftime("%G-W%V"))
        known = pl.concat([one.select("week") for one in told]).unique() if told else None
        told.append(weekly if known is None else weekly.join(known, on="week", how="anti"))
    return pl.concat(told).group_by("item", "week").agg(actual=pl.col("actual").sum())


def _named(snapshot: Snapshot, sold: pl.DataFrame) -> pl.DataFrame:
    """The versions that this extract names by the week of their publication."""
    finished = snapshot["forecast"].filter(
        pl.col("version").str.contains(WEEK),
        pl.col("period").fill_null("").str.contains(WEEK),
        pl.col("period") < snapshot.as_of.strftime("%G-W%V"),
    )
    weeks = _lag(_monday("period"), _monday("version"))
    summed = (
        finished.with_columns(lag=weeks)
        .filter(pl.col("lag") >= 0)
        .group_by("item", pl.col("period").alias("week"), "lag")
        .agg(forecast=pl.col("quantity").sum())
    )
    return (
        summed.join(sold.select("week").unique(), on="week", how="semi")
        .join(sold, on=["item", "week"], how="left", validate="m:1")
        .with_columns(pl.col("actual").fill_null(0.0))
        .select(list(COLUMNS))
        .cast(COLUMNS)  # type: ignore[arg-type]
    )


def _published(extract: Snapshot, sold: pl.DataFrame) -> pl.DataFrame:
    """What one earlier extract forecast of the weeks that have been sold since."""
    made = pl.lit(extract.as_of - timedelta(days=extract.as_of.weekday()))
    forecast = published_forecast(extract).group_by("item", "week").agg(pl.col("forecast").sum())
    weeks = forecast.join(sold, on="week", how="semi").select("week").unique()
    actual = sold.join(weeks, on="week", how="semi")
    both = forecast.join(weeks, on="week", how="semi").join(
        actual, on=["item", "week"], how="full", coalesce=True, validate="1:1"
    )
    dated = both.with_columns(pl.col("forecast", "actual").fill_null(0.0), lag=_lag(_monday("week"), made))
    return dated.filter(pl.col("lag") >= 0).select(list(COLUMNS)).cast(COLUMNS)  # type: ignore[arg-type]


def forecast_errors(
    snapshot: Snapshot, past: Sequence[Snapshot] = (), *, lag: int = 1, versions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Sales and the forecast published `lag` weeks before, for every finished week that both are known of.

    Parameters
    ----------
    past : earlier extracts. lag : weeks between publication and demand [weeks].
    versions : from `forecast_versions`, where they are known already.

    Returns
    -------
    item, family, week, actual, forecast [units].
    """
    known = forecast_versions(snapshot, past) if versions is None else versions
    items = snapshot["items"].select("item", "family")
    at = known.filter(pl.col("lag") == lag).join(items, on="item", how="left", validate="m:1")
    return at.select("item", "family", "week", "actual", "forecast").sort("item", "week")


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


def _lag(week: pl.Expr, published: pl.Expr) -> pl.Expr:
    """Weeks from one Monday to another."""
    return (week - published).dt.total_days() // 7
