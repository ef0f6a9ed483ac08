"""The closed loop: Monday after Monday, and what it earned as a share of hindsight."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from soe_lib.money.ledger import Ledger
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.known import Memory
from soe_lib.replay.planners import Decisions, Planner
from soe_lib.replay.truth import Floats, Truth


@dataclass(frozen=True, eq=False)
class Replay:
    """What one planner earned in one truth.

    Parameters
    ----------
    truth : what really happened. name : of the planner.
    state : after the last week that was carried out. seconds : of its decisions.
    """

    truth: Truth
    name: str
    state: State
    seconds: float

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


def live(truth: Truth, planner: Planner, name: str = "plan", told: Callable[[int], None] | None = None) -> Replay:
    """Live a truth again with a planner: see what was known, decide, carry out one week, go on.

    Parameters
    ----------
    told : hears the number of each week that is done.

    Raises DataError where a snapshot knows what was known later, ReconciliationError where stock or hours do not close.
    """
    floor = Floor(truth)
    memory, state, seconds = Memory(floor), floor.opening(), 0.0
    for week in range(truth.weeks):
        began = time.perf_counter()
        decisions = planner(memory.snapshot(state, week))
        seconds += time.perf_counter() - began
        state = floor.week(state, first_week(decisions, truth.physics.labels[week]), week)
        if told:
            told(week + 1)
    return Replay(truth, name, state, seconds)


def first_week(decisions: Decisions, label: str) -> dict[str, pl.DataFrame]:
    """Decisions of one week."""
    return {flow: rows.filter(pl.col("period") == label) for flow, rows in decisions.items()}


__all__ = ["Replay", "earned", "live", "valued"]
