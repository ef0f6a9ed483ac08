"""frePPLe's suppliers, sales orders, stock and open orders → offers, lanes, orders, inventory, receipts."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.importers import Part, names
from soe_lib.importers.frepple.calendars import (
    EVER,
    NEVER,
    disjoint,
    groups,
    is_rounded,
    lead_days,
    lots,
    members,
    midnight,
    slots,
    validity,
    values,
)
from soe_lib.importers.frepple.source import Frepple, tell

NODE = ["item", "location"]
UNKNOWN_SUPPLIER = "unknown supplier"
UNLIMITED_SUPPLIER = "unlimited stock"
UNKNOWN_LEAD_DAYS = 7.0
LONG_DAYS = 5
"""A closure of so many days in a row is a holiday, a shorter one a week-end."""


def offers(source: Frepple, wanted: pl.DataFrame) -> Part:
    """Offers: one per item, location and supplier.

    Parameters
    ----------
    wanted : item, location where an item is stocked, used, sold or shipped from; a supplier without a location
        delivers to all of them.
    """
    every = source["itemsupplier"]
    rows = every.filter(pl.col("priority") != 0)
    below = members(source["item"], "item").rename({"group": "item", "member": "one"})
    spread = rows.join(below, on="item").join(wanted.rename({"item": "one", "location": "place"}), on="one", how="left")
    given = pl.col("location") != ""
    # a group means its members; the group itself is an item only if a row names it
    spread = spread.with_columns(place=pl.when(given).then("location").otherwise("place")).filter(
        pl.col("place").is_not_null()
    )
    used = wanted.select(one="item").unique()
    spread = spread.filter((pl.col("one") == pl.col("item")) | pl.col("one").is_in(used["one"].implode()))
    spread = spread.with_columns(item="one", location="place").unique(
        ["item", "location", "supplier", "effectivestart", "sizeminimum", "priority", "cost"], maintain_order=True
    )
    hours = (pl.col("leadtime") + pl.col("hardsafetyleadtime")) / 3600
    label = pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(" from "), "supplier")
    table = spread.select(
        label.alias("offer"), *validity(), "supplier", *NODE, "cost", "priority",
        lead_days(hours).alias("lead_time_days"), *lots(),
    )  # fmt: skip
    best = disjoint(table, "offer", ["priority", "cost"])
    repeated = _overlapping(table, "offer", "item suppliers")
    unused = tell("suppliers of priority 0", every.filter(pl.col("priority") == 0), every.height)
    brief = tell("brief suppliers", table.filter(pl.col("valid_from") > pl.col("valid_to")), table.height)
    return Part({"offers": best.drop("priority")}, brief + unused + repeated + _supplier_terms(rows, hours))


def _overlapping(table: pl.DataFrame, key: str, things: str) -> tuple[str, ...]:
    """The sentence on terms that are valid on the same day as others between the same ends."""
    rows = table.with_row_index("_row").with_columns(
        _from=pl.col("valid_from").fill_null(EVER), _to=pl.col("valid_to").fill_null(NEVER)
    )
    rows = rows.filter(pl.col("_from") <= pl.col("_to"))
    pairs = rows.join(rows.select(key, other="_row", since="_from", until="_to"), on=key)
    apart = pl.col("_row") != pl.col("other")
    both = pairs.filter(apart, pl.col("_from") <= pl.col("until"), pl.col("since") <= pl.col("_to")).unique("_row")
    return tell("overlapping", both, table.height, column=key, things=things)


def opened(source: Frepple, table: pl.DataFrame, when: pl.DataFrame) -> Part:
    """Offers without the long closures of their suppliers.

    Parameters
    ----------
    table : offers with supplier, valid_from and valid_to.
    when : slots of the horizon, from `calendars.slots`.
    """
    kept = source["supplier"].filter(pl.col("available") != "", pl.col("name").is_in(table["supplier"].implode()))
    valued = values(source, kept["available"].unique().to_list(), when).rename({"calendar": "available"})
    days = valued.with_columns(date=pl.col("starts_at").dt.date()).group_by("available", "date")
    work = kept.join(days.agg(works=(pl.col("value") != 0).any()), on="available").sort("name", "date")
    run = pl.col("works").rle_id().over("name")
    spans = work.group_by("name", run.alias("run"), maintain_order=True).agg(
        pl.col("works").first(), first=pl.col("date").min(), last=pl.col("date").max(), days=pl.len()
    )
    shut = spans.filter(~pl.col("works"), pl.col("days") >= LONG_DAYS)
    short = spans.filter(~pl.col("works"), pl.col("days") < LONG_DAYS)["name"].implode()
    notes = tell(
        "closed long",
        kept.filter(pl.col("name").is_in(shut["name"].implode())),
        source["supplier"].height,
        days=LONG_DAYS,
    ) + tell("closed shortly", kept.filter(pl.col("name").is_in(short)), source["supplier"].height, days=LONG_DAYS)
    return Part({"offers": _outside(table, shut, when)}, notes)


def _outside(table: pl.DataFrame, shut: pl.DataFrame, when: pl.DataFrame) -> pl.DataFrame:
    """The offers with every closure of the supplier cut out; a closure at the horizon's end is open-ended."""
    if shut.is_empty():
        return table
    end = when["date"].max()
    last = pl.when(pl.col("last") < end).then("last")
    closed = table.join(shut.select(supplier="name", valid_from="first", valid_to=last), on="supplier", suffix="_shut")
    marks = closed.with_columns(valid_from="valid_from_shut", valid_to="valid_to_shut").select(table.columns)
    both = pl.concat([table.with_columns(_open=pl.lit(1)), marks.with_columns(_open=pl.lit(0))])
    return disjoint(both, "offer", ["_open"]).filter(pl.col("_open") == 1).drop("_open")


