"""Applies the events of the extract (downtime, delay, surge, supply loss, price) to their targets."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.precedence import left, offered, taken
from soe_lib.extract.targets import hits, on_order
from soe_lib.model.cache import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network


def of_kind(network: Network, kind: str) -> list[dict[str, Any]]:
    """The events of one kind; blank dates are the as-of date and the end of the horizon."""
    # One cache entry per kind: a new downtime does not invalidate what depends on delays.
    return network.cache.get(f"events: {kind}", lambda other: _of_kind(other, kind)).to_dicts()


def _of_kind(network: Network, kind: str) -> pl.DataFrame:
    rows = network.snapshot["events"].filter(pl.col("kind") == kind)
    first, last = network.snapshot.as_of, network.snapshot.periods["ends_on"][-1]
    return rows.with_columns(pl.col("from").fill_null(first), pl.col("to").fill_null(last)).sort("event")


def _overlap(event: dict[str, Any]) -> pl.Expr:
    """Share of a period's days (starts_on … ends_on) that lies within the event."""
    first = pl.max_horizontal("starts_on", pl.lit(event["from"], dtype=pl.Date))
    last = pl.min_horizontal("ends_on", pl.lit(event["to"], dtype=pl.Date))
    days = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    return ((last - first).dt.total_days() + 1).clip(lower_bound=0) / days


