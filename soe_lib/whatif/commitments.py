"""What the plan gives up to keep a commitment, and what one more of the scarcest hours is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
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
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.terms import Block


PRICES = {
    "family": pl.String, "month": pl.String, "committed": pl.Float64, "done": pl.Float64, "planned": pl.Float64,
    "kept": pl.Float64, "money": pl.Float64, "margin": pl.Float64, "each": pl.Float64, "next": pl.Float64,
    "sentence": pl.String,
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class CommitmentPrices:
    """What the optimum gives up to keep each commitment.

    Parameters
    ----------
    rows : family, month, committed, done, planned [units], kept (what is sold if the commitment is kept, or as much of
        it as can be, the sales already made included) [units], money (what keeping it costs, margin and steering),
        margin (the part that is margin) [money], each [money/unit more], next [money for the last unit], sentence.
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
    """The price that the optimum puts on each monthly commitment of a family, found by planning again with it kept.

    Formula: money = optimum without commitments − optimum with this one as a floor (what is committed less what is
    sold already); each = money ÷ units that are not sold otherwise; next = optimum with the floor a unit lower −
    optimum with it. Where not all of it can be sold, the floor is the most that can.

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
    floors = _Floors(model.staged(options), options, near)
    rows = asked.drop("commitment").iter_rows(named=True)
    found = [_priced(floors, place, row, snapshot.currency) for place, row in enumerate(rows)]
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


def _cells(snapshot: Snapshot, asked: pl.DataFrame) -> pl.DataFrame:
    """commitment, item, period, share: what counts towards which commitment."""
    items = asked.select("commitment", "family", "month").join(families(snapshot), on="family")
    return items.join(snapshot.calendar.months, on="month").select("commitment", "item", "period", "share")


@dataclass(frozen=True, eq=False)
class _Optimum:
    """Optimum and margin [money], and what is sold towards the commitment [units]."""

    objective: float
    margin: float
    sold: float


class _Floors:
    """The plan with one commitment at a time as a floor; each solve starts where the one before ended."""

    def __init__(self, model: Model, options: SolverOptions | None, near: Living | None) -> None:
        self.program, self.margin = model.program, margin_of(model)
        self.rows = self.program.row("commitment")
        self.session = Session(self.program, options, start=near.session.start if near else None)
        self.free = self.session.solve()

    def without(self, place: int) -> _Optimum:
        """The optimum as it is, read for commitment number `place`."""
        return self._read(place, self.free.objective, self.free.x)

    def at(self, place: int, floor: float) -> _Optimum:
        """The optimum with commitment number `place` at a floor; raises SolveError where there is none."""
        answer = self.session.solve(self.program.with_limits(self.rows[[place]], -np.inf, -floor))
        return self._read(place, answer.objective, answer.x)

    def most(self, place: int) -> float:
        """Most units that the commitment could have at all, whatever they cost."""
        cost = np.asarray(self.program.matrix[[self.rows[place]], :].todense()).ravel()
        return self._read(place, 0.0, self.session.solve(self.program.with_cost(cost)).x).sold

    def _read(self, place: int, objective: float, x: np.ndarray) -> _Optimum:
        sold = -float((self.program.matrix[[self.rows[place]], :] @ x)[0])
        return _Optimum(objective, float(np.sum(self.margin * x)), sold)


def _priced(floors: _Floors, place: int, row: dict[str, Any], currency: str) -> dict[str, Any]:
    free, floor = floors.without(place), row["committed"] - row["done"]
    what = f"{row['committed']:,.0f} of {row['family']} in {words.period_name(row['month'])}"
    found = {**row, "planned": free.sold, "kept": row["done"] + free.sold} | dict.fromkeys(
        ("money", "margin", "each", "next"), 0.0
    )
    if floor - free.sold <= CLOSE:
        return found | {"sentence": f"Keeping the {what} costs nothing: {found['kept']:,.0f} are sold anyway."}
    try:
        kept, limit = floors.at(place, floor), ""
    except SolveError as error:
        if error.status not in ("infeasible", "infeasible_or_unbounded"):
            raise
        floor = floors.most(place)
        limit = f"The {what} cannot be kept: at most {row['done'] + floor:,.0f} can be sold"
        if floor - free.sold <= 0.5:
            return found | {"sentence": f"{limit}, and they are."}
        floor -= max(CLOSE, 1e-9 * floor)  # the very edge is numerically no place to stand
        kept = floors.at(place, floor)
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
    """The step curve of the dearest hour of each of the tightest lines, from today's hours on.

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
    # At a corner of the plan a price may hold for no hour at all: such an hour is not tight, whatever its price says.
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
    """A line and its day as a reader says them."""
    return f"{curve.labels['resource']}, {words.period_name(curve.labels['period'])}"


def hours_table(
    named: list[tuple[str, pl.DataFrame]], currency: str, *, given: str = "", loads: Sequence[float | None] = ()
) -> Table:
    """What the first hour, the first half of the hours and all of them earn, each by planning again."""
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
    note = f"Margin and steering, read from the step curve, whose corners are planned again{held}; hours are free here."
    frame = frame if loads else frame.drop("Load")
    return Table(frame, "What more hours are worth on the tightest lines", formats, note, rows=12)
