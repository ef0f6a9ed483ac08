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
    rows = snapshot["actuals"].with_columns(period=pl.col("date").dt.strftime("%Y-%m-%d"))
    known = ways(snapshot)
    notes: list[str] = []
    buy, sell, stock = _buy(rows, known, notes), _sell(rows), _stock(rows)
    make, booked = _make(rows, snapshot, known, notes)
    paid = rows.filter(pl.col("measure").is_in(list(ACCOUNT)), pl.col("amount").is_not_null())
    lines = [_booked(paid), booked]
    unpaid = {
        "sell": sell.filter(~pl.col("paid")),
        "buy": buy.filter(~pl.col("paid")),
        "stock": stock.with_columns(quantity=pl.col("quantity") * pl.col("days")),
    }
    if not rows.filter(pl.col("measure") == "hours").height:
        unpaid["make"] = make
        lines = [_booked(paid)]
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


def _make(rows: pl.DataFrame, snapshot: Snapshot, known: Ways, notes: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Flow make on the cheapest routing, and its cost per unit as lines, for when hours are booked on their own."""
    made = rows.filter(pl.col("measure") == "make").join(known.routings, on=NODE, how="left", validate="m:1")
    lost = made.filter(pl.col("routing").is_null())
    if lost.height:
        notes.append(f"{lost.height} rows made ({lost['quantity'].sum():,.6g} units) have no routing, no cost.")
    started = made.filter(pl.col("routing").is_not_null()).with_columns(quantity=pl.col("quantity") / pl.col("yield"))
    keys = ["routing", *NODE, "period"]
    flow = started.group_by(keys).agg(pl.col("quantity").sum()).sort(keys)
    cost = snapshot["routings"].unique("routing", keep="first").select("routing", per_unit=-pl.col("cost_per_unit"))
    lines = flow.join(cost, on="routing", how="left").filter(pl.col("per_unit") != 0).with_columns(
        account=pl.lit("conversion"), kind=pl.lit("cash"), flow=pl.lit("make"), customer=pl.lit(""),
        amount=pl.col("quantity") * pl.col("per_unit"),
    )  # fmt: skip
    return flow, lines.select(LINES.names())


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
    for measure in ("ship", "hours"):
        free = rows.filter(pl.col("measure") == measure, pl.col("amount").is_null())
        if free.height:
            notes.append(f"{free.height} rows of {measure} have no amount: their {ACCOUNT[measure]} is not known.")
    strange = rows.filter(~pl.col("measure").is_in([*ACCOUNT, "make", "stock"]))
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
