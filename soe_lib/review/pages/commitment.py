"""S&OP, the year and this week's plan, as the finance page shows them."""

from __future__ import annotations

import polars as pl

from soe_lib.money.targets import YearTargets
from soe_lib.review import words
from soe_lib.review.tables import Table
from soe_lib.review.tables.table import Format

MONTH = pl.col("month").map_elements(words.period_name, return_dtype=pl.String).alias("Month")
MEASURES = {"revenue": "Revenue", "margin": "Margin, accrual", "stock": "Stock at the year's end", "cash": "Cash"}


def ends_table(ends: pl.DataFrame) -> Table | str:
    """Where each family ends the month against its commitment, its band and its past."""
    if ends.is_empty():
        return "No month with a commitment ends within the horizon."
    units = {
        "consensus": "Committed",
        "actual": "Sold so far",
        "planned": "Still planned",
        "outlook": "Outlook",
        "low": "Band from",
        "high": "Band to",
        "likely_from": "Likely from",
        "likely_to": "Likely to",
    }
    shown = ends.with_columns(pl.col("low", "high") * pl.col("consensus")).select(
        pl.col("family").alias("Family"),
        MONTH,
        *(pl.col(name).alias(label) for name, label in units.items()),
        pl.col("verdict").alias("The commitment"),
    )
    note = (
        "Units. Outlook: sold so far and still planned. Likely: the outlook, as far off as its weekly forecast "
        "has been (its tolerance, where there is no history). Weeks are split over months by working days."
    )
    return Table(shown, "Where the months will end", dict.fromkeys(units.values(), "number"), note, rows=40)


def prices_table(prices: pl.DataFrame | None, currency: str) -> Table | str:
    """What the optimum gives up to keep each commitment that it would not keep by itself."""
    if prices is None:
        return "The commitments are not priced here: soe.commitment_prices(snapshot) does it."
    open_ = prices.filter(pl.col("planned") + pl.col("done") < pl.col("committed") - 0.5)
    free = prices.height - open_.height
    if open_.is_empty():
        return "Every commitment is kept by the plan as it is: keeping them costs nothing."
    most = pl.col("kept") < pl.col("committed") - 0.5
    money = [f"Costs, {currency}", f"A unit, {currency}", f"The last one, {currency}"]
    blank = pl.col("kept") - pl.col("done") - pl.col("planned") <= 0.5
    shown = open_.select(
        pl.col("family").alias("Family"),
        MONTH,
        pl.col("committed").alias("Committed"),
        (pl.col("done") + pl.col("planned")).alias("Best plan sells"),
        pl.col("kept").alias("Could be sold"),
        *(
            pl.when(~blank).then(pl.col(name)).alias(label)
            for name, label in zip(("money", "each", "next"), money, strict=True)
        ),
        pl.when(most).then(pl.lit("cannot be kept in full")).otherwise(pl.lit("can be kept")).alias("The commitment"),
    )
    formats = dict.fromkeys(("Committed", "Best plan sells", "Could be sold"), "number") | dict.fromkeys(money, "cents")
    note = (
        "Found by planning again with the commitment as a floor: optimum without it less optimum with it, goodwill "
        f"included. {words.count(free, 'other commitment').capitalize()} cost nothing: the plan sells as much anyway."
    )
    return Table(shown, "What it costs to keep the commitments", formats, note, rows=40)


def targets_table(found: YearTargets | None) -> Table | str:
    """The year's targets and where this week's plan lands them."""
    if found is None:
        return "Nobody has set a target for the year: give the table targets, or a budget."
    rows = found.table()
    names = {
        "target": "Target",
        "booked": "In the books",
        "actual": "Happened since",
        "planned": "Planned",
        "rest": "Budgeted after",
        "landing": "Lands at",
        "gap": "Better than target",
    }
    shown = rows.select(
        pl.col("measure").replace(MEASURES).alias(f"{found.year}, {found.currency}"),
        *(pl.col(name).alias(label) for name, label in names.items()),
        pl.col("share").alias("Of target"),
    )
    formats: dict[str, Format] = {**dict.fromkeys(names.values(), "money"), "Of target": "percent"}
    if rows["landing"].null_count():
        share = pl.col("Of target").map_elements(lambda part: words.percent(part, decimals=1), return_dtype=pl.String)
        told = pl.when(pl.col("Lands at").is_null()).then(pl.lit(words.UNKNOWN)).otherwise(share)
        shown = shown.with_columns(told.alias("Of target"))
        formats |= {"Of target": "text"}
    return Table(shown, f"The targets of {found.year}", formats, " ".join(found.notes), rows=10)
