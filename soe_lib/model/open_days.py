"""Lead times in working days: which days count for whom, by the company's week and its closures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.model.network import Network

WORKING = "working days"
SEPARATOR = "\x1f"
SPARE = 60
"""Days looked at beyond the horizon and twice the longest lead time, so that long closures are seen."""


def counted(network: Network, rows: pl.DataFrame, takes_part: tuple[str, ...]) -> pl.DataFrame:
    """Rows with `counted`, whose days their lead time counts (blank: every day), and `lead_calendar`, in calendar days.

    Parameters
    ----------
    rows : period, lead_days, dispatch. takes_part : columns of those whose closures count, beside the company's.
    """
    if network.settings.lead_time.days != WORKING:
        return rows.with_columns(counted=pl.lit(""), lead_calendar=pl.col("lead_days"))
    named = network.snapshot["closures"]["what"].unique().implode()
    own = [pl.when(pl.col(name).cast(pl.String).is_in(named)).then(pl.col(name).cast(pl.String)) for name in takes_part]
    said = pl.concat_str(pl.lit(WORKING), *own, separator=SEPARATOR, ignore_nulls=True)
    return _in_calendar_days(network, rows.with_columns(counted=said))


def _in_calendar_days(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the calendar days from the last day of dispatch to arrival."""
    keys = ["period", "lead_days", "dispatch", "counted"]
    asked = rows.select(keys).unique().join(network.periods.select("period", "starts_on", "ends_on"), on="period")
    leaves = pl.when(pl.col("dispatch") == "start").then("starts_on").otherwise("ends_on")
    asked = asked.with_columns(leaves=leaves, after=pl.col("lead_days").ceil().cast(pl.Int64))
    first, end = network.snapshot.periods["starts_on"][0], network.snapshot.periods["ends_on"][-1]
    last = end + timedelta(days=2 * max(asked["after"].to_list(), default=0) + SPARE)
    days = pl.concat(
        [numbered(open_dates(network, name, first, last), name) for name in asked["counted"].unique().sort()]
        or [numbered(open_dates(network, WORKING, first, last), WORKING).clear()]
    )
    found = asked.join(days.rename({"date": "leaves"}), on=["counted", "leaves"], how="left")
    there = days.filter("open").select("counted", "number", arrives="date")
    found = found.with_columns(pl.col("number") + pl.col("after")).join(there, on=["counted", "number"], how="left")
    took = pl.when(pl.col("after") == 0).then(0.0).otherwise((pl.col("arrives") - pl.col("leaves")).dt.total_days())
    took = took.fill_null(pl.col("lead_days")).alias("lead_calendar")
    return rows.join(found.select(*keys, took), on=keys, how="left", maintain_order="left")


def numbered(days: pl.DataFrame, name: str) -> pl.DataFrame:
    """Days with the number of open days up to each: counted, date, open, number."""
    return days.select("date", "open", counted=pl.lit(name), number=pl.col("open").cast(pl.Int64).cum_sum()).select(
        "counted", "date", "open", "number"
    )


def open_dates(network: Network, name: str, first: date, last: date) -> pl.DataFrame:
    """date, open: the days on which everybody is open whose closures a lead time counts.

    Of everybody: what `closures` says of them on the day, else what it says of the company, else the company's week.

    Parameters
    ----------
    name : from `counted`.
    """
    table, working = network.snapshot["closures"], list(network.settings.calendar.working_days)
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
    days = days.with_columns(week=pl.col("date").dt.weekday().is_in(working))
    said = [
        table.filter(pl.col("what") == who).select("date", _open=pl.col("open").fill_null(False))
        for who in ("", *name.split(SEPARATOR)[1:])
    ]
    company = days.join(said[0], on="date", how="left", maintain_order="left")
    company = company.select("date", company=pl.coalesce("_open", "week"))
    is_open = company.select("date", open="company")
    for rows in said[1:]:
        own = company.join(rows, on="date", how="left", maintain_order="left").select(
            own=pl.coalesce("_open", "company")
        )
        is_open = is_open.with_columns(open=own["own"] if len(said) == 2 else pl.col("open") & own["own"])
    return is_open
