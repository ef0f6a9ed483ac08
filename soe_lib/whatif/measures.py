"""Measures of a plan: the figure, and the linear expression of the plan's quantities that a limit on it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.stability import in_periods
from soe_lib.model.demand import on_time
from soe_lib.model.terms import Balance, Effect, Flow, Part
from soe_lib.money.ledger import MARGIN_KINDS
from soe_lib.money.profit_and_loss import moved_units
from soe_lib.money.window import horizon
from soe_lib.review import words
from soe_lib.store.plan import Plan

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.network import Network


CELL = ("item", "location", "period")
WEEKLY = ("item", "location", "week")
OF_FENCE = ("fence breaks", "nervousness")
"""The accounts that price a change of the plan of record."""
Unit = Literal["share", "money", "hours"]


@dataclass(frozen=True)
class Linear:
    """constant + Σ terms · quantity.

    Parameters
    ----------
    terms : flow → coefficient of each of its cells, shape (cells,).
    """

    terms: Mapping[str, Floats] = field(default_factory=dict)
    constant: float = 0.0


ONE = Linear(constant=1.0)
Ratio = tuple[Linear, Linear]
"""What is counted, and what it is divided by."""


@dataclass(frozen=True)
class Measure:
    """One figure of a plan, and where it can be limited or traded, its linear form.

    Parameters
    ----------
    name : as asked for. label : as a reader says it. definition : in words, with its formula.
    unit : "share", "money" or "hours". direction : +1 where more is better, −1 where less is.
    of : plan (and plan of record, where it is needed) → figure; None where the plan cannot tell.
    form : model (and plan of record) → amount and base, both linear in the quantities; None: it cannot be limited.
    needs_record : whether it is measured against the plan of record, in the periods of the plan (`in_horizon`).
    """

    name: str
    label: str
    definition: str
    unit: Unit
    direction: int
    of: Callable[..., float | None]
    form: Callable[..., Ratio] | None = None
    needs_record: bool = False

    def value(self, plan: Plan, record: Plan | None = None) -> float | None:
        """The figure of a finished plan."""
        if not self.needs_record:
            return self.of(plan)
        return None if record is None else self.of(plan, record)

    def linear(self, model: Model, record: Plan | None = None) -> Ratio:
        """Amount and base as expressions of the model's quantities."""
        assert self.form is not None, f"{self.name} has no linear form"
        return self.form(model, record) if self.needs_record else self.form(model)

    def said(self, value: float | None, currency: str, *, brief: bool = True) -> str:
        """A figure as a reader sees it: "97.4 %", "EUR 1.24 million", not brief "EUR 1,240,310"."""
        if self.unit == "share":
            return words.percent(value, decimals=1)
        return words.brief_money(value, currency) if brief else words.money(value, currency)

    def changed(self, difference: float, currency: str) -> str:
        """The size of a difference: "1.2 points", "EUR 86 thousand"."""
        if self.unit == "share":
            return f"{words.number(100 * abs(difference), decimals=1)} points"
        return words.brief_money(abs(difference), currency)


def measure(name: str) -> Measure:
    """A measure that can be traded by its name; raises DataError with the nearest where there is none."""
    known = [one.name for one in MEASURES.values() if one.form is not None]
    if name not in known:
        raise DataError(f"There is no measure {name!r}. {hint(name, known)} Known: {', '.join(known)}.")
    return MEASURES[name]


def figures(plan: Plan) -> dict[str, float | None]:
    """margin, cash, revenue [money], service [share], stock [money], overtime_hours [h] of a plan."""
    return {name: MEASURES[name].value(plan) for name in FIGURES}


def steering(plan: Plan, base: Plan | None = None, *, fenced: bool = True) -> dict[str, float]:
    """goodwill, shortage (expected), other: the steering of a plan, less that of another one [money].

    Parameters
    ----------
    fenced : False between plans of different fences: their prices of a change are no gain of either, and are left out.
    """
    without = () if fenced else OF_FENCE
    before = base.ledger.steered(without) if base is not None else {}
    return {name: value - before.get(name, 0.0) for name, value in plan.ledger.steered(without).items()}


def gain(plan: Plan, base: Plan, *, fenced: bool = True) -> dict[str, float]:
    """total, and its parts margin, goodwill, shortage (expected) and other: what a plan is worth more than a base."""
    margin, steered = plan.margin - base.margin, steering(plan, base, fenced=fenced)
    return {"total": margin + sum(steered.values()), "margin": margin, **steered}


def service(plan: Plan) -> float | None:
    """Share of the demand that is served in the period in which it is due; what is overdue is not.

    service = Σ sold with period = due ÷ (Σ sold + Σ short), in units; None where nothing is demanded.
    """
    if "sell" not in plan.flows:
        return None
    sold = plan.flows["sell"]
    in_time = sold.filter(on_time(sold))
    wanted = float(sold["quantity"].sum()) + _total(plan, "short")
    return float(in_time["quantity"].sum()) / wanted if wanted > 0 else None


