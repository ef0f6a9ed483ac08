"""The check proves that the plan starts: whatever the plan would refuse is a finding that stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.errors import SoeError
from soe_lib.model.checks import check
from tests.analytic.test_two_items import asked, line
from tests.networks import snapshot, write

PER_PERIOD = '[costs]\nper = "period"\n'


def refused(folder: Path, tables: dict[str, Any], settings: str = PER_PERIOD) -> list[tuple[str, str]]:
    """What stops the check; the plan must refuse the same extract."""
    tables = {"items": [{"item": item} for item in "AB"], "locations": [{"location": "P"}], **tables}
    write(folder, settings, **tables)
    report = check(folder)
    assert not report.ok, report.text()
    with pytest.raises(SoeError):
        soe.plan(soe.read(folder))
    return [(one.file, one.rule) for one in report.findings if one.level == "stop"]


def test_a_rule_of_sharing_that_nobody_knows(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10)]}
    ((file, text),) = refused(tmp_path, tables, f'{PER_PERIOD}[objective]\nallocation = "fare"\n')
    assert file == "settings.toml"
    assert "'fare' is not known; choose one of" in text


def test_more_is_promised_than_hours_allow(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 12, 10, committed=11)]}
    ((_, text),) = refused(tmp_path, tables)
    assert "no plan keeps every promise; `soe conflict`" in text


def test_a_promise_between_two_whole_lots(tmp_path: Path) -> None:
    """10 are promised; lots of 7 within 13 make 7, though 13 would do if lots could be split."""
    tables = line(100) | {"forecast": [asked("A", 12, 10, committed=10)]}
    tables["routings"] = [{**row, "multiple": 7, "maximum": 13} for row in tables["routings"]]
    ((_, text),) = refused(tmp_path, tables)
    assert "no plan keeps every promise" in text


def test_money_without_end_that_no_rule_sees(tmp_path: Path) -> None:
    """The item has no standard cost and no price; a full room at P is no limit at the end of a lane."""
    tables = line(100) | {
        "items": [{"item": "A", "end_value": 5}, {"item": "B"}],
        "locations": [{"location": "P", "storage_capacity": 10}, {"location": "Q"}],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 2}],
        "lanes": [{"lane": "PQ", "origin": "P", "destination": "Q", "item": "A", "lead_time_days": 0}],
        "forecast": [asked("A", 5, 10)],
    }
    assert any("without" in text for _, text in refused_by_check(tmp_path, tables))


def refused_by_check(folder: Path, tables: dict[str, Any]) -> list[tuple[str, str]]:
    report = check(write(folder, PER_PERIOD, **tables))
    assert not report.ok, report.text()
    return [(one.file, one.rule) for one in report.findings if one.level == "stop"]


def test_what_can_be_planned_is_not_stopped(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10, committed=5)]}
    assert soe.plan(snapshot(tmp_path, PER_PERIOD, **tables)).margin > 0
    assert check(tmp_path).ok
