"""The page of scenarios and risks: what else could be done, what could go wrong, and what either is worth."""

from __future__ import annotations

import polars as pl

from soe_lib.review import options, words
from soe_lib.review.charts.money import stress_finding
from soe_lib.review.measures import scores
from soe_lib.review.measures.of_pages import Stressed
from soe_lib.review.page import Page
from soe_lib.review.tables import Column, Table, each, laid_out
from soe_lib.review.week import Week


def page(situation: Week, stressed: pl.DataFrame, spread: pl.DataFrame, compared: pl.DataFrame) -> Page:
    """What would hurt most, how far the margin may lie from the plan, and the best of the company's scenarios.

    Parameters
    ----------
    stressed : from `soe.whatif.stress_test`. spread : from `soe.whatif.demand_range`. compared : a comparison's
        table, "base" first.
    """
    currency = situation.currency
    return Page(
        name="risk_review",
        title="Scenarios and risks",
        headline=headline(stressed, spread, compared, currency),
        currency=currency,
        scores=scores("risk_review", Stressed(situation, stressed, spread)),
        issues=(),
        asked=(),
        assumptions=tuple(
            f"Not planned: {name}. {words.sentence(note)}"
            for name, note in stressed.filter(pl.col("note") != "").select("stress", "note").iter_rows()
        ),
    )


def headline(stressed: pl.DataFrame, spread: pl.DataFrame, compared: pl.DataFrame, currency: str) -> str:
    """The worst that was tried, what demand alone may do, and the scenario that gains most, in three sentences."""
    said = [words.sentence(stress_finding(stressed.filter(pl.col("total").is_not_null()), currency))]
    known_cases = spread.filter(pl.col("margin").is_not_null())
    if known_cases.height > 1:
        low, high = (words.brief_money(float(known_cases["margin"][place]), currency) for place in (0, -1))
        said.append(f"With demand as far off as it has been, the margin lies between {low} and {high}.")
    others = compared.filter((pl.col("scenario") != "base") & pl.col("margin").is_not_null())
    base = compared.filter(pl.col("scenario") == "base")["margin"].to_list()
    if others.height and base and base[0] is not None:
        best = others.sort(["margin", "scenario"], descending=[True, False]).row(0, named=True)
        gain = words.money(best["margin"] - base[0], currency, sign=True)
        said.append(f"Of the company's scenarios, {best['scenario']} earns most: {gain} of margin.")
    return " ".join(said)


def note_of(frame: pl.DataFrame, column: str = "note") -> dict[str, Column]:
    """The column of notes; none where nobody has one."""
    first = pl.col(column).fill_null("").str.split("\n").list.first()
    return {"Note": first} if (frame[column].fill_null("") != "").any() else {}


def scenarios(frame: pl.DataFrame, currency: str, *, reference: str) -> Table | str:
    """Scenarios side by side, as differences to the reference; a sentence where none was asked for.

    Parameters
    ----------
    frame : as `Comparison.table()` gives it. reference : whose row the others are held against.
    """
    if frame.height < 2:
        return "No scenario is kept: save one in scenarios.toml, beside the company's extracts, and it stands here."
    own = frame.filter(pl.col("scenario") == reference)
    money = {f"Margin, {currency}": "margin", f"Cash, {currency}": "cash", f"Stock, {currency}": "stock"}
    is_own = pl.col("scenario") == reference
    less = {title: pl.when(~is_own).then(pl.col(name) - own[name][0]) for title, name in money.items()}
    columns: dict[str, Column] = {
        "Scenario": pl.when(is_own).then(pl.lit("This week's plan")).otherwise("scenario"),
        **each(options.signed, less), "On time": ("service", ".1%"), "Overtime, h": ("overtime_hours", "number"),
        "Production moved": ("churn", ".1%"), **note_of(frame, "error"),
    }  # fmt: skip
    note = (
        "Margin, cash and stock (mean closing stock at standard cost): against this week's plan. Others: as they are."
    )
    strong = pl.col("Scenario") == "This week's plan"
    return laid_out(frame, "Scenarios of the company, planned again", columns, note, rows=30, strong=strong)


def stresses(frame: pl.DataFrame, currency: str) -> Table | str:
    """Every stress that was tried, the most damaging first; a sentence where there was none."""
    if frame.is_empty():
        return "There is nothing to stress: no line, no delivery, no supplier, no forecast."
    money = {"margin": "Margin", **options.steering_shown(frame)}
    sums = {"Together": "total", **{title: name for name, title in money.items()}}
    columns: dict[str, Column] = {
        "What goes wrong": "stress", "Kind": "kind",
        **each(options.signed, {f"{title}, {currency}": name for title, name in sums.items()}),
        "More units wait": ("waits", options.signed), **note_of(frame),
    }  # fmt: skip
    note = (
        "One at a time, against this week's plan; each is answered by the best plan there is. Who hears of it late "
        "loses more. Together: margin and steering; goodwill, expected shortage and the like steer the plan and are no "
        "money."
    )
    return laid_out(frame, "What would hurt, tried one by one", columns, note, rows=30)


def ranges(frame: pl.DataFrame, currency: str) -> Table | str:
    """Low, planned and high demand; a sentence where no family has a history."""
    if frame.is_empty():
        return (
            "Insufficient history: no version of the forecast is named by the week of its publication, so nobody knows "
            "how far off it has been."
        )
    money = {f"Margin, {currency}": "margin", f"Cash, {currency}": "cash"}
    columns: dict[str, Column] = {
        "Demand": "case", **each("money", money), "On time": ("service", ".1%"),
        f"Stock, {currency}": ("stock", "money"), "Overtime, h": ("overtime_hours", "number"), **note_of(frame),
    }  # fmt: skip
    note = (
        "The forecast of every family lower, and higher, by its own error of the past weeks (one week ahead), all at "
        "once; orders stay. Each is planned again."
    )
    return laid_out(frame, "The range of demand", columns, note)
