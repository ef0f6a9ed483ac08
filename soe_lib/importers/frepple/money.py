"""Money for frePPLe's data: the meaning of its cost field, the cost of lateness, and the largest requirements."""

from __future__ import annotations

import polars as pl

from soe_lib.importers import Part
from soe_lib.importers.frepple.source import Frepple, tell

MARKUP = 0.30
"""Price over cost where frePPLe gives no price."""
HOLDING_RATE = 0.20
"""Cost of holding stock: share of its standard cost in a year."""
END_SHARE = 0.90
"""Value of stock at the horizon's end: share of its standard cost. Below 1, so that buying for the end does not pay."""
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
    notes = tell("no purchase cost", rows.filter(~own.fill_null(False), item_cost), total) + tell(
        "no cost", rows.filter(~own.fill_null(False), ~item_cost.fill_null(False)), total, cost=NO_COST
    )
    return Part({"offers": rows.with_columns(unit_cost=unit_cost).drop("cost", "item_cost")}, notes)


def acquisition(
    offers: pl.DataFrame,
    routings: pl.DataFrame,
    components: pl.DataFrame,
    operations: pl.DataFrame,
    resources: pl.DataFrame,
) -> pl.DataFrame:
    """The lowest unit cost of each item, rolled up through the bills of material.

    cost(item) = min over its offers of unit_cost, and over its routings of
    cost_per_unit + hours × hourly_cost (cheapest resource of each step) + Σ quantity × cost(component).
    Transport, holding and lots are left out.

    Returns
    -------
    frame of item, acquired; items without a source are missing.
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
        tell("price from cost", sold.filter("is_price"), sold.height)
        + tell("price by markup", marked, sold.height, markup=MARKUP)
        + tell("rolled cost", rolled, total)
        + (
            f"Families are frePPLe's category and subcategory for {total - nameless} of {total} items.",
            f"Holding stock costs {HOLDING_RATE:.0%} of the standard cost a year for all {total} items; frePPLe has no "
            "such field.",
            f"Stock left at the end of the horizon is worth {END_SHARE:.0%} of its standard cost for all {total} "
            "items; frePPLe has no such field.",
        )
    )


def resources(source: Frepple, operations: pl.DataFrame, routings: pl.DataFrame) -> Part:
    """The resources table: hourly cost is frePPLe's, whose documented default is 0; frePPLe has no overtime.

    Parameters
    ----------
    operations, routings : the work of the resources; a resource without a location takes that of its first work.
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
    notes = tell("free hours", free, total) + tell("resource set-ups", rows.filter(pl.col("setupmatrix") != ""), total)
    table = rows.select("resource", "location", _kind(source).alias("kind"), hourly_cost="cost")
    said = (f"No overtime is offered on any of the {total} resources; frePPLe has no such field.",) if total else ()
    return Part({"resources": table}, notes + said)


def _kind(source: Frepple) -> pl.Expr:
    """Labour if a resource or its pool has a skill or is named human; else line."""
    called = source["resource"].filter(
        pl.any_horizontal(pl.col("category", "subcategory").str.to_lowercase().is_in(PEOPLE))
    )
    people = pl.concat([called["name"], source["resourceskill"]["resource"].alias("name")]).implode()
    is_person = pl.col("resource").is_in(people) | pl.col("owner").is_in(people)
    return pl.when(is_person).then(pl.lit("labour")).otherwise(pl.lit("line"))


ROOM = 2.0
"""Ratio of the maximum to the requirement of open orders, so that scenarios with more demand remain feasible."""


