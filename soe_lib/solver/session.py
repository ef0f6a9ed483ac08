"""A program and a solver that stays loaded, so that similar programs start warm.

This is the only interface of formulations to solvers. A session compares arrays to find what it can reuse (basis,
reduced program, factors). It hides presolve, warm starts, races, tie-breaks, whole numbers and time limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import highspy

from soe_lib.errors import FormulationError, SolveError
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.diagnostics import check
from soe_lib.solver.gate import Gate, distance
from soe_lib.solver.presolve import Reduction, Tiered
from soe_lib.solver.program import Program
from soe_lib.solver.warm_start import Start


@dataclass(frozen=True, eq=False)
class _Ended:
    """The end of the first solve; `tiered` is set where the solver held that smaller program instead."""

    program: Program
    answer: Answer
    basis: highspy.HighsBasis
    won: str
    tiered: Tiered | None = None


class Session:
    """Solves a program, and then changed versions of it.

    Parameters
    ----------
    base : the program to start from.
    options : limits of the solver.
    unique : whether the hashed weights of a program select one of its optimal plans, the same from every starting
        basis; otherwise any optimal plan is the answer.
    start : the end of another session, of the same program or of one with the same parts, to continue from.
    """

    def __init__(
        self, base: Program, options: SolverOptions | None = None, *, unique: bool = False, start: Start | None = None
    ) -> None:
        self.base, self.options, self.unique = base, options or SolverOptions(), unique
        self._start, self._solved = start, start if unique and start is not None and start.fits(base) else None
        self._ended: _Ended | None = None
        self._gate: Gate | None = None
        self._reduction: Reduction | None = None
        self._base_start: tuple[Program, highspy.HighsBasis] | None = None

    def solve(self, changed: Program | None = None) -> Answer:
        """The proven answer of the program, or of a changed one, in the sense of maximising.

        Raises SolveError where there is none, with status infeasible, unbounded, infeasible_or_unbounded, empty,
        scaling, refused, limit, cancelled or error; FormulationError where arrays cannot express the program.
        """
        program = self.base if changed is None else changed
        if program.beside:
            raise FormulationError(
                "this answer comes from the arrays of the program, which cannot express your own convex terms: use "
                "`soe.plan` or `soe.Living`, or write them piecewise linear (cp.abs, cp.norm1, cp.pos, cp.cvar)."
            )
        if not self.unique:
            return self._plain(program)
        if changed is None and self._ended is None:
            return self._solved.answer if self._solved else self._cold(program)
        if program.integer.any():
            return Gate(program, self.options).answer(program.weights)
        return self._warm(program)

    @cached_property
    def start(self) -> Start:
        """Answer and basis of the first solve, from which another session or process continues."""
        if self._solved is not None:
            return self._solved
        if self._ended is None:
            self.solve()
        assert self._ended is not None, "solved"
        ended = self._ended
        basis = ended.tiered.basis(ended.basis) if ended.tiered else ended.basis
        return Start.of(ended.program, ended.answer, basis, ended.won)

    def restart(self) -> None:
        """Load a fresh solver at the final basis of the base, with the pricing for warm starts."""
        self._gate = self._reduction = self._base_start = None
        if not self.base.integer.any():
            self._reduction = Reduction.of(self.base)
            self._base_start = self._reduction.reduced(self.base), self._reduction.basis(self.start.basis)
            self._gate = Gate(self._base_start[0], self.options).start_from(self._base_start[1], self.start.won)

    def _cold(self, program: Program) -> Answer:
        """Solve from the given start, else cold; a cold run replaces stock by the tiers of its cushion (`Tiered`)."""
        if (basis := self._given_basis(program)) is not None:
            gate = Gate(program, self.options).start_from(basis)
            return self._first(program, gate, gate.answer(program.weights))
        tiered = Tiered.of_program(program)
        if tiered is not None:
            try:
                gate = Gate(tiered.smaller, self.options, tiered.merged)
                return self._first(program, gate, tiered.whole(gate.answer(tiered.smaller.weights)), tiered)
            except SolveError as error:
                if error.status in ("cancelled", "limit"):
                    raise  # other errors are raised for the whole program
        gate = Gate(program, self.options)
        return self._first(program, gate, gate.answer(program.weights))

    def _warm(self, program: Program) -> Answer:
        """Solve from the more similar program's basis, without rows that only bound one quantity (`Reduction`)."""
        check(program)
        if self._gate is None:
            self.restart()
        if self._reduction is None or not self._reduction.fits(program):
            self._reduction = Reduction.of(program)
        reduced = self._reduction.reduced(program)
        if self._gate is None:
            self._gate = Gate(reduced, self.options)
        last = self._gate.program
        self._gate = self._gate.move(reduced)
        if self._base_start and distance(self._base_start[0], reduced) < distance(last, reduced):
            self._gate.start_from(self._base_start[1], self.start.won).after(self._base_start[0])
        return self._reduction.whole(self._gate.answer(reduced.weights), program)

    def _plain(self, program: Program) -> Answer:
        """Solve the program as given, from the last basis; any optimal plan is the answer."""
        if self._gate is not None:
            self._gate = self._gate.move(program)
        else:
            self._gate = Gate(program, self.options)
            basis = self._given_basis(program)
            if basis is not None and self._start is not None:
                self._gate.start_from(basis).after(self._start.program, optimal=True)
        return self._first(program, self._gate, self._gate.answer())

    def _given_basis(self, program: Program) -> highspy.HighsBasis | None:
        return self._start.carried(program) if self._start is not None and not program.integer.any() else None

    def _first(self, program: Program, gate: Gate, answer: Answer, tiered: Tiered | None = None) -> Answer:
        self._ended = self._ended or _Ended(program, answer, gate.basis, gate.won, tiered)
        return answer
