"""A living model: one solver kept alive, so that a small change of the snapshot is answered from the last basis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.extra import Extra, with_extra
from soe_lib.model.model import Model
from soe_lib.model.planning import Recorded, of_record, shared
from soe_lib.model.terms import Block
from soe_lib.solver.diagnostics import check
from soe_lib.solver.presolve import Lean
from soe_lib.solver.program import Canonical
from soe_lib.solver.session import Gate, Options, distance
from soe_lib.solver.warm_start import Basis, Start
from soe_lib.store.plan import Plan


class Living:
    """Answers one snapshot after another; near ones hot, far ones cold, each certified like any plan.

    Parameters
    ----------
    snapshot : the one to start from.
    blocks : planning ideas of your own, beside the standard ones.
    extra : constraints and terms of your own in CVXPY, as for `soe.plan`; convex ones are planned anew each time.
    record : plan of record that the fence of settings.toml keeps to; left out: as for `soe.plan`.
    options : limits of the solver.
    start : finds the base's answer from its model; left out, it is solved here.
    results : where the pages of one pack share what they worked out: in a pack with a time budget, a base with whole
        numbers is the plan that the balance page leaves there, so that every page speaks of the same one.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        blocks: Block | Sequence[Block] = (),
        extra: Extra | None = None,
        record: Recorded = "find",
        options: Options | None = None,
        start: Callable[[Model, Options | None], Start] | None = None,
        results: str | Path = "",
    ) -> None:
        self.own, self.record = with_extra(blocks, extra), of_record(expected(snapshot, "soe.Living"), record)
        self.beside = (*kept_close(self.record), *self.own)
        self.blocks = (*STANDARD, *self.beside)
        self.options = options
        self.model = self.home = model = Model(snapshot, self.blocks)
        self.lean: Lean | None
        self.home_corner: tuple[Canonical, Basis] | None
        if model.convex:
            self.base = model.solve(options)
            return
        left = shared(snapshot, results) if model.whole else None
        if left is not None:
            model.keep_pattern(left)
        begun = (start or started)(model, options)
        if left is not None:
            begun = replace(begun, answer=begun.answer.within(float(left.solution["bound"])))
        self.basis, self.won = begun.basis, begun.won
        self.base = model.plan_of(begun.answer, name="this week's plan")
        model.keep_pattern(self.base)
        self.restart()

    def plan(self, snapshot: Snapshot, *, name: str = "scenario") -> Plan:
        """The certified plan of another snapshot; raises SolveError where it has no proven answer."""
        # A trial is mostly nearer to the base than to the trial before it: start from whichever is.
        near = min(self.model, self.home, key=lambda model: _other_tables(model.snapshot, snapshot))
        self.model = model = Model(snapshot, self.blocks, near=near)
        try:
            if model.convex:
                return model.solve(self.options, name=name)
            model.staged(self.options)
            if model.canonical.integer.any():
                self.gate = Gate(model.canonical, self.options)
                return model.plan_of(self.gate.answer(model.weights), name=name)
            return self._again(model, name)
        finally:
            model.forget()

    def _again(self, model: Model, name: str) -> Plan:
        """The plan from the nearest basis; rows that only bound one quantity are left out on the way."""
        check(model.canonical)
        if self.lean is None or not self.lean.fits(model.canonical):
            self.lean = Lean.of(model.canonical)
        program = self.lean.program(model.canonical)
        near = self.gate.canonical
        self.gate = self.gate.move(program)
        if self.home_corner and distance(self.home_corner[0], program) < distance(near, program):
            self.gate.start_from(self.home_corner[1], self.won)
        answer = self.gate.answer(self.lean.weights(model.weights))
        return model.plan_of(self.lean.whole(answer, model.canonical), name=name)

    def restart(self) -> None:
        """Start again where the base ended, in a fresh solver, which prices for starts from near by."""
        self.model = self.home
        if self.home.convex:
            return
        canonical = self.home.canonical
        self.lean = self.home_corner = None
        if canonical.integer.any():
            self.gate = Gate(canonical, self.options)
            return
        self.lean = Lean.of(canonical)
        self.home_corner = self.lean.program(canonical), self.lean.basis(self.basis)
        self.gate = Gate(self.home_corner[0], self.options).start_from(self.home_corner[1], self.won)


def started(model: Model, options: Options | None = None) -> Start:
    """The proven answer of a model, from nothing; raises SolveError where it has none."""
    model.staged(options)
    return Start.of(model.canonical, model.weights, options)


def _other_tables(one: Snapshot, other: Snapshot) -> int:
    """How many tables two snapshots do not share."""
    return sum(frame is not one.tables.get(name) for name, frame in other.tables.items())
