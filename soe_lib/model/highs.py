"""HiGHS, whatever else in this process ran it before, with however many threads."""

from __future__ import annotations

import highspy

from soe_lib.errors import SolveError

FAILED = highspy.HighsStatus.kError


class Highs(highspy.Highs):
    """A solver that sets the number of its threads whenever it differs from what the thread that calls it ran last.

    HiGHS keeps one scheduler for each thread that calls it, as large as the first run asked for. A run that asks for
    another number then fails without a word, and leaves the status of the run before it. SciPy, CVXPY or a notebook
    that calls HiGHS itself may have come first, so a run that fails is tried once more with a scheduler of its own.
    """

    def run(self) -> highspy.HighsStatus:
        """Solve; raises SolveError where the run failed and left the status of an earlier one."""
        status = super().run()
        if status == FAILED:
            highspy.Highs.resetGlobalScheduler(True)
            status = super().run()
        if status == FAILED and self.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            raise SolveError("error: HiGHS could not run, and has only an older answer; run it again", status="error")
        return status

    def presolve(self) -> highspy.HighsStatus:
        """Make the program smaller."""
        status = super().presolve()
        if status == FAILED:
            highspy.Highs.resetGlobalScheduler(True)
            status = super().presolve()
        return status
