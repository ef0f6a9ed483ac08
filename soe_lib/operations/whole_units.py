"""The firm window of a plan in whole units: promises, stock and hours hold, and the money that rounding moves is known.

Every quantity that becomes an order is held between the whole numbers around it, the weeks after it may give way, and
what earns most among those is found: a rounding neighbourhood (Danna, Rothberg & Le Pape, Mathematical Programming 102
(2005) 71–90). Where that has no answer, cells are rounded period by period, each time with the rest planned again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import DataError, ReconciliationError, SolveError
from soe_lib.model.assemble import quantities
from soe_lib.model.blocks.stability import Stability
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.certificate import PRIMAL, primal_residual
from soe_lib.model.model import Model
from soe_lib.operations.receipts import margin_of
from soe_lib.operations.steady import Steady, released_quantities, steady
from soe_lib.review.frames.time import firm_periods
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.terms import Block
    from soe_lib.solver.program import Floats, Mask, Places, Program
    from soe_lib.store.plan import Plan


ORDERED = ("buy", "make", "run", "sell", "ship")
"""The flows that become orders and allocations."""
GAP, SECONDS = 5e-5, 60.0
"""Where the search for whole numbers ends: this close to the best, relative to the margin, or after so long."""
LESS = 3.0
"""Units of a forecast that rounding may leave unserved in a period, beyond a part of one."""
NEAR = 1e-6
"""What is this close to a whole number is one."""


@dataclass(frozen=True, eq=False)
class WholeUnits:
    """A plan whose firm window is in whole units.

    Parameters
    ----------
    plan : the plan in whole units. decided : the plan that it was made from.
    steadied : margin given up (below 0) so that what was released stays where changing it earns too little [money].
    firm : the periods of the firm window. until : its last day.
    broken : flow, item, period, quantity of the cells of the window that are no whole units, and `why`.
    model : of the plan. near : the program with what may still move. steady : what stays of earlier releases.
    """

    plan: Plan
    decided: Plan
    steadied: float
    firm: pl.DataFrame
    until: date
    broken: pl.DataFrame
    model: Model
    near: Program
    steady: Steady

    @property
    def labels(self) -> list[str]:
        """The names of the periods of the firm window."""
        return self.firm["period"].to_list()

    @property
    def moved(self) -> float:
        """Margin that rounding gains (or, below 0, loses) [money]."""
        return self.plan.margin - self.decided.margin - self.steadied

    @property
    def share(self) -> float:
        """What rounding moves, as a share of the decided plan's margin."""
        return self.moved / max(abs(self.decided.margin), 1.0)


def in_whole_units(
    plan: Plan,
    snapshot: Snapshot,
    *,
    blocks: Sequence[Block] = (),
    model: Model | None = None,
    released: pl.DataFrame | None = None,
    until: date | None = None,
) -> WholeUnits:
    """The plan with production, purchases, transfers and allocations of its firm window in whole units.

    A unit is the item's `rounding` (one where it is blank, none where it is 0); what comes in lots is whole already.
    An order that asks for part of a unit gets it. Beyond the window quantities may move, and stay as fine as they are.

    Parameters
    ----------
    plan : the decided plan. snapshot : the extract that it was made from.
    blocks : planning ideas of one's own that it was made with. model : its model, where that is at hand.
    released : open orders of the release before (earlier.OPEN). until : the last day that it covered.

    Raises DataError where the plan is none of the model's, ReconciliationError where the rounded quantities break a
    row or do not add up to the money that was found.
    """
    made = model or Model(snapshot, (*STANDARD, *_kept_close(plan), *blocks))
    program, firm = made.program, firm_periods(snapshot)
    x, when, units = _known(program, plan), _when(program), _units(made, set(firm["period"]))
    near = _neighbourhood(_promised(program, x, units), x, np.zeros(len(x), bool), when < _reach(firm.height)).relaxed()
    kept = Steady(x, np.zeros(0, np.intp), np.zeros(0))
    if released is not None and until is not None:
        covered = firm.filter(pl.col("ends_on") <= until)
        was = released_quantities(program, released, covered)
        kept = steady(near, x, was, snapshot.settings.release.change_worth)
    rounded = _rounded(program, kept.x, units, firm.height)
    whole = ~np.isnan(units)
    count = rounded[whole] / units[whole]
    close = np.abs(count - np.rint(count)) <= NEAR
    rounded[np.flatnonzero(whole)[close]] = np.rint(count[close]) * units[whole][close]
    ends = firm["ends_on"].max()
    assert isinstance(ends, date), "the window has a period"
    return WholeUnits(
        plan=_plan(made, plan, rounded),
        decided=plan,
        steadied=margin_of(made, kept.x - x),
        firm=firm,
        until=ends,
        broken=_broken(program, rounded, units, set(firm["period"])),
        model=made,
        near=near,
        steady=kept,
    )


