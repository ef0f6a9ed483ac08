"""What came of decisions: later data say whether they were carried out; what was earned is worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.store import history, meeting
from soe_lib.whatif.follow_up import DONE, NOT, UNKNOWN, evidence
from soe_lib.whatif.scenario import Scenario
from tests.networks import MONDAY, write

NEXT = MONDAY + timedelta(days=7)
SETTINGS = "[horizon]\nweeks = 2\ndaily = 0\n"
STOP = {
    "event": "E1",
    "kind": "downtime",
    "target": "line",
    "from": MONDAY,
    "to": MONDAY + timedelta(days=6),
    "hours": 12,
}


def tables(first: int = 2) -> dict[str, list[dict[str, Any]]]:
    """A line of 20 h a week makes A (1 h, cost 4), of which 20 a week are asked for at 10."""
    weeks = [f"2026-W0{first + n}" for n in range(2)]
    return {
        "items": [{"item": "A", "price": 10, "standard_cost": 4, "family": "F"}],
        "locations": [{"location": "P", "kind": "plant"}],
        "resources": [{"resource": "line", "location": "P", "kind": "line"}],
        "calendar": [{"resource": "line", "period": week, "hours": 20, "overtime_hours": 2} for week in weeks],
        "routings": [{"routing": "A", "item": "A", "location": "P", "cost_per_unit": 4}],
        "operations": [{"routing": "A", "resource": "line", "hours_per_unit": 1}],
        "forecast": [{"item": "A", "location": "P", "period": week, "quantity": 20} for week in weeks],
        "inventory": [{"item": "A", "location": "P", "on_hand": 0}],
    }


def extract(folder: Path, day: date = MONDAY, **more: list[dict[str, Any]]) -> Snapshot:
    """One week's extract of the company; more: its other tables."""
    here = write(folder / day.isoformat(), SETTINGS, **tables(2 if day == MONDAY else 3), **more)
    said = (here / "settings.toml").read_text(encoding="utf-8")
    (here / "settings.toml").write_text(said.replace(str(MONDAY), str(day)), encoding="utf-8")
    return soe.read(folder, day.isoformat())


def happened(sold: float, hours: float | None = None) -> list[dict[str, Any]]:
    """What was sold, made and worked on the Wednesday between the two extracts."""
    day = {"date": MONDAY + timedelta(days=2), "item": "A", "location": "P"}
    rows = [{**day, "measure": "sales", "quantity": sold}, {**day, "measure": "make", "quantity": sold}]
    return (
        rows if hours is None else [*rows, {**day, "item": "", "measure": "hours", "resource": "line", "hours": hours}]
    )


@pytest.mark.parametrize(
    ("later", "state", "money"),
    [
        # The stop left 8 h, and 2 of overtime: 10 are sold without the decision. 13 were sold at 10 less 4: 3 × 6 more.
        # Decided: over on Wednesday, three of its five working days: 7.2 h.
        ([STOP | {"hours": 6}], DONE, 18.0),
        ([STOP], NOT, None),
        ([STOP | {"hours": 11}], NOT, None),
        ([STOP | {"to": MONDAY + timedelta(days=3)}], DONE, 18.0),
        ([], UNKNOWN, None),
    ],
    ids=["shortened", "unchanged", "hardly", "ended sooner", "no longer named"],
)
def test_a_repair_is_worth_something_only_where_it_came_sooner(
    tmp_path: Path, later: list[dict[str, Any]], state: str, money: float | None
) -> None:
    home, this = tmp_path / "plans", extract(tmp_path / "data", events=[STOP])
    alive = soe.Living(this)
    history.append(home, alive.base)
    week = soe.week(this, alive.base, None, store=home)
    for table, rows in (("exceptions", week.memory), ("options", week.options)):
        assert rows is not None
        meeting.keep(home, table, rows, company=this.company, as_of=this.as_of)
    made = soe.decide("Line down", "Repair", owner="Ann", reason="a fitter is free", store=home)
    assert made.promised == pytest.approx((12 - 12 * 3 / 5) * 6)
    soe.whatif.promote(this, store=home)
    quiet = [{"event": "E9", "kind": "price", "target": "A", "from": NEXT, "to": NEXT, "factor": 1}]
    then = extract(tmp_path / "data", NEXT, events=[*quiet, *later], actuals=happened(13))
    alive = soe.Living(then)
    came = soe.week(then, alive.base, None, store=home)
    (action,) = came.actions
    assert action["state"] == state, action["evidence"]
    assert action["realised"] == (None if money is None else pytest.approx(money))
    assert came.followed_up.frame["State"].to_list() == [state]  # type: ignore[union-attr]


