"""Whole numbers in three steps: a short branch and bound, a neighbourhood search from its best plan, and the proof.

Branch and bound finds good bounds quickly, helped by rows such as `in_time`, but good plans slowly. Fix and optimise
improves a plan with set-ups fast: it frees the switches of a few periods or items, fixes all others, and solves the
small program that is left (Helber & Sahling, International Journal of Production Economics 123 (2010) 247–256). The
last step starts from the best plan and proves it. Steps are limited in nodes, not in seconds, so that the same program
gives the same plan unless the time limit is reached.

Re-planning starts from the pattern of whole numbers (set-ups, switches) of a known plan.

The proof of a plan with set-ups takes minutes, and every event, option or stress test needs another plan. Most of them
change little of the pattern. With the pattern fixed, an LP of seconds remains, whose plan is feasible and certified.
The linear relaxation bounds its gap. A search pays only where this gap exceeds that of this week's own plan: up to it,
a search would improve this week's plan as much (budget.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.solver.diagnostics import Watch
from soe_lib.solver.linked import together
from soe_lib.solver.program import Floats, Program
from soe_lib.solver.race import Highs, lp

FIRST_WORK = 100_000
"""Nodes × whole numbers of the first step; a plan proven within it needs no neighbourhood search."""
OPEN = 300
"""Approximate number of whole numbers that the first neighbourhoods free; never more than half of all."""
WIDER = 1.5
"""Growth of the neighbourhoods after a round without improvement."""
NODES = 100
"""Nodes of the search in one neighbourhood."""
SHARE = 0.7
"""Share of the time limit for the first two steps together."""
LEAST = 0.05
"""Share of the time limit that the last step always gets."""
SLICE, SHORT = 0.15, 2.0
"""Time limit of one neighbourhood: a share of the time left, at least so many seconds."""
PATIENCE = 30.0
"""Time limit of one linear program, or of one search with the pattern held; most take one second [s]."""
CLOSE = 1e-4
"""Relative gap at which the search of a neighbourhood ends."""

MANY = 200
"""Whole numbers from which the first plan is rounded from the relaxation: branch and bound finds its first one late."""
THRESHOLDS = (1e-9, 0.01, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
"""Values of a relaxed switch above which it is rounded to on."""

Opened = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Begun:
    """A starting plan: its objective, its whole numbers, and a bound; in the sense of minimising."""

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
    """Solve a program with whole numbers; the best plan of all steps and the best bound, in the sense of minimising.

    Returns None where no neighbourhood search ran: `highs` then holds the answer. Else `highs` holds the last step,
    which may have reached its time limit before it took up the best plan.

    Parameters
    ----------
    highs : holds the program.
    seconds : wall-clock limit of all steps. watch : its stop requests also end the neighbourhood search.
    start : a known plan.
    """
    deadline = time.perf_counter() + seconds
    whole = np.flatnonzero(program.integer)
    if program.hints is None:  # neighbourhoods need periods and items
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
    # The last run needs time to take up the best plan, however late the neighbourhood search ended.
    return replace(best, bound=max(start.bound, _run(highs, max(deadline, time.perf_counter() + LEAST * seconds))))


def _run(highs: highspy.Highs, deadline: float) -> float:
    # HiGHS counts the seconds of a MIP run from its own start; those of LP runs from the start of the first run.
    highs.setOptionValue("time_limit", max(deadline - time.perf_counter(), 0.0))
    highs.run()
    return float(highs.getInfo().mip_dual_bound)


def _has_plan(highs: highspy.Highs) -> bool:
    return bool(highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible)


def begin(highs: highspy.Highs, whole: npt.NDArray[np.intp], values: Floats) -> None:
    """Start the next run from these whole numbers; HiGHS completes the plan."""
    highs.setSolution(len(whole), whole.astype(np.int32), values)


def _improved(
    highs: highspy.Highs,
    program: Program,
    whole: npt.NDArray[np.intp],
    begun: Begun,
    deadline: float,
    watch: Watch | None,
) -> Begun:
    """The best plan of the neighbourhood search, whose neighbourhoods grow after a round without improvement."""
    best, values = begun.objective, begun.values
    inner = Highs()
    inner.setOptionValue("output_flag", False)
    inner.setOptionValue("threads", highs.getOptionValue("threads")[1])
    inner.setOptionValue("mip_rel_gap", CLOSE)
    inner.setOptionValue("mip_max_nodes", NODES)
    inner.passModel(lp(program))
    # Rows that only tighten the bound hold most entries, and do not help where most switches are fixed.
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

    A switch at 0.01 pays a hundredth of its set-up, so off is a good guess. The best threshold differs between
    companies; each is one LP that starts from the vertex of the last. None where no threshold gives a plan.
    """
    highs = linear(program, threads, kind)
    if highs is None:
        return None
    places, count = whole.astype(np.int32), len(whole)
    everything, found = np.asarray(highs.getSolution().col_value), list[Begun]()
    relaxed = everything[whole]
    bound = float(highs.getInfo().objective_function_value)
    switch = program.upper[whole] <= 1.0
    for threshold in THRESHOLDS:
        values = np.where(switch, np.floor(relaxed) + (relaxed % 1.0 > threshold), np.ceil(relaxed - threshold))
        values = np.clip(values, program.lower[whole], program.upper[whole])
        if program.hints is not None and program.hints.linked:
            held = together(program, everything, threshold, threads)
            if held is None:
                continue
            values[np.searchsorted(whole, held[0])] = held[1]
        highs.changeColsBounds(count, places, values, values)
        highs.run()
        if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            found.append(Begun(float(highs.getInfo().objective_function_value), values, bound))
    return min(found, key=lambda one: one.objective, default=None)


