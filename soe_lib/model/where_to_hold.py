"""Where a day of cover is cheapest to hold: as goods where they are sold or at their source, or as components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import risk
from soe_lib.model.network import Network
from soe_lib.model.reach import shortest, usage, ways
from soe_lib.model.stock_targets import NODE, demand_a_day, holding, plain

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

PLACES = {
    "item": pl.String, "location": pl.String, "description": pl.String, "unit": pl.String, "patience": pl.Float64,
    "demand": pl.Float64, "goods_here": pl.Float64, "goods_there": pl.Float64, "days_there": pl.Float64,
    "parts": pl.Float64, "days_parts": pl.Float64, "cheapest": pl.String, "spares": pl.Float64,
}  # fmt: skip
HERE, THERE, PARTS = "goods where they are sold", "goods where they come from", "components"


def where_to_hold(snapshot: Snapshot) -> pl.DataFrame:
    """Where a day of cover is cheapest to hold: as goods where they are sold or at their source, or as components.

    Formula: cost of a place = Σ units that one unit of demand needs there × holding cost a week. A place protects where
    its goods reach the customer within the patience of the least patient customer. The source takes the shortest route
    over the lanes; components also take the time to make the good and all that goes into it, one after the other.
    Components are bought items. The figures leave out stock that several demands share, and lines too full to use the
    components in time.

    Returns
    -------
    item, location, description, unit, patience [days], demand [units/day], goods_here, goods_there, parts [money/week
    for a unit a day; null where there is no such place], days_there, days_parts [days to the customer], cheapest (of
    the places that protect), spares [money/week for each day of cover of this demand, against holding it where sold].
    """
    network = Network(snapshot)
    rows = _used(network)
    if rows.is_empty():
        return pl.DataFrame(schema=PLACES)
    served = plain(risk.lines(network)).filter("own")
    patience = served.group_by(NODE).agg(patience=pl.col("patient").min())
    items = snapshot["items"].select("item", "description", "unit")
    blank = pl.col("description").fill_null("") == ""
    found = (
        _costs(rows)
        .join(patience, on=NODE, how="inner")
        .join(demand_a_day(network), on=NODE, how="left")
        .join(items, on="item", how="left")
        .with_columns(pl.col("demand").fill_null(0.0), description=pl.when(blank).then("item").otherwise("description"))
    )
    return (
        _cheapest(found)
        .sort("spares", pl.col("goods_here") * pl.col("demand"), *NODE, descending=[True, True, False, False])
        .select(pl.col(name).cast(kind) for name, kind in PLACES.items())
    )


def _used(network: Network) -> pl.DataFrame:
    """`usage` with cost [money/week], days of the shortest route to the node, make [days], bought."""
    far = plain(shortest(network)).select(*NODE, "days")
    in_ways = plain(ways(network))
    made = in_ways.filter(pl.col("kind") == "make").group_by(NODE).agg(make=pl.col("days").min())
    bought = in_ways.filter(pl.col("kind") == "buy").select(NODE).unique().with_columns(bought=True)
    return (
        plain(usage(network))
        .join(holding(network), on=NODE, how="left")
        .join(far, on=NODE, how="left")
        .join(made, on=NODE, how="left")
        .join(bought, on=NODE, how="left")
        .with_columns(pl.col("bought").fill_null(value=False), cost=pl.col("per_unit") * pl.col("week").fill_null(0.0))
    )


def _costs(rows: pl.DataFrame) -> pl.DataFrame:
    """Holding cost of a unit a day at each place, and the days from there to the customer, by item and location."""
    of = ["of_item", "of_location"]
    same = pl.col("item") == pl.col("of_item")
    own = same & (pl.col("location") == pl.col("of_location"))
    source = same & ~own & (pl.col("make").is_not_null() | pl.col("bought"))
    part = ~same & pl.col("bought") & pl.col("make").is_null()
    each = rows.group_by(of, maintain_order=True).agg(
        goods_here=pl.col("cost").filter(own).sum(),
        here=pl.col("days").filter(own).first(),
        goods_there=pl.when(source.any()).then(pl.col("cost").filter(source).sum()),
        there=pl.col("days").filter(source).min(),
        parts=pl.when(part.any()).then(pl.col("cost").filter(part).sum()),
    )
    between = rows.filter(~same & pl.col("make").is_not_null()).group_by(*of, "item").agg(pl.col("make").max())
    each = each.join(between.group_by(of).agg(between=pl.col("make").sum()), on=of, how="left")
    to_here = (pl.col("here") - pl.col("there")).clip(0.0)
    return each.rename({"of_item": "item", "of_location": "location"}).with_columns(
        days_there=pl.when(pl.col("goods_there").is_not_null()).then(to_here),
        days_parts=pl.when(pl.col("parts").is_not_null()).then(pl.col("here") + pl.col("between").fill_null(0.0)),
    )


def _cheapest(found: pl.DataFrame) -> pl.DataFrame:
    """The rows with the cheapest place that reaches the customer in time, and the saving."""
    there = pl.when(pl.col("days_there") <= pl.col("patience")).then("goods_there")
    parts = pl.when(pl.col("days_parts") <= pl.col("patience")).then("parts")
    least = pl.min_horizontal("goods_here", there, parts)
    cheapest = (
        pl.when(pl.col("goods_here") <= least)
        .then(pl.lit(HERE))
        .when((there <= least).fill_null(value=False))
        .then(pl.lit(THERE))
        .otherwise(pl.lit(PARTS))
    )
    return found.with_columns(cheapest=cheapest, spares=(pl.col("goods_here") - least) * pl.col("demand"))
