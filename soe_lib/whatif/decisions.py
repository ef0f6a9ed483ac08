"""Decisions of the meeting: recorded beside the plan history, promoted to plan of record, followed up a week later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.model.planning import plan
from soe_lib.model.record import Recorded, plan_of_record
from soe_lib.store import meeting
from soe_lib.store.history import Entry, append
from soe_lib.whatif.scenario import Scenario, parsed, text

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.tables import Store


NOTHING = "do nothing"
HERE = "out/plans"


@dataclass(frozen=True)
class Decision:
    """A recorded decision.

    Parameters
    ----------
    key : the exception that it answers. option : what was decided. owner, due, reason : who, by when, why.
    promised : what the option gains, as it was priced in that week's pack [money]. stake : money at stake then.
    """

    company: str
    as_of: date
    key: str
    option: str
    owner: str
    due: date | None
    reason: str
    promised: float
    stake: float
    currency: str

    def __str__(self) -> str:
        by = f", by {self.due}" if self.due else ""
        return (
            f"{self.as_of} {self.key}: {self.option} ({self.owner}{by}); "
            f"promises {self.currency} {self.promised:,.2f}. {self.reason}"
        )


def decide(
    key: str,
    option: str | int = NOTHING,
    *,
    owner: str,
    reason: str,
    due: str | date | None = None,
    as_of: str | date | None = None,
    store: Store = HERE,
    company: str | None = None,
) -> Decision:
    """Record what the meeting decided about one exception, for good, beside the plan history.

    Parameters
    ----------
    key : the exception, or any part of its name that no other has: "PO-10746", "Overtime".
    option : the option's number in that week's pack, from 1, or (part of) its name; "do nothing" is one too.
    owner, reason : who carries it out, and why it was chosen; both must be given.
    due : date by which it is done. as_of : the pack's date; the newest when left out.

    Raises DataError for an unknown exception or option (with the nearest), a blank owner or reason, a date that is none
    or that lies before the pack's.

    Examples
    --------
    >>> made = soe.decide("Line down", 1, owner="Maintenance", reason="It pays", store=kept)
    >>> made.option, made.promised
    ('Repair line 4 days sooner', 24.0)
    """
    day = _day(as_of, "as-of date")
    known = agenda(store, as_of=day, company=company)
    row = _one(known, "key", key, f"exception of {known['as_of'][0]}")
    chosen = _option(known_options(store, row), option)
    if missing := [name for name, text in (("owner", owner), ("reason", reason)) if not text.strip()]:
        raise DataError(f"A decision needs its {' and its '.join(missing)}: who carries it out, and why it was chosen.")
    done_by = _day(due, "due date")
    if done_by and done_by < row["as_of"]:
        raise DataError(f"The decision of {row['as_of']} cannot be due before it, on {done_by}.")
    made = Decision(
        company=row["company"],
        as_of=row["as_of"],
        key=row["key"],
        option=chosen["option"] if chosen else NOTHING,
        owner=owner,
        due=done_by,
        reason=reason,
        promised=float(chosen["total"] or 0.0) if chosen else 0.0,
        stake=float(row["money"]),
        currency=row["currency"],
    )
    extra = {"what": row["what"], "scenario": chosen["scenario"] if chosen else "", "promoted": False}
    margin = float(chosen["margin"] or 0.0) if chosen else 0.0
    meeting.record(store, {**made.__dict__, **extra, "margin": margin})
    return made


def agenda(store: Store = HERE, *, as_of: date | None = None, company: str | None = None) -> pl.DataFrame:
    """The exceptions that a week's pack put before the meeting, most money first; DataError where none is stored."""
    name = company or _company(store)
    rows = meeting.recall(store, "exceptions", company=name, as_of=as_of)
    if rows is None:
        when = f" of {as_of}" if as_of else ""
        raise DataError(f"{store} keeps no exceptions{when} to decide about: run `soe pack` first.")
    return rows.filter(pl.col("status") != "solved")


def listed(store: Store = HERE, *, as_of: str | None = None, company: str | None = None) -> str:
    """The open decisions with their options, as `soe decide` lists them; below, the decisions already made."""
    rows = agenda(store, as_of=_day(as_of, "as-of date"), company=company)
    taken = meeting.decisions(store, company=rows["company"][0], as_of=rows["as_of"][0]) if rows.height else None
    answered = {row["key"]: row for row in taken.iter_rows(named=True)} if taken is not None else {}
    lines = []
    for row in rows.filter(~pl.col("key").is_in(list(answered))).iter_rows(named=True):
        lines.append(f"{row['key']}  ({row['status']}, {row['currency']} {row['money']:,.0f} at stake)")
        options = known_options(store, row)
        for place, one in enumerate(options.iter_rows(named=True), start=1):
            gains = "no plan" if one["total"] is None else f"{row['currency']} {one['total']:+,.0f}"
            lines.append(f"  {place}  {one['option']}  {gains}")
    lines = lines or ["Nothing is left to decide."]
    decided = [f"  {key}: {row['option']} ({row['owner']}). {row['reason']}" for key, row in answered.items()]
    return "\n".join([*lines, *(["Decided:", *decided] if decided else [])])


