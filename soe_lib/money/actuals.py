"""What happened, as flows by day and as money that was booked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import LINES
from soe_lib.money.reading import Window
from soe_lib.money.ways import Ways, ways

NODE = ["item", "location"]
ACCOUNT = {"sales": "revenue", "buy": "material", "ship": "freight", "hours": "conversion"}
"""Measure → the account that its amount is booked to."""
OTHER = ("make", "stock", "demand", "lost hours")
"""Measures whose money is elsewhere: what was asked for and what was lost book nothing."""


@dataclass(frozen=True, eq=False)
class Actuals:
    """What happened, ready to be valued.

    Parameters
    ----------
    flows : sell, make, buy, stock by day, all of them.
    unpaid : flows, or parts of them, that have no money of their own and take the rate book's.
    lines : ledger lines of the money that was booked.
    periods : every day as a period. window : first and last day. notes : what had to be assumed.
    """

    flows: Mapping[str, pl.DataFrame]
    unpaid: Mapping[str, pl.DataFrame]
    lines: pl.DataFrame
    periods: pl.DataFrame
    window: Window
    notes: tuple[str, ...]


def read_actuals(snapshot: Snapshot) -> Actuals:
    """The actuals of an extract; see `value_actuals` for what becomes of each measure."""
    known = ways(snapshot)
    notes: list[str] = []
    rows = snapshot["actuals"].with_columns(period=pl.col("date").dt.strftime("%Y-%m-%d"))
    rows = _hours_paid(_bought_at_standard(rows, snapshot, known, notes), snapshot, notes)
    buy, sell, stock = _buy(rows, known, notes), _sell(rows), _stock(rows)
    make, booked = _make(rows, snapshot, known, notes)
    paid = rows.filter(pl.col("measure").is_in(list(ACCOUNT)), pl.col("amount").is_not_null())
    lines = [_booked(paid), booked]
    unpaid = {
        "sell": sell.filter(~pl.col("paid")),
        "buy": buy.filter(~pl.col("paid")),
        "stock": stock.with_columns(quantity=pl.col("quantity") * pl.col("days")),
    }
    _count(rows, notes)
    flows = {
        "sell": _once(sell),
        "make": make,
        "buy": _once(buy.filter(pl.col("offer") != "")),
        "stock": stock.drop("days"),
    }
    window = cast("date", rows["date"].min()), cast("date", rows["date"].max())
    return Actuals(flows, unpaid, pl.concat(lines), _days(snapshot, window), window, tuple(notes))


def _booked(paid: pl.DataFrame) -> pl.DataFrame:
    """Revenue as booked; what buy, ship and hours cost is written positive and booked negative."""
    measure = pl.col("measure")
    units = pl.coalesce("quantity", "hours").fill_null(1.0)
    amount = pl.when(measure == "sales").then("amount").otherwise(-pl.col("amount"))
    flow = measure.replace({"sales": "sell"})
    return paid.with_columns(
        account=measure.replace_strict(ACCOUNT, default=""), kind=pl.lit("cash"), flow=flow,
        quantity=units, amount=amount, per_unit=pl.when(units != 0).then(amount / units).otherwise(0.0),
    ).select(LINES.names())  # fmt: skip


def _sell(rows: pl.DataFrame) -> pl.DataFrame:
    sales = rows.filter(pl.col("measure") == "sales")
    return sales.select(
        *NODE, "customer", order=pl.lit(""), due="period", period="period",
        quantity=pl.col("quantity").fill_null(0.0), paid=pl.col("amount").is_not_null(),
    )  # fmt: skip


def _buy(rows: pl.DataFrame, known: Ways, notes: list[str]) -> pl.DataFrame:
    bought = rows.filter(pl.col("measure") == "buy").join(known.offers, on=NODE, how="left", validate="m:1")
    free = bought.filter(pl.col("amount").is_null())
    if free.height:
        notes.append(
            f"{free.height} purchases ({free['quantity'].sum():,.6g} units) have no amount: the cheapest offer's."
        )
    return bought.select(
        pl.col("offer").fill_null(""), *NODE, "period", quantity=pl.col("quantity").fill_null(0.0),
        paid=pl.col("amount").is_not_null(),
    )  # fmt: skip


def _bought_at_standard(rows: pl.DataFrame, snapshot: Snapshot, known: Ways, notes: list[str]) -> pl.DataFrame:
    """The rows with purchases that have neither an amount nor an offer paid at standard cost."""
    costs = snapshot["items"].select("item", _cost="standard_cost")
    offered = known.offers.select(*NODE, _offer=pl.lit(value=True))
    both = rows.join(costs, on="item", how="left", validate="m:1", maintain_order="left")
    both = both.join(offered, on=NODE, how="left", validate="m:1", maintain_order="left")
    free = (pl.col("measure") == "buy") & pl.col("amount").is_null() & pl.col("quantity").is_not_null()
    alone = free & pl.col("_offer").is_null() & pl.col("_cost").is_not_null()
    count, units = both.select(alone.sum(), pl.col("quantity").filter(alone).sum()).row(0)
    if count:
        notes.append(f"{count} purchases ({units:,.6g} units) have neither an amount nor an offer: at standard cost.")
    cost = pl.col("quantity") * pl.col("_cost")
    return both.with_columns(amount=pl.when(alone).then(cost).otherwise("amount")).drop("_cost", "_offer")


def _hours_paid(rows: pl.DataFrame, snapshot: Snapshot, notes: list[str]) -> pl.DataFrame:
    """The rows with hours that have no amount paid at their resource's hourly cost."""
    free = (pl.col("measure") == "hours") & pl.col("amount").is_null() & pl.col("hours").is_not_null()
    count, hours = rows.select(free.sum(), pl.col("hours").filter(free).sum()).row(0)
    if not count:
        return rows
    notes.append(f"{count} rows of hours ({hours:,.6g} h) have no amount: their resource's hourly cost.")
    rates = snapshot["resources"].select("resource", _rate=pl.col("hourly_cost").fill_null(0.0))
    priced = rows.join(rates, on="resource", how="left", validate="m:1", maintain_order="left")
    cost = pl.col("hours") * pl.col("_rate").fill_null(0.0)
    return priced.with_columns(amount=pl.when(free).then(cost).otherwise("amount")).drop("_rate")


