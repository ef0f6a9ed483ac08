"""The page of scenarios and risks: what else could be done, what could go wrong, and what either is worth."""

from __future__ import annotations

import polars as pl

from soe_lib.review import options, words
from soe_lib.review.charts.money import stress_finding
from soe_lib.review.measures import scores
from soe_lib.review.measures.of_pages import Stressed
from soe_lib.review.page import Page
from soe_lib.review.tables import Format, Table
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


def signed(amount: float) -> str:
    """A figure with its sign: "+1,200"."""
    return words.number(amount, sign=True)


def without_blank(shown: pl.DataFrame, column: str = "Note") -> pl.DataFrame:
    """The frame without its notes where nobody has one."""
    return shown if (shown[column].fill_null("") != "").any() else shown.drop(column)


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
    shown = frame.select(
        pl.when(is_own).then(pl.lit("This week's plan")).otherwise("scenario").alias("Scenario"),
        *(
            pl.when(is_own).then(pl.lit(None)).otherwise(pl.col(name) - own[name][0]).alias(label)
            for label, name in money.items()
        ),
        pl.col("service").alias("On time"),
        pl.col("overtime_hours").alias("Overtime, h"),
        pl.col("churn").alias("Production moved"),
        pl.col("error").str.split("\n").list.first().alias("Note"),
    )
    formats: dict[str, Format] = {
        **dict.fromkeys(money, signed), "On time": ".1%", "Overtime, h": "number", "Production moved": ".1%",
    }  # fmt: skip
    note = (
        "Margin, cash and stock (mean closing stock at standard cost): against this week's plan. Others: as they are."
    )
    shown = without_blank(shown)
    return Table(shown, "Scenarios of the company, planned again", formats, note, rows=30, strong=is_this_week())


def is_this_week() -> pl.Expr:
    """The line that the others are held against."""
    return pl.col("Scenario") == "This week's plan"


def stresses(frame: pl.DataFrame, currency: str) -> Table | str:
    """Every stress that was tried, the most damaging first; a sentence where there was none."""
    if frame.is_empty():
        return "There is nothing to stress: no line, no delivery, no supplier, no forecast."
    lost = f"Together, {currency}"
    money = {"margin": "Margin", **options.steering_shown(frame)}
    sums = {f"{title}, {currency}": name for name, title in money.items()}
    shown = frame.select(
        pl.col("stress").alias("What goes wrong"), pl.col("kind").alias("Kind"), pl.col("total").alias(lost),
        *(pl.col(name).alias(title) for title, name in sums.items()), pl.col("waits").alias("More units wait"),
        pl.col("note").alias("Note"),
    )  # fmt: skip
    formats: dict[str, Format] = dict.fromkeys((lost, *sums, "More units wait"), signed)
    note = (
        "One at a time, against this week's plan; each is answered by the best plan there is. Who hears of it late "
        "loses more. Together: margin and steering; goodwill, expected shortage and the like steer the plan and are no "
        "money."
    )
    shown = without_blank(shown)
    return Table(shown, "What would hurt, tried one by one", formats, note, rows=30)


def ranges(frame: pl.DataFrame, currency: str) -> Table | str:
    """Low, planned and high demand; a sentence where no family has a history."""
    if frame.is_empty():
        return (
            "Insufficient history: no version of the forecast is named by the week of its publication, so nobody knows "
            "how far off it has been."
        )
    margin, cash, stock = (f"{name}, {currency}" for name in ("Margin", "Cash", "Stock"))
    shown = frame.select(
        pl.col("case").alias("Demand"), pl.col("margin").alias(margin), pl.col("cash").alias(cash),
        pl.col("service").alias("On time"), pl.col("stock").alias(stock),
        pl.col("overtime_hours").alias("Overtime, h"), pl.col("note").alias("Note"),
    )  # fmt: skip
    formats: dict[str, Format] = {
        margin: "money",
        cash: "money",
        stock: "money",
        "On time": ".1%",
        "Overtime, h": "number",
    }
    note = (
        "The forecast of every family lower, and higher, by its own error of the past weeks (one week ahead), all at "
        "once; orders stay. Each is planned again."
    )
    shown = without_blank(shown)
    return Table(shown, "The range of demand", formats, note)
