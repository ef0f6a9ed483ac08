"""Substitute: serve a demand line with another item, at a ratio and a cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.demand import KEYS, served
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

LINE = KEYS


class Substitute(Part):
    """Units of a demand line served with a substitute: `ratio` units of it per unit demanded.

    Brings flow `replace` (line, substitute, period) [units demanded]; counts as served in `demand` and `committed`,
    takes ratio × from the substitute's `stock`. Books the line's price to "revenue", its lateness to "penalties" and
    −cost to "substitution".
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """replace."""
        if not (cells := replacements(network)).is_empty():
            keys = (*LINE, "substitute", "period")
            yield Flow("replace", cells, keys, "unit demanded", "units of a demand line served with a substitute")

    def effects(self, network: Network) -> Iterator[Effect]:
        """On demand, committed and stock."""
        if replacements(network).is_empty():
            return
        yield Effect("replace", "demand")
        yield Effect("replace", "stock", -pl.col("ratio"), at={"item": "substitute"})
        if (network.demand["committed"] > 0).any():
            yield Effect("replace", "committed", -1.0, where=pl.col("committed") > 0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Revenue, penalties, substitution."""
        if not replacements(network).is_empty():
            yield Rate("revenue", "replace", "price")
            yield Rate("penalties", "replace", -pl.col("late_cost") * pl.col("late"))
            if (network.demand["late_goodwill"] > 0).any():
                yield Rate("goodwill", "replace", -pl.col("late_goodwill") * pl.col("late"), kind="steering")
            yield Rate("substitution", "replace", -pl.col("cost"))


@prepared
def replacements(network: Network) -> pl.DataFrame:
    """Each servable line with each substitute that its customer accepts (a blank customer: every one)."""
    pairs = network.table("substitutions").select(
        "item",
        "substitute",
        pl.col("customer").alias("accepts"),
        pl.col("ratio").fill_null(1.0),
        pl.col("cost").fill_null(0.0),
    )
    lines = served(network).select(*LINE, "period", "late", "price", "late_cost", "late_goodwill", "committed")
    everyone = pl.col("accepts").cast(pl.String) == ""
    return (
        lines.join(pairs, on="item")
        .filter(everyone | (pl.col("accepts") == pl.col("customer")))
        .sort(everyone, maintain_order=True)  # what a customer agreed to goes before what everybody accepts
        .unique([*LINE, "period", "substitute"], keep="first", maintain_order=True)
        .drop("accepts")
    )
