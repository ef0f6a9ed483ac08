"""Events change what they target, by amounts a planner works out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import snapshot, weeks


def test_downtime_takes_hours(tmp_path: Path) -> None:
    # 14 h over 14 days: 7 of them in W1. 10 − 7 = 3 h are left.
    tables = line(10, periods=2) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [
        {"event": "E", "kind": "downtime", "target": "line", "from": "2026-01-05", "to": "2026-01-18", "hours": 14}
    ]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make", period="W1") == pytest.approx(3)


def test_downtime_without_hours_takes_the_working_days(tmp_path: Path) -> None:
    # Monday to Wednesday of a five-day week: three fifths of 10 h.
    tables = line(10) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "downtime", "target": "line", "from": "2026-01-05", "to": "2026-01-07"}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == pytest.approx(4)


def test_a_delay_moves_a_receipt(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(2),
        "receipts": [
            {"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-08", "quantity": 4}
        ],
        "forecast": [asked("A", 4, 10, "W1"), asked("A", 4, 9, "W2")],
    }
    assert soe.plan(snapshot(tmp_path / "a", **tables)).margin == pytest.approx(40)
    tables["events"] = [{"event": "E", "kind": "delay", "target": "R", "days": 9}]
    assert soe.plan(snapshot(tmp_path / "b", **tables)).margin == pytest.approx(36)


def test_a_surge_multiplies_the_forecast(tmp_path: Path) -> None:
    tables = line(100) | {"forecast": [asked("A", 10, 10), asked("B", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "surge", "target": "A", "factor": 1.5}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", item="A") == pytest.approx(15)
    assert quantity(plan, "sell", item="B") == pytest.approx(10)


def test_a_lost_supplier_delivers_nothing(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(2),
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1}],
        "forecast": [asked("A", 4, 10, "W1"), asked("A", 4, 10, "W2")],
        "events": [
            {"event": "E", "kind": "supply_loss", "target": "S", "from": "2026-01-05", "to": "2026-01-11", "factor": 0}
        ],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "buy", period="W1") == 0
    assert quantity(plan, "buy", period="W2") == pytest.approx(4)


def test_a_price_event_changes_what_is_paid(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(1),
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 2}],
        "forecast": [asked("A", 4, 10)],
        "events": [{"event": "E", "kind": "price", "target": "O", "factor": 1.5}],
    }
    assert soe.plan(snapshot(tmp_path, **tables)).ledger.accounts()["material"] == pytest.approx(-12)


def test_an_event_that_hits_nothing_is_refused(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "downtime", "target": "lime"}]
    with pytest.raises(DataError, match="line"):
        soe.plan(snapshot(tmp_path, **tables))


def test_a_label_with_an_ampersand_is_one_target(tmp_path: Path) -> None:
    # "A & B" is an item; "A & X" is item A for customer X only.
    tables = line(100) | {"forecast": [asked("A", 10, 10), asked("A", 10, 10, customer="X"), asked("A & B", 10, 10)]}
    tables["customers"] = [{"customer": "X"}]
    tables["items"] = [{"item": item} for item in ("A", "B", "A & B")]
    tables["routings"].append({"routing": "A & B", "item": "A & B", "location": "P"})
    tables["events"] = [
        {"event": "E", "kind": "surge", "target": "A & B", "factor": 2},
        {"event": "F", "kind": "surge", "target": "A & X", "factor": 3},
    ]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", item="A & B") == pytest.approx(20)
    assert quantity(plan, "sell", item="A") == pytest.approx(10 + 30)
