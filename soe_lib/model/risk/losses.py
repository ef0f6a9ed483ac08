"""What one unit less of a node costs: whom it serves, over which time, and who is short first."""

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
"""Of demands, in the order in which they are short."""


@prepared
def lines(network: Network) -> pl.DataFrame:
    """What one unit less of a node costs each demand that takes it up, by customer: per unit of the node.

    Returns
    -------
    item, location (the node), of_item, of_location, customer, per_unit [units of the node that one takes], volume
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
    """Each protection interval of a node, and what a unit below costs at most.

    Goods where demand meets them: the way from where stock is held, see `from_stock`, and one review. What is bought
    for them, as a component or in another place that does not make it: lead time of the fastest offer and one review.
    Of both what is bought: also that of the cheapest offer, where a faster one at a premium helps. Where that one comes
    within the review that it is ordered in, what is missing of a part costs its premium and nothing is lost: the goods'
    own cushion covers the review. Of a place with several shortest intervals the shortest.

    Returns
    -------
    item, location, days, most [money/unit; null: what the demand loses].
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
    """item, location, days: the shortest way in from where a cushion is held, of every node.

    A cushion is held where demand meets goods, and where something is bought for them. A place between, in which goods
    are made or reloaded, holds none: its time adds to the way (guaranteed service, Graves and Willems 2000).
    """
    held = pl.concat([lines(network).filter("own").select(NODE), _bought(network)[1].select(NODE)])
    return way_from_stock(network, held.unique())


def _bought(network: Network) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nodes where something is bought for demand (item, location, fed: for others than its own), and their offers."""
    made = ways(network).filter(pl.col("kind") == "make").select(*NODE, made=pl.lit(True)).unique()
    served = lines(network).join(made, on=NODE, how="left")
    part = pl.col("item") != pl.col("of_item")
    bought = served.filter(part | pl.col("made").is_null()).group_by(NODE).agg(fed=(part | ~pl.col("own")).any())
    offers = ways(network).filter(pl.col("kind") == "buy").join(bought.select(NODE), on=NODE, how="semi")
    return bought, offers


def _rescued(network: Network, both: pl.DataFrame) -> pl.DataFrame:
    """Nodes of which the dearer offer brings any quantity within the review that it is ordered in.

    Not where it has a maximum, a minimum, a cost of ordering or days of validity, or where the record says that one of
    the two may come late: what fails to come in the week that it is needed for cannot be flown in any more.
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
    """Of each node the interval after which no dearer way in helps: as `intervals`, one row a node."""
    return intervals(network).unique(NODE, keep="first", maintain_order=True)


@prepared
def ranked(network: Network) -> pl.DataFrame:
    """The demands of each curve in the order in which they are short, in CLASSES of equal volume (rank).

    What is asked for by surprise is served by priority before anybody can plan, so of a node's own demand the last
    priority is short first, a blank one before it. Components are shared out by the next plan: whoever loses least
    (rate) is short first there, as among demands of one priority.
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
    """Each curve of a node: who is short first, and what a unit short costs more than what the one before loses.

    The demands of a node are sorted as `ranked` says and cut into CLASSES of equal volume. Formula: rate = late +
    lost × (1 − patience ÷ days)⁺ ÷ days, and no more than `most` ÷ days.

    Returns
    -------
    item, location, days, rank (of the class), first (whether nobody is short before), rate [money/unit/day, on top;
    below 0 where those who are short before lose more].
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
    """What those ask for in each period who are short before each curve, in units of its node: curves × periods.

    An order in hand that waits for less is short first in the weeks that it is asked for, and in no other.
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
