"""Lots: what is all or nothing about a run, an order or a trip: fixed cost, set-up, minimum load, whole multiples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.ceilings import useful
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

COSTS = ("fixed", "changeover")


@dataclass(frozen=True)
class Lots(Part):
    """A flow that is either off, or on at a fixed cost and at no less than its minimum, in whole multiples.

    Brings a flow `switch` (key, period) in {0, 1}, rows `<flow>_most`: Σ flow <= ceiling × switch, and `<flow>_least`:
    Σ flow >= minimum × switch, wherever a fixed cost, a set-up or a minimum is given; and a flow `count` (key, period)
    in {0, 1, 2 …} with rows `<flow>_multiple`: Σ flow == multiple × count. The ceiling is the maximum, the hours there
    are, or what can still be used, whichever is least. Books −fixed_cost to "fixed", −setup_cost and the hourly cost of
    set-up hours to "changeover".

    Parameters
    ----------
    flow : make, buy or ship. key : what is switched (routing, offer, lane).
    switch, count : names of the flows it brings.
    terms : network → key, period, item, location, minimum, multiple, fixed, changeover, ceiling.
    """

    flow: str
    key: str
    switch: str
    count: str
    terms: Callable[[Network], pl.DataFrame]

    def flows(self, network: Network) -> Iterator[Flow]:
        """The switch and the count."""
        keys = (self.key, "period")
        if not (cells := self._switched(network)).is_empty():
            yield Flow(self.switch, cells, keys, "yes or no", f"{self.flow} is on", upper=1.0, integer=True)
        if not (cells := self._counted(network)).is_empty():
            yield Flow(self.count, cells, keys, "multiple", f"whole multiples of {self.flow}", integer=True)

    def balances(self, network: Network) -> Iterator[Balance]:
        """most, least, multiple."""
        keys = (self.key, "period")
        if not (cells := self._switched(network)).is_empty():
            yield Balance(f"{self.flow}_most", cells, keys, "<=", "unit", f"nothing to {self.flow} where it is off")
            if not (least := cells.filter(pl.col("minimum") > 0)).is_empty():
                yield Balance(f"{self.flow}_least", least, keys, "<=", "unit", "what is on reaches its minimum")
        if not (cells := self._counted(network)).is_empty():
            yield Balance(f"{self.flow}_multiple", cells, keys, "==", "unit", "quantities are whole multiples")

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of the flow, the switch and the count on each row; of set-up hours on hours."""
        keys = (self.key, "period")
        if not (cells := self._switched(network)).is_empty():
            yield Effect(self.flow, f"{self.flow}_most", join=cells.select(keys), using=keys)
            yield Effect(self.switch, f"{self.flow}_most", -pl.col("ceiling"))
            if not (least := cells.filter(pl.col("minimum") > 0)).is_empty():
                yield Effect(self.flow, f"{self.flow}_least", -1.0, join=least.select(keys), using=keys)
                yield Effect(self.switch, f"{self.flow}_least", "minimum", where=pl.col("minimum") > 0)
            if not (hours := self._setup_hours(network)).is_empty():
                yield Effect(self.switch, "hours", "setup_hours", join=hours, using=(self.key,))
        if not (cells := self._counted(network)).is_empty():
            yield Effect(self.flow, f"{self.flow}_multiple", join=cells.select(keys), using=keys)
            yield Effect(self.count, f"{self.flow}_multiple", -pl.col("multiple"))

    def rates(self, network: Network) -> Iterator[Rate]:
        """Fixed cost and changeover."""
        if self._switched(network).is_empty():
            return
        for account in COSTS:
            yield Rate(account, self.switch, -pl.col(account))
        if not (hours := self._setup_hours(network)).is_empty():
            priced = hours.join(network.table("resources").select("resource", "hourly_cost"), on="resource")
            cost = -pl.col("setup_hours") * pl.col("hourly_cost").fill_null(0.0)
            yield Rate(
                "changeover", self.switch, cost, join=priced, using=(self.key,), note="−hourly_cost × setup_hours"
            )

    def _switched(self, network: Network) -> pl.DataFrame:
        key = f"{self!r} switched"
        if key not in network.memory:
            network.memory[key] = self._find_switched(network)
        return network.memory[key]

    def _find_switched(self, network: Network) -> pl.DataFrame:
        cells = self.terms(network)
        hours = self._setup_hours(network).select(self.key).unique()
        on = pl.any_horizontal(pl.col(c) > 0 for c in (*COSTS, "minimum")) | pl.col(self.key).is_in(
            hours[self.key].implode()
        )
        found = cells.filter(on)
        if (open_ended := found.filter(pl.col("ceiling").is_null())).height:
            raise DataError(
                f"{open_ended.height} cells of {self.flow} have a fixed cost, a set-up or a minimum, but nothing "
                f"bounds them, first {self.key} {open_ended[self.key][0]!r}: give a maximum, or hours on a resource"
            )
        return found

    def _counted(self, network: Network) -> pl.DataFrame:
        return self.terms(network).filter(pl.col("multiple").fill_null(0.0) > 0)

    def _setup_hours(self, network: Network) -> pl.DataFrame:
        if self.flow != "make":
            return pl.DataFrame(schema={self.key: network.domains[self.key], "resource": network.domains["resource"]})
        return (
            network.table("operations")
            .filter(pl.col("setup_hours").fill_null(0.0) > 0)
            .select("routing", "resource", "setup_hours")
        )

    def __repr__(self) -> str:
        return f"Lots({self.flow})"


