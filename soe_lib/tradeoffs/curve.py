"""A frontier in words and as a chart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart

if TYPE_CHECKING:
    from soe_lib.tradeoffs.frontier import Frontier
    from soe_lib.tradeoffs.measures import Measure


def finding(found: Frontier) -> str:
    """What the whole way along the frontier costs, and its first and last step."""
    x, y, currency = found.x, found.y, found.currency
    if len(found) == 1:
        at = x.said(found.points["x"][0], currency)
        return f"{x.label} is at its best, {at}: there is nothing to trade for {y.label.lower()}."
    rows = found.points.sort("x", descending=x.better < 0)
    start, end = rows["x"][0], rows["x"][-1]
    given = y.changed(rows["y"][-1] - rows["y"][0], currency)
    told = f"{x.label} from {x.said(start, currency)} to {x.said(end, currency)} costs {given} of {y.label.lower()}"
    if len(found) == 2:
        return f"{told}."
    prices = found.points["price"].drop_nulls().to_list()
    first, last = (prices[0], prices[-1]) if x.better > 0 else (prices[-1], prices[0])
    step, called = _step(x, abs(end - start), currency)
    steps = y.changed(first * step, currency), y.changed(last * step, currency)
    return f"{told}: {steps[0]} for the first {called}, {steps[1]} for the last."


def lines(found: Frontier) -> list[str]:
    """One line a point."""
    x, y, currency = found.x, found.y, found.currency
    head = f"  {'point':>5} {x.label:>18} {y.label:>18} {'price':>36}"
    rows = []
    for row in found.points.iter_rows(named=True):
        across, up = x.said(row["x"], currency, brief=False), y.said(row["y"], currency, brief=False)
        price = "" if row["price"] is None else _price(found, row["price"])
        rows.append(f"  {row['point']:>5} {across:>18} {up:>18} {price:>36}{'  now' if row['current'] else ''}")
    return [head, *rows]


def draw(found: Frontier) -> Chart:
    """The curve; the plan as it is stands out, on the frontier or beside it."""
    x, y, currency = found.x, found.y, found.currency
    title = finding(found).rstrip(".")
    figure, (axes,) = style.new_figure(height=3.4, title=title, subtitle=_subtitle(found))
    style.tidy(axes, grid="y")
    wide, high = (_divisor(found, one) for one in ("x", "y"))
    across, up = _drawn(found).T.tolist()
    axes.plot(across, up, color=style.BLUE, linewidth=1.8, marker="o", markersize=5, label="best plans", zorder=3)
    now = found.current[0] / wide[0], found.current[1] / high[0]
    axes.plot(*now, color=style.RED, marker="D", markersize=8, linestyle="none", label="this plan", zorder=4)
    style.note(axes, "this plan", now, shift=(8, 8), ha="left", color=style.RED, bold=True)
    style.axis_name(axes, x=f"{x.label}{wide[1]}", y=f"{y.label}{high[1]}")
    for which, one in (("x", x), ("y", y)):
        _numbers(axes, which, one)
    axes.margins(x=0.08, y=0.15)
    told = "; ".join(
        f"{x.said(row['x'], currency)}: {y.said(row['y'], currency)}" for row in found.points.iter_rows(named=True)
    )
    return Chart(figure, title, f"{finding(found)} {x.label} and {y.label.lower()} of each point: {told}.")


def spots(found: Frontier, chart: Chart) -> list[tuple[float, float]]:
    """Where its drawing shows each point: the share of its width from the left, and of its height from the top.

    Parameters
    ----------
    chart : what `draw` made of the frontier.
    """
    figure = chart.figure
    figure.draw_without_rendering()  # only then is it known where the axes are
    pixels = figure.axes[0].transData.transform(_drawn(found))
    return [(x / figure.bbox.width, 1.0 - y / figure.bbox.height) for x, y in pixels.tolist()]


def _drawn(found: Frontier) -> npt.NDArray[np.float64]:
    """The points in the units of the axes, shape (points, 2)."""
    return np.column_stack([found.points[one].to_numpy() / _divisor(found, one)[0] for one in ("x", "y")])


def _subtitle(found: Frontier) -> str:
    whole = f"{len(found)} points, each planned again and proven" if len(found) > 1 else "One point, proven"
    return f"{found.y.label} against {found.x.label.lower()}; {whole}"


def _numbers(axes: Axes, which: str, one: Measure) -> None:
    if one.unit == "share":
        # The house's axis of shares has no decimals; a frontier may span less than a point.
        low, high = (axes.get_xlim if which == "x" else axes.get_ylim)()
        decimals = 0 if high - low >= 0.05 else 1 if high - low >= 0.005 else 2
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_formatter(lambda value, _: words.percent(value, decimals=decimals))
    else:
        style.plain_numbers(axes, which=which)


def _divisor(found: Frontier, column: str) -> tuple[float, str]:
    one = found.x if column == "x" else found.y
    if one.unit == "share":
        return 1.0, ""
    divisor, word = style.scale(max(abs(value) for value in found.points[column].to_list()))
    return divisor, f", {found.currency}{f' {word}' if word else ''}"


def _step(x: Measure, span: float, currency: str) -> tuple[float, str]:
    """A step that a reader thinks in: a point of a share (a tenth where the span is short), a round sum of money."""
    if x.unit == "share":
        return (0.01, "point") if span >= 0.02 else (0.001, "tenth of a point")
    size = 10.0 ** math.floor(math.log10(max(span, 1.0)))
    return size, words.brief_money(size, currency)


def _price(found: Frontier, price: float) -> str:
    spread = float(found.points["x"].max()) - float(found.points["x"].min())  # type: ignore[arg-type]
    step, called = _step(found.x, spread, found.currency)
    return f"{found.y.changed(price * step, found.currency)} per {called}"


__all__ = ["draw", "finding", "lines", "spots"]
