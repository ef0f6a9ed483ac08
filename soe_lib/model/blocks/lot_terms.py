"""Terms of lots: what a run, an order or a trip costs when it is on, and the most that it can usefully be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.blocks.lot_hours import FORKED, carried_over, most_hours, operations, resource_hours, units
from soe_lib.model.ceilings import at_most, in_the_way, useful, useful_on_arrival
from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network

NOTHING = pl.lit(0.0)
ROUNDING = 1e-9


# -- production runs -------------------------------------------------------------------------------------------------


@prepared
def runs(network: Network) -> pl.DataFrame:
    """Terms of production runs: per routing and period.

    Where set-ups carry over, the fixed cost and the minimum, which never do, are found in `running`.
    """
    moved = pl.lit(carried_over(network))
    return _runs(network).with_columns(
        pl.when(moved).then(NOTHING).otherwise("fixed").alias("fixed"),
        pl.when(moved).then(NOTHING).otherwise("minimum").alias("minimum"),
    )


@prepared
def running(network: Network) -> pl.DataFrame:
    """Terms of running at all, set up anew or not: fixed cost and minimum, where set-ups carry over."""
    kept = _runs(network).filter(pl.lit(carried_over(network)))
    return kept.with_columns(
        NOTHING.alias("changeover"),
        pl.lit(None, pl.Float64).alias("multiple"),
        pl.col("ceiling").alias("ceiling_set_up"),
    )


@prepared
def alternatives(network: Network) -> pl.DataFrame:
    """Terms of one resource that runs a step which others could do too: per routing, step, resource and period.

    The set-up's hours are of each resource that runs; its cost is the routing's, once, however many run.
    """
    forks = operations(network).filter(FORKED).select("routing", "step", "resource", "hours_per_unit", "setup_hours")
    cells = (
        _runs(network)
        .select("routing", "period", "item", "location", "unhurried")
        .join(forks, on="routing")
        .join(resource_hours(network), on=["resource", "period"], how="left")
    )
    reach = [
        pl.min_horizontal("unhurried", units(pl.col("hours") - taken)).alias(name)
        for name, taken in (("ceiling", 0.0), ("ceiling_set_up", pl.col("setup_hours")))
    ]
    nothing = [NOTHING.alias(name) for name in ("changeover", "fixed", "minimum")]
    return cells.select(
        "routing", "step", "resource", "period", "item", "location", *nothing,
        pl.lit(None, pl.Float64).alias("multiple"), *reach,
    )  # fmt: skip


@prepared
def setup_hours(network: Network) -> pl.DataFrame:
    """routing, resource, setup_hours of the operations that have no alternative."""
    timed = operations(network).filter(~FORKED & (pl.col("setup_hours") > 0))
    return timed.group_by("routing", "resource").agg(pl.col("setup_hours").sum())


@prepared
def alternative_hours(network: Network) -> pl.DataFrame:
    """routing, step, resource, setup_hours of operations that have alternatives: only what runs is set up."""
    timed = operations(network).filter(FORKED & (pl.col("setup_hours") > 0))
    return timed.select("routing", "step", "resource", "setup_hours")


@prepared
def _useful_runs(network: Network) -> pl.DataFrame:
    """Routings by period, with what is useful of their item when it is there; hours have no part in it."""
    return useful_on_arrival(network, make.routings(network))


@prepared
def _runs(network: Network) -> pl.DataFrame:
    """Terms of each routing and period: unhurried is the most that is useful, ceiling what hours allow of it."""
    cells = _useful_runs(network)
    # Inside the fence the plan of record may ask for more than is useful now: there, hours are the ceiling.
    fence = network.settings.fence
    until = max(fence.frozen_days, fence.slushy_days if fence.change_cost > 0 else 0)
    fenced = pl.col("starts_on") < pl.lit(network.snapshot.as_of) + pl.duration(days=until)
    limited = pl.min_horizontal("maximum", "most_hours").is_not_null()
    most = pl.coalesce("useful", pl.when(~limited).then("most"))  # an own limit says more than what is worth leaving
    wanted = pl.when(~((fenced | pl.col("rid").is_infinite()) & limited)).then(_whole(most / pl.col("yield")))
    return (
        cells.join(most_hours(network), on=["routing", "period"], how="left")
        .with_columns(pl.col("minimum").fill_null(0.0))
        .with_columns(_at_least_minimum(pl.min_horizontal("maximum", wanted)).alias("unhurried"))
        .select(
            "routing", "period", "item", "location", "minimum", "multiple", "unhurried",
            pl.col("fixed_cost").fill_null(0.0).alias("fixed"), pl.col("setup_cost").fill_null(0.0).alias("changeover"),
            _at_least_minimum(pl.min_horizontal("unhurried", "most_hours")).alias("ceiling"),
            _at_least_minimum(pl.min_horizontal("unhurried", "most_switched")).alias("ceiling_set_up"),
        )
    )  # fmt: skip


def _whole(reach: pl.Expr) -> pl.Expr:
    """The reach, up to the next whole multiple: part of the last one may be left over."""
    multiples = (reach / pl.col("multiple") - ROUNDING).ceil() * pl.col("multiple")
    return pl.when(pl.col("multiple").fill_null(0.0) > 0).then(multiples).otherwise(reach)


def _at_least_minimum(reach: pl.Expr) -> pl.Expr:
    return pl.when(reach.is_not_null()).then(pl.max_horizontal(reach, "minimum"))


# -- orders and trips ------------------------------------------------------------------------------------------------


@prepared
def orders(network: Network) -> pl.DataFrame:
    """Terms of purchase orders: per offer and period."""
    return (
        useful_on_arrival(network, buy.offers(network))
        .with_columns(pl.col("minimum").fill_null(0.0))
        .select(
            "offer", "period", "item", "location", "minimum", "multiple",
            pl.col("order_cost").fill_null(0.0).alias("fixed"), NOTHING.alias("changeover"),
            _at_least_minimum(_reach()).alias("ceiling"),
        )
        .with_columns(pl.col("ceiling").alias("ceiling_set_up"))
    )  # fmt: skip


def _reach() -> pl.Expr:
    """The maximum or what is useful, whichever is less; where neither is given, what is worth getting at most."""
    return pl.coalesce(pl.min_horizontal("maximum", _whole(pl.col("useful"))), _whole(pl.col("most")))


@prepared
def trips(network: Network) -> pl.DataFrame:
    """Terms of lanes in use: per lane and period, joint over the lane's items.

    A lane also carries away what is dear to store where it lies, wanted or not.
    """
    carried = (pl.coalesce("useful", "most") + pl.col("moved")).alias("useful")
    return (
        ship.lanes(network)
        .join(useful(network).join(at_most(network), on=["item", "period"]), on=["item", "period"], how="left")
        .join(in_the_way(network), on="item", how="left")
        .with_columns(pl.when(carried.is_finite()).then(carried))
        .group_by("lane", "period")
        .agg(
            pl.col("item").cast(pl.String).first().alias("only"), pl.col("destination").first().alias("location"),
            pl.col("minimum").first().fill_null(0.0), pl.col("multiple").first(),
            pl.col("fixed_cost").first().fill_null(0.0).alias("fixed"), NOTHING.alias("changeover"),
            pl.col("maximum").first(),
            pl.when(pl.col("useful").is_not_null().all()).then(pl.col("useful").sum()).alias("useful"),
        )
        .with_columns(_at_least_minimum(pl.min_horizontal("maximum", _whole(pl.col("useful")))).alias("ceiling"))
        .with_columns(pl.col("ceiling").alias("ceiling_set_up"))
        .drop("only", "useful", "maximum")
    )  # fmt: skip
