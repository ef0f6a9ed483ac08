"""Hours of each resource and period: the calendar, less what events take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.precedence import labelled
from soe_lib.model import events
from soe_lib.model.limits import portions
from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network


def available(network: Network) -> pl.DataFrame:
    """resource, period, hours and overtime_hours (a ceiling) after events, overtime_given (before them), lost, kept,
    overtime_kept.

    A downtime takes its hours from the calendar's and today's crew's together: `kept` is the share of a head's hours
    that is left. What it takes beyond them goes off the overtime; where it closes a share of the period, overtime
    shrinks by that share too.
    """
    cells = _given(network)
    down = events.downtime(network, cells.select("resource", "location", "period"))
    part, base = pl.col("part").clip(0.0, 1.0), pl.col("base")
    lost = pl.min_horizontal(pl.col("taken") + part * base, base)
    beyond = pl.col("taken") + part * base - lost
    return (
        cells.join(down, on=["resource", "period"], how="left")
        .with_columns(pl.col("taken", "part").fill_null(0.0))
        .with_columns(
            lost.alias("lost"),
            pl.col("overtime_hours").alias("overtime_given"),
            (pl.col("overtime_hours") * (1.0 - part) - beyond).clip(lower_bound=0.0).alias("overtime_hours"),
            (1.0 - part).alias("overtime_kept"),
            pl.when(base > 0).then(1.0 - lost / base).otherwise(1.0 - part).alias("kept"),
        )
        .with_columns(
            (pl.col("hours") - pl.when(base > 0).then(pl.col("lost") * (pl.col("hours") / base)).otherwise(0.0)).alias(
                "hours"
            )
        )
        .select("resource", "period", "hours", "lost", "overtime_hours", "overtime_given", "kept", "overtime_kept")
        .sort("resource", "period")
    )


@prepared
def _given(network: Network) -> pl.DataFrame:
    """resource, location, period, hours, overtime_hours of the calendar; base: these hours and today's crew's."""
    rows = labelled(network.calendar, network.snapshot["calendar"], "calendar").select(
        "resource",
        pl.col("period").alias("label"),
        pl.col("hours").fill_null(0.0),
        pl.col("overtime_hours").fill_null(0.0),
    )
    by_period = (
        rows.join(network.calendar.shares(rows["label"].unique()), on="label", how="inner")
        .group_by("resource", "period")
        .agg((pl.col("hours") * pl.col("share")).sum(), (pl.col("overtime_hours") * pl.col("share")).sum())
    )
    crews = network.table("workforce").select(
        "resource", (pl.col("opening_heads").fill_null(0.0) * pl.col("hours_per_head").fill_null(0.0)).alias("crew")
    )
    everywhere = (
        network.table("resources").select("resource", "location").join(network.periods.select("period"), how="cross")
    )
    return (
        everywhere.join(network.encode(by_period), on=["resource", "period"], how="left")
        .join(crews, on="resource", how="left")
        .join(portions(network).select("period", "work"), on="period", how="left")
        .with_columns(pl.col("hours", "overtime_hours", "crew").fill_null(0.0))
        .with_columns((pl.col("hours") + pl.col("crew") * pl.col("work")).alias("base"))
    )
