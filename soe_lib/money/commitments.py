"""S&OP plan and budget, from a family and a month to flows and money lines."""

from __future__ import annotations

from datetime import date
from typing import cast

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.reading import Window
from soe_lib.money.split import check_families, forecast_mix, spread
from soe_lib.money.supply import Supply
from soe_lib.money.ways import ways

LINE = ["item", "location", "customer", "period"]


def covered(snapshot: Snapshot, table: str) -> tuple[Window, list[str]]:
    """The days of the horizon that the table's months cover, and a note where a working day is not covered.

    Raises DataError where it covers none.
    """
    months = snapshot[table].get_column("fiscal_month")
    start, end = _days(snapshot.periods, "starts_on", "ends_on")
    spans = snapshot.calendar.spans(months).filter(pl.col("last") >= start, pl.col("first") <= end)
    if spans.is_empty():
        known = ", ".join(months.unique().sort())
        raise DataError(f"{table} has no month between {start} and {end}, only {known}: add the months of the horizon.")
    first, last = _days(spans, "first", "last")
    days = pl.date_range(start, end, eager=True)
    works = days.filter(days.dt.weekday().is_in(list(snapshot.settings.calendar.working_days)))
    window = (
        start if works.filter(works < first).is_empty() else first,
        end if works.filter(works > last).is_empty() else last,
    )
    if window == (start, end):
        return window, []
    return window, [f"{table} covers {window[0]} to {window[1]} of the horizon {start} to {end}."]


def _days(spans: pl.DataFrame, first: str, last: str) -> Window:
    return cast("date", spans.get_column(first).min()), cast("date", spans.get_column(last).max())


def sold_by_consensus(snapshot: Snapshot) -> tuple[pl.DataFrame, list[str]]:
    """The S&OP sales as flow sell; raises DataError for a family that no item has."""
    check_families(snapshot, "consensus")
    rows = snapshot["consensus"].filter(pl.col("measure") == "sales").with_columns(pl.col("quantity").fill_null(0.0))
    mix = forecast_mix(snapshot, rows.get_column("fiscal_month"))
    cells, notes = spread(rows, mix)
    units = cells["quantity"].sum()
    first = f"S&OP sales of {units:,.6g} units are split by the forecast's mix and working days."
    return as_sales(cells), [first, *(f"S&OP sales: {note}" for note in notes)]


