"""Charts of supply: how full the lines are, how stock runs, and what one more of a scarce thing is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import FixedLocator

from soe_lib.review import style, words
from soe_lib.review.style import Chart, nothing_to_show

FULL, TIGHT = 1.0, 0.85
ROWS = 30


def load_finding(frame: pl.DataFrame) -> str:
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
    title = load_finding(frame)
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
    draw_load(axes, frame, shown, columns)
    peak = frame.filter(pl.col("load") > TIGHT).sort(["load", "resource"], descending=[True, False]).head(8)
    cells = [f"{row['resource']} {words.period_name(row['label'])} {words.percent(row['load'])}"
             for row in peak.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. Fullest: {words.listing(cells, limit=8)}.")


def draw_load(axes: Axes, frame: pl.DataFrame, resources: list[str], columns: list[str]) -> None:
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
    lay_out_load(axes, resources, columns)


def lay_out_load(axes: Axes, resources: list[str], columns: list[str]) -> None:
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


PANELS = 6


def stock_finding(frame: pl.DataFrame, *, shown: int) -> str:
    """The sentence of the stock chart: how many run under their safety stock, and which goes lowest."""
    under = frame.filter(pl.col("stock") < pl.col("safety") - 1e-6)
    if under.is_empty():
        some = "The stock shown stays" if shown == 1 else f"All {shown} stocks shown stay"
        return f"{some} at or above the safety stock"
    places = under.group_by("name").agg(gap=(pl.col("safety") - pl.col("stock")).max(), first=pl.col("ends_on").min())
    worst = places.sort(["gap", "name"], descending=[True, False])
    if shown == 1:
        some = "The stock shown falls"
    elif places.height == shown:
        some = f"All {shown} stocks shown fall"
    else:
        some = f"{places.height} of the {shown} stocks shown {'falls' if places.height == 1 else 'fall'}"
    return (
        f"{some} under the safety stock; {worst['name'][0]} misses it by most, "
        f"{words.number(worst['gap'][0])} units, from {words.day(worst['first'][0])}"
    )


def projected_stock(frame: pl.DataFrame, *, as_of: date, fences: Mapping[str, date] | None = None) -> Chart:
    """Closing stock by period, one panel per item and place: line; safety stock: dashes; receipts: bars.

    Parameters
    ----------
    frame : name [panel], order [place of the panel], ends_on [date], stock, safety, receipts [units]. The
        first panels are shown, so the caller sorts by what matters.
    as_of : the day the opening stock was counted.
    fences : name → first day after it, such as {"frozen": …, "slushy": …}; drawn where they lie in the horizon.
    """
    if frame.is_empty():
        return nothing_to_show("No stock to project")
    panels = frame.select("name", "order").unique().sort("order")["name"].to_list()[:PANELS]
    kept = frame.filter(pl.col("name").is_in(panels)).sort("order", "ends_on")
    title = stock_finding(kept, shown=len(panels))
    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    below = "Closing stock, units; shaded where it is under the safety stock"
    figure, axes = style.new_figure(height=1.75 * rows + 0.5, title=title, subtitle=below, rows=rows, columns=columns)
    for place, panel in enumerate(axes):
        if place >= len(panels):
            panel.set_axis_off()
            continue
        draw_stock(panel, kept.filter(pl.col("name") == panels[place]), as_of=as_of)
        fence_lines(panel, fences or {}, kept["ends_on"].max(), named=place == 0)  # type: ignore[arg-type]
    style.figure_key(figure, axes[0])
    lows = kept.group_by("name", maintain_order=True).agg(low=pl.col("stock").min(), safety=pl.col("safety").max())
    parts = [f"{name}: lowest {words.number(low)}, safety {words.number(safety)}" for name, low, safety in lows.rows()]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")


def draw_stock(axes: Axes, panel: pl.DataFrame, *, as_of: date) -> None:
    """One stock: its line, its safety stock, the shortfall between them and what comes in."""
    when, stock, safety = panel["ends_on"].to_list(), panel["stock"].to_numpy(), panel["safety"].to_numpy()
    wide = [max((day - before).days, 1) for day, before in zip(when, [as_of, *when[:-1]], strict=True)]
    receipts = panel["receipts"].to_numpy()
    starts = [day - timedelta(days=length - 1) for day, length in zip(when, wide, strict=True)]
    axes.bar(starts, receipts, width=[0.86 * length for length in wide], align="edge", color=style.PALE_BLUE,
             label="Coming in", zorder=1)  # fmt: skip
    axes.fill_between(
        when, stock, safety, where=list(stock < safety - 1e-6), interpolate=True,
        color=style.PALE_RED, alpha=0.8, linewidth=0, zorder=2,
    )  # fmt: skip
    axes.plot(when, safety, color=style.RED, linewidth=1.2, linestyle=(0, (4, 2)), label="Safety stock", zorder=3)
    axes.plot(when, stock, color=style.INK, linewidth=1.8, label="Closing stock", zorder=4)
    style.panel_title(axes, panel["name"][0], limit=52)
    tallest = max(float(stock.max()), float(safety.max()), float(receipts.max()), 1.0)
    axes.set_ylim(bottom=min(0.0, float(stock.min()) * 1.1), top=tallest * 1.08)
    style.plain_numbers(axes, bins=4)
    weeks(axes, as_of, when[-1])


def fence_lines(axes: Axes, fences: Mapping[str, date], last: date, *, named: bool) -> None:
    """A thin upright line where each fence ends, named at its foot in the first panel."""
    for name, day in fences.items():
        if day > last:
            continue
        place = (day - date(1970, 1, 1)).days
        axes.axvline(place, color=style.MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=2)
        if named:
            style.note(axes, f"{name} until here ", (place, axes.get_ylim()[1] * 0.93), ha="right", color=style.MUTED)


def weeks(axes: Axes, first: date, last: date) -> None:
    """ISO weeks along the time axis, as many as fit."""
    monday = first + timedelta(days=-first.weekday() % 7)
    mondays = [monday + timedelta(weeks=step) for step in range(max((last - monday).days // 7 + 1, 1))]
    every = -(-len(mondays) // 7)
    ticks = mondays[::every]
    axes.xaxis.set_major_locator(FixedLocator([(day - date(1970, 1, 1)).days for day in ticks]))
    axes.set_xticklabels([f"w{day.isocalendar().week}" for day in ticks])


TARGETS_ROWS = 12
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
    shown = money.sort(["target", "name"], descending=[True, False]).head(TARGETS_ROWS)
    some = f"; the dearest {TARGETS_ROWS} of {money.height}" if money.height > TARGETS_ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.42 * shown.height + 0.75, title=title, subtitle=f"Stock at standard cost, {currency}{some}"
    )
    style.tidy(axes, grid="x")
    high = 0.26
    for place, (name, column, colour) in enumerate(BARS):
        at = [row + (place - 1) * high for row in range(shown.height)]
        axes.barh(at, shown[column].to_list(), height=high * 0.92, color=getattr(style, colour), label=name)
    names = shown["name"].to_list()
    style.named_rows(axes, names)
    axes.set_xlim(left=0)
    style.plain_numbers(axes, which="x")
    style.figure_key(figure, axes)
    parts = [
        f"{name}: {', '.join(f'{words.number(value)} {said}' for value, (said, *_) in zip(values, BARS, strict=True))}"
        for name, *values in shown.rows()
    ]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")


PRICES_ROWS = 15


def constraint_prices(frame: pl.DataFrame, currency: str) -> Chart:
    """Gain in the plan's objective from one more hour, one bar per scarce row, the dearest first.

    A price holds for the first hour only: it is never multiplied by a quantity here.

    Parameters
    ----------
    frame : label [what and when], price [money per unit].
    currency : of the prices.
    """
    kept = frame.filter(pl.col("price") > 0.005).sort(["price", "label"], descending=[True, False])
    if kept.is_empty():
        return nothing_to_show("No hour is scarce: one more would earn nothing")
    shown = kept.head(PRICES_ROWS)
    title = f"One more hour is worth most at {shown['label'][0]}: {words.money(shown['price'][0], currency)}"
    left_out = f"; the dearest {PRICES_ROWS} of {kept.height} are shown" if kept.height > PRICES_ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.31 * shown.height + 0.6,
        title=title,
        subtitle=f"Gain from one more hour, {currency} per hour, for the first one only{left_out}",
    )
    style.tidy(axes, grid="x")
    axes.barh(range(shown.height), shown["price"].to_numpy(), height=0.64, color=style.BLUE)
    for place, price in enumerate(shown["price"]):
        figure_text = words.number(price, decimals=0 if price >= 10 else 2)
        style.note(axes, figure_text, (price, place), shift=(4, 0), ha="left")
    style.named_rows(axes, shown["label"])
    axes.set_xlim(0, float(shown["price"][0]) * 1.12)
    style.plain_numbers(axes, which="x")
    parts = [
        f"{name}: {words.money(price, currency, cents=True)}" for name, price in shown.select("label", "price").rows()
    ]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")


def step_curves(curves: Sequence[tuple[str, pl.DataFrame]], currency: str) -> Chart:
    """The price of one more unit over how many more there are; the area under a curve is money.

    Parameters
    ----------
    curves : name, and start, stop [units more], price [money per unit] of each step.
    currency : of the prices.
    """
    told = [f"{name}: {earned_by_more(steps, currency)}" for name, steps in curves]
    most = float(max(steps["stop"].max() for _, steps in curves))  # type: ignore[type-var,arg-type]
    title = told[0]
    figure, (axes,) = style.new_figure(
        height=2.6, title=title, subtitle=f"What one more hour earns, {currency}, every corner planned again"
    )
    style.tidy(axes, grid="y")
    lines = ("-", "--", ":")
    for place, (label, steps) in enumerate(curves):
        edges = [*steps["start"].to_list(), float(steps["stop"][-1])]
        axes.stairs(
            steps["price"].to_list(), edges, baseline=None, linewidth=2,
            color=(style.BLUE, style.RED, style.INK)[place % 3], linestyle=lines[place % 3], label=label,
        )  # fmt: skip
    axes.set_xlim(0, most)
    axes.set_ylim(0, 1.15 * max(float(steps["price"].max()) for _, steps in curves))  # type: ignore[arg-type]
    axes.set_xlabel("More hours")
    style.plain_numbers(axes, which="y")
    if len(curves) > 1:
        axes.legend(loc="lower left", frameon=False)
    return Chart(figure, title, f"{'; '.join(told)}.")


def earned_by_more(steps: pl.DataFrame, currency: str) -> str:
    """What all of the units earn, and the first and the last of them: "8 more hours earn EUR 2,642, …"."""
    stop = float(steps["stop"].max())  # type: ignore[arg-type]
    whole = _earned(steps, stop)
    earn = f"{words.count(stop, 'more hour')} {'earns' if stop == 1 else 'earn'} {words.money(whole, currency)}"
    if stop <= 1:
        return earn
    first, last = _earned(steps, 1.0), whole - _earned(steps, stop - 1.0)
    return f"{earn}, {words.money(first, currency)} the first and {words.money(last, currency)} the last"


def _earned(steps: pl.DataFrame, amount: float) -> float:
    used = (pl.min_horizontal("stop", pl.lit(amount)) - pl.col("start")).clip(lower_bound=0.0)
    return float(steps.select((used * pl.col("price")).sum()).item())
