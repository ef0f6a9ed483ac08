"""The closed loop over the Mondays of a replay, and its money as a share of hindsight."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import Ledger
from soe_lib.replay.ages import Lots
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.known import Memory
from soe_lib.replay.planners import Decisions, Optimiser, Planner
from soe_lib.replay.truth import Floats, Truth

AHEAD = 4
"""Weeks, from the coming one on, in which two consecutive plans are compared."""


@dataclass(frozen=True, eq=False)
class Replay:
    """The result of one planner on one truth.

    Parameters
    ----------
    truth : what really happened. name : of the planner.
    state : after the last week that was carried out. seconds : time that its decisions took.
    churn : planned starts that changed against the plan before, in the next weeks [units]; shape (weeks,), NaN where
        there is no plan to compare.
    eased : number of weeks with a plan only without the fence, the overrides and the promised quantities.
    """

    truth: Truth
    name: str
    state: State
    seconds: float
    churn: Floats = field(default_factory=lambda: np.zeros(0))
    eased: int = 0

    @cached_property
    def quantities(self) -> Floats:
        """The weeks as they were carried out, and the best plan of the closing weeks."""
        return self.truth.physics.best(self.state.x, self.truth.weeks)

    @cached_property
    def ledger(self) -> Ledger:
        """True money of the weeks carried out and of the closing weeks, at the rates of hindsight."""
        return valued(self.truth, self.quantities)

    @property
    def money(self) -> float:
        """Margin less goodwill, closing weeks included."""
        return float(self.truth.physics.model.program.money @ self.quantities)

    @property
    def share(self) -> float:
        """1 − (money of hindsight − own money) ÷ money of hindsight in the weeks that were carried out."""
        best = float(self.truth.physics.model.program.money @ self.truth.hindsight)
        return 1.0 - (best - self.money) / earned(self.truth)


def valued(truth: Truth, x: Floats) -> Ledger:
    """The ledger of quantities of every cell, at the rates of the truth."""
    model = truth.physics.model
    flows = {
        name: flow.named.with_columns(pl.Series("quantity", x[model.program.columns[name]]))
        for name, flow in model.flows.items()
    }
    return model.rate_book.value(flows)


def earned(truth: Truth) -> float:
    """Money of hindsight that is booked in the weeks that are carried out."""
    weeks = truth.physics.labels[: truth.weeks]
    lines = valued(truth, truth.hindsight).lines
    return float(lines.filter(pl.col("period").is_in(weeks))["amount"].sum())


@dataclass
class _Progress:
    """The progress of a replay, saved so that a killed run can continue."""

    state: State
    week: int = 0
    seconds: float = 0.0
    churn: Floats = field(default_factory=lambda: np.zeros(0))
    planned: Floats = field(default_factory=lambda: np.zeros(0))
    eased: int = 0

    def save(self, file: Path) -> None:
        temporary = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            temporary, x=self.state.x, net=self.state.net, open=self.state.open, churn=self.churn, planned=self.planned,
            here=self.state.lots.here, fresh=self.state.lots.fresh, travelling=self.state.lots.travelling,
            at=np.array([self.week, self.seconds, self.eased]),
        )  # fmt: skip
        temporary.replace(file)

    @classmethod
    def loaded(cls, file: Path, opening: State) -> _Progress | None:
        """The progress that an earlier run saved; None where there is none or it is unusable."""
        try:
            with np.load(file, allow_pickle=False) as saved:
                lots = Lots(saved["here"], saved["fresh"], saved["travelling"])
                state = State(saved["x"], saved["net"], saved["open"], lots)
                week, seconds, eased = saved["at"]
                made = cls(state, int(week), float(seconds), saved["churn"], saved["planned"], int(eased))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None
        return made if made.state.x.shape == opening.x.shape else None


def live(
    truth: Truth,
    planner: Planner,
    name: str = "plan",
    *,
    kept: Path | None = None,
    told: Callable[[int], None] | None = None,
    went_on: Callable[[int], None] | None = None,
) -> Replay:
    """Replay a truth with a planner: each week, decide on what was known, and carry out the week.

    Parameters
    ----------
    kept : file of the weeks done, saved every week, from which a later run continues; the caller ensures that it
        belongs to the same truth, planner and code.
    told : called with the number of weeks done. went_on : called with the number of weeks that an earlier run had done.

    Raises DataError where a snapshot contains later knowledge, ReconciliationError where stock, hours or money do not
    close.
    """
    floor = Floor(truth)
    memory, opening = Memory(floor), floor.opening()
    at = (_Progress.loaded(kept, opening) if kept else None) or _Progress(opening)
    if at.week and went_on:
        went_on(at.week)
    while at.week < truth.weeks:
        began = time.perf_counter()
        decisions, eased = _decided(planner, memory.snapshot(at.state, at.week), _record(floor, at))
        at.eased += eased
        at.seconds += time.perf_counter() - began
        planned = floor.planned(decisions, "make")
        at.churn = np.append(at.churn, _changed(floor, at, planned))
        at.planned = planned
        at.state = floor.week(at.state, first_week(decisions, truth.physics.labels[at.week]), at.week)
        at.week += 1
        if kept:
            at.save(kept)
        if told:
            told(at.week)
    return Replay(truth, name, at.state, at.seconds, at.churn, at.eased)


def _record(floor: Floor, at: _Progress) -> pl.DataFrame | None:
    """The plan of the week before, where the company has a fence: routing, period, quantity."""
    if not (floor.truth.fenced and at.planned.size):
        return None
    cells = floor.physics.cells["make"].select(pl.col("routing", "period").cast(pl.String))
    return cells.with_columns(quantity=pl.Series(at.planned)).filter(pl.col("quantity") > 0)


def _decided(planner: Planner, snapshot: Snapshot, record: pl.DataFrame | None) -> tuple[Decisions, bool]:
    """The decisions of a planner, and whether it had a plan only without fence, overrides and promised quantities."""
    fenced = planner if record is None or not isinstance(planner, Optimiser) else replace(planner, record=record)
    bound = snapshot["overrides"].height or (snapshot["forecast"]["committed"] > 0).any()
    try:
        return fenced(snapshot), False
    except SoeError:
        if fenced is planner and not bound:
            raise
    free = snapshot["forecast"].with_columns(committed=pl.lit(0.0))
    return planner(snapshot.replace(overrides=snapshot["overrides"].clear(), forecast=free)), True


def _changed(floor: Floor, at: _Progress, planned: Floats) -> float:
    """Planned starts that changed against the plan before, in the AHEAD weeks from the coming one on [units]."""
    if not (planned.size and at.planned.size):
        return float("nan")
    period = floor.physics.period[floor.physics.of_flow("make")]
    compared = (period >= at.week) & (period < at.week + AHEAD)
    looks_ahead = (planned[period > at.week] > 0).any()
    return float(np.abs(planned - at.planned)[compared].sum()) if looks_ahead else float("nan")


def first_week(decisions: Decisions, label: str) -> dict[str, pl.DataFrame]:
    """Decisions of one week."""
    return {flow: rows.filter(pl.col("period") == label) for flow, rows in decisions.items()}


__all__ = ["Replay", "earned", "live", "valued"]