def _supplier_terms(rows: pl.DataFrame, hours: pl.Expr) -> tuple[str, ...]:
    total = rows.height
    soft = pl.col("softsafetyleadtime").fill_null(0.0) + pl.col("extrasafetyleadtime").fill_null(0.0)
    return (
        tell("supplier days", rows.filter(is_rounded(hours)), total)
        + tell("soft lead times", rows.filter(soft > 0), total)
        + tell("supplier fences", rows.filter(pl.col("fence").fill_null(0.0) > 0), total)
        + tell("largest orders", rows.filter(pl.col("sizemaximum").is_not_null()), total)
        + tell("supplier resources", rows.filter(pl.col("resource") != ""), total)
    )


def lanes(source: Frepple, start: pl.DataFrame, wanted: pl.DataFrame, share: pl.DataFrame) -> Part:
    """Lanes: one per item, origin and destination that the item can reach.

    Parameters
    ----------
    start : item, location where an item is made, bought, in stock or arriving.
    wanted : item, location where it is used or sold; a distribution without a destination delivers to all of them.
    share : location, share of the time in which it works: lead times count working time of the origin.
    """
    every = source["itemdistribution"]
    rows = every.filter(pl.col("priority") != 0, pl.col("origin") != "")
    candidates = _candidates(source, rows, wanted)
    reached = _reached(start, candidates.select("item", "origin", "location").unique())
    kept = candidates.join(reached, left_on=["item", "origin"], right_on=NODE, how="semi")
    kept = kept.join(share.rename({"location": "origin"}), on="origin", how="left").with_columns(
        pl.col("share").fill_null(1.0), hours=pl.col("leadtime") / 3600
    )
    hours, worked = pl.col("hours"), pl.col("share")
    table = kept.select(
        pl.concat_str("item", pl.lit(": "), "origin", pl.lit(" > "), "location").alias("lane"),
        *validity(), "origin", "item", "priority", "resource", "resourceqty",
        lead_days(hours, worked).alias("lead_time_days"),
        pl.col("cost").fill_null(0.0).alias("cost_per_unit"), *lots(), destination="location",
    )  # fmt: skip
    best = disjoint(table, "lane", ["priority", "cost_per_unit"])
    handled = best.filter(pl.col("resource") != "").select(
        "lane", "item", "resource", hours_per_unit=pl.col("resourceqty").fill_null(1.0)
    )
    tables = {"lanes": best.drop("priority", "resource", "resourceqty"), "lane_resources": handled.unique()}
    return Part(tables, _overlapping(table, "lane", "item distributions") + _lane_terms(every, rows, kept, handled))


