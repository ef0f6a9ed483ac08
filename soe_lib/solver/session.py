"""A program and the solver behind it, which stays alive: near programs are answered from where it stands.

This is all that formulations know of solving. What may stay (basis, reduced program, factors) is found by comparing
arrays; presolve, warm starts, races, tie-breaks, whole numbers and time limits are not the caller's concern.
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
    """Where the first solve ended; `tiered` where the solver held that in the place of the program."""

    program: Program
    answer: Answer
    basis: highspy.HighsBasis
    won: str
    tiered: Tiered | None = None


class Session:
    """Solves a program, and changed ones as they come.

    Parameters
    ----------
    base : the program to start from.
    options : limits of the solver.
    unique : whether the hashed weights of a program single out one of the plans that earn the most, the same wherever
        the solver came from; without it, any of them is the answer.
    start : where another session ended, of the same program or of one with the same parts: it is gone on from there.
    """

    def __init__(
        self, base: Program, options: SolverOptions | None = None, *, unique: bool = False, start: Start | None = None
    ) -> None:
        self.base, self.options, self.unique = base, options or SolverOptions(), unique
        self._given, self._handed = start, start if unique and start is not None and start.fits(base) else None
        self._ended: _Ended | None = None
        self._gate: Gate | None = None
        self._reduction: Reduction | None = None
        self._home: tuple[Program, highspy.HighsBasis] | None = None

    def solve(self, changed: Program | None = None) -> Answer:
        """The proven answer of the program, or of a changed one, in the sense of maximising.

        Raises SolveError where there is none, with status infeasible, unbounded, infeasible_or_unbounded, empty,
        scaling, refused, limit, cancelled or error; FormulationError where arrays cannot say the program.
        """
        program = self.base if changed is None else changed
        if program.beside:
            raise FormulationError(
                "this answer comes from the arrays of the program, which cannot say your own convex terms: ask for a "
                "plan (`soe.plan`, `soe.Living`), or write them piecewise linear (cp.abs, cp.norm1, cp.pos, cp.cvar)."
            )
        if not self.unique:
            return self._plain(program)
        if changed is None and self._ended is None:
            return self._handed.answer if self._handed else self._cold(program)
        if program.integer.any():
            return Gate(program, self.options).answer(program.weights)
        return self._hot(program)

    @cached_property
    def start(self) -> Start:
        """What the first solve proved and where it ended: another session, or process, goes on from there."""
        if self._handed is not None:
            return self._handed
        if self._ended is None:
            self.solve()
        assert self._ended is not None, "solved"
        ended = self._ended
        basis = ended.tiered.basis(ended.basis) if ended.tiered else ended.basis
        return Start.of(ended.program, ended.answer, basis, ended.won)

    def restart(self) -> None:
        """Start again where the base ended, in a fresh solver, which prices for starts from near by."""
        self._gate = self._reduction = self._home = None
        if not self.base.integer.any():
            self._reduction = Reduction.of(self.base)
            self._home = self._reduction.reduced(self.base), self._reduction.basis(self.start.basis)
            self._gate = Gate(self._home[0], self.options).start_from(self._home[1], self.start.won)

    def _cold(self, program: Program) -> Answer:
        """From nothing, with stock as what fills the tiers of its cushion where there is one; or from a given start."""
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
                    raise  # the others are told in the words of the whole program
        gate = Gate(program, self.options)
        return self._first(program, gate, gate.answer(program.weights))

    def _hot(self, program: Program) -> Answer:
        """From the nearest basis; rows that only bound one quantity are left out on the way."""
        check(program)
        if self._gate is None:
            self.restart()
        if self._reduction is None or not self._reduction.fits(program):
            self._reduction = Reduction.of(program)
        reduced = self._reduction.reduced(program)
        if self._gate is None:
            self._gate = Gate(reduced, self.options)
        near = self._gate.program
        self._gate = self._gate.move(reduced)
        if self._home and distance(self._home[0], reduced) < distance(near, reduced):
            self._gate.start_from(self._home[1], self.start.won).after(self._home[0])
        return self._reduction.whole(self._gate.answer(reduced.weights), program)

    def _plain(self, program: Program) -> Answer:
        """As it is, from the last basis; one of equally good plans is as good as another."""
        if self._gate is not None:
            self._gate = self._gate.move(program)
        else:
            self._gate = Gate(program, self.options)
            basis = self._given_basis(program)
            if basis is not None and self._given is not None:
                self._gate.start_from(basis).after(self._given.program, optimal=True)
        return self._first(program, self._gate, self._gate.answer())

    def _given_basis(self, program: Program) -> highspy.HighsBasis | None:
        return self._given.carried(program) if self._given is not None and not program.integer.any() else None

    def _first(self, program: Program, gate: Gate, answer: Answer, tiered: Tiered | None = None) -> Answer:
        self._ended = self._ended or _Ended(program, answer, gate.basis, gate.won, tiered)
        return answer
