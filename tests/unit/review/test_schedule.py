"""The schedule of a small company, worked out by hand: order, set-ups, stops, weeks, lanes, and what each run is for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import frames, pegged, schedule
from soe_lib.review.style import Chart
from soe_lib.review.tables import Table
from soe_lib.review.week import Week
from tests.networks import days, snapshot, weeks

MONDAY, TUESDAY = "2026-01-05", "2026-01-06"


def works(folder: Path, periods: list[dict[str, object]], **more: list[dict[str, object]]) -> Snapshot:
    """Red and blue on one line of 10 h a day, 0.1 h a unit, an hour's set-up each; sold at the shop, a lane away."""
    line = [{"resource": "L1", "location": "works", "kind": "line"}]
    hours = [{"resource": "L1", "period": row["period"], "hours": 10} for row in periods]
    made = [
        {"routing": item, "item": item, "location": "works", "setup_cost": 1.0} for item in ("red", "blue")
    ]  # fmt: skip
    steps = [{"routing": item, "resource": "L1", "hours_per_unit": 0.1, "setup_hours": 1.0} for item in ("red", "blue")]
    lane = [
        {"lane": "van", "origin": "works", "destination": "shop", "lead_time_days": 0, "maximum": 100, "multiple": 10}
    ]
    asked = [
        {"order": name, "item": item, "location": "shop", "customer": "C", "due_on": day, "quantity": quantity, "price": 50}
        for name, item, day, quantity in (
            ("O1", "red", MONDAY, 30), ("O2", "blue", MONDAY, 20), ("O3", "red", TUESDAY, 40), ("O4", "red", TUESDAY, 10)
        )
    ]  # fmt: skip
    tables = {
        "periods": periods, "resources": line, "calendar": hours, "routings": made, "operations": steps, "lanes": lane,
        "orders": asked, "customers": [{"customer": "C", "short_cost": 9.0}],
        "items": [{"item": item, "unit": "case", "family": item, "holding_cost": 0.5} for item in ("red", "blue")],
    }  # fmt: skip
    told = {name: rows for name, rows in {**tables, **more}.items() if rows}
    return snapshot(folder, '[costs]\nper = "period"\n[limits]\nper = "day"\n', **told)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    event = {
        "event": "E",
        "kind": "downtime",
        "target": "L1",
        "from": TUESDAY,
        "to": TUESDAY,
        "hours": 4,
        "note": "belt",
    }
    here = works(tmp_path_factory.mktemp("works"), [dict(row) for row in days(2)], events=[event])
    return Week.of(here, soe.plan(here))


def test_runs_follow_each_other_with_their_set_ups(week: Week) -> None:
    """Monday: 30 red (3 h) and 20 blue (2 h) with an hour of set-up each; Tuesday 50 red, 5 h and its set-up."""
    runs = frames.firm_runs(week.snapshot, week.plan)
    monday = runs.filter(pl.col("period") == "D001")
    assert sorted(monday.select("item", "good", "hours", "setup_hours").rows()) == [
        ("blue", 20.0, 2.0, 1.0), ("red", 30.0, 3.0, 1.0),
    ]  # fmt: skip
    assert monday["sequence"].to_list() == [1, 2]
    first, second = monday.sort("sequence").iter_rows(named=True)
    assert (first["begins"], second["begins"]) == (0.0, first["setup_hours"] + first["hours"])
    assert second["item"] == "red", "Tuesday goes on with red, so that its set-up might be saved"
    assert runs.filter(pl.col("period") == "D002").select("item", "good", "begins").rows() == [("red", 50.0, 0.0)]


def test_what_stops_a_line_is_told_with_its_reason(week: Week) -> None:
    hours = frames.firm_hours(week.snapshot, week.plan)
    assert hours.select("period", "available", "lost", "why").rows() == [
        ("D001", 10.0, 0.0, ""), ("D002", 6.0, 4.0, "belt"),
    ]  # fmt: skip
    stops = schedule.stopped(hours)
    assert isinstance(stops, Table)
    assert stops.frame["Why"].to_list() == ["belt"]


def test_each_run_says_what_it_is_for(week: Week) -> None:
    told = frames.purposes(week.pegged).filter(pl.col("kind") == "run").select("name", "made_in", "purpose")
    assert sorted(told.rows()) == [
        ("blue", "D001", "O2 20"), ("red", "D001", "O1 30"), ("red", "D002", "O3 40, O4 10"),
    ]  # fmt: skip
    short = frames.purposes(week.pegged, most=1).filter(pl.col("kind") == "run", pl.col("made_in") == "D002")
    assert short["purpose"].to_list() == ["O3 40, 1 more order 10"]


