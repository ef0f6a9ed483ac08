"""Hours of each resource and period: the calendar, less what events take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import events

if TYPE_CHECKING:
    from soe_lib.model.network import Network


def available(network: Network) -> pl.DataFrame:
    """resource, period, hours (after events, never below 0), lost (to events), overtime_hours (a ceiling)."""
    given = network.snapshot["calendar"].select(
        "resource",
        pl.when(pl.col("date").is_not_null()).then(pl.col("date").cast(pl.String)).otherwise("period").alias("label"),
        pl.col("hours").fill_null(0.0),
        pl.col("overtime_hours").fill_null(0.0),
    )
    shares = network.calendar.shares(given["label"].unique())
    by_period = (
        given.join(shares, on="label", how="inner")
        .group_by("resource", "period")
        .agg((pl.col("hours") * pl.col("share")).sum(), (pl.col("overtime_hours") * pl.col("share")).sum())
    )
    everywhere = network.table("resources").select("resource").join(network.periods.select("period"), how="cross")
    lost = events.downtime(network, network.encode(by_period))
    return (
        everywhere.join(network.encode(by_period), on=["resource", "period"], how="left")
        .join(lost, on=["resource", "period"], how="left")
        .with_columns(pl.col("hours", "overtime_hours", "lost").fill_null(0.0))
        .with_columns(pl.min_horizontal("lost", "hours").alias("lost"))
        .with_columns((pl.col("hours") - pl.col("lost")).alias("hours"))
        .sort("resource", "period")
    )