def test_nothing_can_be_told_without_a_later_extract(tmp_path: Path) -> None:
    this = extract(tmp_path, events=[STOP])
    sooner = Scenario("sooner").set("events.hours", 6.0, event="E1")
    assert evidence(sooner, this, this) == (UNKNOWN, "there is no extract after 2026-01-05")
    assert evidence(sooner, None, this)[0] == UNKNOWN


@pytest.mark.parametrize(("hours", "state"), [(13.0, DONE), (8.0, UNKNOWN), (None, UNKNOWN)])
def test_a_stop_that_is_over_is_told_by_the_hours_worked(tmp_path: Path, hours: float | None, state: str) -> None:
    this = extract(tmp_path, events=[STOP])
    then = extract(tmp_path, NEXT, actuals=happened(8, hours))
    assert evidence(Scenario("sooner").set("events.hours", 6.0, event="E1"), this, then)[0] == state


@pytest.mark.parametrize(("hours", "state"), [(24.0, DONE), (21.0, NOT), (None, UNKNOWN)])
def test_overtime_is_told_by_the_hours_worked(tmp_path: Path, hours: float | None, state: str) -> None:
    # 20 regular hours and 2 of overtime could be worked anyhow.
    this, then = extract(tmp_path), extract(tmp_path, NEXT, actuals=happened(20, hours))
    twice = Scenario("more").scale("calendar.overtime_hours", 3.0, resource="line", period="2026-W02")
    assert evidence(twice, this, then)[0] == state


@pytest.mark.parametrize(("due", "state"), [(14, NOT), (12, DONE), (None, DONE)])
def test_a_receipt_is_told_by_the_day_on_which_it_comes(tmp_path: Path, due: int | None, state: str) -> None:
    # Due on the 7th, a week late on the 14th; decided: on the 11th.
    told = {"receipt": "PO1", "kind": "make", "item": "A", "location": "P", "quantity": 5}
    late = {
        "event": "E2",
        "kind": "delay",
        "target": "PO1",
        "from": MONDAY,
        "to": MONDAY + timedelta(days=6),
        "days": 7,
    }
    this = extract(tmp_path, receipts=[{**told, "due_on": date(2026, 1, 7)}], events=[late])
    open_ = [{**told, "due_on": date(2026, 1, due)}] if due else [{**told, "receipt": "PO2", "due_on": NEXT}]
    then = extract(tmp_path, NEXT, receipts=open_, actuals=happened(8))
    assert evidence(Scenario("sooner").set("events.days", 4, event="E2"), this, then)[0] == state


@pytest.mark.parametrize(("placed", "state"), [(0, NOT), (4, UNKNOWN), (9, DONE)])
def test_a_larger_purchase_is_told_by_the_orders_placed(tmp_path: Path, placed: int, state: str) -> None:
    offer = {"offer": "S", "supplier": "S", "item": "A", "location": "P", "unit_cost": 5, "maximum": 6}
    order = {"receipt": "PO1", "kind": "buy", "item": "A", "location": "P", "offer": "S", "due_on": NEXT}
    this = extract(tmp_path, offers=[offer])
    then = extract(tmp_path, NEXT, offers=[offer], receipts=[{**order, "quantity": placed}] if placed else [
        {**order, "offer": "", "kind": "make", "quantity": 1}
    ])  # fmt: skip
    assert evidence(Scenario("twice").scale("offers.maximum", 2.0, offer="S"), this, then)[0] == state


def test_rows_are_told_by_what_stands_in_them(tmp_path: Path) -> None:
    order = {
        "order": "O1",
        "item": "A",
        "location": "P",
        "customer": "C",
        "due_on": NEXT + timedelta(days=2),
        "quantity": 9,
    }
    who = {"customer": "C", "latest_days": 7}
    this = extract(tmp_path, orders=[order], customers=[who])
    then = extract(tmp_path, NEXT, orders=[order | {"quantity": 4}], customers=[who])
    assert evidence(Scenario("cut").scale("orders.quantity", 0.5, order="O1"), this, then)[0] == DONE
    assert evidence(Scenario("no").drop("orders", order="O1"), this, then)[0] == NOT
    assert evidence(Scenario("wait").add_to("customers.latest_days", 7, customer="C"), this, then)[0] == NOT
    assert evidence(Scenario("rule").set("settings.fence.frozen_days", 3), this, then)[0] == UNKNOWN
    both = Scenario("both").scale("orders.quantity", 0.5, order="O1").add_to("customers.latest_days", 7, customer="C")
    assert evidence(both, this, then)[0] == NOT, "a decision is carried out whole"
