"""What a limit is per: a week, a day or a period of the plan (`[limits] per`), whatever periods the plan has.

A maximum of a week holds for the days of the week together, and hours of a week are spread over its working days. A
period has the share of its days: 5/7 of a week that begins on the as-of date, a Wednesday; 31/7 of a month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.precedence import limits_per, worked
from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network


def per(network: Network) -> str:
    """week, day or period: as the settings say; else week, or period where the extract gives the periods."""
    return limits_per(network.settings, network.snapshot.periods)


@prepared
def portions(network: Network) -> pl.DataFrame:
    """period, monday (of the week that the period lies in, else null), most and work.

    most: how many maxima a period has. work: how many times the hours of a head or of a step of capacity.
    """
    kind = per(network)
    most = {"week": pl.len() / 7, "day": pl.len().cast(pl.Float64), "period": pl.lit(1.0)}
    monday = pl.col("date").dt.truncate("1w")
    within = pl.when((monday.first() == monday.last()) & (kind == "week")).then(monday.first())
    found = network.calendar.days.group_by("period").agg(monday=within, most=most[kind])
    return network.encode(found.join(worked(network.calendar, kind), on="period")).sort("period")


def shared_out(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with `maximum` for their period: its share of the limit that the extract gives."""
    share = portions(network).select("period", "most")
    scaled = cells.join(share, on="period", how="left", maintain_order="left")
    return scaled.with_columns(pl.col("maximum") * pl.col("most")).drop("most")


def joined(network: Network, cells: pl.DataFrame, key: str) -> pl.DataFrame:
    """The cells with the `maximum` of all days of their week together, and `within`: the first period that shares it.

    What an event leaves nothing of is closed by itself: its maximum is 0, and no other day of the week can be used up
    there.

    Parameters
    ----------
    cells : key, period, maximum (share of the period; null: no limit). key : routing, offer or lane.
    """
    limited = cells.filter(pl.col("maximum").is_not_null()).unique([key, "period"], keep="first", maintain_order=True)
    weeks = portions(network).select("period", "monday")
    together = pl.when(pl.col("maximum") > 0).then("monday")
    found = limited.select(key, "period", "maximum").join(weeks, on="period").with_columns(together.alias("monday"))
    alone = pl.when(pl.col("monday").is_null()).then("period")
    group = [key, "monday", alone]
    found = found.sort(key, "period").select(
        key, "period", pl.col("maximum").sum().over(group), pl.col("period").first().over(group).alias("within")
    )
    return cells.drop("maximum").join(found, on=[key, "period"], how="left", maintain_order="left")
