"""The controller of the workbench: trials in, answers out, with a history; no widget and no browser."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import SoeError, SolveError
from soe_lib.explore import answer as reading
from soe_lib.explore.answer import Answer, Seconds
from soe_lib.explore.edits import Note, applied, recorded, told
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.scenario.compare import BASE
from soe_lib.scenario.moves import moves
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.solve import Options

PATIENCE = 60.0
"""How long a single trial may take before it is given up [s]."""

LOST = ("error", "uncertified")
"""What a solver says that has lost its way, rather than found that there is no plan."""


@dataclass(frozen=True)
class Choices:
    """What the controls offer.

    Parameters
    ----------
    resources : with hours, by name. scarcest : the one of them whose hours are worth most in the base plan.
    families, customers : with demand, by name.
    days : every day of the horizon.
    overtime, expediting : whether there is any overtime at a premium, any expedited offer.
    """

    resources: tuple[str, ...]
    scarcest: str
    families: tuple[str, ...]
    customers: tuple[str, ...]
    days: tuple[date, ...]
    overtime: bool
    expediting: bool


class Explorer:
    """One snapshot, kept alive in one solver: every trial is answered beside the same base.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    record : plan of record that the fence of settings.toml keeps to, as in the pack's own plan.
    options : limits of the solver for each trial.

    Raises SoeError where the snapshot itself has no plan: there is nothing to compare with.
    """

    def __init__(self, snapshot: Snapshot, *, record: Plan | None = None, options: Options | None = None) -> None:
        from soe_lib.model.living import Living
        from soe_lib.model.solve import Options as Limits

        started = time.perf_counter()
        self.snapshot = snapshot
        self.record, self.options = record, options or Limits(seconds=PATIENCE)
        self.living = Living(snapshot, record=record, options=self.options)
        self._figures = reading.figures(snapshot, self.living.base)
        self.base = self._told(Trial(), Scenario(BASE), snapshot, self.living.base, (), started, 0.0)
        self.history: list[Answer] = []

    @property
    def current(self) -> Answer:
        """The last answer; the base before the first trial."""
        return self.history[-1] if self.history else self.base

    def ask(self, trial: Trial | Scenario) -> Answer:
        """Answer a trial, or any scenario, and remember it; what was just answered is not solved again."""
        if isinstance(trial, Trial):
            trial = trial.essential
        if trial != self.current.trial:
            self.history.append(self.answer(trial))
        return self.current

    def undo(self) -> Answer:
        """Back to the answer before; the base where there is none."""
        if self.history:
            self.history.pop()
        return self.current

    def reset(self) -> Answer:
        """Back to the base; the history starts again."""
        self.history.clear()
        return self.current

    def answer(self, trial: Trial | Scenario) -> Answer:
        """What a trial, or any scenario, is worth beside the base, without remembering it.

        One without a plan (promises that cannot all be kept, a table that cannot take the change) answers with a
        message.
        """
        started = time.perf_counter()
        trial = trial.essential if isinstance(trial, Trial) else trial
        if trial == Trial():
            return self.base
        notes: tuple[Note, ...] = ()
        try:
            scenario, notes = self._recorded(trial)
            if not scenario.edits and not scenario.blocks:
                spent = Seconds(edit=time.perf_counter() - started)
                return replace(self.base, trial=trial, scenario=scenario, notes=notes, seconds=spent)
            changed = applied(self.snapshot, trial, scenario)
            ready = time.perf_counter()
            plan = self.solve(changed, scenario)
        except SoeError as error:
            return Answer(trial=trial, currency=self.snapshot.currency, notes=notes, message=str(error))
        if isinstance(trial, Trial):
            notes = _seen(notes, plan, self.living.base, trial)
        return self._told(trial, scenario, changed, plan, notes, ready, ready - started)

    def solve(self, snapshot: Snapshot, scenario: Scenario) -> Plan:
        """The plan of a changed snapshot from the living solver; `soe.compare(…, solve=explorer.solve)` takes it."""
        from soe_lib.model.planning import plan

        if not scenario.blocks:
            try:
                return self.living.plan(snapshot, name=scenario.name)
            except SolveError as error:
                if error.status not in LOST:
                    raise
                # From an old basis the solver may lose its way numerically; a cold solve decides.
        return plan(snapshot, blocks=scenario.blocks, record=self.record, options=self.options, name=scenario.name)

    def example(self) -> Trial:
        """A first thing to try: the scarcest resource down for three days; a tenth more demand where there is none."""
        line = self.choices.scarcest
        return Trial(resource=line, outage_days=3) if line else Trial(demand=0.1)

    def trials(self) -> pl.DataFrame:
        """Every answer so far, the base first: trial, its figures in their units, message where there is no plan."""
        answers = [self.base, *self.history]
        rows = [{"trial": one.name, "message": one.message, **one.values} for one in answers]
        kinds = {"trial": pl.String, **dict.fromkeys(reading.NAMES, pl.Float64), "message": pl.String}
        return pl.DataFrame(rows, schema=kinds)

    @property
    def choices(self) -> Choices:
        """What the controls offer."""
        snapshot, base = self.snapshot, self.living.base
        resources = _resources(snapshot)
        return Choices(
            resources=resources,
            scarcest=_scarcest(resources, base),
            families=_names(snapshot["items"], "family", base),
            customers=_customers(base),
            days=_days(snapshot),
            overtime="overtime" in base.flows,
            expediting=bool(snapshot["offers"]["expedite"].any()),
        )

    def _recorded(self, trial: Trial | Scenario) -> tuple[Scenario, tuple[Note, ...]]:
        if isinstance(trial, Trial):
            return recorded(self.snapshot, trial)
        return trial, told(self.snapshot, trial)

    def _told(
        self,
        trial: Trial | Scenario,
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
            kpis=reading.kpis(reading.figures(snapshot, plan), self._figures),
            moves=moves(plan, base),
            accounts=reading.by_account(plan, base),
            notes=notes,
            plan=plan,
            snapshot=snapshot,
        )
        read = time.perf_counter() - found
        return replace(told, seconds=Seconds(edit, max(found - since - solve, 0.0), solve, read))


def _seen(notes: tuple[Note, ...], plan: Plan, base: Plan, trial: Trial) -> tuple[Note, ...]:
    """The notes of the edits, the outage's with the hours that it really took."""
    if not trial.outage or notes[0].nothing or "hours" not in plan.prices:
        return notes
    mine = pl.col("resource") == trial.resource
    there, left = (float(one.prices["hours"].filter(mine)["rhs"].sum()) for one in (base, plan))
    lost = there - left
    text = notes[0].text.rstrip(".")
    if lost <= 0:
        return (Note(f"{text}, but it had no hours left to lose on these days. Nothing changed.", 0), *notes[1:])
    return (Note(f"{text}: {lost:,.1f} hours lost.", notes[0].rows), *notes[1:])