def requirement(
    orders: pl.DataFrame, policies: pl.DataFrame, routings: pl.DataFrame, components: pl.DataFrame
) -> pl.DataFrame:
    """The largest requirement of each item for open orders and safety stocks over the horizon.

    needed(i) = Σ orders of i + Σ safety stocks of i + Σ over items m made of i of the largest quantity of i per unit
    of m × needed(m); stock on hand is not deducted.

    Returns
    -------
    frame of item, needed.
    """
    own = [orders.select("item", needed="quantity"), policies.select("item", needed="safety_stock")]
    uses = (
        components.join(routings.select("routing", "item").unique(), on="routing")
        .group_by("item", "component")
        .agg(pl.col("quantity").max())
    )
    step = pl.concat(own).group_by("item").agg(pl.col("needed").sum())
    found = [step]
    # a bill of material is no deeper than there are routings; a circle in it must not turn for ever
    for _ in range(routings.height):
        step = (
            uses.join(step, on="item")
            .group_by(item="component")
            .agg(needed=(pl.col("quantity") * pl.col("needed")).sum())
        )
        if step.is_empty():
            break
        found.append(step)
    return pl.concat(found).group_by("item").agg(pl.col("needed").sum())


def without(name: str, table: pl.DataFrame) -> Part:
    """The table without order sizes: any quantity may be made, bought or shipped.

    Parameters
    ----------
    name : offers, lanes or routings.
    """
    sized = table.filter(pl.col("minimum").is_not_null() | pl.col("multiple").is_not_null())
    notes = tell("sizes left out", sized, table.height, column=name.removesuffix("s"), things=name)
    nothing = pl.lit(None, pl.Float64)
    return Part({name: table.with_columns(minimum=nothing, multiple=nothing)}, notes)


def bounded(name: str, table: pl.DataFrame, needed: pl.DataFrame, *, fixed: pl.Series | None = None) -> Part:
    """The table with its order sizes, and `maximum` per period for rows with lots.

    maximum = ROOM × needed, rounded up to the multiple, and at least the minimum.

    Parameters
    ----------
    name : offers, lanes or routings.
    needed : from `requirement`.
    fixed : further keys with integer decisions, because their orders take a fixed time.
    """
    key = name.removesuffix("s")
    in_lots = pl.col("minimum").fill_null(0.0) > 0
    if fixed is not None:
        in_lots = in_lots | pl.col(key).is_in(fixed.implode())
    multiple = pl.col("multiple").fill_null(1.0)
    most = pl.max_horizontal(pl.col("needed").fill_null(0.0) * ROOM, pl.col("minimum").fill_null(0.0))
    rows = table.join(needed, on="item", how="left").with_columns(
        maximum=pl.when(in_lots).then((most / multiple).ceil() * multiple)
    )
    notes = tell(
        "least sizes", rows.filter(pl.col("minimum").is_not_null()), rows.height, column=key, things=name
    ) + tell("lots", rows.filter(in_lots), rows.height, column=key, things=name, room=ROOM)
    return Part({name: rows.drop("needed")}, notes)


LATE_SHARE = 0.02
"""Cost of a week's delay for the most urgent customers: share of the price; halved with each lower priority."""
GOODWILL_SHARE = 0.50
"""Goodwill lost with an order never served: share of the price, halved like the cost of delay."""
BELOW_SAFETY_FACTOR = 2.0
"""Steering cost of stock below safety stock: multiple of the holding cost."""
DAY = 86400.0
LATENESS_DAYS = 1825.0
"""frePPLe's own default: an order may be five years late."""


