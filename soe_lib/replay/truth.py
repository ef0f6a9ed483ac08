"""What really happened, and what of it was known on each Monday."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.extract.calendar import BEYOND
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.model import Model
from soe_lib.solver.session import Session

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

DECIDED = ("make", "run", "ship", "overtime", "buy")
"""Flows of a week that a planner decides; sales follow from the real demand."""
FOLLOWING = ("sell", "replace", "scrap")
"""Flows of a week that follow from demand, from accepted substitutes, and from expiry."""
LIVES = ("shelf_life", "lots_in_stock", "lots_used", "lots_shipped", "lots_scrapped")
"""Rows of goods that expire, which the weeks carried out must satisfy."""
MARGINS = (0.0, 1e-9, 1e-7)
"""Tolerances on quantities carried out, tried in turn [units]: sums over a year of weeks are off in the last digits,
and HiGHS takes a stock of −1e-11 as infeasible."""
DUST = 1e-6
"""Tolerance by which sums of quantities carried out may violate a row that they satisfy [units]."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A company's weeks as they really were, and what of them was known when.

    Parameters
    ----------
    real : every week of the replay and the closing weeks after it as weekly periods, from the first Monday's morning:
        true demand, true hours, offers and receipts with the lead times and days that they really had.
    promised : the same with lead times, hours and receipt days as they were promised.
    weeks : number of weeks that are carried out; the later periods of `real` are the closing weeks.
    horizon : weeks that each Monday's plan looks ahead.
    published : every forecast, as it was published: published_on (a Monday), item, location, customer, date (Monday of
        the week that is forecast), quantity [unit].
    events : columns of the table `events`, and known_on: the first day on which the event was known; known_to, where
        given: the last day on which it was listed.
    past : tables `actuals` and `deliveries` of the weeks before the first Monday.
    listed : tables as each Monday's extract had them, with known_on (the Monday): calendar, overrides.
    findings : what the extracts lack or a replay ignores, in sentences.
    known_best : the value of `hindsight`, where it is already computed.
    """

    real: Snapshot
    promised: Snapshot
    weeks: int
    horizon: int
    published: pl.DataFrame
    events: pl.DataFrame
    past: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    listed: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    known_best: Floats | None = field(default=None, repr=False)

    @property
    def start(self) -> date:
        """The first Monday."""
        return self.real.as_of

    def monday(self, week: int) -> date:
        """The Monday of a week; week 0 is the first that is planned."""
        return self.start + timedelta(days=7 * week)

    def known_events(self, day: date) -> pl.DataFrame:
        """The events that were known on a day."""
        known = self.events.filter(pl.col("known_on") <= day)
        return known.filter(pl.col("known_to") >= day) if "known_to" in known.columns else known

    def known(self, table: str, day: date) -> pl.DataFrame:
        """A table as the extract of a Monday had it; the first Monday's where only that is known."""
        if (rows := self.listed.get(table)) is None:
            return self.promised[table]
        return rows.filter(pl.col("known_on") == day).drop("known_on")

    @cached_property
    def binds(self) -> bool:
        """Whether a fence, overrides or promised quantities bind a Monday's plan."""
        overrides = self.listed.get("overrides")
        promised = "committed" in self.published.columns and bool((self.published["committed"] > 0).any())
        return promised or self.fenced or (overrides is not None and overrides.height > 0)

    @property
    def fenced(self) -> bool:
        """Whether the company has a fence around the plan of the week before."""
        fence = self.promised.settings.fence
        return fence.frozen_days > 0 or fence.slushy_days > 0

    @cached_property
    def physics(self) -> Physics:
        """The program of what is really possible, with the money of each cell."""
        return Physics.of(self.real)

    @cached_property
    def nominal(self) -> Physics:
        """The same program with the promised lead times, hours and receipt days."""
        return Physics.of(self.promised)

    @cached_property
    def hindsight(self) -> Floats:
        """The best plan with full knowledge: quantities of every cell of `physics`."""
        return self.physics.best() if self.known_best is None else self.known_best


