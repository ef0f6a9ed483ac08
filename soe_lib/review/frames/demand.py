"""Demand: forecast, orders and sales by family and week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.precedence import labelled
from soe_lib.model.demand import unforeseen
from soe_lib.model.network import Network
from soe_lib.review.frames.history import published_forecast, sales_by_week
from soe_lib.review.frames.time import buckets

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

KEYS = ["item", "location", "customer", "week"]


def demand_lines(snapshot: Snapshot) -> pl.DataFrame:
    """Forecast as published and open orders, by item, place, customer and week to come.

    Overdue orders count in the first week. Returns are left out, as in the plan.

    Returns
    -------
    item, family, location, customer, week [bucket], order [place], forecast, orders, unforeseen [units: of the orders,
    what consumes no forecast, its customer's or that for anybody], price [money/unit].
    """
    places = buckets(snapshot.periods).select("period", "bucket", "order")
    items = snapshot["items"].select("item", "family", pl.col("price").alias("list_price"))
    day = pl.max_horizontal("due_on", pl.lit(snapshot.as_of)).alias("date")
    days = snapshot.calendar.days
    open_orders = unforeseen(Network(snapshot)).select(pl.col("order").cast(pl.String), "open")
    orders = (
        snapshot["orders"].filter(pl.col("quantity") > 0).with_columns(day).join(days, on="date", how="inner")
        .join(places, on="period", validate="m:1")
        .join(open_orders, on="order", how="left", validate="m:1")
        .group_by("item", "location", "customer", pl.col("bucket").alias("week"))
        .agg(orders=pl.col("quantity").sum(), unforeseen=pl.col("open").sum())
    )  # fmt: skip
    weeks = places.select("bucket", "order").unique("bucket").rename({"bucket": "week"})
    both = forecast_by_bucket(snapshot).join(orders, on=KEYS, how="full", coalesce=True, validate="1:1")
    return (
        both.with_columns(pl.col("forecast", "orders", "unforeseen").fill_null(0.0))
        .join(weeks, on="week", validate="m:1")
        .join(items, on="item", how="left", validate="m:1")
        .select(
            "item", pl.col("family").fill_null("").replace("", "No family"), "location", "customer", "week", "order",
            "forecast", "orders", "unforeseen", price=pl.col("list_price").fill_null(0.0),
        )
        .sort("item", "location", "customer", "order")
    )  # fmt: skip


def forecast_by_bucket(snapshot: Snapshot) -> pl.DataFrame:
    """The published forecast by the columns of the page's time axis: item, location, customer, week,
    forecast.
    """
    if (snapshot.periods["kind"] != "given").all():
        return published_forecast(snapshot)
    version = snapshot.settings.forecast.version
    rows = snapshot["forecast"].filter(pl.col("version") == version) if version else snapshot["forecast"]
    split = snapshot.calendar.split(labelled(snapshot.calendar, rows, "forecast"))
    places = buckets(snapshot.periods).select("period", week="bucket")
    joined = split.join(places, on="period", validate="m:1")
    return joined.group_by(KEYS).agg(forecast=pl.col("quantity").sum())


def demand_by_week(snapshot: Snapshot, past: Sequence[Snapshot] = (), *, weeks: int = 4) -> pl.DataFrame:
    """Forecast, orders and sales of each family by week: some finished weeks, then the weeks to come.

    A finished week shows what was sold, and the newest forecast published before it began or on its first
    day.

    Parameters
    ----------
    past : earlier extracts, for the forecast of finished weeks. weeks : finished weeks to show [weeks].

    Returns
    -------
    family, week, order [place], forecast [units, null where none is known], orders, actual [units, null in
    weeks to come].
    """
    coming = demand_lines(snapshot).group_by("family", "week", "order").agg(pl.col("forecast", "orders").sum())
    finished = finished_weeks(snapshot, past, weeks=weeks)
    columns = ["family", "week", "order", "forecast", "orders", "actual"]
    future = coming.with_columns(actual=pl.lit(None, dtype=pl.Float64)).select(columns)
    return pl.concat([finished.select(columns), future]).sort("family", "order")


def finished_weeks(snapshot: Snapshot, past: Sequence[Snapshot], *, weeks: int) -> pl.DataFrame:
    """Sales of the last finished weeks by family, with the forecast they began with; places count down
    from −1.
    """
    monday = snapshot.as_of - timedelta(days=snapshot.as_of.weekday())
    names = {(monday - timedelta(weeks=back)).strftime("%G-W%V"): -back for back in range(1, weeks + 1)}
    families = snapshot["items"].select("item", pl.col("family").replace("", "No family"))
    sold = sales_by_week(snapshot).filter(pl.col("week").is_in(list(names)))
    sold = sold.join(families, on="item", validate="m:1").group_by("family", "week").agg(pl.col("actual").sum())
    parts = [
        published_forecast(one)
        .filter(pl.col("week") == one.as_of.strftime("%G-W%V"))
        .join(families, on="item", validate="m:1")
        for one in past
        if one.as_of.weekday() == 0
    ]
    empty = pl.DataFrame(schema={"family": pl.String, "week": pl.String, "forecast": pl.Float64})
    known = pl.concat([empty, *(part.select("family", "week", "forecast") for part in parts)])
    forecast = known.group_by("family", "week").agg(pl.col("forecast").sum())
    order = pl.col("week").replace_strict(names, default=None, return_dtype=pl.Int64).alias("order")
    return sold.join(forecast, on=["family", "week"], how="left", validate="1:1").with_columns(
        order, orders=pl.lit(0.0)
    )
