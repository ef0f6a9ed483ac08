"""`soe release`: the orders of a decided plan, written aside, read back, and moved into place by one rename."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib import workspace
from soe_lib.errors import DataError, PackError
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.model.extra import Extra, with_extra
from soe_lib.model.pegging.answer import pegging
from soe_lib.operations import earlier, orders
from soe_lib.operations.changes import changes, numbered
from soe_lib.operations.earlier import Earlier
from soe_lib.operations.files import read_back, write_csv, write_tables
from soe_lib.operations.whole_units import WholeUnits, in_whole_units
from soe_lib.store.history import newest
from soe_lib.store.meeting import Approval, approvals, approved
from soe_lib.store.promised import as_promised
from soe_lib.store.tables import Store, at, restored
from soe_lib.whatif.decisions import as_decided
from soe_lib.whatif.scenario import parsed
from soe_lib.workspace import RELEASE, RELEASES

if TYPE_CHECKING:
    from soe_lib.model.terms import Block
    from soe_lib.store.plan import Plan


FORECAST = "forecast"
"""Folder, in a release, of the orders beyond the firm window."""


@dataclass(frozen=True)
class Release:
    """Orders that were handed to operations.

    Parameters
    ----------
    folder : where the files are. rows : table → its rows.
    approval : the decision that they rest on.
    added : False where the very same release was there already.
    until : last day of the firm window. moved, share : margin that whole units gained (below 0: lost), and as a share.
    not_whole : quantities of the window that no whole number of units could keep to.
    changed : how many open orders are to be changed. most : the change that earns most, in words.
    currency : of the money.
    """

    folder: Path
    rows: Mapping[str, int]
    approval: Approval
    added: bool
    until: date
    moved: float
    share: float
    not_whole: int
    changed: int
    most: str
    currency: str

    def text(self) -> str:
        """What was released, on whose word, what whole units moved, and where it is."""
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self.rows.items())
        verb = "is released" if self.added else "was released already"
        who = f"decided by {self.approval.decided_by}: {self.approval.reason}"
        money = f"{self.currency} {self.moved:+,.2f} ({self.share:+.3%})"
        rest = f" {self.not_whole} quantities are no whole units." if self.not_whole else ""
        open_orders = f"{self.changed} changes of open orders; most money: {self.most}\n" if self.changed else ""
        lost = self.rows.get("not_in_erp", 0)
        gone = f"{lost} released orders are not due and not in the ERP: see not_in_erp.csv\n" if lost else ""
        return (
            f"Plan {self.approval.label} {verb} ({who}).\n{counts}\n"
            f"Firm until {self.until}, in whole units: {money} of margin.{rest}\n"
            f"{open_orders}{gone}Load it: {self.folder}"
        )


def release(
    out: str | Path,
    as_of: str | date,
    run: int | None = None,
    *,
    data: str | Path = "",
    snapshot: Snapshot | None = None,
    store: Store | None = None,
    company: str | None = None,
    blocks: Block | Sequence[Block] = (),
    extra: Extra | None = None,
) -> Release:
    """Write the orders of a decided plan into `out/releases/<as-of>.<run>/`; the same again adds nothing.

    The orders of the firm window ([release] firm_days) are in whole units; those of the weeks after it are a forecast
    and stand in the folder `forecast`, in the same tables. `changes` says what becomes of open orders: of the release
    before, and of the ERP's own; `not_in_erp` which released orders the ERP no longer has.

    Parameters
    ----------
    out : the archive of packs. as_of, run : the plan; its newest run when left out.
    data : company folder or extract that the plan was made from.
    snapshot : in place of data, where the plan was made from an edited extract: `scenario.apply(snapshot)`.
    store : plan history; `out/plans` when left out. company : whose plan, where the store has several.
    blocks, extra : of one's own that the plan was made with, as for `soe.plan`.

    Errors
    ------
    DataError : no such plan, a plan that nobody decided, or another extract than the plan was made from.
    ReconciliationError : what was written does not read back as the plan's quantities.
    PackError : another release stands in the folder.

    Examples
    --------
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> decided = soe.approve(store, "2026-01-19", by="Head of planning", reason="As discussed on Monday")
    >>> print(soe.release(store, "2026-01-19", snapshot=small, store=store).text())
    Plan 2026-01-19/1 is released (decided by Head of planning: As discussed on Monday).
    2 production orders, 1 purchase orders, 2 transfer orders, 0 allocation, 2 allocation forecast, 14 daily rates, 6
    pegging, 0 targets, 5 changes, 0 not in erp
    Firm until 2026-01-25, in whole units: EUR +0.00 (+0.000%) of margin.
    Load it: ...
    """
    archive = workspace.place(out)
    home = at(store if store is not None else archive / "plans")
    row = newest(home, as_of, run, company=company)
    plan = restored(home, row)
    decision = approved(home, plan)
    label = f"{row['as_of']}/{row['run']}"
    if decision is None:
        raise DataError(
            f"Plan {label} was not decided, so nothing is released. Record the decision first: "
            f'soe approve {label} --by NAME --reason "…".'
        )
    inputs = snapshot if snapshot is not None else read(data, str(plan.as_of))
    if inputs.fingerprint != plan.fingerprint:
        inputs = as_promised(inputs, home, known=row["created"])
    if inputs.fingerprint != plan.fingerprint and row["scenario"]:
        inputs = parsed(row["scenario"]).apply(inputs)
    elif inputs.fingerprint != plan.fingerprint:
        # A plan with the meeting's decisions in it was made from the extract as they changed it.
        inputs = as_decided(inputs, home)
    if inputs.fingerprint != plan.fingerprint:
        raise DataError(
            f"Plan {label} was made from other inputs ({plan.fingerprint[:12]}) than {data or 'the snapshot'} holds "
            f"({inputs.fingerprint[:12]}). Give the extract it was made from, or plan and decide again."
        )
    target = archive / RELEASES / f"{row['as_of']}.{row['run']}"
    if (target / RELEASE).is_file():
        return _again(target, plan, decision)
    before = earlier.releases(archive / RELEASES, plan.company)
    decided = approvals(home).filter(pl.col("company") == plan.company)
    earlier.superseded(before, decided, plan.as_of, decision.run)
    return _write(target, plan, inputs, decision, before, with_extra(blocks, extra))


def _again(target: Path, plan: Plan, decision: Approval) -> Release:
    """The release that is there already."""
    told = json.loads((target / RELEASE).read_text(encoding="utf-8"))
    if told["plan_fingerprint"] != plan.identity:
        raise PackError(f"{target} holds the orders of another plan; it stays as it is.")
    return _told(target, told, decision, added=False)


def _write(
    target: Path, plan: Plan, snapshot: Snapshot, decision: Approval, before: list[Earlier], own: Sequence[Block]
) -> Release:
    rounded, parts = _parts(plan, snapshot, before, own)
    for part in parts.values():
        _unique(part)
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    try:
        written = write_tables(aside, parts[""], f"{plan.company}: orders of {plan.as_of}", plan.as_of)
        if later := parts.get(FORECAST):
            (aside / FORECAST).mkdir()
            written += [f"{FORECAST}/{name}" for name in write_csv(aside / FORECAST, later)]
        for name, part in parts.items():
            read_back(aside / name, part)
        rounded.plan.save(aside / "plan")
        written += [
            path.relative_to(aside).as_posix() for path in sorted((aside / "plan").rglob("*")) if path.is_file()
        ]
        told = _seal(aside, written, rounded, decision, parts[""])
        aside.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return _told(target, told, decision, added=True)


def _parts(
    plan: Plan, snapshot: Snapshot, before: list[Earlier], own: Sequence[Block]
) -> tuple[WholeUnits, dict[str, dict[str, pl.DataFrame]]]:
    """The plan in whole units, and its tables by folder: firm orders and what they change, the forecast of orders."""
    released, until = earlier.open_orders(before, plan.as_of), before[-1].until if before else None
    rounded = in_whole_units(plan, snapshot, blocks=own, released=released, until=until)
    pegged = pegging(rounded.plan, snapshot)
    fresh = orders.released(rounded.plan, snapshot, rounded.labels, pegged)
    _unique(fresh)
    firm, pairs = numbered(fresh, released)
    firm |= {
        "changes": changes(rounded, pairs, snapshot),
        "not_in_erp": earlier.not_in_erp(before, snapshot),
    }
    parts = {"": firm}
    rest = snapshot.periods.join(rounded.firm, on="period", how="anti", maintain_order="left")["period"].to_list()
    if rest and snapshot.settings.release.forecast:
        parts[FORECAST] = orders.tables_of(rounded.plan, snapshot, rest, pegged)
    return rounded, parts


def _told(folder: Path, told: Mapping[str, Any], decision: Approval, *, added: bool) -> Release:
    """The release that its release.json tells of."""
    names = ("rows", "moved", "share", "not_whole", "changed", "most", "currency")
    until = date.fromisoformat(told["firm_until"])
    return Release(folder=folder, approval=decision, added=added, until=until, **{name: told[name] for name in names})


def _unique(tables: Mapping[str, pl.DataFrame]) -> None:
    """An order number names one order, or an ERP would take two for one."""
    for name, frame in tables.items():
        keys = orders.KEYS[name]
        twice = frame.filter(pl.struct(keys).is_duplicated())
        if twice.height:
            shown = ", ".join(str(value) for value in twice.select(keys).row(0))
            raise PackError(f"{name} has {twice.height} rows of the same number, {shown} say; nothing was released.")


def _seal(
    folder: Path, written: list[str], rounded: WholeUnits, decision: Approval, tables: Mapping[str, pl.DataFrame]
) -> dict[str, Any]:
    """release.json: whose plan, on whose word, what rounding moved, and the hash of every file."""
    plan, changed = rounded.decided, tables["changes"].filter(pl.col("change") != "new")
    told = {
        "company": plan.company,
        "as_of": plan.as_of.isoformat(),
        "run": decision.run,
        "inputs": plan.fingerprint,
        "plan_fingerprint": plan.identity,
        "released_fingerprint": rounded.plan.identity,
        "firm_until": rounded.until.isoformat(),
        "margin": rounded.plan.margin,
        "moved": rounded.moved,
        "share": rounded.share,
        "not_whole": rounded.broken.height,
        "steadied": rounded.steadied,
        "changed": changed.height,
        "most": _in_words(changed),
        "currency": plan.currency,
        "decided_by": decision.decided_by,
        "reason": decision.reason,
        "decided_at": decision.decided_at.isoformat(timespec="seconds"),
        "rows": {name: frame.height for name, frame in tables.items()},
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in written},
    }
    (folder / RELEASE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return told


def _in_words(changed: pl.DataFrame) -> str:
    """The first change of open orders: what it is and what it earns; blank where there is none."""
    if changed.is_empty():
        return ""
    row = changed.row(0, named=True)
    money = f", {row['currency']} {row['gain']:+,.0f} ({row['reason']})" if row["gain"] is not None else ""
    return f"{row['change']} {row['order']}{money}"
