"""Scenarios side by side: each planned and valued in the same way, a failing one reported in its row."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.record import Recorded, of_record
from soe_lib.money.reconciliation import bridge
from soe_lib.review.measures import standing
from soe_lib.store.plan import Plan
from soe_lib.whatif.distributed import Solve, Task, WarmSolver, cores, distributed, planned
from soe_lib.whatif.scenario import BASE as BASE
from soe_lib.whatif.scenario import Result as Result
from soe_lib.whatif.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.extra import Extra
    from soe_lib.money.reconciliation import Bridge
    from soe_lib.solver.answer import SolverOptions


FEW, MANY = 3, 12
"""From FEW scenarios on a warm solver pays off, from MANY on separate processes do (each takes seconds to start)."""


@dataclass(frozen=True)
class Comparison:
    """Plans of several scenarios of one snapshot, in the order asked for."""

    results: tuple[Result, ...]

    def __getitem__(self, name: str) -> Plan:
        """The plan of a scenario by name; DataError where there is none, with the reason."""
        known = {one.name: one for one in self.results}
        if name not in known:
            raise DataError(f"No scenario {name!r} was compared. {hint(name, known)} There are: {', '.join(known)}.")
        if (plan := known[name].plan) is None:
            raise DataError(f"The scenario {name!r} has no plan: {known[name].error}")
        return plan

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def reference(self) -> Result | None:
        """What the others are measured against: "base", else the first that has a plan."""
        planned = [one for one in self.results if one.plan is not None]
        return next((one for one in planned if one.name == BASE), planned[0] if planned else None)

    def table(self) -> pl.DataFrame:
        """One row a scenario.

        Returns
        -------
        scenario, status ("optimal", or the plan's own, or "failed"), a column for each measure that stands in
        "comparison" (margin, cash, revenue [money], service [share of the demand served in its own period], stock
        [money, mean closing stock at standard cost], overtime_hours [h], churn [share of the reference's production
        that is moved, added or gone], and later additions), seconds, error.
        """
        figures = dict.fromkeys((*(one.name for one in standing("comparison")), "seconds"), pl.Float64)
        kinds = {"scenario": pl.String, "status": pl.String, **figures, "error": pl.String}
        return pl.DataFrame([self._row(one) for one in self.results], schema=kinds, orient="row")

    def differences(self) -> pl.DataFrame:
        """The same table as differences to the reference; seconds left out."""
        reference = self.reference
        if reference is None:
            raise DataError("None of the scenarios has a plan, so there is nothing to compare with.")
        table = self.table()
        own = table.filter(pl.col("scenario") == reference.name)
        shown = standing("comparison")
        moved = [pl.col(one.name) - (0.0 if one.needs_record else own[one.name][0]) for one in shown]
        return table.select("scenario", *moved).filter(pl.col("scenario") != reference.name)

    def bridge(self, other: str, base: str = "", **how: Any) -> Bridge:
        """The bridge from one scenario to another, reconciled like the pack's own: the residual is 0.00.

        Parameters
        ----------
        other, base : names of scenarios; base left out: the reference. how : as for `soe.money.bridge`.

        Raises DataError where one of them has no plan.
        """
        reference = self.reference
        named = base or (reference.name if reference else "")
        return bridge(self[named], self[other], **how)

    def _row(self, result: Result) -> dict[str, object]:
        row: dict[str, object] = {"scenario": result.name, "seconds": result.seconds, "error": result.error}
        if result.plan is None or result.snapshot is None:
            return {**row, "status": "failed"}
        reference = self.reference
        assert reference is not None, "this result has a plan itself"
        figures = {one.name: one.value(result.plan, reference.plan) for one in standing("comparison")}
        return {**row, **figures, "status": str(result.plan.solution.get("status", result.plan.source))}

    def __repr__(self) -> str:
        failed = sum(one.plan is None for one in self.results)
        return f"Comparison of {len(self)} scenarios, {failed} without a plan: {', '.join(one.name for one in self)}."


def compare(
    snapshot: Snapshot,
    scenarios: Iterable[str | Scenario],
    *,
    solve: Solve | None = None,
    progress: Callable[[Result], None] | None = None,
    workers: int | None = None,
    cluster: str = "",
    extra: Extra | None = None,
    record: Recorded = "find",
    options: SolverOptions | None = None,
) -> Comparison:
    """Plan several scenarios of one snapshot; a failing one is reported in its row, and the others go on.

    Parameters
    ----------
    snapshot : this week's.
    scenarios : scenarios, and "base" for the snapshot as it is.
    solve : how a plan is made from an edited snapshot; left out, `soe.plan` with the scenario's blocks.
    progress : called with every result; an exception that it raises stops the comparison.
    workers : processes with one core and one warm solver each; 1: one scenario after the other in this process. Left
        out: all cores from MANY scenarios on. The plans do not depend on it.
    cluster : address of a Dask scheduler, such as tcp://127.0.0.1:8786, whose workers are used instead.
    extra : constraints and terms of your own in CVXPY, kept in every scenario, as for `soe.plan`. Other processes
        receive the function with all that it refers to.
    record, options : as for `soe.plan`.

    Raises
    ------
    SoeError : `extra` that cannot be sent to other processes.
    DataError : a name other than "base", two scenarios of one name, or less than one worker.

    Examples
    --------
    >>> stop = soe.Scenario("line down").event(kind="downtime", target="line", period="W1", hours=20.0)
    >>> soe.compare(small, ["base", stop]).table().select("scenario", "margin").rows()
    [('base', 840.0), ('line down', 780.0)]
    """
    chosen = _chosen(scenarios)
    if solve and extra:
        raise DataError("Your own `solve` plans by itself: pass `extra` to it, not to compare.")
    if solve and (workers or cluster):
        raise DataError("Your own `solve` runs in this process: leave out `workers` and `cluster`, or `solve`.")
    if workers is not None and workers < 1:
        raise DataError(f"{workers} workers do nothing: give 1 or more.")
    found: dict[int, Result] = {}
    with closing(_arriving(snapshot, chosen, solve, workers, cluster, extra, record, options)) as arriving:
        for place, result in arriving:
            found[place] = result
            if progress:
                progress(result)
    return Comparison(tuple(found[place] for place in range(len(chosen))))


def _arriving(
    snapshot: Snapshot,
    chosen: Sequence[Scenario],
    solve: Solve | None,
    workers: int | None,
    cluster: str,
    extra: Extra | None,
    record: Recorded,
    options: SolverOptions | None,
) -> Generator[tuple[int, Result], None, None]:
    """Position and result of each scenario as it is done: on a cluster, on several cores, or one by one here."""
    if solve is None:
        always = any(one.moves_fence for one in chosen)
        task = Task(snapshot, of_record(snapshot, record, always=always), options, extra=extra)
        processes = workers or (cores() if len(chosen) >= MANY else 1)
        if cluster or processes > 1:
            yield from distributed(task, chosen, workers=processes, cluster=cluster)
            return
        solve = WarmSolver(task) if len(chosen) >= FEW else task.cold
    for place, scenario in enumerate(chosen):
        yield place, planned(snapshot, scenario, solve)


def _chosen(scenarios: Iterable[str | Scenario]) -> Sequence[Scenario]:
    chosen = [Scenario(one) if isinstance(one, str) else one for one in scenarios]
    for one in chosen:
        if not one.edits and not one.blocks and one.name != BASE:
            raise DataError(
                f'Only "{BASE}" is compared by its name; {one.name!r} has no edits. Take it from scenarios.toml first.'
            )
    twice = sorted({one.name for one in chosen if [other.name for other in chosen].count(one.name) > 1})
    if twice:
        raise DataError(f"Two scenarios are called {twice[0]!r}. Rename one of them.")
    return chosen
