"""Locks: quantities that somebody fixes by hand, so that what a hand costs can be told by planning again without it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Literal

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.model.terms import Balance, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

WRITTEN = re.compile(r"^(?P<flow>[a-z_]+) (?P<where>\w+=[^&]+(&\s*\w+=[^&]+)*)$")
SENSES = ("==", ">=", "<=")
FLOWS = ("make", "buy", "ship", "sell", "overtime")
"""What the plan decides freely, and somebody may fix: what follows from it (stock, run) is not locked."""
SOME = 4
"""Known names that a message lists where none is alike."""
BREAK_PRICE = 1e4
"""Where locks make a plan impossible: what one unit of a lock is taken to be worth in the search for the cheapest to
break. It only has to stand above what units earn; it is no money of the plan."""


@dataclass(frozen=True)
class Lock:
    """One quantity fixed by hand.

    Parameters
    ----------
    name : of the lock. flow : make, buy, ship, sell or overtime. quantity : units or hours in total.
    where : columns of the flow with the value they must have; `period` takes a day, an ISO week or a fiscal month.
    sense : exactly (==), at least (>=) or at most (<=). until : last day that it holds for; None: all.
    """

    name: str
    flow: str
    quantity: float
    where: tuple[tuple[str, str], ...]
    sense: Literal["==", ">=", "<="] = "=="
    until: date | None = None

    def __post_init__(self) -> None:
        if self.flow not in FLOWS:
            raise DataError(f"{self.name}: {self.flow!r} cannot be locked; lock one of {', '.join(FLOWS)}.")
        if self.sense not in SENSES:
            raise DataError(f"{self.name}: {self.sense!r} is no sense of a lock; choose one of {', '.join(SENSES)}.")

    @property
    def balance(self) -> str:
        """The name of its row."""
        return f"locked {self.name}"

    def __str__(self) -> str:
        said = {"==": "", ">=": "at least ", "<=": "at most "}[self.sense]
        return f"{self.flow} {said}{self.quantity:,.0f} of {', '.join(value for _, value in self.where)}"


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

    def balances(self, network: Network) -> Iterator[Balance]:
        """One row per lock."""
        for lock in self._in_force(network):
            sign = -1.0 if lock.sense == ">=" else 1.0
            row = pl.DataFrame({"lock": [lock.name]}, schema={"lock": pl.Enum([lock.name])})
            yield Balance(
                lock.balance, row, ("lock",), "==" if lock.sense == "==" else "<=", "unit",
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
            yield Effect(lock.flow, lock.balance, sign, join=cells, using=("period",), where=hit)

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
    """

    optional = ("overtime",)

    def balances(self, network: Network) -> Iterator[Balance]:
        """As of Locked."""
        yield from Locked(in_force(network.snapshot["overrides"])).balances(network)

    def effects(self, network: Network) -> Iterator[Effect]:
        """As of Locked."""
        yield from Locked(in_force(network.snapshot["overrides"])).effects(network)


def in_force(overrides: pl.DataFrame) -> tuple[Lock, ...]:
    """The rows of `overrides` that bind the plan, by name."""
    rows = overrides.sort("override").iter_rows(named=True)
    return tuple(lock for row in rows if (lock := lock_of(row)) is not None)


def lock_of(row: Mapping[str, object]) -> Lock | None:
    """The lock that a row of `overrides` writes down; None for a remark."""
    found = WRITTEN.match(str(row["what"] or "").strip())
    if found is None or row["quantity"] is None or found["flow"] not in FLOWS:
        return None
    pairs = [part.split("=", 1) for part in found["where"].split("&")]
    where = tuple((name.strip(), value.strip()) for name, value in pairs)
    until = row["until"] if isinstance(row["until"], date) else None
    return Lock(str(row["override"]), found["flow"], float(str(row["quantity"])), where, until=until)


def Force(flow: str, quantity: float, *, sense: Literal["==", ">=", "<="] = "==", **where: str) -> Locked:  # noqa: N802
    """A quantity that the plan must have, for `soe.why_not` and `soe.plan(…, blocks=[…])`.

    Parameters
    ----------
    flow : make, buy, ship, sell or overtime. quantity : units or hours in total over all cells that are meant.
    sense : exactly, at least (">=") or at most ("<=").
    where : item="A", location="P", period="2026-W48", resource="L1" …
    """
    said = ", ".join(f"{name} {value}" for name, value in where.items())
    return Locked((Lock(f"{flow} {said}", flow, quantity, tuple(where.items()), sense),))
