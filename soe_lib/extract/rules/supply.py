"""The network: whether what is demanded has a price, a source, and a way to where it is demanded."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import polars as pl

from soe_lib.errors import hint
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.rules import Extract, rule


@rule
def one_version(extract: Extract) -> list[Finding]:
    """One version of the forecast is planned with; two would be added up."""
    versions = extract.names("forecast", "version").sort()
    chosen = extract.settings.forecast.version
    there = ", ".join(name or "(blank)" for name in versions.to_list())
    if len(versions) > 1 and not chosen:
        rule_text = f"The forecast has {len(versions)} versions: {there}."
        fix = 'Say which one to plan with: [forecast] version = "…" in settings.toml.'
        return [extract.finding("stop", "forecast", [], column="version", rule=rule_text, fix=fix)]
    if chosen and len(versions) and chosen not in versions:
        rule_text = f"The settings ask for a version the forecast does not have. There are: {there}."
        fix = hint(chosen, versions.to_list()) or "Mend [forecast] version in settings.toml."
        return [extract.finding("stop", "forecast", [], column="version", value=chosen, rule=rule_text, fix=fix)]
    return []


def demanded(extract: Extract, table: str) -> pl.LazyFrame:
    """Demand rows above zero that are planned with, all columns and the row number."""
    frame = extract[table].lazy().with_row_index("row").filter(pl.col("quantity") > 0)
    if table == "forecast" and extract.settings.forecast.version:
        frame = frame.filter(pl.col("version") == extract.settings.forecast.version)
    return frame


def lines(extract: Extract, table: str) -> pl.DataFrame:
    """Demand rows above zero that are planned with: [row, item, location, customer, quantity, price]."""
    return demanded(extract, table).select("row", "item", "location", "customer", "quantity", "price").collect()


@rule
def prices(extract: Extract) -> list[Finding]:
    """A demand line has a price, above what the item costs."""
    findings = []
    for table in ("forecast", "orders"):
        if not extract[table].height or not _worth_a_look(extract, table):
            continue
        of_items = extract["items"].select("item", "standard_cost", item_price="price").unique("item", keep="first")
        rows = lines(extract, table).join(of_items, on="item", how="left", maintain_order="left")
        rows = rows.with_columns(price=pl.coalesce("price", "item_price"))
        cost = pl.col("standard_cost")
        price = pl.col("price")
        blank = "No price, in the row or in items.csv: it counts as 0."
        for level, where, text, fix in (
            ("warn", price.is_null(), blank, "Fill price."),
            ("stop", (price == 0) & (cost > 0), "A price of 0 for an item that costs money.", "Mend the price."),
            ("warn", (price > 0) & (price < cost), "The standard cost is above the price.", "Mend one of them."),
        ):
            findings += extract.flag(level, table, rows.filter(where)["row"], column="price", rule=text, fix=fix)
    return findings


def _worth_a_look(extract: Extract, table: str) -> bool:
    """Whether any price could be missing, zero or below cost: a glance at extremes before the join."""
    lowest, blank = extract[table].select(pl.col("price").min(), pl.col("price").null_count().alias("blank")).row(0)
    highest = extract["items"].get_column("standard_cost").max()
    return bool(blank) or (isinstance(highest, float) and lowest is not None and lowest < highest)


def wanted(extract: Extract) -> pl.DataFrame:
    """Total demand by item and place, orders and forecast together: [item, location, quantity]."""
    parts = [demanded(extract, table).select("item", "location", "quantity") for table in ("forecast", "orders")]
    return pl.concat(parts).group_by("item", "location").agg(pl.col("quantity").sum()).collect()


def obtainable(extract: Extract) -> pl.Series:
    """Items that somebody can make or buy, or that another item may stand in for."""
    made = [extract[table].get_column("item") for table in ("routings", "co_products", "offers", "substitutions")]
    return pl.concat(made).unique()


def at_hand(extract: Extract) -> pl.DataFrame:
    """Stock and scheduled receipts by item and place: [item, location, quantity]."""
    stock = extract["inventory"].select("item", "location", quantity="on_hand")
    coming = extract["receipts"].select("item", "location", "quantity")
    return pl.concat([stock, coming]).filter(pl.col("quantity") > 0)


@rule
def every_item_has_a_source(extract: Extract) -> list[Finding]:
    """An item that is demanded can be made or bought, or there is enough of it."""
    known = obtainable(extract)
    items = extract["items"].with_row_index("row").filter(~pl.col("item").is_in(known.implode()))
    if items.is_empty():
        return []
    demand = wanted(extract).group_by("item").agg(wanted=pl.col("quantity").sum())
    supply = at_hand(extract).group_by("item").agg(there=pl.col("quantity").sum())
    items = items.join(demand, on="item", how="left").join(supply, on="item", how="left").sort("row")
    items = items.with_columns(pl.col("wanted", "there").fill_null(0.0))
    short = items.filter(pl.col("wanted") > pl.col("there") + 1e-9)
    used = extract.names("components", "component")
    starved = items.filter(pl.col("item").is_in(used.implode()), pl.col("there") == 0)
    idle = items.filter(pl.col("wanted") == 0, pl.col("there") == 0, ~pl.col("item").is_in(used.implode()))
    ways = extract["routings"].height + extract["offers"].height
    level = "stop" if ways or supply.is_empty() else "warn"  # a warehouse that sells off what it has needs no source
    nowhere = "can be neither made nor bought"
    above = f"{nowhere}, and demand is above stock and receipts"
    out, never = short.filter(pl.col("there") > 0), short.filter(pl.col("there") == 0)
    findings = _report(extract, out, "warn", above, "remove the demand")  # it runs out: what is there is sold
    findings += _report(extract, never, level, above, "remove the demand")
    findings += _report(extract, starved, "warn", f"{nowhere}, though used in a bill of material", "stock")
    return findings + _report(extract, idle, "warn", f"{nowhere}, and nobody asks for any", "remove it")


def _report(extract: Extract, items: pl.DataFrame, level: str, what: str, fix: str) -> list[Finding]:
    if items.is_empty():
        return []
    names = ", ".join(items["item"].head(SHOWN)) + (", …" if items.height > SHOWN else "")
    rule_text = f"{items.height} of {extract['items'].height} items {what}: {names}."
    where = {"column": "item", "value": items["item"][0], "rule": rule_text}
    return [extract.finding(level, "items", items["row"], fix=f"Add a routing or an offer, or {fix}.", **where)]


@rule
def demand_can_be_reached(extract: Extract) -> list[Finding]:
    """What is demanded at a place can get there: it is made, bought, stocked or shipped there."""
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
            text = (
                f"{rows.height} rows demand what can never get there: {place} is neither made, bought nor shipped to."
            )
            fix = "Add a lane, or mend the location."
            findings += extract.flag("warn", table, rows["row"], column="item", rule=text, fix=fix)
    return findings


def supplied(extract: Extract) -> pl.DataFrame:
    """Every item at every place it can get to, lane after lane: [item, location]."""
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
    """What goes into what: [row of components, component, item]."""
    made = extract["routings"].select("routing", "item").unique()
    also = extract["co_products"].select("routing", "item").unique()
    rows = extract["components"].with_row_index("row").select("row", "routing", "component")
    return rows.join(pl.concat([made, also]).unique(), on="routing").select("row", "component", "item")


@rule
def no_item_is_made_of_itself(extract: Extract) -> list[Finding]:
    """Bills of material end somewhere: a cycle is named with its whole path."""
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
    """One cycle as a path from component to item that ends where it began; empty where there is none."""
    graph = dict(pairs.group_by("item", maintain_order=True).agg("component").iter_rows())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@rule
def resources_have_hours(extract: Extract) -> list[Finding]:
    """A resource that work is planned on has hours somewhere; without, it has none at all."""
    known = extract.any_of(["calendar.resource", "workforce.resource", "expansions.resource"])
    there, findings = extract.names("resources", "resource"), []
    for table in ("operations", "lane_resources"):
        where = ~pl.col("resource").is_in(known.implode()) & pl.col("resource").is_in(there.implode())
        rule_text = "The resource has no row in calendar.csv, so it has no hours."
        fix = "Give it hours, or remove the resource from the row."
        findings += extract.flag("warn", table, where, column="resource", rule=rule_text, fix=fix)
    return findings


@rule
def opening_stock_fits(extract: Extract) -> list[Finding]:
    """What is in stock today fits under the ceilings that hold from today."""
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
        rule_text, fix = f"The opening stock takes {over['used'][0]:g} of it.", "Mend the capacity or the volumes."
        findings += extract.flag("warn", "locations", over["row"], column="storage_capacity", rule=rule_text, fix=fix)
    return findings
