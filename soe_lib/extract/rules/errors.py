"""What the company says of its errors, and the versions of the forecast that errors are read from."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.calendar import WEEK
from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule

KEY = ("item", "location", "period")


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
    made = made.filter(made.str.contains(WEEK))
    if not len(made):
        return []
    lost = made.filter(_monday(made).is_null())
    fix = "Mend the name: few years have an ISO week 53."
    rule_text = "A version named by a week that does not exist: left out of the record of the forecast."
    where = pl.col("version").is_in(lost.implode())
    findings = extract.flag("warn", "forecast", where, column="version", rule=rule_text, fix=fix)
    weeks = pl.col("period").str.contains(WEEK) & pl.col("version").is_in(made.implode()) & ~where
    after = weeks & (pl.col("version") > pl.col("period")) & (pl.col("version") != extract.settings.forecast.version)
    rule_text = "Published after the week that it foresees: left out of the record of the forecast."
    fix = "Nothing to do, if it was mended afterwards; a version is named by the week it was published in."
    return findings + extract.flag("note", "forecast", after, column="version", rule=rule_text, fix=fix)


def _monday(weeks: pl.Series) -> pl.Series:
    return (weeks + "-1").str.to_date("%G-W%V-%u", strict=False)
