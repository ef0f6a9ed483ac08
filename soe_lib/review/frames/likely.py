"""Where the month is likely to end: the outlook of each family, and how far off its forecast has been before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.outlook import families, month_outlook
from soe_lib.review.frames.versions import forecast_versions

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


def historical_error(snapshot: Snapshot, *, lag: int = 1, versions: pl.DataFrame | None = None) -> pl.DataFrame:
    """How far off the forecast of each family has been: family, error [share], weeks [how many it is made of].

    Formula: Σ|A − F₍lag₎| ÷ ΣA over the finished weeks, summed by family.

    Parameters
    ----------
    lag : weeks between the publication of a forecast and its demand [weeks].
    versions : from `forecast_versions`, with earlier extracts where they are known; else what this extract names.
    """
    known = forecast_versions(snapshot) if versions is None else versions
    at = known.filter(pl.col("lag") == lag).join(families(snapshot), on="item")
    weekly = at.group_by("family", "week").agg(pl.col("actual", "forecast").sum())
    off = (pl.col("actual") - pl.col("forecast")).abs().sum() / pl.col("actual").sum()
    found = weekly.group_by("family").agg(error=off, weeks=pl.len().cast(pl.Int64))
    return found.filter(pl.col("error").is_finite()).sort("family")
