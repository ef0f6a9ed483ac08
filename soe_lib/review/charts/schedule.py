"""Schedule charts: runs by line and day, and what every line makes week by week."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from soe_lib.review import style, words
from soe_lib.review.charts.supply import lay_out_load
from soe_lib.review.style import Chart, nothing_to_show

COLOURS = ("#a9cfe6", "#f6d08a", "#b5dcc4", "#e3c1d6", "#d9d3b8", "#c3c9e8")
"""Of families, in the order of their names; more families take the first again."""
STOPPED = "#e9e9e9"
LINES, ROWS, KEYS = 70, 45, 12
LETTER = 0.067
"""Inches that a letter of a bar's name takes."""
MARGIN = 1.9
"""Inches that the names of lines take."""
GAP = 0.04
"""Share of a period's width between two periods."""


def gantt(runs: pl.DataFrame, hours: pl.DataFrame, *, width: float = style.WIDTH, row: float = 0.36) -> Chart:
    """The schedule: a row per line, a column per day, runs as bars in their order, set-ups and stops between them.

    Parameters
    ----------
    runs, hours : from `frames.firm_runs` and `frames.firm_hours`. width : of the drawing. row : height of a line
        [inches].
    """
    if runs.is_empty():
        return nothing_to_show("No line has a run in the firm window")
    title = gantt_finding(runs, hours)
    worked = hours.filter((pl.col("available") + pl.col("lost") + pl.col("serviced") > 0) | (pl.col("overtime") > 0))
    busy = runs.group_by("location", "line").agg(pl.col("hours").sum())
    known = pl.concat([busy.select("location", "line"), worked.select("location", "line")]).unique()
    names = known.sort("location", "line")["line"].to_list()
    shown, left_out = names[:LINES], len(names) - LINES
    days = hours.select("period", "period_index", "starts_on").unique("period").sort("period_index")
    length = _length(runs, hours)
    families = sorted(set(runs["family"].fill_null("")))
    more = f"; {left_out} lines not shown" if left_out > 0 else ""
    figure, (axes,) = style.new_figure(
        width=width, height=row * len(shown) + 0.9, title=title,
        subtitle=f"Runs in their order; a column is as wide as {words.count(length, 'hour')}{more}",
    )  # fmt: skip
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(families)}
    inches = (width - MARGIN) / days.height / length
    _draw_stops(axes, hours.filter(pl.col("line").is_in(shown)), shown, length)
    _draw_runs(axes, runs.filter(pl.col("line").is_in(shown)), shown, length, colours, inches)
    _lay_out(axes, shown, days)
    _key(figure, colours, runs, hours)
    return Chart(figure, title, f"{title}. {_in_words(runs)}")


def gantt_finding(runs: pl.DataFrame, hours: pl.DataFrame) -> str:
    """How many runs on how many lines, and what stops them longest."""
    many, lines = words.count(runs.height, "run"), words.count(runs["line"].n_unique(), "line")
    stopped = hours.group_by("line").agg(pl.col("lost", "serviced").sum()).with_columns(
        stop=pl.col("lost") + pl.col("serviced")
    ).filter(pl.col("stop") > 0).sort(["stop", "line"], descending=[True, False])  # fmt: skip
    if stopped.is_empty():
        return f"{many} on {lines}; nothing stops them"
    most = stopped.row(0, named=True)
    return f"{many} on {lines}; {most['line']} stands still for {words.count(most['stop'], 'hour')}"


def _key(figure: Figure, colours: dict[str, str], runs: pl.DataFrame, hours: pl.DataFrame) -> None:
    keys = [Patch(color=colour, label=style.label(name or "no family", limit=28)) for name, colour in colours.items()]
    if (runs["setup_hours"] > 0).any():
        keys.append(Patch(color=style.MUTED, label="set-up"))
    if (hours["lost"] + hours["serviced"] > 0).any():
        keys.append(Patch(facecolor=STOPPED, hatch="////", edgecolor=style.RED, label="stopped"))
    figure.legend(
        handles=keys[:KEYS], loc="outside lower left", ncols=4, frameon=False, fontsize=style.SMALL_SIZE,
        labelcolor=style.INK, handlelength=1.2, columnspacing=1.2,
    )  # fmt: skip


def _length(runs: pl.DataFrame, hours: pl.DataFrame) -> float:
    """Hours that a column is wide: as long as any line works, or stands still, in a period."""
    ends = runs.select((pl.col("begins") + pl.col("setup_hours") + pl.col("hours")).max()).item()
    stop = pl.col("lost") + pl.col("serviced")
    whole = hours.filter(stop > 0).select((pl.col("available") + stop).max()).item()
    return max(float(ends or 0.0), float(whole or 0.0), 1e-6)