def _candidates(source: Frepple, rows: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Every member of a distribution's item, to every destination; lanes from a place to itself are dropped."""
    below = members(source["item"], "item").rename({"group": "item", "member": "one"})
    spread = rows.join(below, on="item").join(wanted.rename({"item": "one", "location": "place"}), on="one", how="left")
    given = pl.col("location") != ""
    spread = spread.with_columns(location=pl.when(given).then("location").otherwise("place"), item="one")
    return spread.filter(pl.col("location").is_not_null(), pl.col("location") != pl.col("origin")).unique(
        ["item", "origin", "location", "effectivestart", "priority", "sizeminimum", "cost"], maintain_order=True
    )


def _reached(start: pl.DataFrame, arcs: pl.DataFrame) -> pl.DataFrame:
    """Every item at every location that it can reach."""
    found = fresh = start.select(NODE).unique()
    while not fresh.is_empty():
        further = fresh.join(arcs.rename({"location": "to"}), left_on=NODE, right_on=["item", "origin"])
        fresh = further.select("item", location="to").unique().join(found, on=NODE, how="anti")
        found = pl.concat([found, fresh])
    return found


def _lane_terms(every: pl.DataFrame, rows: pl.DataFrame, kept: pl.DataFrame, handled: pl.DataFrame) -> tuple[str, ...]:
    total = every.height
    hours, worked = pl.col("hours"), pl.col("share")
    return (
        tell("distributions of priority 0", every.join(rows, on=every.columns, how="anti", nulls_equal=True), total)
        + tell("lane days", kept.filter(is_rounded(hours, worked)), kept.height)
        + tell("largest shipments", rows.filter(pl.col("sizemaximum").is_not_null()), total)
        + tell("lane resources", handled, kept.height)
    )


def broken(reached: pl.DataFrame, needed: pl.DataFrame) -> Part:
    """Offers of a dummy supplier for needs without any source, as frePPLe does.

    Parameters
    ----------
    reached : item, location where something comes from or can be shipped to.
    needed : item, location of demand and of components.

    Source: frePPLe's parameter plan.fixBrokenSupplyPath, true by default.
    """
    lost = needed.unique().join(reached, on=NODE, how="anti").sort(NODE)
    table = lost.select(
        pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(f" from {UNKNOWN_SUPPLIER}")).alias("offer"),
        pl.lit(None, pl.Date).alias("valid_from"), pl.lit(None, pl.Date).alias("valid_to"),
        pl.lit(UNKNOWN_SUPPLIER).alias("supplier"), *NODE, pl.lit(None, pl.Float64).alias("cost"),
        pl.lit(UNKNOWN_LEAD_DAYS).alias("lead_time_days"),
        pl.lit(None, pl.Float64).alias("minimum"), pl.lit(None, pl.Float64).alias("multiple"),
    )  # fmt: skip
    where = names(table["offer"].str.strip_suffix(f" from {UNKNOWN_SUPPLIER}"))
    notes = (
        (
            f"{lost.height} items are needed where nothing makes, buys or ships them ({where}); as frePPLe does, "
            f'a made-up "{UNKNOWN_SUPPLIER}" delivers them, here within {UNKNOWN_LEAD_DAYS:g} days.',
        )
        if lost.height
        else ()
    )
    return Part({"offers": table}, notes)


def unlimited(source: Frepple) -> Part:
    """frePPLe's buffers of type infinite as offers without a limit and without a lead time."""
    rows = source["buffer"].filter(pl.col("type").str.to_lowercase() == "infinite").select(NODE).unique().sort(NODE)
    table = broken(rows.clear(), rows)["offers"].with_columns(
        pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(f" from {UNLIMITED_SUPPLIER}")).alias("offer"),
        supplier=pl.lit(UNLIMITED_SUPPLIER), lead_time_days=pl.lit(0.0),
    )  # fmt: skip
    notes = tell("infinite buffers", rows, source["buffer"].height, supplier=UNLIMITED_SUPPLIER)
    return Part({"offers": table}, notes)


def reached(start: pl.DataFrame, lanes_table: pl.DataFrame) -> pl.DataFrame:
    """item, location reached by the remaining lanes."""
    arcs = lanes_table.select("item", "origin", location="destination").unique()
    return _reached(start, arcs)


PLANNED = ("open", "quote")
ON_THE_WAY = ("approved", "confirmed", "completed")
KINDS = {"PO": "buy", "DO": "ship", "MO": "make"}


