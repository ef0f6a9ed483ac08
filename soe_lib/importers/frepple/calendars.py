"""Converts frePPLe's hours, durations, validity and hierarchies to whole calendar days and flat members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

import polars as pl

from soe_lib.errors import DataError
from soe_lib.importers.frepple.source import Frepple, tell

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = 86400.0
LAST_SECOND = 86399.0
"""frePPLe writes the end of a day as 23:59:59."""


def slots(source: Frepple, *, first: date, last: date) -> pl.DataFrame:
    """Cut the days into slots in which no calendar changes.

    Parameters
    ----------
    first, last : first and last day, both included.

    Returns
    -------
    frame of date, starts_at, second (of the day), hours: one row per slot.
    """
    buckets = source["calendarbucket"]
    clock = [_second(buckets["startdate"]), _second(buckets["enddate"]), buckets["starttime"], _end(buckets["endtime"])]
    cuts = pl.concat([pl.Series("second", [0.0, DAY]), *(cut.alias("second").drop_nulls() for cut in clock)])
    inside = cuts.filter(cuts.is_between(0.0, DAY)).unique().sort()
    parts = pl.DataFrame({"second": inside[:-1], "hours": (inside[1:] - inside[:-1]) / 3600})
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
    starts = pl.col("date").cast(pl.Datetime("us")) + pl.duration(seconds=pl.col("second"))
    return days.join(parts, how="cross").select("date", starts.alias("starts_at"), "second", "hours")


def _second(times: pl.Series) -> pl.Series:
    clock = times.dt.hour().cast(pl.Float64) * 3600 + times.dt.minute() * 60 + times.dt.second()
    return _end(clock)


def _end(seconds: pl.Series) -> pl.Series:
    return seconds.to_frame("second").select(_midnight(pl.col("second"))).to_series()


def _midnight(seconds: pl.Expr) -> pl.Expr:
    return pl.when(seconds >= LAST_SECOND).then(DAY).otherwise(seconds)


def values(source: Frepple, names: Sequence[str], when: pl.DataFrame) -> pl.DataFrame:
    """The value of each named calendar in each slot.

    Parameters
    ----------
    names : calendars; those missing from the export are left out.
    when : slots, from `slots`.

    Returns
    -------
    frame of calendar, starts_at, value.
    """
    known = (
        _meaningful(source).filter(pl.col("name").is_in(list(names))).select(calendar="name", default="defaultvalue")
    )
    held = _in_force(source, known["calendar"], when).group_by("calendar", "starts_at", maintain_order=True).first()
    return (
        known.join(when.select("starts_at"), how="cross")
        .join(held.select("calendar", "starts_at", "value"), on=["calendar", "starts_at"], how="left")
        .select("calendar", "starts_at", pl.coalesce("value", "default").alias("value"))
    )


def _meaningful(source: Frepple) -> pl.DataFrame:
    """Calendars with information, without those of value zero and no bucket, whose buckets were not exported."""
    bucketed = source["calendarbucket"]["calendar"].unique()
    return source["calendar"].filter((pl.col("defaultvalue") != 0) | pl.col("name").is_in(bucketed.implode()))


def _in_force(source: Frepple, calendars: pl.Series, when: pl.DataFrame) -> pl.DataFrame:
    """Every bucket in every slot in which it is valid, the one with precedence first."""
    first, after = when["starts_at"].min(), when["starts_at"].max()
    start, end = pl.col("startdate"), pl.col("enddate")
    buckets = source["calendarbucket"].filter(
        pl.col("calendar").is_in(calendars.implode()),
        start.is_null() | (start <= after),
        end.is_null() | (end > first),
    )
    opens, closes = pl.col("starttime"), _midnight(pl.col("endtime"))
    clock = pl.col("second")
    overnight = opens > closes
    in_window = (
        pl.when(overnight).then((clock >= opens) | (clock < closes)).otherwise((clock >= opens) & (clock < closes))
    )
    at = pl.col("starts_at")
    return (
        buckets.join(when, how="cross")
        .filter(start.is_null() | (start <= at), end.is_null() | (at < end), in_window, _on_weekday())
        .sort("calendar", "starts_at", "priority", pl.col("startdate"), descending=[False, False, False, True])
    )


def _on_weekday() -> pl.Expr:
    """Whether a bucket applies to the weekday: by the seven columns, else the bit pattern `days` (bit 0 is Sunday)."""
    weekday = pl.col("date").dt.weekday()
    bit = pl.col("days").fill_null(127).cast(pl.Int64) // pl.lit(2).pow(weekday % 7) % 2 == 1
    return pl.coalesce(
        *(pl.when(weekday == number).then(pl.col(name)) for number, name in enumerate(WEEKDAYS, start=1)), bit
    )


def open_share(source: Frepple, when: pl.DataFrame) -> pl.DataFrame:
    """The share of time that each location works, since frePPLe counts durations in working time.

    Share = hours in which the location's `available` calendar is not zero / all hours; 1 without a calendar. A location
    that never works has share 1.

    Returns
    -------
    frame of location, share.
    """
    places = source["location"].select(location="name", calendar="available")
    valued = values(source, places["calendar"].unique().to_list(), when).join(when, on="starts_at")
    shares = valued.group_by("calendar").agg(
        share=(pl.col("hours") * (pl.col("value") != 0)).sum() / pl.col("hours").sum()
    )
    return places.join(shares, on="calendar", how="left").select(
        "location", pl.col("share").replace(0.0, 1.0).fill_null(1.0)
    )


def resource_hours(source: Frepple, resources: Sequence[str], when: pl.DataFrame) -> pl.DataFrame:
    """Hours that each resource offers on each day, before any event.

    Hours = Σ over the day of slot hours × size × open × efficiency / 100, where size is the maximum (or its calendar),
    and open is 1 if the working hours of both the resource and its location are nonzero. For a resource with quantity
    buckets, the amount of a bucket is spread evenly over the bucket's days.

    Returns
    -------
    frame of resource, date, hours (zeros left out).
    """
    own = source["resource"].filter(pl.col("name").is_in(list(resources))).rename({"name": "resource"})
    places = source["location"].select(location="name", place_available="available")
    rows = own.join(places, on="location", how="left").with_columns(pl.col("place_available").fill_null(""))
    grid = rows.join(when, how="cross")
    columns = ("maximumcalendar", "available", "place_available", "efficiencycalendar")
    names = sorted({name for column in columns for name in rows[column].to_list() if name})
    valued = values(source, names, when)
    for column in columns:
        looked_up = valued.rename({"calendar": column, "value": f"{column}_value"})
        grid = grid.join(looked_up, on=[column, "starts_at"], how="left")
    is_open = (pl.col("available_value").fill_null(1.0) != 0) & (pl.col("place_available_value").fill_null(1.0) != 0)
    size = pl.coalesce("maximumcalendar_value", "maximum").clip(0.0)
    efficiency = pl.coalesce("efficiencycalendar_value", "efficiency") / 100
    hours = (pl.col("hours") * size * is_open * efficiency).sum()
    timed = grid.filter(~is_quantity_bucket()).group_by("resource", "date").agg(hours=hours)
    counted = _bucket_amounts(source, rows.filter(is_quantity_bucket()), when)
    return pl.concat([timed, counted]).filter(pl.col("hours") > 0).sort("resource", "date")


def unknown_calendars(source: Frepple) -> tuple[str, ...]:
    """The sentence on resources whose calendar was not exported: always open, at their plain maximum."""
    known = ["", *_meaningful(source)["name"]]
    asked = {
        "location": ("available",),
        "supplier": ("available",),
        "resource": ("available", "maximumcalendar", "efficiencycalendar"),
    }
    return tuple(
        sentence
        for table, columns in asked.items()
        for sentence in tell(
            "unknown calendars",
            source[table].filter(~pl.all_horizontal(pl.col(*columns).is_in(known))),
            source[table].height,
            things=f"{table}s",
        )
    )


def is_quantity_bucket() -> pl.Expr:
    """Whether a resource's capacity is an amount per bucket of its calendar instead of hours."""
    return pl.col("type").str.to_lowercase() == "buckets"


