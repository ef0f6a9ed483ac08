"""Demand tables: outlook, forecast accuracy, what changed in orders and forecast."""

from __future__ import annotations

import polars as pl

from soe_lib.review import words
from soe_lib.review.tables.table import Table


def outlook(frame: pl.DataFrame) -> Table:
    """The S&OP outlook by family and month."""
    month = pl.col("month").map_elements(words.month_name, return_dtype=pl.String)
    shown = frame.select(
        pl.col("family").alias("Family"), month.alias("Month"), pl.col("consensus").alias("Committed"),
        pl.col("actual").alias("Sold so far"), pl.col("planned").alias("Planned"), pl.col("outlook").alias("Outlook"),
        (pl.col("share") - 1).alias("Off by"), (pl.col("high") - 1).alias("Tolerance ±"),
        pl.when("inside").then(pl.lit("inside")).otherwise(pl.lit("outside")).alias("State"),
    )  # fmt: skip
    numbers = dict.fromkeys(("Committed", "Sold so far", "Planned", "Outlook"), "number")
    return Table(
        shown, "Sales outlook against the S&OP commitment, units",
        {**numbers, "Off by": "percent", "Tolerance ±": "percent"},
        "Outlook = sold in the month before this week + planned for its other days. Under and over count alike. "
        "Months that the horizon or the actuals cover only in part are left out.",
        strong=pl.col("State") == "outside", rows=24,
    )  # fmt: skip


def forecast_errors(frame: pl.DataFrame) -> Table:
    """Forecast accuracy by family: sold, forecast, error and lean."""
    error = (pl.col("actual") - pl.col("forecast")).abs().sum()
    lean = (pl.col("actual") - pl.col("forecast")).sum()
    summed = frame.group_by("family").agg(
        actual=pl.col("actual").sum(), forecast=pl.col("forecast").sum(), error=error, lean=lean
    )
    sold = pl.when(pl.col("actual") > 0).then(pl.col("actual"))
    shown = summed.sort("family").select(
        pl.col("family").alias("Family"), pl.col("actual").alias("Sold"), pl.col("forecast").alias("Forecast"),
        (pl.col("error") / sold).alias("WMAPE"), (pl.col("lean") / sold).alias("Bias"),
    )  # fmt: skip
    formats = {"Sold": "number", "Forecast": "number", "WMAPE": "percent", "Bias": "percent"}
    note = "By item and week. Bias = (sold − forecast) ÷ sold; negative: more was forecast than sold."
    return Table(shown, "Forecast published one week before, against sales, units", formats, note)


def accuracy_by_cell(frame: pl.DataFrame, currency: str) -> Table | str:
    """Forecast accuracy where it is planned with, most money at stake first; a sentence where nothing is known."""
    if frame.is_empty():
        return "Insufficient history: no finished week has both a forecast and sales by item, place and class."
    shown = frame.select(
        pl.col("item").alias("Item"), pl.col("location").alias("Place"),
        pl.col("segment").replace("", "anybody").alias("Class"), pl.col("money").alias(f"At stake, {currency}"),
        pl.col("wmape").alias("WMAPE"), pl.col("bias").alias("Bias"), pl.col("actual").alias("Asked for"),
        pl.col("forecast").alias("Forecast"), pl.col("weeks").alias("Weeks"), pl.col("lag").alias("Lag"),
    )  # fmt: skip
    formats = {**dict.fromkeys(shown.columns[3:], "number"), "WMAPE": "percent", "Bias": "percent"}
    note = (
        f"{words.sentence(asked_for(frame))} Lag: weeks from publication to the last week that a decision must cover "
        "(lead time of the shortest last way in, and the days to the next decision). At stake: units too few in the "
        "forecast × margin + units too many × standard cost, over all weeks; "
        f"{words.money(float(frame['money'].sum()), currency)} over {words.count(frame.height, 'line')}, all of them "
        "in finance.xlsx, sheet Forecast accuracy."
    )
    return Table(shown, "Forecast accuracy by item, place and customer class, units", formats, note)


def asked_for(frame: pl.DataFrame) -> str:
    """Which measure the forecast is held against, as a clause.

    Parameters
    ----------
    frame : from `frames.accuracy_by_cell`.
    """
    measures = set(frame["measure"])
    if measures <= {"sales"}:
        return "asked for is what was sold, since the actuals hold no demand: what could not be delivered is not in it"
    if measures <= {"demand"}:
        return "asked for is the demand that the actuals hold, served or not"
    some = frame.filter(pl.col("measure") != "sales")["item"].n_unique()
    return (
        f"asked for is the demand that the actuals hold, served or not, of {some} of {frame['item'].n_unique()} items, "
        "where they hold it; else what was sold"
    )


def changed_orders(frame: pl.DataFrame) -> Table:
    """Orders since the last extract, by customer and family."""
    shown = frame.select(
        pl.col("customer").alias("Customer"), pl.col("family").alias("Family"),
        pl.col("orders").alias("Orders touched"), pl.col("new").alias("New"), pl.col("changed").alias("Changed"),
        pl.col("gone").alias("Gone"), pl.col("net").alias("Net"),
    )  # fmt: skip
    numbers = ("Orders touched", "New", "Changed", "Gone", "Net")
    note = "Gone: no longer open before the due date; shipped early or cancelled, the extract does not say."
    return Table(shown, "Orders since the last extract, units", dict.fromkeys(numbers, "number"), note)


def changed_forecast(frame: pl.DataFrame) -> Table:
    """The forecast since the last extract, by family."""
    shown = frame.select(
        pl.col("family").alias("Family"), pl.col("before").alias("Before"), pl.col("now").alias("Now"),
        pl.col("change").alias("Change"), pl.col("share").alias("Change, %"),
    )  # fmt: skip
    formats = {**dict.fromkeys(("Before", "Now", "Change"), "number"), "Change, %": "percent"}
    return Table(shown, "Forecast of the weeks that both extracts cover, units", formats)


def unforecast(frame: pl.DataFrame, currency: str) -> Table:
    """Orders far above the forecast, by customer and family, most revenue first."""
    named = pl.element().map_elements(words.period_name, return_dtype=pl.String)
    shown = frame.sort("revenue", descending=True).select(
        pl.col("customer").alias("Customer"), pl.col("family").alias("Family"),
        pl.col("weeks").list.eval(named).list.join(", ").alias("Due in"), pl.col("forecast").alias("Forecast"),
        pl.col("orders").alias("Ordered"), pl.col("excess").alias("Above forecast"),
        pl.col("revenue").alias(f"Revenue above, {currency}"), pl.col("margin").alias(f"Margin above, {currency}"),
    )  # fmt: skip
    formats = dict.fromkeys(shown.columns[3:], "number")
    note = "Listed where a customer ordered over a quarter more of a family than forecast, and the revenue matters."
    return Table(shown, "Orders above forecast, units", formats, note)
