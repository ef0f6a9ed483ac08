"""The controller of the workbench: scenarios in, answers out, one after another beside the page; no widget."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import SoeError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.living import Living
from soe_lib.model.planning import plan
from soe_lib.model.record import Recorded, of_record
from soe_lib.review import words
from soe_lib.review.week import Week
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.diagnostics import Watch
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import BASE, Scenario
from soe_lib.whatif.why_not import moves
from soe_lib.workbench import answer
from soe_lib.workbench.answer import Answer, Change, Draft, Seconds
from soe_lib.workbench.control import Choices, Note, Part

if TYPE_CHECKING:
    from soe_lib.model.extra import Extra
    from soe_lib.solver.answer import SolverOptions
    from soe_lib.whatif.edits import Edit


TICK = 0.25
"""How often it is told how long the work takes [s]."""
ANSWER = "answer"
"""The kind of work that a change by hand asks for; it is done before all that waits."""


@dataclass(frozen=True)
class _Task:
    """A piece of work of a kind, and who hears of its result or its error."""

    kind: str
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Runner:
    """Runs one piece of work at a time. What comes meanwhile waits: the newest of each kind, and no kind ends another.

    Without an event loop (a script, a test) the work is done on the spot.

    Parameters
    ----------
    tick : called every quarter of a second while work is running, with its seconds so far.
    ended : called when a piece of work is over, before its result is told.
    """

    def __init__(self, tick: Callable[[float], None], ended: Callable[[], None] = lambda: None) -> None:
        self.tick, self.ended = tick, ended
        self.busy, self.kind = False, ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="soe-workbench")
        self._waiting: dict[str, _Task] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0

    @property
    def waiting(self) -> bool:
        """Whether anything waits for what is running."""
        return bool(self._waiting)

    def asked(self, kind: str) -> bool:
        """Whether work of a kind waits."""
        return kind in self._waiting

    @property
    def outdated(self) -> bool:
        """Whether something newer of its own kind waits for what is running."""
        return self.busy and self.kind in self._waiting

    def ask(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        kind: str = ANSWER,
    ) -> None:
        """Do some work; `done` gets its result, or `failed` its error, on the page's own thread.

        Parameters
        ----------
        kind : of the work; what waits is replaced by newer work of the same kind, and by no other.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._finish(work, done, failed)
            return
        self._waiting[kind] = _Task(kind, work, done, failed)
        if not self.busy:
            self._start(loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        task = self._waiting.pop(ANSWER if ANSWER in self._waiting else next(iter(self._waiting)))
        self.busy, self.kind, self._began = True, task.kind, time.monotonic()
        self._timer = loop.call_later(TICK, self._tick, loop)
        future = self._pool.submit(task.work)
        future.add_done_callback(lambda ended: loop.call_soon_threadsafe(self._ended, loop, ended, task))

    def _ended(self, loop: asyncio.AbstractEventLoop, future: Future[Any], task: _Task) -> None:
        self.busy, self.kind = False, ""
        if self._timer is not None:
            self._timer.cancel()
        try:
            try:
                self.ended()
            finally:  # whoever asked hears of it, and what waits is done, whatever the page makes of it
                self._finish(future.result, task.done, task.failed)
        finally:
            if self._waiting and not self.busy:
                self._start(loop)

    def _finish(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            done(work())
        except Exception as error:  # of the result's telling too: whoever asked must not wait for ever
            failed(error)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.busy:
            self._timer = loop.call_later(TICK, self._tick, loop)  # first: a word that cannot be said ends no telling
            self.tick(time.monotonic() - self._began)


Asked = Scenario | Draft
"""What can be answered: a scenario of any edits, or one in the making."""

CANCELLED = "cancelled"

PATIENCE = 60.0
"""How long a single trial may take before it is given up [s]."""

KNOWN = 64
"""How many answers are remembered: what was asked before is not solved again."""

LOST = ("error", "uncertified")
"""What a solver says that has lost its way, rather than found that there is no plan."""


class Explorer:
    """One snapshot, kept alive in one solver: every trial is answered beside the same base.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    record : plan of record that the fence of settings.toml keeps to, as in the pack's own plan; left out: as for
        `soe.plan`.
    extra : constraints and terms of your own in CVXPY, kept in every trial, as for `soe.plan`.
    options : limits of the solver for each trial.

    Raises SoeError where the snapshot itself has no plan: there is nothing to compare with.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        extra: Extra | None = None,
        record: Recorded = "find",
        options: SolverOptions | None = None,
    ) -> None:
        started = time.perf_counter()
        self.snapshot, self.record, self.watch = snapshot, of_record(snapshot, record), Watch()
        self._one = threading.RLock()  # the page asks from its own thread, and a cell may ask meanwhile
        self.options = replace(options or SolverOptions(seconds=PATIENCE), watch=self.watch)
        self.living = Living(snapshot, extra=extra, record=self.record, options=self.options)
        self._figures = answer.figures(self.living.base)
        self.base = self._told(Draft(), Scenario(BASE), snapshot, self.living.base, (), started, 0.0)
        self._parts: dict[Change, Part | None] = {}
        self._known: OrderedDict[tuple[Edit, ...], Answer] = OrderedDict()

    @property
    def alone(self) -> AbstractContextManager[Any]:
        """Held while the living solver is used, so that a page and a cell take turns: `with explorer.alone: …`."""
        return self._one

    def answer(self, trial: Asked) -> Answer:
        """What a trial, a draft or any scenario is worth beside the base; the history stays as it is.

        One without a plan (promises that cannot all be kept, a table that cannot take the change) answers with a
        message; so does one that `watch.cancel()` ended, from another thread.
        """
        with self._one:
            self.watch.clear()  # before the editing: a press of Cancel meanwhile must be heard
            return self._answered(trial)

    def _answered(self, trial: Asked) -> Answer:
        started = time.perf_counter()
        if trial == Draft():
            return self.base
        scenario: Scenario | None = None
        notes: tuple[Note, ...] = ()
        try:
            scenario, notes = self.recorded(trial)
            if not scenario.edits and not scenario.blocks:
                spent = Seconds(edit=time.perf_counter() - started)
                return replace(self.base, trial=trial, scenario=scenario, notes=notes, seconds=spent)
            if not scenario.blocks and (known := self._known.get(scenario.edits)) is not None:
                self._known.move_to_end(scenario.edits)
                spent = Seconds(edit=time.perf_counter() - started)
                return replace(known, trial=trial, scenario=scenario, seconds=spent)
            changed = _applied(self.snapshot, scenario, checked=not _by_controls(trial))
            ready = time.perf_counter()
            plan = self._solved(changed, scenario)
        except SoeError as error:
            currency = self.snapshot.currency
            return Answer(trial=trial, currency=currency, scenario=scenario, notes=notes, message=str(error))
        notes = _seen(notes, plan, self.living.base, scenario)
        told = self._told(trial, scenario, changed, plan, notes, ready, ready - started)
        if not scenario.blocks:
            self._known[scenario.edits] = told
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
        return told

    def told(self, plan: Plan, snapshot: Snapshot) -> Answer:
        """Any other plan of the snapshot, such as a point of a frontier, beside the base."""
        return self._told(Scenario(plan.name), Scenario(plan.name), snapshot, plan, (), time.perf_counter(), 0.0)

    def solve(self, snapshot: Snapshot, scenario: Scenario) -> Plan:
        """The plan of a changed snapshot from the living solver; `soe.compare(…, solve=explorer.solve)` takes it."""
        with self._one:
            self.watch.clear()
            return self._solved(snapshot, scenario)

    def _solved(self, snapshot: Snapshot, scenario: Scenario) -> Plan:
        if not scenario.blocks:
            try:
                return self.living.plan(snapshot, name=scenario.name)
            except SolveError as error:
                if error.status == CANCELLED:
                    self.living.restart()
                if error.status not in LOST:
                    raise
                # From an old basis the solver may lose its way numerically; a cold solve decides.
        own = (*self.living.own, *scenario.blocks)
        return plan(snapshot, blocks=own, record=self.record, options=self.options, name=scenario.name)

    def exceptions(self) -> tuple[str, ...]:
        """What this week's exceptions are called, the most money first; a scenario may be offered for one."""
        return self._exceptions

    @cached_property
    def _exceptions(self) -> tuple[str, ...]:
        return tuple(issue.key for issue in Week.of(self.snapshot, self.living.base, self.record).found)

    @cached_property
    def choices(self) -> Choices:
        """What the controls offer."""
        return Choices(self.snapshot, self.living.base)

    def recorded(self, trial: Asked) -> tuple[Scenario, tuple[Note, ...]]:
        """What is asked as recorded edits, and what each change touches, without planning anything."""
        if isinstance(trial, Draft):
            return trial.recorded(self.snapshot, self._parts)
        return trial, _touched(self.snapshot, trial)

    def _told(
        self,
        trial: Asked,
        scenario: Scenario,
        snapshot: Snapshot,
        plan: Plan,
        notes: tuple[Note, ...],
        since: float,
        edit: float,
    ) -> Answer:
        """The figures of a plan; `since` it was being made, after `edit` seconds of editing."""
        base, found = self.living.base, time.perf_counter()
        solve = float(plan.solution.get("seconds", 0.0))
        told = Answer(
            trial=trial,
            scenario=scenario,
            currency=snapshot.currency,
            kpis=answer.kpis(answer.figures(plan), self._figures),
            moves=moves(plan, base),
            accounts=answer.by_account(plan, base),
            notes=notes,
            plan=plan,
            snapshot=snapshot,
        )
        read = time.perf_counter() - found
        return replace(told, seconds=Seconds(edit, max(found - since - solve, 0.0), solve, read))


def _by_controls(trial: Asked) -> bool:
    return isinstance(trial, Draft) and all(change.control for change in trial.changes)


def _seen(notes: tuple[Note, ...], plan: Plan, base: Plan, scenario: Scenario) -> tuple[Note, ...]:
    """The notes of the edits; that of a lone outage with the hours that it really took."""
    events = [dict(edit.values) for edit in scenario.edits if edit.action == "event"]
    down = [event for event in events if event.get("kind") == "downtime"]
    touched = [edit for edit in scenario.edits if edit.table == "calendar"]
    place = next((place for place, note in enumerate(notes) if " is down " in note.text), None)
    if len(down) != 1 or touched or place is None or "hours" not in plan.prices:
        return notes
    mine = pl.col("resource") == down[0]["target"]
    there, left = (float(one.prices["hours"].filter(mine)["rhs"].sum()) for one in (base, plan))
    lost, text = there - left + _lost_by_crew(base, plan, mine), notes[place].text.rstrip(".")
    if lost <= 0:
        seen = Note(f"{text}, but it had no hours left to lose on these days. Nothing changed.", 0)
    else:
        seen = Note(f"{text}: {lost:,.1f} hours lost.", notes[place].rows)
    return (*notes[:place], seen, *notes[place + 1 :])


def _lost_by_crew(base: Plan, plan: Plan, mine: pl.Expr) -> float:
    """Hours that the heads of the base would bring no more: heads × what an event takes of the hours per head."""
    if "heads" not in base.flows or "heads" not in plan.flows:
        return 0.0
    cells = ["resource", "period"]
    heads = base.flows["heads"].filter(mine).select(*cells, "quantity", each="hours_per_head")
    now = plan.flows["heads"].select(*cells, left="hours_per_head")
    both = heads.join(now, on=cells, how="inner")
    return float((both["quantity"] * (both["each"] - both["left"])).sum())


def _applied(snapshot: Snapshot, scenario: Scenario, *, checked: bool) -> Snapshot:
    """The snapshot as the scenario makes it; raises DataError where an edit or its result breaks the contract.

    Edits that controls make cannot break it: their kinds and ranges are chosen here, and a test holds them to it.
    Checking every rule again would take a quarter of the time of an answer, so they go unchecked.
    """
    if checked:
        return scenario.apply(snapshot)
    for number, edit in enumerate(scenario.edits, start=1):
        snapshot = edit.apply(snapshot, number)
    return snapshot


def _touched(snapshot: Snapshot, scenario: Scenario) -> tuple[Note, ...]:
    """A note for each edit of any scenario; raises DataError where one touches nothing."""
    rows = scenario.touched(snapshot).group_by("edit", "what").agg(pl.len().alias("rows")).sort("edit")
    return tuple(
        Note(f"{words.sentence(what).rstrip('.')}: {words.count(number, 'row')}.", number)
        for what, number in rows.select("what", "rows").iter_rows()
    )