def test_hours_are_for_whom_their_goods_are(week: Week) -> None:
    found = frames.pegging.uses(week.pegged).select("period", "order", pl.col("hours").round(6)).rows()
    assert sorted(found) == [("D001", "O1", 3.0), ("D001", "O2", 2.0), ("D002", "O3", 4.0), ("D002", "O4", 1.0)]


def test_lanes_show_their_loads_and_how_full_they_are(week: Week) -> None:
    """50 units a day of at most 100, in loads of ten."""
    found = frames.lane_loads(week.plan)
    assert found.select("lane", "quantity", "loads", "limit_used").rows() == [
        ("van", 50.0, 5.0, 0.5), ("van", 50.0, 5.0, 0.5),
    ]  # fmt: skip
    table = schedule.loads(week)
    assert isinstance(table, Table)
    assert {"Loads", "Fullest"} <= set(table.frame.columns)


def test_an_order_that_is_late_names_who_has_its_hours(tmp_path: Path) -> None:
    """Ten hours make 100 units, 110 are asked for on Monday: whose lateness is dearer is served first."""
    order = {"item": "red", "location": "shop", "due_on": MONDAY, "price": 90}
    asked = [
        {**order, "order": "A", "customer": "dear", "quantity": 60},
        {**order, "order": "B", "customer": "C", "quantity": 50},
    ]
    here = works(
        tmp_path, [dict(row) for row in days(2)], orders=asked, lanes=[],
        items=[{"item": "red", "unit": "case"}, {"item": "blue", "unit": "case"}],
        customers=[
            {"customer": name, "late_cost": cost, "short_cost": 5.0, "latest_days": 1} for name, cost in (("C", 1), ("dear", 2))
        ],
        routings=[{"routing": "red", "item": "red", "location": "shop"}],
        operations=[{"routing": "red", "resource": "L1", "hours_per_unit": 0.1}],
    )  # fmt: skip
    situation = Week.of(here, soe.plan(here))
    late = situation.orders_at_risk
    assert late["order"].to_list() == ["B"]
    assert situation.rivals.select("of", "line", "period", "order", pl.col("hours").round(6)).rows() == [
        ("B", "L1", "D001", "A", 6.0)
    ]
    table = pegged.serving(situation.pegged, late, situation.rivals)
    assert isinstance(table, Table)
    assert table.frame.select("Order", "Hours are with").rows() == [("B", "A 6 h")]


def test_a_trader_has_no_schedule_and_says_so(tmp_path: Path) -> None:
    here = snapshot(
        tmp_path,
        periods=weeks(2),
        offers=[{"offer": "o", "supplier": "s", "item": "tea", "location": "shop", "unit_cost": 1}],
        forecast=[{"item": "tea", "location": "shop", "customer": "", "period": "W1", "quantity": 5, "price": 3}],
    )
    situation = Week.of(here, soe.plan(here))
    assert schedule.section(situation) == schedule.sheet(situation) == (schedule.NO_RUNS,)
    assert schedule.weeks_ahead(situation) == ("Nothing is made in this horizon.",)
    assert schedule.loads(situation) == "Nothing is shipped between places in this horizon."
    assert schedule.page(situation).headline == schedule.NO_RUNS


def test_weekly_periods_are_one_column_and_many_lines_fit_the_sheet(tmp_path: Path) -> None:
    names = [f"L{number:02d}" for number in range(70)]
    here = works(
        tmp_path, [dict(row) for row in weeks(2)],
        resources=[{"resource": name, "location": "works", "kind": "line"} for name in names],
        calendar=[{"resource": name, "period": week, "hours": 40} for name in names for week in ("W1", "W2")],
        items=[{"item": name, "unit": "case"} for name in names], lanes=[],
        routings=[{"routing": name, "item": name, "location": "works"} for name in names],
        operations=[{"routing": name, "resource": name, "hours_per_unit": 0.1} for name in names],
        orders=[{"order": name, "item": name, "location": "works", "customer": "C", "due_on": MONDAY, "quantity": 30,
                 "price": 5} for name in names],
    )  # fmt: skip
    situation = Week.of(here, soe.plan(here))
    shown = schedule.sheet(situation)
    chart = shown[0]
    assert isinstance(chart, Chart)
    wide, high = chart.figure.get_size_inches()
    assert high / wide < 250 / 182, "it fits an A4 sheet's height"
    assert len(chart.figure.axes[0].get_yticklabels()) == 70
    assert len(chart.figure.axes[0].get_xticklabels()) == 1
