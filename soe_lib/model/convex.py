"""The program as a CVXPY problem; plans with an analyst's convex terms, solved by Clarabel and certified in NumPy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cvxpy as cp
import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError, SolveError
from soe_lib.model.axis import Floats
from soe_lib.model.certificate import Certificate, primal_residual
from soe_lib.model.terms import Constraint
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Program

if TYPE_CHECKING:
    from soe_lib.model.model import Model


def stated(
    program: Program,
    constraints: Mapping[str, Constraint],
    own: Sequence[Any] = (),
    given: Mapping[str, Any] | None = None,
) -> Any:
    """The program as a cvxpy.Problem: one vector variable per flow, one labelled constraint per constraint, money to
    maximise.

    Parameters
    ----------
    own : the analyst's convex constraints. given : flow → the variable that `own` uses.
    """
    known = given or {}
    variables = {name: known[name] if name in known else _variable(program, name) for name in program.columns}
    stated_rows = []
    for name, constraint in constraints.items():
        mine = program.matrix[program.rows[name], :]
        used = {flow: part for flow, place in program.columns.items() if (part := sp.csr_array(mine[:, place])).nnz}
        if not used:
            first = next(iter(variables))
            used = {first: sp.csr_array((constraint.size, variables[first].size))}
        left, right = sum(matrix @ variables[flow] for flow, matrix in used.items()), program.rhs[program.rows[name]]
        stated_rows.append((left == right if constraint.sense == "==" else left <= right).set_label(name))
    money = sum(program.money[place] @ variables[name] for name, place in program.columns.items())
    return cp.Problem(cp.Maximize(money), [*stated_rows, *own])


def _variable(program: Program, name: str) -> Any:
    place = program.columns[name]
    lower, upper, whole = program.lower[place], program.upper[place], program.integer[place]
    bounds = [lower, None if np.isinf(upper).all() else upper]
    integer = np.nonzero(whole) if whole.any() and not whole.all() else bool(whole.any())
    return cp.Variable(len(lower), name=name, integer=integer, bounds=bounds)


SOLVER = "CLARABEL"
TIGHT = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}
LIMIT = 1e-6
"""Largest residual of a proven plan; an interior-point solution is close to a vertex, not at it."""
NOTHING = 1e-7
"""Quantities below this count as 0 [unit]."""
STATUS = {"infeasible": "infeasible", "unbounded": "unbounded", "user_limit": "limit"}


def solve(model: Model, options: SolverOptions | None = None) -> tuple[Answer, Certificate]:
    """The answer of a model with convex terms or constraints, and its certificate.

    Raises FormulationError where the plan has whole numbers, SolveError where there is no proven answer.
    """
    if model.whole:
        raise FormulationError(
            "this plan has whole numbers (set-ups, lots), and terms or constraints of your own that are not piecewise "
            "linear: no solver here handles both. Write them with cp.abs, cp.norm1, cp.norm_inf, cp.maximum, cp.pos or "
            "cp.cvar, which linear rows can express."
        )
    started, problem = time.perf_counter(), model.problem
    limits = {**TIGHT, "time_limit": (options or SolverOptions()).seconds}
    data, chain, inverse = problem.get_problem_data(SOLVER, solver_opts=limits)
    found = chain.solve_via_data(problem, data, solver_opts=limits)
    with warnings.catch_warnings():  # the certificate reports the accuracy
        warnings.simplefilter("ignore", UserWarning)
        problem.unpack_results(found, chain, inverse)
    if problem.status not in ("optimal", "optimal_inaccurate"):
        status = STATUS.get(problem.status.removesuffix("_inaccurate"), "error")
        raise SolveError(f"{status}: Clarabel ends with {problem.status}", status=status)
    x, price = _cells(model, problem), _prices(model, problem)
    certificate = certify(model, data, found, x)
    objective = float(model.program.money @ x)
    bound = objective + certificate.gap * (1.0 + abs(objective))
    return (
        Answer("optimal", objective, bound, certificate.gap, x, price, np.zeros(len(x)),
               time.perf_counter() - started, SOLVER.lower(), int(found.iterations)),
        certificate,
    )  # fmt: skip


def certify(model: Model, data: Mapping[str, Any], found: Any, x: Floats) -> Certificate:
    """The residuals of an answer; raises SolveError where one is above the limit.

    Parameters
    ----------
    data : what CVXPY passed to the solver. found : the solver's x, s and z. x : the plan, cell by cell.
    """
    inner, z = np.asarray(found.x), np.asarray(found.z)
    matrix, right, cost = data["A"], np.asarray(data["b"]), np.asarray(data["c"])
    curved = data["P"] @ inner if data.get("P") is not None else np.zeros(len(inner))
    slack = right - matrix @ inner
    outside = max(_outside(slack, data["dims"]), 0.0) / (1.0 + np.abs(right).max(initial=0.0))
    pushed = matrix.T @ z
    still = np.abs(curved + cost + pushed).max(initial=0.0) / (1.0 + np.abs(pushed).max(initial=0.0))
    wrong = max(_outside(z, data["dims"], dual=True), 0.0) / (1.0 + np.abs(z).max(initial=0.0))
    primal = 0.5 * float(inner @ curved) + float(cost @ inner)
    dual = -0.5 * float(inner @ curved) - float(right @ z)
    certificate = Certificate(
        primal_residual=max(float(outside), primal_residual(model.program, x)),
        dual_infeasibility=float(max(still, wrong)),
        gap=abs(primal - dual) / (1.0 + abs(primal)),
    )
    failed = [f"{name} {value:.1e}" for name, value in certificate.as_dict().items() if not value <= LIMIT]
    if failed:
        raise SolveError(
            f"the plan is not proven: {', '.join(failed)}, above {LIMIT:.0e}; scale your own terms nearer to 1",
            status="uncertified",
        )
    return certificate


def _cells(model: Model, problem: Any) -> Floats:
    """The solver's quantities, clipped to their bounds."""
    program, values = model.program, {one.name(): one for one in problem.variables()}
    x = np.zeros(len(program.money))
    for name, place in program.columns.items():
        x[place] = np.asarray(values[name].value)
    return np.clip(np.where(np.abs(x) < NOTHING, 0.0, x), program.lower, program.upper)


