"""The few figures by which plans are put side by side."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.demand import on_time
from soe_lib.model.plan import Plan

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
