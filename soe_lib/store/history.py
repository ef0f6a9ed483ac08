"""Plan history: every plan of every week, written once, found again by as-of date and run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.errors import DataError, SoeError
from soe_lib.store import tables
from soe_lib.store.plan import Plan
from soe_lib.store.tables import INTERNAL, PLANS, Store, row_of, write_plan


def restated_by(rows: pl.DataFrame, plan: Plan, reason: str, store: Store) -> str:
    """Which version of a closed date the plan restates, as "as-of/run"; blank where the date is open or new."""
    own = rows.filter(pl.col("company") == plan.company)
    same = own.filter(pl.col("as_of") == plan.as_of)
    if same.is_empty() or own.filter(pl.col("as_of") > plan.as_of).is_empty():
        return ""
    label = f"{plan.as_of.isoformat()}/{int(same['run'].max())}"  # type: ignore[arg-type]
    if not reason.strip():
        raise DataError(
            f"{plan.as_of} is closed in the plan store {store}: a later plan builds on {label}, which stays as it is. "
            "To put a corrected version beside it, restate it with a reason: soe.store.restate(store, plan, reason), "
            "or `soe pack --reason`."
        )
    return label


HERE = "out/plans"
"""Where the weekly pack keeps its plans, in the workspace."""


@dataclass(frozen=True)
class Entry:
    """Where a plan stands in the history.

    Parameters
    ----------
    as_of, run : the date and the number of the plan on that date, from 1.
    fingerprint : of the inputs. plan_fingerprint : of the quantities.
    added : False where the very same plan was there already.
    company : whose plan it is.
    previous : the plan before it, as "as-of/run"; blank for the first.
    restates : the closed version that it corrects, as "as-of/run"; blank for a plan of its own time.
    """

    as_of: date
    run: int
    fingerprint: str
    added: bool
    company: str = ""
    plan_fingerprint: str = ""
    previous: str = ""
    restates: str = ""

    @property
    def label(self) -> str:
        """The entry as "as-of/run"."""
        return f"{self.as_of.isoformat()}/{self.run}"


def append(
    store: Store,
    plan: Plan | str | Path,
    *,
    reason: str = "",
    previous: Entry | str | None = None,
    scenario: str = "",
    storage_options: Mapping[str, str] | None = None,
) -> Entry:
    """Keep a plan for good; the very same plan again adds nothing, other inputs make a new run of the date.

    Flows, rates and frames are written first, the row in `plans` last, and only if nobody wrote one since the
    run number was chosen: readers believe nothing that has no row there, so a plan is there whole or not at all. A date
    is closed once a later one has a plan: what is kept of it stays as it is, and another version needs a reason.

    Parameters
    ----------
    store : folder, or an object store's address.
    plan : a Plan, or a folder that Plan.save wrote.
    reason : why it was planned again; with one, a version of a closed date is a restatement that says so.
    previous : the plan that it follows; left out: the newest run of the date, else of the date before.
    scenario : text of the edits that its extract had, so that `release` can make them again; blank for none.
    storage_options : what opens the object store, where the environment does not say it.

    Raises DataError for another version of a closed date without a reason, SoeError where others keep writing,
    FormulationError for a type that cannot be kept.

    Examples
    --------
    >>> soe.store.append(store, soe.plan(small)).label
    '2026-01-19/1'
    """
    home = tables.at(store, storage_options)
    made = plan if isinstance(plan, Plan) else Plan.load(plan)
    known = read_plans(home)
    if (twin := _same(known, made)) is not None:
        return twin
    restated_by(known, made, reason, home)
    entry = uuid.uuid4().hex
    follows = previous.label if isinstance(previous, Entry) else previous
    layout = write_plan(home, made, entry)
    for attempt in range(tables.ATTEMPTS):
        seen = tables.opened(home, "plans")
        rows = _plans(seen)
        if (twin := _same(rows, made)) is not None:
            return twin
        restates = restated_by(rows, made, reason, home)
        after = follows or restates or None
        row = row_of(made, rows, entry, layout, reason=reason, previous=after, restates=restates, scenario=scenario)
        try:
            tables.add_if_unchanged(home, "plans", row, seen)
        except tables.ConflictError:
            time.sleep(tables.pause(attempt))
        else:
            return _entry(row, added=True)
    raise SoeError(f"the plan store {home} was busy for {tables.ATTEMPTS} attempts: nothing was added. Try again.")


def restate(
    store: Store,
    plan: Plan | str | Path,
    reason: str,
    *,
    storage_options: Mapping[str, str] | None = None,
) -> Entry:
    """Put a corrected version beside a plan that is kept: linked to it, with the reason; what it corrects stays.

    Raises DataError for a blank reason, or a date of which no plan is kept.

    Examples
    --------
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> mended = soe.Scenario("mended").add_to("calendar.hours", 10.0).apply(small)
    >>> soe.store.restate(store, soe.plan(mended), "The calendar lacked a shift").label
    '2026-01-19/2'
    """
    made = plan if isinstance(plan, Plan) else Plan.load(plan)
    if not reason.strip():
        raise DataError("A restatement needs its reason: say in a sentence what was wrong.")
    rows = read_plans(tables.at(store, storage_options))
    own = rows.filter(pl.col("company") == made.company, pl.col("as_of") == made.as_of)
    if own.is_empty():
        raise DataError(f"the plan store {store} has no plan of {made.as_of} to restate; append it.")
    return append(store, made, reason=reason, storage_options=storage_options)


def plans(
    store: Store = HERE,
    *,
    company: str | None = None,
    as_of: str | date | None = None,
    version: int | None = None,
    known_at: datetime | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Every plan in the store, by company, as-of date and run.

    Parameters
    ----------
    company : only this one's. as_of : only this date's.
    version : the store as it was after so many commits, for audits.
    known_at : only what was kept by then.
    storage_options : what opens an object store, where the environment does not say it.

    Examples
    --------
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> soe.plans(store).select("run", "status", "margin").rows()
    [(1, 'optimal', 840.0)]
    """
    rows = read_plans(tables.at(store, storage_options), version)
    kept = rows if company is None else rows.filter(pl.col("company") == company)
    kept = kept if as_of is None else kept.filter(pl.col("as_of") == _day(as_of))
    kept = kept if known_at is None else kept.filter(pl.col("created") <= known_at)
    return kept.select(PLANS.names()).sort("company", "as_of", "run")