def stock(plan: Plan) -> float | None:
    """Mean closing stock at standard cost [money].

    stock = Σ over periods of days × Σ closing stock × standard_cost ÷ Σ days.
    """
    if "stock" not in plan.flows:
        return None
    cost = plan.items.select("item", pl.col("standard_cost").fill_null(0.0))
    days = plan.periods.select("period", "days")
    closing = plan.flows["stock"].select(pl.col("item", "period").cast(pl.String), "quantity")
    valued = closing.join(cost, on="item", how="left").join(days, on="period", how="inner")
    total = valued.select((pl.col("quantity") * pl.col("standard_cost") * pl.col("days")).sum()).item()
    return float(total / days["days"].sum())


def churn(plan: Plan, reference: Plan) -> float | None:
    """How much of the reference's production is moved, added or gone.

    Formula: Σ|made − made in the reference| ÷ Σ made in the reference, by item, place and week, on the days that both
    cover (`moved_units`; Blackburn, Kropp & Millen 1986, MRP nervousness). None where the reference makes nothing.
    """
    if plan is reference:
        return 0.0
    units = moved_units(reference, plan, flows=("make",))
    before = float(units["before"].sum())
    return float(units["change"].abs().sum()) / before if before > 0 else None


def _total(plan: Plan, flow: str) -> float:
    return float(plan.flows[flow]["quantity"].sum()) if flow in plan.flows else 0.0


def in_horizon(snapshot: Snapshot, record: Plan) -> Plan:
    """The record with its production in the periods of this horizon: a week that is now days is shared out over them.

    What lies outside the horizon drops out; a record of the same periods stays as it is.
    """
    empty = pl.DataFrame(schema={**dict.fromkeys(("routing", *CELL), pl.String), "quantity": pl.Float64})
    made = record.flows.get("make", empty).with_columns(pl.col("period").cast(pl.String))
    span = ["period", "starts_on", "ends_on"]
    same = record.periods.join(snapshot.periods.select(span), on=span, how="semi")["period"]
    if made["period"].is_in(same.implode()).all():
        return record if "make" in record.flows else replace(record, flows={**record.flows, "make": made})
    split = in_periods(made, record.periods, snapshot.calendar)
    # With the periods that it covers, so that who asks again gets the same.
    return replace(record, flows={**record.flows, "make": split}, periods=_covered(snapshot, record))


def _covered(snapshot: Snapshot, record: Plan) -> pl.DataFrame:
    """The periods of this horizon that a record speaks about to their end: churn is counted in them."""
    first, last = horizon(record)
    return snapshot.periods.filter(pl.col("starts_on") >= first, pl.col("ends_on") <= last)


