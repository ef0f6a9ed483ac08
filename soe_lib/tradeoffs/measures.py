"""What can be traded: each measure as a linear expression of flows, and as it is read from a finished plan.

A new measure is one entry of MEASURES; nothing else knows them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.spelling import hint
from soe_lib.model.axis import Floats
from soe_lib.model.demand import on_time
from soe_lib.model.plan import Plan
from soe_lib.money.accounts import MARGIN_KINDS
from soe_lib.review import words
from soe_lib.scenario import measures as figures
from soe_lib.tradeoffs.moved import Moved, in_horizon, unreachable

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.model import Model
    from soe_lib.model.terms import Block

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


def _recorded(model: Model, record: Plan | None) -> Linear:
    assert record is not None, "frontier asks for it"
    made = in_horizon(model.snapshot, record).flows["make"]["quantity"].sum()
    return Linear(constant=float(made))


def _churn(snapshot: Snapshot, plan: Plan, record: Plan | None) -> float | None:
    return None if record is None else figures.churn(plan, in_horizon(snapshot, record))


def _blocks_of_churn(snapshot: Snapshot, record: Plan | None) -> tuple[Block, ...]:
    return () if record is None else (Moved(in_horizon(snapshot, record)),)


MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        Measure("service", "On time", "share", 1, _on_time, lambda s, plan, r: figures.service(plan), base=_demanded),  # noqa: ARG005
        Measure("stock", "Mean stock", "money", -1, _stock, lambda s, plan, r: figures.stock(s, plan)),  # noqa: ARG005
        Measure(
            "churn", "Churn", "share", -1, _moved, _churn, base=_recorded, blocks=_blocks_of_churn, needs_record=True
        ),
        Measure("cash", "Cash", "money", 1, _money(("cash",)), lambda s, plan, r: plan.ledger.cash),  # noqa: ARG005
        Measure("margin", "Margin", "money", 1, _money(MARGIN_KINDS), lambda s, plan, r: plan.margin),  # noqa: ARG005
        Measure("steering", "Steering", "money", 1, _money(("steering",)), lambda s, plan, r: plan.steering),  # noqa: ARG005
        Measure("goodwill", "Goodwill", "money", 1, _goodwill, lambda s, plan, r: plan.ledger.steered()["goodwill"]),  # noqa: ARG005
    )
}
"""Name → measure."""
