"""Demand as it was forecast, ordered and sold, and how good the forecast was at every time it was published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from soe_lib.extract.folders import dates
from soe_lib.extract.precedence import labelled
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.model import risk
from soe_lib.model.demand import unforeseen
from soe_lib.model.network import Network
from soe_lib.review.frames.time import buckets
from soe_lib.review.kpis import BIAS, OFF, WMAPE

KEYS = ["item", "location", "customer", "week"]


def demand_lines(snapshot: Snapshot) -> pl.DataFrame:
    """Forecast as published and open orders, by item, place, customer and week to come.

    Overdue orders count in the first week. Returns are left out, as in the plan.

    Returns
    -------
    item, family, location, customer, week [bucket], order [place], forecast, orders, unforeseen [units: of the orders,
    what consumes no forecast, its customer's or that for anybody], price [money/unit].
    """
    places = buckets(snapshot.periods).select("period", "bucket", "order")
    items = snapshot["items"].select("item", "family", pl.col("price").alias("list_price"))
    day = pl.max_horizontal("due_on", pl.lit(snapshot.as_of)).alias("date")
    days = snapshot.calendar.days
    open_orders = unforeseen(Network(snapshot)).select(pl.col("order").cast(pl.String), "open")
    orders = (
        snapshot["orders"].filter(pl.col("quantity") > 0).with_columns(day).join(days, on="date", how="inner")
        .join(places, on="period", validate="m:1")
        .join(open_orders, on="order", how="left", validate="m:1")
        .group_by("item", "location", "customer", pl.col("bucket").alias("week"))
        .agg(orders=pl.col("quantity").sum(), unforeseen=pl.col("open").sum())
    )  # fmt: skip
    weeks = places.select("bucket", "order").unique("bucket").rename({"bucket": "week"})
    both = forecast_by_bucket(snapshot).join(orders, on=KEYS, how="full", coalesce=True, validate="1:1")
    return (
        both.with_columns(pl.col("forecast", "orders", "unforeseen").fill_null(0.0))
        .join(weeks, on="week", validate="m:1")
        .join(items, on="item", how="left", validate="m:1")
        .select(
            "item", pl.col("family").fill_null("").replace("", "No family"), "location", "customer", "week", "order",
            "forecast", "orders", "unforeseen", price=pl.col("list_price").fill_null(0.0),
        )
        .sort("item", "location", "customer", "order")
    )  # fmt: skip


def forecast_by_bucket(snapshot: Snapshot) -> pl.DataFrame:
    """The published forecast by the columns of the page's time axis: item, location, customer, week,
    forecast.
    """
    if (snapshot.periods["kind"] != "given").all():
        return published_forecast(snapshot)
    return _forecast_by(snapshot, buckets(snapshot.periods).select("period", week="bucket"))


def _forecast_by(snapshot: Snapshot, weeks: pl.DataFrame) -> pl.DataFrame:
    """The version that is planned with, by item, location, customer and week; weeks: period, week."""
    version = snapshot.settings.forecast.version
    rows = snapshot["forecast"].filter(pl.col("version") == version) if version else snapshot["forecast"]
    split = snapshot.calendar.split(labelled(snapshot.calendar, rows, "forecast"))
    joined = split.join(weeks, on="period", validate="m:1")
    return joined.group_by(KEYS).agg(forecast=pl.col("quantity").sum())


def demand_by_week(snapshot: Snapshot, past: Sequence[Snapshot] = (), *, weeks: int = 4) -> pl.DataFrame:
    """Forecast, orders and sales of each family by week: some finished weeks, then the weeks to come.

    A finished week shows what was sold, and the newest forecast published before it began or on its first
    day.

    Parameters
    ----------
    past : earlier extracts, for the forecast of finished weeks. weeks : finished weeks to show [weeks].

    Returns
    -------
    family, week, order [place], forecast [units, null where none is known], orders, actual [units, null in
    weeks to come].
    """
    coming = demand_lines(snapshot).group_by("family", "week", "order").agg(pl.col("forecast", "orders").sum())
    finished = finished_weeks(snapshot, past, weeks=weeks)
    columns = ["family", "week", "order", "forecast", "orders", "actual"]
    future = coming.with_columns(actual=pl.lit(None, dtype=pl.Float64)).select(columns)
    return pl.concat([finished.select(columns), future]).sort("family", "order")


def finished_weeks(snapshot: Snapshot, past: Sequence[Snapshot], *, weeks: int) -> pl.DataFrame:
    """Sales of the last finished weeks by family, with the forecast they began with; places count down
    from −1.
    """
    monday = snapshot.as_of - timedelta(days=snapshot.as_of.weekday())
    names = {(monday - timedelta(weeks=back)).strftime("%G-W%V"): -back for back in range(1, weeks + 1)}
    families = snapshot["items"].select("item", pl.col("family").replace("", "No family"))
    sold = sales_by_week(snapshot).filter(pl.col("week").is_in(list(names)))
    sold = sold.join(families, on="item", validate="m:1").group_by("family", "week").agg(pl.col("actual").sum())
    parts = [
        published_forecast(one)
        .filter(pl.col("week") == one.as_of.strftime("%G-W%V"))
        .join(families, on="item", validate="m:1")
        for one in past
        if one.as_of.weekday() == 0
    ]
    empty = pl.DataFrame(schema={"family": pl.String, "week": pl.String, "forecast": pl.Float64})
    known = pl.concat([empty, *(part.select("family", "week", "forecast") for part in parts)])
    forecast = known.group_by("family", "week").agg(pl.col("forecast").sum())
    order = pl.col("week").replace_strict(names, default=None, return_dtype=pl.Int64).alias("order")
    return sold.join(forecast, on=["family", "week"], how="left", validate="1:1").with_columns(
        order, orders=pl.lit(0.0)
    )


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
    return _forecast_by(snapshot, snapshot.periods.select("period", "week")).sort(KEYS)


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


WEEK = r"^\d{4}-W\d{2}$"
LAGS = 5
COLUMNS = {"week": pl.String, "lag": pl.Int64, "forecast": pl.Float64, "actual": pl.Float64}
ITEM = ("item",)
CELL = ("item", "location", "segment")
"""The level that is planned: item, place and class of customers."""


def forecast_versions(snapshot: Snapshot, past: Sequence[Snapshot] = (), by: Sequence[str] = ITEM) -> pl.DataFrame:
    """What was forecast of each finished week at every time it was published: one source for all figures of accuracy.

    A version called by an ISO week ("2026-W42") was published in that week; where this extract names none for a week
    and a lag, the extract of so many weeks before says what was published then. The lag counts weeks from the Monday of
    publication to the Monday of the week of demand: 0 is the forecast of the week itself. Only whole ISO weeks before
    the as-of week with sales count. In an earlier extract a missing forecast is a forecast of zero: an error of the
    whole sale; so it is in a named version by cell. What was asked for is measure "demand" of the actuals where they
    have it of an item and week, else "sales".

    Parameters
    ----------
    past : earlier extracts.
    by : ("item",), or ("item", "location", "segment"), where a customer without a segment is a class of its own, and
        one whose class the forecast of the item and place never names counts with the forecast of anybody (segment "").

    Returns
    -------
    *by, week, lag [weeks], forecast, actual [units].
    """
    cells = _cells(snapshot, past, by)
    sold = sold_so_far(snapshot, past, by, cells)
    named = _named(snapshot, sold, by)
    published = [_published(one, sold, by) for one in past]
    order = ["week", *by, "lag"]
    if not published:
        return named.sort(order)
    others = pl.concat(published).filter(pl.col("week") < snapshot.as_of.strftime("%G-W%V"))
    return pl.concat([named, others.join(named, on=["week", "lag"], how="anti")]).sort(order)


def sold_so_far(
    snapshot: Snapshot, past: Sequence[Snapshot] = (), by: Sequence[str] = ITEM, cells: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What was asked for in each finished week: *by, week, actual [units]; the newest extract that tells a week counts.

    Parameters
    ----------
    past, by : as in `forecast_versions`. cells : what the forecast names, by class; None for every class.
    """
    weekly = _told(snapshot, past)
    if "segment" not in by or cells is None:
        return weekly.group_by(*by, "week").agg(actual=pl.col("actual").sum())
    place = ["item", "location"]
    classed = _classed(weekly, snapshot)
    own = classed.join(cells, on=[*place, "segment"], how="semi")
    rest = classed.join(cells, on=[*place, "segment"], how="anti")
    anybody = cells.filter(pl.col("segment") == "")
    shared = rest.join(anybody, on=place, how="semi").with_columns(segment=pl.lit(""))
    rows = pl.concat([own, shared, rest.join(anybody, on=place, how="anti")])
    return rows.sort(rows.columns).group_by(*by, "week", maintain_order=True).agg(actual=pl.col("actual").sum())


def _told(snapshot: Snapshot, past: Sequence[Snapshot]) -> pl.DataFrame:
    """What was asked for by item, place, customer, week, measure; each week from the newest extract that tells it."""
    told: list[pl.DataFrame] = []
    for extract in (snapshot, *reversed(past)):
        weekly = asked_by_week(extract).filter(pl.col("week") < extract.as_of.strftime("%G-W%V"))
        known = pl.concat([one.select("week") for one in told]).unique() if told else None
        told.append(weekly if known is None else weekly.join(known, on="week", how="anti"))
    return pl.concat(told)


def _classed(rows: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Rows with the class of their customer; one without a segment is a class of its own, nobody is blank."""
    classes = snapshot["customers"].select("customer", "segment").unique("customer", keep="first")
    own = pl.when(pl.col("segment").fill_null("") != "").then("segment").otherwise("customer")
    return rows.join(classes, on="customer", how="left").with_columns(own.fill_null("").alias("segment"))


def _cells(snapshot: Snapshot, past: Sequence[Snapshot], by: Sequence[str]) -> pl.DataFrame | None:
    """Item, place and class of every forecast; None where nobody asks by class."""
    if "segment" not in by:
        return None
    rows = pl.concat([one["forecast"].select("item", "location", "customer").unique() for one in (snapshot, *past)])
    return _classed(rows.unique(), snapshot).select(CELL).unique()


def _named(snapshot: Snapshot, sold: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The versions that this extract names by the week of their publication."""
    finished = snapshot["forecast"].filter(
        pl.col("version").str.contains(WEEK),
        pl.col("period").fill_null("").str.contains(WEEK),
        pl.col("period") < snapshot.as_of.strftime("%G-W%V"),
    )
    weeks = _lag(_monday("period"), _monday("version"))
    dated = finished.with_columns(lag=weeks).filter(pl.col("lag") >= 0)
    dated = _classed(dated, snapshot) if "segment" in by else dated
    summed = dated.group_by(*by, pl.col("period").alias("week"), "lag").agg(forecast=pl.col("quantity").sum())
    both = summed.join(sold.select("week").unique(), on="week", how="semi")
    if len(by) > 1:  # by item a version speaks of what it names
        none = sold.join(both.select("week", "lag").unique(), on="week").join(both, on=[*by, "week", "lag"], how="anti")
        both = pl.concat([both, none.select(*by, "week", "lag", forecast=pl.lit(0.0))])
    return _shaped(both.join(sold, on=[*by, "week"], how="left", validate="m:1"), by)


def _published(extract: Snapshot, sold: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """What one earlier extract forecast of the weeks that have been sold since."""
    made = pl.lit(extract.as_of - timedelta(days=extract.as_of.weekday()))
    told = published_forecast(extract)
    told = _classed(told, extract) if "segment" in by else told
    forecast = told.group_by(*by, "week").agg(pl.col("forecast").sum())
    weeks = forecast.join(sold, on="week", how="semi").select("week").unique()
    actual = sold.join(weeks, on="week", how="semi")
    both = forecast.join(weeks, on="week", how="semi").join(
        actual, on=[*by, "week"], how="full", coalesce=True, validate="1:1"
    )
    return _shaped(both.with_columns(lag=_lag(_monday("week"), made)).filter(pl.col("lag") >= 0), by)


def _shaped(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    kinds = dict.fromkeys(by, pl.String) | COLUMNS
    return rows.with_columns(pl.col("forecast", "actual").fill_null(0.0)).select(list(kinds)).cast(kinds)  # type: ignore[arg-type]


def protection_lags(snapshot: Snapshot) -> pl.DataFrame:
    """How many weeks before its last week a decision must be made, by item and place; the cushion protects as long.

    Formula: days = the shortest way in (made, bought or shipped there) from where a cushion is held + the days to the
    next decision (`[cushion] review_days`); lag = ⌈days ÷ 7⌉ − 1, the weeks from publication to the last week that the
    days reach. No way in: the days to the next decision alone.

    Returns
    -------
    item, location, days, lag [weeks].
    """
    network = Network(snapshot)
    told = [snapshot[table].select("item", "location") for table in ("forecast", "orders")]
    least = risk.from_stock(network).with_columns(pl.col("item", "location").cast(pl.String))
    known = pl.concat(told).unique().join(least, on=["item", "location"], how="left")
    days = known.with_columns(days=pl.col("days").fill_null(0.0) + float(snapshot.settings.cushion.review_days))
    return days.with_columns(lag=(pl.col("days") / 7).ceil().cast(pl.Int64) - 1).sort("item", "location")


def accuracy_by_cell(snapshot: Snapshot, past: Sequence[Snapshot] = ()) -> pl.DataFrame:
    """How good the forecast was where it is planned with: by item, place and class of customers, worst first.

    Formula: of each finished week the forecast published at the protection lag, where that was kept, else at the next
    greater lag, else at the greatest; WMAPE = Σ|A − F| ÷ ΣA, bias = Σ(A − F) ÷ ΣA, null where nothing was asked for.
    Money at stake = units missing from the forecast × margin (price − standard cost) + units too many × standard cost;
    without a margin at standard cost, without a cost 0.

    Parameters
    ----------
    past : earlier extracts.

    Returns
    -------
    item, family, location, segment, lag, weeks, actual, forecast [units], wmape, bias [ratios], money, measure
    (what it is held against: demand, sales, both).
    """
    known = forecast_versions(snapshot, past, CELL)
    place = ["item", "location"]
    lags = known.select("week", "lag").unique().sort("week", "lag")
    wished = known.select(*CELL, "week").unique().join(protection_lags(snapshot), on=place, how="left")
    wished = wished.with_columns(want=pl.col("lag").fill_null(0)).drop("lag", "days").sort("week", "want")
    kept = wished.join_asof(
        lags.sort("lag"), left_on="want", right_on="lag", by="week", strategy="forward", check_sortedness=False
    )
    greatest = lags.group_by("week").agg(greatest=pl.col("lag").max())
    kept = kept.join(greatest, on="week").select(*CELL, "week", lag=pl.coalesce("lag", "greatest"))
    rows = known.join(kept, on=[*CELL, "week", "lag"]).join(_stakes(snapshot), on="item", how="left")
    money = OFF.clip(0.0) * pl.col("margin") + (-OFF).clip(0.0) * pl.col("cost")
    summed = rows.sort(*CELL, "week").group_by(CELL, maintain_order=True).agg(
        lag=pl.col("lag").max(), weeks=pl.col("week").n_unique().cast(pl.Int64), actual=pl.col("actual").sum(),
        forecast=pl.col("forecast").sum(), wmape=WMAPE, bias=BIAS, money=money.fill_null(0.0).sum(),
    )  # fmt: skip
    named = summed.join(_measures(snapshot, past), on="item", how="left")
    named = named.join(snapshot["items"].select("item", "family"), on="item", how="left", validate="m:1")
    return named.select(
        "item", "family", "location", "segment", "lag", "weeks", "actual", "forecast", "wmape", "bias",
        "money", measure=pl.col("measure").fill_null("sales"),
    ).sort([-pl.col("money"), *CELL])  # fmt: skip


def _stakes(snapshot: Snapshot) -> pl.DataFrame:
    """What a unit too few and a unit too many put at stake: item, margin, cost [money/unit]."""
    cost = pl.col("standard_cost").fill_null(0.0).clip(0.0)
    margin = pl.col("price") - cost
    items = snapshot["items"].with_columns(cost=cost, margin=pl.when(margin > 0).then(margin).otherwise(cost))
    return items.select("item", "margin", "cost")


def _measures(snapshot: Snapshot, past: Sequence[Snapshot]) -> pl.DataFrame:
    """Which measure says what was asked for of each item: item, measure (demand, sales, both)."""
    names = _told(snapshot, past).group_by("item").agg(pl.col("measure").unique().sort())
    one = pl.when(pl.col("measure").list.len() > 1).then(pl.lit("both")).otherwise(pl.col("measure").list.first())
    return names.select("item", one.alias("measure"))


def forecast_errors(
    snapshot: Snapshot, past: Sequence[Snapshot] = (), *, lag: int = 1, versions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Sales and the forecast published `lag` weeks before, for every finished week that both are known of.

    Parameters
    ----------
    past : earlier extracts. lag : weeks between publication and demand [weeks].
    versions : from `forecast_versions`, where they are known already.

    Returns
    -------
    item, family, week, actual, forecast [units].
    """
    known = forecast_versions(snapshot, past) if versions is None else versions
    items = snapshot["items"].select("item", "family")
    at = known.filter(pl.col("lag") == lag).join(items, on="item", how="left", validate="m:1")
    return at.select("item", "family", "week", "actual", "forecast").sort("item", "week")


def errors_by_lag(versions: pl.DataFrame) -> pl.DataFrame:
    """How good the forecast was so many weeks ahead: lag, weeks, actual, forecast [units], wmape, bias [ratios].

    Formula: WMAPE = Σ|A − F| ÷ ΣA, bias = Σ(A − F) ÷ ΣA, by item and week; null without sales.

    Parameters
    ----------
    versions : from `forecast_versions`.
    """
    summed = versions.group_by("lag").agg(
        weeks=pl.col("week").n_unique(), actual=pl.col("actual").sum(), forecast=pl.col("forecast").sum(),
        wmape=WMAPE, bias=BIAS,
    )  # fmt: skip
    return summed.sort("lag")


def waterfall(versions: pl.DataFrame, *, lags: int = LAGS) -> pl.DataFrame:
    """Each finished week with what was forecast for it from far to near, and what was sold [units].

    Parameters
    ----------
    versions : from `forecast_versions`. lags : how many of the nearest lags to show.

    Returns
    -------
    week, a column per lag called "3 weeks before", "same week", …, sold; null where no version was published.
    """
    shown = sorted(set(versions["lag"]), reverse=True)[-lags:]
    by_lag = [
        pl.when((pl.col("lag") == lag).any()).then(pl.col("forecast").filter(pl.col("lag") == lag).sum())
        .alias(name_of(lag))
        for lag in shown
    ]  # fmt: skip
    sold = versions.unique(["item", "week"]).group_by("week").agg(sold=pl.col("actual").sum())
    wide = versions.group_by("week").agg(by_lag)
    return wide.join(sold, on="week", validate="1:1").sort("week")


def name_of(lag: int) -> str:
    """A lag as a heading."""
    return "same week" if lag == 0 else f"{lag} week{'' if lag == 1 else 's'} before"


def _monday(column: str) -> pl.Expr:
    return pl.concat_str(pl.col(column), pl.lit("-1")).str.to_date("%G-W%V-%u")


def _lag(week: pl.Expr, published: pl.Expr) -> pl.Expr:
    """Weeks from one Monday to another."""
    return (week - published).dt.total_days() // 7
