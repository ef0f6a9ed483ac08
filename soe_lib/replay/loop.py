"""The closed loop: Monday after Monday, and what it earned as a share of hindsight."""

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
"""Weeks after the coming one in which two consecutive plans are compared."""


@dataclass(frozen=True, eq=False)
class Replay:
    """What one planner earned in one truth.

    Parameters
    ----------
    truth : what really happened. name : of the planner.
    state : after the last week that was carried out. seconds : of its decisions.
    churn : units started that a plan has otherwise than the plan before, in the next weeks; shape (weeks,), NaN where
        there is none.
    eased : weeks whose plan was possible only without the fence, the overrides and the promised quantities.
    """

    truth: Truth
    name: str
    state: State
    seconds: float
    churn: Floats = field(default_factory=lambda: np.zeros(0))
    eased: int = 0

    @cached_property
    def quantities(self) -> Floats:
        """The weeks as they were carried out, and the closing weeks as hindsight would have closed them."""
        return self.truth.physics.best(self.state.x, self.truth.weeks)

    @cached_property
    def ledger(self) -> Ledger:
        """True money of the weeks carried out and of the closing weeks, by the rates that hindsight is valued by."""
        return valued(self.truth, self.quantities)

    @property
    def money(self) -> float:
        """Margin less goodwill, closing weeks included."""
        return float(self.truth.physics.model.program.money @ self.quantities)

    @property
    def share(self) -> float:
        """1 − what hindsight earned more ÷ what hindsight earned in the weeks that were carried out."""
        best = float(self.truth.physics.model.program.money @ self.truth.hindsight)
        return 1.0 - (best - self.money) / earned(self.truth)


def valued(truth: Truth, x: Floats) -> Ledger:
    """Quantities of every cell as money, by the truth's own rates."""
    model = truth.physics.model
    flows = {
        name: flow.named.with_columns(pl.Series("quantity", x[model.program.columns[name]]))
        for name, flow in model.flows.items()
    }
    return model.rate_book.value(flows)


def earned(truth: Truth) -> float:
    """What hindsight earned in the weeks that are carried out: lines booked in them [money]."""
    weeks = truth.physics.labels[: truth.weeks]
    lines = valued(truth, truth.hindsight).lines
    return float(lines.filter(pl.col("period").is_in(weeks))["amount"].sum())


@dataclass
class _Progress:
    """Where a replay is: what a kill leaves behind."""

    state: State
    week: int = 0
    seconds: float = 0.0
    churn: Floats = field(default_factory=lambda: np.zeros(0))
    planned: Floats = field(default_factory=lambda: np.zeros(0))
    eased: int = 0

    def keep(self, file: Path) -> None:
        aside = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            aside, x=self.state.x, net=self.state.net, open=self.state.open, churn=self.churn, planned=self.planned,
            here=self.state.lots.here, fresh=self.state.lots.fresh, travelling=self.state.lots.travelling,
            at=np.array([self.week, self.seconds, self.eased]),
        )  # fmt: skip
        aside.replace(file)

    @classmethod
    def found(cls, file: Path, opening: State) -> _Progress | None:
        """What an earlier run left; nothing where it left none, or what is of no use."""
        try:
            with np.load(file, allow_pickle=False) as left:
                lots = Lots(left["here"], left["fresh"], left["travelling"])
                state = State(left["x"], left["net"], left["open"], lots)
                week, seconds, eased = left["at"]
                made = cls(state, int(week), float(seconds), left["churn"], left["planned"], int(eased))
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
    """Live a truth again with a planner: see what was known, decide, carry out one week, go on.

    Parameters
    ----------
    kept : file of the weeks that are done, written every week and gone on from; whoever names it makes sure that it is
        of the same truth, planner and code.
    told : hears the number of each week that is done. went_on : hears how many weeks an earlier run had done.

    Raises DataError where a snapshot knows what was known later, ReconciliationError where stock, hours or money do not
    close.
    """
    floor = Floor(truth)
    memory, opening = Memory(floor), floor.opening()
    at = (_Progress.found(kept, opening) if kept else None) or _Progress(opening)
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
            at.keep(kept)
        if told:
            told(at.week)
    return Replay(truth, name, at.state, at.seconds, at.churn, at.eased)


def _record(floor: Floor, at: _Progress) -> pl.DataFrame | None:
    """The plan of the week before, where the company keeps a fence around it: routing, period, quantity."""
    if not (floor.truth.fenced and at.planned.size):
        return None
    cells = floor.physics.cells["make"].select(pl.col("routing", "period").cast(pl.String))
    return cells.with_columns(quantity=pl.Series(at.planned)).filter(pl.col("quantity") > 0)


def _decided(planner: Planner, snapshot: Snapshot, record: pl.DataFrame | None) -> tuple[Decisions, bool]:
    """What a planner decides; where what binds the plan leaves none, what it decides without, and True."""
    held = planner if record is None or not isinstance(planner, Optimiser) else replace(planner, record=record)
    bound = snapshot["overrides"].height or (snapshot["forecast"]["committed"] > 0).any()
    try:
        return held(snapshot), False
    except SoeError:
        if held is planner and not bound:
            raise
    free = snapshot["forecast"].with_columns(committed=pl.lit(0.0))
    return planner(snapshot.replace(overrides=snapshot["overrides"].clear(), forecast=free)), True


def _changed(floor: Floor, at: _Progress, planned: Floats) -> float:
    """Units started that this plan has otherwise than the one before, in the weeks after the coming one."""
    if not (planned.size and at.planned.size):
        return float("nan")
    period = floor.physics.period[floor.physics.of_flow("make")]
    near = (period >= at.week) & (period < at.week + AHEAD)
    looks_ahead = (planned[period > at.week] > 0).any()
    return float(np.abs(planned - at.planned)[near].sum()) if looks_ahead else float("nan")


def first_week(decisions: Decisions, label: str) -> dict[str, pl.DataFrame]:
    """Decisions of one week."""
    return {flow: rows.filter(pl.col("period") == label) for flow, rows in decisions.items()}


__all__ = ["Replay", "earned", "live", "valued"]
