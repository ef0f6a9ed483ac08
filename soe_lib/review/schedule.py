"""The schedule: what each line runs in the firm window and what for, what it makes week by week, what lanes carry."""

from __future__ import annotations

import polars as pl

from soe_lib.review import charts, frames, words
from soe_lib.review.charts import Chart
from soe_lib.review.page import Page
from soe_lib.review.tables import Column, Table, day, each, laid_out, said
from soe_lib.review.week import Week

NO_RUNS = "No line has a run in the firm window, so there is no schedule: what is sold is bought, or there already."
ROWS = 40
FEW = 10.0
"""Units from which on nobody asks for decimals."""
WEEKS = 6
"""Weeks of a lane that stand in the table."""
SHEET, LINE, FRAME = 226.0, 3.75, 20.0
"""Millimetres of an A4 sheet below its heading, of a line of its table, and of the table's own heading."""
PAPER = 182.0
"""Millimetres that a chart is wide on paper."""
TALLEST = 165.0
"""Millimetres that the lines of a chart may take on paper."""
INCH = 25.4


def section(week: Week) -> tuple[str | Chart | Table, ...]:
    """The schedule of the firm window as a chart and a table; a sentence where nothing is made."""
    runs = frames.firm_runs(week.snapshot, week.plan)
    if runs.is_empty():
        return (NO_RUNS,)
    hours = frames.firm_hours(week.snapshot, week.plan)
    return charts.gantt(runs, hours), in_sequence(runs, purposes(week)), stopped(hours)


def weeks_ahead(week: Week) -> tuple[str | Chart | Table, ...]:
    """What is made by product and line, week by week; a sentence where nothing is."""
    made = frames.made_by_week(week.snapshot, week.plan)
    return (charts.made_heatmap(made),) if made.height else ("Nothing is made in this horizon.",)


def purposes(week: Week, most: int = frames.NAMED) -> pl.DataFrame:
    """routing, period, purpose: what every run is for."""
    told = frames.purposes(week.pegged, most=most).filter(pl.col("kind") == "run")
    own = week.snapshot["routings"].select("item", name="routing").unique()
    return told.join(own, on=["name", "item"], how="semi").select("purpose", routing="name", period="made_in")


def in_sequence(runs: pl.DataFrame, told: pl.DataFrame, *, rows: int = ROWS, caption: str = "") -> Table:
    """Runs in their order, day by day and line by line, with what each is for.

    Parameters
    ----------
    runs : from `frames.firm_runs`. told : from `purposes`.
    """
    named = runs.join(told, on=["routing", "period"], how="left", validate="m:1", maintain_order="left").sort(
        "period_index", "location", "line", "sequence"
    )
    columns: dict[str, Column] = {
        "Line": "line", "Day": said("period", _when), "No.": ("sequence", "number"),
        "Product": "description", "Good units": ("good", _units), "Unit": "unit",
        **each(",.1f", {"Hours": "hours"}),
    }  # fmt: skip
    if (runs["setup_hours"] > 0).any():
        columns["Set-up, h"] = ("setup_hours", ",.1f")
    columns["For"] = pl.col("purpose").fill_null("")
    return laid_out(
        named, caption or "Runs of the firm window in their order", columns,
        "For: orders by their number, with units of the product that they get by first in, first out, first due first.",
        rows=rows,
    )  # fmt: skip


def _when(period: str) -> str:
    """A period that stays on one line."""
    return words.period_name(period).replace(" ", words.HARD_SPACE)


def _units(quantity: float) -> str:
    """Whole units, and hundredths of few."""
    return words.number(quantity, decimals=0 if quantity >= FEW else 2)


def stopped(hours: pl.DataFrame) -> Table | str:
    """What stops the lines in the firm window; a sentence where nothing does."""
    rows = hours.filter(pl.col("lost") + pl.col("serviced") > 0)
    if rows.is_empty():
        return "No event and no maintenance stops a line in the firm window."
    columns = {
        "Line": "line", "Day": said("period", _when),
        **each(",.1f", {"Hours lost": "lost", "Maintenance, h": "serviced", "Hours left": "available"}), "Why": "why",
    }  # fmt: skip
    return laid_out(rows.sort("period_index", "line"), "What stops the lines in the firm window", columns, rows=24)


def loads(week: Week) -> Table | str:
    """What every lane carries in the coming weeks, and how much of its limit and of its loads that takes."""
    found = frames.lane_loads(week.plan)
    if found.is_empty():
        return "Nothing is shipped between places in this horizon."
    labels = found.select("label", "order").unique().sort("order").head(WEEKS)["label"].to_list()
    keys = ["lane", "mode"]
    per_week = (pl.col("quantity").filter(pl.col("label") == label).sum().alias(label) for label in labels)
    fullest = pl.col("label").sort_by("limit_used", descending=True, nulls_last=True).first()
    summed = found.group_by(keys, maintain_order=True).agg(
        *per_week, total=pl.col("quantity").sum(), lots=pl.col("loads").is_not_null().any(),
        loads=pl.col("loads").sum(), full=pl.col("limit_used").max(), worst=fullest,
    )  # fmt: skip
    columns: dict[str, Column] = {
        "Lane": "lane", "By": "mode", **each("number", {words.period_name(label): label for label in labels}),
        "All weeks": ("total", "number"),
    }  # fmt: skip
    if summed["lots"].any():
        columns["Loads"] = (pl.when("lots").then("loads"), ",.1f")
    if summed["full"].is_not_null().any():
        columns |= {"Fullest": (pl.col("full"), "percent"), "In": said("worst", words.period_name)}
    note = "All items of a lane together, each in its own unit. Loads: quantity over the lane's multiple."
    limits = "" if summed["full"].is_not_null().any() else " No lane has a limit."
    return laid_out(summed, "What the lanes carry, units", columns, note + limits, rows=40)


def page(week: Week) -> Page:
    """The shop floor's sheet."""
    runs = frames.firm_runs(week.snapshot, week.plan)
    return Page("shop_floor", "Shop floor schedule", headline(week, runs), week.currency, (), (), ())


def headline(week: Week, runs: pl.DataFrame) -> str:
    """Which days the sheet is about, and how much is worked."""
    if runs.is_empty():
        return NO_RUNS
    firm = frames.firm_periods(week.snapshot)
    first, last = firm["starts_on"].min(), firm["ends_on"].max()
    span = f"{day(first)} to {day(last)}"  # type: ignore[arg-type]
    spent = float((runs["hours"] + runs["setup_hours"]).sum())
    return f"{span}: {words.count(spent, 'hour')} on {words.count(runs['line'].n_unique(), 'line')}."


def sheet(week: Week) -> tuple[str | Chart | Table, ...]:
    """The firm window for the shop floor, as much as one A4 sheet holds: the chart of all lines, then runs of the first
    days.
    """
    runs = frames.firm_runs(week.snapshot, week.plan)
    if runs.is_empty():
        return (NO_RUNS,)
    hours = frames.firm_hours(week.snapshot, week.plan)
    lines = min(pl.concat([runs["line"], hours["line"]]).n_unique(), charts.LINES)
    scale = PAPER / (charts.WIDTH * INCH)
    row = min(0.36, TALLEST / INCH / scale / lines)
    chart = charts.gantt(runs, hours, row=row)
    tall = chart.figure.get_size_inches()[1] * INCH * scale
    room = int((SHEET - tall - FRAME) / LINE)
    if room < 1:
        return (chart,)
    table = in_sequence(runs, purposes(week, most=1), rows=room, caption="The first runs in their order")
    return chart, table
