"""What being late, short or low on stock costs, and what was sold: customers, policies and actuals with their money.

frePPLe ranks orders by priority and lets them be late, but puts no money on it: all amounts here are assumptions.
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.report import Part, tell

LATE_SHARE = 0.02
"""Cost of a week's delay: share of the price, for the most urgent customers; half of it per priority further down."""
GOODWILL_SHARE = 0.50
"""Goodwill lost with an order never served: share of the price, fading like the cost of delay."""
BELOW_SAFETY_FACTOR = 2.0
"""Steering cost of stock below safety stock: so many times the holding cost."""
DAY = 86400.0
LATENESS_DAYS = 1825.0
"""frePPLe's own default: an order may be five years late."""


def customers(source: Frepple, sales: pl.DataFrame, orders: pl.DataFrame, prices: pl.DataFrame) -> Part:
    """Customers with priority, cost of delay, goodwill and how late they accept, from their open sales orders.

    priority = rank of the priority that most of the customer's open orders have (1 is served first);
    late_cost = LATE_SHARE × mean price of what it buys / 2^(priority − 1) per unit and week; short_cost alike.

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
        tell(
            unlike, "name", total, "open sales orders",
            "have another priority than most orders of their customer; the customer's holds for all of them",
        )
        + tell(
            rows.filter(pl.col("varied").fill_null(False)), "customer", rows.height, "customers",
            "have orders of different largest lateness; the smallest holds for all of them",
        )
        + tell(
            nameless, "name", total, "open sales orders", "name no customer; being late or short costs nothing there"
        )
        + tell(
            patient, "customer", rows.height, "customers",
            "accept any delay, because their orders give no largest lateness and frePPLe's default is five years",
        )
        + (
            f"The {total} open sales orders may be delivered in parts; frePPLe's smallest shipments are left out.",
            f"A week's delay costs {LATE_SHARE:.0%} of the mean price for the {first} customers of first priority, and "
            f"half of it per priority further down ({rows.height - first} customers); frePPLe ranks orders, but has no "
            "such cost.",
            f"An order never served costs {GOODWILL_SHARE:.0%} of the mean price in goodwill (steering, no cash) for "
            "the customers of first priority, and half of it per priority further down.",
        )
    )  # fmt: skip


def policies(table: pl.DataFrame, items_table: pl.DataFrame) -> Part:
    """Safety stocks with the steering cost of falling below them."""
    rows = table.join(items_table.select("item", "holding_cost"), on="item")
    priced = rows.with_columns(below_safety_cost=pl.col("holding_cost") * BELOW_SAFETY_FACTOR).drop("holding_cost")
    notes = tell(
        rows, "item", rows.height, "safety stocks",
        f"are soft: a unit below costs {BELOW_SAFETY_FACTOR:g} times its holding cost (steering, no cash)",
    )  # fmt: skip
    return Part({"policies": priced}, notes)


def actuals(table: pl.DataFrame, prices: pl.DataFrame) -> Part:
    """Actual sales with their amount at today's price of the item."""
    rows = table.join(prices, on="item", how="left")
    valued = rows.with_columns(amount=(pl.col("quantity") * pl.col("price")).round(2)).drop("price")
    said = (f"The {rows.height:,} actual sales are valued at today's price of their item.",) if rows.height else ()
    return Part({"actuals": valued}, said)
