"""The cost of keeping a commitment, the cost of waiting a week with it, and the worth of scarce hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.sell import Commitments
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.families import margin_of
from soe_lib.model.model import Model
from soe_lib.model.record import Recorded, of_record
from soe_lib.model.worth import StepCurve, worth
from soe_lib.money.commitments import CLOSE, committed
from soe_lib.review import words
from soe_lib.review.charts.supply import step_curves
from soe_lib.review.frames.service import ALL, families, month_to_date, whole_months
from soe_lib.review.frames.supply import resource_hours
from soe_lib.review.style import Chart
from soe_lib.review.tables import Table
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Program
from soe_lib.solver.session import Session
from soe_lib.solver.warm_start import Start

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.terms import Block


PRICES = {
    "family": pl.String, "month": pl.String, "committed": pl.Float64, "done": pl.Float64, "planned": pl.Float64,
    "kept": pl.Float64, "money": pl.Float64, "margin": pl.Float64, "each": pl.Float64, "next": pl.Float64,
    "sentence": pl.String, "waiting": pl.Float64, "lost": pl.Float64,
}  # fmt: skip
FOLLOWS = ("stock",)
"""Flows that follow from the others: they are no decisions."""


@dataclass(frozen=True, eq=False, repr=False)
class CommitmentPrices:
    """What the optimum gives up to keep each commitment.

    Parameters
    ----------
    rows : family, month, committed, done, planned [units], kept (sales with the commitment kept as far as possible,
        past sales included) [units], money (the cost of keeping it, margin and steering), margin (the part that is
        margin) [money], each [money/unit more], next [money for the last unit], sentence, waiting (the cost of waiting
        a week; null where there is nothing to decide, and for later months of the same family) [money], lost (units
        that can no longer be recovered then).
    currency : of the money.
    """

    rows: pl.DataFrame
    currency: str

    def __repr__(self) -> str:
        return "\n".join(self.rows["sentence"])


def commitment_prices(
    snapshot: Snapshot,
    *,
    blocks: Sequence[Block] = (),
    record: Recorded = "find",
    options: SolverOptions | None = None,
    near: Living | None = None,
) -> CommitmentPrices:
    """The cost of each monthly commitment of a family, found by planning again with it kept.

    Formula: money = optimum without commitments − optimum with this one as a floor (committed less sold already); each
    = money ÷ units not sold otherwise; next = optimum with the floor a unit lower − optimum with it. Where not all of
    it can be sold, the floor is the most that can.

    Waiting, for the first month that a family misses: optimum with the month at its commitment (a floor where it falls
    short, a ceiling where it runs over) − the same optimum with the first week carried out as planned + units then out
    of reach × the family's average price less standard cost.

    Parameters
    ----------
    blocks, record, options : as for `soe.plan`.
    near : a living model of the same snapshot, which saves the first solve.

    Raises DataError where no month with a commitment ends within the horizon.

    Examples
    --------
    >>> soe.whatif.commitment_prices(small)
    Keeping the 300 of Drinks in Jan 2026 costs nothing: 300 are sold anyway.
    """
    asked = _asked(snapshot)
    block = Commitments(asked.select("commitment", floor=pl.lit(0.0)), _cells(snapshot, asked))
    model = Model(
        snapshot,
        (*STANDARD, *kept_close(of_record(snapshot, record)), *blocks, block),
        near=near.home if near else None,
        pattern=near.base if near else None,
    )
    model = model.staged(options)
    start = near.session.start if near else None
    floors = _Floors(model.program, margin_of(model), options, start)
    later = floors.carried_out(_first_week(model))
    units, first, found = _unit_margins(model), set[str](), []
    for place, row in enumerate(asked.drop("commitment").iter_rows(named=True)):
        price = _priced(floors, place, row, snapshot.currency)
        if row["family"] not in first and abs(row["committed"] - row["done"] - price["planned"]) > CLOSE:
            first.add(row["family"])
            price |= _waited(floors, later, place, price, units.get(row["family"], 0.0))
        found.append(price)
    return CommitmentPrices(pl.DataFrame(found, schema=PRICES).sort("month", "family"), snapshot.currency)


def _asked(snapshot: Snapshot) -> pl.DataFrame:
    """family, month, committed, done [units] of the months that can still be judged, by commitment (a label)."""
    rows = committed(snapshot).with_columns(pl.col("family").replace("", ALL))
    sums = rows.group_by("family", month="fiscal_month").agg(committed=pl.col("quantity").sum())
    judged = sums.join(whole_months(snapshot, "sales"), on="month", how="semi")
    if judged.is_empty():
        raise DataError("No month with a commitment ends within the horizon, or begins within the actuals.")
    done = month_to_date(snapshot, "sales").rename({"actual": "done"})
    both = judged.join(done, on=["family", "month"], how="left", validate="1:1")
    labelled = both.with_columns(pl.col("done").fill_null(0.0), commitment=pl.format("{} · {}", "family", "month"))
    return labelled.sort("commitment")


def _first_week(model: Model) -> np.ndarray:
    """Columns of the decisions in the periods that begin within seven days."""
    end = model.snapshot.as_of + timedelta(days=7)
    periods = model.snapshot.periods.filter(pl.col("starts_on") < end)["period"].implode()
    found = [np.zeros(0, dtype=np.intp)]
    for name, place in model.program.columns.items():
        if name not in FOLLOWS and "period" in (rows := model.flows[name].rows).columns:
            mine = rows.select(pl.col("period").cast(pl.String).is_in(periods)).to_series().to_numpy()
            found.append(place.start + np.flatnonzero(mine))
    return np.concatenate(found)


def _unit_margins(model: Model) -> dict[str, float]:
    """Family → average price less standard cost of its demand [money/unit], never below 0."""
    costs = model.snapshot["items"].select("item", cost=pl.col("standard_cost").fill_null(0.0))
    asked = model.network.demand.select(pl.col("item").cast(pl.String), "quantity", "price")
    joined = asked.join(costs, on="item", how="left").join(families(model.snapshot), on="item")
    worth = (pl.col("quantity") * (pl.col("price") - pl.col("cost"))).sum() / pl.col("quantity").sum()
    return dict(joined.group_by("family").agg(worth.fill_nan(0.0).clip(lower_bound=0.0)).iter_rows())


def _cells(snapshot: Snapshot, asked: pl.DataFrame) -> pl.DataFrame:
    """commitment, item, period, share: the sales that count towards each commitment."""
    items = asked.select("commitment", "family", "month").join(families(snapshot), on="family")
    return items.join(snapshot.calendar.months, on="month").select("commitment", "item", "period", "share")


@dataclass(frozen=True, eq=False)
class _Optimum:
    """Optimum and margin [money], and what is sold towards the commitment [units]."""

    objective: float
    margin: float
    sold: float


class _Floors:
    """The plan with one commitment at a time as a floor or a ceiling; each solve starts from the last basis."""

    def __init__(self, program: Program, margin: Floats, options: SolverOptions | None, start: Start | None) -> None:
        self.program, self.margin, self.options = program, margin, options
        self.rows = program.row("commitment")
        self.session = Session(program, options, start=start)

    @cached_property
    def free(self) -> Answer:
        """The optimum without commitments."""
        return self.session.solve()

    def carried_out(self, columns: np.ndarray) -> _Floors:
        """A copy with some columns held as the optimum has them."""
        done = self.free.x[columns]
        return _Floors(self.program.with_bounds(columns, done, done), self.margin, self.options, self.session.start)

    def without(self, place: int) -> _Optimum:
        """The optimum as it is, read for commitment number `place`."""
        return self._read(place, self.free.objective, self.free.x)

    def at(self, place: int, level: float, *, floor: bool = True) -> _Optimum:
        """The optimum with commitment number `place` at a level; raises SolveError where there is none."""
        low, high = (-np.inf, -level) if floor else (-level, np.inf)
        answer = self.session.solve(self.program.with_limits(self.rows[[place]], low, high))
        return self._read(place, answer.objective, answer.x)

    def furthest(self, place: int, *, floor: bool = True) -> float:
        """Most units (for a ceiling, fewest) that the commitment can have at any cost."""
        cost = np.asarray(self.program.matrix[[self.rows[place]], :].todense()).ravel()
        return self._read(place, 0.0, self.session.solve(self.program.with_cost(cost if floor else -cost)).x).sold

    def nearest(self, place: int, level: float, *, floor: bool = True) -> tuple[float, _Optimum]:
        """The level, or the nearest feasible one, and the optimum there."""
        try:
            return level, self.at(place, level, floor=floor)
        except SolveError as error:
            if error.status not in ("infeasible", "infeasible_or_unbounded"):
                raise
        reached = self.furthest(place, floor=floor)
        edge = max(CLOSE, 1e-9 * reached)  # a floor at the exact limit may be infeasible by rounding
        reached -= edge if floor else -edge
        return reached, self.at(place, reached, floor=floor)

    def _read(self, place: int, objective: float, x: np.ndarray) -> _Optimum:
        sold = -float((self.program.matrix[[self.rows[place]], :] @ x)[0])
        return _Optimum(objective, float(np.sum(self.margin * x)), sold)


def _waited(now: _Floors, later: _Floors, place: int, row: dict[str, Any], unit: float) -> dict[str, float]:
    """The cost of waiting, and the units that it loses."""
    goal = row["committed"] - row["done"]
    under = row["planned"] < goal
    if under and row["kept"] - row["done"] <= row["planned"] + 0.5:
        return {"waiting": 0.0, "lost": 0.0}  # all that can be sold is sold: nothing can be recovered
    reached, best = now.nearest(place, goal, floor=under)
    left, then = later.nearest(place, goal, floor=under)
    lost = max(reached - left if under else left - reached, 0.0)
    if lost <= 2 * CLOSE:
        return {"waiting": max(best.objective - then.objective, 0.0), "lost": 0.0}
    same = now.at(place, left, floor=under)
    return {"waiting": max(same.objective - then.objective, 0.0) + lost * unit, "lost": lost}


def _priced(floors: _Floors, place: int, row: dict[str, Any], currency: str) -> dict[str, Any]:
    free, floor = floors.without(place), row["committed"] - row["done"]
    what = f"{row['committed']:,.0f} of {row['family']} in {words.period_name(row['month'])}"
    found = {**row, "planned": free.sold, "kept": row["done"] + free.sold} | dict.fromkeys(
        ("money", "margin", "each", "next"), 0.0
    )
    if floor - free.sold <= CLOSE:
        return found | {"sentence": f"Keeping the {what} costs nothing: {found['kept']:,.0f} are sold anyway."}
    goal = floor
    floor, kept = floors.nearest(place, goal)
    limit = ""
    if floor < goal:
        limit = f"The {what} cannot be kept: at most {row['done'] + floor:,.0f} can be sold"
        if floor - free.sold <= 0.5:
            return found | {"sentence": f"{limit}, and they are."}
    gap = floor - free.sold
    less = floors.at(place, max(floor - 1.0, free.sold))
    money, last = free.objective - kept.objective, (less.objective - kept.objective) / min(1.0, gap)
    price = (
        f"costs {currency} {money / gap:,.2f} a unit: {currency} {money:,.2f} for the {gap:,.0f} that would not be "
        f"sold otherwise, {currency} {last:,.2f} for the last one."
    )
    return found | {
        "kept": row["done"] + floor,
        "money": money,
        "margin": free.margin - kept.margin,
        "each": money / gap,
        "next": last,
        "sentence": f"{limit}, which {price}" if limit else f"Keeping the {what} {price}",
    }


CURVES, HOURS, LEAST, TRIES = 2, 8.0, 1.0, 6


def curves(living: Living, *, most: int = CURVES, hours: float = HOURS) -> tuple[StepCurve, ...]:
    """The step curve of the most valuable hour of each of the tightest lines, from today's hours on.

    Parameters
    ----------
    living : this week's living model. most : lines. hours : how many more to look at [h].
    """
    prices = living.base.prices.get("hours")
    if prices is None:
        return ()
    tight = prices.filter(pl.col("price") > 0.005).with_columns(pl.col("resource", "period").cast(pl.String))
    dearest = tight.sort(["price", "resource", "period"], descending=[True, False, False])
    found: list[StepCurve] = []
    # At a degenerate vertex a price may hold for no hour at all: such an hour is not scarce.
    for line, period in dearest.select("resource", "period").head(TRIES * most).rows():
        if len(found) == most:
            break
        if any(curve.labels["resource"] == line for curve in found):
            continue
        known = {"resource": line, "period": period}
        curve = worth(living.home, "hours", hours, options=living.options, start=living.session.start, **known)
        found += [curve] if curve.total >= LEAST else []
    return tuple(found)


def tightest(living: Living, *, most: int = CURVES, hours: float = HOURS) -> tuple[Chart | Table | str, ...]:
    """A chart of the step curves and, below it, what the first hours are worth; a sentence where no hour is scarce.

    Examples
    --------
    >>> chart, table = soe.whatif.tightest(soe.Living(small))
    >>> table.frame.columns
    ['Hours of', 'Load', 'More hours', 'Earn together, EUR', 'Each, EUR']
    """
    found = curves(living, most=most, hours=hours)
    if not found:
        return ("No hour is scarce: one more would earn nothing.",)
    named = [(named_row(curve), curve.steps) for curve in found]
    currency, loads = found[0].currency, _loads(living, found)
    return (step_curves(named, currency), hours_table(named, currency, given=found[0].given, loads=loads))


def _loads(living: Living, found: tuple[StepCurve, ...]) -> list[float | None]:
    """How full each line is in its period: hours used ÷ regular hours; None where it has no regular hours."""
    asked = pl.DataFrame([{**curve.labels} for curve in found])
    there = resource_hours(living.home.snapshot, living.base)
    ratio = pl.when(pl.col("available") > 1e-9).then(pl.col("used") / pl.col("available"))
    return (
        asked.join(there, on=["resource", "period"], how="left", maintain_order="left")
        .select(ratio)
        .to_series()
        .to_list()
    )


def named_row(curve: StepCurve) -> str:
    """A line and its period in words."""
    return f"{curve.labels['resource']}, {words.period_name(curve.labels['period'])}"


def hours_table(
    named: list[tuple[str, pl.DataFrame]], currency: str, *, given: str = "", loads: Sequence[float | None] = ()
) -> Table:
    """What the first hour, half of the hours and all of them earn, each by planning again."""
    rows = []
    for (name, steps), load in zip_longest(named, loads[: len(named)]):
        stop = float(steps["stop"].max())  # type: ignore[arg-type]
        for amount in (1.0, stop / 2, stop):
            used = (pl.min_horizontal("stop", pl.lit(amount)) - pl.col("start")).clip(lower_bound=0.0)
            money = float(steps.select((used * pl.col("price")).sum()).item())
            rows.append({"Hours of": name, "Load": load, "More hours": amount, "Earn": money, "Each": money / amount})
    frame = pl.DataFrame(rows, schema_overrides={"Load": pl.Float64}).rename(
        {"Earn": f"Earn together, {currency}", "Each": f"Each, {currency}"}
    )
    formats = {
        "Load": "percent",
        "More hours": ",.1f",
        f"Earn together, {currency}": "money",
        f"Each, {currency}": "money",
    }
    held = f", given {given}" if given else ""
    note = f"Margin and steering, from the step curve, whose breakpoints are solved again{held}; hours cost nothing."
    frame = frame if loads else frame.drop("Load")
    return Table(frame, "What more hours are worth on the tightest lines", formats, note, rows=12)
