"""Delays of supply and the share of available hours that is lost, from deliveries, receipts and lost hours.

Few points are pooled with more: n own points have the weight n/(n + pool), the pooled group the rest. An offer is
pooled with its supplier, a lane with its mode, a routing with its place, these with their kind (buy, ship, make), and a
kind with being on time. A resource is pooled with all resources, and these with losing nothing. So without data there
is no delay and no loss, and a single point never decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.folders import dates
from soe_lib.extract.precedence import labelled
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import load
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.units import convert

POOL = 5.0
"""Number of points that the pooled group counts as: with five deliveries, an offer's own record weighs half."""
QUANTILES = (0.1, 0.5, 0.9, 0.95)
LOOK_BACK = 8  # number of earlier extracts to read where there are no deliveries
KINDS = {"buy": "offer", "ship": "lane", "make": "routing"}
DELAY = ["receipt", "kind", "offer", "supplier", "lane", "routing", "item", "location", "promised_on", "arrived_on",
         "days", "quantity"]  # fmt: skip


def delays(snapshot: Snapshot) -> pl.DataFrame:
    """The delay of each past delivery.

    Formula: days = arrived_on − promised_on, in calendar days; below 0 where it came early. Equal rows count once.
    Where the table `deliveries` is empty, the receipts of the company's last eight earlier extracts replace it. The
    promised day is the due_on of the first extract that has the receipt. A receipt that is missing from the next
    extract arrived on its last due_on, if that was before this extract; if it was overdue, on the last as-of date that
    still had it. An open receipt counts as arriving on its due_on, or today if it is overdue. Every receipt promised
    for a day before the as-of date counts, except one that vanished before it was due.

    Parameters
    ----------
    snapshot : the extract with its past; nothing of the as-of date or later is used.

    Returns
    -------
    receipt, kind, offer, supplier, lane, routing, item, location (texts, "" where not known), promised_on, arrived_on
    [dates], days [days], quantity [units].
    """
    deliveries = snapshot["deliveries"].filter(pl.col("arrived_on") < snapshot.as_of).unique()
    if deliveries.is_empty():
        deliveries = _from_receipts(snapshot)
    named = _named(deliveries.with_columns(pl.selectors.string().fill_null("")), snapshot)
    suppliers = snapshot["offers"].select("offer", "supplier").unique("offer", keep="first", maintain_order=True)
    full = named.join(suppliers, on="offer", how="left").with_columns(
        pl.col("supplier").fill_null(""),
        days=(pl.col("arrived_on") - pl.col("promised_on")).dt.total_days().cast(pl.Float64),
    )
    return full.filter(pl.col("days").is_not_null()).select(DELAY).sort(DELAY, nulls_last=False)


def lead_spread(snapshot: Snapshot, *, pool: float = POOL) -> pl.DataFrame:
    """The distribution of delay of every offer, lane and routing, to add to its lead time.

    Formula: every delivery counts once, whatever its quantity. The distribution is a mixture: own deliveries have the
    weight n/(n + pool), the distribution of the pooled group pool/(n + pool). Mean, standard deviation and quantiles
    (the least delay that at least this share does not exceed) are those of the mixture. A cushion covers L = lead time
    + mean_days; the variance of demand over it is L·σ_d² + d²·sd_days², with d the mean and σ_d the standard deviation
    of a day's demand. A delay announced in `events` concerns one receipt; these distributions concern future orders.

    Parameters
    ----------
    snapshot : its past, offers, lanes and routings. pool : points that the pooled group counts as, above 0.

    Returns
    -------
    kind, name, group (supplier, mode or place), n, n_group, n_kind [deliveries], mean_days, sd_days, q10, q50, q90, q95
    [days]; with n = n_group = n_kind = 0 supply is on time without spread.

    Source: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (2017), section 6.10.
    """
    sources, points = _sources(snapshot), _points(snapshot)
    own = mixtures(snapshot, pool=pool)
    counts = {
        "n": ["kind", "name"], "n_group": ["kind", "group"], "n_kind": ["kind"],
    }  # fmt: skip
    found = sources.join(_summed(own, ["kind", "name"]), on=["kind", "name"], how="left")
    for column, key in counts.items():
        found = found.join(points.group_by(key).agg(pl.len().cast(pl.Int64).alias(column)), on=key, how="left")
    found = found.with_columns(pl.when(pl.col("group") != "").then("n_group").alias("n_group"))
    numbers = ["mean_days", "sd_days", *(_title(at) for at in QUANTILES)]
    return found.select("kind", "name", "group", pl.col(*counts).fill_null(0), *numbers).sort("kind", "name")


