"""Load: hours used and hours there, by line and week."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import hours
from soe_lib.model.network import Network
from soe_lib.review.frames.time import buckets

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

CELL = ["resource", "period"]


def hours_used(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Hours that a plan takes of each resource in each period: resource, period, used [h].

    Formula: Σ units started × hours_per_unit over operations (over `run` where a step has alternatives),
    plus Σ units shipped × hours_per_unit over the lanes that take hours.
    """
    each = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0).alias("hours")
    several = (pl.col("step") != "") & (pl.len().over("routing", "step") > 1)
    operations = snapshot["operations"].with_columns(each, several=several)
    parts = [pl.DataFrame(schema={"resource": pl.String, "period": pl.String, "used": pl.Float64})]
    if "make" in plan.flows:
        made = plan.flows["make"].select("routing", "period", "quantity")
        single = operations.filter(~pl.col("several")).select("routing", "resource", "hours")
        parts.append(made.join(single, on="routing").select(*CELL, used=pl.col("quantity") * pl.col("hours")))
    if "run" in plan.flows:
        run = plan.flows["run"].select("routing", "step", *CELL, "quantity")
        shared = operations.select("routing", "step", "resource", "hours")
        joined = run.join(shared, on=["routing", "step", "resource"], validate="m:1")
        parts.append(joined.select(*CELL, used=pl.col("quantity") * pl.col("hours")))
    if "ship" in plan.flows and snapshot["lane_resources"].height:
        parts.append(lane_hours(snapshot, plan.flows["ship"]))
    return pl.concat(parts).group_by(CELL).agg(pl.col("used").sum())


def lane_hours(snapshot: Snapshot, shipped: pl.DataFrame) -> pl.DataFrame:
    """Hours that shipping takes: resource, period, used [h]; a row of a lane without an item holds for
    every item.
    """
    rows = snapshot["lane_resources"].select("lane", "item", "resource", hours="hours_per_unit")
    moved = shipped.select("lane", "item", "period", "quantity")
    own = moved.join(rows.filter(pl.col("item") != ""), on=["lane", "item"])
    every = moved.join(rows.filter(pl.col("item") == "").drop("item"), on="lane")
    both = pl.concat([own.select(*CELL, "quantity", "hours"), every.select(*CELL, "quantity", "hours")])
    return both.select(*CELL, used=pl.col("quantity") * pl.col("hours"))


def line_load(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Hours used against regular hours of each resource, week by week.

    Formula: load = used ÷ available, available being the calendar's hours less what events take; null
    without hours.

    Returns
    -------
    resource, location, label [bucket], order, used, available, overtime, overtime_limit, lost [h], load
    [ratio].
    """
    there = hours.available(Network(snapshot)).with_columns(pl.col(CELL).cast(pl.String))
    extra = plan.flows["overtime"].select(*CELL, overtime="quantity") if "overtime" in plan.flows else None
    cells = there.join(hours_used(snapshot, plan), on=CELL, how="left", validate="1:1")
    if extra is not None:
        cells = cells.join(extra, on=CELL, how="left", validate="1:1")
    else:
        cells = cells.with_columns(overtime=pl.lit(0.0))
    places = buckets(plan.periods).select("period", "bucket", "order")
    sites = snapshot["resources"].select("resource", "location")
    summed = (
        cells.join(places, on="period", validate="m:1")
        .group_by("resource", label="bucket", order="order")
        .agg(
            used=pl.col("used").fill_null(0.0).sum(),
            available=pl.col("hours").sum(),
            overtime=pl.col("overtime").fill_null(0.0).sum(),
            overtime_limit=pl.col("overtime_hours").sum(),
            lost=pl.col("lost").sum(),
        )
    )
    busy = summed.filter(((pl.col("used") + pl.col("available")).sum() > 0).over("resource"))
    ratio = pl.when(pl.col("available") > 1e-9).then(pl.col("used") / pl.col("available"))
    return (
        busy.join(sites, on="resource", how="left", validate="m:1").with_columns(load=ratio).sort("resource", "order")
    )


def scarce_hours(plan: Plan, *, at_least: float = 0.01) -> pl.DataFrame:
    """Hours that would earn money if there were one more: the price of each line's hours, by week.

    A price holds for the first hour only and may jump after it, so it is never multiplied by a number of
    hours; of several periods in a week the dearest is shown.

    Returns
    -------
    resource, label [bucket], order, price [money per hour].
    """
    prices = plan.prices.get("hours")
    if prices is None:
        kinds = {"resource": pl.String, "label": pl.String, "order": pl.Int64, "price": pl.Float64}
        return pl.DataFrame(schema=kinds)
    places = buckets(plan.periods).select("period", "bucket", "order")
    # An hour on a day without any says what opening that day would be worth: another question.
    joined = prices.filter(pl.col("rhs") > 0).join(places, on="period", validate="m:1")
    dearest = joined.group_by("resource", label="bucket", order="order").agg(pl.col("price").max())
    found = dearest.filter(pl.col("price") >= at_least)
    return found.sort(["price", "resource", "order"], descending=[True, False, False])
