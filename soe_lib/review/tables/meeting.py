"""What a meeting decides from: exceptions, decisions, scores."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.score import Score
from soe_lib.review.tables.table import Format, Table, day


def exceptions(issues: Sequence[Issue], currency: str) -> Table:
    """Exceptions, most money first: what, why, customers, money, owner, deadline."""
    rows = [
        {
            "Exception": issue.kind,
            "What happens": words.sentence(issue.what),
            "Cause": words.sentence(issue.cause),
            f"Money at stake, {currency}": issue.money,
            "Owner": issue.owner,
            "Decide by": issue.deadline,
        }
        for issue in issues
    ]
    kinds = {"Exception": pl.String, "What happens": pl.String, "Cause": pl.String,
             f"Money at stake, {currency}": pl.Float64, "Owner": pl.String, "Decide by": pl.Date}  # fmt: skip
    bases = dict.fromkeys(f"{issue.kind}: {issue.basis}" for issue in issues)
    return Table(
        pl.DataFrame(rows, schema=kinds),
        "Exceptions, most money first; money lost before money only exposed",
        {f"Money at stake, {currency}": "money", "Decide by": day},
        f"How the money is worked out. {'. '.join(bases)}." if bases else "",
    )


def decisions(issues: Sequence[Issue], currency: str) -> Table:
    """Decisions asked for: what to decide, money, customers, what happens otherwise, who, by when."""
    rows = [
        {
            "Decision": words.sentence(issue.ask),
            f"Money at stake, {currency}": issue.money,
            "Customers": words.sentence(issue.service),
            "Doing nothing": words.sentence(issue.doing_nothing),
            "Owner": issue.owner,
            "Decide by": issue.deadline,
        }
        for issue in issues
    ]
    kinds = {"Decision": pl.String, f"Money at stake, {currency}": pl.Float64, "Customers": pl.String,
             "Doing nothing": pl.String, "Owner": pl.String, "Decide by": pl.Date}  # fmt: skip
    formats: dict[str, Format] = {f"Money at stake, {currency}": "money", "Decide by": day}
    return Table(pl.DataFrame(rows, schema=kinds), "Decisions asked for on this page", formats)


def scoreboard(scores: Sequence[Score]) -> Table:
    """Scores with their state and their definition."""
    rows = [
        {"Score": score.name, "Figure": score.shown, "State": score.state, "What it means": score.text}
        for score in scores
    ]
    kinds = dict.fromkeys(("Score", "Figure", "State", "What it means"), pl.String)
    return Table(pl.DataFrame(rows, schema=kinds), "Scores and what they mean", rows=40)