def downtime(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """resource, period, taken and overtime (hours that a downtime names), part (share of working days that it closes).

    With `hours`: spread evenly over the days of the event; what exceeds the hours of a day moves to the other days;
    regular hours first, then overtime. Without: the working days of the event, times `factor` where one is given. A
    location stands for all its resources.

    Parameters
    ----------
    cells : resource, location, period.
    """
    nothing = {"taken": pl.lit(0.0), "overtime": pl.lit(0.0), "part": pl.lit(0.0)}
    found = [cells.select("resource", "period", **nothing).clear()]
    rest = pl.DataFrame()
    for event in of_kind(network, "downtime"):
        mine = cells.filter(hits(event, ("resource", "location")))
        if event["hours"] is not None:
            rest = rest if rest.width else _day_hours(network)
            hit = rest.filter(pl.col("resource").is_in(mine["resource"].cast(pl.String).unique().implode()))
            took = taken(hit, network.calendar, event["from"], event["to"], float(event["hours"]))
            rest = left(rest, took)
            found.append(_by_period(network, took).select(found[0].columns))
        else:
            share = pl.col("share") * _factor(event, blank=1.0)
            shares = _working_share(network, event["from"], event["to"])
            found.append(mine.join(shares, on="period").select("resource", "period", **{**nothing, "part": share}))
    return pl.concat(found).group_by("resource", "period").agg(pl.col("taken", "overtime", "part").sum())


@prepared
def _day_hours(network: Network) -> pl.DataFrame:
    return offered(network.calendar, network.settings, network.snapshot.tables)


def _by_period(network: Network, took: pl.DataFrame) -> pl.DataFrame:
    by_period = took.join(network.calendar.days, on="date").group_by("resource", "period")
    summed = by_period.agg(pl.col("hours").sum().alias("taken"), pl.col("overtime").sum())
    return network.encode(summed.with_columns(part=pl.lit(0.0)))


def closed(network: Network, cells: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Cells with `maximum` times the share of the period's days that downtimes leave open; 0 where they leave none."""
    for event in of_kind(network, "downtime"):
        cells = _cut(cells, hits(event, columns), 1.0 - _factor(event, blank=1.0) * _overlap(event))
    return cells


def _factor(event: dict[str, Any], *, blank: float) -> float:
    """The event's factor; 0 is a factor too."""
    return blank if event["factor"] is None else float(event["factor"])


def _cut(cells: pl.DataFrame, hit: pl.Expr, kept: pl.Expr) -> pl.DataFrame:
    """Cells hit with `maximum` times `kept`; where there is no maximum, only a total loss gives one: 0."""
    nothing = pl.when(kept <= 1e-12).then(0.0)
    cut = pl.when(pl.col("maximum").is_null()).then(nothing).otherwise(pl.col("maximum") * kept.clip(lower_bound=0.0))
    return cells.with_columns(pl.when(hit).then(cut).otherwise(pl.col("maximum")).alias("maximum"))


def _working_share(network: Network, first: date, last: date) -> pl.DataFrame:
    """period, share: share of a period's working days (of all days, where it has none) that lies in the event."""
    working = network.settings.calendar.working_days
    days = network.calendar.days.with_columns(
        pl.col("date").is_between(first, last).alias("inside"),
        pl.col("date").dt.weekday().is_in(list(working)).cast(pl.Float64).alias("works"),
    ).with_columns(pl.when(pl.col("works").sum().over("period") > 0).then("works").otherwise(1.0).alias("works"))
    share = days.group_by("period").agg((pl.col("works") * pl.col("inside")).sum() / pl.col("works").sum())
    return network.encode(share.rename({share.columns[1]: "share"}))


def receipts(network: Network) -> pl.DataFrame:
    """Receipts with `period` (overdue: the first; after the horizon: `beyond`), `delayed` [days] and `lost` [units].

    A delay counts from the due day. An overdue receipt is expected on the as-of date, so an event of that day applies
    to it. `[events] open_orders` says whether a supply loss leaves open receipts of its target, loses them or delays
    them.
    """
    suppliers = network.table("offers").select("offer", "supplier").unique("offer", keep="first", maintain_order=True)
    table = network.table("receipts").join(suppliers, on="offer", how="left")
    as_of = pl.lit(network.snapshot.as_of)
    table = table.with_columns(
        pl.col("supplier").fill_null(""),
        pl.lit(0).cast(pl.Int64).alias("delayed"),
        pl.max_horizontal("due_on", as_of).alias("expected"),
        kept=pl.lit(1.0),
    )
    for event in of_kind(network, "delay"):
        hit = hits(event, ("receipt", "supplier", "offer", "lane", "item"))
        more = pl.when(hit & _inside(event, "expected")).then(int(event["days"] or 0)).otherwise(0)
        table = table.with_columns(pl.col("delayed") + more)
    for event in of_kind(network, "supply_loss"):
        table = _lost(table, event, network.settings.events.open_orders)
    days = network.encode(network.calendar.days.select("date", "period"))
    comes = pl.max_horizontal(pl.col("due_on") + pl.duration(days=pl.col("delayed")), as_of)
    return (
        table.with_columns(
            comes.alias("date"),
            (pl.col("quantity") * (1.0 - pl.col("kept"))).alias("lost"),
            pl.col("quantity") * pl.col("kept"),
        )
        .drop("kept", "expected")
        .join(days, on="date", how="left")
        .with_columns(pl.col("period").fill_null(network.beyond))
        .sort("receipt")
    )


def _lost(table: pl.DataFrame, event: dict[str, Any], open_orders: str) -> pl.DataFrame:
    """Receipts after a supply loss: `kept` [share] of lost ones, `delayed` of those that come after its end."""
    named, hit = hits(event, ("receipt",)) & _inside(event, "expected"), on_order(event) & _inside(event, "expected")
    lost = named | hit if open_orders == "lost" else named
    late = hit & ~named & pl.lit(open_orders == "late")
    until = (pl.lit(event["to"]) - pl.col("due_on")).dt.total_days() + 1
    return table.with_columns(
        pl.col("kept") * pl.when(lost).then(_factor(event, blank=0.0)).otherwise(1.0),
        pl.when(late).then(pl.max_horizontal("delayed", until)).otherwise("delayed").alias("delayed"),
    )


def _inside(event: dict[str, Any], day: str) -> pl.Expr:
    return pl.col(day).is_between(event["from"], event["to"])


def lead_times(network: Network, cells: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Cells in periods that start during delay events on one of the columns, with the delay added to their lead time.

    A lead time in periods grows by the periods that the days fill, rounded up.
    """
    for event in of_kind(network, "delay"):
        hit, days = hits(event, columns) & _inside(event, "starts_on"), int(event["days"] or 0)
        length = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
        cells = cells.with_columns(
            pl.col("lead_days") + pl.when(hit).then(days).otherwise(0),
            pl.col("lead_periods")
            + pl.when(hit).then((pl.lit(float(days)) / length).ceil().cast(pl.Int64)).otherwise(0),
        )
    return cells


def surge(network: Network, forecast: pl.DataFrame) -> pl.DataFrame:
    """Forecast quantities times the factor of surges on item, family, location or customer, weighted by days in the
    event.
    """
    happening = of_kind(network, "surge")
    if not happening:
        return forecast
    rows = _dated(network, forecast)
    for event in happening:
        hit = hits(event, ("item", "family", "location", "customer"))
        if rows.filter(hit).is_empty():
            raise DataError(
                f"events.csv: surge {event['event']!r} targets {event['target']!r}, but no forecast row has it "
                "as item, family, location or customer; correct the target or remove the event"
            )
        factor = 1.0 + (_factor(event, blank=1.0) - 1.0) * _overlap(event)
        rows = rows.with_columns(pl.when(hit).then(pl.col("quantity") * factor).otherwise("quantity").alias("quantity"))
    # A commitment never exceeds the reduced quantity.
    return rows.with_columns(pl.min_horizontal("committed", "quantity").alias("committed")).select(forecast.columns)


def _dated(network: Network, forecast: pl.DataFrame) -> pl.DataFrame:
    """Forecast lines with their item's family and the days of the period they are due in."""
    days = network.periods.select(pl.col("period").alias("due"), "starts_on", "ends_on")
    families = network.table("items").select("item", "family")
    return forecast.join(families, on="item", how="left", maintain_order="left").join(
        days, on="due", how="left", maintain_order="left"
    )


def supply(network: Network, cells: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Cells with `maximum` times the share of the period that supply losses leave; a total loss needs no maximum.

    Without a maximum, the `quantity` of the event is one: supply over all its days without the event, shared out by
    days.
    """
    for event in of_kind(network, "supply_loss"):
        cells = _with_own_maximum(cells, event, hits(event, columns))
        kept = 1.0 - (1.0 - _factor(event, blank=0.0)) * _overlap(event)
        cells = _cut(cells, hits(event, columns), kept)
    return cells


def _with_own_maximum(cells: pl.DataFrame, event: dict[str, Any], hit: pl.Expr) -> pl.DataFrame:
    if event["quantity"] is None:
        return cells
    days = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    own = days * float(event["quantity"]) / ((event["to"] - event["from"]).days + 1)
    without = hit & (_overlap(event) > 0) & pl.col("maximum").is_null()
    return cells.with_columns(pl.when(without).then(own).otherwise("maximum").alias("maximum"))


def price(network: Network, cells: pl.DataFrame, columns: tuple[str, ...], amount: str) -> pl.DataFrame:
    """Cells with a price or cost times the factor of price events on purchases, weighted by days in the event."""
    for event in of_kind(network, "price"):
        if of_purchases(network, event):
            cells = _priced(cells, hits(event, columns), event, amount)
    return cells


def _priced(cells: pl.DataFrame, hit: pl.Expr, event: dict[str, Any], amount: str) -> pl.DataFrame:
    factor = 1.0 + (_factor(event, blank=1.0) - 1.0) * _overlap(event)
    return cells.with_columns(pl.when(hit).then(pl.col(amount) * factor).otherwise(pl.col(amount)).alias(amount))


OFFERED = ("offer", "supplier", "item", "family", "location")
"""What a price event on a purchase may name."""
SOLD = ("item", "family", "location", "customer")
"""What a price event on a sale may name."""


def of_purchases(network: Network, event: dict[str, Any]) -> bool:
    """Whether a price event targets purchases: an offer, a supplier, or something bought that has no forecast."""
    offers, forecast = network.cache.get("events: offered", _offered), network.cache.get("events: forecast", _forecast)
    parts = [str(event["target"]), *(part.strip() for part in str(event["target"]).split(" & "))]
    named = pl.any_horizontal(pl.col("offer", "supplier").cast(pl.String).is_in(parts))
    hit = offers.filter(hits(event, OFFERED))
    return not hit.filter(named).is_empty() or (not hit.is_empty() and forecast.filter(hits(event, SOLD)).is_empty())


def _offered(network: Network) -> pl.DataFrame:
    families = network.table("items").select("item", "family")
    return network.table("offers").select("offer", "supplier", "item", "location").join(families, on="item")


def _forecast(network: Network) -> pl.DataFrame:
    families = network.table("items").select("item", "family")
    places = network.table("forecast").select("item", "location", "customer").unique()
    return places.join(families, on="item", how="left")


def sales_prices(network: Network, forecast: pl.DataFrame) -> pl.DataFrame:
    """Forecast lines with their price times the factor of price events on sales (orders keep theirs)."""
    happening = of_kind(network, "price")
    if not happening:
        return forecast
    rows = _dated(network, forecast)
    for event in happening:
        if not of_purchases(network, event):
            rows = _priced(rows, hits(event, SOLD), event, "price")
    return rows.select(forecast.columns)