def load_plan(
    as_of: str | date,
    run: int | None = None,
    *,
    store: Store = HERE,
    company: str | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> Plan:
    """A plan as it was kept, with the same flows, rates and money: `soe.load_plan("2026-11-16", 2)`.

    Parameters
    ----------
    as_of : its date. run : its number on that date; the newest when left out.
    store : folder, or an object store's address. company : whose, where the store has several.
    storage_options : what opens an object store, where the environment does not say it.

    Raises DataError where there is no such plan or the store has several companies, ReconciliationError where
    its rows are not those that were written.

    Examples
    --------
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> soe.load_plan("2026-01-19", store=store).margin
    840.0
    """
    home = tables.at(store, storage_options)
    return tables.restored(home, newest(home, as_of, run, company=company))


def newest(store: Store, as_of: str | date, run: int | None = None, *, company: str | None = None) -> dict[str, Any]:
    """The row of `plans` of one plan: the given run of a date, or its newest.

    Raises DataError where there is no such plan or the store has several companies.
    """
    day = _day(as_of)
    rows = _of_one_company(read_plans(store), company, store)
    dated = rows.filter(pl.col("as_of") == day)
    found = dated.sort("run").tail(1) if run is None else dated.filter(pl.col("run") == run)
    if found.is_empty():
        raise DataError(_unknown(rows, day, run, store))
    return found.row(0, named=True)


def latest(store: Store, before: str | date | None = None, *, company: str | None = None) -> Plan | None:
    """The newest plan, of dates before a day where one is given; None where there is none."""
    rows = read_plans(store)
    if company is not None:
        rows = rows.filter(pl.col("company") == company)
    if before is not None:
        rows = rows.filter(pl.col("as_of") < _day(before))
    if rows.is_empty():
        return None
    rows = _of_one_company(rows, company, store)
    return tables.restored(store, rows.sort("as_of", "run").row(-1, named=True))


def read_plans(store: Store, version: int | None = None) -> pl.DataFrame:
    """The rows of `plans` with all that is needed to open them."""
    return _plans(tables.opened(store, "plans", version))


def _plans(table: Any) -> pl.DataFrame:
    rows = tables.read(table)
    schema = {**PLANS, **INTERNAL}
    if rows.is_empty():
        return pl.DataFrame(schema=schema)
    # A store of an older version lacks the columns that came later: blank, as they are for any plan without them.
    return rows.with_columns(pl.lit("").cast(schema[name]).alias(name) for name in schema if name not in rows.columns)


def _same(rows: pl.DataFrame, plan: Plan) -> Entry | None:
    twin = rows.filter(
        pl.col("company") == plan.company,
        pl.col("as_of") == plan.as_of,
        pl.col("fingerprint") == plan.fingerprint,
        pl.col("plan_fingerprint") == plan.identity,
    )
    return None if twin.is_empty() else _entry(twin.sort("run").tail(1), added=False)


def _entry(row: pl.DataFrame, *, added: bool) -> Entry:
    names = ("as_of", "run", "fingerprint", "company", "plan_fingerprint", "previous", "restates")
    return Entry(**{name: row.get_column(name)[0] for name in names}, added=added)


def _of_one_company(rows: pl.DataFrame, company: str | None, store: Store) -> pl.DataFrame:
    names = sorted(rows["company"].unique())
    if company is not None:
        if company not in names:
            raise DataError(
                f"the plan store {store} has no company {company!r}; it has {', '.join(names) or 'no plan'}."
            )
        return rows.filter(pl.col("company") == company)
    if len(names) > 1:
        raise DataError(f"the plan store {store} has plans of {', '.join(names)}: say which company.")
    return rows


def _unknown(rows: pl.DataFrame, day: date, run: int | None, store: Store) -> str:
    known = [f"{as_of}/{number}" for as_of, number in rows.sort("as_of", "run").select("as_of", "run").iter_rows()]
    asked = f"{day}" if run is None else f"{day}/{run}"
    shown = f"the newest are {', '.join(known[-5:])}" if known else "it is empty"
    return f"the plan store {store} has no plan {asked}; {shown}. `soe pack` adds one."


def _day(day: str | date) -> date:
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise DataError(f"{day!r} is no as-of date: write it as 2026-11-16.") from error
