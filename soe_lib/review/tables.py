"""Frames ready for a page: what a review lists of demand, supply and their balance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.review import words
from soe_lib.review.frames.changes import why

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


STARTS = r"^[=+\-@\t\r]"


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV: texts that begin with = + - @, tab or return get a ' in front, numbers stay numbers."""
    texts = pl.selectors.string()
    guarded = pl.when(texts.str.contains(STARTS)).then("'" + texts).otherwise(texts).name.keep()
    frame.with_columns(guarded).write_csv(path)


def outlook(frame: pl.DataFrame) -> Table:
    """The S&OP outlook by family and month."""
    month = pl.col("month").map_elements(words.month_name, return_dtype=pl.String)
    shown = frame.select(
        pl.col("family").alias("Family"), month.alias("Month"), pl.col("consensus").alias("Committed"),
        pl.col("actual").alias("Sold so far"), pl.col("planned").alias("Planned"), pl.col("outlook").alias("Outlook"),
        (pl.col("share") - 1).alias("Off by"), (pl.col("high") - 1).alias("Tolerance ±"),
        pl.when("inside").then(pl.lit("inside")).otherwise(pl.lit("outside")).alias("State"),
    )  # fmt: skip
    numbers = dict.fromkeys(("Committed", "Sold so far", "Planned", "Outlook"), "number")
    return Table(
        shown, "Sales outlook against the S&OP commitment, units",
        {**numbers, "Off by": "percent", "Tolerance ±": "percent"},
        "Outlook = sold in the month before this week + planned for its other days. Under and over count alike. "
        "Months that the horizon or the actuals cover only in part are left out.",
        strong=pl.col("State") == "outside", rows=24,
    )  # fmt: skip


def forecast_errors(frame: pl.DataFrame) -> Table:
    """Forecast accuracy by family: sold, forecast, error and lean."""
    error = (pl.col("actual") - pl.col("forecast")).abs().sum()
    lean = (pl.col("actual") - pl.col("forecast")).sum()
    summed = frame.group_by("family").agg(
        actual=pl.col("actual").sum(), forecast=pl.col("forecast").sum(), error=error, lean=lean
    )
    sold = pl.when(pl.col("actual") > 0).then(pl.col("actual"))
    shown = summed.sort("family").select(
        pl.col("family").alias("Family"), pl.col("actual").alias("Sold"), pl.col("forecast").alias("Forecast"),
        (pl.col("error") / sold).alias("WMAPE"), (pl.col("lean") / sold).alias("Bias"),
    )  # fmt: skip
    formats = {"Sold": "number", "Forecast": "number", "WMAPE": "percent", "Bias": "percent"}
    note = "By item and week. Bias = (sold − forecast) ÷ sold; negative: more was forecast than sold."
    return Table(shown, "Forecast published one week before, against sales, units", formats, note)


def accuracy_by_cell(frame: pl.DataFrame, currency: str) -> Table | str:
    """Forecast accuracy where it is planned with, most money at stake first; a sentence where nothing is known."""
    if frame.is_empty():
        return "Insufficient history: no finished week has both a forecast and sales by item, place and class."
    shown = frame.select(
        pl.col("item").alias("Item"), pl.col("location").alias("Place"),
        pl.col("segment").replace("", "anybody").alias("Class"), pl.col("money").alias(f"At stake, {currency}"),
        pl.col("wmape").alias("WMAPE"), pl.col("bias").alias("Bias"), pl.col("actual").alias("Asked for"),
        pl.col("forecast").alias("Forecast"), pl.col("weeks").alias("Weeks"), pl.col("lag").alias("Lag"),
    )  # fmt: skip
    formats = {**dict.fromkeys(shown.columns[3:], "number"), "WMAPE": "percent", "Bias": "percent"}
    note = (
        f"{words.sentence(asked_for(frame))} Lag: weeks from publication to the last week that a decision must cover "
        "(lead time of the shortest last way in, and the days to the next decision). At stake: units too few in the "
        "forecast × margin + units too many × standard cost, over all weeks; "
        f"{words.money(float(frame['money'].sum()), currency)} over {words.count(frame.height, 'line')}, all of them "
        "in finance.xlsx, sheet Forecast accuracy."
    )
    return Table(shown, "Forecast accuracy by item, place and customer class, units", formats, note)


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
    shown = frame.select(
        pl.col("customer").alias("Customer"), pl.col("family").alias("Family"),
        pl.col("orders").alias("Orders touched"), pl.col("new").alias("New"), pl.col("changed").alias("Changed"),
        pl.col("gone").alias("Gone"), pl.col("net").alias("Net"),
    )  # fmt: skip
    numbers = ("Orders touched", "New", "Changed", "Gone", "Net")
    note = "Gone: no longer open before the due date; shipped early or cancelled, the extract does not say."
    return Table(shown, "Orders since the last extract, units", dict.fromkeys(numbers, "number"), note)


