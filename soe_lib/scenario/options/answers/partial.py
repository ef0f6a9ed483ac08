"""Partial delivery: only the part of surprising orders that the forecast expected."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def partial(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The orders of the exception cut to what was forecast."""
    orders = list(issue.about.get("orders", ()))
    surprise = situation.unforecast.filter(pl.format("{} {}", "customer", "family") == issue.subject)
    if not orders or surprise.is_empty():
        return
    who = issue.about["customers"][0]
    wanted, foreseen = float(surprise["orders"].sum()), float(surprise["forecast"].sum())
    units = words.number(wanted - foreseen)
    if foreseen <= 0:
        yield Option(Scenario(f"Decline the {units} units of {who}").drop("orders", order=orders))
        return
    scenario = Scenario(f"Deliver to {who} only what was forecast, {units} units less")
    held = situation.snapshot["orders"].filter(pl.col("order").is_in(orders) & (pl.col("committed") > 0))
    cut = scenario.scale("orders.quantity", foreseen / wanted, order=orders)
    yield Option(cut.set("orders.committed", 0.0, order=orders) if held.height else cut)
