"""Sell: demand lines are served on time, late or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.demand import KEYS, served
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

LINE = KEYS


class Sell(Part):
    """Each demand line: served on time + served late + short = quantity, and served >= committed.

    Brings flows `sell` (item, location, customer, order, due, period) [units served in period] and `short` (item,
    location, customer, order, due) [units never served]; balances `demand` (per line) and `committed` (per line with
    an obligation); effect −1 on `stock` in the period served. Books price to "revenue", late_cost × delay and
    short_penalty to "penalties" (cash), short_cost and late_goodwill × delay to
    "goodwill" (steering: no cash).
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """sell and short."""
        yield Flow(
            "sell",
            served(network).select(
                *LINE, "period", "late", "overdue", "price", "late_cost", "late_goodwill", "committed"
            ),
            (*LINE, "period"),
            "unit",
            "units served to a demand line in a period",
        )
        yield Flow(
            "short",
            network.demand.select(*LINE, "short_cost", "short_penalty", "price", "priority"),
            LINE,
            "unit",
            "units of a demand line that are never served",
        )

    def balances(self, network: Network) -> Iterator[Balance]:
        """demand and committed."""
        yield Balance(
            "demand",
            network.demand.select(*LINE, "quantity"),
            LINE,
            "==",
            "unit",
            "served and short add up to the demand",
            rhs="quantity",
        )
        worth = (pl.col("price") + pl.col("short_penalty") + pl.col("short_cost")).alias("worth")
        owed = network.demand.filter(pl.col("committed") > 0).select(*LINE, "committed", worth)
        if not owed.is_empty():
            yield Balance(
                "committed", owed, LINE, "<=", "unit", "what was promised is served",
                rhs=-pl.col("committed"), break_price="worth",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """On demand, committed and stock."""
        yield Effect("sell", "demand")
        yield Effect("short", "demand")
        yield Effect("sell", "stock", -1.0)
        if (network.demand["committed"] > 0).any():
            yield Effect("sell", "committed", -1.0, where=pl.col("committed") > 0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Revenue, penalties, goodwill."""
        yield Rate("revenue", "sell", "price")
        yield Rate("penalties", "sell", -pl.col("late_cost") * pl.col("late"))
        at = {"booked": "due"}
        yield Rate("penalties", "short", -pl.col("short_penalty"), at=at)
        if (network.demand["late_goodwill"] > 0).any():
            yield Rate("goodwill", "sell", -pl.col("late_goodwill") * pl.col("late"), kind="steering")
        yield Rate("goodwill", "short", -pl.col("short_cost"), kind="steering", at=at)
