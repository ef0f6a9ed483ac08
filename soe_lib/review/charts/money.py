"""Charts of money: the bridge from one figure to another, and what would hurt."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes

from soe_lib.money.rounding import largest_remainder
from soe_lib.review import style, words
from soe_lib.review.style import Chart, nothing_to_show

ROW = 0.36
FLAT = 0.35


def bridge_finding(frame: pl.DataFrame, currency: str, *, what: str) -> str:
    """The sentence of a bridge: how far the end lies from the start, and the driver that did most."""
    start, end = float(frame["amount"][0]), float(frame["amount"][-1])
    name = words.sentence(what)[:-1]
    gap = end - start
    # What pushed the figure the way it went explains it; a step the other way only softened that.
    towards = pl.col("amount") * (1.0 if gap >= 0 else -1.0)
    moved = frame.filter((pl.col("kind") == "driver") & (towards > 0)).sort(towards, descending=True)
    if round(gap) == 0:
        opening = f"{name} is level with the {frame['label'][0]}"
    else:
        side = "above" if gap > 0 else "below"
        opening = f"{name} is {words.brief_money(abs(gap), currency)} {side} the {frame['label'][0]}"
    if moved.is_empty() or round(float(moved["amount"][0])) == 0:
        return opening
    largest = words.brief_money(float(moved["amount"][0]), currency, sign=True)
    return f"{opening}, mostly by {moved['label'][0]} ({largest})"


def bridge(frame: pl.DataFrame, currency: str, *, what: str = "margin") -> Chart:
    """A waterfall, read from top to bottom: start, each driver, end; favourable to the right.

    Parameters
    ----------
    frame : label, amount [money], kind ("start", "driver", "end"), in reading order; drivers add up to end
        − start.
    currency : of the amounts. what : the figure that is explained, for the title.
    """
    if frame.is_empty():
        return nothing_to_show(f"No bridge: there is nothing to compare the {what} with")
    title = bridge_finding(frame, currency, what=what)
    driver = pl.col("kind") == "driver"
    frame = whole_units(frame.filter(~driver | (pl.col("amount").abs() >= 0.5)))
    steps = frame.with_columns(
        after=pl.when(driver).then(pl.col("amount").cum_sum().over("kind") + frame["amount"][0]).otherwise("amount")
    ).with_columns(before=pl.when(driver).then(pl.col("after") - pl.col("amount")).otherwise(0.0))
    low, high = axis_range(steps)
    divisor, word = style.scale(max(abs(low), abs(high)))
    unit = " ".join(part for part in (currency, word) if part)
    cut = "" if low <= 0 <= high else "; the axis does not start at zero"
    figure, (axes,) = style.new_figure(
        height=ROW * frame.height + 0.55, title=title, subtitle=f"{words.sentence(what)[:-1]}, {unit}{cut}"
    )
    style.tidy(axes, grid="x")
    draw_bridge(axes, steps, base=low if cut else 0.0, divisor=divisor)
    axes.set_xlim(*(edge / divisor for edge in (low, high)))
    style.plain_numbers(axes, which="x", bins=6)
    parts = [f"{row['label']} {words.money(row['amount'], currency, sign=row['kind'] == 'driver')}"
             for row in frame.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. Steps: {'; '.join(parts)}.")


def whole_units(frame: pl.DataFrame) -> pl.DataFrame:
    """Amounts in whole units that still add up: the shown steps are exactly the shown end less the shown start."""
    driver = frame["kind"] == "driver"
    start, end = round(float(frame["amount"][0])), round(float(frame["amount"][-1]))
    amounts = frame["amount"].round().to_list()
    if driver.any():
        steps = largest_remainder(frame["amount"].filter(driver).to_numpy(), end - start).tolist()
        amounts = [float(start), *(float(step) for step in steps), float(end)]
    return frame.with_columns(amount=pl.Series(amounts, dtype=pl.Float64))


def axis_range(steps: pl.DataFrame) -> tuple[float, float]:
    """Ends of the axis: from zero, unless the steps would be too small to see beside the totals."""
    levels = pl.concat([steps["after"], steps.filter(pl.col("kind") == "driver")["before"]])
    low, high = float(str(levels.min())), float(str(levels.max()))
    spread = (high - low) or abs(high) or 1.0
    if low > 0 and spread < FLAT * high:
        return low - 0.45 * spread, high + 0.30 * spread
    if high < 0 and spread < FLAT * -low:
        return low - 0.30 * spread, high + 0.45 * spread
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.16 * ((high - low) or 1.0)
    return low - (room if low < 0 else 0.0), high + room


def draw_bridge(axes: Axes, steps: pl.DataFrame, *, base: float, divisor: float) -> None:
    """Bars, the thin lines that join them, and each bar's figure beside it."""
    labels = [style.wrapped(words.sentence(name)[:-1], width=34) for name in steps["label"]]
    axes.set_yticks(range(steps.height), labels)
    axes.set_ylim(steps.height - 0.45, -0.6)
    for place, row in enumerate(steps.iter_rows(named=True)):
        whole = row["kind"] != "driver"
        left, right = (base if whole else row["before"]) / divisor, row["after"] / divisor
        colour = style.MUTED if whole else style.BLUE if row["amount"] >= 0 else style.RED
        axes.barh(place, right - left, left=left, height=0.62, color=colour, zorder=2)
        if place + 1 < steps.height:
            axes.plot([right, right], [place - 0.31, place + 1.31], color=style.MUTED, linewidth=0.7, zorder=1)
        towards = 1 if row["amount"] >= 0 else -1
        edge = max(left, right) if towards > 0 else min(left, right)
        side = "left" if towards > 0 else "right"
        figure = words.number(row["amount"], sign=not whole)
        style.note(axes, figure, (edge, place), shift=(4 * towards, 0), ha=side, bold=whole)


ROWS = 10


def stress_finding(frame: pl.DataFrame, currency: str) -> str:
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
    frame : stress, total, waits, as `soe.whatif.stress_test` gives them. currency : of the money.
    """
    kept = frame.filter(pl.col("total").is_not_null()).sort(["total", "stress"])
    if kept.is_empty():
        return nothing_to_show("No stress could be planned")
    title = stress_finding(kept, currency)
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
    style.named_rows(axes, shown["stress"], limit=42)
    axes.set_xlim(0, lost[0] * 1.14)
    style.plain_numbers(axes, which="x")
    parts = [f"{name}: {words.money(-total, currency)}" for name, total in shown.select("stress", "total").rows()]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
