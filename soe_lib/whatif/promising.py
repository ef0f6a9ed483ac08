"""Capable to promise: how much of an order can arrive by each day, by planning again with served orders kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.promised import Kept
from soe_lib.model.demand import KEYS as LINE
from soe_lib.model.living import Living
from soe_lib.model.model import Model
from soe_lib.model.terms import Block
from soe_lib.solver.program import Places, Program
from soe_lib.solver.session import Session
from soe_lib.solver.warm_start import Start
from soe_lib.store.plan import Plan
from soe_lib.whatif.asked import Ask

CLOSE = 1e-6
"""An order is complete where at most this share of it is missing."""
IMPOSSIBLE = ("infeasible", "infeasible_or_unbounded")


@dataclass(frozen=True)
class Day:
    """A day that can be promised: quantities served up to a period arrive by it.

    Parameters
    ----------
    index, period : of the last period that may serve it. on : the day.
    """

    index: int
    period: str
    on: date


def days(snapshot: Snapshot, asked: date) -> list[Day]:
    """The days that can be promised, from the requested one on, the earliest first.

    Quantities of a period of several days are sure to arrive only by its last working day. So a day within a period is
    served by the periods before it; the next days are the last working days of its own and of later periods.
    """
    periods = snapshot.periods.select(pl.col("period").cast(pl.String), "starts_on", "ends_on").rows()
    working = snapshot.settings.calendar.working_days
    lasts = [_last_working(first, last, working) for _, first, last in periods]
    place = next(at for at, (_, first, last) in enumerate(periods) if first <= asked <= last)
    found = [Day(at, periods[at][0], lasts[at]) for at in range(place + 1, len(periods))]
    if asked >= lasts[place]:
        return [Day(place, periods[place][0], asked), *found]
    within = Day(place, periods[place][0], lasts[place])
    before = [Day(place - 1, periods[place - 1][0], asked)] if place else []
    return [*before, within, *found]


def _last_working(first: date, last: date, working: Sequence[int]) -> date:
    spans = (last - timedelta(days=back) for back in range((last - first).days + 1))
    return next((day for day in spans if day.isoweekday() in working), last)


@dataclass(frozen=True, eq=False)
class Standing:
    """A model, its plan and the end of its solve, from which the next order is planned.

    Parameters
    ----------
    kept : whether quantities served to orders are kept.
    """

    model: Model
    plan: Plan
    start: Start | None
    living: Living
    kept: bool = True

    @classmethod
    def of(cls, living: Living, *, kept: bool) -> Standing:
        """From a living model; raises FormulationError where it has convex terms."""
        if living.home.convex:
            raise FormulationError("A promise is worked out from rows: write your own convex terms piecewise linear.")
        start = None if living.home.whole else living.session.start
        return cls(living.home, living.base, start, living, kept)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot of the model."""
        return self.model.snapshot

    def modelled(self, snapshot: Snapshot, near: Model | None = None) -> Model:
        """The model of a snapshot with more orders."""
        return Model(snapshot, self._blocks, near=near or self.model, pattern=self.plan)

    def session(self, program: Program, *, unique: bool = False) -> Session:
        """A session of a program with more orders, which starts where this one ended."""
        start = self.start.relabelled(self.model.program, program) if self.start else None
        return Session(program, self.living.options, unique=unique, start=start)

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return (*self.living.blocks, Kept(served(self.plan))) if self.kept else self.living.blocks


def served(plan: Plan) -> pl.DataFrame:
    """Quantity that a plan serves to each order: LINE, period, quantity [units of the order], substitutes included."""
    parts = [
        plan.flows[flow].filter(pl.col("order") != "", pl.col("quantity") > 0).select(*LINE, "period", "quantity")
        for flow in ("sell", "replace")
        if flow in plan.flows
    ]
    schema = {**dict.fromkeys((*LINE, "period"), pl.String), "quantity": pl.Float64}
    rows = pl.concat([pl.DataFrame(schema=schema), *(part.cast(schema) for part in parts)])  # type: ignore[arg-type]
    return rows.group_by(*LINE, "period").agg(pl.col("quantity").sum()).sort(*LINE, "period")


