"""The breaking point: the smallest size of a change at which something breaks, and the last size that holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import polars as pl

from soe_lib.errors import DataError, SoeError, SolveError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.living import Living
from soe_lib.model.record import Recorded
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.service import month_outlook
from soe_lib.review.measures import of_plans as measures
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan
from soe_lib.whatif.answers import answers_to
from soe_lib.whatif.options import LEAST
from soe_lib.whatif.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.solver.answer import SolverOptions


class Change(Protocol):
    """A change of variable size."""

    @property
    def whole(self) -> bool:
        """Whether sizes are whole numbers."""

    @property
    def most(self) -> float:
        """The largest size that is searched by default."""

    def at(self, size: float, snapshot: Snapshot) -> Scenario:
        """The change at a size, without edits at 0."""

    def said(self, size: float) -> str:
        """A size in words."""


@dataclass(frozen=True)
class Downtime:
    """A resource that is down for a number of consecutive days.

    Parameters
    ----------
    resource : which. start : first day, a date or ISO text; None: the as-of date. most : most days searched.

    Examples
    --------
    >>> soe.whatif.Downtime("line").at(2, small)
    Scenario 'line down 2 days': downtime of line (from 2026-01-19, to 2026-01-20).
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
    """Forecast that rises or falls by a share.

    Parameters
    ----------
    family, customer, item : whose; blank: all. most : largest share searched, negative for less demand.

    Examples
    --------
    >>> less = soe.whatif.Demand(item="tea", most=-0.5)
    >>> soe.whatif.breaking_point(small, less, until=soe.whatif.MarginBelow(700.0), within=0.05).breaks
    -0.4375
    """

    family: str = ""
    customer: str = ""
    item: str = ""
    most: float = 1.0
    whole: bool = False

    def __post_init__(self) -> None:
        if self.most < -1:
            raise DataError(f"Demand cannot fall by more than 100 %: most is at least −1, not {self.most:g}.")

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
    """Receipts (or orders, offers, lanes, routings) that are a number of days later.

    Parameters
    ----------
    where : as for `Scenario.delay`: receipt="PO-1", supplier="Kobe" … as pairs. table : receipts by default.
    most : most days searched.

    Examples
    --------
    >>> later = soe.whatif.Delay.of("offers", supplier="Assam")
    >>> soe.whatif.breaking_point(small, later, until=soe.whatif.MarginBelow(500.0), most=7).breaks
    7.0
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
        """The table's rows later by that many days."""
        named = Scenario(f"{self} {self.said(size)}")
        return named.delay(self.table, days=round(size), **dict(self.where)) if size >= 1 else named

    def said(self, size: float) -> str:
        """ "3 days"."""
        return words.count(size, "day")

    def __str__(self) -> str:
        return f"{self.table} of {', '.join(value for _, value in self.where) or 'all'} later"


NOTHING = "do nothing"


@dataclass(frozen=True, eq=False)
class Reading:
    """The plan at one size of a change.

    Parameters
    ----------
    snapshot, plan : with the change. solve : plans any other snapshot like this one.
    """

    size: float
    snapshot: Snapshot
    plan: Plan
    solve: Callable[[Snapshot], Plan]


Until = Callable[[Reading, Reading], bool]
"""(reading, reading of size 0) → whether it is broken. A size without a plan is broken."""


@dataclass(frozen=True)
class MarginBelow:
    """The margin falls below an amount [money].

    Examples
    --------
    >>> low = soe.whatif.MarginBelow(700.0)
    >>> soe.whatif.breaking_point(small, soe.whatif.Downtime("line"), until=low, most=7).breaks
    3.0
    """

    amount: float

    def __call__(self, now: Reading, base: Reading) -> bool:  # noqa: ARG002
        return now.plan.margin < self.amount

    def __str__(self) -> str:
        return f"margin falls below {words.number(self.amount)}"


