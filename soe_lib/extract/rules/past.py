"""What happened: goods received and hours lost, whose errors would widen the spread that plans are held against.

The past plans nothing by itself, so a row that contradicts itself is a warning and left out; it does not stop.
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract, misdated
from soe_lib.extract.rules import rule


@rule
def deliveries_are_dated(extract: Extract) -> list[Finding]:
    """What arrived was ordered before it was promised and arrived, and arrived before the as-of date."""
    if not extract.dated:
        return []
    findings = []
    for (column, text, fix), where in misdated(extract.settings.as_of).items():
        findings += extract.flag("warn", "deliveries", where, column=column, rule=text, fix=fix)
    return findings


@rule
def lost_hours_are_of_a_resource(extract: Extract) -> list[Finding]:
    """Hours that were lost are hours of 0 or more, of a resource."""
    lost, fix = pl.col("measure") == "lost hours", "Fill resource and hours, or remove the row."
    nobody = lost & (pl.col("resource") == "")
    findings = extract.flag(
        "warn", "actuals", nobody, column="resource", rule="Lost hours of no resource: left out.", fix=fix
    )
    none = lost & (pl.col("hours").is_null() | (pl.col("hours") < 0))
    text = "Lost hours that are blank or below 0: left out."
    return findings + extract.flag("warn", "actuals", none, column="hours", rule=text, fix=fix)
