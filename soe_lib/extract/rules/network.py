"""Rules on the network: demand has a price, a source and a route, and every row has an effect."""

from __future__ import annotations

from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Any

import polars as pl

from soe_lib.errors import hint
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.precedence import left, offered, share_inside, taken
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import FILE
from soe_lib.extract.targets import hits, lock_of, on_order


@rule
def one_version(extract: Extract) -> list[Finding]:
    """Only one version of the forecast is planned with, since several would be added up."""
    versions = extract.names("forecast", "version").sort()
    chosen = extract.settings.forecast.version
    listed = ", ".join(name or "(blank)" for name in versions.to_list())
    if len(versions) > 1 and not chosen:
        rule_text = f"The forecast has {len(versions)} versions: {listed}."
        fix = 'Choose one: [forecast] version = "…" in settings.toml.'
        return [extract.finding("stop", "forecast", [], column="version", rule=rule_text, fix=fix)]
    if chosen and len(versions) and chosen not in versions:
        rule_text = f"The forecast lacks the version of the settings. There are: {listed}."
        fix = hint(chosen, versions.to_list()) or "Correct [forecast] version in settings.toml."
        return [extract.finding("stop", "forecast", [], column="version", value=chosen, rule=rule_text, fix=fix)]
    return []


def demanded(extract: Extract, table: str) -> pl.LazyFrame:
    """Positive demand rows of the planned version, all columns and the row number."""
    frame = extract[table].lazy().with_row_index("row").filter(pl.col("quantity") > 0)
    if table == "forecast" and extract.settings.forecast.version:
        frame = frame.filter(pl.col("version") == extract.settings.forecast.version)
    return frame


def lines(extract: Extract, table: str) -> pl.DataFrame:
    """Positive demand rows of the planned version: [row, item, location, customer, quantity, price]."""
    return demanded(extract, table).select("row", "item", "location", "customer", "quantity", "price").collect()


@rule
def prices(extract: Extract) -> list[Finding]:
    """A demand line has a price above the item's standard cost."""
    findings = []
    for table in ("forecast", "orders"):
        if not extract[table].height or not _may_be_wrong(extract, table):
            continue
        of_items = extract["items"].select("item", "standard_cost", item_price="price").unique("item", keep="first")
        rows = lines(extract, table).join(of_items, on="item", how="left", maintain_order="left")
        rows = rows.with_columns(price=pl.coalesce("price", "item_price"))
        cost = pl.col("standard_cost")
        price = pl.col("price")
        blank = "No price, in the row or in items.csv: it counts as 0."
        for level, where, text, fix in (
            ("warn", price.is_null(), blank, "Fill price."),
            ("stop", (price == 0) & (cost > 0), "A price of 0 for an item that costs money.", "Correct the price."),
            ("warn", (price > 0) & (price < cost), "The standard cost is above the price.", "Correct one of them."),
        ):
            findings += extract.flag(level, table, rows.filter(where)["row"], column="price", rule=text, fix=fix)
    return findings


def _may_be_wrong(extract: Extract, table: str) -> bool:
    """Whether any price could be missing, zero or below cost: a quick test of extremes before the join."""
    lowest, blank = extract[table].select(pl.col("price").min(), pl.col("price").null_count().alias("blank")).row(0)
    highest = extract["items"].get_column("standard_cost").max()
    return bool(blank) or (isinstance(highest, float) and lowest is not None and lowest < highest)


def wanted(extract: Extract) -> pl.DataFrame:
    """Total demand by item and place, orders and forecast together: [item, location, quantity]."""
    parts = [demanded(extract, table).select("item", "location", "quantity") for table in ("forecast", "orders")]
    return pl.concat(parts).group_by("item", "location").agg(pl.col("quantity").sum()).collect()


def obtainable(extract: Extract) -> pl.Series:
    """Items that can be made, bought or substituted."""
    made = [extract[table].get_column("item") for table in ("routings", "co_products", "offers", "substitutions")]
    return pl.concat(made).unique()


