"""Actuals as a valued plan: flows by day, booked money, counted stock, and crews' pay."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import cast

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cheapest_supply import CheapestSupply, cheapest_supply
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.rates import RateBook
from soe_lib.money.window import Valued, Window, assumed

NODE = ["item", "location"]
ACCOUNT = {"sales": "revenue", "buy": "material", "ship": "freight", "hours": "conversion"}
"""Measure → the account that its amount is booked to."""
OTHER = ("make", "stock", "demand", "lost hours")
"""Measures whose amount is not booked: other lines value production and stock; demand and lost hours have no money."""
CELLS = pl.Schema({"item": pl.String, "location": pl.String, "quantity": pl.Float64})
MOVEMENTS = ("sales", "make", "buy", "ship")
CLOSE = 1e-6
"""Units below which a quantity counts as 0."""
NOT_KNOWN = "is not known"
"""In every message about profit that is unknown because stock is unknown."""


def value_actuals(snapshot: Snapshot, rate_book: RateBook, *, name: str = "actuals") -> Valued:
    """The actuals by day, at booked amounts, else at this week's prices and costs.

    Formula: sales, buy, ship and hours at their amount (revenue, material, freight, conversion). Without an amount,
    sales are at the nearest price, purchases at the cheapest offer (without an offer at standard cost), hours at the
    resource's hourly cost. Production is at the routing's cost_per_unit × units started, plus its standard hours if no
    hours are recorded. Holding = stock × days since the last count × holding rate. There is no end value: compare
    actuals within a window.

    Raises DataError if there are no actuals.

    Examples
    --------
    >>> soe.money.value_actuals(small, soe.plan(small).rates).ledger.accounts()
    {'revenue': 920.0}
    """
    if snapshot["actuals"].is_empty():
        raise DataError(f"{snapshot.folder} has no actuals to value.")
    known = cheapest_supply(snapshot)
    notes: list[str] = []
    rows = snapshot["actuals"].with_columns(period=pl.col("date").dt.strftime("%Y-%m-%d"))
    rows = _hours_paid(_bought_at_standard(rows, snapshot, known, notes), snapshot, notes)
    buy, sell, stock = _buy(rows, known, notes), _sell(rows), _stock(rows)
    make, booked = _make(rows, snapshot, known, notes)
    paid = rows.filter(pl.col("measure").is_in(list(ACCOUNT)), pl.col("amount").is_not_null())
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
    periods = _days(snapshot, window)
    ledger = rate_book.value(unpaid, match="nearest", items=snapshot["items"], periods=periods)
    ledger += Ledger(pl.concat([_booked(paid), booked]))
    notes = [*notes, *assumed(ledger), "Actuals have no end value of their own: compare them within a window."]
    return Valued(name, flows, ledger, tuple(notes), window, periods, snapshot["items"], rate_book)


def value_closed_week(before: Snapshot, now: Snapshot, rate_book: RateBook, *, name: str = "actual") -> Valued:
    """The actuals of the days between two extracts, with their opening and closing stock.

    Formula: see `value_actuals`; opening and closing stock from counts and inventories; flow `uncounted` has goods in
    transit and items that no count names; crews are paid by heads, see `wages`.

    Raises DataError if there are no actuals of these days, or the stock at one end is unknown.
    """
    window = closed_days(before, now)
    ends = window[0] - timedelta(days=1), window[1]
    counted, beside, notes = _stocktaking(before, now, window)
    rows = now["actuals"].filter(pl.col("date").is_between(*window))
    inner = rows.filter((pl.col("measure") != "stock") | (pl.col("date") < window[1]))
    counts = [
        cells.select(*NODE, "quantity", date=pl.lit(day), measure=pl.lit("stock"))
        for day, cells in zip(ends, counted, strict=True)
    ]
    actuals = pl.concat([inner, *counts], how="diagonal").with_columns(pl.col("resource", "customer").fill_null(""))
    done = value_actuals(now.replace(actuals=actuals), rate_book, name=name)
    pay, guessed = wages(before, now)
    return replace(
        done,
        flows={**done.flows, "uncounted": _at_ends(*beside, ends)},
        ledger=done.ledger + Ledger(pay),
        window=(ends[0], ends[1]),
        assumptions=(*notes, *done.assumptions, *guessed),
    )


def _booked(paid: pl.DataFrame) -> pl.DataFrame:
    """Ledger lines of booked amounts; costs are positive in actuals and negative in the ledger."""
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


def _buy(rows: pl.DataFrame, known: CheapestSupply, notes: list[str]) -> pl.DataFrame:
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


def _bought_at_standard(
    rows: pl.DataFrame, snapshot: Snapshot, known: CheapestSupply, notes: list[str]
) -> pl.DataFrame:
    """The rows, with standard cost as amount of purchases that have neither amount nor offer."""
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
    """The rows, with the resource's hourly cost as amount of hours that have none."""
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
    """Units started for actual production, on the cheapest routing; routing is blank if none makes the item there.

    Parameters
    ----------
    rows : actuals. routings : from `cheapest_supply`.

    Returns routing, item, location, period, work [money/unit started], quantity [units started].
    """
    made = rows.filter(pl.col("measure") == "make").with_columns(period=pl.col("date").dt.strftime("%Y-%m-%d"))
    routed = made.join(routings, on=NODE, how="left", validate="m:1").with_columns(
        pl.col("routing").fill_null(""), quantity=pl.col("quantity").fill_null(0.0) / pl.col("yield").fill_null(1.0)
    )
    keys = ["routing", *NODE, "period"]
    return routed.group_by(keys).agg(pl.col("quantity").sum(), pl.col("work").first()).sort(keys)


