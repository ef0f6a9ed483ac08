"""Why not? The user's alternative, planned and compared with the plan: in money, then in moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.conflict import explained
from soe_lib.model.living import Living
from soe_lib.model.model import Model
from soe_lib.model.planning import plan as planned
from soe_lib.model.record import Recorded, of_record
from soe_lib.model.terms import Block, blocks_of
from soe_lib.money.ledger import STEERING
from soe_lib.review import words
from soe_lib.review.frames.time import buckets
from soe_lib.review.measures import of_plans as measures
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import Scenario

ROWS = 12


CENT = 0.005


@dataclass(frozen=True, eq=False, repr=False)
class WhyNot:
    """What the user's alternative gains or costs, and by which moves.

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
        return f"{self.name}: it gains {money} ({parts}), because it changes a limit of the plan."

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
    """Why the plan does not choose an alternative: it is forced, all else is planned again, and both are compared.

    Parameters
    ----------
    source : a living model, which answers fast, or this week's snapshot.
    scenario : the alternative: edits of the extract (`Scenario`), or blocks that force a quantity, such as
        `soe.blocks.Force("make", 200.0, item="A", period="2026-W48")`; one, or a list of them.
    record : plan of record that the fence keeps to, with a snapshot; left out: as for `soe.plan`.

    Raises DataError for an edit or a block that touches nothing; SolveError where the alternative has no plan, with how
    much of it is possible, or which promises conflict with it.

    Examples
    --------
    >>> soe.why_not(small, soe.blocks.Force("make", 50.0, item="coffee", period="W1")).margin
    -20.0
    """
    asked = scenario if isinstance(scenario, Scenario) else _forced(scenario)
    living = source if isinstance(source, Living) else None
    snapshot = living.home.snapshot if living else expected(source, "soe.why_not")
    edited = asked.apply(snapshot)
    kept = living.record if living else of_record(snapshot, record, always=asked.moves_fence)
    base = living.base if living else planned(snapshot, record=kept, name="this week's plan")
    if living and not asked.blocks:
        try:
            other = living.plan(edited, name=asked.name)
        except SolveError as error:
            raise explained(error, Model(edited, living.blocks)) from error
    else:
        extra = living.own if living else ()
        other = planned(edited, blocks=(*extra, *asked.blocks), record=kept, name=asked.name)
    return compared(base, other, asked.name)


def _forced(blocks: Block | Sequence[Block]) -> Scenario:
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


MOVES = pl.Schema(
    {
        "flow": pl.String,
        "what": pl.String,
        "where": pl.String,
        "week": pl.String,
        "place": pl.Int64,
        "before": pl.Float64,
        "after": pl.Float64,
        "change": pl.Float64,
        "money": pl.Float64,
    }
)
"""One move: units (hours of overtime) before and after in one week, and what the change earns [money]."""


SIDES = ("before", "after")


LEAST = 0.05
"""A smaller change of a cell is noise [units or hours]."""


class Reading(NamedTuple):
    """The columns of a flow that say what, where and when."""

    what: str
    where: tuple[str, ...]
    when: str = "period"


READ: Mapping[str, Reading] = {
    "make": Reading("item", ("location",)),
    "buy": Reading("item", ("supplier", "location")),
    "ship": Reading("item", ("origin", "destination")),
    "sell": Reading("item", ("customer", "location")),
    "short": Reading("item", ("customer", "location"), "due"),
    "overtime": Reading("resource", ()),
}
"""The decisions that a meeting talks about; what follows from them (stock, run) is left out."""


def moves(plan: Plan, base: Plan) -> pl.DataFrame:
    """The moves from a base to a plan; columns of MOVES.

    Formula: money = after × its rates − before × its rates, over the cash and inventory accounts of the flow itself.
    """
    found = [_changed(plan, base, flow) for flow in READ if flow in plan.flows or flow in base.flows]
    if not found:
        return pl.DataFrame(schema=MOVES)
    weeks = buckets(plan.periods).select("period", week="bucket", place="order")
    by = ["flow", "what", "where", "week"]
    grouped = (
        pl.concat(found)
        .lazy()
        .join(weeks.lazy(), on="period", how="left", validate="m:1")
        .group_by(*by, "place", maintain_order=True)
        .agg(pl.col("before", "after").sum(), money=pl.col("after_money").sum() - pl.col("before_money").sum())
        .with_columns(change=pl.col("after") - pl.col("before"))
        .filter(pl.col("change").abs() > LEAST)
        .select(pl.col(name).cast(dtype) for name, dtype in MOVES.items())
    )
    order = [pl.col("money").abs().round(2), pl.col("change").abs().round(6), *by]
    return grouped.sort(order, descending=[True, True, *[False] * 4]).collect()


