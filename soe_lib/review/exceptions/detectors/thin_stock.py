"""Stocks that fall under their safety level: nothing is lost yet, but sales are exposed."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation

LEAST_SHARE = 0.5


def thin(situation: Situation) -> pl.DataFrame:
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
def thin_stock(situation: Situation) -> Iterator[Issue]:
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
