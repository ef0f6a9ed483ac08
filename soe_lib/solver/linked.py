"""Whole numbers that rows hold together, as a line's changes of family are: rounded so that these rows keep.

Each of them rounded for itself, hardly any plan is left: a line would change from where it is not. Nearest to the
relaxation, and in keeping with the rows that only they are in, is a small program of its own, which falls into one for
each line. Fischetti, Glover & Lodi, The feasibility pump, Mathematical Programming 104 (2005) 91–104.
"""

from __future__ import annotations

import highspy
import numpy as np
import scipy.sparse as sp

from soe_lib.solver.program import Floats, Places, Program
from soe_lib.solver.race import Highs, lp

NODES = 50
"""Nodes of the search: whatever it has found by then will do."""
DEAR = 0.01
"""What the dearest whole number counts beside its distance from the relaxation, which is at most 1."""


def together(program: Program, relaxed: Floats, threshold: float, threads: int) -> tuple[Places, Floats] | None:
    """The columns that `linked` rows hold together and are whole, and their values; None where none were found.

    Formula: minimise Σ (threshold − relaxed) × x over columns of at most 1, so that x is on where the relaxation has it
    on by more than the threshold, subject to the linked rows, and to what is left of the other rows that the whole
    numbers are in when everything else that takes from them is 0, and what gives is as in the relaxation.

    Parameters
    ----------
    relaxed : shape (columns,), of the program without whole numbers.
    """
    assert program.hints is not None, "asked for with them"
    rows = np.concatenate(
        [np.arange(program.rows[name].start, program.rows[name].stop) for name in program.hints.linked]
    )
    matrix = program.matrix.tocsr()
    columns = np.unique(matrix[rows].indices)
    whole = columns[program.integer[columns]]
    beside = np.setdiff1d(np.unique(matrix[:, whole].nonzero()[0]), rows)
    rest = matrix[beside].tolil()
    rest[:, columns] = 0.0
    given = rest.tocsr().minimum(0.0) @ relaxed
    cost = np.where(program.upper[columns] <= 1.0, threshold - relaxed[columns], 0.0)
    dear = np.maximum(program.cost[columns], 0.0)
    small = Program(
        matrix=sp.csc_array(matrix[np.concatenate([rows, beside])][:, columns]),
        cost=cost + DEAR * dear / max(dear.max(initial=0.0), 1.0),
        row_lower=np.concatenate([program.row_lower[rows], np.full(len(beside), -np.inf)]),
        row_upper=np.concatenate([program.row_upper[rows], program.row_upper[beside] - given]),
        lower=program.lower[columns],
        upper=program.upper[columns],
        integer=program.integer[columns],
        columns={},
        rows={},
    )
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", threads)
    highs.setOptionValue("mip_max_nodes", NODES)
    highs.passModel(lp(small))
    highs.run()
    if highs.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    found = np.asarray(highs.getSolution().col_value, np.float64)[program.integer[columns]]
    return whole.astype(np.intp), np.rint(found)
