"""Frames ready for a page: what a review lists of demand, supply and their balance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.money.profit_and_loss import CHURN
from soe_lib.review import words
from soe_lib.review.frames.changes import why
from soe_lib.review.frames.escalation import COSTS, TYPED, USUAL
from soe_lib.review.kpis import BIAS, WMAPE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


Format = str | Callable[[Any], str]
TOP = 12


def day(when: date) -> str:
    """A date that stays on one line: "Mon 16 Nov"."""
    return words.day(when).replace(" ", words.HARD_SPACE)


@dataclass(frozen=True, eq=False)
class Table:
    """A frame ready for a page.

    Parameters
    ----------
    frame : its columns are the headings. caption : what the table shows, with its unit.
    formats : heading → "money", "number", "percent", a format such as ",.1f", or a function of one value.
    note : definitions below the table. rows : the most lines to show. strong : which lines are bold.
    """

    frame: pl.DataFrame
    caption: str
    formats: Mapping[str, Format] = field(default_factory=dict)
    note: str = ""
    rows: int = TOP
    strong: pl.Expr | None = None


Column = str | pl.Expr | tuple[str | pl.Expr, Format]
"""A column of a frame or an expression, and how its values are written where they are no plain text."""


def each(shape: Format, columns: Mapping[str, Any]) -> dict[str, Column]:
    """Columns that are all written alike."""
    return {title: (column, shape) for title, column in columns.items()}


def laid_out(
    frame: pl.DataFrame,
    caption: str,
    columns: Mapping[str, Column],
    note: str = "",
    *,
    rows: int = TOP,
    strong: pl.Expr | None = None,
) -> Table:
    """A table of a frame: heading → its column, from left to right; the rest as for `Table`."""
    parts = {title: one if isinstance(one, tuple) else (one, "") for title, one in columns.items()}
    shown = frame.select(
        (pl.col(column) if isinstance(column, str) else column).alias(title) for title, (column, _) in parts.items()
    )
    formats = {title: shape for title, (_, shape) in parts.items() if shape}
    return Table(shown, caption, formats, note, rows, strong)


def said(column: str, how: Callable[[Any], str]) -> pl.Expr:
    """A column in words."""
    return pl.col(column).map_elements(how, return_dtype=pl.String)


WEEKS = pl.col("weeks").list.eval(pl.element().map_elements(words.period_name, return_dtype=pl.String)).list.join(", ")
EVENT: Mapping[str, Column] = {
    "Kind": pl.col("kind").str.replace_all("_", " "), "Hits": "target", "From": ("from", day), "To": ("to", day),
    "Note": "note",
}  # fmt: skip


STARTS = r"^[=+\-@\t\r]"


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV: texts that begin with = + - @, tab or return get a ' in front, numbers stay numbers."""
    texts = pl.selectors.string()
    guarded = pl.when(texts.str.contains(STARTS)).then("'" + texts).otherwise(texts).name.keep()
    frame.with_columns(guarded).write_csv(path)


def outlook(frame: pl.DataFrame) -> Table:
    """The S&OP outlook by family and month."""
    numbers = {"Committed": "consensus", "Sold so far": "actual", "Planned": "planned", "Outlook": "outlook"}
    columns = {
        "Family": "family", "Month": said("month", words.month_name), **each("number", numbers),
        **each("percent", {"Off by": pl.col("share") - 1, "Tolerance ±": pl.col("high") - 1}),
        "State": pl.when("inside").then(pl.lit("inside")).otherwise(pl.lit("outside")),
    }  # fmt: skip
    return laid_out(
        frame, "Sales outlook against the S&OP commitment, units", columns,
        "Outlook = sold in the month before this week + planned for its other days. Under and over count alike. "
        "Months that the horizon or the actuals cover only in part are left out.",
        strong=pl.col("State") == "outside", rows=24,
    )  # fmt: skip


