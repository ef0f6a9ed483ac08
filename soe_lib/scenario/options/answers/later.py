"""Late delivery: customers who would lose the goods accept them a week later."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario

DAYS = 7


@answer
def later(situation: Situation, issue: Issue) -> Iterator[Option]:
    """A week more for the customers of the exception who are not served at all; lateness costs what it costs."""
    who, what = (list(issue.about.get(name, ())) for name in ("customers", "items"))
    short = situation.lines.filter(
        (pl.col("short") >= 0.5) & pl.col("customer").is_in(who) & pl.col("item").is_in(what)
    )
    names = [name for name in short["customer"].unique().sort() if name]
    if names:
        name = f"Agree dates up to {words.count(DAYS, 'day')} later with {words.listing(names)}"
        blank = situation.snapshot["customers"].filter(pl.col("latest_days").is_null())["customer"]
        scenario = Scenario(name)
        for who_waits in names:
            filled = who_waits not in blank
            known = {"customer": who_waits}
            scenario = (
                scenario.add_to("customers.latest_days", DAYS, **known)
                if filled
                else scenario.set("customers.latest_days", DAYS, **known)
            )
        yield Option(scenario)
