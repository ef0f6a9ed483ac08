"""Hours of each resource and period: the calendar, less what events take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.precedence import labelled
from soe_lib.model import events
from soe_lib.model.limits import portions
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from soe_lib.model.network import Network
    from soe_lib.model.terms import Block, Effect

CELL = ("resource", "period")
MOVED = pl.Schema({"flow": pl.String, "resource": pl.String, "period": pl.String, "hours": pl.Float64})


def available(network: Network) -> pl.DataFrame:
    """resource, period, hours and overtime_hours (a ceiling) after events, overtime_given (before them), lost, kept,
    overtime_kept.

    A downtime takes its hours from the calendar's and today's crew's together: `kept` is the share of a head's hours
    that is left. What it takes beyond them goes off the overtime; where it closes a share of the period, overtime
    shrinks by that share too.
    """
    cells = given(network)
    down = events.downtime(network, cells.select("resource", "location", "period"))
    part, base = pl.col("part").clip(0.0, 1.0), pl.col("base")
    lost = pl.min_horizontal(pl.col("taken") + part * base, base)
    beyond = pl.col("taken") + part * base - lost + pl.col("overtime")
    return (
        cells.join(down, on=["resource", "period"], how="left")
        .with_columns(pl.col("taken", "overtime", "part").fill_null(0.0))
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
def given(network: Network) -> pl.DataFrame:
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


def moved(network: Network, flows: Mapping[str, pl.DataFrame], on: str = "hours") -> pl.DataFrame:
    """The hours that a plan's flows take (+) or bring (−): flow, resource, period, hours; as the program counts them.

    Formula: Σ quantity × coefficient of the flow in the rows `hours`: runs, set-ups, handling and maintenance take;
    overtime, heads, open locations and expansions bring.

    Parameters
    ----------
    flows : of a plan: keys, attributes and quantity. on : "hours", or "overtime_limit" for the ceiling of overtime.
    """
    found = [pl.DataFrame(schema=MOVED)]
    for effect in _acting(network, on):
        if effect.flow in flows:
            found.append(_hours_of(effect, flows[effect.flow]))
    sums = pl.concat(found).group_by("flow", *CELL).agg(pl.col("hours").sum())
    return sums.filter(pl.col("hours") != 0).sort("flow", *CELL)


def working_blocks() -> tuple[Block, ...]:
    """The standard blocks whose flows take or bring hours."""
    from soe_lib.model import blocks

    making = (blocks.Make(), blocks.Ship(), blocks.RUNS, blocks.ALTERNATIVES, blocks.Maintenance())
    return (*making, blocks.Overtime(), blocks.Sites(), blocks.Expansions(), blocks.Crews())


def _acting(network: Network, on: str) -> Iterator[Effect]:
    for block in working_blocks():
        yield from (effect for effect in block.effects(network) if effect.on == on)


def _hours_of(effect: Effect, cells: pl.DataFrame) -> pl.DataFrame:
    """What one effect does to the hours, from the cells of a plan, whose labels are text."""
    used = _plain(cells.filter(pl.col("quantity") != 0))
    if effect.where is not None:
        used = used.filter(effect.where)
    if effect.join is not None:
        used = used.join(_plain(effect.join), on=list(effect.using), how="inner")
    per_unit = pl.Series("per_unit", column(used, effect.per_unit, f"hours of {effect.flow}"))
    at = [pl.col(effect.at.get(key, key)).alias(f"_{key}") for key in CELL]
    rows = used.with_columns(per_unit, *at).select(
        pl.col("_resource").alias("resource"), pl.col("_period").alias("period"),
        flow=pl.lit(effect.flow), hours=pl.col("quantity") * pl.col("per_unit"),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(dtype) for name, dtype in MOVED.items())


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    coded = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum | pl.Categorical)]
    return frame.with_columns(pl.col(coded).cast(pl.String))
