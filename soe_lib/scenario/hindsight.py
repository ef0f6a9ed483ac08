"""Last week's start with this week's knowledge: the extract to plan again, to see what could have been done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.settings import Fence
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.money.valuation import value_closed_week
from soe_lib.money.valued import Valued
from soe_lib.scenario.recheck import recheck

KNOWN_LATER = ("items", "offers", "resources", "routings", "lanes", "customers", "components", "operations")
"""Tables of which this week's version holds: prices, costs, terms and recipes as we know them now."""

LINE = ["item", "location", "customer"]
NAME = "what was known later"


def with_hindsight(before: Snapshot, now: Snapshot) -> Snapshot:
    """The earlier extract as it would have been, had it known what the later one knows.

    Formula: stock, receipts ordered and horizon of the earlier extract; in the days between the two, demand is what was
    sold and what is overdue now; afterwards orders and forecast of the later one; its events beside the earlier ones;
    hours, prices and costs as we know them now; receipts come when they came, or when they are now due.

    Parameters
    ----------
    before, now : extracts of one company, the older first.

    Raises DataError where the order is wrong, or the result could not be planned.
    """
    if before.as_of >= now.as_of:
        raise DataError(f"The first extract is of {before.as_of}, the second of {now.as_of}: give the older first.")
    tables = {name: now[name] for name in KNOWN_LATER if now[name].height}
    # What was frozen then is no limit of what could have been done: hindsight has no fence.
    settings = before.settings
    free = before if settings.fence == Fence() else replace(before, settings=replace(settings, fence=Fence()))
    later = free.replace(
        **tables,
        orders=_orders(before, now),
        forecast=now["forecast"],
        calendar=_calendar(before, now),
        receipts=_receipts(before, now),
        events=_events(before, now),
    )
    return recheck(later, NAME, before)


def three_plans(
    before: Snapshot, now: Snapshot, *, solve: Callable[[Snapshot], Plan], planned: Plan | None = None
) -> tuple[Plan, Plan, Valued]:
    """What we planned, what we would have planned with hindsight, and what happened; for `planning_and_execution`.

    Parameters
    ----------
    solve : plans a snapshot, such as `soe.plan`. planned : the plan of record, where there is one; else it is solved.
    """
    then = solve(before) if planned is None else planned
    best = solve(with_hindsight(before, now)).with_name("with hindsight")
    return then, best, value_closed_week(before, now, best.rates, name="what happened")


def _orders(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """Sales of the days between as orders due on their day, and the orders that are open now."""
    between = (pl.col("date") >= before.as_of) & (pl.col("date") < now.as_of)
    sold = now["actuals"].filter(between, pl.col("measure") == "sales", pl.col("quantity") > 0)
    days = sold.group_by(*LINE, "date").agg(pl.col("quantity", "amount").sum(), free=pl.col("amount").null_count())
    price = pl.when(pl.col("free") == 0).then(pl.col("amount") / pl.col("quantity")).alias("price")
    label = pl.format("sold {}", "n").alias("order")
    lines = days.sort(*LINE, "date").with_row_index("n")
    served = lines.select(label, *LINE, pl.col("date").alias("due_on"), "quantity", price)
    return pl.concat([now["orders"], served], how="diagonal_relaxed").with_columns(pl.col("committed").fill_null(0.0))


def _calendar(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """The earlier hours of the days that are over, the later ones from then on."""
    last = pl.col("last")
    over, open_ = _ending(before, before["calendar"]), _ending(now, now["calendar"])
    return pl.concat([over.filter(last < now.as_of), open_.filter(last >= now.as_of)]).drop("last")


def _ending(snapshot: Snapshot, rows: pl.DataFrame) -> pl.DataFrame:
    """The calendar's rows with the last day of their label."""
    label = pl.coalesce(pl.col("date").cast(pl.String), "period")
    spans = snapshot.calendar.spans(rows.select(label).to_series()).select("label", "last")
    return rows.with_columns(label=label).join(spans, on="label", how="left").drop("label")


def _receipts(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """What was on order then, due when it is due now; what is gone since has come when it was due."""
    due = now["receipts"].select("receipt", now_due="due_on")
    known = before["receipts"].join(due, on="receipt", how="left")
    return known.with_columns(due_on=pl.coalesce("now_due", "due_on")).drop("now_due")


def _events(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    return pl.concat([now["events"], before["events"].join(now["events"], on="event", how="anti")])