@dataclass(frozen=True)
class Moved(Part):
    """Counts what is made otherwise than in a plan of record: made − more + less = recorded, by item, place and week.

    Brings flows `made_more`, `made_less` (item, location, week) [units] and rows `as_recorded`; books nothing.

    Parameters
    ----------
    record : in the periods of this horizon.
    """

    record: Plan = field(repr=False)

    def flows(self, network: Network) -> Iterator[Flow]:
        """made_more and made_less."""
        if not (cells := self._cells(network)).is_empty():
            for name, word in (("made_more", "more"), ("made_less", "less")):
                yield Flow(name, cells, WEEKLY, "unit", f"units made {word} than in the plan of record")

    def balances(self, network: Network) -> Iterator[Balance]:
        """as_recorded."""
        if not (cells := self._cells(network)).is_empty():
            yield Balance(
                "as_recorded", cells, WEEKLY, "==", "unit", "a move of the plan of record is counted", rhs="quantity"
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make, made_more and made_less."""
        if not self._cells(network).is_empty():
            yield Effect("make", "as_recorded", join=self._weeks(network), using=("period",))
            yield Effect("made_more", "as_recorded", -1.0)
            yield Effect("made_less", "as_recorded")

    def _cells(self, network: Network) -> pl.DataFrame:
        """Everything that can be made in a week, with what the record makes of it."""
        from soe_lib.model.blocks.make import routings

        weeks = self._weeks(network)
        cells = routings(network).select(CELL).unique().join(weeks, on="period").select(WEEKLY).unique().sort(WEEKLY)
        recorded = network.encode(_recorded(self.record, network)).join(weeks, on="period")
        summed = recorded.group_by(WEEKLY).agg(pl.col("quantity").sum())
        # Money is booked in a period: the first of the week.
        first = weeks.unique("week", keep="first", maintain_order=True)
        placed = cells.join(first, on="week", maintain_order="left")
        counted = placed.join(summed, on=WEEKLY, how="left", maintain_order="left")
        return counted.with_columns(pl.col("quantity").fill_null(0.0))

    def _weeks(self, network: Network) -> pl.DataFrame:
        """period, week: in which week each period lies that the record covers."""
        periods = _covered(network.snapshot, self.record).select("period", "week")
        weeks = pl.Enum(periods["week"].unique(maintain_order=True))
        return network.encode(periods).with_columns(pl.col("week").cast(pl.String).cast(weeks))


def _recorded(record: Plan, network: Network) -> pl.DataFrame:
    """item, location, period, quantity of the record, without places that this network does not know."""
    made = record.flows["make"].with_columns(pl.col(*CELL).cast(pl.String)).group_by(CELL)
    summed = made.agg(pl.col("quantity").sum())
    known = [pl.col(key).is_in(list(network.domains[key].categories)) for key in CELL]
    return summed.filter(*known)


def _on_time(model: Model) -> Ratio:
    """Sold on time ÷ what is asked for, which is sold and short: the demand less what is served with a substitute."""
    cells = model.flows["sell"].rows if "sell" in model.flows else None
    sold = {} if cells is None else {"sell": cells.select(on_time(cells).cast(pl.Float64)).to_series().to_numpy()}
    swapped = {"replace": np.full(model.flows["replace"].size, -1.0)} if "replace" in model.flows else {}
    return Linear(sold), Linear(swapped, float(model.network.demand["quantity"].sum()))


def _stock(model: Model) -> Ratio:
    if "stock" not in model.flows:
        return Linear(), ONE
    snapshot = model.snapshot
    cost = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    days = snapshot.periods.select("period", "days")
    cells = model.flows["stock"].rows.select(pl.col("item", "period").cast(pl.String))
    joined = cells.join(cost, on="item", how="left", maintain_order="left")
    joined = joined.join(days, on="period", how="left", maintain_order="left")
    value = joined.select((pl.col("standard_cost") * pl.col("days")).cast(pl.Float64) / days["days"].sum())
    return Linear({"stock": value.to_series().to_numpy()}), ONE


def _money(own: pl.Expr) -> Callable[[Model], Ratio]:
    """Money per unit of each cell, of the rates that an expression keeps."""

    def form(model: Model) -> Ratio:
        terms = {}
        for flow, every in model.rate_frames.items():
            rates = every.filter(own)
            cells, money = rates["cell"].to_numpy(), rates["per_unit"].to_numpy()
            terms[flow] = np.bincount(cells, weights=money, minlength=model.flows[flow].size).astype(np.float64)
        return Linear(terms), ONE

    return form


def _kinds(*kinds: str) -> Callable[[Model], Ratio]:
    return _money(pl.col("kind").is_in(kinds))


def _moved(model: Model, record: Plan) -> Ratio:
    """What is moved ÷ what is recorded; what the record makes where nothing can be made any more is always moved."""
    names: tuple[str, ...] = ("made_more", "made_less")
    recorded = float(record.flows["make"]["quantity"].sum())
    unreachable = max(recorded - float(Moved(record)._cells(model.network)["quantity"].sum()), 0.0)
    ones = {name: np.ones(model.flows[name].size) for name in names if name in model.flows}
    return Linear(ones, unreachable), Linear(constant=recorded)


_SERVICE = "Units served in the period in which they are due ÷ units served or short."
_CHURN = "Σ |made − made in the plan of record| ÷ Σ made in the plan of record, by item, place and week."
_MARGIN = "Cash margin plus the value of what is left."
_STEERING = "Money that moves the plan and is no cash."
_GOODWILL = pl.col("account") == "goodwill"
MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        Measure("service", "On time", _SERVICE, "share", 1, service, _on_time),
        Measure("stock", "Mean stock", "Mean closing stock at standard cost.", "money", -1, stock, _stock),
        Measure("churn", "Churn", _CHURN, "share", -1, churn, _moved, needs_record=True),
        Measure("cash", "Cash", "Money earned less money spent.", "money", 1, lambda p: p.ledger.cash, _kinds("cash")),
        Measure("margin", "Margin", _MARGIN, "money", 1, lambda p: p.margin, _kinds(*MARGIN_KINDS)),
        Measure("steering", "Steering", _STEERING, "money", 1, lambda p: p.steering, _kinds("steering")),
        Measure(
            "goodwill", "Goodwill", "Of customers who are let down.", "money", 1,
            lambda p: p.ledger.steered()["goodwill"], _money(_GOODWILL),
        ),
        Measure(
            "revenue", "Revenue", "Units served at their price.", "money", 1,
            lambda p: float(p.ledger.accounts().get("revenue", 0.0)),
        ),
        Measure(
            "overtime_hours", "Overtime", "Hours worked beyond the regular ones.", "hours", -1,
            lambda p: _total(p, "overtime"),
        ),
    )
}  # fmt: skip
"""Name → measure."""
FIGURES = ("margin", "cash", "revenue", "service", "stock", "overtime_hours")
"""By which plans are put side by side."""
