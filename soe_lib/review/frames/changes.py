"""What changed since the plan of record: what we know, and what we mean to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.history import published_forecast
from soe_lib.review.frames.lines import named
from soe_lib.review.frames.time import fence_end, shared_weeks

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

FLOWS = {"make": "item", "buy": "item", "ship": "item", "sell": "item"}
LEAST = 0.5


def changed_events(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Events that are new, changed, or no longer named: change, event, kind, target, from, to, hours,
    factor, days, note.
    """
    columns = ["event", "kind", "target", "from", "to", "hours", "factor", "days", "note"]
    here = now["events"].select(columns)
    if before is None:
        return here.clear().select(pl.lit("").alias("change"), *columns)
    there = before["events"].select(columns)
    same = here.join(there, on=columns, how="semi", nulls_equal=True)
    fresh = here.join(there, on="event", how="anti").with_columns(change=pl.lit("new"))
    moved = (
        here.join(there, on="event", how="semi")
        .join(same, on="event", how="anti")
        .with_columns(change=pl.lit("changed"))
    )
    gone = there.join(here, on="event", how="anti").with_columns(change=pl.lit("no longer named"))
    return pl.concat([fresh, moved, gone]).select("change", *columns).sort("change", "event")


def changed_receipts(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Scheduled receipts that moved, changed, appeared or vanished before they were due; the latest moved
    first.

    Returns
    -------
    change, receipt, item, description, location, due_before, due_now [dates], days_later [days],
    quantity_before, quantity_now [units].
    """
    columns = ["receipt", "item", "location", "due_on", "quantity"]
    here = now["receipts"].select(columns)
    # Without an earlier extract nothing is known to have changed.
    there = (before or now)["receipts"].select(columns)
    both = here.join(there, on="receipt", how="full", coalesce=True, suffix="_before", validate="1:1")
    later = (pl.col("due_on") - pl.col("due_on_before")).dt.total_days()
    moved = pl.col("due_on") != pl.col("due_on_before")
    change = (
        pl.when(pl.col("due_on_before").is_null()).then(pl.lit("new"))
        .when(pl.col("due_on").is_null()).then(pl.lit("gone"))
        .when(moved).then(pl.lit("moved"))
        .when((pl.col("quantity") - pl.col("quantity_before")).abs() > LEAST).then(pl.lit("quantity"))
        .otherwise(pl.lit(""))
    )  # fmt: skip
    items = now["items"].select("item", "description")
    arrived = pl.col("due_on").is_null() & (pl.col("due_on_before") < now.as_of)
    return (
        both.with_columns(change=change, days_later=later, item=pl.coalesce("item", "item_before"))
        .filter((pl.col("change") != "") & ~arrived.fill_null(False))
        .with_columns(location=pl.coalesce("location", "location_before"))
        .join(items, on="item", how="left", validate="m:1")
        .select(
            "change", "receipt", "item", named("description", "item"), "location",
            pl.col("due_on_before").alias("due_before"), pl.col("due_on").alias("due_now"), "days_later",
            pl.col("quantity_before"), pl.col("quantity").alias("quantity_now"),
        )
        .sort(["days_later", "receipt"], descending=[True, False], nulls_last=True)
    )  # fmt: skip


def changed_orders(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Orders that came in, changed or went since the last extract, by customer and family; the largest
    change first.

    An order that went before its due date is counted as gone: shipped early or cancelled, the extract does
    not say.

    Returns
    -------
    customer, family, new, changed, gone, net [units], orders [count of orders touched].
    """
    columns = ["order", "item", "customer", "due_on", "quantity"]
    here = now["orders"].select(columns)
    there = (before or now)["orders"].select(columns)
    both = here.join(there, on="order", how="full", coalesce=True, suffix="_before", validate="1:1")
    shipped = pl.col("quantity").is_null() & (pl.col("due_on_before") < now.as_of)
    kept = both.filter(~shipped.fill_null(False)).with_columns(
        item=pl.coalesce("item", "item_before"), customer=pl.coalesce("customer", "customer_before")
    )
    was, is_now = pl.col("quantity_before"), pl.col("quantity")
    split = kept.with_columns(
        new=pl.when(was.is_null()).then(is_now).otherwise(0.0),
        gone=pl.when(is_now.is_null()).then(-was).otherwise(0.0),
        changed=pl.when(was.is_not_null() & is_now.is_not_null()).then(is_now - was).otherwise(0.0),
    ).filter((pl.col("new").abs() + pl.col("gone").abs() + pl.col("changed").abs()) > LEAST)
    items = now["items"].select("item", pl.col("family").replace("", "No family"))
    grouped = split.join(items, on="item", how="left", validate="m:1").group_by("customer", "family")
    summed = grouped.agg(pl.col("new", "changed", "gone").sum(), orders=pl.len().cast(pl.Int64))
    net = pl.col("new") + pl.col("changed") + pl.col("gone")
    return summed.with_columns(net=net).sort(
        [pl.col("net").abs(), "customer", "family"], descending=[True, False, False]
    )


def changed_inputs(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """How the forecast of the weeks that both extracts cover has moved, by family; the largest move first.

    Returns
    -------
    family, before, now, change [units], share [ratio of the earlier forecast].
    """
    empty = {"family": pl.String, "before": pl.Float64, "now": pl.Float64}
    if before is None:
        parts = pl.DataFrame(schema=empty)
    else:
        weeks = shared_weeks(now.periods, before.periods)["bucket"].unique().implode()
        items = now["items"].select("item", pl.col("family").replace("", "No family"))
        sides = {
            side: published_forecast(one).filter(pl.col("week").is_in(weeks)).join(items, on="item", how="left")
            .group_by("family").agg(pl.col("forecast").sum().alias(side))
            for side, one in (("before", before), ("now", now))
        }  # fmt: skip
        parts = (
            sides["before"].join(sides["now"], on="family", how="full", coalesce=True, validate="1:1").fill_null(0.0)
        )
    change = pl.col("now") - pl.col("before")
    share = pl.when(pl.col("before") > 0).then(change / pl.col("before"))
    return parts.with_columns(change=change, share=share).sort(
        [pl.col("change").abs(), "family"], descending=[True, False]
    )


def changed_plan(now: Plan, before: Plan | None, *, frozen_days: int = 0) -> pl.DataFrame:
    """What the plan does otherwise than the plan of record did, by flow, item and week, over weeks that
    both cover.

    Parameters
    ----------
    frozen_days : length of the frozen fence from the newer as-of date [days].

    Returns
    -------
    flow, item, week [bucket], order, before, now, change [units], inside [whether the week starts within
    the fence].
    """
    kinds = {"flow": pl.String, "item": pl.String, "week": pl.String, "order": pl.Int64}
    if before is None:
        numbers = dict.fromkeys(("before", "now", "change"), pl.Float64)
        return pl.DataFrame(schema={**kinds, **numbers, "inside": pl.Boolean})
    weeks = shared_weeks(now.periods, before.periods)
    parts = [weekly(plan, flow, weeks.filter(pl.col("side") == side)).with_columns(side=pl.lit(side))
             for side, plan in (("now", now), ("before", before)) for flow in FLOWS]  # fmt: skip
    wide = (
        pl.concat(parts)
        .group_by(*kinds)
        .agg(
            before=pl.col("quantity").filter(pl.col("side") == "before").sum(),
            now=pl.col("quantity").filter(pl.col("side") == "now").sum(),
        )
    )
    inside = fence_end(now.periods, frozen_days).rename({"bucket": "week"})
    return (
        wide.with_columns(change=pl.col("now") - pl.col("before"))
        .join(inside, on="week", how="left", validate="m:1")
        .sort("flow", "item", "order")
    )


def weekly(plan: Plan, flow: str, weeks: pl.DataFrame) -> pl.DataFrame:
    """One flow by item and week: flow, item, week, order, quantity [units]."""
    kinds = {"item": pl.String, "period": pl.String, "quantity": pl.Float64}
    cells = plan.flows[flow].select(*kinds) if flow in plan.flows else pl.DataFrame(schema=kinds)
    joined = cells.join(weeks.select("period", "bucket", "order"), on="period")
    summed = joined.group_by("item", "order", week="bucket").agg(pl.col("quantity").sum())
    return summed.select(pl.lit(flow).alias("flow"), "item", "week", "order", "quantity")
