"""Where an item can be, and from which sources a node is supplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.uncertainty import supply

if TYPE_CHECKING:
    from soe_lib.model.network import Network


NODE = ["item", "location"]
NO_ITEM = ""


def _places(network: Network, names: tuple[str, ...]) -> pl.DataFrame:
    return pl.concat([network.table(name).select(NODE) for name in names]).unique()


@prepared
def sources(network: Network) -> pl.DataFrame:
    """item, location where an item is made, bought, in stock or on order."""
    made = network.table("routings").select("routing", "location").unique()
    beside = network.table("co_products").select("routing", "item").join(made, on="routing").select(NODE)
    return pl.concat([_places(network, ("routings", "offers", "inventory", "receipts")), beside]).unique().sort(NODE)


@prepared
def wants(network: Network) -> pl.DataFrame:
    """item, location where an item is demanded, consumed, or kept by policy."""
    made = network.table("routings").select("routing", "location").unique()
    consumed = (
        network.table("components").join(made, on="routing").select(pl.col("component").alias("item"), "location")
    )
    demand = demanded(network)
    pairs = network.table("substitutions").select("item", "substitute").unique()
    instead = demand.join(pairs, on="item").select(pl.col("substitute").alias("item"), "location")
    return pl.concat([demand, instead, consumed, _places(network, ("policies",))]).unique().sort(NODE)


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


FAR = 1e6
"""Days to a node that nothing supplies."""
DEPTH = 60
"""Longest chain that is followed [steps]."""


@prepared
def ways(network: Network) -> pl.DataFrame:
    """Every source of a node (routing, offer, lane) that is open in some period of the horizon.

    A lead time in working days counts 7 ÷ working days of the week calendar days each.

    Returns
    -------
    item, location, kind (make, ship, buy), name, origin (of a ship), days [lead time], cost [money per unit; 0 of a
    make].
    """
    mean = float(network.periods.select(((pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1).mean()).item())
    settings = network.settings
    a_day = 7.0 / len(settings.calendar.working_days) if settings.lead_time.days == "working days" else 1.0
    plain = (pl.col("lead_time_days").cast(pl.Float64) * a_day).fill_null(0.0)
    days = pl.coalesce(pl.col("lead_time_periods") * mean, plain).alias("days")
    nowhere = pl.lit("", dtype=network.domains["location"]).alias("origin")
    made = _open(network, network.table("routings")).select(
        *NODE, pl.lit("make").alias("kind"), pl.col("routing").cast(pl.String).alias("name"), nowhere, days,
        pl.lit(0.0).alias("cost"),
    )  # fmt: skip
    bought = _open(network, network.table("offers")).select(
        *NODE, pl.lit("buy").alias("kind"), pl.col("offer").cast(pl.String).alias("name"), nowhere,
        plain.alias("days"),
        pl.col("unit_cost").fill_null(0.0).alias("cost"),
    )  # fmt: skip
    lanes = _open(network, network.lanes)
    shipped = lanes.select(
        "item", pl.col("destination").alias("location"), pl.lit("ship").alias("kind"),
        pl.col("lane").cast(pl.String).alias("name"), "origin",
        days if "lead_time_periods" in lanes.columns else plain.alias("days"),
        pl.col("cost_per_unit").fill_null(0.0).alias("cost"),
    )  # fmt: skip
    same = {"days": pl.Float64, "cost": pl.Float64}
    return pl.concat(
        [one.with_columns(pl.col(name).cast(kind) for name, kind in same.items()) for one in (made, bought, shipped)]
    )


def _open(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are valid in some period of the horizon and have no maximum of 0."""
    first, last = (pl.lit(network.periods["starts_on"][place]) for place in (0, -1))
    known = (pl.col("valid_from").fill_null(first) <= last) & (pl.col("valid_to").fill_null(last) >= first)
    return rows.filter(known & (pl.col("maximum").fill_null(1.0) > 0.0))


def way_from_stock(network: Network, held: pl.DataFrame) -> pl.DataFrame:
    """The shortest lead time to a node from the nodes that hold stock against errors.

    Formula: days = min over the node's sources of lead time + wait at the supplying node: 0 where that node holds
    stock, its own days where it does not. What is made waits for the last of its components.

    Parameters
    ----------
    held : item, location of the nodes that hold such stock.

    Returns
    -------
    item, location, days, of every node with a way in.
    """
    known = ways(network).select(*NODE, "kind", "name", "origin", "days").with_row_index("way")
    parts = network.table("components").select(pl.col("routing").cast(pl.String).alias("name"), feed="component")
    made = known.filter(pl.col("kind") == "make").join(parts, on="name").select("way", "feed", at="location")
    shipped = known.filter(pl.col("kind") == "ship").select("way", feed="item", at="origin")
    stock = held.select(feed="item", at="location")
    fed = pl.concat([made, shipped]).join(stock, on=["feed", "at"], how="anti")
    found = known.group_by(NODE).agg(pl.col("days").min()).sort(NODE)
    for _ in range(DEPTH):
        before = found.select(feed="item", at="location", wait="days")
        waits = fed.join(before, on=["feed", "at"]).group_by("way").agg(pl.col("wait").max())
        total = pl.col("days") + pl.col("wait").fill_null(0.0)
        longer = known.join(waits, on="way", how="left").group_by(NODE).agg(total.min().alias("days")).sort(NODE)
        if longer.equals(found):
            break
        found = longer
    return found


