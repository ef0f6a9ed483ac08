"""frePPLe's sales orders, stock and open orders → orders, actuals, inventory, receipts, policies.

Source: frePPLe's model reference, sales orders, buffers, purchase, distribution and manufacturing orders.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.importers.frepple.calendars import midnight, slots, values
from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.frepple.supply import NODE
from soe_lib.extract.importers.frepple.trees import groups
from soe_lib.extract.importers.report import Part, names, tell

PLANNED = ("open", "quote")
ON_THE_WAY = ("approved", "confirmed", "completed")
KINDS = {"PO": "buy", "DO": "ship", "MO": "make"}


def statuses(source: Frepple) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Sales orders with their status spelt out, and what is not planned."""
    rows = source["demand"].with_columns(
        status=pl.when(pl.col("status") == "").then(pl.lit("open")).otherwise(pl.col("status").str.to_lowercase())
    )
    dated = rows.filter(pl.col("due").is_not_null(), pl.col("quantity").is_not_null())
    other = dated.filter(~pl.col("status").is_in([*PLANNED, "closed"]))
    kinds = names(other["status"])
    total, things = rows.height, "sales orders"
    notes = (
        tell(rows.join(dated, on="name", how="anti"), "name", total, things, "have no due date or quantity; left out")
        + tell(other, "name", total, things, f"are neither open, quoted nor closed ({kinds}); left out")
        + tell(
            dated.filter(pl.col("status") == "quote"), "name", total, things,
            "are quotes; planned like open orders, as frePPLe does",
        )
        + tell(
            dated.filter(pl.col("policy").is_in(["alltogether", "inratio"])), "name", total, things,
            "are to be shipped together; each is planned on its own",
        )
    )  # fmt: skip
    return dated, notes


def default_as_of(source: Frepple, sales: pl.DataFrame) -> tuple[date, str]:
    """The day the export was made for, and the sentence that says how it was found.

    frePPLe's parameter currentdate where it is exported and a date; else the first day on which something is still
    open (an order's due date, a receipt), but not before the last closed sales order.

    Raises
    ------
    DataError : nothing is open and no parameter says the date.
    """
    current = source["parameter"].filter(pl.col("name").str.to_lowercase() == "currentdate")["value"]
    if len(current):
        stated = current.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)[0]
        if stated is not None:
            return stated, f"The as-of date {stated} is frePPLe's parameter currentdate."
    on_way = source["operationplan"].filter(pl.col("status").str.to_lowercase().is_in(ON_THE_WAY))
    dues = sales.filter(pl.col("status").is_in(PLANNED))["due"]
    open_days = pl.concat([dues.alias("at"), on_way["enddate"].alias("at")]).drop_nulls().dt.date().sort().to_list()
    closed_days = sales.filter(pl.col("status") == "closed")["due"].dt.date().sort().to_list()
    if not open_days:
        raise DataError(
            "demand.csv has no open sales order and operationplan.csv no open order, so no as-of date can be derived. "
            "Give the date the data were exported for (as_of)."
        )
    found = max([open_days[0], *closed_days[-1:]])
    held = ", moved up to the last closed sales order" if found != open_days[0] else ""
    return found, (
        f"The export has no current date: the as-of date {found} is the first day on which a sales order is due or an "
        f"open purchase, transfer or production order arrives{held}."
    )


