"""Stability: production that the shop floor was told stays, or gives way at a stated price; and locks set by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Literal

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.targets import Lock, in_force
from soe_lib.model.blocks import make
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.extract.calendar import Calendar
    from soe_lib.model.network import Network
    from soe_lib.store.plan import Plan


SOME = 4
"""Known names that a message lists where none is alike."""
BREAK_PRICE = 1e4
"""Where locks make a plan impossible: what one unit of a lock is taken to be worth in the search for the cheapest to
break. It only has to stand above what units earn; it is no money of the plan."""


@dataclass(frozen=True)
class Locked(Part):
    """Quantities stay where somebody put them: Σ flow over the cells of a lock == (>=, <=) its quantity.

    Brings one row per lock, `locked <name>`. Books nothing: what a lock costs is the optimum without it less the
    optimum with it.

    Parameters
    ----------
    locks : the locks.

    Raises DataError for a lock of what the plan does not have: a column, a label, a period, or all of them together.
    """

    optional = ("overtime",)

    locks: tuple[Lock, ...]

    def check(self, network: Network, flows: Mapping[str, Flow]) -> None:
        """Every lock names cells that the plan has."""
        for lock in self.locks:
            self._check(lock, network, flows)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """One row per lock."""
        for lock in self._in_force(network):
            sign = -1.0 if lock.sense == ">=" else 1.0
            row = pl.DataFrame({"lock": [lock.name]}, schema={"lock": pl.Enum([lock.name])})
            yield Constraint(
                lock.constraint, row, ("lock",), "==" if lock.sense == "==" else "<=", "unit",
                f"locked by hand: {lock}", rhs=sign * lock.quantity, break_price=BREAK_PRICE,
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of the locked flow on its row."""
        for lock in self._in_force(network):
            keys = [(name, value) for name, value in lock.where if name != "period"]
            label = pl.lit(lock.name, dtype=pl.Enum([lock.name]))
            cells = self._periods(network, lock).with_columns(lock=label)
            hit = reduce(and_, [pl.col(name).cast(pl.String) == value for name, value in keys], pl.lit(True))
            sign = -1.0 if lock.sense == ">=" else 1.0
            yield Effect(lock.flow, lock.constraint, sign, join=cells, using=("period",), where=hit)

    def __str__(self) -> str:
        return " and ".join(map(str, self.locks))

    def _in_force(self, network: Network) -> list[Lock]:
        return [lock for lock in self.locks if not self._periods(network, lock).is_empty()]

    def _check(self, lock: Lock, network: Network, flows: Mapping[str, Flow]) -> None:
        if lock.flow not in flows:
            raise DataError(f"{lock.name}: this plan has no {lock.flow}, for nothing in the extract allows any.")
        rows = flows[lock.flow].named
        labels = [name for name, kind in rows.schema.items() if kind == pl.String]
        for name, value in lock.where:
            if name not in labels:
                raise DataError(
                    f"{lock.name}: {lock.flow} has no {name!r}. {hint(name, labels)} It has {', '.join(labels)}."
                )
            known = rows[name].unique().to_list()
            if name != "period" and value not in known:
                some = ", ".join(sorted(known)[:SOME]) + (" …" if len(known) > SOME else "")
                meant = hint(value, known) or f"It has {some}."
                raise DataError(f"{lock.name}: no {lock.flow} of this plan has the {name} {value!r}. {meant}")
        cells = self._periods(network, lock)
        if cells.is_empty():
            first, last = network.periods["starts_on"][0], network.periods["ends_on"][-1]
            raise DataError(f"{lock.name}: that lies outside the plan, which covers {first} to {last}.")
        keys = [pl.col(name) == value for name, value in lock.where if name != "period"]
        if rows.filter(*keys).join(cells.cast(pl.String), on="period", how="semi").is_empty():
            raise DataError(
                f"{lock.name}: each of these names is known, but no {lock.flow} has all of them. Leave one out, or "
                f"look at plan.flows[{lock.flow!r}]."
            )

    @staticmethod
    def _periods(network: Network, lock: Lock) -> pl.DataFrame:
        label = dict(lock.where).get("period")
        rows = network.periods.select("period", "starts_on")
        if label is not None:
            covered = network.calendar.covered(label)
            rows = rows.filter(pl.col("period").cast(pl.String).is_in(covered.implode()))
        kept = rows if lock.until is None else rows.filter(pl.col("starts_on") <= lock.until)
        return kept.select("period")


@dataclass(frozen=True)
class Overrides(Part):
    """The locks of the table `overrides`: a row whose `what` reads "make item=A & period=2026-W48" and has a quantity.

    A row that is written otherwise is a remark: the pack lists it and says that it binds nothing.

    Examples
    --------
    >>> lock = {"what": "make item=coffee & period=W1", "quantity": 50.0}
    >>> locked = soe.Scenario("locked").row("overrides", override="O1", **lock).apply(small)
    >>> soe.plan(locked).margin
    820.0
    """

    optional = ("overtime",)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """As of Locked."""
        yield from Locked(in_force(network.snapshot["overrides"])).constraints(network)

    def effects(self, network: Network) -> Iterator[Effect]:
        """As of Locked."""
        yield from Locked(in_force(network.snapshot["overrides"])).effects(network)


def Force(flow: str, quantity: float, *, sense: Literal["==", ">=", "<="] = "==", **where: str) -> Locked:  # noqa: N802
    """A quantity that the plan must have, for `soe.why_not` and `soe.plan(…, blocks=[…])`.

    Parameters
    ----------
    flow : make, buy, ship, sell or overtime. quantity : units or hours in total over all cells that are meant.
    sense : exactly, at least (">=") or at most ("<=").
    where : item="A", location="P", period="2026-W48", resource="L1" …

    Examples
    --------
    >>> soe.plan(small, blocks=soe.blocks.Force("make", 50.0, item="coffee", period="W1")).margin
    820.0
    """
    said = ", ".join(f"{name} {value}" for name, value in where.items())
    return Locked((Lock(f"{flow} {said}", flow, quantity, tuple(where.items()), sense),))


CELL = ("routing", "period")
BREAK_FACTOR = 10.0
"""A unit broken in the frozen fence costs at least this many times a change in the slushy zone."""
ZONES = {
    "slushy": ("record", ("more", "less"), "nervousness", "a change of the plan of record is counted"),
    "frozen": ("frozen", ("break_more", "break_less"), "fence breaks", "a break of the frozen fence is counted"),
}
"""Zone → its constraint, its flows, the account of its price, and what its constraint means."""


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

    Examples
    --------
    >>> soe.blocks.Stability.of(soe.plan(small)).record.height
    4
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

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """record and frozen."""
        priced = self._priced(network)
        for zone in priced:
            yield Constraint(
                ZONES[zone][0], self.zone(network, zone), CELL, "==", "unit", ZONES[zone][3], rhs="quantity"
            )
        if "frozen" not in priced and not (cells := self.zone(network, "frozen")).is_empty():
            yield Constraint(
                "frozen", cells, CELL, "==", "unit", "production inside the frozen fence stays as published",
                rhs="quantity", break_price="price",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of make and of what is more or less on both."""
        priced = self._priced(network)
        for zone, (constraint, (more, less), _, _) in ZONES.items():
            if not (cells := self.zone(network, zone)).is_empty():
                yield Effect("make", constraint, join=cells.select(CELL), using=CELL)
            if zone in priced:
                yield Effect(more, constraint, -1.0)
                yield Effect(less, constraint)

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
        return network.cache.get(f"{zone} zone of {id(self)}", lambda here: self._find_zone(here, zone))

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
