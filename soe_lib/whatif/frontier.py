"""Frontiers: how much of one measure each step of another costs, every point a proven optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from soe_lib.errors import DataError, SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.axis import Floats
from soe_lib.model.planning import plan as planned
from soe_lib.model.record import Recorded, of_record
from soe_lib.review import style, words
from soe_lib.review.measures import Measure, tradable
from soe_lib.review.measures.of_plans import in_horizon
from soe_lib.review.style import Chart
from soe_lib.solver import budget
from soe_lib.store.plan import Plan
from soe_lib.whatif.limit import Limited

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.solver.answer import SolverOptions
    from soe_lib.whatif.limit import Limited

Progress = Callable[[int, int], None]
BESIDE = ("steering",)
"""Measures that are held at today's level while margin is maximised."""
CLOSE = 1e-7
"""Points closer than this (relative) count as one."""
NEAR = 0.01
"""Today's plan within this share of the frontier's length from its end counts as the end."""
LEVELS, LEAST = 5, 20.0
"""Points of the weekly page, and the seconds of a time budget from which a curve with set-ups is begun."""
POINTS = pl.Schema(
    {
        "point": pl.Int64,
        "x": pl.Float64,
        "y": pl.Float64,
        "price": pl.Float64,
        "status": pl.String,
        "current": pl.Boolean,
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class Frontier:
    """The trade-off curve: what each step of x costs in y.

    Parameters
    ----------
    x, y : the measures. currency : of the money.
    points : point, x, y, price [y per unit of x, from the point before], status ("optimal", or "feasible" with whole
        numbers), current (whether it is today's plan); by rising x. No point is worse than another in both.
    current : x and y of today's plan, on the frontier or not.
    today : that plan. made : the plans of the points.
    """

    x: Measure
    y: Measure
    points: pl.DataFrame
    currency: str
    current: tuple[float, float]
    today: Plan = field(repr=False)
    made: tuple[Plan, ...] = field(repr=False)

    def __len__(self) -> int:
        return self.points.height

    def __iter__(self) -> Iterator[Plan]:
        return iter(self.made)

    def plan(self, point: int) -> Plan:
        """The plan of a point by its number; raises DataError where there is no such point."""
        if not 0 <= point < len(self.made):
            raise DataError(f"There is no point {point}; there are 0 to {len(self.made) - 1}.")
        return self.made[point]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the points."""
        return tuple(plan.name for plan in self.made)

    @property
    def finding(self) -> str:
        """The cost of the whole frontier, and of its first and last step."""
        x, y, currency = self.x, self.y, self.currency
        if len(self) == 1:
            at = x.said(self.points["x"][0], currency)
            return f"{x.label} is at its best, {at}: there is nothing to trade for {y.label.lower()}."
        rows = self.points.sort("x", descending=x.direction < 0)
        start, end = rows["x"][0], rows["x"][-1]
        given = y.changed(rows["y"][-1] - rows["y"][0], currency)
        told = f"{x.label} from {x.said(start, currency)} to {x.said(end, currency)} costs {given} of {y.label.lower()}"
        if len(self) == 2:
            return f"{told}."
        prices = self.points["price"].drop_nulls().to_list()
        first, last = (prices[0], prices[-1]) if x.direction > 0 else (prices[-1], prices[0])
        step, called = _step(x, abs(end - start), currency)
        steps = y.changed(first * step, currency), y.changed(last * step, currency)
        return f"{told}: {steps[0]} for the first {called}, {steps[1]} for the last."

    def chart(self) -> Chart:
        """The curve in the style of the pack, with today's plan marked, on the frontier or beside it."""
        x, y, currency = self.x, self.y, self.currency
        title = self.finding.rstrip(".")
        whole = f"{len(self)} points, each planned again and proven" if len(self) > 1 else "One point, proven"
        subtitle = f"{y.label} against {x.label.lower()}; {whole}"
        figure, (axes,) = style.new_figure(height=3.4, title=title, subtitle=subtitle)
        style.tidy(axes, grid="y")
        wide, high = self._scale("x"), self._scale("y")
        across, up = self._drawn().T.tolist()
        axes.plot(across, up, color=style.BLUE, linewidth=1.8, marker="o", markersize=5, label="best plans", zorder=3)
        now = self.current[0] / wide[0], self.current[1] / high[0]
        axes.plot(*now, color=style.RED, marker="D", markersize=8, linestyle="none", label="this plan", zorder=4)
        style.note(axes, "this plan", now, shift=(8, 8), ha="left", color=style.RED, bold=True)
        style.axis_name(axes, x=f"{x.label}{wide[1]}", y=f"{y.label}{high[1]}")
        for which, one in (("x", x), ("y", y)):
            _numbers(axes, which, one)
        axes.margins(x=0.08, y=0.15)
        told = "; ".join(
            f"{x.said(row['x'], currency)}: {y.said(row['y'], currency)}" for row in self.points.iter_rows(named=True)
        )
        return Chart(figure, title, f"{self.finding} {x.label} and {y.label.lower()} of each point: {told}.")

    def spots(self, chart: Chart) -> list[tuple[float, float]]:
        """The position of each point in the chart, as shares of its width from the left and its height from the top."""
        figure = chart.figure
        figure.draw_without_rendering()  # places the axes
        pixels = figure.axes[0].transData.transform(self._drawn())
        return [(x / figure.bbox.width, 1.0 - y / figure.bbox.height) for x, y in pixels.tolist()]

    def _drawn(self) -> Floats:
        """The points in the units of the axes, shape (points, 2)."""
        return np.column_stack([self.points[one].to_numpy() / self._scale(one)[0] for one in ("x", "y")])

    def _scale(self, column: str) -> tuple[float, str]:
        """The divisor of a column on its axis, and the suffix of the axis label."""
        one = self.x if column == "x" else self.y
        if one.unit == "share":
            return 1.0, ""
        divisor, word = style.scale(max(abs(value) for value in self.points[column].to_list()))
        return divisor, f", {self.currency}{f' {word}' if word else ''}"

    def __repr__(self) -> str:
        x, y, currency = self.x, self.y, self.currency
        spread = float(self.points["x"].max()) - float(self.points["x"].min())  # type: ignore[arg-type]
        step, called = _step(x, spread, currency)
        rows = [self.finding, f"  {'point':>5} {x.label:>18} {y.label:>18} {'price':>36}"]
        for row in self.points.iter_rows(named=True):
            across, up = x.said(row["x"], currency, brief=False), y.said(row["y"], currency, brief=False)
            price = "" if row["price"] is None else f"{y.changed(row['price'] * step, currency)} per {called}"
            rows.append(f"  {row['point']:>5} {across:>18} {up:>18} {price:>36}{'  now' if row['current'] else ''}")
        return "\n".join(rows)


def frontier(
    snapshot: Snapshot,
    x: str = "service",
    y: str = "margin",
    points: int = 9,
    *,
    record: Recorded = "find",
    living: Living | None = None,
    options: SolverOptions | None = None,
    progress: Progress | None = None,
) -> Frontier:
    """The trade-off of y against x: x is held at one level after another while y is optimised.

    Formula: max y subject to x at least as good as its level (ε-constraint; Haimes, Lasdon & Wismer, IEEE Trans. SMC 1
    (1971) 296-297). With y = "margin" each point maximises margin + steering, as every plan does, and its steering
    (customers let down, expected shortage, safety stock) is no worse than today's: a point gains no margin at its
    expense, and today's plan earns most. With another y, y is optimised first, and money decides among equal plans.
    Figures are read from the finished plans.

    Parameters
    ----------
    snapshot : this week's.
    x, y : "service" (share of the demand served in its own period), "stock" (mean closing stock at standard cost),
        "churn" (share of the record's production that is moved), "cash", "margin", "steering" or "goodwill" [money].
    points : how many levels, ends included; fewer points may remain.
    record : plan of record, for churn and for the fence; left out: that of `living`.
    living : this week's living model, whose plan is then the current one.
    options : limits of the solver.
    progress : called with the number of finished points, and of all; an exception that it raises stops the search.

    Raises DataError for a measure that does not exist, that this extract has no data for, or churn without a record;
    SolveError where a point has no proven answer.

    Examples
    --------
    >>> far = soe.Scenario("far away").set("lanes.cost_per_unit", 5.0).apply(small)
    >>> print(soe.frontier(far, "service", "margin", points=3))
    On time from 50.0 % to 83.3 % costs EUR 80 of margin: EUR 2 for the first point, EUR 2 for the last.
      point            On time             Margin                                price
          0             50.0 %            EUR 120                                       now
          1             66.7 %             EUR 80                      EUR 2 per point
          2             83.3 %             EUR 40                      EUR 2 per point
    """
    along, against = tradable(x), tradable(y)
    if along is against:
        raise DataError(f"A frontier needs two measures; {x!r} was given twice.")
    if points < 2:
        raise DataError(f"{points} points make no frontier: ask for 2 or more.")
    if isinstance(record, str) and living:
        record = living.record
    record = of_record(snapshot, record, always=along.needs_record or against.needs_record)
    if record is None and (along.needs_record or against.needs_record):
        raise DataError("Churn is measured against the plan of record: give `record`, soe.plan_of_record(snapshot).")
    moves = None if record is None else in_horizon(snapshot, record)
    options, own = options or (living.options if living else None), living.own if living else ()
    today = living.base if living else planned(snapshot, blocks=own, record=record, options=options)
    asked = _Asked(along, against, moves)
    beside = [tradable(one) for one in BESIDE if against.name == "margin" and x not in (one, "goodwill")]
    limited = Limited(
        snapshot, [along, against], beside=beside, blocks=own, record=record, moves=moves, options=options,
        pattern=today, near=living if living and living.home.snapshot is snapshot and living.record is record else None,
    )  # fmt: skip
    return _non_dominated(asked, today, list(_plans(limited, asked, today, points, progress)))


@dataclass(frozen=True)
class _Asked:
    """The two measures, and the plan of record that churn is measured against."""

    x: Measure
    y: Measure
    moves: Plan | None

    def read(self, plan: Plan) -> tuple[float, float]:
        """x and y of a finished plan."""
        values = [one.value(plan, self.moves) for one in (self.x, self.y)]
        for one, value in zip((self.x, self.y), values, strict=True):
            if value is None:
                raise DataError(f"{one.label} is not known in this extract.")
        return float(values[0] or 0.0), float(values[1] or 0.0)


def _plans(
    limited: Limited, asked: _Asked, today: Plan, points: int, progress: Progress | None
) -> Iterator[tuple[Plan, bool]]:
    """Today's plan, and one for each level, from the best x at the best y to the best possible x."""
    x, y = asked.x, asked.y
    money = y.name == "margin"
    names = limited.measures.keys() - {x.name, y.name}
    beside = {name: float(tradable(name).value(today, asked.moves) or 0.0) for name in sorted(names)}
    most = {y.name: asked.read(today)[1] if money else limited.extreme(y)}
    start, best = limited.extreme(x, {**beside, **most}), limited.extreme(x, beside, anew=money and x.unit == "share")
    now = asked.read(today)[0]
    if money and abs(now - start) <= NEAR * abs(best - start):
        start = now  # today's plan is the end of the frontier: a slightly better x is no point of its own
    levels = [float(level) for level in np.linspace(start, best, points)]
    if abs(best - start) <= CLOSE * (1.0 + abs(best)):
        levels = levels[-1:]
    yield today, True
    for number, level in enumerate(levels, start=1):
        held = {x.name: level, **beside}
        if not money:
            held[y.name] = limited.extreme(y, held)
        if not (money and level == now):
            yield limited.plan(held, f"{x.label.lower()} {x.said(level, today.currency)}"), False
        if progress:
            progress(number, len(levels))


def _non_dominated(asked: _Asked, today: Plan, found: list[tuple[Plan, bool]]) -> Frontier:
    """The non-dominated points, by rising x."""
    read = [(*asked.read(plan), plan, current) for plan, current in found]
    x_good, y_good = asked.x.direction, asked.y.direction
    # The best x first; of equal ones today's plan, then the better y.
    read.sort(key=lambda one: (-x_good * _round(one[0]), -y_good * _round(one[1]), not one[3]))
    kept: list[tuple[float, float, Plan, bool]] = []
    for one in read:
        if not kept or y_good * (one[1] - kept[-1][1]) > CLOSE * (1.0 + abs(one[1])):
            kept.append(one)
    kept.sort(key=lambda one: one[0])
    prices = [None, *((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(kept))]
    rows = [
        (number, one[0], one[1], price, str(one[2].solution.get("status", one[2].source)), one[3])
        for number, (one, price) in enumerate(zip(kept, prices, strict=True))
    ]
    frame = pl.DataFrame(rows, schema=POINTS, orient="row")
    plans = tuple(one[2] for one in kept)
    return Frontier(asked.x, asked.y, frame, today.currency, asked.read(today), today, plans)


def _round(value: float) -> float:
    """Round to seven digits, so that values that differ by rounding errors count as equal."""
    return float(f"{value:.7g}")


def service_against_margin(living: Living, *, points: int = LEVELS) -> Chart | str:
    """What more service costs in margin, each point planned again; a sentence with the reason where that fails.

    Parameters
    ----------
    living : this week's living model. points : how many levels of service, ends included.

    Examples
    --------
    >>> far = soe.Scenario("far away").set("lanes.cost_per_unit", 5.0).apply(small)
    >>> print(soe.whatif.service_against_margin(soe.Living(far), points=3).alt)
    On time from 50.0 % to 83.3 % costs EUR 80 of margin: EUR 2 for the first point, EUR 2 for the last. On time and
    margin of each point: 50.0 %: EUR 120; 66.7 %: EUR 80; 83.3 %: EUR 40.
    """
    rest = budget.left()
    if living.home.whole and rest is not None and rest < LEAST:
        return (
            "Service against margin is left out of this pack: each point is a plan with set-ups, and the pack's time "
            "was used up. Give it more (soe pack --minutes)."
        )
    try:
        found = frontier(living.home.snapshot, "service", "margin", points=points, living=living)
    except SoeError as error:
        return f"Service against margin cannot be shown. {words.sentence(str(error).splitlines()[0])}"
    return found.chart() if len(found) > 1 else found.finding


def _numbers(axes: Axes, which: str, one: Measure) -> None:
    if one.unit == "share":
        # The standard axis of shares has no decimals; a frontier may span less than a point.
        low, high = (axes.get_xlim if which == "x" else axes.get_ylim)()
        decimals = 0 if high - low >= 0.05 else 1 if high - low >= 0.005 else 2
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_formatter(lambda value, _: words.percent(value, decimals=decimals))
    else:
        style.plain_numbers(axes, which=which)


def _step(x: Measure, span: float, currency: str) -> tuple[float, str]:
    """A step that a reader thinks in: a point of a share (a tenth where the span is short), a round sum of money."""
    if x.unit == "share":
        return (0.01, "point") if span >= 0.02 else (0.001, "tenth of a point")
    size = 10.0 ** math.floor(math.log10(max(span, 1.0)))
    return size, words.brief_money(size, currency)
