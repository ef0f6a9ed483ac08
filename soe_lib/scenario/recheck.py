"""The contract's rules, run again on a snapshot that was edited."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from soe_lib.errors import DataError
from soe_lib.extract.checks import check_all
from soe_lib.extract.findings import stops
from soe_lib.extract.reading import Extract
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.sources import Source


def recheck(snapshot: Snapshot, name: str, before: Snapshot) -> Snapshot:
    """The snapshot, if nothing in it stops a plan.

    Parameters
    ----------
    name : of the scenario, for the message.
    before : the snapshot that was edited; only its changed tables need all checks.

    Raises
    ------
    DataError : with every finding that stops; rows are counted in the edited table, from 2 on.
    """
    changed = [table for table, frame in snapshot.tables.items() if frame is not before.tables[table]]
    sources = {
        table: Source(table, f"{table} as edited", snapshot.tables[table], size=0, sha256="") for table in changed
    }
    # control totals are of the files as they were sent
    settings = replace(snapshot.settings, control=MappingProxyType({}))
    extract = Extract(snapshot.folder, settings, snapshot.tables, sources, snapshot.calendar)
    if bad := stops(check_all(extract)):
        raise DataError(f"The scenario {name!r} makes a plan impossible to set up: {len(bad)} findings stop it.", bad)
    return snapshot
