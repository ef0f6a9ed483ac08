"""Splits S&OP plan and budget from families and months to items, customers and weeks, by the forecast's mix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import cast

import numpy as np
import polars as pl

from soe_lib.errors import DataError, ReconciliationError
from soe_lib.extract.precedence import labelled
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cheapest_supply import Requirements, cheapest_supply
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.rounding import largest_remainder, whole
from soe_lib.money.window import Window

PLACE = ["item", "location", "customer"]
OUTSIDE = ""
"""The period of the part outside the horizon: it is split like any other period and then left out."""

_SPLIT = ("family", "location", "quantity")
CLOSE = 1e-6
"""Units below which a quantity counts as 0."""

_ROW = "_commitment"
_LABELS = ["fiscal_month", "family", "location"]
LINE = ["item", "location", "customer", "period"]


@dataclass(frozen=True, eq=False)
class Mix:
    """The sales mix of a family by fiscal month, item, location and customer.

    Parameters
    ----------
    rows : fiscal_month, family, item, location, customer, weight [unit], price and cost [money/unit].
    even : the same columns with equal weights of all items of a family, for families without a forecast.
    parts : fiscal_month, period (blank: outside the horizon), share, _place (order of time).
    """

    rows: pl.DataFrame
    even: pl.DataFrame
    parts: pl.DataFrame


def forecast_mix(snapshot: Snapshot, months: pl.Series) -> Mix:
    """The mix of the planned version of the forecast.

    Formula: weight = Σ forecast quantity × share of its label in a period × share of that period in a month,
    shares by working days.
    """
    calendar = snapshot.calendar
    rows = snapshot["forecast"]
    if snapshot.settings.forecast.version:
        rows = rows.filter(pl.col("version") == snapshot.settings.forecast.version)
    dated = labelled(calendar, rows, "forecast").rename({"period": "label"})
    shares = calendar.shares(dated.get_column("label")).rename({"share": "_part"})
    spread = (
        dated.join(shares, on="label")
        .join(calendar.months, on="period")
        .with_columns(weight=pl.col("quantity") * pl.col("_part") * pl.col("share"))
    )
    items = snapshot["items"].select("item", "family", "price", cost="standard_cost")
    priced = spread.join(items, on="item", how="left", suffix="_list", validate="m:1").with_columns(
        pl.coalesce("price", "price_list").fill_null(0.0).alias("price"), pl.col("cost").fill_null(0.0)
    )
    mean = (pl.col("price") * pl.col("weight")).sum() / pl.col("weight").sum()
    keys = [pl.col("month").alias("fiscal_month"), "family", *PLACE]
    mixed = (
        priced.filter(pl.col("weight") > 0)
        .group_by(keys)
        .agg(pl.col("weight").sum(), mean.alias("price"), pl.first("cost"))
    )
    even = snapshot["items"].select(
        pl.lit("").alias("fiscal_month"), "family", "item", location=pl.lit(""), customer=pl.lit(""), weight=pl.lit(1.0)
    )
    return Mix(mixed.sort("fiscal_month", "family", *PLACE), even, _parts(snapshot, months))


def _parts(snapshot: Snapshot, months: pl.Series) -> pl.DataFrame:
    order = snapshot.periods.select("period", _place="index")
    inside = snapshot.calendar.shares(months).rename({"label": "fiscal_month"}).join(order, on="period")
    asked = pl.DataFrame({"fiscal_month": months.unique().sort()})
    known = inside.group_by("fiscal_month").agg(pl.col("share").sum())
    rest = asked.join(known, on="fiscal_month", how="left").select(
        "fiscal_month",
        period=pl.lit(OUTSIDE),
        share=(1.0 - pl.col("share").fill_null(0.0)).round(12).clip(0.0),
        _place=pl.lit(snapshot.periods.height, dtype=pl.Int64),
    )
    return pl.concat([inside.select(rest.columns), rest]).filter(pl.col("share") > 0)


def check_families(snapshot: Snapshot, table: str) -> None:
    """Raises DataError if the table names a family that no item has."""
    known = snapshot["items"].select("family")
    lost = snapshot[table].filter(pl.col("family") != "").join(known, on="family", how="anti")
    if lost.height:
        names = ", ".join(lost.get_column("family").unique().sort())
        raise DataError(
            f"{lost.height} of {snapshot[table].height} rows of {table} name families that no item has: {names}. "
            f"Correct them in {table}, or give items.family."
        )


def spread(
    rows: pl.DataFrame, mix: Mix, *, weight: pl.Expr | None = None, minor: int = 1
) -> tuple[pl.DataFrame, list[str]]:
    """Quantities by month, family and location as quantities by item, location, customer and period.

    Formula: quantity × weight / Σ weight × share of the month in the period. Whole quantities are split by largest
    remainder over items and customers, then by running total over time, so that all parts, those outside the horizon
    included, add up to the quantity. Blank family or location: all of the mix. Without a forecast for the month, the
    mix of the whole horizon is used, then that of other locations, then equal weights; notes count each case.

    Parameters
    ----------
    rows : fiscal_month, family, location, quantity, in any unit, and any other columns.
    weight : weights other than `weight`, such as money.
    minor : minor units per unit of the notes, such as 100 cents.

    Returns the rows' other columns, item, location, customer, period, quantity; and notes.
    """
    inside = mix.parts.filter(pl.col("period") != OUTSIDE)
    numbered = rows.join(inside, on="fiscal_month", how="semi", maintain_order="left").with_row_index("_row")
    weighed = mix.rows.with_columns((weight if weight is not None else pl.col("weight")).alias("weight"))
    found, notes = _mixed(numbered, weighed.filter(pl.col("weight") > 0), mix.even, minor)
    cells = _over_places(found.sort("_row", *PLACE))
    parts = _over_time(cells.join(mix.parts, on="fiscal_month").sort("_row", *PLACE, "_place"))
    kept = parts.filter(pl.col("period") != OUTSIDE, pl.col("quantity") != 0)
    return kept.select(
        *(name for name in rows.columns if name not in _SPLIT), "family", *PLACE, "period", "quantity"
    ), notes


def _over_places(found: pl.DataFrame) -> pl.DataFrame:
    """Each row's quantity split over items, locations and customers; whole quantities by largest remainder."""
    share = pl.col("weight") / pl.col("weight").sum().over("_row")
    exact = found.select(pl.col("quantity") * share).to_series().to_numpy()
    is_whole = (found["quantity"] == found["quantity"].round(0)).to_numpy()
    whole_rows = found.filter(pl.Series(is_whole))
    totals = whole_rows.unique("_row", keep="first", maintain_order=True)["quantity"].to_numpy()
    out = np.array(exact)
    if is_whole.any():
        out[is_whole] = largest_remainder(exact[is_whole], totals, groups=whole_rows["_row"].to_numpy())
    return found.with_columns(quantity=pl.Series(out), _whole=pl.Series(is_whole))


