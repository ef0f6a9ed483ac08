"""Families that drift away from their S&OP commitment, under it or over it alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.frames.outlook import ALL
from soe_lib.review.situation import Situation


@detector
def month_drift(situation: Situation) -> Iterator[Issue]:
    """Families outside the tolerance of a month: the units off, at the family's average margin per unit.

    Orders that nobody forecast are an exception of their own, so the part of an excess that they explain is not
    counted again.
    """
    out = situation.outlook.filter(~pl.col("inside"))
    for family in out["family"].unique().sort():
        first, *later = out.filter(pl.col("family") == family).sort("month").to_dicts()
        yield issue(situation, first, later)


def issue(situation: Situation, row: dict[str, Any], later: list[dict[str, Any]]) -> Issue:
    """The exception of one family: the first month outside its tolerance, and the later ones by name."""
    gap = row["outlook"] - row["consensus"]
    month, side = words.month_name(row["month"]), "under" if gap < 0 else "over"
    off = f"{words.percent(abs(row['share'] - 1))} {side}"
    told = explained(situation, row) if gap > 0 else 0.0
    parts = [
        f"{words.number(row['actual'])} were sold before this week, {words.number(row['planned'])} are planned",
        f"{words.number(told)} of them are orders above forecast" if told else "",
        f"{words.listing(outside(one) for one in later)} also outside" if later else "",
    ]
    verb = "Recover or hand up" if gap < 0 else "Confirm"
    return Issue(
        kind="Off the S&OP plan",
        subject=row["family"],
        what=f"{row['family']} will end {month} at {words.number(row['outlook'])} units, {off} the S&OP commitment of "
        f"{words.number(row['consensus'])} (tolerance {words.percent(row['high'] - 1)})",
        cause="; ".join(part for part in parts if part),
        money=max(abs(gap) - told, 0.0) * unit_margin(situation, row["family"]),
        basis="units off the commitment, less orders above forecast that are counted by themselves, × the family's "
        "average price − standard cost",
        ask=f"{verb} {row['family']} in {month}: {words.number(abs(gap))} units {side} commitment",
        doing_nothing=f"{row['family']} closes {month} {off} its commitment",
        owner="Sales and S&OP lead",
        hand_up=situation.snapshot.settings.escalation.tolerance_to,
        page="demand_review",
        anchor=words.anchor("Outlook against S&OP"),
        about={"months": (row["month"],)},
    )


def outside(row: dict[str, Any]) -> str:
    """A later month that is outside too: "Dec 2026 (−8 %)"."""
    return f"{words.month_name(row['month'])} ({words.percent(row['share'] - 1, sign=True)})"


def explained(situation: Situation, row: dict[str, Any]) -> float:
    """Units of a family above the commitment that are orders nobody forecast, due in that month [units]."""
    surprise = situation.unforecast.filter((pl.col("family") == row["family"]) | (row["family"] == ALL))
    months = situation.snapshot.calendar.fiscal_month(surprise["first"])
    units = float(surprise.filter(months == row["month"])["excess"].sum())
    return min(units, row["outlook"] - row["consensus"])


def unit_margin(situation: Situation, family: str) -> float:
    """The average price less standard cost of what a family is asked for [money/unit], never below 0."""
    mine = situation.lines if family == ALL else situation.lines.filter(pl.col("family") == family)
    units = float(mine["demand"].sum())
    return max(float((mine["demand"] * mine["margin"]).sum()) / units, 0.0) if units > 0 else 0.0
