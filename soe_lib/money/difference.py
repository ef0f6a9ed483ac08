"""The difference of two plans in units and in money, and how much of the earlier one was changed: churn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, periods_of
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.timeline import timeline
from soe_lib.money.window import common_window, cut

FLOWS = ("make", "buy", "ship", "sell")
PLACES = {"make": "location", "buy": "location", "ship": "destination", "sell": "location"}
CELL = ["flow", "item", "location", "week"]
LEAST = 5e-7
"""Units that count as no change."""


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """What one plan does otherwise than another on the days that both cover.

    Formula: change = after − before; churn = Σ|after − before| ÷ Σ before, by item, place and week.

    Parameters
    ----------
    before, after : names of the plans. window : the days compared.
    units : flow, item, location, week, before, after, change [units], inside (the week starts within the fence).
    money : account, kind, item, week, before, after, change (Int64, minor units).
    start, end : the plans' margins on those days, in minor units.
    currency, digits : of the money. notes : what had to be assumed.

    Raises ReconciliationError where the money does not add up to the change of margin.
    """

    before: str
    after: str
    window: Window
    units: pl.DataFrame
    money: pl.DataFrame
    start: int
    end: int
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.residual:
            raise ReconciliationError(f"the differences leave {self.residual} minor units of the change unexplained.")

    @property
    def residual(self) -> int:
        """end − start − Σ change of the money that is margin, in minor units: 0."""
        margin = self.money.filter(pl.col("kind") != "steering")
        return self.end - self.start - int(margin["change"].sum())

    def churn(self) -> pl.DataFrame:
        """How much of the earlier plan was changed, inside and outside the fence.

        Moved counts both what was taken out and what was put in; churn is null where the earlier plan had nothing.

        Returns flow, fence (inside, outside, all), before, moved [units], churn [ratio].
        """
        moved = self.units.with_columns(moved=pl.col("change").abs())
        fences = {"inside": pl.col("inside"), "outside": ~pl.col("inside"), "all": pl.lit(True)}
        parts = [
            moved.group_by("flow").agg(
                pl.lit(name).alias("fence"), pl.col("before", "moved").filter(where).sum()
            )
            for name, where in fences.items()
        ]  # fmt: skip
        ratio = pl.when(pl.col("before") > 0).then(pl.col("moved") / pl.col("before"))
        order = pl.col("flow").replace_strict({flow: n for n, flow in enumerate(FLOWS)}, return_dtype=pl.Int64)
        return pl.concat(parts).with_columns(churn=ratio).sort(order, "fence")

    def by(self, *columns: str) -> pl.DataFrame:
        """The change of money by account, kind, item or week: the columns, before, after, change [money]."""
        sums = self.money.group_by(columns, maintain_order=True).agg(pl.col("before", "after", "change").sum())
        return sums.with_columns(as_money(pl.col(name), self.digits) for name in ("before", "after", "change"))

    def __repr__(self) -> str:
        scale = 10**self.digits
        head = (
            f"{self.after} against {self.before}, {self.window[0]} to {self.window[1]}: margin "
            f"{self.start / scale:,.2f} → {self.end / scale:,.2f} ({(self.end - self.start) / scale:+,.2f})"
        )
        rows = [
            f"  {flow:<5} {fence:<8} {moved:>14,.1f} of {before:>14,.1f} units moved"
            for flow, fence, before, moved, _ in self.churn().iter_rows()
        ]
        return "\n".join([head, *rows, *self.notes])


def difference(
    before: PlanLike,
    after: PlanLike,
    *,
    frozen_days: int = 0,
    window: Window | None = None,
    digits: int = 2,
) -> Difference:
    """What one plan does otherwise than another, in units and money, and how much of it lies within the fence.

    Formula: see Difference; both plans cut to the days that they share, each at its own rates, whole cents by largest
    remainder so that the rows add up to the change of margin.

    Parameters
    ----------
    before, after : plans, solved, kept or valued. frozen_days : length of the fence from the first day compared [days].
    window : first and last day; the days that both cover when left out.

    Raises ReconciliationError where they share no day.
    """
    days = window or common_window([before, after])
    one, other = (plan if horizon(plan) == days else cut(plan, days) for plan in (before, after))
    units = _units(one, other, until=days[0] + timedelta(days=frozen_days))
    notes = tuple(dict.fromkeys(note for side in (one, other) for note in getattr(side, "notes", ())))
    names = [plan.name for plan in (before, after)]
    if names[0] == names[1]:
        names = [f"{plan.name} of {getattr(plan, 'as_of', days[0])}" for plan in (before, after)]
    start, end = (int(whole(side.ledger.margin * 10**digits)[0]) for side in (one, other))
    money = _money(one, other, end - start, digits)
    return Difference(names[0], names[1], days, units, money, start, end, digits, notes)


def _units(before: PlanLike, after: PlanLike, *, until: date) -> pl.DataFrame:
    parts = [
        _weekly(plan, flow).select(*CELL, "starts_on", "quantity", side=pl.lit(side))
        for side, plan in (("before", before), ("after", after))
        for flow in FLOWS
        if flow in plan.flows
    ]
    kinds = dict.fromkeys(CELL, pl.String)
    every = pl.concat(
        [pl.DataFrame(schema={**kinds, "starts_on": pl.Date, "quantity": pl.Float64, "side": pl.String}), *parts]
    )
    sums = every.group_by(CELL).agg(
        *(pl.col("quantity").filter(pl.col("side") == side).sum().alias(side) for side in ("before", "after")),
        inside=pl.col("starts_on").min() < until,
    )
    changed = sums.with_columns(change=pl.col("after") - pl.col("before"))
    moved = pl.when(pl.col("change").abs() > LEAST).then(pl.col("change")).otherwise(0.0)
    return changed.with_columns(change=moved).select(*CELL, "before", "after", "change", "inside").sort(CELL)


def _weekly(plan: PlanLike, flow: str) -> pl.DataFrame:
    rows = plan.flows[flow]
    place = PLACES[flow] if PLACES[flow] in rows.columns else "location"
    where = pl.col(place) if place in rows.columns else pl.lit("")
    dates = timeline(rows["period"], periods_of(plan)).select("period", "week", "starts_on")
    cells = rows.select("item", where.alias("location"), "period", "quantity").filter(pl.col("quantity") != 0)
    return cells.join(dates, on="period").with_columns(flow=pl.lit(flow))


def _money(before: PlanLike, after: PlanLike, change: int, digits: int) -> pl.DataFrame:
    keys = ["account", "kind", "item", "week"]
    sides = []
    for name, plan in (("before", before), ("after", after)):
        ledger = plan.ledger.relabelled(items=items_of(plan), periods=periods_of(plan))
        cents = ledger.cents("item", "week", digits=digits).rename({"cents": name})
        sides.append(cents.select(*keys, name))
    both = sides[0].join(sides[1], on=keys, how="full", coalesce=True, validate="1:1").fill_null(0).sort(keys)
    rows = both.with_columns(change=pl.col("after") - pl.col("before"))
    found = int(rows.filter(pl.col("kind") != "steering")["change"].sum())
    if found != change:
        raise ReconciliationError(f"the ledgers' rows move by {found} minor units, the margins by {change}.")
    return rows