def statuses(source: Frepple) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Sales orders with their effective status, and sentences on orders that are not planned."""
    rows = source["demand"].with_columns(
        status=pl.when(pl.col("status") == "").then(pl.lit("open")).otherwise(pl.col("status").str.to_lowercase())
    )
    dated = rows.filter(pl.col("due").is_not_null(), pl.col("quantity").is_not_null())
    other = dated.filter(~pl.col("status").is_in([*PLANNED, "closed"]))
    kinds = names(other["status"])
    total = rows.height
    notes = (
        tell("undated orders", rows.join(dated, on="name", how="anti"), total)
        + tell("other statuses", other, total, kinds=kinds)
        + tell("quotes", dated.filter(pl.col("status") == "quote"), total)
        + tell("shipped together", dated.filter(pl.col("policy").is_in(["alltogether", "inratio"])), total)
    )
    return dated, notes


def default_as_of(source: Frepple, sales: pl.DataFrame) -> tuple[date, str]:
    """The as-of date of the export, and the sentence on its origin.

    frePPLe's parameter currentdate if it is exported and a date; else the first day with an open order or receipt, but
    not before the last closed sales order.

    Raises
    ------
    DataError : nothing is open and there is no such parameter.
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
    return weeks, covered + tell("beyond horizon", beyond, len(dues))


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
    total = sales.height
    notes = (
        tell("places guessed", unplaced, total)
        + tell("places unknown", lost, total)
        + tell("empty orders", wanted.filter(pl.col("quantity") <= 0), total)
        + tell("overdue orders", kept.filter(pl.col("due").dt.date() < as_of), kept.height)
        + (
            (
                f"{history.height:,} of {total:,} sales orders are closed: they are the actual sales, dated by their "
                "due date because frePPLe keeps no shipping date.",
            )
            if history.height
            else ()
        )
    )
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
    total = rows.height
    inventory = rows.filter(pl.col("onhand") > 0).group_by(*NODE, lot="batch").agg(on_hand=pl.col("onhand").sum())
    minimum = _safety(source, rows, as_of=as_of)
    policies = minimum.filter(pl.col("safety") > 0).group_by(NODE).agg(safety_stock=pl.col("safety").max())
    notes = (
        tell("negative stock", rows.filter(pl.col("onhand") < 0), total)
        + tell("batches", rows.filter(pl.col("batch") != ""), total)
        + tell("safety by calendar", rows.filter(pl.col("minimumcalendar") != ""), total)
        + tell("largest stock", rows.filter(pl.col("maximum") > 0), total)
    )
    return Part({"inventory": inventory, "policies": policies}, notes)


def _safety(source: Frepple, rows: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    now = slots(source, first=as_of, last=as_of).filter(pl.col("second") == 0)
    calendars = rows["minimumcalendar"].unique().to_list()
    by_calendar = values(source, calendars, now).select(minimumcalendar="calendar", by_calendar="value")
    joined = rows.join(by_calendar, on="minimumcalendar", how="left")
    return joined.with_columns(safety=pl.coalesce("by_calendar", "minimum"))


def receipts(source: Frepple, ways: pl.DataFrame, *, as_of: date) -> Part:
    """Receipts: open purchases, and transfers and production that have begun.

    A transfer or production order that starts on or after the as-of date still needs its goods or components, which a
    receipt does not consume: the plan decides about it.

    Parameters
    ----------
    ways : routing, item, location of production orders.
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
    """Production orders with item and location of their operation, since they name only the operation."""
    made = ways.select(operation="routing", makes="item", at="location")
    named = rows.with_columns(operation=pl.when(pl.col("operation") == "").then("name").otherwise("operation"))
    joined = named.join(made, on="operation", how="left").with_row_index("line")
    return joined.with_columns(
        item=pl.when(pl.col("item") == "").then(pl.col("makes").fill_null("")).otherwise("item"),
        location=pl.when(pl.col("location") == "").then(pl.col("at").fill_null("")).otherwise("location"),
        line=pl.col("line").cast(pl.String),
    )


def _order_notes(every: pl.DataFrame, rows: pl.DataFrame, vague: pl.Expr, *, as_of: date) -> tuple[str, ...]:
    total = every.height
    ahead = rows.filter(~vague, pl.col("ahead"))
    on_way = rows.filter(~vague, ~pl.col("ahead"))
    ours = every.filter(pl.col("type").is_in([*KINDS]), ~pl.col("status").is_in(ON_THE_WAY))
    closed = ours.filter(pl.col("status") == "closed")
    proposed = ours.filter(pl.col("status") != "closed")
    others = every.filter(~pl.col("type").is_in([*KINDS]))
    return (
        tell("not begun", ahead, total)
        + tell("overdue receipts", on_way.filter(pl.col("due_on") < as_of), total)
        + tell("vague receipts", rows.filter(vague), total)
        + tell("proposed receipts", proposed, total)
        + tell("closed receipts", closed, total)
        + tell("other types", others, total)
        + tell("production under way", on_way.filter(pl.col("type") == "MO"), total)
    )
