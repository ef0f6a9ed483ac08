"""How well the plants ran in the days since the last extract: hours planned, hours run, and what they were worth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.hours import given
from soe_lib.model.network import Network

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


def running(snapshot: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Planned, run and ideal hours of each plant over the days from the last extract to this one.

    Formula: planned = Σ regular hours of the earlier extract, of its calendar and of today's crews, before events; run
    = actuals "hours"; ideal = Σ units started × hours per unit of the fastest line of each step, with units started =
    good units ÷ yield of the item's routing; good = the same of good units alone.

    Returns
    -------
    location, planned, run, ideal, good [h]; empty without an earlier extract, or without hours and output of those
    days.
    """
    empty = {"location": pl.String, **dict.fromkeys(("planned", "run", "ideal", "good"), pl.Float64)}
    if before is None:
        return pl.DataFrame(schema=empty)
    days = (pl.col("date") >= before.as_of) & (pl.col("date") < snapshot.as_of)
    actual = snapshot["actuals"].filter(days)
    run = actual.filter(pl.col("measure") == "hours").group_by("location").agg(run=pl.col("hours").sum())
    if run.is_empty():
        return pl.DataFrame(schema=empty)
    sites = before["resources"].select("resource", "location")
    worked = actual.filter(pl.col("measure") == "hours").select("resource").unique()
    shares = before.calendar.within(before.as_of, snapshot.as_of - timedelta(days=1))
    there = given(Network(before)).select(pl.col("resource", "period").cast(pl.String), "base")
    planned = (
        there.join(shares, on="period").join(worked, on="resource", how="semi")
        .join(sites, on="resource", validate="m:1").group_by("location")
        .agg(planned=(pl.col("base") * pl.col("share")).sum())
    )  # fmt: skip
    made = actual.filter(pl.col("measure") == "make").group_by("item", "location").agg(done=pl.col("quantity").sum())
    ideal = (
        made.join(_standard(before), on=["item", "location"], validate="1:1")
        .with_columns(good=pl.col("done") * pl.col("each"))
        .group_by("location")
        .agg(ideal=(pl.col("good") / pl.col("yield")).sum(), good=pl.col("good").sum())
    )  # fmt: skip
    both = planned.join(run, on="location", validate="1:1").join(ideal, on="location", validate="1:1")
    return both.select(list(empty)).sort("location")


def _standard(snapshot: Snapshot) -> pl.DataFrame:
    """item, location, yield, each [h per unit started, the fastest line of each step]; an item's quickest routing."""
    hours = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour"))
    # Rows of a blank step are steps of their own; rows of one step are alternatives.
    step = pl.when(pl.col("step") == "").then(pl.col("resource")).otherwise(pl.col("step"))
    steps = snapshot["operations"].group_by("routing", step.alias("step")).agg(hours.min().alias("each"))
    each = steps.group_by("routing").agg(pl.col("each").sum())
    ways = snapshot["routings"].select("routing", "item", "location", "yield").unique("routing")
    return ways.join(each, on="routing").sort("each", "routing").unique(["item", "location"], keep="first")