def _reach(firm: int) -> int:
    """How many periods may move at all: those of the window, and half as many after it, two at least."""
    return firm + max(firm // 2, 2)


def _kept_close(plan: Plan) -> tuple[Block, ...]:
    """The fence that the plan was made with: its record is production, less what the plan made more, plus less."""
    there = [pair for pair in (("more", "less"), ("break_more", "break_less")) if pair[0] in plan.flows]
    if not there or "make" not in plan.flows:
        return ()
    signed = [
        plan.flows[name].select("routing", "period", quantity=pl.col("quantity") * sign)
        for more, less in there
        for name, sign in ((more, -1.0), (less, 1.0))
    ]
    made = plan.flows["make"].select("routing", "period", "quantity")
    record = pl.concat([made, *signed]).group_by("routing", "period").agg(pl.col("quantity").sum())
    return (Stability(record, plan.periods, str(plan.solution.get("record", "plan of record"))),)


def _known(program: Program, plan: Plan) -> Floats:
    """The plan's quantities in the program's order; DataError where it is none of the program's."""
    other = sorted({*plan.flows} ^ {*program.columns} | {*plan.prices} - {*program.rows})
    x = np.zeros(0) if other else quantities(program, plan.flows)
    if other or np.isnan(x).any() or primal_residual(program, x) > 10 * PRIMAL:
        what = f" ({', '.join(other)})" if other else ""
        raise DataError(
            f"{plan.name} was made by other rules than its extract says{what}, so it cannot be put in whole units: "
            "hand over the blocks that it was made with, or plan and decide again."
        )
    return x


def _units(model: Model, firm: set[str]) -> Floats:
    """What each column of an order in the window is a multiple of, shape (columns,); NaN: it may be any quantity."""
    program = model.program
    units = np.full(len(program.cost), np.nan)
    rounding = model.snapshot["items"].select("item", pl.col("rounding").fill_null(1.0))
    for flow in (name for name in ORDERED if name in program.columns):
        rows = _with_lots(program, flow).join(rounding, on="item", how="left", maintain_order="left")
        lots, step = pl.col("multiple").fill_null(0.0), pl.col("rounding")
        # What comes in lots is whole already; a lane's lots are of all its items together.
        loose = (lots == 0) | (pl.lit(flow in ("run", "ship")) & ((lots / step - (lots / step).round()).abs() < NEAR))
        firmly = pl.col("period").is_in(sorted(firm)) & (step > 0) & loose
        own = rows.select(pl.when(firmly).then(step).fill_null(float("nan")))
        units[program.columns[flow]] = own.to_series().to_numpy()
    if "sell" in program.columns:
        units[program.columns["sell"]] = _of_whole_orders(program, units[program.columns["sell"]])
    return units


def _with_lots(program: Program, flow: str) -> pl.DataFrame:
    """item, period, multiple of each cell of a flow, in the program's order."""
    text = [pl.col(name).cast(pl.String) for name in ("item", "period")]
    rows = program.flows[flow].rows
    if flow == "run":
        lots = program.flows["make"].rows.select("routing", "period", "multiple")
        rows = rows.join(lots, on=["routing", "period"], how="left", maintain_order="left")
    lots_of = pl.col("multiple") if "multiple" in rows.columns else pl.lit(0.0).alias("multiple")
    return rows.select(*text, lots_of)


def _of_whole_orders(program: Program, units: Floats) -> Floats:
    """Units of sales, without those of lines that no whole number of units can serve: an order for part of a unit."""
    sell, line = program.flows["sell"].rows, program.constraints["demand"].keys
    asked = program.constraints["demand"].rows.select(*line, pl.Series("asked", program.rhs[program.rows["demand"]]))
    rows = sell.select(*line, "committed", pl.Series("unit", units)).join(
        asked, on=line, how="left", maintain_order="left"
    )
    most = (pl.col("asked") / pl.col("unit") + NEAR).floor() * pl.col("unit")
    part = (pl.col("order").cast(pl.String) != "") & (pl.col("asked") - most > NEAR)
    owed = pl.col("committed").fill_null(0.0) > most + NEAR
    return rows.select(pl.when(~(part | owed)).then("unit").fill_null(float("nan"))).to_series().to_numpy()


def _rounded(program: Program, x: Floats, units: Floats, firm: int) -> Floats:
    """Quantities whose cells with a unit are whole multiples of it, and that earn the most: shape (columns,)."""
    whole = ~np.isnan(units)
    if not whole.any() or (np.abs(x[whole] / units[whole] - np.rint(x[whole] / units[whole])) <= NEAR).all():
        return x.copy()
    scale = np.where(whole, units, 1.0)
    counted, start = _in(_promised(program, x, units), scale), x / scale
    options = SolverOptions(seconds=SECONDS, gap=GAP, threads=1)
    when = _when(program)
    last = int(when.max(initial=0)) + 1
    for until, wide in ((_reach(firm), False), (last, True)):
        near = _neighbourhood(counted, start, whole, when < until, _room(counted, start, whole, wide=wide))
        try:
            return Session(near, options).solve().x * scale
        except SolveError:
            continue
    near = _neighbourhood(counted, start, whole, when < last, _room(counted, start, whole, wide=True))
    return _settled(near, start, whole, when) * scale


def _room(program: Program, x: Floats, whole: Mask, *, wide: bool) -> tuple[Floats, Floats]:
    """Units below and above the whole numbers around each cell that it may be, shape (columns,) each; 0 stays 0.

    Forecast may get some units less, and a transfer a unit: where a line is full, not every item can be rounded up, and
    orders keep what they have. Where that is not enough, every other cell has a unit more to both sides.
    """
    down, up = np.full(len(x), float(wide)), np.full(len(x), float(wide))
    for flow, less in (("ship", 1.0), ("sell", LESS)):
        down[program.columns.get(flow, slice(0))] = less
    used = whole & (x > NEAR)
    if "sell" in program.columns:
        ordered = program.flows["sell"].rows.select(pl.col("order").cast(pl.String) != "").to_series().to_numpy()
        used[np.flatnonzero(ordered) + program.columns["sell"].start] = False
    return np.where(used, down, 0.0), np.where(used, up, 0.0)


def _promised(program: Program, x: Floats, units: Floats) -> Program:
    """The program in which no order is served less than the plan serves it, nor later by a whole unit."""
    if not {"sell", "short"} <= {*program.columns}:
        return program
    orders = program.flows["short"].rows.select(pl.col("order").cast(pl.String) != "").to_series().to_numpy()
    cells = np.flatnonzero(orders) + program.columns["short"].start
    kept = program.with_bounds(cells, program.lower[cells], np.maximum(x[cells], program.lower[cells]))
    place, line = program.columns["sell"], program.constraints["demand"].keys
    sold = program.flows["sell"].rows.select(*line, pl.col("period").to_physical().cast(pl.Int64)).with_columns(
        pl.Series("x", x[place]), pl.Series("unit", units[place]), column=pl.int_range(place.start, place.stop)
    )  # fmt: skip
    sold = sold.filter(pl.col("order").cast(pl.String) != "").sort(*line, "period")
    by_then = sold.with_columns(served=pl.col("x").cum_sum().over(line)).filter(pl.col("x") > NEAR)
    if by_then.is_empty():
        return kept
    until = by_then.with_row_index("row").select(*line, "row", until="period")
    pairs = until.join(sold.select(*line, "period", "column"), on=line).filter(pl.col("period") <= pl.col("until"))
    entries = (-np.ones(pairs.height), (pairs["row"].to_numpy(), pairs["column"].to_numpy()))
    least = (pl.col("served") / pl.col("unit") + NEAR).floor() * pl.col("unit")
    served = by_then.select(pl.when(pl.col("unit").is_nan()).then("served").otherwise(least)).to_series().to_numpy()
    return kept.with_rows("served by then", sp.csc_array(entries, shape=(len(served), len(x))), -served)


def _in(program: Program, scale: Floats) -> Program:
    """The program with each column counted in units of its own."""
    if (scale == 1.0).all():
        return program
    matrix = program.matrix
    data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
    return replace(
        program,
        matrix=sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape),
        cost=program.cost * scale,
        lower=program.lower / scale,
        upper=program.upper / scale,
    )


