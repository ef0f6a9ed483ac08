"""The worth of one more hour, pallet or unit: a step curve whose breakpoints are each confirmed by another solve.

The optimum V as a function of one right-hand side is concave and piecewise linear. Between two solved points the
tangents (the prices) meet at one more point. If the optimum there lies on them, it is a breakpoint; else both sides are
searched again (Eisner & Severance 1976). A price alone gives neither its range nor the worth of the next hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.model import Model
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Program
from soe_lib.solver.session import Session
from soe_lib.solver.warm_start import Start

CLOSE = 1e-7
OWN_HOURS = ("make", "run", "ship", "set_up", "set_up_on", "change_over", "overtime")
"""Flows that use a resource's hours or add overtime; all other flows change how many hours it has."""


@dataclass(frozen=True)
class StepCurve:
    """The worth of more (or less) of one limit.

    Parameters
    ----------
    steps : start, stop [unit, added to today's limit], price [money per unit], money [of the whole step].
    constraint, labels, unit : which limit. today : its right-hand side now; for hours plus those that heads, open
        locations and expansions add.
    given : what is held fixed: "" for an LP, "the set-up pattern" where whole numbers are.
    currency : of the money.
    """

    steps: pl.DataFrame
    constraint: str
    labels: Mapping[str, str]
    unit: str
    today: float
    given: str
    currency: str

    @property
    def total(self) -> float:
        """Money of all steps together."""
        return float(self.steps["money"].sum())

    def at(self, amount: float) -> float:
        """The worth of the first `amount` units; raises DataError beyond the last step."""
        if amount > float(self.steps["stop"].max() or 0.0) + CLOSE:  # type: ignore[arg-type]
            raise DataError(
                f"the curve ends at {self.steps['stop'][-1]:,.2f} {self.unit}; call `worth` with a larger amount"
            )
        used = (pl.min_horizontal("stop", pl.lit(amount)) - pl.col("start")).clip(lower_bound=0.0)
        return float(self.steps.select((used * pl.col("price")).sum()).item())

    def __repr__(self) -> str:
        where = ", ".join(f"{key} {value}" for key, value in self.labels.items())
        lines = [
            f"  {row['start']:>12,.2f} to {row['stop']:>12,.2f} {self.unit}: {self.currency} {row['price']:,.2f} each"
            for row in self.steps.iter_rows(named=True)
        ]
        given = f", given {self.given}" if self.given else ""
        return "\n".join(
            [f"Worth of more {self.constraint} ({where}; {self.today:,.2f} {self.unit} today{given})", *lines]
        )


def worth(
    model: Model,
    constraint: str,
    amount: float,
    *,
    options: SolverOptions | None = None,
    start: Start | None = None,
    **labels: str,
) -> StepCurve:
    """The step curve of one limit, from today's right-hand side to `amount` more.

    Parameters
    ----------
    model : the model (`soe.Model(snapshot)`).
    constraint : name of the limit: hours, storage, lane_limit, buy_limit, maximum_stock …
    amount : how much more to look at [unit of the limit], above 0.
    start : where a session of the same model ended (`living.session.start`), which saves the first solve.
    labels : the row: resource="planer", period="Jun".

    Raises DataError where the labels name no row or several.

    Examples
    --------
    >>> print(soe.worth(soe.Model(small), "hours", 40.0, resource="line", period="W1"))
    Worth of more hours (resource line, period W1; 100.00 h today)
              0.00 to        20.00 h: EUR 3.00 each
             20.00 to        40.00 h: EUR 2.50 each
    """
    row, today, unit = _row(model, constraint, labels)
    session = Session(model.program, options, start=start)
    where: dict[str, Any] = {**labels}
    base = session.solve()
    if base.whole.size:
        session = Session(_with_pattern(model, base), options)
        base = session.solve()

    def at(more: float) -> Answer:
        return session.solve(session.base.with_rhs(constraint, more=more, **where))

    points = {0.0: base, float(amount): at(amount)}
    _breakpoints(at, row, points, 0.0, float(amount), depth=40)
    found = sorted(points)
    money = [points[b].objective - points[a].objective for a, b in pairwise(found)]
    steps = pl.DataFrame({"start": found[:-1], "stop": found[1:], "money": money}).with_columns(
        (pl.col("money") / (pl.col("stop") - pl.col("start"))).alias("price")
    )
    given = "the set-up pattern" if model.program.integer.any() else ""
    limit = today + _brought(model, row, base) if constraint == "hours" else today
    return StepCurve(_merged(steps), constraint, dict(labels), unit, limit, given, model.snapshot.currency)


