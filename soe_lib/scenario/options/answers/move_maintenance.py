"""Moving maintenance away from the weeks in which its line is short of hours."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.options.limits import has_price, lines_for
from soe_lib.scenario.options.registry import Option, answer
from soe_lib.scenario.scenario import Scenario


@answer
def move_maintenance(situation: Situation, issue: Issue) -> Iterator[Option]:
    """The job on the line whose hours are worth most, free to be done at any time of the horizon."""
    lines = has_price(situation, "hours", "resource", issue.about.get("resource", ()) or lines_for(situation, issue))
    bound = (pl.col("latest").fill_null("") != "") | (pl.col("earliest").fill_null("") != "")
    jobs = situation.snapshot["maintenance"].filter(pl.col("resource").is_in(lines) & bound).sort("maintenance")
    for row in jobs.head(1).iter_rows(named=True):
        known = {"maintenance": row["maintenance"]}
        free = Scenario(f"Do {row['maintenance']} on {row['resource']} at another time")
        yield Option(free.set("maintenance.earliest", "", **known).set("maintenance.latest", "", **known))
