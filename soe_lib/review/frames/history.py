"""What earlier extracts of the same company said: the forecast as it was published then."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.folders import dates
from soe_lib.extract.precedence import labelled
from soe_lib.extract.snapshot import Snapshot, read

WEEKS = 13


def earlier(snapshot: Snapshot, *, weeks: int = WEEKS) -> tuple[Snapshot, ...]:
    """The company's extracts before this one, oldest first; none where the extract stands alone.

    Parameters
    ----------
    weeks : how far back to look from the as-of date [weeks].
    """
    if snapshot.folder.name != snapshot.as_of.isoformat():
        return ()
    days = [day for day in dates(snapshot.folder.parent) if 0 < (snapshot.as_of - day).days <= 7 * weeks]
    return tuple(read(snapshot.folder.parent, day) for day in days)


def published_forecast(snapshot: Snapshot) -> pl.DataFrame:
    """The forecast of one extract by ISO week, as published, before orders consume it.

    Returns
    -------
    item, location, customer, week ("2026-W48"), forecast [units]; only weeks that its horizon covers.
    """
    version = snapshot.settings.forecast.version
    rows = snapshot["forecast"].filter(pl.col("version") == version) if version else snapshot["forecast"]
    split = snapshot.calendar.split(labelled(snapshot.calendar, rows, "forecast"))
    weeks = snapshot.periods.select("period", "week")
    return (
        split.join(weeks, on="period", validate="m:1")
        .group_by("item", "location", "customer", "week")
        .agg(forecast=pl.col("quantity").sum())
        .sort("item", "location", "customer", "week")
    )


def sales_by_week(snapshot: Snapshot) -> pl.DataFrame:
    """What was sold before the as-of date, by ISO week: item, location, customer, week, actual [units]."""
    sold = snapshot["actuals"].filter((pl.col("measure") == "sales") & (pl.col("date") < snapshot.as_of))
    week = pl.col("date").dt.strftime("%G-W%V").alias("week")
    return sold.group_by("item", "location", "customer", week).agg(actual=pl.col("quantity").sum())


def asked_by_week(snapshot: Snapshot) -> pl.DataFrame:
    """What was asked for before the as-of date, by ISO week: item, location, customer, week, actual [units], measure.

    Measure "demand" where the actuals have it of an item and week, else "sales", which hide what was not served.
    """
    told = snapshot["actuals"].filter(pl.col("measure").is_in(["demand", "sales"]), pl.col("date") < snapshot.as_of)
    told = told.with_columns(week=pl.col("date").dt.strftime("%G-W%V"))
    known = told.filter(pl.col("measure") == "demand").select("item", "week").unique()
    sold = told.filter(pl.col("measure") == "sales").join(known, on=["item", "week"], how="anti")
    rows = pl.concat([told.filter(pl.col("measure") == "demand"), sold])
    return rows.group_by("item", "location", "customer", "week", "measure").agg(actual=pl.col("quantity").sum())