def _over_time(cells: pl.DataFrame) -> pl.DataFrame:
    """Each cell split over the periods in order of time; whole quantities by the rounded running total.

    The running total keeps the parts even: 3.4 per week become 3, 4, 3, 4, 3 and not 4, 4, 3, 3, 3.
    """
    place = ["_row", *PLACE]
    running = (pl.col("quantity") * pl.col("share")).cum_sum().over(place)
    exact = cells.with_columns(_upto=running)
    upto = exact.with_columns(
        _upto=pl.when("_whole").then(pl.Series(whole(exact["_upto"]).astype(float))).otherwise("_upto")
    )
    return upto.with_columns(quantity=pl.col("_upto") - pl.col("_upto").shift(1).over(place).fill_null(0.0))


def _mixed(rows: pl.DataFrame, mix: pl.DataFrame, even: pl.DataFrame, minor: int) -> tuple[pl.DataFrame, list[str]]:
    """Each row joined to the most specific part of the mix that matches it."""
    notes, found, rest = [], [], rows
    steps = [
        (("fiscal_month", "family", "location"), mix, ""),
        (("family", "location"), mix, "by the mix of the whole horizon"),
        (("family",), mix, "by the mix of other locations"),
        (("family",), even, "evenly over the items of the family, without a forecast"),
    ]
    for keys, known, how in steps:
        fits = pl.concat([_fitting(part, known, keys) for part in _by_blanks(rest)])
        found.append(fits)
        if how and fits.height:
            taken = rest.join(fits, on="_row", how="semi")
            notes.append(f"{taken.height} rows ({taken['quantity'].sum() / minor:,.12g}) are split {how}.")
        rest = rest.join(fits, on="_row", how="anti")
    return pl.concat(found), notes


