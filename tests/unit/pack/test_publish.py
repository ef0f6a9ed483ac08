from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soe_lib.errors import PackError
from soe_lib.pack import display
from soe_lib.review.measures import known


@dataclass(frozen=True)
class Asked:
    title: str
    money: float
    deadline: date


def said(**given: Any) -> dict[str, Any]:
    return display.document(**({"page": "balance", "title": "Balance", "headline": "It balances."} | given))


def test_what_is_published_is_read_back(tmp_path: Path) -> None:
    display.publish(
        tmp_path / "results",
        page="balance",
        title="Balance",
        headline="It balances.",
        scores=[known("OTIF", 0.931, "%", "In full and on time.")],
        decisions=[Asked("Run line 1", np.float64(58.0), date(2026, 11, 17))],
        checks=[{"name": "ties", "ok": np.True_}],
        assumptions=["Rain or shine."],
    )
    path = tmp_path / "results" / "balance.json"
    found = display.read(path)
    assert found == json.loads(path.read_text())
    assert found["scores"][0]["shown"] == "93.1\u00a0%"
    assert found["decisions"][0] == {
        "title": "Run line 1", "why": "", "money": 58.0, "currency": "", "service": "", "deadline": "2026-11-17",
        "owner": "", "doing_nothing": "", "hand_up": "", "page": "balance", "anchor": "",
        "key": "", "memory": "", "options": [],
    }  # fmt: skip
    assert found["checks"][0]["ok"] is True
    assert [entry.name for entry in path.parent.iterdir()] == ["balance.json"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"page": "../x"}, "page is '../x'"),
        ({"headline": " "}, "headline is empty"),
        ({"scores": [{"name": "x", "state": "green"}]}, "state 'green'; use one of good, watch, act, unknown"),
        ({"scores": [{"value": 1.0}]}, "a score has no name"),
        ({"scores": [{"name": "x", "value": float("nan")}]}, "value = nan; say None"),
        ({"decisions": [{"title": "x", "money": "lots"}]}, "money = 'lots'; give a number"),
        ({"decisions": [{"title": "x", "deadlin": ""}]}, "unknown field 'deadlin'. Did you mean deadline"),
        ({"decisions": [{"title": "x", "deadline": "Tuesday"}]}, "deadline 'Tuesday'; give an ISO date"),
        ({"checks": [{"name": "x"}]}, "ok = None; give True or False"),
        ({"checks": [{"name": "x", "ok": 1}]}, "ok = 1; give True or False"),
        ({"checks": ["x"]}, "a check is a str; give a dictionary"),
    ],
)
def test_what_is_wrong_is_refused_and_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(PackError) as failure:
        said(**given)
    assert message in str(failure.value)


def test_a_file_written_by_other_means_is_checked_again(tmp_path: Path) -> None:
    path = tmp_path / "balance.json"
    path.write_text(json.dumps(said() | {"page": "supply"}))
    with pytest.raises(PackError, match="says that its page is 'supply'"):
        display.read(path)
    path.write_text(json.dumps(said() | {"extra": 1}))
    with pytest.raises(PackError, match=r"is not what soe\.publish writes"):
        display.read(path)
    path.write_text("{")
    with pytest.raises(PackError, match=r"is not what soe\.publish writes"):
        display.read(path)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.25, "%", "25.0\u00a0%"),
        (-1234.4, "EUR", "EUR\u00a0−1,234"),
        (3.0, "orders", "3\u00a0orders"),
        (2.25, "days", "2.2\u00a0days"),
        (None, "days", "not known"),
    ],
)
def test_figures_are_shown_as_a_reader_says_them(value: float | None, unit: str, shown: str) -> None:
    assert said(scores=[{"name": "x", "value": value, "unit": unit}])["scores"][0]["shown"] == shown


def test_by_hand_it_shows_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(display, "_display", lambda data: seen.append(data["text/html"]))
    monkeypatch.chdir(tmp_path)
    display.publish("", page="balance", title="A <b>", headline="H", checks=[{"name": "ties", "ok": False}])
    assert "A &lt;b&gt;" in seen[0]
    assert "FAILED" in seen[0]
    assert list(tmp_path.iterdir()) == []
