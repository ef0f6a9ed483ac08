"""The record of the forecast: what was published for each finished week, what was asked for, and the error in sum."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.calendar import DAY, WEEK
from soe_lib.extract.folders import dates
from soe_lib.extract.precedence import labelled
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from soe_lib.extract.snapshot import Snapshot

NODE = ("item", "location")
ACTUAL = ["date", "measure", "item", "location", "customer", "quantity"]
ASKED = ("demand", "sales")
"""Measures of what was asked for."""
LOOK_BACK = timedelta(weeks=13)
"""How far back earlier extracts are read where this one names no versions: as far as a pack's archive keeps them."""


def record(
    forecast: pl.DataFrame, actuals: pl.DataFrame, as_of: date, *, told: Sequence[tuple[date, date]] = ()
) -> pl.DataFrame:
    """What was forecast of each finished week at each time it was published, and what was then asked for.

    A version that is named by an ISO week was published on its Monday. The lag counts weeks from there to the Monday of
    the week of demand; 0 is the forecast of the week itself. What was asked for is measure "demand" of an item from
    where the actuals have it, else "sales" (which hides what was not served). A version by days foresees a week of
    which it names as many days as of any other. A week is finished when it ended before the
    as-of date, has any sales and is told whole, see `whole`. A forecast that is missing where others of its week and
    lag are there is one of zero, from the first week on in which the item is forecast or asked for at the place.

    Parameters
    ----------
    forecast, actuals : tables of the contract. told : first and last days that the actuals know, where they have gaps.

    Returns
    -------
    item, location, week [its Monday], lag [weeks], forecast, actual [units].
    """
    asked = wanted(actuals, as_of)
    named = (
        _by_week(forecast.filter(pl.col("version").str.contains(WEEK)))
        .with_columns(published=_monday("version"))
        .with_columns(lag=(pl.col("week") - pl.col("published")).dt.total_days() // 7)
        .filter(pl.col("lag") >= 0)
        .sort(*NODE, "week", "lag", "quantity")
        .group_by(*NODE, "week", "lag", maintain_order=True)
        .agg(forecast=pl.col("quantity").sum())
    )
    weeks = named.select("week", "lag").unique().join(whole(actuals, as_of, told), on="week", how="semi")
    both = [named.join(weeks, on=["week", "lag"], how="semi"), asked.join(weeks, on="week", how="semi")]
    nodes = pl.concat([one.select(*NODE, "week") for one in both]).group_by(NODE).agg(since=pl.col("week").min())
    return (
        nodes.join(weeks, how="cross")
        .filter(pl.col("week") >= pl.col("since"))
        .drop("since")
        .join(named, on=[*NODE, "week", "lag"], how="left")
        .join(asked, on=[*NODE, "week"], how="left")
        .with_columns(pl.col("forecast", "actual").fill_null(0.0))
        .sort(*NODE, "week", "lag")
    )


def of(snapshot: Snapshot) -> pl.DataFrame:
    """The record of a snapshot: from the versions that it names, else from the company's earlier extracts.

    An earlier extract published the forecast that it planned with in the week of its as-of date. Its actuals tell what
    was asked for before those of this one begin. One that cannot be read is left out.

    Parameters
    ----------
    snapshot : read from a folder of the company; of frames, or of a folder that stands alone, only its own versions.

    Returns
    -------
    as `record`.
    """
    forecast, actuals = snapshot["forecast"], snapshot["actuals"]
    own = record(forecast, actuals, snapshot.as_of)
    if own.height or snapshot.folder.name != snapshot.as_of.isoformat():
        return own
    company = snapshot.folder.parent
    days = [day for day in dates(company) if timedelta(0) < snapshot.as_of - day <= LOOK_BACK]
    earlier = [_published(str(company), day, snapshot.company, _written(company, day)) for day in reversed(days)]
    versions = [made for made, _, _ in earlier if made.height]
    if not versions:
        return own
    # An item that was counted in other units has no record yet.
    units = pl.concat([told for _, _, told in earlier]).join(snapshot["items"], on="item", suffix="_now")
    known = ~pl.col("item").is_in(units.filter(pl.col("unit") != pl.col("unit_now"))["item"].implode())
    # What a later extract tells of a day goes before what an earlier one told of it.
    begins, told, parts = snapshot.as_of, [], []
    for rows in (actuals, *(rows for _, rows, _ in earlier)):
        part = rows.select(ACTUAL).filter(pl.col("measure").is_in(ASKED), pl.col("date") < begins)
        parts.append(part)
        if part.height:
            told.append(part.select(pl.col("date").min(), pl.col("date").max().alias("last")).row(0))
            begins = told[-1][0]
    return record(pl.concat(versions).filter(known), pl.concat(parts).filter(known), snapshot.as_of, told=told)


def _written(company: Path, day: date) -> tuple[tuple[str, int, int], ...]:
    """What an extract is made of, so that one that was mended is read again."""
    files = [*company.glob("*.toml"), *(company / day.isoformat()).iterdir()]
    return tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in sorted(files) if one.is_file())


