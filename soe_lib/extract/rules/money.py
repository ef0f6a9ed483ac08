"""Money that would mislead a plan: values without bound, holding that costs nothing, offers without a price."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule


@rule
def offers_have_prices(extract: Extract) -> list[Finding]:
    """An offer has a unit cost, or prices by period."""
    priced = extract.names("offer_prices", "offer")
    where = pl.col("unit_cost").is_null() & ~pl.col("offer").is_in(priced.implode())
    fix = "Fill unit_cost (0 if it is free), or give the offer rows in offer_prices.csv."
    return extract.flag("stop", "offers", where, column="unit_cost", rule="The offer has no price.", fix=fix)


@rule
def purchases_on_order_have_prices(extract: Extract) -> list[Finding]:
    """A purchase on order names the offer whose price it is paid at."""
    where = (pl.col("kind") == "buy") & (pl.col("offer") == "")
    text = "A purchase on order without an offer has no price: it counts as paid already."
    return extract.flag("warn", "receipts", where, column="offer", rule=text, fix="Name its offer.")


@rule
def end_values_are_bounded(extract: Extract) -> list[Finding]:
    """Nothing is worth more at the horizon's end than it costs to get without limit: the plan would never stop."""
    worth = extract["items"].filter(pl.col("end_value") > 0).select("item", "end_value")
    if worth.is_empty():
        return []
    limited = _limited(extract)
    found = [_unbounded(extract, "offers", _offers(extract), worth, limited)]
    found.append(_unbounded(extract, "routings", _routings(extract), worth, limited))
    return [finding for finding in found if finding is not None]


def _unbounded(
    extract: Extract, table: str, ways: pl.DataFrame, worth: pl.DataFrame, limited: pl.DataFrame
) -> Finding | None:
    """Ways to get an item for less than its end value; a ceiling on stock bounds them, unless goods are under way."""
    gain = ways.join(worth, on="item").filter(pl.col("end_value") > pl.col("cost") + 1e-9)
    late = gain.filter(pl.col("lead") > 0)
    soon = gain.filter(pl.col("lead") == 0).join(limited, on=["item", "location"], how="anti")
    bad = pl.concat([late, soon]).sort("row")
    if bad.is_empty():
        return None
    row = bad.row(0, named=True)
    rule_text = f"It costs {row['cost']:g} without a maximum, and is worth {row['end_value']:g} at the end."
    fix = "Lower end_value in items.csv to what the item costs, or give a maximum."
    return extract.finding("stop", table, bad["row"], column="item", value=row["item"], rule=rule_text, fix=fix)


def _offers(extract: Extract) -> pl.DataFrame:
    """Offers without a maximum, at their lowest price: [row, item, location, cost, lead]."""
    lowest = extract["offer_prices"].group_by("offer").agg(lowest=pl.col("unit_cost").min())
    rows = extract["offers"].with_row_index("row").filter(pl.col("maximum").is_null())
    rows = rows.join(lowest, on="offer", how="left")
    cost = pl.min_horizontal("unit_cost", "lowest").fill_null(0.0)
    return rows.select("row", "item", "location", cost=cost, lead="lead_time_days")


def _routings(extract: Extract) -> pl.DataFrame:
    """Routings without maximum, hours or components, at their cost by good unit: [row, item, location, cost, lead]."""
    rows = extract["routings"].with_row_index("row").filter(pl.col("maximum").is_null(), pl.col("yield") > 0)
    for table in ("operations", "components"):
        rows = rows.join(extract[table].select("routing").unique(), on="routing", how="anti")
    lead = pl.max_horizontal("lead_time_days", pl.col("lead_time_periods").fill_null(0).cast(pl.Float64))
    return rows.select("row", "item", "location", cost=pl.col("cost_per_unit") / pl.col("yield"), lead=lead)


def _limited(extract: Extract) -> pl.DataFrame:
    """Places where the closing stock has a ceiling: [item, location]."""
    ceiling = pl.min_horizontal("maximum_stock", "end_stock_maximum").is_not_null()
    by_policy = extract["policies"].filter(ceiling).select("item", "location")
    full = extract["locations"].filter(pl.col("storage_capacity").is_not_null()).select("location")
    by_place = extract["items"].filter(pl.col("volume") > 0).select("item").join(full, how="cross")
    return pl.concat([by_policy, by_place]).unique()


@rule
def holding_has_a_cost(extract: Extract) -> list[Finding]:
    """With a capital rate, an item has a standard cost or a holding cost of its own."""
    if extract.settings.costs.capital_rate == 0:
        return []
    where = pl.col("holding_cost").is_null() & pl.col("standard_cost").is_null()
    rule_text, fix = "Neither holding_cost nor standard_cost: it is held for free.", "Fill one of them."
    return extract.flag("warn", "items", where, column="holding_cost", rule=rule_text, fix=fix)
