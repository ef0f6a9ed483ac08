"""The schedule of the firm window by line and day, production by week, and what lanes carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.runs import runs, used
from soe_lib.review.frames.service import named
from soe_lib.review.frames.supply import resource_hours
from soe_lib.review.frames.time import buckets, firm_periods

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan

CELL = ["line", "period"]
NOTHING = 1e-6
"""Hours that count as none."""


def firm_runs(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """The runs of the firm window by line and period, in running order, with the hour at which each begins.

    Formula: begins = Σ (set-up + hours) of the runs before it in the period, from the first hour of the period that is
    worked; a set-up counts where the plan makes one.

    Returns
    -------
    The columns of `frames.runs`, with setup_hours as the plan makes them, and begins, period_index.
    """
    firm = firm_periods(snapshot).select("period", period_index=pl.col("index").cast(pl.Int64))
    found = runs(plan, snapshot).filter(pl.col("line") != "").join(firm, on="period", validate="m:1")
    made = _set_ups(found, plan).sort("location", "line", "period_index", "sequence")
    spent = pl.col("setup_hours") + pl.col("hours")
    return made.with_columns(named("description", "item"), begins=spent.cum_sum().over(CELL) - spent)


def _set_ups(found: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The runs with the set-up hours that the plan makes: none where its switch is off."""
    for flow, keys in (("set_up", ["routing", "period"]), ("set_up_on", ["routing", "step", "line", "period"])):
        if flow not in plan.flows or found.is_empty():
            continue
        switched = plan.flows[flow].rename({"resource": "line"}, strict=False).select(*keys, on="quantity")
        found = found.join(switched, on=keys, how="left", validate="m:1", maintain_order="left")
        off = pl.col("on").fill_null(1.0) < 0.5
        found = found.with_columns(setup_hours=pl.when(off).then(0.0).otherwise("setup_hours")).drop("on")
    return found


def firm_hours(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """The hours of every line in each period of the firm window, with what stops it.

    Returns
    -------
    line, location, period, period_index, starts_on, ends_on, available [h, regular, after stops], overtime, lost [h
    that events take], serviced [h of maintenance], why [notes of the events, names of the jobs].
    """
    firm = firm_periods(snapshot).select("period", "starts_on", "ends_on", period_index=pl.col("index").cast(pl.Int64))
    sites = snapshot["resources"].select("location", line="resource")
    cells = resource_hours(snapshot, plan).rename({"resource": "line"}).join(firm, on="period", validate="m:1")
    jobs = _jobs(snapshot, plan)
    down = snapshot["events"].filter(pl.col("kind") == "downtime").select(
        "from", "to", line="target", note=pl.when(pl.col("note") == "").then("event").otherwise("note")
    )  # fmt: skip
    known = cells.select(*CELL, "starts_on", "ends_on", "lost").filter(pl.col("lost") > NOTHING)
    notes = known.join(down, on="line").filter(
        (pl.col("from").is_null() | (pl.col("from") <= pl.col("ends_on")))
        & (pl.col("to").is_null() | (pl.col("to") >= pl.col("starts_on")))
    ).select(*CELL, why="note")  # fmt: skip
    told = (
        pl.concat([notes, jobs.select(*CELL, why="maintenance")])
        .group_by(CELL)
        .agg(pl.col("why").sort().str.join(", "))
    )
    hours = jobs.group_by(CELL).agg(serviced=pl.col("hours").sum())
    return (
        cells.join(told, on=CELL, how="left", validate="1:1")
        .join(hours, on=CELL, how="left", validate="1:1")
        .join(sites, on="line", how="left", validate="m:1")
        .with_columns(pl.col("why").fill_null(""), pl.col("serviced").fill_null(0.0))
        .sort("location", "line", "period_index")
        .select(
            "line", "location", "period", "period_index", "starts_on", "ends_on", "available", "overtime", "lost",
            "serviced", "why",
        )
    )  # fmt: skip


def _jobs(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """maintenance, line, period, hours of the maintenance that the plan does."""
    done = used(plan, "maintain")
    if done.is_empty():
        return pl.DataFrame(
            schema={"maintenance": pl.String, "line": pl.String, "period": pl.String, "hours": pl.Float64}
        )
    each = snapshot["maintenance"].select("maintenance", "hours", line="resource")
    joined = done.select("maintenance", "period", "quantity").join(each, on="maintenance", validate="m:1")
    return joined.select("maintenance", "line", "period", hours=pl.col("quantity") * pl.col("hours"))


def made_by_week(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """What every line makes of each item, week by week.

    Returns
    -------
    line [the place, where a routing has none], item, description, unit, label [bucket], order, good [units], hours,
    share [of the hours that the line works in the week].
    """
    places = buckets(plan.periods).select("period", "order", label="bucket")
    line = pl.when(pl.col("line") == "").then("location").otherwise("line").alias("line")
    summed = (
        runs(plan, snapshot).with_columns(line, named("description", "item")).join(places, on="period", validate="m:1")
        .group_by("line", "item", "description", "unit", "label", "order")
        .agg(pl.col("good", "hours").sum())
    )  # fmt: skip
    whole = pl.col("hours").sum().over("line", "label")
    share = pl.when(whole > NOTHING).then(pl.col("hours") / whole).otherwise(1.0)
    return summed.with_columns(share=share).sort("line", "item", "order")


def lane_loads(plan: Plan) -> pl.DataFrame:
    """What every lane carries, week by week, and how much of its limit that takes.

    Returns
    -------
    lane, mode, origin, destination, label [bucket], order, quantity [units, of all items], items [how many], loads
    [quantity ÷ multiple; null without one], limit_used [largest share of the lane's maximum; null without one].
    """
    sent = used(plan, "ship")
    keys = ["lane", "mode", "origin", "destination"]
    if sent.is_empty():
        kinds = (
            dict.fromkeys((*keys, "label"), pl.String),
            dict.fromkeys(("quantity", "loads", "limit_used"), pl.Float64),
        )
        return pl.DataFrame(schema={**kinds[0], "order": pl.Int64, "items": pl.UInt32, **kinds[1]})
    places = buckets(plan.periods).select("period", "order", label="bucket")
    lots = pl.when(pl.col("multiple") > 0).then(pl.col("quantity") / pl.col("multiple"))
    full = pl.col("quantity").sum().over("lane", "within") / pl.col("maximum")
    lots_used = pl.when(pl.col("lots").is_not_null().any()).then(pl.col("lots").sum())
    placed = sent.join(places, on="period", validate="m:1").with_columns(lots=lots, full=full)
    return (
        placed.group_by(*keys, "label", "order")
        .agg(
            pl.col("quantity").sum(), items=pl.col("item").n_unique(), loads=lots_used, limit_used=pl.col("full").max()
        )
        .sort("origin", "destination", "lane", "order")
    )  # fmt: skip
