"""Money for frePPLe's data: what its one cost field means, and what has to be assumed for the rest.

frePPLe has `item.cost` ("cost or price of the item"; its manual recommends the booking value), costs of purchases,
transfers, operations and resource hours, and nothing else. Every other amount is an assumption, said in a sentence.
Source: frePPLe's model reference, items, item suppliers, operations, resources.
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.report import Part, tell

MARKUP = 0.30
"""Price over cost where frePPLe gives no price."""
HOLDING_RATE = 0.20
"""Cost of holding stock: share of its standard cost in a year."""
END_SHARE = 0.90
"""Worth of stock at the horizon's end: share of its standard cost. Below 1, or buying for the end would pay."""
PEOPLE = ("human", "operator", "labour", "labor")
NO_COST = 1.0
WEEKS = 52.0


def priced_offers(source: Frepple, table: pl.DataFrame) -> Part:
    """Offers with unit_cost: the purchase's own cost, else the item's."""
    costs = source["item"].select(item="name", item_cost="cost")
    rows = table.join(costs, on="item", how="left")
    own, item_cost = pl.col("cost") > 0, pl.col("item_cost") > 0
    unit_cost = pl.when(own).then("cost").when(item_cost).then("item_cost").otherwise(NO_COST)
    total = rows.height
    notes = tell(
        rows.filter(~own.fill_null(False), item_cost), "offer", total, "offers",
        "have no purchase cost; the item's cost is taken",
    ) + tell(
        rows.filter(~own.fill_null(False), ~item_cost.fill_null(False)), "offer", total, "offers",
        f"have no cost at all; {NO_COST:.2f} a unit is taken",
    )  # fmt: skip
    return Part({"offers": rows.with_columns(unit_cost=unit_cost).drop("cost", "item_cost")}, notes)


def acquisition(
    offers: pl.DataFrame,
    routings: pl.DataFrame,
    components: pl.DataFrame,
    operations: pl.DataFrame,
    resources: pl.DataFrame,
) -> pl.DataFrame:
    """The cheapest cost of getting one unit of each item, rolled up through the bills of material.

    cost(item) = min over its offers of unit_cost, and over its routings of
    cost_per_unit + hours × hourly_cost (cheapest resource of each step) + Σ quantity × cost(component).
    Transport, holding and lots are left out.

    Returns
    -------
    frame of item, acquired; items that nothing brings are not in it.
    """
    hours = operations.join(resources.select("resource", "hourly_cost"), on="resource").with_columns(
        worth=pl.col("hours_per_unit") * pl.col("hourly_cost")
    )
    conversion = (
        hours.group_by("routing", "step").agg(pl.col("worth").min()).group_by("routing").agg(pl.col("worth").sum())
    )
    ways = routings.join(conversion, on="routing", how="left").select(
        "routing", "item", own=pl.col("cost_per_unit") + pl.col("worth").fill_null(0.0)
    )
    bought = offers.group_by("item").agg(acquired=pl.col("unit_cost").min())
    known = bought.sort("item")
    # a bill of material is no deeper than there are routings; a circle in it must not turn for ever
    for _ in range(routings.height + 1):
        material = (
            components.join(known.rename({"item": "component"}), on="component", how="left")
            .group_by("routing")
            .agg(amount=(pl.col("quantity") * pl.col("acquired")).sum(), unknown=pl.col("acquired").null_count())
        )
        made = (
            ways.join(material, on="routing", how="left")
            .filter(pl.col("unknown").fill_null(0) == 0)
            .select("item", acquired=pl.col("own") + pl.col("amount").fill_null(0.0))
        )
        better = pl.concat([known, made]).group_by("item").agg(pl.col("acquired").min()).sort("item")
        if better.equals(known):
            break
        known = better
    return known


