"""Families that lines are set up for: which operation is of which, and what changing from one to another takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network

SHARED = ("labour", "dock", "storage")
"""Kinds of resources that are in no state: a crew's set-up hours are saved with the line's, but it is the line that is
set up for one thing at a time."""

PAIR = ("from_family", "to_family")
FAMILY = ("setup_family", *PAIR)


@prepared
def lines(network: Network) -> pl.DataFrame:
    """resource: the lines."""
    return network.table("resources").filter(~pl.col("kind").fill_null("").is_in(SHARED)).select("resource")


@prepared
def changes(network: Network) -> pl.DataFrame:
    """resource, from_family, to_family, hours, cost: every change of the lines where any change costs something.

    A line's own row goes before the row of every line; what no row names takes nothing. From "" a line changes that is
    set up for nothing yet.
    """
    told = _told(network)
    blank = pl.col("resource").cast(pl.String) == ""
    states = _states(network)
    begin = states.select("resource", from_family="setup_family")
    pairs = begin.join(states.filter("runs").select("resource", to_family="setup_family"), on="resource")
    pairs = pairs.filter(pl.col("from_family") != pl.col("to_family"))
    own = told.filter(~blank).rename({"hours": "own_hours", "cost": "own_cost"})
    every = told.filter(blank).drop("resource")
    found = pairs.join(own, on=["resource", *PAIR], how="left").join(every, on=PAIR, how="left")
    taken = [pl.coalesce(f"own_{name}", name).fill_null(0.0).alias(name) for name in ("hours", "cost")]
    found = found.select("resource", *PAIR, *taken)
    return found.filter((pl.col("hours") + pl.col("cost") > 0).any().over("resource")).sort("resource", *PAIR)


@prepared
def states(network: Network) -> pl.DataFrame:
    """resource, setup_family, runs, opening, size: what a line that changes over may be set up for.

    runs : whether it makes anything of the family. opening : whether it is set up for it when the horizon starts.
    size : how many families run there.
    """
    found = _states(network).join(changes(network).select("resource").unique(), on="resource", how="semi")
    return found.with_columns(size=pl.col("runs").sum().over("resource").cast(pl.Float64))


@prepared
def operations(network: Network) -> pl.DataFrame:
    """routing, step, resource, setup_family of the operations on lines that change over."""
    return _named(network).join(changes(network).select("resource").unique(), on="resource", how="semi")


@prepared
def _told(network: Network) -> pl.DataFrame:
    """The rows of `changeovers`, numbers filled and families coded."""
    rows = network.table("changeovers").select("resource", *PAIR, pl.col("hours", "cost").fill_null(0.0))
    return _coded(network, rows)


@prepared
def _named(network: Network) -> pl.DataFrame:
    """routing, step, resource, setup_family of a line's operations: their own, else the item's; none without one."""
    own = network.table("operations").select("routing", "step", "resource", pl.col("setup_family").fill_null(""))
    if network.table("changeovers").is_empty():
        return _coded(network, own.clear())
    items = network.table("items").select("item", pl.col("family").fill_null(""))
    of = network.table("routings").select("routing", "item").unique("routing").join(items, on="item")
    own = own.join(of, on="routing").join(lines(network), on="resource", how="semi")
    family = pl.when(pl.col("setup_family") == "").then("family").otherwise("setup_family").alias("setup_family")
    return _coded(network, own.select("routing", "step", "resource", family).filter(pl.col("setup_family") != ""))


@prepared
def _states(network: Network) -> pl.DataFrame:
    families = _named(network).select("resource", "setup_family", runs=pl.lit(value=True)).unique()
    begin = network.table("resources").select("resource", pl.col("set_up_for").fill_null("").alias("setup_family"))
    begin = begin.join(families, on="resource", how="semi").with_columns(opening=pl.lit(value=True))
    both = families.join(_coded(network, begin), on=["resource", "setup_family"], how="full", coalesce=True)
    return both.with_columns(pl.col("runs", "opening").fill_null(value=False)).sort("resource", "setup_family")


def _coded(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their families coded: every name in sorted order."""
    kind = pl.Enum(_labels(network)["family"])
    return rows.with_columns(pl.col(name).fill_null("").cast(kind) for name in FAMILY if name in rows.columns)


@prepared
def _labels(network: Network) -> pl.DataFrame:
    """family: every name of a family that any table has, in sorted order; "" is nothing."""
    places = (("items", "family"), ("operations", "setup_family"), ("resources", "set_up_for"))
    columns = [*places, *(("changeovers", name) for name in PAIR)]
    names = [network.table(table).select(family=pl.col(column).fill_null("")) for table, column in columns]
    return pl.concat([pl.DataFrame({"family": [""]}), *names]).unique().sort("family")
