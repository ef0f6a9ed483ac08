"""The network as a programmer would write it straight on HiGHS's arrays: NumPy offsets, one scipy matrix, one call.

It builds the very program that soe_lib builds (fixed entries as fixed columns, ceilings as rows), so that columns, rows
and entries must count the same, and hands it over with the same options and the same race of solvers.
"""

from __future__ import annotations

import highspy
import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.extract.snapshot import Snapshot
from soe_lib.solver.race import LARGE, PATIENCE, RUNNERS, LinkingLast, race
from tests.benchmarks.peers_models.problem import Problem, state
from tests.benchmarks.peers_models.timed import Timed

FLOWS = ("make", "buy", "ship", "stock", "leave", "sell", "short", "overtime", "opening", "receipts")


def run(snapshot: Snapshot) -> Timed:
    """Tables, arrays, HiGHS, answer."""
    timed = Timed()
    with timed.step("assemble"):
        problem = state(snapshot)
        cost, lower, upper, entries, rows = _arrays(problem)
    with timed.step("canonicalise"):
        lp = _lp(cost, lower, upper, entries, rows)
        first = _loaded(lp, RUNNERS[0])
        timed.columns, timed.rows, timed.entries = lp.num_col_, lp.num_row_, len(lp.a_matrix_.value_)
    with timed.step("solve"):
        timed.solver, highs = _solved(lp, first)
    with timed.step("check"):
        quantity = np.asarray(highs.getSolution().col_value)
        timed.objective = float(-cost @ quantity)
    return timed


def _arrays(problem: Problem) -> tuple[np.ndarray, ...]:
    """cost, lower, upper, entries (3 × n: row, column, value), rows (2 × m: lower, upper)."""
    lines, overtime = problem.lines, problem.overtime
    money = {
        **{name: getattr(problem, name)["money"].to_numpy() for name in ("make", "buy", "ship", "stock", "leave")},
        "sell": lines["price"].to_numpy(),
        "short": -lines["goodwill"].to_numpy(),
        "overtime": overtime["money"].to_numpy(),
        "opening": np.zeros(problem.opening.height),
        "receipts": -problem.receipts["unit_cost"].to_numpy(),
    }
    start = dict(zip(FLOWS, np.cumsum([0, *(len(money[name]) for name in FLOWS)]).tolist(), strict=False))
    size = sum(map(len, money.values()))
    cost = -np.concatenate([money[name] for name in FLOWS])
    lower, upper = np.zeros(size), np.full(size, np.inf)
    for name in ("opening", "receipts"):
        fixed = getattr(problem, name)["quantity"].to_numpy()
        lower[start[name] : start[name] + len(fixed)] = upper[start[name] : start[name] + len(fixed)] = fixed
    balances, served = problem.balances.height, lines.height
    hours_at = balances + served
    ceiling_at = hours_at + problem.hours.height
    triples = [
        *((move["row"], start[flow] + move["cell"].cast(pl.Int64), move["quantity"]) for flow, move in problem.moves.items()),
        *_each(problem.stock["row"], start["stock"], -1.0),
        *_each(problem.stock["row"] + 1, start["stock"], 1.0),
        *_each(problem.leave["row"], start["leave"], -1.0),
        *_each(lines["row"], start["sell"], -1.0),
        *_each(np.arange(served) + balances, start["sell"], 1.0),
        *_each(np.arange(served) + balances, start["short"], 1.0),
        *_each(problem.opening["row"], start["opening"], 1.0),
        *_each(problem.receipts["row"], start["receipts"], 1.0),
        (problem.uses["place"].cast(pl.Int64) + hours_at, start["make"] + problem.uses["cell"].cast(pl.Int64), problem.uses["hours_per_unit"]),
        *_each(np.arange(overtime.height) + hours_at, start["overtime"], -1.0),
        *_each(np.arange(overtime.height) + ceiling_at, start["overtime"], 1.0),
    ]  # fmt: skip
    entries = np.concatenate([np.vstack([np.asarray(part, dtype=float) for part in one]) for one in triples], axis=1)
    quantity, hours, ceiling = (lines["quantity"], problem.hours["hours"], overtime["ceiling"])
    right = np.concatenate([np.zeros(balances), quantity, hours, ceiling])
    left = right.copy()
    left[hours_at:] = -np.inf
    return cost, lower, upper, entries, np.vstack([left, right])


def _each(rows: np.ndarray | pl.Series, first: int, value: float) -> list[tuple[np.ndarray, ...]]:
    """One entry per column of a flow, in its order."""
    place = np.asarray(rows)
    return [(place, first + np.arange(len(place)), np.full(len(place), value))]


def _lp(
    cost: np.ndarray, lower: np.ndarray, upper: np.ndarray, entries: np.ndarray, rows: np.ndarray
) -> highspy.HighsLp:
    row, column = entries[:2].astype(np.int32)
    matrix = sp.coo_array((entries[2], (row, column)), shape=(rows.shape[1], len(cost))).tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), rows.shape[1]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    lp.row_lower_, lp.row_upper_ = rows
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    return lp


def _solved(lp: highspy.HighsLp, first: highspy.Highs) -> tuple[str, highspy.Highs]:
    """soe_lib's own policy: simplex, or the race where the program is large; its options."""
    if lp.num_col_ >= LARGE:
        load = lambda solver: LinkingLast(first) if solver == RUNNERS[0] else _loaded(lp, solver)  # noqa: E731
        won, runner = race(RUNNERS, load, PATIENCE * lp.num_col_)
        return won, runner.highs if isinstance(runner, LinkingLast) else runner
    first.run()
    return RUNNERS[0], first


def _loaded(lp: highspy.HighsLp, solver: str) -> highspy.Highs:
    highs = highspy.Highs()
    options = {"output_flag": False, "threads": 2, "solver": solver}
    tight = dict.fromkeys(("primal_feasibility_tolerance", "dual_feasibility_tolerance"), 1e-9)
    for name, value in (options | tight).items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs
