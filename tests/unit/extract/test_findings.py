"""How a finding reads, in a terminal and in JSON."""

from __future__ import annotations

import pytest

from soe_lib.extract.findings import Finding, by_level, stops


def test_one_line_says_what_where_how_many_and_how_to_fix_it() -> None:
    finding = Finding("stop", "orders", "orders.csv", (18, 77), "item", "A17", "Unknown item.", "Add it.", 2)
    assert str(finding) == "stop: orders.csv rows 18, 77, column item 'A17': Unknown item. Add it."


def test_more_rows_than_are_shown() -> None:
    finding = Finding("stop", "orders", "orders.csv", (2, 3, 4, 5, 6), "item", rule="Blank.", count=1005)
    assert str(finding) == "stop: orders.csv rows 2, 3, 4, 5, 6 and 1,000 more, column item: Blank."


def test_without_a_place() -> None:
    assert str(Finding("note", "", "", rule="Nothing.")) == "note: extract: Nothing."
    assert str(Finding("warn", "items", "items.csv", rule="Odd.")) == "warn: items.csv: Odd."


def test_control_characters_are_neutralised() -> None:
    finding = Finding("warn", "items", "items.csv", value="a\x1b[31m\nstop: forged", rule="Odd.")
    assert str(finding).count("\n") == 0
    assert "\x1b" not in str(finding)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="stop, warn, repair, note"):
        Finding("fatal", "items", "items.csv")


def test_stops_come_first() -> None:
    levels = ("note", "warn", "stop", "repair")
    findings = by_level(Finding(level, "items", "items.csv") for level in levels)
    assert [one.level for one in findings] == ["stop", "warn", "repair", "note"]
    assert [one.level for one in stops(findings)] == ["stop"]


def test_as_plain_values() -> None:
    finding = Finding("stop", "orders", "orders.csv", (18,), "item", "A17", "Unknown item.", "Add it.", 1)
    assert finding.to_dict() == {
        "level": "stop",
        "table": "orders",
        "file": "orders.csv",
        "rows": [18],
        "column": "item",
        "value": "A17",
        "rule": "Unknown item.",
        "fix": "Add it.",
        "count": 1,
    }
