"""The page of scenarios and risks: what else could be done, what could go wrong, and what either is worth."""

from __future__ import annotations

import polars as pl

from soe_lib.review import words
from soe_lib.review.charts.stress import finding
from soe_lib.review.pages.page import Page
from soe_lib.review.score import Score, insufficient, known
from soe_lib.review.situation import Situation


def risk(situation: Situation, stressed: pl.DataFrame, spread: pl.DataFrame, compared: pl.DataFrame) -> Page:
    """What would hurt most, how far the margin may lie from the plan, and the best of the company's scenarios.

    Parameters
    ----------
    stressed : from `soe.stress_test`. spread : from `soe.demand_range`. compared : a comparison's table, "base" first.
    """
    currency = situation.currency
    return Page(
        name="risk_review",
        title="Scenarios and risks",
        headline=headline(stressed, spread, compared, currency),
        currency=currency,
        scores=scores(stressed, spread, currency),
        issues=(),
        asked=(),
        assumptions=tuple(
            f"Not planned: {name}. {words.sentence(note)}"
            for name, note in stressed.filter(pl.col("note") != "").select("stress", "note").iter_rows()
        ),
    )


def headline(stressed: pl.DataFrame, spread: pl.DataFrame, compared: pl.DataFrame, currency: str) -> str:
    """The worst that was tried, what demand alone may do, and the scenario that gains most, in three sentences."""
    said = [words.sentence(finding(stressed.filter(pl.col("total").is_not_null()), currency))]
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


def scores(stressed: pl.DataFrame, spread: pl.DataFrame, currency: str) -> tuple[Score, ...]:
    """The worst stress, and the margin at stake in demand."""
    tried = stressed.filter(pl.col("total").is_not_null())
    cases = spread.filter(pl.col("margin").is_not_null())
    worst = (
        known("Most damaging stress", min(float(tried["total"].min()), 0.0), currency,  # type: ignore[arg-type]
              f"{tried.sort(['total', 'stress'])['stress'][0]}: margin and steering against this week's plan.")
        if tried.height else insufficient("Most damaging stress", currency, "nothing could be stressed")
    )  # fmt: skip
    if cases.height < 2:
        return worst, insufficient("At risk in demand", currency, "no forecast is named by its week")
    lost = float(cases["margin"][0]) - float(cases.filter(pl.col("case") == "As forecast")["margin"].sum())
    text = "Margin with every family's forecast lower by its own past error, against this week's plan."
    return worst, known("At risk in demand", lost, currency, text)
