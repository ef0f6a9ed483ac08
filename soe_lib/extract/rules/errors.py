"""What the company says of its errors, and the versions of the forecast that errors are read from."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.calendar import WEEK
from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule

KEY = ("item", "location", "period")
DATED = r"^\d{4}-\d{2}(-\d{2})?$"
OUT_OF_PROPORTION = 100
"""Times what is usually asked for of an item, and what is forecast of it at most."""


@rule
def quantiles_rise(extract: Extract) -> list[Finding]:
    """Probabilities of forecast_errors are shares of 1, and what is exceeded more seldom is no smaller."""
    table = extract["forecast_errors"]
    if table.is_empty():
        return []
    at, fix = pl.col("probability"), "Write a share: 0.9 where demand stays below in nine cases of ten."
    rule_text = "A probability above 1: is it in per cent?"
    findings = extract.flag("stop", "forecast_errors", at > 1, column="probability", rule=rule_text, fix=fix)
    before = pl.col("quantity").shift(1).over(KEY, order_by="probability")
    falls = table.with_row_index("row").with_columns(falls=pl.col("quantity") < before).filter("falls")["row"].sort()
    if len(falls):
        findings.append(
            extract.finding(
                "stop",
                "forecast_errors",
                falls,
                column="quantity",
                value=extract.cell("forecast_errors", "quantity", int(falls[0])),
                rule="Less than at the probability before: what demand stays below more often is more.",
                fix="Sort the quantities of each item, location and period as their probabilities.",
            )
        )
    return findings


@rule
def versions_are_of_their_time(extract: Extract) -> list[Finding]:
    """A version that is named by a week is of one that exists, and not of one after the weeks that it foresees."""
    made = extract.names("forecast", "version")
    dated = made.filter(made.str.contains(DATED) & (made != extract.settings.forecast.version))
    made = made.filter(made.str.contains(WEEK))
    findings = []
    if len(dated):
        rule_text = (
            "A version named by a day or a month: left out of the record of the forecast, which reads ISO weeks."
        )
        fix = "Name it by the ISO week that it was published in, such as 2026-W46."
        named = pl.col("version").is_in(dated.implode())
        findings = extract.flag("note", "forecast", named, column="version", rule=rule_text, fix=fix)
    if not len(made):
        return findings
    lost = made.filter(_monday(made).is_null())
    fix = "Mend the name: few years have an ISO week 53."
    rule_text = "A version named by a week that does not exist: left out of the record of the forecast."
    where = pl.col("version").is_in(lost.implode())
    findings += extract.flag("warn", "forecast", where, column="version", rule=rule_text, fix=fix)
    weeks = pl.col("period").str.contains(WEEK) & pl.col("version").is_in(made.implode()) & ~where
    after = weeks & (pl.col("version") > pl.col("period")) & (pl.col("version") != extract.settings.forecast.version)
    rule_text = "Published after the week that it foresees: left out of the record of the forecast."
    fix = "Nothing to do, if it was mended afterwards; a version is named by the week it was published in."
    return findings + extract.flag("note", "forecast", after, column="version", rule=rule_text, fix=fix)


@rule
def demand_is_where_it_is_forecast(extract: Extract) -> list[Finding]:
    """What was asked for is told of a place that forecasts it: else the record is of forecasts that never came."""
    place = ["item", "location"]
    asked = pl.col("measure").is_in(["sales", "demand"]) & (pl.col("item") != "")
    told = extract["actuals"].filter(asked).select(place).unique()
    if told.is_empty() or extract["forecast"].is_empty():
        return []
    foreseen = extract["forecast"].select(place).unique()
    met = told.join(foreseen, on=place, how="semi")["item"].unique()
    lost = told.filter(pl.col("item").is_in(foreseen["item"].implode()) & ~pl.col("item").is_in(met.implode()))
    if lost.is_empty():
        return []
    names = lost["item"].unique().sort()
    rule_text = f"{len(names)} items are asked for in no place that forecasts them: no error of a forecast is known."
    where = asked & pl.col("item").is_in(names.implode())
    fix = "Book actuals to the place of the forecast; a forecast that nobody meets holds no cushion."
    return extract.flag("warn", "actuals", where, column="location", rule=rule_text, fix=fix)


@rule
def demand_is_in_proportion(extract: Extract) -> list[Finding]:
    """No figure of demand is a hundred times what is usual of its item: one zero too many is an error of that size."""
    asked = pl.col("measure").is_in(["sales", "demand"]) & (pl.col("item") != "") & (pl.col("quantity") > 0)
    told = extract["actuals"].with_row_index("row").filter(asked)
    if told.is_empty():
        return []
    most = extract["forecast"].group_by("item").agg(most=pl.col("quantity").max())
    usual = pl.max_horizontal(pl.col("quantity").median().over("item"), pl.col("most").fill_null(0.0))
    odd = told.join(most, on="item", how="left").filter(pl.col("quantity") > OUT_OF_PROPORTION * usual)["row"].sort()
    if not len(odd):
        return []
    value = extract.cell("actuals", "quantity", int(odd[0]))
    rule_text = f"More than {OUT_OF_PROPORTION} times what is usually asked for of the item: the cushion holds for it."
    fix = "Mend it, or remove the row, unless it was really asked for."
    return [extract.finding("warn", "actuals", odd, column="quantity", value=value, rule=rule_text, fix=fix)]


def _monday(weeks: pl.Series) -> pl.Series:
    return (weeks + "-1").str.to_date("%G-W%V-%u", strict=False)