def changed_forecast(frame: pl.DataFrame) -> Table:
    """The forecast since the last extract, by family."""
    shown = frame.select(
        pl.col("family").alias("Family"), pl.col("before").alias("Before"), pl.col("now").alias("Now"),
        pl.col("change").alias("Change"), pl.col("share").alias("Change, %"),
    )  # fmt: skip
    formats = {**dict.fromkeys(("Before", "Now", "Change"), "number"), "Change, %": "percent"}
    return Table(shown, "Forecast of the weeks that both extracts cover, units", formats)


def unforecast(frame: pl.DataFrame, currency: str) -> Table:
    """Orders far above the forecast, by customer and family, most revenue first."""
    named = pl.element().map_elements(words.period_name, return_dtype=pl.String)
    shown = frame.sort("revenue", descending=True).select(
        pl.col("customer").alias("Customer"), pl.col("family").alias("Family"),
        pl.col("weeks").list.eval(named).list.join(", ").alias("Due in"), pl.col("forecast").alias("Forecast"),
        pl.col("orders").alias("Ordered"), pl.col("excess").alias("Above forecast"),
        pl.col("revenue").alias(f"Revenue above, {currency}"), pl.col("margin").alias(f"Margin above, {currency}"),
    )  # fmt: skip
    formats = dict.fromkeys(shown.columns[3:], "number")
    note = "Listed where a customer ordered over a quarter more of a family than forecast, and the revenue matters."
    return Table(shown, "Orders above forecast, units", formats, note)


