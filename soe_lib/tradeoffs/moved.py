"""How much of a plan of record's production is moved: as rows of the program, in the horizon of this week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.stability import in_periods
from soe_lib.model.plan import Plan
from soe_lib.model.terms import Balance, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.network import Network

CELL = ("item", "location", "period")


def in_horizon(snapshot: Snapshot, record: Plan) -> Plan:
    """The record with its production in the periods of this horizon: a week that is now days is shared out over them.

    What lies outside the horizon drops out; a record of the same periods stays as it is.
    """
    empty = pl.DataFrame(schema={**dict.fromkeys(("routing", *CELL), pl.String), "quantity": pl.Float64})
    made = record.flows.get("make", empty).with_columns(pl.col("period").cast(pl.String))
    span = ["period", "starts_on", "ends_on"]
    same = record.periods.join(snapshot.periods.select(span), on=span, how="semi")["period"]
    if made["period"].is_in(same.implode()).all():
        return record if "make" in record.flows else replace(record, flows={**record.flows, "make": made})
    split = in_periods(made, record.periods, snapshot.calendar)
    # With its periods, so that who asks again gets the same.
    return replace(record, flows={**record.flows, "make": split}, periods=snapshot.periods)


@dataclass(frozen=True)
class Moved(Part):
    """Counts what is made otherwise than in a plan of record: made − more + less = recorded, by item and place.

    Brings flows `made_more`, `made_less` (item, location, period) [units] and rows `as_recorded`; books nothing.

    Parameters
    ----------
    record : in the periods of this horizon.
    """

    record: Plan = field(repr=False)

    def flows(self, network: Network) -> Iterator[Flow]:
        """made_more and made_less."""
        if not (cells := self._cells(network)).is_empty():
            for name, word in (("made_more", "more"), ("made_less", "less")):
                yield Flow(name, cells, CELL, "unit", f"units made {word} than in the plan of record")

    def balances(self, network: Network) -> Iterator[Balance]:
        """as_recorded."""
        if not (cells := self._cells(network)).is_empty():
            yield Balance(
                "as_recorded", cells, CELL, "==", "unit", "a move of the plan of record is counted", rhs="quantity"
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make, made_more and made_less."""
        if not self._cells(network).is_empty():
            yield Effect("make", "as_recorded")
            yield Effect("made_more", "as_recorded", -1.0)
            yield Effect("made_less", "as_recorded")

    def _cells(self, network: Network) -> pl.DataFrame:
        """Everything that can be made, with what the record makes of it."""
        from soe_lib.model.blocks.make import routings

        cells = routings(network).select(CELL).unique()
        recorded = network.encode(_recorded(self.record, network))
        return cells.join(recorded, on=CELL, how="left").with_columns(pl.col("quantity").fill_null(0.0))


def unreachable(network: Network, record: Plan) -> float:
    """Units that the record makes where nothing can be made any more: they are moved whatever the plan does."""
    recorded = in_horizon(network.snapshot, record)
    cells = Moved(recorded)._cells(network)
    return max(float(recorded.flows["make"]["quantity"].sum()) - float(cells["quantity"].sum()), 0.0)


def _recorded(record: Plan, network: Network) -> pl.DataFrame:
    """item, location, period, quantity of the record, without places that this network does not know."""
    made = record.flows["make"].with_columns(pl.col(*CELL).cast(pl.String)).group_by(CELL)
    summed = made.agg(pl.col("quantity").sum())
    known = [pl.col(key).is_in(list(network.domains[key].categories)) for key in CELL]
    return summed.filter(*known)
