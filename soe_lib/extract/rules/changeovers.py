"""Change-overs: whether every change that a line may make is told."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.rules import Extract, rule

PAIR = ("from_family", "to_family")


@rule
def every_change_is_told(extract: Extract) -> list[Finding]:
    """Between two families that a line runs, a row says what changing takes; none is read as nothing."""
    told = extract["changeovers"].select("resource", *PAIR)
    if told.is_empty():
        return []
    runs = families(extract)
    named = told["resource"].unique()
    runs = runs if "" in named else runs.filter(pl.col("resource").is_in(named.implode()))
    pairs = runs.select("resource", from_family="family").join(runs.rename({"family": "to_family"}), on="resource")
    pairs = pairs.filter(pl.col("from_family") != pl.col("to_family")).join(told, on=["resource", *PAIR], how="anti")
    missed = pairs.join(told.filter(pl.col("resource") == ""), on=PAIR, how="anti").sort("resource", *PAIR)
    if missed.is_empty():
        return []
    line, one, other = missed.row(0)
    rule_text = (
        f"{missed.height} changes between families that a line runs have no row, so they take nothing: first {line}, "
        f"from {one} to {other}."
    )
    return [
        extract.finding(
            "warn", "changeovers", [], column="to_family", rule=rule_text, fix="Add the rows, 0 hours where it is so."
        )
    ]


def families(extract: Extract) -> pl.DataFrame:
    """resource, family of what runs there: an operation's own family, else its item's."""
    items = extract["items"].select("item", "family").unique("item", keep="first")
    of = extract["routings"].select("routing", "item").unique("routing", keep="first").join(items, on="item")
    own = extract["operations"].select("routing", "resource", "setup_family").join(of, on="routing")
    family = pl.when(pl.col("setup_family") == "").then("family").otherwise("setup_family").alias("family")
    return own.select("resource", family).filter(pl.col("family") != "").unique()