_LAST_BASIS: dict[str, highspy.HighsBasis] = {}
"""Final basis of the last program of each kind; the next one mostly has the same shape and similar figures."""


def linear(program: Program, threads: int, kind: str = "") -> Highs | None:
    """A solver at the optimum of the linear relaxation; None where it finds no optimum in time.

    Parameters
    ----------
    kind : start from the final basis of the last program of this kind; blank: start cold, so that the vertex is always
        the same.
    """
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", threads)
    highs.setOptionValue("time_limit", PATIENCE)
    highs.passModel(lp(program.relaxed()))
    basis = _LAST_BASIS.get(kind) if kind else None
    if basis is not None and len(basis.col_status) == len(program.cost):
        highs.setBasis(basis)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    if kind:
        _LAST_BASIS[kind] = highs.getBasis()
    return highs


def _neighbourhoods(
    program: Program, whole: npt.NDArray[np.intp], size: int, draw: np.random.Generator
) -> Iterator[Opened]:
    """Masks of the whole numbers to free: windows of a few periods, then random groups of a few items."""
    assert program.hints is not None, "neighbourhoods need periods and items"
    when, what = program.hints.when[whole], program.hints.what[whole]
    last = int(when.max(initial=-1))
    width = int(np.clip(size * (last + 1) // len(whole), 2, max((last + 1) // 2, 2)))
    for start in range(0, max(last + 2 - width, 1), max(width // 2, 1)):
        yield (when >= start) & (when < start + width)
    items = draw.permutation(np.unique(what))
    group = int(np.clip(size * len(items) // len(whole), 1, max(len(items) // 2, 1)))
    for start in range(0, len(items), group):
        yield np.isin(what, items[start : start + group])


LEFT_OPEN_NODES = 200
"""Nodes of the search for whole numbers that the pattern leaves open: counts of lots, switches of new cells."""
ROOM = 1.1
"""A search pays where the gap of a plan to its relaxation exceeds that of this week's plan by this factor."""


@dataclass(frozen=True, eq=False)
class Held:
    """A plan with a known pattern: its objective (minimised), its whole numbers, and the final basis, if any."""

    objective: float
    values: Floats
    basis: highspy.HighsBasis | None = None


def keep(highs: highspy.Highs, program: Program, whole: npt.NDArray[np.intp]) -> Held | None:
    """The best plan with the known switches, else with some of them changed; None where neither gives a plan."""
    assert program.hints is not None and program.hints.start is not None, "a known pattern"  # noqa: PT018
    low, high, start = program.lower[whole], program.upper[whole], program.hints.start[whole]
    switch = ~np.isnan(start) & (high <= 1.0)
    held = np.where(switch, np.clip(np.nan_to_num(start), low, high), low)
    if switch.all():
        lower, upper = program.lower.copy(), program.upper.copy()
        lower[whole] = upper[whole] = held
        bare = replace(program, lower=lower, upper=upper, row_upper=_without_implied(program))
        if (found := linear(bare, highs.getOptionValue("threads")[1], "held")) is not None:
            return Held(found.getInfo().objective_function_value, held, found.getBasis())
    # Infeasible with all of them: first switch some off, then also switch others on, as the relaxation does.
    bare = replace(program, row_upper=_without_implied(program))
    for most in (np.where(switch, held, high), high) if switch.all() else ():
        upper = program.upper.copy()
        upper[whole] = most
        if (
            repaired := rounded(replace(bare, upper=upper), whole, highs.getOptionValue("threads")[1], "repaired")
        ) is not None:
            return Held(repaired.objective, repaired.values)
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
    """The optimum of the linear relaxation, a lower bound on every plan (minimised); −inf where not found."""
    found = linear(program, threads, "relaxed")
    return -np.inf if found is None else float(found.getInfo().objective_function_value)


def _without_implied(program: Program) -> Floats:
    """Upper row limits without rows that only tighten the bound: these hold most entries and do not help an LP."""
    upper = program.row_upper.copy()
    for name in program.implied:
        upper[program.rows[name]] = highspy.kHighsInf
    return upper


def pays(program: Program, distance: float) -> bool:
    """Whether a search is worth its time: the plan's gap exceeds that of the plan whose pattern it keeps.

    Parameters
    ----------
    distance : relative gap of the plan to its linear relaxation.
    """
    known = program.hints
    return known is None or program.cost is not known.priced or not distance <= known.loose * ROOM
