"""Where an item can be: lanes of blank item carry what can reach their origin and is wanted beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network

NODE = ["item", "location"]
NO_ITEM = ""


def _places(network: Network, names: tuple[str, ...]) -> pl.DataFrame:
    return pl.concat([network.table(name).select(NODE) for name in names]).unique()


@prepared
def sources(network: Network) -> pl.DataFrame:
    """item, location where an item comes from: made, bought, on hand or on its way."""
    made = network.table("routings").select("routing", "location").unique()
    beside = network.table("co_products").select("routing", "item").join(made, on="routing").select(NODE)
    return pl.concat([_places(network, ("routings", "offers", "inventory", "receipts")), beside]).unique().sort(NODE)


@prepared
def wants(network: Network) -> pl.DataFrame:
    """item, location where an item is asked for: demanded, consumed, or kept by policy."""
    made = network.table("routings").select("routing", "location").unique()
    consumed = (
        network.table("components").join(made, on="routing").select(pl.col("component").alias("item"), "location")
    )
    asked = demanded(network)
    pairs = network.table("substitutions").select("item", "substitute").unique()
    instead = asked.join(pairs, on="item").select(pl.col("substitute").alias("item"), "location")
    return pl.concat([asked, instead, consumed, _places(network, ("policies",))]).unique().sort(NODE)


@prepared
def demanded(network: Network) -> pl.DataFrame:
    """item, location of every demand line: the same when only quantities change."""
    return network.demand.select(NODE).unique().sort(NODE)


def lanes(network: Network) -> pl.DataFrame:
    """The lanes table with an item in every row; a blank item stands for all that the lane can usefully carry."""
    table = network.table("lanes")
    blank = table.filter(pl.col("item").cast(pl.String) == NO_ITEM)
    named = table.filter(pl.col("item").cast(pl.String) != NO_ITEM)
    if blank.is_empty():
        return named
    arcs = blank.select("origin", "destination").unique()
    fixed = named.select("item", "origin", "destination").unique()
    forward = _spread(sources(network), arcs, fixed, "origin", "destination")
    backward = _spread(wants(network), arcs, fixed, "destination", "origin")
    carried = (
        blank.drop("item")
        .join(forward.rename({"location": "origin"}), on="origin")
        .join(backward.rename({"location": "destination"}), on=["item", "destination"], how="semi")
    )
    return pl.concat([named, carried.select(named.columns)])


def _spread(start: pl.DataFrame, arcs: pl.DataFrame, fixed: pl.DataFrame, at: str, to: str) -> pl.DataFrame:
    """All nodes that `start` reaches along the lanes, from column `at` to column `to`."""
    found, fresh = start, start
    while not fresh.is_empty():
        any_item = fresh.join(arcs, left_on="location", right_on=at).select("item", pl.col(to).alias("location"))
        one_item = fresh.join(fixed, left_on=NODE, right_on=["item", at]).select("item", pl.col(to).alias("location"))
        fresh = pl.concat([any_item, one_item]).unique().join(found, on=NODE, how="anti")
        found = pl.concat([found, fresh])
    return found


def nodes(network: Network) -> pl.DataFrame:
    """item, location: sources, wants, and both ends of every lane."""
    carried = network.lanes
    return (
        pl.concat(
            [
                sources(network),
                wants(network),
                carried.select("item", pl.col("origin").alias("location")),
                carried.select("item", pl.col("destination").alias("location")),
            ]
        )
        .unique()
        .sort(NODE)
    )
