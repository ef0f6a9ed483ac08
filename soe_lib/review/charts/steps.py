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
    told = [f"{name}: {said(steps, currency, unit)}" for name, steps in curves]
    most = float(max(steps["stop"].max() for _, steps in curves))  # type: ignore[type-var,arg-type]
    title = told[0]
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
    axes.set_ylim(0, 1.15 * max(float(steps["price"].max()) for _, steps in curves))  # type: ignore[arg-type]
    axes.set_xlabel(f"More {words.plural_of(unit)}")
    style.plain_numbers(axes, which="y")
    if len(curves) > 1:
        axes.legend(loc="lower left", frameon=False)
    return Chart(figure, title, f"{'; '.join(told)}.")


def said(steps: pl.DataFrame, currency: str, unit: str) -> str:
    """What all of the units earn, and the first and the last of them: "8 more hours earn EUR 2,642, …"."""
    stop = float(steps["stop"].max())  # type: ignore[arg-type]
    whole = _earned(steps, stop)
    earn = f"{words.count(stop, f'more {unit}')} {'earns' if stop == 1 else 'earn'} {words.money(whole, currency)}"
    if stop <= 1:
        return earn
    first, last = _earned(steps, 1.0), whole - _earned(steps, stop - 1.0)
    return f"{earn}, {words.money(first, currency)} the first and {words.money(last, currency)} the last"


def _earned(steps: pl.DataFrame, amount: float) -> float:
    used = (pl.min_horizontal("stop", pl.lit(amount)) - pl.col("start")).clip(lower_bound=0.0)
    return float(steps.select((used * pl.col("price")).sum()).item())