@dataclass(frozen=True, eq=False)
class Physics:
    """One program over all weeks: the effect of each cell on stock and hours, and its money.

    Parameters
    ----------
    model : of all weeks.
    nodes : item, location of each row of stock; stock : shape (nodes × (periods + 1), columns), the last period is
        `beyond`; hours : shape (resources × periods, columns).
    period : shape (columns,), the period of each cell, −1 where it has none.
    """

    model: Model
    nodes: pl.DataFrame
    resources: tuple[str, ...]
    stock: sp.csc_array
    hours: sp.csc_array
    offered: Floats
    period: Ints
    cells: Mapping[str, pl.DataFrame]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Physics:
        """The program of a snapshot in weekly periods, without a cushion: full knowledge needs none."""
        rules = snapshot.settings
        certain = replace(rules, cushion=replace(rules.cushion, use="never"))
        model = Model(replace(snapshot, settings=certain), STANDARD)
        program = model.program
        labels = tuple(snapshot.periods["period"])
        place = {label: number for number, label in enumerate((*labels, BEYOND))}
        cells = {name: flow.named for name, flow in model.flows.items()}
        period = np.full(program.matrix.shape[1], -1, np.intp)
        for name, frame in cells.items():
            if "period" in model.flows[name].keys:
                period[program.columns[name]] = frame["period"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
        matrix = sp.csc_array(program.matrix)
        rows = model.constraints["stock"].named
        nodes = rows.select("item", "location").unique().sort("item", "location")
        at = _rows(rows, nodes, place, len(labels) + 1)
        chosen = np.ones(matrix.shape[1], bool)
        for name in ("stock", "leave"):
            chosen[program.columns[name]] = False
        stock = _placed(matrix, program.rows["stock"], at, nodes.height * (len(labels) + 1))
        stock = sp.csc_array(stock @ sp.diags_array(chosen.astype(float)))
        resources: tuple[str, ...] = ()
        hours, offered = sp.csc_array((0, matrix.shape[1])), np.zeros(0)
        if "hours" in model.constraints:
            table = model.constraints["hours"].named
            resources = tuple(table["resource"].unique().sort())
            who = pl.DataFrame({"resource": resources})
            spots = _rows(table, who, place, len(labels))
            hours = _placed(matrix, program.rows["hours"], spots, len(resources) * len(labels))
            offered = np.zeros(len(resources) * len(labels))
            offered[spots] = program.rhs[program.rows["hours"]]
        return cls(model, nodes, resources, stock, hours, offered, period, cells, labels)

    @cached_property
    def given(self) -> Floats:
        """Opening stock and firm receipts: quantities of the cells that are not decided."""
        program, x = self.model.program, np.zeros(len(self.period))
        for name in ("open", "receive"):
            if name in program.columns:
                x[program.columns[name]] = program.lower[program.columns[name]]
        return x

    def of_flow(self, flow: str) -> slice:
        """The columns of a flow; none where the company has no such flow."""
        return self.model.program.columns.get(flow, slice(0, 0))

    def best(self, carried_out: Floats | None = None, weeks: int = 0) -> Floats:
        """The plan worth most money; its first `weeks` are fixed to the quantities carried out, if given.

        Parameters
        ----------
        carried_out : quantity of each cell; shape (columns,).

        Raises SolveError where there is no proven plan.
        """
        program = self.model.program
        # A week carried out may exceed a limit that could not be kept, such as storage room when sales were low.
        for name, rows in program.rows.items() if carried_out is not None else ():
            constraint = self.model.constraints[name]
            if constraint.sense == "<=" and "period" in constraint.keys:
                number = {label: place for place, label in enumerate((*self.labels, BEYOND))}
                done = constraint.named["period"].replace_strict(number, return_dtype=pl.Int64).to_numpy() < weeks
                right = program.rhs[rows]
                free = right + DUST if name in LIVES else np.inf
                program = program.with_limits(rows, -np.inf, np.where(done, free, right))
        for margin in MARGINS:
            lower, upper = self._held(carried_out, weeks, margin)
            held = program.with_bounds(slice(None), lower, upper)
            try:
                answer = Session(held, unique=True).solve()
                break
            except SolveError:
                if carried_out is None or margin == MARGINS[-1]:
                    raise
        return answer.x

    def _held(self, carried_out: Floats | None, weeks: int, margin: float) -> tuple[Floats, Floats]:
        """Bounds of the columns: quantities carried out in the first weeks are fixed, within a margin [unit]."""
        program = self.model.program
        lower, upper = program.lower.copy(), program.upper.copy()
        if carried_out is not None:
            for place in (program.columns[flow] for flow in (*DECIDED, *FOLLOWING) if flow in program.columns):
                fixed = (self.period[place] >= 0) & (self.period[place] < weeks)
                columns = np.arange(place.start, place.stop)[fixed]
                lower[columns] = np.maximum(carried_out[place][fixed] - margin, lower[columns])
                upper[columns] = carried_out[place][fixed] + margin
        return lower, upper


def _rows(rows: pl.DataFrame, who: pl.DataFrame, place: Mapping[str, int], periods: int) -> Ints:
    """The position of each row of a constraint in who × periods."""
    keys = who.columns
    found = rows.join(who.with_row_index("number"), on=keys, how="left", maintain_order="left", validate="m:1")
    index = found["period"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    return found["number"].cast(pl.Int64).to_numpy() * periods + index


def _placed(matrix: sp.csc_array, rows: slice, at: Ints, height: int) -> sp.csc_array:
    part = sp.coo_array(matrix[rows, :])
    return sp.csc_array((part.data, (at[part.row], part.col)), shape=(height, matrix.shape[1]))
