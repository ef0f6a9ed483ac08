"""Lexicographic aims: each is optimised in turn and held at its optimum; money comes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.model.axis import Floats
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.program import Mask, Program
from soe_lib.solver.session import Session

if TYPE_CHECKING:
    from soe_lib.model.model import Model

GIVE = 1e-7
"""Relative slack of a reached service, so that rounding does not make the next stage infeasible."""
ROWS = "service"


def floors(model: Model, options: SolverOptions | None) -> Floats | None:
    """Right-hand sides of constraint `service` after all stages, or None where the rule needs none."""
    if ROWS not in model.constraints:
        return None
    rows, program = model.constraints[ROWS].rows.with_row_index("row"), model.program
    if "held" in rows.columns:
        return _equal_cuts(program, (rows["held"] != "at most").to_numpy(), options)
    by_rank = sorted(rows["rank"].unique().to_list())
    held = np.zeros(rows.height)
    if len(by_rank) == 1 and rows.height > 1:
        return _fair(program, rows["asked"].to_numpy(), options)
    for rank in by_rank:
        mine = rows.filter(pl.col("rank") == rank)["row"].to_numpy()
        held[mine] = _best(program, mine, held, options)
    return -held


def _equal_cuts(program: Program, steps: Mask, options: SolverOptions | None) -> Floats:
    """Cut all alike for most money; then each cut may be at most that, and money decides the rest."""
    answer = Session(program.with_rhs(ROWS, np.where(steps, 0.0, 1.0)), options).solve()
    reached = program.matrix[program.row(ROWS), :] @ answer.x
    return np.where(steps, 1.0, np.minimum(reached * (1.0 + GIVE) + GIVE, 1.0))


def _best(program: Program, mine: np.ndarray, held: Floats, options: SolverOptions | None) -> Floats:
    """The most service of one group while the earlier floors hold."""
    service = program.matrix[program.row(ROWS)[mine], :]
    aim = np.asarray(service.sum(axis=0), dtype=np.float64).ravel()  # the rows are −served
    answer = Session(program.with_rhs(ROWS, -held).with_cost(aim), options).solve()
    return np.maximum(-(service @ answer.x) * (1.0 - GIVE) - GIVE, 0.0)


def _fair(program: Program, asked: Floats, options: SolverOptions | None) -> Floats:
    """Max-min fairness: maximise the smallest share, hold the groups that limit it, and repeat with the rest."""
    held, open_groups = np.zeros(len(asked)), asked > 0
    while open_groups.any():
        share, stuck = _least(program.with_rhs(ROWS, -held), asked, open_groups, options)
        held = np.where(open_groups, np.maximum(share * asked * (1.0 - GIVE) - GIVE, 0.0), held)
        open_groups &= ~stuck
    return -held


def _least(program: Program, asked: Floats, open_groups: Mask, options: SolverOptions | None) -> tuple[float, Mask]:
    """The max-min share of the open groups, and which of them limit it."""
    rows = program.row(ROWS)[open_groups]
    # One more column, the share: −served + asked × share <= 0 for each open group.
    entries = sp.csc_array((asked[open_groups], (rows, np.zeros(len(rows), int))), shape=(len(program.rhs), 1))
    aim = program.with_cost(np.zeros(len(program.cost))).with_limits(rows, -np.inf, 0.0)
    answer = Session(aim.with_columns("share", entries, np.array([-1.0]), 1.0), options).solve()
    share, stuck = float(answer.x[-1]), open_groups.copy()
    if share < 1.0 - 1e-9:
        prices = np.zeros(len(asked))
        prices[open_groups] = answer.price[rows]
        stuck = open_groups & (prices > 1e-9)
    return share, stuck if stuck.any() else open_groups
