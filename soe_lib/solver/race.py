"""No solver is fastest everywhere: for a large LP several solvers race, and the first proven vertex wins.

Measured in processor seconds: the demo generator's plain network of 305,000 quantities takes simplex 21, simplex with
linking rows last (LinkingLast) 10, HiPO 21 and ipx more. Its network with a bill of materials and lead times, of
105,000 quantities, takes ipx 9, HiPO 12 and simplex over a minute; on other networks HiPO is fastest. So simplex
starts, and runs alone while it is likely to win: other solvers would only compete for memory. Where the network does
not decompose, ipx starts beside it. Where simplex has not ended after a time that grows with the program, HiPO replaces
it. Interior point runs end with crossover, so every winner returns a vertex, and the tie-break makes the plan the same.

`LinkingLast`: simplex for networks that share capacity. It leaves the linking rows out at first and then adds them.

Without the linking rows (the hours of a line, room in a truck), a network decomposes into items, and presolve alone
solves it. That answer exceeds the capacity; the dual simplex method starts from it with the linking rows. Both runs use
the presolved program, which has a third of the rows. Measured on 305,000 quantities of the plain network: 9 s of
processor time, where simplex from the start takes 21 s.

`MergedFirst`: a first run with the tiers of each cushion merged into one, which saves columns and vertices.

At the optimum with merged tiers most of these are full or empty, and so are their parts; the dual simplex method then
needs few steps to the answer with all tiers. The cost of a step grows with the number of columns, and a cushion adds
two tiers for every three other quantities. Measured on the generator's plain network of 100 items, in processor
seconds: 2.3 without a cushion, 4.2 with all tiers from the start, 2.7 with merged tiers first (544 steps are left).

`Highs` runs with any number of threads, whatever number earlier runs in this process used.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.errors import SolveError
from soe_lib.solver.program import Floats, Program

FAILED = highspy.HighsStatus.kError


class Highs(highspy.Highs):
    """HiGHS that runs with any number of threads, whatever number earlier runs used.

    HiGHS keeps one scheduler for each calling thread, sized by the first run. A run with another number of threads
    fails silently and keeps the status of the run before it. SciPy, CVXPY or a notebook may have called HiGHS first, so
    a failed run is tried once more with a new scheduler.
    """

    def run(self) -> highspy.HighsStatus:
        """Solve; raises SolveError where the run failed and left the status of an earlier one."""
        status = super().run()
        if status == FAILED:
            highspy.Highs.resetGlobalScheduler(True)
            status = super().run()
        if status == FAILED and self.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            raise SolveError("error: HiGHS could not run and holds only an older answer; run it again", status="error")
        return status

    def presolve(self) -> highspy.HighsStatus:
        """Make the program smaller."""
        status = super().presolve()
        if status == FAILED:
            highspy.Highs.resetGlobalScheduler(True)
            status = super().presolve()
        return status


def lp(program: Program) -> highspy.HighsLp:
    """A program as HiGHS takes it."""
    made = highspy.HighsLp()
    made.num_col_, made.num_row_ = len(program.cost), len(program.row_upper)
    made.col_cost_, made.col_lower_, made.col_upper_ = program.cost, program.lower, program.upper
    made.row_lower_, made.row_upper_ = program.row_lower, program.row_upper
    made.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    made.a_matrix_.start_, made.a_matrix_.index_ = program.matrix.indptr, program.matrix.indices
    made.a_matrix_.value_ = program.matrix.data
    if program.integer.any():
        kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
        made.integrality_ = kinds[program.integer.astype(int)].tolist()
    return made


LARGE = 30_000
"""Columns from which a race pays; below, simplex is done before the others have started."""

RUNNERS = ("simplex", "ipx", "hipo")
"""In starting order, as many at once as there are cores; if simplex is likely to win, HiPO starts before IPX."""

INTERIOR = ("ipx", "hipo")
"""Interior point solvers, whose runs always start cold."""

PATIENCE = 1 / 25_000
"""Processor seconds per column for simplex while others wait for its core; twice that where it is likely to win."""

GLANCE = 0.05
"""How often the race checks the processor clock [s]."""


class Runner(Protocol):
    """A participant of the race: HiGHS itself, or a sequence of its runs (LinkingLast, MergedFirst)."""

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
    names : solvers in starting order; the first is stopped after a time if others wait for a core.
    load : solver name → a runner that holds the program, with its options set; called when the solver starts.
    patience : processor time of the first before it is stopped [s]; twice that while it runs alone and is likely to
        win. Processor time, so that a busy machine does not shorten it.

    Raises SolveError where all solvers failed.
    """
    finished: queue.SimpleQueue[str] = queue.SimpleQueue()
    runners: dict[str, Racer] = {}
    threads: list[threading.Thread] = []
    failures: dict[str, Exception] = {}

    def run(name: str) -> None:
        try:
            runners[name].run()
        except Exception as failure:  # for example out of memory: the others run on, and the race does not wait
            failures[name] = failure
        finally:
            finished.put(name)

    def start(name: str) -> None:
        runners[name] = load(name)
        runners[name].HandleUserInterrupt = True
        threads.append(threading.Thread(target=run, args=(name,), daemon=True))
        threads[-1].start()

    def ahead() -> bool:
        return not done and bool(getattr(runners[names[0]], "ahead", False))

    at_once, waiting, done, won = max(os.cpu_count() or 2, 2), list(names[1:]), 0, ""
    start(names[0])
    deadline = time.process_time() + 2 * patience
    while done < len(names):
        alone = len(threads) == 1 and ahead() and time.process_time() < deadline
        if len(threads) == 1 and not alone:
            deadline = time.process_time() + patience * at_once
        while waiting and not alone and len(threads) - done < at_once:
            start(waiting.pop(-1 if ahead() else 0))
        try:
            ended = finished.get(timeout=GLANCE if waiting else None)
            done += 1
            won = won if ended in failures else ended
            if won and runners[won].getModelStatus() in PROOFS:
                break
        except queue.Empty:
            if not alone and not ahead() and time.process_time() > deadline:
                runners[names[0]].cancelSolve()
    if not won:
        raise SolveError(f"error: all solvers failed: {list(failures.values())}; run it again", status="error")
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


