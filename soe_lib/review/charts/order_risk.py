"""Order risk: which customers' orders will be late or never served, and how much revenue waits for each."""

from __future__ import annotations

import polars as pl

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

ROWS = 12
SOON, LATER = 7, 14
BANDS = (
    ("up to a week late", "AMBER", pl.col("days") <= SOON),
    ("up to two weeks late", "RED", (pl.col("days") > SOON) & (pl.col("days") <= LATER)),
    ("later, or never", "INK", pl.col("days").is_null() | (pl.col("days") > LATER)),
)
"""Name, colour and test of each class of lateness, the mildest first."""


def finding(orders: pl.DataFrame, currency: str) -> str:
    """The sentence of the chart: how many orders, how much revenue, and whose is the largest."""
    if orders.is_empty():
        return "No open order is at risk"
    revenue = float(orders["revenue"].sum())
    worst = orders.sort(["revenue", "order"], descending=[True, False]).row(0, named=True)
    many = words.count(orders["order"].n_unique(), "order")
    verb = "is" if orders["order"].n_unique() == 1 else "are"
    return (
        f"{many} {verb} at risk, {words.brief_money(revenue, currency)} of revenue; "
        f"the largest is {worst['order']} for {worst['customer']}"
    )


def order_risk(frame: pl.DataFrame, currency: str) -> Chart:
    """Revenue that waits, one bar per order, split by how late its lines come.

    Parameters
    ----------
    frame : order, customer, days_late [days, null where nothing comes], short [units], revenue [money], as
        `frames.orders_at_risk` gives them. currency : of the revenue.
    """
    days = pl.when(pl.col("short") <= 0).then(pl.col("days_late"))
    dated = frame.with_columns(days=days)
    orders = dated.group_by("order", "customer").agg(
        pl.col("revenue").sum(),
        *(pl.col("revenue").filter(test).sum().alias(name) for name, _, test in BANDS),
    )
    title = finding(orders, currency)
    if orders.is_empty():
        return nothing_to_show(title)
    shown = orders.sort(["revenue", "order"], descending=[True, False]).head(ROWS)
    left_out = f"; the largest {ROWS} of {orders.height}" if orders.height > ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.33 * shown.height + 0.75,
        title=title,
        subtitle=f"Revenue of open orders that wait, {currency}, by the latest day of each line{left_out}",
    )
    style.tidy(axes, grid="x")
    before = [0.0] * shown.height
    for name, colour, _ in BANDS:
        amounts = shown[name].to_list()
        drawn = name if sum(amounts) > 0 else None
        axes.barh(range(shown.height), amounts, left=before, height=0.62, color=getattr(style, colour), label=drawn)
        before = [left + amount for left, amount in zip(before, amounts, strict=True)]
    for place, amount in enumerate(before):
        style.note(axes, words.number(amount), (amount, place), shift=(4, 0), ha="left")
    names = [f"{order}, {customer}" for order, customer in shown.select("order", "customer").rows()]
    axes.set_yticks(range(shown.height), [style.label(name, limit=40) for name in names])
    axes.set_ylim(shown.height - 0.45, -0.55)
    axes.set_xlim(0, before[0] * 1.14)
    style.plain_numbers(axes, which="x")
    style.figure_key(figure, axes)
    parts = [f"{name}: {words.money(money, currency)}" for name, money in zip(names, before, strict=True)]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
