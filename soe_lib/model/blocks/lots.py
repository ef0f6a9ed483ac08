"""Lots: what is all or nothing about a run, an order or a trip: fixed cost, set-up, minimum load, whole multiples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks import lot_terms
from soe_lib.model.blocks.lot_terms import orders, runs, trips
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

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

    def balances(self, network: Network) -> Iterator[Balance]:
        """most, least, multiple."""
        if not (cells := self.switched(network)).is_empty():
            meaning = f"nothing to {self.flow} where it is off"
            yield Balance(f"{self.name}_most", cells, self.cell, "<=", "unit", meaning)
            if not (least := cells.filter(pl.col("minimum") > 0)).is_empty():
                meaning = "what is on reaches its minimum"
                yield Balance(f"{self.name}_least", least, self.cell, "<=", "unit", meaning)
        if not (cells := self._counted(network)).is_empty():
            meaning = "quantities are whole multiples"
            yield Balance(f"{self.name}_multiple", cells, self.cell, "==", "unit", meaning)

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
        return network.kept.get(f"{self!r} switched", self._find_switched)

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
        return network.kept.get(f"{self!r} counted", self._find_counted)

    def _find_counted(self, network: Network) -> pl.DataFrame:
        return self.terms(network).filter(pl.col("multiple").fill_null(0.0) > 0)

    def __repr__(self) -> str:
        return f"Lots({self.name})"


RUNS = Lots("make", "make", ("routing",), "set_up", "batch", runs, lot_terms.setup_hours, "a routing is set up")
ALTERNATIVES = Lots(
    "run", "run", ("routing", "step", "resource"), "set_up_on", "", lot_terms.alternatives,
    lot_terms.alternative_hours, "a resource is set up for a step that others could do too",
)  # fmt: skip
RUNNING = Lots("running", "make", ("routing",), "running", "", lot_terms.running, None, "a routing runs, set up or not")
ORDERS = Lots("buy", "buy", ("offer",), "place_order", "pack_size", orders)
TRIPS = Lots("ship", "ship", ("lane",), "dispatch_trip", "load", trips)

__all__ = ["ALTERNATIVES", "ORDERS", "RUNNING", "RUNS", "TRIPS", "Lots", "orders", "runs", "trips"]