SHARED = 8
"""Entries from which an inequality counts as a linking row."""

FELL_APART = 0.01
"""Iteration limit for each column without the linking rows; presolve alone solves a program that decomposes."""

DEVEX = 1
"""HiGHS's number of this pricing: more steps than steepest edge, each cheaper. Dantzig's rule is faster still where
hours nearly suffice, and takes twice as long where far too few are available."""

OPTIMAL = highspy.HighsModelStatus.kOptimal


@dataclass
class LinkingLast:
    """A runner that solves without linking rows first; `highs` ends with the answer and its basis.

    In special cases (presolve reduces nothing, no linking rows, no optimum), `highs` solves its program unaided, so
    that every status is its own.

    Parameters
    ----------
    highs : holds the program. inner : will hold the presolved one.
    stopped : whether a stop was requested.
    ahead : whether it is likely to win the race: the network decomposes, or that is not known yet.
    """

    highs: highspy.Highs
    inner: highspy.Highs = field(default_factory=Highs)
    stopped: bool = False
    ahead: bool = True

    @property
    def HandleUserInterrupt(self) -> bool:  # noqa: N802  (HiGHS's name)
        """Whether it can be stopped."""
        return bool(self.highs.HandleUserInterrupt)

    @HandleUserInterrupt.setter
    def HandleUserInterrupt(self, value: bool) -> None:  # noqa: N802
        self.highs.HandleUserInterrupt = self.inner.HandleUserInterrupt = value

    def cancelSolve(self) -> None:  # noqa: N802
        """Stop, from another thread."""
        self.stopped = True
        self.highs.cancelSolve()
        self.inner.cancelSolve()

    def getModelStatus(self) -> highspy.HighsModelStatus:  # noqa: N802
        """What was proven."""
        return self.highs.getModelStatus()

    def run(self) -> None:
        """Presolve, solve without linking rows, add them, undo the presolve; then `highs` finishes the run."""
        highs, started = self.highs, time.perf_counter()
        limit, ran = highs.getOptionValue("time_limit")[1], highs.getRunTime()
        highs.presolve()
        self.ahead = highs.getModelPresolveStatus() == highspy.HighsPresolveStatus.kReduced
        if self.ahead and not self.stopped:
            self._reduced(limit - ran)
            status = self.inner.getModelStatus()
            self.ahead = self.ahead and status == OPTIMAL
            self.stopped = self.stopped or status == highspy.HighsModelStatus.kInterrupt
            if status == OPTIMAL and not self.stopped:
                highs.postsolve(self.inner.getSolution(), self.inner.getBasis())
        if not self.stopped:
            left = limit - ran - (time.perf_counter() - started)
            highs.setOptionValue("time_limit", highs.getRunTime() + max(left, 0.0))
            highs.run()

    def _reduced(self, seconds: float) -> None:
        """Solve the presolved program without linking rows, then with them; cold where it did not decompose."""
        inner, lp = self.inner, self.highs.getPresolvedLp()
        low, high = np.asarray(lp.row_lower_), np.asarray(lp.row_upper_)
        rows = shared(lp, low, high)
        if not rows.size:
            return
        self._options(seconds)
        inner.passModel(lp)
        # HiGHS reads the pricing option only when simplex starts for the first time.
        inner.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
        inner.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        inner.setOptionValue("simplex_iteration_limit", int(FELL_APART * lp.num_col_))
        free = np.full(len(rows), highspy.kHighsInf)
        inner.changeRowsBounds(len(rows), rows, -free, free)
        inner.run()
        self.ahead = inner.getModelStatus() == OPTIMAL
        if self.stopped:
            return
        inner.changeRowsBounds(len(rows), rows, low[rows], high[rows])
        inner.setOptionValue("simplex_iteration_limit", highspy.kHighsIInf)
        if not self.ahead:
            inner.clearSolver()
            self._options(seconds)
        inner.run()

    def _options(self, seconds: float) -> None:
        self.inner.passOptions(self.highs.getOptions())
        self.inner.setOptionValue("time_limit", seconds)


