"""Overdue orders keep their date: late is counted from the day that was asked or confirmed, what it has cost apart."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.model.planning import Model
from soe_lib.operations.orders import allocation
from soe_lib.review.exceptions.causes import attributed
from soe_lib.review.frames import orders_at_risk
from soe_lib.review.measures import scores, tradable
from soe_lib.review.measures.of_pages import incurred, planned_otif
from soe_lib.review.measures.of_plans import service
from soe_lib.review.week import Week
from tests.networks import MONDAY, snapshot, weeks

WEEKLY = '[costs]\nper = "week"\n'


def order(name: str, days: int, quantity: float = 40, **more: Any) -> dict[str, Any]:
    due = MONDAY + timedelta(days=days)
    return {"order": name, "item": "A", "location": "P", "customer": "C", "due_on": due, "quantity": quantity, **more}


def company(
    folder: Path, orders: list[dict[str, Any]], settings: str = WEEKLY, stock: float = 500, **tables: Any
) -> soe.Snapshot:
    given: dict[str, Any] = {
        "periods": weeks(3),
        "items": [{"item": "A", "price": 10, "standard_cost": 4}],
        "customers": [{"customer": "C", "late_cost": 0.7, "latest_days": 60}],
        "inventory": [{"item": "A", "location": "P", "on_hand": stock}],
        **tables,
    }
    given = {name: rows for name, rows in given.items() if rows is not None}
    return snapshot(folder, settings, orders=orders, **given)


def test_an_order_that_is_overdue_is_late_though_it_ships_today(tmp_path: Path) -> None:
    # Due two weeks ago, and due on Thursday; both ship from stock: one of two lines is on time, 40 of 100 units are not.
    today = company(tmp_path, [order("old", -14), order("new", 3, 60)])
    plan = soe.plan(today)
    situation = Week(today, plan)
    assert planned_otif(situation).value == pytest.approx(0.5)
    assert service(plan) == pytest.approx(0.6)
    in_time = tradable("service").linear(Model(today))[0].terms["sell"]
    assert in_time.sum() == pytest.approx(1)  # of all cells only that of the new order
    row = orders_at_risk(today, plan).row(0, named=True)
    assert (row["order"], row["late"], row["due_on"]) == ("old", 40, MONDAY - timedelta(days=14))
    # W1 ends on Sunday: 20 days after the day that was asked.
    assert (row["promised_on"], row["days_late"]) == (MONDAY + timedelta(days=6), 20)


def test_what_lateness_has_cost_is_shown_apart_and_steers_nothing(tmp_path: Path) -> None:
    # 40 units, two weeks late, at 0.70 a unit and week: 56.00, which no plan changes. A week more costs 28.00.
    today = company(tmp_path, [order("old", -14), order("new", 3, 60)])
    plan = soe.plan(today)
    assert "penalties" not in {name for name, money in plan.ledger.accounts().items() if money}
    assert plan.margin == pytest.approx(100 * 10)
    assert incurred(Week(today, plan)) == pytest.approx(56)
    receipts = [{"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": MONDAY + timedelta(days=7),
                 "quantity": 500}]  # fmt: skip
    later = company(tmp_path / "later", [order("old", -14)], stock=0, receipts=receipts)
    plan = soe.plan(later)
    assert plan.ledger.accounts()["penalties"] == pytest.approx(-28)
    assert orders_at_risk(later, plan)["incurred"].to_list() == pytest.approx([56])


def test_who_is_not_overdue_reads_of_no_cost_until_today(tmp_path: Path) -> None:
    today = company(tmp_path, [order("new", 3)])
    week = Week(today, soe.plan(today))
    assert incurred(week) == 0.0
    assert "Late cost incurred until today" not in [one.name for one in scores("balance", week)]


@pytest.mark.parametrize(("per", "money"), [("day", 14.0), ("week", 2.0), ("year", 14 / 365), ("period", 2.0)])
def test_the_cost_until_today_is_in_the_companys_time(tmp_path: Path, per: str, money: float) -> None:
    today = company(tmp_path, [order("old", -14)], f'[costs]\nper = "{per}"\n')
    assert orders_at_risk(today, soe.plan(today))["incurred"].to_list() == pytest.approx([40 * 0.7 * money])


def test_the_latest_day_counts_from_the_day_that_was_asked(tmp_path: Path) -> None:
    # Ten days are allowed; due five days ago, the last day is Friday of W1. In W2 come goods, too late.
    receipts = [{"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": MONDAY + timedelta(days=8),
                 "quantity": 500}]  # fmt: skip
    customers = [{"customer": "C", "late_cost": 1, "latest_days": 10}]
    today = company(tmp_path, [order("old", -5)], stock=0, receipts=receipts, customers=customers)
    assert float(soe.plan(today).flows["short"]["quantity"].sum()) == pytest.approx(40)


def test_the_release_promises_no_day_that_is_over(tmp_path: Path) -> None:
    today = company(tmp_path, [order("old", -14), order("new", 3, 60)])
    lines = allocation(soe.plan(today), today).filter(pl.col("quantity") > 0)
    rows = {row["order"]: (row["state"], row["promised_on"]) for row in lines.to_dicts()}
    assert rows == {"old": ("late", MONDAY + timedelta(days=6)), "new": ("on time", MONDAY + timedelta(days=3))}


def test_a_day_by_day_plan_serves_it_today_and_calls_it_late(tmp_path: Path) -> None:
    settings = WEEKLY + "[horizon]\nweeks = 2\ndaily = 7\n"
    today = company(tmp_path, [order("old", -3), order("new", 3)], settings, periods=None)
    row = orders_at_risk(today, soe.plan(today)).row(0, named=True)
    assert (row["order"], row["promised_on"], row["days_late"]) == ("old", MONDAY, 3)


def test_no_cause_of_this_week_is_found_for_what_was_late_before(tmp_path: Path) -> None:
    today = company(tmp_path, [order("old", -14), order("new", 3, 60)])
    assert attributed(Week(today, soe.plan(today))).is_empty()


@pytest.mark.parametrize("late_from", ["asked", "confirmed"])
def test_late_counts_from_the_day_asked_or_confirmed(tmp_path: Path, late_from: str) -> None:
    # Asked for last week, confirmed for Wednesday of W2; a second order was never confirmed.
    orders = [order("1", -4, confirmed_on=MONDAY + timedelta(days=9)), order("2", 2, confirmed_on=None)]
    today = company(tmp_path, orders, f'{WEEKLY}[objective]\nlate_from = "{late_from}"\n')
    plan = soe.plan(today)
    situation = Week(today, plan)
    score = planned_otif(situation)
    assert score.value == pytest.approx(0.5 if late_from == "asked" else 1.0)
    assert ("confirmed" if late_from == "confirmed" else "requested") in score.text
    sold = plan.flows["sell"].filter((pl.col("order") == "1") & (pl.col("quantity") > 0))
    assert sold["period"].to_list() == (["W1"] if late_from == "asked" else ["W2"])


def test_another_word_for_late_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"late_from.*asked, confirmed|asked, confirmed"):
        company(tmp_path, [order("1", 2)], '[objective]\nlate_from = "promised"\n')


def test_the_days_that_orders_are_late_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    orders = [order(str(n), day) for n, day in enumerate((-20, -1, 0, 4, -7))]
    days = [
        orders_at_risk(found, soe.plan(found)).sort("order").select("order", "days_late").rows()
        for found in (company(tmp_path / "a", orders), company(tmp_path / "b", orders[::-1]))
    ]
    assert days[0] == days[1] == [("0", 26), ("1", 7), ("4", 13)]
    assert date(2026, 1, 5) == MONDAY
