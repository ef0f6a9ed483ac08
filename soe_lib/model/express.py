"""The arrays as a CVXPY problem, for analysts and for a check: plans go from the arrays straight to HiGHS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from soe_lib.errors import FormulationError
from soe_lib.model.canonical import Canonical, labelled, read
from soe_lib.model.program import Program, checked


def stated(program: Program, own: Sequence[Any] = (), variables: Mapping[str, Any] | None = None) -> Any:
    """The program as a cvxpy.Problem: one vector variable per flow, one labelled constraint per balance, money to
    maximise.

    Parameters
    ----------
    own : constraints of the analyst's that rows cannot say. variables : those that `own` speaks of, by flow.

    Raises FormulationError where a figure is not finite or a shape does not fit (CVXPY would broadcast it).
    """
    return _stated(checked(program), own, variables or {})[0]


def express(program: Program) -> tuple[Any, Canonical]:
    """The program as a cvxpy.Problem, and what CVXPY makes of it for HiGHS; raises as `stated` does."""
    problem, variables = _stated(checked(program), (), {})
    senses = {name: balance.sense for name, balance in program.balances.items()}
    equalities = [name for name, sense in senses.items() if sense == "=="]
    limits = [name for name, sense in senses.items() if sense == "<="]
    return problem, labelled(read(problem, variables, equalities, limits), program)


def _stated(program: Program, own: Sequence[Any], given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    variables = {name: given[name] if name in given else _variable(program, name) for name in program.flows}
    constraints = []
    for name, balance in program.balances.items():
        used = {flow: matrix for (on, flow), matrix in program.blocks.items() if on == name}
        if not used:
            first = next(iter(variables))
            used = {first: sp.csr_array((balance.size, variables[first].size))}
        left = sum(matrix @ variables[flow] for flow, matrix in used.items())
        right = program.rhs[program.rows[name]]
        if left.shape != right.shape:
            raise FormulationError(f"balance {name}: {left.shape} effects against {right.shape} right-hand sides")
        constraints.append((left == right if balance.sense == "==" else left <= right).set_label(name))
    money = sum(program.part(name, program.money) @ variables[name] for name in program.flows)
    return cp.Problem(cp.Maximize(money), [*constraints, *own]), variables


def _variable(program: Program, name: str) -> Any:
    lower, upper = program.part(name, program.lower), program.part(name, program.upper)
    bounds = [lower, None if np.isinf(upper).all() else upper]
    whole = program.flows[name].whole
    integer = np.nonzero(whole) if whole.any() and not whole.all() else bool(whole.any())
    return cp.Variable(program.flows[name].size, name=name, integer=integer, bounds=bounds)
