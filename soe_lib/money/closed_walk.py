"""The closed week from budget to actual: what each plan in turn said of it, and what happened."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.bridge import KEYS, Convention
from soe_lib.money.bridges import Walk, bridges
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import PlanLike
from soe_lib.money.stocktaking import closed_days
from soe_lib.money.valuation import value_budget, value_closed_week, value_consensus, value_record
from soe_lib.money.valued import Valued

ACTUAL = "actual"


def closed_week_bridges(
    before: Snapshot,
    now: Snapshot,
    plan: PlanLike,
    *,
    record: PlanLike | None = None,
    convention: Convention = "mix at base margin",
    by: Sequence[str] = KEYS,
    digits: int = 2,
) -> Walk:
    """The walk budget → S&OP plan → the plan before → the plan of the week → actual, over the days that are closed.

    Formula: see `soe_lib.money.bridge.bridge`, read in accrual at the later extract's standard costs; all plans are
    valued by the rates of the plan of the week, so that they differ by quantities, and actuals by what was booked.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    plan : made on `before`. record : the plan made the week before that; left out of the walk where there is none.
    convention, by, digits : of every bridge.

    Raises DataError where the plan has no rates, actuals say nothing of the week, its stock at either end is not
    known, or a family is unknown;
    ReconciliationError where a plan does not cover the week.
    """
    book = getattr(plan, "rates", None)
    if not isinstance(book, RateBook) or not book.tables:
        raise DataError(f"{plan.name} has no rates to value the other plans by: give a plan that was solved or stored.")
    happened = value_closed_week(before, now, book, name=ACTUAL)
    plans = [*_promised(before, book), *([_dated(record, book)] if record is not None else []), _dated(plan, book)]
    return bridges(
        [*plans, happened], window=closed_days(before, now), reading="accrual",
        standard_cost=now["items"].select("item", "standard_cost"), convention=convention, by=by, digits=digits,
    )  # fmt: skip


def _promised(before: Snapshot, book: RateBook) -> list[Valued]:
    """Budget and S&OP plan, where there are some."""
    found = []
    if before["budget"].height:
        found.append(value_budget(before, book))
    if before["consensus"].filter(pl.col("measure") == "sales").height:
        found.append(value_consensus(before, book))
    return found


def _dated(plan: PlanLike, book: RateBook) -> Valued:
    as_of = getattr(plan, "as_of", None)
    return value_record(plan, book, name=f"plan of {as_of}" if as_of else plan.name)
