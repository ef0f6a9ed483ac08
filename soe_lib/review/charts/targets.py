"""Targets: what is worth holding against what nobody knows, beside what the plan holds and what is typed."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 12
BARS = (("worth holding", "target", "BLUE"), ("the plan holds", "held", "GREY"), ("typed", "typed", "AMBER"))
"""Name, column and colour of each bar of a row."""


def targets(frame: pl.DataFrame, currency: str) -> Chart:
    """Target, held and typed stock of the dearest targets, three bars each.

    Parameters
    ----------
    frame : from `frames.targets`; rows without a standard cost are left out. currency : of the values.
    """
    known = frame.filter(pl.col("unit_cost") > 0, pl.max_horizontal("target", "held", "typed") > 0)
    if known.is_empty():
        return nothing_to_show("No stock to hold against what nobody knows, or none with a standard cost")
    worth = [(pl.col(column).fill_null(0.0) * pl.col("unit_cost")).alias(column) for _, column, _ in BARS]
    money = known.select(pl.format("{}, {}", "description", "location").alias("name"), *worth)
    total = {column: words.brief_money(float(money[column].sum()), currency) for _, column, _ in BARS}
    title = f"{total['target']} of stock is worth holding, {total['typed']} is typed, the plan holds {total['held']}"
    shown = money.sort(["target", "name"], descending=[True, False]).head(ROWS)
    some = f"; the dearest {ROWS} of {money.height}" if money.height > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.42 * shown.height + 0.75, title=title, subtitle=f"Stock at standard cost, {currency}{some}"
    )
    style.tidy(axes, grid="x")
    high = 0.26
    for place, (name, column, colour) in enumerate(BARS):
        at = [row + (place - 1) * high for row in range(shown.height)]
        axes.barh(at, shown[column].to_list(), height=high * 0.92, color=getattr(style, colour), label=name)
    names = shown["name"].to_list()
    axes.set_yticks(range(shown.height), [style.label(name, limit=40) for name in names])
    axes.set_ylim(shown.height - 0.45, -0.55)
    axes.set_xlim(left=0)
    style.plain_numbers(axes, which="x")
    style.figure_key(figure, axes)
    parts = [
        f"{name}: {', '.join(f'{words.number(value)} {said}' for value, (said, *_) in zip(values, BARS, strict=True))}"
        for name, *values in shown.rows()
    ]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