@prepared
def lateness(network: Network) -> pl.DataFrame:
    """How many days late each offer, lane and routing may be: see `uncertainty.supply.mixtures`."""
    return supply.mixtures(network.snapshot)


@prepared
def shortest(network: Network) -> pl.DataFrame:
    """item, location, hops, days: fewest lanes and shortest lead time from where an item is made or bought."""
    known = ways(network)
    found = known.filter(pl.col("kind") != "ship").group_by(NODE).agg(pl.col("days").min(), hops=pl.lit(0))
    lanes = known.filter(pl.col("kind") == "ship").group_by("item", "origin", "location").agg(pl.col("days").min())
    for _ in range(DEPTH):
        reached = found.rename({"location": "origin", "days": "before"})
        further = lanes.join(reached, on=["item", "origin"]).select(
            *NODE, days=pl.col("days") + pl.col("before"), hops=pl.col("hops") + 1
        )
        both = pl.concat([found.select(*NODE, "days", "hops"), further])
        nearer = both.group_by(NODE).agg(pl.col("days").min(), pl.col("hops").min())
        if nearer.height == found.height and nearer.sort(NODE).equals(found.select(*NODE, "days", "hops").sort(NODE)):
            break
        found = nearer
    return found.sort(NODE)


@prepared
def usage(network: Network) -> pl.DataFrame:
    """Units of each node that one unit of demand needs, over lanes and bills of material, itself included.

    A node that can make an item uses its routings, else the lanes with the fewest steps from a source; several share
    equally. Components count per good unit.

    Returns
    -------
    item, location (the node that feeds), of_item, of_location (the demand), per_unit.
    """
    known, hops = ways(network), shortest(network).select(*NODE, "hops")
    made = known.filter(pl.col("kind") == "make").select(*NODE, "name").unique()
    parts = network.table("components").select(pl.col("routing").cast(pl.String).alias("name"), "component", "quantity")
    yields = network.table("routings").select(pl.col("routing").cast(pl.String).alias("name"), "yield").unique("name")
    share = 1.0 / pl.len().over(NODE)
    consumed = (
        made.with_columns(share=share)
        .join(parts, on="name")
        .join(yields, on="name", how="left")
        .select(
            *NODE,
            feed=pl.col("component"),
            at="location",
            per_unit=pl.col("share") * pl.col("quantity") / pl.col("yield").fill_null(1.0).clip(1e-9),
        )
    )
    lanes = (
        known.filter(pl.col("kind") == "ship")
        .select(*NODE, "origin")
        .unique()
        .join(made, on=NODE, how="anti")
        .join(hops, on=NODE)
        .join(hops.rename({"location": "origin", "hops": "there"}), on=["item", "origin"])
        .filter(pl.col("there") == pl.col("hops") - 1)
    )
    moved = lanes.select(*NODE, feed="item", at="origin", per_unit=1.0 / pl.len().over(NODE))
    steps = pl.concat([consumed, moved]).sort(pl.all())
    steps = steps.group_by(*NODE, "feed", "at", maintain_order=True).agg(pl.col("per_unit").sum())
    demanded = network.demand.select(NODE).unique()
    front = demanded.with_columns(of_item="item", of_location="location", per_unit=pl.lit(1.0))
    found = [front]
    for _ in range(DEPTH):
        front = (
            front.rename({"per_unit": "so_far"})
            .join(steps, on=NODE)
            .select(
                pl.col("feed").alias("item"),
                pl.col("at").alias("location"),
                "of_item",
                "of_location",
                per_unit=pl.col("so_far") * pl.col("per_unit"),
            )
            .sort(pl.all())
            .group_by(*NODE, "of_item", "of_location", maintain_order=True)
            .agg(pl.col("per_unit").sum())
        )
        if front.is_empty():
            break
        found.append(front)
    return (
        pl.concat(found)
        .sort(pl.all())
        .group_by(*NODE, "of_item", "of_location", maintain_order=True)
        .agg(pl.col("per_unit").sum())
        .sort(*NODE, "of_item", "of_location")
    )
