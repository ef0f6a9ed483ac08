"""Families that drift away from their S&OP commitment, under it or over it alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def month_drift(situation: Situation) -> Iterator[Issue]:
    """Families outside the tolerance of a month: the units of difference at the family's average margin
    per unit.
    """
    out = situation.outlook.filter(~pl.col("inside"))
    for family in out["family"].unique().sort():
        first, *later = out.filter(pl.col("family") == family).sort("month").to_dicts()
        yield issue(situation, first, later)


def issue(situation: Situation, row: dict[str, Any], later: list[dict[str, Any]]) -> Issue:
    """The exception of one family: the first month outside its tolerance, and the later ones by name."""
    gap = row["outlook"] - row["consensus"]
    month = words.month_name(row["month"])
    side = "under" if gap < 0 else "over"
    mine = (
        situation.lines
        if row["family"] == "All families"
        else situation.lines.filter(pl.col("family") == row["family"])
    )
    sums = mine.select(money=(pl.col("demand") * pl.col("margin")).sum(), units=pl.col("demand").sum())
    each = float(sums["money"][0]) / float(sums["units"][0]) if float(sums["units"][0]) > 0 else 0.0
    share = abs(row["share"] - 1)
    others = [f"{words.month_name(one['month'])} ({words.percent(one['share'] - 1, sign=True)})" for one in later]
    also = f"; {words.listing(others)} also outside" if others else ""
    off = f"{words.percent(share)} {side}"
    verb = "Recover or hand up" if gap < 0 else "Confirm"
    return Issue(
        kind="Off the S&OP plan",
        subject=row["family"],
        what=f"{row['family']} will end {month} at {words.number(row['outlook'])} units, {off} the S&OP commitment of "
        f"{words.number(row['consensus'])} (tolerance {words.percent(row['high'] - 1)})",
        cause=f"{words.number(row['actual'])} were sold before this week, "
        f"{words.number(row['planned'])} are planned{also}",
        money=abs(gap) * max(each, 0.0),
        basis="units off the commitment × the family's average price − standard cost",
        ask=f"{verb} {row['family']} in {month}: {words.number(abs(gap))} units {side} commitment",
        doing_nothing=f"{row['family']} closes {month} {off} its commitment",
        owner="Sales and S&OP lead",
        page="demand_review",
        anchor=words.anchor("Outlook against S&OP"),
    )