def _when(program: Program) -> Places:
    """The number of the period of each column of an order; −1 elsewhere."""
    when = np.full(len(program.cost), -1, dtype=np.intp)
    for flow in (name for name in ORDERED if name in program.columns):
        when[program.columns[flow]] = program.flows[flow].rows["period"].to_physical().to_numpy()
    return when


def _neighbourhood(
    program: Program, x: Floats, whole: Mask, near: Mask, room: tuple[Floats, Floats] | None = None
) -> Program:
    """The program with the cells of the window between the whole numbers around them, and all that is not near held.

    Parameters
    ----------
    x : the plan. whole : which cells must be whole. near : which may move at all. room : from `_room`; None: none.
    """
    lower, upper = program.lower.copy(), program.upper.copy()
    held = ~near & ~whole
    # Switches stay as they are decided; counts of lots may go one up or down where quantities may move.
    switch, count = program.integer & (program.upper <= 1.0), program.integer & (program.upper > 1.0)
    held |= switch
    lower[held] = upper[held] = np.where(program.integer, np.rint(x), x)[held]
    lower[count] = np.maximum(program.lower[count], np.rint(x[count]) - 1.0)
    upper[count] = np.minimum(program.upper[count], np.rint(x[count]) + 1.0)
    down, up = (0.0, 0.0) if room is None else room
    low, high = np.floor(x + NEAR) - down, np.ceil(x - NEAR) + up
    lower[whole] = np.maximum(np.ceil(program.lower - NEAR), low)[whole]
    upper[whole] = np.maximum(np.minimum(np.floor(program.upper + NEAR), high), lower)[whole]
    matrix = program.matrix
    moves = np.zeros(len(program.row_upper), bool)
    moves[matrix.indices[np.repeat(lower < upper, np.diff(matrix.indptr))]] = True
    return replace(
        program,
        lower=lower,
        upper=upper,
        integer=(program.integer & ~held) | whole,
        # What nothing can move any more holds as it held.
        row_lower=np.where(moves, program.row_lower, -np.inf),
        row_upper=np.where(moves, program.row_upper, np.inf),
        weights=None,
        hints=None,
    )


