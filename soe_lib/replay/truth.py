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

from soe_lib.errors import DataError
from soe_lib.extract.calendar import BEYOND
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks import STANDARD
from soe_lib.model.canonical import Canonical
from soe_lib.model.model import Model
from soe_lib.model.solve import Gate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

DECIDED = ("make", "run", "ship", "overtime", "buy")
"""Flows of a week that a planner decides; sales follow from the demand that comes."""


OWN_RECEIPT = r"^(?:make|buy|ship)-(\d+)-\d+-\d+$"
"""How a replay names the receipts of its own orders: what, the week it was placed in, its cell, the week promised."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A company's weeks as they really were, and what of them was published when.

    Parameters
    ----------
    real : every week of the replay and the closing weeks after it as weekly periods, from the first Monday's morning:
        true demand, true hours, offers and receipts with the lead times and days that they really had.
    promised : the same with lead times, hours and receipt days as they were promised.
    weeks : how many weeks are carried out; the periods of `real` after them close the books.
    horizon : weeks that each Monday's plan looks ahead.
    published : every forecast, as it was published: published_on (a Monday), item, location, customer, date (Monday of
        the week that is forecast), quantity [unit].
    events : columns of the table `events`, and known_on: the first day on which anybody knew of it; known_to, where
        given: the last day on which it was listed.
    past : tables `actuals` and `deliveries` of the weeks before the first Monday.
    """

    real: Snapshot
    promised: Snapshot
    weeks: int
    horizon: int
    published: pl.DataFrame
    events: pl.DataFrame
    past: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def start(self) -> date:
        """The first Monday."""
        return self.real.as_of

    def monday(self, week: int) -> date:
        """The Monday of a week, 0 is the first that is planned."""
        return self.start + timedelta(days=7 * week)

    def known_events(self, day: date) -> pl.DataFrame:
        """The events that were known on a day."""
        known = self.events.filter(pl.col("known_on") <= day)
        return known.filter(pl.col("known_to") >= day) if "known_to" in known.columns else known

    @cached_property
    def physics(self) -> Physics:
        """The program of what can really be done, with the money of each cell."""
        return Physics.of(self.real)

    @cached_property
    def nominal(self) -> Physics:
        """The same program as it was promised: only when things arrive differs."""
        return Physics.of(self.promised)

    @cached_property
    def hindsight(self) -> Floats:
        """The plan of who knew everything: quantities of every cell of `physics`."""
        return self.physics.best()


