"""Breaking points of small companies, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.review import words
from soe_lib.whatif.breaking import Reading
from tests.analytic.test_two_items import asked, line
from tests.networks import MONDAY, days, snapshot

FINE = 1e-3


def ten_hours(folder: Path) -> soe.Snapshot:
    """8 of A are asked for, 10 can be made; each earns 10 − 4 = 6."""
    return snapshot(folder, **(line(10) | {"forecast": [asked("A", 8, 10)]}))


def daily(folder: Path, count: int) -> soe.Snapshot:
    """Each day 4 of A can be made and are asked for, that day or never: a day is worth 4 × 6 = 24."""
    names = [str(row["period"]) for row in days(count)]
    tables = line(0) | {
        "periods": days(count),
        "calendar": [{"resource": "line", "period": name, "hours": 4} for name in names],
        "forecast": [{**asked("A", 4, 10, name), "customer": "C"} for name in names],
        "customers": [{"customer": "C", "latest_days": 0}],
    }
    return snapshot(folder, **tables)


def test_demand_falls_until_the_margin_does(tmp_path: Path) -> None:
    # 48 (1 + s) < 30 below s = −0.375
    found = soe.whatif.breaking_point(
        ten_hours(tmp_path), soe.whatif.Demand(most=-1.0), until=soe.whatif.MarginBelow(30.0)
    )
    assert found
    assert found.holds is not None
    assert found.breaks is not None
    assert found.breaks < -0.375 <= found.holds
    assert found.holds - found.breaks <= FINE
    low, high = found.figures.sort("size")["margin"].to_list()
    assert (low, high) == pytest.approx((48 * (1 + found.breaks), 48 * (1 + found.holds)))
    assert low < 30 <= high
    assert not found.exact
    assert "coarse grid" in repr(found)


def test_demand_grows_until_service_does_not_follow(tmp_path: Path) -> None:
    # 10 ÷ 8 (1 + s) < 0.8 above s = 0.5625
    found = soe.whatif.breaking_point(
        ten_hours(tmp_path), soe.whatif.Demand(item="A"), until=soe.whatif.ServiceBelow(0.8), within=1e-4
    )
    assert found.holds is not None
    assert found.breaks is not None
    assert found.holds <= 0.5625 < found.breaks
    assert found.breaks - found.holds <= 1e-4


@pytest.mark.parametrize(("count", "least", "breaks"), [(10, 200.0, 2), (20, 300.0, 8)])
def test_days_down_are_counted_one_by_one(tmp_path: Path, count: int, least: float, breaks: int) -> None:
    # 10 days: 240 − 24 d < 200 from d = 2 on. 20 days, by halving: 480 − 24 d < 300 from d = 8 on.
    down = soe.whatif.Downtime("line", start=MONDAY.isoformat())
    found = soe.whatif.breaking_point(daily(tmp_path, count), down, until=soe.whatif.MarginBelow(least), most=count)
    assert (found.holds, found.breaks) == (breaks - 1, breaks)
    assert found.exact is (count == 10)
    assert found.figures["margin"].to_list() == pytest.approx([24 * (count - breaks + 1), 24 * (count - breaks)])
    assert found.plan(breaks).margin == pytest.approx(24 * (count - breaks))
    assert (
        f"Line down: from {breaks} days on, margin falls below {least:,.0f}; at {words.count(breaks - 1, 'day')} it still holds"
        in repr(found)
    )


def test_never_and_always_are_answers(tmp_path: Path) -> None:
    today = daily(tmp_path, 5)
    never = soe.whatif.breaking_point(today, soe.whatif.Downtime("line"), until=soe.whatif.MarginBelow(-1.0), most=5)
    assert not never
    assert (never.holds, never.breaks, never.exact) == (5, None, True)
    assert "never within 0 to 5 days" in repr(never)
    already = soe.whatif.breaking_point(today, soe.whatif.Downtime("line"), until=soe.whatif.MarginBelow(1e6), most=5)
    assert (already.holds, already.breaks) == (None, 0)
    assert "already" in repr(already)


def test_a_receipt_may_be_two_days_late_and_not_three(tmp_path: Path) -> None:
    # Due on day 3, asked for on day 5, that day or never.
    tables = {
        "periods": days(12),
        "receipts": [
            {"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-07", "quantity": 10}
        ],
        "forecast": [{**asked("A", 10, 10, "D005"), "customer": "C"}],
        "customers": [{"customer": "C", "latest_days": 0}],
    }
    today = snapshot(tmp_path, **tables)
    found = soe.whatif.breaking_point(
        today, soe.whatif.Delay.of(receipt="R"), until=soe.whatif.ServiceBelow(1.0), most=8
    )
    assert (found.holds, found.breaks) == (2, 3)
    assert "Receipts of R later: from 3 days on" in repr(found)


def test_a_month_leaves_its_tolerance(tmp_path: Path) -> None:
    # S&OP committed 20 for February, all of them asked for: 5 % less is still inside, any less is not.
    tables = {
        "periods": days(60),
        "items": [{"item": "A", "family": "Fam", "price": 10}],
        "inventory": [{"item": "A", "location": "P", "on_hand": 100}],
        "forecast": [
            asked("A", 1, 10, f"D{n + 1:03d}")
            for n in range(60)
            if (day := MONDAY + timedelta(days=n)).month == 2 and day.weekday() < 5
        ],
        "consensus": [{"fiscal_month": "2026-02", "family": "Fam", "measure": "sales", "quantity": 20, "amount": 200}],
    }
    assert len(tables["forecast"]) == 20  # type: ignore[arg-type]
    today = snapshot(tmp_path, **tables)  # type: ignore[arg-type]
    found = soe.whatif.breaking_point(
        today, soe.whatif.Demand(family="Fam", most=-0.2), until=soe.whatif.MonthMissed("Fam", "2026-02")
    )
    assert found.holds is not None
    assert found.breaks is not None
    assert found.breaks < -0.05 <= found.holds
    with pytest.raises(DataError, match="No month of Fam 2027-02"):
        soe.whatif.breaking_point(today, soe.whatif.Demand(most=-0.2), until=soe.whatif.MonthMissed("Fam", "2027-02"))


def test_another_answer_becomes_the_best(tmp_path: Path) -> None:
    # 5 hours, 8 (1 + s) asked. One more hour earns 6; buying up to 5 at 8.5 earns 1.5 each of what is short: more than
    # 6 from 4 short on, that is above 9 asked, s = 0.125.
    tables = line(5) | {"forecast": [asked("A", 8, 10)]}
    tables["offers"] = [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 8.5, "maximum": 0}]
    answers = [
        soe.Scenario("one more hour").add_to("calendar.hours", 1.0, resource="line"),
        soe.Scenario("buy").set("offers.maximum", 5.0),
    ]
    until = soe.whatif.DecisionFlips.between(answers)
    found = soe.whatif.breaking_point(snapshot(tmp_path, **tables), soe.whatif.Demand(most=0.5), until=until)
    assert found.holds is not None
    assert found.breaks is not None
    assert found.holds <= 0.125 + 1e-3
    assert found.breaks > 0.125
    assert found.breaks - found.holds <= 0.5 * FINE
    base = Reading(0.0, snapshot(tmp_path / "again", **tables), found.plan(0.0), lambda one: soe.plan(one))
    assert until.best(base) == "one more hour"


def test_a_break_that_heals_is_said(tmp_path: Path) -> None:
    def window(now: Reading, base: Reading) -> bool:  # noqa: ARG001
        return 0.2 < now.size < 0.4

    found = soe.whatif.breaking_point(ten_hours(tmp_path), soe.whatif.Demand(most=1.0), until=window)
    assert found.holds is not None
    assert found.breaks is not None
    assert found.holds <= 0.2 < found.breaks
    assert found.returns == (0.5, 0.625, 0.75, 0.875, 1.0)
    assert "holds again at +50.0\u00a0%" in repr(found)


def test_a_size_without_a_plan_is_broken(tmp_path: Path) -> None:
    # 4 of the 8 are promised: with less than 4 hours no plan keeps the promise.
    tables = line(10) | {"forecast": [{**asked("A", 8, 10), "committed": 4}]}

    class Less:
        whole, most = True, 10.0

        def at(self, size: float, snapshot: soe.Snapshot) -> soe.Scenario:  # noqa: ARG002
            named = soe.Scenario(f"{size:.0f} hours less")
            return named.add_to("calendar.hours", -size, resource="line") if size else named

        def said(self, size: float) -> str:
            return f"{size:.0f} h less"

    found = soe.whatif.breaking_point(snapshot(tmp_path, **tables), Less(), until=soe.whatif.MarginBelow(-1e9))
    assert (found.holds, found.breaks) == (6, 7)
    assert "no plan" in repr(found)
    with pytest.raises(DataError, match="no plan of size"):
        found.plan(7)


def test_ranges_and_changes_that_make_no_sense(tmp_path: Path) -> None:
    today = ten_hours(tmp_path)
    with pytest.raises(DataError, match="nothing to search"):
        soe.whatif.breaking_point(today, soe.whatif.Demand(), until=soe.whatif.MarginBelow(0.0), most=0.0)
    with pytest.raises(DataError, match="nosuch"):
        soe.whatif.breaking_point(today, soe.whatif.Demand(customer="nosuch"), until=soe.whatif.MarginBelow(0.0))
    assert date.fromisoformat("2026-01-05") == MONDAY