def _by_blanks(rows: pl.DataFrame) -> list[pl.DataFrame]:
    family, location = pl.col("family") == "", pl.col("location") == ""
    return [rows.filter(f, g) for f in (family, ~family) for g in (location, ~location)]


def _fitting(rows: pl.DataFrame, mix: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Rows with the same blank labels, joined to the mix on their other keys."""
    first = rows.row(0, named=True) if rows.height else dict.fromkeys(rows.columns, "")
    given = [key for key in keys if key == "fiscal_month" or first[key] != ""]
    moved = "location" not in keys and first["location"] != ""
    place = pl.lit("") if moved else pl.col("location")
    labels = [*given, pl.col("family").alias("_family"), place.alias("_place"), "item", "customer"]
    totals = mix.group_by(labels).agg(pl.col("weight").sum())
    joined = rows.join(totals, on=given, how="inner") if given else rows.join(totals, how="cross")
    where = pl.col("location") if moved else pl.col("_place")
    return joined.with_columns(family="_family", location=where).drop("_family", "_place")


def committed(snapshot: Snapshot) -> pl.DataFrame:
    """The S&OP sales commitments: fiscal_month, family, location (blank: all), quantity [units], amount [money].

    Raises DataError if there are none, or for a family that no item has.
    """
    check_families(snapshot, "consensus")
    rows = snapshot["consensus"].filter(pl.col("measure") == "sales", pl.col("quantity").is_not_null())
    if rows.is_empty():
        raise DataError(f"{snapshot.folder} has no consensus with sales: there is no S&OP commitment.")
    return rows.drop("measure")


def committed_by_week(snapshot: Snapshot) -> pl.DataFrame:
    """The monthly family commitments as a weekly item plan, by the forecast's mix and working days.

    Formula: quantity × weight of the item and customer in the month's forecast ÷ Σ weights × working days of the month
    in the week ÷ working days of the month; whole units by largest remainder, so that the weeks of a month within the
    horizon add up to the commitment, and those of other months never exceed it.

    Returns
    -------
    fiscal_month, family, location (of the commitment, blank: all), item, customer, week, quantity [units].

    Raises DataError as `committed` does; ReconciliationError if the weeks do not add up.

    Examples
    --------
    >>> soe.money.committed_by_week(small).select("item", "week", "quantity").rows()
    [('coffee', '2026-W04', 34.0), ('coffee', '2026-W05', 34.0), ('tea', '2026-W04', 34.0), ('tea', '2026-W05', 34.0)]
    """
    rows = committed(snapshot).with_row_index(_ROW)
    cells, _ = spread(rows.drop("amount"), forecast_mix(snapshot, rows["fiscal_month"]))
    keys = [_ROW, "item", "customer", "week"]
    weeks = cells.join(snapshot.periods.select("period", "week"), on="period", validate="m:1")
    found = weeks.group_by(keys).agg(pl.col("quantity").sum())
    _check(found, rows, snapshot)
    labelled = found.join(rows.select(_ROW, *_LABELS), on=_ROW, validate="m:1")
    return labelled.select(*_LABELS, *keys[1:], "quantity").sort(*_LABELS, *keys[1:])


def committed_by_month(weeks: pl.DataFrame) -> pl.DataFrame:
    """A weekly item plan as monthly family commitments again: fiscal_month, family, location, quantity [units]."""
    return weeks.group_by(_LABELS).agg(pl.col("quantity").sum()).sort(_LABELS)


def _check(found: pl.DataFrame, rows: pl.DataFrame, snapshot: Snapshot) -> None:
    """Check that a month within the horizon adds up to its commitment, and that no other month exceeds it."""
    shares = snapshot.calendar.shares(rows["fiscal_month"]).group_by("label").agg(pl.col("share").sum())
    sums = found.group_by(_ROW).agg(split=pl.col("quantity").sum())
    both = rows.join(shares, left_on="fiscal_month", right_on="label", how="left", validate="m:1")
    both = both.join(sums, on=_ROW, how="left", validate="1:1").with_columns(pl.col("share", "split").fill_null(0.0))
    off = pl.col("split") - pl.col("quantity")
    whole = pl.col("share") > 1 - 1e-9
    torn = both.filter(pl.when(whole).then(off.abs() > CLOSE).otherwise(off > CLOSE))
    if torn.height:
        raise ReconciliationError(f"{torn.height} commitments do not add up over their weeks, first {torn.row(0)}.")


def covered(snapshot: Snapshot, table: str) -> tuple[Window, list[str]]:
    """The days of the horizon that the table's months cover, and a note if a working day is not covered.

    Raises DataError if no day is covered.
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
    """Cells as flow sell, served on time and without an order."""
    units = cells.group_by(LINE).agg(pl.col("quantity").sum()).sort(LINE)
    return units.select(
        "item", "location", "customer", order=pl.lit(""), due="period", period="period", quantity="quantity"
    )


def supplied(
    snapshot: Snapshot, sell: pl.DataFrame, on_hand: pl.DataFrame, coming: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Flows make, run, buy and ship for the S&OP sales, and notes on assumptions."""
    known = cheapest_supply(snapshot)
    first = snapshot.periods["period"][0]
    ours = pl.concat(
        [on_hand.with_columns(period=pl.lit(first)).select(coming.columns[2:]), coming.select(coming.columns[2:])]
    )
    supply = Requirements(snapshot, known, ours.filter(pl.col("period") != "beyond"))
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
    notes.append("Production, purchases and shipments use the cheapest ordinary source, in the period of use.")
    return flows, notes


def _made_by_consensus(snapshot: Snapshot, routings: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Units started on routings: routing, item, location, period, quantity; empty if S&OP has no production."""
    rows = snapshot["consensus"].filter(pl.col("measure") == "make").with_columns(pl.col("quantity").fill_null(0.0))
    columns = ["routing", "item", "location", "period", "quantity"]
    if rows.is_empty():
        empty = pl.DataFrame(schema={**dict.fromkeys(columns[:4], pl.String), "quantity": pl.Float64})
        return empty, ["S&OP has no production: sales are made or bought in the same period, after stock."]
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
            f"{elsewhere['quantity'].sum():,.6g} units are made elsewhere: no routing makes them at the S&OP location."
        )
    notes = [f"S&OP make: {note}" for note in notes]
    made = made.with_columns(quantity=pl.col("quantity") / pl.col("yield"))
    return made.group_by(columns[:4]).agg(pl.col("quantity").sum()).sort(columns[:4]), notes


def said_amount(snapshot: Snapshot, ledger: Ledger) -> list[str]:
    """A note that compares the revenue stated by S&OP with its revenue at this extract's prices."""
    rows = snapshot["consensus"].filter(pl.col("measure") == "sales", pl.col("amount").is_not_null())
    if rows.is_empty():
        return []
    shares = snapshot.calendar.shares(rows["fiscal_month"]).group_by("label").agg(pl.col("share").sum())
    stated = rows.join(shares, left_on="fiscal_month", right_on="label", how="inner")
    own = float((stated["amount"] * stated["share"]).sum())
    here = ledger.accounts().get("revenue", 0.0)
    return [f"S&OP states revenue of {own:,.2f} for these days; at this extract's prices it is {here:,.2f}."]


def budget_lines(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[str]]:
    """The budget's flow sell, the part of it without an amount, its ledger lines, and notes.

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
        notes.append(f"{empty + only_units.height} rows of the budget have no amount and count as 0.")
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
