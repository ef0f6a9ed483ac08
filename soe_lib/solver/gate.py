"""The one gate to HiGHS: a proven answer or an error, and prices with one sign.

A program goes in (minimise −money; equations first, then <=); an Answer in the sense of maximising comes out. A price
is the money that one more unit of right-hand side would earn.

The same inputs give the same plan. LP: the plan is the same unit for unit, for any order of rows and blocks and any
solver, since the weights select one of the optimal plans. Whole numbers: any order of tables and blocks gives the
solver the same program, bit for bit, and the same version of HiGHS with the same options takes the same steps; with the
pattern of whole numbers fixed, the weights decide the remaining LP as above. Not guaranteed: another version of HiGHS,
another number of threads, or a run that ends at its time limit may choose another pattern. The money of that plan lies
within the gap that it states.
"""

from __future__ import annotations

import time
from dataclasses import replace

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.solver import budget, whole_numbers
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.budget import TALLY
from soe_lib.solver.diagnostics import check, of_process, refusal
from soe_lib.solver.program import Floats, Program
from soe_lib.solver.race import (
    DEVEX,
    INTERIOR,
    LARGE,
    PATIENCE,
    RUNNERS,
    Highs,
    LinkingLast,
    Merged,
    MergedFirst,
    Runner,
    lp,
    race,
)
from soe_lib.solver.tie_break import optimal_face
from soe_lib.solver.whole_numbers import Begun, rounded, search

PROVEN = highspy.HighsModelStatus.kOptimal
OK = highspy.HighsStatus.kOk
SHORTEST = 0.5
"""A search with fewer seconds left does not start."""
LOST = (
    highspy.HighsModelStatus.kNotset,
    highspy.HighsModelStatus.kUnknown,
    highspy.HighsModelStatus.kSolveError,
    highspy.HighsModelStatus.kIterationLimit,
)
CHOOSE, DUAL, SHARED, PRIMAL = 0, 1, 2, 4
"""HiGHS's numbers of the simplex methods: its choice, dual, dual with a step shared among threads, primal."""

HOPE = 1.5
"""How much longer simplex runs alone when it starts warm."""

DRIFT = 1e-8
"""Reduced cost of a basic column, as a share of the largest cost, from which the basis is factored and run again."""

MANY = 100_000
"""Iteration limit of a warm start: the largest measured took 6,200."""


