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
from soe_lib.model.plan import Plan
from soe_lib.model.terms import Balance, Effect, Flow, Part
from soe_lib.money.ledger import MARGIN_KINDS
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.network import Network
    from soe_lib.model.terms import Block


MADE = ("item", "location", "period")
OF_FENCE = ("fence breaks", "nervousness")
"""The accounts that price a change of the plan of record."""


def figures(snapshot: Snapshot, plan: Plan) -> dict[str, float | None]:
    """margin, cash, revenue [money], service [share], stock [money], overtime_hours [h] of a plan."""
    return {
        "margin": plan.margin,
        "cash": plan.ledger.cash,
        "revenue": float(plan.ledger.accounts().get("revenue", 0.0)),
        "service": service(plan),
        "stock": stock(snapshot, plan),
        "overtime_hours": _total(plan, "overtime"),
    }


def steering(plan: Plan, base: Plan | None = None, *, fenced: bool = True) -> dict[str, float]:
    """goodwill, shortage (expected), other: the steering of a plan, less that of another one [money].

    Parameters
    ----------
    fenced : False between plans of different fences: their prices of a change are no gain of either, and are left out.
    """
    without = () if fenced else OF_FENCE
    before = base.ledger.steered(without) if base is not None else {}
    return {name: value - before.get(name, 0.0) for name, value in plan.ledger.steered(without).items()}


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


def stock(snapshot: Snapshot, plan: Plan) -> float | None:
    """Mean closing stock at standard cost [money].

    stock = Σ over periods of days × Σ closing stock × standard_cost ÷ Σ days.
    """
    if "stock" not in plan.flows:
        return None
    cost = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    days = snapshot.periods.select("period", "days")
    closing = plan.flows["stock"].select(pl.col("item", "period").cast(pl.String), "quantity")
    valued = closing.join(cost, on="item", how="left").join(days, on="period", how="inner")
    total = valued.select((pl.col("quantity") * pl.col("standard_cost") * pl.col("days")).sum()).item()
    return float(total / days["days"].sum())


def churn(plan: Plan, reference: Plan) -> float | None:
    """How much of the reference's production is moved, added or gone.

    churn = Σ |made − made in the reference| ÷ Σ made in the reference, by item, location and period; None where the
    reference makes nothing. (Plan nervousness as in the review's plan churn.)
    """
    if plan is reference:
        return 0.0
    now, before = (_made(one) for one in (plan, reference))
    both = now.join(before, on=MADE, how="full", coalesce=True, suffix="_before").fill_null(0.0)
    base = before["quantity"].sum()
    moved = both.select((pl.col("quantity") - pl.col("quantity_before")).abs().sum()).item()
    return float(moved / base) if base > 0 else None


def _made(plan: Plan) -> pl.DataFrame:
    if "make" not in plan.flows:
        return pl.DataFrame(schema={**dict.fromkeys(MADE, pl.String), "quantity": pl.Float64})
    made = plan.flows["make"].with_columns(pl.col(*MADE).cast(pl.String))
    return made.group_by(MADE).agg(pl.col("quantity").sum())


def _total(plan: Plan, flow: str) -> float:
    return float(plan.flows[flow]["quantity"].sum()) if flow in plan.flows else 0.0


CELL = ("item", "location", "period")


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
    # With its periods, so that who asks again gets the same.
    return replace(record, flows={**record.flows, "make": split}, periods=snapshot.periods)


