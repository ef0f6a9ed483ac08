"""The difference of two plans in units and money, and churn, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from soe_lib.errors import ReconciliationError
from soe_lib.money.profit_and_loss import Difference, difference
from soe_lib.store.plan import Plan
from tests.ledgers import MONDAY, plan

W = ["2026-W47", "2026-W48", "2026-W49", "2026-W50", "2026-W51"]


def sells(*quantities: float, price: float = 10.0, as_of: date = MONDAY, name: str = "plan", first: int = 0) -> Plan:
    """Sells some A at a price, from week number `first` on."""
    rows = [
        {"item": "A", "location": "L", "customer": "C", "order": "", "due": W[first + n], "period": W[first + n],
         "quantity": quantity}
        for n, quantity in enumerate(quantities)
    ]  # fmt: skip
    money = [
        {**{k: v for k, v in row.items() if k != "quantity"}, "account": "revenue", "per_unit": price} for row in rows
    ]
    return plan({"sell": rows}, {"sell": money}, as_of=as_of, name=name)


def test_units_money_and_churn_by_hand() -> None:
    # 10, 20, 30, 40 at 10 become 12, 20, 25, 40 at 11: 100 → 97 units; 2 + 5 = 7 of 100 are moved, 2 of 10 in the fence
    found = difference(sells(10, 20, 30, 40, name="old"), sells(12, 20, 25, 40, price=11, name="new"), frozen_days=7)
    assert (found.before, found.after, found.start, found.end) == ("old", "new", 100000, 106700)
    assert found.units["change"].to_list() == [2, 0, -5, 0]
    churn = {fence: (before, moved, ratio) for _, fence, before, moved, ratio in found.churn().iter_rows()}
    assert churn == {"inside": (10, 2, 0.2), "outside": (90, 5, 5 / 90), "all": (100, 7, 0.07)}
    assert found.by("account").row(0) == ("revenue", 1000.0, 1067.0, 67.0)
    assert found.by("week")["change"].to_list() == [32.0, 20.0, -25.0, 40.0]


def test_plans_of_two_weeks_are_compared_on_the_days_that_both_cover() -> None:
    # last week's plan covers W47 to W50, this week's W48 to W51: 20, 30, 40 against 20, 30, 45
    old = sells(10, 20, 30, 40)
    new = sells(20, 30, 45, 50, as_of=MONDAY + timedelta(days=7), first=1)
    found = difference(old, new)
    assert found.window == (date(2026, 11, 23), date(2026, 12, 13))
    assert (found.before, found.after) == ("plan of 2026-11-16", "plan of 2026-11-23")
    assert found.units["week"].to_list() == W[1:4]
    assert (found.start, found.end) == (90000, 95000)


def test_plans_without_a_common_day_are_refused() -> None:
    late = sells(1, as_of=MONDAY + timedelta(days=70), first=4)
    with pytest.raises(ReconciliationError, match="share no day"):
        difference(sells(1), late)


def test_a_difference_that_does_not_add_up_does_not_exist() -> None:
    found = difference(sells(1), sells(2))
    with pytest.raises(ReconciliationError, match="leave 1 minor units"):
        Difference(found.before, found.after, found.window, found.units, found.money, found.start, found.end + 1)


def test_what_is_new_and_what_is_gone_is_a_change() -> None:
    old, new = sells(0, 5), sells(3, 0)
    units = difference(old, new).units
    assert units.select("before", "after", "change").rows() == [(0, 3, 3), (5, 0, -5)]
    assert difference(old, new).churn().filter(pl.col("fence") == "all")["churn"].to_list() == [8 / 5]
