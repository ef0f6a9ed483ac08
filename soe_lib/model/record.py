"""The plan of record (the last published plan, which fences protect), and plans that the pages of a pack share."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

from soe_lib.errors import DataError
from soe_lib.extract.folders import dates
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.model import Model
from soe_lib.model.solve import solved
from soe_lib.solver import budget
from soe_lib.store.history import latest, load_plan
from soe_lib.store.plan import Plan
from soe_lib.workspace import COMING, RELEASE, RELEASES, place

HERE = "out/plans"
"""Where the weekly pack keeps its plans, in the workspace."""

Recorded = Plan | None | Literal["find"]
"""A plan of record; None: there is none to keep to; "find": the one that the weekly pack would compare with."""


def of_record(snapshot: Snapshot, record: Recorded, *, always: bool = False) -> Plan | None:
    """The plan of record that a fence keeps to: the one given, or the one found where settings.toml has a fence.

    Parameters
    ----------
    always : look for it even without a fence, because one may be set later.
    """
    if not isinstance(record, str):
        return record
    return plan_of_record(snapshot, HERE) if always or fenced(snapshot) else None


def fenced(snapshot: Snapshot) -> bool:
    """Whether settings.toml has a fence that keeps to the plan of record."""
    fence = snapshot.settings.fence
    return fence.frozen_days > 0 or (fence.slushy_days > 0 and fence.change_cost > 0)


def kept_to(snapshot: Snapshot, store: str, named: str) -> Plan | None:
    """The plan of record of a command: the one named, or the pack's where settings.toml has a fence."""
    return plan_of_record(snapshot, store, named=named) if named or fenced(snapshot) else None


def keep(made: Plan, results: str | Path) -> Plan:
    """Save a plan for the other pages of the same pack; does nothing where `results` is blank."""
    if results:
        made.save(Path(results) / "plan")
        (Path(results) / COMING).unlink(missing_ok=True)
    return made


def shared(snapshot: Snapshot, results: str | Path) -> Plan | None:
    """The balance page's plan of the same pack, in a pack with a time budget; waits while it is being made.

    Two searches that end by time end in different plans, and the pages of one pack would disagree.
    """
    if not results or budget.left() is None:
        return None
    there, coming = Path(results) / "plan" / "plan.json", Path(results) / COMING
    while coming.exists() and not there.is_file() and budget.left():
        time.sleep(0.2)
    return left(snapshot, results)


def left(snapshot: Snapshot, results: str | Path) -> Plan | None:
    """The plan that the balance page of the same pack saved in `results`, where it is of this snapshot; else None."""
    folder = Path(results) / "plan"
    found = Plan.load(folder) if results and (folder / "plan.json").is_file() else None
    return found if found is not None and found.fingerprint == snapshot.fingerprint else None


def plan_of_record(
    snapshot: Snapshot, store: str | Path = "", results: str | Path = "", named: str = ""
) -> Plan | None:
    """Last published plan: from the store; else the previous extract solved again; else None.

    Of a plan that was released it is what operations have: the plan in whole units.

    Parameters
    ----------
    snapshot : this week's.
    store : folder of the plan history, of the workspace where it is relative; blank or absent: none.
    results : folder that the pages of one pack share.
    named : another plan of the store, as "DATE" or "DATE/RUN"; "none": no plan of record.

    Raises DataError where a plan is named that the store does not have.

    Examples
    --------
    >>> soe.plan_of_record(small, named="none") is None
    True
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> soe.plan_of_record(small, store, named="2026-01-19").margin
    840.0
    """
    if named:
        return None if named == "none" else _named(snapshot, store, named)
    shared = Path(results) / "record"
    if results and (shared / "plan.json").is_file():
        return Plan.load(shared)
    found = _stored(snapshot, store) or _recomputed(snapshot)
    if found and results:
        found.save(shared)
    return found


def _home(store: str | Path) -> str:
    """The store as an address, or as a folder of the workspace."""
    return str(store) if "://" in str(store) else str(place(store))


def _named(snapshot: Snapshot, store: str | Path, named: str) -> Plan:
    day, _, run = named.partition("/")
    if run and not run.isdigit():
        raise DataError(f"{named!r} is no plan: write 2026-11-09, 2026-11-09/2, or none.")
    return load_plan(day, int(run) if run else None, store=_home(store or HERE), company=snapshot.company)


def _stored(snapshot: Snapshot, store: str | Path) -> Plan | None:
    if not store or not ("://" in str(store) or Path(_home(store), "plans").is_dir()):
        return None
    found = latest(_home(store), before=snapshot.as_of, company=snapshot.company)
    return None if found is None else _released(found, store) or found


def _released(plan: Plan, store: str | Path) -> Plan | None:
    """The plan as operations have it, in whole units; None where it was not released, or into another archive."""
    folder = Path(_home(store)).parent / RELEASES
    for told in sorted(folder.glob(f"{plan.as_of}.*/{RELEASE}")):
        said, kept = json.loads(told.read_text(encoding="utf-8")), told.parent / "plan"
        if said["plan_fingerprint"] == plan.identity and (kept / "plan.json").is_file():
            released = Plan.load(kept)
            if released.identity != said["released_fingerprint"]:
                raise DataError(
                    f"{kept} is no longer the plan that was released: restore it, or the fence has no record."
                )
            return released
    return None


def _recomputed(snapshot: Snapshot) -> Plan | None:
    if snapshot.folder.name != snapshot.as_of.isoformat():
        return None
    earlier = [found for found in dates(snapshot.folder.parent) if found < snapshot.as_of]
    if not earlier:
        return None
    before = read(snapshot.folder.parent, max(earlier))
    return solved(Model(before, STANDARD), None, name=f"recomputed from the extract of {max(earlier)}")
