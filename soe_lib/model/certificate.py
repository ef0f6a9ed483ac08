"""Check feasibility and optimality of an answer again in NumPy, on the program's arrays, without CVXPY or HiGHS.

With y the prices of the rows and d = money − matrixᵀ y the reduced money of the cells, a plan x is optimal when x is
feasible, y >= 0 on the <= rows, no cell with d > 0 lacks an upper bound and none with d < 0 a lower one, and rhs·y + Σ
max(d,0)·upper + Σ min(d,0)·lower = money·x (strong duality, Dantzig 1963).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from soe_lib.errors import SolveError
from soe_lib.solver.program import Floats, Program

PRIMAL, DUAL, GAP = 1e-6, 1e-7, 1e-7


@dataclass(frozen=True)
class Certificate:
    """The residuals that prove a plan.

    Parameters
    ----------
    primal_residual : largest violation of a row or bound, over 1 + the largest term of that row.
    dual_infeasibility : largest wrong-signed price or reduced money, over 1 + the largest money per unit.
    gap : |primal − dual objective| over 1 + |primal|, with the whole numbers held.
    whole_numbers : largest distance of an integer cell from a whole number.
    """

    primal_residual: float
    dual_infeasibility: float
    gap: float
    whole_numbers: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def primal_residual(program: Program, x: Floats) -> float:
    """Largest violated row or bound, each row scaled by 1 + its largest term."""
    matrix = program.matrix
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    largest = np.where(np.isfinite(program.rhs), np.abs(program.rhs), 0.0)
    np.maximum.at(largest, matrix.indices, np.abs(matrix.data * x[column]))
    found = matrix @ x
    excess = np.maximum(found - program.row_upper, program.row_lower - found)
    rows = np.maximum(excess, 0.0) / (1.0 + largest)
    bounds = np.maximum(np.maximum(program.lower - x, x - program.upper), 0.0) / (1.0 + np.abs(x))
    return float(max(rows.max(initial=0.0), bounds.max(initial=0.0)))


def certify(
    program: Program, x: Floats, price: Floats, objective: float, *, fixed: Floats | None = None
) -> Certificate:
    """The certificate of a plan; raises SolveError that says which residuals are too large.

    Parameters
    ----------
    program : the arrays.
    x, price : shape (columns,), (rows,).
    objective : what the solver reports, in the sense of maximising [money].
    fixed : shape (columns,), the values at which integer cells were fixed (NaN elsewhere), or None for an LP.
    """
    lower, upper = program.lower, program.upper
    if fixed is not None:
        held = ~np.isnan(fixed)
        lower, upper = np.where(held, fixed, lower), np.where(held, fixed, upper)
    scale = 1.0 + float(np.abs(program.money).max(initial=0.0))
    reduced = program.money - program.matrix.T @ price
    # A price needs a finite bound of its row on the side of its sign; so does reduced money of its cell.
    no_end = np.where(price > 0, np.isinf(program.row_upper), np.isinf(program.row_lower)) & (price != 0)
    open_end = np.where(reduced > 0, np.isinf(upper), np.isinf(lower)) & (reduced != 0)
    wrong = max(np.abs(price[no_end]).max(initial=0.0), np.abs(reduced[open_end]).max(initial=0.0))
    bound = np.where(reduced > 0, upper, lower)
    # Reduced money of 0 may meet an infinite bound (0 × ∞ is NaN); any other on an infinite bound is in `wrong`.
    right = np.where(np.isinf(program.rhs), 0.0, program.rhs)
    dual = float(right @ price + (reduced * np.where(open_end | (reduced == 0), 0.0, bound)).sum())
    primal = float(program.money @ x)
    whole = np.abs(x[program.integer] - np.rint(x[program.integer])).max(initial=0.0)
    found = Certificate(
        primal_residual=primal_residual(program, x),
        dual_infeasibility=float(wrong) / scale,
        gap=max(abs(primal - dual), abs(primal - objective)) / (1.0 + abs(primal)),
        whole_numbers=float(whole),
    )
    _refuse(found)
    return found


def _refuse(found: Certificate) -> None:
    limits = {"primal_residual": PRIMAL, "dual_infeasibility": DUAL, "gap": GAP, "whole_numbers": PRIMAL}
    failed = [
        f"{name} {value:.2e} > {limits[name]:.0e}"
        for name, value in found.as_dict().items()
        if not value <= limits[name]  # a NaN must fail too
    ]
    if failed:
        raise SolveError(
            "the plan is not proven: " + ", ".join(failed) + "; look for coefficients outside [1e-3, 1e6]",
            status="uncertified",
        )