def _bucket_amounts(source: Frepple, resources: pl.DataFrame, when: pl.DataFrame) -> pl.DataFrame:
    days = when.select("date").unique()
    buckets = source["calendarbucket"].rename({"calendar": "maximumcalendar"})
    length = ((pl.col("enddate") - pl.col("startdate")).dt.total_seconds() / DAY).ceil().clip(1)
    return (
        resources.select("resource", "maximumcalendar")
        .join(buckets, on="maximumcalendar")
        .join(days, how="cross")
        .filter(pl.col("date") >= pl.col("startdate").dt.date(), pl.col("date") < pl.col("enddate"))
        .sort("resource", "date", "priority")
        .group_by("resource", "date", maintain_order=True)
        .agg(hours=(pl.col("value") / length).first())
    )


def midnight(day: date) -> datetime:
    """The start of a day, to compare with frePPLe's times."""
    return datetime.combine(day, time())


ALWAYS_FROM = date(1971, 1, 1)
ALWAYS_TO = date(2030, 12, 30)
"""frePPLe's own first and last date, which mean "always"."""


EVER, NEVER = date(1, 1, 1), date(9999, 12, 31)


def lead_days(hours: pl.Expr, share: pl.Expr | float = 1.0) -> pl.Expr:
    """Whole calendar days of a duration in working hours: hours / 24 / share of time worked, rounded, at least one.

    A duration of zero takes no day.
    """
    days = (hours / 24 / share).round(0).clip(1.0)
    return pl.when(hours > 0).then(days).otherwise(0.0)