def _draw_runs(
    axes: Axes, runs: pl.DataFrame, lines: list[str], length: float, colours: dict[str, str], inches: float
) -> None:
    scale = (1 - GAP) / length
    for line, index, family, item, name, begins, ready, took in runs.select(
        "line", "period_index", pl.col("family").fill_null(""), "item", "description", "begins", "setup_hours", "hours"
    ).iter_rows():
        place, start = lines.index(line), index + begins * scale
        if ready > 0:
            axes.barh(place, ready * scale, left=start, height=0.74, color=style.MUTED)
        left = start + ready * scale
        axes.barh(
            place, took * scale, left=left, height=0.74, color=colours[family], edgecolor=style.PAPER, linewidth=0.7
        )
        room = int(took * inches * (1 - GAP) / LETTER)
        if said := next((one for one in (name, item) if one and len(one) <= room), ""):
            style.note(axes, style.label(said), (left + took * scale / 2, place), size=style.SMALL_SIZE - 1.5)


def _draw_stops(axes: Axes, hours: pl.DataFrame, lines: list[str], length: float) -> None:
    """Hatched behind the runs: the hours of a period that an event or maintenance takes, at its end."""
    scale = (1 - GAP) / length
    stopped = hours.with_columns(stop=pl.col("lost") + pl.col("serviced")).filter(pl.col("stop") > 0)
    for line, index, there, lost in stopped.select("line", "period_index", "available", "stop").iter_rows():
        axes.barh(
            lines.index(line), lost * scale, left=index + max(there, 0.0) * scale, height=0.74, facecolor=STOPPED,
            hatch="////", edgecolor=style.RED, linewidth=0,
        )  # fmt: skip


def _lay_out(axes: Axes, lines: list[str], days: pl.DataFrame) -> None:
    style.tidy(axes, grid="none")
    style.named_rows(axes, lines, limit=26)
    axes.set_xlim(0, days.height)
    names = [words.period_name(period) for period in days["period"]]
    axes.set_xticks(
        [place + (1 - GAP) / 2 for place in range(days.height)], [style.label(name, limit=14) for name in names]
    )
    axes.xaxis.tick_top()
    for place in range(1, days.height):
        axes.axvline(place - GAP / 2, color=style.GRID, linewidth=0.8, zorder=0)


def _in_words(runs: pl.DataFrame) -> str:
    first = runs.filter(pl.col("period_index") == runs["period_index"].min())
    told = first.group_by("line", maintain_order=True).agg(pl.col("description"))
    parts = [f"{line}: {words.listing(names, limit=4)}" for line, names in told.head(6).iter_rows()]
    return f"First: {'; '.join(parts)}."


def made_heatmap(frame: pl.DataFrame) -> Chart:
    """What every line makes of each product, one column per week: darker where it takes more of the line's work.

    Parameters
    ----------
    frame : from `frames.made_by_week`.
    """
    if frame.is_empty():
        return nothing_to_show("Nothing is made in this horizon")
    totals = frame.group_by("line", "item", "description").agg(pl.col("hours", "good").sum())
    most = totals.sort(["hours", "good", "line", "item"], descending=[True, True, False, False]).head(ROWS)
    rows = most.sort("line", "description", "item").with_row_index("y").with_columns(pl.col("y").cast(pl.Int64))
    columns = frame.select("label", "order").unique().sort("order")["label"].to_list()
    left_out = f"; {totals.height - ROWS} smaller ones not shown" if totals.height > ROWS else ""
    title = made_finding(frame)
    figure, (axes,) = style.new_figure(
        height=0.23 * rows.height + 0.9, title=title,
        subtitle=f"Good units by product and line; darker: more of the line's hours of the week{left_out}",
    )  # fmt: skip
    shown = frame.join(rows.select("line", "item", "y"), on=["line", "item"], validate="m:1")
    pale, deep, colours = (
        np.array(to_rgb("#f7fafc")),
        np.array(to_rgb("#7fb8d8")),
        np.ones((rows.height, len(columns), 3)),
    )
    for y, label, share, good in shown.select("y", "label", "share", "good").iter_rows():
        x = columns.index(label)
        colours[y, x] = pale + (deep - pale) * min(share, 1.0)
        style.note(axes, words.number(good), (x, y), size=style.SMALL_SIZE - 1.5)
    axes.imshow(colours, aspect="auto", interpolation="nearest")
    lay_out_load(axes, [f"{line}: {name}" for line, name in rows.select("line", "description").iter_rows()], columns)
    return Chart(figure, title, f"{title}. {_made_in_words(most)}")


def made_finding(frame: pl.DataFrame) -> str:
    """How many products on how many lines, and which takes most hours."""
    first = frame.group_by("line", "description").agg(pl.col("hours", "good").sum())
    most = first.sort(["hours", "good", "line", "description"], descending=[True, True, False, False]).row(
        0, named=True
    )
    said = f"{words.count(frame['item'].n_unique(), 'product')} on {words.count(frame['line'].n_unique(), 'line')}"
    return f"{said}; {most['description']} takes most hours, {words.number(most['hours'])} on {most['line']}"


def _made_in_words(most: pl.DataFrame) -> str:
    parts = [
        f"{row['description']} on {row['line']} {words.number(row['good'])} units in {words.number(row['hours'])} hours"
        for row in most.head(5).iter_rows(named=True)
    ]
    return f"Largest: {'; '.join(parts)}."
