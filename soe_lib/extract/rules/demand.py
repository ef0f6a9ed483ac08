"""Demand: which forecast is meant, and whether every demand line has a price."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.spelling import hint


@rule
def one_version(extract: Extract) -> list[Finding]:
    """One version of the forecast is planned with; two would be added up."""
    versions = extract.names("forecast", "version").sort()
    chosen = extract.settings.forecast.version
    there = ", ".join(name or "(blank)" for name in versions.to_list())
    if len(versions) > 1 and not chosen:
        rule_text = f"The forecast has {len(versions)} versions: {there}."
        fix = 'Say which one to plan with: [forecast] version = "…" in settings.toml.'
        return [extract.finding("stop", "forecast", [], column="version", rule=rule_text, fix=fix)]
    if chosen and len(versions) and chosen not in versions:
        rule_text = f"The settings ask for a version the forecast does not have. There are: {there}."
        fix = hint(chosen, versions.to_list()) or "Mend [forecast] version in settings.toml."
        return [extract.finding("stop", "forecast", [], column="version", value=chosen, rule=rule_text, fix=fix)]
    return []


def demanded(extract: Extract, table: str) -> pl.LazyFrame:
    """Demand rows above zero that are planned with, all columns and the row number."""
    frame = extract[table].lazy().with_row_index("row").filter(pl.col("quantity") > 0)
    if table == "forecast" and extract.settings.forecast.version:
        frame = frame.filter(pl.col("version") == extract.settings.forecast.version)
    return frame


def lines(extract: Extract, table: str) -> pl.DataFrame:
    """Demand rows above zero that are planned with: [row, item, location, customer, quantity, price]."""
    return demanded(extract, table).select("row", "item", "location", "customer", "quantity", "price").collect()


@rule
def prices(extract: Extract) -> list[Finding]:
    """A demand line has a price, above what the item costs."""
    findings = []
    for table in ("forecast", "orders"):
        if not extract[table].height or not _worth_a_look(extract, table):
            continue
        of_items = extract["items"].select("item", "standard_cost", item_price="price").unique("item", keep="first")
        rows = lines(extract, table).join(of_items, on="item", how="left", maintain_order="left")
        rows = rows.with_columns(price=pl.coalesce("price", "item_price"))
        cost = pl.col("standard_cost")
        for level, where, text, fix in (
            ("warn", pl.col("price").is_null(), "No price, in the row or in items.csv: it counts as 0.", "Fill price."),
            (
                "stop",
                (pl.col("price") == 0) & (cost > 0),
                "A price of 0 for an item that costs money.",
                "Mend the price.",
            ),
            (
                "warn",
                (pl.col("price") > 0) & (pl.col("price") < cost),
                "The standard cost is above the price.",
                "Mend one of them.",
            ),
        ):
            bad = rows.filter(where)["row"]
            if len(bad):
                value = extract.cell(table, "price", int(bad[0]))
                findings.append(extract.finding(level, table, bad, column="price", value=value, rule=text, fix=fix))
    return findings


def _worth_a_look(extract: Extract, table: str) -> bool:
    """Whether any price could be missing, zero or below cost: a glance at extremes before the join."""
    lowest, blank = extract[table].select(pl.col("price").min(), pl.col("price").null_count().alias("blank")).row(0)
    highest = extract["items"].get_column("standard_cost").max()
    return bool(blank) or (isinstance(highest, float) and lowest is not None and lowest < highest)
