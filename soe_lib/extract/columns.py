"""The header against the contract: columns that are missing, renamed, or strange."""

from __future__ import annotations

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Table
from soe_lib.extract.source import Source
from soe_lib.extract.spelling import hint, likeness, nearest

ALIKE = 0.8
ASIDE = "\x01"
"""Marks columns that are read besides the contract's: of units, of currencies, of the last change."""


def match_columns(source: Source, table: Table) -> list[Finding]:
    """Columns that are missing, renamed, or not in the contract."""
    there = source.frame.columns
    absent = [name for name in table.names if name not in there]
    strange = [name for name in there if name not in table.names and not name.startswith(ASIDE)]
    findings = []
    for name in absent:
        if table[name].required:
            alike = nearest(name, strange)
            fix = f"Rename column {alike} to {name}." if alike else f"Add it: {table[name].meaning}."
            findings.append(source.finding("stop", column=name, rule="The column is missing.", fix=fix))
    for name in strange:
        alike = nearest(name, absent)
        renamed = bool(alike) and likeness(name, alike) >= ALIKE and not table[alike].required
        rule = "The column is not in the contract" + (" but looks like one." if renamed else " and was not read.")
        fix = hint(name, absent) or "Remove it, or leave it: nothing reads it."
        findings.append(source.finding("stop" if renamed else "warn", column=name, rule=rule, fix=fix))
    return findings
