"""Plans as people ask for them: this week's, the one already balanced, the plan of record."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.solver import budget
from soe_lib.store.plan import Plan
from soe_lib.workspace import place

if TYPE_CHECKING:
    from soe_lib.model.extra import Extra
    from soe_lib.model.model import Model
    from soe_lib.model.terms import Block
    from soe_lib.solver.answer import Options

COMING = "plan.coming"
"""File beside a pack's results: the balance page has begun, and has not left its plan yet."""
HERE = "out/plans"
"""Where the weekly pack keeps its plans, in the workspace."""

Recorded = Plan | None | Literal["find"]
"""A plan of record; None: there is none to keep to; "find": the one that the weekly pack would compare with."""


def plan(
    snapshot: Snapshot,
    *,
    blocks: Block | Sequence[Block] = (),
    extra: Extra | None = None,
    record: Recorded = "find",
    options: Options | None = None,
    name: str = "this week's plan",
) -> Plan:
    """The plan worth most money, certified.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    blocks : planning ideas of your own, one or several, beside the standard ones.
    extra : constraints and terms of your own in CVXPY, over labelled quantities:
        `lambda v: [cp.sum(v["make"].where(family="Laundry", period="2026-W48")) <= 14_000]`. Piecewise linear ones go
        to HiGHS, other convex ones to Clarabel; a term is worth to maximise [money], booked as steering by its name.
    record : plan of record that the frozen fence and the slushy zone of settings.toml keep to; left out, the one that
        the weekly pack compares with (`plan_of_record`); None: none.
    options : limits of the solver.

    Raises SolveError where there is no proven answer (infeasible, unbounded, out of time), FormulationError where
    `extra` is not convex or selects nothing, ReconciliationError where the ledger does not add up to the solver's
    optimum.

    Examples
    --------
    >>> soe.plan(small).margin
    840.0
    >>> soe.plan(small, extra=lambda v: [v["ship"].where(mode="truck").sum() <= 150.0]).margin
    790.0
    """
    from soe_lib.model.blocks.standard import STANDARD, kept_close
    from soe_lib.model.conflict import explained
    from soe_lib.model.extra import with_extra
    from soe_lib.model.model import Model

    own = with_extra(blocks, extra)
    made = Model(snapshot, (*STANDARD, *kept_close(of_record(snapshot, record)), *own))
    try:
        with told(made, options) as limits:
            return made.solve(limits, name=name)
    except SolveError as error:
        raise explained(error, made, own) from error


@contextmanager
def told(made: Model, options: Options | None) -> Iterator[Options | None]:
    """Say how far a search for whole numbers is where somebody sits in front of it, and nobody watches it otherwise."""
    from soe_lib.solver.answer import Options
    from soe_lib.solver.diagnostics import Watch, shown

    watched = options is not None and options.watch is not None
    seen = sys.stderr.isatty() or ("ipykernel" in sys.modules and not os.environ.get("SOE_PAGE"))
    if watched or not seen or not made.whole:
        yield options
        return
    with shown(Watch(), sys.stderr, made.snapshot.currency) as watch:
        yield replace(options or Options(), watch=watch)


def of_record(snapshot: Snapshot, record: Recorded, *, always: bool = False) -> Plan | None:
    """The plan of record to keep to: the one given, or the one that is found where settings.toml has a fence.

    Parameters
    ----------
    always : look for it without a fence too, where somebody may set one.
    """
    if not isinstance(record, str):
        return record
    return plan_of_record(snapshot, HERE) if always or fenced(snapshot) else None


def fenced(snapshot: Snapshot) -> bool:
    """Whether settings.toml has a fence that keeps to the plan of record."""
    fence = snapshot.settings.fence
    return fence.frozen_days > 0 or (fence.slushy_days > 0 and fence.change_cost > 0)


def keep(made: Plan, results: str | Path) -> Plan:
    """Leave a plan where the other pages of the same pack find it; does nothing when run by hand (blank results)."""
    if results:
        made.save(Path(results) / "plan")
        (Path(results) / COMING).unlink(missing_ok=True)
    return made


def shared(snapshot: Snapshot, results: str | Path) -> Plan | None:
    """The plan that the balance page of the same pack leaves, waited for where it is to come and time is a budget.

    Two searches that end by time end in two plans: the pages of one pack would speak of different ones.
    """
    if not results or budget.left() is None:
        return None
    there, coming = Path(results) / "plan" / "plan.json", Path(results) / COMING
    while coming.exists() and not there.is_file() and budget.left():
        time.sleep(0.2)
    return left(snapshot, results)


def left(snapshot: Snapshot, results: str | Path) -> Plan | None:
    """The plan that the balance page of the same pack left in `results`, where it is of this snapshot; else None."""
    folder = Path(results) / "plan"
    found = Plan.load(folder) if results and (folder / "plan.json").is_file() else None
    return found if found is not None and found.fingerprint == snapshot.fingerprint else None


def plan_of_record(
    snapshot: Snapshot, store: str | Path = "", results: str | Path = "", named: str = ""
) -> Plan | None:
    """Last published plan: from the store; else solved again from the extract before this one; else None.

    Parameters
    ----------
    snapshot : this week's.
    store : folder of the plan history, of the workspace where it is relative; blank or absent: none.
    results : where the pages of one pack share what they worked out.
    named : another plan of the store, as "DATE" or "DATE/RUN"; "none": there is none.

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
    """The store as the user means it: an address, or a folder of the workspace."""
    return str(store) if "://" in str(store) else str(place(store))


def _named(snapshot: Snapshot, store: str | Path, named: str) -> Plan:
    from soe_lib.store.history import load_plan

    day, _, run = named.partition("/")
    if run and not run.isdigit():
        raise DataError(f"{named!r} is no plan: write 2026-11-09, 2026-11-09/2, or none.")
    return load_plan(day, int(run) if run else None, store=_home(store or HERE), company=snapshot.company)


def _stored(snapshot: Snapshot, store: str | Path) -> Plan | None:
    if not store or not ("://" in str(store) or Path(_home(store), "plans").is_dir()):
        return None
    from soe_lib.store.history import latest

    return latest(_home(store), before=snapshot.as_of, company=snapshot.company)


def _recomputed(snapshot: Snapshot) -> Plan | None:
    from soe_lib.extract.folders import dates

    if snapshot.folder.name != snapshot.as_of.isoformat():
        return None
    earlier = [found for found in dates(snapshot.folder.parent) if found < snapshot.as_of]
    if not earlier:
        return None
    before = read(snapshot.folder.parent, max(earlier))
    return plan(before, record=None, name=f"recomputed from the extract of {max(earlier)}")


__all__ = ["Plan", "keep", "plan", "plan_of_record"]
