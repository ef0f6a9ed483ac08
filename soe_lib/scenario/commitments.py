"""What the optimum gives up to keep each S&OP commitment, found by planning again with it kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.sop import CLOSE, committed
from soe_lib.review import words
from soe_lib.review.frames.outlook import ALL, families, month_to_date, whole_months

if TYPE_CHECKING:
    from soe_lib.model.canonical import Canonical
    from soe_lib.model.living import Living
    from soe_lib.model.model import Model
    from soe_lib.model.planning import Recorded
    from soe_lib.model.solve import Options
    from soe_lib.model.terms import Block

FILE = "commitment_prices.parquet"
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
    options: Options | None = None,
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
    """
    from soe_lib.model.blocks import STANDARD, kept_close
    from soe_lib.model.blocks.commitments import Commitments
    from soe_lib.model.model import Model
    from soe_lib.model.planning import of_record

    asked = _asked(snapshot)
    block = Commitments(asked.select("commitment", floor=pl.lit(0.0)), _cells(snapshot, asked))
    model = Model(
        snapshot,
        (*STANDARD, *kept_close(of_record(snapshot, record)), *blocks, block),
        pattern=near.base if near else None,
    )
    model.staged(options)
    floors = _Floors(model, options, near)
    rows = asked.drop("commitment").iter_rows(named=True)
    found = [_priced(floors, place, row, snapshot.currency) for place, row in enumerate(rows)]
    return CommitmentPrices(pl.DataFrame(found, schema=PRICES).sort("month", "family"), snapshot.currency)


def keep_prices(prices: CommitmentPrices | None, results: str | Path) -> CommitmentPrices | None:
    """Leave the prices where the other pages of the same pack find them; does nothing when run by hand."""
    if prices is not None and str(results):
        Path(results).mkdir(parents=True, exist_ok=True)
        prices.rows.write_parquet(Path(results) / FILE)
    return prices


def kept_prices(results: str | Path) -> pl.DataFrame | None:
    """The prices that the balance page left; None where there are none."""
    path = Path(results) / FILE
    return pl.read_parquet(path) if str(results) and path.is_file() else None


def priced_beside(living: Living) -> CommitmentPrices | None:
    """The prices of this week's commitments from a model that is alive; None where S&OP has committed nothing that can
    still be judged.
    """
    snapshot = living.home.snapshot
    try:
        return commitment_prices(snapshot, blocks=living.beside, record=None, near=living)
    except DataError:
        return None


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

    def __init__(self, model: Model, options: Options | None, near: Living | None) -> None:
        from soe_lib.model.carry import carried
        from soe_lib.model.common import margin_of
        from soe_lib.model.solve import Gate

        self.base: Canonical = model.canonical
        self.first = self.base.rows["commitment"].start
        self.margin = np.zeros(len(self.base.cost))
        own = margin_of(model)
        for flow, place in model.program.columns.items():
            self.margin[self.base.columns[flow]] = own[place]
        self.gate = Gate(self.base, options)
        if near is not None and (basis := carried(near.basis, near.home.canonical, self.base)) is not None:
            self.gate.start_from(basis)
        self.free = self.gate.answer()

    def without(self, place: int) -> _Optimum:
        """The optimum as it is, read for commitment number `place`."""
        return self._read(place, self.free.objective, self.free.x)

    def at(self, place: int, floor: float) -> _Optimum:
        """The optimum with commitment number `place` at a floor; raises SolveError where there is none."""
        upper = self.base.row_upper.copy()
        upper[self.first + place] = -floor
        answer = self._solved(replace(self.base, row_upper=upper))
        return self._read(place, answer.objective, answer.x)

    def most(self, place: int) -> float:
        """Most units that the commitment could have at all, whatever they cost."""
        cost = np.asarray(self.base.matrix[[self.first + place], :].todense()).ravel()
        return self._read(place, 0.0, self._solved(replace(self.base, cost=cost, offset=0.0)).x).sold

    def _solved(self, program: Canonical) -> Any:
        self.gate = self.gate.move(program)
        return self.gate.answer()

    def _read(self, place: int, objective: float, x: np.ndarray) -> _Optimum:
        sold = -float((self.base.matrix[[self.first + place], :] @ x)[0])
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
