"""A trial: what a planner changes on the workbench, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from soe_lib.errors import DataError
from soe_lib.review import words

NO_CHANGE = "this week's plan"
LEAST_DEMAND, MOST_DEMAND = -1.0, 10.0
LEAST_PREMIUM = -1.0


@dataclass(frozen=True)
class Trial:
    """One state of the workbench's controls; left alone, each changes nothing.

    Parameters
    ----------
    resource, outage_days, outage_from : a resource that is down for so many days in a row, from a date on
        (None: the first day of the horizon).
    demand : share by which the forecast changes (0.2 is +20 %), of a family and a customer (blank: all of them).
    overtime_premium : share by which the premium of an overtime hour over a regular one changes, of all resources.
    expediting : whether expedited offers may be used.

    Raises DataError where a figure makes no sense: a negative number of days, less than no demand.
    """

    resource: str = ""
    outage_days: int = 0
    outage_from: date | None = None
    demand: float = 0.0
    family: str = ""
    customer: str = ""
    overtime_premium: float = 0.0
    expediting: bool = True

    def __post_init__(self) -> None:
        if self.outage_days < 0:
            raise DataError(f"An outage of {self.outage_days} days: give 0 or more.")
        if self.outage_days and not self.resource:
            raise DataError(f"An outage of {words.count(self.outage_days, 'day')} of nothing: pick a resource.")
        if not LEAST_DEMAND <= self.demand <= MOST_DEMAND:
            raise DataError(f"Demand {words.percent(self.demand, sign=True)}: give a change from −100 % to +1000 %.")
        if not self.overtime_premium >= LEAST_PREMIUM:
            raise DataError(
                f"Overtime premium {words.percent(self.overtime_premium, sign=True)}: it cannot fall below nothing, "
                "−100 %."
            )

    @property
    def essential(self) -> Trial:
        """The same trial without what has no effect: a resource that is down for 0 days, a family at +0 %."""
        return Trial(
            resource=self.resource if self.outage_days else "",
            outage_days=self.outage_days,
            outage_from=self.outage_from if self.outage_days else None,
            demand=self.demand,
            family=self.family if self.demand else "",
            customer=self.customer if self.demand else "",
            overtime_premium=self.overtime_premium,
            expediting=self.expediting,
        )

    @property
    def outage(self) -> bool:
        """Whether anything is down."""
        return bool(self.resource) and self.outage_days > 0

    def days_down(self, start: date) -> tuple[date, date]:
        """First and last day of the outage, where the horizon starts on `start`."""
        first = self.outage_from or start
        return first, first + timedelta(days=max(self.outage_days - 1, 0))

    @property
    def whose(self) -> str:
        """Whose demand changes: "all demand", "Handwash", "Handwash for Aldi"."""
        if self.family and self.customer:
            return f"{self.family} for {self.customer}"
        return self.family or self.customer or "all demand"

    @property
    def name(self) -> str:
        """The trial in one line: "L2 down 3 days from Tue 17 Nov, Handwash +20 %"; or this week's plan."""
        parts = []
        if self.outage:
            start = f" from {words.day(self.outage_from)}" if self.outage_from else ""
            parts.append(f"{self.resource} down {words.count(self.outage_days, 'day')}{start}")
        if self.demand:
            parts.append(f"{self.whose} {words.percent(self.demand, sign=True)}")
        if self.overtime_premium:
            parts.append(f"overtime premium {words.percent(self.overtime_premium, sign=True)}")
        if not self.expediting:
            parts.append("no expediting")
        return ", ".join(parts).replace(words.HARD_SPACE, " ") or NO_CHANGE
