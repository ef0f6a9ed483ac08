"""Hours as a ceiling on lots: the most that a routing can start in a period with all the hours there can ever be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import make
from soe_lib.model.limits import portions
from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network

FORKED = pl.col("alternatives") > 1


def carried_over(network: Network) -> bool:
    """Whether a set-up may last into the next period ([setups] carry_over of settings.toml)."""
    return network.settings.setups.carry_over


@prepared
def operations(network: Network) -> pl.DataFrame:
    """routing, step, resource, hours_per_unit, setup_hours, alternatives."""
    timed = network.table("operations").select("routing", "step", "resource", pl.col("setup_hours").fill_null(0.0))
    rows = make.operations(network).select("routing", "step", "resource", "hours_per_unit", "alternatives")
    return rows.join(timed, on=["routing", "step", "resource"])


def units(hours: pl.Expr) -> pl.Expr:
    """Units that the hours allow; null where a unit takes none."""
    return pl.when(pl.col("hours_per_unit") > 0).then(hours.clip(lower_bound=0.0) / pl.col("hours_per_unit"))


@prepared
def most_hours(network: Network) -> pl.DataFrame:
    """routing, period, most_hours: units that the hours of its scarcest step allow; most_switched after a set-up."""
    fork = pl.when(FORKED).then(None).otherwise("resource").alias("fork")
    kept = carried_over(network)
    taken = pl.when(FORKED & pl.lit(kept)).then(0.0).otherwise("setup_hours")
    by_step = (
        operations(network)
        .join(resource_hours(network), on="resource")
        .with_columns(
            fork,
            units(pl.col("hours")).alias("most_hours"),
            units(pl.col("hours") - taken).alias("most_switched"),
        )
    )
    names = ("most_hours", "most_switched")
    per_step = by_step.group_by("routing", "step", "fork", "period").agg(
        pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name) for name in names
    )
    return per_step.group_by("routing", "period").agg(pl.col(name).min() for name in names)


@prepared
def resource_hours(network: Network) -> pl.DataFrame:
    """resource, period, hours: the most there can ever be, with overtime, expansions and the largest crew."""
    regular = network.hours.select("resource", "period", (pl.col("hours") + pl.col("overtime_hours")).alias("regular"))
    grown = (
        network.table("expansions").group_by("resource").agg((pl.col("hours") * pl.col("maximum")).sum().alias("more"))
    )
    head = pl.col("hours_per_head").fill_null(0.0) + pl.col("overtime_hours_per_head").fill_null(0.0)
    crews = network.table("workforce").select("resource", head.alias("head"), "maximum_heads")
    crew = pl.when(pl.col("head").fill_null(0.0) == 0).then(0.0).otherwise(pl.col("head") * pl.col("maximum_heads"))
    more = pl.when(pl.col("work") > 0).then((pl.col("more").fill_null(0.0) + crew) * pl.col("work")).otherwise(0.0)
    return (
        regular.join(grown, on="resource", how="left")
        .join(crews, on="resource", how="left")
        .join(portions(network).select("period", "work"), on="period", how="left")
        .select("resource", "period", (pl.col("regular") + more).alias("hours"))
    )
