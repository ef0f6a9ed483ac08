"""No solver wins everywhere: for a large LP, two start at once and the first proven vertex is taken.

Measured: a plain network of 294,000 quantities needs simplex 48 s, HiPO 28 s, ipx over 100 s; a two-level bill of
material with lead times of 102,000 needs simplex 109 s, HiPO 54 s, ipx 5.8 s. Interior points here end with crossover,
so whoever wins hands over a vertex, and the tie-break makes the plan the same.
"""

from __future__ import annotations

import queue
import threading

import highspy

from soe_lib.errors import SolveError

LARGE = 30_000
"""Columns from which a race pays; below, simplex is done before the others have started."""

RUNNERS = ("ipx", "hipo")


def race(runners: dict[str, highspy.Highs]) -> str:
    """Run all at once; the name of the first that ends with a proof, optimal or not. The others are stopped.

    Parameters
    ----------
    runners : solver name → a solver that holds the program, its options set.

    Raises SolveError where every one of them died.
    """
    finished: queue.SimpleQueue[str] = queue.SimpleQueue()
    deaths: dict[str, Exception] = {}

    def run(name: str, highs: highspy.Highs) -> None:
        try:
            highs.run()
        except Exception as death:  # of memory, say: the others run on, and the race must not wait for this one
            deaths[name] = death
        finally:
            finished.put(name)

    for highs in runners.values():
        highs.HandleUserInterrupt = True
    threads = [threading.Thread(target=run, args=runner, daemon=True) for runner in runners.items()]
    for thread in threads:
        thread.start()
    first = ""
    for _ in runners:
        if (name := finished.get()) in deaths:
            continue
        first = name
        if runners[first].getModelStatus() in PROOFS:
            break
    if not first:
        raise SolveError(f"error: every solver died, of {list(deaths.values())}; run it again", status="error")
    for name, highs in runners.items():
        if name != first:
            highs.cancelSolve()
    for thread in threads:
        thread.join()
    runners[first].HandleUserInterrupt = False
    return first


PROOFS = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnbounded,
)
