"""Whole numbers in three steps: a short branch and bound, neighbourhoods of its best plan, and the proof.

Branch and bound finds good bounds at once, where rows such as `in_time` help it, but good plans slowly. A plan with
set-ups is improved fast by opening the switches of a few periods, or of a few items, and holding all others: each is a
small program that is solved to the end (fix and optimise: Helber & Sahling, International Journal of Production
Economics 123 (2010) 247–256). The last step proves, starting from the best plan found. What ends a step is counted in
nodes, not in seconds, so that the same program gives the same plan as long as the time limit is not reached.

The pattern of whole numbers (set-ups, switches) of a plan that is known, kept first when it is planned again.

To prove a plan with set-ups takes minutes, and an event, an option or a stress asks for another one. Most of them
change little of the pattern: with it held, what is left is an LP of seconds, whose plan is feasible and certified. The
linear relaxation says how far it is from the best possible. Where that is no farther than this week's own plan, a
search would find as much for this week's plan: only beyond it, time is spent on searching (budget.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.solver.diagnostics import Watch
from soe_lib.solver.program import Floats, Program
from soe_lib.solver.race import Highs, lp

FIRST_WORK = 100_000
"""Nodes × whole numbers of the first step: what is proven within it needs no neighbourhood search."""
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
SLICE, SHORT = 0.15, 2.0
"""Of the time that is left, and in seconds, what one neighbourhood has at most."""
PATIENCE = 30.0
"""Most seconds of one linear program, or of one search with the pattern held; it mostly takes one."""
CLOSE = 1e-4
"""Relative gap at which a neighbourhood is searched well enough."""

MANY = 200
"""Whole numbers from which a plan is rounded from the relaxation first: branch and bound finds its first one late."""
THRESHOLDS = (1e-9, 0.01, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
"""How far on a switch of the relaxation must be, to be on."""

Opened = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Begun:
    """A plan to begin with: its objective, its whole numbers, and a bound; in the sense of minimising."""

    objective: float
    values: Floats
    bound: float = -np.inf

    @classmethod
    def of(cls, highs: highspy.Highs, whole: npt.NDArray[np.intp]) -> Begun:
        """The plan that a solver has found."""
        values = np.rint(np.asarray(highs.getSolution().col_value)[whole])
        return cls(float(highs.getInfo().objective_function_value), values)


def search(
    highs: highspy.Highs, program: Program, seconds: float, watch: Watch | None = None, start: Begun | None = None
) -> Begun | None:
    """Run a program with whole numbers; the best plan of any step and the best bound, in the sense of minimising.

    None where the first run had the last word: its status and its solution are then those of `highs`, which otherwise
    are those of the last step. A last step that ends by time may not have taken up the best plan of those before it.

    Parameters
    ----------
    highs : holds the program.
    seconds : wall-clock limit of all steps. watch : who asks it to end ends the neighbourhoods too.
    start : a plan that is known.
    """
    deadline = time.perf_counter() + seconds
    whole = np.flatnonzero(program.integer)
    if program.hints is None:  # nobody said which periods: there are no neighbourhoods
        highs.setOptionValue("time_limit", max(seconds, 0.0))
        highs.run()
        return None
    if start is None and len(whole) >= MANY:
        start = rounded(program, whole, highs.getOptionValue("threads")[1])
    if start is None:
        highs.setOptionValue("mip_max_nodes", max(FIRST_WORK // max(len(whole), 1), 1))
        bound = _run(highs, deadline)
        highs.setOptionValue("mip_max_nodes", highspy.kHighsIInf)
        if highs.getModelStatus() != highspy.HighsModelStatus.kSolutionLimit:
            return None
        start = replace(Begun.of(highs, whole), bound=bound) if _has_plan(highs) else None
        if start is None:
            _run(highs, max(deadline, time.perf_counter() + LEAST * seconds))
            return None
    if watch is not None:
        watch.better(-start.objective - program.offset, -start.bound - program.offset)
    best = _improved(highs, program, whole, start, deadline - (1.0 - SHARE) * seconds, watch)
    begin(highs, whole, best.values)
    # The last run must at least take up the best plan, however late the neighbourhoods ended.
    return replace(best, bound=max(start.bound, _run(highs, max(deadline, time.perf_counter() + LEAST * seconds))))


def _run(highs: highspy.Highs, deadline: float) -> float:
    # Of a run with whole numbers HiGHS counts the seconds from its start; of linear ones, from the first run's.
    highs.setOptionValue("time_limit", max(deadline - time.perf_counter(), 0.0))
    highs.run()
    return float(highs.getInfo().mip_dual_bound)


def _has_plan(highs: highspy.Highs) -> bool:
    return bool(highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible)


def begin(highs: highspy.Highs, whole: npt.NDArray[np.intp], values: Floats) -> None:
    """Begin the next run with these whole numbers; HiGHS completes them."""
    highs.setSolution(len(whole), whole.astype(np.int32), values)


def _improved(
    highs: highspy.Highs,
    program: Program,
    whole: npt.NDArray[np.intp],
    begun: Begun,
    deadline: float,
    watch: Watch | None,
) -> Begun:
    """The best plan after a round of neighbourhoods that found nothing better."""
    best, values = begun.objective, begun.values
    inner = Highs()
    inner.setOptionValue("output_flag", False)
    inner.setOptionValue("threads", highs.getOptionValue("threads")[1])
    inner.setOptionValue("mip_rel_gap", CLOSE)
    inner.setOptionValue("mip_max_nodes", NODES)
    inner.passModel(lp(program))
    # Rows that only help to find the bound are most of the entries, and of no help where most switches are held.
    spare = [np.arange(program.rows[name].start, program.rows[name].stop) for name in program.implied]
    rows = np.concatenate([np.zeros(0, int), *spare]).astype(np.int32)
    free = np.full(len(rows), highspy.kHighsInf)
    inner.changeRowsBounds(len(rows), rows, -free, free)
    draw, size = np.random.default_rng(0), OPEN
    while size <= max(OPEN, len(whole) // 2):
        better = False
        for opened in _neighbourhoods(program, whole, size, draw):
            if time.perf_counter() >= deadline or (watch is not None and watch.stopped):
                return Begun(best, values)
            low = np.where(opened, program.lower[whole], values)
            high = np.where(opened, program.upper[whole], values)
            inner.changeColsBounds(len(whole), whole.astype(np.int32), low, high)
            if watch is not None:
                watch.better(-best - program.offset)
            begin(inner, whole, values)
            _run(inner, min(deadline, time.perf_counter() + max(SLICE * (deadline - time.perf_counter()), SHORT)))
            found = float(inner.getInfo().objective_function_value)
            if _has_plan(inner) and found < best - CLOSE * max(abs(best), 1.0) / 10.0:
                best, better = found, True
                values = np.rint(np.asarray(inner.getSolution().col_value)[whole])
        if not better:
            size = int(size * WIDER) + 1
    return Begun(best, values)


def rounded(program: Program, whole: npt.NDArray[np.intp], threads: int, kind: str = "") -> Begun | None:
    """The best plan whose switches are on where the linear relaxation has them on by more than a threshold.

    A switch that is on by a hundredth pays a hundredth of its set-up: off is near. Which threshold is best differs from
    company to company, and each is an LP that starts from the last one's vertex. None where no threshold has a plan.
    """
    highs = linear(program, threads, kind)
    if highs is None:
        return None
    places, count = whole.astype(np.int32), len(whole)
    relaxed, found = np.asarray(highs.getSolution().col_value)[whole], list[Begun]()
    bound = float(highs.getInfo().objective_function_value)
    switch = program.upper[whole] <= 1.0
    for threshold in THRESHOLDS:
        values = np.where(switch, np.floor(relaxed) + (relaxed % 1.0 > threshold), np.ceil(relaxed - threshold))
        values = np.clip(values, program.lower[whole], program.upper[whole])
        highs.changeColsBounds(count, places, values, values)
        highs.run()
        if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            found.append(Begun(float(highs.getInfo().objective_function_value), values, bound))
    return min(found, key=lambda one: one.objective, default=None)


_ENDED: dict[str, highspy.HighsBasis] = {}
"""Where the last program of each kind ended: the next one mostly has the same shape, and is near."""


def linear(program: Program, threads: int, kind: str = "") -> Highs | None:
    """A solver at the optimum of a program without its whole numbers; None where it has none, or not in time.

    Parameters
    ----------
    kind : start where the last program of this kind ended; blank: from nothing, so that the vertex is always the same.
    """
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", threads)
    highs.setOptionValue("time_limit", PATIENCE)
    highs.passModel(lp(program.relaxed()))
    ended = _ENDED.get(kind) if kind else None
    if ended is not None and len(ended.col_status) == len(program.cost):
        highs.setBasis(ended)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    if kind:
        _ENDED[kind] = highs.getBasis()
    return highs


def _neighbourhoods(
    program: Program, whole: npt.NDArray[np.intp], size: int, draw: np.random.Generator
) -> Iterator[Opened]:
    """Which whole numbers are open: of a few periods, window by window, then of a few items, drawn together."""
    assert program.hints is not None, "asked for with them"
    when, what = program.hints.when[whole], program.hints.what[whole]
    last = int(when.max(initial=-1))
    width = int(np.clip(size * (last + 1) // len(whole), 2, max((last + 1) // 2, 2)))
    for start in range(0, max(last + 2 - width, 1), max(width // 2, 1)):
        yield (when >= start) & (when < start + width)
    things = draw.permutation(np.unique(what))
    group = int(np.clip(size * len(things) // len(whole), 1, max(len(things) // 2, 1)))
    for start in range(0, len(things), group):
        yield np.isin(what, things[start : start + group])


LEFT_OPEN_NODES = 200
"""Nodes of the search for whole numbers that the pattern leaves open: counts of lots, switches of new cells."""
ROOM = 1.1
"""How many times farther from its relaxation than this week's plan a plan may be before it is searched for."""