HOLDS = {TYPED: "typed in settings.toml", COSTS: "from the costs", USUAL: "the usual one"}


def matters(frame: pl.DataFrame, currency: str) -> Table | str:
    """Whose matter each deviation from a commitment is, what waiting a week costs and what deciding costs."""
    if frame.is_empty():
        return "No month with a commitment ends within the horizon."
    money = {f"Waiting a week costs, {currency}": "waiting", f"Deciding costs, {currency}": "deciding"}
    columns = {
        "Family": "family", "Month": said("month", words.month_name), "Off by": (pl.col("share") - 1, "percent"),
        **each("money", money), "S&OP's from ±": ("band", "percent"), "Band": pl.col("holds").replace_strict(HOLDS),
        "Whose matter": pl.when("handed").then(pl.lit("S&OP's")).otherwise(pl.lit("S&OE's")),
    }  # fmt: skip
    note = (
        "Waiting: the month is brought back to its commitment by a plan of today, and by one of next week, when the "
        "first week has been carried out as planned; the difference, and units that are out of reach by then at the "
        "family's average margin. Worked out for the first month that a family does not hit. Where no band is typed, "
        "S&OP decides where waiting costs more than deciding; no percentage: waiting costs nothing."
    )
    strong = pl.col("Whose matter") == "S&OP's"
    return laid_out(frame, "What waiting costs, and whose matter it is", columns, note, strong=strong, rows=24)


def forecast_errors(frame: pl.DataFrame) -> Table:
    """Forecast accuracy by family: sold, forecast, error and lean."""
    summed = frame.group_by("family").agg(pl.col("actual", "forecast").sum(), wmape=WMAPE, bias=BIAS)
    columns = {
        "Family": "family", **each("number", {"Sold": "actual", "Forecast": "forecast"}),
        **each("percent", {"WMAPE": "wmape", "Bias": "bias"}),
    }  # fmt: skip
    note = "By item and week. Bias = (sold − forecast) ÷ sold; negative: more was forecast than sold."
    return laid_out(summed.sort("family"), "Forecast published one week before, against sales, units", columns, note)


def accuracy_by_cell(frame: pl.DataFrame, currency: str) -> Table | str:
    """Forecast accuracy where it is planned with, most money at stake first; a sentence where nothing is known."""
    if frame.is_empty():
        return "Insufficient history: no finished week has both a forecast and sales by item, place and class."
    numbers = {"Asked for": "actual", "Forecast": "forecast", "Weeks": "weeks", "Lag": "lag"}
    columns = {
        "Item": "item", "Place": "location", "Class": pl.col("segment").replace("", "anybody"),
        f"At stake, {currency}": ("money", "number"), **each("percent", {"WMAPE": "wmape", "Bias": "bias"}),
        **each("number", numbers),
    }  # fmt: skip
    note = (
        f"{words.sentence(asked_for(frame))} Lag: weeks from publication to the last week that a decision must cover "
        "(lead time of the shortest last way in, and the days to the next decision). At stake: units too few in the "
        "forecast × margin + units too many × standard cost, over all weeks; "
        f"{words.money(float(frame['money'].sum()), currency)} over {words.count(frame.height, 'line')}, all of them "
        "in finance.xlsx, sheet Forecast accuracy."
    )
    return laid_out(frame, "Forecast accuracy by item, place and customer class, units", columns, note)


def asked_for(frame: pl.DataFrame) -> str:
    """Which measure the forecast is held against, as a clause.

    Parameters
    ----------
    frame : from `frames.accuracy_by_cell`.
    """
    measures = set(frame["measure"])
    if measures <= {"sales"}:
        return "asked for is what was sold, since the actuals hold no demand: what could not be delivered is not in it"
    if measures <= {"demand"}:
        return "asked for is the demand that the actuals hold, served or not"
    some = frame.filter(pl.col("measure") != "sales")["item"].n_unique()
    return (
        f"asked for is the demand that the actuals hold, served or not, of {some} of {frame['item'].n_unique()} items, "
        "where they hold it; else what was sold"
    )


