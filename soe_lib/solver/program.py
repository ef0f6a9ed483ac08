"""A program as a solver takes it, with labels: which column is which cell, which row which promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Canonical:
    """Minimise cost @ x + offset subject to row_lower <= matrix @ x <= row_upper, lower <= x <= upper.

    Parameters
    ----------
    columns, rows : slice of each flow and each balance.
    offset : constant of the objective, which CVXPY keeps aside.
    implied : names of the balances that follow from the others: they help the solver and carry no price.
    when, what : shape (columns,), index of the period and number of the item (or whatever is chosen) of each column,
        −1 where there is none; empty where nobody said.
    start : shape (columns,), the whole numbers of a near plan (whole_numbers.py), NaN where there are none; or empty.
    loose : how far that plan is from its own relaxation, relative; 0 where it is proven. priced : the cost it is of.
    """

    matrix: sp.csc_array
    cost: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    offset: float = 0.0
    implied: tuple[str, ...] = ()
    when: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    what: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    start: Floats = field(default_factory=lambda: np.zeros(0))
    loose: float = np.nan
    priced: Floats | None = None

    def highs(self) -> highspy.HighsLp:
        """The same program as HiGHS takes it."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.row_upper)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost, self.lower, self.upper
        lp.row_lower_, lp.row_upper_ = self.row_lower, self.row_upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = self.matrix.indptr, self.matrix.indices
        lp.a_matrix_.value_ = self.matrix.data
        if self.integer.any():
            kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
            lp.integrality_ = kinds[self.integer.astype(int)].tolist()
        return lp
