"""A bound on a measure as a row of the program, moved from level to level in one solver session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.model import Model
from soe_lib.model.terms import Constraint, Effect, Part
from soe_lib.review.measures import Linear, Measure
from soe_lib.review.measures.of_plans import Moved
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Program
from soe_lib.solver.session import Session
from soe_lib.store.plan import Plan

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.living import Living
    from soe_lib.model.network import Network
    from soe_lib.model.terms import Block


GIVE = 1e-9
"""Relative slack of a reached level, so that rounding does not make the next stage infeasible."""
ENOUGH = 1e-10
ROUNDS = 25


@dataclass(frozen=True)
class Limit(Part):
    """One row that keeps a measure at a level or better: ±(amount − level × base) <= 0.

    Brings row `limit <name>`; its right-hand side, and coefficients that depend on the level, are set with the level.
    Books nothing.

    Parameters
    ----------
    name, label : of the measure. counted : flow → its keys and `per_unit`, one row per cell that counts.
    """

    name: str
    label: str
    counted: Mapping[str, pl.DataFrame] = field(repr=False)

    @property
    def row(self) -> str:
        """The name of the row."""
        return _row(self.name)

    def constraints(self, network: Network) -> Iterator[Constraint]:  # noqa: ARG002
        """The row."""
        one = pl.DataFrame({"limit": [self.name]}, schema={"limit": pl.Enum([self.name])})
        yield Constraint(self.row, one, ("limit",), "<=", "unit", f"{self.label} is at least as good as asked for")

    def effects(self, network: Network) -> Iterator[Effect]:  # noqa: ARG002
        """Of every flow that counts."""
        label = pl.lit(self.name, dtype=pl.Enum([self.name])).alias("limit")
        for flow, cells in self.counted.items():
            keys = tuple(name for name in cells.columns if name != "limit_per_unit")
            yield Effect(flow, self.row, "limit_per_unit", join=cells.with_columns(label), using=keys)


class Limited:
    """The program of one snapshot with a row for each measure; solved at any levels, from the last basis.

    Parameters
    ----------
    snapshot : this week's. measures : each has a row. beside : each has a row where some quantity counts in it.
    blocks, record, options : as for `soe.plan`; `record` may be of another horizon.
    moves : the record in this horizon, which churn is measured against.
    pattern : plan whose set-ups are tried first under a time budget.
    near : a living model of the same snapshot and record: unchanged tables are reused, and the first solve starts
        where its base ended.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        measures: Sequence[Measure],
        *,
        beside: Sequence[Measure] = (),
        blocks: Sequence[Block] = (),
        record: Plan | None = None,
        moves: Plan | None = None,
        options: SolverOptions | None = None,
        pattern: Plan | None = None,
        near: Living | None = None,
    ) -> None:
        self.options = options
        extra = [Moved(moves)] if moves is not None and any(one.needs_record for one in (*measures, *beside)) else []
        standard = (*(near.blocks if near else (*STANDARD, *kept_close(record), *blocks)), *extra)
        bare = Model(snapshot, standard, near=near.home if near else None)
        ratios = {one.name: one.linear(bare, moves) for one in (*measures, *beside)}
        self.amount = {name: amount for name, (amount, _) in ratios.items()}
        self.base = {name: base for name, (_, base) in ratios.items()}
        for one in measures:
            self._measurable(one)
        counted = [*measures, *(one for one in beside if self._counts(one))]
        self.measures = {one.name: one for one in counted}
        limits = [Limit(one.name, one.label, self._cells(bare, one)) for one in counted]
        self.model = Model(snapshot, (*standard, *limits), near=bare, pattern=pattern)
        program = self.model.program
        for one in counted:
            program = program.with_rhs(_row(one.name), np.inf)
        self.model = self.model.holding(program).staged(options)
        self.program = self.model.program
        start = near.session.start if near and not near.home.convex else None
        self.money = Session(self.program, options, unique=True, start=start)
        self.aims: dict[str, Session] = {}
        self.seen: list[Floats] = []

    def extreme(self, measure: Measure, held: Mapping[str, float] | None = None, *, anew: bool = False) -> float:
        """The proven best value of a measure while others are held at their levels.

        Parameters
        ----------
        anew : start from the plan worth most money, not from the last vertex of this measure. A vertex found with money
            held at its maximum takes thousands of steps to leave (demo: 2.3 s against 0.1 s).

        A share whose base depends on the plan is optimised in rounds (Dinkelbach, Management Science 13 (1967)
        492-498), each of them a linear program.
        """
        amount, base = self._vector(self.amount[measure.name]), self._vector(self.base[measure.name])
        value, held = 0.0, held or {}
        if anew:
            self.aims.pop(measure.name, None)
        for _ in range(ROUNDS):
            aim = self._at(held).with_cost(-measure.direction * (amount - value * base))
            answer = self._solved(self._session(measure.name), aim)
            before, value = value, self._value(measure, answer.x)
            if not self.base[measure.name].terms or abs(value - before) <= ENOUGH:
                break
        return value

    def plan(self, levels: Mapping[str, float], name: str) -> Plan:
        """The certified plan worth most money (margin + steering) whose measures are at their levels or better."""
        program = self._at(levels)
        return self.model.holding(program).plan_of(self._solved(self.money, program), name=name)

    def _session(self, aim: str) -> Session:
        """One session for each aim, so that a warm start is short; its first one begins at the plan worth most."""
        if aim not in self.aims:
            start = None if self.model.whole else self.money.start
            self.aims[aim] = Session(self.program, self.options, start=start)
        return self.aims[aim]

    def _solved(self, session: Session, program: Program) -> Answer:
        answer = session.solve(self._from_nearest(program))
        if answer.whole.size:
            self.seen.append(answer.x)
        return answer

    def _from_nearest(self, program: Program) -> Program:
        """The program with the set-ups of the best answer so far that satisfies its rows; unchanged where there is
        none.
        """
        if program.hints is None or program.hints.start is None:
            return program
        close = 1e-6 * (1.0 + np.abs(program.row_upper))
        fit = [x for x in self.seen if bool(np.all(program.matrix @ x <= program.row_upper + close))]
        best = min(fit, key=lambda x: float(program.cost @ x), default=None)
        if best is None:
            return program
        return replace(program, hints=replace(program.hints, start=np.where(program.integer, best, np.nan)))

    def _at(self, levels: Mapping[str, float]) -> Program:
        """The program with measures at their levels or better; a measure without a level does not bind."""
        program = self.program
        for key, level in levels.items():
            program = program.with_rhs(_row(key), self._right(key, level))
            if self.base[key].terms:
                at, _, column = program.entries(_row(key))
                row = -self.measures[key].direction * (
                    self._vector(self.amount[key]) - level * self._vector(self.base[key])
                )
                program = program.with_effects(at, row[column])
        return program

    def _right(self, name: str, level: float) -> float:
        measure, amount, base = self.measures[name], self.amount[name], self.base[name]
        held = level - measure.direction * GIVE * (1.0 + abs(level))
        return -measure.direction * (held * base.constant - amount.constant)

    def _vector(self, linear: Linear) -> Floats:
        found = np.zeros(len(self.program.cost))
        for flow, terms in linear.terms.items():
            if flow in self.program.columns:
                found[self.program.columns[flow]] = terms
        return found

    def _value(self, measure: Measure, x: Floats) -> float:
        amount, base = self.amount[measure.name], self.base[measure.name]
        whole = float(self._vector(base) @ x) + base.constant
        return (float(self._vector(amount) @ x) + amount.constant) / whole

    def _cells(self, model: Model, measure: Measure) -> dict[str, pl.DataFrame]:
        """The entries of a measure's row at level 0; placeholders where the base depends on the plan."""
        amount, base = self.amount[measure.name], self.base[measure.name]
        found = {}
        for flow in {*amount.terms, *base.terms} & model.flows.keys():
            keys = model.flows[flow].keys
            some = np.zeros(model.flows[flow].size)
            for part in (amount.terms.get(flow), base.terms.get(flow)):
                some = some if part is None else some + np.pi * part
            own = amount.terms.get(flow, some)
            filled = pl.Series("limit_per_unit", np.where(own != 0, -measure.direction * own, some))
            cells = model.flows[flow].rows.select(keys).with_columns(filled)
            found[flow] = cells.filter(pl.col("limit_per_unit") != 0)
        return {flow: cells for flow, cells in sorted(found.items()) if cells.height}

    def _counts(self, measure: Measure) -> bool:
        return any(bool(np.any(terms)) for terms in self.amount[measure.name].terms.values())

    def _measurable(self, measure: Measure) -> None:
        base = self.base[measure.name]
        if not base.constant and not base.terms:
            raise DataError(f"{measure.label} is not known here: the total of which it is a share is 0.")
        if not self._counts(measure):
            raise DataError(
                f"{measure.label} cannot be moved in this extract: no quantity of the plan counts in it"
                f"{' (items.standard_cost is blank)' if measure.name == 'stock' else ''}."
            )


def _row(measure: str) -> str:
    """The name of a measure's row."""
    return f"limit {measure}"