def changed_orders(frame: pl.DataFrame) -> Table:
    """Orders since the last extract, by customer and family."""
    numbers = {"Orders touched": "orders", "New": "new", "Changed": "changed", "Gone": "gone", "Net": "net"}
    columns = {"Customer": "customer", "Family": "family", **each("number", numbers)}
    note = "Gone: no longer open before the due date; shipped early or cancelled, the extract does not say."
    return laid_out(frame, "Orders since the last extract, units", columns, note)


def changed_forecast(frame: pl.DataFrame) -> Table:
    """The forecast since the last extract, by family."""
    numbers = each("number", {"Before": "before", "Now": "now", "Change": "change"})
    columns = {"Family": "family", **numbers, "Change, %": ("share", "percent")}
    return laid_out(frame, "Forecast of the weeks that both extracts cover, units", columns)


def unforecast(frame: pl.DataFrame, currency: str) -> Table:
    """Orders far above the forecast, by customer and family, most revenue first."""
    numbers = {
        "Forecast": "forecast", "Ordered": "orders", "Above forecast": "excess",
        f"Revenue above, {currency}": "revenue", f"Margin above, {currency}": "margin",
    }  # fmt: skip
    columns = {"Customer": "customer", "Family": "family", "Due in": WEEKS, **each("number", numbers)}
    note = "Listed where a customer ordered over a quarter more of a family than forecast, and the revenue matters."
    return laid_out(frame.sort("revenue", descending=True), "Orders above forecast, units", columns, note)


def errors_by_lag(frame: pl.DataFrame) -> Table | str:
    """Forecast accuracy by lag; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: the extract holds no forecast version of a finished week."
    numbers = {"Weeks ahead": "lag", "Weeks judged": "weeks", "Sold": "actual", "Forecast": "forecast"}
    columns = {**each("number", numbers), **each("percent", {"WMAPE": "wmape", "Bias": "bias"})}
    note = "By item and week, every version that was published. Negative bias: more was forecast than sold."
    return laid_out(frame, "Forecast accuracy by lag, units", columns, note)


def waterfall(frame: pl.DataFrame) -> Table | str:
    """Forecast versions of each finished week beside what was sold; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: no versions to set side by side."
    lags = {name[:1].upper() + name[1:]: name for name in frame.columns if name not in {"week", "sold"}}
    columns = {"Demand of": said("week", words.period_name), **each("number", {**lags, "Sold": "sold"})}
    note = "Read from left to right: how the forecast of one week moved as the week came nearer."
    return laid_out(frame, "Waterfall of forecast versions, units", columns, note)


def running(frame: pl.DataFrame) -> Table | str:
    """How the plants ran; a sentence where hours or an earlier extract are missing."""
    if frame.is_empty():
        return "Insufficient history: hours run, output and an earlier extract's calendar are needed for OEE."
    planned, run, ideal, good = (pl.col(name) for name in ("planned", "run", "ideal", "good"))
    shares = {"Availability": run / planned, "Performance": ideal / run, "Quality": good / ideal, "OEE": good / planned}
    columns = {
        "Plant": "location",
        **each(",.1f", {"Hours planned": "planned", "Hours run": "run", "Hours at ideal speed": "ideal"}),
        **each("percent", shares),
    }
    note = (
        "OEE = availability × performance × quality = hours that the good units take at ideal speed ÷ hours planned. "
        "Overtime counts as run; scrap is not in the actuals, so quality is the routings' yield."
    )
    return laid_out(frame, "How the plants ran since the last extract", columns, note)