def _prices(model: Model, problem: Any) -> Floats:
    """Price of each row: the gain of one more unit of its right-hand side."""
    program, price = model.program, np.zeros(len(model.program.rhs))
    for constraint in problem.constraints:
        if (place := program.rows.get(constraint.label)) is not None:
            sign = -1.0 if model.constraints[constraint.label].sense == "==" else 1.0
            price[place] = sign * np.asarray(constraint.dual_value)
    return price


def prices(model: Model, problem: Any) -> Iterator[tuple[str, pl.DataFrame]]:
    """The prices of the analyst's convex constraints: name → own_row, price."""
    for constraint in problem.constraints:
        if constraint.label not in model.program.rows:
            dual = np.atleast_1d(np.concatenate([np.ravel(part) for part in np.atleast_1d(constraint.dual_value)]))
            rows = [str(number) for number in range(1, len(dual) + 1)]
            yield constraint.label, pl.DataFrame({"own_row": rows, "price": dual.astype(float)})


def _outside(point: Floats, dims: Any, *, dual: bool = False) -> float:
    """How far a point lies outside the cone of the program, or outside its dual cone."""
    worst, top = [0.0], 0

    def take(size: int) -> Floats:
        nonlocal top
        top += size
        return point[top - size : top]

    equal = take(dims.zero)
    if not dual:  # the dual of "equal" is free
        worst.append(np.abs(equal).max(initial=0.0))
    worst.append(np.maximum(-take(dims.nonneg), 0.0).max(initial=0.0))
    for size in dims.soc:
        part = take(size)
        worst.append(float(np.linalg.norm(part[1:]) - part[0]))
    for size in dims.psd:
        worst.append(-float(np.linalg.eigvalsh(_symmetric(take(size * (size + 1) // 2), size)).min()))
    for _ in range(dims.exp):
        worst.append((_exponential_dual if dual else _exponential)(*take(3)))
    for alpha in dims.p3d:
        x, y, z = take(3)
        worst.append(_power(x / alpha, y / (1.0 - alpha), z, alpha) if dual else _power(x, y, z, alpha))
    if top != len(point):
        raise SolveError(
            "the plan is not proven: your own terms use a cone that cannot be checked here", status="uncertified"
        )
    return float(max(worst))


def _symmetric(upper: Floats, size: int) -> Floats:
    """A matrix from the columns of its upper triangle, whose off-diagonals are scaled by √2."""
    matrix = np.zeros((size, size))
    rows, columns = np.triu_indices(size)
    order = np.lexsort((rows, columns))
    matrix[rows[order], columns[order]] = upper
    matrix = np.where(np.eye(size, dtype=bool), matrix, matrix / np.sqrt(2.0))
    return matrix + np.triu(matrix, 1).T


def _exponential(x: float, y: float, z: float) -> float:
    """Violation of y·exp(x/y) <= z, y > 0."""
    return max(-y, y * np.exp(min(x / y, 700.0)) - z if y > 0 else max(x, -z))


def _exponential_dual(u: float, v: float, w: float) -> float:
    """Violation of −u·exp(v/u) <= e·w, u < 0."""
    return max(u, -u * np.exp(min(v / u, 700.0)) - np.e * w if u < 0 else max(-v, -w))


def _power(x: float, y: float, z: float, alpha: float) -> float:
    """Violation of |z| <= x^α · y^(1−α); for the dual cone, x is given over α and y over 1 − α."""
    return max(-x, -y, abs(z) - max(x, 0.0) ** alpha * max(y, 0.0) ** (1.0 - alpha))