def _settled(program: Program, x: Floats, whole: Mask, when: Places) -> Floats:
    """Cells rounded to the next whole number one period after the other, with the rest planned again each time.

    What cannot be rounded together is halved; a single cell that fits neither way is left as it is.
    """
    lower = np.where(whole, np.minimum(np.floor(x + NEAR), program.lower), program.lower)
    now = replace(program.relaxed(), lower=lower, upper=np.where(whole, np.maximum(program.upper, x), program.upper))
    session = Session(now)
    waiting = [np.flatnonzero(whole & (when == period)) for period in sorted(set(when[whole]), reverse=True)]
    while waiting:
        cells = waiting.pop()
        sides = [np.rint(x[cells])]
        if cells.size == 1:
            sides.append(np.floor(x[cells]) + np.ceil(x[cells]) - sides[0])
        for value in sides:
            try:
                x = session.solve(now.with_bounds(cells, value, value)).x
            except SolveError:
                continue
            now = now.with_bounds(cells, value, value)
            break
        else:
            waiting += [half for half in np.array_split(cells, 2) if cells.size > 1]
    return x


def _plan(model: Model, plan: Plan, x: Floats) -> Plan:
    """The plan of other quantities, checked against every row of the program and against the ledger."""
    program = model.program
    residual = primal_residual(program, x)
    if not residual <= PRIMAL:
        raise ReconciliationError(
            f"rounded quantities break a row of the plan by {residual:.1e}: nothing was released."
        )
    objective = float(program.money @ x) - program.offset
    flows = {
        flow: model.flows[flow].named.with_columns(pl.Series("quantity", x[place]))
        for flow, place in program.columns.items()
    }
    gap = max(plan.objective - objective, 0.0) / max(1.0, abs(objective))
    told = {"status": "feasible", "objective": objective, "bound": plan.objective, "gap": gap}
    made = replace(
        plan,
        name=f"{plan.name}, in whole units",
        flows=flows,
        solution={**plan.solution, **told},
        prices={},
        valued=None,
    )
    if abs(made.margin + made.steering - objective) > max(0.01, 1e-9 * abs(objective)):
        raise ReconciliationError(
            f"the ledger of the rounded plan says {made.margin + made.steering:,.2f}, its program {objective:,.2f}: "
            "nothing was released."
        )
    return made


def _broken(program: Program, x: Floats, units: Floats, firm: set[str]) -> pl.DataFrame:
    """flow, item, period, quantity, why: cells of the window that are no whole units of their item."""
    found = [
        pl.DataFrame(
            schema={"flow": pl.String, "item": pl.String, "period": pl.String, "quantity": pl.Float64, "why": pl.String}
        )
    ]
    for flow in (name for name in ORDERED if name in program.columns):
        place = program.columns[flow]
        rows = program.flows[flow].rows.select(pl.col("item", "period").cast(pl.String))
        rows = rows.with_columns(pl.Series("quantity", x[place]), pl.Series("unit", units[place]))
        count = pl.col("quantity") / pl.col("unit")
        split = pl.col("unit").is_not_nan() & ((count - count.round()).abs() > NEAR)
        found.append(
            rows.filter(pl.col("period").is_in(sorted(firm)), split).select(
                pl.lit(flow).alias("flow"), "item", "period", "quantity",
                why=pl.lit("no whole number of units keeps all promises"),
            )
        )  # fmt: skip
    return pl.concat(found)