def shared(lp: highspy.HighsLp, low: Floats, high: Floats) -> npt.NDArray[np.int32]:
    """The linking rows: inequalities with many entries."""
    entries = np.bincount(np.asarray(lp.a_matrix_.index_), minlength=lp.num_row_)
    return np.flatnonzero((low != high) & (entries >= SHARED)).astype(np.int32)


Places = npt.NDArray[np.intp]
KINDS = {int(one): one for one in highspy.HighsBasisStatus.__members__.values()}
"""HiGHS's statuses of a column or row in a basis, by number."""


@dataclass(frozen=True, eq=False)
class Merged:
    """A program with one tier in place of all tiers of a row: as wide as their sum, at their mean price.

    Parameters
    ----------
    program : with fewer columns. columns : their places in the whole program.
    tier, row : shape (tiers,), column and row of every tier; those of a row in the order in which stock fills them.
    first : shape (rows,), the tier whose column represents all tiers of its row.
    below : shape (tiers,), how much stock fills the tiers below each one.
    """

    program: Program
    columns: Places
    tier: Places
    row: Places
    first: Places
    below: Floats

    @classmethod
    def of(cls, whole: Program, tiers: Places, rows: Places) -> Merged:
        """Merge the tiers of each row.

        Parameters
        ----------
        whole : program in which the tiers of a row have the same coefficients, and no lower bound but 0.
        tiers, rows : shape (tiers,), column and row of each tier, rows numbered from 0 without gaps.
        """
        order = np.lexsort((whole.cost[tiers], rows))
        tier, row = tiers[order], rows[order]
        width = whole.upper[tier]
        wide = np.bincount(row, width)
        first = tier[np.searchsorted(row, np.arange(len(wide)))]
        cost, upper, kept = whole.cost.copy(), whole.upper.copy(), np.ones(len(whole.cost), bool)
        money = np.bincount(row, width * whole.cost[tier])
        cost[first], upper[first] = np.divide(money, wide, out=cost[first], where=wide > 0.0), wide
        kept[tier], kept[first] = False, True
        columns = np.flatnonzero(kept)
        ends = {name: np.searchsorted(columns, (part.start, part.stop)) for name, part in whole.columns.items()}
        program = replace(
            whole,
            matrix=whole.matrix[:, columns],
            cost=cost[columns],
            lower=whole.lower[columns],
            upper=upper[columns],
            integer=whole.integer[columns],
            columns={name: slice(*end.tolist()) for name, end in ends.items()},
            weights=None,
            hints=None,
        )
        below = np.cumsum(width) - width - (np.cumsum(wide) - wide)[row]
        return cls(program, columns, tier, row, first, below)

    def parts(self, basis: highspy.HighsBasis, x: Floats) -> highspy.HighsBasis:
        """The basis of the whole program at the same plan: tiers that stock fills are full, those above it empty.

        Parameters
        ----------
        basis : of the merged program. x : its plan, shape (columns,).
        """
        basic, low, high = (int(highspy.HighsBasisStatus.__members__[f"k{one}"]) for one in ("Basic", "Lower", "Upper"))
        status = np.full(len(self.columns) + len(self.tier) - len(self.first), low)
        status[self.columns] = [int(one) for one in basis.col_status]
        filled = x[np.searchsorted(self.columns, self.first)]
        # The last tier that stock reaches is basic; the lowest one where it reaches none.
        tiers, last = np.arange(len(self.tier)), np.zeros(len(self.first), np.intp)
        reached = (self.below < filled[self.row]) | (self.below <= 0.0)
        np.maximum.at(last, self.row[reached], tiers[reached])
        part = np.select([tiers < last[self.row], tiers == last[self.row]], [high, basic], low)
        merged = status[self.first][self.row]
        status[self.tier] = np.where(merged == basic, part, merged)
        return stated(status, basis.row_status)