def at_hand(extract: Extract) -> pl.DataFrame:
    """Stock and scheduled receipts by item and place: [item, location, quantity]."""
    stock = extract["inventory"].select("item", "location", quantity="on_hand")
    coming = extract["receipts"].select("item", "location", "quantity")
    return pl.concat([stock, coming]).filter(pl.col("quantity") > 0)


@rule
def every_item_has_a_source(extract: Extract) -> list[Finding]:
    """A demanded item can be made or bought, or stock and receipts suffice."""
    known = obtainable(extract)
    items = extract["items"].with_row_index("row").filter(~pl.col("item").is_in(known.implode()))
    if items.is_empty():
        return []
    demand = wanted(extract).group_by("item").agg(wanted=pl.col("quantity").sum())
    supply = at_hand(extract).group_by("item").agg(at_hand=pl.col("quantity").sum())
    items = items.join(demand, on="item", how="left").join(supply, on="item", how="left").sort("row")
    items = items.with_columns(pl.col("wanted", "at_hand").fill_null(0.0))
    short = items.filter(pl.col("wanted") > pl.col("at_hand") + 1e-9)
    used = extract.names("components", "component")
    starved = items.filter(pl.col("item").is_in(used.implode()), pl.col("at_hand") == 0)
    idle = items.filter(pl.col("wanted") == 0, pl.col("at_hand") == 0, ~pl.col("item").is_in(used.implode()))
    sources = extract["routings"].height + extract["offers"].height
    level = "stop" if sources or supply.is_empty() else "warn"  # a warehouse that sells off its stock needs no source
    nowhere = "can be neither made nor bought"
    above = f"{nowhere}, and demand is above stock and receipts"
    out, never = short.filter(pl.col("at_hand") > 0), short.filter(pl.col("at_hand") == 0)
    findings = _report(extract, out, "warn", above, "remove the demand")  # phase-out: the stock is sold
    findings += _report(extract, never, level, above, "remove the demand")
    findings += _report(extract, starved, "warn", f"{nowhere}, though used in a bill of material", "stock")
    return findings + _report(extract, idle, "warn", f"{nowhere}, and have no demand", "remove it")


def _report(extract: Extract, items: pl.DataFrame, level: str, what: str, fix: str) -> list[Finding]:
    if items.is_empty():
        return []
    names = ", ".join(items["item"].head(SHOWN)) + (", …" if items.height > SHOWN else "")
    rule_text = f"{items.height} of {extract['items'].height} items {what}: {names}."
    where = {"column": "item", "value": items["item"][0], "rule": rule_text}
    return [extract.finding(level, "items", items["row"], fix=f"Add a routing or an offer, or {fix}.", **where)]


@rule
def demand_can_be_reached(extract: Extract) -> list[Finding]:
    """Demand at a place can be supplied: the item is made, bought, stocked or shipped there."""
    here = supplied(extract)
    demand = wanted(extract)
    sourced = pl.concat([obtainable(extract), at_hand(extract)["item"]]).unique()
    swapped = extract.names("substitutions", "item")
    lost = demand.filter(pl.col("item").is_in(sourced.implode()), ~pl.col("item").is_in(swapped.implode()))
    lost = lost.join(here, on=["item", "location"], how="anti").sort("item", "location")
    if lost.is_empty():
        return []
    findings = []
    for table in ("forecast", "orders"):
        rows = lines(extract, table).join(lost, on=["item", "location"], how="semi", maintain_order="left")
        if rows.height:
            place = f"{rows['item'][0]} at {rows['location'][0]}"
            text = f"{rows.height} rows of demand have no source: {place} is neither made, bought, stocked nor shipped."
            fix = "Add a lane, or correct the location."
            findings += extract.flag("warn", table, rows["row"], column="item", rule=text, fix=fix)
    return findings


