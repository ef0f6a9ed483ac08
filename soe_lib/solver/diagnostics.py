"""Checks before a run and errors after it; each message says what is wrong, where, and how to fix it.

`Watch` follows the progress of a run and stops it: HiGHS calls back from the thread that it runs in.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.errors import SolveError
from soe_lib.solver.budget import PROGRESS
from soe_lib.solver.program import Floats, Program
from soe_lib.solver.race import Highs, lp

LEAST, MOST = 1e-9, 1e15
"""HiGHS silently drops coefficients up to LEAST and refuses those from MOST on."""
KINDS = highspy.HighsModelStatus
UNPROVEN = (KINDS.kInfeasible, KINDS.kUnbounded, KINDS.kUnboundedOrInfeasible, KINDS.kUnknown, KINDS.kSolveError)


def check(program: Program) -> None:
    """Refuse invalid figures: NaN anywhere, an infinite cost or effect, a bound that no value satisfies.

    HiGHS ignores a NaN coefficient, accepts a NaN cost, and still calls its answer optimal.
    """
    for what, bad in _unusable(program):
        if bad.size:
            raise SolveError(
                f"refused: {bad.size} values of {what} are NaN or infinite, first of "
                f"{_where(program, what, int(bad[0]))}; correct the table that they come from",
                status="refused",
            )


def _unusable(program: Program) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Each kind of figure, and the columns (or rows) where it is invalid."""
    yield "money", np.flatnonzero(~np.isfinite(program.cost))
    yield "effect", _columns(program, ~np.isfinite(program.matrix.data))
    yield "lower bound", np.flatnonzero(~(program.lower < np.inf))
    yield "upper bound", np.flatnonzero(~(program.upper > -np.inf))
    sides = (program.row_lower < np.inf) & (program.row_upper > -np.inf)
    yield "right-hand side", np.flatnonzero(~sides)