def made_and_taken(rows: pl.DataFrame, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Actual production with co-products, and its standard component usage: item, location, quantity [unit].

    Formula: made = actuals make, plus co-products by recipe if no row names them. Taken = started × components.
    """
    begun = started(rows, cheapest_supply(snapshot).routings)
    runs = begun.select("routing", "location", started="quantity")
    each = pl.col("started") * pl.col("quantity")
    beside = runs.join(snapshot["co_products"], on="routing").select("item", "location", quantity=each)
    taken = runs.join(snapshot["components"], on="routing").select("location", item="component", quantity=each)
    named = rows.filter(pl.col("measure") == "make").select(*NODE, pl.col("quantity").fill_null(0.0))
    made = pl.concat([named, beside.join(named, on="item", how="anti").select(named.columns)])
    sums = [one.select(*NODE, "quantity").group_by(NODE).agg(pl.col("quantity").sum()) for one in (made, taken)]
    return sums[0].sort(NODE), sums[1].sort(NODE)


def _make(
    rows: pl.DataFrame, snapshot: Snapshot, known: CheapestSupply, notes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Flow make on the cheapest routing, and its cost lines.

    Formula: units started × the routing's cost per unit, plus its steps at standard if no hours are booked.
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
    """Stock of every item and place at every count, 0 if not counted, and the days since the previous count."""
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
        notes.append(f"{free.height} rows of ship have no amount: their freight is unknown.")
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


def closed_days(before: Snapshot, now: Snapshot) -> Window:
    """The days between two extracts; raises DataError if there are no actuals of them."""
    window = before.as_of, now.as_of - timedelta(days=1)
    if now["actuals"].filter(pl.col("date").is_between(*window)).is_empty():
        raise DataError(f"there are no actuals of {window[0]} to {window[1]}: there is no closed week to explain.")
    return window


def _stocktaking(
    before: Snapshot, now: Snapshot, window: Window
) -> tuple[tuple[pl.DataFrame, pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame], list[str]]:
    """Opening and closing stock of the days between two extracts.

    Formula: opening = count of the day before, else the earlier extract's inventory; closing = count of the last day,
    else the later extract's inventory. A count of another day is used if nothing moved in between. Items missing from
    a count or inventory have no stock, if receipts explain the later stock. Stock of an item that no count or inventory
    names changes by receipts less issues. Goods in transit are owned receipts.

    Returns item, location, quantity [unit] on hand at both ends; the same for stock owned in addition; and notes.

    Raises DataError if there is neither a count nor an inventory, or closing stock that receipts do not explain.
    """
    rows = _history(before, now)
    on_hand = []
    for edge, day, extract in (("start", window[0] - timedelta(days=1), before), ("end", window[1], now)):
        found = _on_hand(rows, day, extract)
        if found is None:
            raise DataError(
                f"Profit of {window[0]} to {window[1]} is not known: stock at its {edge} is not. Give a count of {day} "
                f"in actuals (measure stock), or inventory in the extract of {extract.as_of}."
            )
        on_hand.append(found)
    opening, closing = on_hand
    left, arriving = _under_way(before), _under_way(now)
    came = _net(rows.filter(pl.col("date").is_between(*window)), now)
    _explained(opening, closing, left, arriving, came, window)
    named = pl.concat([opening.select("item"), closing.select("item"), before["inventory"].select("item"),
                       now["inventory"].select("item"), _counts(rows).select("item")]).unique()  # fmt: skip
    booked = came.join(named, on="item", how="anti").select(*NODE, quantity=pl.col("came") - pl.col("used"))
    booked = booked.filter(pl.col("quantity").abs() > CLOSE)
    return (opening, closing), (left, pl.concat([arriving, booked])), _note(booked)


def as_count(extract: Snapshot) -> pl.DataFrame:
    """The inventory of an extract as a count on the evening before: item, location, quantity, date, measure."""
    day = extract.as_of - timedelta(days=1)
    cells = _cells(extract["inventory"].rename({"on_hand": "quantity"}))
    return cells.with_columns(date=pl.lit(day), measure=pl.lit("stock"), _inventory=pl.lit(value=True))


def _note(booked: pl.DataFrame) -> list[str]:
    if booked.is_empty():
        return []
    names = ", ".join(booked["item"].head(3))
    return [
        f"{booked.height} items that moved are in no count and no inventory ({names}): their stock changes by what "
        "came in less what went out."
    ]


def _history(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """All actuals of the two extracts, each day from the later extract that has it."""
    later = now["actuals"]
    return pl.concat([later, before["actuals"].join(later.select("date").unique(), on="date", how="anti")])


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("measure") == "stock", pl.col("quantity").is_not_null())


def _on_hand(rows: pl.DataFrame, day: date, extract: Snapshot) -> pl.DataFrame | None:
    """Stock at the close of a day; None without a count and without inventory in the extract."""
    counted = _counts(rows)
    when = _counted_on(counted["date"], rows.filter(pl.col("measure").is_in(MOVEMENTS))["date"], day)
    if when is not None:
        return _cells(counted.filter(pl.col("date") == when))
    if extract["inventory"].is_empty() and "inventory" not in extract.settings.tables.none:
        return None
    return _cells(extract["inventory"].rename({"on_hand": "quantity"}))


def _counted_on(counts: pl.Series, moves: pl.Series, day: date) -> date | None:
    """The date of a count that is valid at the close of a day, since nothing moved in between."""
    last, first = counts.filter(counts <= day).max(), counts.filter(counts > day).min()
    if isinstance(last, date) and moves.filter((moves > last) & (moves <= day)).is_empty():
        return last
    if isinstance(first, date) and moves.filter((moves > day) & (moves <= first)).is_empty():
        return first
    return None


def _cells(rows: pl.DataFrame) -> pl.DataFrame:
    cells = rows.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())
    return cells.group_by(NODE).agg(pl.col("quantity").sum()).sort(NODE)


def _under_way(extract: Snapshot) -> pl.DataFrame:
    """Owned receipts that have not arrived: transfers and production in progress."""
    return _cells(extract["receipts"].filter(pl.col("kind") != "buy"))


def _net(rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """item, location (one of them), came (bought, made), sold and used (sold, taken by recipes at standard) [unit]."""
    made, taken = made_and_taken(rows, now)
    kinds = {"buy": "came", "sales": "sold"}
    parts = [
        rows.filter(pl.col("measure") == measure).select(*NODE, pl.col("quantity").fill_null(0.0).alias(name))
        for measure, name in kinds.items()
    ]
    parts += [made.select(*NODE, came="quantity"), taken.select(*NODE, taken="quantity")]
    every = pl.concat(parts, how="diagonal").with_columns(pl.col("came", "sold", "taken").fill_null(0.0))
    sums = every.group_by("item").agg(pl.col("location").min(), pl.col("came", "sold", "taken").sum()).sort("item")
    return sums.with_columns(used=pl.col("sold") + pl.col("taken")).drop("taken")


def _explained(
    opening: pl.DataFrame,
    closing: pl.DataFrame,
    left: pl.DataFrame,
    arriving: pl.DataFrame,
    came: pl.DataFrame,
    window: Window,
) -> None:
    """Raises DataError for closing stock that has no opening stock and that receipts do not explain."""
    new = closing.join(opening, on=NODE, how="anti").filter(pl.col("quantity") > CLOSE).select("item").unique()
    sides = [(closing, 1.0), (arriving, 1.0), (opening, -1.0), (left, -1.0)]
    owned = pl.concat([side.select("item", quantity=pl.col("quantity") * sign) for side, sign in sides])
    grown = new.join(owned.group_by("item").agg(pl.col("quantity").sum()), on="item").join(came, on="item", how="left")
    more = pl.col("quantity") + pl.col("sold").fill_null(0.0) - pl.col("came").fill_null(0.0)
    lost = grown.with_columns(more=more).filter(pl.col("more") > CLOSE + 1e-9 * pl.col("quantity").abs()).sort("item")
    if lost.height:
        names = ", ".join(lost["item"].head(5))
        raise DataError(
            f"Profit of {window[0]} to {window[1]} is not known: {lost.height} items ({names}) have "
            f"{lost['more'].sum():,.6g} units more at its end than came in, at places without stock at its start. Give "
            f"their stock in a count of {window[0] - timedelta(days=1)} or in the inventory of the extract of "
            f"{window[0]}."
        )


def wages(before: Snapshot, now: Snapshot) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Ledger lines of the crews' pay in the days between two extracts, and assumptions.

    Formula: −heads × cost_per_head × length of the days in `costs.per`, −hire_cost or −release_cost × change of heads;
    heads are the opening heads of the later extract, since people come and go at the start of a period. If a crew has
    no hourly cost and its hours of these days have an amount, that amount is its pay and no line is added.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    """
    if before["workforce"].is_empty():
        return pl.DataFrame(schema=LINES), ()
    first, last = closed_days(before, now)
    overlap = pl.min_horizontal("ends_on", pl.lit(last)) - pl.max_horizontal("starts_on", pl.lit(first))
    days = pl.max_horizontal(overlap.dt.total_days() + 1, 0)
    length = float(before.periods.select((pl.col("length") * days / pl.col("days")).sum()).item())
    after = now["workforce"].select("resource", heads="opening_heads")
    crews = before["workforce"].join(after, on="resource", how="left", validate="1:1", maintain_order="left")
    change = pl.col("heads").fill_null(pl.col("opening_heads")) - pl.col("opening_heads")
    pay = {
        "heads": (pl.col("opening_heads") + change, pl.col("cost_per_head") * length),
        "hire": (change.clip(lower_bound=0.0), pl.col("hire_cost")),
        "release": ((-change).clip(lower_bound=0.0), pl.col("release_cost")),
    }
    unpaid = crews.join(_paid_by_the_hour(now, first, last), on="resource", how="anti", maintain_order="left")
    places = now["resources"].select("resource", "location")
    placed = unpaid.join(places, on="resource", how="left", validate="m:1", maintain_order="left")
    lines = [
        placed.select(
            "location", account=pl.lit("workforce"), kind=pl.lit("cash"), flow=pl.lit(flow), item=pl.lit(""),
            customer=pl.lit(""), period=pl.lit(first.isoformat()), quantity=heads, per_unit=-each, amount=-heads * each,
        ).filter(pl.col("amount") != 0).select(LINES.names())
        for flow, (heads, each) in pay.items()
    ]  # fmt: skip
    found = pl.concat(lines)
    note = f"Crews' pay is not in the actuals: {-found['amount'].sum():,.2f} by heads and cost_per_head."
    return found, (note,) if found.height else ()


def _paid_by_the_hour(now: Snapshot, first: date, last: date) -> pl.DataFrame:
    """Crews without an hourly cost whose hours have an amount: resource."""
    free = now["resources"].filter(pl.col("hourly_cost").fill_null(0.0) == 0).select("resource")
    rows = now["actuals"].filter(
        pl.col("date").is_between(pl.lit(first), pl.lit(last)), pl.col("measure") == "hours",
        pl.col("amount").is_not_null(),
    )  # fmt: skip
    return rows.join(free, on="resource", how="semi").select("resource").unique()


def _at_ends(opening: pl.DataFrame, closing: pl.DataFrame, ends: Window) -> pl.DataFrame:
    """Units on two days, 0 if only the other day has some: item, location, period, quantity."""
    parts = [
        rows.select(*NODE, "quantity", period=pl.lit(day.isoformat()))
        for rows, day in ((opening, ends[0]), (closing, ends[1]))
    ]
    days = pl.DataFrame({"period": [day.isoformat() for day in ends]})
    grid = pl.concat(parts).select(NODE).unique().join(days, how="cross")
    sums = pl.concat(parts).group_by(*NODE, "period").agg(pl.col("quantity").sum())
    full = grid.join(sums, on=[*NODE, "period"], how="left").with_columns(pl.col("quantity").fill_null(0.0))
    return full.sort(*NODE, "period")
