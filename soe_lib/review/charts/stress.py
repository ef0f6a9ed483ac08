"""The most damaging stress: what each thing that may go wrong costs, the worst first."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 10


def finding(frame: pl.DataFrame, currency: str) -> str:
    """The sentence of the chart: what would hurt most, and by how much."""
    hurts = frame.filter(pl.col("total") < -0.5)
    if hurts.is_empty():
        return "Nothing that was tried would cost money"
    worst = hurts.sort(["total", "stress"])
    return f"{worst['stress'][0]} would hurt most: {words.money(-float(worst['total'][0]), currency)} lost"


def stress(frame: pl.DataFrame, currency: str) -> Chart:
    """Margin and steering lost to each stress in spite of the best answer, one bar each.

    Parameters
    ----------
    frame : stress, total, waits, as `soe.stress_test` gives them. currency : of the money.
    """
    kept = frame.filter(pl.col("total").is_not_null()).sort(["total", "stress"])
    if kept.is_empty():
        return nothing_to_show("No stress could be planned")
    title = finding(kept, currency)
    shown = kept.filter(pl.col("total") < -0.5).head(ROWS)
    if shown.is_empty():
        return nothing_to_show(title)
    left_out = f"; the worst {ROWS} of {kept.height} tried" if kept.height > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.33 * shown.height + 0.6,
        title=title,
        subtitle=f"Margin and steering lost, {currency}, each alone and answered as well as can be{left_out}",
    )
    style.tidy(axes, grid="x")
    lost = [-float(total) for total in shown["total"]]
    axes.barh(range(shown.height), lost, height=0.62, color=style.RED)
    for place, amount in enumerate(lost):
        style.note(axes, words.number(amount), (amount, place), shift=(4, 0), ha="left")
    axes.set_yticks(range(shown.height), [style.label(name, limit=42) for name in shown["stress"]])
    axes.set_ylim(shown.height - 0.45, -0.55)
    axes.set_xlim(0, lost[0] * 1.14)
    style.plain_numbers(axes, which="x")
    parts = [f"{name}: {words.money(-total, currency)}" for name, total in shown.select("stress", "total").rows()]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
