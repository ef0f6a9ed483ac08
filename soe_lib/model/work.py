"""Hours by flow: the hours of each resource that the quantities of a plan use or add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.capacity import Crews, Maintenance, Overtime
from soe_lib.model.blocks.changeovers import Changeovers
from soe_lib.model.blocks.lots import ALTERNATIVES, RUNS
from soe_lib.model.blocks.make import Make
from soe_lib.model.blocks.ship import Ship
from soe_lib.model.blocks.sites import Expansions, Sites
from soe_lib.model.terms import Block, Effect, column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from soe_lib.model.network import Network

CELL = ("resource", "period")
MOVED = pl.Schema({"flow": pl.String, "resource": pl.String, "period": pl.String, "hours": pl.Float64})


def hours_by_flow(network: Network, flows: Mapping[str, pl.DataFrame], on: str = "hours") -> pl.DataFrame:
    """The hours that a plan's flows use (+) or add (−): flow, resource, period, hours; as the program counts them.

    Formula: Σ quantity × coefficient of the flow in the rows `hours`: runs, set-ups, handling and maintenance use
    hours; overtime, heads, open locations and expansions add them.

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
    """The standard blocks whose flows use or add hours."""
    making = (Make(), Ship(), RUNS, ALTERNATIVES, Changeovers(), Maintenance())
    return (*making, Overtime(), Sites(), Expansions(), Crews())


def _acting(network: Network, on: str) -> Iterator[Effect]:
    for block in working_blocks():
        yield from (effect for effect in block.effects(network) if effect.on == on)


def _hours_of(effect: Effect, cells: pl.DataFrame) -> pl.DataFrame:
    """The hours of one effect, from the cells of a plan, whose labels are text."""
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
