"""Exceptions of stock: under its safety level, or beyond what anybody will use."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.money.cash import used_by
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.kpis import excess_and_obsolete
from soe_lib.review.week import Week

LEAST_SHARE = 0.5


def thin(situation: Week) -> pl.DataFrame:
    """Sold items that fall under half their safety stock: item, description, family, gap [units], places [list],
    first [date], money [largest gap × (price − standard cost)]; the most money first.
    """
    units = pl.col("demand").sum()
    each = situation.lines.group_by("item").agg(margin=(pl.col("margin") * pl.col("demand")).sum() / units)
    under = situation.stock.filter((pl.col("safety") > 0) & (pl.col("stock") < LEAST_SHARE * pl.col("safety") - 1e-6))
    nodes = under.group_by("item", "description", "family", "location").agg(
        gap=(pl.col("safety") - pl.col("stock")).max(), first=pl.col("ends_on").min()
    )
    return (
        nodes.group_by("item", "description", "family")
        .agg(pl.col("gap").sum(), places=pl.col("location").sort(), first=pl.col("first").min())
        .join(each, on="item", how="inner")
        .with_columns(money=(pl.col("gap") * pl.col("margin")).clip(lower_bound=0.0))
        .sort(["money", "item"], descending=[True, False])
    )


@detector
def thin_stock(situation: Week) -> Iterator[Issue]:
    """Families with items under half their safety stock: largest gaps × (price − standard cost), exposed, not
    lost.
    """
    grouped = (
        thin(situation)
        .group_by("family", maintain_order=True)
        .agg(pl.col("gap", "money").sum(), items=pl.col("description"), first=pl.col("first").min())
    )
    for row in grouped.iter_rows(named=True):
        family = row["family"] or "Items without a family"
        many = words.count(len(row["items"]), "item")
        yield Issue(
            kind="Thin stock",
            subject=family,
            what=f"{family}: {many} under half the safety stock from {words.day(row['first'])}, "
            f"{words.number(row['gap'])} units missing at the worst ({words.listing(row['items'])})",
            cause="the plan uses the safety stock to serve demand",
            money=row["money"],
            basis="largest gap to the safety stock × (price − standard cost); exposed, not lost",
            ask=f"Accept thin stock of {family} ({words.listing(row['items'])}), or bring supply forward",
            doing_nothing="sales are lost if demand runs above forecast",
            owner="Supply planner",
            page="supply_review",
            anchor=words.anchor("Projected stock"),
            deadline=max(row["first"], situation.snapshot.as_of),
            certain=False,
        )


MONTHS = 3.0
MONTH_DAYS = 365 / 12
IDLE_STOCK_LEAST_SHARE = 0.02


def idle(situation: Week, *, months: float = MONTHS) -> pl.DataFrame:
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
def idle_stock(situation: Week) -> Iterator[Issue]:
    """Items with more than three months' use in stock, or no use at all: at standard cost, from 2 % of the
    stock's value.
    """
    found = idle(situation)
    least = IDLE_STOCK_LEAST_SHARE * float((found["stock"] * found["standard_cost"]).sum())
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
