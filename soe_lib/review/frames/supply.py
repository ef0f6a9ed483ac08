"""Supply: hours and stocks of the plan, how the plants ran, and what comes late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import events, hours
from soe_lib.model.blocks.sites import closing_hours
from soe_lib.model.hours import given
from soe_lib.model.network import Network
from soe_lib.model.work import hours_by_flow
from soe_lib.review.frames.service import named
from soe_lib.review.frames.time import buckets
from soe_lib.review.kpis import forward_cover

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


CELL = ["resource", "period"]
WORK = ("make", "run", "ship")
"""Flows that are work on a resource."""
SET_UP = ("set_up", "set_up_on", "change_over")
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
    moves = hours_by_flow(network, plan.flows)
    closing = closing_hours(network).select(pl.col(CELL).cast(pl.String), closes=pl.lit(value=True))
    there = hours.available(network).with_columns(pl.col(CELL).cast(pl.String))
    cells = there.join(closing, on=CELL, how="left").with_columns(
        hours=pl.when(pl.col("closes").is_null()).then("hours").otherwise(0.0)
    )
    extra = hours_by_flow(network, plan.flows, "overtime_limit").filter(pl.col("flow") != "overtime")
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


NODE = ["item", "location"]
AHEAD = 56
STOCK_CELL = [*NODE, "period"]


def outgoing(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """What leaves each stock in each period: sold, shipped on, or used up in making: item, location,
    period, out [units].
    """
    empty = pl.DataFrame(schema={**dict.fromkeys(STOCK_CELL, pl.String), "out": pl.Float64})
    parts = [empty]
    if "sell" in plan.flows:
        parts.append(plan.flows["sell"].select(*STOCK_CELL, out="quantity"))
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
    return pl.concat(parts).group_by(STOCK_CELL).agg(pl.col("out").sum())


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
    cells = plan.flows["stock"].select(*STOCK_CELL, stock="quantity").join(places, on="period", validate="m:1")
    cells = cells.sort(*NODE, "index")
    rows = (
        cells.join(outgoing(snapshot, plan), on=STOCK_CELL, how="left", validate="1:1")
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


def made_against_plan(snapshot: Snapshot, record: Plan | None) -> pl.DataFrame:
    """Good units made against the plan of record, by item and place, over its periods that are over.

    Formula: scheduled = Σ units started × yield in periods that end before the as-of date; done = actuals "make" of
    the same days.

    Returns
    -------
    item, description, location, scheduled, done [units]; empty without a plan of record or without actuals of "make".
    """
    empty = {
        "item": pl.String,
        "description": pl.String,
        "location": pl.String,
        "scheduled": pl.Float64,
        "done": pl.Float64,
    }
    actual = snapshot["actuals"].filter((pl.col("measure") == "make") & (pl.col("date") < snapshot.as_of))
    if record is None or actual.is_empty() or "make" not in record.flows:
        return pl.DataFrame(schema=empty)
    over = record.periods.filter(pl.col("ends_on") < snapshot.as_of)
    first = over["starts_on"].min()
    if first is None:
        return pl.DataFrame(schema=empty)
    routings = snapshot["routings"].select("routing", "item", "location", "yield").unique("routing")
    planned = (
        record.flows["make"].select("routing", "period", "quantity")
        .join(over.select("period"), on="period", how="semi").join(routings, on="routing", validate="m:1")
        .group_by("item", "location").agg(scheduled=(pl.col("quantity") * pl.col("yield")).sum())
    )  # fmt: skip
    done = actual.filter(pl.col("date") >= first).group_by("item", "location").agg(done=pl.col("quantity").sum())
    items = snapshot["items"].select("item", "description")
    both = planned.join(done, on=["item", "location"], how="full", coalesce=True, validate="1:1")
    return (
        both.with_columns(pl.col("scheduled", "done").fill_null(0.0))
        .filter(pl.col("scheduled") + pl.col("done") > 0.5)
        .join(items, on="item", how="left", validate="m:1")
        .select("item", named("description", "item"), "location", "scheduled", "done")
        .sort("item", "location")
    )


def annual_cost_of_goods(snapshot: Snapshot) -> float:
    """Standard cost of what was sold, scaled from the days that the actuals cover to a year [money/year]; 0 without
    sales.
    """
    sold = snapshot["actuals"].filter((pl.col("measure") == "sales") & (pl.col("date") < snapshot.as_of))
    first = sold["date"].min()
    if first is None:
        return 0.0
    costs = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    cost = float(sold.join(costs, on="item").select((pl.col("quantity") * pl.col("standard_cost")).sum()).item())
    days = sold.select((pl.lit(snapshot.as_of) - pl.col("date").min()).dt.total_days()).item()
    return cost * 365 / days if days > 0 else 0.0


def stock_today(snapshot: Snapshot) -> float:
    """Today's stock at standard cost [money]."""
    costs = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    value = snapshot["inventory"].join(costs, on="item").select((pl.col("on_hand") * pl.col("standard_cost")).sum())
    return float(value.item() or 0.0)


def late_receipts(snapshot: Snapshot) -> pl.DataFrame:
    """Scheduled receipts that are overdue or that an event delays, the dearest first.

    Returns
    -------
    receipt, kind, item, description, location, supplier, due_on, comes_on [dates], days_late [days],
    quantity [units], value [money at standard cost], event [name, blank where the receipt is merely
    overdue], note.
    """
    planned = events.receipts(Network(snapshot)).with_columns(pl.col("receipt", "item", "location").cast(pl.String))
    items = snapshot["items"].select("item", "description", pl.col("standard_cost").fill_null(0.0))
    days = (pl.col("date") - pl.col("due_on")).dt.total_days()
    late = planned.filter(days > 0).join(items, on="item", how="left", validate="m:1")
    blamed = late.with_columns(pl.col("supplier", "offer", "lane").cast(pl.String).fill_null("")).pipe(blame, snapshot)
    return blamed.select(
        "receipt", "kind", "item", named("description", "item"), "location", "supplier", "due_on",
        pl.col("date").alias("comes_on"), days.alias("days_late"), "quantity",
        (pl.col("quantity") * pl.col("standard_cost")).alias("value"), "event", "note",
    ).sort(["value", "receipt"], descending=[True, False])  # fmt: skip


def blame(late: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The delay event that names a receipt's number, supplier, offer, lane or item; the narrowest one
    counts.
    """
    delays = snapshot["events"].filter(pl.col("kind") == "delay").select("event", "target", "note")
    keys = ("receipt", "offer", "supplier", "lane", "item")
    named_by = [
        late.select("receipt", target=pl.col(key)).join(delays, on="target").with_columns(rank=pl.lit(rank))
        for rank, key in enumerate(keys)
    ]
    found = pl.concat(named_by).sort("receipt", "rank", "event").unique("receipt", keep="first", maintain_order=True)
    joined = late.join(found.select("receipt", "event", "note"), on="receipt", how="left", validate="1:1")
    return joined.with_columns(pl.col("event", "note").fill_null(""))


def events_now(snapshot: Snapshot) -> pl.DataFrame:
    """Events that are in force from the as-of date on: event, kind, target, from, to, hours, factor, days,
    note.
    """
    rows = snapshot["events"]
    open_end = pl.col("to").is_null() | (pl.col("to") >= snapshot.as_of)
    return rows.filter(open_end | (pl.col("kind") == "delay")).sort("from", "event", nulls_last=False)
