"""The cheapest way to make, buy or move each item: for plans that do not say how."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from soe_lib.extract.snapshot import Snapshot

NODE = ["item", "location"]


@dataclass(frozen=True, eq=False)
class Ways:
    """The cheapest routing and offer of each item and place, and the lanes between places.

    Parameters
    ----------
    routings : item, location, routing, yield, total, work (its steps at their resources' hourly cost) [money/unit
        started]; the cheapest of each node.
    offers : item, location, offer, supplier, expedite; the cheapest ordinary one of each node.
    lanes : lane, item, origin, destination, cost; origin nearer to a source than destination.
    depths : item, location, depth: shipments away from where the item is made or bought.
    levels : item, level: 0 for what nothing else is made from it, then down the bills of material.
    runs : routing, step, resource: the cheapest resource of each step that has several.
    """

    routings: pl.DataFrame
    offers: pl.DataFrame
    lanes: pl.DataFrame
    depths: pl.DataFrame
    levels: pl.DataFrame
    runs: pl.DataFrame

    @property
    def deepest(self) -> int:
        """The longest way from a source, in shipments."""
        return int(self.depths.get_column("depth").max() or 0)  # type: ignore[arg-type]

    @property
    def lowest(self) -> int:
        """The lowest level of the bills of material."""
        return int(self.levels.get_column("level").max() or 0)  # type: ignore[arg-type]

    def inbound(self, need: pl.DataFrame, shares: pl.DataFrame | None) -> pl.DataFrame:
        """What is needed as shipments: lane, item, origin, destination, period, quantity.

        Formula: all by the cheapest lane; where `shares` says how much the origins make, by the cheapest lane
        of each in proportion.
        """
        each = ["item", "destination"]
        cheapest = self.lanes.sort(*each, "cost", "lane").unique([*each, "origin"], keep="first", maintain_order=True)
        made = (
            pl.DataFrame(schema={"item": pl.String, "location": pl.String, "made": pl.Float64})
            if shares is None
            else shares
        )
        known = cheapest.join(
            made, left_on=["item", "origin"], right_on=NODE, how="left", maintain_order="left"
        ).with_columns(pl.col("made").fill_null(0.0))
        first = pl.int_range(pl.len()).over(each) == 0
        by_make = pl.col("made") / pl.col("made").sum().over(each)
        part = pl.when(pl.col("made").sum().over(each) > 0).then(by_make).otherwise(first.cast(pl.Float64))
        chosen = known.with_columns(part=part).filter(pl.col("part") > 0)
        moved = need.rename({"location": "destination"}).join(chosen, on=each, how="inner")
        return moved.with_columns(quantity=pl.col("quantity") * pl.col("part"))


def ways(snapshot: Snapshot) -> Ways:
    """The cheapest ways that an extract knows, whatever their capacity and validity.

    Formula: routing: (cost_per_unit + Σ steps min hours × hourly_cost + Σ components × standard cost) / yield;
    offer: unit_cost, or the mean of its period prices; lane: cost_per_unit. Of equals the first by name.
    """
    routings, runs = _routings(snapshot)
    offers = _offers(snapshot)
    sources = pl.concat([routings.select(NODE), offers.select(NODE)]).unique()
    lanes, depths = _lanes(snapshot, sources)
    return Ways(routings, offers, lanes, depths, _levels(snapshot), runs)


def _routings(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    hourly = snapshot["resources"].select("resource", pl.col("hourly_cost").fill_null(0.0))
    hours = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    work = (
        snapshot["operations"].join(hourly, on="resource", how="left").with_columns(cost=hours * pl.col("hourly_cost"))
    )
    own = work.filter(pl.col("step") == "").group_by("routing").agg(pl.col("cost").sum())
    steps = work.filter(pl.col("step") != "").sort("routing", "step", "cost", "resource")
    several = pl.len().over("routing", "step") > 1
    runs = steps.filter(several).unique(["routing", "step"], keep="first", maintain_order=True)
    least = steps.unique(["routing", "step"], keep="first").group_by("routing").agg(pl.col("cost").sum())
    standard = snapshot["items"].select(pl.col("item").alias("component"), pl.col("standard_cost").fill_null(0.0))
    parts = (
        snapshot["components"]
        .join(standard, on="component", how="left")
        .group_by("routing")
        .agg(cost=(pl.col("quantity") * pl.col("standard_cost")).sum())
    )
    each = pl.concat([own, least]).group_by("routing").agg(work=pl.col("cost").sum())
    full = snapshot["routings"].unique("routing", keep="first", maintain_order=True)
    full = full.join(each, on="routing", how="left").join(parts, on="routing", how="left")
    full = full.with_columns(pl.col("work", "cost").fill_null(0.0))
    full = full.with_columns(total=(pl.col("cost_per_unit") + pl.col("work") + pl.col("cost")) / pl.col("yield"))
    cheapest = full.sort(*NODE, "total", "routing").unique(NODE, keep="first", maintain_order=True)
    return cheapest.select(*NODE, "routing", "yield", "total", "work"), runs.select("routing", "step", "resource")


def _offers(snapshot: Snapshot) -> pl.DataFrame:
    prices = snapshot["offer_prices"].group_by("offer").agg(pl.col("unit_cost").mean().alias("mean"))
    table = (
        snapshot["offers"]
        .join(prices, on="offer", how="left")
        .with_columns(cost=pl.coalesce("unit_cost", "mean").fill_null(0.0))
    )
    ordered = table.sort(*NODE, "expedite", "cost", "offer")
    return ordered.unique(NODE, keep="first", maintain_order=True).select(
        *NODE, "offer", "supplier", "expedite", "cost"
    )


def _lanes(snapshot: Snapshot, sources: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lanes that lead away from the sources of an item, and how far from them each place is."""
    table = snapshot["lanes"].unique("lane", keep="first", maintain_order=True)
    table = table.select("lane", "item", "origin", "destination", cost=pl.col("cost_per_unit").fill_null(0.0))
    items = snapshot["items"].select("item")
    every = table.filter(pl.col("item") == "").drop("item").join(items, how="cross").select(table.columns)
    lanes = pl.concat([table.filter(pl.col("item") != ""), every])
    found, fresh, depth = sources.with_columns(depth=pl.lit(0)), sources, 0
    while fresh.height:
        depth += 1
        reached = lanes.join(fresh, left_on=["item", "origin"], right_on=NODE, how="semi")
        fresh = (
            reached.select("item", pl.col("destination").alias("location")).unique().join(found, on=NODE, how="anti")
        )
        found = pl.concat([found, fresh.with_columns(depth=pl.lit(depth))])
    ends = (
        found.rename({"location": "origin"})
        .join(lanes, on=["item", "origin"], how="inner")
        .join(found.rename({"location": "destination", "depth": "far"}), on=["item", "destination"], how="inner")
    )
    return ends.filter(pl.col("depth") < pl.col("far")).select(lanes.columns), found.sort(NODE)


def _levels(snapshot: Snapshot) -> pl.DataFrame:
    """Items by how deep they go into others: 0, or one more than the deepest item that uses them."""
    makes = snapshot["routings"].select("routing", "item").unique()
    uses = snapshot["components"].join(makes, on="routing").select("item", "component").unique()
    levels = snapshot["items"].select("item", level=pl.lit(0))
    for _ in range(snapshot["items"].height):
        below = uses.join(levels, on="item").group_by(item="component").agg(deeper=pl.col("level").max() + 1)
        deeper = (
            levels.join(below, on="item", how="left")
            .with_columns(level=pl.max_horizontal("level", pl.col("deeper").fill_null(0)))
            .drop("deeper")
        )
        if deeper.equals(levels):
            break
        levels = deeper
    return levels