class Gate:
    """One HiGHS that holds one program.

    Parameters
    ----------
    program : the program as HiGHS takes it.
    options : limits.
    merged : the same program with fewer tiers, from whose answer simplex begins.
    """

    def __init__(self, program: Program, options: SolverOptions | None = None, merged: Merged | None = None) -> None:
        self.program, self.options, self.merged = program, options or SolverOptions(), merged
        if self.options.watch is None and program.integer.any() and (watch := of_process()) is not None:
            self.options = replace(self.options, watch=watch)
        check(program)
        self.highs = self._loaded(program)
        self._warm, self._won, self._strategy = False, self.options.solver, DUAL
        self._pattern_basis: highspy.HighsBasis | None = None
        self._basic: npt.NDArray[np.intp] | None = None
        self._implied = np.zeros(len(program.row_upper), bool)
        if program.integer.any():
            for name in program.implied:
                self._implied[program.rows[name]] = True

    def start_from(self, basis: highspy.HighsBasis, won: str = "simplex") -> Gate:
        """Start the next run from the basis of a program of the same shape; `won` is the solver that found it first."""
        self._warm, self._won = self.highs.setBasis(basis) == highspy.HighsStatus.kOk, won
        if won in INTERIOR and self._size >= LARGE:
            # Many steps will follow: two cores share the work of each, and take two thirds of the time.
            self._strategy = SHARED
            self.highs.setOptionValue("simplex_min_concurrency", min(2, self.options.threads))
            self.highs.setOptionValue("parallel", "on")
            self.highs.setOptionValue("simplex_strategy", SHARED)
        else:  # more steps than steepest edge, each cheaper, and no initial edge weights to compute
            self.highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
        return self

    @property
    def won(self) -> str:
        """The solver that won the cold race for this program, or for the one it was moved from."""
        return self._won

    @property
    def basis(self) -> highspy.HighsBasis:
        """The basis at the end of the last run."""
        return self.highs.getBasis()

    def _loaded(self, program: Program) -> highspy.Highs:
        highs = Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", self.options.threads)
        highs.setOptionValue("mip_rel_gap", self.options.gap)
        highs.setOptionValue("mip_abs_gap", 1e-6)
        # A hundred times tighter than the default: a warm start otherwise ends 1e-6 off its rows.
        highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
        highs.setOptionValue("dual_feasibility_tolerance", 1e-9)
        if highs.passModel(lp(program)) == highspy.HighsStatus.kError:
            raise SolveError("refused: HiGHS takes no figure of 1e15 or more; choose another unit", status="refused")
        return self._watched(highs)

    def _watched(self, highs: highspy.Highs) -> highspy.Highs:
        return self.options.watch.follow(highs, self.program.offset) if self.options.watch else highs

    def answer(self, weights: Floats | None = None) -> Answer:
        """Solve; with weights, move to the vertex of the optimal face that they select.

        Raises SolveError with status infeasible, unbounded, infeasible_or_unbounded, empty, scaling, limit, cancelled
        or error.
        """
        started = time.perf_counter()
        whole = np.flatnonzero(self.program.integer)
        if not whole.size:
            self._run(self.options.solver)
            answer = self._read("optimal", started)
        else:
            answer = self._with_whole_numbers(whole, started)
            if not np.isfinite(answer.bound):
                seconds = f"{self.options.seconds:.0f} s"
                message = f"limit: a plan, but no bound on its money within {seconds}; raise the time limit"
                raise SolveError(message, status="limit")
        return answer if weights is None else self._one_vertex(answer, weights, started)

    def move(self, program: Program) -> Gate:
        """The gate for another program: this one with the differences passed in, or a new one where too many differ.

        A loaded solver starts from its last basis, which pays where few numbers differ. Above a tenth of the rows, or
        ten thousand coefficients, a cold start is faster (measured), and another shape needs one anyway.
        """
        check(program)
        old = self.program
        if old.integer.any() or program.integer.any() or (old.columns, old.rows) != (program.columns, program.rows):
            return Gate(program, self.options)
        rows = _differ((old.row_lower, program.row_lower), (old.row_upper, program.row_upper))
        columns = _differ((old.lower, program.lower), (old.upper, program.upper))
        costs = _differ((old.cost, program.cost))
        # Below 100,000 columns a warm start won with a quarter of all rows changed (0.2 to 0.6 of cold on the demo).
        most = 0.3 if len(old.cost) < 100_000 else 0.1
        entries = _entries(old.matrix, program.matrix)
        if len(rows) > most * len(old.row_upper) or len(entries[0]) > 10_000:
            return Gate(program, self.options)
        for row, column, value in zip(*(part.tolist() for part in entries), strict=True):
            self.highs.changeCoeff(row, column, value)
        if costs.size:
            self.highs.changeColsCost(len(costs), costs, program.cost[costs])
        if columns.size:
            self.highs.changeColsBounds(len(columns), columns, program.lower[columns], program.upper[columns])
        if rows.size:
            self.highs.changeRowsBounds(len(rows), rows, program.row_lower[rows], program.row_upper[rows])
        self.program = program
        return self.after(old)

    def after(self, old: Program, *, optimal: bool = False) -> Gate:
        """Choose the simplex method for a start from the basis of another program.

        Where costs differ or limits are looser, the last vertex may still be feasible, and the primal method continues
        from it: 20 to 50 times faster than the dual one on the demo. HiGHS checks this, and uses the dual method where
        it is infeasible. Tighter limits leave the vertex dual feasible: the dual method continues.

        Parameters
        ----------
        optimal : whether the basis is the optimum of the old program: with other costs it may be feasible even where
            limits are tighter, and is not dual feasible (32,907 dual steps against 32 on the demo's service).
        """
        new = self.program
        if (old.columns, old.rows) != (new.columns, new.rows):
            return self
        pairs = ((new.row_lower, old.row_lower), (old.row_upper, new.row_upper), (new.lower, old.lower))
        looser = all((one <= other).all() for one, other in (*pairs, (old.upper, new.upper)))
        looser |= optimal and not np.array_equal(old.cost, new.cost)
        self.highs.setOptionValue("simplex_strategy", CHOOSE if looser else self._strategy)
        return self

    # -- runs ---------------------------------------------------------------------------------------------------

    def _run(self, solver: str) -> None:
        runners = self._racers(solver)
        if len(runners) > 1:
            patience = PATIENCE * self._size * (HOPE if self._warm else 1.0)
            first, won = race(runners, self._runner, patience)
            self._won = self._won if self._warm else first
            self.highs = won.highs if isinstance(won, LinkingLast | MergedFirst) else won
        else:
            first = runners[0]
            self._alone(first).run()
            self._won = self._won if self._warm else first
        self._factored(self.highs, first)
        status = self.highs.getModelStatus()
        if self._warm and status in LOST and self.highs.setBasis(self.highs.getBasis()) == highspy.HighsStatus.kOk:
            # Rounding errors pile up in updated factors: the same basis, factored again, mostly proves to be optimal
            # (four times of four; 5 ms on 22,749 quantities, where a cold start takes 1.5 s).
            self._ready(self.highs, "simplex").run()
            status = self.highs.getModelStatus()
        if self._warm and status == PROVEN and self._drifted and self.highs.setBasis(self.highs.getBasis()) == OK:
            self._ready(self.highs, "simplex").run()
            status = self.highs.getModelStatus()
        if not self._warm and status in LOST and not self._cancelled:
            status = self._without_presolve()
        if status in LOST and not self._cancelled:
            # From an old basis simplex may fail numerically; a cold start decides.
            self.highs.clearSolver()
            self._warm = False
            self._ready(self.highs, "simplex").run()
            status = self.highs.getModelStatus()
        self._warm = True
        if status != PROVEN:
            self._refuse(status)

    @property
    def _drifted(self) -> bool:
        """Whether prices do not fit their basis: a basic column has a reduced cost, which must be 0.

        HiGHS updates prices from step to step, and checks only the updated ones. Once in a hundred small edits of the
        demo they were 0.01 off after 97 steps of a warm start, and a few steps short of the optimum.
        """
        program, (status, basic) = self.program, self.highs.getBasicVariables()[:2]
        if status != OK:
            return False
        basic = np.asarray(basic)
        off = (program.cost - program.matrix.T @ np.asarray(self.highs.getSolution().row_dual))[basic[basic >= 0]]
        return bool(np.abs(off).max(initial=0.0) > DRIFT * (1.0 + np.abs(program.cost).max(initial=0.0)))

    @property
    def _size(self) -> int:
        """Number of columns that can move; presolve removes the others at once."""
        return int(np.count_nonzero(self.program.lower < self.program.upper))

    def _without_presolve(self) -> highspy.HighsModelStatus:
        """Run interior points without presolve, after a cold run that ended without a proof.

        HiGHS 1.15 may undo its presolve wrongly: over a year of weeks it turned an optimal vertex into one with 16
        wrong reduced costs and 200 of money off, and ended with kUnknown or kNotset. Without presolve the same program
        of 44,643 quantities takes 4 s of processor time, simplex with presolve 21 s.
        """
        highs = self._loaded(self.program)
        highs.setOptionValue("presolve", "off")
        solver = self._won if self._won in INTERIOR else INTERIOR[0]
        self._ready(highs, solver).run()
        self._factored(highs, solver)
        highs.setOptionValue("presolve", "choose")
        status = highs.getModelStatus()
        if status == PROVEN:
            self.highs, self._won = highs, solver
        return status

    def _factored(self, highs: highspy.Highs, solver: str) -> None:
        """Factor the basis of interior points where no simplex run after presolve has; otherwise HiGHS crashes."""
        kinds = highspy.HighsPresolveStatus
        reduced = highs.getModelPresolveStatus() in (kinds.kReduced, kinds.kReducedToEmpty)
        if solver in INTERIOR and not reduced and highs.getModelStatus() == PROVEN:
            highs.setBasis(highs.getBasis())
            self._ready(highs, "simplex").run()

    def _racers(self, solver: str) -> tuple[str, ...]:
        """The solvers to run: warm simplex, joined after a time by the winner of the cold race if that was another one.

        Where interior points win, simplex takes many steps, even from a similar program's basis.
        """
        if solver != "auto" and not (self._warm and self.options.solver == "auto"):
            return ("simplex",) if self._warm else (solver,)
        if self._size < LARGE:
            return ("simplex",)
        if not self._warm:
            return RUNNERS
        return ("simplex", self._won) if self._won in INTERIOR else ("simplex",)

    def _runner(self, solver: str) -> Runner:
        """A solver of the race, holding the program; simplex is the gate's own."""
        if solver == "simplex" and self._warm:
            self.highs.ahead = True  # warm simplex first has both cores to itself; then another solver joins
            return self._ready(self.highs, solver)
        if solver == "simplex" and self.merged is not None:
            begin = LinkingLast(self._ready(self._loaded(self.merged.program), solver), self._watched(Highs()))
            return MergedFirst(self._ready(self.highs, solver), begin, self.merged)
        if solver == "simplex":
            return LinkingLast(self._ready(self.highs, solver), self._watched(Highs()))
        return self._ready(self._loaded(self.program), solver)

    def _alone(self, solver: str) -> Runner:
        """The gate's own solver, without a race."""
        highs = self._ready(self.highs, solver)
        if self._warm or solver != "simplex" or self.merged is None:
            return highs
        return MergedFirst(highs, self._ready(self._loaded(self.merged.program), solver), self.merged)

    def _ready(self, highs: highspy.Highs, solver: str) -> highspy.Highs:
        highs.setOptionValue("solver", solver)
        # Perturbed costs keep a cold start from stalling, but send a warm one, near its end, on a detour: without them
        # a line down for a week took a third to a half of the iterations (100,000 to 315,000 quantities, BOM).
        highs.setOptionValue("dual_simplex_cost_perturbation_multiplier", 0.0 if self._warm else 1.0)
        highs.setOptionValue("simplex_iteration_limit", MANY if self._warm else highspy.kHighsIInf)
        # HiGHS adds up the run time of all runs of one object, so the limit moves along.
        highs.setOptionValue("time_limit", highs.getRunTime() + self.options.seconds)
        return highs

    @property
    def _cancelled(self) -> bool:
        return self.options.watch is not None and self.options.watch.cancelled

    def _refuse(self, status: highspy.HighsModelStatus) -> None:
        kinds = highspy.HighsModelStatus
        if self._cancelled:
            raise SolveError("cancelled: the run was stopped before it had an answer", status="cancelled")
        if status == kinds.kUnboundedOrInfeasible:
            status = self._infeasible_or_unbounded(status)
        raise refusal(status, self.program, self.options.seconds)

    def _infeasible_or_unbounded(self, status: highspy.HighsModelStatus) -> highspy.HighsModelStatus:
        """Decide by a run with zero costs, which can only be infeasible or optimal."""
        size = len(self.program.cost)
        columns = np.arange(size, dtype=np.int32)
        self.highs.changeColsCost(size, columns, np.zeros(size))
        self.highs.run()
        found = self.highs.getModelStatus()
        self.highs.changeColsCost(size, columns, self.program.cost)
        kinds = highspy.HighsModelStatus
        return {kinds.kInfeasible: kinds.kInfeasible, PROVEN: kinds.kUnbounded}.get(found, status)

    def _with_whole_numbers(self, whole: npt.NDArray[np.intp], started: float) -> Answer:
        """Prove the whole numbers, then fix them: the remaining LP gives prices and an exact vertex."""
        highs = self.highs
        if self.options.watch is not None:
            self.options.watch.again()
        found, bound, relaxed, pattern, proven = self._whole_numbers(whole)
        count, which = len(whole), whole.astype(np.int32)
        highs.changeColsIntegrality(count, which, np.full(count, highspy.HighsVarType.kContinuous))
        highs.changeColsBounds(count, which, found, found)
        self._release_implied()
        # The basis of branch and bound does not belong to this LP.
        self._warm = self._pattern_basis is not None and highs.setBasis(self._pattern_basis) == highspy.HighsStatus.kOk
        self._run("simplex")
        answer = self._read("optimal" if proven else "feasible", started)
        gap = max(bound - answer.objective, 0.0) / max(1.0, abs(answer.objective))
        if pattern:
            TALLY.note("proven" if proven else pattern, gap)
        return replace(answer, bound=bound, gap=gap, whole=whole, relaxed=relaxed, pattern=pattern)

    def _whole_numbers(self, whole: npt.NDArray[np.intp]) -> tuple[Floats, float, float, str, bool]:
        """The whole numbers, the bound, the optimum of the relaxation, the kind of pattern, and whether proven."""
        program, offset = self.program, self.program.offset
        if budget.left() is None or program.hints is None or program.hints.start is None:
            found, bound, proven = self._searched(whole, budget.seconds(self.options.seconds, again=False))
            short = budget.left() is not None and not proven
            relaxed = -whole_numbers.relaxed(program, self.options.threads) - offset if short else np.nan
            return found, (bound if np.isnan(relaxed) else min(bound, relaxed)), relaxed, "", proven
        kept = whole_numbers.keep(self.highs, program, whole)
        if kept is None:
            seconds = budget.seconds(self.options.seconds, again=False)
            found, bound, proven = self._searched(whole, seconds)
            return found, bound, np.nan, "searched", proven
        value = -kept.objective - offset
        relaxed = -whole_numbers.relaxed(program, self.options.threads) - offset
        size = max(1.0, abs(value))
        if relaxed - value <= max(self.options.gap * size, 1e-6):
            return self._held(kept), relaxed, relaxed, "kept", True
        seconds = budget.seconds(self.options.seconds, again=True)
        if not whole_numbers.pays(program, (relaxed - value) / size):
            return self._held(kept), relaxed, relaxed, "kept", False
        start, how = Begun(kept.objective, kept.values, -relaxed - offset), "kept"
        other = rounded(program, whole, self.options.threads, "relaxed")
        if other is not None and other.objective < start.objective:
            start, how, value = replace(other, bound=start.bound), "searched", -other.objective - offset
        if seconds < SHORTEST or not whole_numbers.pays(program, (relaxed - value) / max(1.0, abs(value))):
            return start.values, relaxed, relaxed, how, False
        found, tighter, proven = self._searched(whole, seconds, start)
        return found, min(relaxed, tighter), relaxed, "searched", proven

    def _held(self, kept: whole_numbers.Held) -> Floats:
        """The whole numbers of a plan with a known pattern, whose LP is already solved."""
        self._pattern_basis = kept.basis
        return kept.values

    def _searched(
        self, whole: npt.NDArray[np.intp], seconds: float, start: Begun | None = None
    ) -> tuple[Floats, float, bool]:
        """The whole numbers of the best plan of a search, a bound, and whether that plan is proven.

        Parameters
        ----------
        start : a plan that is known to be feasible.
        """
        highs, kinds, watch = self.highs, highspy.HighsModelStatus, self.options.watch
        best = search(highs, self.program, seconds, watch, start)
        if best is None and not self._has_plan and highs.getModelStatus() == kinds.kTimeLimit and budget.left():
            # A plan now is worth more than time for later ones.
            best = search(highs, self.program, (budget.left() or 0.0) * (1.0 - budget.AGAIN), watch)
        status, info = highs.getModelStatus(), highs.getInfo()
        bound = float(info.mip_dual_bound) if best is None else best.bound
        ended = status in (kinds.kTimeLimit, kinds.kInterrupt, kinds.kSolutionLimit) and not self._cancelled
        if status != PROVEN and not (ended and (self._has_plan or best is not None)):
            self._refuse(status)
        found = np.rint(np.asarray(highs.getSolution().col_value)[whole])
        if status != PROVEN and best is not None:
            theirs = float(info.objective_function_value) if self._has_plan else np.inf
            found = found if theirs < best.objective else best.values
        return found, -bound - self.program.offset, status == PROVEN

    @property
    def _has_plan(self) -> bool:
        return bool(self.highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible)

    def _release_implied(self) -> None:
        """Free the rows that only helped to find the whole numbers; otherwise they would share the prices."""
        rows = np.flatnonzero(self._implied).astype(np.int32)
        free = np.full(len(rows), np.inf)
        if rows.size:
            self.highs.changeRowsBounds(len(rows), rows, -free, free)

    def _read(self, status: str, started: float) -> Answer:
        solution, info = self.highs.getSolution(), self.highs.getInfo()
        objective = -float(info.objective_function_value) - self.program.offset
        return Answer(
            status=status,
            objective=objective,
            bound=objective,
            gap=0.0,
            x=self._refined(np.asarray(solution.col_value)),
            price=-np.asarray(solution.row_dual),
            reduced=-np.asarray(solution.col_dual),
            seconds=time.perf_counter() - started,
            solver=f"HiGHS {self.highs.version()} {self._won}",
            iterations=int(info.simplex_iteration_count),
        )

    def _refined(self, x: Floats) -> Floats:
        """One step of iterative refinement on the final basis: B dx = residual of the binding rows.

        After many updates of its factors the simplex method reports a vertex that is 1e-6 off its own rows. This step
        reduces that to rounding error, for the cost of one solve with the factors (Gill, Murray & Wright 1991, §4.3).
        """
        program = self.program
        self._basic = None
        status, basic = self.highs.getBasicVariables()[:2]
        if status != highspy.HighsStatus.kOk:
            return x  # no basis: an interior answer stays as it is, and the certificate checks it
        basic = self._basic = np.asarray(basic)
        activity = program.matrix @ x
        to_lower, to_upper = program.row_lower - activity, program.row_upper - activity
        missing = np.where(np.abs(to_upper) <= np.abs(to_lower), to_upper, to_lower)
        missing[-1 - basic[basic < 0]] = 0.0  # a basic row has slack and does not bind
        missing[self._implied] = 0.0
        missing[~np.isfinite(missing)] = 0.0  # a row without limits never binds
        status, step = self.highs.getBasisSolve(missing)[:2]
        if status != highspy.HighsStatus.kOk:
            return x
        better, own = x.copy(), basic >= 0
        better[basic[own]] += np.asarray(step)[own]
        return np.clip(better, program.lower, program.upper)

    # -- one of several optimal plans -----------------------------------------------------------------------------

    def _one_vertex(self, answer: Answer, weights: Floats, started: float) -> Answer:
        """Minimise the weights on the optimal face: the plan is the same, whichever solver won.

        Money, prices and the basis for later runs remain those of the first answer.
        """
        program = self.program
        face = optimal_face(program, *self._bounds_now(answer), answer.x, answer.price, answer.reduced, weights)
        if not face.free.size:
            return answer
        try:
            gate = Gate(face.program, replace(self.options, solver="simplex"))
            if self._basic is not None:
                # This vertex is feasible on the face, and mostly few steps from the wanted one.
                gate.start_from(face.vertex(answer.x, self._basic)).highs.setOptionValue("simplex_strategy", PRIMAL)
            x = face.whole(gate.answer().x)
        except SolveError:
            if self._cancelled:
                raise
            return answer  # the face is numerically too thin: the first vertex is equally good and proven
        if abs(float(program.cost @ (x - answer.x))) > 0.004:
            return answer
        return replace(answer, x=x, seconds=time.perf_counter() - started)

    def _bounds_now(self, answer: Answer) -> tuple[Floats, Floats]:
        low, high = self.program.lower.copy(), self.program.upper.copy()
        low[answer.whole] = high[answer.whole] = np.rint(answer.x[answer.whole])
        return low, high


