"""Runs the contract's rules again on an edited snapshot: those that read an edited table.

A rule depends only on the tables that it reads, which are recorded while it runs. Where none of them changed, its
findings on the snapshot before the edit still hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.findings import Finding, Source, stops
from soe_lib.extract.rules import EVERY, Extract, Rule, Run, noted, registered
from soe_lib.extract.rules.history import nothing_is_missing
from soe_lib.extract.rules.network import demand_can_be_reached, downtimes_fit_their_days, every_item_has_a_source
from soe_lib.extract.rules.plausibility import against_the_last_extract
from soe_lib.extract.snapshot import Snapshot

ALLOWED = (demand_can_be_reached, every_item_has_a_source, nothing_is_missing, against_the_last_extract)
"""Rules for extracts only: a what-if may leave an item without supply or stock."""

EXACT = (downtimes_fit_their_days,)
"""Rules whose new warnings stop an edit of events: a downtime beyond the hours of its days has no effect."""


def recheck(snapshot: Snapshot, name: str, before: Snapshot) -> Snapshot:
    """The snapshot, if nothing in it stops a plan.

    Parameters
    ----------
    name : of the scenario, for the message.
    before : the snapshot that was edited; unchanged tables are not checked again by themselves.

    Raises
    ------
    DataError : with every finding that stops; rows are counted in the edited table, from 2 on.
    """
    extract = _extract(snapshot, before)
    found = [*_returns(extract)]
    touched = {table for table, frame in snapshot.tables.items() if frame is not before.tables.get(table)}
    same = snapshot.settings is before.settings and snapshot.periods is before.periods
    for rule, run in _runs(before).items():
        again = run.findings if same and not run.reads & (touched | {EVERY}) else rule(extract)
        found += again
        if rule in EXACT and "events" in touched:
            known = {one.rule for one in run.findings}
            found += [replace(one, level="stop") for one in again if one.rule not in known]
    if bad := stops(found):
        raise DataError(f"The scenario {name!r} makes a plan impossible to set up: {len(bad)} findings stop it.", bad)
    return snapshot


_KNOWN: dict[int, dict[Rule, Run]] = {}
"""Runs on snapshots that are still in use, by their identity."""


def _runs(snapshot: Snapshot) -> dict[Rule, Run]:
    """Every rule on a snapshot as it is; run once."""
    if id(snapshot) not in _KNOWN:
        extract = _extract(snapshot, snapshot)
        _KNOWN[id(snapshot)] = {rule: noted(rule, extract) for rule in registered() if rule not in ALLOWED}
        weakref.finalize(snapshot, _KNOWN.pop, id(snapshot), None)
    return _KNOWN[id(snapshot)]


def _extract(snapshot: Snapshot, before: Snapshot) -> Extract:
    """The edited tables as if they were files just read."""
    there = {*snapshot.files["table"], *(name for name, frame in snapshot.tables.items() if frame.height)}
    sources = {}
    for name in there:
        same = snapshot.tables[name] is before.tables[name]
        frame = pl.DataFrame() if same else snapshot.tables[name]
        sources[name] = Source(name, name if same else f"{name} as edited", frame, size=0, digest=str)
    # control totals apply to the files as they were sent
    settings = replace(snapshot.settings, control=MappingProxyType({}))
    return Extract(snapshot.folder, settings, snapshot.tables, sources, snapshot.calendar)


def _returns(extract: Extract) -> Iterator[Finding]:
    """A negative order in a file is a return and is left out; in an edit it is an error."""
    yield from extract.flag(
        "stop", "orders", pl.col("quantity") < 0, column="quantity",
        rule="The scenario makes the order negative.", fix="Take away less, or drop the order.",
    )  # fmt: skip