def mixtures(snapshot: Snapshot, *, pool: float = POOL) -> pl.DataFrame:
    """The full distribution of delay of every offer, lane and routing: kind, name, group, days, share (adds up to 1).

    Parameters
    ----------
    snapshot : its past, offers, lanes and routings. pool : as in `lead_spread`.
    """
    sources, points = _sources(snapshot), _points(snapshot)
    kinds = pl.DataFrame({"kind": list(KINDS)}, schema={"kind": pl.String})
    groups = sources.filter(pl.col("group") != "").select("kind", "group").unique()
    on_time = kinds.with_columns(days=pl.lit(0.0), share=pl.lit(1.0))
    of_kind = _mixed(kinds, points, ["kind"], on_time, ["kind"], pool)
    of_group = _mixed(groups, points, ["kind", "group"], of_kind, ["kind"], pool)
    ungrouped = of_kind.join(sources.filter(pl.col("group") == "").select("kind", "group").unique(), on="kind")
    above = pl.concat([of_group, ungrouped.select(of_group.columns)])
    return _mixed(sources, points, ["kind", "name"], above, ["kind", "group"], pool)


def lost_hours(snapshot: Snapshot, *, pool: float = POOL) -> pl.DataFrame:
    """The share of a resource's available hours that was lost per week in the past.

    Formula: share = lost ÷ available, by ISO week that ended before the as-of date. Lost hours are the actuals "lost
    hours". Available hours are worked + lost, or the hours of `calendar` for that week where these are more. Where no
    worked hours are recorded, they are those of the calendar's usual week; without these the week is left out. A worked
    week without lost hours counts as 0 if the company records lost hours. Where only stops of a resource are recorded,
    every other week since the actuals begin counts as 0. Mean and mean square are own × n/(n + pool) + those of all
    resources × pool/(n + pool). Known stops are not counted twice: `lost hours` lie before the as-of date, `events`
    reduce the hours from it on, and the share applies to the hours that remain.

    Parameters
    ----------
    snapshot : its past. pool : weeks that all resources together count as, above 0.

    Returns
    -------
    resource, n [weeks], mean_share, sd_share [share of available hours], of every resource.
    """
    weeks = _weekly(snapshot)
    moments = [pl.col("share").mean().alias("mean"), (pl.col("share") ** 2).mean().alias("square")]
    every = weeks.sort("resource", "week").select(pl.len().alias("n"), *moments).row(0, named=True)
    lean = every["n"] / (every["n"] + pool)
    above = {name: (every[name] or 0.0) * lean for name in ("mean", "square")}
    own = (
        weeks.sort("resource", "week")
        .group_by("resource", maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("n"), *moments)
    )
    found = snapshot["resources"].select("resource").unique().join(own, on="resource", how="left")
    weight = (pl.col("n") / (pl.col("n") + pool)).alias("weight")
    found = found.with_columns(pl.col("n", "mean", "square").fill_null(0)).with_columns(weight)
    mixed = [(pl.col(one) * pl.col("weight") + above[one] * (1 - pl.col("weight"))).alias(one) for one in above]
    found = found.with_columns(mixed).with_columns(mean_share="mean", sd_share=_deviation("mean", "square"))
    return found.select("resource", "n", "mean_share", "sd_share").sort("resource")


