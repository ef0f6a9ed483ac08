"""The breaking point: the smallest size of a change at which something breaks, and the last size that holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.model.planning import Recorded
from soe_lib.review import words
from soe_lib.scenario import measures
from soe_lib.tradeoffs.sizes import Change
from soe_lib.tradeoffs.until import Reading, Until

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.solve import Options

STEPS = 8
SCAN = 16
"""Up to so many whole sizes, all of them are planned."""
FINE = 1e-3
"""How exact a continuous breaking point is, as a share of the range."""
FIGURES = ("margin", "cash", "service", "stock")


@dataclass(frozen=True, eq=False, repr=False)
class BreakingPoint:
    """At which size something breaks.

    Parameters
    ----------
    change, until : as asked, in words. most : the largest size looked at.
    holds : the last size that holds; None where it is broken as it is.
    breaks : the first size found broken; None: never within the range.
    exact : whether every whole size was planned, so that nothing smaller can break.
    returns : sizes above `breaks` at which it holds again: then one size alone does not tell.
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
        return " (looked for between the sizes of a coarse grid; a break that heals within one step of it is not seen)"


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
    options: Options | None = None,
    progress: Callable[[float, bool], None] | None = None,
) -> BreakingPoint:
    """The smallest size of a change at which something breaks: a month missed, margin too low, another answer better.

    Whole sizes are all planned up to 16 of them; else a coarse grid is, all of it, so that a break which heals again is
    seen, and the step of the first break is halved: whole sizes to neighbours, others to `within`.

    Parameters
    ----------
    snapshot : this week's.
    change : `soe.Downtime(resource)`, `soe.Demand(family=…)`, `soe.Delay.of(supplier=…)` or what has their methods.
    until : `soe.MarginBelow(amount)`, `soe.ServiceBelow(share)`, `soe.MonthMissed(family)`, `soe.DecisionFlips.of(…)`,
        or a function of two readings (of a size, and of none). A size without a plan is broken.
    most : the largest size; that of the change where left out. steps : of the coarse grid. within : see above.
    living : this week's living model. record, options : as for `soe.plan`, without `living`.
    progress : called with every size and whether it is broken; what it raises ends the work.

    Raises DataError where the change touches nothing, or a range makes no sense; SolveError where the plan as it is
    has no proven answer.
    """
    from soe_lib.model.living import Living

    end = float(change.most if most is None else most)
    if not end or (change.whole and end < 1) or steps < 2:
        raise DataError(f"From 0 to {end} in {steps} steps there is nothing to look for.")
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
    known = search.readings
    tried = pl.DataFrame([search.row(known[size]) for size in sorted(known)], schema=search.schema, orient="row")
    plans = {size: reading.plan for size, reading in known.items()}
    return BreakingPoint(
        change, str(getattr(until, "__name__", until)), end, holds, breaks, exact, tuple(returns), tried,
        snapshot.currency, plans,
    )  # fmt: skip


class _Search:
    """Sizes that were planned, and what was found."""

    schema: ClassVar[dict[str, Any]] = {
        "size": pl.Float64,
        "broken": pl.Boolean,
        **dict.fromkeys(FIGURES, pl.Float64),
        "note": pl.String,
    }

    def __init__(
        self,
        snapshot: Snapshot,
        change: Change,
        until: Until,
        living: Living,
        progress: Callable[[float, bool], None] | None,
    ) -> None:
        self.snapshot, self.change, self.until, self.living, self.progress = snapshot, change, until, living, progress
        self.readings: dict[float, Reading] = {}
        self.found: dict[float, bool] = {}
        self.base = self.readings[0.0] = Reading(0.0, snapshot, living.base, "", living.plan)

    def broken(self, size: float) -> bool:
        """Whether a size breaks it."""
        if size not in self.found:
            reading = self.readings[size] if size in self.readings else self._read(size)
            self.readings[size] = reading
            self.found[size] = reading.plan is None or bool(self.until(reading, self.base))
            if self.progress:
                self.progress(size, self.found[size])
        return self.found[size]

    def halved(self, low: float, high: float, within: float) -> tuple[float, float]:
        """Between a size that holds and one that does not: neighbours, each of them planned."""
        while abs(high - low) > (1 if self.change.whole else within):
            middle = float(round((low + high) / 2)) if self.change.whole else (low + high) / 2
            low, high = (low, middle) if self.broken(middle) else (middle, high)
        return low, high

    def row(self, reading: Reading) -> dict[str, Any]:
        """One line of `tried`."""
        if reading.plan is None:
            return {"size": reading.size, "broken": True, "note": f"no plan: {reading.error}"}
        figures = measures.figures(reading.snapshot, reading.plan)
        kept = {name: figures[name] for name in FIGURES}
        return {"size": reading.size, "broken": self.found[reading.size], **kept, "note": ""}

    def _read(self, size: float) -> Reading:
        scenario = self.change.at(size, self.snapshot)
        changed = scenario.apply(self.snapshot)
        try:
            plan, error = self.living.plan(changed, name=scenario.name), ""
        except SolveError as failure:
            plan, error = None, str(failure).splitlines()[0]
        return Reading(size, changed, plan, error, self.living.plan)


def _grid(change: Change, end: float, steps: int) -> tuple[list[float], bool]:
    """The sizes to plan first, 0 among them, and whether these are all that there are."""
    if not change.whole:
        return [float(size) for size in np.linspace(0.0, end, steps + 1)], False
    if end <= SCAN:
        return [float(size) for size in range(round(end) + 1)], True
    sizes = sorted({float(round(size)) for size in np.linspace(0.0, end, steps + 1)})
    return sizes, all(b - a == 1 for a, b in pairwise(sizes))
