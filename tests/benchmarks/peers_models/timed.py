"""What every statement of the problem reports about its run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Timed:
    """Seconds by step, and what came out.

    Parameters
    ----------
    seconds : step → wall clock [s]; steps are assemble, canonicalise, solve, tie_break and check (what comes after).
    processor : the same steps in processor time of the whole process [s], which a busy machine changes less.
    objective : in the sense of maximising [money].
    columns, rows, entries : size of the program as it went to HiGHS.
    solver : who found the answer.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    objective: float = float("nan")
    columns: int = 0
    rows: int = 0
    entries: int = 0
    solver: str = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of what is inside to a step."""
        start, work = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.processor[name] = self.processor.get(name, 0.0) + time.process_time() - work

    @property
    def total(self) -> float:
        """All steps [s]."""
        return sum(self.seconds.values())
