"""Tables of what lies behind: forecast versions against sales, and how the plants ran."""

from __future__ import annotations

import polars as pl

from soe_lib.review import words
from soe_lib.review.tables.table import Table


def errors_by_lag(frame: pl.DataFrame) -> Table | str:
    """Forecast accuracy by lag; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: the extract holds no forecast version of a finished week."
    shown = frame.select(
        pl.col("lag").alias("Weeks ahead"), pl.col("weeks").alias("Weeks judged"), pl.col("actual").alias("Sold"),
        pl.col("forecast").alias("Forecast"), pl.col("wmape").alias("WMAPE"), pl.col("bias").alias("Bias"),
    )  # fmt: skip
    formats = {**dict.fromkeys(shown.columns[:4], "number"), "WMAPE": "percent", "Bias": "percent"}
    note = "By item and week, every version that was published. Negative bias: more was forecast than sold."
    return Table(shown, "Forecast accuracy by lag, units", formats, note)


def waterfall(frame: pl.DataFrame) -> Table | str:
    """Forecast versions of each finished week beside what was sold; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: no versions to set side by side."
    week = pl.col("week").map_elements(words.period_name, return_dtype=pl.String).alias("Demand of")
    lags = [name for name in frame.columns if name not in {"week", "sold"}]
    shown = frame.select(week, *(pl.col(name).alias(name[:1].upper() + name[1:]) for name in lags), Sold="sold")
    note = "Read from left to right: how the forecast of one week moved as the week came nearer."
    return Table(shown, "Waterfall of forecast versions, units", dict.fromkeys(shown.columns[1:], "number"), note)


def running(frame: pl.DataFrame) -> Table | str:
    """How the plants ran; a sentence where hours or an earlier extract are missing."""
    if frame.is_empty():
        return "Insufficient history: hours run, output and an earlier extract's calendar are needed for OEE."
    shown = frame.select(
        pl.col("location").alias("Plant"), pl.col("planned").alias("Hours planned"), pl.col("run").alias("Hours run"),
        pl.col("ideal").alias("Hours at ideal speed"), (pl.col("run") / pl.col("planned")).alias("Availability"),
        (pl.col("ideal") / pl.col("run")).alias("Performance"), (pl.col("good") / pl.col("ideal")).alias("Quality"),
        (pl.col("good") / pl.col("planned")).alias("OEE"),
    )  # fmt: skip
    shares = dict.fromkeys(shown.columns[4:], "percent")
    note = (
        "OEE = availability × performance × quality = hours that the good units take at ideal speed ÷ hours planned. "
        "Overtime counts as run; scrap is not in the actuals, so quality is the routings' yield."
    )
    return Table(
        shown,
        "How the plants ran since the last extract",
        {**dict.fromkeys(shown.columns[1:4], ",.1f"), **shares},
        note,
    )