@prepared
def runs(network: Network) -> pl.DataFrame:
    """Terms of production runs: per routing and period."""
    cells = make.routings(network)
    hours = _hours_ceiling(network, cells)
    made = useful(network).with_columns(pl.col("useful"))
    return (
        cells.join(made, on=["item", "period"], how="left")
        .join(hours, on=["routing", "period"], how="left")
        .select(
            "routing", "period", "item", "location", pl.col("minimum").fill_null(0.0), "multiple",
            pl.col("fixed_cost").fill_null(0.0).alias("fixed"), pl.col("setup_cost").fill_null(0.0).alias("changeover"),
            pl.min_horizontal("maximum", pl.col("useful") / pl.col("yield"), "most_hours").alias("reach"),
        )
        .with_columns(pl.max_horizontal("reach", "minimum").alias("ceiling"))
        .with_columns(pl.when(pl.col("reach").is_not_null()).then("ceiling").alias("ceiling"))
    )  # fmt: skip


def _hours_ceiling(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """routing, period, most_hours: units that the hours and overtime of its least resource allow."""
    hours = network.hours.select("resource", "period", (pl.col("hours") + pl.col("overtime_hours")).alias("hours"))
    grown = (
        network.table("expansions").group_by("resource").agg((pl.col("hours") * pl.col("maximum")).sum().alias("more"))
    )
    crews = network.table("workforce").select(
        "resource",
        (pl.col("hours_per_head").fill_null(0.0) + pl.col("overtime_hours_per_head").fill_null(0.0)).alias("head"),
        "maximum_heads",
    )
    reach = (
        hours.join(grown, on="resource", how="left")
        .join(crews, on="resource", how="left")
        .with_columns(
            pl.when(pl.col("head").is_null() | (pl.col("head") == 0))
            .then(pl.col("hours") + pl.col("more").fill_null(0.0))
            .otherwise(pl.col("hours") + pl.col("more").fill_null(0.0) + pl.col("head") * pl.col("maximum_heads"))
            .alias("hours")
        )
    )
    alone = make.alone(network).filter(pl.col("hours_per_unit") > 0)
    return (
        cells.select("routing", "period")
        .join(alone, on="routing")
        .join(reach, on=["resource", "period"], how="left")
        .group_by("routing", "period")
        .agg((pl.col("hours") / pl.col("hours_per_unit")).min().alias("most_hours"))
    )


@prepared
def orders(network: Network) -> pl.DataFrame:
    """Terms of purchase orders: per offer and period."""
    return (
        buy.offers(network)
        .join(useful(network), on=["item", "period"], how="left")
        .select(
            "offer", "period", "item", "location", pl.col("minimum").fill_null(0.0), "multiple",
            pl.col("order_cost").fill_null(0.0).alias("fixed"), pl.lit(0.0).alias("changeover"),
            pl.min_horizontal("maximum", "useful").alias("reach"),
        )
        .with_columns(_ceiling())
    )  # fmt: skip


@prepared
def trips(network: Network) -> pl.DataFrame:
    """Terms of lanes in use: per lane and period, joint over the lane's items."""
    return (
        ship.lanes(network)
        .join(useful(network), on=["item", "period"], how="left")
        .group_by("lane", "period")
        .agg(
            pl.col("item").cast(pl.String).first().alias("only"), pl.col("destination").first().alias("location"),
            pl.col("minimum").first().fill_null(0.0), pl.col("multiple").first(),
            pl.col("fixed_cost").first().fill_null(0.0).alias("fixed"), pl.lit(0.0).alias("changeover"),
            pl.col("maximum").first(),
            pl.when(pl.col("useful").is_not_null().all()).then(pl.col("useful").sum()).alias("useful"),
        )
        .with_columns(pl.min_horizontal("maximum", "useful").alias("reach"))
        .with_columns(_ceiling())
        .drop("only", "useful", "maximum")
    )  # fmt: skip


def _ceiling() -> pl.Expr:
    return pl.when(pl.col("reach").is_not_null()).then(pl.max_horizontal("reach", "minimum")).alias("ceiling")


RUNS = Lots("make", "routing", "set_up", "batch", runs)
ORDERS = Lots("buy", "offer", "place_order", "pack_size", orders)
TRIPS = Lots("ship", "lane", "dispatch_trip", "load", trips)
