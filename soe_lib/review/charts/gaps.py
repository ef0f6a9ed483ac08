"""Gaps: demand against what can be served, week by week."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show


def finding(frame: pl.DataFrame) -> str:
    """The sentence of the gaps: how many weeks miss demand, which is worst, and what is never served."""
    missed = frame.with_columns(missed=pl.col("late") + pl.col("short")).filter(pl.col("missed") >= 0.5)
    if missed.is_empty():
        return "Demand is served on time in every week"
    worst = missed.sort("missed", descending=True).row(0, named=True)
    short = float(frame["short"].sum())
    end = f"; {words.number(short)} units are never served" if short >= 0.5 else "; all of it is served in the end"
    return (
        f"{words.sentence(words.count(missed.height, 'week'))[:-1]} "
        f"{'misses' if missed.height == 1 else 'miss'} demand, {words.period_name(worst['week'])} by most "
        f"({words.number(worst['missed'])} units){end}"
    )


def gaps(frame: pl.DataFrame, *, unit: str = "units") -> Chart:
    """Units due per week: served on time, served late, never served.

    Parameters
    ----------
    frame : week ("2026-W48"), demand, on_time, late, short [units], by the week in which the demand is due.
    unit : of the quantities.
    """
    if frame.is_empty() or float(frame["demand"].sum()) <= 0:
        return nothing_to_show("No demand to serve")
    title = finding(frame)
    shown = frame.sort("week")
    largest = float(str(shown["demand"].max()))
    divisor, word = style.scale(largest)
    figure, (axes,) = style.new_figure(
        height=2.7,
        title=title,
        subtitle=f"{words.sentence(f'{word} {unit}'.strip())[:-1]} by the week they are due",
    )
    places = list(range(shown.height))
    base = [0.0] * shown.height
    marks = (("on_time", "Served on time", style.SKY), ("late", "Served late", style.AMBER),
             ("short", "Never served", style.DARK_RED))  # fmt: skip
    for column, name, colour in marks:
        sizes = [size / divisor for size in shown[column]]
        axes.bar(places, sizes, bottom=base, width=0.74, color=colour, label=name if sum(sizes) else None)
        base = [low + size for low, size in zip(base, sizes, strict=True)]
    for place, row in enumerate(shown.iter_rows(named=True)):
        missed = row["late"] + row["short"]
        if missed >= 0.5:
            style.note(axes, words.number(-missed), (place, base[place]), shift=(0, 3), va="bottom")
    every = max(1, -(-shown.height // 18))
    names = [words.period_name(week).replace("week ", "w") for week in shown["week"]]
    axes.set_xticks(places[::every], [style.label(name, limit=12) for name in names[::every]])
    axes.set_xlim(-0.6, shown.height - 0.4)
    axes.set_ylim(0, max(base) * 1.1)
    style.plain_numbers(axes, bins=5)
    style.figure_key(figure, axes)
    missing = shown.filter(pl.col("late") + pl.col("short") >= 0.5)
    parts = [
        f"{words.period_name(week)}: {words.number(late)} late, {words.number(short)} not served"
        for week, late, short in missing.select("week", "late", "short").rows()
    ]
    return Chart(figure, title, f"{title}. {words.listing(parts, limit=20)}." if parts else f"{title}.")