@dataclass(frozen=True)
class ServiceBelow:
    """The share of demand that is served in its own period falls below a share.

    Examples
    --------
    >>> low = soe.whatif.ServiceBelow(0.7)
    >>> soe.whatif.breaking_point(small, soe.whatif.Downtime("line"), until=low, most=7).breaks
    2.0
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            meant = f": write {self.share / 100:g} for {self.share:g} %" if 1 < self.share <= 100 else ""
            raise DataError(f"Service is a share from 0 to 1, not {self.share:g}{meant}.")

    def __call__(self, now: Reading, base: Reading) -> bool:  # noqa: ARG002
        return (measures.service(now.plan) or 0.0) < self.share

    def __str__(self) -> str:
        return f"service falls below {words.percent(self.share, decimals=1)}"


@dataclass(frozen=True)
class MonthMissed:
    """A family's month leaves the S&OP tolerance that it keeps today.

    Parameters
    ----------
    family, month : which ("Laundry", "2026-12"); blank: any.

    Examples
    --------
    >>> missed = soe.whatif.MonthMissed("Drinks")
    >>> soe.whatif.breaking_point(small, soe.whatif.Downtime("line"), until=missed, most=7).breaks
    1.0
    """

    family: str = ""
    month: str = ""

    def __call__(self, now: Reading, base: Reading) -> bool:
        self._check(base.snapshot)
        kept = self._outlook(base).filter(pl.col("inside"))
        if kept.is_empty():
            chosen = " ".join(part for part in (self.family, self.month) if part) or "any family"
            raise DataError(
                f"No month of {chosen} is within its S&OP tolerance today, so none can be missed: choose another one."
            )
        lost = self._outlook(now).filter(~pl.col("inside"))
        return bool(lost.join(kept, on=["family", "month"], how="semi").height)

    def _check(self, snapshot: Snapshot) -> None:
        families = snapshot["items"]["family"].unique().to_list()
        if self.family and self.family not in families:
            raise DataError(f"No item is of the family {self.family!r}. {hint(self.family, families)}".strip())

    def _outlook(self, reading: Reading) -> pl.DataFrame:
        rows = month_outlook(reading.snapshot, reading.plan)
        chosen = {"family": self.family, "month": self.month}
        return rows.filter(*(pl.col(name) == value for name, value in chosen.items() if value))

    def __str__(self) -> str:
        whose = " of ".join(part for part in (self.month or "a month", self.family) if part)
        return f"{whose} leaves its S&OP tolerance"


@dataclass(frozen=True)
class DecisionFlips:
    """Another answer becomes the best.

    Formula: the best answer has the largest (margin + steering with it) − (margin + steering without). Answers that
    gain less than one unit of money do not count; where none counts, "do nothing" is the best.

    Parameters
    ----------
    answers : the options, each a scenario on top of the change.

    Examples
    --------
    >>> flips = soe.whatif.DecisionFlips.between([soe.Scenario("more hours").add_to("calendar.hours", 10.0)])
    >>> soe.whatif.breaking_point(small, soe.whatif.Demand(most=-0.4), until=flips, within=0.05).breaks
    -0.2
    """

    answers: tuple[Scenario, ...]

    @classmethod
    def between(cls, answers: Sequence[Scenario]) -> DecisionFlips:
        """Of options of your own."""
        return cls(tuple(answers))

    @classmethod
    def of(cls, situation: Week, issue: Issue, *, at_most: int = 4) -> DecisionFlips:
        """Of the options that the pack offers for an exception; raises DataError where it offers none."""
        found = tuple(option.scenario for option in answers_to(situation, issue)[:at_most])
        if not found:
            raise DataError(f"{issue.key}: no option is known, so no decision can flip.")
        return cls(found)

    def best(self, reading: Reading) -> str:
        """The name of the answer that is worth most."""
        worth = {NOTHING: LEAST}
        for answer in self.answers:
            try:
                worth[answer.name] = reading.solve(answer.apply(reading.snapshot)).objective - reading.plan.objective
            except SolveError:
                continue
            except SoeError as error:
                raise DataError(f"The answer {answer.name!r} cannot be given here: {error}") from error
        # The first of equals, to the cent: the choice must not depend on rounding errors.
        return max(worth, key=lambda name: round(worth[name], 2))

    def __call__(self, now: Reading, base: Reading) -> bool:
        return self.best(now) != self.best(base)

    def __str__(self) -> str:
        return "another answer is worth most"


STEPS = 8
SCAN = 16
"""Up to this many whole sizes, all are planned."""
FINE = 1e-3
"""Precision of a continuous breaking point, as a share of the range."""
FIGURES = ("margin", "cash", "service", "stock")


@dataclass(frozen=True, eq=False, repr=False)
class BreakingPoint:
    """The size at which something breaks.

    Parameters
    ----------
    change, until : as given, in words. most : the largest size searched.
    holds : the last size that holds; None where it is broken as it is.
    breaks : the first size found broken; None: never within the range.
    exact : whether every whole size was planned, so that nothing smaller can break.
    returns : sizes above `breaks` at which it holds again: then there is no single breaking point.
    tried : size, broken, margin, cash, service, stock, note; every size that was planned.
    """

    change: Change = field(repr=False)
    until: str
    most: float
    holds: float | None
    breaks: float | None
    exact: bool
    returns: tuple[float, ...]
    tried: pl.DataFrame
    currency: str
    plans: dict[float, Plan | None] = field(repr=False)

    @property
    def figures(self) -> pl.DataFrame:
        """The rows of `tried` on either side of the break."""
        return self.tried.filter(pl.col("size").is_in([one for one in (self.holds, self.breaks) if one is not None]))

    def plan(self, size: float) -> Plan:
        """The plan of a size that was tried; raises DataError where there is none."""
        if (found := self.plans.get(size)) is None:
            raise DataError(f"There is no plan of size {size}; sizes tried: {self.tried['size'].to_list()}.")
        return found

    def __bool__(self) -> bool:
        return self.breaks is not None

    def __repr__(self) -> str:
        said = self.change.said
        if self.breaks is None:
            lines = [f"{self._change}: never within 0 to {said(self.most)} that {self.until}{self._proof}."]
        elif self.holds is None:
            lines = [f"{self._change}: as it is already, {self.until}."]
        else:
            held = f"at {said(self.holds)} it still holds{self._proof}"
            lines = [f"{self._change}: from {said(self.breaks)} on, {self.until}; {held}."]
        if self.returns:
            again = words.listing((said(size) for size in self.returns), limit=5)
            lines.append(f"  It is no single point: it holds again at {again}.")
        for row in self.figures.iter_rows(named=True):
            if row["note"]:
                lines.append(f"  {said(row['size'])}: {row['note']}")
            else:
                served = words.percent(row["service"], decimals=1)
                lines.append(
                    f"  {said(row['size'])}: margin {words.money(row['margin'], self.currency)}, on time {served}"
                )
        return "\n".join(lines)

    @property
    def _change(self) -> str:
        return words.sentence(str(self.change)).rstrip(".")

    @property
    def _proof(self) -> str:
        if self.exact:
            return " (every size was planned)"
        return " (searched on a coarse grid; a break that heals within one of its steps is not found)"


def breaking_point(
    snapshot: Snapshot,
    change: Change,
    *,
    until: Until,
    most: float | None = None,
    steps: int = STEPS,
    within: float | None = None,
    living: Living | None = None,
    record: Recorded = "find",
    options: SolverOptions | None = None,
    progress: Callable[[float, bool], None] | None = None,
) -> BreakingPoint:
    """The smallest size of a change at which something breaks: a month missed, margin too low, another answer better.

    Up to 16 whole sizes are all planned. Otherwise a whole coarse grid is planned, so that a break that heals again is
    found, and the step of the first break is bisected: whole sizes to neighbours, others to `within`.

    Parameters
    ----------
    snapshot : this week's.
    change : `soe.whatif.Downtime(resource)`, `soe.whatif.Demand(family=…)`, `soe.whatif.Delay.of(supplier=…)`
        or an object with their methods.
    until : `soe.whatif.MarginBelow(amount)`, `soe.whatif.ServiceBelow(share)`, `soe.whatif.MonthMissed(family)`,
        `soe.whatif.DecisionFlips.of(…)`, or a function of two readings (of a size, and of none).
        A size without a plan is broken.
    most : the largest size; that of the change where left out. steps : of the coarse grid. within : see above.
    living : this week's living model. record, options : as for `soe.plan`, without `living`.
    progress : called with every size and whether it is broken; an exception that it raises stops the search.

    Raises DataError where the change touches nothing, or a range makes no sense; SolveError where the plan as it is
    has no proven answer.

    Examples
    --------
    >>> stopped = soe.whatif.Downtime("line")
    >>> print(soe.whatif.breaking_point(small, stopped, until=soe.whatif.MarginBelow(700.0), most=7))
    Line down: from 3 days on, margin falls below 700; at 2 days it still holds (every size was planned).
      2 days: margin EUR 720, on time 66.7 %
      3 days: margin EUR 620, on time 58.3 %
    """
    end = float(change.most if most is None else most)
    if not end or (change.whole and end < 1) or steps < 2:
        raise DataError(f"There is nothing to search from 0 to {end} in {steps} steps.")
    alive = living or Living(snapshot, record=record, options=options)
    search = _Search(snapshot, change, until, alive, progress)
    grid, exact = _grid(change, end, steps)
    broken = [search.broken(size) for size in grid]
    first = broken.index(True) if True in broken else None
    if first is None or first == 0:
        holds, breaks = (end, None) if first is None else (None, 0.0)
    else:
        holds, breaks = search.halved(grid[first - 1], grid[first], within or abs(end) * FINE)
    returns = [
        size
        for size, bad in zip(grid, broken, strict=True)
        if first is not None and abs(size) > abs(grid[first]) and not bad
    ]
    plans = {size: None if isinstance(one, str) else one.plan for size, one in search.readings.items()}
    return BreakingPoint(
        change, str(getattr(until, "__name__", until)), end, holds, breaks, exact, tuple(returns), search.tried(),
        snapshot.currency, plans,
    )  # fmt: skip


class _Search:
    """The sizes tried: the plan of each or why there is none, and whether it is broken."""

    schema: ClassVar[dict[str, Any]] = {
        "size": pl.Float64, "broken": pl.Boolean, **dict.fromkeys(FIGURES, pl.Float64), "note": pl.String,
    }  # fmt: skip

    def __init__(
        self,
        snapshot: Snapshot,
        change: Change,
        until: Until,
        living: Living,
        progress: Callable[[float, bool], None] | None,
    ) -> None:
        self.change, self.until, self.living, self.progress = change, until, living, progress
        self.base = Reading(0.0, snapshot, living.base, living.plan)
        self.readings: dict[float, Reading | str] = {0.0: self.base}
        self.found: dict[float, bool] = {}

    def broken(self, size: float) -> bool:
        """Whether a size breaks it."""
        if size not in self.found:
            reading = self.readings[size] if size in self.readings else self._read(size)
            self.readings[size] = reading
            self.found[size] = isinstance(reading, str) or bool(self.until(reading, self.base))
            if self.progress:
                self.progress(size, self.found[size])
        return self.found[size]

    def halved(self, low: float, high: float, within: float) -> tuple[float, float]:
        """Bisect between a size that holds and a broken one, down to planned neighbours."""
        while abs(high - low) > (1 if self.change.whole else within):
            middle = float(round((low + high) / 2)) if self.change.whole else (low + high) / 2
            low, high = (low, middle) if self.broken(middle) else (middle, high)
        return low, high

    def tried(self) -> pl.DataFrame:
        """One row per size."""
        rows = []
        for size, reading in sorted(self.readings.items(), key=lambda one: one[0]):
            if isinstance(reading, str):
                rows.append({"size": size, "broken": True, "note": f"no plan: {reading}"})
            else:
                figures = measures.figures(reading.plan)
                kept = {name: figures[name] for name in FIGURES}
                rows.append({"size": size, "broken": self.found[size], **kept, "note": ""})
        return pl.DataFrame(rows, schema=self.schema, orient="row")

    def _read(self, size: float) -> Reading | str:
        snapshot = self.base.snapshot
        scenario = self.change.at(size, snapshot)
        changed = scenario.apply(snapshot)
        try:
            return Reading(size, changed, self.living.plan(changed, name=scenario.name), self.living.plan)
        except SolveError as failure:
            return str(failure).splitlines()[0]


def _grid(change: Change, end: float, steps: int) -> tuple[list[float], bool]:
    """The sizes to plan first, 0 among them, and whether there are no others."""
    if not change.whole:
        return [float(size) for size in np.linspace(0.0, end, steps + 1)], False
    if end <= SCAN:
        return [float(size) for size in range(round(end) + 1)], True
    sizes = sorted({float(round(size)) for size in np.linspace(0.0, end, steps + 1)})
    return sizes, all(b - a == 1 for a, b in pairwise(sizes))