def _columns(program: Program, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The columns of some entries of the matrix."""
    return np.searchsorted(program.matrix.indptr, np.flatnonzero(which), side="right") - 1


def _where(program: Program, what: str, at: int) -> str:
    parts = program.rows if what == "right-hand side" else program.columns
    return f"{'constraint' if what == 'right-hand side' else 'flow'} {_owner(parts, at)}"


def _owner(parts: Mapping[str, slice], at: int) -> str:
    return next((name for name, place in parts.items() if place.start <= at < place.stop), str(at))


def refusal(status: highspy.HighsModelStatus, program: Program, seconds: float) -> SolveError:
    """The error for a run that ended without a proof.

    Parameters
    ----------
    status : how HiGHS ended.
    program : the program.
    seconds : the time limit of the run [s].
    """
    if status in UNPROVEN and (ignored := _ignored(program)):
        return SolveError(f"scaling: {ignored}", status="scaling")
    name, advice = {
        KINDS.kInfeasible: ("infeasible", "no plan keeps every promise; `soe conflict` names the cheapest to break"),
        KINDS.kUnbounded: (
            "unbounded",
            f"{_without_limit(program)} without limit: check for an end value above cost, or set a maximum",
        ),
        KINDS.kUnboundedOrInfeasible: ("infeasible_or_unbounded", "both are possible; check end values and promises"),
        KINDS.kModelEmpty: ("empty", "the program has no quantities; check that the horizon contains demand"),
        KINDS.kTimeLimit: ("limit", f"no proof within {seconds:.0f} s; raise the time limit or accept a larger gap"),
        KINDS.kIterationLimit: ("limit", "no proof within the iteration limit; raise it"),
        KINDS.kMemoryLimit: ("limit", "no proof within the memory limit; shorten the horizon"),
        KINDS.kInterrupt: ("limit", "the run was stopped from outside before it had a proof; run it again"),
    }.get(
        status,
        ("error", f"HiGHS ended with {status.name}; check for figures outside [1e-3, 1e6], or use another solver"),
    )
    return SolveError(f"{name}: {advice}", status=name)


def _ignored(program: Program) -> str:
    """Names the figures that are too small or too large for the solver; blank where there are none."""
    size = np.abs(program.matrix.data)
    cells = _columns(program, ((size > 0) & (size <= LEAST)) | (size >= MOST))
    far = np.flatnonzero(np.abs(program.cost) >= MOST)
    if not cells.size and not far.size:
        return ""
    first = _owner(program.columns, int(cells[0] if cells.size else far[0]))
    return (
        f"{cells.size + far.size} figures are outside [{LEAST:.0e}, {MOST:.0e}], first of flow {first}; the solver "
        "cannot use them; choose another unit"
    )


def _zero(limit: Floats) -> Floats:
    return np.where(np.isfinite(limit), 0.0, limit)


def cone(program: Program) -> Program:
    """The recession cone, cut at ±1: finite limits and bounds become 0, infinite bounds become ±1."""
    return replace(
        program,
        row_lower=_zero(program.row_lower),
        row_upper=_zero(program.row_upper),
        lower=np.where(np.isfinite(program.lower), 0.0, -1.0),
        upper=np.where(np.isfinite(program.upper), 0.0, 1.0),
        integer=np.zeros(len(program.cost), bool),
    )


def look(program: Program, seconds: float) -> None:
    """Check that a program is feasible and bounded; raises SolveError where it is not.

    Parameters
    ----------
    seconds : time limit of each of the two checks [s]; a check that reaches it raises nothing.
    """
    highs = _quiet(program, seconds)
    highs.changeColsCost(len(program.cost), np.arange(len(program.cost)), np.zeros(len(program.cost)))
    highs.run()
    if highs.getModelStatus() == KINDS.kInfeasible:
        raise refusal(KINDS.kInfeasible, program, seconds)
    highs = _quiet(cone(program), seconds)
    highs.run()
    if highs.getModelStatus() == KINDS.kOptimal and highs.getInfo().objective_function_value < -1e-6:
        raise refusal(KINDS.kUnbounded, program, seconds)


def _quiet(program: Program, seconds: float = math.inf) -> Highs:
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", seconds)
    highs.passModel(lp(program))
    return highs


def _without_limit(program: Program) -> str:
    """The flows that grow together and earn money without limit: the best ray of the recession cone."""
    highs = _quiet(cone(program))
    highs.run()
    if highs.getModelStatus() != KINDS.kOptimal:
        return "some flow earns money"
    direction = np.asarray(highs.getSolution().col_value)
    growing = [name for name, place in program.columns.items() if (np.abs(direction[place]) > LEAST).any()]
    return f"flow {', '.join(growing)} earns money" if growing else "some flow earns money"


GLANCE = 0.05
"""Least time between two updates of the progress [s]; HiGHS calls back at every iteration."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Parameters
    ----------
    seconds : since it began. iterations : of the linear solver, or nodes of the search for whole numbers.
    whole : whether the run searches for whole numbers. incumbent : money of the best plan so far; None if none yet.
    bound : money that no plan exceeds; None where it is not known. Both in the sense of maximising [money].
    """

    seconds: float = 0.0
    iterations: int = 0
    whole: bool = False
    incumbent: float | None = None
    bound: float | None = None

    @property
    def gap(self) -> float | None:
        """(bound − incumbent) ÷ |incumbent|; None where either is not known."""
        if self.incumbent is None or self.bound is None:
            return None
        return max(self.bound - self.incumbent, 0.0) / max(abs(self.incumbent), 1.0)


class Watch:
    """Progress and cancellation of HiGHS runs, for `SolverOptions(watch=…)`; may be called from another thread.

    `cancel` stops a run without an answer (SolveError with status "cancelled"). `take` stops the search for whole
    numbers at the best plan so far, as soon as there is one; the answer states its gap. Call `clear` before the next
    run.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> Watch:
        """Reset the requests and the progress."""
        self.cancelled = self.taking = False
        self.progress = Progress()
        self._started, self._seen = time.perf_counter(), 0.0
        return self

    def cancel(self) -> None:
        """Stop the run without an answer."""
        self.cancelled = True

    def take(self) -> None:
        """Stop the search for whole numbers as soon as there is a plan."""
        self.taking = True

    @property
    def stopped(self) -> bool:
        """Whether `cancel` or `take` was called."""
        return self.cancelled or self.taking

    def follow(self, highs: highspy.Highs, offset: float = 0.0) -> highspy.Highs:
        """Attach to the callbacks of a solver; its objective (−money) leaves the constant `offset` out."""
        highs.cbSimplexInterrupt += self._linear
        highs.cbIpmInterrupt += self._linear
        highs.cbMipInterrupt += lambda event: self._whole(event, offset)
        return highs

    def again(self) -> None:
        """Forget incumbent and bound: another search begins."""
        self.progress = Progress(self._seconds)

    def better(self, incumbent: float, bound: float | None = None) -> None:
        """Record a plan found outside the followed run; both figures in the sense of maximising [money]."""
        known = self.progress
        best = incumbent if known.incumbent is None else max(known.incumbent, incumbent)
        self._update(Progress(self._seconds, known.iterations, True, best, known.bound if bound is None else bound))

    def said(self, currency: str = "") -> str:
        """The progress in one line: elapsed, best, bound, gap."""
        known, unit = self.progress, f"{currency} " if currency else ""
        best = "no plan yet" if known.incumbent is None else f"best {unit}{known.incumbent:,.0f}"
        bound = "" if known.bound is None else f", at most {unit}{known.bound:,.0f}"
        gap = "" if known.gap is None else f", gap {known.gap:.2%}"
        return f"{self._seconds:,.0f} s: {best}{bound}{gap}"

    def _linear(self, event: Any) -> None:
        if self.cancelled:
            event.interrupt()
        if self._due():
            figures = event.data_out
            count = int(max(figures.simplex_iteration_count, figures.ipm_iteration_count, 0))
            # Unfinished simplex has no feasible plan, and its objective is no bound while costs are perturbed.
            known = self.progress
            self._update(Progress(self._seconds, count, known.whole, known.incumbent, known.bound))

    def _whole(self, event: Any, offset: float) -> None:
        figures = event.data_out
        incumbent, bound = _known(-figures.mip_primal_bound - offset), _known(-figures.mip_dual_bound - offset)
        if self.cancelled or (self.taking and incumbent is not None):
            event.interrupt()
        if self._due() or (incumbent is not None and self.progress.incumbent is None):
            known = self.progress
            both = [value for value in (incumbent, known.incumbent) if value is not None]
            least = [value for value in (bound, known.bound) if value is not None]
            count = int(figures.mip_node_count)
            self._update(Progress(self._seconds, count, True, max(both, default=None), min(least, default=None)))

    def _update(self, progress: Progress) -> None:
        self.progress = progress
        self._seen = progress.seconds

    def _due(self) -> bool:
        return self._seconds - self._seen >= GLANCE

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._started


class Noted(Watch):
    """Writes the progress of a search for whole numbers to a file, about once a second."""

    def __init__(self, path: str) -> None:
        self.path, self._written = path, 0.0
        super().__init__()

    def _update(self, progress: Progress) -> None:
        super()._update(progress)
        if progress.whole and time.monotonic() - self._written >= 1.0:
            self._written = time.monotonic()
            with suppress(OSError):  # a run must not fail because its progress cannot be written
                Path(self.path).write_text(self.said(), encoding="utf-8")


def of_process() -> Watch | None:
    """The watch that writes to this process's progress file; None where none is set."""
    path = os.environ.get(PROGRESS, "")
    return Noted(path) if path else None


FIRST_WORD, LATER = 5.0, 30.0
"""Seconds to the first progress line of a log, and between later ones; a terminal is updated every second."""


@contextmanager
def shown(watch: Watch, stream: TextIO, currency: str) -> Iterator[Watch]:
    """Write the progress of a run to a stream while it runs: in place on a terminal, as occasional lines in a log."""
    ended, live = threading.Event(), stream.isatty()

    def write() -> None:
        wait = 1.0 if live else FIRST_WORD
        while not ended.wait(wait):
            text = watch.said(currency)
            stream.write(f"\r\x1b[2K{text}" if live else f"{text}\n")
            stream.flush()
            wait = 1.0 if live else LATER

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield watch
    finally:
        ended.set()
        writer.join()
        if live:
            stream.write("\r\x1b[2K")


def _known(value: float) -> float | None:
    return value if math.isfinite(value) and abs(value) < highspy.kHighsInf else None
