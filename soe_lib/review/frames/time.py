"""The columns of a page's time axis: ISO weeks, or the extract's own periods where it names them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

LEAST_DAYS = 7
"""Days that are firm at least, where no setting says so."""


def firm_periods(snapshot: Snapshot) -> pl.DataFrame:
    """The periods whose orders are firm: those that start within `[release] firm_days` of the as-of date."""
    settings = snapshot.settings
    days = settings.release.firm_days or max(settings.fence.frozen_days, LEAST_DAYS)
    inside = snapshot.periods.filter(pl.col("starts_on") < snapshot.as_of + timedelta(days=days))
    return inside if inside.height else snapshot.periods.head(1)


def buckets(periods: pl.DataFrame) -> pl.DataFrame:
    """Which column of a page each period belongs to: its ISO week, or itself where the extract named the
    periods.

    Parameters
    ----------
    periods : period, index, starts_on, ends_on, days, kind, week.

    Returns
    -------
    period, index, bucket [name], order [place of the bucket, from 0], starts_on, ends_on.
    """
    own = (pl.col("kind") == "given") | (pl.col("days") > 7)
    named = periods.select(
        "period", "index", "starts_on", "ends_on", bucket=pl.when(own).then("period").otherwise("week")
    )
    first = named.group_by("bucket").agg(first=pl.col("index").min()).sort("first").with_row_index("order")
    placed = named.join(first.select("bucket", pl.col("order").cast(pl.Int64)), on="bucket", validate="m:1")
    return placed.select("period", "index", "bucket", "order", "starts_on", "ends_on").sort("index")


def shared_weeks(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The buckets that two plans cover with exactly the same days, so that nothing is compared with half a
    week.

    Parameters
    ----------
    now, before : periods of the two plans.

    Returns
    -------
    side ("now" or "before"), period, bucket, order; order is that of the newer plan.
    """
    first = now["starts_on"].min()
    later = before.filter(pl.col("starts_on") >= first)
    sides = {"now": buckets(now), "before": buckets(later) if later.height else buckets(now).clear()}
    covered = [
        frame.group_by("bucket").agg(days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days().sum() + pl.len())
        for frame in sides.values()
    ]
    same = covered[0].join(covered[1], on=["bucket", "days"], how="inner", validate="1:1")
    order = sides["now"].select("bucket", "order").unique("bucket")
    parts = [
        frame.join(same, on="bucket", how="semi")
        .drop("order")
        .join(order, on="bucket", validate="m:1")
        .select(pl.lit(side).alias("side"), "period", "bucket", "order")
        for side, frame in sides.items()
    ]
    return pl.concat(parts)
