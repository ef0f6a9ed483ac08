"""Substitution: another item of the family in place of the one that is missed."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def substitute(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The item of the same family with most stock that lasts, offered unit for unit; customers have yet to agree."""
    found = best_pair(situation, list(issue.about.get("items", ())))
    if found is not None:
        name = f"Offer {found['other']} in place of {found['description']}"
        scenario = Scenario(name).row("substitutions", item=found["item"], substitute=found["substitute"], ratio=1.0)
        yield Option(scenario, paid=False)


def best_pair(situation: Situation, items: list[str]) -> dict[str, str] | None:
    """The dearest missed item with the item of its family that has most to spare over its safety stock."""
    missed = situation.item_gaps.filter(pl.col("item").is_in(items))
    taken = situation.snapshot["substitutions"].select("item", "substitute")
    lines, gone = situation.lines, situation.item_gaps["item"]
    sold = lines.filter(pl.col("family") != "").select(substitute="item", family="family", other="description").unique()
    # What is left over safety stock in every period of the horizon is free to be given away.
    spare = (
        situation.stock.group_by("item", "location")
        .agg(spare=(pl.col("stock") - pl.col("safety")).min())
        .group_by(substitute="item")
        .agg(pl.col("spare").sum())
        .filter(pl.col("spare") >= 1.0)
    )
    pairs = (
        missed.select("item", "description", "family", "money")
        .join(sold.join(spare, on="substitute"), on="family")
        .filter(~pl.col("substitute").is_in(gone.implode()))
        .join(taken, on=["item", "substitute"], how="anti")
        .sort(["money", "spare", "substitute"], descending=[True, True, False])
    )
    return pairs.row(0, named=True) if pairs.height else None
