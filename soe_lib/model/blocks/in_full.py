"""In full: orders of customers who take them whole or not at all, or in at most so many deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.demand import KEYS, served
from soe_lib.model.terms import Constraint, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

LINE = KEYS
CELL = (*LINE, "period")


class InFull(Part):
    """An order comes in at most so many deliveries, and whole or not at all, where its customer says so.

    A delivery is what serves an order in one period, substitutes included. `customers.most_deliveries` limits how many
    there are; `customers.in_full` leaves an order whole or refused; with the first alone, what the last delivery lacks
    is never served. Forecast has no orders yet: it is served as before.

    Brings flow `deliver` (order line, period) in {0, 1} with rows `delivery`: sell + Σ replace <= quantity × deliver,
    and `deliveries` (order line): Σ deliver <= most_deliveries, where more periods could serve the order; and flow
    `refuse` (order line) in {0, 1} with rows `in_full`: short <= quantity × refuse, and `refused`: sell + Σ replace
    <= quantity × (1 − refuse). Books nothing: what is refused costs what is short costs.

    Examples
    --------
    >>> order = {"order": "SO-1", "item": "coffee", "location": "market", "customer": "shop", "quantity": 110.0}
    >>> asked = soe.Scenario("in full").row("orders", due_on="2026-01-19", price=9.0, **order)
    >>> soe.plan(asked.set("customers.in_full", True).apply(small)).flows["refuse"]["quantity"].to_list()
    [1.0]
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """deliver and refuse."""
        if not (cells := deliveries(network)).is_empty():
            meaning = "an order is delivered in the period"
            yield Flow("deliver", cells, CELL, "yes or no", meaning, upper=1.0, integer=True)
        if not (lines := whole(network)).is_empty():
            meaning = "an order that is taken whole only is not served"
            yield Flow("refuse", lines, LINE, "yes or no", meaning, upper=1.0, integer=True)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """delivery, deliveries, in_full, refused."""
        if not (cells := deliveries(network)).is_empty():
            yield Constraint("delivery", cells, CELL, "<=", "unit", "an order is served in a delivery")
            lines = cells.select(*LINE, "most_deliveries").unique()
            meaning = "a customer takes an order in no more deliveries than it says"
            yield Constraint("deliveries", lines, LINE, "<=", "delivery", meaning, rhs="most_deliveries")
        if not (lines := whole(network)).is_empty():
            # Two rows: HiGHS 1.15.1 does not end where an infeasible program has them as one equation.
            yield Constraint("in_full", lines, LINE, "<=", "unit", "an order is served in full or not at all")
            meaning = "of a refused order nothing is served"
            yield Constraint("refused", lines, LINE, "<=", "unit", meaning, rhs="quantity")

    def effects(self, network: Network) -> Iterator[Effect]:
        """On delivery, deliveries, in_full and refused."""
        if not (cells := deliveries(network)).is_empty():
            for flow in ("sell", "replace"):
                yield Effect(flow, "delivery", join=cells.select(CELL), using=CELL)
            yield Effect("deliver", "delivery", -pl.col("quantity"))
            yield Effect("deliver", "deliveries")
        if not (lines := whole(network)).is_empty():
            yield Effect("short", "in_full", join=lines.select(LINE), using=LINE)
            yield Effect("refuse", "in_full", -pl.col("quantity"))
            for flow in ("sell", "replace"):
                yield Effect(flow, "refused", join=lines.select(LINE), using=LINE)
            yield Effect("refuse", "refused", "quantity")


@prepared
def asking(network: Network) -> pl.DataFrame:
    """Order lines of customers who ask for either, with quantity, most_deliveries and in_full."""
    terms = network.table("customers").select("customer", "most_deliveries", pl.col("in_full").fill_null(value=False))
    terms = terms.filter(pl.col("in_full") | pl.col("most_deliveries").is_not_null())
    orders = network.demand.filter(pl.col("order").cast(pl.String) != "", pl.col("quantity") > 0)
    return orders.select(*LINE, "quantity").join(terms, on="customer")


@prepared
def deliveries(network: Network) -> pl.DataFrame:
    """CELL, item and place, quantity, most_deliveries: periods that may serve an order, where they are too many."""
    limited = asking(network).filter(pl.col("most_deliveries").is_not_null())
    cells = served(network).select(CELL).join(limited.select(*LINE, "quantity", "most_deliveries"), on=LINE)
    return cells.filter(pl.len().over(LINE) > pl.col("most_deliveries"))


@prepared
def whole(network: Network) -> pl.DataFrame:
    """LINE, quantity of the orders that are served whole or not at all."""
    return asking(network).filter("in_full").select(*LINE, "quantity")