def errors_by_lag(frame: pl.DataFrame) -> Table | str:
    """Forecast accuracy by lag; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: the extract holds no forecast version of a finished week."
    shown = frame.select(
        pl.col("lag").alias("Weeks ahead"), pl.col("weeks").alias("Weeks judged"), pl.col("actual").alias("Sold"),
        pl.col("forecast").alias("Forecast"), pl.col("wmape").alias("WMAPE"), pl.col("bias").alias("Bias"),
    )  # fmt: skip
    formats = {**dict.fromkeys(shown.columns[:4], "number"), "WMAPE": "percent", "Bias": "percent"}
    note = "By item and week, every version that was published. Negative bias: more was forecast than sold."
    return Table(shown, "Forecast accuracy by lag, units", formats, note)


def waterfall(frame: pl.DataFrame) -> Table | str:
    """Forecast versions of each finished week beside what was sold; a sentence where no version is known."""
    if frame.is_empty():
        return "Insufficient history: no versions to set side by side."
    week = pl.col("week").map_elements(words.period_name, return_dtype=pl.String).alias("Demand of")
    lags = [name for name in frame.columns if name not in {"week", "sold"}]
    shown = frame.select(week, *(pl.col(name).alias(name[:1].upper() + name[1:]) for name in lags), Sold="sold")
    note = "Read from left to right: how the forecast of one week moved as the week came nearer."
    return Table(shown, "Waterfall of forecast versions, units", dict.fromkeys(shown.columns[1:], "number"), note)


def running(frame: pl.DataFrame) -> Table | str:
    """How the plants ran; a sentence where hours or an earlier extract are missing."""
    if frame.is_empty():
        return "Insufficient history: hours run, output and an earlier extract's calendar are needed for OEE."
    shown = frame.select(
        pl.col("location").alias("Plant"), pl.col("planned").alias("Hours planned"), pl.col("run").alias("Hours run"),
        pl.col("ideal").alias("Hours at ideal speed"), (pl.col("run") / pl.col("planned")).alias("Availability"),
        (pl.col("ideal") / pl.col("run")).alias("Performance"), (pl.col("good") / pl.col("ideal")).alias("Quality"),
        (pl.col("good") / pl.col("planned")).alias("OEE"),
    )  # fmt: skip
    shares = dict.fromkeys(shown.columns[4:], "percent")
    note = (
        "OEE = availability × performance × quality = hours that the good units take at ideal speed ÷ hours planned. "
        "Overtime counts as run; scrap is not in the actuals, so quality is the routings' yield."
    )
    return Table(
        shown,
        "How the plants ran since the last extract",
        {**dict.fromkeys(shown.columns[1:4], ",.1f"), **shares},
        note,
    )


def orders_at_risk(frame: pl.DataFrame, currency: str) -> Table:
    """Orders that will be late or short, most revenue first."""
    shown = frame.select(
        pl.col("order").alias("Order"), pl.col("customer").alias("Customer"), pl.col("priority").alias("Priority"),
        pl.col("description").alias("Item"), pl.col("quantity").alias("Ordered"), pl.col("late").alias("Late"),
        pl.col("short").alias("Never served"), pl.col("due_on").alias("Due"), pl.col("promised_on").alias("Promised"),
        pl.col("days_late").alias("Days late"), pl.col("revenue").alias(f"Revenue waiting, {currency}"),
        pl.col("incurred").alias(f"Late cost until today, {currency}"),
    )  # fmt: skip
    if not frame["incurred"].sum():  # nothing is overdue
        shown = shown.drop(f"Late cost until today, {currency}")
    numbers = dict.fromkeys(
        ("Ordered", "Late", "Never served", "Days late", *(name for name in shown.columns if currency in name)),
        "number",
    )
    return Table(
        shown, "Orders at risk, most revenue first, units", {**numbers, "Due": day, "Promised": day},
        "Promised: the last day of the period in which the last part is served. Revenue waiting: late and "
        "unserved units at the order's price. Late cost until today is in no plan's margin.",
    )  # fmt: skip


def item_gaps(frame: pl.DataFrame, currency: str) -> Table:
    """Items with missed demand and the causes that their units are laid to."""
    weeks = (
        pl.col("weeks").list.eval(pl.element().map_elements(words.period_name, return_dtype=pl.String)).list.join(", ")
    )
    cause = pl.when(pl.col("key") == "").then("kind").otherwise(pl.format("{}: {}", "kind", "key"))
    shown = frame.sort("revenue", descending=True).select(
        pl.col("description").alias("Item"), pl.col("family").alias("Family"), pl.col("late").alias("Late"),
        pl.col("short").alias("Never served"), weeks.alias("Due in"), cause.alias("Laid to"),
        pl.col("revenue").alias(f"Revenue waiting, {currency}"), pl.col("money").alias(f"Money lost, {currency}"),
    )  # fmt: skip
    numbers = ("Late", "Never served", f"Revenue waiting, {currency}", f"Money lost, {currency}")
    return Table(
        shown, "Demand that is not served on time, units", dict.fromkeys(numbers, "number"),
        "Each unit is laid to one cause: to an event or to orders above forecast only where planning again without it "
        "serves the unit on time; else to a line whose hours are used up, or to none that the extract names. Money "
        "lost: short units × (price − standard cost + penalty), and what lateness costs.",
    )  # fmt: skip


def service(frame: pl.DataFrame, currency: str, *, what: str) -> Table:
    """Service by group: units and revenue."""
    share = pl.when(pl.col("demand") > 0).then(pl.col("on_time") / pl.col("demand"))
    waiting = pl.col("revenue_late") + pl.col("revenue_short")
    shown = frame.sort("order").select(
        pl.col("group").alias(what), pl.col("demand").alias("Demand"), pl.col("on_time").alias("On time"),
        pl.col("late").alias("Late"), pl.col("short").alias("Never served"), share.alias("Share on time"),
        waiting.alias(f"Revenue waiting, {currency}"),
    )  # fmt: skip
    numbers = ("Demand", "On time", "Late", "Never served", f"Revenue waiting, {currency}")
    return Table(
        shown, f"Service by {what.lower()}, units", {**dict.fromkeys(numbers, "number"), "Share on time": "percent"}
    )


def changed_plan(frame: pl.DataFrame) -> Table:
    """The plan against the plan of record, by flow: how much moves."""
    verbs = {"make": "Make", "buy": "Buy", "ship": "Ship", "sell": "Sell"}
    size = pl.col("change").abs()
    summed = frame.group_by("flow").agg(
        before=pl.col("before").sum(), now=pl.col("now").sum(), moved=size.sum(),
    )  # fmt: skip
    share = pl.when(pl.col("before") > 0).then(pl.col("moved") / pl.col("before"))
    shown = summed.sort("flow").select(
        pl.col("flow").replace(verbs).alias("Flow"), pl.col("before").alias("Before"), pl.col("now").alias("Now"),
        pl.col("moved").alias("Moved"), share.alias("Churn"),
    )  # fmt: skip
    numbers = ("Before", "Now", "Moved")
    note = (
        "Moved: Σ|now − before| by item, place and week over the days that both plans cover; a unit that changes week "
        "counts twice."
    )
    formats = {**dict.fromkeys(numbers, "number"), "Churn": "percent"}
    return Table(shown, "This plan against the plan of record, units", formats, note)


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
    cost = f"Costs, {snapshot.currency}"
    shown = breaks.select(
        pl.when(pl.col("starts_on") == pl.col("ends_on")).then(pl.col("starts_on").cast(pl.String))
        .otherwise(pl.format("{} to {}", "starts_on", "ends_on")).alias("When"),
        pl.format("{}, {}", "description", "routing").alias("What"),
        pl.col("recorded").alias("Published"), pl.col("now").alias("Now"), pl.col("change").alias("Change"),
        pl.col("money").alias(cost),
        pl.Series("Why", [why(row, names) for row in breaks.iter_rows(named=True)], dtype=pl.String),
    )  # fmt: skip
    note = (
        f"The fence keeps to {record.name} of {record.as_of}. Costs: units × break price ([fence] break_price, else "
        "the item's price or standard cost, whichever is more); it steers the plan and is no cash. Without a figure: "
        "what nobody can make any more. Why: found by planning again without the event, else by the plan's prices."
    )
    formats = {**dict.fromkeys(("Published", "Now", "Change"), "number"), cost: "money"}
    return Table(shown, "Breaks of the frozen fence, units", formats, note, rows=40)


def late_receipts(frame: pl.DataFrame, currency: str) -> Table:
    """Receipts that come late."""
    shown = frame.select(
        pl.col("receipt").alias("Receipt"), pl.col("description").alias("Item"), pl.col("supplier").alias("From"),
        pl.col("location").alias("To"), pl.col("quantity").alias("Units"), pl.col("due_on").alias("Due"),
        pl.col("comes_on").alias("Comes"), pl.col("days_late").alias("Days late"),
        pl.col("value").alias(f"Value, {currency}"), pl.col("note").alias("Reason"),
    )  # fmt: skip
    formats: dict[str, Format] = {
        "Units": "number",
        "Due": day,
        "Comes": day,
        "Days late": "number",
        f"Value, {currency}": "money",
    }
    return Table(shown, "Late receipts, dearest first", formats, "Value at standard cost.")


def events(frame: pl.DataFrame, costs: pl.DataFrame | None, currency: str) -> Table:
    """Events in force, with what each costs where that was found by planning again."""
    rows = frame.select(
        pl.col("event").alias("Event"), pl.col("kind").str.replace_all("_", " ").alias("Kind"),
        pl.col("target").alias("Hits"), pl.col("from").alias("From"), pl.col("to").alias("To"),
        pl.col("note").alias("Note"),
    )  # fmt: skip
    dates = {"From": day, "To": day}
    if costs is None:
        return Table(rows, "Events in force", dates)
    money = f"Costs, {currency}"
    priced = costs.select(pl.col("subject").alias("Event"), pl.col("money").alias(money))
    note = "Costs: margin of the plan without the event less margin of this plan, each event taken away alone."
    joined = rows.join(priced, on="Event", how="left", validate="1:1")
    return Table(joined, "Events in force", {**dates, money: "money"}, note)


def changed_events(frame: pl.DataFrame) -> Table:
    """Events since the last extract."""
    shown = frame.select(
        pl.col("change").alias("Change"), pl.col("event").alias("Event"),
        pl.col("kind").str.replace_all("_", " ").alias("Kind"), pl.col("target").alias("Hits"),
        pl.col("from").alias("From"), pl.col("to").alias("To"), pl.col("note").alias("Note"),
    )  # fmt: skip
    return Table(shown, "Events since the last extract", {"From": day, "To": day})


def changed_receipts(frame: pl.DataFrame) -> Table:
    """Scheduled receipts that moved, vanished or changed in size; new ones are only counted."""
    shown = frame.filter(pl.col("change") != "new").select(
        pl.col("change").replace({"quantity": "size"}).alias("Change"), pl.col("receipt").alias("Receipt"),
        pl.col("description").alias("Item"), pl.col("location").alias("To"), pl.col("due_before").alias("Was due"),
        pl.col("due_now").alias("Is due"), pl.col("quantity_before").alias("Units before"),
        pl.col("quantity_now").alias("Units now"),
    )  # fmt: skip
    formats: dict[str, Format] = {"Was due": day, "Is due": day, "Units before": "number", "Units now": "number"}
    fresh = frame.height - shown.height
    note = f"{words.sentence(words.count(fresh, 'new receipt'))[:-1]} besides." if fresh else ""
    return Table(shown, "Scheduled receipts that moved since the last extract", formats, note)


def adherence(frame: pl.DataFrame) -> Table:
    """Made against the plan of record, the largest gap first."""
    gap = pl.col("done") - pl.col("scheduled")
    shown = frame.sort(gap.abs(), descending=True).select(
        pl.col("description").alias("Item"), pl.col("location").alias("Plant"), pl.col("scheduled").alias("Planned"),
        pl.col("done").alias("Made"), gap.alias("Difference"),
    )  # fmt: skip
    return Table(
        shown,
        "Made last week against the plan of record, units",
        dict.fromkeys(("Planned", "Made", "Difference"), "number"),
        rows=8,
    )


def thin_stock(frame: pl.DataFrame, currency: str) -> Table:
    """Items that fall under half their safety stock."""
    shown = frame.select(
        pl.col("description").alias("Item"), pl.col("family").alias("Family"),
        pl.col("places").list.join(", ").alias("At"), pl.col("first").alias("From"),
        pl.col("gap").alias("Units missing"), pl.col("money").alias(f"Exposed, {currency}"),
    )  # fmt: skip
    formats: dict[str, Format] = {"From": day, "Units missing": "number", f"Exposed, {currency}": "money"}
    note = "Exposed: the largest gap to the safety stock × (price − standard cost); nothing is lost yet."
    return Table(shown, "Items that fall under half their safety stock", formats, note, rows=8)


def idle_stock(frame: pl.DataFrame, currency: str) -> Table:
    """Stock beyond what the plan uses, dearest first."""
    value = pl.col("excess") + pl.col("obsolete")
    shown = frame.filter(value > 0.5).sort([value, "item"], descending=[True, False]).select(
        pl.col("description").alias("Item"), pl.col("stock").alias("Units"),
        pl.col("demand_per_month").alias("Used per month"), pl.col("excess").alias(f"Excess, {currency}"),
        pl.col("obsolete").alias(f"Without use, {currency}"),
    )  # fmt: skip
    formats = dict.fromkeys(shown.columns[1:], "number")
    return Table(shown, "Stock beyond three months of use, at standard cost", formats, rows=8)


def targets(frame: pl.DataFrame, currency: str) -> Table:
    """What is worth holding, what is typed and what the plan holds; dearest first."""
    money = {"Value": "value", "Saves": "saves", "Costs": "holding", "Typed more": "gap"}
    shown = frame.with_columns(gap=-pl.col("costs_more")).select(
        pl.col("description").alias("Item"), pl.col("location").alias("At"), pl.col("unit").alias("Unit"),
        pl.col("target").alias("Target"), pl.col("cover").alias("Days"), pl.col("typed").alias("Typed"),
        pl.col("held").alias("Held"), *(pl.col(name).alias(title) for title, name in money.items()),
        pl.col("covered").alias("Covered"),
    )  # fmt: skip
    numbers = dict.fromkeys(("Target", "Typed", "Held"), "number")
    formats: dict[str, Format] = {**numbers, "Days": ",.1f", **dict.fromkeys(money, "money"), "Covered": "percent"}
    note = (
        "Target: the last unit that is expected to save more than it costs to hold, mean of the horizon; typed: the "
        f"policies' safety stock; held: what the plan has. Value, {currency}: at standard cost. {currency} a week: "
        "what the target saves of expected shortage against no stock, what it costs to hold, and what the typed stock "
        "costs more. What is saved does not add up: a sale lost for want of a part, or of the goods, is one. "
        "Covered: chance that demand and supply err by no more than the target. "
        f"All {words.count(frame.height, 'target')}: finance.xlsx, sheet Stock targets, and targets.csv."
    )
    caption = f"Stock that is worth holding, dearest first: units, value in {currency}, the rest in {currency} a week"
    return Table(shown, caption, formats, note)


def protection(frame: pl.DataFrame) -> Table:
    """What each target stands against, and what it is known from."""
    shown = frame.select(
        pl.col("description").alias("Item"), pl.col("location").alias("At"), pl.col("interval").alias("Days to last"),
        pl.col("target").alias("Target"), pl.col("against_forecast").alias("Forecast error"),
        pl.col("against_late").alias("Late deliveries"), pl.col("against_lost").alias("Lost hours"),
        pl.col("points").alias("Points"), pl.col("source").alias("Known from"), pl.col("bias").alias("Bias"),
    )  # fmt: skip
    numbers = ("Days to last", "Target", "Forecast error", "Late deliveries", "Lost hours")
    formats: dict[str, Format] = {**dict.fromkeys(numbers, "number"), "Points": ",.1f", "Bias": "percent"}
    note = (
        "Days to last: lead time and one review. Forecast error, late deliveries, lost hours: the target if nothing "
        "but that were there. Points: forecasts of its own record that do not overlap; known from: where most of the "
        "spread comes from. Bias: demand above (+) or below (−) its forecast; part of the target unless settings take "
        "it out of the forecast."
    )
    return Table(shown, "What the stock protects against, units, and what is known", formats, note)


def cheapest_places(frame: pl.DataFrame, currency: str) -> Table:
    """Where a day of cover is cheapest, the most to spare first."""
    day = {"Sold": "goods_here", "Source": "goods_there", "Parts": "parts"}
    shown = frame.select(
        pl.col("description").alias("Item"), pl.col("location").alias("Sold at"),
        *((pl.col(name) * pl.col("demand")).alias(title) for title, name in day.items()),
        pl.col("patience").alias("Waits, days"), pl.col("days_there").alias("From source"),
        pl.col("days_parts").alias("From parts"), pl.col("cheapest").alias("Cheapest"),
    )  # fmt: skip
    formats: dict[str, Format] = {**dict.fromkeys(day, ",.2f"), **dict.fromkeys(shown.columns[5:8], ",.1f")}
    note = (
        "As goods where they are sold, as goods where they come from, as bought components. A place counts where its "
        "goods reach the customer by the shortest way within the days that whoever waits least would wait. What "
        "demands share, and lines that are full, are not in these figures. All rows: finance.xlsx, sheet Where to hold."
    )
    return Table(shown, f"What a day of cover costs to hold, {currency} a week", formats, note, rows=8)
