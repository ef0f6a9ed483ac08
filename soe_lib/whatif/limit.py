"""A bound on a measure as a row of the program, moved from level to level while the solver stays alive."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import DataError
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.model import Model
from soe_lib.model.terms import Balance, Effect, Part
from soe_lib.review.measures import Linear, Measure
from soe_lib.review.measures.of_plans import Moved
from soe_lib.solver.session import INFINITY, Answer, Gate, Options
from soe_lib.solver.warm_start import Basis, carried
from soe_lib.store.plan import Plan

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.living import Living
    from soe_lib.model.network import Network
    from soe_lib.model.terms import Block
    from soe_lib.solver.program import Canonical


GIVE = 1e-9
"""What is reached is held to this relative slack, so that rounding does not make the next stage infeasible."""
ENOUGH = 1e-10
ROUNDS = 25
MONEY = "money"
DUAL, PRIMAL = 1, 4
"""HiGHS's names of the two simplex methods."""


@dataclass(frozen=True)
class Limit(Part):
    """One row that keeps a measure at a level or better: ±(amount − level × base) <= 0.

    Brings row `limit <name>`; its right-hand side (and what of its coefficients depends on the level) is set when the
    level is known. Books nothing.

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
        return f"limit {self.name}"

    def balances(self, network: Network) -> Iterator[Balance]:  # noqa: ARG002
        """The row."""
        one = pl.DataFrame({"limit": [self.name]}, schema={"limit": pl.Enum([self.name])})
        yield Balance(self.row, one, ("limit",), "<=", "unit", f"{self.label} is at least as good as asked for")

    def effects(self, network: Network) -> Iterator[Effect]:  # noqa: ARG002
        """Of every flow that counts."""
        label = pl.lit(self.name, dtype=pl.Enum([self.name])).alias("limit")
        for flow, cells in self.counted.items():
            keys = tuple(name for name in cells.columns if name != "limit_per_unit")
            yield Effect(flow, self.row, "limit_per_unit", join=cells.with_columns(label), using=keys)


class Limited:
    """The program of one snapshot with a row for each measure; solved at any levels, hot from the last one.

    Parameters
    ----------
    snapshot : this week's. measures : those with a row; `beside` : those with one where anything counts in it.
    blocks, record, options : as for `soe.plan`; `record` may be of another horizon.
    moves : the record in this horizon, which churn is measured against.
    pattern : plan whose set-ups are kept first where a time budget is in force.
    near : a living model of the same snapshot and record: what is the same is taken from it, and the first run starts
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
        options: Options | None = None,
        pattern: Plan | None = None,
        near: Living | None = None,
    ) -> None:
        self.options, self.near = options, near
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
        free = self.model.canonical.row_upper.copy()
        for one in counted:
            free[self._row(one)] = INFINITY
        self.model.__dict__["canonical"] = replace(self.model.canonical, row_upper=free)
        self.model.staged(options)
        self.canonical = self.model.canonical
        self.gates: dict[str, Gate] = {}
        self.seen: list[Floats] = []

    def extreme(self, measure: Measure, held: Mapping[str, float] | None = None, *, anew: bool = False) -> float:
        """The best value that a measure can have, others being held at their levels; proven by the solver.

        Parameters
        ----------
        anew : start from the plan worth most money, not from the last corner of this measure. Where that one held money
            at its most it lies on a thin face, and takes thousands of steps to leave (demo: 2.3 s against 0.1 s).

        A share whose base moves with the plan is brought to its best in rounds (Dinkelbach, Management Science 13
        (1967) 492-498), each of them a linear program.
        """
        amount, base = self._vector(self.amount[measure.name]), self._vector(self.base[measure.name])
        value, held = 0.0, held or {}
        if anew:
            self.gates.pop(measure.name, None)
        for _ in range(ROUNDS):
            cost = -measure.direction * (amount - value * base)
            answer = self._seen(self._moved(measure.name, replace(self._at(held), cost=cost, offset=0.0)).answer())
            before, value = value, self._value(measure, answer.x)
            if not self.base[measure.name].terms or abs(value - before) <= ENOUGH:
                break
        return value

    def plan(self, levels: Mapping[str, float], name: str) -> Plan:
        """The certified plan worth most money (margin + steering) whose measures are at their levels or better."""
        model = copy.copy(self.model)
        canonical = self._at(levels)
        program = model.program
        rhs, matrix = program.rhs.copy(), program.matrix
        for key, level in levels.items():
            place = program.rows[f"limit {key}"].start
            rhs[place] = self._right(key, level)
            if self.base[key].terms:
                row = self._coefficients(key, level, program.columns, len(program.money))
                matrix = _with_row(matrix, place, row)
        # What has no level yet must not bind: the certificate wants a figure, and any that the plan keeps will do.
        for key in self.measures.keys() - levels.keys():
            rhs[program.rows[f"limit {key}"].start] = 1e15
        model.__dict__.update(program=replace(program, rhs=rhs, matrix=matrix), canonical=canonical)
        return model.plan_of(self._seen(self._moved(MONEY, canonical).answer(model.weights)), name=name)

    def _moved(self, aim: str, canonical: Canonical) -> Gate:
        """One living solver for each aim, so that a hot start is short.

        Where another aim, or a looser level, leaves the last corner feasible, the primal simplex goes on from it: 20
        to 50 times faster than the dual one on the demo. A tighter level leaves it dual feasible: the dual one goes on.
        """
        known = self.gates.get(aim)
        if canonical.integer.any():
            gate, feasible = Gate(self._from_nearest(canonical), self.options), False
        elif known is not None:
            feasible = bool(np.all(canonical.row_upper >= known.canonical.row_upper))
            gate = known.move(canonical)
        else:
            feasible = aim != MONEY
            gate = Gate(canonical, self.options)
            begin = self._richest().basis if feasible else self._known(canonical)
            if begin is not None:
                gate.start_from(begin)
        self.gates[aim] = gate
        gate.highs.setOptionValue("simplex_strategy", PRIMAL if feasible else DUAL)
        return gate

    def _known(self, canonical: Canonical) -> Basis | None:
        """Where the living model's base ended, which is this program without the rows of the measures."""
        near = self.near
        if near is None or near.home.convex or near.home.whole:
            return None
        return carried(near.basis, near.home.canonical, canonical)

    def _seen(self, answer: Answer) -> Answer:
        if answer.whole.size:
            self.seen.append(answer.x)
        return answer

    def _from_nearest(self, canonical: Canonical) -> Canonical:
        """With the set-ups of the best plan so far that keeps its rows, where this week's plan does not."""
        if not len(canonical.start):
            return canonical
        close = 1e-6 * (1.0 + np.abs(canonical.row_upper))
        fit = [x for x in self.seen if bool(np.all(canonical.matrix @ x <= canonical.row_upper + close))]
        best = min(fit, key=lambda x: float(canonical.cost @ x), default=None)
        return canonical if best is None else replace(canonical, start=np.where(canonical.integer, best, np.nan))

    def _richest(self) -> Gate:
        """The solver that stands at the plan worth most money, nothing being held."""
        if MONEY not in self.gates:
            self._moved(MONEY, self.canonical).answer()
        return self.gates[MONEY]

    def _at(self, levels: Mapping[str, float]) -> Canonical:
        upper, matrix = self.canonical.row_upper.copy(), self.canonical.matrix
        for key, level in levels.items():
            place = self._row(self.measures[key])
            upper[place] = self._right(key, level)
            if self.base[key].terms:
                row = self._coefficients(key, level, self.canonical.columns, len(self.canonical.cost))
                matrix = sp.csc_array(_with_row(sp.csr_array(matrix), place, row))
                matrix.sort_indices()
        return replace(self.canonical, row_upper=upper, matrix=matrix)

    def _right(self, name: str, level: float) -> float:
        measure, amount, base = self.measures[name], self.amount[name], self.base[name]
        held = level - measure.direction * GIVE * (1.0 + abs(level))
        return -measure.direction * (held * base.constant - amount.constant)

    def _coefficients(self, name: str, level: float, columns: Mapping[str, slice], size: int) -> Floats:
        amount = _spread(self.amount[name], columns, size)
        return -self.measures[name].direction * (amount - level * _spread(self.base[name], columns, size))

    def _vector(self, linear: Linear) -> Floats:
        return _spread(linear, self.canonical.columns, len(self.canonical.cost))

    def _value(self, measure: Measure, x: Floats) -> float:
        amount, base = self.amount[measure.name], self.base[measure.name]
        whole = float(self._vector(base) @ x) + base.constant
        return (float(self._vector(amount) @ x) + amount.constant) / whole

    def _row(self, measure: Measure) -> int:
        return self.model.canonical.rows[f"limit {measure.name}"].start

    def _cells(self, model: Model, measure: Measure) -> dict[str, pl.DataFrame]:
        """Where the row of a measure has entries: at level 0, and where its base moves any figure will do for now."""
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
            raise DataError(f"{measure.label} is not known here: what it is a share of is nothing.")
        if not self._counts(measure):
            raise DataError(
                f"{measure.label} cannot be moved in this extract: no quantity of the plan counts in it"
                f"{' (items.standard_cost is blank)' if measure.name == 'stock' else ''}."
            )


def _spread(linear: Linear, columns: Mapping[str, slice], size: int) -> Floats:
    found = np.zeros(size)
    for flow, terms in linear.terms.items():
        if flow in columns:
            found[columns[flow]] = terms
    return found


def _with_row(matrix: sp.csr_array, place: int, row: Floats) -> sp.csr_array:
    """The matrix with other figures in one row, in the places where it has entries."""
    data = matrix.data.copy()
    span = slice(matrix.indptr[place], matrix.indptr[place + 1])
    data[span] = row[matrix.indices[span]]
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
