"""The load heatmap: how full each line is, week by week."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

FULL, TIGHT = 1.0, 0.85
ROWS = 30


def finding(frame: pl.DataFrame) -> str:
    """The sentence of the heatmap: who is over the regular hours, and when; else who comes nearest."""
    over = frame.filter(pl.col("load") > FULL + 1e-6)
    if over.is_empty():
        most = frame.drop_nulls("load").sort("load", descending=True)
        if most.is_empty():
            return "No line has hours in this horizon"
        full = most.filter(pl.col("load") > 0.995).group_by("resource").agg(pl.len())
        if full.height:
            names = full.sort(["len", "resource"], descending=[True, False])["resource"]
            verb = "runs" if names.len() == 1 else "run"
            return f"{words.listing(names)} {verb} full in at least one week; no overtime is planned"
        where = f"{most['resource'][0]} in {words.period_name(most['label'][0])}"
        return f"No line is full; the fullest is {where} at {words.percent(most['load'][0])}"
    worst = over.sort("load", descending=True)
    names = over.group_by("resource").agg(pl.len()).sort(["len", "resource"], descending=[True, False])["resource"]
    where = f"{worst['resource'][0]} in {words.period_name(worst['label'][0])}"
    hours = float(frame["overtime"].sum())
    return (
        f"{words.listing(names)} {'needs' if names.len() == 1 else 'need'} overtime, "
        f"{words.count(hours, 'hour')} in all; the peak is {where} at {words.percent(worst['load'][0])}"
    )


def load_heatmap(frame: pl.DataFrame) -> Chart:
    """Hours used as a share of regular hours, one row per line, one column per week or day.

    Parameters
    ----------
    frame : resource, label [name of the column], order [its place], used [h], available [h regular, after
        events], overtime [h], lost [h taken away by events], load [used ÷ available; null without hours].
    """
    if frame.is_empty():
        return nothing_to_show("No line has hours in this horizon")
    title = finding(frame)
    peaks = frame.group_by("resource").agg(peak=pl.col("load").max().fill_null(0.0))
    names = peaks.sort(["peak", "resource"], descending=[True, False])["resource"].to_list()
    shown = sorted(names[:ROWS])
    columns = frame.select("label", "order").unique().sort("order")["label"].to_list()
    left_out = f"; {len(names) - ROWS} emptier lines not shown" if len(names) > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.31 * len(shown) + 1.0,
        title=title,
        subtitle=f"Hours of runs and set-ups ÷ regular hours left after events, %. ▾ hours lost to an event{left_out}",
    )
    draw(axes, frame, shown, columns)
    peak = frame.filter(pl.col("load") > TIGHT).sort(["load", "resource"], descending=[True, False]).head(8)
    cells = [f"{row['resource']} {words.period_name(row['label'])} {words.percent(row['load'])}"
             for row in peak.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. Fullest: {words.listing(cells, limit=8)}.")


def draw(axes: Axes, frame: pl.DataFrame, resources: list[str], columns: list[str]) -> None:
    """Coloured cells with their figures, darkest where the line is overloaded."""
    places = frame.filter(pl.col("resource").is_in(resources)).with_columns(
        y=pl.col("resource").replace_strict(resources, list(range(len(resources))), return_dtype=pl.Int64),
        x=pl.col("label").replace_strict(columns, list(range(len(columns))), return_dtype=pl.Int64),
    )
    colours = np.ones((len(resources), len(columns), 3))
    for row in places.iter_rows(named=True):
        colours[row["y"], row["x"]] = colour_of(row["load"])
    axes.imshow(colours, aspect="auto", interpolation="nearest")
    size = style.SMALL_SIZE if len(columns) <= 16 else style.SMALL_SIZE - 1.5
    for row in places.iter_rows(named=True):
        load = row["load"]
        dark = load is not None and load > FULL + 1e-6
        text = "–" if load is None else f"{100 * load:.0f}"
        ink = style.PAPER if dark else style.INK
        style.note(axes, text, (row["x"], row["y"]), color=ink, bold=dark, size=size)
        if row["lost"] > 0:
            corner = (row["x"] + 0.46, row["y"] - 0.44)
            style.note(axes, "▾", corner, ha="right", va="top", color=ink, size=size)
    lay_out(axes, resources, columns)


def lay_out(axes: Axes, resources: list[str], columns: list[str]) -> None:
    """Names at both edges and white lines between the cells."""
    style.tidy(axes, grid="none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    short = [words.period_name(name).replace("week ", "w") for name in columns]
    crowded = max(len(name) for name in short) > 5 and len(columns) > 8
    axes.set_xticks(range(len(columns)), [style.label(name, limit=14) for name in short],
                    rotation=60 if crowded else 0, ha="right" if crowded else "center",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(range(len(resources)), [style.label(name, limit=34) for name in resources])
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(resources)), minor=True)
    axes.grid(visible=True, which="minor", color=style.PAPER, linewidth=2.0)
    axes.tick_params(which="both", length=0)


def colour_of(load: float | None) -> tuple[float, float, float]:
    """White to blue up to tight, amber up to full, red beyond; grey without hours."""
    if load is None:
        return to_rgb(style.PALE)
    if load > FULL + 1e-6:
        return to_rgb(style.DARK_RED)
    if load > TIGHT:
        return to_rgb("#f6c667")
    share = max(0.0, min(load / TIGHT, 1.0))
    pale, deep = np.array(to_rgb("#f7fafc")), np.array(to_rgb("#a9cfe6"))
    red, green, blue = pale + (deep - pale) * share
    return float(red), float(green), float(blue)
