"""Balance tables: orders at risk, gaps, service, what changed in the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review import words
from soe_lib.review.frames.fence import why
from soe_lib.review.tables.table import Table, day

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan


def orders_at_risk(frame: pl.DataFrame, currency: str) -> Table:
    """Orders that will be late or short, most revenue first."""
    shown = frame.select(
        pl.col("order").alias("Order"), pl.col("customer").alias("Customer"), pl.col("priority").alias("Priority"),
        pl.col("description").alias("Item"), pl.col("quantity").alias("Ordered"), pl.col("late").alias("Late"),
        pl.col("short").alias("Never served"), pl.col("due_on").alias("Due"), pl.col("promised_on").alias("Promised"),
        pl.col("days_late").alias("Days late"), pl.col("revenue").alias(f"Revenue waiting, {currency}"),
        pl.col("incurred").alias(f"Late cost until today, {currency}"),
    )  # fmt: skip
    if not frame["incurred"].sum():  # nothing is overdue
        shown = shown.drop(f"Late cost until today, {currency}")
    numbers = dict.fromkeys(
        ("Ordered", "Late", "Never served", "Days late", *(name for name in shown.columns if currency in name)),
        "number",
    )
    return Table(
        shown, "Orders at risk, most revenue first, units", {**numbers, "Due": day, "Promised": day},
        "Promised: the last day of the period in which the last part is served. Revenue waiting: late and "
        "unserved units at the order's price. Late cost until today is in no plan's margin.",
    )  # fmt: skip


def item_gaps(frame: pl.DataFrame, currency: str) -> Table:
    """Items with missed demand and the causes that their units are laid to."""
    weeks = (
        pl.col("weeks").list.eval(pl.element().map_elements(words.period_name, return_dtype=pl.String)).list.join(", ")
    )
    cause = pl.when(pl.col("key") == "").then("kind").otherwise(pl.format("{}: {}", "kind", "key"))
    shown = frame.sort("revenue", descending=True).select(
        pl.col("description").alias("Item"), pl.col("family").alias("Family"), pl.col("late").alias("Late"),
        pl.col("short").alias("Never served"), weeks.alias("Due in"), cause.alias("Laid to"),
        pl.col("revenue").alias(f"Revenue waiting, {currency}"), pl.col("money").alias(f"Money lost, {currency}"),
    )  # fmt: skip
    numbers = ("Late", "Never served", f"Revenue waiting, {currency}", f"Money lost, {currency}")
    return Table(
        shown, "Demand that is not served on time, units", dict.fromkeys(numbers, "number"),
        "Each unit is laid to one cause: to an event or to orders above forecast only where planning again without it "
        "serves the unit on time; else to a line whose hours are used up, or to none that the extract names. Money "
        "lost: short units × (price − standard cost + penalty), and what lateness costs.",
    )  # fmt: skip


def service(frame: pl.DataFrame, currency: str, *, what: str) -> Table:
    """Service by group: units and revenue."""
    share = pl.when(pl.col("demand") > 0).then(pl.col("on_time") / pl.col("demand"))
    waiting = pl.col("revenue_late") + pl.col("revenue_short")
    shown = frame.sort("order").select(
        pl.col("group").alias(what), pl.col("demand").alias("Demand"), pl.col("on_time").alias("On time"),
        pl.col("late").alias("Late"), pl.col("short").alias("Never served"), share.alias("Share on time"),
        waiting.alias(f"Revenue waiting, {currency}"),
    )  # fmt: skip
    numbers = ("Demand", "On time", "Late", "Never served", f"Revenue waiting, {currency}")
    return Table(
        shown, f"Service by {what.lower()}, units", {**dict.fromkeys(numbers, "number"), "Share on time": "percent"}
    )


def changed_plan(frame: pl.DataFrame) -> Table:
    """The plan against the plan of record, by flow: how much moves."""
    verbs = {"make": "Make", "buy": "Buy", "ship": "Ship", "sell": "Sell"}
    size = pl.col("change").abs()
    summed = frame.group_by("flow").agg(
        before=pl.col("before").sum(), now=pl.col("now").sum(), moved=size.sum(),
    )  # fmt: skip
    share = pl.when(pl.col("before") > 0).then(pl.col("moved") / pl.col("before"))
    shown = summed.sort("flow").select(
        pl.col("flow").replace(verbs).alias("Flow"), pl.col("before").alias("Before"), pl.col("now").alias("Now"),
        pl.col("moved").alias("Moved"), share.alias("Churn"),
    )  # fmt: skip
    numbers = ("Before", "Now", "Moved")
    note = (
        "Moved: Σ|now − before| by item and week over the weeks that both plans cover; a unit that changes week counts "
        "twice."
    )
    formats = {**dict.fromkeys(numbers, "number"), "Churn": "percent"}
    return Table(shown, "This plan against the plan of record, units", formats, note)


def fence_breaks(breaks: pl.DataFrame, snapshot: Snapshot, record: Plan | None) -> Table | str:
    """Every break of the frozen fence: what, when, what it costs and why; a sentence where there is none.

    Parameters
    ----------
    breaks : from `Situation.breaks_by_cause`. record : the plan of record.
    """
    days = snapshot.settings.fence.frozen_days
    if record is None or days <= 0:
        return "No frozen fence keeps to a plan of record this week."
    if breaks.is_empty():
        return f"The frozen fence of {words.count(days, 'day')} is kept: nothing is made otherwise than published."
    names = dict(snapshot["items"].select("item", "description").rows())
    cost = f"Costs, {snapshot.currency}"
    shown = breaks.select(
        pl.when(pl.col("starts_on") == pl.col("ends_on")).then(pl.col("starts_on").cast(pl.String))
        .otherwise(pl.format("{} to {}", "starts_on", "ends_on")).alias("When"),
        pl.format("{}, {}", "description", "routing").alias("What"),
        pl.col("recorded").alias("Published"), pl.col("now").alias("Now"), pl.col("change").alias("Change"),
        pl.col("money").alias(cost),
        pl.Series("Why", [why(row, names) for row in breaks.iter_rows(named=True)], dtype=pl.String),
    )  # fmt: skip
    note = (
        f"The fence keeps to {record.name} of {record.as_of}. Costs: units × break price ([fence] break_price, else "
        "the item's price or standard cost, whichever is more); it steers the plan and is no cash. Without a figure: "
        "what nobody can make any more. Why: found by planning again without the event, else by the plan's prices."
    )
    formats = {**dict.fromkeys(("Published", "Now", "Change"), "number"), cost: "money"}
    return Table(shown, "Breaks of the frozen fence, units", formats, note, rows=40)