@dataclass(frozen=True, eq=False)
class Physics:
    """One program over all weeks: what each cell takes from and brings to stock and hours, and the money it is worth.

    Parameters
    ----------
    model : of the whole time.
    nodes : item, location of each row of stock; stock : shape (nodes × (periods + 1), columns), the last period is
        `beyond`; hours : shape (resources × periods, columns).
    period : shape (columns,), when a cell is chosen, −1 where it has no period.
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
        """The program of a snapshot in weekly periods: who knows everything holds no cushion, whatever settings say."""
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
        rows = model.balances["stock"].named
        nodes = rows.select("item", "location").unique().sort("item", "location")
        at = _rows(rows, nodes, place, len(labels) + 1)
        chosen = np.ones(matrix.shape[1], bool)
        for name in ("stock", "leave"):
            chosen[program.columns[name]] = False
        stock = _placed(matrix, program.rows["stock"], at, nodes.height * (len(labels) + 1))
        stock = sp.csc_array(stock @ sp.diags_array(chosen.astype(float)))
        resources: tuple[str, ...] = ()
        hours, offered = sp.csc_array((0, matrix.shape[1])), np.zeros(0)
        if "hours" in model.balances:
            table = model.balances["hours"].named
            resources = tuple(table["resource"].unique().sort())
            who = pl.DataFrame({"resource": resources})
            spots = _rows(table, who, place, len(labels))
            hours = _placed(matrix, program.rows["hours"], spots, len(resources) * len(labels))
            offered = np.zeros(len(resources) * len(labels))
            offered[spots] = program.rhs[program.rows["hours"]]
        return cls(model, nodes, resources, stock, hours, offered, period, cells, labels)

    @cached_property
    def given(self) -> Floats:
        """Opening stock and firm receipts: quantities of the cells that nobody decides."""
        program, x = self.model.program, np.zeros(len(self.period))
        for name in ("open", "receive"):
            if name in program.columns:
                x[program.columns[name]] = program.lower[program.columns[name]]
        return x

    @cached_property
    def canonical(self) -> Canonical:
        """The program for the solver."""
        return self.model.canonical

    def of_flow(self, flow: str) -> slice:
        """The columns of a flow; none where the company has no such flow."""
        return self.model.program.columns.get(flow, slice(0, 0))

    def best(self, carried_out: Floats | None = None, weeks: int = 0) -> Floats:
        """The plan worth most money, its first `weeks` as they were carried out where they were.

        Parameters
        ----------
        carried_out : quantity of each cell; shape (columns,).

        Raises SolveError where there is no proven plan.
        """
        own, canonical = self.model.program, self.canonical
        lower, upper = canonical.lower.copy(), canonical.upper.copy()
        if carried_out is not None:
            for flow, place in ((flow, own.columns[flow]) for flow in (*DECIDED, "sell") if flow in own.columns):
                fixed = (self.period[place] >= 0) & (self.period[place] < weeks)
                there = np.arange(canonical.columns[flow].start, canonical.columns[flow].stop)[fixed]
                lower[there] = upper[there] = carried_out[place][fixed]
        # What was carried out may have broken a limit that nobody could keep, such as room when sales stayed away.
        row_upper = canonical.row_upper.copy()
        for name, rows in canonical.rows.items() if carried_out is not None else ():
            balance = self.model.balances[name]
            if balance.sense == "<=" and "period" in balance.keys:
                number = {label: place for place, label in enumerate((*self.labels, BEYOND))}
                done = balance.named["period"].replace_strict(number, return_dtype=pl.Int64).to_numpy() < weeks
                row_upper[rows] = np.where(done, np.inf, row_upper[rows])
        answer = Gate(replace(canonical, lower=lower, upper=upper, row_upper=row_upper)).answer(self.model.weights)
        x = np.zeros(len(answer.x))
        for flow, place in own.columns.items():
            x[place] = answer.x[canonical.columns[flow]]
        return x


def _rows(rows: pl.DataFrame, who: pl.DataFrame, place: Mapping[str, int], periods: int) -> Ints:
    """Where each row of a balance stands in who × periods."""
    keys = who.columns
    found = rows.join(who.with_row_index("number"), on=keys, how="left", maintain_order="left", validate="m:1")
    index = found["period"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    return found["number"].cast(pl.Int64).to_numpy() * periods + index


def _placed(matrix: sp.csc_array, rows: slice, at: Ints, height: int) -> sp.csc_array:
    part = sp.coo_array(matrix[rows, :])
    return sp.csc_array((part.data, (at[part.row], part.col)), shape=(height, matrix.shape[1]))


def refused(snapshot: Snapshot, truth: Truth) -> Snapshot:
    """The snapshot, where it holds nothing that was known only later.

    Raises
    ------
    DataError : a forecast version of a later week, an actual or a delivery of the as-of date or after it, an event that
        nobody had told of, a receipt of an order that was not yet placed; all of them at once.
    """
    day, found = snapshot.as_of, []
    week = (day - truth.start).days // 7
    dated = snapshot["forecast"].filter(pl.col("version").str.contains(r"^\d{4}-W\d{2}$"))
    late = (pl.col("ordered_on") >= day) | (pl.col("arrived_on") >= day)
    # Receipts of the replay's own orders say in which week they were placed; all others were there from the start.
    placed = pl.col("receipt").str.extract(OWN_RECEIPT).cast(pl.Int64)
    own = snapshot["receipts"].with_columns(placed=placed)
    strange = pl.col("placed").is_null() & ~pl.col("receipt").is_in(truth.promised["receipts"]["receipt"].implode())
    told = truth.known_events(day)["event"].implode()
    looks = {
        "forecast versions of a later week": dated.filter(pl.col("version") > day.strftime("%G-W%V")),
        "actuals of the as-of date or later": snapshot["actuals"].filter(pl.col("date") >= day),
        "deliveries that had not come": snapshot["deliveries"].filter(late),
        "events that nobody had told of": snapshot["events"].filter(~pl.col("event").is_in(told)),
        "receipts of orders that were not yet placed": own.filter((pl.col("placed") >= week) | strange),
    }
    for what, rows in looks.items():
        if rows.height:
            found.append(f"{rows.height} {what}, first {rows.row(0)}")
    if found:
        raise DataError(f"The snapshot of {day} knows what nobody knew then: {'; '.join(found)}.")
    return snapshot
