"""No solver wins everywhere: for a large LP, several race and the first proven vertex is taken.

Measured, in processor seconds: the demo generator's plain network of 305,000 quantities needs simplex 21, simplex that
takes what is shared last (LinkingLast) 10, HiPO 21 and ipx more; its network with a bill of material and lead times, of
105,000, needs ipx 9, HiPO 12 and simplex over a minute; on others HiPO comes first. So simplex starts, and stays alone
while it is ahead: others would only take memory's time from it. Where the network does not fall apart, ipx starts
beside it; and where simplex has not ended after a while that grows with the program, it hardly ever will soon, and HiPO
takes its place. Interior points here end with crossover, so whoever wins hands over a vertex, and the tie-break makes
the plan the same.

`LinkingLast`, simplex for networks that share hours: what is shared is left out first, and put back one step later.

Without the rows that many quantities share (the hours of a line, room in a truck), a network falls apart into items,
and presolve alone solves it. The answer takes more hours than there are, and from there the dual simplex method puts
the shared rows right. Only the presolved program is worked on: it has a third of the rows. Measured on 305,000
quantities of the plain network: 9 s of processor time, where simplex from the start takes 21 s.

`MergedFirst`, a first run with the tiers of each cushion as one: the same convex curve with fewer vertices, and fewer
columns.

At the best plan with merged tiers most of them are full or empty, so that their parts are too, and the dual simplex
method is a few steps away from the answer with all tiers. A step of it costs what there are columns, and a cushion
brings two tiers for every three other quantities. Measured on the generator's plain network of 100 items, in processor
seconds: 2.3 without a cushion, 4.2 with all tiers from the start, 2.7 with merged ones first (544 steps are left).

`Highs` runs whatever else in this process ran it before, with however many threads.
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
    """A solver that sets the number of its threads whenever it differs from what the thread that calls it ran last.

    HiGHS keeps one scheduler for each thread that calls it, as large as the first run asked for. A run that asks for
    another number then fails without a word, and leaves the status of the run before it. SciPy, CVXPY or a notebook
    that calls HiGHS itself may have come first, so a run that fails is tried once more with a scheduler of its own.
    """

    def run(self) -> highspy.HighsStatus:
        """Solve; raises SolveError where the run failed and left the status of an earlier one."""
        status = super().run()
        if status == FAILED:
            highspy.Highs.resetGlobalScheduler(True)
            status = super().run()
        if status == FAILED and self.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            raise SolveError("error: HiGHS could not run, and has only an older answer; run it again", status="error")
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
"""In the order in which they start, as many at once as there are cores; beside one that is ahead, the last is first."""

INTERIOR = ("ipx", "hipo")
"""Those that start from nothing every time."""

PATIENCE = 1 / 25_000
"""Processor seconds per column that simplex is given while others wait for its core; twice that where it is ahead."""

GLANCE = 0.05
"""How often the race looks at the processor's clock [s]."""


class Runner(Protocol):
    """What can race: HiGHS itself, or several runs of it that end in one (LinkingLast)."""

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


SHARED = 8
"""Entries from which a limit counts as shared by many."""

FELL_APART = 0.01
"""Iterations for each column that the relaxed program may take; presolve solves one that has fallen apart alone."""

DEVEX = 1
"""HiGHS's number of this pricing: some more steps than by steepest edges, each cheaper; Dantzig's rule is faster yet
where hours are nearly enough, and takes twice as long where they are short by far."""

OPTIMAL = highspy.HighsModelStatus.kOptimal


@dataclass
class LinkingLast:
    """A runner of a race: runs the program that `highs` holds, and leaves the answer and its basis there.

    Where anything is out of the ordinary (nothing to presolve, nothing shared, no optimum), `highs` runs as it would
    have without it, so that every status is its own.

    Parameters
    ----------
    highs : holds the program. inner : will hold the presolved one.
    stopped : whether somebody wants it to end.
    ahead : whether it is likely to win the race: the network has fallen apart, or that is not known yet.
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
        """Presolve, solve without what is shared, put that back, undo the presolve; then `highs` has the last word."""
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
        """The presolved program: relaxed first, and whole from there on; from nothing where it did not fall apart."""
        inner, lp = self.inner, self.highs.getPresolvedLp()
        low, high = np.asarray(lp.row_lower_), np.asarray(lp.row_upper_)
        rows = shared(lp, low, high)
        if not rows.size:
            return
        self._options(seconds)
        inner.passModel(lp)
        # HiGHS asks for the pricing once, when simplex starts first.
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
    """The inequalities with many entries."""
    entries = np.bincount(np.asarray(lp.a_matrix_.index_), minlength=lp.num_row_)
    return np.flatnonzero((low != high) & (entries >= SHARED)).astype(np.int32)


Places = npt.NDArray[np.intp]
KINDS = {int(one): one for one in highspy.HighsBasisStatus.__members__.values()}
"""HiGHS's statuses of a column or row in a basis, by number."""


@dataclass(frozen=True, eq=False)
class Merged:
    """A program with one tier where several columns act alike: as wide as all of them, at their mean price.

    Parameters
    ----------
    program : with fewer columns. columns : which of the whole program they are.
    tier, row : shape (tiers,), all tiers, each row's in the order in which stock fills them, and of which row each is.
    first : shape (rows,), the tier whose column stands for those of its row.
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
        tiers, rows : shape (tiers,), their columns, and of which row each is, from 0 without a gap.
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
    """A runner of a race: runs the program with merged tiers, and from there the whole one that `highs` holds.

    Parameters
    ----------
    highs : holds the whole program. begin : holds the merged one. merged : how one is read as the other.
    stopped : whether somebody wants it to end.
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
        """The merged program, then the whole one; where the first has no optimum, the whole one has its own status."""
        highs, started = self.highs, time.perf_counter()
        limit = highs.getOptionValue("time_limit")[1]
        self.begin.run()
        if self.begin.getModelStatus() == OPTIMAL and not self.stopped:
            held = self.begin.highs if isinstance(self.begin, LinkingLast) else self.begin
            highs.setBasis(self.merged.parts(held.getBasis(), np.asarray(held.getSolution().col_value)))
            # Few steps are left: nothing is worked out for them first, and the costs stay as they are.
            highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
            highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0)
        if not self.stopped:
            highs.setOptionValue("time_limit", max(limit - (time.perf_counter() - started), 0.0))
            highs.run()


def stated(columns: npt.NDArray[np.int64], rows: list[highspy.HighsBasisStatus]) -> highspy.HighsBasis:
    """A basis as HiGHS takes it, of the numbers of its columns' statuses."""
    found = highspy.HighsBasis()
    found.col_status, found.row_status = [KINDS[one] for one in columns.tolist()], rows
    found.valid = True
    return found
