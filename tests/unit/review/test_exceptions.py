"""Exceptions of the tiny company: found, laid to one cause each, valued in money that can be worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import exceptions
from soe_lib.review.exceptions import Issue, registered
from soe_lib.review.exceptions.issue import rank
from soe_lib.review.options import cost_of_events
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan
from tests.unit.review import tiny


def of_kind(situation: Week, kind: str) -> list[Issue]:
    """The exceptions of one kind."""
    return [issue for issue in exceptions.find(situation) if issue.kind == kind]


def with_events(this: Snapshot, *events: Mapping[str, Any]) -> Week:
    """The tiny company with other events, planned again."""
    blank = dict.fromkeys(this["events"].columns)
    frame = pl.DataFrame([blank | dict(event) for event in events], schema=this["events"].schema)
    other = this.replace(events=frame.with_columns(pl.col("note").fill_null("")))
    return Week(other, soe.plan(other))


def test_the_late_part_carries_what_is_missed_for_it(week: Week) -> None:
    (issue,) = of_kind(week, "Late receipt")
    # 30 cups never served at 10 − 4, and 40 served late: 20 by one week, 20 by two, at 0.50 a week.
    assert issue.money == pytest.approx(30 * 6 + (20 * 1 + 20 * 2) * 0.5)
    assert issue.what == (
        "200 units of Lid from Kobe due Wed 7 Jan come 7 days late, on Wed 14 Jan, at P: up to 30 units never served and "
        "40 units late of Blue cup"
    )
    assert issue.cause == "Missed the ship"
    assert issue.owner == "Buyer"
    assert issue.deadline == week.snapshot.as_of
    assert issue.revenue == pytest.approx(700.0)


def test_no_missed_unit_is_counted_twice(week: Week) -> None:
    missed = week.missed
    assert missed["item"].n_unique() == missed.height
    total = float((week.lines["late"] + week.lines["short"]).sum())
    assert float((missed["late"] + missed["short"]).sum()) == pytest.approx(total)
    assert not of_kind(week, "Demand not served")


def test_orders_that_nobody_forecast_are_worth_their_margin(week: Week) -> None:
    (issue,) = of_kind(week, "Orders above forecast")
    assert issue.money == pytest.approx(90 * 6)
    assert issue.subject == "B Hot"
    assert "70 units of these orders miss their date" in issue.what


def test_who_forecasts_nothing_is_not_surprised_by_orders(this: Snapshot, solved: Plan) -> None:
    to_order = this.replace(forecast=this["forecast"].clear())
    assert not of_kind(Week(to_order, solved), "Orders above forecast")


def test_leaving_the_tolerance_counts_on_either_side(week: Week, this: Snapshot) -> None:
    (over,) = of_kind(week, "Off the S&OP plan")
    # 12 + 220 against 200: 32 units over, all of them in B's order of 90, which is an exception of its own.
    assert over.money == pytest.approx(0.0)
    assert "16\u00a0% over" in over.what
    assert "32 of them are orders above forecast" in over.cause
    less = this.replace(consensus=this["consensus"].with_columns(quantity=pl.lit(100.0)))
    (far,) = of_kind(Week(less, week.plan), "Off the S&OP plan")
    assert far.money == pytest.approx((132 - 90) * 6)
    more = this.replace(consensus=this["consensus"].with_columns(quantity=pl.lit(400.0)))
    (under,) = of_kind(Week(more, week.plan), "Off the S&OP plan")
    assert under.money == pytest.approx(168 * 6)
    assert "42\u00a0% under" in under.what
    inside = this.replace(consensus=this["consensus"].with_columns(quantity=pl.lit(230.0)))
    assert not of_kind(Week(inside, week.plan), "Off the S&OP plan")


def test_overtime_is_valued_at_its_premium(week: Week) -> None:
    (issue,) = of_kind(week, "Overtime")
    assert issue.money == pytest.approx(30 * 0.5)
    assert issue.ask == "Approve 30 hours of overtime in weeks 3 to 5, EUR\u00a015 of premium"


def test_exposed_money_comes_after_money_that_is_lost(week: Week) -> None:
    found = exceptions.find(week)
    certain = [issue.certain for issue in found]
    assert certain == sorted(certain, reverse=True)
    lost = [issue.money for issue in found if issue.certain]
    assert lost == sorted(lost, reverse=True)
    assert found[-1].kind == "Thin stock"
    assert "exposed, not lost" in found[-1].basis


def test_events_cost_the_margin_of_the_plan_without_them(this: Snapshot, solved: Plan) -> None:
    week = Week(this, solved)
    costs = cost_of_events(week, soe.plan)
    money = dict(costs.select("subject", "money").rows())
    without = this.replace(events=this["events"].filter(pl.col("event") != "E1"))
    assert money["E1"] == pytest.approx(soe.plan(without).margin - solved.margin)
    assert money["E1"] > 100
    # The line has hours to spare that day, for there are no lids: its stop costs nothing.
    assert money["E2"] == pytest.approx(0.0, abs=1e-6)
    (late,) = of_kind(week.knowing(prices=costs), "Late receipt")
    assert late.money == pytest.approx(money["E1"])
    assert "planning again" in late.basis


def test_a_line_out_for_long_is_laid_to_the_line(this: Snapshot) -> None:
    stop = {
        "event": "X",
        "kind": "downtime",
        "target": "L1",
        "from": tiny.AS_OF,
        "to": tiny.AS_OF.replace(day=25),
        "factor": 1.0,
    }
    week = with_events(this, stop)
    (issue,) = of_kind(week, "Line down")
    assert issue == exceptions.find(week, only=["line_down"])[0]
    assert issue.money > 0
    assert "never served" in issue.what
    assert week.missed["kind"].to_list() == ["line down"]


def test_a_supplier_that_is_gone_is_laid_to_the_supply_loss(this: Snapshot) -> None:
    gone = {"event": "X", "kind": "supply_loss", "target": "Kobe", "factor": 0.0}
    other = this.replace(receipts=this["receipts"].clear())
    week = with_events(other, gone)
    (issue,) = of_kind(week, "Supply lost")
    assert issue.money > 0
    assert issue.what.startswith("Kobe delivers nothing from Mon 5 Jan to Sun 1 Feb: ")


def test_a_tripled_order_without_an_event_asks_who_waits(this: Snapshot) -> None:
    tripled = pl.when(pl.col("order") == "O2").then(pl.col("quantity") * 3).otherwise("quantity")
    orders = this["orders"].with_columns(tripled.alias("quantity"))
    other = this.replace(orders=orders, events=this["events"].clear())
    week = Week(other, soe.plan(other))
    (issue,) = of_kind(week, "Demand not served")
    assert issue.money > 0
    assert "Blue cup" in issue.ask
    (surprise,) = of_kind(week, "Orders above forecast")
    assert surprise.what.startswith("B ordered 270 units of Hot for week 3, 270 more than forecast")
    assert surprise.money == pytest.approx(270 * 6)


def test_nothing_missed_leaves_no_exception_about_customers(this: Snapshot) -> None:
    calm = this.replace(
        orders=this["orders"].clear(), events=this["events"].clear(), consensus=this["consensus"].clear()
    )
    kinds = {issue.kind for issue in exceptions.find(Week(calm, soe.plan(calm)))}
    assert not kinds & {"Demand not served", "Late receipt", "Line down", "Off the S&OP plan", "Orders above forecast"}


def test_every_detector_of_the_package_is_found_by_itself() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(exceptions.__file__).parent.glob("*.py")]
    marked = [name for text in sources for name in re.findall(r"^@detector\ndef (\w+)", text, flags=re.MULTILINE)]
    assert len(marked) == 12
    assert list(registered()) == sorted(marked)


def test_equal_money_keeps_one_order() -> None:
    def made(kind: str, subject: str) -> Issue:
        return Issue(kind, subject, "w", "c", 100.2, "b", "a", "d", "o", "p", "x")

    one, two, three = made("B", "x"), made("A", "y"), made("A", "x")
    assert rank([one, two, three]) == rank([three, one, two]) == (three, two, one)


def test_a_decision_is_plain_and_complete(week: Week) -> None:
    (issue,) = of_kind(week, "Late receipt")
    decision = issue.as_decision("EUR")
    assert decision["deadline"] == "2026-01-05"
    assert decision["why"].endswith("units late of Blue cup. Missed the ship.")
    assert decision["service"] == "up to 30 units never served and 40 units late, EUR\u00a0700 of revenue"
    assert decision["money"] == 210.0
