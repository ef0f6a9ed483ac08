"""Losses of supply worked out by hand: with a maximum, a quantity of their own or neither, and what is on order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.model.checks import check
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import snapshot, weeks, write

FORTNIGHT = {"from": "2026-01-05", "to": "2026-01-18"}
FIRST_WEEK = {"from": "2026-01-05", "to": "2026-01-11"}


def traded(**offer: Any) -> dict[str, Any]:
    """60 of A are wanted at 10 in each of three weeks; supplier S sells them at 4."""
    return {
        "periods": weeks(3),
        "items": [{"item": "A", "price": 10, "standard_cost": 4}],
        "locations": [{"location": "P"}],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4, **offer}],
        "forecast": [asked("A", 60, 10, f"W{n}") for n in (1, 2, 3)],
    }


def loss(**columns: Any) -> list[dict[str, Any]]:
    return [{"event": "E", "kind": "supply_loss", "target": "S", **FORTNIGHT, **columns}]


def said(folder: Path, settings: str = "", **tables: Any) -> list[tuple[str, str]]:
    report = check(write(folder, settings, **tables))
    return [(one.level, one.rule) for one in report.findings if one.table == "events"]


def bought(folder: Path, settings: str = "", **tables: Any) -> list[float]:
    plan = soe.plan(snapshot(folder, settings, **tables))
    return [quantity(plan, "buy", period=f"W{n}") for n in (1, 2, 3)]


class TestHalfLost:
    def test_of_a_maximum(self, tmp_path: Path) -> None:
        """Half of 80 a week is 40 for two weeks; holding is free, but nothing can be bought ahead."""
        tables = traded(maximum=80) | {"events": loss(factor=0.5)}
        assert bought(tmp_path / "plan", **tables)[:2] == [pytest.approx(40), pytest.approx(40)]
        assert said(tmp_path / "check", **tables) == []

    def test_of_no_maximum_is_said(self, tmp_path: Path) -> None:
        tables = traded() | {"events": loss(factor=0.5)}
        found = said(tmp_path, **tables)
        assert {level for level, _ in found} == {"warn"}
        assert [rule for _, rule in found if "sources without a maximum: O." in rule]
        assert len(found) == 1

    def test_of_a_quantity_of_its_own(self, tmp_path: Path) -> None:
        """100 in the fortnight without it are 50 a week, of which half is left."""
        tables = traded() | {"events": loss(factor=0.5, quantity=100)}
        assert bought(tmp_path / "plan", **tables)[:2] == [pytest.approx(25), pytest.approx(25)]
        assert said(tmp_path / "check", **tables) == []

    def test_one_offer_of_two_without_a_maximum(self, tmp_path: Path) -> None:
        tables = traded(maximum=80)
        tables["offers"].append({**tables["offers"][0], "offer": "O2", "maximum": None})
        found = said(tmp_path, **tables | {"events": loss(factor=0.5)})
        assert [rule for _, rule in found if "1 sources without a maximum" in rule]


class TestOnOrder:
    """30 on order with S for 9 January; S stops in the first week, so nothing else can come."""

    def tables(self, **event: Any) -> dict[str, Any]:
        order = {"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-09", "quantity": 30}
        receipts = [{**order, "offer": "O"}, {**order, "receipt": "R2", "quantity": 5, "offer": ""}]
        return traded() | {"receipts": receipts, "events": loss(**{**FIRST_WEEK, **event})}

    @pytest.mark.parametrize(
        ("rule", "factor", "first"), [("come", 0, 35), ("lost", 0, 5), ("late", 0, 5), ("lost", 0.5, 5 + 15)]
    )
    def test_what_comes_in_the_first_week(self, tmp_path: Path, rule: str, factor: float, first: float) -> None:
        settings = f'[costs]\nper = "period"\n[events]\nopen_orders = "{rule}"\n'
        tables = self.tables(factor=factor, **({"quantity": 0} if factor else {}))
        plan = soe.plan(snapshot(tmp_path, settings, **tables))
        assert quantity(plan, "sell", period="W1") == pytest.approx(first)
        received = quantity(plan, "receive")
        assert received == pytest.approx({"come": 35, "late": 35, "lost": 5 + 30 * factor}[rule])

    @pytest.mark.parametrize(("rule", "level"), [("come", "warn"), ("lost", "note"), ("late", "note")])
    def test_it_is_said(self, tmp_path: Path, rule: str, level: str) -> None:
        settings = f'[costs]\nper = "period"\n[events]\nopen_orders = "{rule}"\n'
        found = said(tmp_path, settings, **self.tables(factor=0))
        assert [one for one, text in found if "1 receipts that it hits are due" in text and text.endswith("R.")] == [
            level
        ]

    def test_an_unknown_word(self, tmp_path: Path) -> None:
        assert not check(write(tmp_path, '[events]\nopen_orders = "maybe"\n', **self.tables(factor=0))).ok


IDLE = [
    {"kind": "surge", "target": "A", "factor": 1},
    {"kind": "surge", "target": "A"},
    {"kind": "surge", "target": "A", "factor": 2, "from": "2026-03-01"},
    {"kind": "surge", "target": "B", "factor": 2, "from": "2026-01-12"},
    {"kind": "price", "target": "A", "factor": 1},
    {"kind": "price", "target": "A", "factor": 0.5, "to": "2026-01-04"},
    {"kind": "downtime", "target": "line", "hours": 0},
    {"kind": "downtime", "target": "line", "factor": 0},
    {"kind": "downtime", "target": "line", "hours": 5, "from": "2026-05-01"},
    {"kind": "delay", "target": "A", "days": 0},
    {"kind": "delay", "target": "A", "days": 2, "from": "2026-01-06", "to": "2026-01-09"},
    {"kind": "supply_loss", "target": "A", "factor": 1},
]
BUSY = [
    {"kind": "surge", "target": "A", "factor": 2},
    {"kind": "price", "target": "A", "factor": 0.5},
    {"kind": "downtime", "target": "line", "hours": 5},
    {"kind": "delay", "target": "A", "days": 2},
    {"kind": "supply_loss", "target": "A"},
]


def changes_nothing(folder: Path, event: dict[str, Any]) -> bool:
    tables = line(10, periods=2) | {"forecast": [asked("A", 5, 10), asked("A", 5, 10, "W2"), asked("B", 5, 10)]}
    tables |= {"items": [{"item": item} for item in "AB"], "locations": [{"location": "P"}]}
    found = said(folder, **tables, events=[{"event": "E", "from": None, "to": None, **event}])
    return any("changes nothing" in rule for _, rule in found)


@pytest.mark.parametrize("event", IDLE)
def test_an_event_that_changes_nothing_is_a_finding(tmp_path: Path, event: dict[str, Any]) -> None:
    assert changes_nothing(tmp_path, event)


@pytest.mark.parametrize("event", BUSY)
def test_an_event_that_changes_something_is_none(tmp_path: Path, event: dict[str, Any]) -> None:
    assert not changes_nothing(tmp_path, event)


def test_a_promotion_of_a_traded_item_lowers_its_sales_price(tmp_path: Path) -> None:
    """60 at 7.50 for two weeks and at 10 for one: 1,500 − 180 × 4 = 780."""
    promoted = {"event": "E", "kind": "price", "target": "A", "factor": 0.75, **FORTNIGHT}
    assert soe.plan(snapshot(tmp_path, **traded(), events=[promoted])).margin == pytest.approx(780)


def test_a_price_of_what_is_bought_and_not_sold_is_its_purchase_price(tmp_path: Path) -> None:
    """60 of A a week at 10, each made of one R, bought at 4 and then at 5: 180 × 5 = 900."""
    tables = traded() | {"routings": [{"routing": "AP", "item": "A", "location": "P"}]}
    tables["offers"] = [{**tables["offers"][0], "item": "R"}]
    tables["items"] = [{"item": item} for item in "AR"]
    tables["components"] = [{"routing": "AP", "component": "R", "quantity": 1}]
    dearer = {"event": "E", "kind": "price", "target": "R", "factor": 1.25}
    assert soe.plan(snapshot(tmp_path, **tables, events=[dearer])).margin == pytest.approx(900)