def output_lost(snapshot: Snapshot, *, pool: float = POOL) -> pl.DataFrame:
    """The share of an item's weekly output at a place that is lost with the hours of its resources.

    Formula: a routing loses 1 − Π(1 − mean_share) over its steps, with variance Σ sd_share². Alternative resources of a
    step, and the routings of one item and place, are averaged. The variance of a week's lost output is (units made in
    the week)² × sd_share².

    Parameters
    ----------
    snapshot : its past and its routings. pool : as in `lost_hours`.

    Returns
    -------
    item, location, mean_share, sd_share, of everything made on resources.
    """
    share = lost_hours(snapshot, pool=pool).with_columns(variance=pl.col("sd_share") ** 2)
    steps = snapshot["operations"].sort("routing", "step", "resource").with_row_index("row")
    steps = steps.with_columns(step=pl.when(pl.col("step") == "").then(pl.col("row").cast(pl.String)).otherwise("step"))
    each = steps.join(share, on="resource", maintain_order="left")
    each = each.group_by("routing", "step", maintain_order=True).agg(pl.col("mean_share", "variance").mean())
    each = each.group_by("routing", maintain_order=True).agg(
        mean_share=1 - (1 - pl.col("mean_share")).product(), variance=pl.col("variance").sum()
    )
    main = snapshot["routings"].select("routing", "item", "location").unique()
    co_products = snapshot["co_products"].select("routing", "item").join(main.drop("item"), on="routing")
    made = pl.concat([main, co_products.select(main.columns)]).unique().join(each, on="routing")
    made = made.sort("item", "location", "routing")
    found = made.group_by("item", "location", maintain_order=True).agg(pl.col("mean_share", "variance").mean())
    return found.select("item", "location", "mean_share", sd_share=pl.col("variance").sqrt())


def _points(snapshot: Snapshot) -> pl.DataFrame:
    """One row per delivery: kind, name (of its offer, lane or routing), days, group."""
    name = pl.coalesce(pl.when(pl.col("kind") == kind).then(column) for kind, column in KINDS.items())
    days = delays(snapshot).select("kind", name.alias("name"), "days")
    return days.join(_sources(snapshot), on=["kind", "name"], how="left")


def _sources(snapshot: Snapshot) -> pl.DataFrame:
    """Every offer, lane and routing, with the group that it is pooled with: kind, name, group."""
    parts = [
        snapshot["offers"].select(kind=pl.lit("buy"), name="offer", group="supplier"),
        snapshot["lanes"].select(kind=pl.lit("ship"), name="lane", group="mode"),
        snapshot["routings"].select(kind=pl.lit("make"), name="routing", group="location"),
    ]
    return pl.concat(parts).with_columns(pl.col("group").fill_null("")).unique(["kind", "name"], keep="first",
                                                                               maintain_order=True)  # fmt: skip


