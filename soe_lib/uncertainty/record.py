"""The forecast record: published forecasts and demand of each finished week, and the accumulated error."""

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
"""Measures of demand."""
LOOK_BACK = timedelta(weeks=13)
"""How far back earlier extracts are read where this one has no versions: as far as a pack's archive keeps them."""


def record(
    forecast: pl.DataFrame, actuals: pl.DataFrame, as_of: date, *, told: Sequence[tuple[date, date]] = ()
) -> pl.DataFrame:
    """The forecasts of each finished week by lag, and the demand of that week.

    A version named by an ISO week was published on its Monday. The lag is the number of weeks from there to the Monday
    of the demand week; lag 0 is the forecast of the week itself. Demand is measure "demand" of an item from where the
    actuals have it, else "sales" (which hides unserved demand). A version by days forecasts only weeks of which it has
    as many days as of any other week. A week is finished when it ended before the as-of date, has sales, and the
    actuals cover it, see `whole`. A missing forecast is zero where others of its week and lag exist, from the first
    week in which the item has a forecast or demand at the place.

    Parameters
    ----------
    forecast, actuals : tables of the contract. told : first and last days that the actuals cover, where they have gaps.

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
    """The record of a snapshot: from its own forecast versions, else from the company's earlier extracts.

    The forecast that an earlier extract planned with counts as published in the week of its as-of date. Its actuals
    give the demand from before the actuals of this extract begin. Unreadable extracts are left out.

    Parameters
    ----------
    snapshot : read from a folder of the company; otherwise only its own versions count.

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
    # An item whose unit has changed has no record yet.
    units = pl.concat([units for _, _, units in earlier]).join(snapshot["items"], on="item", suffix="_now")
    known = ~pl.col("item").is_in(units.filter(pl.col("unit") != pl.col("unit_now"))["item"].implode())
    # For a day that several extracts cover, the latest one counts.
    begins, told, parts = snapshot.as_of, [], []
    for rows in (actuals, *(rows for _, rows, _ in earlier)):
        part = rows.select(ACTUAL).filter(pl.col("measure").is_in(ASKED), pl.col("date") < begins)
        parts.append(part)
        if part.height:
            told.append(part.select(pl.col("date").min(), pl.col("date").max().alias("last")).row(0))
            begins = told[-1][0]
    return record(pl.concat(versions).filter(known), pl.concat(parts).filter(known), snapshot.as_of, told=told)


def _written(company: Path, day: date) -> tuple[tuple[str, int, int], ...]:
    """The files of an extract, so that a corrected extract is read again."""
    files = [*company.glob("*.toml"), *(company / day.isoformat()).iterdir()]
    return tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in sorted(files) if one.is_file())


@lru_cache(maxsize=64)
def _published(
    company_folder: str, day: date, company: str, written: tuple[tuple[str, int, int], ...]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """One earlier extract: its forecast by ISO week as a version of its week, its actuals, and its items' units.

    Its forecast of the current week covers only the days left, so that week counts only if the extract is of a Monday.
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
    """The finished weeks with sales whose usual days are all covered by the actuals: week [its Monday].

    A weekday is usual where more than half of all weeks have sales on it. A week that begins before the actuals, or
    ends after them, contains less than its demand.

    Parameters
    ----------
    actuals : of the contract. told : first and last days that they cover; default: from their first day to their last.
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
    covered = each.join(spans, how="cross").filter(pl.col("date").is_between("first", "last"))
    missing = each.join(covered, on=["week", "day"], how="anti")
    return weeks.join(missing, on="week", how="anti").sort("week")


def _by_week(versions: pl.DataFrame) -> pl.DataFrame:
    """Forecasts by ISO week and by day, each with the Monday of its week; where both exist, the weekly one counts."""
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
    """Customer demand of each finished week: item, location, week [its Monday], actual [units].

    Measure "demand" of an item from the first week in which the actuals have it, sales before; in that first week the
    larger of the two. Returns that exceed the sales of a week leave a demand of zero, not below.
    """
    past = actuals.filter(pl.col("measure").is_in(ASKED), pl.col("date") < as_of)
    past = past.with_columns(pl.col("date").dt.truncate("1w").alias("week"))
    demand, quantity = pl.col("measure") == "demand", pl.col("quantity")
    began = past.filter(demand).group_by("item").agg(began=pl.col("week").min())
    summed = (
        past.sort(*NODE, "date", "quantity")
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
    """The accumulated error of each published forecast, by weeks since publication.

    Formula: error(k) = Σ (actual − forecast) over the first k weeks from publication. Where a week has no forecast of a
    lag, the next greater lag replaces it, else the greatest lag.

    Parameters
    ----------
    known : from `record`. weeks : the largest k; finished weeks only.

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
    """The same errors at every node that supplies the demand (components, depots), in the node's own units.

    Formula: error of a node = Σ over the demands that it serves of error × units of the node per unit of demand.

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
