"""Solver options, and the answer with what was proven."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from soe_lib.solver.program import Floats, Places

if TYPE_CHECKING:
    from soe_lib.solver.diagnostics import Watch


@dataclass(frozen=True)
class SolverOptions:
    """Limits and choices of one solver run.

    Parameters
    ----------
    seconds : wall-clock limit of one run [s].
    gap : relative gap at which a plan with whole numbers counts as proven.
    solver : "auto" (simplex; where the LP is large, in a race with ipx and HiPO), "simplex", "ipx" or "hipo", for the
        first run of an LP; later runs start from a basis.
    threads : number of threads of one run; other runs in the same process may use another number (race.Highs).
    watch : follows the progress of each run and may stop it; None: no watch.

    Examples
    --------
    >>> soe.plan(small, options=soe.SolverOptions(seconds=10.0, solver="simplex")).solution["status"]
    'optimal'
    """

    seconds: float = 600.0
    gap: float = 0.0
    solver: str = "auto"
    threads: int = 2
    watch: Watch | None = None


@dataclass(frozen=True)
class Answer:
    """What the solver proved.

    Parameters
    ----------
    status : "optimal", or "feasible" (whole numbers only: an incumbent with a bound).
    objective, bound : in the sense of maximising, as the solver reports them [money].
    x : shape (columns,). price : shape (rows,). reduced : shape (columns,), money per unit of each bound.
    gap : relative gap between objective and bound.
    seconds : wall clock of the runs. solver : the solver that found the answer.
    relaxed : optimum of the linear relaxation; NaN where it was not computed. pattern : "kept" or "searched" where the
        run started from a known pattern of whole numbers; else blank.
    """

    status: str
    objective: float
    bound: float
    gap: float
    x: Floats
    price: Floats
    reduced: Floats
    seconds: float
    solver: str
    iterations: int = 0
    relaxed: float = np.nan
    pattern: str = ""
    whole: Places = field(default_factory=lambda: np.zeros(0, np.intp))

    def within(self, bound: float) -> Answer:
        """The same answer with a bound that another run has proven [money], where that bound is tighter."""
        if not bound < self.bound:
            return self
        gap = max(bound - self.objective, 0.0) / max(1.0, abs(self.objective))
        return replace(self, bound=bound, gap=gap, status=self.status if gap else "optimal")
