"""Demand lines: open orders, and the forecast that orders have not yet consumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.calendar import BEYOND, Calendar
from soe_lib.extract.precedence import labelled
from soe_lib.extract.settings import Consumption
from soe_lib.model import events
from soe_lib.model.cache import prepared
from soe_lib.uncertainty import record as records
from soe_lib.uncertainty.spread import spread

if TYPE_CHECKING:
    from soe_lib.extract.settings import Settings
    from soe_lib.model.network import Network


NODE = ["item", "location"]
BUCKET = [*NODE, "customer", "bucket"]
TURN = ["rank", "whose", "again"]
OWN, UNALLOCATED, ANY = 0, 1, 2
"""Whose forecast an order consumes: its customer's, the unallocated one, or, without a customer, any customer's."""


def consume(
    foreseen: pl.DataFrame, orders: pl.DataFrame, spans: pl.DataFrame, start: date, rule: Consumption
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What orders leave of each forecast bucket, and what of each order no forecast covers.

    An order consumes the bucket that holds its due date (the finest, where labels overlap), then buckets that begin or
    end within `backward_days` before it, the nearest first, then those within `forward_days` after it. In each bucket
    it consumes its own customer's forecast, then the unallocated one. An order without a customer consumes the
    unallocated forecast, then all customers' forecasts in proportion. Orders of the same turn consume by due date, then
    by order. An order due before the start consumes nothing: its forecast is over.

    Parameters
    ----------
    foreseen : item, location, customer ("" is unallocated), bucket (a label of time), quantity [unit], one row each.
    orders : order, item, location, customer, due_on, quantity [unit].
    spans : label, first, last (dates, both included).
    start : first day of the horizon. rule : how far an order looks.

    Returns
    -------
    (BUCKET, quantity, kept [share of the quantity that is left]) and (order, quantity, open [unit]).
    """
    open_orders = orders.with_columns(open=pl.col("quantity"))
    consuming = open_orders.filter(pl.col("due_on") >= start, pl.col("quantity") > 0).sort("due_on", "order")
    buckets = foreseen.with_columns(kept=pl.lit(1.0)).sort(BUCKET)
    claims = _claims(consuming, buckets, _reach(consuming, spans, start, rule))
    wants = consuming.select("order", "open")
    for (_, whose, _), claiming in claims.sort(TURN).group_by(TURN, maintain_order=True):
        wants, buckets = _turn(wants, buckets, claiming, whose)
    left = open_orders.select("order", "quantity").join(wants, on="order", how="left", maintain_order="left")
    return buckets, left.with_columns(pl.coalesce("open", "quantity").alias("open"))


def _reach(orders: pl.DataFrame, spans: pl.DataFrame, start: date, rule: Consumption) -> pl.DataFrame:
    """due_on, bucket, rank: 0 for a bucket that holds the day, then backward, then forward, the nearest first."""
    known = spans.filter(pl.col("last") >= start).with_columns(pl.max_horizontal("first", pl.lit(start)).alias("first"))
    pairs = orders.select("due_on").unique().join(known.rename({"label": "bucket"}), how="cross")
    before = (pl.col("due_on") - pl.col("last")).dt.total_days()
    after = (pl.col("first") - pl.col("due_on")).dt.total_days()
    side = pl.when(before > 0).then(1).when(after > 0).then(2).otherwise(0)
    inside = pairs.with_columns(
        side=side, gap=pl.max_horizontal(before, after, 0), days=(pl.col("last") - pl.col("first")).dt.total_days()
    ).filter(pl.col("gap") <= pl.when(side == 1).then(rule.backward_days).otherwise(rule.forward_days) | (side == 0))
    ordered = inside.sort("due_on", "side", "gap", "days", "bucket")
    other = (pl.col("side") > 0).cast(pl.Int64).cum_sum().over("due_on")
    return ordered.select("due_on", "bucket", "days", rank=other)


def _claims(orders: pl.DataFrame, buckets: pl.DataFrame, reach: pl.DataFrame) -> pl.DataFrame:
    """order, due_on, BUCKET and TURN: every bucket that an order may consume, by turn."""
    asked = orders.select("order", *NODE, "customer", "due_on")
    named, nobody = pl.col("customer") != "", pl.col("customer") == ""
    pools = buckets.select(BUCKET)
    everybody = asked.filter(nobody).drop("customer")
    found = [
        _claims_on(asked.filter(named), pools, reach, OWN),
        _claims_on(asked.drop("customer"), pools.filter(nobody).drop("customer"), reach, UNALLOCATED),
        _claims_on(everybody, pools.filter(named).drop("customer").unique(), reach, ANY),
    ]
    return pl.concat(found, how="diagonal")


