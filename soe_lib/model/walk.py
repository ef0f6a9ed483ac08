"""A solver that walks between near programs of one frame, and proves the optimum of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soe_lib.errors import SolveError
from soe_lib.model.axis import Floats
from soe_lib.model.families import Common
from soe_lib.solver.session import PROVEN, Gate, Options

NOISE = 1e-7
"""A price below this share of the largest cost, on a bound that is not there, is the solver's own rounding."""
CENT, SHARE = 0.004, 1e-10
"""How far the two proofs of one optimum may lie apart: money, and share of the optimum."""


@dataclass(frozen=True)
class Reached:
    """An optimum that was proven.

    Parameters
    ----------
    objective : margin + steering [money]. margin : without steering [money].
    iterations : simplex steps from the program before. gap : distance of its two proofs [money].
    """

    objective: float
    margin: float
    iterations: int
    gap: float


class Walk:
    """Solves one program of a frame after another, each from the basis of the one before.

    Parameters
    ----------
    common, vector : the frame, and the program to start from, which is solved cold.
    options : limits of the solver.
    """

    def __init__(self, common: Common, vector: Floats, options: Options | None = None) -> None:
        self.common, self.options = common, options or Options()
        self._start(vector)

    def _start(self, vector: Floats) -> None:
        self.vector = vector
        self.gate = Gate(self.common.canonical(vector), self.options)
        self.gate.answer()
        # Few numbers differ from here on: costs that are shifted at random to avoid ties would only be shifted back,
        # and where only costs differ the plan stays possible and the primal method has less to do.
        self.gate.highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        self.gate.highs.setOptionValue("simplex_strategy", 0)

    def at(self, vector: Floats) -> Reached:
        """The proven optimum of a program.

        Raises SolveError where it has none.
        """
        if self.common.integer.any():
            self._start(vector)
            return self._read(0)
        self._move(vector)
        highs = self.gate.highs
        highs.setOptionValue("time_limit", highs.getRunTime() + self.options.seconds)
        highs.run()
        if highs.getModelStatus() == PROVEN:
            try:
                return self._read(int(highs.getInfo().simplex_iteration_count))
            except SolveError:
                pass  # a basis that was carried too far: begin again
        self._start(vector)
        return self._read(int(self.gate.highs.getInfo().simplex_iteration_count))

    def _move(self, vector: Floats) -> None:
        highs, common = self.gate.highs, self.common
        old, self.vector = self.vector, vector
        changed = {name: _where(common.part(old, name), common.part(vector, name)) for name in common.parts}
        part = {name: common.part(vector, name) for name in common.parts}
        if (costs := changed["cost"]).size:
            highs.changeColsCost(costs.size, costs, part["cost"][costs])
        if (bounds := np.union1d(changed["lower"], changed["upper"])).size:
            highs.changeColsBounds(bounds.size, bounds, part["lower"][bounds], part["upper"][bounds])
        if (rows := np.union1d(changed["row_lower"], changed["row_upper"])).size:
            highs.changeRowsBounds(rows.size, rows, part["row_lower"][rows], part["row_upper"][rows])
        if (effects := changed["effects"]).size:
            column = np.searchsorted(common.start, effects, side="right") - 1
            where = (common.row[effects].tolist(), column.tolist(), part["effects"][effects].tolist())
            for row, place, effect in zip(*where, strict=True):
                highs.changeCoeff(row, place, effect)

    def _read(self, iterations: int) -> Reached:
        """Money of the vertex, and the bound that its prices prove: Lagrange's, with every cell at its better bound."""
        common, vector = self.common, self.vector
        solution = self.gate.highs.getSolution()
        x, price = np.asarray(solution.col_value), np.asarray(solution.row_dual)
        cost, lower, upper = (common.part(vector, name) for name in ("cost", "lower", "upper"))
        matrix = common.matrix(vector)
        reduced = cost - matrix.T @ price
        noise = NOISE * (1.0 + float(np.abs(cost).max(initial=0.0)))
        bound = _least(price, common.part(vector, "row_lower"), common.part(vector, "row_upper"), matrix @ x, noise)
        bound += _least(reduced, lower, upper, x, noise)
        constant, margin_constant = common.part(vector, "constants")
        found = _money(cost, x)
        gap = abs(found - bound)
        if not gap <= max(CENT, SHARE * abs(found)) and not common.integer.any():
            raise SolveError(f"the optimum is not proven: its two proofs differ by {gap:,.4f}", status="uncertified")
        return Reached(
            objective=float(constant) - found,
            margin=float(margin_constant) + _money(common.part(vector, "margin"), x),
            iterations=iterations,
            gap=gap,
        )


def _money(per_unit: Floats, quantity: Floats) -> float:
    """Σ per_unit × quantity, by NumPy's own sum: a threaded dot product waits for its threads longer than it works."""
    return float(np.sum(per_unit * quantity))


def _least(price: Floats, low: Floats, high: Floats, found: Floats, noise: float) -> float:
    """Σ price × the bound that makes it smallest; noise on a bound that is not there counts at the value found."""
    bound = np.where(price > 0, low, high)
    bound = np.where(np.isinf(bound) & (np.abs(price) <= noise), found, bound)
    used = price != 0
    return float(np.sum(price[used] * bound[used]))


def _where(one: Floats, other: Floats) -> npt.NDArray[np.int32]:
    return np.flatnonzero(one != other).astype(np.int32)


__all__ = ["Reached", "Walk"]
