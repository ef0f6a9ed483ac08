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
