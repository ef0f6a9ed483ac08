"""Lots: what is all or nothing about a run, an order or a trip: fixed cost, set-up, minimum load, whole multiples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.cache import prepared
from soe_lib.model.ceilings import (
    FORKED,
    at_most,
    carried_over,
    in_the_way,
    most_hours,
    operations,
    resource_hours,
    units,
    useful,
    useful_on_arrival,
)
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

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


COSTS = ("fixed", "changeover")


@dataclass(frozen=True)
class Lots(Part):
    """A flow that is either off, or on at a fixed cost and at no less than its minimum, in whole multiples.

    Brings a flow `switch` (key, period) in {0, 1}, rows `<name>_most`: Σ flow <= ceiling × switch, and `<name>_least`:
    Σ flow >= minimum × switch, wherever a fixed cost, a set-up or a minimum is given; and a flow `count` (key, period)
    in {0, 1, 2 …} with rows `<name>_multiple`: Σ flow == multiple × count. The ceiling is the maximum, the hours there
    are less those of the set-up, or what can still be used, whichever is least. Books −fixed_cost to "fixed",
    −setup_cost and the hourly cost of set-up hours to "changeover".

    Parameters
    ----------
    name : of its rows. flow : make, run, buy or ship. keys : what is switched (routing, offer, lane …), without period.
    switch, count : names of the flows it brings.
    terms : network → keys, period, item, location, minimum, multiple, fixed, changeover, ceiling, ceiling_set_up (what
        the hours of the set-up leave of it).
    hours : network → keys, resource, setup_hours; None: no set-up takes hours.
    meaning : of the switch, for people.

    Examples
    --------
    >>> batches = soe.Scenario("set-ups").set("routings.setup_cost", 20.0).apply(small)
    >>> soe.plan(batches).ledger.accounts()["changeover"]
    -80.0
    """

    name: str
    flow: str
    keys: tuple[str, ...]
    switch: str
    count: str
    terms: Callable[[Network], pl.DataFrame]
    hours: Callable[[Network], pl.DataFrame] | None = None
    meaning: str = ""

    @property
    def cell(self) -> tuple[str, ...]:
        """The keys of the switch."""
        return (*self.keys, "period")

    def flows(self, network: Network) -> Iterator[Flow]:
        """The switch and the count."""
        if not (cells := self.switched(network)).is_empty():
            meaning = self.meaning or f"{self.flow} is on"
            yield Flow(self.switch, cells, self.cell, "yes or no", meaning, upper=1.0, integer=True)
        if not (cells := self._counted(network)).is_empty():
            yield Flow(self.count, cells, self.cell, "multiple", f"whole multiples of {self.flow}", integer=True)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """most, least, multiple."""
        if not (cells := self.switched(network)).is_empty():
            meaning = f"nothing to {self.flow} where it is off"
            yield Constraint(f"{self.name}_most", cells, self.cell, "<=", "unit", meaning, ceiling=True)
            if not (least := cells.filter(pl.col("minimum") > 0)).is_empty():
                meaning = "what is on reaches its minimum"
                yield Constraint(f"{self.name}_least", least, self.cell, "<=", "unit", meaning)
        if not (cells := self._counted(network)).is_empty():
            meaning = "quantities are whole multiples"
            yield Constraint(f"{self.name}_multiple", cells, self.cell, "==", "unit", meaning)

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of the flow, the switch and the count on each row; of set-up hours on hours."""
        keys = self.cell
        if not (cells := self.switched(network)).is_empty():
            yield Effect(self.flow, f"{self.name}_most", join=cells.select(keys), using=keys)
            yield Effect(self.switch, f"{self.name}_most", -pl.col("ceiling_set_up"))
            if not (least := cells.filter(pl.col("minimum") > 0)).is_empty():
                yield Effect(self.flow, f"{self.name}_least", -1.0, join=least.select(keys), using=keys)
                yield Effect(self.switch, f"{self.name}_least", "minimum", where=pl.col("minimum") > 0)
            if self.hours and not (hours := self.hours(network)).is_empty():
                yield Effect(self.switch, "hours", "setup_hours", join=hours, using=self.keys)
        if not (cells := self._counted(network)).is_empty():
            yield Effect(self.flow, f"{self.name}_multiple", join=cells.select(keys), using=keys)
            yield Effect(self.count, f"{self.name}_multiple", -pl.col("multiple"))

    def rates(self, network: Network) -> Iterator[Rate]:
        """Fixed cost and changeover."""
        if self.switched(network).is_empty():
            return
        for account in COSTS:
            yield Rate(account, self.switch, -pl.col(account))
        if self.hours and not (hours := self.hours(network)).is_empty():
            priced = hours.join(network.table("resources").select("resource", "hourly_cost"), on="resource")
            cost = -pl.col("setup_hours") * pl.col("hourly_cost").fill_null(0.0)
            note = "−hourly_cost × setup_hours"
            yield Rate("changeover", self.switch, cost, join=priced, using=self.keys, note=note)

    def switched(self, network: Network) -> pl.DataFrame:
        """The cells that have a switch, with their terms; raises DataError where nothing bounds one."""
        return network.cache.get(f"{self!r} switched", self._find_switched)

    def _find_switched(self, network: Network) -> pl.DataFrame:
        cells = self.terms(network)
        if cells.is_empty():
            return cells
        on = pl.any_horizontal(pl.col(c) > 0 for c in (*COSTS, "minimum"))
        found = cells.filter(on)
        if self.hours and not (hours := self.hours(network)).is_empty():
            timed = hours.select(self.keys).unique()
            found = pl.concat([found, cells.filter(~on).join(timed, on=list(self.keys), how="semi")])
        if (open_ended := found.filter(pl.col("ceiling").is_null())).height:
            raise DataError(
                f"{open_ended.height} cells of {self.flow} have a fixed cost, a set-up or a minimum, but nothing "
                f"bounds them, first {self.keys[0]} {open_ended[self.keys[0]][0]!r}: give a maximum, or hours on a "
                f"resource"
            )
        return found

    def _counted(self, network: Network) -> pl.DataFrame:
        return network.cache.get(f"{self!r} counted", self._find_counted)

    def _find_counted(self, network: Network) -> pl.DataFrame:
        return self.terms(network).filter(pl.col("multiple").fill_null(0.0) > 0)

    def __repr__(self) -> str:
        return f"Lots({self.name})"


RUNS = Lots("make", "make", ("routing",), "set_up", "batch", runs, setup_hours, "a routing is set up")
ALTERNATIVES = Lots(
    "run", "run", ("routing", "step", "resource"), "set_up_on", "", alternatives,
    alternative_hours, "a resource is set up for a step that others could do too",
)  # fmt: skip
RUNNING = Lots("running", "make", ("routing",), "running", "", running, None, "a routing runs, set up or not")
ORDERS = Lots("buy", "buy", ("offer",), "place_order", "pack_size", orders)
TRIPS = Lots("ship", "ship", ("lane",), "dispatch_trip", "load", trips)
