"""Every rule over an extract, in one pass: what the contract says of each table, then what holds across tables."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import registered
from soe_lib.extract.shapes import check_shapes


def check_all(extract: Extract) -> list[Finding]:
    """What every rule finds, rules in the order they are registered.

    Rules only read, so they are looked at side by side: much of what polars does for one of them keeps one core busy.

    Parameters
    ----------
    extract : the typed tables of one folder.
    """
    with ThreadPoolExecutor(os.cpu_count(), "soe-rule") as side_by_side:
        found = side_by_side.map(lambda rule: rule(extract), (check_shapes, *registered()))
        return [finding for findings in found for finding in findings]