def supplied(extract: Extract) -> pl.DataFrame:
    """Every item at every place that it can reach over lanes: [item, location]."""
    made = [extract[table].select("item", "location") for table in ("routings", "offers")]
    places = extract["routings"].select("routing", "location")
    also = extract["co_products"].select("routing", "item").join(places, on="routing").select("item", "location")
    reached = pl.concat([*made, also, at_hand(extract).select("item", "location")]).unique()
    lanes = extract["lanes"].select("origin", "destination", only="item").unique()
    added = reached
    while added.height:
        moved = added.join(lanes, left_on="location", right_on="origin")
        moved = moved.filter((pl.col("only") == "") | (pl.col("only") == pl.col("item")))
        moved = moved.select("item", location="destination").unique()
        added = moved.join(reached, on=["item", "location"], how="anti")
        reached = pl.concat([reached, added])
    return reached


CYCLES_SHOWN = 5


def bill(extract: Extract) -> pl.DataFrame:
    """The pairs of the bill of material: [row of components, component, item]."""
    made = extract["routings"].select("routing", "item").unique()
    also = extract["co_products"].select("routing", "item").unique()
    rows = extract["components"].with_row_index("row").select("row", "routing", "component")
    return rows.join(pl.concat([made, also]).unique(), on="routing").select("row", "component", "item")


@rule
def no_item_is_made_of_itself(extract: Extract) -> list[Finding]:
    """Bills of material have no cycle; a finding shows each cycle's path."""
    edges = bill(extract)
    own = edges.filter(pl.col("component") == pl.col("item"))
    text, fix = "An item is a component of itself.", "Remove the row, or give the used item its own code."
    rows = own["row"].unique().sort()
    findings = extract.flag("stop", "components", rows, column="component", rule=text, fix=fix)
    pairs = (
        edges.filter(pl.col("component") != pl.col("item"))
        .select("item", "component")
        .unique()
        .sort("item", "component")
    )
    for _ in range(CYCLES_SHOWN):
        path = _cycle(pairs)
        if not path:
            break
        steps = pl.DataFrame({"item": path[1:], "component": path[:-1]})
        rows = edges.join(steps, on=["item", "component"], how="semi")["row"].unique().sort()
        rule_text = f"A cycle in the bills of material: {' → '.join(path)}."
        fix = "Remove the row that points back."
        findings.append(extract.finding("stop", "components", rows, column="component", rule=rule_text, fix=fix))
        pairs = pairs.join(steps, on=["item", "component"], how="anti", maintain_order="left")
    return findings


def _cycle(pairs: pl.DataFrame) -> list[str]:
    """One cycle as a path from component to item that ends at its start; empty if there is none."""
    graph = dict(pairs.group_by("item", maintain_order=True).agg("component").iter_rows())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@rule
def resources_have_hours(extract: Extract) -> list[Finding]:
    """A resource with work has a row in calendar, workforce or expansions."""
    known = extract.any_of(["calendar.resource", "workforce.resource", "expansions.resource"])
    resources, findings = extract.names("resources", "resource"), []
    for table in ("operations", "lane_resources"):
        where = ~pl.col("resource").is_in(known.implode()) & pl.col("resource").is_in(resources.implode())
        rule_text = "The resource has no row in calendar.csv, so it has no hours."
        fix = "Give it hours, or remove the resource from the row."
        findings += extract.flag("warn", table, where, column="resource", rule=rule_text, fix=fix)
    return findings


