"""Measures of a plan: the figure, and the linear expression of the plan's quantities that a limit on it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.make import routings
from soe_lib.model.blocks.stability import in_periods
from soe_lib.model.demand import on_time
from soe_lib.model.terms import Constraint, Effect, Flow, Part
from soe_lib.money.ledger import MARGIN_KINDS
from soe_lib.money.profit_and_loss import CHURN, moved_units
from soe_lib.money.window import horizon
from soe_lib.review import words
from soe_lib.review.frames.time import buckets, shared_weeks
from soe_lib.review.measures import Band, Linear, Measure, Ratio, add, standing
from soe_lib.store.plan import Plan

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.network import Network
    from soe_lib.review.week import Week


CELL = ("item", "location", "period")
WEEKLY = ("item", "location", "week")
OF_FENCE = ("fence breaks", "nervousness")
"""The accounts that price a change of the plan of record."""
ONE = Linear(constant=1.0)


def figures(plan: Plan) -> dict[str, float | None]:
    """What plans are compared by, of one plan: margin, cash, revenue [money], service [share], stock [money],
    overtime_hours [h], and whatever measure of a plan stands in "comparison" besides.
    """
    return {one.name: one.value(plan) for one in standing("comparison") if not one.needs_record}


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


def service(plan: Plan, weeks: pl.DataFrame | None = None) -> float | None:
    """Share of the demand that is served in the period in which it is due; what is overdue is not.

    service = Σ sold with period = due ÷ (Σ sold + Σ short), in units; None where nothing is demanded.

    Parameters
    ----------
    weeks : due, the periods whose demand counts; left out: all of it.
    """
    if "sell" not in plan.flows:
        return None
    asked = [plan.flows[flow] for flow in ("sell", "short") if flow in plan.flows]
    if weeks is not None:
        asked = [flow.join(weeks, on="due", how="semi") for flow in asked]
    sold = asked[0]
    in_time = sold.filter(on_time(sold))
    wanted = sum(float(flow["quantity"].sum()) for flow in asked)
    return float(in_time["quantity"].sum()) / wanted if wanted > 0 else None


def service_moved(situation: Week) -> str:
    """How the share served on time has moved since the plan of record, over the weeks that both cover."""
    if situation.record is None:
        return ""
    shared = shared_weeks(situation.plan.periods, situation.record.periods)["bucket"].unique().implode()
    shares = []
    for plan in (situation.plan, situation.record):
        weeks = (
            buckets(plan.periods).filter(pl.col("bucket").is_in(shared)).select(due=pl.col("period").cast(pl.String))
        )
        shares.append(service(plan, weeks))
    if shares[0] is None or shares[1] is None:
        return ""
    return f"{words.number(100 * (shares[0] - shares[1]), decimals=1, sign=True)} points over the same weeks"


def late(plan: Plan) -> float:
    """Units served after the period in which they are due, or that were overdue before."""
    if "sell" not in plan.flows:
        return 0.0
    return float(plan.flows["sell"].filter(~on_time(plan.flows["sell"]))["quantity"].sum())


def closing_stock(plan: Plan) -> float | None:
    """Stock at the end of the last period at standard cost [money]; None without stock or costs."""
    costs = plan.items.select("item", "standard_cost").drop_nulls()
    if "stock" not in plan.flows or costs.is_empty():
        return None
    last = plan.flows["stock"].filter(pl.col("period") == plan.periods["period"][-1]).select("item", "quantity")
    joined = last.join(costs, on="item", validate="m:1")
    return float((joined["quantity"] * joined["standard_cost"]).sum())


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
    cover (`moved_units`; Blackburn, Kropp & Millen 1986, MRP nervousness). None where the reference makes nothing, or
    where they share no day. 0: nothing moved; a unit moved to another week counts twice, once where it left and once
    where it came.
    """
    if plan is reference:
        return 0.0
    try:
        units = moved_units(reference, plan, flows=("make",))
    except ReconciliationError:
        return None
    found: float | None = units.select(CHURN).item()
    return found


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

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """as_recorded."""
        if not (cells := self._cells(network)).is_empty():
            yield Constraint(
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


_GOODWILL = pl.col("account") == "goodwill"
_CHURN = "Σ|this plan − last plan| ÷ Σ last plan; 0 % is unchanged, a unit moved to another week counts twice."
add(
    Measure(
        "margin", "Margin",
        "Revenue less all cash costs, plus the end value of what is left; goodwill and other steering left out.",
        "money", 1, lambda plan: plan.margin, title="Margin of this plan", form=_kinds(*MARGIN_KINDS),
        on={"balance": 1, "comparison": 1, "workbench": 1},
    ),
    Measure(
        "cash", "Cash", "Revenue less all costs paid in the horizon.", "money", 1, lambda plan: plan.ledger.cash,
        title="Cash margin of this plan", form=_kinds("cash"),
        on={"finance_review": 3, "comparison": 2, "workbench": 2},
    ),
    Measure(
        "revenue", "Revenue", "Units served at their price.", "money", 1,
        lambda plan: float(plan.ledger.accounts().get("revenue", 0.0)), on={"comparison": 3, "workbench": 3},
    ),
    Measure(
        "service", "On time",
        "Units served in or before the period in which they are due ÷ units demanded, over the horizon.",
        "share", 1, service, band=Band(good=(0.97, 1.0), watch=(0.93, 1.0)), title="Service on time", why="no demand",
        on={"balance": 2, "comparison": 4, "workbench": 4}, form=_on_time, delta=service_moved,
    ),
    Measure(
        "late", "Late", "Units served after the period in which they are due.", "units", -1, late, on={"workbench": 5}
    ),
    Measure(
        "short", "Short", "Units demanded and never served.", "units", -1, lambda plan: _total(plan, "short"),
        on={"workbench": 6},
    ),
    Measure(
        "stock", "Mean stock", "Mean closing stock at standard cost.", "money", -1, stock, form=_stock,
        on={"comparison": 5},
    ),
    Measure(
        "closing_stock", "Closing stock", "Stock at the end of the horizon at standard cost.", "money", 0,
        closing_stock, on={"workbench": 7},
    ),
    Measure(
        "overtime_hours", "Overtime", "Hours worked beyond the regular ones.", "hours", -1,
        lambda plan: _total(plan, "overtime"), on={"comparison": 6, "workbench": 8},
    ),
    Measure(
        "churn", "Churn", _CHURN, "share", -1, churn, band=Band(good=(0.0, 0.15), watch=(0.0, 0.30)),
        title="Churn of the production plan", why="no earlier plan", on={"balance": 7, "comparison": 7}, form=_moved,
        needs_record=True,
    ),
    Measure(
        "steering", "Steering", "Money that moves the plan and is no cash.", "money", 1, lambda plan: plan.steering,
        form=_kinds("steering"),
    ),
    Measure(
        "goodwill", "Goodwill", "Of customers who are let down.", "money", 1,
        lambda plan: plan.ledger.steered()["goodwill"], form=_money(_GOODWILL),
    ),
)  # fmt: skip
