"""A plan read at standard cost: what is sold carries its standard cost, whenever it is made or bought.

Two plans of different weeks buy and make at different times, and each runs its stock down towards its own horizon.
Cash of the same days therefore differs by timing; at standard cost only what really changed is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from soe_lib.extract.calendar import Calendar
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.window import PlanLike, Window, horizon, periods_of

COST_OF_SALES = "standard cost of sales"
REPLACED = ("material", "conversion")
TAIL, LEAST = 14, 42


@dataclass(frozen=True, eq=False)
class AtStandard:
    """A plan whose material and conversion are replaced by the standard cost of what it sells.

    Formula: margin at standard = Σ sold × (price − standard cost) − freight − premiums − holding − penalties.

    Parameters
    ----------
    name, items, periods, window, calendar : of the plan. flows : what it sells. ledger : its lines at standard cost.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    items: pl.DataFrame
    periods: pl.DataFrame
    window: Window
    calendar: Calendar | None = None


def at_standard(plan: PlanLike, items: pl.DataFrame, *, name: str = "") -> AtStandard:
    """A plan read at standard cost, solved or valued.

    Parameters
    ----------
    items : item, standard_cost [money/unit; null counts as 0, see `without_cost`]; the same for all plans compared.
    name : what to call it; its own name when left out.
    """
    kept = plan.ledger.lines.filter((pl.col("kind") == "cash") & ~pl.col("account").is_in(list(REPLACED)))
    costs = items.select("item", per_unit=-pl.col("standard_cost").fill_null(0.0))
    empty = dict.fromkeys(("item", "location", "customer", "period"), pl.String)
    sold = plan.flows["sell"] if "sell" in plan.flows else pl.DataFrame(schema={**empty, "quantity": pl.Float64})
    lines = (
        sold.select(*(pl.col(key).cast(pl.String) for key in empty), "quantity")
        .filter(pl.col("quantity") != 0)
        .join(costs, on="item", how="left", validate="m:1")
        .with_columns(pl.col("per_unit").fill_null(0.0))
        .with_columns(
            account=pl.lit(COST_OF_SALES), kind=pl.lit("cash"), flow=pl.lit("sell"),
            amount=pl.col("quantity") * pl.col("per_unit"),
        )
    )  # fmt: skip
    ledger = Ledger(pl.concat([kept, lines.select(LINES.names())]), items=items, periods=periods_of(plan))
    calendar = getattr(plan, "calendar", None)
    return AtStandard(name or plan.name, {"sell": sold}, ledger, items, periods_of(plan), horizon(plan), calendar)


def without_cost(plan: PlanLike, items: pl.DataFrame) -> pl.DataFrame:
    """item, quantity: what the plan sells of items that have no standard cost, and at_standard therefore takes as free.

    Parameters
    ----------
    items : item, standard_cost [money/unit].
    """
    known = items.filter(pl.col("standard_cost").is_not_null()).select(pl.col("item").cast(pl.String))
    if "sell" not in plan.flows:
        return pl.DataFrame(schema={"item": pl.String, "quantity": pl.Float64})
    sold = plan.flows["sell"].select(pl.col("item").cast(pl.String), "quantity").filter(pl.col("quantity") != 0)
    return sold.join(known, on="item", how="anti").group_by("item").agg(pl.col("quantity").sum()).sort("item")


def compared_days(*plans: PlanLike) -> Window | None:
    """The days on which plans may be compared: those that all cover, without the end of the shortest horizon.

    Towards its end a plan lets stock run out and ships nothing more, so the last two weeks are left out of horizons
    longer than six weeks. None where no day is left.
    """
    spans = [horizon(plan) for plan in plans]
    first, last = max(start for start, _ in spans), min(end for _, end in spans)
    if (last - first).days + 1 > LEAST:
        last -= timedelta(days=TAIL)
    return (first, last) if first <= last else None
