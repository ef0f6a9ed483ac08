"""Service: which part of the demand comes on time, late, or not at all, by priority or customer."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 20
MARKS = (
    ("on_time", "On time", style.BLUE),
    ("late", "Late", style.AMBER),
    ("short", "Not served", style.DARK_RED),
)


def finding(frame: pl.DataFrame) -> str:
    """The sentence of the service chart: the overall share on time, and who waits most."""
    total = float(frame["demand"].sum())
    share = float(frame["on_time"].sum()) / total if total else 0.0
    opening = f"{words.percent(share, decimals=1)} of demand is served on time"
    missed = frame.with_columns(missed=pl.col("late") + pl.col("short")).sort("missed", descending=True)
    if float(missed["missed"][0]) < 0.5:
        return f"{opening}: nobody waits"
    worst = missed.row(0, named=True)
    parts = [(worst["late"], "late"), (worst["short"], "not served")]
    said = " and ".join(f"{words.number(size)} units {text}" for size, text in parts if size >= 0.5)
    return f"{opening}; {worst['group']} misses most: {said}"


def service(frame: pl.DataFrame, *, what: str = "priority") -> Chart:
    """Shares of demand on time, late and not served, one bar per group.

    Parameters
    ----------
    frame : group [its name], order [its place], demand, on_time, late, short [units].
    what : what the groups are, for the line below the title.
    """
    kept = frame.filter(pl.col("demand") > 0)
    if kept.is_empty():
        return nothing_to_show("No demand to serve")
    title = finding(kept)
    shown = kept.sort("order", "group").head(ROWS)
    left_out = f"; {kept.height - ROWS} smaller not shown" if kept.height > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.37 * shown.height + 0.75,
        title=title,
        subtitle=f"Share of units demanded, by {what}{left_out}",
    )
    style.tidy(axes, grid="none")
    axes.spines["left"].set_visible(False)
    before = [0.0] * shown.height
    for column, name, colour in MARKS:
        shares = (shown[column] / shown["demand"]).to_list()
        axes.barh(
            range(shown.height), shares, left=before, height=0.64, color=colour, label=name if sum(shares) else None
        )
        for place, (share, left) in enumerate(zip(shares, before, strict=True)):
            if share >= 0.06:
                ink = style.INK if colour == style.AMBER else style.PAPER
                text = words.percent(share, decimals=1 if share < 1 else 0)
                style.note(axes, text, (left + share / 2, place), color=ink)
        before = [left + share for left, share in zip(before, shares, strict=True)]
    for place, row in enumerate(shown.iter_rows(named=True)):
        missed = row["late"] + row["short"]
        note = (
            f"{words.number(missed)} of {words.number(row['demand'])}" if missed >= 0.5 else words.number(row["demand"])
        )
        style.note(axes, note, (1.01, place), ha="left", color=style.MUTED)
    axes.set_yticks(range(shown.height), [style.label(name, limit=34) for name in shown["group"]])
    axes.set_ylim(shown.height - 0.45, -0.85)
    axes.set_xlim(0, 1.17)
    axes.set_xticks([])
    style.note(axes, "Units missed of", (1.01, -0.72), ha="left", color=style.MUTED)
    style.figure_key(figure, axes)
    parts = [f"{row['group']}: {words.percent(row['on_time'] / row['demand'], decimals=1)} on time"
             for row in shown.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
