"""Simplex for networks that share hours: what is shared is left out first, and put back one step later.

Without the rows that many quantities share (the hours of a line, room in a truck), a network falls apart into items,
and presolve alone solves it. The answer takes more hours than there are, and from there the dual simplex method puts
the shared rows right. Only the presolved program is worked on: it has a third of the rows. Measured on 305,000
quantities of the plain network: 9 s of processor time, where simplex from the start takes 21 s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.model.axis import Floats
from soe_lib.model.highs import Highs

SHARED = 8
"""Entries from which a limit counts as shared by many."""

FELL_APART = 0.01
"""Iterations for each column that the relaxed program may take; presolve solves one that has fallen apart alone."""

DEVEX = 1
"""HiGHS's number of this pricing: some more steps than by steepest edges, each cheaper; Dantzig's rule is faster yet
where hours are nearly enough, and takes twice as long where they are short by far."""

OPTIMAL = highspy.HighsModelStatus.kOptimal


@dataclass
class JointLast:
    """A runner of a race: runs the program that `highs` holds, and leaves the answer and its basis there.

    Where anything is out of the ordinary (nothing to presolve, nothing shared, no optimum), `highs` runs as it would
    have without it, so that every status is its own.

    Parameters
    ----------
    highs : holds the program. inner : will hold the presolved one.
    stopped : whether somebody wants it to end.
    ahead : whether it is likely to win the race: the network has fallen apart, or that is not known yet.
    """

    highs: highspy.Highs
    inner: highspy.Highs = field(default_factory=Highs)
    stopped: bool = False
    ahead: bool = True

    @property
    def HandleUserInterrupt(self) -> bool:  # noqa: N802  (HiGHS's name)
        """Whether it can be stopped."""
        return bool(self.highs.HandleUserInterrupt)

    @HandleUserInterrupt.setter
    def HandleUserInterrupt(self, value: bool) -> None:  # noqa: N802
        self.highs.HandleUserInterrupt = self.inner.HandleUserInterrupt = value

    def cancelSolve(self) -> None:  # noqa: N802
        """Stop, from another thread."""
        self.stopped = True
        self.highs.cancelSolve()
        self.inner.cancelSolve()

    def getModelStatus(self) -> highspy.HighsModelStatus:  # noqa: N802
        """What was proven."""
        return self.highs.getModelStatus()

    def run(self) -> None:
        """Presolve, solve without what is shared, put that back, undo the presolve; then `highs` has the last word."""
        highs, started = self.highs, time.perf_counter()
        limit, ran = highs.getOptionValue("time_limit")[1], highs.getRunTime()
        highs.presolve()
        self.ahead = highs.getModelPresolveStatus() == highspy.HighsPresolveStatus.kReduced
        if self.ahead and not self.stopped:
            self._reduced(limit - ran)
            status = self.inner.getModelStatus()
            self.ahead = self.ahead and status == OPTIMAL
            self.stopped = self.stopped or status == highspy.HighsModelStatus.kInterrupt
            if status == OPTIMAL and not self.stopped:
                highs.postsolve(self.inner.getSolution(), self.inner.getBasis())
        if not self.stopped:
            left = limit - ran - (time.perf_counter() - started)
            highs.setOptionValue("time_limit", highs.getRunTime() + max(left, 0.0))
            highs.run()

    def _reduced(self, seconds: float) -> None:
        """The presolved program: relaxed first, and whole from there on; from nothing where it did not fall apart."""
        inner, lp = self.inner, self.highs.getPresolvedLp()
        low, high = np.asarray(lp.row_lower_), np.asarray(lp.row_upper_)
        rows = shared(lp, low, high)
        if not rows.size:
            return
        self._options(seconds)
        inner.passModel(lp)
        # HiGHS asks for the pricing once, when simplex starts first.
        inner.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
        inner.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        inner.setOptionValue("simplex_iteration_limit", int(FELL_APART * lp.num_col_))
        free = np.full(len(rows), highspy.kHighsInf)
        inner.changeRowsBounds(len(rows), rows, -free, free)
        inner.run()
        self.ahead = inner.getModelStatus() == OPTIMAL
        if self.stopped:
            return
        inner.changeRowsBounds(len(rows), rows, low[rows], high[rows])
        inner.setOptionValue("simplex_iteration_limit", highspy.kHighsIInf)
        if not self.ahead:
            inner.clearSolver()
            self._options(seconds)
        inner.run()

    def _options(self, seconds: float) -> None:
        self.inner.passOptions(self.highs.getOptions())
        self.inner.setOptionValue("time_limit", seconds)


def shared(lp: highspy.HighsLp, low: Floats, high: Floats) -> npt.NDArray[np.int32]:
    """The inequalities with many entries."""
    entries = np.bincount(np.asarray(lp.a_matrix_.index_), minlength=lp.num_row_)
    return np.flatnonzero((low != high) & (entries >= SHARED)).astype(np.int32)