def horizon_weeks(
    sales: pl.DataFrame, *, as_of: date, least: int, spare: int, most: int
) -> tuple[int, tuple[str, ...]]:
    """Weeks that cover the open sales orders and some more to serve them late, within limits.

    weeks = whole weeks from the as-of date to the last open due date + spare, at least `least`, at most `most`.
    """
    dues = sales.filter(pl.col("status").is_in(PLANNED))["due"].dt.date()
    last = max([*dues.to_list(), as_of])
    weeks = min(max(-(-((last - as_of).days + 1) // 7) + spare, least), most)
    end = as_of + timedelta(days=7 * weeks)
    beyond = sales.filter(pl.col("status").is_in(PLANNED), pl.col("due").dt.date() >= end)
    covered = (
        f"The horizon is {weeks} weeks: the last of {len(dues)} open sales orders is due on {last}, "
        f"and {spare} weeks more leave room to serve late.",
    )
    return weeks, covered + tell(
        beyond, "name", len(dues), "open sales orders", "are due after the horizon; not planned"
    )


def places(source: Frepple) -> pl.DataFrame:
    """item, location that any buffer, sales order or supplier names."""
    named = [source[table].select(NODE) for table in ("buffer", "demand", "itemsupplier")]
    return pl.concat(named).filter(pl.col("location") != "").unique()


def orders(source: Frepple, sales: pl.DataFrame, nodes: pl.DataFrame, *, as_of: date) -> Part:
    """Open orders and, of the closed ones, actual sales.

    Parameters
    ----------
    nodes : item, location where an item is known to be; tells where an order without a location is delivered from.
    """
    placed, unplaced, lost = _placed(source, sales, nodes)
    wanted = placed.filter(pl.col("status").is_in(PLANNED))
    kept = wanted.filter(pl.col("quantity") > 0)
    history = placed.filter(pl.col("status") == "closed")
    dated = pl.min_horizontal(pl.col("due").dt.date(), pl.lit(as_of))
    actuals = (
        history.group_by(dated.alias("date"), *NODE, "customer")
        .agg(pl.col("quantity").sum())
        .with_columns(measure=pl.lit("sales"))
    )
    table = kept.select("item", "location", "customer", "quantity", order="name", due_on=pl.col("due").dt.date())
    total, things = sales.height, "sales orders"
    notes = (
        tell(unplaced, "name", total, things, "name no location; delivered from the only or first place of the item")
        + tell(lost, "name", total, things, "name no location and nothing tells where the item is; left out")
        + tell(wanted.filter(pl.col("quantity") <= 0), "name", total, things, "ask for nothing; left out")
        + tell(
            kept.filter(pl.col("due").dt.date() < as_of), "name", kept.height, "open sales orders",
            "are overdue on the as-of date; they are late from the first day on",
        )
        + (
            (
                f"{history.height:,} of {total:,} sales orders are closed: they are the actual sales, dated by their "
                "due date because frePPLe keeps no shipping date.",
            )
            if history.height
            else ()
        )
    )  # fmt: skip
    return Part({"orders": table, "actuals": actuals}, notes)


def _placed(
    source: Frepple, sales: pl.DataFrame, nodes: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    blank = pl.col("location") == ""
    single = source["location"].filter(~pl.col("name").is_in(groups(source["location"]).implode()))["name"]
    only = single[0] if len(single) == 1 else ""
    first = nodes.sort(NODE).group_by("item", maintain_order=True).agg(place=pl.col("location").first())
    rows = sales.join(first, on="item", how="left").with_columns(
        place=pl.when(blank).then(pl.col("place").fill_null(only)).otherwise("location")
    )
    placed = rows.filter(pl.col("place") != "").with_columns(location="place")
    return placed, rows.filter(blank, pl.col("place") != ""), rows.filter(pl.col("place") == "")


def stock(source: Frepple, *, as_of: date) -> Part:
    """Opening stock and safety stocks."""
    rows = source["buffer"].filter(pl.col("type").str.to_lowercase() != "infinite")
    total, things = rows.height, "buffers"
    inventory = rows.filter(pl.col("onhand") > 0).group_by(*NODE, lot="batch").agg(on_hand=pl.col("onhand").sum())
    minimum = _safety(source, rows, as_of=as_of)
    policies = minimum.filter(pl.col("safety") > 0).group_by(NODE).agg(safety_stock=pl.col("safety").max())
    notes = (
        tell(rows.filter(pl.col("onhand") < 0), "item", total, things, "have negative stock; read as none")
        + tell(
            rows.filter(pl.col("batch") != ""), "item", total, things, "are batches made to order; planned as one stock"
        )
        + tell(
            rows.filter(pl.col("minimumcalendar") != ""), "item", total, things,
            "have a safety stock by calendar; its value on the as-of date holds for the whole horizon",
        )
        + tell(
            rows.filter(pl.col("maximum") > 0), "item", total, things,
            "have a largest stock; left out, as in frePPLe's own plan",
        )
    )  # fmt: skip
    return Part({"inventory": inventory, "policies": policies}, notes)


def _safety(source: Frepple, rows: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    now = slots(source, first=as_of, last=as_of).filter(pl.col("second") == 0)
    calendars = rows["minimumcalendar"].unique().to_list()
    by_calendar = values(source, calendars, now).select(minimumcalendar="calendar", by_calendar="value")
    joined = rows.join(by_calendar, on="minimumcalendar", how="left")
    return joined.with_columns(safety=pl.coalesce("by_calendar", "minimum"))


def receipts(source: Frepple, ways: pl.DataFrame, *, as_of: date) -> Part:
    """What is already on its way: purchases, and transfers and production that have begun.

    A transfer or production order that starts on the as-of date or later still needs its goods or components, which a
    receipt does not take: it is left to the plan.

    Parameters
    ----------
    ways : routing, item, location: what a production order makes where.
    """
    every = source["operationplan"].with_columns(pl.col("status").str.to_lowercase(), pl.col("type").str.to_uppercase())
    rows = every.filter(pl.col("type").is_in([*KINDS]), pl.col("status").is_in(ON_THE_WAY))
    rows = _completed_items(ways, rows).with_columns(
        open=pl.col("quantity").fill_null(0.0) - pl.col("quantitycompleted"),
        due_on=pl.coalesce("enddate", "startdate").dt.date(),
        to=pl.when(pl.col("type") == "DO").then("destination").otherwise("location"),
        ahead=(pl.col("type") != "PO")
        & ((pl.col("type") == "MO") | (pl.col("origin") != ""))
        & (pl.col("status") != "completed")
        & (pl.col("startdate") >= midnight(as_of)).fill_null(True),
    )
    vague = (pl.col("open") <= 0) | (pl.col("item") == "") | (pl.col("to") == "") | pl.col("due_on").is_null()
    label = pl.when(pl.col("reference") == "").then(pl.concat_str("type", pl.lit(" "), "line")).otherwise("reference")
    kept = rows.filter(~vague, ~pl.col("ahead")).with_columns(receipt=label)
    twice = pl.int_range(pl.len()).over("receipt")
    numbered = pl.concat_str("receipt", pl.lit(" #"), twice + 1)
    table = kept.select(
        pl.when(twice > 0).then(numbered).otherwise("receipt").alias("receipt"),
        "item", "due_on", "supplier", "origin", "operation",
        kind=pl.col("type").replace_strict(KINDS, default=None, return_dtype=pl.String),
        location="to", quantity="open", firm=pl.col("status") != "approved",
    )  # fmt: skip
    return Part({"receipts": table}, _order_notes(every, rows, vague, as_of=as_of))


def _completed_items(ways: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Production orders name their operation only: item and location come from there."""
    made = ways.select(operation="routing", makes="item", at="location")
    named = rows.with_columns(operation=pl.when(pl.col("operation") == "").then("name").otherwise("operation"))
    joined = named.join(made, on="operation", how="left").with_row_index("line")
    return joined.with_columns(
        item=pl.when(pl.col("item") == "").then(pl.col("makes").fill_null("")).otherwise("item"),
        location=pl.when(pl.col("location") == "").then(pl.col("at").fill_null("")).otherwise("location"),
        line=pl.col("line").cast(pl.String),
    )


def _order_notes(every: pl.DataFrame, rows: pl.DataFrame, vague: pl.Expr, *, as_of: date) -> tuple[str, ...]:
    total, things = every.height, "purchase, transfer and production orders"
    ahead = rows.filter(~vague, pl.col("ahead"))
    on_way = rows.filter(~vague, ~pl.col("ahead"))
    ours = every.filter(pl.col("type").is_in([*KINDS]), ~pl.col("status").is_in(ON_THE_WAY))
    closed = ours.filter(pl.col("status") == "closed")
    proposed = ours.filter(pl.col("status") != "closed")
    others = every.filter(~pl.col("type").is_in([*KINDS]))
    return (
        tell(
            ahead, "reference", total, things,
            "have not begun on the as-of date; left to the plan, since their goods or components are still to be taken",
        )
        + tell(
            on_way.filter(pl.col("due_on") < as_of), "reference", total, things,
            "are overdue; they arrive on the first day",
        )
        + tell(rows.filter(vague), "reference", total, things, "have no item, place, date or open quantity; left out")
        + tell(proposed, "reference", total, things, "are only proposed by frePPLe; left out, the plan is made afresh")
        + tell(closed, "reference", total, things, "are closed; left out, and frePPLe does not say how late they came")
        + tell(others, "type", total, things, "are of a type that is no purchase, transfer or production; left out")
        + tell(
            on_way.filter(pl.col("type") == "MO"), "reference", total, things,
            "are production under way; its components count as taken and its remaining hours are not loaded",
        )
    )  # fmt: skip
