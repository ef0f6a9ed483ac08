"""Fiscal months: a week that straddles two is split by working days, and the parts add up to the cent."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soe_lib as soe
from soe_lib.money.ledger import Ledger, month_shares, timeline
from soe_lib.money.profit_and_loss import statement
from soe_lib.money.valuation import in_currency
from tests.ledgers import lines
from tests.networks import snapshot, weeks

MARCH_30 = date(2026, 3, 30)
"""A Monday: two working days of its week are in March, three in April."""


def trader(folder: Path, fiscal: str, periods: list[dict], **more: list[dict]) -> tuple:
    """One unit wanted in the first period at 100.01, bought at 40 and in stock from the start."""
    text = f'[costs]\nper = "period"\n[calendar]\nfiscal = "{fiscal}"\n'
    extract = snapshot(
        folder, text, periods=periods,
        items=[{"item": "A", "family": "F", "standard_cost": 40}],
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "W", "unit_cost": 40}],
        forecast=[{"item": "A", "location": "W", "period": periods[0]["period"], "quantity": 1, "price": 100.01}],
        **more,
    )  # fmt: skip
    return extract, soe.plan(extract)


def test_a_week_of_two_months_is_split_by_working_days(tmp_path: Path) -> None:
    _, plan = trader(tmp_path, "months", list(weeks(1, MARCH_30)))
    found = statement(plan, "month", reading="cash")
    # 100.01 × 2/5 = 40.004 and × 3/5 = 60.006; 40 × 2/5 = 16 and 24
    assert {month: found.cents("revenue", group=month) for month in ("2026-03", "2026-04")} == {
        "2026-03": 4000, "2026-04": 6001,
    }  # fmt: skip
    assert [found.cents("material", group=month) for month in ("2026-03", "2026-04")] == [-1600, -2400]
    assert found.cents("cash margin") == statement(plan, reading="cash").cents("cash margin") == 6001
    assert plan.ledger.by("month")["amount"].to_list() == [pytest.approx(24.004), pytest.approx(36.006)]


def test_weeks_of_4_4_5_are_whole_and_longer_periods_are_split(tmp_path: Path) -> None:
    # 4-4-5: ISO weeks 9 to 13 are March, 14 to 17 April; 30 March opens week 14
    _, plan = trader(tmp_path / "week", "4-4-5", list(weeks(1, MARCH_30)))
    found = statement(plan, "month", reading="cash")
    assert found.groups == ("2026-04",)
    # three weeks from 23 March: five working days in March, ten in April
    start = MARCH_30 - timedelta(days=7)
    longer = [{"period": "P", "starts_on": start, "ends_on": start + timedelta(days=20)}]
    _, plan = trader(tmp_path / "three weeks", "4-4-5", longer)
    found = statement(plan, "month", reading="cash")
    # 100.01 / 3 = 33.3367 and 66.6733
    assert [found.cents("revenue", group=month) for month in found.groups] == [3334, 6667]


def test_the_week_is_read_in_the_currency_of_each_of_its_months(tmp_path: Path) -> None:
    rates = [
        {"currency": "USD", "month": "2026-03", "rate": 0.8},
        {"currency": "USD", "month": "2026-04", "rate": 0.5},
    ]
    extract, plan = trader(tmp_path, "months", list(weeks(1, MARCH_30)), currencies=rates)
    dollars = in_currency(plan, extract, "USD")
    assert dollars.ledger.accounts()["material"] == pytest.approx(-16 / 0.8 - 24 / 0.5)


def test_shares_add_up_and_labels_without_working_days_go_to_their_month() -> None:
    periods = pl.DataFrame(
        {"period": ["a", "b"], "starts_on": [MARCH_30, date(2026, 4, 6)], "ends_on": [date(2026, 4, 5), date(2026, 4, 12)],
         "month": ["2026-04", "2026-04"], "months": ["2026-03:2 2026-04:3", None]}
    )  # fmt: skip
    found = month_shares(timeline(pl.Series(["a", "b", "2026-05-04"]), periods)).sort("period", "month")
    assert found.rows() == [
        ("2026-05-04", "2026-05", 1.0), ("a", "2026-03", 0.4), ("a", "2026-04", 0.6), ("b", "2026-04", 1.0),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["revenue", "material", "freight", "end value"]), st.sampled_from("ab"),
            st.floats(-1e6, 1e6, allow_nan=False),
        ),
        min_size=1, max_size=20,
    ),
    st.integers(1, 20), st.integers(1, 20),
)  # fmt: skip
def test_months_add_up_to_the_total_whatever_the_split(rows: list, early: int, late: int) -> None:
    periods = pl.DataFrame(
        {"period": ["a", "b"], "starts_on": [MARCH_30, date(2026, 4, 6)], "ends_on": [date(2026, 4, 5), date(2026, 4, 12)],
         "week": ["2026-W14", "2026-W15"], "month": "2026-04", "months": [f"2026-03:{early} 2026-04:{late}", "2026-04:5"]}
    )  # fmt: skip
    money = [
        {"account": a, "kind": "inventory" if a == "end value" else "cash", "period": p, "amount": m}
        for a, p, m in rows
    ]
    ledger = Ledger(lines(money), periods=periods)
    by_month, in_all = ledger.cents("month"), ledger.cents("account")
    sums = by_month.group_by("account").agg(pl.col("cents").sum()).sort("account")
    assert sums.rows() == in_all.select("account", "cents").sort("account").rows()
    assert by_month["cents"].sum() == round(ledger.margin * 100) or abs(ledger.margin * 100 % 1 - 0.5) < 1e-3
