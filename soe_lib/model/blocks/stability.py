"""Stability: production that the shop floor was told stays, or gives way at a stated price.

The frozen fence breaks at its break price, where that pays or nothing else is possible; the slushy zone changes at the
price of a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import make
from soe_lib.model.terms import Balance, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.extract.calendar import Calendar
    from soe_lib.model.network import Network
    from soe_lib.model.plan import Plan

CELL = ("routing", "period")
BREAK_FACTOR = 10.0
"""A unit broken in the frozen fence costs at least this many times a change in the slushy zone."""
ZONES = {
    "slushy": ("record", ("more", "less"), "nervousness", "a change of the plan of record is counted"),
    "frozen": ("frozen", ("break_more", "break_less"), "fence breaks", "a break of the frozen fence is counted"),
}
"""Zone → its balance, its flows, the account of its price, and what its balance means."""


@dataclass(frozen=True)
class Stability(Part):
    """Production stays as the plan of record has it: make = record + more − less.

    Brings flows `more`, `less` (routing, period) [units] in the slushy zone, `break_more`, `break_less` in the frozen
    fence, and rows `record`, `frozen` there (make − more + less = record). Books −change_cost per changed unit to
    "nervousness" and −break price per broken unit to "fence breaks" (steering: no cash). Where [fence] breaks = false,
    nothing may break and rows `frozen` say make = record. The zones are [fence] frozen_days and slushy_days of
    settings.toml, counted from the as-of date; a period belongs to the zone in which it starts.

    Parameters
    ----------
    record : routing, period (a label of time), quantity [units]: the production that was published.
    periods : period, starts_on, ends_on of the record, where its periods are not those of this horizon.
    name : what the record is called.
    """

    record: pl.DataFrame = field(repr=False)
    periods: pl.DataFrame | None = field(default=None, repr=False)
    name: str = "plan of record"

    @classmethod
    def of(cls, plan: Plan) -> Stability:
        """The stability that keeps close to a plan."""
        kinds = {"routing": pl.String, "period": pl.String, "quantity": pl.Float64}
        made = plan.flows["make"].select(*kinds) if "make" in plan.flows else pl.DataFrame(schema=kinds)
        return cls(made, plan.periods, f"{plan.name} of {plan.as_of}")

    def flows(self, network: Network) -> Iterator[Flow]:
        """more and less, break_more and break_less."""
        for zone in self._priced(network):
            for name, word in zip(ZONES[zone][1], ("more", "less"), strict=True):
                meaning = f"units {word} than the plan of record" + (" in the frozen fence" * (zone == "frozen"))
                yield Flow(name, self.zone(network, zone), CELL, "unit", meaning)

    def balances(self, network: Network) -> Iterator[Balance]:
        """record and frozen."""
        priced = self._priced(network)
        for zone in priced:
            yield Balance(ZONES[zone][0], self.zone(network, zone), CELL, "==", "unit", ZONES[zone][3], rhs="quantity")
        if "frozen" not in priced and not (cells := self.zone(network, "frozen")).is_empty():
            yield Balance(
                "frozen", cells, CELL, "==", "unit", "production inside the frozen fence stays as published",
                rhs="quantity", break_price="price",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make and of what is more or less on both."""
        priced = self._priced(network)
        for zone, (balance, (more, less), _, _) in ZONES.items():
            if not (cells := self.zone(network, zone)).is_empty():
                yield Effect("make", balance, join=cells.select(CELL), using=CELL)
            if zone in priced:
                yield Effect(more, balance, -1.0)
                yield Effect(less, balance)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Nervousness and fence breaks."""
        for zone in self._priced(network):
            for name in ZONES[zone][1]:
                yield Rate(ZONES[zone][2], name, -pl.col("price"), kind="steering")

    def _priced(self, network: Network) -> list[str]:
        """The zones that may change at a price."""
        free = {"frozen": network.settings.fence.breaks, "slushy": True}
        return [zone for zone in ZONES if free[zone] and not self.zone(network, zone).is_empty()]

    def zone(self, network: Network, zone: str) -> pl.DataFrame:
        """routing, period, item, location, quantity of the record, price [money per unit], for every routing in the
        periods of a zone.
        """
        return network.kept.get(f"{zone} zone of {id(self)}", lambda here: self._find_zone(here, zone))

    def _find_zone(self, network: Network, zone: str) -> pl.DataFrame:
        fence = network.settings.fence
        start = pl.lit(network.snapshot.as_of)
        frozen, slushy = (start + pl.duration(days=days) for days in (fence.frozen_days, fence.slushy_days))
        inside = pl.col("starts_on") < frozen
        if zone == "slushy":
            inside = ~inside & (pl.col("starts_on") < slushy) & pl.lit(fence.change_cost > 0)
        cells = make.routings(network).filter(inside).select(*CELL, "item", "location")
        priced = cells.with_columns(price=pl.lit(fence.change_cost))
        if zone == "frozen":
            priced = cells.join(_break_prices(network), on="item", how="left")
        known = self.in_periods(network.calendar)
        known = network.encode(known.join(network.snapshot["routings"].select("routing").unique(), on="routing"))
        return priced.join(known, on=CELL, how="left").with_columns(pl.col("quantity").fill_null(0.0))

    def in_periods(self, calendar: Calendar) -> pl.DataFrame:
        """The record in the periods of a horizon: routing, period, quantity; what lies outside it drops out."""
        return in_periods(self.record, self.periods, calendar)


def in_periods(made: pl.DataFrame, periods: pl.DataFrame | None, calendar: Calendar) -> pl.DataFrame:
    """Production of another horizon in the periods of this one, each shared out by its working days.

    Parameters
    ----------
    made : period, quantity, and what else tells cells apart. periods : of the other horizon: period, starts_on,
        ends_on; None: the labels speak for themselves.
    calendar : of this horizon.
    """
    keys = [name for name in ("routing", "item", "location") if name in made.columns]
    made = made.select(*keys, pl.col("period").cast(pl.String), "quantity").filter(pl.col("quantity") != 0)
    if periods is None:
        shares = calendar.shares(made["period"].unique())
    else:
        # The same label may stand for other days: a week that has begun is shorter, a name may be given anew.
        used = periods.filter(pl.col("period").cast(pl.String).is_in(made["period"].unique().implode()))
        shares = calendar.spread(used.select(label=pl.col("period").cast(pl.String), first="starts_on", last="ends_on"))
    return (
        made.join(shares, left_on="period", right_on="label")
        .group_by(*keys, pl.col("period_right").alias("period"))
        .agg((pl.col("quantity") * pl.col("share")).sum())
        .sort(*keys, "period")
    )


def _break_prices(network: Network) -> pl.DataFrame:
    """item, price of a broken unit [money]: [fence] break_price; else what the item is worth, see `settings.Fence`."""
    fence, items = network.settings.fence, network.table("items")
    if fence.break_price > 0:
        return items.select("item", price=pl.lit(fence.break_price))
    worth = pl.max_horizontal("price", "standard_cost")
    # An item without price and cost is taken to be worth as much as the dearest one.
    dearest = items.select(worth.max()).item() or _dearest_line(network) or 1.0
    own = pl.when(worth > 0).then(worth).otherwise(dearest)
    return items.select("item", price=pl.max_horizontal(own, BREAK_FACTOR * fence.change_cost))


def _dearest_line(network: Network) -> float:
    """The highest price of any demand line [money per unit]; 0 where none has one."""
    return max(float(network.table(name)["price"].max() or 0.0) for name in ("forecast", "orders"))  # type: ignore[arg-type]


def gone(snapshot_routings: pl.DataFrame, record: Stability, calendar: Calendar, until: pl.Expr) -> pl.DataFrame:
    """Recorded production in periods that start before a day, on routings that are not there any more (in them)."""
    starts = calendar.periods.select("period", "starts_on", "ends_on")
    fenced = record.in_periods(calendar).join(starts, on="period").filter(pl.col("starts_on") < until)
    valid = snapshot_routings.select("routing", "valid_from", "valid_to").join(starts, how="cross").filter(
        (pl.col("valid_from").is_null() | (pl.col("starts_on") >= pl.col("valid_from")))
        & (pl.col("valid_to").is_null() | (pl.col("starts_on") <= pl.col("valid_to")))
    )  # fmt: skip
    return fenced.join(valid, on=["routing", "period"], how="anti")
