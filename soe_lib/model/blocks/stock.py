"""Stock: what is where at the end of each period, and what it is worth at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

NODE = ("item", "location")
CELL = (*NODE, "period")
LAST_RESORT = 1e4
"""What breaking a limit of space costs, per unit or volume: a conflict names it only where nothing else helps."""


class Stock(Part):
    """Closing stock of each item and location: stock(t) = stock(t−1) + in − out >= 0, no free disposal.

    Brings flows `stock` (item, location, period) [units, closing], `open` (item, location) [units, fixed at the
    opening stock], `leave` (item, location) [units: the last closing stock and what arrives after the horizon] and
    constraint `stock` (item, location, period), whose last period is `beyond`.
    Books −holding_cost × length of the period per unit of closing (by setting: opening) stock and −storage_cost per
    volume to "holding", and end_value per unit left to "end value" (inventory money, not cash).

    Examples
    --------
    >>> early = soe.Scenario("closed in W2").scale("calendar.hours", 0.0, period="W2").apply(small)
    >>> soe.plan(early).flows["stock"].filter(pl.col("quantity") > 0).select("item", "period", "quantity").rows()
    [('tea', 'W1', 40.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """stock, open, leave."""
        upper = maximum(network).filter(~pl.col("as_row")).select(*NODE, pl.lit(0.0).alias("ceiling"))
        cells = network.nodes.join(network.periods.select("period", "length"), how="cross")
        holding = holding_rates(network)
        yield Flow(
            "stock",
            cells.join(holding, on=NODE, how="left").join(upper, on=NODE, how="left"),
            CELL,
            "unit",
            "closing stock",
            upper="ceiling",
        )
        on_hand = network.table("inventory").group_by(NODE).agg(pl.col("on_hand").sum())
        opening = on_hand.join(holding, on=NODE).with_columns(network.first.alias("period"))
        yield Flow("open", opening, NODE, "unit", "opening stock", lower="on_hand", upper="on_hand")
        values = network.items.select("item", "end_value")
        ending = network.nodes.join(values, on="item", how="left").with_columns(network.beyond.alias("period"))
        yield Flow("leave", ending, NODE, "unit", "left or in transit at the end of the horizon")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """stock."""
        inside = network.nodes.join(network.periods.select("period"), how="cross")
        after = network.nodes.with_columns(network.beyond.alias("period"))
        yield Constraint(
            "stock",
            pl.concat([inside, after]),
            CELL,
            "==",
            "unit",
            "what comes in and is not used stays in stock",
        )

    def effects(self, network: Network) -> Iterator[Effect]:
        """stock leaves its own period and enters the next; open enters the first; leave empties beyond."""
        yield Effect("stock", "stock", -1.0)
        following = network.periods.select("period", pl.col("period").shift(-1).fill_null(network.beyond).alias("of"))
        yield Effect(
            "stock",
            "stock",
            at={"period": "of"},
            join=following,
            using=("period",),
            note="+1 in the next period",
        )
        yield Effect("open", "stock")
        yield Effect("leave", "stock", -1.0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Holding and end value."""
        yield Rate("end value", "leave", "end_value", kind="inventory")
        if network.settings.costs.holding_on == "closing":
            yield Rate("holding", "stock", -pl.col("holding") * pl.col("length"))
            return
        # On opening stock: each closing stock is charged in the period it opens, today's stock in the first.
        following = network.periods.select(
            "period", pl.col("period").shift(-1).alias("of"), pl.col("length").shift(-1).alias("next")
        )
        at = {"booked": "of"}
        yield Rate(
            "holding",
            "stock",
            -pl.col("holding") * pl.col("next"),
            at=at,
            join=following.drop_nulls(),
            using=("period",),
        )
        first = network.periods.select("period", pl.col("length").alias("next"))
        yield Rate("holding", "open", -pl.col("holding") * pl.col("next"), join=first, using=("period",))


@prepared
def holding_rates(network: Network) -> pl.DataFrame:
    """item, location, holding: money per unit and unit of time, the item's own and the location's storage."""
    storage = network.table("locations").select("location", pl.col("storage_cost").fill_null(0.0))
    return (
        network.nodes.join(network.items.select("item", "holding_cost", "volume"), on="item", how="left")
        .join(storage, on="location", how="left")
        .select(
            *NODE,
            (pl.col("holding_cost") + pl.col("storage_cost") * pl.col("volume")).alias("holding"),
            "volume",
        )
    )


@prepared
def maximum(network: Network) -> pl.DataFrame:
    """item, location, maximum_stock where a policy sets one; as_row: a row keeps it, so that it can be broken.

    A maximum of 0 is a bound (cheaper than rows), unless stock is there, or on its way, whatever the plan decides.
    """
    given = pl.concat([network.table(table).select(NODE) for table in ("inventory", "receipts")]).unique()
    rows = network.table("policies").filter(pl.col("maximum_stock").is_not_null()).select(*NODE, "maximum_stock")
    given = given.with_columns(there=pl.lit(value=True))
    as_row = (pl.col("maximum_stock") > 0) | pl.col("there").fill_null(value=False)
    return rows.join(given, on=NODE, how="left").with_columns(as_row.alias("as_row")).drop("there")


class StockRules(Part):
    """Limits on stock: maximum, joint storage capacity, end stock, and the priced shortfall below safety stock.

    Brings rows `maximum_stock` (item, location, period), `storage` (location, period) [volume], `end_stock` and
    `end_stock_maximum` (item, location), `safety` (item, location, period), and flow `below_safety` [units].
    Books −below_safety_cost × length of the period to "below safety" (steering: no cash).

    Examples
    --------
    >>> safe = {"item": "tea", "location": "market", "safety_stock": 10.0, "below_safety_cost": 1.0}
    >>> wary = soe.Scenario("ten in stock").row("policies", **safe).apply(small)
    >>> soe.plan(wary).ledger.accounts()["below safety"]
    -10.0
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """below_safety."""
        if not (cells := safety(network)).is_empty():
            yield Flow("below_safety", cells, CELL, "unit", "shortfall of closing stock below safety stock")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """maximum_stock, storage, end_stock, end_stock_maximum, safety."""
        over = network.periods.select("period")
        limited = maximum(network).filter("as_row").join(over, how="cross")
        if not limited.is_empty():
            yield Constraint(
                "maximum_stock",
                limited,
                CELL,
                "<=",
                "unit",
                "stock stays within its maximum",
                rhs="maximum_stock",
                break_price=LAST_RESORT,
            )
        if not (rooms := storage(network)).is_empty():
            yield Constraint(
                "storage", rooms.join(over, how="cross"), ("location", "period"), "<=", "volume",
                "a location stores no more than it has room for", rhs="storage_capacity", break_price=LAST_RESORT,
            )  # fmt: skip
        for name, sign, rule in (("end_stock", -1, "at least"), ("end_stock_maximum", 1, "at most")):
            if not (asked := end_rules(network, name)).is_empty():
                yield Constraint(
                    name, asked, NODE, "<=", "unit", f"stock at the end of the horizon is {rule} what the policy asks",
                    rhs=sign * pl.col(name), break_price="worth",
                )  # fmt: skip
        if not (cells := safety(network)).is_empty():
            yield Constraint(
                "safety",
                cells,
                CELL,
                "<=",
                "unit",
                "stock stays above safety stock, or its shortfall is priced",
                rhs=-pl.col("safety_stock"),
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of stock on each rule; of below_safety on safety."""
        limited = maximum(network).filter("as_row")
        if not limited.is_empty():
            yield Effect("stock", "maximum_stock", join=limited, using=NODE)
        if not (rooms := storage(network)).is_empty():
            yield Effect("stock", "storage", "volume", join=rooms, using=("location",))
        for name, sign in (("end_stock", -1.0), ("end_stock_maximum", 1.0)):
            if not (asked := end_rules(network, name)).is_empty():
                yield Effect("stock", name, sign, join=asked, using=NODE, where=pl.col("period") == network.last)
        if not (cells := safety(network)).is_empty():
            yield Effect("stock", "safety", -1.0, join=cells.select(*CELL, "safety_stock"), using=CELL)
            yield Effect("below_safety", "safety", -1.0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Below safety, steering."""
        if not safety(network).is_empty():
            yield Rate(
                "below safety",
                "below_safety",
                -pl.col("below_safety_cost") * pl.col("length"),
                kind="steering",
            )


@prepared
def safety(network: Network) -> pl.DataFrame:
    """item, location, period with a safety stock whose shortfall has a price."""
    rows = network.table("policies").filter(
        (pl.col("safety_stock").fill_null(0.0) > 0) & (pl.col("below_safety_cost").fill_null(0.0) > 0)
    )
    return rows.select(*NODE, "safety_stock", "below_safety_cost").join(
        network.periods.select("period", "length"), how="cross"
    )


@prepared
def storage(network: Network) -> pl.DataFrame:
    """location, storage_capacity where it is limited and holds any item."""
    rooms = network.table("locations").filter(pl.col("storage_capacity").is_not_null())
    return rooms.select("location", "storage_capacity").join(network.nodes, on="location", how="semi")


def end_rules(network: Network, column: str) -> pl.DataFrame:
    """item, location and the end stock that the column of the policies asks for."""
    asked = pl.col(column).is_not_null() & ((pl.col(column) > 0) | pl.lit(column == "end_stock_maximum"))
    worth = network.items.select("item", pl.coalesce("standard_cost", "price", pl.lit(1.0)).alias("worth"))
    return network.table("policies").filter(asked).select(*NODE, column).join(worth, on="item")
