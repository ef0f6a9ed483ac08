"""What was done against what was planned: the weeks since the plan of record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.lines import named

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan


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
