"""The demand page: orders against forecast, forecast accuracy, and the month against S&OP."""

from __future__ import annotations

import polars as pl

from soe_lib.review import kpis, tables, words
from soe_lib.review.page import Page, found_on, to_decide
from soe_lib.review.score import Band, Score, insufficient, known
from soe_lib.review.week import Week

INSIDE_BAND = Band(good=(1.0, 1.0), watch=(0.75, 1.0))


def page(situation: Week) -> Page:
    """What customers want, how well it was foreseen, and where each family will end the month."""
    issues = found_on(situation, "demand_review")
    return Page(
        name="demand_review",
        title="Demand review",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores(situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        assumptions=(
            compared(situation),
            "Tolerance bands are those of settings.toml; a family without one gets five percent.",
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


def scores(situation: Week) -> tuple[Score, ...]:
    """Forecast accuracy, its lean, how much of the next weeks is ordered, and families on commitment."""
    weekly = situation.errors.group_by("week").agg(pl.col("actual", "forecast").sum()).sort("week")
    return (
        kpis.wmape(situation.errors, lag=1),
        kpis.bias(situation.errors),
        kpis.tracking_score(weekly),
        ordered(situation),
        inside(situation),
    )


def ordered(situation: Week, *, weeks: int = 4) -> Score:
    """Share of the forecast of the coming weeks that is ordered already."""
    name = f"Ordered of the next {weeks} weeks' forecast"
    coming = situation.demand.filter(pl.col("actual").is_null() & (pl.col("order") < weeks))
    forecast = float(coming["forecast"].sum())
    if forecast <= 0:
        return insufficient(name, "%", "no forecast")
    share = float(coming["orders"].sum()) / forecast
    return known(name, share, "%", "Open orders ÷ forecast of the same weeks; orders without a forecast count too.")


def inside(situation: Week) -> Score:
    """Share of the families and months that end within their S&OP tolerance."""
    name = "Families within S&OP tolerance"
    if situation.outlook.is_empty():
        return insufficient(name, "%", "no S&OP commitment that horizon and actuals cover")
    share = float(situation.outlook.select(pl.col("inside").mean()).item())
    text = "Families and months whose outlook lies within the tolerance; under and over count alike."
    return known(name, share, "%", text, band=INSIDE_BAND)