@rule
def opening_stock_fits(extract: Extract) -> list[Finding]:
    """The opening stock respects the ceilings on stock and storage."""
    stock = extract["inventory"].group_by("item", "location").agg(pl.col("on_hand").sum())
    if stock.is_empty():
        return []
    findings = []
    rows = extract["policies"].with_row_index("row").join(stock, on=["item", "location"])
    over = rows.filter(pl.col("on_hand") > pl.col("maximum_stock")).sort("row")
    if over.height:
        rule_text = f"{over['on_hand'][0]:g} are in stock, above maximum_stock."
        fix = "Raise it, or plan to use the stock up."
        findings += extract.flag("warn", "policies", over["row"], column="maximum_stock", rule=rule_text, fix=fix)
    volume = stock.join(extract["items"].select("item", "volume").unique("item"), on="item")
    volume = volume.group_by("location").agg(used=(pl.col("on_hand") * pl.col("volume")).sum())
    places = extract["locations"].with_row_index("row").join(volume, on="location")
    over = places.filter(pl.col("used") > pl.col("storage_capacity") * (1 + 1e-9)).sort("row")
    if over.height:
        rule_text = f"The opening stock takes {over['used'][0]:g}, more than the capacity."
        fix = "Correct the capacity or the volumes."
        findings += extract.flag("warn", "locations", over["row"], column="storage_capacity", rule=rule_text, fix=fix)
    return findings


TARGETS = {
    "downtime": "resources.resource locations.location lanes.lane",
    "delay": "receipts.receipt offers.offer offers.supplier lanes.lane items.item",
    "surge": "items.item items.family customers.customer locations.location",
    "supply_loss": "offers.offer offers.supplier receipts.receipt routings.routing items.item locations.location",
    "price": "items.item items.family offers.offer offers.supplier customers.customer",
}
"""Kind of event → the columns that may contain its target."""


@rule
def events_hit_something(extract: Extract) -> list[Finding]:
    """An event's target, or every part of it ("Handwash & Carrefour"), exists."""
    findings = []
    each = extract["events"].with_row_index("row")
    parts = each.select("row", "kind", "target", part=pl.col("target").str.split(" & "))
    parts = parts.explode("part").with_columns(pl.col("part").str.strip_chars())
    for kind, places in TARGETS.items():
        known = extract.any_of(places.split())
        exists = pl.col("part").is_in(known.implode()) | pl.col("target").is_in(known.implode())
        bad = parts.filter((pl.col("kind") == kind) & ~exists)
        if bad.height:
            rule_text = f"The target of a {kind} is not known. It must be in one of {places.replace(' ', ', ')}."
            fix = hint(bad["part"][0], known.to_list()) or "Correct the target, or remove the event."
            what = {"column": "target", "value": bad["part"][0], "rule": rule_text, "fix": fix}
            findings.append(extract.finding("stop", "events", bad["row"].unique().sort(), **what))
    return findings


def each(extract: Extract, kind: str) -> list[dict[str, Any]]:
    """The events of one kind with their row number; blank dates become the as-of date and the end of the horizon."""
    rows = extract["events"].with_row_index("row").filter(pl.col("kind") == kind)
    if rows.is_empty() or extract.calendar.periods.is_empty():
        return []
    first, last = extract.settings.as_of, extract.calendar.periods["ends_on"].max()
    return rows.with_columns(pl.col("from").fill_null(first), pl.col("to").fill_null(pl.lit(last))).to_dicts()


@rule
def downtimes_fit_their_days(extract: Extract) -> list[Finding]:
    """The hours of a downtime fit into the hours of its own days; the rest would not be lost."""
    timed = [event for event in each(extract, "downtime") if event["hours"]]
    if not timed or not extract.dated:
        return []
    days, findings = offered(extract.calendar, extract.settings, extract.tables), []
    for event in sorted(timed, key=lambda one: str(one["event"])):
        names = extract["resources"].filter(hits(event, ("resource", "location")))["resource"].to_list()
        here = days.filter(pl.col("resource").is_in(names))
        took = taken(here, extract.calendar, event["from"], event["to"], event["hours"])
        days = left(days, took)
        by_resource = took.group_by("resource").agg(pl.col("missing").first())
        wanted = event["hours"] * share_inside(extract.calendar, event["from"], event["to"])
        missing = wanted if by_resource.is_empty() else min(by_resource["missing"].to_list())
        if names and missing:
            text = f"{missing:,.6g} of the {event['hours']:,.6g} h of {event['event']} do not fit into its days, "
            text += f"{event['from']} to {event['to']}: {', '.join(names[:SHOWN])} has no more hours there."
            fix = "Extend it (.longer(days=…) in a scenario), or leave hours blank for whole days."
            findings += extract.flag("warn", "events", pl.Series([event["row"]]), column="hours", rule=text, fix=fix)
    return findings