@lru_cache(maxsize=64)
def _published(
    company_folder: str, day: date, company: str, written: tuple[tuple[str, int, int], ...]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The forecast of one earlier extract by ISO week, as a version of its week, its actuals, and its items' units.

    Of a week under way it foresees what is left, which says nothing of the whole week: only Mondays know their own.
    """
    del written
    unread = schema()["forecast"].empty(), schema()["actuals"].empty(), schema()["items"].empty().select("item", "unit")
    try:
        extract = read(company_folder, day)
    except DataError:
        return unread
    if extract.company != company:
        return unread
    version = extract.settings.forecast.version
    rows = extract["forecast"].filter(pl.col("version") == version) if version else extract["forecast"]
    split = extract.calendar.split(labelled(extract.calendar, rows, "forecast"))
    weeks = split.join(extract.periods.select("period", "week"), on="period").select(
        *NODE, pl.col("week").alias("period"), version=pl.lit(f"{day:%G-W%V}"), quantity="quantity"
    )
    weeks = weeks.filter(pl.lit(day.weekday() == 0) | (pl.col("period") != pl.col("version")))
    return weeks, extract["actuals"], extract["items"].select("item", "unit")


def whole(actuals: pl.DataFrame, as_of: date, told: Sequence[tuple[date, date]] = ()) -> pl.DataFrame:
    """The finished weeks with sales that are told from their first usual day to their last: week [its Monday].

    A day of the week is usual where more than half of all weeks have sales on it. A week that begins before the
    actuals do, or goes on after they end, holds less than was asked for.

    Parameters
    ----------
    actuals : of the contract. told : first and last days that they know; left out: from their first day to their last.
    """
    asked = actuals.filter(pl.col("measure").is_in(ASKED), pl.col("date") < as_of).select("date").unique()
    if asked.is_empty():
        return asked.select(week="date")
    week = pl.col("date").dt.truncate("1w").alias("week")
    weeks = asked.select(week).unique().filter(pl.col("week") + pl.duration(days=7) <= as_of)
    days = asked.group_by(pl.col("date").dt.weekday().alias("day")).agg(of=pl.len())
    usual = days.filter(pl.col("of") * 2 > asked.select(week).n_unique()).select("day")
    spans = pl.DataFrame(
        list(told) or [(asked["date"].min(), asked["date"].max())],
        schema={"first": pl.Date, "last": pl.Date},
        orient="row",
    )
    each = weeks.join(usual, how="cross").with_columns(date=pl.col("week") + pl.duration(days=pl.col("day") - 1))
    known = each.join(spans, how="cross").filter(pl.col("date").is_between("first", "last"))
    untold = each.join(known, on=["week", "day"], how="anti")
    return weeks.join(untold, on="week", how="anti").sort("week")


def _by_week(versions: pl.DataFrame) -> pl.DataFrame:
    """Forecasts by ISO week and by day, each with the Monday of its week; where both speak of a week, the week does."""
    rows = versions.with_columns(pl.col("period").fill_null(""))
    by_week = rows.filter(pl.col("period").str.contains(WEEK)).with_columns(week=_monday("period"))
    label = pl.when(pl.col("period").str.contains(DAY)).then(pl.col("period").str.to_date("%Y-%m-%d", strict=False))
    day = pl.coalesce("date", label) if "date" in rows.columns else label.otherwise(None)
    days = rows.with_columns(day=day).drop_nulls("day").with_columns(week=pl.col("day").dt.truncate("1w"))
    length = pl.col("day").n_unique().over("version", "week")
    whole = days.with_columns(length=length).filter(pl.col("length") == pl.col("length").max().over("version"))
    daily = whole.join(by_week, on=[*NODE, "version", "week"], how="anti")
    columns = [*NODE, "version", "week", "quantity"]
    return pl.concat([by_week.select(columns), daily.select(columns)])


def wanted(actuals: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What customers asked for in each finished week: item, location, week [its Monday], actual [units].

    Measure "demand" of an item from the week on in which the actuals begin to know it, in that week sales where they
    are more; sales before. Returns that exceed the sales of a week leave nothing asked for, not less.
    """
    told = actuals.filter(pl.col("measure").is_in(ASKED), pl.col("date") < as_of)
    told = told.with_columns(pl.col("date").dt.truncate("1w").alias("week"))
    demand, quantity = pl.col("measure") == "demand", pl.col("quantity")
    began = told.filter(demand).group_by("item").agg(began=pl.col("week").min())
    summed = (
        told.sort(*NODE, "date", "quantity")
        .group_by(*NODE, "week", maintain_order=True)
        .agg(asked=quantity.filter(demand).sum(), sold=quantity.filter(~demand).sum(), known=demand.any())
        .join(began, on="item", how="left", maintain_order="left")
        .filter(pl.col("known") | pl.col("began").is_null() | (pl.col("week") <= pl.col("began")))
    )
    later, first = pl.col("week") > pl.col("began"), pl.col("week") == pl.col("began")
    actual = pl.when(later).then("asked").when(first).then(pl.max_horizontal("asked", "sold")).otherwise("sold")
    summed = summed.select(*NODE, "week", actual=actual.clip(0.0))
    return summed.filter(pl.col("week") + pl.duration(days=7) <= as_of)


def accumulated(known: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """The error that a forecast had gathered so many weeks after it was published.

    Formula: error(k) = Σ (actual − forecast) over the first k weeks from publication. Where a week's forecast of a lag
    was not kept, that of the next greater lag stands in for it, else that of the greatest.

    Parameters
    ----------
    known : from `record`. weeks : how far to add up; no further than the finished weeks go.

    Returns
    -------
    item, location, published [Monday], ahead (k), error, forecast [units, in sum].
    """
    lags = known.select("week", "lag").unique().sort("week", "lag")
    wished = lags.select("week").unique().join(pl.DataFrame({"at": range(weeks)}), how="cross").sort("week", "at")
    wished = wished.with_columns(pl.col("at").cast(known.schema["lag"]))
    nearest = wished.join_asof(
        lags, left_on="at", right_on="lag", by="week", strategy="forward", check_sortedness=False
    )
    last = lags.group_by("week").agg(greatest=pl.col("lag").max())
    nearest = nearest.join(last, on="week").with_columns(lag=pl.coalesce("lag", "greatest"))
    published = (pl.col("week") - pl.duration(days=7) * pl.col("at")).alias("published")
    return (
        known.join(nearest.select("week", "at", "lag"), on=["week", "lag"])
        .with_columns(published)
        .sort(*NODE, "published", "at")
        .with_columns(
            ahead=pl.int_range(1, pl.len() + 1).over(*NODE, "published"),
            error=(pl.col("actual") - pl.col("forecast")).cum_sum().over(*NODE, "published"),
            forecast=pl.col("forecast").cum_sum().over(*NODE, "published"),
        )
        .filter(pl.col("ahead") == pl.col("at") + 1)
        .select(*NODE, "published", "ahead", "error", "forecast")
    )


def joined(errors: pl.DataFrame, usage: pl.DataFrame) -> pl.DataFrame:
    """The same errors at every place that feeds the demand: of each component and depot, in its own units.

    Formula: error of a node = Σ over the demands that it serves, error × units of it that one unit takes.

    Parameters
    ----------
    errors : from `accumulated`. usage : item, location, of_item, of_location, per_unit.
    """
    key: Sequence[str] = [*NODE, "published", "ahead"]
    served = errors.rename({"item": "of_item", "location": "of_location"})
    return (
        usage.join(served, on=["of_item", "of_location"])
        .sort(*key, "of_item", "of_location")
        .group_by(key, maintain_order=True)
        .agg((pl.col("error", "forecast") * pl.col("per_unit")).sum())
        .sort(key)
    )


def _monday(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column), pl.lit("-1")).str.to_date("%G-W%V-%u", strict=False)