def _named(deliveries: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Deliveries with their kind, and with their offer, lane or routing where only one is possible."""
    kind = (
        pl.when(pl.col("kind").is_in(list(KINDS))).then("kind")
        .when(pl.col("lane") != "").then(pl.lit("ship"))
        .when(pl.col("routing") != "").then(pl.lit("make"))
        .otherwise(pl.lit("buy"))
    )  # fmt: skip
    named = deliveries.with_columns(kind.alias("kind"))
    lanes = snapshot["lanes"].select("item", "lane", location="destination").unique()
    items = deliveries.select("item", "location").unique()
    any_item = lanes.filter(pl.col("item") == "").drop("item").join(items, on="location")
    sources = {
        "buy": snapshot["offers"].select("item", "location", "offer"),
        "make": snapshot["routings"].select("item", "location", "routing"),
        "ship": pl.concat([lanes.filter(pl.col("item") != ""), any_item.select(lanes.columns)]),
    }
    for one, column in KINDS.items():
        only = (
            sources[one].unique().group_by("item", "location").agg(pl.col(column).first().alias("_only"), _of=pl.len())
        )
        only = only.filter(pl.col("_of") == 1).select("item", "location", "_only")
        blank = (pl.col("kind") == one) & (pl.col(column) == "")
        named = named.join(only, on=["item", "location"], how="left").with_columns(
            pl.when(blank).then(pl.col("_only").fill_null("")).otherwise(column).alias(column)
        )
        named = named.drop("_only")
    return named


def _mixed(
    wanted: pl.DataFrame, points: pl.DataFrame, key: Sequence[str], above: pl.DataFrame, on: Sequence[str], pool: float
) -> pl.DataFrame:
    """The mixture of own points and the pooled distribution: the columns of `wanted`, days, share.

    Parameters
    ----------
    wanted : one row per mixture. points : one row per delivery: key, days. above : the pooled part: on, days, share.
    """
    counts = points.drop_nulls(list(key)).group_by(*key, "days").agg(count=pl.len())
    total = counts.group_by(key).agg(n=pl.col("count").sum())
    known = wanted.join(total, on=list(key), how="left").with_columns(pl.col("n").fill_null(0))
    own = known.join(counts, on=list(key)).with_columns(share=pl.col("count") / (pl.col("n") + pool))
    pooled = known.join(above, on=list(on)).with_columns(share=pl.col("share") * pool / (pl.col("n") + pool))
    columns = [*wanted.columns, "days", "share"]
    both = pl.concat([own.select(columns), pooled.select(columns)])
    return both.group_by(*wanted.columns, "days").agg(pl.col("share").sum())


def _summed(mixture: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Mean, standard deviation and quantiles of each mixture."""
    day, share = pl.col("days"), pl.col("share")
    rows = mixture.sort(*key, "days").with_columns(below=share.cum_sum().over(key))
    quantiles = [day.filter(pl.col("below") >= at - 1e-9).min().alias(_title(at)) for at in QUANTILES]
    found = rows.group_by(key, maintain_order=True).agg(
        *quantiles, mean_days=(day * share).sum(), _square=(day**2 * share).sum()
    )
    return found.with_columns(sd_days=_deviation("mean_days", "_square"))


def _title(at: float) -> str:
    return f"q{round(100 * at)}"


def _deviation(mean: str, square: str) -> pl.Expr:
    """Standard deviation from mean and mean square; a variance below 1e-12 of the square is rounding, thus 0."""
    variance = pl.col(square) - pl.col(mean) ** 2
    return pl.when(variance > 1e-12 * pl.col(square)).then(variance).otherwise(0.0).sqrt()


def _weekly(snapshot: Snapshot) -> pl.DataFrame:
    """The share of hours that each resource lost in each finished week: resource, week [its Monday], share."""
    lost, worked = pl.col("measure") == "lost hours", pl.col("measure") == "hours"
    week = pl.col("date").dt.truncate("1w").alias("week")
    past = snapshot["actuals"].filter(pl.col("date") < snapshot.as_of).with_columns(week)
    past = past.filter(pl.col("week") + pl.duration(days=7) <= snapshot.as_of)
    rows = past.filter(lost | worked, pl.col("resource") != "", pl.col("hours").is_not_null())
    rows = rows.filter(worked | (pl.col("hours") >= 0))
    if rows.filter(lost).is_empty():
        rows = rows.clear()  # the company does not record lost hours
    weekly = (
        rows.sort("resource", "date", "hours")
        .group_by("resource", "week", maintain_order=True)
        .agg(lost=pl.col("hours").filter(lost).sum(), worked=pl.col("hours").filter(worked).sum().clip(0.0))
    )
    # Where only stops of a resource are recorded, a week without one lost nothing.
    stops = weekly.group_by("resource").agg(pl.col("worked").sum()).filter(pl.col("worked") == 0.0)
    every = pl.DataFrame({"week": _mondays(past["week"], snapshot)}, schema={"week": pl.Date})
    quiet = stops.select("resource").join(every, how="cross").join(weekly, on=["resource", "week"], how="anti")
    weekly = pl.concat([weekly, quiet.with_columns(lost=pl.lit(0.0), worked=pl.lit(0.0))])
    available = _available(snapshot)
    finished = available.filter(pl.col("week") < snapshot.as_of)
    weekly = weekly.join(finished, on=["resource", "week"], how="left").join(
        available.group_by("resource").agg(usual=pl.col("hours").median()), on="resource", how="left"
    )
    known = pl.when(pl.col("worked") > 0.0).then(pl.col("worked") + pl.col("lost"))
    usual = pl.when(pl.col("worked") == 0.0, pl.col("hours").is_null()).then("usual")
    offered = pl.max_horizontal(known, "hours", usual, pl.when(pl.coalesce("hours", usual) > 0).then("lost"))
    return weekly.with_columns(share=pl.col("lost") / offered).filter(offered > 0).select("resource", "week", "share")


def _mondays(weeks: pl.Series, snapshot: Snapshot) -> pl.Series:
    """The finished weeks since the actuals begin."""
    first, last = weeks.min(), snapshot.as_of - timedelta(days=7)
    if not isinstance(first, date) or first > last:
        return pl.Series([], dtype=pl.Date)
    return pl.date_range(first, last, "1w", eager=True)


def _available(snapshot: Snapshot) -> pl.DataFrame:
    """Available hours in the weeks of the calendar: resource, week, hours."""
    calendar = snapshot.calendar
    rows = labelled(calendar, snapshot["calendar"], "calendar")
    shares = calendar.day_shares(rows["period"]).rename({"label": "period"})
    hours = rows.drop("date").join(shares, on="period").with_columns(week=pl.col("date").dt.truncate("1w"))
    each = (pl.col("hours") * pl.col("share")).alias("hours")
    return hours.select("resource", "week", each).sort("resource", "week", "hours").group_by(
        "resource", "week", maintain_order=True
    ).agg(pl.col("hours").sum())  # fmt: skip


def _from_receipts(snapshot: Snapshot) -> pl.DataFrame:
    """Deliveries derived from the receipts of earlier extracts; see `delays`."""
    columns = ["receipt", "kind", "item", "location", "routing", "offer", "lane", "due_on", "quantity"]
    today = snapshot["receipts"].select(columns).with_columns(seen=pl.lit(snapshot.as_of))
    parts = [today]
    for day, receipts in _earlier(snapshot).items():
        parts.append(receipts.select(columns).with_columns(seen=pl.lit(day)))
    if len(parts) == 1:
        return schema()["deliveries"].empty()
    rows = pl.concat(parts).unique(["receipt", "seen"], keep="first", maintain_order=True).sort("receipt", "seen")
    last = [pl.col(one).last() for one in columns if one not in ("receipt", "due_on")]
    each = rows.group_by("receipt", maintain_order=True).agg(
        *last, promised_on=pl.col("due_on").first(), due=pl.col("due_on").last(), seen=pl.col("seen").last()
    )
    extracts = rows.select("seen").unique().sort("seen").with_columns(gone=pl.col("seen").shift(-1))
    each = each.join(extracts, on="seen", maintain_order="left")
    due, seen, gone = pl.col("due"), pl.col("seen"), pl.col("gone")
    arrived = pl.when(gone.is_null() | (due < gone)).then(pl.max_horizontal(due, seen))
    each = each.with_columns(arrived_on=arrived, ordered_on=pl.lit(None, dtype=pl.Date))
    counts = (pl.col("promised_on") < snapshot.as_of) & pl.col("arrived_on").is_not_null()
    return each.filter(counts).select(schema()["deliveries"].names)


def _earlier(snapshot: Snapshot) -> Mapping[date, pl.DataFrame]:
    """Receipts of the company's earlier extracts, in its items' units, by as-of date."""
    since = snapshot.as_of - timedelta(weeks=13)  # a pack's archive keeps extracts that long
    before = [day for day in dates(snapshot.folder.parent) if since <= day < snapshot.as_of][-LOOK_BACK:]
    found = {day: _receipts(snapshot.folder.parent / day.isoformat(), snapshot.company) for day in before}
    return {day: receipts for day, receipts in found.items() if receipts is not None}


def _receipts(folder: Path, company: str) -> pl.DataFrame | None:
    settings = load(folder)[0]
    if settings.company != company:
        return None
    readers, mapped, _ = deliver(folder, settings)
    tables, sources = {name: table.empty() for name, table in schema().items()}, {}
    for name in ("items", "units", "receipts"):
        source = readers[name].read()[0] if name in readers else None
        if source is not None:
            sources[name], tables[name] = source, cast(source, schema()[name])[0]
    return convert(tables, sources, mapped.entries, settings)[0]["receipts"].drop_nulls("due_on")
