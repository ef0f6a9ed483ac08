"""Stock that the coming demand will not use up."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.money.stock import used_by
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.kpis import excess_and_obsolete
from soe_lib.review.situation import Situation

MONTHS = 3.0
MONTH_DAYS = 365 / 12
LEAST_SHARE = 0.02


def idle(situation: Situation, *, months: float = MONTHS) -> pl.DataFrame:
    """Today's stock beyond some months of what the plan sells or makes of it, by item over all places.

    Returns
    -------
    item, description, stock, demand_per_month [units], standard_cost, excess, obsolete [money].
    """
    days = float(situation.plan.periods["days"].sum())
    used = used_by(situation.plan, situation.snapshot)
    moved = used.select("item", demand_per_month=pl.col("quantity") * MONTH_DAYS / days)
    stock = (
        situation.snapshot["inventory"].group_by("item").agg(stock=pl.col("on_hand").sum()).filter(pl.col("stock") > 0)
    )
    items = situation.snapshot["items"].select("item", "description", pl.col("standard_cost").fill_null(0.0))
    joined = stock.join(moved, on="item", how="left").join(items, on="item", how="left")
    return excess_and_obsolete(joined.with_columns(pl.col("demand_per_month").fill_null(0.0)), months=months)


@detector
def idle_stock(situation: Situation) -> Iterator[Issue]:
    """Items with more than three months' use in stock, or no use at all: at standard cost, from 2 % of the
    stock's value.
    """
    found = idle(situation)
    least = LEAST_SHARE * float((found["stock"] * found["standard_cost"]).sum())
    value = pl.col("excess") + pl.col("obsolete")
    for row in (
        found.with_columns(value=value)
        .filter((value > least) & (value > 0))
        .sort("value", "item")
        .iter_rows(named=True)
    ):
        name = row["description"] or row["item"]
        none = row["obsolete"] > 0
        yield Issue(
            kind="Idle stock",
            subject=row["item"],
            what=f"{name}: {words.number(row['stock'])} units in stock, "
            + ("and nothing in the plan uses them" if none else f"more than {MONTHS:.0f} months of use"),
            cause="no demand is coming" if none else "more was made or bought than the plan uses",
            money=row["value"],
            basis=f"stock beyond {MONTHS:.0f} months of use at standard cost; exposed, not lost",
            ask=f"Sell off, rework or write down {name}",
            doing_nothing="the stock ties up cash and ages",
            owner="Finance",
            page="finance_review",
            anchor=words.anchor("Stock and cash"),
            certain=False,
        )
