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
    booked = situation.plan.ledger.by("account", "item")
    paid = booked.filter((pl.col("account") == "expediting") & (pl.col("amount") < -0.5))
    if paid.height:
        yield issue(situation, paid.join(names, on="item", how="left").sort("amount", "item"))


def issue(situation: Situation, paid: pl.DataFrame) -> Issue:
    """The exception of all expediting."""
    total = -float(paid["amount"].sum())
    money = words.money(total, situation.currency)
    each = (
        f"{description or item} {words.money(-amount, situation.currency)}"
        for item, amount, description in paid.select("item", "amount", "description").rows()
    )
    items = words.listing(paid["description"].to_list())
    return Issue(
        kind="Expediting",
        subject="all purchases",
        what=f"{money} is paid to buy faster than the ordinary way ({words.listing(each, limit=5)})",
        cause="the ordinary lead time is too long for the demand that needs it",
        money=total,
        basis="expedited units × (expedited − standard cost)",
        ask=f"Approve {money} to expedite {items}",
        doing_nothing="without approval the plan loses this supply and must be made again",
        owner="Buyer",
        page="supply_review",
        anchor=words.anchor("Exceptions"),
        deadline=situation.snapshot.as_of,
        headline=f"{money} is paid to buy faster than the ordinary way",
    )
