"""Frontiers of small companies, worked out by hand: what each step of one measure costs of another."""

from __future__ import annotations

from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.review.measures import of_plans as measures
from soe_lib.review.measures import tradable as measure
from soe_lib.review.measures.of_plans import in_horizon
from soe_lib.whatif.frontier import Frontier
from tests.analytic.test_two_items import asked, line
from tests.networks import snapshot, weeks


def curve(found: Frontier) -> list[tuple[float, float]]:
    return found.points.select("x", "y").rows()


def near(pairs: list[tuple[float, float]]) -> list[object]:
    return [pytest.approx(pair, abs=1e-4) for pair in pairs]


def dear_overtime(folder: Path) -> soe.Snapshot:
    """5 regular hours at 1, 3 hours of overtime at 8: a unit of A earns 10 − 4 − 1 = 5, on overtime 5 − 7 = −2."""
    tables = line(5, hourly_cost=1, overtime_cost=8) | {"forecast": [asked("A", 8, 10)]}
    tables["calendar"] = [{"resource": "line", "period": "W1", "hours": 5, "overtime_hours": 3}]
    return snapshot(folder, **tables)


def test_service_is_bought_with_overtime_that_does_not_pay(tmp_path: Path) -> None:
    # Now 5 of 8 are served and earn 25; each of the other 3 costs 2, which is 16 per whole of service.
    today = dear_overtime(tmp_path)
    found = soe.frontier(today, "service", "margin", 4)
    assert curve(found) == near([(5 / 8, 25), (6 / 8, 23), (7 / 8, 21), (1, 19)])
    assert found.points["price"].to_list() == [None, *[pytest.approx(-16, abs=1e-3)] * 3]
    assert found.points["current"].to_list() == [True, False, False, False]
    assert set(found.points["status"]) == {"optimal"}
    assert found.plan(0) is found.today
    for point, x, y in found.points.select("point", "x", "y").rows():
        assert (measures.service(found.plan(point)), found.plan(point).margin) == (x, y)
    assert "On time from 62.5 % to 100.0 % costs EUR 6 of margin".replace(" %", "\u00a0%") in repr(found).replace(
        "EUR\u00a0", "EUR "
    )
    chart = found.chart()
    assert chart.title in chart.alt
    assert not chart.title.endswith(".")
    assert found.names[-1] == "on time 100.0\u00a0%"


def test_stock_made_ahead_serves_the_second_week(tmp_path: Path) -> None:
    # 6 h a week; 2 asked in W1, 10 in W2. With k made ahead (k <= 4), 8 + k of 12 are served, and k units at 3 lie in
    # stock for one of two weeks: a mean of 1.5 k.
    tables = line(6, periods=2) | {"forecast": [asked("A", 2, 10), asked("A", 10, 10, "W2")]}
    tables["items"] = [{"item": "A", "standard_cost": 3}, {"item": "B"}]
    found = soe.frontier(snapshot(tmp_path, **tables), "stock", "service", 3)
    assert curve(found) == near([(0, 8 / 12), (3, 10 / 12), (6, 1)])
    assert found.points["current"].to_list() == [False, False, True]  # all that can be served pays


def three_weeks(folder: Path, *asks: float, settings: str = "") -> soe.Snapshot:
    rows = [asked("A", quantity, 10, f"W{n}") for n, quantity in enumerate(asks, start=1)]
    return snapshot(folder, settings, **(line(20, periods=3) | {"forecast": rows}))


def test_each_move_of_the_record_earns_six(tmp_path: Path) -> None:
    # The record makes 3, 4, 5; 6 a week are asked for now, and each more earns 10 − 4. Moved: 3 + 2 + 1 of 12.
    record = soe.plan(three_weeks(tmp_path / "before", 3, 4, 5))
    found = soe.frontier(three_weeks(tmp_path / "now", 6, 6, 6), "churn", "margin", 3, record=record)
    assert curve(found) == near([(0, 72), (0.25, 90), (0.5, 108)])
    assert found.points["current"].to_list() == [False, False, True]
    assert [measures.churn(plan, record) for plan in found] == pytest.approx([0, 0.25, 0.5], abs=1e-6)


def test_what_can_be_sold_now_brings_cash_and_loses_its_end_value(tmp_path: Path) -> None:
    # 10 in stock are worth 4 each at the end, and 3 each to a customer now.
    tables = {
        "periods": weeks(1),
        "items": [{"item": "A", "end_value": 4}],
        "inventory": [{"item": "A", "location": "P", "on_hand": 10}],
        "forecast": [asked("A", 10, 3)],
    }
    found = soe.frontier(snapshot(tmp_path, **tables), "cash", "margin", 3)
    assert curve(found) == near([(0, 40), (15, 35), (30, 30)])
    assert found.points["price"][2] == pytest.approx(-1 / 3, abs=1e-4)