@dataclass
class MergedFirst:
    """A runner that solves the program with merged tiers first, and starts the whole one in `highs` from its basis.

    Parameters
    ----------
    highs : holds the whole program. begin : holds the merged one. merged : maps the basis of one to the other.
    stopped : whether a stop was requested.
    """

    highs: highspy.Highs
    begin: highspy.Highs | LinkingLast
    merged: Merged
    stopped: bool = False

    @property
    def ahead(self) -> bool:
        """Whether it is likely to win the race."""
        return bool(getattr(self.begin, "ahead", False))

    @property
    def HandleUserInterrupt(self) -> bool:  # noqa: N802  (HiGHS's name)
        """Whether it can be stopped."""
        return bool(self.highs.HandleUserInterrupt)

    @HandleUserInterrupt.setter
    def HandleUserInterrupt(self, value: bool) -> None:  # noqa: N802
        self.highs.HandleUserInterrupt = self.begin.HandleUserInterrupt = value

    def cancelSolve(self) -> None:  # noqa: N802
        """Stop, from another thread."""
        self.stopped = True
        self.begin.cancelSolve()
        self.highs.cancelSolve()

    def getModelStatus(self) -> highspy.HighsModelStatus:  # noqa: N802
        """What was proven."""
        return self.highs.getModelStatus()

    def run(self) -> None:
        """Solve the merged program, then the whole one; cold where the merged one has no optimum."""
        highs, started = self.highs, time.perf_counter()
        limit = highs.getOptionValue("time_limit")[1]
        self.begin.run()
        if self.begin.getModelStatus() == OPTIMAL and not self.stopped:
            held = self.begin.highs if isinstance(self.begin, LinkingLast) else self.begin
            highs.setBasis(self.merged.parts(held.getBasis(), np.asarray(held.getSolution().col_value)))
            # Few steps are left: exact edge weights and perturbed costs do not pay.
            highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
            highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        if not self.stopped:
            highs.setOptionValue("time_limit", max(limit - (time.perf_counter() - started), 0.0))
            highs.run()


def stated(columns: npt.NDArray[np.int64], rows: list[highspy.HighsBasisStatus]) -> highspy.HighsBasis:
    """A HiGHS basis from the status numbers of its columns."""
    found = highspy.HighsBasis()
    found.col_status, found.row_status = [KINDS[one] for one in columns.tolist()], rows
    found.valid = True
    return found