def _brought(model: Model, row: int, base: Answer) -> float:
    """Hours that heads, open locations and expansions add to a resource, less what maintenance takes."""
    taken = model.program.matrix[[row]].tocoo()
    kept = np.ones(len(model.program.cost), bool)
    for flow in OWN_HOURS:
        if flow in model.program.columns:
            kept[model.program.columns[flow]] = False
    mine = kept[taken.col]
    return -float(taken.data[mine] @ base.x[taken.col[mine]])


def _row(model: Model, constraint: str, labels: Mapping[str, str]) -> tuple[int, float, str]:
    if constraint not in model.constraints:
        raise DataError(f"no limit {constraint!r}; the model has {', '.join(model.program.rows)}")
    asked = model.constraints[constraint]
    rows = asked.rows.select(asked.keys).cast(pl.String).with_row_index("row")
    hit = rows.filter(*(pl.col(key) == value for key, value in labels.items()))
    if hit.height != 1:
        raise DataError(f"{constraint} has {hit.height} rows for {dict(labels)}; name one by {', '.join(asked.keys)}")
    place = int(hit["row"].item())
    return model.program.rows[constraint].start + place, float(asked.right[place]), asked.unit


def _with_pattern(model: Model, answer: Answer) -> Program:
    """The LP with the whole numbers held."""
    program, held = model.program, np.rint(answer.x[answer.whole])
    # The ceiling of a switch is large enough for today's demand only: drop the row where the switch is on.
    on = program.matrix[:, answer.whole] @ held
    for name in (name for name, constraint in model.constraints.items() if constraint.ceiling):
        rows = program.row(name)
        program = program.with_limits(rows[on[rows] < 0], -np.inf, np.inf)
    return program.with_bounds(answer.whole, held, held).relaxed()


def _breakpoints(
    at: Callable[[float], Answer], row: int, points: dict[float, Answer], a: float, b: float, *, depth: int
) -> None:
    left, right = points[a], points[b]
    rise, scale = right.objective - left.objective, CLOSE * (1.0 + abs(left.objective))
    slope_a, slope_b = float(left.price[row]), float(right.price[row])
    straight = abs(slope_a * (b - a) - rise) <= scale or abs(slope_b * (b - a) - rise) <= scale
    if straight or depth == 0 or slope_a - slope_b <= CLOSE or b - a <= CLOSE:
        return
    middle = (rise - slope_b * b + slope_a * a) / (slope_a - slope_b)
    if not a + CLOSE < middle < b - CLOSE:
        return
    points[middle] = at(middle)
    if abs(points[middle].objective - left.objective - slope_a * (middle - a)) > scale:
        _breakpoints(at, row, points, a, middle, depth=depth - 1)
        _breakpoints(at, row, points, middle, b, depth=depth - 1)


def _merged(steps: pl.DataFrame) -> pl.DataFrame:
    """Neighbouring steps of the same price as one."""
    near = (pl.col("price") - pl.col("price").shift(1)).abs() > 1e-6 * (1.0 + pl.col("price").abs())
    groups = steps.with_columns(near.fill_null(value=True).cum_sum().alias("step"))
    return (
        groups.group_by("step", maintain_order=True)
        .agg(pl.col("start").min(), pl.col("stop").max(), pl.col("money").sum())
        .with_columns((pl.col("money") / (pl.col("stop") - pl.col("start"))).alias("price"))
        .select("start", "stop", "price", "money")
    )