def distance(old: Program, new: Program) -> float:
    """Number of right-hand sides, bounds and costs that differ; infinite for other shapes or whole numbers."""
    if (old.columns, old.rows) != (new.columns, new.rows) or old.integer.any() or new.integer.any():
        return float("inf")
    rows = _differ((old.row_lower, new.row_lower), (old.row_upper, new.row_upper))
    columns = _differ((old.lower, new.lower), (old.upper, new.upper), (old.cost, new.cost))
    return float(len(rows) + len(columns))


def _differ(*pairs: tuple[Floats, Floats]) -> npt.NDArray[np.int32]:
    """Where any of the pairs of vectors differ."""
    return np.flatnonzero(np.any([one != other for one, other in pairs], axis=0)).astype(np.int32)


def _entries(old: sp.csc_array, new: sp.csc_array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Row, column and new value of the coefficients that differ."""
    if new is old:
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(0)
    if np.array_equal(old.indptr, new.indptr) and np.array_equal(old.indices, new.indices):
        at = np.flatnonzero(old.data != new.data)
        return new.indices[at].astype(np.intp), np.searchsorted(new.indptr, at, side="right") - 1, new.data[at]
    changed = (new - old).tocoo()
    changed.eliminate_zeros()
    row, column = (place.astype(np.intp) for place in changed.coords)
    return row, column, np.asarray(new[row, column]).ravel()
