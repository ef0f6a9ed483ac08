"""Promised: an order that was promised is served on its day, and keeps what it has while another one is promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.demand import KEYS as LINE
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

ROUNDING = 1e-9
"""What is kept is held to this relative slack, for a plan is exact to rounding only."""


ACCOUNT = "broken promises"
FACTOR = 100.0
"""A promised unit that is not there costs so many times what it is worth: it gives way only to what cannot be done."""


class Promised(Part):
    """Orders with a promised quantity have it in the period that was promised, or the plan says that they have not.

    Formula: served in the due period + unkept >= promised.
    Brings flow `unkept` (line) [units promised that are not there on their day] and rows `promised` (line). Books
    −FACTOR × (price + short_penalty + short_cost) per unit to "broken promises" (steering: no cash), so that a promise
    gives way only where no plan keeps it.

    Examples
    --------
    >>> given = soe.Scenario("given").row("orders", order="P1", item="coffee", location="market", customer="shop",
    ...     due_on="2026-01-20", quantity=120.0, promised=120.0).apply(small)
    >>> soe.plan(given).flows["unkept"]["quantity"].to_list()
    [20.0]
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """unkept."""
        if not (rows := promised(network)).is_empty():
            yield Flow("unkept", rows, LINE, "unit", "units that were promised and are not there on their day")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """promised."""
        if not (rows := promised(network)).is_empty():
            meaning = "what was promised is there on its day, or is counted"
            yield Constraint("promised", rows, LINE, "<=", "unit", meaning, rhs=-pl.col("promised"))

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell, replace and unkept."""
        if not (rows := promised(network)).is_empty():
            on_the_day = rows.select(*LINE, period="due")
            for flow in ("sell", "replace"):
                yield Effect(flow, "promised", -1.0, join=on_the_day, using=(*LINE, "period"))
            yield Effect("unkept", "promised", -1.0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Broken promises."""
        if not promised(network).is_empty():
            yield Rate(ACCOUNT, "unkept", -pl.col("break_price"), kind="steering", at={"booked": "due"})


@prepared
def promised(network: Network) -> pl.DataFrame:
    """LINE, promised [units, at most what is ordered], break_price [money per unit] of orders that were promised."""
    given = network.table("orders").filter(pl.col("promised") > 0).select("order", "promised")
    worth = pl.col("price") + pl.col("short_penalty") + pl.col("short_cost")
    lines = network.demand.with_columns(worth=worth)
    # A line without price is taken to be worth as much as the dearest one.
    dearest = lines["worth"].max() or 1.0
    return lines.join(given, on="order").filter(pl.col("order") != "").select(
        *LINE,
        pl.min_horizontal("promised", "quantity").alias("promised"),
        break_price=FACTOR * pl.when(pl.col("worth") > 0).then("worth").otherwise(pl.lit(dearest)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Kept(Part):
    """Orders are served no less and no later than a plan serves them.

    Formula: Σ served up to a period >= the same sum of the plan, for each order and each period in which it is served.
    Brings rows `kept` (line, of: the period). Books nothing.

    Parameters
    ----------
    served : item, location, customer, order, due, period, quantity [units served in the period], labels as text.
    """

    optional = ("replace",)

    served: pl.DataFrame = field(repr=False)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """kept."""
        if not self.served.is_empty():
            yield Constraint(
                "kept", self._rows(network), (*LINE, "of"), "<=", "unit",
                "an order is served as much and as early as it was", rhs=-pl.col("least"),
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell and replace up to the period."""
        if self.served.is_empty():
            return
        periods = network.periods.select("period", "index")
        until = self._rows(network).join(periods.rename({"period": "of", "index": "until"}), on="of")
        cells = until.join(periods, how="cross").filter(pl.col("index") <= pl.col("until"))
        for flow in ("sell", "replace"):
            yield Effect(flow, "kept", -1.0, join=cells.select(*LINE, "of", "period"), using=(*LINE, "period"))

    def _rows(self, network: Network) -> pl.DataFrame:
        """LINE, of, least: what each order has been served by then."""
        index = network.periods.select("period", "index")
        ordered = network.encode(self.served).join(index, on="period").sort(*LINE, "index")
        least = pl.col("quantity").cum_sum().over(LINE) * (1.0 - ROUNDING)
        return ordered.select(*LINE, of="period", least=least)
