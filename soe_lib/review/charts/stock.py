"""Projected stock: how each item's stock runs against its safety stock, and when receipts come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

PANELS = 6


def finding(frame: pl.DataFrame, *, shown: int) -> str:
    """The sentence of the stock chart: how many run under their safety stock, and which goes lowest."""
    under = frame.filter(pl.col("stock") < pl.col("safety") - 1e-6)
    if under.is_empty():
        some = "The stock shown stays" if shown == 1 else f"All {shown} stocks shown stay"
        return f"{some} at or above the safety stock"
    places = under.group_by("name").agg(gap=(pl.col("safety") - pl.col("stock")).max(), first=pl.col("ends_on").min())
    worst = places.sort(["gap", "name"], descending=[True, False])
    if shown == 1:
        some = "The stock shown falls"
    elif places.height == shown:
        some = f"All {shown} stocks shown fall"
    else:
        some = f"{places.height} of the {shown} stocks shown {'falls' if places.height == 1 else 'fall'}"
    return (
        f"{some} under the safety stock; {worst['name'][0]} misses it by most, "
        f"{words.number(worst['gap'][0])} units, from {words.day(worst['first'][0])}"
    )


def projected_stock(
    frame: pl.DataFrame, *, as_of: date, unit: str = "units", fences: Mapping[str, date] | None = None
) -> Chart:
    """Closing stock by period, one panel per item and place: line; safety stock: dashes; receipts: bars.

    Parameters
    ----------
    frame : name [panel], order [place of the panel], ends_on [date], stock, safety, receipts [units]. The
        first panels are shown, so the caller sorts by what matters.
    as_of : the day the opening stock was counted. unit : of the quantities.
    fences : name → first day after it, such as {"frozen": …, "slushy": …}; drawn where they lie in the horizon.
    """
    if frame.is_empty():
        return nothing_to_show("No stock to project")
    panels = frame.select("name", "order").unique().sort("order")["name"].to_list()[:PANELS]
    kept = frame.filter(pl.col("name").is_in(panels)).sort("order", "ends_on")
    title = finding(kept, shown=len(panels))
    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    below = f"Closing stock, {unit}; shaded where it is under the safety stock"
    figure, axes = style.new_figure(height=1.75 * rows + 0.5, title=title, subtitle=below, rows=rows, columns=columns)
    for place, panel in enumerate(axes):
        if place >= len(panels):
            panel.set_axis_off()
            continue
        draw(panel, kept.filter(pl.col("name") == panels[place]), as_of=as_of)
        fence_lines(panel, fences or {}, kept["ends_on"].max(), named=place == 0)  # type: ignore[arg-type]
    style.figure_key(figure, axes[0])
    lows = kept.group_by("name", maintain_order=True).agg(low=pl.col("stock").min(), safety=pl.col("safety").max())
    parts = [f"{name}: lowest {words.number(low)}, safety {words.number(safety)}" for name, low, safety in lows.rows()]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")


def draw(axes: Axes, panel: pl.DataFrame, *, as_of: date) -> None:
    """One stock: its line, its safety stock, the shortfall between them and what comes in."""
    when, stock, safety = panel["ends_on"].to_list(), panel["stock"].to_numpy(), panel["safety"].to_numpy()
    wide = [max((day - before).days, 1) for day, before in zip(when, [as_of, *when[:-1]], strict=True)]
    receipts = panel["receipts"].to_numpy()
    starts = [day - timedelta(days=length - 1) for day, length in zip(when, wide, strict=True)]
    axes.bar(starts, receipts, width=[0.86 * length for length in wide], align="edge", color=style.PALE_BLUE,
             label="Coming in", zorder=1)  # fmt: skip
    axes.fill_between(
        when, stock, safety, where=list(stock < safety - 1e-6), interpolate=True,
        color=style.PALE_RED, alpha=0.8, linewidth=0, zorder=2,
    )  # fmt: skip
    axes.plot(when, safety, color=style.RED, linewidth=1.2, linestyle=(0, (4, 2)), label="Safety stock", zorder=3)
    axes.plot(when, stock, color=style.INK, linewidth=1.8, label="Closing stock", zorder=4)
    style.panel_title(axes, panel["name"][0], limit=52)
    tallest = max(float(stock.max()), float(safety.max()), float(receipts.max()), 1.0)
    axes.set_ylim(bottom=min(0.0, float(stock.min()) * 1.1), top=tallest * 1.08)
    style.plain_numbers(axes, bins=4)
    weeks(axes, as_of, when[-1])


def fence_lines(axes: Axes, fences: Mapping[str, date], last: date, *, named: bool) -> None:
    """A thin upright line where each fence ends, named at its foot in the first panel."""
    for name, day in fences.items():
        if day > last:
            continue
        place = (day - date(1970, 1, 1)).days
        axes.axvline(place, color=style.MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=2)
        if named:
            style.note(axes, f"{name} until here ", (place, axes.get_ylim()[1] * 0.93), ha="right", color=style.MUTED)


def weeks(axes: Axes, first: date, last: date) -> None:
    """ISO weeks along the time axis, as many as fit."""
    monday = first + timedelta(days=-first.weekday() % 7)
    mondays = [monday + timedelta(weeks=step) for step in range(max((last - monday).days // 7 + 1, 1))]
    every = -(-len(mondays) // 7)
    ticks = mondays[::every]
    axes.xaxis.set_major_locator(FixedLocator([(day - date(1970, 1, 1)).days for day in ticks]))
    axes.set_xticklabels([f"w{day.isocalendar().week}" for day in ticks])
