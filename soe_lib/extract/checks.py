"""Every rule over an extract, in one pass: what the contract says of each table, then what holds across tables."""

from __future__ import annotations

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import registered
from soe_lib.extract.shapes import check_shapes


def check_all(extract: Extract) -> list[Finding]:
    """What every rule finds, rules in the order they are registered.

    Parameters
    ----------
    extract : the typed tables of one folder.
    """
    findings = check_shapes(extract)
    for rule in registered():
        findings += rule(extract)
    return findings
