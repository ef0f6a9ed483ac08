"""Capacity: hours of a resource, and overtime beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.sites import closing_hours
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

CELL = ("resource", "period")


class Capacity(Part):
    """Hours used <= hours of the calendar less what events take, plus overtime.

    Brings balance `hours` (resource, period) [h].
    """

    def balances(self, network: Network) -> Iterator[Balance]:
        """hours."""
        # A resource whose location may close has its hours from `Sites`, times whether it is open.
        closing = closing_hours(network).select(*CELL, pl.lit(0.0).alias("kept"))
        rows = network.hours.select(*CELL, "hours").join(closing, on=CELL, how="left")
        rows = rows.with_columns(pl.coalesce("kept", "hours").alias("hours"))
        yield Balance("hours", rows, CELL, "<=", "h", "no resource works longer than its hours", rhs="hours")


class Overtime(Part):
    """Hours beyond the regular calendar, bought at a premium.

    Brings flow `overtime` (resource, period) [h]; relaxes balance `hours` by one hour each; rows `overtime_limit`
    hold the ceiling. Books −(overtime_cost − hourly_cost) per hour to "overtime": the premium only, for the hour
    itself is in "conversion" like any other hour used.
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """overtime."""
        if not (cells := ceilings(network)).is_empty():
            yield Flow("overtime", cells, CELL, "h", "overtime hours")

    def balances(self, network: Network) -> Iterator[Balance]:
        """overtime_limit."""
        if not (cells := ceilings(network)).is_empty():
            yield Balance(
                "overtime_limit", cells.select(*CELL, "overtime_hours"), CELL, "<=", "h",
                "overtime stays within its ceiling", rhs="overtime_hours",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """On hours and overtime_limit."""
        if not ceilings(network).is_empty():
            yield Effect("overtime", "hours", -1.0)
            yield Effect("overtime", "overtime_limit")

    def rates(self, network: Network) -> Iterator[Rate]:
        """The premium."""
        if not ceilings(network).is_empty():
            yield Rate("overtime", "overtime", -(pl.col("overtime_cost") - pl.col("hourly_cost")))


@prepared
def ceilings(network: Network) -> pl.DataFrame:
    """resource, period, overtime_hours, and what an hour and an overtime hour cost."""
    costs = network.table("resources").select(
        "resource",
        "location",
        pl.col("hourly_cost").fill_null(0.0),
        pl.col("overtime_cost").fill_null(pl.col("hourly_cost")).fill_null(0.0),
    )
    crews = network.table("workforce").filter(pl.col("overtime_hours_per_head").fill_null(0.0) > 0)
    # The ceiling before events: a cell that an event closes stays, so that a trial keeps the program's shape.
    own = pl.col("overtime_given") > 0
    cells = network.hours.filter(own | pl.col("resource").is_in(crews["resource"].implode()))
    return cells.select(*CELL, "overtime_hours").join(costs, on="resource", how="left")
