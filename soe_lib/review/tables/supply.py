"""Supply tables: late receipts, events, adherence, stock."""

from __future__ import annotations

import polars as pl

from soe_lib.review import words
from soe_lib.review.tables.table import Format, Table, day


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