def as_sales(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells as flow sell: served on time, on no order."""
    units = cells.group_by(LINE).agg(pl.col("quantity").sum()).sort(LINE)
    return units.select(
        "item", "location", "customer", order=pl.lit(""), due="period", period="period", quantity="quantity"
    )


def supplied(
    snapshot: Snapshot, sell: pl.DataFrame, on_hand: pl.DataFrame, coming: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Flows make, run, buy and ship that go with the S&OP sales, and what had to be assumed."""
    known = ways(snapshot)
    first = snapshot.periods["period"][0]
    ours = pl.concat(
        [on_hand.with_columns(period=pl.lit(first)).select(coming.columns[2:]), coming.select(coming.columns[2:])]
    )
    supply = Supply(snapshot, known, ours.filter(pl.col("period") != "beyond"))
    started, notes = _made_by_consensus(snapshot, known.routings)
    shares = started.group_by("item", "location").agg(made=pl.col("quantity").sum())
    wanted = (
        sell.select("item", "location", "period", "quantity")
        .group_by("item", "location", "period")
        .agg(pl.col("quantity").sum())
    )
    given = wanted.join(shares, on="item", how="semi")
    supply.ship(given, shares=shares, net=False)
    parts = supply.make(started)
    free = supply.ship(wanted.join(shares, on="item", how="anti"))
    supply.explode(pl.concat([parts, free]).group_by("item", "location", "period").agg(pl.col("quantity").sum()))
    flows = supply.collected()
    if known.runs.height and "make" in flows:
        run = flows["make"].join(known.runs, on="routing").select("routing", "step", "resource", "period", "quantity")
        flows["run"] = run.sort("routing", "step", "resource", "period")
    notes += supply.notes
    notes.append("Made, bought and shipped the cheapest ordinary way, in the period of use.")
    return flows, notes


def _made_by_consensus(snapshot: Snapshot, routings: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Units started on routings: routing, item, location, period, quantity; empty where S&OP says nothing of making."""
    rows = snapshot["consensus"].filter(pl.col("measure") == "make").with_columns(pl.col("quantity").fill_null(0.0))
    columns = ["routing", "item", "location", "period", "quantity"]
    if rows.is_empty():
        empty = pl.DataFrame(schema={**dict.fromkeys(columns[:4], pl.String), "quantity": pl.Float64})
        return empty, ["S&OP says nothing of making: what is sold is made or bought in the same period, after stock."]
    mix = forecast_mix(snapshot, rows.get_column("fiscal_month"))
    sold = mix.rows.group_by("fiscal_month", "family", "item").agg(pl.col("weight").sum())
    places = routings.select("item", "location")
    fits = sold.join(places, on="item").with_columns(customer=pl.lit(""))
    even = mix.even.drop("location").join(places, on="item").select(mix.even.columns)
    cells, notes = spread(rows, type(mix)(fits, even, mix.parts))
    made = cells.join(routings, on=["item", "location"], how="left", validate="m:1")
    elsewhere = made.filter(pl.col("routing").is_null())
    if elsewhere.height:
        best = routings.sort("item", "total").unique("item", keep="first", maintain_order=True)
        moved = elsewhere.select(cells.columns).drop("location").join(best, on="item", how="inner")
        made = pl.concat([made.filter(pl.col("routing").is_not_null()), moved.select(made.columns)])
        notes.append(
            f"{elsewhere['quantity'].sum():,.6g} units are made elsewhere: S&OP makes them where nothing makes them."
        )
    notes = [f"S&OP make: {note}" for note in notes]
    made = made.with_columns(quantity=pl.col("quantity") / pl.col("yield"))
    return made.group_by(columns[:4]).agg(pl.col("quantity").sum()).sort(columns[:4]), notes


def said_amount(snapshot: Snapshot, ledger: Ledger) -> list[str]:
    """What S&OP itself says its sales are worth, beside what they are worth here."""
    rows = snapshot["consensus"].filter(pl.col("measure") == "sales", pl.col("amount").is_not_null())
    if rows.is_empty():
        return []
    shares = snapshot.calendar.shares(rows["fiscal_month"]).group_by("label").agg(pl.col("share").sum())
    stated = rows.join(shares, left_on="fiscal_month", right_on="label", how="inner")
    own = float((stated["amount"] * stated["share"]).sum())
    here = ledger.accounts().get("revenue", 0.0)
    return [f"S&OP states revenue of {own:,.2f} for these days; at this extract's prices it is {here:,.2f}."]


def budget_lines(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[str]]:
    """Of the budget: flow sell, the part of it that has no amount, ledger lines, and notes.

    Raises DataError for a family that no item has.
    """
    check_families(snapshot, "budget")
    rows = snapshot["budget"].with_columns(
        account=pl.when((pl.col("account") == "") & (pl.col("measure") == "sales"))
        .then(pl.lit("revenue"))
        .otherwise("account")
    )
    mix = forecast_mix(snapshot, rows.get_column("fiscal_month"))
    sales = rows.filter(pl.col("account") == "revenue", pl.col("quantity").is_not_null())
    units, found = spread(sales, mix)
    notes = [f"budget, units: {note}" for note in found]
    unpriced = units.filter(pl.col("amount").is_null())
    money = []
    for account, weight in (("revenue", "price"), ("", "cost")):
        mine = pl.col("account") == "revenue" if account else pl.col("account") != "revenue"
        part = rows.filter(mine, pl.col("amount").is_not_null()).with_columns(quantity=pl.col("amount") * 100)
        cells, found = spread(part.drop("amount"), mix, weight=pl.col("weight") * pl.col(weight), minor=100)
        money.append(cells.with_columns(pl.col("quantity") / 100))
        notes += [f"budget, {account or 'costs'}: {note}" for note in found]
    empty = rows.filter(pl.col("amount").is_null() & pl.col("quantity").is_null()).height
    only_units = rows.filter(
        pl.col("amount").is_null(), pl.col("quantity").is_not_null(), pl.col("account") != "revenue"
    )
    if empty or only_units.height:
        notes.append(f"{empty + only_units.height} rows of the budget have no amount and are worth nothing here.")
    return as_sales(units), as_sales(unpriced), _lines(pl.concat(money)), notes


def _lines(cells: pl.DataFrame) -> pl.DataFrame:
    inventory = pl.col("account").is_in(["end value"])
    return cells.with_columns(
        kind=pl.when(inventory).then(pl.lit("inventory")).otherwise(pl.lit("cash")),
        flow=pl.lit("budget"),
        amount="quantity",
        quantity=pl.lit(1.0),
        per_unit=pl.col("quantity"),
    ).select(LINES.names())
