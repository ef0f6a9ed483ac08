"""Which limits the plan would pay to have loosened: an answer that loosens a limit without a price gains nothing.

The optimum is concave in what limits it, so price × looseness is the most that loosening can gain; where every price is
nought, planning again would only find the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from soe_lib.review.exceptions.causes import made_on
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.lateness import where_used
from soe_lib.review.situation import Situation

WEEKS = 3
LEAST = 1e-6


def first_weeks(situation: Situation, weeks: int = WEEKS) -> list[str]:
    """The labels of the first weeks of the horizon, in which a meeting can still act."""
    return situation.plan.periods.sort("index")["week"].unique(maintain_order=True).head(weeks).to_list()


def priced(situation: Situation, balance: str) -> pl.DataFrame:
    """The rows of a limit that has a price in the first weeks; no row where the plan knows no such limit."""
    rows = situation.plan.prices.get(balance)
    if rows is None:
        return pl.DataFrame()
    weeks = situation.plan.periods.select(pl.col("period").cast(pl.String), "week")
    found = rows.with_columns(pl.col("period").cast(pl.String)).join(weeks, on="period", how="inner")
    return found.filter((pl.col("price") > LEAST) & pl.col("week").is_in(first_weeks(situation)))


def has_price(situation: Situation, balance: str, key: str, names: Iterable[str]) -> list[str]:
    """Which of the names have a price in a limit, the dearest first."""
    rows = priced(situation, balance)
    if rows.is_empty() or rows.columns.count(key) == 0:
        return []
    sums = rows.group_by(pl.col(key).cast(pl.String)).agg(pl.col("price").max())
    return sums.filter(pl.col(key).is_in(list(names))).sort(["price", key], descending=[True, False])[key].to_list()


def lines_for(situation: Situation, issue: Issue) -> list[str]:
    """The lines that make what an exception is about, whatever level of the bill of material they work on."""
    items = list(issue.about.get("items", ()))
    used = where_used(situation.snapshot).filter(pl.col("item").is_in(items))
    made = made_on(situation).join(used.select("component").unique(), on="component", how="semi")
    return made["resource"].unique().sort().to_list()
