"""Forecast, orders and actuals: what was expected, what is ordered, what was sold."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes

from soe_lib.review import style, words
from soe_lib.review.charts.chart import Chart, nothing_to_show

PANELS = 6
REST = "All other families"


def finding(frame: pl.DataFrame) -> str:
    """The sentence of the demand chart: whose orders run furthest above the forecast, else whose sales ran
    off it.
    """
    coming = frame.filter(pl.col("actual").is_null()).group_by("family").agg(pl.col("orders", "forecast").sum())
    beyond = coming.with_columns(gap=pl.col("orders") - pl.col("forecast")).sort(
        "gap", "family", descending=[True, False]
    )
    over = weeks_above(frame)
    if over.height:
        top = over.row(0, named=True)
        return (
            f"{top['family']}: orders for {words.period_name(top['week'])} are "
            f"{words.versus(top['orders'], top['forecast'])} forecast, "
            f"{words.number(top['orders'] - top['forecast'])} units that nobody forecast"
        )
    past = frame.drop_nulls(["actual", "forecast"]).group_by("family").agg(pl.col("actual", "forecast").sum())
    past = past.filter(pl.col("forecast") > 0).with_columns(off=pl.col("actual") / pl.col("forecast") - 1)
    if past.is_empty():
        return f"Orders stay within the forecast of {words.count(beyond.height, 'family')}"
    top = past.sort(pl.col("off").abs(), "family", descending=[True, False]).row(0, named=True)
    weeks = words.count(past_weeks(frame), "finished week")
    return f"{top['family']}: sales of {weeks} are {words.versus(top['actual'], top['forecast'])} forecast"


def past_weeks(frame: pl.DataFrame) -> int:
    """How many finished weeks have both sales and a forecast."""
    return frame.drop_nulls(["actual", "forecast"])["week"].n_unique()


def weeks_above(frame: pl.DataFrame, *, share: float = 0.10) -> pl.DataFrame:
    """Weeks to come in which the orders already exceed the forecast by more than a share; the largest
    first.
    """
    coming = frame.filter(pl.col("actual").is_null() & (pl.col("orders") > pl.col("forecast") * (1 + share)))
    return coming.sort(pl.col("orders") - pl.col("forecast"), descending=True)


def demand(frame: pl.DataFrame, *, unit: str = "units") -> Chart:
    """Units by week, one panel per family: sold (bars), ordered (outlined bars), forecast (line).

    Parameters
    ----------
    frame : family, week ("2026-W48"), forecast, orders, actual [units]; actual is null in weeks to come.
    unit : of the quantities.
    """
    if frame.is_empty():
        return nothing_to_show("No demand in this extract")
    title = finding(frame)
    kept = folded(frame)
    families = kept.group_by("family").agg(size=pl.col("forecast").sum() + pl.col("orders").sum())
    order = families.sort([pl.col("family") == REST, "size", "family"], descending=[False, True, False])
    names = order["family"].to_list()
    columns = 1 if len(names) == 1 else 2
    rows = -(-len(names) // columns)
    below = f"{words.sentence(unit)[:-1]} per week, by week of demand"
    figure, axes = style.new_figure(height=1.8 * rows + 0.45, title=title, subtitle=below, rows=rows, columns=columns)
    for place, panel in enumerate(axes):
        if place >= len(names):
            panel.set_axis_off()
            continue
        draw(panel, kept.filter(pl.col("family") == names[place]).sort("week"))
    style.figure_key(figure, axes[0])
    return Chart(figure, title, f"{title}. {described(kept)}")


def folded(frame: pl.DataFrame) -> pl.DataFrame:
    """Small families put together, so that no chart has more panels than a reader follows."""
    sizes = frame.group_by("family").agg(size=pl.col("forecast").sum() + pl.col("orders").sum())
    if sizes.height <= PANELS:
        return frame
    kept = sizes.sort(["size", "family"], descending=[True, False])["family"].head(PANELS - 1)
    name = pl.when(pl.col("family").is_in(kept.to_list())).then("family").otherwise(pl.lit(REST))
    known = pl.col("actual").is_not_null().any()
    total = pl.when(known).then(pl.col("actual").sum())
    return (
        frame.with_columns(family=name).group_by("family", "week").agg(pl.col("forecast", "orders").sum(), actual=total)
    )


def draw(axes: Axes, panel: pl.DataFrame) -> None:
    """One family: bars of what was sold and what is ordered, the forecast as steps over them."""
    places = list(range(panel.height))
    sold = panel["actual"].fill_null(0.0).to_numpy()
    future = panel["actual"].is_null()
    ordered = panel.select(pl.when(future).then("orders").otherwise(0.0)).to_series().fill_null(0.0).to_numpy()
    axes.bar(places, sold, width=0.72, color=style.MUTED, label="Sold", zorder=2)
    axes.bar(places, ordered, width=0.72, color=style.SKY, label="Ordered so far", zorder=2)
    forecast = panel["forecast"].to_list()
    known = [(place, value) for place, value in zip(places, forecast, strict=True) if value is not None]
    levels = [value for _, value in known]
    left, right = [place - 0.42 for place, _ in known], [place + 0.42 for place, _ in known]
    axes.hlines(levels, left, right, color=style.RED, linewidth=1.9, label="Forecast", zorder=3)
    style.panel_title(axes, panel["family"][0], limit=52)
    every = max(1, -(-panel.height // 8))
    names = [words.period_name(week).replace("week ", "w") for week in panel["week"]]
    axes.set_xticks(places[::every], [style.label(name, limit=12) for name in names[::every]])
    axes.set_xlim(-0.6, panel.height - 0.4)
    style.plain_numbers(axes, bins=4)


def described(frame: pl.DataFrame) -> str:
    """Each family's totals in words."""
    totals = frame.group_by("family").agg(
        forecast=pl.col("forecast").sum(), orders=pl.col("orders").sum(), sold=pl.col("actual").sum()
    )
    parts = [
        f"{family}: forecast {words.number(forecast)}, ordered {words.number(orders)}, sold {words.number(sold)}"
        for family, forecast, orders, sold in totals.sort("family").rows()
    ]
    return f"{'; '.join(parts)}."