CUT = (
    ("offers", "offer", ("supplier", "offer", "item", "location")),
    ("routings", "routing", ("routing", "item", "location")),
    ("lanes", "lane", ("lane",)),
)


@rule
def losses_have_something_to_cut(extract: Extract) -> list[Finding]:
    """A partial loss of supply has a maximum or an own quantity to cut; without either it has no effect."""
    findings = []
    for event in each(extract, "supply_loss"):
        names = endless(extract, event)
        if names:
            text = f"A partial loss of supply cuts nothing at {len(names)} sources without a maximum: "
            text += f"{', '.join(names[:SHOWN])}."
            fix = "Set their maximum, or the event's quantity: the supply on its days without the event."
            findings += extract.flag("warn", "events", pl.Series([event["row"]]), column="factor", rule=text, fix=fix)
    return findings


def endless(extract: Extract, event: dict[str, Any]) -> list[str]:
    """Offers, routings and lanes without a maximum that an event would cut by a factor."""
    if event["factor"] in (None, 0.0, 1.0) or event["quantity"] is not None:
        return []
    hit = [extract[table].filter(hits(event, columns), pl.col("maximum").is_null())[key] for table, key, columns in CUT]
    return sorted(set(pl.concat([one.rename("name") for one in hit]).to_list()))


EFFECTS = {
    "come": ("warn", "they still arrive"),
    "lost": ("note", "they are lost"),
    "late": ("note", "they arrive the day after it ends"),
}


@rule
def open_orders_of_what_is_lost(extract: Extract) -> list[Finding]:
    """`[events] open_orders` decides whether receipts hit by a loss of supply come, are lost, or are late."""
    suppliers = extract["offers"].select("offer", "supplier").unique("offer", keep="first", maintain_order=True)
    receipts = extract["receipts"].join(suppliers, on="offer", how="left", maintain_order="left")
    today = pl.lit(extract.settings.as_of)
    receipts = receipts.with_columns(pl.col("supplier").fill_null(""), expected=pl.max_horizontal("due_on", today))
    level, effect = EFFECTS[extract.settings.events.open_orders]
    findings = []
    for event in each(extract, "supply_loss"):
        inside = pl.col("expected").is_between(event["from"], event["to"])
        due = receipts.filter(inside & on_order(event) & ~hits(event, ("receipt",)))
        if due.is_empty():
            continue
        text = f"{due.height} receipts that it hits are due on its days; {effect} ([events] open_orders = "
        text += f'"{extract.settings.events.open_orders}"): {", ".join(due["receipt"].sort().head(SHOWN))}.'
        fix = f'Choose their effect: open_orders = "come", "lost" or "late" under [events] in {FILE}.'
        fix = fix if level == "warn" else ""
        findings += extract.flag(level, "events", pl.Series([event["row"]]), column="target", rule=text, fix=fix)
    return findings


EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
ENDLESS = date(9000, 1, 1)
UNTIL = ("valid_to", "to", "until", "expires_on")
"""Columns of end dates; from ENDLESS on they mean no end."""


@rule
def years_are_of_this_time(extract: Extract) -> list[Finding]:
    """Dates are between 1970 and 2199, so that the year 26 is found; validity may be without end."""
    findings = []
    for table in schema().values():
        frame = extract[table.name]
        for column in (one.name for one in table.columns if one.type == "date" and frame.height):
            day = pl.col(column)
            if frame[column].null_count() == frame.height:
                continue
            odd = (day < EARLIEST) | (day > LATEST) & (day < ENDLESS if column in UNTIL else True)
            text = "The year is not between 1970 and 2199, so the row has no effect."
            fix = "Write it with four digits, such as 2026."
            findings += extract.flag("stop", table.name, odd, column=column, rule=text, fix=fix)
    return findings


