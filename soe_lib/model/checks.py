"""Reading and checking with the model: whether a plan can start, and events that change nothing.

The rules of an extract know its tables; these looks prepare the network and the program as a plan would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import FormulationError, SoeError
from soe_lib.extract import check as checking
from soe_lib.extract import snapshot as reading
from soe_lib.extract.findings import Finding
from soe_lib.extract.rules.network import each, endless
from soe_lib.extract.targets import hits
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.network import Network
from soe_lib.model.planning import Model
from soe_lib.solver import diagnostics

if TYPE_CHECKING:
    from soe_lib.extract.check import CheckReport
    from soe_lib.extract.rules import Extract
    from soe_lib.extract.settings import Settings
    from soe_lib.extract.snapshot import Frame, Snapshot


SECONDS = 10.0
"""What each look may take; where it does not end, nothing is said."""
LARGE = 400_000
"""Coefficients from which on only the preparation is looked at."""


def read(data: str | Path, as_of: str | date | None = None) -> Snapshot:
    """The checked snapshot of an extract.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.

    Raises
    ------
    DataError : anything that must be mended first, all findings at once.

    Examples
    --------
    >>> found = soe.read("data/demo", as_of="2026-11-16")
    >>> found.company, found["items"].height
    ('Alder & Finch Household Care', 39)
    """
    return reading.read(data, as_of, looks=(without_effect,))


def snapshot(
    settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame], *, near: Snapshot | None = None
) -> Snapshot:
    """The checked snapshot of frames: what `soe.read` gives of the same rows in files.

    There is no week before it: no plan of record is found, and nothing is compared with an earlier extract.

    Parameters
    ----------
    settings : what settings.toml would say, as nested mappings; company, currency and as_of must be there.
    tables : by the table's name a polars or pandas frame in the contract's columns (schema.csv); optional columns, and
        tables that the company has none of, may be left out. Numbers and dates are typed, or text as in a file.
    near : a snapshot made of frames before: only tables that moved since are read again, and only the rules run again
        that read one of them, or settings or periods that moved. The result is the same without it.

    Raises
    ------
    DataError : anything that must be mended first, all findings at once; something that is no frame.

    Examples
    --------
    >>> shops = pl.DataFrame({"customer": ["shop", "café"]})
    >>> soe.snapshot(settings, {**tables, "customers": shops})["customers"]["customer"].to_list()
    ['café', 'shop']
    """
    return reading.snapshot(settings, tables, near=near, looks=(without_effect,))


def check(data: str | Path, as_of: str | date | None = None) -> CheckReport:
    """Everything that is wrong with an extract; nothing raises for what is wrong with the data.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.

    Examples
    --------
    >>> soe.check("notebooks/guide/leaf_and_bean").ok
    True
    """
    return checking.check(data, as_of, looks=(without_effect, refused))


def refused(extract: Extract) -> list[Finding]:
    """What `soe plan` would refuse: the plan is prepared as far as it can be."""
    return [_refusal(said) for said in refusals(reading.freeze(extract))]


def _refusal(said: str) -> Finding:
    """A finding of what the plan would say, at the file that it names first."""
    file, _, rest = said.partition(": ")
    named = file.endswith((".csv", ".toml"))
    rule = f"The plan cannot start: {(rest if named else said).rstrip('.')}."
    fix = "Mend it: `soe plan` refuses this extract."
    return Finding("stop", Path(file).stem if named else "", file if named else "", rule=rule, fix=fix)


def refusals(snapshot: Snapshot) -> Iterator[str]:
    """Why `soe plan` would refuse the extract, at most one reason; none where it starts.

    The network, every block, the program and its figures are prepared as for a plan; then a plan is looked for that
    keeps every promise, whatever it earns, and a direction in which money grows without limit.
    """
    try:
        model = Model(snapshot)
        if not model.flows:
            raise FormulationError("nothing can be decided; is there any demand in the horizon?")
        diagnostics.check(model.program)
        if model.program.matrix.nnz <= LARGE:
            diagnostics.look(model.program, SECONDS)
    except SoeError as error:
        yield str(error)


Prepared = Callable[[Network], pl.DataFrame]
TOUCHED: Mapping[str, tuple[Prepared, ...]] = MappingProxyType(
    {
        "downtime": (lambda network: network.hours, ship.lanes),
        "delay": (lambda network: network.receipts, buy.offers, make.routings, ship.lanes),
        "surge": (lambda network: network.demand,),
        "supply_loss": (lambda network: network.receipts, buy.offers, make.routings, ship.lanes),
        "price": (lambda network: network.demand, buy.offers),
    }
)
"""What an event of a kind can change."""


def without_effect(extract: Extract) -> list[Finding]:
    """Events that change nothing of the network, of an extract that nothing else stops."""
    if extract["events"].is_empty():
        return []
    try:
        found = idle(reading.freeze(extract))
    except SoeError:
        return []  # what stops the network from being set up is a finding of its own
    said = {event["event"] for event in each(extract, "supply_loss") if endless(extract, event)}
    row_of = dict(extract["events"].with_row_index("row").select("event", "row").iter_rows())
    fix = "Mend its target, dates or figures, or remove it."
    findings = []
    for event, reason in found:
        if event not in said:
            text = f"The event changes nothing{f': {reason}' if reason else ''}."
            findings += extract.flag("warn", "events", pl.Series([row_of[event]]), column="event", rule=text, fix=fix)
    return findings


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


def _same(network: Network, other: Network, frames: tuple[Prepared, ...]) -> bool:
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
