"""What is owned at the close of a day, and when a label of time is."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.ledger import known_periods, timeline
from soe_lib.money.window import accrual, cut, horizon, position
from soe_lib.store.plan import Plan
from tests.ledgers import MONDAY, Written, plan, weeks

W47, W48 = "2026-W47", "2026-W48"
SUNDAY = MONDAY + timedelta(days=6)


def shipping(**more: object) -> Plan:
    """7 units leave in W47 from P for M and travel 3 days."""
    lane = {"lane": "T", "item": "A", "period": W47, "origin": "P", "destination": "M", "quantity": 7.0}
    full = {**lane, "lead_days": 3.0, "dispatch": "spread", "lead_periods": None, **more}
    return plan({"ship": [full], "open": [{"item": "A", "location": "P", "quantity": 9}]}, {})


@pytest.mark.parametrize(
    ("more", "day", "expected"),
    [
        ({}, SUNDAY, 3.0),  # those of Friday to Sunday
        ({}, MONDAY, 1.0),  # Monday's
        ({}, SUNDAY + timedelta(days=1), 2.0),  # those of Saturday and Sunday
        ({}, SUNDAY + timedelta(days=3), 0.0),
        ({"lead_days": 2.5}, SUNDAY, 3.0),  # half a day of the third day is still under way
        ({"dispatch": "end"}, SUNDAY, 7.0),
        ({"dispatch": "end"}, SUNDAY - timedelta(days=1), 0.0),
        ({"dispatch": "start"}, MONDAY, 7.0),
        ({"dispatch": "start"}, SUNDAY, 0.0),
        ({"lead_periods": 1}, SUNDAY, 7.0),
        ({"lead_periods": 1}, SUNDAY + timedelta(days=1), 0.0),
        ({"lead_periods": 0}, SUNDAY, 0.0),
    ],
)
def test_goods_under_way_are_those_that_left_and_have_not_arrived(
    more: dict[str, object], day: date, expected: float
) -> None:
    found = position(shipping(**more), day).filter(pl.col("location") == "M")["quantity"].sum()
    assert found == pytest.approx(expected)


def test_opening_stock_is_what_is_owned_until_a_period_has_ended() -> None:
    place = {"item": "A", "location": "L"}
    made = plan(
        {
            "open": [{**place, "quantity": 9}],
            "stock": [{**place, "period": W47, "quantity": 4}, {**place, "period": W48, "quantity": 0}],
            "receive": [
                {"receipt": "bought", "kind": "buy", **place, "period": W48, "quantity": 100},
                {"receipt": "made", "kind": "make", **place, "period": W48, "quantity": 20},
            ],
        },
        {},
    )
    units = [position(made, MONDAY + timedelta(days=n))["quantity"].sum() for n in (-1, 3, 6, 13)]
    assert units == [29, 29, 24, 0]


def test_made_goods_count_by_what_comes_out_good() -> None:
    made = plan(
        {
            "make": [
                {
                    "routing": "R",
                    "item": "A",
                    "location": "P",
                    "period": W47,
                    "quantity": 70,
                    "yield": 0.5,
                    "lead_days": 1.0,
                }
            ]
        },
        {},
    )
    assert position(made, SUNDAY).rows() == [("A", "P", 5.0)]


def test_accrual_puts_the_stock_change_where_the_end_value_stood() -> None:
    place = {"item": "A", "location": "L"}
    made = plan(
        {
            "open": [{**place, "quantity": 9}],
            "stock": [{**place, "period": W47, "quantity": 4}],
            "leave": [{**place, "quantity": 4}],
        },
        {"leave": [{**place, "account": "end value", "kind": "inventory", "per_unit": 3.0}]},
    )
    costs = pl.DataFrame({"item": ["A"], "standard_cost": [6.0]})
    assert made.ledger.accounts() == {"end value": 12.0}
    assert accrual(made, costs).ledger.accounts() == {"stock change": -30.0}
    assert cut(made, (MONDAY, SUNDAY), standard_cost=costs).ledger.by("account").rows() == [("stock change", -30.0)]
    assert cut(made, (MONDAY, SUNDAY)).ledger.accounts() == {"opening stock": -27.0, "end value": 12.0}
    assert "no standard cost" in cut(made, (MONDAY, SUNDAY), standard_cost=costs.clear()).notes[0]
    assert "read in cash" in accrual(Written("budget", [], []), costs).notes[0]


def test_labels_of_time_are_read_as_their_plan_names_them_or_as_they_are_written() -> None:
    labels = pl.Series([W47, "2026-11-16", "2026-02", "2026-W53", "beyond", "2025-W53", "Easter", "2026-11-31"])
    found = {row[0]: row[1:6] for row in timeline(labels, weeks(2)).iter_rows()}
    assert found[W47] == (MONDAY, SUNDAY, 7, W47, "2026-11")
    assert found["2026-11-16"] == (MONDAY, MONDAY, 1, W47, "2026-11")
    assert found["2026-02"][:3] == (date(2026, 2, 1), date(2026, 2, 28), 28)
    assert found["2026-W53"][:2] == (date(2026, 12, 28), date(2027, 1, 3))
    assert found["beyond"][:2] == (date(2026, 11, 30), date(2026, 11, 30))
    assert set(found) == {W47, "2026-11-16", "2026-02", "2026-W53", "beyond"}
    assert timeline(pl.Series(["beyond"])).is_empty()


def test_periods_without_dates_and_plans_without_periods_are_refused() -> None:
    with pytest.raises(FormulationError, match="periods lack ends_on"):
        known_periods(weeks(1).drop("ends_on"))
    bare = Written("bare", [], [])
    bare.periods = bare.periods.clear()
    bare.ledger = bare.ledger.relabelled(periods=bare.periods)
    with pytest.raises(ReconciliationError, match="bare has no periods"):
        horizon(bare)
