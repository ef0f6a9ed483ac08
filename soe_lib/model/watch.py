"""Seeing how far a run is, and stopping it: HiGHS tells through its callbacks, from the thread that it runs in."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import highspy

GLANCE = 0.05
"""How often figures are taken from a run [s]; HiGHS calls at every iteration."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    seconds : since it began. iterations : of the linear solver, or nodes of the search for whole numbers.
    whole : whether whole numbers are looked for. incumbent : what the best plan found earns; None: none is found yet.
    bound : what no plan can exceed; None where it is not known. Both in the sense of maximising [money].
    """

    seconds: float = 0.0
    iterations: int = 0
    whole: bool = False
    incumbent: float | None = None
    bound: float | None = None

    @property
    def gap(self) -> float | None:
        """(bound − incumbent) ÷ |incumbent|; None where either is not known."""
        if self.incumbent is None or self.bound is None:
            return None
        return max(self.bound - self.incumbent, 0.0) / max(abs(self.incumbent), 1.0)


class Watch:
    """Follows runs of HiGHS for somebody who waits, in `Options(watch=…)`; may be asked from another thread.

    `cancel` ends a run without an answer (SolveError with status "cancelled"); `take` ends the search for whole
    numbers with the best plan found so far, as soon as there is one, and its gap is stated. `clear` comes before the
    next run.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> Watch:
        """Nothing is asked, nothing is known."""
        self.cancelled = self.taking = False
        self.progress = Progress()
        self._started, self._seen = time.perf_counter(), 0.0
        return self

    def cancel(self) -> None:
        """End the run: there will be no answer."""
        self.cancelled = True

    def take(self) -> None:
        """End the search for whole numbers as soon as there is a plan."""
        self.taking = True

    @property
    def stopped(self) -> bool:
        """Whether anybody asked the run to end."""
        return self.cancelled or self.taking

    def follow(self, highs: highspy.Highs, offset: float = 0.0) -> highspy.Highs:
        """Let a solver tell; `offset` is what its objective leaves out (it minimises −money)."""
        highs.cbSimplexInterrupt += self._linear
        highs.cbIpmInterrupt += self._linear
        highs.cbMipInterrupt += lambda event: self._whole(event, offset)
        return highs

    def _linear(self, event: Any) -> None:
        if self.cancelled:
            event.interrupt()
        if self._due():
            told = event.data_out
            count = int(max(told.simplex_iteration_count, told.ipm_iteration_count, 0))
            # An unfinished simplex has no plan yet, and its objective is no bound either while it is perturbed.
            known = self.progress
            self._tell(Progress(self._seconds, count, known.whole, known.incumbent, known.bound))

    def _whole(self, event: Any, offset: float) -> None:
        told = event.data_out
        incumbent, bound = _known(-told.mip_primal_bound - offset), _known(-told.mip_dual_bound - offset)
        if self.cancelled or (self.taking and incumbent is not None):
            event.interrupt()
        if self._due() or (incumbent is not None and self.progress.incumbent is None):
            self._tell(Progress(self._seconds, int(told.mip_node_count), True, incumbent, bound))

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
        self._seen = progress.seconds

    def _due(self) -> bool:
        return self._seconds - self._seen >= GLANCE

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _known(value: float) -> float | None:
    return value if math.isfinite(value) and abs(value) < highspy.kHighsInf else None
