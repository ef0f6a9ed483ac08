"""What is given and has no effect: a cell that another one would have to wake, a row that no plan can use."""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.rules.supply import supplied, wanted
from soe_lib.extract.schema import schema
from soe_lib.extract.settings_file import FILE
from soe_lib.extract.spelling import hint

EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
ENDLESS = date(9000, 1, 1)
UNTIL = ("valid_to", "to", "until", "expires_on")
"""What ends from that day on is meant to be without end."""
ASLEEP = (
    ("warn", "policies", "safety_stock", (pl.col("safety_stock") > 0) & (pl.col("below_safety_cost") == 0),
     "A safety stock without below_safety_cost steers nothing.", "Fill below_safety_cost, or use end_stock."),
    ("warn", "policies", "below_safety_cost", (pl.col("below_safety_cost") > 0) & (pl.col("safety_stock") == 0),
     "A cost below safety stock without a safety stock counts nothing.", "Fill safety_stock."),
    ("note", "customers", "late_cost", (pl.col("late_cost") > 0) & (pl.col("latest_days") == 0),
     "A late cost where nothing may be late (latest_days 0) steers nothing.", "Fill latest_days, or leave it blank."),
    ("warn", "routings", "multiple", pl.col("multiple") > pl.col("maximum"), "A lot above the maximum never runs.",
     "Mend one of the two."),
    ("warn", "offers", "multiple", pl.col("multiple") > pl.col("maximum"), "A lot above the maximum is never ordered.",
     "Mend one of the two."),
    ("warn", "lanes", "multiple", pl.col("multiple") > pl.col("maximum"), "A load above the maximum never leaves.",
     "Mend one of the two."),
    ("warn", "expansions", "hours", (pl.col("hours") == 0) | (pl.col("maximum") == 0), "It can add no hours.",
     "Fill hours and maximum, or remove it."),
    ("warn", "maintenance", "hours", (pl.col("hours") == 0) | (pl.col("jobs") == 0), "It takes no hours.",
     "Fill hours and jobs, or remove it."),
    ("warn", "workforce", "hours_per_head", (pl.col("hours_per_head") == 0) & (pl.col("overtime_hours_per_head") == 0),
     "The people work no hours.", "Fill hours_per_head, or remove the row."),
    ("warn", "locations", "fixed_cost", (pl.col("fixed_cost") > 0) & ~pl.col("may_change"),
     "A fixed cost counts only where the place may open or close.", 'Say may_change "yes", or leave it blank.'),
)  # fmt: skip


@rule
def cells_that_another_must_wake(extract: Extract) -> list[Finding]:
    """A figure that does nothing without another one has that other one."""
    found = [
        extract.flag(level, table, where, column=column, rule=text, fix=fix)
        for level, table, column, where, text, fix in ASLEEP
    ]
    return [finding for findings in found for finding in findings]


@rule
def years_are_of_this_time(extract: Extract) -> list[Finding]:
    """A date lies between 1970 and 2199: the year 26 was meant to be 2026. Validity may be without end."""
    findings = []
    for table in schema().values():
        frame = extract[table.name]
        for column in (one.name for one in table.columns if one.type == "date" and frame.height):
            day = pl.col(column)
            if frame[column].null_count() == frame.height:
                continue
            odd = (day < EARLIEST) | (day > LATEST) & (day < ENDLESS if column in UNTIL else True)
            text = "The year is not of this time, so the row has no effect."
            fix = "Write it with four figures, such as 2026."
            findings += extract.flag("stop", table.name, odd, column=column, rule=text, fix=fix)
    return findings


@rule
def rows_outside_the_horizon(extract: Extract) -> list[Finding]:
    """Hours and prices, validity and receipts that lie wholly outside the horizon play no part in the plan."""
    periods = extract.calendar.periods
    first, last = periods["starts_on"].min(), periods["ends_on"].max()
    if not isinstance(first, date) or not isinstance(last, date) or not extract.dated:
        return []
    findings = []
    for table in ("routings", "offers", "lanes"):
        where = (pl.col("valid_to") < first) | (pl.col("valid_from") > last)
        text, fix = f"Valid on no day of the horizon ({first} to {last}).", "Nothing to do, unless it was meant to be."
        findings += extract.flag("note", table, where, column="valid_from", rule=text, fix=fix)
    text, fix = "Due after the horizon: it is only valued at end_value.", "Nothing to do, unless it is due before."
    return findings + extract.flag("note", "receipts", pl.col("due_on") > last, column="due_on", rule=text, fix=fix)