def _claims_on(orders: pl.DataFrame, pools: pl.DataFrame, reach: pl.DataFrame, whose: int) -> pl.DataFrame:
    claims = orders.join(reach, on="due_on").join(pools, on=pools.columns).sort("order", "rank", "days", "bucket")
    claims = claims.with_columns(whose=pl.lit(whose), again=pl.int_range(pl.len()).over("order", "rank"))
    # Of several labels that hold the day, the order consumes the finest: a month's row then covers the other days. An
    # order without a customer may consume several, where customers are forecast by different labels.
    return claims.filter((pl.col("again") == 0) | (whose == ANY)).drop("days")


def _turn(
    wants: pl.DataFrame, buckets: pl.DataFrame, claims: pl.DataFrame, whose: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One turn: orders take from their bucket in the order of their due dates until it is empty."""
    keys = BUCKET if whose == OWN else [*NODE, "bucket"]
    mine = pl.col("customer") == "" if whose == UNALLOCATED else pl.col("customer") != ""
    held = buckets.filter(mine).group_by(keys, maintain_order=True)
    pools = held.agg(pool=(pl.col("quantity") * pl.col("kept")).sum()).filter(pl.col("pool") > 0)
    asked = (
        claims.join(wants.filter(pl.col("open") > 0), on="order")
        .join(pools, on=keys)
        .sort("due_on", "order")
        .with_columns(before=(pl.col("open").cum_sum() - pl.col("open")).over(keys))
        .with_columns(taken=pl.min_horizontal("open", (pl.col("pool") - pl.col("before")).clip(lower_bound=0.0)))
    )
    rest = asked.group_by(keys, maintain_order=True).agg(
        rest=(1.0 - pl.col("open").sum() / pl.col("pool").first()).clip(0.0, 1.0)
    )
    wants = wants.join(asked.select("order", "taken"), on="order", how="left", maintain_order="left")
    buckets = buckets.join(rest, on=keys, how="left", maintain_order="left")
    share = pl.when(mine).then(pl.col("rest").fill_null(1.0)).otherwise(1.0)
    return (
        wants.select("order", (pl.col("open") - pl.col("taken").fill_null(0.0)).clip(lower_bound=0.0)),
        buckets.with_columns(pl.col("kept") * share).drop("rest"),
    )


PLACE = ("item", "location", "customer")
KEYS = (*PLACE, "order", "due")
BIAS_WEEKS = 4
"""Weeks ahead over which the bias is measured: one week alone is mostly noise."""


def lines(network: Network) -> pl.DataFrame:
    """Every line that can be served: keys item, location, customer, order ("" for forecast), due.

    Orders consume the forecast by `[consumption]`; what is left of a bucket keeps its split over periods. A line's
    price is its own, else the item's. An overdue order is due in the first period; `overdue` is how many days it was
    late on the as-of date.
    """
    left, orders = _forecast(network), _orders(network)
    both = pl.concat([orders, left.with_columns(own_days=pl.lit(None, pl.Float64))], how="diagonal").join(
        network.items.select("item", pl.col("price").alias("list_price")), on="item", how="left"
    )
    terms = network.table("customers").select(
        "customer", "priority", "late_cost", "late_goodwill", "short_cost", "short_penalty", "latest_days"
    )
    return (
        both.join(terms, on="customer", how="left")
        .with_columns(
            pl.col("price").fill_null(pl.col("list_price")).fill_null(0.0),
            pl.coalesce("own_days", "latest_days").alias("latest_days"),
        )
        .with_columns(
            pl.col("late_cost", "late_goodwill", "short_cost", "short_penalty", "latest_days").fill_null(0.0),
            (network.snapshot.as_of - pl.col("due_on")).dt.total_days().clip(0).fill_null(0).alias("overdue"),
        )
        .drop("list_price", "own_days")
        .sort(KEYS)
    )


def unforeseen(network: Network) -> pl.DataFrame:
    """What of each order no forecast covers: order, quantity, open [unit]."""
    return _consumed(network, _listed(network))[1]


def _forecast(network: Network) -> pl.DataFrame:
    """The forecast that orders leave, one line per item, location, customer and period."""
    listed = _listed(network)
    inside, after = listed.filter(pl.col("due") != network.beyond), listed.filter(pl.col("due") == network.beyond)
    changed = events.sales_prices(network, events.surge(network, inside))
    return _one_a_period(_left(network, pl.concat([changed, after])).drop("bucket"))


@prepared
def _planned(network: Network) -> pl.DataFrame:
    """The forecast version used for planning, with the time label of each row in `period`."""
    rows, version = network.snapshot["forecast"], network.settings.forecast.version
    chosen = rows.filter(pl.col("version") == version) if version else rows
    return labelled(network.calendar, _without_bias(network, chosen), "forecast")


def _without_bias(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The forecast without its bias, where settings say so; `committed` is at most the quantity."""
    if network.settings.forecast.bias != "remove":
        return rows
    factor = bias(network).select("item", "location", factor=(1.0 + pl.col("bias")).clip(0.0))
    corrected = (pl.col("quantity") * pl.col("factor").fill_null(1.0)).alias("quantity")
    both = rows.join(factor, on=["item", "location"], how="left", maintain_order="left").with_columns(corrected)
    return both.with_columns(pl.min_horizontal("committed", "quantity").alias("committed")).select(rows.columns)


@prepared
def bias(network: Network) -> pl.DataFrame:
    """Forecast bias by item and location: item, location, bias (share; below 0: too high), n, ahead.

    Formula: mean of Σ(actual − forecast) ÷ Σ forecast over the most weeks ahead that half of the record reaches, up to
    BIAS_WEEKS; a short record is pooled with the family, see `uncertainty.spread.spread`.
    """
    history = records.of(network.snapshot)
    weeks = history.select(pl.col("week").n_unique()).item() if history.height else 0
    errors = records.accumulated(history, max(1, min(BIAS_WEEKS, weeks // 2)))
    nodes = network.snapshot["forecast"].select("item", "location").unique().sort("item", "location")
    nodes = nodes.join(network.snapshot["items"].select("item", "family"), on="item", how="left")
    rule = network.settings.cushion
    found = spread(errors, nodes, pool=rule.pool, default=rule.error)
    return found.filter(pl.col("ahead") == pl.col("ahead").max()).select("item", "location", "bias", "n", "ahead")


@prepared
def _labels(network: Network) -> pl.DataFrame:
    """The time labels of the forecast; an edit of its quantities leaves them unchanged."""
    return _planned(network).select(label="period").unique().sort("label")


@prepared
def _spans(network: Network) -> pl.DataFrame:
    """First and last day of each time label that orders of the horizon can still consume."""
    end = network.calendar.periods["ends_on"][-1]
    reach = pl.lit(end) + pl.duration(days=network.settings.consumption.backward_days)
    return network.calendar.spans(_labels(network)["label"]).filter(pl.col("first") <= reach)


def _reaching(network: Network) -> Calendar:
    """The calendar with one more period for the days after the horizon: a month is consumed as a whole."""
    calendar = network.calendar
    longer = _spans(network).filter(pl.col("last") > calendar.periods["ends_on"][-1])
    if longer.is_empty():
        return calendar
    after = calendar.periods.tail(1).with_columns(
        pl.lit(BEYOND).alias("period"),
        pl.col("index") + 1,
        (pl.col("ends_on") + pl.duration(days=1)).alias("starts_on"),
        pl.lit(longer["last"].max()).alias("ends_on"),
    )
    return replace(calendar, periods=pl.concat([calendar.periods, after]))


@prepared
def _parts(network: Network) -> pl.DataFrame:
    """The split of each label over the periods of the horizon and the days beyond it."""
    return _reaching(network).parts(_labels(network)["label"])


@prepared
def _listed(network: Network) -> pl.DataFrame:
    """The forecast by bucket (its own label) and period, at its own price or the item's, before any event."""
    # `committed` is split like the quantity, so that no period commits more than its demand.
    split = network.calendar.split(
        _planned(network).with_columns(pl.col("committed").fill_null(0.0), bucket="period").drop("date"),
        along=("committed",),
        parts=_parts(network),
    )
    listed = network.items.select("item", pl.col("price").alias("list_price"))
    lines = network.encode(split).select(
        *PLACE,
        pl.lit("", dtype=network.domains["order"]).alias("order"),
        pl.col("period").alias("due"),
        pl.lit(None, dtype=pl.Date).alias("due_on"),
        "quantity",
        "committed",
        "price",
        "bucket",
    )
    lines = lines.join(listed, on="item", how="left", maintain_order="left")
    return lines.with_columns(pl.coalesce("price", "list_price").alias("price")).drop("list_price")


def _one_a_period(lines: pl.DataFrame) -> pl.DataFrame:
    """Merges the forecast buckets of one period into one line at their average price."""
    if not lines.select(KEYS).is_duplicated().any():
        return lines
    money = (pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum()
    price = pl.when(pl.col("price").null_count() > 0).then(None).when(pl.col("quantity").sum() > 0).then(money)
    return (
        lines.group_by(KEYS, maintain_order=True)
        .agg(
            pl.col("due_on").first(),
            pl.col("quantity").sum(),
            pl.col("committed").sum(),
            price.otherwise(pl.col("price").first()).alias("price"),
        )
        .select(lines.columns)
    )


@prepared
def _orders(network: Network) -> pl.DataFrame:
    days = network.encode(network.calendar.days.select("date", "period"))
    as_of = network.snapshot.as_of
    return (
        network.table("orders")
        .with_columns(late_from(network.settings).alias("due_on"))
        .with_columns(pl.max_horizontal("due_on", pl.lit(as_of)).alias("date"))
        .join(days, on="date", how="inner")
        .with_columns(pl.col("committed").fill_null(0.0), own_days=_days_given(pl.col("latest_on")))
        .select(*PLACE, "order", pl.col("period").alias("due"), "due_on", "quantity", "committed", "price", "own_days")
    )


def _days_given(latest_on: pl.Expr) -> pl.Expr:
    """Latest days of an order with its own `latest_on`; blank: its customer's apply."""
    return (latest_on - pl.col("due_on")).dt.total_days().clip(0).cast(pl.Float64)


def late_from(settings: Settings) -> pl.Expr:
    """The day from which an order is late: its due day, or its confirmed day where settings say so and it has one."""
    return pl.coalesce("confirmed_on", "due_on") if settings.objective.late_from == "confirmed" else pl.col("due_on")


def on_time(cells: pl.DataFrame) -> pl.Expr:
    """Whether units are served in their due period and were not late before; cells: period, due, overdue [days]."""
    in_period = pl.col("period").cast(pl.String) == pl.col("due").cast(pl.String)
    return in_period & (pl.col("overdue").fill_null(0) <= 0) if "overdue" in cells.columns else in_period


def _left(network: Network, forecast: pl.DataFrame) -> pl.DataFrame:
    """The forecast lines of the horizon less what orders consume of each bucket, in proportion."""
    inside = forecast.filter(pl.col("due") != network.beyond)
    if network.table("orders").is_empty() or forecast.is_empty():
        return inside
    buckets, _ = _consumed(network, forecast)
    return (
        inside.join(buckets.select(*BUCKET, "kept"), on=BUCKET, how="left", maintain_order="left")
        .with_columns((pl.col("quantity") * pl.col("kept").fill_null(1.0)).alias("quantity"))
        .with_columns(pl.min_horizontal("committed", "quantity").alias("committed"))
        .select(forecast.columns)
    )


def _consumed(network: Network, forecast: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    orders = network.table("orders")
    ordered = forecast.join(orders.select("item", "location").unique(), on=["item", "location"], how="semi")
    foreseen = ordered.group_by(BUCKET, maintain_order=True).agg(pl.col("quantity").sum())
    start, rule = network.calendar.periods["starts_on"][0], network.settings.consumption
    return consume(foreseen, orders, _spans(network), start, rule)


@prepared
def served(network: Network) -> pl.DataFrame:
    """Each line in each period that may still serve it: from its due period until latest_days after it is due.

    Adds `period` and `late` (delay in units of `costs.per`): from end to end of the two periods, or the number of
    periods where costs are per period. The delay of an overdue order counts from the first period, which may always
    serve it.
    """
    demand = network.demand
    whens = demand.select("due", "due_on", "latest_days").unique()
    periods = network.periods
    due = periods.select(
        pl.col("period").alias("due"), pl.col("index").alias("due_index"), pl.col("ends_on").alias("due_end")
    )
    day = {"day": 1.0, "week": 7.0, "year": 365.0}.get(network.settings.costs.per)
    days_late = (pl.col("ends_on") - pl.col("due_end")).dt.total_days().cast(pl.Float64)
    late = days_late / day if day else (pl.col("index") - pl.col("due_index")).cast(pl.Float64)
    last_day = pl.coalesce("due_on", "due_end") + pl.duration(days=pl.col("latest_days").cast(pl.Int64))
    options = (
        whens.join(due, on="due")
        .join(periods.select("period", "index", "starts_on", "ends_on"), how="cross")
        .filter(
            (pl.col("index") == pl.col("due_index"))
            | ((pl.col("index") > pl.col("due_index")) & (pl.col("starts_on") <= last_day))
        )
        .select("due", "due_on", "latest_days", "period", late.alias("late"))
    )
    return demand.join(options, on=["due", "due_on", "latest_days"], how="inner", nulls_equal=True)
