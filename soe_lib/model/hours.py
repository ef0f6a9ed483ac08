"""Working time: hours by resource and period, lead times in working days, and the time unit of limits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.precedence import labelled, limits_per, worked
from soe_lib.model import events
from soe_lib.model.cache import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network


WORKING = "working days"
SEPARATOR = "\x1f"
SPARE = 60
"""Days beyond the horizon and twice the longest lead time that are covered, to include long closures."""


def counted(network: Network, rows: pl.DataFrame, takes_part: tuple[str, ...]) -> pl.DataFrame:
    """Rows with `counted` (whose open days the lead time counts; blank: every day) and `lead_calendar` [calendar days].

    Parameters
    ----------
    rows : period, lead_days, dispatch. takes_part : label columns whose closures count, beside the company's.
    """
    if network.settings.lead_time.days != WORKING:
        return rows.with_columns(counted=pl.lit(""), lead_calendar=pl.col("lead_days"))
    named = network.snapshot["closures"]["what"].unique().implode()
    own = [pl.when(pl.col(name).cast(pl.String).is_in(named)).then(pl.col(name).cast(pl.String)) for name in takes_part]
    names = pl.concat_str(pl.lit(WORKING), *own, separator=SEPARATOR, ignore_nulls=True)
    return _in_calendar_days(network, rows.with_columns(counted=names))


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
    """date, open: whether everybody whose closures a lead time counts is open on the day.

    For each of them: their own row in `closures`, else the company's row, else the company's working days.

    Parameters
    ----------
    name : from `counted`.
    """
    table, working = network.snapshot["closures"], list(network.settings.calendar.working_days)
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
    days = days.with_columns(week=pl.col("date").dt.weekday().is_in(working))
    closures = [
        table.filter(pl.col("what") == who).select("date", _open=pl.col("open").fill_null(False))
        for who in ("", *name.split(SEPARATOR)[1:])
    ]
    company = days.join(closures[0], on="date", how="left", maintain_order="left")
    company = company.select("date", company=pl.coalesce("_open", "week"))
    is_open = company.select("date", open="company")
    for rows in closures[1:]:
        own = company.join(rows, on="date", how="left", maintain_order="left").select(
            own=pl.coalesce("_open", "company")
        )
        is_open = is_open.with_columns(open=own["own"] if len(closures) == 2 else pl.col("open") & own["own"])
    return is_open


def per(network: Network) -> str:
    """Time unit of limits: week, day or period by the settings; else week, or period where the extract gives the
    periods.
    """
    return limits_per(network.settings, network.snapshot.periods)


@prepared
def portions(network: Network) -> pl.DataFrame:
    """period, monday (of the week that the period lies in, else null), most and work.

    most: how many limits per time unit a period holds. work: the same for hours of a head or of a step of capacity.
    """
    kind = per(network)
    most = {"week": pl.len() / 7, "day": pl.len().cast(pl.Float64), "period": pl.lit(1.0)}
    monday = pl.col("date").dt.truncate("1w")
    within = pl.when((monday.first() == monday.last()) & (kind == "week")).then(monday.first())
    found = network.calendar.days.group_by("period").agg(monday=within, most=most[kind])
    return network.encode(found.join(worked(network.calendar, kind), on="period")).sort("period")


def shared_out(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with `maximum` for their period: the limit in the extract times the share of its time unit."""
    share = portions(network).select("period", "most")
    scaled = cells.join(share, on="period", how="left", maintain_order="left")
    return scaled.with_columns(pl.col("maximum") * pl.col("most")).drop("most")


def joined(network: Network, cells: pl.DataFrame, key: str) -> pl.DataFrame:
    """The cells with the total `maximum` of their week, and `within`: the first period that shares it.

    A period that an event closes (maximum 0) shares nothing: it cannot use up the limit of other days of the week.

    Parameters
    ----------
    cells : key, period, maximum (share of the period; null: no limit). key : routing, offer or lane.
    """
    limited = cells.filter(pl.col("maximum").is_not_null()).unique([key, "period"], keep="first", maintain_order=True)
    weeks = portions(network).select("period", "monday")
    together = pl.when(pl.col("maximum") > 0).then("monday")
    found = limited.select(key, "period", "maximum").join(weeks, on="period").with_columns(together.alias("monday"))
    alone = pl.when(pl.col("monday").is_null()).then("period")
    group = [key, "monday", alone]
    found = found.sort(key, "period").select(
        key, "period", pl.col("maximum").sum().over(group), pl.col("period").first().over(group).alias("within")
    )
    return cells.drop("maximum").join(found, on=[key, "period"], how="left", maintain_order="left")


def available(network: Network) -> pl.DataFrame:
    """resource, period, hours and overtime_hours (a ceiling) after events, overtime_given (before them), lost, kept,
    overtime_kept.

    A downtime takes hours of the calendar and of today's crew in proportion: `kept` is the share of a head's hours that
    is left. Hours beyond them reduce the overtime; a downtime that closes a share of the period also closes that share
    of the overtime.
    """
    cells = given(network)
    down = events.downtime(network, cells.select("resource", "location", "period"))
    part, base = pl.col("part").clip(0.0, 1.0), pl.col("base")
    lost = pl.min_horizontal(pl.col("taken") + part * base, base)
    beyond = pl.col("taken") + part * base - lost + pl.col("overtime")
    return (
        cells.join(down, on=["resource", "period"], how="left")
        .with_columns(pl.col("taken", "overtime", "part").fill_null(0.0))
        .with_columns(
            lost.alias("lost"),
            pl.col("overtime_hours").alias("overtime_given"),
            (pl.col("overtime_hours") * (1.0 - part) - beyond).clip(lower_bound=0.0).alias("overtime_hours"),
            (1.0 - part).alias("overtime_kept"),
            pl.when(base > 0).then(1.0 - lost / base).otherwise(1.0 - part).alias("kept"),
        )
        .with_columns(
            (pl.col("hours") - pl.when(base > 0).then(pl.col("lost") * (pl.col("hours") / base)).otherwise(0.0)).alias(
                "hours"
            )
        )
        .select("resource", "period", "hours", "lost", "overtime_hours", "overtime_given", "kept", "overtime_kept")
        .sort("resource", "period")
    )


@prepared
def given(network: Network) -> pl.DataFrame:
    """resource, location, period, hours, overtime_hours of the calendar; base: these hours and today's crew's."""
    rows = labelled(network.calendar, network.snapshot["calendar"], "calendar").select(
        "resource",
        pl.col("period").alias("label"),
        pl.col("hours").fill_null(0.0),
        pl.col("overtime_hours").fill_null(0.0),
    )
    by_period = (
        rows.join(network.calendar.shares(rows["label"].unique()), on="label", how="inner")
        .group_by("resource", "period")
        .agg((pl.col("hours") * pl.col("share")).sum(), (pl.col("overtime_hours") * pl.col("share")).sum())
    )
    crews = network.table("workforce").select(
        "resource", (pl.col("opening_heads").fill_null(0.0) * pl.col("hours_per_head").fill_null(0.0)).alias("crew")
    )
    everywhere = (
        network.table("resources").select("resource", "location").join(network.periods.select("period"), how="cross")
    )
    return (
        everywhere.join(network.encode(by_period), on=["resource", "period"], how="left")
        .join(crews, on="resource", how="left")
        .join(portions(network).select("period", "work"), on="period", how="left")
        .with_columns(pl.col("hours", "overtime_hours", "crew").fill_null(0.0))
        .with_columns((pl.col("hours") + pl.col("crew") * pl.col("work")).alias("base"))
    )
