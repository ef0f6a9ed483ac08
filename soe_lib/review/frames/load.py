"""Load: hours used and hours there, by line and week."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import hours
from soe_lib.model.blocks.sites import closing_hours
from soe_lib.model.network import Network
from soe_lib.review.frames.time import buckets

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

CELL = ["resource", "period"]
WORK = ("make", "run", "ship")
"""Flows that are work on a resource."""
SET_UP = ("set_up", "set_up_on")
"""Flows that prepare it."""


def line_load(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Hours used against regular hours of each resource, week by week.

    Formula: load = used ÷ available; used = hours of runs, of set-ups and of handling; available = hours of the
    calendar (while the location is open) less what events take, + heads × hours per head + expansions − maintenance;
    null without hours.

    Returns
    -------
    resource, location, label [bucket], order, used, setup (of used), available, overtime, overtime_limit, lost [h],
    load [ratio].
    """
    cells = resource_hours(snapshot, plan)
    places = buckets(plan.periods).select("period", "bucket", "order")
    sites = snapshot["resources"].select("resource", "location")
    summed = (
        cells.join(places, on="period", validate="m:1")
        .group_by("resource", label="bucket", order="order")
        .agg(pl.col("used", "setup", "available", "overtime", "overtime_limit", "lost").sum())
    )
    busy = summed.filter(((pl.col("used") + pl.col("available")).sum() > 0).over("resource"))
    ratio = pl.when(pl.col("available") > 1e-9).then(pl.col("used") / pl.col("available"))
    return (
        busy.join(sites, on="resource", how="left", validate="m:1").with_columns(load=ratio).sort("resource", "order")
    )


def resource_hours(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """The hours behind the load, period by period: resource, period, used, setup, available, overtime, overtime_limit,
    lost [h].
    """
    network = Network(snapshot)
    moves = hours.moved(network, plan.flows)
    closing = closing_hours(network).select(pl.col(CELL).cast(pl.String), closes=pl.lit(value=True))
    there = hours.available(network).with_columns(pl.col(CELL).cast(pl.String))
    cells = there.join(closing, on=CELL, how="left").with_columns(
        hours=pl.when(pl.col("closes").is_null()).then("hours").otherwise(0.0)
    )
    extra = hours.moved(network, plan.flows, "overtime_limit").filter(pl.col("flow") != "overtime")
    parts = {
        "work": moves.filter(pl.col("flow").is_in(WORK)),
        "setup": moves.filter(pl.col("flow").is_in(SET_UP)),
        "overtime": moves.filter(pl.col("flow") == "overtime").with_columns(-pl.col("hours")),
        "brought": moves.filter(~pl.col("flow").is_in([*WORK, *SET_UP, "overtime"])).with_columns(-pl.col("hours")),
        "ceiling": extra.with_columns(-pl.col("hours")),
    }
    for name, rows in parts.items():
        sums = rows.group_by(CELL).agg(pl.col("hours").sum().alias(name))
        cells = cells.join(sums, on=CELL, how="left", validate="1:1").with_columns(pl.col(name).fill_null(0.0))
    return cells.select(
        *CELL, "setup", "overtime", "lost", used=pl.col("work") + pl.col("setup"),
        available=pl.col("hours") + pl.col("brought"), overtime_limit=pl.col("overtime_hours") + pl.col("ceiling"),
    ).sort(CELL)  # fmt: skip


def scarce_hours(snapshot: Snapshot, plan: Plan, *, at_least: float = 0.01) -> pl.DataFrame:
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
    working = resource_hours(snapshot, plan).filter((pl.col("available") > 1e-9) | (pl.col("overtime_limit") > 1e-9))
    named = prices.with_columns(pl.col(CELL).cast(pl.String)).join(working, on=CELL, how="semi")
    joined = named.join(places, on="period", validate="m:1")
    dearest = joined.group_by("resource", label="bucket", order="order").agg(pl.col("price").max())
    found = dearest.filter(pl.col("price") >= at_least)
    return found.sort(["price", "resource", "order"], descending=[True, False, False])
