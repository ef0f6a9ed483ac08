"""An edited snapshot is checked as a whole extract would be, by no more rules than the edit can have moved."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.extract.findings import Finding
from soe_lib.extract.rules import registered
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif import recheck
from soe_lib.whatif.scenario import Scenario

BROKEN = {
    "orders": {"quantity": pl.lit(-1.0)},
    "offers": {"item": pl.lit("nobody")},
    "components": {"quantity": pl.lit(-2.0)},
    "customers": {"customer": pl.lit("X")},
    "inventory": {"location": pl.lit("nowhere")},
    "lanes": {"origin": pl.lit("M")},
    "events": {"target": pl.lit("L9")},
    "operations": {"resource": pl.lit("L9")},
    "calendar": {"period": pl.lit("2031-W01")},
    "forecast": {"period": pl.lit("never")},
    "receipts": {"offer": pl.lit("R9")},
    "items": {"item": pl.lit("A")},
}


def said(snapshot: Snapshot, before: Snapshot) -> set[str]:
    try:
        recheck.recheck(snapshot, "x", before)
    except DataError as stopped:
        return {str(one) for one in stopped.findings}
    return set()


def whole(monkeypatch: pytest.MonkeyPatch, snapshot: Snapshot, before: Snapshot) -> set[str]:
    """What every rule says, none of them left out."""
    with monkeypatch.context() as full:
        full.setattr(recheck, "_runs", lambda _: {rule: EVERYTHING for rule in registered() if rule not in ALLOWED})
        return said(snapshot, before)


ALLOWED = recheck.ALLOWED


class _Everything:
    reads = frozenset(BROKEN)
    findings: tuple[Finding, ...] = ()


EVERYTHING = _Everything()


@pytest.mark.parametrize("table", BROKEN)
def test_what_every_rule_would_say_is_said(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    edited = tiny.replace(**{table: tiny[table].with_columns(**BROKEN[table])})
    found = said(edited, tiny)
    assert found == whole(monkeypatch, edited, tiny)
    assert found, "an edit that nothing objects to proves nothing"


def test_an_edit_of_one_table_runs_the_rules_that_read_it(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def counted(rule: Callable[[Any], list[Finding]]) -> Callable[[Any], list[Finding]]:
        def run(extract: Any) -> list[Finding]:
            ran.append(getattr(rule, "func", rule).__name__)  # one rule a table is a partial of one function
            return rule(extract)

        return run

    rules = tuple(counted(rule) for rule in registered() if rule not in ALLOWED)
    monkeypatch.setattr(recheck, "registered", lambda: rules)
    first = Scenario("x").scale("calendar.hours", 0.5).apply(tiny)
    assert len(ran) > len(rules), "all of them on the base, to see what they read"
    ran.clear()
    Scenario("y").scale("calendar.hours", 0.4).apply(tiny)
    assert 0 < len(ran) < len(rules) / 2
    assert "references" in ran
    ran.clear()
    assert recheck.recheck(first, "x", first) is first
    ran.clear()
    assert recheck.recheck(first, "x", first) is first
    assert ran == [], "nothing moved"


def test_other_settings_run_every_rule(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = Scenario("x").set("settings.costs.capital_rate", 0.01).apply(tiny)
    assert edited.settings is not tiny.settings
    ran: list[str] = []
    monkeypatch.setattr(recheck, "_runs", lambda _: {lambda _: ran.append("ran") or []: EVERYTHING})  # type: ignore[func-returns-value]
    monkeypatch.setattr(EVERYTHING.__class__, "reads", frozenset())
    recheck.recheck(edited, "x", tiny)
    assert ran == ["ran"]


def test_what_was_wrong_before_the_edit_is_still_said(tiny: Snapshot) -> None:
    wrong = tiny.replace(lanes=tiny["lanes"].with_columns(origin=pl.lit("nowhere")))
    edited = wrong.replace(calendar=wrong["calendar"].with_columns(hours=pl.col("hours") * 0.5))
    assert any("nowhere" in text for text in said(edited, wrong))


def test_runs_are_forgotten_with_their_snapshot(tiny: Snapshot) -> None:
    passing = tiny.replace(calendar=tiny["calendar"])
    recheck.recheck(passing, "x", passing)
    number = id(passing)
    assert number in recheck._KNOWN
    del passing
    gc.collect()
    assert number not in recheck._KNOWN
