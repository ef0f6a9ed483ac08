"""Capacity: hours of a resource, overtime beyond them, and the crews that bring them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.sites import closing_hours
from soe_lib.model.cache import prepared
from soe_lib.model.hours import portions
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


CELL = ("resource", "period")


class Capacity(Part):
    """Hours used <= hours of the calendar less what events take, plus overtime.

    Brings constraint `hours` (resource, period) [h].

    Examples
    --------
    >>> soe.plan(small).prices["hours"].rows()
    [('line', 'W1', 100.0, 3.0), ('line', 'W2', 100.0, 3.0)]
    """

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """hours."""
        # A resource whose location may close has its hours from `Sites`, times whether it is open.
        closing = closing_hours(network).select(*CELL, pl.lit(0.0).alias("kept"))
        rows = network.hours.select(*CELL, "hours").join(closing, on=CELL, how="left")
        rows = rows.with_columns(pl.coalesce("kept", "hours").alias("hours"))
        yield Constraint("hours", rows, CELL, "<=", "h", "no resource works longer than its hours", rhs="hours")


class Overtime(Part):
    """Hours beyond the regular calendar, bought at a premium.

    Brings flow `overtime` (resource, period) [h]; relaxes constraint `hours` by one hour each; rows `overtime_limit`
    hold the ceiling. Books −(overtime_cost − hourly_cost) per hour to "overtime": the premium only, for the hour
    itself is in "conversion" like any other hour used.

    Examples
    --------
    >>> late = soe.Scenario("a late shift").set("calendar.overtime_hours", 10.0).apply(small)
    >>> soe.plan(late).ledger.accounts()["overtime"]
    -40.0
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """overtime."""
        if not (cells := ceilings(network)).is_empty():
            yield Flow("overtime", cells, CELL, "h", "overtime hours")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """overtime_limit."""
        if not (cells := ceilings(network)).is_empty():
            yield Constraint(
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


class Crews(Part):
    """heads(t) = heads(t−1) + hired − released; each head brings its hours, and overtime hours, to its resource.

    Brings flows `heads`, `hire`, `release` (resource, period) [heads; whole where the extract says so] and constraint
    `heads`. Relaxes `hours` by hours_per_head and `overtime_limit` by overtime_hours_per_head. Books
    −cost_per_head × length of the period (used or not), −hire_cost and −release_cost to "workforce".

    Examples
    --------
    >>> crew = {"opening_heads": 2.0, "hours_per_head": 40.0, "cost_per_head": 20.0, "hire_cost": 5.0}
    >>> hired = soe.Scenario("by heads").set("calendar.hours", 0.0).row("workforce", resource="line", **crew)
    >>> soe.plan(hired.apply(small)).ledger.accounts()["workforce"]
    -125.0
    """

    optional = ("overtime_limit",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """heads, hire, release; whole numbers for the crews that the extract counts in whole heads."""
        if (cells := crews(network)).is_empty():
            return
        yield Flow(
            "heads", cells, CELL, "head", "heads of a crew",
            lower="minimum_heads", upper="maximum_heads", integer="whole",
        )  # fmt: skip
        for name in ("hire", "release"):
            yield Flow(name, cells, CELL, "head", f"heads to {name} at the start of a period", integer="whole")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """heads."""
        if not (cells := crews(network)).is_empty():
            rows = cells.select(*CELL, pl.when(pl.col("period") == network.first).then("opening_heads").otherwise(0.0))
            yield Constraint(
                "heads", rows, CELL, "==", "head", "a crew changes by who is hired and released", rhs="opening_heads"
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On heads, hours and overtime_limit."""
        if crews(network).is_empty():
            return
        following = network.periods.select("period", pl.col("period").shift(-1).alias("of")).drop_nulls()
        yield Effect("heads", "heads")
        yield Effect(
            "heads", "heads", -1.0, at={"period": "of"}, join=following, using=("period",), note="−1 in the next period"
        )
        yield Effect("hire", "heads", -1.0)
        yield Effect("release", "heads")
        yield Effect("heads", "hours", -pl.col("hours_per_head"))
        yield Effect(
            "heads", "overtime_limit", -pl.col("overtime_hours_per_head"), where=pl.col("overtime_hours_per_head") > 0
        )

    def rates(self, network: Network) -> Iterator[Rate]:
        """Workforce."""
        if not crews(network).is_empty():
            yield Rate("workforce", "heads", -pl.col("cost_per_head") * pl.col("length"))
            yield Rate("workforce", "hire", -pl.col("hire_cost"))
            yield Rate("workforce", "release", -pl.col("release_cost"))


@prepared
def crews(network: Network) -> pl.DataFrame:
    """resource, period and the terms of its crew; its hours after what events take."""
    numbers = (
        "opening_heads", "hours_per_head", "overtime_hours_per_head", "cost_per_head", "hire_cost", "release_cost",
        "minimum_heads",
    )  # fmt: skip
    rows = network.table("workforce").with_columns(
        pl.col(numbers).fill_null(0.0), pl.col("whole").fill_null(value=False)
    )
    kept = network.hours.select(*CELL, "kept", "overtime_kept")
    return (
        rows.join(network.periods.select("period", "length"), how="cross")
        .join(portions(network).select("period", "work"), on="period", how="left")
        .join(kept, on=CELL, how="left")
        .with_columns(
            pl.col("hours_per_head") * pl.col("work") * pl.col("kept"),
            pl.col("overtime_hours_per_head") * pl.col("work") * pl.col("overtime_kept"),
        )
    )


class Maintenance(Part):
    """Maintenance jobs whose timing the plan may choose within a window.

    Brings flow `maintain` (maintenance, period) in {0, 1 … maximum_at_once} and constraint `jobs` (maintenance):
    exactly so many jobs. Takes its hours from the resource in the period of the job (constraint `hours`).

    Examples
    --------
    >>> oil = {"maintenance": "oil", "resource": "line", "hours": 10.0}
    >>> service = soe.Scenario("a service").row("maintenance", **oil).apply(small)
    >>> soe.plan(service).flows["maintain"]["quantity"].sum()
    1.0
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """maintain."""
        if not (cells := windows(network)).is_empty():
            yield Flow(
                "maintain", cells, ("maintenance", "period"), "job", "maintenance jobs done in a period",
                upper="maximum_at_once", integer=True,
            )  # fmt: skip

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """jobs."""
        if not (rows := network.table("maintenance").select("maintenance", pl.col("jobs").cast(pl.Float64))).is_empty():
            yield Constraint(
                "jobs",
                rows,
                ("maintenance",),
                "==",
                "job",
                "every maintenance job is done",
                rhs="jobs",
                break_price=1e4,
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On jobs and hours."""
        if not windows(network).is_empty():
            yield Effect("maintain", "jobs")
            yield Effect("maintain", "hours", "hours")


@prepared
def windows(network: Network) -> pl.DataFrame:
    """maintenance, period, resource, hours, maximum_at_once in the periods from earliest to latest."""
    rows = network.table("maintenance")
    if rows.is_empty():
        return rows
    labels = pl.concat([rows["earliest"].alias("label"), rows["latest"].alias("label")]).drop_nulls()
    spans = network.calendar.spans(labels.filter(labels != ""))
    first = spans.select(pl.col("label").alias("earliest"), pl.col("first").alias("from"))
    last = spans.select(pl.col("label").alias("latest"), pl.col("last").alias("to"))
    return (
        rows.join(first, on="earliest", how="left")
        .join(last, on="latest", how="left")
        .join(network.periods.select("period", "starts_on", "ends_on"), how="cross")
        .filter(
            (pl.col("from").is_null() | (pl.col("ends_on") >= pl.col("from")))
            & (pl.col("to").is_null() | (pl.col("starts_on") <= pl.col("to")))
        )
        .select(
            "maintenance", "period", "resource", pl.col("hours").fill_null(0.0),
            pl.coalesce("maximum_at_once", "jobs").cast(pl.Float64).alias("maximum_at_once"),
        )
    )  # fmt: skip
