"""What one more unit of a scarce thing is worth."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 15


def constraint_prices(frame: pl.DataFrame, currency: str, *, unit: str = "hour", confirmed: bool = False) -> Chart:
    """Gain in the plan's objective from one more unit, one bar per scarce row, the dearest first.

    A price holds for the first unit only: it is never multiplied by a quantity here.

    Parameters
    ----------
    frame : label [what and when], price [money per unit].
    currency : of the prices. unit : what one more of is bought. confirmed : whether each was re-solved.
    """
    kept = frame.filter(pl.col("price") > 0.005).sort(["price", "label"], descending=[True, False])
    if kept.is_empty():
        return nothing_to_show(f"No {unit} is scarce: one more would earn nothing")
    shown = kept.head(ROWS)
    title = f"One more {unit} is worth most at {shown['label'][0]}: {words.money(shown['price'][0], currency)}"
    basis = "confirmed by re-solving with one more" if confirmed else "for the first one only"
    left_out = f"; the dearest {ROWS} of {kept.height} are shown" if kept.height > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.31 * shown.height + 0.6,
        title=title,
        subtitle=f"Gain from one more {unit}, {currency} per {unit}, {basis}{left_out}",
    )
    style.tidy(axes, grid="x")
    axes.barh(range(shown.height), shown["price"].to_numpy(), height=0.64, color=style.BLUE)
    for place, price in enumerate(shown["price"]):
        figure_text = words.number(price, decimals=0 if price >= 10 else 2)
        style.note(axes, figure_text, (price, place), shift=(4, 0), ha="left")
    axes.set_yticks(range(shown.height), [style.label(name, limit=40) for name in shown["label"]])
    axes.set_ylim(shown.height - 0.45, -0.55)
    axes.set_xlim(0, float(shown["price"][0]) * 1.12)
    style.plain_numbers(axes, which="x")
    parts = [
        f"{name}: {words.money(price, currency, cents=True)}" for name, price in shown.select("label", "price").rows()
    ]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
