"""Plan history: every plan of every week, written once, found again by as-of date and run."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.errors import DataError, SoeError
from soe_lib.model.plan import Plan
from soe_lib.store import tables
from soe_lib.store.kept import INTERNAL, PLANS, restored, row_of, write

Store = str | Path


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
    """

    as_of: date
    run: int
    fingerprint: str
    added: bool
    company: str = ""
    plan_fingerprint: str = ""
    previous: str = ""

    @property
    def label(self) -> str:
        """The entry as "as-of/run"."""
        return f"{self.as_of.isoformat()}/{self.run}"


def append(store: Store, plan: Plan | str | Path, *, reason: str = "", previous: Entry | str | None = None) -> Entry:
    """Keep a plan for good; the very same plan again adds nothing, other inputs make a new run of the date.

    Flows, rates and frames are written first, the row in `plans` last, and only if nobody wrote one since the
    run number was chosen: readers believe nothing that has no row there, so a plan is there whole or not at all.

    Parameters
    ----------
    store : folder, or an object store's address; credentials come from the environment.
    plan : a Plan, or a folder that Plan.save wrote.
    reason : why it was planned again.
    previous : the plan that it follows; left out: the newest run of the date, else of the date before.

    Raises SoeError where others keep writing, FormulationError for a type that cannot be kept.
    """
    made = plan if isinstance(plan, Plan) else Plan.load(plan)
    if (known := _same(read_plans(store), made)) is not None:
        return known
    entry = uuid.uuid4().hex
    follows = previous.label if isinstance(previous, Entry) else previous
    layout = write(store, made, entry)
    for attempt in range(tables.ATTEMPTS):
        seen = tables.opened(store, "plans")
        rows = _plans(seen)
        if (known := _same(rows, made)) is not None:
            return known
        row = row_of(made, rows, entry, layout, reason=reason, previous=follows)
        try:
            tables.add_if_unchanged(store, "plans", row, seen)
        except tables.ConflictError:
            time.sleep(tables.pause(attempt))
        else:
            return _entry(row, added=True)
    raise SoeError(f"the plan store {store} was busy for {tables.ATTEMPTS} attempts: nothing was added. Try again.")


def plans(store: Store, *, company: str | None = None, version: int | None = None) -> pl.DataFrame:
    """Every plan in the store, by company, as-of date and run.

    Parameters
    ----------
    company : only this one's.
    version : the store as it was after so many commits, for audits.
    """
    rows = read_plans(store, version)
    kept = rows if company is None else rows.filter(pl.col("company") == company)
    return kept.select(PLANS.names()).sort("company", "as_of", "run")


def open_plan(store: Store, as_of: str | date, run: int | None = None, *, company: str | None = None) -> Plan:
    """A plan as it was kept: same flows, same rates, same money.

    Parameters
    ----------
    as_of : its date. run : its number on that date; the newest when left out.
    company : whose, where the store has several.

    Raises DataError where there is no such plan or the store has several companies, ReconciliationError where
    its rows are not those that were written.
    """
    day = _day(as_of)
    rows = _of_one_company(read_plans(store), company, store)
    dated = rows.filter(pl.col("as_of") == day)
    found = dated.sort("run").tail(1) if run is None else dated.filter(pl.col("run") == run)
    if found.is_empty():
        raise DataError(_unknown(rows, day, run, store))
    return restored(store, found.row(0, named=True))


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
    return restored(store, rows.sort("as_of", "run").row(-1, named=True))


def read_plans(store: Store, version: int | None = None) -> pl.DataFrame:
    """The rows of `plans` with all that is needed to open them."""
    return _plans(tables.opened(store, "plans", version))


def _plans(table: Any) -> pl.DataFrame:
    rows = tables.read(table)
    return pl.DataFrame(schema={**PLANS, **INTERNAL}) if rows.is_empty() else rows


def _same(rows: pl.DataFrame, plan: Plan) -> Entry | None:
    twin = rows.filter(
        pl.col("company") == plan.company,
        pl.col("as_of") == plan.as_of,
        pl.col("fingerprint") == plan.fingerprint,
        pl.col("plan_fingerprint") == plan.identity,
    )
    return None if twin.is_empty() else _entry(twin.sort("run").tail(1), added=False)


def _entry(row: pl.DataFrame, *, added: bool) -> Entry:
    names = ("as_of", "run", "fingerprint", "company", "plan_fingerprint", "previous")
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
