"""Suppliers or offers that fail, and the demand that hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.review.exceptions.causes import LOSS
from soe_lib.review.exceptions.effect import effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def supply_lost(situation: Situation) -> Iterator[Issue]:
    """Supply losses: what the plan would earn more without them; else the money lost on demand that needs the
    supply.
    """
    lost = situation.events.filter(pl.col("kind") == "supply_loss")
    yield from (issue(situation, row) for row in lost.iter_rows(named=True))


def lost_items(snapshot: Snapshot, target: str) -> tuple[str, ...]:
    """The items that the supplier, offer, item or place of an event supplies."""
    offers = snapshot["offers"]
    hit = pl.any_horizontal(pl.col(name) == target for name in ("offer", "supplier", "item", "location"))
    return tuple(offers.filter(hit)["item"].unique().sort())


def issue(situation: Situation, row: dict[str, Any]) -> Issue:
    """The exception of one supply loss."""
    snapshot = situation.snapshot
    first, last = row["from"] or snapshot.as_of, row["to"] or snapshot.periods["ends_on"][-1]
    left = row["factor"] or 0.0
    found = effect_of(situation, LOSS, row["event"])
    said = f"{found.units} of {words.listing(found.items)}" if found.any else "other supply covers it"
    money, basis = situation.cost_of(row["event"], found.money)
    gives = "delivers nothing" if left <= 0 else f"delivers {words.percent(left)} of what it could"
    return Issue(
        kind="Supply lost",
        subject=row["event"],
        what=f"{row['target']} {gives} from {words.day(first)} to {words.day(last)}: {said}",
        cause=row["note"],
        money=money,
        basis=basis,
        ask=f"Who replaces {row['target']}: another supplier, a substitute, or agreed delays",
        doing_nothing=f"{found.units}, as planned" if found.any else "the plan stands; a longer failure would hit it",
        owner="Buyer",
        page="supply_review",
        anchor=words.anchor("Late receipts and events"),
        deadline=snapshot.as_of,
        revenue=found.revenue,
        service=found.service(situation.currency),
        about={"event": (row["event"],), "components": lost_items(snapshot, row["target"]), **found.about},
    )
