"""The cost of one unit less at a node: which demand it serves, over which interval, and who is short first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.cache import prepared
from soe_lib.model.reach import NODE, lateness, usage, way_from_stock, ways
from soe_lib.model.risk.cells import pace
from soe_lib.model.risk.worth import worth

if TYPE_CHECKING:
    from soe_lib.model.network import Network

CLASSES = 3
"""Number of demand classes, in the order in which they are short."""


@prepared
def lines(network: Network) -> pl.DataFrame:
    """The cost of one unit less at a node for each demand that it serves, by customer, per unit of the node.

    Returns
    -------
    item, location (the node), of_item, of_location, customer, per_unit [units of the node per unit of demand], volume
    [units of the node], late [money/unit/day], lost [money/unit], patient [days that it waits], own (whether it is the
    node's own demand).
    """
    lost = (pl.col("price") - pl.col("value")).clip(0.0) + pl.col("short_penalty") + pl.col("short_cost")
    weight = pl.col("quantity") / pl.col("quantity").sum()
    asked = (
        network.demand.filter(pl.col("quantity") > 0)
        .join(worth(network), on="item", how="left", maintain_order="left")
        .group_by(*NODE, "customer", maintain_order=True)
        .agg(
            ((pl.col("late_cost") + pl.col("late_goodwill")) * weight).sum().alias("late") * pace(network),
            (lost * weight).sum().alias("lost"),
            (pl.col("latest_days") * weight).sum().alias("patient"),
            pl.col("quantity").sum(),
        )
    )
    served = usage(network).filter(pl.col("per_unit") > 1e-9)
    return served.join(
        asked.rename({"item": "of_item", "location": "of_location"}), on=["of_item", "of_location"]
    ).select(
        *NODE,
        "of_item",
        "of_location",
        "customer",
        "per_unit",
        volume=pl.col("quantity") * pl.col("per_unit"),
        late=pl.col("late") / pl.col("per_unit"),
        lost=pl.col("lost") / pl.col("per_unit"),
        patient="patient",
        own=(pl.col("item") == pl.col("of_item")) & (pl.col("location") == pl.col("of_location")),
    )


@prepared
def intervals(network: Network) -> pl.DataFrame:
    """The protection intervals of each node, and the most that a unit below the cushion costs.

    Goods at the place of their demand: lead time from stock, see `from_stock`, plus one review. Goods purchased to
    supply them, as components or at a place that does not make them: lead time of the fastest offer plus one review.
    Purchased goods of both kinds have a second interval with the lead time of the cheapest offer, where a faster one
    is available at a premium. Where the fast offer arrives within the review in which it is ordered, a missing part
    costs only the premium: the cushion of the goods themselves covers the review. Of several shortest intervals of a
    node, the shortest counts.

    Returns
    -------
    item, location, days, most [money/unit; null: the loss of the demand].
    """
    review = float(network.settings.cushion.review_days)
    goods = lines(network).filter("own").select(NODE).unique().join(from_stock(network), on=NODE)
    bought, offers = _bought(network)
    cheapest = offers.sort(*NODE, "cost", "days").group_by(NODE, maintain_order=True).first()
    fastest = offers.sort(*NODE, "days", "cost").group_by(NODE, maintain_order=True).first()
    both = cheapest.select(*NODE, slow="days", low="cost", cheap="name").join(
        fastest.select(*NODE, fast="days", high="cost", dear="name"), on=NODE
    )
    fed = both.join(bought.filter("fed"), on=NODE, how="semi").join(_rescued(network, both), on=NODE, how="anti")
    shortest = pl.concat([goods.select(*NODE, "days"), fed.select(*NODE, days="fast")])
    shortest = shortest.group_by(NODE).agg(pl.col("days").min() + review, pl.lit(None, dtype=pl.Float64).alias("most"))
    slower = both.filter(pl.col("slow") > pl.col("fast")).select(
        *NODE, pl.col("slow").alias("days") + review, most=(pl.col("high") - pl.col("low")).clip(0.0)
    )
    return pl.concat([shortest, slower]).sort(*NODE, "days")


@prepared
def from_stock(network: Network) -> pl.DataFrame:
    """The shortest lead time of every node from where a cushion is held: item, location, days.

    A cushion is held at places with demand and where goods are purchased for them. Places between, where goods are made
    or transshipped, hold none: their time adds to the lead time (guaranteed service, Graves and Willems 2000).
    """
    held = pl.concat([lines(network).filter("own").select(NODE), _bought(network)[1].select(NODE)])
    return way_from_stock(network, held.unique())


def _bought(network: Network) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nodes that purchase for demand (item, location, fed: whether for demand of other nodes), and their offers."""
    made = ways(network).filter(pl.col("kind") == "make").select(*NODE, made=pl.lit(True)).unique()
    served = lines(network).join(made, on=NODE, how="left")
    part = pl.col("item") != pl.col("of_item")
    bought = served.filter(part | pl.col("made").is_null()).group_by(NODE).agg(fed=(part | ~pl.col("own")).any())
    offers = ways(network).filter(pl.col("kind") == "buy").join(bought.select(NODE), on=NODE, how="semi")
    return bought, offers


def _rescued(network: Network, both: pl.DataFrame) -> pl.DataFrame:
    """Nodes whose fast offer delivers any quantity within the review in which it is ordered.

    Excluded are fast offers with a maximum, a minimum, an order cost or validity dates, and nodes where the record has
    delays of either offer: a delivery that is missing in the week of its need can no longer be expedited.
    """
    soon = both.filter(pl.col("fast") < pl.min_horizontal("slow", float(network.settings.cushion.review_days)))
    if soon.is_empty():
        return soon.select(NODE)
    bound = [pl.col(name).is_not_null() for name in ("valid_from", "valid_to", "maximum")]
    bound += [pl.col(name).fill_null(0.0) > 0 for name in ("minimum", "order_cost")]
    bounded = network.table("offers").filter(pl.any_horizontal(bound))["offer"].cast(pl.String).unique()
    late = lateness(network).filter(pl.col("kind") == "buy", pl.col("days") > 0, pl.col("share") > 0)["name"]
    unsure = pl.col("dear").is_in(pl.concat([bounded, late]).unique().implode())
    return soon.filter(~unsure, ~pl.col("cheap").is_in(late.unique().implode())).select(NODE)


def shortest_intervals(network: Network) -> pl.DataFrame:
    """The shortest interval of each node, which no dearer source shortens: as `intervals`, one row per node."""
    return intervals(network).unique(NODE, keep="first", maintain_order=True)


@prepared
def ranked(network: Network) -> pl.DataFrame:
    """The demands of each curve in the order in which they are short, in CLASSES of equal volume (rank).

    Unforeseen demand is served by priority before the next plan, so the last priority of a node's own demand is short
    first, and a blank one before it. The next plan allocates components: there, as among demands of one priority, the
    demand that loses least (rate) is short first.
    """
    last = pl.col("priority").cast(pl.Float64).fill_null(float("inf"))
    rate = pl.col("late") + pl.col("lost") * (1.0 - pl.col("patient") / pl.col("days")).clip(0.0) / pl.col("days")
    most = (pl.col("most") / pl.col("days")).fill_null(float("inf"))
    node = [*NODE, "days"]
    volume = pl.col("volume")
    middle = (volume.cum_sum().over(node) - volume / 2) / volume.sum().over(node)
    return (
        intervals(network)
        .join(lines(network), on=NODE)
        .join(network.table("customers").select("customer", "priority"), on="customer", how="left")
        .with_columns(rate=pl.min_horizontal(rate, most), turn=pl.when("own").then(-last).otherwise(0.0))
        .sort(*node, "turn", "rate", "of_item", "of_location", "customer")
        .with_columns(rank=(middle * CLASSES).floor().clip(0, CLASSES - 1).cast(pl.Int64))
    )


@prepared
def curves(network: Network) -> pl.DataFrame:
    """The curves of each node: one for each demand class, with the loss that it adds to that of the class before.

    The demands of a node are sorted as in `ranked` and cut into CLASSES of equal volume. Formula: rate = late +
    lost × (1 − patience ÷ days)⁺ ÷ days, and no more than `most` ÷ days.

    Returns
    -------
    item, location, days, rank (of the class), first (whether this class is short first), rate [money/unit/day, minus
    that of the class before; below 0 where the class before loses more].
    """
    node = [*NODE, "days"]
    volume = pl.col("volume")
    classes = ranked(network).group_by(*node, "rank", maintain_order=True)
    return (
        classes.agg(rate=(pl.col("rate") * volume).sum() / volume.sum())
        .sort(*node, "rank")
        .with_columns(
            first=pl.col("rank") == pl.col("rank").min().over(node),
            rate=pl.col("rate") - pl.col("rate").shift(1).over(node).fill_null(0.0),
        )
        .filter(pl.col("rate").abs() > 1e-12)
        .select(*node, "rank", "first", "rate")
    )


def before(network: Network, rows: pl.DataFrame) -> Floats:
    """Demand in each period of the classes that are short before each curve, in units of its node: curves × periods.

    An order in hand that loses less is short first only in the weeks of its demand.
    """
    asked = network.demand.group_by(*NODE, "customer", "due", maintain_order=True).agg(pl.col("quantity").sum())
    cells = ranked(network).join(
        asked.rename({"item": "of_item", "location": "of_location"}), on=["of_item", "of_location", "customer"]
    )
    node = [*NODE, "days"]
    found = (
        rows.select(*node, mine="rank")
        .with_row_index("curve")
        .join(cells.select(*node, "rank", "due", units=pl.col("quantity") * pl.col("per_unit")), on=node)
        .filter(pl.col("rank") < pl.col("mine"))
        .join(network.periods.select(due="period", at=pl.int_range(0, pl.len())), on="due")
        .group_by("curve", "at")
        .agg(pl.col("units").sort().sum())
    )
    table = np.zeros((rows.height, network.periods.height))
    table[found["curve"].to_numpy(), found["at"].to_numpy()] = found["units"].to_numpy()
    return table
