"""Whole numbers in three steps: a short branch and bound, neighbourhoods of its best plan, and the proof.

Branch and bound finds good bounds at once, where rows such as `in_time` help it, but good plans slowly. A plan with
set-ups is improved fast by opening the switches of a few periods, or of a few items, and holding all others: each is a
small program that is solved to the end (fix and optimise: Helber & Sahling, International Journal of Production
Economics 123 (2010) 247–256). The last step proves, starting from the best plan found. What ends a step is counted in
nodes, not in seconds, so that the same program gives the same plan as long as the time limit is not reached.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.model.axis import Floats
from soe_lib.model.canonical import Canonical
from soe_lib.model.highs import Highs
from soe_lib.model.watch import Watch

FIRST_WORK = 100_000
"""Nodes × whole numbers of the first step: what is proven within it needs no polish."""
OPEN = 300
"""Whole numbers that a neighbourhood opens at first, about; never more than half of what there is."""
WIDER = 1.5
"""How many times wider the next round's neighbourhoods are where a round found nothing better."""
NODES = 100
"""Nodes of the search in one neighbourhood."""
SHARE = 0.7
"""Of the time limit, what the first two steps may take together."""
LEAST = 0.05
"""Of the time limit, what the last step has in any case."""
CLOSE = 1e-4
"""Relative gap at which a neighbourhood is searched well enough."""

Opened = npt.NDArray[np.bool_]


def search(highs: highspy.Highs, canonical: Canonical, seconds: float, watch: Watch | None = None) -> float:
    """Run a program with whole numbers; the best bound that any run proved, in the sense of minimising.

    Parameters
    ----------
    highs : holds the program; its last run, its status and its solution are those of the last step.
    seconds : wall-clock limit of all steps. watch : who asks it to end ends the neighbourhoods too.
    """
    deadline = time.perf_counter() + seconds
    whole = np.flatnonzero(canonical.integer)
    if len(canonical.when) != len(canonical.cost):  # nobody said which periods: there are no neighbourhoods
        return _run(highs, deadline)
    highs.setOptionValue("mip_max_nodes", max(FIRST_WORK // max(len(whole), 1), 1))
    bound = _run(highs, deadline)
    if highs.getModelStatus() != highspy.HighsModelStatus.kSolutionLimit:
        return bound
    if _has_plan(highs):
        _start(highs, whole, _improved(highs, canonical, whole, deadline - (1.0 - SHARE) * seconds, watch))
    highs.setOptionValue("mip_max_nodes", highspy.kHighsIInf)
    # The last run must at least take up the best plan, however late the neighbourhoods ended.
    return max(bound, _run(highs, max(deadline, time.perf_counter() + LEAST * seconds)))


def _run(highs: highspy.Highs, deadline: float) -> float:
    # Of a run with whole numbers HiGHS counts the seconds from its start; of linear ones, from the first run's.
    highs.setOptionValue("time_limit", max(deadline - time.perf_counter(), 0.0))
    highs.run()
    return float(highs.getInfo().mip_dual_bound)


def _has_plan(highs: highspy.Highs) -> bool:
    return bool(highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible)


def _start(highs: highspy.Highs, whole: npt.NDArray[np.intp], values: Floats) -> None:
    """Begin the next run with these whole numbers; HiGHS completes them."""
    highs.setSolution(len(whole), whole.astype(np.int32), values)


def _improved(
    highs: highspy.Highs,
    canonical: Canonical,
    whole: npt.NDArray[np.intp],
    deadline: float,
    watch: Watch | None,
) -> Floats:
    """The whole numbers of the best plan after a round of neighbourhoods that found nothing better."""
    best = float(highs.getInfo().objective_function_value)
    values = np.rint(np.asarray(highs.getSolution().col_value)[whole])
    inner = Highs()
    inner.setOptionValue("output_flag", False)
    inner.setOptionValue("threads", highs.getOptionValue("threads")[1])
    inner.setOptionValue("mip_rel_gap", CLOSE)
    inner.setOptionValue("mip_max_nodes", NODES)
    inner.passModel(canonical.highs())
    draw, size = np.random.default_rng(0), OPEN
    while size <= max(OPEN, len(whole) // 2):
        better = False
        for opened in _neighbourhoods(canonical, whole, size, draw):
            if time.perf_counter() >= deadline or (watch is not None and watch.stopped):
                return values
            low = np.where(opened, canonical.lower[whole], values)
            high = np.where(opened, canonical.upper[whole], values)
            inner.changeColsBounds(len(whole), whole.astype(np.int32), low, high)
            _start(inner, whole, values)
            _run(inner, deadline)
            found = float(inner.getInfo().objective_function_value)
            if _has_plan(inner) and found < best - CLOSE * max(abs(best), 1.0) / 10.0:
                best, better = found, True
                values = np.rint(np.asarray(inner.getSolution().col_value)[whole])
        if not better:
            size = int(size * WIDER) + 1
    return values


def _neighbourhoods(
    canonical: Canonical, whole: npt.NDArray[np.intp], size: int, draw: np.random.Generator
) -> Iterator[Opened]:
    """Which whole numbers are open: of a few periods, window by window, then of a few items, drawn together."""
    when, what = canonical.when[whole], canonical.what[whole]
    last = int(when.max(initial=-1))
    width = int(np.clip(size * (last + 1) // len(whole), 2, max((last + 1) // 2, 2)))
    for start in range(0, max(last + 2 - width, 1), max(width // 2, 1)):
        yield (when >= start) & (when < start + width)
    things = draw.permutation(np.unique(what))
    group = int(np.clip(size * len(things) // len(whole), 1, max(len(things) // 2, 1)))
    for start in range(0, len(things), group):
        yield np.isin(what, things[start : start + group])