def is_rounded(hours: pl.Expr, share: pl.Expr | float = 1.0) -> pl.Expr:
    """Whether `lead_days` changes the duration by more than a minute."""
    return ((hours / 24 / share - lead_days(hours, share)) * 1440).abs() > 1


def validity(start: str = "effectivestart", end: str = "effectiveend") -> list[pl.Expr]:
    """valid_from and valid_to, blank for frePPLe's "always".

    frePPLe's end is exclusive. A day belongs to the terms valid at its start, so that terms that change within a day
    neither overlap nor leave a gap.
    """
    first = (pl.col(start) + pl.duration(days=1) - pl.duration(microseconds=1)).dt.date()
    last = (pl.col(end) - pl.duration(microseconds=1)).dt.date()
    return [
        pl.when(first > ALWAYS_FROM).then(first).alias("valid_from"),
        pl.when(last < ALWAYS_TO).then(last).alias("valid_to"),
    ]


def effective(as_of: date, start: str = "effectivestart", end: str = "effectiveend") -> pl.Expr:
    """Whether a row is valid on the as-of date."""
    return (pl.col(start).is_null() | (pl.col(start).dt.date() <= as_of)) & (
        pl.col(end).is_null() | (pl.col(end).dt.date() > as_of)
    )


def lots() -> list[pl.Expr]:
    """minimum and multiple of an order, blank for frePPLe's default of one unit."""
    return [
        pl.when(pl.col("sizeminimum") > 1).then(pl.col("sizeminimum")).alias("minimum"),
        pl.when((pl.col("sizemultiple") > 0) & (pl.col("sizemultiple") != 1)).then("sizemultiple").alias("multiple"),
    ]


def disjoint(table: pl.DataFrame, key: str, by: list[str]) -> pl.DataFrame:
    """Rows of one key cut so that at most one is valid on any day: the first by `by`.

    Parameters
    ----------
    table : with key, valid_from and valid_to; blank means always.
    by : columns of preference, smallest first; ties go to the earlier row.
    """
    first, last = pl.col("valid_from").fill_null(EVER), pl.col("valid_to").fill_null(NEVER)
    rows = table.sort(*by, nulls_last=True, maintain_order=True).with_row_index("_row")
    rows = rows.with_columns(_from=first, _to=last).filter(pl.col("_from") <= pl.col("_to"))
    after = rows.filter(pl.col("_to") < NEVER).select(key, _cut=pl.col("_to") + pl.duration(days=1))
    cuts = pl.concat([rows.select(key, _cut="_from"), after]).unique().sort(key, "_cut")
    parts = cuts.with_columns(_end=(pl.col("_cut").shift(-1).over(key) - pl.duration(days=1)).fill_null(NEVER))
    held = parts.join(rows, on=key).filter(pl.col("_from") <= pl.col("_cut"), pl.col("_to") >= pl.col("_end"))
    held = held.sort(key, "_cut", "_row").unique([key, "_cut"], keep="first", maintain_order=True)
    before = pl.col("_end").shift(1).over(key) + pl.duration(days=1)
    goes_on = (pl.col("_row") == pl.col("_row").shift(1).over(key)) & (pl.col("_cut") == before)
    held = held.with_columns(_run=(~goes_on.fill_null(False)).cum_sum())
    spans = held.group_by("_run", maintain_order=True).agg(
        pl.col("_row").first(), pl.col("_cut").min(), pl.col("_end").max()
    )
    valid_from, valid_to = pl.col("_cut"), pl.col("_end")
    return spans.join(rows, on="_row", maintain_order="left").select(
        pl.when(valid_from > EVER).then(valid_from).alias("valid_from") if name == "valid_from"
        else pl.when(valid_to < NEVER).then(valid_to).alias("valid_to") if name == "valid_to"
        else pl.col(name)
        for name in table.columns
    )  # fmt: skip


DEEPEST = 30
"""Number of levels beyond which a hierarchy must have a cycle."""


def members(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """Every group with everything below it; each name also belongs to itself.

    Parameters
    ----------
    table : with name and owner.
    what : the table's name, for the error.

    Returns
    -------
    frame of group, member.

    Raises
    ------
    DataError : the hierarchy has a cycle.
    """
    parents = table.filter(pl.col("owner") != "").select(group="name", above="owner")
    level = table.select(group="name", member="name")
    found = [level]
    for _ in range(DEEPEST):
        level = level.join(parents, on="group").select(group="above", member="member")
        if level.is_empty():
            return pl.concat(found).unique(maintain_order=True)
        found.append(level)
    circle = ", ".join(level["member"].unique().sort().head(5))
    raise DataError(f"{what}.csv: the owners of {circle} go round in a circle. Correct the column owner.")


def groups(table: pl.DataFrame) -> pl.Series:
    """Names that own others."""
    return table.filter(pl.col("owner") != "")["owner"].unique()


def leaves(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """As `members`, but only members that own nothing."""
    return members(table, what).filter(~pl.col("member").is_in(groups(table).implode()))
