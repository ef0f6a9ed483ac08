"""Infeasible plans: the cheapest promises to break, in business terms.

Every row with a break price gets a slack; minimising Σ break price × slack, with all other money at zero, gives the
cheapest set of promises whose breaking makes the rest feasible (an elastic phase 1; Chinneck 2008, ch. 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.extract.targets import Lock
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.stability import Locked
from soe_lib.model.model import Model
from soe_lib.model.terms import Block, Constraint, column
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.program import Program
from soe_lib.solver.session import Session

SMALL = 1e-6
SLACKS = "slacks"
REACH = 30.0
"""Time limit of the search for how much of a forced quantity is possible [s]."""


@dataclass(frozen=True)
class Conflict:
    """The promises that cannot all be kept, and the cheapest of them to break.

    Parameters
    ----------
    promises : one row per broken promise: promise, labels, when (dates), unit, promised, by (how much it is broken),
        way ("less" or "more" than promised), price, money.
    money : what breaking them costs in all, at their break prices.
    currency : of the money.
    """

    promises: pl.DataFrame
    money: float
    currency: str

    @property
    def found(self) -> bool:
        """Whether there is a conflict at all."""
        return not self.promises.is_empty()

    def text(self) -> str:
        """The promises to break, largest money first."""
        if not self.found:
            return "No conflict: every promise can be kept."
        count = self.promises.height
        noun = "promise" if count == 1 else "promises"
        head = f"{count} {noun} cannot be kept together with the rest; the cheapest way out:"
        lines = [
            f"  {row['promise']} ({row['labels']}, {row['when']}): {row['by']:,.2f} {row['unit']} {row['way']} than "
            f"the {row['promised']:,.2f} {'promised' if row['way'] == 'less' else 'agreed'}, "
            f"at {row['price']:,.2f}: {self.currency} {row['money']:,.2f}"
            for row in self.promises.iter_rows(named=True)
        ]
        return "\n".join([head, *lines, f"  in all {self.currency} {self.money:,.2f}"])


def conflict_of(asked: Model, options: SolverOptions | None = None) -> Conflict:
    """The cheapest promises of a model to break; see `soe.conflict`."""
    program = asked.program
    breakable = [asked.constraints[name] for name in program.rows if asked.constraints[name].break_price is not None]
    parts = [(np.zeros(0), np.zeros(0), np.zeros(0)), *(_slacks(program, constraint) for constraint in breakable)]
    rows, signs, prices = (np.concatenate(column) for column in zip(*parts, strict=True))
    elastic = _elastic(program, rows.astype(int), signs, prices)
    broken = Session(elastic, options).solve().x[elastic.columns[SLACKS]]
    if (broken > SMALL).sum() > 1:
        broken = _fewest(elastic, prices, broken, options)
    return _report(asked, rows.astype(int), signs, broken, prices)


def explained(error: SolveError, model: Model, own: Sequence[Block] = ()) -> SolveError:
    """An infeasibility with its cause; any other error is returned unchanged.

    Parameters
    ----------
    own : blocks beside the standard ones; for a quantity that they force, the error says how much is possible.
    """
    if error.status != "infeasible" or model.convex:
        return error
    forced = [lock for block in own if isinstance(block, Locked) for lock in block.locks]
    reasons = [text for lock in forced if (text := _out_of_reach(model, lock, forced))]
    if reasons:
        return SolveError(f"infeasible: {' '.join(reasons)}", status=error.status)
    try:
        found = conflict_of(model)
    except SolveError:
        return error
    return SolveError(f"infeasible: {found.text()}", status=error.status) if found.found else error


def _out_of_reach(model: Model, lock: Lock, forced: Sequence[Lock]) -> str:
    """How much of a forced quantity is possible while all promises are kept; blank where the quantity is possible."""
    least, most = (_reach(model, lock, forced, sign) for sign in (1.0, -1.0))
    slack = SMALL * max(1.0, abs(lock.quantity))
    if lock.sense != "<=" and lock.quantity > most + slack:
        return f"{lock} is out of reach: at most {most:,.2f} are possible while all promises are kept."
    if lock.sense != ">=" and lock.quantity < least - slack:
        return f"{lock} is out of reach: at least {least:,.2f} are needed to keep all promises."
    return ""


def _reach(model: Model, lock: Lock, forced: Sequence[Lock], sign: float) -> float:
    """The least (sign +1) or most (−1) that the cells of a lock can add up to, without any forced quantity."""
    program = model.program
    for one in forced:
        program = program.with_limits(program.row(one.constraint), -np.inf, np.inf)
    cells = np.asarray(program.matrix[[program.row(lock.constraint)[0]], :].todense()).ravel()
    amount = -cells if lock.sense == ">=" else cells
    try:
        return float(amount @ Session(program.with_cost(sign * amount), SolverOptions(seconds=REACH)).solve().x)
    except SolveError:
        return -sign * np.inf


def _slacks(program: Program, constraint: Constraint) -> tuple[Floats, Floats, Floats]:
    rows = program.row(constraint.name).astype(float)
    price = np.maximum(
        column(constraint.rows, constraint.break_price or 0.0, f"break price of {constraint.name}"), SMALL
    )
    if constraint.sense == "<=":
        return rows, np.full(len(rows), -1.0), price
    return np.tile(rows, 2), np.repeat([1.0, -1.0], len(rows)), np.tile(price, 2)


def _elastic(program: Program, rows: np.ndarray, signs: Floats, prices: Floats) -> Program:
    """The program with a slack for each promise; it minimises only the cost of breaking promises."""
    shape = (len(program.rhs), len(rows))
    slacks = sp.csc_array((signs, (rows, np.arange(len(rows)))), shape=shape)
    return program.with_cost(np.zeros(len(program.cost))).with_columns(SLACKS, slacks, prices)


def _fewest(elastic: Program, prices: Floats, broken: Floats, options: SolverOptions | None) -> Floats:
    """Among sets of equal cost, one with the fewest promises: a switch per slack, the cost held."""
    money, count, slacks = float(prices @ broken), len(prices), elastic.columns[SLACKS]
    most = money / prices * (1.0 + 1e-9) + SMALL
    few = elastic.with_cost(np.zeros(len(elastic.cost)))
    few = few.with_columns("switches", sp.csc_array((len(few.rhs), count)), np.ones(count), 1.0, integer=True)
    slack, switch = (sp.eye_array(len(few.cost), format="csr")[few.columns[name]] for name in (SLACKS, "switches"))
    few = few.with_rows("on", sp.csc_array(slack - sp.diags_array(most) @ switch), np.zeros(count))
    few = few.with_rows("as cheap", sp.csc_array(prices[None, :] @ slack), np.array([money * (1.0 + 1e-9) + SMALL]))
    try:
        return Session(few, options or SolverOptions(seconds=5.0, gap=0.0)).solve().x[slacks]
    except SolveError:
        return broken  # equally cheap and proven, but perhaps not the fewest


def _report(model: Model, rows: np.ndarray, signs: Floats, broken: Floats, prices: Floats) -> Conflict:
    found: list[pl.DataFrame] = []
    for name, place in model.program.rows.items():
        mine = np.flatnonzero((rows >= place.start) & (rows < place.stop) & (broken > SMALL))
        if not mine.size:
            continue
        constraint = model.constraints[name]
        right = constraint.right[rows[mine] - place.start]
        # A slack that adds to its row stands for what is missing; so does one on "−x <= −promised".
        less = (signs[mine] > 0) | ((constraint.sense == "<=") & (right < 0))
        labels = constraint.rows.select(constraint.keys)[rows[mine] - place.start].cast(pl.String)
        shown = [pl.when(pl.col(key) != "").then(pl.format(f"{key} {{}}", key)) for key in constraint.keys]
        found.append(
            labels.select(
                pl.lit(constraint.meaning).alias("promise"),
                pl.concat_str(shown, separator=", ", ignore_nulls=True).alias("labels"),
                _dates(model, labels).alias("when"),
                pl.lit(constraint.unit).alias("unit"),
                pl.Series("promised", np.abs(right)),
                pl.Series("by", broken[mine]),
                pl.Series("way", np.where(less, "less", "more").tolist(), dtype=pl.String),
                pl.Series("price", prices[mine]),
            )
        )
    words = dict.fromkeys(("promise", "labels", "when", "unit", "way"), pl.String)
    schema = words | dict.fromkeys(("promised", "by", "price"), pl.Float64)
    promises = pl.concat(found) if found else pl.DataFrame(schema=schema)
    promises = promises.with_columns((pl.col("by") * pl.col("price")).alias("money")).sort("money", descending=True)
    return Conflict(promises, float(promises["money"].sum()), model.snapshot.currency)


def _dates(model: Model, labels: pl.DataFrame) -> pl.Series:
    """The dates of a row's period; for a row without a period, "by" the end of the horizon."""
    periods = model.snapshot.periods
    key = next((key for key in ("period", "due") if key in labels.columns), None)
    if key is None:
        last = str(periods["ends_on"].max())
        return pl.Series("when", [f"by {last}"] * labels.height, dtype=pl.String)
    one_day = pl.col("starts_on") == pl.col("ends_on")
    span = pl.when(one_day).then(pl.format("{}", "starts_on")).otherwise(pl.format("{} to {}", "starts_on", "ends_on"))
    days = periods.select(pl.col("period").cast(pl.String).alias(key), span.alias("when"))
    return labels.select(key).join(days, on=key, how="left", maintain_order="left")["when"].fill_null("")
