"""How long and how hard to look, and what was proven."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from soe_lib.solver.program import Floats, Places

if TYPE_CHECKING:
    from soe_lib.solver.diagnostics import Watch


@dataclass(frozen=True)
class SolverOptions:
    """How long and how hard to look.

    Parameters
    ----------
    seconds : wall-clock limit of one run [s].
    gap : relative gap at which a plan with whole numbers counts as proven.
    solver : "auto" (simplex; where the LP is large, in a race with ipx and HiPO), "simplex", "ipx" or "hipo", for the
        first run of an LP; later runs start from a basis.
    threads : of one run; other runs in the same process, ours or anybody's, may take another number (race.Highs).
    watch : sees how far each run is and may end it; None: nobody looks.

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
    seconds : wall clock of the runs. solver : who found it.
    relaxed : optimum without whole numbers, where it was asked for. pattern : "kept" or "searched" where a known
        pattern of whole numbers was kept first; else blank.
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
        """The same answer with a bound that has been proven elsewhere, where that one is closer [money]."""
        if not bound < self.bound:
            return self
        gap = max(bound - self.objective, 0.0) / max(1.0, abs(self.objective))
        return replace(self, bound=bound, gap=gap, status=self.status if gap else "optimal")
