"""The cheapest supply of given sales, level by level of the bills of material, for plans without supply flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import BEYOND

NODE = ["item", "location"]


@dataclass(frozen=True, eq=False)
class CheapestSupply:
    """The cheapest routing and offer of each item and place, and the lanes between places.

    Parameters
    ----------
    routings : item, location, routing, yield, total, work (its steps at their resources' hourly cost) [money/unit
        started]; the cheapest of each node.
    offers : item, location, offer, supplier, expedite; the cheapest ordinary offer of each node.
    lanes : lane, item, origin, destination, cost; the origin is nearer to a source than the destination.
    depths : item, location, depth: number of shipments from a place that makes or buys the item.
    levels : item, level: 0 for items that are no component, then down the bills of material.
    runs : routing, step, resource: the cheapest resource of each step with several.
    """

    routings: pl.DataFrame
    offers: pl.DataFrame
    lanes: pl.DataFrame
    depths: pl.DataFrame
    levels: pl.DataFrame
    runs: pl.DataFrame

    @property
    def deepest(self) -> int:
        """The largest number of shipments from a source."""
        return int(self.depths.get_column("depth").max() or 0)  # type: ignore[arg-type]

    @property
    def lowest(self) -> int:
        """The lowest level of the bills of material."""
        return int(self.levels.get_column("level").max() or 0)  # type: ignore[arg-type]

    def inbound(self, need: pl.DataFrame, shares: pl.DataFrame | None) -> pl.DataFrame:
        """The requirement as shipments: lane, item, origin, destination, period, quantity.

        Formula: all by the cheapest lane; with `shares`, by the cheapest lane of each origin in proportion to its
        production.
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


def cheapest_supply(snapshot: Snapshot) -> CheapestSupply:
    """The cheapest routings, offers and lanes of an extract, regardless of capacity and validity.

    Formula: routing: (cost_per_unit + Σ steps min hours × hourly_cost + Σ components × standard cost) / yield;
    offer: unit_cost, or the mean of its period prices; lane: cost_per_unit. Ties go to the first by name.
    """
    routings, runs = _routings(snapshot)
    offers = _offers(snapshot)
    sources = pl.concat([routings.select(NODE), offers.select(NODE)]).unique()
    lanes, depths = _lanes(snapshot, sources)
    return CheapestSupply(routings, offers, lanes, depths, _levels(snapshot), runs)


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
    """Lanes that lead away from the sources of an item, and the distance of each place from them."""
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
    """Low-level codes: 0, or one more than the largest level of the items that use the item."""
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


NEED = pl.Schema({"item": pl.String, "location": pl.String, "period": pl.String, "quantity": pl.Float64})
DEEPEST = 50


