"""Expediting: more of an offer that is faster than the ordinary one, at its price."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.lateness import where_used
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.limits import has_price
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def expedite(situation: Situation, issue: Issue) -> Iterator[Option]:
    """Twice the most that an expedited offer gives in a period."""
    yield from more_of(situation, issue, expedited=True)


def more_of(situation: Situation, issue: Issue, *, expedited: bool) -> Iterator[Option]:
    """The scarcest offer of what the exception lacks, doubled, where its limit has a price."""
    offers = situation.snapshot["offers"].filter(pl.col("maximum").is_not_null())
    fast = pl.col("expedite").fill_null(value=False)
    mine = offers.filter(pl.col("item").is_in(lacking(situation, issue)) & (fast if expedited else ~fast))
    for offer in has_price(situation, "buy_limit", "offer", mine["offer"].unique())[:1]:
        row = mine.filter(pl.col("offer") == offer).row(0, named=True)
        verb = "Expedite" if expedited else "Buy"
        name = f"{verb} twice as much {row['item']} from {row['supplier'] or offer} ({offer})"
        yield Option(Scenario(name).scale("offers.maximum", 2.0, offer=offer))


def lacking(situation: Situation, issue: Issue) -> list[str]:
    """What is bought and lacks: the parts that an exception names, else every part of the items that it is about."""
    if named := issue.about.get("components", ()):
        return list(named)
    items = list(issue.about.get("items", ()))
    return where_used(situation.snapshot).filter(pl.col("item").is_in(items))["component"].unique().sort().to_list()
