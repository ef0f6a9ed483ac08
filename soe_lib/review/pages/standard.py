"""A plan read at standard cost: what is sold carries its standard cost, whenever it is made or bought.

Two plans of different weeks buy and make at different times, and each runs its stock down towards its own horizon.
Cash of the same days therefore differs by timing; at standard cost only what really changed is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from soe_lib.model.plan import Plan
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.reading import Window

COST_OF_SALES = "standard cost of sales"
REPLACED = ("material", "conversion")
TAIL, LEAST = 14, 42


@dataclass(frozen=True, eq=False)
class AtStandard:
    """A plan whose material and conversion are replaced by the standard cost of what it sells.

    Formula: margin at standard = Σ sold × (price − standard cost) − freight − premiums − holding − penalties.

    Parameters
    ----------
    name, items, periods : of the plan. flows : what it sells. ledger : its money lines at standard cost.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    items: pl.DataFrame
    periods: pl.DataFrame


def at_standard(plan: Plan, items: pl.DataFrame) -> AtStandard:
    """A plan read at standard cost.

    Parameters
    ----------
    items : item, standard_cost [money/unit, null: 0]; the same for every plan that is compared.
    """
    kept = plan.ledger.lines.filter((pl.col("kind") == "cash") & ~pl.col("account").is_in(list(REPLACED)))
    costs = items.select("item", per_unit=-pl.col("standard_cost").fill_null(0.0))
    empty = dict.fromkeys(("item", "location", "customer", "period"), pl.String)
    sold = plan.flows["sell"] if "sell" in plan.flows else pl.DataFrame(schema={**empty, "quantity": pl.Float64})
    lines = (
        sold.select(*empty, "quantity")
        .filter(pl.col("quantity") != 0)
        .join(costs, on="item", how="left", validate="m:1")
        .with_columns(pl.col("per_unit").fill_null(0.0))
        .with_columns(
            account=pl.lit(COST_OF_SALES), kind=pl.lit("cash"), flow=pl.lit("sell"),
            amount=pl.col("quantity") * pl.col("per_unit"),
        )
    )  # fmt: skip
    ledger = Ledger(pl.concat([kept, lines.select(LINES.names())]), items=items, periods=plan.periods)
    return AtStandard(plan.name, {"sell": sold}, ledger, items, plan.periods)


def compared_days(now: Plan, before: Plan) -> Window | None:
    """The days on which two plans may be compared: those that both cover, without the end of the shorter horizon.

    Towards its end a plan lets stock run out and ships nothing more, so the last two weeks are left out of horizons
    longer than six weeks. None where no day is left.
    """
    spans = [(plan.periods["starts_on"].min(), plan.periods["ends_on"].max()) for plan in (now, before)]
    first = max(start for start, _ in spans)  # type: ignore[type-var]
    last = min(end for _, end in spans)  # type: ignore[type-var]
    if (last - first).days + 1 > LEAST:  # type: ignore[operator, union-attr]
        last = last - timedelta(days=TAIL)  # type: ignore[operator]
    return (first, last) if first <= last else None  # type: ignore[operator, return-value]
