"""The closed loop: Monday after Monday, and what it earned as a share of hindsight."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.money.ledger import Ledger
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.known import Memory
from soe_lib.replay.planners import Decisions, Planner
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
    """

    truth: Truth
    name: str
    state: State
    seconds: float
    churn: Floats = field(default_factory=lambda: np.zeros(0))

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

    def keep(self, file: Path) -> None:
        aside = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            aside, x=self.state.x, net=self.state.net, open=self.state.open, churn=self.churn, planned=self.planned,
            at=np.array([self.week, self.seconds]),
        )  # fmt: skip
        aside.replace(file)

    @classmethod
    def found(cls, file: Path, opening: State) -> _Progress | None:
        """What an earlier run left; nothing where it left none, or what is of no use."""
        try:
            with np.load(file, allow_pickle=False) as left:
                state = State(left["x"], left["net"], left["open"])
                week, seconds = left["at"]
                made = cls(state, int(week), float(seconds), left["churn"], left["planned"])
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
) -> Replay:
    """Live a truth again with a planner: see what was known, decide, carry out one week, go on.

    Parameters
    ----------
    kept : file of the weeks that are done, written every week and gone on from; whoever names it makes sure that it is
        of the same truth, planner and code.
    told : hears the number of each week that is done.

    Raises DataError where a snapshot knows what was known later, ReconciliationError where stock, hours or money do not
    close.
    """
    floor = Floor(truth)
    memory, opening = Memory(floor), floor.opening()
    at = (_Progress.found(kept, opening) if kept else None) or _Progress(opening)
    while at.week < truth.weeks:
        began = time.perf_counter()
        decisions = planner(memory.snapshot(at.state, at.week))
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
    return Replay(truth, name, at.state, at.seconds, at.churn)


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
