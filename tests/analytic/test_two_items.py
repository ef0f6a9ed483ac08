"""Two-item networks whose answers a planner works out by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from tests.networks import snapshot, weeks


def line(hours: float, periods: int = 1, **more: object) -> dict[str, list[dict[str, object]]]:
    """One plant with one line that makes A (1 h, cost 4) and B (2 h, cost 6)."""
    return {
        "periods": list(weeks(periods)),
        "resources": [{"resource": "line", "location": "P", "kind": "line", **more}],
        "calendar": [{"resource": "line", "period": f"W{n + 1}", "hours": hours} for n in range(periods)],
        "routings": [
            {"routing": "A", "item": "A", "location": "P", "cost_per_unit": 4},
            {"routing": "B", "item": "B", "location": "P", "cost_per_unit": 6},
        ],
        "operations": [
            {"routing": "A", "resource": "line", "hours_per_unit": 1},
            {"routing": "B", "resource": "line", "hours_per_unit": 2},
        ],
    }


def asked(item: str, quantity: float, price: float, period: str = "W1", **more: object) -> dict[str, object]:
    return {"item": item, "location": "P", "period": period, "quantity": quantity, "price": price, **more}


def quantity(plan: soe.Plan, flow: str, **where: str) -> float:
    frame = plan.flows[flow].filter(*(pl.col(k) == v for k, v in where.items()))
    return float(frame["quantity"].sum())


def test_the_line_makes_what_earns_most_per_hour(tmp_path: Path) -> None:
    # A earns 10−4 = 6 for 1 h, B 16−6 = 10 for 2 h = 5 per hour. 10 h: 8 A (all that is asked), then 1 B.
    tables = line(10) | {"forecast": [asked("A", 8, 10), asked("B", 8, 16)]}
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "make", item="A") == pytest.approx(8)
    assert quantity(plan, "make", item="B") == pytest.approx(1)
    assert plan.margin == pytest.approx(8 * 6 + 1 * 10)
    assert plan.ledger.accounts()["revenue"] == pytest.approx(8 * 10 + 16)
    assert plan.ledger.accounts()["conversion"] == pytest.approx(-(8 * 4 + 6))
    assert plan.prices["hours"]["price"].to_list() == pytest.approx([5.0])


def test_overtime_is_bought_while_it_is_worth_more_than_its_premium(tmp_path: Path) -> None:
    # An hour of A is worth 6 before hours cost anything; hours cost 1, overtime 4 in all: premium 3 < 6−1.
    tables = line(5, hourly_cost=1, overtime_cost=4) | {"forecast": [asked("A", 8, 10)]}
    tables["calendar"] = [{"resource": "line", "period": "W1", "hours": 5, "overtime_hours": 2}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "overtime") == pytest.approx(2)
    assert plan.ledger.accounts()["overtime"] == pytest.approx(-2 * 3)
    assert plan.ledger.accounts()["conversion"] == pytest.approx(-7 * (4 + 1))
    assert plan.margin == pytest.approx(7 * 10 - 7 * 5 - 2 * 3)


def test_overtime_that_costs_more_than_it_earns_is_left(tmp_path: Path) -> None:
    tables = line(5, hourly_cost=1, overtime_cost=8) | {"forecast": [asked("A", 8, 10)]}
    tables["calendar"] = [{"resource": "line", "period": "W1", "hours": 5, "overtime_hours": 2}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "overtime") == 0


def test_yield_and_components_are_per_unit_started(tmp_path: Path) -> None:
    # 9 good units at yield 0.9 are 10 starts: 20 of C at 1.5, 10 × 4 conversion.
    tables = line(100) | {"forecast": [asked("A", 9, 20)]}
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P", "cost_per_unit": 4, "yield": 0.9}]
    tables["operations"] = tables["operations"][:1]
    tables["components"] = [{"routing": "A", "component": "C", "quantity": 2}]
    tables["offers"] = [{"offer": "O", "supplier": "S", "item": "C", "location": "P", "unit_cost": 1.5}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "make") == pytest.approx(10)
    assert quantity(plan, "buy") == pytest.approx(20)
    assert plan.margin == pytest.approx(9 * 20 - 10 * 4 - 20 * 1.5)


def test_a_shipment_of_a_week_arrives_spread_over_two(tmp_path: Path) -> None:
    # 7 units leave evenly over W1's seven days and travel 3: those of days 1–4 arrive in W1, of days 5–7 in W2.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(2),
            inventory=[{"item": "A", "location": "P", "on_hand": 7}],
            lanes=[{"lane": "L", "origin": "P", "destination": "M", "lead_time_days": 3, "cost_per_unit": 1}],
            items=[{"item": "A", "holding_cost": 0.01}],
            forecast=[
                {"item": "A", "location": "M", "period": "W1", "quantity": 4, "price": 5},
                {"item": "A", "location": "M", "period": "W2", "quantity": 3, "price": 5},
            ],
        )
    )
    assert quantity(plan, "ship", period="W1") == pytest.approx(7)
    assert quantity(plan, "sell") == pytest.approx(7)


def test_goods_under_way_at_the_end_are_valued(tmp_path: Path) -> None:
    # Nothing can arrive in time: the purchase pays only if the end value covers it. 10 on offer at 3, worth 2.5: no.
    tables = {
        "periods": weeks(1),
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 3, "lead_time_days": 10}],
        "items": [{"item": "A", "end_value": 2.5}],
        "policies": [{"item": "A", "location": "P", "end_stock_maximum": 0}],
        "receipts": [
            {
                "receipt": "R",
                "kind": "buy",
                "item": "A",
                "location": "P",
                "due_on": "2026-01-20",
                "quantity": 4,
                "offer": "O",
            }
        ],
        "forecast": [asked("A", 1, 9)],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "buy") == 0
    assert quantity(plan, "leave") == pytest.approx(4)
    assert plan.ledger.accounts()["end value"] == pytest.approx(4 * 2.5)
    assert plan.ledger.accounts()["material"] == pytest.approx(-4 * 3)
    assert plan.margin - plan.ledger.cash == pytest.approx(10)


def test_late_is_chosen_where_it_is_cheaper_than_short(tmp_path: Path) -> None:
    # 6 asked in W1, 4 can be made a week. The 2 missing come a week late at 1 each, rather than never.
    tables = line(4, periods=2) | {
        "forecast": [asked("A", 6, 10, customer="C")],
        "customers": [{"customer": "C", "late_cost": 1, "short_cost": 5, "short_penalty": 2, "latest_days": 7}],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", period="W2") == pytest.approx(2)
    assert plan.ledger.accounts()["penalties"] == pytest.approx(-2)
    assert plan.steering == 0


def test_short_books_penalty_as_cash_and_goodwill_as_steering(tmp_path: Path) -> None:
    tables = line(4) | {
        "forecast": [asked("A", 6, 10, customer="C")],
        "customers": [{"customer": "C", "short_cost": 5, "short_penalty": 2}],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "short") == pytest.approx(2)
    assert plan.ledger.cash == pytest.approx(4 * 6 - 2 * 2)
    assert plan.steering == pytest.approx(-2 * 5)
    assert plan.objective == pytest.approx(plan.margin + plan.steering)


def test_the_premium_of_an_expedited_offer_is_expediting(tmp_path: Path) -> None:
    # The ordinary offer takes two weeks; 5 are asked now at 9, expedited at 4 instead of 3.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(1),
            offers=[
                {"offer": "sea", "supplier": "S", "item": "A", "location": "P", "unit_cost": 3, "lead_time_days": 14},
                {"offer": "air", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4, "expedite": "yes"},
            ],
            forecast=[asked("A", 5, 9)],
        )
    )
    accounts = plan.ledger.accounts()
    assert accounts["material"] == pytest.approx(-15)
    assert accounts["expediting"] == pytest.approx(-5)


def test_an_order_consumes_its_forecast(tmp_path: Path) -> None:
    # Forecast 10, order 4 within it: 10 are asked in all, 4 of them at the order's price.
    tables = line(100) | {
        "forecast": [asked("A", 10, 10, customer="C")],
        "customers": [{"customer": "C"}],
        "orders": [
            {
                "order": "17",
                "item": "A",
                "location": "P",
                "customer": "C",
                "due_on": "2026-01-08",
                "quantity": 4,
                "price": 12,
            }
        ],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell") == pytest.approx(10)
    assert plan.ledger.accounts()["revenue"] == pytest.approx(4 * 12 + 6 * 10)


def test_an_order_above_its_forecast_replaces_it(tmp_path: Path) -> None:
    tables = line(100) | {
        "forecast": [asked("A", 10, 10, customer="C")],
        "customers": [{"customer": "C"}],
        "orders": [
            {"order": "17", "item": "A", "location": "P", "customer": "C", "due_on": "2026-01-08", "quantity": 14}
        ],
        "items": [{"item": "A", "price": 11}, {"item": "B"}],
    }
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "sell") == pytest.approx(14)


def test_alternatives_of_a_step_share_the_work(tmp_path: Path) -> None:
    # 30 units; line 1 has 10 h at 1 h a unit, line 2 has 40 h at 2 h a unit: 10 + 20.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(1),
            resources=[{"resource": "1", "location": "P"}, {"resource": "2", "location": "P"}],
            calendar=[{"resource": "1", "period": "W1", "hours": 10}, {"resource": "2", "period": "W1", "hours": 40}],
            routings=[{"routing": "A", "item": "A", "location": "P"}],
            operations=[
                {"routing": "A", "step": "fill", "resource": "1", "hours_per_unit": 1},
                {"routing": "A", "step": "fill", "resource": "2", "hours_per_unit": 2},
            ],
            forecast=[asked("A", 100, 1)],
        )
    )
    assert quantity(plan, "make") == pytest.approx(30)
    assert quantity(plan, "run", resource="2") == pytest.approx(20)


def test_each_alternative_costs_its_own_hours(tmp_path: Path) -> None:
    # A unit takes 1 h at 4 on line 1, which has 5, or 2 h at 3 on line 2.
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        resources=[
            {"resource": "1", "location": "P", "hourly_cost": 4},
            {"resource": "2", "location": "P", "hourly_cost": 3},
        ],
        calendar=[{"resource": n, "period": "W1", "hours": hours} for n, hours in (("1", 5), ("2", 40))],
        routings=[{"routing": "A", "item": "A", "location": "P"}],
        operations=[
            {"routing": "A", "step": "fill", "resource": "1", "hours_per_unit": 1},
            {"routing": "A", "step": "fill", "resource": "2", "hours_per_unit": 2},
        ],
        forecast=[asked("A", 8, 5, customer="X"), asked("A", 3, 7, customer="Y")],
    )
    # 3 for Y and 2 for X on line 1; line 2 loses 1 on each unit for X and stands still.
    plan = soe.plan(found)
    assert plan.margin == pytest.approx(3 * (7 - 4) + 2 * (5 - 4))
    assert plan.ledger.accounts()["conversion"] == pytest.approx(-5 * 4)


def test_stock_below_safety_has_a_price_and_is_no_cash(tmp_path: Path) -> None:
    # 5 on hand, 4 asked at 3; the shortfall below 5 costs 1 a unit and week: selling still pays.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 5}],
            policies=[{"item": "A", "location": "P", "safety_stock": 5, "below_safety_cost": 1}],
            forecast=[asked("A", 4, 3)],
        )
    )
    assert plan.ledger.cash == pytest.approx(12)
    assert plan.steering == pytest.approx(-4)


def test_joint_storage_binds_two_items(tmp_path: Path) -> None:
    # Room for 6 volume; A takes 2, B 1; both worth 5 next week. All B (4), then 1 A.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(2),
            items=[{"item": "A", "volume": 2}, {"item": "B", "volume": 1}],
            locations=[{"location": "P", "kind": "plant", "storage_capacity": 6}],
            offers=[
                {"offer": o, "supplier": "S", "item": o, "location": "P", "unit_cost": 1, "valid_to": "2026-01-05"}
                for o in ("A", "B")
            ],
            forecast=[asked("A", 4, 5, "W2"), asked("B", 4, 5, "W2")],
        )
    )
    assert quantity(plan, "stock", item="B", period="W1") == pytest.approx(4)
    assert quantity(plan, "stock", item="A", period="W1") == pytest.approx(1)