def items(source: Frepple, used: pl.Series, sold: pl.Series, acquired: pl.DataFrame) -> Part:
    """The items table with prices, standard costs, holding costs and end values.

    Parameters
    ----------
    used : items that any table of the plan names.
    sold : items of open and closed sales orders.
    acquired : item, acquired: from `acquisition`.
    """
    rows = (
        source["item"]
        .filter(pl.col("name").is_in(used.implode()))
        .rename({"name": "item"})
        .join(acquired, on="item", how="left")
        .with_columns(is_sold=pl.col("item").is_in(sold.implode()), cost=pl.col("cost").fill_null(0.0))
    )
    standard = pl.coalesce("acquired", "cost")
    rows = rows.with_columns(standard_cost=standard.round(4), is_price=pl.col("is_sold") & (pl.col("cost") > standard))
    price = pl.when(pl.col("is_price")).then("cost").otherwise((pl.col("standard_cost") * (1 + MARKUP)).round(2))
    category = pl.col("category")
    both = pl.concat_str(category, pl.lit(" / "), "subcategory")
    one = (pl.col("subcategory") == "") | (pl.col("subcategory") == category) | (category == "")
    either = pl.when(category == "").then("subcategory").otherwise(category)
    table = rows.select(
        "item", "description",
        family=pl.when(one).then(either).otherwise(both),
        unit=pl.when(pl.col("uom") == "").then(pl.lit("each")).otherwise("uom"),
        standard_cost="standard_cost",
        holding_cost=(pl.col("standard_cost") * HOLDING_RATE / WEEKS).round(6),
        price=pl.when(pl.col("is_sold")).then(price),
        end_value=(pl.col("standard_cost") * END_SHARE * 100).floor() / 100,
        volume="volume", weight="weight",
    )  # fmt: skip
    return Part({"items": table}, _item_notes(rows))


def _item_notes(rows: pl.DataFrame) -> tuple[str, ...]:
    sold = rows.filter("is_sold")
    total = rows.height
    nameless = rows.filter(pl.col("category") == "", pl.col("subcategory") == "").height
    marked = sold.filter(~pl.col("is_price"))
    rolled = rows.filter((pl.col("acquired") - pl.col("cost")).abs() > 1e-6)
    return (
        tell(
            sold.filter("is_price"), "item", sold.height, "sold items",
            "take frePPLe's item cost as their sales price, because frePPLe values an order by it and it is above the "
            "cost of getting the item",
        )
        + tell(
            marked, "item", sold.height, "sold items",
            f"have an item cost that is not above the cost of getting them; priced at that cost plus {MARKUP:.0%}",
        )
        + tell(
            rolled, "item", total, "items",
            "have another standard cost than frePPLe's item cost: the cheapest purchase, or components and hours",
        )
        + (
            f"Families are frePPLe's category and subcategory for {total - nameless} of {total} items.",
            f"Holding stock costs {HOLDING_RATE:.0%} of the standard cost a year for all {total} items; frePPLe has no "
            "such field.",
            f"Stock left at the end of the horizon is worth {END_SHARE:.0%} of its standard cost for all {total} "
            "items; frePPLe has no such field.",
        )
    )  # fmt: skip


def resources(source: Frepple, operations: pl.DataFrame, routings: pl.DataFrame) -> Part:
    """The resources table: hourly cost is frePPLe's, whose documented default is 0; overtime is unknown to it.

    Parameters
    ----------
    operations, routings : what the resources do; one without a location stands where it first works.
    """
    at = operations.join(routings.select("routing", place="location"), on="routing").sort("resource", "routing")
    first = at.group_by("resource", maintain_order=True).agg(pl.col("place").first())
    rows = (
        source["resource"]
        .rename({"name": "resource"})
        .join(first, on="resource")
        .with_columns(
            location=pl.when(pl.col("location") == "").then(pl.col("place").fill_null("")).otherwise("location")
        )
    )
    free = rows.filter(pl.col("cost") == 0)
    total = rows.height
    notes = tell(
        free, "resource", total, "resources",
        "have no cost per hour; their hours cost nothing, which is frePPLe's default",
    ) + tell(
        rows.filter(pl.col("setupmatrix") != ""), "resource", total, "resources",
        "have a set-up matrix; changeovers are left out",
    )  # fmt: skip
    table = rows.select("resource", "location", _kind(source).alias("kind"), hourly_cost="cost")
    said = (f"No overtime is offered on any of the {total} resources; frePPLe has no such field.",) if total else ()
    return Part({"resources": table}, notes + said)


def _kind(source: Frepple) -> pl.Expr:
    """Labour: whoever has a skill, or is called human, alone or by the pool it belongs to; else a line."""
    called = source["resource"].filter(
        pl.any_horizontal(pl.col("category", "subcategory").str.to_lowercase().is_in(PEOPLE))
    )
    people = pl.concat([called["name"], source["resourceskill"]["resource"].alias("name")]).implode()
    is_person = pl.col("resource").is_in(people) | pl.col("owner").is_in(people)
    return pl.when(is_person).then(pl.lit("labour")).otherwise(pl.lit("line"))
