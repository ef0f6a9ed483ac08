"""Numbers that contradict each other, or cannot be meant: in one row, and against what the sender counted."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule

POSITIVE = (
    ("routings", "yield", "A yield of 0 makes nothing."),
    ("units", "factor", "A factor of 0 converts nothing."),
    ("currencies", "rate", "A rate of 0 converts nothing."),
    ("substitutions", "ratio", "A ratio of 0 gives nothing away."),
    ("operations", "units_per_hour", "A rate of 0 never finishes."),
    ("components", "quantity", "A quantity of 0 uses nothing."),
)
ORDERED = (
    ("routings", "minimum", "maximum"),
    ("offers", "minimum", "maximum"),
    ("lanes", "minimum", "maximum"),
    ("workforce", "minimum_heads", "maximum_heads"),
    ("location_groups", "minimum_open", "maximum_open"),
    ("policies", "end_stock", "end_stock_maximum"),
    ("policies", "end_stock", "maximum_stock"),
    ("forecast", "committed", "quantity"),
    ("orders", "committed", "quantity"),
    ("events", "from", "to"),
)
LOTS = ("routings", "offers", "lanes")


@rule
def not_zero(extract: Extract) -> list[Finding]:
    """Yields, rates and factors are above zero."""
    findings = []
    for table, column, text in POSITIVE:
        level = "warn" if table == "components" else "stop"
        fix = "Write a number above 0, or remove the row."
        findings += extract.flag(level, table, pl.col(column) == 0, column=column, rule=text, fix=fix)
    for table in LOTS:
        rule_text, fix = "A lot size of 0 is read as none.", "Leave the cell blank."
        findings += extract.flag("warn", table, pl.col("multiple") == 0, column="multiple", rule=rule_text, fix=fix)
    return findings


@rule
def in_order(extract: Extract) -> list[Finding]:
    """The smaller of two limits is the smaller one."""
    findings = []
    for table, low, high in ORDERED:
        where = pl.col(low) > pl.col(high)
        if (table, low) == ("orders", "committed"):
            where = where & (pl.col("quantity") >= 0)
        rule_text = f"{low} is above {high}."
        findings += extract.flag("stop", table, where, column=low, rule=rule_text, fix="Mend one of the two.")
    return findings


@rule
def one_of_two(extract: Extract) -> list[Finding]:
    """Where the contract offers two ways of saying a thing, one is used."""
    hours, units = pl.col("hours_per_unit"), pl.col("units_per_hour")
    fix = "Fill one of hours_per_unit and units_per_hour."
    differ = (hours * units - 1).abs() > 1e-6
    findings = extract.flag(
        "stop", "operations", differ, column="hours_per_unit", rule="Contradicts units_per_hour.", fix=fix
    )
    neither = hours.is_null() & units.is_null() & (pl.col("setup_hours") == 0)
    findings += extract.flag(
        "stop", "operations", neither, column="routing", rule="The operation has no hours.", fix=fix
    )
    twice = (pl.col("lead_time_days") > 0) & pl.col("lead_time_periods").is_not_null()
    rule_text, fix = "Lead time in days and in periods.", "Fill one of lead_time_days and lead_time_periods."
    return findings + extract.flag("stop", "routings", twice, column="lead_time_periods", rule=rule_text, fix=fix)


@rule
def returns(extract: Extract) -> list[Finding]:
    """A negative order is a return: it is left out of the plan and counted."""
    rule_text = "A negative order is a return: it is left out of the plan."
    fix = "Export returns apart from orders."
    return extract.flag("warn", "orders", pl.col("quantity") < 0, column="quantity", rule=rule_text, fix=fix)


@rule
def control_totals(extract: Extract) -> list[Finding]:
    """Rows and totals are what the sender counted: a file that was cut off looks complete otherwise."""
    findings = []
    for table, totals in extract.settings.control.items():
        for name, said in totals.items():
            frame = extract[table]
            counted = float(frame.height if name == "rows" else frame.get_column(name).sum())
            if abs(counted - said) > 0.005 + 1e-9 * abs(said):
                rule_text = f"[control] says {_plain(said)}, the file has {_plain(counted)}."
                fix = "Export the file again: it is cut off, or the control total is of another run."
                column = "" if name == "rows" else name
                findings.append(extract.finding("stop", table, [], column=column, rule=rule_text, fix=fix))
    return findings


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"
