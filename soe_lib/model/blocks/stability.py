"""Stability: what the shop floor was told is kept in the frozen fence, and changed at a price in the slushy zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import make
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network
    from soe_lib.model.plan import Plan

CELL = ("routing", "period")
BREAK_FACTOR = 10.0
"""Breaking the frozen fence is priced at this many times a change in the slushy zone, when promises must be broken."""


@dataclass(frozen=True)
class Stability(Part):
    """Production stays as the plan of record has it: make = record + more − less.

    Brings flows `more`, `less` (routing, period) [units] in the slushy zone, rows `record` there (make − more + less
    = record) and rows `frozen` in the frozen fence (make = record). Books −change_cost per
    changed unit to "nervousness" (steering: no cash). The zones are [fence] frozen_days and slushy_days of
    settings.toml, with its change_cost, counted from the as-of date; a period belongs to the zone in which it starts.

    Parameters
    ----------
    record : routing, period (a label of time), quantity [units]: the production that was published.
    """

    record: pl.DataFrame = field(repr=False)

    @classmethod
    def of(cls, plan: Plan) -> Stability:
        """The stability that keeps close to a plan."""
        return cls(plan.flows["make"].select("routing", "period", "quantity"))

    def flows(self, network: Network) -> Iterator[Flow]:
        """more and less."""
        if not (cells := self._zone(network, "slushy")).is_empty():
            for name in ("more", "less"):
                yield Flow(name, cells, CELL, "unit", f"units {name} than the plan of record")

    def balances(self, network: Network) -> Iterator[Balance]:
        """record and frozen."""
        price = network.settings.fence.change_cost
        if not (cells := self._zone(network, "slushy")).is_empty():
            yield Balance(
                "record", cells, CELL, "==", "unit", "a change of the plan of record is counted", rhs="quantity"
            )
        if not (cells := self._zone(network, "frozen")).is_empty():
            yield Balance(
                "frozen", cells, CELL, "==", "unit", "production inside the frozen fence stays as published",
                rhs="quantity", break_price=max(BREAK_FACTOR * price, 1.0),
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make, more and less on both."""
        if not (cells := self._zone(network, "slushy")).is_empty():
            yield Effect("make", "record", join=cells.select(CELL), using=CELL)
            yield Effect("more", "record", -1.0)
            yield Effect("less", "record")
        if not (cells := self._zone(network, "frozen")).is_empty():
            yield Effect("make", "frozen", join=cells.select(CELL), using=CELL)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Nervousness."""
        if not self._zone(network, "slushy").is_empty():
            for name in ("more", "less"):
                yield Rate("nervousness", name, -network.settings.fence.change_cost, kind="steering")

    def _zone(self, network: Network, zone: str) -> pl.DataFrame:
        """routing, period, item, location, quantity of the record, for every routing in the periods of a zone."""
        return network.kept.get(f"{zone} zone of {id(self)}", lambda here: self._find_zone(here, zone))

    def _find_zone(self, network: Network, zone: str) -> pl.DataFrame:
        fence = network.settings.fence
        start = pl.lit(network.snapshot.as_of)
        frozen, slushy = (start + pl.duration(days=days) for days in (fence.frozen_days, fence.slushy_days))
        inside = pl.col("starts_on") < frozen
        if zone == "slushy":
            inside = ~inside & (pl.col("starts_on") < slushy) & pl.lit(fence.change_cost > 0)
        known = network.encode(self._in_periods(network))
        return (
            make.routings(network)
            .filter(inside)
            .select(*CELL, "item", "location")
            .join(known, on=CELL, how="left")
            .with_columns(pl.col("quantity").fill_null(0.0))
        )

    def _in_periods(self, network: Network) -> pl.DataFrame:
        """The record in the periods of this horizon; what lies outside it, or on a routing that is gone, drops out."""
        there = network.snapshot["routings"].select("routing").unique()
        record = self.record.join(there, on="routing", how="semi").filter(pl.col("quantity") != 0)
        shares = network.calendar.shares(record["period"].unique())
        return (
            record.join(shares, left_on="period", right_on="label")
            .group_by("routing", pl.col("period_right").alias("period"))
            .agg((pl.col("quantity") * pl.col("share")).sum())
        )
