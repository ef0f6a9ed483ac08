"""Parses the targets of events and the locks of overrides.

A target is the label of the rows that an event hits; labels joined by " & " must all match ("Handwash & Carrefour"). A
label that itself contains " & " matches too. An override reads "make item=LAU-101 & period=2026-W48".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import Any, Literal

import polars as pl

from soe_lib.errors import DataError

WRITTEN = re.compile(r"^(?P<flow>[a-z_]+) (?P<where>\w+=[^&]+(&\s*\w+=[^&]+)*)$")
SENSES = ("==", ">=", "<=")
FLOWS = ("make", "buy", "ship", "sell", "overtime")
"""The flows that may be locked: the plan decides them directly. Dependent quantities (stock, run) cannot be locked."""


def hits(event: dict[str, Any], columns: tuple[str, ...]) -> pl.Expr:
    """Whether an event hits a row: its target, or each of its parts, equals one of the columns."""
    target = str(event["target"])
    return _named(target, columns) | reduce(and_, [_named(part.strip(), columns) for part in target.split(" & ")])


def _named(label: str, columns: tuple[str, ...]) -> pl.Expr:
    return reduce(or_, [pl.col(column).cast(pl.String) == label for column in columns])


def on_order(event: dict[str, Any]) -> pl.Expr:
    """Whether a loss of supply hits the source of a receipt (a row with its `supplier`)."""
    lost = event["factor"] is None or float(event["factor"]) < 1.0
    shipped = pl.col("kind").cast(pl.String) == "ship"
    made = hits(event, ("supplier", "offer", "routing", "item", "location"))
    return pl.lit(lost) & pl.when(shipped).then(hits(event, ("lane",))).otherwise(made)


@dataclass(frozen=True)
class Lock:
    """One manually fixed quantity.

    Parameters
    ----------
    name : of the lock. flow : make, buy, ship, sell or overtime. quantity : units or hours in total.
    where : columns of the flow and their values; `period` takes a day, an ISO week or a fiscal month.
    sense : exactly (==), at least (>=) or at most (<=). until : last day on which it applies; None: no end.
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
    def constraint(self) -> str:
        """The name of its constraint."""
        return f"locked {self.name}"

    def __str__(self) -> str:
        sense = {"==": "", ">=": "at least ", "<=": "at most "}[self.sense]
        return f"{self.flow} {sense}{self.quantity:,.0f} of {', '.join(value for _, value in self.where)}"


def in_force(overrides: pl.DataFrame) -> tuple[Lock, ...]:
    """The locks of `overrides`, by name."""
    rows = overrides.sort("override").iter_rows(named=True)
    return tuple(lock for row in rows if (lock := lock_of(row)) is not None)


def lock_of(row: Mapping[str, object]) -> Lock | None:
    """The lock of a row of `overrides`; None for a remark."""
    found = WRITTEN.match(str(row["what"] or "").strip())
    if found is None or row["quantity"] is None or found["flow"] not in FLOWS:
        return None
    pairs = [part.split("=", 1) for part in found["where"].split("&")]
    where = tuple((name.strip(), value.strip()) for name, value in pairs)
    until = row["until"] if isinstance(row["until"], date) else None
    return Lock(str(row["override"]), found["flow"], float(str(row["quantity"])), where, until=until)
