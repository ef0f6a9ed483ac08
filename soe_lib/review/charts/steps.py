"""What more of a scarce thing is worth, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart


def step_curves(curves: Sequence[tuple[str, pl.DataFrame]], currency: str, *, unit: str = "hour") -> Chart:
    """The price of one more unit over how many more there are; the area under a curve is money.

    Parameters
    ----------
    curves : name, and start, stop [units more], price [money per unit] of each step.
    currency : of the prices. unit : what is bought.
    """
    first = [(name, float(steps["price"][0]), float(steps["price"][-1])) for name, steps in curves]
    name, high, low = first[0]
    most = float(max(steps["stop"].max() for _, steps in curves))  # type: ignore[type-var,arg-type]
    title = (
        f"{name}: the first {unit} more earns {words.money(high, currency)}, "
        f"the {words.number(most)}th {words.money(low, currency)}"
    )
    figure, (axes,) = style.new_figure(
        height=2.6, title=title, subtitle=f"What one more {unit} earns, {currency}, every corner planned again"
    )
    style.tidy(axes, grid="y")
    lines = ("-", "--", ":")
    for place, (label, steps) in enumerate(curves):
        edges = [*steps["start"].to_list(), float(steps["stop"][-1])]
        axes.stairs(
            steps["price"].to_list(), edges, baseline=None, linewidth=2,
            color=(style.BLUE, style.RED, style.INK)[place % 3], linestyle=lines[place % 3], label=label,
        )  # fmt: skip
    axes.set_xlim(0, most)
    axes.set_ylim(0, 1.15 * max(price for _, price, _ in first))
    axes.set_xlabel(f"More {words.plural_of(unit)}")
    style.plain_numbers(axes, which="y")
    if len(curves) > 1:
        axes.legend(loc="lower left", frameon=False)
    told = "; ".join(
        f"{label}: {words.money(start, currency)} falling to {words.money(end, currency)}"
        for label, start, end in first
    )
    return Chart(figure, title, f"{title}. {told}.")
