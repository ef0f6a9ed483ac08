"""What is checked by the model's own preparation: whether a plan can start, and events that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import FormulationError, SoeError
from soe_lib.extract.targets import hits
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.model import Model
from soe_lib.model.network import Network
from soe_lib.solver.diagnostics import check, look

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


SECONDS = 10.0
"""What each look may take; where it does not end, nothing is said."""
LARGE = 400_000
"""Coefficients from which on only the preparation is looked at."""


def refusals(snapshot: Snapshot) -> Iterator[str]:
    """Why `soe plan` would refuse the extract, at most one reason; none where it starts.

    The network, every block, the program and its figures are prepared as for a plan; then a plan is looked for that
    keeps every promise, whatever it earns, and a direction in which money grows without limit.
    """
    try:
        model = Model(snapshot)
        if not model.flows:
            raise FormulationError("nothing can be decided; is there any demand in the horizon?")
        check(model.program)
        if model.program.matrix.nnz <= LARGE:
            look(model.program, SECONDS)
    except SoeError as error:
        yield str(error)


Frame = Callable[[Network], pl.DataFrame]
TOUCHED: Mapping[str, tuple[Frame, ...]] = MappingProxyType(
    {
        "downtime": (lambda network: network.hours, ship.lanes),
        "delay": (lambda network: network.receipts, buy.offers, make.routings, ship.lanes),
        "surge": (lambda network: network.demand,),
        "supply_loss": (lambda network: network.receipts, buy.offers, make.routings, ship.lanes),
        "price": (lambda network: network.demand, buy.offers),
    }
)
"""What an event of a kind can change."""


def idle(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Events without effect, with the reason as far as it shows: (event, reason), by event.

    Parameters
    ----------
    snapshot : a checked extract; an event beside another one of the same effect changes nothing beyond it.
    """
    blank = pl.col("kind").is_in(["surge", "price"]) & pl.col("factor").is_null()  # a finding of its own
    rows = snapshot["events"].filter(pl.col("kind").is_in(list(TOUCHED)) & ~blank).sort("event")
    network = Network(snapshot)
    return [
        (row["event"], _reason(network, row))
        for row in rows.iter_rows(named=True)
        if _same(network, Network(_without(snapshot, row["event"]), near=network), TOUCHED[row["kind"]])
    ]


def _without(snapshot: Snapshot, event: str) -> Snapshot:
    return snapshot.replace(events=snapshot["events"].filter(pl.col("event") != event))


def _same(network: Network, other: Network, frames: tuple[Frame, ...]) -> bool:
    pairs = ((frame(network), frame(other)) for frame in frames)
    return all(one is two or one.equals(two, null_equal=True) for one, two in pairs)


def _reason(network: Network, row: dict[str, Any]) -> str:
    """Why an event changes nothing; blank where it does not show."""
    periods = network.snapshot.periods
    first, last = network.snapshot.as_of, periods["ends_on"][-1]
    starts, ends = row["from"] or first, row["to"] or last
    factor, kind = row["factor"], row["kind"]
    if ends < first or starts > last:
        return f"it lies outside the horizon ({first} to {last})"
    if (kind in ("surge", "price") and factor in (None, 1.0)) or (kind == "supply_loss" and factor == 1.0):
        return "a factor of 1 leaves everything as it is"
    if kind == "downtime":
        return _no_hours(network, row, starts, ends)
    if kind == "delay":
        inside = periods.filter(pl.col("starts_on").is_between(starts, ends)).height
        return "0 days are no delay" if not row["days"] else "" if inside else "no period starts within its days"
    if kind == "supply_loss":
        return "what it hits has no maximum that could be cut" + ("" if factor else ", and no period lies in its days")
    return "nobody asks for it in its days, or its price stands in orders"


def _no_hours(network: Network, row: dict[str, Any], starts: date, ends: date) -> str:
    if row["hours"] == 0 or (row["hours"] is None and row["factor"] == 0):
        return "it takes no hours"
    mine = network.table("resources").filter(hits(row, ("resource", "location")))["resource"]
    open_days = network.periods.filter(pl.col("ends_on") >= starts, pl.col("starts_on") <= ends)["period"]
    here = pl.col("resource").is_in(mine.implode()) & pl.col("period").is_in(open_days.implode())
    offered = network.hours.filter(here).select((pl.col("hours") + pl.col("overtime_hours")).sum()).item()
    return "" if offered else "there are no hours in its days"
