"""No solver wins everywhere: for a large LP, several race and the first proven vertex is taken.

Measured, in processor seconds: the demo generator's plain network of 305,000 quantities needs simplex 21, simplex that
takes what is shared last (joint.py) 10, HiPO 21 and ipx more; its network with a bill of material and lead times, of
105,000, needs ipx 9, HiPO 12 and simplex over a minute; on others HiPO comes first. So simplex starts, and stays alone
while it is ahead: others would only take memory's time from it. Where the network does not fall apart, ipx starts
beside it; and where simplex has not ended after a while that grows with the program, it hardly ever will soon, and HiPO
takes its place. Interior points here end with crossover, so whoever wins hands over a vertex, and the tie-break makes
the plan the same.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import highspy

from soe_lib.errors import SolveError

LARGE = 30_000
"""Columns from which a race pays; below, simplex is done before the others have started."""

RUNNERS = ("simplex", "ipx", "hipo")
"""In the order in which they start, as many at once as there are cores; beside one that is ahead, the last is first."""

INTERIOR = ("ipx", "hipo")
"""Those that start from nothing every time."""

PATIENCE = 1 / 25_000
"""Processor seconds per column that simplex is given while others wait for its core; twice that where it is ahead."""

GLANCE = 0.05
"""How often the race looks at the processor's clock [s]."""


class Runner(Protocol):
    """What can race: HiGHS itself, or several runs of it that end in one (joint.py)."""

    HandleUserInterrupt: bool

    def run(self) -> object:
        """Solve."""

    def cancelSolve(self) -> None:  # noqa: N802  (HiGHS's names)
        """Stop, from another thread."""

    def getModelStatus(self) -> highspy.HighsModelStatus:  # noqa: N802
        """What was proven."""


Racer = TypeVar("Racer", bound=Runner)


def race(names: Sequence[str], load: Callable[[str], Racer], patience: float) -> tuple[str, Racer]:
    """The first solver that ends with a proof, optimal or not; the others are stopped.

    Parameters
    ----------
    names : solvers in the order in which they start; the first gives way to those that found no core.
    load : solver name → a runner that holds the program, its options set; asked for when the solver starts.
    patience : processor time that the first may take before it gives way, or half of what it may take alone where it is
        ahead [s]; a busy machine does not shorten it.

    Raises SolveError where every one of them died.
    """
    finished: queue.SimpleQueue[str] = queue.SimpleQueue()
    runners: dict[str, Racer] = {}
    threads: list[threading.Thread] = []
    deaths: dict[str, Exception] = {}

    def run(name: str) -> None:
        try:
            runners[name].run()
        except Exception as death:  # of memory, say: the others run on, and the race must not wait for this one
            deaths[name] = death
        finally:
            finished.put(name)

    def start(name: str) -> None:
        runners[name] = load(name)
        runners[name].HandleUserInterrupt = True
        threads.append(threading.Thread(target=run, args=(name,), daemon=True))
        threads[-1].start()

    def ahead() -> bool:
        return not over and bool(getattr(runners[names[0]], "ahead", False))

    at_once, waiting, over, won = max(os.cpu_count() or 2, 2), list(names[1:]), 0, ""
    start(names[0])
    until = time.process_time() + 2 * patience
    while over < len(names):
        alone = len(threads) == 1 and ahead() and time.process_time() < until
        if len(threads) == 1 and not alone:
            until = time.process_time() + patience * at_once
        while waiting and not alone and len(threads) - over < at_once:
            start(waiting.pop(-1 if ahead() else 0))
        try:
            ended = finished.get(timeout=GLANCE if waiting else None)
            over += 1
            won = won if ended in deaths else ended
            if won and runners[won].getModelStatus() in PROOFS:
                break
        except queue.Empty:
            if not alone and not ahead() and time.process_time() > until:
                runners[names[0]].cancelSolve()
    if not won:
        raise SolveError(f"error: every solver died, of {list(deaths.values())}; run it again", status="error")
    for name, runner in runners.items():
        if name != won:
            runner.cancelSolve()
    for thread in threads:
        thread.join()
    runners[won].HandleUserInterrupt = False
    return won, runners[won]


PROOFS = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnbounded,
)