@rule
def lanes_carry_something(extract: Extract) -> list[Finding]:
    """Where a lane starts there is something to carry: made, bought, stocked or shipped there."""
    if not extract["lanes"].height:
        return []
    there = supplied(extract)
    places = there["location"].unique()
    pairs = there.select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    named = pl.concat_str("item", "origin", separator="\x1f").is_in(pairs.implode())
    empty = pl.when(pl.col("item") == "").then(~pl.col("origin").is_in(places.implode())).otherwise(~named)
    text, fix = "Nothing that it could carry is ever where it starts.", "Mend origin or item, or remove the lane."
    return extract.flag("warn", "lanes", empty, column="origin", rule=text, fix=fix)


@rule
def policies_have_stock(extract: Extract) -> list[Finding]:
    """A policy asks for stock where the item can get to."""
    if not extract["policies"].height:
        return []
    pairs = supplied(extract).select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    asks = (pl.col("safety_stock") > 0) | (pl.col("end_stock") > 0)
    lost = asks & ~pl.concat_str("item", "location", separator="\x1f").is_in(pairs.implode())
    text, fix = "The item can never get there: neither made, bought nor shipped.", "Mend the place, or add a lane."
    return extract.flag("warn", "policies", lost, column="item", rule=text, fix=fix)


@rule
def names_that_nothing_uses(extract: Extract) -> list[Finding]:
    """Items, customers, resources, substitutes and groups that are named are used somewhere."""
    asked = wanted(extract)["item"]
    used = {
        ("note", "customers", "customer", "Nothing is asked for by it."): [
            extract.names(table, "customer") for table in ("forecast", "orders", "substitutions", "actuals")
        ],
        ("note", "resources", "resource", "Nothing takes its hours."): [
            extract.names(table, "resource") for table in ("operations", "lane_resources", "maintenance", "actuals")
        ],
        ("warn", "substitutions", "item", "Nobody asks for the item that it stands in for."): [asked],
        ("warn", "location_groups", "group", "No location belongs to it."): [extract.names("locations", "group")],
        ("warn", "locations", "group", "The group has no row in location_groups.csv, so nothing limits it."): [
            extract.names("location_groups", "group"), pl.Series([""]),
        ],
    }  # fmt: skip
    findings = []
    for (level, table, column, text), users in used.items():
        known = pl.concat([one.rename("name") for one in users]).unique()
        fix = "Nothing to do, unless it was meant to count."
        where = ~pl.col(column).is_in(known.implode())
        findings += extract.flag(level, table, where, column=column, rule=text, fix=fix)
    return findings


@rule
def overrides_bind(extract: Extract) -> list[Finding]:
    """An override with a quantity is written so that it locks one; what the plan takes for a remark is said."""
    from soe_lib.model.blocks.force import lock_of

    rows = extract["overrides"].with_row_index("row").filter(pl.col("quantity").is_not_null())
    lost = [row["row"] for row in rows.iter_rows(named=True) if lock_of(row) is None]
    if not lost:
        return []
    text, fix = "It locks nothing: it reads as a remark.", 'Write what as "make item=A & period=2026-W48".'
    value = extract.cell("overrides", "what", lost[0])
    return [extract.finding("warn", "overrides", pl.Series(lost), column="what", value=value, rule=text, fix=fix)]


@rule
def tolerances_are_of_families(extract: Extract) -> list[Finding]:
    """A band in [tolerance] is of a family that has items."""
    known = [name for name in extract.names("items", "family").to_list() if name]
    lost = [family for family in extract.settings.tolerance if family not in known and not extract.absent("items")]
    text = "No item belongs to this family, so the band holds for none."
    fixes = [hint(family, known) or "Write the family as items.csv does." for family in lost]
    where = ("warn", "settings", FILE, (), "tolerance")
    return [Finding(*where, family, text, fix, 1) for family, fix in zip(lost, fixes, strict=True)]
