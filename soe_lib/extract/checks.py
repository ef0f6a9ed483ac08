"""Every rule over an extract, in one pass: what the contract says of each table, then what holds across tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from soe_lib.extract.reading import Extract, Near, Reading, Run
from soe_lib.extract.rules import Rule, registered
from soe_lib.extract.shapes import SHAPES


def check_all(extract: Extract, near: Near | None = None) -> Mapping[Rule, Run]:
    """What every rule reads and finds, rules in the order they are registered.

    Rules only read, so they are looked at side by side: much of what polars does for one of them keeps one core busy.
    A rule is a function of what it reads: where nothing of that moved, it finds the same again and is not run.

    Parameters
    ----------
    extract : the typed tables of one folder.
    near : what was found in an extract before, and what moved since.
    """
    rules: tuple[Rule, ...] = (*SHAPES, *registered())
    known = {rule: run for rule in rules if near is not None and (run := near.run(rule)) is not None}
    rest = [rule for rule in rules if rule not in known]
    with ThreadPoolExecutor(os.cpu_count(), "soe-rule") as side_by_side:
        fresh = dict(zip(rest, side_by_side.map(lambda rule: noted(rule, extract), rest), strict=True))
    return {rule: known.get(rule) or fresh[rule] for rule in rules}


def noted(rule: Rule, extract: Extract) -> Run:
    """Run one rule, and note what it reads."""
    reads: set[str] = set()
    findings = rule(Reading.of(extract, reads.add))
    return Run(frozenset(reads), findings)