def orders_at_risk(frame: pl.DataFrame, currency: str) -> Table:
    """Orders that will be late or short, most revenue first."""
    columns = {
        "Order": "order", "Customer": "customer", "Priority": "priority", "Item": "description",
        **each("number", {"Ordered": "quantity", "Late": "late", "Never served": "short"}),
        **each(day, {"Due": "due_on", "Promised": "promised_on"}),
        **each("number", {"Days late": "days_late", f"Revenue waiting, {currency}": "revenue"}),
    }  # fmt: skip
    if frame["incurred"].sum():  # something is overdue
        columns[f"Late cost until today, {currency}"] = ("incurred", "number")
    return laid_out(
        frame, "Orders at risk, most revenue first, units", columns,
        "Promised: the last day of the period in which the last part is served. Revenue waiting: late and "
        "unserved units at the order's price. Late cost until today is in no plan's margin.",
    )  # fmt: skip


def item_gaps(frame: pl.DataFrame, currency: str) -> Table:
    """Items with missed demand and the causes that their units are laid to."""
    cause = pl.when(pl.col("key") == "").then("kind").otherwise(pl.format("{}: {}", "kind", "key"))
    columns = {
        "Item": "description", "Family": "family", **each("number", {"Late": "late", "Never served": "short"}),
        "Due in": WEEKS, "Laid to": cause,
        **each("number", {f"Revenue waiting, {currency}": "revenue", f"Money lost, {currency}": "money"}),
    }  # fmt: skip
    return laid_out(
        frame.sort("revenue", descending=True), "Demand that is not served on time, units", columns,
        "Each unit is laid to one cause: to an event or to orders above forecast only where planning again without it "
        "serves the unit on time; else to a line whose hours are used up, or to none that the extract names. Money "
        "lost: short units × (price − standard cost + penalty), and what lateness costs.",
    )  # fmt: skip


def service(frame: pl.DataFrame, currency: str, *, what: str) -> Table:
    """Service by group: units and revenue."""
    share = pl.when(pl.col("demand") > 0).then(pl.col("on_time") / pl.col("demand"))
    waiting = pl.col("revenue_late") + pl.col("revenue_short")
    numbers = {"Demand": "demand", "On time": "on_time", "Late": "late", "Never served": "short"}
    columns = {
        what: "group", **each("number", numbers), "Share on time": (share, "percent"),
        f"Revenue waiting, {currency}": (waiting, "number"),
    }  # fmt: skip
    return laid_out(frame.sort("order"), f"Service by {what.lower()}, units", columns)


def changed_plan(frame: pl.DataFrame) -> Table:
    """The plan against the plan of record, by flow: how much moves."""
    verbs = {"make": "Make", "buy": "Buy", "ship": "Ship", "sell": "Sell"}
    summed = frame.group_by("flow").agg(pl.col("before", "now").sum(), moved=pl.col("change").abs().sum(), churn=CHURN)
    columns = {
        "Flow": pl.col("flow").replace(verbs),
        **each("number", {"Before": "before", "Now": "now", "Moved": "moved"}),
        "Churn": ("churn", "percent"),
    }
    note = (
        "Moved: Σ|now − before| by item, place and week over the days that both plans cover; a unit that changes week "
        "counts twice."
    )
    return laid_out(summed.sort("flow"), "This plan against the plan of record, units", columns, note)


def fence_breaks(breaks: pl.DataFrame, snapshot: Snapshot, record: Plan | None) -> Table | str:
    """Every break of the frozen fence: what, when, what it costs and why; a sentence where there is none.

    Parameters
    ----------
    breaks : from `Week.breaks_by_cause`. record : the plan of record.
    """
    days = snapshot.settings.fence.frozen_days
    if record is None or days <= 0:
        return "No frozen fence keeps to a plan of record this week."
    if breaks.is_empty():
        return f"The frozen fence of {words.count(days, 'day')} is kept: nothing is made otherwise than published."
    names = dict(snapshot["items"].select("item", "description").rows())
    one_day = pl.col("starts_on") == pl.col("ends_on")
    span = pl.when(one_day).then(pl.col("starts_on").cast(pl.String))
    columns = {
        "When": span.otherwise(pl.format("{} to {}", "starts_on", "ends_on")),
        "What": pl.format("{}, {}", "description", "routing"),
        **each("number", {"Published": "recorded", "Now": "now", "Change": "change"}),
        f"Costs, {snapshot.currency}": ("money", "money"),
        "Why": pl.lit(pl.Series([why(row, names) for row in breaks.iter_rows(named=True)], dtype=pl.String)),
    }
    note = (
        f"The fence keeps to {record.name} of {record.as_of}. Costs: units × break price ([fence] break_price, else "
        "the item's price or standard cost, whichever is more); it steers the plan and is no cash. Without a figure: "
        "what nobody can make any more. Why: found by planning again without the event, else by the plan's prices."
    )
    return laid_out(breaks, "Breaks of the frozen fence, units", columns, note, rows=40)


