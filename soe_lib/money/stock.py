"""What stock costs: what it ties up, what of it nobody will use, and what is paid where there is too little."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

import polars as pl

from soe_lib.extract.snapshot import Snapshot, where_used
from soe_lib.money.cash import CashCurve, cash_curve
from soe_lib.money.rounding import as_money, largest_remainder, whole
from soe_lib.money.window import PlanLike, at_standard_cost, horizon, with_dates

MONTH = 365 / 12
"""Days of a month."""


def idle_stock(plan: PlanLike, snapshot: Snapshot, *, months: float = 3.0, digits: int = 2) -> pl.DataFrame:
    """Today's stock beyond some months of what the plan uses of it, by item over all places.

    Formula: used a month = (sold + taken into other items) ÷ days of the plan × 365/12; obsolete = stock × standard
    cost where nothing is used; excess = max(stock − months × used a month, 0) × standard cost where something is.
    Moving goods from one place to another uses none.

    Parameters
    ----------
    months : of coming use that are no excess.

    Returns item, family, stock, used_a_month [unit], excess, obsolete [money, in whole minor units], the dearest
    first; the columns add up to their rounded sums.

    Raises DataError for stock without a standard cost.
    """
    first, last = horizon(plan)
    used = used_by(plan, snapshot).with_columns(used_a_month=pl.col("quantity") / ((last - first).days + 1) * MONTH)
    stock = snapshot["inventory"].group_by("item").agg(quantity=pl.col("on_hand").sum()).filter(pl.col("quantity") > 0)
    priced = at_standard_cost(stock, snapshot["items"], "in stock").rename({"quantity": "stock"})
    rows = priced.join(used.select("item", "used_a_month"), on="item", how="left").join(
        snapshot["items"].select("item", "family"), on="item", how="left"
    )
    rows = rows.with_columns(pl.col("used_a_month").fill_null(0.0)).sort("item")
    wanted, over = pl.col("used_a_month") > 0, (pl.col("stock") - months * pl.col("used_a_month")).clip(0.0)
    money = rows.select(
        excess=pl.when(wanted).then(over * pl.col("standard_cost")).otherwise(0.0),
        obsolete=pl.when(wanted).then(0.0).otherwise("worth"),
    )
    cents = {name: largest_remainder(money[name].to_numpy() * 10**digits) for name in money.columns}
    shown = rows.with_columns(pl.Series(name, values, dtype=pl.Int64) for name, values in cents.items())
    order = shown.with_columns(_all=-pl.col("excess") - pl.col("obsolete")).sort("_all", "item")
    return order.select("item", "family", "stock", "used_a_month", as_money(pl.col("excess", "obsolete"), digits))


def used_by(plan: PlanLike, snapshot: Snapshot) -> pl.DataFrame:
    """item, quantity: sold, or taken into what is made."""
    parts = [pl.DataFrame(schema={"item": pl.String, "quantity": pl.Float64})]
    if "sell" in plan.flows:
        parts.append(plan.flows["sell"].select(pl.col("item").cast(pl.String), "quantity"))
    if "make" in plan.flows:
        made = plan.flows["make"].select(pl.col("routing").cast(pl.String), started="quantity")
        recipe = made.join(snapshot["components"], on="routing")
        parts.append(recipe.select(item="component", quantity=pl.col("started") * pl.col("quantity")))
    return pl.concat(parts).group_by("item").agg(pl.col("quantity").sum())


def working_capital(
    plan: PlanLike, snapshot: Snapshot, *, curve: CashCurve | None = None, digits: int = 2
) -> pl.DataFrame:
    """Working capital at the end of each week of the plan.

    Formula: working capital = stock at standard cost + receivables − payables; days of stock = stock ÷ cost of what the
    plan sells per day, over the whole of it (null where it sells nothing).

    Parameters
    ----------
    curve : the plan's cash curve, where it is there already; see `cash_curve` for terms and what is open at the start.
    digits : decimals of the currency.

    Returns week, ends_on, stock, receivables, payables, working_capital [money, in whole minor units], days_of_stock.

    Raises DataError for stock or sales without a standard cost, FormulationError for a plan without stock.
    """
    known = cash_curve(plan, snapshot, digits=digits) if curve is None else curve
    costs = snapshot["items"]
    cells = at_standard_cost(with_dates(plan.flows["stock"], plan), costs, "in stock")
    ends = cells.group_by("ends_on").agg(pl.col("worth").sum()).sort("ends_on")
    weeks = ends.with_columns(week=pl.col("ends_on").dt.strftime("%G-W%V")).unique(
        "week", keep="last", maintain_order=True
    )
    sold = at_standard_cost(with_dates(plan.flows["sell"], plan), costs, "sold")
    days = int(cells.select("ends_on", "days").unique()["days"].sum())
    a_day = float(sold["worth"].sum()) / days if days else 0.0
    open_items = known.rows.select(pl.col("date").alias("ends_on"), "receivables", "payables")
    stock = pl.Series("stock", whole(weeks["worth"].to_numpy() * 10**digits), dtype=pl.Int64)
    rows = weeks.with_columns(stock).join(open_items, on="ends_on", how="left")
    rows = rows.with_columns(pl.col("receivables", "payables").fill_null(0))
    rows = rows.with_columns(working_capital=pl.col("stock") + pl.col("receivables") - pl.col("payables"))
    return rows.select(
        "week", "ends_on",
        as_money(pl.col("stock", "receivables", "payables", "working_capital"), digits),
        days_of_stock=pl.col("worth") / a_day if a_day else pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip


LEAD = "the ordinary way takes too long"
_CAUSE = pl.Schema({"item": pl.String, "cause": pl.String, "rank": pl.Int64, "event": pl.String})


def expediting_by_cause(
    plan: PlanLike, snapshot: Snapshot, *, spared: pl.DataFrame | None = None, digits: int = 2
) -> pl.DataFrame:
    """The premiums that a plan pays for expedited purchases, each laid to one cause, so that no unit counts twice.

    Formula: Σ units × (expedited − ordinary cost), as the ledger books it. Where it is known what is expedited without
    each event, an event has the units that are not expedited without it, and the ordinary lead time has the rest. Else
    the cause is the first that the extract knows of the item: a receipt of it that an event delays, a receipt of it
    that is overdue, a supply loss, a surge of demand for it or for what it goes into; else the ordinary lead time.

    Parameters
    ----------
    spared : event, item, location, units that are not expedited without the event; None where nobody planned again.

    Returns cause, item, location, quantity [unit], amount [money, negative], the dearest first; the
    amounts are those of the statement and add up to its expediting.
    """
    mine = pl.col("account") == "expediting"
    cents = plan.ledger.cents("item", "location", digits=digits).filter(mine)
    units = plan.ledger.lines.filter(mine).group_by("item", "location").agg(pl.col("quantity").sum())
    causes = pl.concat([_delayed(snapshot), _overdue(snapshot), _lost(snapshot), _surges(snapshot)])
    booked = cents.join(units, on=["item", "location"], how="left")
    if spared is None:
        first = causes.sort("item", "rank", "cause").unique("item", keep="first", maintain_order=True)
        rows = booked.join(first, on="item", how="left")
    else:
        rows = _proven(booked, spared, causes)
    money = as_money(pl.col("cents"), digits).alias("amount")
    shown = rows.select(pl.col("cause").fill_null(LEAD), "item", "location", "quantity", money)
    return shown.sort("amount", "cause", "item", "location")


def _proven(booked: pl.DataFrame, spared: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """The booked rows in parts, one an event that it takes, the largest first; what no event takes has no cause."""
    place, size = ["item", "location"], pl.col("quantity").abs()
    texts = causes.filter(pl.col("event") != "").unique(["item", "event"], keep="first", maintain_order=True)
    mine = booked.join(spared.filter(pl.col("units") > 0), on=place).sort(["units", "event"], descending=[True, False])
    mine = mine.with_columns(until=pl.min_horizontal(pl.col("units").cum_sum().over(place), size) / size)
    mine = mine.with_columns(share=pl.col("until") - pl.col("until").shift(1).over(place).fill_null(0.0))
    named = mine.join(texts.drop("rank"), on=["item", "event"], how="left").with_columns(
        pl.coalesce("cause", pl.format("event {}", "event")).alias("cause"), pl.col("quantity") * pl.col("share"),
        (pl.col("cents") * pl.col("share")).round(0).cast(pl.Int64),
    )  # fmt: skip
    parts = named.select(*place, "cause", "quantity", "cents")
    taken = parts.group_by(place).agg(pl.col("quantity", "cents").sum()).rename({"quantity": "gone", "cents": "less"})
    rest = booked.join(taken, on=place, how="left").select(
        *place, cause=pl.lit(None, pl.String), quantity=pl.col("quantity") - pl.col("gone").fill_null(0.0),
        cents=pl.col("cents") - pl.col("less").fill_null(0),
    )  # fmt: skip
    both = pl.concat([parts, rest.select(parts.columns)])
    return both.filter((pl.col("cents") != 0) | (pl.col("quantity").abs() > 1e-6))


def _delayed(snapshot: Snapshot) -> pl.DataFrame:
    suppliers = snapshot["offers"].select("offer", "supplier").unique("offer", keep="first")
    receipts = snapshot["receipts"].join(suppliers, on="offer", how="left")
    columns = ("receipt", "supplier", "offer", "lane", "item")
    return _hit(snapshot, "delay", receipts, columns, "{} is late ({})", "receipt", 0)


def _overdue(snapshot: Snapshot) -> pl.DataFrame:
    late = snapshot["receipts"].filter(pl.col("due_on") < snapshot.as_of)
    return late.select("item", cause=pl.format("{} is overdue", "receipt"), rank=pl.lit(1), event=pl.lit("")).cast(
        _CAUSE
    )


def _lost(snapshot: Snapshot) -> pl.DataFrame:
    columns = ("offer", "supplier", "item", "location")
    return _hit(snapshot, "supply_loss", snapshot["offers"], columns, "{} gives less ({})", "supplier", 2)


def _surges(snapshot: Snapshot) -> pl.DataFrame:
    """Surges of an item, or of anything that it goes into."""
    families = snapshot["items"].select("item", "family")
    demand = snapshot["forecast"].select("item", "location", "customer").unique().join(families, on="item", how="left")
    used = where_used(snapshot).rename({"item": "sold", "component": "item"})
    reached = demand.rename({"item": "sold"}).join(used, on="sold")
    columns = ("sold", "family", "location", "customer")
    return _hit(snapshot, "surge", reached, columns, "more of {} is wanted ({})", "", 3)


def _hit(
    snapshot: Snapshot, kind: str, rows: pl.DataFrame, columns: tuple[str, ...], text: str, named: str, rank: int
) -> pl.DataFrame:
    """The rows' items that an event of a kind targets; each part of its target is one of the columns.

    Parameters
    ----------
    text : the cause, with places for what is named and the event. named : a column; blank: the event's target.
    """
    found = [pl.DataFrame(schema=_CAUSE)]
    for event, target in snapshot["events"].filter(pl.col("kind") == kind).select("event", "target").iter_rows():
        parts = [part.strip() for part in target.split(" & ")]
        meant = reduce(and_, [reduce(or_, [pl.col(column) == part for column in columns]) for part in parts])
        hit = rows.filter(meant.fill_null(value=False))
        cause = pl.format(text, pl.col(named) if named else pl.lit(target), pl.lit(event))
        found.append(
            hit.select("item", cause.alias("cause"), pl.lit(rank).alias("rank"), event=pl.lit(event)).cast(_CAUSE)
        )
    return pl.concat(found)