def started(rows: pl.DataFrame, routings: pl.DataFrame) -> pl.DataFrame:
    """Units started for what was made, on the cheapest routing; routing is blank where none makes it there.

    Parameters
    ----------
    rows : actuals. routings : of `ways`.

    Returns routing, item, location, period, work [money/unit started], quantity [units started].
    """
    made = rows.filter(pl.col("measure") == "make").with_columns(period=pl.col("date").dt.strftime("%Y-%m-%d"))
    routed = made.join(routings, on=NODE, how="left", validate="m:1").with_columns(
        pl.col("routing").fill_null(""), quantity=pl.col("quantity").fill_null(0.0) / pl.col("yield").fill_null(1.0)
    )
    keys = ["routing", *NODE, "period"]
    return routed.group_by(keys).agg(pl.col("quantity").sum(), pl.col("work").first()).sort(keys)


def made_and_taken(rows: pl.DataFrame, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What was made, co-products included, and what recipes take for it at standard: item, location, quantity [unit].

    Formula: made = actuals make; a co-product that no row names comes out by its recipe. Taken = started × components.
    """
    begun = started(rows, ways(snapshot).routings)
    runs = begun.select("routing", "location", started="quantity")
    each = pl.col("started") * pl.col("quantity")
    beside = runs.join(snapshot["co_products"], on="routing").select("item", "location", quantity=each)
    taken = runs.join(snapshot["components"], on="routing").select("location", item="component", quantity=each)
    named = rows.filter(pl.col("measure") == "make").select(*NODE, pl.col("quantity").fill_null(0.0))
    made = pl.concat([named, beside.join(named, on="item", how="anti").select(named.columns)])
    sums = [one.select(*NODE, "quantity").group_by(NODE).agg(pl.col("quantity").sum()) for one in (made, taken)]
    return sums[0].sort(NODE), sums[1].sort(NODE)


def _make(rows: pl.DataFrame, snapshot: Snapshot, known: Ways, notes: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Flow make on the cheapest routing, and what it cost as lines.

    Formula: units started × the routing's cost per unit, and its steps at standard where nobody booked hours.
    """
    begun = started(rows, known.routings)
    beside = snapshot["co_products"].join(begun, on="routing", how="semi").select("item")
    lost = begun.filter(pl.col("routing") == "").join(beside, on="item", how="anti")
    if lost.height:
        notes.append(f"{lost.height} rows made ({lost['quantity'].sum():,.6g} units) have no routing, no cost.")
    flow = begun.filter(pl.col("routing") != "")
    cost = snapshot["routings"].unique("routing", keep="first").select("routing", own=pl.col("cost_per_unit"))
    work = pl.lit(0.0) if rows.filter(pl.col("measure") == "hours").height else pl.col("work").fill_null(0.0)
    priced = flow.join(cost, on="routing", how="left").with_columns(per_unit=-(pl.col("own").fill_null(0.0) + work))
    lines = priced.filter(pl.col("per_unit") != 0, pl.col("quantity") != 0).with_columns(
        account=pl.lit("conversion"), kind=pl.lit("cash"), flow=pl.lit("make"), customer=pl.lit(""),
        amount=pl.col("quantity") * pl.col("per_unit"),
    )  # fmt: skip
    return flow.drop("work"), lines.select(LINES.names())


def _stock(rows: pl.DataFrame) -> pl.DataFrame:
    """Stock of every item and place at every count, 0 where none was found, and the days since the count before."""
    counted = rows.filter(pl.col("measure") == "stock").group_by(*NODE, "date").agg(pl.col("quantity").sum())
    dates = counted.select("date").unique().sort("date")
    gap = (pl.col("date") - pl.col("date").shift(1)).dt.total_days()
    days = dates.with_columns(days=gap.fill_null(gap.min()).fill_null(1).cast(pl.Float64))
    grid = counted.select(NODE).unique().join(days, how="cross").join(counted, on=[*NODE, "date"], how="left")
    period = pl.col("date").dt.strftime("%Y-%m-%d")
    return grid.select(*NODE, period=period, quantity=pl.col("quantity").fill_null(0.0), days="days").sort(
        *NODE, "period"
    )


def _once(flow: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in flow.columns if name not in ("quantity", "paid")]
    return flow.group_by(keys).agg(pl.col("quantity").sum()).sort(keys)


def _count(rows: pl.DataFrame, notes: list[str]) -> None:
    free = rows.filter(pl.col("measure") == "ship", pl.col("amount").is_null())
    if free.height:
        notes.append(f"{free.height} rows of ship have no amount: their freight is not known.")
    strange = rows.filter(~pl.col("measure").is_in([*ACCOUNT, *OTHER]))
    if strange.height:
        notes.append(
            f"{strange.height} rows of other measures ({', '.join(strange['measure'].unique().sort())}) are left out."
        )


def _days(snapshot: Snapshot, window: Window) -> pl.DataFrame:
    days = pl.date_range(*window, eager=True).alias("starts_on")
    frame = pl.DataFrame({"period": days.dt.strftime("%Y-%m-%d"), "starts_on": days, "ends_on": days})
    calendar = snapshot.calendar
    return frame.with_columns(
        index=pl.int_range(pl.len(), dtype=pl.Int64),
        days=pl.lit(1, dtype=pl.Int64),
        week=calendar.iso_week(days),
        month=calendar.fiscal_month(days),
    )
