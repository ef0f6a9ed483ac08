"""Shelf life: first expired, first out; what is not used in time is scrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import make
from soe_lib.model.blocks.cohort_rows import followed
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

NODE = ("item", "location")
CELL = (*NODE, "period")


class ShelfLife(Part):
    """What is in stock at the end of a period leaves within its shelf life: sold, shipped, consumed or scrapped.

    Brings flow `scrap` (item, location, period) [units] and rows `shelf_life` (item, location, period):
    stock(t) <= Σ outflow over the shelf life after t, and `lot_expiry` (item, location, lot): Σ outflow until a lot
    expires >= all that expires by then. First expired, first out. The rows are those of items that stay where they are;
    what travels is followed by `Cohorts`. Books −standard_cost per scrapped unit to "write-offs" (inventory money, not
    cash).
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """scrap."""
        if not (nodes := ageing(network)).is_empty():
            cells = nodes.join(network.periods.select("period"), how="cross")
            cells = cells.join(expired(network), on=CELL, how="left").with_columns(pl.col("expired").fill_null(0.0))
            yield Flow("scrap", cells, CELL, "unit", "units written off", lower="expired")

    def balances(self, network: Network) -> Iterator[Balance]:
        """shelf_life, lot_expiry."""
        if not (rows := limits(network)).is_empty():
            yield Balance("shelf_life", rows, CELL, "<=", "unit", "stock is used within its shelf life")
        if not (rows := lots(network)).is_empty():
            yield Balance(
                "lot_expiry",
                rows,
                (*NODE, "lot"),
                "<=",
                "unit",
                "a lot is used before it expires",
                rhs=-pl.col("due_out"),
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of scrap on stock; of stock and of every outflow on both rules."""
        if ageing(network).is_empty():
            return
        yield Effect("scrap", "stock", -1.0)
        if not (rows := limits(network)).is_empty():
            yield Effect("stock", "shelf_life", join=rows.select(CELL), using=CELL)
            yield from outflows(network, "shelf_life", reach(network))
        if not (rows := lots(network)).is_empty():
            yield from outflows(network, "lot_expiry", until(network))

    def rates(self, network: Network) -> Iterator[Rate]:
        """Write-offs."""
        if not ageing(network).is_empty():
            yield Rate("write-offs", "scrap", -pl.col("standard_cost"), kind="inventory")


def outflows(network: Network, on: str, windows: pl.DataFrame) -> Iterator[Effect]:
    """The outflow of a node in `period` counts for the rule's row; windows: node, period and the row's key."""
    row = {"period": "of"} if on == "shelf_life" else {}
    at_node = windows.rename({"item": "node_item", "location": "node"})
    for flow, item, place in (("sell", "item", "location"), ("scrap", "item", "location"), ("ship", "item", "origin")):
        table = at_node.rename({"node_item": item, "node": place})
        yield Effect(flow, on, -1.0, at={**row, "location": place}, join=table, using=(item, place, "period"))
    instead = at_node.rename({"node_item": "substitute", "node": "location"})
    yield Effect(
        "replace", on, -pl.col("ratio"), at={**row, "item": "substitute"}, join=instead,
        using=("substitute", "location", "period"),
    )  # fmt: skip
    bom = make.components(network)
    if not bom.is_empty():
        table = bom.join(at_node, left_on="component", right_on="node_item").rename({"node": "location"})
        yield Effect(
            "make", on, -pl.col("quantity"), at={**row, "item": "component"}, join=table,
            using=("routing", "location", "period"),
        )  # fmt: skip


@prepared
def ageing(network: Network) -> pl.DataFrame:
    """item, location, shelf_life_days, standard_cost, followed (by cohorts) of nodes whose stock can expire."""
    items = network.items.select("item", "shelf_life_days", pl.col("standard_cost").fill_null(0.0))
    dated = network.table("inventory").filter(pl.col("expires_on").is_not_null()).select(NODE).unique()
    travelling = followed(network).select("item", followed=pl.lit(value=True))
    nodes = network.nodes.join(items, on="item").join(travelling, on="item", how="left")
    nodes = nodes.with_columns(pl.col("followed").fill_null(value=False))
    by_lot = nodes.join(dated, on=list(NODE), how="semi")
    lasting = nodes.filter(pl.col("shelf_life_days").is_not_null() | pl.col("followed"))
    return pl.concat([lasting, by_lot]).unique(NODE, keep="first", maintain_order=True)


@prepared
def expired(network: Network) -> pl.DataFrame:
    """item, location, period (the first), expired: stock of lots that expired before today; nothing may use it."""
    dead = network.table("inventory").filter(pl.col("expires_on") < pl.lit(network.snapshot.as_of))
    return dead.group_by(NODE).agg(pl.col("on_hand").sum().alias("expired")).with_columns(network.first.alias("period"))


@prepared
def limits(network: Network) -> pl.DataFrame:
    """item, location, period, gone_by: where the shelf life of the closing stock ends before the horizon does."""
    nodes = ageing(network).filter(pl.col("shelf_life_days").is_not_null(), ~pl.col("followed"))
    days = pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    end = network.snapshot.periods["ends_on"][-1]
    return (
        nodes.join(network.periods.select("period", "index", "ends_on"), how="cross")
        .with_columns((pl.col("ends_on") + days).alias("gone_by"))
        .filter(pl.col("gone_by") < end)
        .select(*CELL, "index", "gone_by")
    )


@prepared
def reach(network: Network) -> pl.DataFrame:
    """item, location, of (the row's period), period: the periods within the shelf life after `of`."""
    later = network.periods.select("period", pl.col("index").alias("then"), "ends_on")
    return (
        limits(network)
        .rename({"period": "of"})
        .join(later, how="cross")
        .filter((pl.col("then") > pl.col("index")) & (pl.col("ends_on") <= pl.col("gone_by")))
        .select(*NODE, "of", "period")
    )


@prepared
def lots(network: Network) -> pl.DataFrame:
    """item, location, lot, due_out: what must be out by the time the lot expires, it and all that expire before."""
    end = network.snapshot.periods["ends_on"][-1]
    return (
        network.table("inventory")
        .filter(pl.col("expires_on").is_not_null() & (pl.col("expires_on") < end))
        .join(followed(network), on="item", how="anti")
        .sort(*NODE, "expires_on", "lot")
        .with_columns(pl.col("on_hand").cum_sum().over(NODE).alias("due_out"))
        .select(*NODE, "lot", "expires_on", "due_out")
    )


@prepared
def until(network: Network) -> pl.DataFrame:
    """item, location, lot, period: the periods that end by the lot's expiry, and the first in any case."""
    inside = (pl.col("ends_on") <= pl.col("expires_on")) | (pl.col("index") == 0)
    return (
        lots(network)
        .join(network.periods.select("period", "index", "ends_on"), how="cross")
        .filter(inside)
        .select(*NODE, "lot", "period")
    )