@dataclass
class Requirements:
    """Collects flows while requirements are exploded from customers to suppliers.

    Parameters
    ----------
    snapshot, ways : the extract, and its cheapest supply.
    owned : opening stock and receipts by node and period, used before production and purchases.
    flows : rows of make, buy and ship collected so far.
    notes : counts of unsupplied requirements.
    """

    snapshot: Snapshot
    ways: CheapestSupply
    owned: pl.DataFrame
    flows: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: {"make": [], "buy": [], "ship": []})
    notes: list[str] = field(default_factory=list)

    def ship(self, need: pl.DataFrame, *, shares: pl.DataFrame | None = None, net: bool = True) -> pl.DataFrame:
        """Ship the requirement to its places; returns the requirement at the places that make or buy the item.

        Formula: along the cheapest lane from a place nearer to a source; with `shares`, from each source in proportion
        to its production.

        Parameters
        ----------
        need : item, location, period, quantity.
        shares : item, location, made: production of an item by place.
        net : use stock and receipts along the route first.
        """
        at_source = []
        for depth in range(self.ways.deepest, -1, -1):
            here = need.join(self.ways.depths.filter(pl.col("depth") == depth), on=NODE, how="semi")
            need = need.join(here, on=[*NODE, "period"], how="anti")
            if depth == 0:
                at_source.append(here)
                break
            moved = self.ways.inbound(self._net(here) if net else here, shares)
            self.flows["ship"].append(moved.select("lane", "item", "period", "origin", "destination", "quantity"))
            onward = moved.select("item", pl.col("origin").alias("location"), "period", "quantity")
            need = _total(pl.concat([need, onward]))
        if need.height:
            self._unsupplied(need)
        return _total(pl.concat(at_source))

    def make_or_buy(self, need: pl.DataFrame) -> pl.DataFrame:
        """Make the requirement where a routing exists, buy the rest; returns the components needed."""
        open_need = self._net(need)
        made = open_need.join(self.ways.routings, on=NODE, how="inner", validate="m:1")
        rest = open_need.join(self.ways.routings, on=NODE, how="anti")
        bought = rest.join(self.ways.offers, on=NODE, how="inner", validate="m:1")
        self.flows["buy"].append(bought.select("offer", "period", *NODE, "supplier", "expedite", "quantity"))
        return self.make(made.with_columns(quantity=pl.col("quantity") / pl.col("yield")))

    def make(self, started: pl.DataFrame) -> pl.DataFrame:
        """Start units on routings; returns the components needed.

        Parameters
        ----------
        started : routing, item, location, period, quantity [units started].
        """
        self.flows["make"].append(started.select("routing", "period", *NODE, "quantity"))
        taken = started.select("routing", "location", "period", started="quantity").join(
            self.snapshot["components"], on="routing", how="inner"
        )
        return _total(
            taken.select(
                pl.col("component").alias("item"), "location", "period", quantity=pl.col("quantity") * pl.col("started")
            )
        )

    def explode(self, need: pl.DataFrame) -> None:
        """Supply components level by level, each item after all items that use it."""
        levels = self.ways.levels
        for level in range(self.ways.lowest + 1):
            due = need.join(levels.filter(pl.col("level") == level), on="item", how="semi")
            need = need.join(levels.filter(pl.col("level") == level), on="item", how="anti")
            need = _total(pl.concat([need, self.make_or_buy(self.ship(due))]))

    def collected(self) -> dict[str, pl.DataFrame]:
        """make, buy and ship, one row per key, without zeros."""
        keys = {"make": ["routing", "period", *NODE], "buy": ["offer", "period", *NODE, "supplier", "expedite"]}
        keys["ship"] = ["lane", "item", "period", "origin", "destination"]
        return {
            flow: pl.concat(parts)
            .group_by(keys[flow])
            .agg(pl.col("quantity").sum())
            .filter(pl.col("quantity") > 0)
            .sort(keys[flow])
            for flow, parts in self.flows.items()
            if parts
        }

    def _net(self, need: pl.DataFrame) -> pl.DataFrame:
        """The requirement net of stock and receipts: the increase of max(0, needed so far − owned so far)."""
        place = self.snapshot.periods.select("period", "index")
        owned = self.owned.join(need.select(NODE).unique(), on=NODE, how="semi")
        both = pl.concat(
            [need.with_columns(owned=0.0), owned.select(*NODE, "period", quantity=pl.lit(0.0), owned="quantity")]
        )
        both = both.group_by(*NODE, "period").agg(pl.col("quantity", "owned").sum()).join(place, on="period")
        short = (pl.col("quantity").cum_sum() - pl.col("owned").cum_sum()).clip(0.0).cum_max()
        left = both.sort(*NODE, "index").with_columns(_short=short.over(NODE))
        rise = pl.col("_short") - pl.col("_short").shift(1).over(NODE).fill_null(0.0)
        return left.with_columns(quantity=rise.round(9)).filter(pl.col("quantity") > 0).select(NEED.names())

    def _unsupplied(self, need: pl.DataFrame) -> None:
        items, units = need.get_column("item").n_unique(), need.get_column("quantity").sum()
        self.notes.append(
            f"{units:,.6g} units of {items} items can be neither made, bought nor shipped to their place of demand."
        )


def owned(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening stock (item, location, quantity) and receipts (receipt, kind, item, location, period, quantity).

    A receipt arrives when it is due, an overdue one in the first period, one after the horizon in "beyond".
    """
    on_hand = snapshot["inventory"].group_by(NODE).agg(pl.col("on_hand").sum().alias("quantity")).sort(NODE)
    receipts = snapshot["receipts"]
    when = snapshot.calendar.period_of(receipts.get_column("due_on")).fill_null(snapshot.periods["period"][0])
    coming = receipts.with_columns(when.alias("period")).select("receipt", "kind", *NODE, "period", "quantity")
    return on_hand, coming


def _total(need: pl.DataFrame) -> pl.DataFrame:
    return need.select(NEED.names()).group_by(*NODE, "period").agg(pl.col("quantity").sum()).sort(*NODE, "period")


def with_stock(snapshot: Snapshot, flows: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """The flows with `stock` and `leave` added, and notes on negative stock.

    Formula: stock(t) = stock(t−1) + open + receive + make × yield + buy + ship in − ship out − sell − components
    used; goods arrive in the period of dispatch. `leave` is the closing stock plus receipts after the horizon. Negative
    stock has no holding cost, and has its (negative) end value at the end.

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
            f"{deepest.height} items at a place have negative stock, by {-deepest['quantity'].sum():,.6g} units at "
            "most: the plan supplies them later than it uses them. Negative stock has no holding cost."
        )
    gone = last.filter(pl.col("quantity") < 0)
    if gone.height:
        units = -gone["quantity"].sum()
        notes.append(
            f"{units:,.6g} units of {gone.height} items at a place are missing at the end, and charged at end value."
        )
    return notes
