"""Why not otherwise? The reader's own alternative, planned and held against the plan: in money, then in moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.plan import Plan
from soe_lib.model.planning import Recorded, of_record
from soe_lib.money.accounts import STEERING
from soe_lib.review import words
from soe_lib.scenario import measures
from soe_lib.scenario.moves import moves
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.terms import Block

ROWS = 12
CENT = 0.005


@dataclass(frozen=True, eq=False, repr=False)
class WhyNot:
    """What the reader's alternative gains or costs, and by which moves.

    Parameters
    ----------
    name : of the alternative. currency : of the money.
    plan, alternative : the plan as it is, and the best plan with the alternative forced on it.
    margin, goodwill, shortage, other : alternative less plan: margin, goodwill, expected shortage, other steering
        [money]; total is their sum.
    service : difference of the share served in time. churn : share of production that moves.
    accounts : account, plan, alternative, change [money], the biggest change first.
    moves : flow, what, where, week, before, after, change [units or hours], money, the biggest money first.
    """

    name: str
    currency: str
    plan: Plan
    alternative: Plan
    margin: float
    goodwill: float
    shortage: float
    other: float
    service: float
    churn: float | None
    accounts: pl.DataFrame
    moves: pl.DataFrame

    @property
    def total(self) -> float:
        """What it gains (+) or costs (−), margin and steering together [money]."""
        return self.margin + self.goodwill + self.shortage + self.other

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        money = words.money(abs(self.total), self.currency, cents=True)
        named = {"margin": "margin", **{name: title.lower() for name, title in STEERING.items()}}
        told = [
            f"{words.money(getattr(self, name), self.currency, sign=True, cents=True)} of {title}"
            for name, title in named.items()
            if abs(getattr(self, name)) >= CENT
        ]
        parts = words.listing(told, limit=len(named))
        if abs(self.total) < CENT:
            return f"{self.name}: it comes to the same money, by {words.count(self.moves.height, 'other move')}."
        if self.total < 0:
            return f"{self.name}: it costs {money} ({parts})."
        return f"{self.name}: it gains {money} ({parts}), for it changes what the plan had to keep to."

    def __repr__(self) -> str:
        rows = [
            f"  {account:<16}{change:>+16,.2f}" for account, change in self.accounts.select("account", "change").rows()
        ]
        told = self.moves.head(ROWS).iter_rows(named=True)
        steps = [
            f"  {row['flow']:<9} {row['what']} {row['where']}, {words.period_name(row['week'])}: "
            f"{row['before']:,.0f} → {row['after']:,.0f} ({row['money']:+,.2f})"
            for row in told
        ]
        return "\n".join([self.verdict, *rows, *steps])


def why_not(
    source: Living | Snapshot, scenario: Scenario | Block | Sequence[Block], *, record: Recorded = "find"
) -> WhyNot:
    """Why the plan does not do otherwise: the alternative is forced, all else planned again, and both are compared.

    Formula: total = (margin + steering with the alternative) − (margin + steering of the plan).

    Parameters
    ----------
    source : a living model, which answers fast, or this week's snapshot.
    scenario : the alternative: edits of the extract (`Scenario`), or blocks that force a quantity, such as
        `soe.Force("make", 200.0, item="A", period="2026-W48")`; one, or a list of them.
    record : plan of record that the fence keeps to, with a snapshot; left out: as for `soe.plan`.

    Raises DataError for an edit or a block that touches nothing; SolveError where the alternative has no plan, with how
    much of it could be had, or which promises stand against it.
    """
    from soe_lib.model.conflict import explained
    from soe_lib.model.living import Living
    from soe_lib.model.model import Model

    asked = scenario if isinstance(scenario, Scenario) else _forced(scenario)
    living = source if isinstance(source, Living) else None
    snapshot = living.home.snapshot if living else expected(source, "soe.why_not")
    edited = asked.apply(snapshot)
    kept = living.record if living else of_record(snapshot, record, always=asked.moves_fence)
    base = living.base if living else _planned(snapshot, (), kept)
    if living and not asked.blocks:
        try:
            other = living.plan(edited, name=asked.name)
        except SolveError as error:
            raise explained(error, Model(edited, living.blocks)) from error
    else:
        extra = living.own if living else ()
        other = _planned(edited, (*extra, *asked.blocks), kept, asked.name)
    return compared(base, other, asked.name)


def _forced(blocks: Block | Sequence[Block]) -> Scenario:
    from soe_lib.model.terms import blocks_of

    own = blocks_of(blocks)
    return Scenario(" and ".join(map(str, own))).add(*own)


def compared(base: Plan, other: Plan, name: str) -> WhyNot:
    """Two plans of nearly the same extract, in money and in moves."""
    before, after = base.ledger.accounts(), other.ledger.accounts()
    rows = [
        (account, before.get(account, 0.0), after.get(account, 0.0)) for account in dict.fromkeys([*before, *after])
    ]
    accounts = pl.DataFrame(rows, schema=["account", "plan", "alternative"], orient="row").with_columns(
        change=pl.col("alternative") - pl.col("plan")
    )
    served = [measures.service(one) or 0.0 for one in (base, other)]
    return WhyNot(
        name=name,
        currency=base.currency,
        plan=base,
        alternative=other,
        margin=other.margin - base.margin,
        **measures.steering(other, base),
        service=served[1] - served[0],
        churn=measures.churn(other, base),
        accounts=accounts.filter(pl.col("change").abs() >= CENT).sort(
            [pl.col("change").abs(), "account"], descending=[True, False]
        ),
        moves=moves(other, base),
    )


def _planned(snapshot: Snapshot, blocks: Sequence[Block], record: Plan | None, name: str = "this week's plan") -> Plan:
    from soe_lib.model.planning import plan

    return plan(snapshot, blocks=blocks, record=record, name=name)