def _day(given: str | date | None, what: str) -> date | None:
    """A date, or the ISO text of one; blank is none."""
    try:
        return date.fromisoformat(given) if isinstance(given, str) and given else given or None
    except ValueError as error:
        raise DataError(f"The {what} must be an ISO date such as 2026-11-18, not {given!r}.") from error


def known_options(store: Store, row: dict[str, Any]) -> pl.DataFrame:
    """The options of one exception as that week's pack priced them, best first."""
    rows = meeting.recall(store, "options", company=row["company"], as_of=row["as_of"])
    if rows is None:
        return pl.DataFrame(schema={"option": pl.String, "key": pl.String})
    return rows.filter(pl.col("key") == row["key"]).sort(["total", "option"], descending=[True, False], nulls_last=True)


def promote(
    snapshot: Snapshot, *, store: Store = HERE, keys: Iterable[str] = (), record: Recorded = "find"
) -> tuple[Entry, Scenario]:
    """Make the plan with this week's decisions the plan of record: planned again with all of them, and approved.

    Parameters
    ----------
    snapshot : of the week decided about. keys : only these decisions; all when left out.
    record : plan of record that the fence keeps to; left out, that of the store.

    Raises DataError where nothing was decided that changes the plan, SolveError where the decisions have no plan.

    Examples
    --------
    >>> made = soe.decide("Line down", 1, owner="Maintenance", reason="It pays", store=kept)
    >>> entry, both = soe.whatif.promote(down, store=kept, record=None)
    >>> entry.label
    '2026-01-19/1'
    """
    rows = _changing(snapshot, store, keys)
    if rows.is_empty():
        raise DataError(f"No decision of {snapshot.as_of} changes the plan: record one with `soe decide` first.")
    both = _together(rows)
    if isinstance(record, str):
        record = plan_of_record(snapshot, str(store))
    made = plan(both.apply(snapshot), record=record, name=f"decided: {both.name}")
    entry = append(store, made, reason=f"decided: {both.name}", scenario=text(both))
    for row in rows.iter_rows(named=True):
        if not row["promoted"]:
            meeting.record(store, {**row, "promoted": True})
    owners = ", ".join(rows["owner"].unique(maintain_order=True))
    meeting.approve(
        store, snapshot.as_of, entry.run, by=owners, reason=f"decided: {both.name}", company=snapshot.company
    )
    return entry, both


def as_decided(snapshot: Snapshot, store: Store = HERE) -> Snapshot:
    """The snapshot with the promoted decisions of its week; unchanged where none was promoted."""
    rows = _changing(snapshot, store, ()).filter(pl.col("promoted"))
    return snapshot if rows.is_empty() else _together(rows).apply(snapshot)


def _changing(snapshot: Snapshot, store: Store, keys: Iterable[str]) -> pl.DataFrame:
    """The week's decisions that change the plan; only those about some exceptions, where any is named."""
    rows = meeting.decisions(store, company=snapshot.company, as_of=snapshot.as_of).filter(pl.col("scenario") != "")
    chosen = list(keys)
    return rows.filter(pl.col("key").is_in(chosen)) if chosen else rows


def _together(rows: pl.DataFrame) -> Scenario:
    """The scenarios of several decisions as one."""
    scenarios = [parsed(text) for text in rows["scenario"].unique(maintain_order=True)]
    return Scenario(" and ".join(one.name for one in scenarios), tuple(edit for one in scenarios for edit in one.edits))


def _company(store: Store) -> str:
    rows = meeting.recall(store, "exceptions", company=None)
    names = sorted(rows["company"].unique()) if rows is not None else []
    if len(names) != 1:
        raise DataError(f"{store} keeps exceptions of {', '.join(names) or 'nobody'}: say which company.")
    return names[0]


def _one(rows: pl.DataFrame, column: str, asked: str, what: str) -> dict[str, Any]:
    low = asked.lower()
    exact = rows.filter(pl.col(column).str.to_lowercase() == low)
    found = exact if exact.height else rows.filter(pl.col(column).str.to_lowercase().str.contains(low, literal=True))
    if found.height == 1:
        return found.row(0, named=True)
    names = (found if found.height else rows)[column].to_list()
    matches = "matches more than one" if found.height else "matches no"
    raise DataError(f"{asked!r} {matches} {what}. {hint(asked, names)} There are: {'; '.join(names)}.")


def _option(options: pl.DataFrame, asked: str | int) -> dict[str, Any] | None:
    if isinstance(asked, str) and asked.strip().lower() == NOTHING:
        return None
    number = int(asked) if isinstance(asked, int) or asked.strip().lstrip("-").isdigit() else None
    if number is not None:
        if not 0 < number <= options.height:
            raise DataError(f"There is no option {number}: {options.height} were priced. {_listed(options)}")
        return options.row(number - 1, named=True)
    return _one(options, "option", str(asked), "option")


def _listed(options: pl.DataFrame) -> str:
    named = (f"{place}: {name}" for place, name in enumerate(options["option"], start=1))
    return "; ".join([*named, f'or "{NOTHING}"'])
