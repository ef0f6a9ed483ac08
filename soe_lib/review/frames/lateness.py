"""What comes late and what has happened, with the finished items and orders that hang on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.where_used import where_used as where_used
from soe_lib.model import events
from soe_lib.model.network import Network
from soe_lib.review.frames.lines import missed_now, named

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan


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


def touched(snapshot: Snapshot, plan: Plan, components: list[str]) -> pl.DataFrame:
    """Demand lines that are late from now on or short and whose item contains one of the components (or is one).

    Returns
    -------
    the rows of `lines`, with the lost money of each: short × (price − standard cost + penalty) + lateness.
    """
    used = where_used(snapshot).filter(pl.col("component").is_in(components)).select("item").unique()
    missed = missed_now(snapshot, plan)
    lost = pl.col("short") * (pl.col("margin") + pl.col("short_penalty")) + pl.col("late_money")
    return missed.join(used, on="item", how="semi").with_columns(money=lost)


def events_now(snapshot: Snapshot) -> pl.DataFrame:
    """Events that are in force from the as-of date on: event, kind, target, from, to, hours, factor, days,
    note.
    """
    rows = snapshot["events"]
    open_end = pl.col("to").is_null() | (pl.col("to") >= snapshot.as_of)
    return rows.filter(open_end | (pl.col("kind") == "delay")).sort("from", "event", nulls_last=False)