def with_orders(snapshot: Snapshot, rows: Sequence[dict[str, object]]) -> Snapshot:
    """The snapshot with more orders; columns left out are blank."""
    orders = snapshot["orders"]
    more = pl.DataFrame(list(rows), schema={name: orders.schema[name] for name in rows[0]}, orient="row")
    return snapshot.replace(
        orders=pl.concat(
            [
                orders,
                more.with_columns(
                    pl.lit(0.0).alias(name) for name in ("committed", "promised") if name not in more.columns
                ),
            ],
            how="diagonal",
        )
    )


def row_of(
    ask: Ask, on: date, latest: date, quantity: float, committed: float = 0.0, name: str = ""
) -> dict[str, object]:
    """An order's row in the extract, requested on a day and served until another one."""
    return {
        "order": name or ask.order, "item": ask.item, "location": ask.location, "customer": ask.customer,
        "due_on": on, "confirmed_on": on, "latest_on": latest, "quantity": quantity, "committed": committed,
        "price": ask.price,
    }  # fmt: skip


class Search:
    """How much of some orders can arrive by each day at any cost, while served orders are kept.

    Parameters
    ----------
    standing : the model and plan before. asks : the orders, each with its place and price.
    near : a model with the same orders elsewhere, whose unchanged tables are reused.
    """

    def __init__(self, standing: Standing, asks: Sequence[Ask], near: Model | None = None) -> None:
        snapshot = standing.snapshot
        self.asks, self.end = list(asks), snapshot.periods["ends_on"][-1]
        self.options = standing.living.options
        self.days = {ask.order: days(snapshot, ask.date) for ask in asks}
        rows = [row_of(ask, min(ask.date, self._first(ask, snapshot)), self.end, ask.quantity) for ask in asks]
        self.model = standing.modelled(with_orders(snapshot, rows), near)
        program = self.model.program
        if "service" in program.rows:  # allocation comes after promises
            program = program.with_rhs("service", np.inf)
        self.program = program
        self.session = standing.session(program)
        self.cells = {ask.order: self._cells(ask) for ask in asks}
        try:
            self.session.solve()  # the plan with the orders where they pay: the start of all later solves
        except SolveError:
            if not program.integer.any():
                raise

    def _first(self, ask: Ask, snapshot: Snapshot) -> date:
        """The last day of the first period that may serve it."""
        ends: date = snapshot.periods["ends_on"][self.days[ask.order][0].index]
        return ends

    def _cells(self, ask: Ask) -> list[Places]:
        """The columns that serve the order up to each of its days, one array each."""
        columns = self.program.column("sell", order=ask.order)
        labels = self.model.flows["sell"].rows["period"].to_physical().to_numpy().astype(np.int64)
        index = labels[columns - self.program.columns["sell"].start]
        return [columns[index == day.index] for day in self.days[ask.order]]

    def most(self, ask: Ask, place: int, held: Sequence[float] = ()) -> float:
        """Most units of an order that can arrive by its day number `place`; `held` units arrive on the days before."""
        cells, program = self.cells[ask.order], self.program
        for at, least in enumerate(held):
            program = program.with_bounds(cells[at], max(least * (1.0 - CLOSE * 1e-3), 0.0), np.inf)
        later = np.concatenate([*cells[place + 1 :], np.zeros(0, np.intp)])
        now = np.concatenate(cells[: place + 1])
        return float(self._best(program.with_bounds(later, 0.0, 0.0), now, np.ones(len(now)))[now].sum())

    def _best(self, program: Program, cells: Places, each: Floats) -> Floats:
        """The quantities where Σ each × cells is most."""
        cost = np.zeros(len(program.cost))
        cost[cells] = -each
        return self.session.solve(program.with_cost(cost)).x

    def by_day(self, ask: Ask) -> list[float]:
        """Most units that can arrive by each day, up to the first by which all can; NaN for a day that was not solved.

        Without whole numbers every day is solved: one more period leaves the last vertex feasible, so each solve takes
        few steps. With whole numbers each day is a search of its own, so bisection finds the first day.
        """
        whole, size = ask.quantity * (1.0 - CLOSE), len(self.days[ask.order])
        if self.program.integer.any():
            return self._halved(ask, whole)
        found: list[float] = []
        while len(found) < size and not (found and found[-1] >= whole):
            found.append(self.most(ask, len(found)))
        return found

    def _halved(self, ask: Ask, whole: float) -> list[float]:
        low, high = 0, len(self.days[ask.order]) - 1
        known = {0: self.most(ask, 0)}
        if known[0] < whole:
            known[high] = self.most(ask, high)
            while known[high] >= whole and high - low > 1:  # units that arrive by a day also arrive by a later one
                middle = (low + high) // 2
                known[middle] = self.most(ask, middle)
                low, high = (low, middle) if known[middle] >= whole else (middle, high)
        return [known.get(at, np.nan) for at in range(1 + (0 if known[0] >= whole else high))]

    def parts(self, ask: Ask, days: Sequence[int]) -> list[float]:
        """Most units that can arrive on each of some days, one after the other, with earlier arrivals kept [units]."""
        found: list[float] = []
        held = np.zeros(max(days) + 1)
        for at in days:
            held[at] = max(self.most(ask, at, held[:at].tolist()) - held.sum(), 0.0)
            found.append(float(held[at]))
        return found

    def together(self) -> dict[str, int | None]:
        """The day number by which all of each order arrives, all orders planned together; None: not in the horizon."""
        program, wide = self.program, len(self.program.cost)
        late = {ask.order: [float((day.on - ask.date).days) for day in self.days[ask.order]] for ask in self.asks}
        never = 1.0 + max(map(max, late.values()))
        gains = [ask.quantity * (never - days) for ask in self.asks for days in late[ask.order]]
        switches = program.with_cost(np.zeros(wide)).with_columns(
            "whole", sp.csc_array((len(program.rhs), len(gains))), -np.array(gains), 1.0, integer=True
        )
        rows, limits, at = [], [], wide
        for ask in self.asks:
            size = len(self.cells[ask.order])
            for place in range(size):
                row = np.zeros(len(switches.cost))
                row[np.concatenate(self.cells[ask.order][: place + 1])] = -1.0
                row[at : at + place + 1] = ask.quantity * (1.0 - CLOSE)
                rows.append(sp.csr_array(row[None, :]))
            once = np.zeros(len(switches.cost))
            once[at : at + size] = 1.0
            rows.append(sp.csr_array(once[None, :]))
            limits += [*np.zeros(size), 1.0]
            at += size
        asked = switches.with_rows("there", sp.csc_array(sp.vstack(rows)), np.array(limits))
        chosen = Session(asked, self.options).solve().x[wide:] > 0.5
        found: dict[str, int | None] = {}
        for ask in self.asks:
            mine, chosen = chosen[: len(self.cells[ask.order])], chosen[len(self.cells[ask.order]) :]
            found[ask.order] = int(np.flatnonzero(mine)[0]) if mine.any() else None
        return found


def taken(standing: Standing, rows: Sequence[dict[str, object]], near: Model) -> Standing:
    """The certified plan with some orders committed; raises SolveError where there is none."""
    model = standing.modelled(with_orders(standing.snapshot, rows), near).staged(standing.living.options)
    session = standing.session(model.program, unique=True)
    plan = model.plan_of(session.solve(), name="with the promise")
    start = None if model.whole else session.start
    return replace(standing, model=model, plan=plan, start=start)