def customers(source: Frepple, sales: pl.DataFrame, orders: pl.DataFrame, prices: pl.DataFrame) -> Part:
    """Customers with priority, cost of delay, goodwill and largest accepted delay, from their open sales orders.

    priority = rank of the priority that most of the customer's open orders have (1 is served first);
    late_cost = LATE_SHARE × mean price of its items / 2^(priority − 1) per unit and week; short_cost likewise.

    Parameters
    ----------
    sales : frePPLe's sales orders, open and closed.
    orders : the orders that are planned (order, item, customer).
    prices : item, price.
    """
    open_ = sales.join(orders.select(name="order"), on="name", how="semi")
    usual = (
        open_.group_by("customer", "priority")
        .agg(pl.len().alias("many"))
        .sort("customer", "many", "priority", descending=[False, True, False])
        .group_by("customer", maintain_order=True)
        .agg(pl.col("priority").first())
    )
    latest = open_.group_by("customer").agg(
        allowed=(pl.col("maxlateness").fill_null(LATENESS_DAYS * DAY).min() / DAY).floor(),
        varied=pl.col("maxlateness").fill_null(LATENESS_DAYS * DAY).n_unique() > 1,
    )
    worth = sales.join(prices, on="item").group_by("customer").agg(price=pl.col("price").mean())
    every = pl.concat([source["customer"]["name"], sales["customer"].alias("name")]).unique().sort()
    seen = pl.concat([sales["customer"], orders["customer"]]).unique()
    rows = (
        pl.DataFrame({"customer": every.filter((every != "") & every.is_in(seen.implode()))})
        .join(source["customer"].select(customer="name", segment="category"), on="customer", how="left")
        .join(usual, on="customer", how="left")
        .join(latest, on="customer", how="left")
        .join(worth, on="customer", how="left")
    )
    rank = pl.col("priority").rank("dense").cast(pl.Int64)
    rows = rows.with_columns(priority=rank.fill_null(rank.max().fill_null(1)), price=pl.col("price").fill_null(0.0))
    fading = pl.col("price") / pl.lit(2.0).pow(pl.col("priority") - 1)
    table = rows.select(
        "customer", "segment", "priority",
        late_cost=(fading * LATE_SHARE).round(4), short_cost=(fading * GOODWILL_SHARE).round(4),
        latest_days=pl.col("allowed").fill_null(LATENESS_DAYS),
    )  # fmt: skip
    return Part({"customers": table}, _customer_notes(open_, usual, rows))


def _customer_notes(open_: pl.DataFrame, usual: pl.DataFrame, rows: pl.DataFrame) -> tuple[str, ...]:
    unlike = open_.join(usual, on=["customer", "priority"], how="anti")
    nameless = open_.filter(pl.col("customer") == "")
    patient = rows.filter(pl.col("allowed").fill_null(LATENESS_DAYS) >= LATENESS_DAYS)
    total, first = open_.height, rows.filter(pl.col("priority") == 1).height
    return (
        tell("mixed priorities", unlike, total)
        + tell("mixed lateness", rows.filter(pl.col("varied").fill_null(False)), rows.height)
        + tell("no customer", nameless, total)
        + tell("any lateness", patient, rows.height)
        + (
            f"The {total} open sales orders may be delivered in parts; frePPLe's smallest shipments are left out.",
            f"A week's delay costs {LATE_SHARE:.0%} of the mean price for the {first} customers of first priority, and "
            f"half of it per priority further down ({rows.height - first} customers); frePPLe ranks orders, but has no "
            "such cost.",
            f"An order never served costs {GOODWILL_SHARE:.0%} of the mean price in goodwill (steering, no cash) for "
            "the customers of first priority, and half of it per priority further down.",
        )
    )


def policies(table: pl.DataFrame, items_table: pl.DataFrame) -> Part:
    """Safety stocks with the steering cost of falling below them."""
    rows = table.join(items_table.select("item", "holding_cost"), on="item")
    priced = rows.with_columns(below_safety_cost=pl.col("holding_cost") * BELOW_SAFETY_FACTOR).drop("holding_cost")
    notes = tell("safety stocks", rows, rows.height, factor=BELOW_SAFETY_FACTOR)
    return Part({"policies": priced}, notes)


def actuals(table: pl.DataFrame, prices: pl.DataFrame) -> Part:
    """Actual sales with their amount at today's price of the item."""
    rows = table.join(prices, on="item", how="left")
    valued = rows.with_columns(amount=(pl.col("quantity") * pl.col("price")).round(2)).drop("price")
    said = (f"The {rows.height:,} actual sales are valued at today's price of their item.",) if rows.height else ()
    return Part({"actuals": valued}, said)