@dataclass(frozen=True)
class Moved(Part):
    """Counts what is made otherwise than in a plan of record: made − more + less = recorded, by item and place.

    Brings flows `made_more`, `made_less` (item, location, period) [units] and rows `as_recorded`; books nothing.

    Parameters
    ----------
    record : in the periods of this horizon.
    """

    record: Plan = field(repr=False)

    def flows(self, network: Network) -> Iterator[Flow]:
        """made_more and made_less."""
        if not (cells := self._cells(network)).is_empty():
            for name, word in (("made_more", "more"), ("made_less", "less")):
                yield Flow(name, cells, CELL, "unit", f"units made {word} than in the plan of record")

    def balances(self, network: Network) -> Iterator[Balance]:
        """as_recorded."""
        if not (cells := self._cells(network)).is_empty():
            yield Balance(
                "as_recorded", cells, CELL, "==", "unit", "a move of the plan of record is counted", rhs="quantity"
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make, made_more and made_less."""
        if not self._cells(network).is_empty():
            yield Effect("make", "as_recorded")
            yield Effect("made_more", "as_recorded", -1.0)
            yield Effect("made_less", "as_recorded")

    def _cells(self, network: Network) -> pl.DataFrame:
        """Everything that can be made, with what the record makes of it."""
        from soe_lib.model.blocks.make import routings

        cells = routings(network).select(CELL).unique()
        recorded = network.encode(_recorded(self.record, network))
        return cells.join(recorded, on=CELL, how="left").with_columns(pl.col("quantity").fill_null(0.0))


def unreachable(network: Network, record: Plan) -> float:
    """Units that the record makes where nothing can be made any more: they are moved whatever the plan does."""
    recorded = in_horizon(network.snapshot, record)
    cells = Moved(recorded)._cells(network)
    return max(float(recorded.flows["make"]["quantity"].sum()) - float(cells["quantity"].sum()), 0.0)


def _recorded(record: Plan, network: Network) -> pl.DataFrame:
    """item, location, period, quantity of the record, without places that this network does not know."""
    made = record.flows["make"].with_columns(pl.col(*CELL).cast(pl.String)).group_by(CELL)
    summed = made.agg(pl.col("quantity").sum())
    known = [pl.col(key).is_in(list(network.domains[key].categories)) for key in CELL]
    return summed.filter(*known)


Unit = Literal["share", "money"]


@dataclass(frozen=True)
class Linear:
    """constant + Σ terms · quantity.

    Parameters
    ----------
    terms : flow → coefficient of each of its cells, shape (cells,).
    """

    terms: Mapping[str, Floats] = field(default_factory=dict)
    constant: float = 0.0


def _one(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
    return Linear(constant=1.0)


def _no_blocks(snapshot: Snapshot, record: Plan | None) -> tuple[Block, ...]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class Measure:
    """One thing that may be traded for another: amount ÷ base, both linear in the flows.

    Parameters
    ----------
    name : as asked for. label : as a reader says it. unit : "share" or "money".
    better : +1 where more is better, −1 where less is.
    amount, base : of a model, given the plan of record.
    value : read from a finished plan, by the definition of `soe.compare` and of the workbench's figures.
    blocks : what the model needs to express it. needs_record : whether it is measured against the plan of record.
    """

    name: str
    label: str
    unit: Unit
    better: int
    amount: Callable[[Model, Plan | None], Linear]
    value: Callable[[Snapshot, Plan, Plan | None], float | None]
    base: Callable[[Model, Plan | None], Linear] = _one
    blocks: Callable[[Snapshot, Plan | None], tuple[Block, ...]] = _no_blocks
    needs_record: bool = False

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
    """A measure by its name; raises DataError with the nearest where there is none."""
    if name not in MEASURES:
        raise DataError(f"There is no measure {name!r}. {hint(name, MEASURES)} Known: {', '.join(MEASURES)}.")
    return MEASURES[name]


def _on_time(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
    if "sell" not in model.flows:
        return Linear()
    cells = model.flows["sell"].rows
    return Linear({"sell": cells.select(on_time(cells).cast(pl.Float64)).to_series().to_numpy()})


def _demanded(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
    """Sold and short are the demand less what is served with a substitute."""
    total = float(model.network.demand["quantity"].sum())
    swapped = {"replace": np.full(model.flows["replace"].size, -1.0)} if "replace" in model.flows else {}
    return Linear(swapped, total)


def _stock(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
    if "stock" not in model.flows:
        return Linear()
    snapshot = model.snapshot
    cost = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    days = snapshot.periods.select("period", "days")
    cells = model.flows["stock"].rows.select(pl.col("item", "period").cast(pl.String))
    joined = cells.join(cost, on="item", how="left", maintain_order="left")
    joined = joined.join(days, on="period", how="left", maintain_order="left")
    value = joined.select((pl.col("standard_cost") * pl.col("days")).cast(pl.Float64) / days["days"].sum())
    return Linear({"stock": value.to_series().to_numpy()})


def _money(kinds: tuple[str, ...]) -> Callable[[Model, Plan | None], Linear]:
    def amount(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
        return Linear({flow: _per_cell(model, flow, pl.col("kind").is_in(kinds)) for flow in model.rate_frames})

    return amount


def _goodwill(model: Model, record: Plan | None) -> Linear:  # noqa: ARG001
    return Linear({flow: _per_cell(model, flow, pl.col("account") == "goodwill") for flow in model.rate_frames})


def _per_cell(model: Model, flow: str, own: pl.Expr) -> Floats:
    """Money per unit of each cell of a flow, of the rates that an expression keeps; shape (cells,)."""
    rates = model.rate_frames[flow].filter(own)
    cells, money = rates["cell"].to_numpy(), rates["per_unit"].to_numpy()
    return np.bincount(cells, weights=money, minlength=model.flows[flow].size).astype(np.float64)


def _moved(model: Model, record: Plan | None) -> Linear:
    assert record is not None, "frontier asks for it"
    names: tuple[str, ...] = ("made_more", "made_less")
    return Linear(
        {name: np.ones(model.flows[name].size) for name in names if name in model.flows},
        unreachable(model.network, record),
    )


def _recorded_measures(model: Model, record: Plan | None) -> Linear:
    assert record is not None, "frontier asks for it"
    made = in_horizon(model.snapshot, record).flows["make"]["quantity"].sum()
    return Linear(constant=float(made))


def _churn(snapshot: Snapshot, plan: Plan, record: Plan | None) -> float | None:
    return None if record is None else churn(plan, in_horizon(snapshot, record))


def _blocks_of_churn(snapshot: Snapshot, record: Plan | None) -> tuple[Block, ...]:
    return () if record is None else (Moved(in_horizon(snapshot, record)),)


MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        Measure("service", "On time", "share", 1, _on_time, lambda s, plan, r: service(plan), base=_demanded),  # noqa: ARG005
        Measure("stock", "Mean stock", "money", -1, _stock, lambda s, plan, r: stock(s, plan)),  # noqa: ARG005
        Measure(
            "churn",
            "Churn",
            "share",
            -1,
            _moved,
            _churn,
            base=_recorded_measures,
            blocks=_blocks_of_churn,
            needs_record=True,
        ),
        Measure("cash", "Cash", "money", 1, _money(("cash",)), lambda s, plan, r: plan.ledger.cash),  # noqa: ARG005
        Measure("margin", "Margin", "money", 1, _money(MARGIN_KINDS), lambda s, plan, r: plan.margin),  # noqa: ARG005
        Measure("steering", "Steering", "money", 1, _money(("steering",)), lambda s, plan, r: plan.steering),  # noqa: ARG005
        Measure("goodwill", "Goodwill", "money", 1, _goodwill, lambda s, plan, r: plan.ledger.steered()["goodwill"]),  # noqa: ARG005
    )
}
"""Name → measure."""