@dataclass(frozen=True, eq=False)
class Held:
    """A plan with a known pattern: its objective (minimised), its whole numbers, and where simplex ended, if it did."""

    objective: float
    values: Floats
    basis: highspy.HighsBasis | None = None


def keep(highs: highspy.Highs, program: Program, whole: npt.NDArray[np.intp]) -> Held | None:
    """The best plan with the known switches, else with some of them off; None: there is none."""
    assert program.hints is not None and program.hints.start is not None, "asked for with them"  # noqa: PT018
    low, high, start = program.lower[whole], program.upper[whole], program.hints.start[whole]
    switch = ~np.isnan(start) & (high <= 1.0)
    held = np.where(switch, np.clip(np.nan_to_num(start), low, high), low)
    if switch.all():
        lower, upper = program.lower.copy(), program.upper.copy()
        lower[whole] = upper[whole] = held
        bare = replace(program, lower=lower, upper=upper, row_upper=_without_implied(program))
        if (found := linear(bare, highs.getOptionValue("threads")[1], "held")) is not None:
            return Held(found.getInfo().objective_function_value, held, found.getBasis())
    # Not as they are: then none that was off is on, else any that the relaxation has on.
    bare = replace(program, row_upper=_without_implied(program))
    for most in (np.where(switch, held, high), high) if switch.all() else ():
        upper = program.upper.copy()
        upper[whole] = most
        if (
            near := rounded(replace(bare, upper=upper), whole, highs.getOptionValue("threads")[1], "repaired")
        ) is not None:
            return Held(near.objective, near.values)
    places, count = whole.astype(np.int32), len(whole)
    highs.setOptionValue("mip_max_nodes", LEFT_OPEN_NODES)
    best = None
    for least in (low,) if switch.all() else (held, low):
        highs.changeColsBounds(count, places, np.where(switch, least, low), np.where(switch, held, high))
        highs.setOptionValue("time_limit", PATIENCE)
        highs.run()
        if highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            values = np.rint(np.asarray(highs.getSolution().col_value)[whole])
            best = Held(float(highs.getInfo().objective_function_value), values)
            break
    highs.changeColsBounds(count, places, low, high)
    highs.setOptionValue("mip_max_nodes", highspy.kHighsIInf)
    return best


def relaxed(program: Program, threads: int) -> float:
    """The optimum without whole numbers, which no plan betters (in the sense of minimising); −inf where not found."""
    found = linear(program, threads, "relaxed")
    return -np.inf if found is None else float(found.getInfo().objective_function_value)


def _without_implied(program: Program) -> Floats:
    """Row limits without those rows that only help to find the bound: most of the entries, of no help to an LP."""
    upper = program.row_upper.copy()
    for name in program.implied:
        upper[program.rows[name]] = highspy.kHighsInf
    return upper


def pays(program: Program, distance: float) -> bool:
    """Whether a search is worth its time: the plan is farther from its relaxation than the plan whose pattern it keeps.

    Parameters
    ----------
    distance : of the plan with the pattern from its relaxation, relative.
    """
    known = program.hints
    return known is None or program.cost is not known.priced or not distance <= known.loose * ROOM
