"""The demand page: orders against forecast, forecast accuracy, and the month against S&OP."""

from __future__ import annotations

import polars as pl

from soe_lib.review import tables, words
from soe_lib.review.measures import scores
from soe_lib.review.page import Page, found_on, to_decide
from soe_lib.review.week import Week


def page(situation: Week) -> Page:
    """What customers want, how well it was foreseen, and where each family will end the month."""
    issues = found_on(situation, "demand_review")
    return Page(
        name="demand_review",
        title="Demand review",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores("demand_review", situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        assumptions=(
            compared(situation),
            "Tolerance bands are those of settings.toml; a family without one gets five percent, and is S&OP's matter "
            "where a week of waiting costs more than deciding.",
        ),
    )


def compared(situation: Week) -> str:
    """What forecast errors are measured against: sales, or the demand that the actuals hold."""
    if set(situation.accuracy["measure"]) <= {"sales"}:
        return "Forecast errors compare sales, not demand: what could not be delivered counts as not wanted."
    return f"Forecast errors compare what was asked for: {tables.asked_for(situation.accuracy)}."


def headline(situation: Week) -> str:
    """The largest surprise in orders, and the families that leave their S&OP tolerance."""
    issues = found_on(situation, "demand_review")
    surprise = [issue.short for issue in issues if issue.kind == "Orders above forecast"]
    out = situation.outlook.filter(~pl.col("inside"))
    said = [words.sentence(surprise[0])] if surprise else []
    if out.height:
        names = out["family"].unique(maintain_order=True)
        first = out.sort("month")["month"][0]
        verb = "is" if names.len() == 1 else "are"
        said.append(words.sentence(f"{words.listing(names)} {verb} heading outside the S&OP tolerance, "
                                   f"from {words.month_name(first)} on"))  # fmt: skip
    elif situation.outlook.height:
        said.append("Every family is heading for its S&OP commitment, within tolerance.")
    return " ".join(said) or "Orders stay within the forecast."
