"""Changes that have a size: days of downtime, a share of demand, days of delay. Each makes a Scenario of a size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.scenario.scenario import Scenario


class Change(Protocol):
    """A change of one size; `whole` where only whole sizes make sense, `most` where a search ends if nobody says so."""

    @property
    def whole(self) -> bool:
        """Whether sizes are whole numbers."""

    @property
    def most(self) -> float:
        """The largest size looked at."""

    def at(self, size: float, snapshot: Snapshot) -> Scenario:
        """The change at a size, without edits at 0."""

    def said(self, size: float) -> str:
        """A size in words."""


@dataclass(frozen=True)
class Downtime:
    """A resource that is down for so many days in a row.

    Parameters
    ----------
    resource : which. start : first day, a date or ISO text; None: the as-of date. most : days that are looked at.
    """

    resource: str
    start: date | str | None = None
    most: float = 28.0
    whole: bool = True

    def at(self, size: float, snapshot: Snapshot) -> Scenario:
        """The days as one event."""
        named = Scenario(f"{self} {self.said(size)}")
        if size < 1:
            return named
        first = date.fromisoformat(self.start) if isinstance(self.start, str) else self.start or snapshot.as_of
        last = first + timedelta(days=round(size) - 1)
        return named.event(kind="downtime", target=self.resource, from_=first.isoformat(), to=last.isoformat())

    def said(self, size: float) -> str:
        """ "3 days"."""
        return words.count(size, "day")

    def __str__(self) -> str:
        return f"{self.resource} down"


@dataclass(frozen=True)
class Demand:
    """Forecast that is more, or less, by a share.

    Parameters
    ----------
    family, customer, item : whose; blank: all. most : the share that is looked at, negative for less demand.
    """

    family: str = ""
    customer: str = ""
    item: str = ""
    most: float = 1.0
    whole: bool = False

    def __post_init__(self) -> None:
        if self.most < -1:
            raise DataError(f"Demand cannot fall by more than all of it: most is −1 at the least, not {self.most:g}.")

    def at(self, size: float, snapshot: Snapshot) -> Scenario:  # noqa: ARG002
        """The forecast times 1 + share."""
        named = Scenario(f"{self} {self.said(size)}")
        return named.scale("forecast.quantity", 1.0 + size, **self._where) if size else named

    @property
    def _where(self) -> dict[str, str]:
        given = {"family": self.family, "customer": self.customer, "item": self.item}
        return {name: value for name, value in given.items() if value}

    def said(self, size: float) -> str:
        """ "+12.5 %"."""
        return words.percent(size, decimals=1, sign=True)

    def __str__(self) -> str:
        return f"demand of {', '.join(self._where.values()) or 'all'}"


@dataclass(frozen=True)
class Delay:
    """Receipts (or orders, offers, lanes, routings) that come so many days later.

    Parameters
    ----------
    where : as for `Scenario.delay`: receipt="PO-1", supplier="Kobe" … as pairs. table : receipts unless said otherwise.
    most : days that are looked at.
    """

    where: tuple[tuple[str, str], ...]
    table: str = "receipts"
    most: float = 28.0
    whole: bool = True

    @classmethod
    def of(cls, table: str = "receipts", *, most: float = 28.0, **where: str) -> Delay:
        """`Delay.of(supplier="Kobe")`, `Delay.of("orders", order="O1")`."""
        return cls(tuple(where.items()), table, most)

    def at(self, size: float, snapshot: Snapshot) -> Scenario:  # noqa: ARG002
        """The table's rows so many days later."""
        named = Scenario(f"{self} {self.said(size)}")
        return named.delay(self.table, days=round(size), **dict(self.where)) if size >= 1 else named

    def said(self, size: float) -> str:
        """ "3 days"."""
        return words.count(size, "day")

    def __str__(self) -> str:
        return f"{self.table} of {', '.join(value for _, value in self.where) or 'all'} later"
