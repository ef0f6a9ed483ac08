"""Which days of expiry there are, where goods that expire then may be, when, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.prepared import prepared
from soe_lib.model.program import LEAD

if TYPE_CHECKING:
    from soe_lib.model.network import Network

NODE = ("item", "location")
COHORT = (*NODE, "expires", "period")
USE = (*NODE, "life", "period")
MOVE = ("lane", "item", "expires", "period")


@prepared
def lives(network: Network) -> pl.DataFrame:
    """customer, life: the days that each customer wants left when it is served, "0" where it does not say."""
    asks = network.table("customers").select("customer", days=pl.col("remaining_life_days").fill_null(0.0).ceil())
    known = network.demand.select("customer").unique().join(asks, on="customer", how="left")
    text = pl.col("days").fill_null(0.0).cast(pl.Int64).cast(pl.String)
    labels = pl.concat([pl.Series("life", ["0"]), known.select(life=text)["life"]]).unique().sort()
    return known.select("customer", text.cast(pl.Enum(labels)).alias("life")).sort("customer")


@prepared
def _wanted(network: Network) -> pl.DataFrame:
    """item, location, life of everything that may be sold or consumed."""
    asked = network.demand.select(*NODE, "customer").unique().join(lives(network), on="customer")
    pairs = network.table("substitutions").select("item", "substitute").unique()
    instead = asked.join(pairs, on="item").select(pl.col("substitute").alias("item"), "location", "life")
    made = network.table("routings").select("routing", "location").unique()
    consumed = make.components(network).join(made, on="routing").select(pl.col("component").alias("item"), "location")
    # What is written off wants nothing left; it may happen at any place.
    anywhere = pl.concat([consumed, network.nodes.select(NODE)]).unique()
    plain = anywhere.with_columns(life=pl.lit("0", dtype=asked.schema["life"]))
    return pl.concat([asked.select(*NODE, "life"), instead, plain]).unique().sort(*NODE, "life")


@prepared
def followed(network: Network) -> pl.DataFrame:
    """item, shelf_life_days, until: items whose day of expiry must be known place by place; later days do not matter.

    They are shipped, or a customer wants more life left, or a lot keeps longer than fresh goods. Elsewhere the rows of
    `shelf_life`, by place, say the same with less.
    """
    dated = network.table("inventory").filter(pl.col("expires_on").is_not_null()).group_by("item")
    lots = dated.agg(pl.col("expires_on").max().alias("latest"))
    most = _wanted(network).group_by("item").agg(pl.col("life").cast(pl.String).cast(pl.Int64).max().alias("life"))
    items = network.items.select("item", "shelf_life_days").join(lots, on="item", how="left")
    items = items.filter(pl.col("shelf_life_days").is_not_null() | pl.col("latest").is_not_null())
    items = items.join(most, on="item", how="left").with_columns(pl.col("life").fill_null(0))
    fresh = pl.lit(network.snapshot.as_of) + pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    longer = (pl.col("latest") > fresh).fill_null(value=False)
    carried = pl.col("item").is_in(network.lanes["item"].unique().implode())
    until = pl.lit(network.snapshot.periods["ends_on"][-1]) + pl.duration(days="life")
    return items.filter(carried | (pl.col("life") > 0) | longer).select("item", "shelf_life_days", until.alias("until"))


@prepared
def fresh(network: Network) -> pl.DataFrame:
    """item, location, period, expires: the day on which goods that come in within a period expire, where it matters."""
    days = pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    lasting = followed(network).filter(pl.col("shelf_life_days").is_not_null())
    each = lasting.join(network.periods.select("period", "index", "ends_on"), how="cross")
    each = each.with_columns((pl.col("ends_on") + days).alias("day")).filter(pl.col("day") < pl.col("until"))
    return _labelled(network, each.join(network.nodes, on="item")).select(*NODE, "period", "expires")


@prepared
def _opening(network: Network) -> pl.DataFrame:
    """item, location, expires, day, on_hand of what is in stock; undated goods of an item that expires are fresh."""
    first = network.periods.row(0, named=True)["ends_on"]
    fresh = pl.lit(first) + pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    stock = network.table("inventory").join(followed(network), on="item")
    stock = stock.with_columns(pl.coalesce("expires_on", fresh).alias("day")).filter(pl.col("day") < pl.col("until"))
    return _labelled(network, stock).group_by(*NODE, "expires").agg(pl.col("on_hand").sum())


def _labelled(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `expires`: the last day until `day` that makes a difference to who may use the goods, and when.

    Days of expiry in one week of a weekly horizon are one cohort, so that there are no more of them than needed.
    """
    marks = _marks(network)
    dead = pl.lit(network.snapshot.as_of) - pl.duration(days=1)
    kind = pl.Enum(
        pl.concat([marks.select("mark"), marks.select(dead.alias("mark"))])["mark"].unique().sort().cast(str)
    )
    rows = rows.with_columns(pl.col("day").cast(pl.Date)).sort("day")
    found = rows.join_asof(marks.sort("mark"), left_on="day", right_on="mark", by="item", check_sortedness=False)
    return found.with_columns(expires=pl.coalesce("mark", dead).cast(pl.String).cast(kind)).drop("mark")


