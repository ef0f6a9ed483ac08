"""Read and check extracts with the model: whether a plan can start, and which events change nothing.

The rules of an extract see its tables only; these checks also build the network and the program, as a plan does.
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
"""Time limit of each check for a plan [s]; a check that runs out of time reports nothing."""
LARGE = 400_000
"""Above so many coefficients only the preparation is checked."""


def read(data: str | Path, as_of: str | date | None = None) -> Snapshot:
    """The checked snapshot of an extract.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.

    Raises
    ------
    DataError : lists everything that must be corrected first.

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

    It has no earlier extract: no plan of record is found, and nothing is compared with the week before.

    Parameters
    ----------
    settings : the content of settings.toml as nested mappings; company, currency and as_of are required.
    tables : table name → polars or pandas frame in the contract's columns (schema.csv); optional columns, and tables
        without rows, may be left out. Numbers and dates are typed, or text as in a file.
    near : an earlier snapshot made of frames: only changed tables are read again, and only rules run again that read
        one of them, or changed settings or periods. The result is the same without it.

    Raises
    ------
    DataError : lists everything that must be corrected first; a table is not a frame.

    Examples
    --------
    >>> shops = pl.DataFrame({"customer": ["shop", "café"]})
    >>> soe.snapshot(settings, {**tables, "customers": shops})["customers"]["customer"].to_list()
    ['café', 'shop']
    """
    return reading.snapshot(settings, tables, near=near, looks=(without_effect,))


def check(data: str | Path, as_of: str | date | None = None) -> CheckReport:
    """All findings on an extract; faults of the data never raise an error.

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
    """The reason, if any, for which `soe plan` would refuse the extract, as a finding."""
    return [_refusal(reason) for reason in refusals(reading.freeze(extract))]


def _refusal(reason: str) -> Finding:
    """The reason as a finding, at the file that it names first."""
    file, _, rest = reason.partition(": ")
    named = file.endswith((".csv", ".toml"))
    rule = f"The plan cannot start: {(rest if named else reason).rstrip('.')}."
    fix = "Correct it: `soe plan` refuses this extract."
    return Finding("stop", Path(file).stem if named else "", file if named else "", rule=rule, fix=fix)


def refusals(snapshot: Snapshot) -> Iterator[str]:
    """Why `soe plan` would refuse the extract, at most one reason; none where it starts.

    Builds the network, every block and the program as a plan does; then checks that some quantities satisfy every
    constraint, and that money does not grow without limit.
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
"""Kind of event → the prepared tables that it can change."""


def without_effect(extract: Extract) -> list[Finding]:
    """Warnings for events that change nothing in the network; none where another error stops the extract."""
    if extract["events"].is_empty():
        return []
    try:
        found = idle(reading.freeze(extract))
    except SoeError:
        return []  # the reason is reported as another finding
    reported = {event["event"] for event in each(extract, "supply_loss") if endless(extract, event)}
    row_of = dict(extract["events"].with_row_index("row").select("event", "row").iter_rows())
    fix = "Correct its target, dates or figures, or remove it."
    findings = []
    for event, reason in found:
        if event not in reported:
            text = f"The event changes nothing{f': {reason}' if reason else ''}."
            findings += extract.flag("warn", "events", pl.Series([row_of[event]]), column="event", rule=text, fix=fix)
    return findings


def idle(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Events without effect: (event, reason), by event; the reason is blank where none is recognised.

    Parameters
    ----------
    snapshot : a checked extract. Two events with the same effect are both listed.
    """
    blank = pl.col("kind").is_in(["surge", "price"]) & pl.col("factor").is_null()  # reported as another finding
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
    """Why an event changes nothing; blank where no reason is recognised."""
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
        return "its target has no maximum to cut" + ("" if factor else ", and no period lies wholly in its days")
    return "nothing is forecast for its target in its days (orders keep their prices)"


def _no_hours(network: Network, row: dict[str, Any], starts: date, ends: date) -> str:
    if row["hours"] == 0 or (row["hours"] is None and row["factor"] == 0):
        return "it takes no hours"
    mine = network.table("resources").filter(hits(row, ("resource", "location")))["resource"]
    open_days = network.periods.filter(pl.col("ends_on") >= starts, pl.col("starts_on") <= ends)["period"]
    here = pl.col("resource").is_in(mine.implode()) & pl.col("period").is_in(open_days.implode())
    offered = network.hours.filter(here).select((pl.col("hours") + pl.col("overtime_hours")).sum()).item()
    return "" if offered else "its target has no hours in its days"
