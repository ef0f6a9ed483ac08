"""Follow-up of decisions: whether later data show that they were carried out, and what they earned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, ReconciliationError, SolveError
from soe_lib.extract.schema import schema
from soe_lib.model import events
from soe_lib.model.network import Network
from soe_lib.model.planning import plan
from soe_lib.model.record import fenced, plan_of_record
from soe_lib.money.actuals import value_actuals
from soe_lib.money.valuation import value_record
from soe_lib.money.window import cut
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.plans_compared import at_standard
from soe_lib.whatif.edits import SETTINGS, Edit
from soe_lib.whatif.scenario import Scenario, parsed

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.review.week import Week
    from soe_lib.store.plan import Plan
    from soe_lib.store.tables import Store


DONE, NOT, UNKNOWN = "carried out", "not carried out", "cannot be told yet"
HALF = 0.5
"""A change counts as carried out from this share of it."""
Found = tuple[str, str]
"""The state, and a sentence with the figure that shows it."""


def evidence(scenario: Scenario, before: Snapshot | None, now: Snapshot) -> Found:
    """Whether a later extract shows what a decision changed: carried out, not carried out, cannot be told yet.

    Each edit is checked in the data that it should change: an event's hours, days or end; the day on which a receipt
    comes; an order that was placed; hours that were worked; a row that was changed, added or dropped. A decision is not
    carried out if one of its edits is not.

    Parameters
    ----------
    before : the extract of the decision; None where it is missing. now : a later one.
    """
    if before is None:
        return UNKNOWN, "the extract of the decision is missing"
    if now.as_of <= before.as_of:
        return UNKNOWN, f"there is no extract after {before.as_of}"
    found, snapshot = [], before
    for edit in scenario.edits:
        try:
            found.append(_shown(edit, snapshot, now))
            snapshot = edit.apply(snapshot)
        except DataError as error:
            found.append((UNKNOWN, str(error).splitlines()[0]))
    order = (NOT, UNKNOWN, DONE)
    return min(found, key=lambda one: order.index(one[0]), default=(UNKNOWN, "nothing was to be changed"))


def _shown(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """Whether a later extract shows one edit."""
    if edit.table == SETTINGS:
        return UNKNOWN, f"{edit.path} is a setting: the data cannot show it"
    if edit.action == "event":
        given = dict(edit.values)
        same = pl.col("kind") == given.get("kind"), pl.col("target") == given.get("target")
        return _presence(now["events"].filter(*same).height > 0, f"{given.get('kind')} of {given.get('target')}")
    if edit.action == "row":
        given = {name: value for name, value in edit.values if isinstance(value, str)}
        rows = now[edit.table].filter(*(pl.col(name) == value for name, value in given.items()))
        return _presence(rows.height > 0, f"the row of {edit.table} ({', '.join(map(str, given.values()))})")
    if edit.action == "drop":
        return _dropped(edit, before, now)
    special = {"events": _event, "calendar": _hours, "offers": _ordered}.get(edit.table, _changed)
    return special(edit, before, now)


def _presence(there: bool, what: str) -> Found:
    return (DONE, f"{what} is there") if there else (NOT, f"{what} is not there")


def _dropped(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """Rows that were to be dropped; an order that is gone after its due day may have been served."""
    keys = list(schema()[edit.table].key)
    rows = _edited(edit, before)
    left = rows.join(now[edit.table], on=keys, how="semi")
    if left.height:
        return NOT, f"{left.height} of {rows.height} rows of {edit.table} are still there"
    if "due_on" in rows.columns and rows.filter(pl.col("due_on") < now.as_of).height:
        return UNKNOWN, f"the {edit.table} are gone, and their day is over"
    return DONE, f"the {edit.table} are gone"


def _changed(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """The share of a change of values that the same rows show later."""
    column, keys = edit._target, list(schema()[edit.table].key)
    later = now[edit.table].select(*keys, later=column)
    rows = _edited(edit, before).join(later, on=keys, how="inner", nulls_equal=True)
    if rows.is_empty():
        return UNKNOWN, f"the rows of {edit.table} are gone"
    row = rows.row(0, named=True)
    said = f"{edit.table}.{column} of {row[keys[0]]} is {row['later']}, was {row['then']}, {row['wanted']} was decided"
    return _by_share([_share(one["then"], one["wanted"], one["later"]) for one in rows.iter_rows(named=True)], said)


def _event(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """An event that was to be reduced: its later figures and end, or the arrival of the receipts that it delays."""
    rows = _edited(edit, before)
    delays = rows.filter(pl.col("kind") == "delay")
    if delays.height and (arrived := _arrivals(edit, before, now)) is not None:
        return arrived
    column = edit._target
    later = now["events"].select(
        "event", here=pl.lit(True), later=column, later_from="from", later_to="to", later_hours="hours"
    )
    for row in rows.join(later, on="event", how="left").iter_rows(named=True):
        end, name = row["to"] or before.periods["ends_on"][-1], row["event"]
        if row["here"] is None:
            if end >= now.as_of:
                continue
            return _worked(row, before, now, end)
        if column != "to" and row["later_to"] is not None and row["later_to"] < end:
            continue
        if row["later_from"] == row["from"] and _smaller(row) >= HALF:
            continue
        return NOT, f"{name} still has {column} {row['later']} until {row['later_to']}"
    return DONE, "the event is smaller, or ended sooner"


def _smaller(row: dict[str, Any]) -> float:
    """The share of the change that shows: in its own figure or, for an event that was to end sooner, in its hours."""
    return max(
        _share(row["then"], row["wanted"], row["later"]), _share(row["hours"], row["wanted_hours"], row["later_hours"])
    )


def _worked(row: dict[str, Any], before: Snapshot, now: Snapshot, end: date) -> Found:
    """An event that is past its end: whether more hours were worked than it left."""
    first = row["from"] or before.as_of
    there, lost = _available(before, row["target"], first, end)
    worked = _actual_hours(now, row["target"], first, end)
    if row["kind"] != "downtime" or worked is None:
        return UNKNOWN, f"{row['event']} is over, and no hours of {row['target']} were reported"
    if worked > there - lost + HALF:
        left = f"{there - lost:,.1f} h were left by {row['event']}"
        return DONE, f"{worked:,.1f} h were worked on {row['target']}, {left}"
    return UNKNOWN, f"{row['event']} is over, and {worked:,.1f} h worked on {row['target']} fit either way"


def _arrivals(edit: Edit, before: Snapshot, now: Snapshot) -> Found | None:
    """Receipts that were to come sooner: whether they do; None where the event delays no receipt."""
    days = [_comes(one) for one in (before, edit.apply(before), now)]
    both = days[0].join(days[1], on="receipt", suffix="_wanted").filter(pl.col("comes") != pl.col("comes_wanted"))
    if both.is_empty():
        return None
    shares = []
    for row in both.join(days[2], on="receipt", how="left", suffix="_now").iter_rows(named=True):
        came = row["comes_now"]
        if came is None and row["comes"] < now.as_of:
            return UNKNOWN, f"{row['receipt']} has come, or would have without the decision"
        came = came or now.as_of - timedelta(days=1)
        shares.append(_share(row["comes"], row["comes_wanted"], came))
        said = f"{row['receipt']} comes on {came}, was to come on {row['comes']}, {row['comes_wanted']} was decided"
    return _by_share(shares, said)


def _comes(snapshot: Snapshot) -> pl.DataFrame:
    """receipt, comes: the day on which each receipt comes, after delays."""
    return events.receipts(Network(snapshot)).select(pl.col("receipt").cast(pl.String), comes="date")


def _hours(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """Hours of a calendar: the later calendar for days to come, and the hours worked on days that are over."""
    column = edit._target
    coming = _changed(edit, before, now)
    if coming[0] == DONE or column != "overtime_hours":
        return coming if column != "overtime_hours" or coming[0] == DONE else (UNKNOWN, coming[1])
    rows = _edited(edit, before)
    label = pl.coalesce(pl.col("date").cast(pl.String), "period")
    spans = before.calendar.spans(rows.select(label=label)["label"])
    dated = rows.with_columns(label=label).join(spans, on="label", how="left")
    over = dated.filter(pl.col("first") < now.as_of)
    more = float((rows["wanted"] - rows["then"]).sum()) > 0
    for name, first, last in over.group_by("resource").agg(pl.col("first").min(), pl.col("last").max()).rows():
        last = min(last, now.as_of - timedelta(days=1))
        worked = _actual_hours(now, name, first, last)
        if worked is None:
            return UNKNOWN, f"no hours of {name} were reported"
        there, lost = _available(before, name, first, last)
        allowed = float(over.filter(pl.col("resource") == name, pl.col("last") <= last)["then"].sum()) if more else 0.0
        beyond = worked - (there - lost) - allowed
        said = f"{worked:,.1f} h were worked on {name}, {there - lost + allowed:,.1f} h could be without the decision"
        if (beyond > HALF) == more:
            return DONE, said
        if not more or not dated.filter(pl.col("last") >= now.as_of).height:
            return NOT, said
    return UNKNOWN, "the days are still to come"


def _ordered(edit: Edit, before: Snapshot, now: Snapshot) -> Found:
    """The maximum of an offer: the orders placed with it since; of its other terms: their later values."""
    if edit.column != "maximum":
        return _changed(edit, before, now)
    rows = _edited(edit, before)
    fresh = now["receipts"].join(before["receipts"], on="receipt", how="anti")
    fresh = fresh.filter(pl.col("offer").is_in(rows["offer"].implode()))
    placed, names = float(fresh["quantity"].sum()), ", ".join(rows["offer"].unique().sort())
    said = f"{placed:,.0f} units were ordered from {names} since"
    if float((rows["wanted"] - rows["then"]).sum()) < 0:
        return (NOT, said) if placed > 0 else (DONE, said)
    if placed > float(rows["then"].max()):  # type: ignore[arg-type]
        return DONE, said
    return (UNKNOWN, f"{said}, no more than could be without the decision") if placed > 0 else (NOT, said)


def _available(snapshot: Snapshot, resource: str, first: date, last: date) -> tuple[float, float]:
    """Regular hours of a resource in some days before events, and what events take of them [h]."""
    hours = Network(snapshot).hours.with_columns(pl.col("resource", "period").cast(pl.String))
    days = snapshot.periods.filter(pl.col("starts_on") >= first, pl.col("ends_on") <= last)["period"].cast(pl.String)
    mine = hours.filter(pl.col("resource") == resource, pl.col("period").is_in(days.implode()))
    lost = float(mine["lost"].sum())
    return float(mine["hours"].sum()) + lost, lost


def _actual_hours(now: Snapshot, resource: str, first: date, last: date) -> float | None:
    """Hours reported of a resource in some days; None where none were."""
    rows = now["actuals"].filter(
        pl.col("measure") == "hours", pl.col("resource") == resource, pl.col("date").is_between(first, last)
    )
    return float(rows["hours"].sum()) if rows.height else None


def _edited(edit: Edit, snapshot: Snapshot) -> pl.DataFrame:
    """The rows that an edit selects, with `then` and `wanted`: the edited value before and after."""
    frame, meant = edit._rows(snapshot)
    rows = frame.filter(meant)
    if edit.action == "drop":
        return rows
    column, changed = edit._target, edit._changed(snapshot, frame, meant).filter(meant)
    hours = {"wanted_hours": changed["hours"]} if edit.table == "events" else {}
    return rows.with_columns(then=pl.col(column), wanted=changed[column], **hours)


def _share(then: Any, wanted: Any, later: Any) -> float:
    """The share of the change from `then` to `wanted` that `later` shows; 0 or 1 for texts."""
    if isinstance(then, str | bool) or isinstance(wanted, str | bool) or None in (then, wanted, later):
        return 1.0 if later == wanted and later != then else 0.0
    if isinstance(then, date):
        then, wanted, later = then.toordinal(), wanted.toordinal(), later.toordinal()
    return (later - then) / (wanted - then) if wanted != then else 0.0


def _by_share(shares: list[float], said: str) -> Found:
    return (DONE if sum(shares) / len(shares) >= HALF else NOT), said


def realised(before: Snapshot, week: Week, edits: Scenario, record: Plan | None) -> float | None:
    """Profit in the days since a decision, beyond that week's plan without it [money].

    Formula: profit of what happened − profit of the plan without the decision, over the days that both have, both in
    this week's prices and at standard cost; whatever else happened in those days is included.

    Returns None where there are no actuals of those days, or no plan without the decision.

    Parameters
    ----------
    before : the extract of the decision, with the other decisions of its week. week : this week's.
    edits : the decision, for its name. record : the plan of record of that week.

    Returns None where there are no actuals of those days, or no plan without the decision.
    """
    now, rates = week.snapshot, week.plan.rates
    days = (before.as_of, now.as_of - timedelta(days=1))
    sold = now["actuals"].filter(pl.col("measure") == "sales", pl.col("date").is_between(*days))
    if sold.is_empty():
        return None
    try:
        without = value_record(plan(before, record=record, name=f"without: {edits.name}"), rates)
        done = replace(value_actuals(now, rates, name="what happened"), window=days)
        planned, actual = (cut(at_standard(one, now["items"]), days).ledger.margin for one in (without, done))
    except (SolveError, DataError, ReconciliationError):
        return None
    return actual - planned


def actions(decided: pl.DataFrame, week: Week, issues: Iterable[Issue], store: Store = "") -> list[dict[str, Any]]:
    """Follow-up of last week's decisions: whether they were carried out, and promised against realised money.

    Parameters
    ----------
    decided : last week's decisions. week : this week's situation. issues : its exceptions. store : plan history.

    Returns
    -------
    title, option, owner, due, promised, realised [money; None unless it was carried out and can be valued], state
    (carried out, not carried out, cannot be told yet; of doing nothing: solved, open), evidence.
    """
    now = {issue.key for issue in issues}
    past = {one.as_of: one for one in week.past}
    rows = []
    for row in decided.sort("stake", descending=True).iter_rows(named=True):
        state, said, money = "open" if row["key"] in now else "solved", "", None
        if row["scenario"]:
            mine, before = parsed(row["scenario"]), past.get(row["as_of"])
            state, said = evidence(mine, before, week.snapshot)
            if state == DONE and before is not None:
                money = _earned(decided, row, before, week, store)
        due = row["due"].isoformat() if row["due"] else ""
        rows.append({
            "title": row["what"], "option": row["option"], "owner": row["owner"], "due": due,
            "promised": row["promised"], "realised": money, "state": state, "evidence": said,
        })  # fmt: skip
    return rows


def _earned(decided: pl.DataFrame, row: dict[str, Any], before: Snapshot, week: Week, store: Store) -> float | None:
    """What a decision that was carried out earned; the week's other promoted decisions stay."""
    others = decided.filter(pl.col("promoted"), pl.col("key") != row["key"], pl.col("scenario") != "")["scenario"]
    kept = before
    for text in others.unique(maintain_order=True):
        if text != row["scenario"]:
            kept = parsed(text).apply(kept)
    record = plan_of_record(before, str(store)) if fenced(before) else None
    return realised(kept, week, parsed(row["scenario"]), record)
