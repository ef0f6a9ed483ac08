"""Orders take their quantity out of the forecast that foresaw them."""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.extract.settings import Consumption

NODE = ["item", "location"]
BUCKET = [*NODE, "customer", "bucket"]
TURN = ["rank", "whose", "again"]
OWN, UNALLOCATED, ANY = 0, 1, 2
"""Whose forecast an order asks: its customer's, that for anybody, and, where the order names nobody, everybody's."""


def consume(
    foreseen: pl.DataFrame, orders: pl.DataFrame, spans: pl.DataFrame, start: date, rule: Consumption
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What orders leave of each bucket of the forecast, and what no forecast foresaw of each order.

    An order asks the bucket that holds its due date (the finest, where labels overlap), then the buckets that begin or
    end within `backward_days` before it, the nearest first, then those within `forward_days` after it. Of each bucket
    it asks the forecast of its own customer, then the unallocated one. An order without a customer asks the
    unallocated one, then what is left of all customers' forecasts, each in proportion. Orders that ask at the same turn
    are heard by due date, then by order. An order that was due before the start asks nothing: its forecast is over.

    Parameters
    ----------
    foreseen : item, location, customer ("" is unallocated), bucket (a label of time), quantity [unit], one row each.
    orders : order, item, location, customer, due_on, quantity [unit].
    spans : label, first, last (dates, both included).
    start : first day of the horizon. rule : how far an order looks.

    Returns
    -------
    (BUCKET, quantity, kept [share of the quantity that is left]) and (order, quantity, open [unit]).
    """
    open_orders = orders.with_columns(open=pl.col("quantity"))
    asking = open_orders.filter(pl.col("due_on") >= start, pl.col("quantity") > 0).sort("due_on", "order")
    buckets = foreseen.with_columns(kept=pl.lit(1.0)).sort(BUCKET)
    claims = _claims(asking, buckets, _reach(asking, spans, start, rule))
    wants = asking.select("order", "open")
    for (_, whose, _), heard in claims.sort(TURN).group_by(TURN, maintain_order=True):
        wants, buckets = _turn(wants, buckets, heard, whose)
    left = open_orders.select("order", "quantity").join(wants, on="order", how="left", maintain_order="left")
    return buckets, left.with_columns(pl.coalesce("open", "quantity").alias("open"))


def _reach(orders: pl.DataFrame, spans: pl.DataFrame, start: date, rule: Consumption) -> pl.DataFrame:
    """due_on, bucket, rank: 0 for a bucket that holds the day, then backward, then forward, the nearest first."""
    known = spans.filter(pl.col("last") >= start).with_columns(pl.max_horizontal("first", pl.lit(start)).alias("first"))
    pairs = orders.select("due_on").unique().join(known.rename({"label": "bucket"}), how="cross")
    before = (pl.col("due_on") - pl.col("last")).dt.total_days()
    after = (pl.col("first") - pl.col("due_on")).dt.total_days()
    side = pl.when(before > 0).then(1).when(after > 0).then(2).otherwise(0)
    inside = pairs.with_columns(
        side=side, gap=pl.max_horizontal(before, after, 0), days=(pl.col("last") - pl.col("first")).dt.total_days()
    ).filter(pl.col("gap") <= pl.when(side == 1).then(rule.backward_days).otherwise(rule.forward_days) | (side == 0))
    ordered = inside.sort("due_on", "side", "gap", "days", "bucket")
    other = (pl.col("side") > 0).cast(pl.Int64).cum_sum().over("due_on")
    return ordered.select("due_on", "bucket", "days", rank=other)


def _claims(orders: pl.DataFrame, buckets: pl.DataFrame, reach: pl.DataFrame) -> pl.DataFrame:
    """order, due_on, BUCKET and TURN: every bucket that an order may ask, in the order of asking."""
    asked = orders.select("order", *NODE, "customer", "due_on")
    named, nobody = pl.col("customer") != "", pl.col("customer") == ""
    pools = buckets.select(BUCKET)
    everybody = asked.filter(nobody).drop("customer")
    found = [
        _asks(asked.filter(named), pools, reach, OWN),
        _asks(asked.drop("customer"), pools.filter(nobody).drop("customer"), reach, UNALLOCATED),
        _asks(everybody, pools.filter(named).drop("customer").unique(), reach, ANY),
    ]
    return pl.concat(found, how="diagonal")


def _asks(orders: pl.DataFrame, pools: pl.DataFrame, reach: pl.DataFrame, whose: int) -> pl.DataFrame:
    claims = orders.join(reach, on="due_on").join(pools, on=pools.columns).sort("order", "rank", "days", "bucket")
    claims = claims.with_columns(whose=pl.lit(whose), again=pl.int_range(pl.len()).over("order", "rank"))
    # Of several labels that hold the day, the finest is its own: a month's row then speaks of its other days. Only
    # where customers are forecast by labels of their own is there more than one to ask.
    return claims.filter((pl.col("again") == 0) | (whose == ANY)).drop("days")


def _turn(
    wants: pl.DataFrame, buckets: pl.DataFrame, claims: pl.DataFrame, whose: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One turn: orders take from their bucket in the order of their due dates until it is empty."""
    keys = BUCKET if whose == OWN else [*NODE, "bucket"]
    mine = pl.col("customer") == "" if whose == UNALLOCATED else pl.col("customer") != ""
    held = buckets.filter(mine).group_by(keys, maintain_order=True)
    pools = held.agg(pool=(pl.col("quantity") * pl.col("kept")).sum()).filter(pl.col("pool") > 0)
    asked = (
        claims.join(wants.filter(pl.col("open") > 0), on="order")
        .join(pools, on=keys)
        .sort("due_on", "order")
        .with_columns(before=(pl.col("open").cum_sum() - pl.col("open")).over(keys))
        .with_columns(taken=pl.min_horizontal("open", (pl.col("pool") - pl.col("before")).clip(lower_bound=0.0)))
    )
    rest = asked.group_by(keys, maintain_order=True).agg(
        rest=(1.0 - pl.col("open").sum() / pl.col("pool").first()).clip(0.0, 1.0)
    )
    wants = wants.join(asked.select("order", "taken"), on="order", how="left", maintain_order="left")
    buckets = buckets.join(rest, on=keys, how="left", maintain_order="left")
    share = pl.when(mine).then(pl.col("rest").fill_null(1.0)).otherwise(1.0)
    return (
        wants.select("order", (pl.col("open") - pl.col("taken").fill_null(0.0)).clip(lower_bound=0.0)),
        buckets.with_columns(pl.col("kept") * share).drop("rest"),
    )
