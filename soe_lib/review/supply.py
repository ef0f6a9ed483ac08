"""The supply page: line load, late receipts, stock against its targets, and how the plants ran."""

from __future__ import annotations

import polars as pl

from soe_lib.review import charts, frames, tables, words
from soe_lib.review.charts import Chart
from soe_lib.review.measures import scores
from soe_lib.review.page import Page, found_on, to_decide
from soe_lib.review.tables import Table
from soe_lib.review.week import Week


def page(situation: Week) -> Page:
    """How full the lines are, what comes late, how stock runs, and what of last week's plan was made."""
    issues = found_on(situation, "supply_review")
    return Page(
        name="supply_review",
        title="Supply review",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores("supply_review", situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        assumptions=("Stock ahead is what the plan leaves at the end of each period.",),
    )


def headline(situation: Week) -> str:
    """The two costliest matters of supply; else that nothing has come apart."""
    certain = [issue for issue in found_on(situation, "supply_review") if issue.certain]
    if not certain:
        return "Nothing is late and no line is down."
    said = [words.sentence(issue.short) for issue in certain[:2]]
    left = len(certain) - len(said)
    return " ".join(said) + (f" {words.sentence(words.count(left, 'further exception'))}" if left else "")


def cushion(situation: Week) -> tuple[str | Chart | Table, ...]:
    """The section on stock against what nobody knows: what was found, a chart and tables; or why there is none."""
    found, currency = situation.targets, situation.currency
    if found.is_empty():
        return (frames.why_none(situation.snapshot),)
    places = frames.where_to_hold(situation.snapshot)
    return (
        *cushion_said(situation, places),
        charts.targets(found, currency),
        tables.targets(found, currency),
        tables.protection(found),
        tables.cheapest_places(places, currency),
    )


def cushion_said(situation: Week, places: pl.DataFrame) -> tuple[str, ...]:
    """What is worth holding against what nobody knows, what is known of it, and where it is cheapest: a paragraph each.

    Parameters
    ----------
    places : from `frames.where_to_hold`.
    """
    found, currency = situation.targets, situation.currency
    holding, more = (float(found[name].sum()) for name in ("holding", "costs_more"))
    first = found.row(0, named=True)
    costs, saves = (words.money(first[name], currency) for name in ("holding", "saves"))
    value = found["value"].drop_nulls()
    unknown = found.height - len(value)
    money = [
        f"Stock of {words.brief_money(float(value.sum()), currency)} is worth holding against what nobody knows: it "
        f"costs {words.money(holding, currency)} a week",
        f"the dearest, {first['description']}, {first['location']}, costs {costs} a week and saves an expected {saves}",
        f"the value of {words.count(unknown, 'target')} is not known for want of a standard cost" if unknown else "",
        f"the typed safety stocks of the same places cost {words.money(abs(more), currency)} a week "
        f"{'more' if more <= 0 else 'less'}; they stay as they are, and the plan pays for what is below either",
    ]
    evidence = [
        _record(found, situation.snapshot.settings.cushion.error),
        _bias(found, removed=situation.snapshot.settings.forecast.bias == "remove"),
    ]
    place = [
        _place(places, currency),
        'the line use = "never" of [cushion] in settings.toml switches all of it off',
    ]
    return tuple(" ".join(words.sentence(one) for one in said if one) for said in (money, evidence, place))


def _record(found: pl.DataFrame, error: float) -> str:
    """How many targets rest on what."""
    rest = {
        "own": "their own record",
        "stated": "errors that the company states",
        "family": "that of their family",
        "company": "that of the company",
        "default": f"a stated error of {words.percent(error)} of a week's forecast",
    }
    counts = dict(found.group_by("source").len().iter_rows())
    rows = [(counts[name], text) for name, text in rest.items() if name in counts]
    first, *others = rows
    verb = "rests" if first[0] == 1 else "rest"
    parts = [
        f"{words.count(first[0], 'target')} {verb} on {first[1]}",
        *(f"{many:,} on {text}" for many, text in others),
    ]
    little = sum(counts.get(name, 0) for name in ("family", "company", "default"))
    why = ", for want of enough points of their own" if little else ""
    return f"{words.listing(parts, limit=5)}{why}"


def _bias(found: pl.DataFrame, *, removed: bool) -> str:
    known = found.drop_nulls("bias").sort(pl.col("bias").abs(), "item", "location", descending=[True, False, False])
    if known.is_empty() or abs(known["bias"][0]) < 0.005:
        return ""
    row = known.row(0, named=True)
    side = "above" if row["bias"] > 0 else "below"
    off = f"demand was {words.percent(abs(row['bias']))} {side} its forecast"
    where = f"{row['description']}, {row['location']}, where {off}"
    told = "is taken out of the forecast, and is no part of a target" if removed else "is part of a target"
    return f"bias {told}; the largest is that of {where}"


def _place(places: pl.DataFrame, currency: str) -> str:
    if places.is_empty() or not places["spares"][0] > 0:
        return ""
    row = places.row(0, named=True)
    return (
        f"a day of cover of {row['description']} for {row['location']} is cheapest as {row['cheapest']}: "
        f"{words.money(row['spares'], currency, cents=True)} a week less than where it is sold"
    )
