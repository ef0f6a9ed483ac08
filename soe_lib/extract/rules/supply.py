"""Supply: whether what is demanded can be made, bought or taken from stock, and can get to where it is demanded."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.rules.demand import demanded, lines


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
            rule_text = (
                f"{rows.height} rows demand what can never get there: {place} is neither made, bought nor shipped to."
            )
            what = {
                "column": "item",
                "value": rows["item"][0],
                "rule": rule_text,
                "fix": "Add a lane, or mend the location.",
            }
            findings.append(extract.finding("warn", table, rows["row"], **what))
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
