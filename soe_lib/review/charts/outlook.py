"""The S&OP month outlook: where each family will land against its commitment, with the tolerance band."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 24


def finding(frame: pl.DataFrame) -> str:
    """The sentence of the outlook: who leaves the band and by how much; falling short and running over
    count alike.
    """
    month = words.listing([words.month_name(month) for month in frame["month"].unique().sort()])
    out = frame.filter(pl.col("share").is_not_null() & ~pl.col("inside")).with_columns(off=pl.col("share") - 1)
    if out.is_empty():
        return f"Every family is heading for its S&OP commitment of {month}, within tolerance"
    worst = out.sort(pl.col("off").abs(), "family", descending=[True, False]).row(0, named=True)
    others = [name for name in out["family"].unique().sort() if name != worst["family"]]
    verb = "is" if len(others) == 1 else "are"
    rest = f"; {words.listing(others)} {verb} outside tolerance too" if others else ""
    side = "below" if worst["off"] < 0 else "above"
    gap = words.number(abs(worst["outlook"] - worst["consensus"]))
    return (
        f"{worst['family']}: heading {words.percent(abs(worst['off']))} {side} the S&OP commitment of "
        f"{words.month_name(worst['month'])}, {gap} units{rest}"
    )


def month_outlook(frame: pl.DataFrame, *, what: str = "sales") -> Chart:
    """Sold so far and still planned as a share of the commitment, one bar per family and month.

    Parameters
    ----------
    frame : family, month ("2026-11"), consensus, actual, planned, outlook [units], share [outlook ÷
        consensus], low, high [shares, the tolerance band], inside [whether the share lies within it].
    what : the measure, for the line below the title.
    """
    kept = frame.filter(pl.col("consensus") > 0)
    if kept.is_empty():
        return nothing_to_show("No S&OP commitment for these months")
    title = finding(kept)
    shown = kept.sort("month", "family").head(ROWS)
    figure, (axes,) = style.new_figure(
        height=0.4 * shown.height + 0.85, title=title,
        subtitle=f"Outlook of {what} as a share of the S&OP commitment; shaded: tolerance",
    )  # fmt: skip
    style.tidy(axes, grid="x")
    several = shown["month"].n_unique() > 1
    far = 1.0
    for place, row in enumerate(shown.iter_rows(named=True)):
        sold, planned = row["actual"] / row["consensus"], row["planned"] / row["consensus"]
        axes.barh(place, row["high"] - row["low"], left=row["low"], height=0.86, color="#dfeee8", zorder=1,
                  label="Tolerance" if place == 0 else None)  # fmt: skip
        axes.barh(place, sold, height=0.44, color=style.MUTED, zorder=2, label="Sold so far" if place == 0 else None)
        axes.barh(place, planned, left=sold, height=0.44, color=style.SKY, zorder=2,
                  label="Planned for the rest" if place == 0 else None)  # fmt: skip
        note = f"{words.percent(row['share'])}  ({words.number(row['outlook'] - row['consensus'], sign=True)})"
        far = max(far, row["high"], row["share"])
        ink = style.INK if row["inside"] else style.DARK_RED
        edge = (max(row["share"], row["high"]), place)
        style.note(axes, note, edge, shift=(6, 0), ha="left", color=ink, bold=not row["inside"])
    axes.axvline(1.0, color=style.INK, linewidth=1.2, zorder=3, label="Commitment")
    names = [f"{row['family']}, {words.month_name(row['month'])}" if several else row["family"]
             for row in shown.iter_rows(named=True)]  # fmt: skip
    axes.set_yticks(range(shown.height), [style.label(name, limit=36) for name in names])
    axes.set_ylim(shown.height - 0.45, -0.55)
    axes.set_xlim(0, far * 1.2)
    style.percent_axis(axes, which="x")
    style.figure_key(figure, axes)
    parts = [f"{row['family']} {words.month_name(row['month'])}: {words.percent(row['share'])} of "
             f"{words.number(row['consensus'])}" for row in shown.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
