"""Stock that follows from what is made, bought, moved and sold, for plans that say nothing about it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.timeline import BEYOND

NODE = ["item", "location"]


def with_stock(snapshot: Snapshot, flows: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """The flows together with stock and leave, and what does not come out even.

    Formula: stock(t) = stock(t−1) + open + receive + make × yield + buy + ship in − ship out − sell − components
    taken; goods arrive in the period they leave. `leave` is the last stock and what is due after the horizon. A
    stock below nothing is held at no cost, and left at the end at its (negative) end value.

    Parameters
    ----------
    flows : open, receive and any of make, buy, ship, sell, by item, location and period.

    Returns the flows, and notes.
    """
    moves = _moves(snapshot, flows)
    periods = snapshot.periods.select("period", "index")
    nodes = moves.select(NODE).unique()
    inside = moves.filter(pl.col("period") != BEYOND)
    grid = nodes.join(periods, how="cross").join(inside, on=[*NODE, "period"], how="left").sort(*NODE, "index")
    closing = grid.with_columns(quantity=pl.col("quantity").fill_null(0.0).cum_sum().over(NODE).round(6))
    last = closing.unique(NODE, keep="last", maintain_order=True).select(*NODE, "quantity")
    late = moves.filter(pl.col("period") == BEYOND).select(*NODE, "quantity")
    leave = pl.concat([last, late]).group_by(NODE).agg(pl.col("quantity").sum()).sort(NODE)
    stock = closing.select(*NODE, "period", pl.col("quantity").clip(0.0))
    return {**flows, "stock": stock, "leave": leave}, _short(closing, last)


def _moves(snapshot: Snapshot, flows: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    first = snapshot.periods["period"][0]
    parts = [
        flows["open"].with_columns(period=pl.lit(first)),
        flows["receive"],
        *([flows["buy"]] if "buy" in flows else []),
    ]
    if "sell" in flows:
        parts.append(flows["sell"].with_columns(quantity=-pl.col("quantity")))
    if "ship" in flows:
        ship = flows["ship"]
        parts.append(ship.with_columns(location="origin", quantity=-pl.col("quantity")))
        parts.append(ship.with_columns(location="destination"))
    if "make" in flows:
        parts += _made(snapshot, flows["make"])
    moves = pl.concat([part.select(*NODE, "period", pl.col("quantity").cast(pl.Float64)) for part in parts])
    return moves.group_by(*NODE, "period").agg(pl.col("quantity").sum())


def _made(snapshot: Snapshot, make: pl.DataFrame) -> list[pl.DataFrame]:
    started = make.select("routing", "item", "location", "period", started="quantity")
    yields = snapshot["routings"].unique("routing", keep="first").select("routing", "yield")
    good = started.join(yields, on="routing", how="left").with_columns(quantity=pl.col("started") * pl.col("yield"))
    recipe = started.drop("item")
    taken = recipe.join(snapshot["components"], on="routing").with_columns(
        item="component", quantity=-pl.col("started") * pl.col("quantity")
    )
    beside = recipe.join(snapshot["co_products"], on="routing").with_columns(
        quantity=pl.col("started") * pl.col("quantity")
    )
    return [good, taken, beside]


def _short(closing: pl.DataFrame, last: pl.DataFrame) -> list[str]:
    notes = []
    below = closing.filter(pl.col("quantity") < 0)
    if below.height:
        deepest = below.group_by(NODE).agg(pl.col("quantity").min())
        notes.append(
            f"{deepest.height} items at a place would run below nothing, by {-deepest['quantity'].sum():,.6g} units at "
            "most: the plan moves them later than it uses them. Such stock is held at no cost."
        )
    gone = last.filter(pl.col("quantity") < 0)
    if gone.height:
        units = -gone["quantity"].sum()
        notes.append(
            f"{units:,.6g} units of {gone.height} items at a place are missing at the end, and charged at end value."
        )
    return notes
