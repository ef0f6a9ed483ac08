"""Stock: how it runs against the safety stock, how long it lasts, what it is worth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.lines import named
from soe_lib.review.frames.time import buckets
from soe_lib.review.kpis import forward_cover

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

NODE = ["item", "location"]
AHEAD = 56
CELL = [*NODE, "period"]


def outgoing(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """What leaves each stock in each period: sold, shipped on, or used up in making: item, location,
    period, out [units].
    """
    empty = pl.DataFrame(schema={**dict.fromkeys(CELL, pl.String), "out": pl.Float64})
    parts = [empty]
    if "sell" in plan.flows:
        parts.append(plan.flows["sell"].select(*CELL, out="quantity"))
    if "ship" in plan.flows:
        origins = snapshot["lanes"].select("lane", "origin").unique("lane")
        shipped = (
            plan.flows["ship"].select("lane", "item", "period", "quantity").join(origins, on="lane", validate="m:1")
        )
        parts.append(shipped.select("item", pl.col("origin").alias("location"), "period", out="quantity"))
    if "make" in plan.flows and snapshot["components"].height:
        sites = snapshot["routings"].select("routing", "location").unique("routing")
        used = snapshot["components"].select("routing", "component", per_unit="quantity").join(sites, on="routing")
        made = plan.flows["make"].select("routing", "period", "quantity").join(used, on="routing")
        parts.append(
            made.select(
                pl.col("component").alias("item"), "location", "period", out=pl.col("quantity") * pl.col("per_unit")
            )
        )
    return pl.concat(parts).group_by(CELL).agg(pl.col("out").sum())


def projected_stock(snapshot: Snapshot, plan: Plan, *, days: int = AHEAD) -> pl.DataFrame:
    """Closing stock by period against the safety stock, with what comes in and goes out; the most pressing
    first.

    Formula: receipts = closing − opening + out (whatever was made, bought, shipped in or scheduled).
    Ranked by the largest gap to the safety stock at standard cost, then by name.

    Returns
    -------
    item, description, family, location, name, order [rank], period, index, ends_on, stock, safety,
    receipts, out [units], gap_value [money at the worst moment].
    """
    last = snapshot.as_of + timedelta(days=days)
    near = plan.periods.filter(pl.col("ends_on") < last)
    places = (near if near.height else plan.periods).select("period", "index", "ends_on")
    items = snapshot["items"].select("item", "description", "family", "standard_cost")
    safety = snapshot["policies"].select(*NODE, safety="safety_stock")
    opening = snapshot["inventory"].group_by(NODE).agg(opening=pl.col("on_hand").sum())
    cells = plan.flows["stock"].select(*CELL, stock="quantity").join(places, on="period", validate="m:1")
    cells = cells.sort(*NODE, "index")
    rows = (
        cells.join(outgoing(snapshot, plan), on=CELL, how="left", validate="1:1")
        .join(safety, on=NODE, how="left", validate="m:1")
        .join(opening, on=NODE, how="left", validate="m:1")
        .join(items, on="item", how="left", validate="m:1")
        .with_columns(pl.col("out", "safety", "opening", "standard_cost").fill_null(0.0), named("description", "item"))
        .sort(*NODE, "index")
    )
    before = pl.col("stock").shift(1).over(NODE).fill_null(pl.col("opening"))
    flows = rows.with_columns(
        receipts=(pl.col("stock") - before + pl.col("out")).clip(lower_bound=0.0).round(6),
        gap=(pl.col("safety") - pl.col("stock")).clip(lower_bound=0.0) * pl.col("standard_cost"),
        name=pl.format("{}, {}", "description", "location"),
    )
    ranked = flows.group_by(NODE).agg(
        gap_value=pl.col("gap").max(), size=pl.col("safety").max(), moved=pl.col("out").sum()
    )
    order = ranked.sort(["gap_value", "size", "moved", *NODE], descending=[True, True, True, False, False])
    placed = order.select(*NODE, "gap_value").with_row_index("order").with_columns(pl.col("order").cast(pl.Int64))
    return flows.join(placed, on=NODE, validate="m:1").select(
        *NODE, "description", "family", "name", "order", "period", "index", "ends_on", "stock", "safety", "receipts",
        "out", "gap_value", "standard_cost",
    ).sort("order", "index")  # fmt: skip


def cover(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """How many weeks of its coming use today's stock lasts, by item and place.

    Formula: forward cover on what the plan takes out of the stock, week by week; a stock that outlasts the
    horizon has none stated (null).

    Returns
    -------
    item, location, stock [units], cover [weeks of the page's time axis].
    """
    places = buckets(plan.periods).select("period", index="order")
    weekly = outgoing(snapshot, plan).join(places, on="period", validate="m:1")
    used = weekly.group_by(*NODE, "index").agg(demand=pl.col("out").sum())
    nodes = used.group_by(NODE).agg(pl.len()).select(NODE)
    grid = nodes.join(places.select("index").unique(), how="cross").join(used, on=[*NODE, "index"], how="left")
    opening = snapshot["inventory"].group_by(NODE).agg(stock=pl.col("on_hand").sum())
    full = grid.join(opening, on=NODE, how="left").with_columns(pl.col("demand", "stock").fill_null(0.0))
    return forward_cover(full)


def stock_value(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Stock at standard cost at the end of each period, by family: family, period, ends_on, value
    [money].
    """
    items = snapshot["items"].select("item", "family", pl.col("standard_cost").fill_null(0.0))
    places = plan.periods.select("period", "index", "ends_on")
    cells = (
        plan.flows["stock"].select(*CELL, "quantity").join(places, on="period").join(items, on="item", validate="m:1")
    )
    value = (pl.col("quantity") * pl.col("standard_cost")).sum()
    return cells.group_by("family", "period", "index", "ends_on").agg(value=value).sort("family", "index")