def test_margin_is_not_taken_from_goodwill(tmp_path: Path) -> None:
    # Each unit loses 1 and saves 2 of goodwill: it is made. More cash could only come from letting customers down.
    tables = line(5) | {"forecast": [{**asked("A", 5, 3), "customer": "C"}]}
    tables["customers"] = [{"customer": "C", "short_cost": 2}]
    found = soe.frontier(snapshot(tmp_path, **tables), "cash", "margin", 3)
    assert curve(found) == near([(-5, -5)])
    assert found.points["current"].to_list() == [True]
    assert "nothing to trade" in found.finding


def test_goodwill_is_told_apart_from_the_rest_of_steering(tmp_path: Path) -> None:
    # 5 are made at a loss of 1; with a safety stock of 2 below which a unit costs 3, steering is −6 and goodwill 0.
    tables = line(5) | {"forecast": [{**asked("A", 5, 3), "customer": "C"}]}
    tables["customers"] = [{"customer": "C", "short_cost": 2}]
    tables["policies"] = [{"item": "A", "location": "P", "safety_stock": 2, "below_safety_cost": 3}]
    made = snapshot(tmp_path, **tables)
    plan = soe.plan(made)
    told = {name: measure(name).value(plan) for name in ("goodwill", "steering")}
    assert told["steering"] == pytest.approx(plan.steering)
    assert told["steering"] < -1.0
    assert told["goodwill"] == pytest.approx(plan.ledger.accounts().get("goodwill", 0.0))
    below = plan.ledger.accounts()["below safety"]
    assert plan.ledger.steered() == pytest.approx({"goodwill": told["goodwill"], "shortage": 0.0, "other": below})
    model = soe.Model(made)
    for name in ("goodwill", "steering"):
        line_of, _ = measure(name).linear(model)
        amount = sum(
            float((terms * plan.flows[flow]["quantity"].to_numpy()).sum()) for flow, terms in line_of.terms.items()
        )
        assert amount == pytest.approx(told[name]), name


def test_service_whose_base_moves_with_substitutes(tmp_path: Path) -> None:
    # 4 of A are there and 10 asked for; r served with B at a loss of 2 no longer count as asked: service is 4 / (10 − r).
    tables = {
        "periods": weeks(1),
        "inventory": [{"item": "A", "location": "P", "on_hand": 4}, {"item": "B", "location": "P", "on_hand": 10}],
        "substitutions": [{"item": "A", "substitute": "B", "cost": 12}],
        "forecast": [asked("A", 10, 10)],
    }
    found = soe.frontier(snapshot(tmp_path, **tables), "service", "margin", 3)
    assert curve(found) == near([(0.4, 40), (0.7, 40 - 2 * (10 - 4 / 0.7)), (1, 28)])


def test_points_that_another_one_beats_are_left_out(tmp_path: Path) -> None:
    # All demand is served and stock only costs: one point has the least stock and the most service.
    tables = line(20) | {"forecast": [asked("A", 5, 10)]}
    tables["items"] = [{"item": "A", "standard_cost": 3}, {"item": "B", "standard_cost": 3}]
    found = soe.frontier(snapshot(tmp_path, **tables), "stock", "service")
    assert curve(found) == near([(0, 1)])


def test_a_record_in_weeks_is_compared_by_day(tmp_path: Path) -> None:
    # 10 in week 2 of 2026 are 2 on each of its five working days.
    week = '[horizon]\nweeks = 2\ndaily = {}\n[costs]\nper = "day"\n'
    tables = line(0) | {"forecast": [asked("A", 10, 10, "2026-W02")]}
    del tables["periods"]
    tables["calendar"] = [{"resource": "line", "period": f"2026-W0{n}", "hours": 20} for n in (2, 3)]
    record = soe.plan(snapshot(tmp_path / "weeks", week.format(0), **tables))
    assert float(record.flow("make")["quantity"].sum()) == pytest.approx(10)
    days = snapshot(tmp_path / "days", week.format(7), **tables)
    made = in_horizon(days, record).flows["make"]
    assert made["quantity"].to_list() == pytest.approx([2] * 5)
    found = soe.frontier(days, "churn", "margin", 2, record=record)
    assert curve(found)[0] == pytest.approx((0, 60), abs=1e-4)


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    today = dear_overtime(tmp_path)
    for call, said in (
        (lambda: soe.frontier(today, "servise"), "no measure 'servise'"),
        (lambda: soe.frontier(today, "margin"), "two measures"),
        (lambda: soe.frontier(today, points=1), "2 or more"),
        (lambda: soe.frontier(today, "churn"), "plan of record"),
        (lambda: soe.frontier(today, "stock"), "standard_cost"),
        (lambda: soe.frontier(today, points=2).plan(9), "no point 9"),
    ):
        with pytest.raises(DataError, match=said):
            call()


def test_progress_counts_and_may_end_the_work(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    soe.frontier(dear_overtime(tmp_path), points=3, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt(f"{done} of {of}")

    with pytest.raises(KeyboardInterrupt, match="1 of 3"):
        soe.frontier(dear_overtime(tmp_path / "again"), points=3, progress=stop)