def _resources(snapshot: Snapshot) -> tuple[str, ...]:
    given = snapshot["calendar"].filter(pl.col("hours") > 0)["resource"].unique()
    return tuple(snapshot["resources"].filter(pl.col("resource").is_in(given.implode()))["resource"].sort().to_list())


def _scarcest(resources: tuple[str, ...], base: Plan) -> str:
    """The resource whose hours would earn most; the first by name where none would earn any."""
    if not resources or "hours" not in base.prices:
        return resources[0] if resources else ""
    worth = base.prices["hours"].filter(pl.col("resource").is_in(list(resources))).group_by("resource")
    ranked = worth.agg((pl.col("rhs") * pl.col("price")).sum().round(2).alias("worth"))
    return str(ranked.sort(["worth", "resource"], descending=[True, False])["resource"][0])


def _names(items: pl.DataFrame, column: str, base: Plan) -> tuple[str, ...]:
    """The names that a demanded item bears."""
    if "short" not in base.flows:
        return ()
    asked = base.flows["short"]["item"].unique()
    found = items.filter(pl.col("item").is_in(asked.implode()) & (pl.col(column) != ""))[column]
    return tuple(found.unique().sort().to_list())


def _customers(base: Plan) -> tuple[str, ...]:
    if "short" not in base.flows:
        return ()
    return tuple(name for name in base.flows["short"]["customer"].unique().sort().to_list() if name)


def _days(snapshot: Snapshot) -> tuple[date, ...]:
    first, last = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    return tuple(first + timedelta(days=step) for step in range((last - first).days + 1))
