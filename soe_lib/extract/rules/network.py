"""The network: things made of themselves, lanes that lead nowhere, stock that does not fit."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule

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
    findings = []
    if own.height:
        rule_text, fix = "An item is a component of itself.", "Remove the row, or give the used item its own code."
        value = own["item"][0]
        rows = own["row"].unique().sort()
        findings = [
            extract.finding("stop", "components", rows, column="component", value=value, rule=rule_text, fix=fix)
        ]
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
def nothing_refers_to_itself(extract: Extract) -> list[Finding]:
    """A lane leads elsewhere; a substitute is another item."""
    same = pl.col("origin") == pl.col("destination")
    fix = "Mend one end, or remove the row."
    findings = extract.flag(
        "stop", "lanes", same, column="origin", rule="The lane leads back to where it starts.", fix=fix
    )
    same = pl.col("item") == pl.col("substitute")
    rule_text = "The item is its own substitute."
    return findings + extract.flag("stop", "substitutions", same, column="item", rule=rule_text, fix="Remove the row.")


@rule
def resources_have_hours(extract: Extract) -> list[Finding]:
    """A resource that work is planned on has hours somewhere; without, it has none at all."""
    given = [extract[table].get_column("resource") for table in ("calendar", "workforce", "expansions")]
    known = pl.concat(given).unique()
    findings = []
    for table in ("operations", "lane_resources"):
        where = ~pl.col("resource").is_in(known.implode()) & pl.col("resource").is_in(
            extract["resources"]["resource"].implode()
        )
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
        value, fix = (
            extract.cell("policies", "maximum_stock", int(over["row"][0])),
            "Raise it, or plan to use the stock up.",
        )
        findings.append(
            extract.finding(
                "warn", "policies", over["row"], column="maximum_stock", value=value, rule=rule_text, fix=fix
            )
        )
    volume = stock.join(extract["items"].select("item", "volume").unique("item"), on="item")
    volume = volume.group_by("location").agg(used=(pl.col("on_hand") * pl.col("volume")).sum())
    places = extract["locations"].with_row_index("row").join(volume, on="location")
    over = places.filter(pl.col("used") > pl.col("storage_capacity") * (1 + 1e-9)).sort("row")
    if over.height:
        rule_text = f"The opening stock takes {over['used'][0]:g} of it."
        value = extract.cell("locations", "storage_capacity", int(over["row"][0]))
        what = {
            "column": "storage_capacity",
            "value": value,
            "rule": rule_text,
            "fix": "Mend the capacity or the volumes.",
        }
        findings.append(extract.finding("warn", "locations", over["row"], **what))
    return findings