@rule
def rows_outside_the_horizon(extract: Extract) -> list[Finding]:
    """Validity and receipts are not entirely outside the horizon."""
    periods = extract.calendar.periods
    first, last = periods["starts_on"].min(), periods["ends_on"].max()
    if not isinstance(first, date) or not isinstance(last, date) or not extract.dated:
        return []
    findings = []
    for table in ("routings", "offers", "lanes"):
        where = (pl.col("valid_to") < first) | (pl.col("valid_from") > last)
        text, fix = f"Valid on no day of the horizon ({first} to {last}).", "Nothing to do, unless it should be valid."
        findings += extract.flag("note", table, where, column="valid_from", rule=text, fix=fix)
    text, fix = "Due after the horizon: it is only valued at end_value.", "Nothing to do, unless it is due before."
    return findings + extract.flag("note", "receipts", pl.col("due_on") > last, column="due_on", rule=text, fix=fix)


@rule
def lanes_carry_something(extract: Extract) -> list[Finding]:
    """The origin of a lane has an item to carry: made, bought, stocked or shipped there."""
    if not extract["lanes"].height:
        return []
    reached = supplied(extract)
    places = reached["location"].unique()
    pairs = reached.select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    named = pl.concat_str("item", "origin", separator="\x1f").is_in(pairs.implode())
    empty = pl.when(pl.col("item") == "").then(~pl.col("origin").is_in(places.implode())).otherwise(~named)
    text, fix = "No item that it carries can be at its origin.", "Correct origin or item, or remove the lane."
    return extract.flag("warn", "lanes", empty, column="origin", rule=text, fix=fix)


@rule
def policies_have_stock(extract: Extract) -> list[Finding]:
    """A policy requires stock only at places that the item can reach."""
    if not extract["policies"].height:
        return []
    pairs = supplied(extract).select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    asks = (pl.col("safety_stock") > 0) | (pl.col("end_stock") > 0)
    lost = asks & ~pl.concat_str("item", "location", separator="\x1f").is_in(pairs.implode())
    text = "The item cannot be at this place: neither made, bought, stocked nor shipped there."
    fix = "Correct the place, or add a lane."
    return extract.flag("warn", "policies", lost, column="item", rule=text, fix=fix)


@rule
def substitutes_stand_in_for_something(extract: Extract) -> list[Finding]:
    """An item with a substitute has demand."""
    where = ~pl.col("item").is_in(wanted(extract)["item"].implode())
    text, fix = "The item that it substitutes has no demand.", "Nothing to do, unless it should have an effect."
    return extract.flag("warn", "substitutions", where, column="item", rule=text, fix=fix)


@rule
def overrides_bind(extract: Extract) -> list[Finding]:
    """An override with a quantity can be parsed as a lock."""
    rows = extract["overrides"].with_row_index("row").filter(pl.col("quantity").is_not_null())
    lost = [row["row"] for row in rows.iter_rows(named=True) if lock_of(row) is None]
    text, fix = "It locks nothing: it is read as a remark.", 'Write `what` as "make item=A & period=2026-W48".'
    return extract.flag("warn", "overrides", pl.Series(lost), column="what", rule=text, fix=fix)


@rule
def tolerances_are_of_families(extract: Extract) -> list[Finding]:
    """Each band in [tolerance] names a family that has items."""
    known = [name for name in extract.names("items", "family").to_list() if name]
    lost = [family for family in extract.settings.tolerance if family not in known and not extract.absent("items")]
    text = "No item belongs to this family, so the band has no effect."
    fixes = [hint(family, known) or "Write the family as items.csv does." for family in lost]
    where = ("warn", "settings", FILE, (), "tolerance")
    return [Finding(*where, family, text, fix, 1) for family, fix in zip(lost, fixes, strict=True)]