def late_receipts(frame: pl.DataFrame, currency: str) -> Table:
    """Receipts that come late."""
    columns: dict[str, Column] = {
        "Receipt": "receipt", "Item": "description", "From": "supplier", "To": "location",
        "Units": ("quantity", "number"), "Due": ("due_on", day), "Comes": ("comes_on", day),
        "Days late": ("days_late", "number"), f"Value, {currency}": ("value", "money"), "Reason": "note",
    }  # fmt: skip
    return laid_out(frame, "Late receipts, dearest first", columns, "Value at standard cost.")


def events(frame: pl.DataFrame, costs: pl.DataFrame | None, currency: str) -> Table:
    """Events in force, with what each costs where that was found by planning again."""
    columns = {"Event": "event", **EVENT}
    if costs is None:
        return laid_out(frame, "Events in force", columns)
    priced = costs.select(pl.col("subject").alias("event"), pl.col("money").alias("costs"))
    note = "Costs: margin of the plan without the event less margin of this plan, each event taken away alone."
    joined = frame.join(priced, on="event", how="left", validate="1:1")
    return laid_out(joined, "Events in force", {**columns, f"Costs, {currency}": ("costs", "money")}, note)


def changed_events(frame: pl.DataFrame) -> Table:
    """Events since the last extract."""
    return laid_out(frame, "Events since the last extract", {"Change": "change", "Event": "event", **EVENT})


def changed_receipts(frame: pl.DataFrame) -> Table:
    """Scheduled receipts that moved, vanished or changed in size; new ones are only counted."""
    moved = frame.filter(pl.col("change") != "new")
    columns = {
        "Change": pl.col("change").replace({"quantity": "size"}), "Receipt": "receipt", "Item": "description",
        "To": "location", **each(day, {"Was due": "due_before", "Is due": "due_now"}),
        **each("number", {"Units before": "quantity_before", "Units now": "quantity_now"}),
    }  # fmt: skip
    fresh = frame.height - moved.height
    note = f"{words.sentence(words.count(fresh, 'new receipt'))[:-1]} besides." if fresh else ""
    return laid_out(moved, "Scheduled receipts that moved since the last extract", columns, note)


def adherence(frame: pl.DataFrame) -> Table:
    """Made against the plan of record, the largest gap first."""
    gap = pl.col("done") - pl.col("scheduled")
    numbers = each("number", {"Planned": "scheduled", "Made": "done", "Difference": gap})
    columns = {"Item": "description", "Plant": "location", **numbers}
    ordered = frame.sort(gap.abs(), descending=True)
    return laid_out(ordered, "Made last week against the plan of record, units", columns, rows=8)


def thin_stock(frame: pl.DataFrame, currency: str) -> Table:
    """Items that fall under half their safety stock."""
    columns: dict[str, Column] = {
        "Item": "description", "Family": "family", "At": pl.col("places").list.join(", "), "From": ("first", day),
        "Units missing": ("gap", "number"), f"Exposed, {currency}": ("money", "money"),
    }  # fmt: skip
    note = "Exposed: the largest gap to the safety stock × (price − standard cost); nothing is lost yet."
    return laid_out(frame, "Items that fall under half their safety stock", columns, note, rows=8)


