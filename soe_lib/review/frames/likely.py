"""Where the month is likely to end: the outlook of each family, and how far off its forecast has been before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.outlook import families, month_outlook

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

KEPT, SHORT, OVER = "will be kept", "will fall short", "will run over"
LIKELY = {KEPT: "is likely to be kept", SHORT: "is likely to fall short", OVER: "is likely to run over"}


def likely_end(snapshot: Snapshot, plan: Plan, *, lag: int = 1) -> pl.DataFrame:
    """Where each family will end the month against its commitment and the band around it.

    Formula: outlook as in `month_outlook`; error = Σ|A − F| ÷ ΣA of the family's weekly sales against the forecast
    published `lag` weeks before, the tolerance where there is no history; likely from = actual + planned × (1 − error),
    to = actual + planned × (1 + error). A verdict is certain where the whole range lies on one side.

    Parameters
    ----------
    lag : weeks between the publication of a forecast and its demand [weeks].

    Returns
    -------
    the columns of `month_outlook`, error [share], weeks [how many it is made of], likely_from, likely_to [units],
    verdict.
    """
    known = historical_error(snapshot, lag=lag)
    both = month_outlook(snapshot, plan).join(known, on="family", how="left", validate="m:1")
    wide = both.with_columns(pl.col("error").fill_null(pl.col("high") - 1.0), pl.col("weeks").fill_null(0))
    ends = wide.with_columns(
        likely_from=pl.col("actual") + pl.col("planned") * (1.0 - pl.col("error")).clip(0.0),
        likely_to=pl.col("actual") + pl.col("planned") * (1.0 + pl.col("error")),
    )
    return ends.with_columns(verdict=_verdict()).sort("month", "family")


def _verdict() -> pl.Expr:
    low, high = (pl.col("consensus") * pl.col(name) for name in ("low", "high"))
    end, first, last = pl.col("outlook"), pl.col("likely_from"), pl.col("likely_to")
    return (
        pl.when(last < low)
        .then(pl.lit(SHORT))
        .when(first > high)
        .then(pl.lit(OVER))
        .when((first >= low) & (last <= high))
        .then(pl.lit(KEPT))
        .when(end < low)
        .then(pl.lit(LIKELY[SHORT]))
        .when(end > high)
        .then(pl.lit(LIKELY[OVER]))
        .otherwise(pl.lit(LIKELY[KEPT]))
    )


def historical_error(snapshot: Snapshot, *, lag: int = 1) -> pl.DataFrame:
    """How far off the forecast of each family has been: family, error [share], weeks [how many it is made of].

    Formula: Σ|A − F₍lag₎| ÷ ΣA over the weeks of the actuals, summed by family; versions of the forecast must be named
    by the ISO week in which they were published.
    """
    rows = snapshot["forecast"]
    week, made = ((pl.col(name) + "-1").str.to_date("%G-W%V-%u", strict=False) for name in ("period", "version"))
    dated = rows.with_columns(week=week, made=made)
    then = dated.filter((pl.col("week") - pl.col("made")).dt.total_days() == 7 * lag)
    groups = families(snapshot)
    forecast = then.join(groups, on="item").group_by("family", "week").agg(forecast=pl.col("quantity").sum())
    sold = snapshot["actuals"].filter(pl.col("measure") == "sales", pl.col("date") < snapshot.as_of)
    weekly = sold.with_columns(week=pl.col("date").dt.truncate("1w")).join(groups, on="item")
    actual = weekly.group_by("family", "week").agg(actual=pl.col("quantity").sum())
    # Only whole weeks count: the week of the as-of date has just begun.
    past = forecast.filter(pl.col("week").dt.offset_by("7d") <= snapshot.as_of)
    both = past.join(actual, on=["family", "week"], how="left").with_columns(pl.col("actual").fill_null(0.0))
    off = (pl.col("actual") - pl.col("forecast")).abs().sum() / pl.col("actual").sum()
    found = both.group_by("family").agg(error=off, weeks=pl.len().cast(pl.Int64))
    return found.filter(pl.col("error").is_finite()).sort("family")
