"""No solver wins everywhere: for a large LP, several start at once and the first proven vertex is taken.

Measured, in processor seconds: the demo generator's plain network of 301,000 quantities needs simplex 7, HiPO 21, ipx
more; its network with a bill of material and lead times, of 32,000, needs simplex 7.1, HiPO 3.3, ipx 1.3; on others
HiPO comes first. So simplex and ipx start; where simplex has not ended after a while that grows with the program, it
hardly ever will soon, and HiPO takes its place. Interior points here end with crossover, so whoever wins hands over a
vertex, and the tie-break makes the plan the same.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

import highspy

from soe_lib.errors import SolveError

LARGE = 30_000
"""Columns from which a race pays; below, simplex is done before the others have started."""

RUNNERS = ("simplex", "ipx", "hipo")
"""In the order in which they start, as many at once as there are cores."""

PATIENCE = 1 / 25_000
"""Processor seconds per column that simplex is given while others wait for its core."""

GLANCE = 0.05
"""How often the race looks at the processor's clock [s]."""


def race(names: Sequence[str], load: Callable[[str], highspy.Highs], patience: float) -> tuple[str, highspy.Highs]:
    """The first solver that ends with a proof, optimal or not; the others are stopped.

    Parameters
    ----------
    names : solvers in the order in which they start; the first gives way to those that found no core.
    load : solver name → a solver that holds the program, its options set; asked for when the solver starts.
    patience : processor time that the first may take before it gives way [s]; a busy machine does not shorten it.

    Raises SolveError where every one of them died.
    """
    finished: queue.SimpleQueue[str] = queue.SimpleQueue()
    runners: dict[str, highspy.Highs] = {}
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

    at_once = max(os.cpu_count() or 2, 2)
    for name in names[:at_once]:
        start(name)
    waiting, over, won = list(names[at_once:]), 0, ""
    until = time.process_time() + patience * at_once
    while over < len(names):
        try:
            ended = finished.get(timeout=GLANCE if waiting else None)
            over += 1
            won = won if ended in deaths else ended
            if won and runners[won].getModelStatus() in PROOFS:
                break
        except queue.Empty:
            if time.process_time() < until:
                continue
            runners[names[0]].cancelSolve()
        if waiting:
            start(waiting.pop(0))
    if not won:
        raise SolveError(f"error: every solver died, of {list(deaths.values())}; run it again", status="error")
    for name, highs in runners.items():
        if name != won:
            highs.cancelSolve()
    for thread in threads:
        thread.join()
    runners[won].HandleUserInterrupt = False
    return won, runners[won]


PROOFS = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnbounded,
)
