"""Demand that is missed because a line is full, or for no cause that the extract names."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.causes import EVENT, FULL, OTHER
from soe_lib.review.exceptions.effect import effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation

CAUSES = {
    FULL: "the hours of {key} are used up in the weeks before",
    EVENT: "event {key}: without it they would be on time",
    OTHER: "more is wanted than can be made and brought there in time",
}


@detector
def unserved(situation: Situation) -> Iterator[Issue]:
    """Missed demand laid to no event: short × (price − standard cost + penalty), and what lateness costs."""
    groups = (
        situation.missed.filter(pl.col("kind").is_in(list(CAUSES))).select("kind", "key").unique().sort("kind", "key")
    )
    found = (issue(situation, kind, key) for kind, key in groups.rows() if effect_of(situation, kind, key).any)
    yield from found


def issue(situation: Situation, kind: str, key: str) -> Issue:
    """The exception of one full line, or of what has no cause."""
    found = effect_of(situation, kind, key)
    who = words.listing(found.customers) if found.customers else "the market"
    what = words.listing(found.items)
    where = f" on {key}" if kind == FULL else ""
    return Issue(
        kind="Demand not served",
        subject=key or OTHER,
        what=f"{what}: {found.units}, due in {found.when}, for {who}",
        cause=CAUSES[kind].format(key=key),
        money=max(found.money, 0.0),
        basis="short units × (price − standard cost + penalty) + what lateness costs",
        ask=f"Who waits for {what}: add hours{where} or agree new dates with {who}",
        doing_nothing=f"{found.units}, as planned",
        owner="Supply planner",
        page="balance",
        anchor=words.anchor("Orders at risk"),
        deadline=situation.snapshot.as_of,
        revenue=found.revenue,
        service=found.service(situation.currency),
        about={"resource": (key,) if kind == FULL else (), "event": (key,) if kind == EVENT else (), **found.about},
    )
