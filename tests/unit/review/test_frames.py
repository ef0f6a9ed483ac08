"""Frames against answers worked out by hand, on plans whose flows are written down."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from soe_lib.extract.snapshot import Snapshot, where_used
from soe_lib.model.checks import read
from soe_lib.money.profit_and_loss import difference
from soe_lib.review import frames
from soe_lib.review.frames.time import shared_weeks
from soe_lib.review.measures import of_plans as measures
from soe_lib.review.measures import tradable
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan
from tests import networks
from tests.unit.review import tiny

LINE = {"item": "cup", "location": "D", "customer": "A", "order": ""}


def sell(due: str, period: str, quantity: float, **other: Any) -> dict[str, Any]:
    """A cell of sell."""
    return {
        **LINE,
        "due": due,
        "period": period,
        "price": 10.0,
        "late": 0.0,
        "late_cost": 1.0,
        "quantity": quantity,
    } | other


def short(due: str, quantity: float, **other: Any) -> dict[str, Any]:
    """A cell of short."""
    return {**LINE, "due": due, "price": 10.0, "short_penalty": 2.0, "quantity": quantity} | other


@pytest.fixture
def plan(this: Snapshot) -> Plan:
    """30 of A's 40 in week 3 on time, 6 a week late, 4 never; B's order of 90: 60 two weeks late, 30 never."""
    b = {"customer": "B", "order": "O2", "late_cost": 0.5}
    return tiny.by_hand(
        this,
        sell=[
            sell("2026-W03", "2026-W03", 30.0),
            sell("2026-W03", "2026-W04", 6.0, late=1.0),
            sell("2026-W03", "2026-W05", 60.0, late=2.0, **b),
        ],
        short=[short("2026-W03", 4.0), short("2026-W03", 30.0, customer="B", order="O2", short_penalty=0.0)],
        make=[{"routing": "R", "period": "2026-W03", "quantity": 44.0}, {"routing": "R", "period": "2026-01-06", "quantity": 3.0}],
        overtime=[{"resource": "L1", "period": "2026-W03", "quantity": 5.0}],
        ship=[{"lane": "P>D", "item": "cup", "period": "2026-W03", "quantity": 40.0}],
        stock=[{"item": "cup", "location": "D", "period": name, "quantity": value}
               for name, value in zip(this.periods["period"], [10.0] * 7 + [20.0, 14.0, 0.0], strict=True)],
    )  # fmt: skip


def test_lines_add_up_and_carry_their_money(this: Snapshot, plan: Plan) -> None:
    found = frames.lines(this, plan).sort("order")
    assert found.select("on_time", "late", "short", "demand").rows() == [
        (30.0, 6.0, 4.0, 40.0),
        (0.0, 60.0, 30.0, 90.0),
    ]
    assert found["late_money"].to_list() == [6.0, 60.0]  # 6 × 1 week × 1.00; 60 × 2 weeks × 0.50
    assert found["margin"].to_list() == [6.0, 6.0]
    assert found["priority"].to_list() == [1, 2]


def test_service_by_priority_and_by_customer(this: Snapshot, plan: Plan) -> None:
    by_priority = frames.service_by(this, plan)
    assert by_priority["group"].to_list() == ["Priority 1", "Priority 2"]
    assert by_priority["on_time"].to_list() == [30.0, 0.0]
    assert by_priority["revenue_late"].to_list() == [60.0, 600.0]
    assert frames.service_by(this, plan, "customer")["group"].to_list() == ["B", "A"]  # who misses most comes first


def test_gaps_by_week_and_by_item(this: Snapshot, plan: Plan) -> None:
    weeks = frames.gaps_by_week(this, plan)
    assert weeks.select("week", "order", "demand", "on_time", "late", "short").rows() == [
        ("2026-W03", 1, 130.0, 30.0, 66.0, 34.0)
    ]
    item = frames.gaps_by_item(this, plan).row(0, named=True)
    # 4 × (6 + 2) + 30 × 6 of lost margin and penalty, 66 of lateness.
    assert item["money"] == pytest.approx(32.0 + 180.0 + 66.0)
    assert item["revenue"] == pytest.approx(1000.0)
    assert item["weeks"] == ["2026-W03"]
    assert item["customers"] == ["A", "B"]


def test_orders_at_risk_promise_the_last_day_of_the_period(this: Snapshot, plan: Plan) -> None:
    risk = frames.orders_at_risk(this, plan)
    assert risk["order"].to_list() == ["O2"]
    row = risk.row(0, named=True)
    assert row["promised_on"] == date(2026, 2, 1)
    assert row["days_late"] == 17
    assert row["revenue"] == pytest.approx(900.0)


def test_load_is_hours_used_over_hours_left_after_events(this: Snapshot, plan: Plan) -> None:
    load = frames.line_load(this, plan)
    assert load["label"].to_list() == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"]
    assert load["used"].to_list() == [3.0, 44.0, 0.0, 0.0]
    assert load["available"].to_list() == pytest.approx([42.0, 50.0, 50.0, 50.0])  # 8 hours lost on Tuesday
    assert load["lost"].to_list() == pytest.approx([8.0, 0.0, 0.0, 0.0])
    assert load["overtime"].to_list() == [0.0, 5.0, 0.0, 0.0]
    assert load["load"].to_list() == pytest.approx([3 / 42, 0.88, 0.0, 0.0])


def test_stock_counts_whatever_comes_in(this: Snapshot, plan: Plan) -> None:
    stock = frames.projected_stock(this, plan).filter(pl.col("index") >= 7)
    # Closing − opening + sold: 20 − 10 + 30; 14 − 20 + 6; 0 − 14 + 60.
    assert stock["receipts"].to_list() == [40.0, 0.0, 46.0]
    assert stock["safety"].to_list() == [20.0, 20.0, 20.0]
    assert stock["gap_value"].to_list() == [80.0] * 3  # 20 units missing at the worst × 4.00
    assert frames.projected_stock(this, plan, days=8)["period"].to_list() == this.periods["period"].to_list()[:7]


def test_cover_counts_weeks_of_what_goes_out(this: Snapshot, plan: Plan) -> None:
    covered = {(item, place): cover for item, place, _, cover in frames.cover(this, plan).rows()}
    # Cups at D: 10 in stock, nothing goes out in week 2, 30 in week 3: one week and a third.
    assert covered["cup", "D"] == pytest.approx(1 + 10 / 30)


def test_demand_has_forecast_and_orders_side_by_side(this: Snapshot) -> None:
    found = frames.demand_by_week(this).filter(pl.col("actual").is_null())
    assert found["week"].to_list() == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"]
    assert found["forecast"].to_list() == [40.0] * 4
    assert found["orders"].to_list() == [20.0, 90.0, 0.0, 0.0]
    sold = frames.demand_by_week(this).filter(pl.col("actual").is_not_null())
    assert sold.select("week", "actual", "forecast").rows() == [("2026-W01", 12.0, None)]


def test_the_outlook_is_sold_so_far_plus_planned(this: Snapshot, plan: Plan) -> None:
    row = frames.month_outlook(this, plan).row(0, named=True)
    # 12 sold on 2 January; 96 planned, of which the 60 of the week of 26 January fall in January by working days (5
    # of 5).
    assert (row["actual"], row["planned"], row["outlook"]) == (12.0, 96.0, 108.0)
    assert row["share"] == pytest.approx(0.54)
    assert (row["low"], row["high"], row["inside"]) == (0.9, 1.1, False)


def test_a_month_that_ends_after_the_horizon_is_left_out(this: Snapshot, plan: Plan) -> None:
    later = this["consensus"].with_columns(fiscal_month=pl.lit("2026-02"))
    assert frames.month_outlook(this.replace(consensus=later), plan).is_empty()


def test_late_receipts_name_event_and_reason(this: Snapshot) -> None:
    row = frames.late_receipts(this).row(0, named=True)
    assert (row["receipt"], row["days_late"], row["event"], row["note"]) == ("PO1", 7, "E1", "Missed the ship")
    assert row["comes_on"] == date(2026, 1, 14)
    assert row["value"] == pytest.approx(200.0)
    assert row["supplier"] == "Kobe"


def test_where_used_follows_every_level(this: Snapshot) -> None:
    assert where_used(this).rows() == [("cup", "cup"), ("lid", "cup"), ("lid", "lid")]


def test_churn_is_one_figure_wherever_it_is_read(this: Snapshot) -> None:
    cup = {"routing": "R", "item": "cup", "location": "P"}
    week, tuesday, wednesday = ({**cup, "period": name} for name in ("2026-W03", "2026-01-06", "2026-01-07"))
    before = tiny.by_hand(this, make=[{**week, "quantity": 50.0}, {**tuesday, "quantity": 5.0}])
    # From Tuesday to Wednesday is no move of the week: by days it would be 19 of 55.
    now = tiny.by_hand(this, make=[{**week, "quantity": 41.0}, {**wednesday, "quantity": 5.0}])
    scored = tradable("churn").score(Week(this, now, before)).value
    told = difference(before, now).churn().filter(pl.col("flow") == "make", pl.col("fence") == "all")["churn"]
    assert scored == pytest.approx(9 / 55)
    assert measures.churn(now, before) == scored == told.item()
    assert tradable("churn").value(now, before) == told.item()


def test_plans_are_compared_over_whole_weeks_that_both_cover(this: Snapshot) -> None:
    before = tiny.by_hand(this, make=[{"routing": "R", "item": "cup", "period": "2026-W03", "quantity": 50.0}])
    now = tiny.by_hand(this, make=[{"routing": "R", "item": "cup", "period": "2026-W03", "quantity": 44.0},
                                   {"routing": "R", "item": "cup", "period": "2026-01-06", "quantity": 3.0}])  # fmt: skip
    moved = frames.changed_plan(now, before, frozen_days=7).filter(pl.col("flow") == "make")
    assert moved.select("week", "before", "now", "inside").rows() == [
        ("2026-W02", 0.0, 3.0, True),
        ("2026-W03", 50.0, 44.0, False),
    ]
    assert frames.changed_plan(now, None).is_empty()


def test_a_week_that_one_plan_covers_only_in_part_is_not_compared() -> None:
    def week(start: date, days: int) -> pl.DataFrame:
        return pl.DataFrame(
            {"period": ["p"], "index": [0], "starts_on": [start], "ends_on": [date(2026, 1, 11)], "days": [days],
             "kind": ["week"], "week": ["2026-W02"]}
        )  # fmt: skip

    assert shared_weeks(week(date(2026, 1, 5), 7), week(date(2026, 1, 5), 7)).height == 2
    assert shared_weeks(week(date(2026, 1, 7), 5), week(date(2026, 1, 7), 5)).height == 2
    assert shared_weeks(week(date(2026, 1, 7), 5), week(date(2026, 1, 5), 7)).is_empty()


@pytest.fixture
def company(tmp_path: Path) -> Snapshot:
    """Two extracts of the same company; returns the newer, of 12 January."""
    first, second = tiny.tables(), tiny.tables()
    second["actuals"] = [
        {
            "date": date(2026, 1, 8),
            "measure": "sales",
            "item": "cup",
            "location": "D",
            "customer": "A",
            "quantity": 50.0,
        }
    ]
    second["forecast"] = [row | {"quantity": 44.0} for row in second["forecast"][1:]]
    second["orders"] = [
        second["orders"][1] | {"quantity": 70.0},
        second["orders"][1] | {"order": "O3", "quantity": 5.0},
    ]
    second["receipts"] = [second["receipts"][0] | {"due_on": date(2026, 1, 15)}]
    second["events"] = [second["events"][1] | {"event": "E9", "from": date(2026, 1, 13), "to": date(2026, 1, 13)}]
    networks.write(tmp_path / "2026-01-05", tiny.SETTINGS, **first)
    networks.write(tmp_path / "2026-01-12", tiny.SETTINGS, **second)
    settings = tmp_path / "2026-01-12" / "settings.toml"
    settings.write_text(settings.read_text().replace('as_of = "2026-01-05"', 'as_of = "2026-01-12"'))
    return read(tmp_path)


def test_errors_use_the_forecast_of_the_extract_so_many_weeks_before(company: Snapshot) -> None:
    past = frames.earlier(company)
    assert [one.as_of for one in past] == [date(2026, 1, 5)]
    same = frames.forecast_errors(company, past, lag=0)
    assert same.select("item", "week", "actual", "forecast").rows() == [("cup", "2026-W02", 50.0, 40.0)]
    # Nobody published anything a week before week 2.
    assert frames.forecast_errors(company, past, lag=1).is_empty()
    assert frames.demand_by_week(company, past).filter(pl.col("week") == "2026-W02")["forecast"].to_list() == [40.0]


def test_what_changed_since_the_last_extract(company: Snapshot) -> None:
    before = frames.earlier(company)[-1]
    events = frames.changed_events(company, before)
    assert dict(events.select("event", "change").rows()) == {
        "E9": "new",
        "E1": "no longer named",
        "E2": "no longer named",
    }
    receipt = frames.changed_receipts(company, before).row(0, named=True)
    assert (receipt["change"], receipt["days_later"]) == ("moved", 8)
    orders = frames.changed_orders(company, before).row(0, named=True)
    # O1 was due before and is shipped; O2 fell by 20, O3 of 5 is new.
    assert (orders["customer"], orders["changed"], orders["new"], orders["gone"], orders["net"]) == (
        "B",
        -20.0,
        5.0,
        0.0,
        -15.0,
    )
    forecast = frames.changed_inputs(company, before).row(0, named=True)
    assert (forecast["before"], forecast["now"], forecast["share"]) == (120.0, 132.0, pytest.approx(0.1))


def test_without_an_earlier_extract_nothing_changed(this: Snapshot) -> None:
    assert frames.earlier(this) == ()
    assert frames.changed_events(this, None).is_empty()
    assert frames.changed_inputs(this, None).is_empty()
    assert frames.changed_receipts(this, None).is_empty()
    assert frames.changed_orders(this, None).is_empty()


def test_made_against_the_plan_of_record_counts_its_periods_that_are_over(company: Snapshot) -> None:
    record = tiny.by_hand(
        frames.earlier(company)[-1],
        make=[{"routing": "R", "period": "2026-01-06", "quantity": 30.0}, {"routing": "R", "period": "2026-W03", "quantity": 99.0}],
    )  # fmt: skip
    made = company["actuals"].with_columns(measure=pl.lit("make"), location=pl.lit("P"), quantity=pl.lit(24.0))
    found = frames.made_against_plan(company.replace(actuals=made), record)
    assert found.select("item", "location", "scheduled", "done").rows() == [("cup", "P", 30.0, 24.0)]
    assert frames.made_against_plan(company, None).is_empty()


def test_annual_cost_of_goods_scales_the_days_that_are_known(this: Snapshot) -> None:
    # 12 cups at 4.00 in the three days from 2 to 4 January.
    assert frames.annual_cost_of_goods(this) == pytest.approx(48 * 365 / 3)
    assert frames.stock_today(this) == pytest.approx(30 * 1.0 + 10 * 4.0)
