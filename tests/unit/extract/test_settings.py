"""settings.toml: the contract's defaults, every way of writing a value, and the values refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from soe_lib.extract.settings import Settings, load
from tests.unit.extract.company import SETTINGS


def settings(folder: Path, *lines: str) -> Settings:
    (folder / "settings.toml").write_text(SETTINGS + "\n".join(lines), encoding="utf-8")
    found, findings = load(folder)
    assert findings == []
    return found


def test_defaults_are_the_contracts(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.horizon.weeks, found.horizon.daily) == (13, 14)
    assert (found.costs.per, found.costs.holding_on, found.lead_time.dispatch) == ("week", "closing", "spread")
    assert found.calendar.working_days == (1, 2, 3, 4, 5)


def test_everything_can_be_said(tmp_path: Path) -> None:
    found = settings(
        tmp_path, "[horizon]", "weeks = 4", "daily = 0", "[costs]", 'per = "day"', "capital_rate = 0.1",
        "[lead_time]", 'dispatch = "end"', "[calendar]", 'fiscal = "4-4-5"', 'working_days = ["Mon", "sat", 3]',
        "[fence]", "frozen_days = 7", "[tolerance]", "Fam = 0.1", "[terms]", "receivable_days = 45", "[forecast]",
        'version = "final"', "[control]", "items = 2", "[control.forecast]", "rows = 3", "quantity = 270",
    )  # fmt: skip
    assert (found.horizon.weeks, found.horizon.daily, found.costs.per) == (4, 0, "day")
    assert found.calendar.working_days == (1, 3, 6)
    assert found.tolerance == {"Fam": 0.1}
    assert found.control == {"forecast": {"quantity": 270.0, "rows": 3.0}, "items": {"rows": 2.0}}
    assert (found.terms.receivable_days, found.forecast.version) == (45.0, "final")


def test_a_date_needs_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('company = "x"\ncurrency = "EUR"\nas_of = 2026-11-16\n')
    assert load(tmp_path)[0].as_of == date(2026, 11, 16)


def test_working_days_by_number(tmp_path: Path) -> None:
    assert settings(tmp_path, "[calendar]", "working_days = 6").calendar.working_days == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    "line",
    ["[calendar]\nworking_days = 0", "[calendar]\nworking_days = []", '[calendar]\nworking_days = ["M"]',
     "[horizon]\nweeks = 0", "[horizon]\nweeks = 1000000", "[horizon]\nweeks = true", "[costs]\ncapital_rate = nan",
     "[costs]\ncapital_rate = inf", "[costs]\ncapital_rate = -0.1", "costs = 5", "[tolerance]\nFam = \"much\"",
     "[control]\nitems = \"two\"", "[control.items]\nunit = 3", "assumptions = 4"],
)  # fmt: skip
def test_values_that_cannot_be_used(line: str, tmp_path: Path) -> None:
    head = line + "\n" + SETTINGS if line.startswith(("costs", "assumptions")) else SETTINGS + line
    (tmp_path / "settings.toml").write_text(head, encoding="utf-8")
    findings = load(tmp_path)[1]
    assert [one.level for one in findings] == ["stop"]


def test_all_unknown_names_at_once(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS + "[cost]\nper = 1\n[fence]\nfrosen_days = 2\n", encoding="utf-8")
    findings = load(tmp_path)[1]
    assert [(one.column, one.fix) for one in findings] == [
        ("cost", "Did you mean costs?"),
        ("fence.frosen_days", "Did you mean frozen_days?"),
    ]


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("frozen_days = 3", "Write it under [fence]."),
        ("[costs]\nfrozen_days = 3", "Write it under [fence]."),
        ("per = 'week'", "Write it under [costs] or [limits]."),
        ("[fence]\nfrozen_day = 3", "Did you mean frozen_days?"),
    ],
)
def test_a_setting_under_another_heading_is_told_where_it_belongs(line: str, fix: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f'company = "c"\ncurrency = "EUR"\nas_of = 2026-11-16\n{line}\n')
    found = [one for one in load(tmp_path)[1] if one.rule == "Unknown setting."]
    assert [one.fix for one in found] == [fix]
