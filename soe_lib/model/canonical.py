"""A program of blocks as a solver takes it: which column is which cell, which row which promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from soe_lib.model.axis import Floats
from soe_lib.model.program import Program
from soe_lib.model.terms import Flow
from soe_lib.solver.program import Canonical
from soe_lib.store.plan import Plan


def read(problem: Any, flows: Mapping[str, Any], equalities: list[str], limits: list[str]) -> Canonical:
    """The canonical data of a CVXPY problem whose variables are `flows` and whose constraints are labelled.

    Parameters
    ----------
    problem : cvxpy.Problem that maximises.
    flows : name → cvxpy.Variable.
    equalities, limits : names of the == and of the <= constraints, in problem order.
    """
    data = problem.get_problem_data("HIGHS")[0]
    size, at = len(data["c"]), data["param_prob"].var_id_to_col
    integer = np.zeros(size, bool)
    integer[list(data["bool_vars_idx"]) + list(data["int_vars_idx"])] = True
    sizes = {constraint.label: constraint.size for constraint in problem.constraints}
    rows, top = {}, 0
    for name in (*equalities, *limits):
        rows[name] = slice(top, top := top + sizes[name])
    upper = np.asarray(data["b"], dtype=float).copy()
    lower = upper.copy()
    lower[data["dims"].zero :] = -np.inf
    matrix = sp.csc_array(data["A"])
    matrix.sort_indices()
    return Canonical(
        matrix=matrix,
        cost=np.asarray(data["c"], dtype=float).copy(),
        row_lower=lower,
        row_upper=upper,
        lower=_bound(data["lower_bounds"], size, -np.inf),
        upper=_bound(data["upper_bounds"], size, np.inf),
        integer=integer,
        columns={name: slice(at[v.id], at[v.id] + v.size) for name, v in flows.items()},
        rows=rows,
        offset=float(data.get("offset", 0.0) or 0.0),
    )


def labelled(canonical: Canonical, program: Program) -> Canonical:
    """The canonical data with what a search for whole numbers wants to know of its columns and rows."""
    when, what = np.full((2, len(canonical.cost)), -1, dtype=np.intp)
    for number, (name, flow) in enumerate(program.flows.items(), 1):
        place, rows = canonical.columns[name], flow.rows
        if "period" in rows.columns:
            when[place] = rows["period"].to_physical().to_numpy()
        # Items have the same number in every flow; whatever has no item is numbered flow by flow.
        other = "item" not in rows.columns
        own = rows[flow.keys[0] if other else "item"].to_physical().to_numpy().astype(np.intp)
        what[place] = own + (number << 32 if other else 0)
    implied = tuple(name for name, balance in program.balances.items() if balance.follows)
    return replace(canonical, implied=implied, when=when, what=what)


def again(before: Canonical, program: Program, known: Program | None = None) -> Canonical | None:
    """The canonical data of a program of the same shape as one that has been canonicalised; None where it differs.

    `known` is the program of `before`: where both have the very same matrix, so have their canonical data.
    """
    found = repeated(before, program, known)
    return labelled(found, program) if found is not None and program.integer.any() else found


def repeated(before: Canonical, program: Program, known: Program | None = None) -> Canonical | None:
    """As `again`, of whole numbers too; without the periods and numbers of what each column is.

    Columns and rows keep the order that the first time has told.
    """
    same = {name: part.stop - part.start for name, part in program.columns.items()} == _sizes(before.columns)
    same = same and {name: part.stop - part.start for name, part in program.rows.items()} == _sizes(before.rows)
    if not same or before.offset:
        return None
    columns, rows = _order(before.columns, program.columns), _order(before.rows, program.rows)
    matrix = before.matrix
    if known is None or known.matrix is not program.matrix:
        matrix = sp.csc_array(program.matrix[rows][:, columns])
        matrix.sort_indices()
    upper = program.rhs[rows]
    lower = np.where(np.arange(len(upper)) < program.equalities, upper, -np.inf)
    return Canonical(
        matrix=matrix,
        cost=-program.money[columns],
        row_lower=lower,
        row_upper=upper,
        lower=program.lower[columns],
        upper=program.upper[columns],
        integer=program.integer[columns],
        columns=before.columns,
        rows=before.rows,
    )


def direct(program: Program) -> Canonical:
    """The canonical data of a program in its own order of columns and rows, where CVXPY has no part in it."""
    matrix = sp.csc_array(program.matrix)
    matrix.sort_indices()
    equal = np.arange(len(program.rhs)) < program.equalities
    return Canonical(
        matrix=matrix,
        cost=-program.money,
        row_lower=np.where(equal, program.rhs, -np.inf),
        row_upper=program.rhs,
        lower=program.lower,
        upper=program.upper,
        integer=program.integer,
        columns=program.columns,
        rows=program.rows,
    )


def _sizes(parts: Mapping[str, slice]) -> dict[str, int]:
    return {name: part.stop - part.start for name, part in parts.items()}


def _order(there: Mapping[str, slice], here: Mapping[str, slice]) -> npt.NDArray[np.intp]:
    """Where each place of the canonical order stands in the program."""
    return np.concatenate([np.arange(here[n].start, here[n].stop) for n in sorted(there, key=lambda n: there[n].start)])


def _bound(given: Any, size: int, default: float) -> Floats:
    return np.full(size, default) if given is None else np.asarray(given, dtype=float).copy()


def known(plan: Plan, flows: Mapping[str, Flow], columns: Mapping[str, slice], size: int) -> Floats:
    """The whole numbers of a plan by column of another program, found by their labels; NaN where it has none."""
    start = np.full(size, np.nan)
    for name, flow in flows.items():
        theirs = plan.flows.get(name)
        if not flow.whole.any() or theirs is None or not set(flow.keys) <= set(theirs.columns):
            continue
        text = [pl.col(key).cast(pl.String) for key in flow.keys]
        mine = flow.rows.select(text).join(
            theirs.select(*text, pl.col("quantity").cast(pl.Float64)), on=flow.keys, how="left", maintain_order="left"
        )
        quantity = mine["quantity"].fill_null(np.nan).to_numpy()
        start[columns[name]] = np.where(flow.whole, np.rint(quantity), np.nan)
    return start
