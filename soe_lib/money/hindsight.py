"""Planning against execution: what changed in the world, and what was left on the table (Demski 1967, ex post)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.accounts import in_order
from soe_lib.money.reading import PlanLike, Window, horizon
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.window import common_window, cut

SIDES = ("plan", "hindsight", "actual")
BETTER = "did better than the model's best"
"""In the note of a week in which something happened that the model takes for impossible."""


@dataclass(frozen=True, eq=False, repr=False)
class Hindsight:
    """The difference between what was planned and what happened, in two parts; favourable is positive.

    Formula: planning = optimum with what we know now − optimum with what we knew then (nobody's fault);
    execution = actual − optimum with what we know now (what we left on the table); the two add up to actual − plan.
    Over the closed days of `three_plans` each plan hands on what it owns at what that is worth to the rest of the
    horizon, so execution is never above 0 by more than rounding. Over other days, or with plans that say nothing of
    what they hand on, the optimum of a longer horizon can be beaten: it spends in them for the weeks that follow.

    Parameters
    ----------
    plan, hindsight, actual : margins of the three in minor units.
    rows : account, plan, hindsight, actual, planning, execution, total (Int64, minor units); in finance's order.
    window : the days compared, None for the whole of all three.
    notes : what had to be assumed.

    Raises ReconciliationError where rows and margins do not tie.
    """

    plan: int
    hindsight: int
    actual: int
    rows: pl.DataFrame
    window: Window | None = None
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sums = {name: int(self.rows[name].sum()) for name in (*SIDES, "planning", "execution", "total")}
        wanted = {
            "plan": self.plan, "hindsight": self.hindsight, "actual": self.actual, "planning": self.planning,
            "execution": self.execution, "total": self.actual - self.plan,
        }  # fmt: skip
        if torn := [name for name, value in wanted.items() if sums[name] != value]:
            raise ReconciliationError(f"the accounts of {', '.join(torn)} do not add up to the margin.")

    @property
    def planning(self) -> int:
        """Planning variance in minor units."""
        return self.hindsight - self.plan

    @property
    def execution(self) -> int:
        """Execution variance in minor units."""
        return self.actual - self.hindsight

    def table(self) -> pl.DataFrame:
        """By account and in all: account, plan, hindsight, actual, planning, execution, total [money]."""
        columns = [name for name in self.rows.columns if name != "account"]
        margin = self.rows.select(pl.lit("margin").alias("account"), pl.col(columns).sum())
        both = pl.concat([self.rows, margin])
        return both.with_columns(as_money(pl.col(columns), self.digits))

    def __repr__(self) -> str:
        scale = 10**self.digits
        when = f", {self.window[0]} to {self.window[1]}" if self.window else ""
        lines = [
            ("planned", self.plan),
            ("planning variance", self.planning),
            ("execution variance", self.execution),
            ("happened", self.actual),
        ]
        shown = [f"  {name:<18} {amount / scale:>18,.{self.digits}f}" for name, amount in lines]
        return "\n".join([f"Planning against execution{when}", *shown, *self.notes])


def planning_and_execution(
    plan: PlanLike,
    hindsight: PlanLike,
    actual: PlanLike,
    *,
    window: Window | Literal["common"] | None = None,
    standard_cost: pl.DataFrame | None = None,
    digits: int = 2,
) -> Hindsight:
    """Split actual − plan into planning variance and execution variance, account by account.

    Formula: see Hindsight; each margin rounded once, its accounts by largest remainder under it.

    Parameters
    ----------
    plan : the optimum with what was known then. hindsight : the optimum with what is known now, from the same start.
    actual : what happened.
    window : first and last day to compare, or "common" for the days that all three cover; see `cut`.
    standard_cost : item, standard_cost [money/unit], to read stock at the ends of the window at standard cost.

    Raises ReconciliationError for different horizons without a window.
    """
    three = [plan, hindsight, actual]
    span = common_window(three) if window == "common" else window
    notes: list[str] = [note for one in three for note in getattr(one, "assumptions", ()) if BETTER in note]
    if span is None:
        spans = {one.name: horizon(one) for one in three}
        if len(set(spans.values())) > 1:
            said = "; ".join(f"{name}: {first} to {last}" for name, (first, last) in spans.items())
            raise ReconciliationError(f'the plans cover different days ({said}). Compare with window="common".')
    else:
        cuts = [cut(one, span, standard_cost=standard_cost) for one in three]
        notes += [note for one in cuts for note in one.notes]
        three = list(cuts)
    sides = [_accounts(one, side, digits) for one, side in zip(three, SIDES, strict=True)]
    lost = [(one.name, *row) for one in three for row in one.ledger.lost]
    notes += [f"{name}: {rows:,} rows of {flow} have no rate ({units:,.6g} units)." for name, flow, rows, units in lost]
    rows = sides[0].join(sides[1], on="account", how="full", coalesce=True)
    rows = rows.join(sides[2], on="account", how="full", coalesce=True).with_columns(pl.col(SIDES).fill_null(0))
    order = {account: place for place, account in enumerate(in_order(rows["account"]))}
    rows = rows.with_columns(
        planning=pl.col("hindsight") - pl.col("plan"),
        execution=pl.col("actual") - pl.col("hindsight"),
        total=pl.col("actual") - pl.col("plan"),
    ).sort(pl.col("account").replace_strict(order, default=len(order), return_dtype=pl.Int64))
    planned, best, done = (int(whole(one.ledger.margin * 10**digits)[0]) for one in three)
    return Hindsight(planned, best, done, rows, span, digits, tuple(notes))


def _accounts(plan: PlanLike, side: str, digits: int) -> pl.DataFrame:
    """account and its cents: they add up to the rounded margin."""
    cents = plan.ledger.cents("account", digits=digits).filter(pl.col("kind") != "steering")
    return cents.group_by("account").agg(pl.col("cents").sum().alias(side))
