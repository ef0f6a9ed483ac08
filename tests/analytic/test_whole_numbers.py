"""Set-ups, minimum runs, multiples, trips, crews, maintenance, substitutes and shelf life, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import days, snapshot, weeks


def routing(**terms: object) -> dict[str, list[dict[str, object]]]:
    tables = line(100, periods=2)
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P", **terms}]
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1}]
    tables["items"] = [{"item": "A", "holding_cost": 1}, {"item": "B"}]
    return tables


def test_one_set_up_serves_two_weeks_where_holding_is_cheaper(tmp_path: Path) -> None:
    # 5 a week. One run: 50 + 5 held for one week at 1 = 55 < two runs at 100.
    tables = routing(setup_cost=50) | {"forecast": [asked("A", 5, 20, "W1"), asked("A", 5, 20, "W2")]}
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert plan.ledger.accounts()["changeover"] == pytest.approx(-50)
    assert plan.margin == pytest.approx(200 - 55)
    assert plan.solution["gap"] == 0


def test_a_minimum_run_makes_more_or_nothing(tmp_path: Path) -> None:
    # Minimum 8, asked 5 at 10, cost 4 a unit started: 50 − 32 = 18 beats 0; the 3 left are worth nothing.
    tables = routing(minimum=8, cost_per_unit=4) | {"forecast": [asked("A", 5, 10, "W2")]}
    tables["items"] = [{"item": "A"}, {"item": "B"}]
    assert soe.plan(snapshot(tmp_path / "a", **tables)).margin == pytest.approx(18)
    tables["forecast"] = [asked("A", 5, 6, "W2")]
    assert soe.plan(snapshot(tmp_path / "b", **tables)).margin == 0


def test_whole_multiples(tmp_path: Path) -> None:
    # Multiples of 4 at 1 a unit; 10 asked at 3: 8 for 16, or 12 for 30 − 12 = 18.
    tables = routing(multiple=4, cost_per_unit=1) | {"forecast": [asked("A", 10, 3, "W1")]}
    tables["items"] = [{"item": "A"}, {"item": "B"}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "make") == pytest.approx(12)
    assert quantity(plan, "batch") == pytest.approx(3)


def test_set_up_hours_take_capacity(tmp_path: Path) -> None:
    tables = routing() | {"forecast": [asked("A", 100, 10, "W1")]}
    tables["periods"], tables["calendar"] = list(weeks(1)), [{"resource": "line", "period": "W1", "hours": 10}]
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1, "setup_hours": 3}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == pytest.approx(7)


def test_a_lane_with_a_fixed_cost_runs_only_where_it_pays(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(1),
        "inventory": [{"item": i, "location": "P", "on_hand": 9} for i in "AB"],
        "lanes": [{"lane": "L", "origin": "P", "destination": "M", "fixed_cost": 30, "maximum": 12}],
        "forecast": [
            {"item": i, "location": "M", "period": "W1", "quantity": 9, "price": p} for i, p in (("A", 5), ("B", 2))
        ],
    }
    # 9 A and 3 B fill the lorry: 45 + 6 − 30.
    plan = soe.plan(snapshot(tmp_path / "a", **tables))
    assert plan.margin == pytest.approx(21)
    assert plan.ledger.accounts()["fixed"] == pytest.approx(-30)
    tables["lanes"] = [{"lane": "L", "origin": "P", "destination": "M", "fixed_cost": 60, "maximum": 12}]
    assert soe.plan(snapshot(tmp_path / "b", **tables)).margin == 0


def test_a_crew_is_hired_where_its_hours_earn_more(tmp_path: Path) -> None:
    # A head brings 4 h a week, costs 5 a week and 6 to hire; A earns 6 an hour. Two weeks: 48 − 10 − 6 a head.
    tables = line(0, periods=2) | {"forecast": [asked("A", 8, 10, "W1"), asked("A", 8, 10, "W2")]}
    tables["workforce"] = [
        {
            "resource": "line",
            "opening_heads": 1,
            "hours_per_head": 4,
            "cost_per_head": 5,
            "hire_cost": 6,
            "whole": "yes",
        }
    ]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "hire") == pytest.approx(1)
    assert quantity(plan, "make") == pytest.approx(16)
    assert plan.ledger.accounts()["workforce"] == pytest.approx(-(4 * 5 + 6))
    assert plan.margin == pytest.approx(16 * 6 - 26)


def test_a_crew_is_released_where_it_earns_less_than_it_costs(tmp_path: Path) -> None:
    tables = line(0) | {"forecast": [asked("A", 8, 5)]}
    tables["workforce"] = [
        {"resource": "line", "opening_heads": 2, "hours_per_head": 4, "cost_per_head": 5, "release_cost": 1}
    ]
    assert soe.plan(snapshot(tmp_path, **tables)).margin == pytest.approx(-2)


def test_maintenance_goes_where_it_hurts_least(tmp_path: Path) -> None:
    tables = line(10, periods=2) | {"forecast": [asked("A", 10, 10, "W1"), asked("A", 6, 10, "W2")]}
    tables["items"] = [{"item": "A", "holding_cost": 9}, {"item": "B"}]
    tables["maintenance"] = [
        {"maintenance": "M", "resource": "line", "jobs": 1, "hours": 4, "earliest": "W1", "latest": "W2"}
    ]
    plan = soe.plan(snapshot(tmp_path / "a", **tables))
    assert quantity(plan, "maintain", period="W2") == pytest.approx(1)
    tables["maintenance"] = [{"maintenance": "M", "resource": "line", "jobs": 1, "hours": 4, "latest": "2026-01-08"}]
    assert quantity(soe.plan(snapshot(tmp_path / "b", **tables)), "make", period="W1") == pytest.approx(6)


def test_a_substitute_serves_at_its_ratio_and_cost(tmp_path: Path) -> None:
    # 4 B for A at ratio 2: 2 units of demand served at 10 − 1.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 1}, {"item": "B", "location": "P", "on_hand": 4}],
            substitutions=[{"item": "A", "substitute": "B", "ratio": 2, "cost": 1}],
            forecast=[asked("A", 5, 10)],
        )
    )
    assert quantity(plan, "replace") == pytest.approx(2)
    assert plan.margin == pytest.approx(10 + 2 * 9)


def test_what_expires_is_used_first_or_written_off(tmp_path: Path) -> None:
    # 10 on hand, of which 6 expire after day 2; 2 a day are asked: 4 used in time, 2 written off at 3.
    tables = {
        "periods": days(5),
        "items": [{"item": "A", "standard_cost": 3}],
        "inventory": [
            {"item": "A", "location": "P", "lot": "old", "on_hand": 6, "expires_on": "2026-01-06"},
            {"item": "A", "location": "P", "lot": "new", "on_hand": 4, "expires_on": "2026-02-06"},
        ],
        "forecast": [asked("A", 2, 10, f"D{n:03d}") for n in range(1, 6)],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "scrap") == pytest.approx(2)
    assert quantity(plan, "sell") == pytest.approx(8)
    assert plan.ledger.accounts()["write-offs"] == pytest.approx(-6)


def test_stock_is_not_kept_past_its_shelf_life(tmp_path: Path) -> None:
    # Bought only on day 1, good for 2 days: days 2 and 3 can be served, day 5 cannot.
    plan = soe.plan(
        snapshot(
            tmp_path,
            periods=days(5),
            items=[{"item": "A", "shelf_life_days": 2, "standard_cost": 1}],
            offers=[
                {"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1, "valid_to": "2026-01-05"}
            ],
            forecast=[asked("A", 2, 10, f"D{n:03d}") for n in (2, 3, 5)],
        )
    )
    assert quantity(plan, "buy") == pytest.approx(4)
    assert plan.flows["sell"].filter(pl.col("quantity") > 0)["period"].to_list() == ["D002", "D003"]


# -- set-ups that carry over, and set-ups of alternatives ----------------------------------------------------------

KEPT = '[costs]\nper = "period"\n[setups]\ncarry_over = true\n'
ANEW = '[costs]\nper = "period"\n'


def two_items(weeks_: int, hours: float, **of_a: float) -> dict[str, list[dict[str, object]]]:
    """A and B on one line, 1 h a unit and nothing kept: holding costs more than any price."""
    tables = line(hours, periods=weeks_)
    tables["items"] = [{"item": item, "holding_cost": 100} for item in "AB"]
    tables["routings"] = [{"routing": item, "item": item, "location": "P", **of_a} for item in "AB"]
    tables["operations"] = [{"routing": item, "resource": "line", "hours_per_unit": 1} for item in "AB"]
    return tables


def test_a_set_up_carries_over_where_the_settings_say_so(tmp_path: Path) -> None:
    # 5 of A in each of three weeks at 10: three set-ups at 30 leave 0; one that is kept leaves 150 − 30 = 120.
    tables = two_items(3, 100, setup_cost=30) | {"forecast": [asked("A", 5, 10, f"W{n}") for n in (1, 2, 3)]}
    assert soe.plan(snapshot(tmp_path / "anew", ANEW, **tables)).margin == pytest.approx(150 - 90)
    plan = soe.plan(snapshot(tmp_path / "kept", KEPT, **tables))
    assert plan.margin == pytest.approx(150 - 30)
    assert quantity(plan, "set_up") == pytest.approx(1)
    assert quantity(plan, "carry") == pytest.approx(2)


def test_a_line_ends_a_period_in_one_set_up(tmp_path: Path) -> None:
    # A and B in both weeks: week 2 starts with what week 1 ended with, so three set-ups instead of four.
    both = [asked(item, 5, 100, f"W{n}") for n in (1, 2) for item in "AB"]
    plan = soe.plan(snapshot(tmp_path, KEPT, **(two_items(2, 100, setup_cost=30) | {"forecast": both})))
    assert plan.margin == pytest.approx(20 * 100 - 3 * 30)


def test_a_set_up_lasts_through_a_period_only_if_no_other_takes_its_place(tmp_path: Path) -> None:
    # A, then B, then A: B's set-up in week 2 ends A's, which must be made anew: three set-ups, none is saved.
    asks = [asked("A", 5, 100, "W1"), asked("B", 5, 100, "W2"), asked("A", 5, 100, "W3")]
    plan = soe.plan(snapshot(tmp_path / "aba", KEPT, **(two_items(3, 100, setup_cost=30) | {"forecast": asks})))
    assert plan.margin == pytest.approx(15 * 100 - 3 * 30)
    # With nothing in week 2 it lasts: one set-up.
    asks = [asked("A", 5, 100, "W1"), asked("A", 5, 100, "W3")]
    plan = soe.plan(snapshot(tmp_path / "a_a", KEPT, **(two_items(3, 100, setup_cost=30) | {"forecast": asks})))
    assert plan.margin == pytest.approx(10 * 100 - 30)


def test_set_up_hours_are_saved_and_fixed_costs_never(tmp_path: Path) -> None:
    # 10 h a week, 3 h a set-up: 7 in week 1, 10 in week 2 with the set-up kept. Fixed cost 20 in both weeks.
    tables = two_items(2, 10, fixed_cost=20) | {"forecast": [asked("A", 99, 10, "W1"), asked("A", 99, 10, "W2")]}
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1, "setup_hours": 3}]
    plan = soe.plan(snapshot(tmp_path, KEPT, **tables))
    assert quantity(plan, "make") == pytest.approx(17)
    assert plan.margin == pytest.approx(170 - 40)


def test_only_the_line_that_runs_is_set_up(tmp_path: Path) -> None:
    # A can run on L1 or L2, 3 h of set-up each. 6 asked: L1 alone has 10 − 3 = 7 h, and the set-up's hours cost 3 × 2.
    # B needs 8 of L2's 10 h, which would not be there if L2 were set up for A.
    tables: dict[str, list[dict[str, object]]] = {
        "periods": list(weeks(1)),
        "resources": [{"resource": r, "location": "P", "kind": "line", "hourly_cost": 2} for r in ("L1", "L2")],
        "calendar": [{"resource": r, "period": "W1", "hours": 10} for r in ("L1", "L2")],
        "routings": [{"routing": i, "item": i, "location": "P", "setup_cost": 5 * (i == "A")} for i in "AB"],
        "operations": [
            *(
                {"routing": "A", "step": "1", "resource": r, "hours_per_unit": 1, "setup_hours": 3}
                for r in ("L1", "L2")
            ),
            {"routing": "B", "step": "1", "resource": "L2", "hours_per_unit": 1},
        ],
        "forecast": [asked("A", 6, 10), asked("B", 8, 10)],
    }
    plan = soe.plan(snapshot(tmp_path / "one", ANEW, **tables))
    assert plan.margin == pytest.approx(140 - 14 * 2 - (5 + 3 * 2))
    assert plan.ledger.accounts()["changeover"] == pytest.approx(-11)
    # 9 asked and no B: both lines are set up (7 + 2), the routing's cost is paid once.
    tables["forecast"] = [asked("A", 9, 10)]
    plan = soe.plan(snapshot(tmp_path / "two", ANEW, **tables))
    assert plan.margin == pytest.approx(90 - 9 * 2 - (5 + 6 * 2))


def test_a_smallest_run_may_use_more_of_a_component_than_is_sold(tmp_path: Path) -> None:
    # A is made in runs of at least 8 of which 5 sell, B goes into it: 8 of B are used, not 5.
    tables = two_items(1, 100)
    tables["items"] = [{"item": "A"}, {"item": "B"}]
    tables["routings"] = [
        {"routing": "A", "item": "A", "location": "P", "minimum": 8},
        {"routing": "B", "item": "B", "location": "P", "setup_cost": 1},
    ]
    tables["components"] = [{"routing": "A", "component": "B", "quantity": 1}]
    tables["forecast"] = [asked("A", 5, 10)]
    plan = soe.plan(snapshot(tmp_path, ANEW, **tables))
    assert quantity(plan, "make", routing="B") == pytest.approx(8)
    assert plan.margin == pytest.approx(50 - 1)


def test_what_nobody_wants_may_be_made_into_something(tmp_path: Path) -> None:
    # 6 of B lie there at 1 a week of holding and nothing can be thrown away: made into A, of which 2 sell, they cost
    # nothing to keep. The ceiling of A's set-up must not forbid it.
    tables = two_items(2, 100, setup_cost=3)
    tables["items"] = [{"item": "A", "holding_cost": 0}, {"item": "B", "holding_cost": 1}]
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P", "setup_cost": 3}]
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1}]
    tables["components"] = [{"routing": "A", "component": "B", "quantity": 1}]
    tables["inventory"] = [{"item": "B", "location": "P", "on_hand": 6}]
    tables["forecast"] = [asked("A", 2, 10)]
    plan = soe.plan(snapshot(tmp_path, ANEW, **tables))
    assert plan.margin == pytest.approx(20 - 3)