def _changed(plan: Plan, base: Plan, flow: str) -> pl.DataFrame:
    """flow, what, where, period, before, after and their money, of the cells of one flow that changed."""
    now, then = plan.flows.get(flow), base.flows.get(flow)
    keys = list((plan if now is not None else base).rates.columns(flow))
    if now is not None and then is not None and now.select(keys).equals(then.select(keys)):
        cells = _of_the_same(plan, base, flow)
    else:
        cells = _of_others(plan, base, flow, keys)
    reading = READ[flow]
    where = pl.concat_str(
        [pl.col(name).replace("", None) for name in reading.where] or [pl.lit("")],
        separator=" → " if flow == "ship" else ", ",
        ignore_nulls=True,
    )
    return cells.select(
        pl.lit(flow).alias("flow"),
        pl.col(reading.what).alias("what"),
        where.alias("where"),
        pl.col(reading.when).alias("period"),
        *SIDES,
        after_money=pl.col("after") * pl.col("after_rate"),
        before_money=pl.col("before") * pl.col("before_rate"),
    )


def _of_the_same(plan: Plan, base: Plan, flow: str) -> pl.DataFrame:
    """The changed cells of a flow that has the same cells in both plans, row by row."""
    quantities = {side: one.flows[flow]["quantity"].to_numpy() for side, one in (("after", plan), ("before", base))}
    moved = np.flatnonzero(np.abs(quantities["after"] - quantities["before"]) > LEAST)
    # Two scenarios mostly share a flow's table of rates: it is then read once, for the base.
    shared = plan.rates.tables.get(flow) is base.rates.tables.get(flow)
    rates = {"after": (base if shared else plan).per_unit(flow), "before": base.per_unit(flow)}
    return plan.flows[flow][moved].with_columns(
        *(pl.Series(side, quantities[side][moved]) for side in SIDES),
        *(pl.Series(f"{side}_rate", rates[side][moved]) for side in SIDES),
    )


def _of_others(plan: Plan, base: Plan, flow: str, keys: list[str]) -> pl.DataFrame:
    """The changed cells where a plan has some that the other lacks: an offer that is closed, a line that is new."""
    sides = {side: _cells(one, flow, keys, side) for side, one in (("after", plan), ("before", base))}
    both = sides["after"].join(sides["before"], on=keys, how="full", coalesce=True, validate="1:1", suffix="_there")
    told = [pl.coalesce(name, f"{name}_there").alias(name) for name in _labels(flow, keys)]
    numbers = [*SIDES, "after_rate", "before_rate"]
    filled = both.with_columns(*told, pl.col(numbers).fill_null(0.0))
    return filled.filter((pl.col("after") - pl.col("before")).abs() > LEAST)


def _cells(plan: Plan, flow: str, keys: list[str], side: str) -> pl.DataFrame:
    """keys and labels of the cells of a flow that are not 0, with their quantity and rate."""
    wanted = [*keys, *_labels(flow, keys)]
    frame = plan.flows.get(flow)
    if frame is None:
        numbers = {side: pl.Float64, f"{side}_rate": pl.Float64}
        return pl.DataFrame(schema={**dict.fromkeys(wanted, pl.String), **numbers})
    rated = frame.select(*wanted, pl.col("quantity").alias(side), pl.Series(f"{side}_rate", plan.per_unit(flow)))
    return rated.filter(pl.col(side) != 0)


def _labels(flow: str, keys: list[str]) -> list[str]:
    """The what and where columns of a flow that are not among its keys."""
    return [name for name in (READ[flow].what, *READ[flow].where) if name not in keys]