@prepared
def _marks(network: Network) -> pl.DataFrame:
    """item, mark: the ends of periods, and today, with the days added that somebody wants left."""
    ends = network.periods.select(end="ends_on").vstack(pl.DataFrame({"end": [network.snapshot.as_of]}))
    life = pl.duration(days=pl.col("life").cast(pl.String).cast(pl.Int64))
    lives_of = _wanted(network).select("item", "life").unique().join(followed(network), on="item", how="semi")
    return lives_of.join(ends, how="cross").select("item", (pl.col("end") + life).alias("mark")).unique().sort("mark")


@prepared
def _places(network: Network) -> pl.DataFrame:
    """item, location, expires, day, born (index): where goods of a day of expiry may be, and from when on."""
    index = network.periods.select("period", born="index")
    ways = make.routings(network).select(NODE), buy.offers(network).select(NODE), network.receipts.select(NODE)
    beside = make.co_products(network).join(make.routings(network).select("routing", "location"), on="routing")
    sources = pl.concat([*ways, beside.select(pl.col("component").alias("item"), "location")]).unique()
    came = fresh(network).join(sources, on=list(NODE), how="semi").join(index, on="period").drop("period")
    opening = _opening(network).select(*NODE, "expires", born=pl.lit(0, dtype=pl.Int64))
    found = pl.concat([came.select(opening.columns), opening]).group_by(*NODE, "expires").agg(pl.col("born").min())
    lanes = network.lanes.select("item", "origin", "destination").unique()
    last = found
    while not last.is_empty():
        there = last.join(lanes, left_on=list(NODE), right_on=["item", "origin"])
        there = there.group_by("item", pl.col("destination").alias("location"), "expires").agg(pl.col("born").min())
        both = there.join(found, on=[*NODE, "expires"], how="left", suffix="_known")
        last = both.filter(pl.col("born_known").is_null() | (pl.col("born") < pl.col("born_known"))).drop("born_known")
        found = pl.concat([found.join(last, on=[*NODE, "expires"], how="anti"), last.select(found.columns)])
    return found.with_columns(pl.col("expires").cast(pl.String).str.to_date("%Y-%m-%d").alias("day")).sort(*NODE, "day")


def _usable(network: Network, life: pl.Expr | int = 0) -> pl.Expr:
    """Whether goods of `day` may be used in a period (index, ends_on) by who wants so many days left."""
    left = pl.duration(days=life)
    in_time = pl.col("ends_on") + left <= pl.col("day")
    return in_time | ((pl.col("index") == 0) & (pl.lit(network.snapshot.as_of) + left <= pl.col("day")))


@prepared
def _cells(network: Network) -> pl.DataFrame:
    """The places of each day of expiry in each period from its birth on, and whether the goods are usable then."""
    periods = network.periods.select("period", "index", "ends_on", next_end=pl.col("ends_on").shift(-1))
    cells = _places(network).join(periods, how="cross").filter(pl.col("index") >= pl.col("born"))
    return cells.with_columns(
        _usable(network).alias("usable"),
        kept=pl.when(pl.col("next_end").is_null()).then(pl.col("day") >= pl.col("ends_on"))
        .otherwise(pl.col("next_end") <= pl.col("day")),
    )  # fmt: skip


@prepared
def moves(network: Network) -> pl.DataFrame:
    """MOVE, origin, destination and lead time: what may be shipped while it is usable, at the latest in its period."""
    lanes = ship.lanes(network).select("lane", "item", "period", "origin", "destination", *LEAD[1:])
    there = _cells(network).filter("usable").select("item", pl.col("location").alias("origin"), "expires", "period")
    return lanes.join(there, on=["item", "origin", "period"]).select(*MOVE, "origin", "destination", *LEAD[1:])


@prepared
def cohorts(network: Network) -> pl.DataFrame:
    """COHORT, usable, kept, on_hand: the rows of a day of expiry: while it is usable, and whenever something comes."""
    cells = _cells(network)
    moved = moves(network)
    came = arriving(network, moved).select("item", pl.col("destination").alias("location"), "expires", period="arrival")
    came = came.unique().with_columns(comes=pl.lit(value=True))
    rows = cells.join(came, on=list(COHORT), how="left").filter(
        pl.col("usable") | pl.col("comes") | (pl.col("index") == pl.col("born"))
    )
    opening = _opening(network).select(*NODE, "expires", "on_hand", index=pl.lit(0, dtype=pl.Int64))
    rows = rows.join(opening, on=[*NODE, "expires", "index"], how="left")
    kept = (pl.col("kept") & pl.col("usable")).alias("kept")
    return rows.select(*COHORT, "usable", kept, pl.col("on_hand").fill_null(0.0)).sort(COHORT)


@prepared
def uses(network: Network) -> pl.DataFrame:
    """item, location, life, expires, period: who may use what, when."""
    life = pl.col("life").cast(pl.String).cast(pl.Int64)
    cells = _cells(network).join(_wanted(network), on=list(NODE)).filter(_usable(network, life))
    return cells.select(*NODE, "life", "expires", "period")


@prepared
def used(network: Network) -> pl.DataFrame:
    """USE: the rows in which cohorts are used, or written off because they come too late."""
    in_time = uses(network).select(USE)
    late = (
        cohorts(network)
        .filter(~pl.col("usable"))
        .select(*NODE, pl.lit("0", in_time.schema["life"]).alias("life"), "period")
    )
    return pl.concat([in_time, late]).unique().sort(USE)


def arriving(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with arrival and part, the share that comes then."""
    arrivals = network.arrivals(cells.select(LEAD).unique()).rename({"share": "part"})
    return cells.join(arrivals, on=list(LEAD), how="left", nulls_equal=True)