def idle_stock(frame: pl.DataFrame, currency: str) -> Table:
    """Stock beyond what the plan uses, dearest first."""
    value = pl.col("excess") + pl.col("obsolete")
    numbers = {
        "Units": "stock", "Used per month": "demand_per_month", f"Excess, {currency}": "excess",
        f"Without use, {currency}": "obsolete",
    }  # fmt: skip
    dear = frame.filter(value > 0.5).sort([value, "item"], descending=[True, False])
    columns = {"Item": "description", **each("number", numbers)}
    return laid_out(dear, "Stock beyond three months of use, at standard cost", columns, rows=8)


def targets(frame: pl.DataFrame, currency: str) -> Table:
    """What is worth holding, what is typed and what the plan holds; dearest first."""
    money = {
        "Value": "value",
        "Saves": "saves",
        "Costs": "holding",
        "Typed more": -pl.col("costs_more"),
    }
    columns = {
        "Item": "description", "At": "location", "Unit": "unit", "Target": ("target", "number"),
        "Days": ("cover", ",.1f"), **each("number", {"Typed": "typed", "Held": "held"}), **each("money", money),
        "Covered": ("covered", "percent"),
    }  # fmt: skip
    note = (
        "Target: the last unit that is expected to save more than it costs to hold, mean of the horizon; typed: the "
        f"policies' safety stock; held: what the plan has. Value, {currency}: at standard cost. {currency} a week: "
        "what the target saves of expected shortage against no stock, what it costs to hold, and what the typed stock "
        "costs more. What is saved does not add up: a sale lost for want of a part, or of the goods, is one. "
        "Covered: chance that demand and supply err by no more than the target. "
        f"All {words.count(frame.height, 'target')}: finance.xlsx, sheet Stock targets, and targets.csv."
    )
    caption = f"Stock that is worth holding, dearest first: units, value in {currency}, the rest in {currency} a week"
    return laid_out(frame, caption, columns, note)


def protection(frame: pl.DataFrame) -> Table:
    """What each target stands against, and what it is known from."""
    against = {
        "Target": "target", "Forecast error": "against_forecast", "Late deliveries": "against_late",
        "Lost hours": "against_lost",
    }  # fmt: skip
    columns = {
        "Item": "description", "At": "location", **each("number", {"Days to last": "interval", **against}),
        "Points": ("points", ",.1f"), "Known from": "source", "Bias": ("bias", "percent"),
    }  # fmt: skip
    note = (
        "Days to last: lead time and one review. Forecast error, late deliveries, lost hours: the target if nothing "
        "but that were there. Points: forecasts of its own record that do not overlap; known from: where most of the "
        "spread comes from. Bias: demand above (+) or below (−) its forecast; part of the target unless settings take "
        "it out of the forecast."
    )
    return laid_out(frame, "What the stock protects against, units, and what is known", columns, note)


def cheapest_places(frame: pl.DataFrame, currency: str) -> Table:
    """Where a day of cover is cheapest, the most to spare first."""
    held = {"Sold": "goods_here", "Source": "goods_there", "Parts": "parts"}
    waits = {"Waits, days": "patience", "From source": "days_there", "From parts": "days_parts"}
    columns = {
        "Item": "description", "Sold at": "location",
        **each(",.2f", {title: pl.col(name) * pl.col("demand") for title, name in held.items()}),
        **each(",.1f", waits), "Cheapest": "cheapest",
    }  # fmt: skip
    note = (
        "As goods where they are sold, as goods where they come from, as bought components. A place counts where its "
        "goods reach the customer by the shortest way within the days that whoever waits least would wait. What "
        "demands share, and lines that are full, are not in these figures. All rows: finance.xlsx, sheet Where to hold."
    )
    return laid_out(frame, f"What a day of cover costs to hold, {currency} a week", columns, note, rows=8)
