"""Expedited purchases that the plan pays a premium for."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def hurry(situation: Situation) -> Iterator[Issue]:
    """Items bought at an expedited price: the premium over the standard offer, as the ledger books it."""
    names = situation.snapshot["items"].select("item", "description")
    booked = situation.plan.ledger.by("account", "item").filter(
        (pl.col("account") == "expediting") & (pl.col("amount") < -0.5)
    )
    for _, item, amount, description in booked.join(names, on="item", how="left").sort("amount").rows():
        name = description or item
        money = words.money(-amount, situation.currency)
        yield Issue(
            kind="Expediting",
            subject=item,
            what=f"{name} is bought in a hurry, for {money} more than by the ordinary way",
            cause="the ordinary lead time is too long for the demand that needs it",
            money=-amount,
            basis="expedited units × (expedited − standard cost)",
            ask=f"Approve {money} to expedite {name}",
            doing_nothing="without approval the plan loses this supply and must be made again",
            owner="Buyer",
            page="supply_review",
            anchor=words.anchor("Exceptions"),
            deadline=situation.snapshot.as_of,
        )
