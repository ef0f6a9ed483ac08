"""Plans as people ask for them: this week's, the one already balanced, the plan of record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.model.plan import Plan
from soe_lib.workspace import place

if TYPE_CHECKING:
    from soe_lib.model.solve import Options
    from soe_lib.model.terms import Block


def plan(
    snapshot: Snapshot,
    *,
    blocks: Block | Sequence[Block] = (),
    record: Plan | None = None,
    options: Options | None = None,
    name: str = "this week's plan",
) -> Plan:
    """The plan worth most money, certified.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    blocks : planning ideas of your own, one or several, beside the standard ones.
    record : plan of record that the frozen fence and the slushy zone of settings.toml keep to.
    options : limits of the solver.

    Raises SolveError where there is no proven answer (infeasible, unbounded, out of time), ReconciliationError where
    the ledger does not add up to the solver's optimum.
    """
    from soe_lib.model.blocks import STANDARD, kept_close
    from soe_lib.model.conflict import explained
    from soe_lib.model.model import Model
    from soe_lib.model.terms import blocks_of

    own = blocks_of(blocks)
    made = Model(snapshot, (*STANDARD, *kept_close(snapshot, record), *own))
    try:
        return made.solve(options, name=name)
    except SolveError as error:
        raise explained(error, made, own) from error


def keep(made: Plan, results: str | Path) -> Plan:
    """Leave a plan where the other pages of the same pack find it; does nothing when run by hand (blank results)."""
    if results:
        made.save(Path(results) / "plan")
    return made


def balanced(snapshot: Snapshot, results: str | Path = "") -> Plan:
    """This week's plan: the one that the balance page left in `results`, where it is of this snapshot; else solved."""
    left = Path(results) / "plan"
    if results and (left / "plan.json").is_file():
        found = Plan.load(left)
        if found.fingerprint == snapshot.fingerprint:
            return found
    return plan(snapshot)


def plan_of_record(snapshot: Snapshot, store: str | Path = "", results: str | Path = "") -> Plan | None:
    """Last published plan: from the store; else solved again from the extract before this one; else None.

    Parameters
    ----------
    snapshot : this week's.
    store : folder of the plan history; blank or absent: none.
    results : where the pages of one pack share what they worked out.
    """
    shared = Path(results) / "record"
    if results and (shared / "plan.json").is_file():
        return Plan.load(shared)
    found = _stored(snapshot, store) or _recomputed(snapshot)
    if found and results:
        found.save(shared)
    return found


def _stored(snapshot: Snapshot, store: str | Path) -> Plan | None:
    remote = "://" in str(store)
    if not store or not (remote or (place(store) / "plans").is_dir()):
        return None
    from soe_lib.store.history import latest

    return latest(store, before=snapshot.as_of, company=snapshot.company)


def _recomputed(snapshot: Snapshot) -> Plan | None:
    from soe_lib.extract.folders import dates

    earlier = [found for found in dates(snapshot.folder.parent) if found < snapshot.as_of]
    if not earlier or snapshot.folder.name != snapshot.as_of.isoformat():
        return None
    before = read(snapshot.folder.parent, max(earlier))
    return plan(before, name=f"recomputed from the extract of {max(earlier)}")


__all__ = ["Plan", "balanced", "keep", "plan", "plan_of_record"]
