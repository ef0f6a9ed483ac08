"""Rows of time that overlap: the shorter label holds for its own days, in hours, overtime, demand and prices."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from soe_lib.review.frames.demand import published_forecast
from tests.networks import days, snapshot, weeks

JANUARY = [{"period": "January", "starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 31)}]
GENERATED = '[costs]\nper = "week"\n[horizon]\nweeks = 4\ndaily = {}\n'
Rows = list[dict[str, Any]]


def line(folder: Path, calendar: Rows, settings: str = "", periods: Any = ()) -> Snapshot:
    """One line with these hours, and somebody who wants something."""
    given = {"periods": periods} if periods else {}
    return snapshot(
        folder, settings,
        resources=[{"resource": "L", "location": "P"}, {"resource": "other", "location": "P"}], calendar=calendar,
        routings=[{"routing": "R", "item": "A", "location": "P"}],
        operations=[{"routing": "R", "resource": "L", "hours_per_unit": 1.0}],
        forecast=[{"item": "A", "location": "P", "period": "2026-W03", "quantity": 1.0, "price": 1.0}], **given,
    )  # fmt: skip


def hours(found: Snapshot, column: str = "hours") -> dict[str, float]:
    rows = Model(found).network.hours.filter(pl.col("resource").cast(pl.String) == "L", pl.col(column) > 0)
    return {str(period): round(value, 9) for period, value in rows.select("period", column).iter_rows()}


def row(label: str, hours: float, overtime: float = 0.0, resource: str = "L") -> dict[str, Any]:
    return {"resource": resource, "period": label, "hours": hours, "overtime_hours": overtime}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("second", "hours_left", "overtime_left"),
    [
        (("2026-01-14", 0.0, 0.0), 32.0, 8.0),  # a Wednesday off
        (("2026-01-14", 4.0, 1.0), 36.0, 9.0),  # half a Wednesday
        (("2026-01-17", 0.0, 0.0), 40.0, 10.0),  # a Saturday off, which nobody works
        (("2026-01-17", 6.0, 3.0), 46.0, 13.0),  # a Saturday worked
    ],
)
def test_a_day_holds_for_itself_within_its_week(
    tmp_path: Path, order: int, second: tuple[str, float, float], hours_left: float, overtime_left: float
) -> None:
    rows = [row("2026-W03", 40.0, 10.0), row(*second), row("2026-W03", 99.0, 0.0, "other"), row("2026-W04", 40.0)]
    weekly = line(tmp_path / "weekly", rows[::order], GENERATED.format(0))
    assert hours(weekly)["2026-W03"] == hours_left
    assert hours(weekly)["2026-W04"] == 40.0
    assert hours(weekly, "overtime_hours")["2026-W03"] == overtime_left
    daily = hours(line(tmp_path / "daily", rows[::order], GENERATED.format(14)))
    assert sum(value for day, value in daily.items() if "2026-01-12" <= day <= "2026-01-18") == hours_left
    assert daily.get("2026-01-14") == {0.0: None, 4.0: 4.0}.get(second[1] if second[0] == "2026-01-14" else -1, 8.0)


def test_month_week_and_day_of_one_line(tmp_path: Path) -> None:
    """January has 22 working days: the week takes five of them, its Friday off one of the week's."""
    rows = [row("2026-01", 220.0), row("2026-W03", 30.0), row("2026-01-16", 0.0), row("2026-01-23", 1.0)]
    whole = hours(line(tmp_path / "whole", rows, periods=JANUARY))
    # 5 to 30 January: 20 of the 22 days; less five days of the week and one day more
    assert whole == {"January": 10.0 * 14 + 30.0 * 4 / 5 + 1.0}
    weekly = hours(line(tmp_path / "weekly", rows, GENERATED.format(0)))
    assert weekly["2026-W02"] == weekly["2026-W05"] == 50.0
    assert (weekly["2026-W03"], weekly["2026-W04"]) == (24.0, 41.0)


def test_a_given_period_is_longer_or_shorter_than_what_it_meets(tmp_path: Path) -> None:
    rows = [row("January", 200.0), row("2026-W03", 30.0)]
    assert hours(line(tmp_path / "month", rows, periods=JANUARY)) == {"January": 200.0 * 15 / 20 + 30.0}
    rows = [row("2026-01", 220.0), row("W2", 30.0)]
    assert hours(line(tmp_path / "weeks", rows, periods=weeks(3))) == {"W1": 50.0, "W2": 30.0, "W3": 50.0}
    rows = [row("2026-W03", 40.0), row("D010", 1.0)]
    found = hours(line(tmp_path / "days", rows, periods=days(14)))
    assert found == {"D008": 8.0, "D009": 8.0, "D010": 1.0, "D011": 8.0, "D012": 8.0}


def test_a_horizon_that_begins_on_the_holiday(tmp_path: Path) -> None:
    """As of Monday: a Monday off leaves four fifths of the week, and the day itself has nothing."""
    found = hours(line(tmp_path / "x", [row("2026-W02", 40.0), row("2026-01-05", 0.0)], GENERATED.format(7)))
    assert found == {f"2026-01-0{day}": 8.0 for day in (6, 7, 8, 9)}


def demand(folder: Path, rows: Rows, settings: str = GENERATED.format(0)) -> Snapshot:
    return snapshot(
        folder, settings,
        offers=[{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 1e6}],
        forecast=[{"item": "A", "location": "P", "price": 2.0, **one} for one in rows],
    )  # fmt: skip


def test_a_forecast_by_month_keeps_the_rest_of_its_days(tmp_path: Path) -> None:
    """Of 220 in a month of 22 working days, five are the week's: 20 of it lie before, and 150 beside the week."""
    rows: Rows = [
        {"period": "2026-01", "quantity": 220.0, "committed": 22.0, "customer": "c"},
        {"period": "2026-W03", "quantity": 90.0, "committed": 0.0, "customer": "c"},
        {"period": "2026-01", "quantity": 44.0, "committed": 0.0, "customer": "d"},
    ]
    found = demand(tmp_path / "x", rows)
    lines = Model(found).network.demand.select(pl.col("customer", "due").cast(pl.String), "quantity", "committed")
    mine = {due: (q, round(c, 9)) for who, due, q, c in lines.iter_rows() if who == "c"}
    assert mine == {
        "2026-W02": (50.0, 5.0), "2026-W03": (90.0, 0.0), "2026-W04": (50.0, 5.0), "2026-W05": (50.0, 5.0),
    }  # fmt: skip
    assert sum(q for who, _, q, _ in lines.iter_rows() if who == "d") == 40.0
    shown = published_forecast(found).filter(pl.col("customer") == "c")["forecast"].sum()
    assert shown == 240.0, "the page shows what is planned with"
    assert soe.plan(found).ledger.margin == pytest.approx(280.0)


def test_whole_units_of_a_cut_month_add_up(tmp_path: Path) -> None:
    """100 over 22 days, eight of them cut out by two rows: what is left of whole units is whole."""
    rows: Rows = [
        {"period": "2026-01", "quantity": 100.0}, {"period": "2026-W04", "quantity": 0.0},
        {"period": "2026-01-06", "quantity": 7.0}, {"period": "2026-01-07", "quantity": 0.0},
    ]  # fmt: skip
    lines = Model(demand(tmp_path / "x", rows)).network.demand
    got = dict(lines.select(pl.col("due").cast(pl.String), "quantity").iter_rows())
    # 100 ÷ 22 a day: 13.64 in the first week, 22.73 in the second and fourth, 40.91 cut out or before the horizon
    assert {due: value for due, value in got.items() if value} == {
        "2026-W02": 13.0 + 7.0, "2026-W03": 23.0, "2026-W05": 23.0,
    }  # fmt: skip


def test_prices_of_the_days_of_a_week(tmp_path: Path) -> None:
    """A price by day holds for its day, the week's for the rest of the week, the offer's own for all other days."""
    prices = [
        {"offer": "O", "period": "2026-01", "unit_cost": 3.0}, {"offer": "O", "period": "2026-W03", "unit_cost": 10.0},
        {"offer": "O", "period": "2026-01-14", "unit_cost": 17.0}, {"offer": "N", "period": "2026-01-14", "unit_cost": 12.0},
    ]  # fmt: skip
    offers = [{"offer": o, "item": "A", "location": "P", "unit_cost": 5.0, "maximum": 1e6} for o in "ON"]
    found = snapshot(
        tmp_path / "x", GENERATED.format(0), offers=offers, offer_prices=prices,
        forecast=[{"item": "A", "location": "P", "period": "2026-W03", "quantity": 1.0, "price": 99.0}],
    )  # fmt: skip
    bought = Model(found).flows["buy"].named
    cost = {(o, p): round(c, 9) for o, p, c in bought.select("offer", "period", "unit_cost").iter_rows()}
    assert [cost["O", week] for week in ("2026-W02", "2026-W03", "2026-W04")] == [3.0, (6 * 10.0 + 17.0) / 7, 3.0]
    assert cost["O", "2026-W05"] == round((6 * 3.0 + 5.0) / 7, 9), "1 February is of no named month"
    assert [cost["N", week] for week in ("2026-W02", "2026-W03")] == [5.0, 6.0]


def test_an_edit_of_a_day_does_not_bring_the_holiday_back(tmp_path: Path) -> None:
    """A week is cut into its days for an edit of one of them; the day off stays off."""
    found = line(tmp_path / "x", [row("2026-W03", 40.0), row("2026-01-14", 0.0)], GENERATED.format(0))
    for day, left in (("2026-01-13", 40.0), ("2026-01-14", 32.0)):
        edited = soe.Scenario("more").add_to("calendar.hours", 8.0, resource="L", period=day).apply(found)
        assert hours(edited)["2026-W03"] == 40.0, left
    off = soe.Scenario("off").scale("calendar.hours", 0.5, resource="L", period="2026-W03").apply(found)
    assert hours(off)["2026-W03"] == 16.0


def test_labels_by_the_day_agree_with_labels_by_week_and_month(tmp_path: Path) -> None:
    """Any overlap of month, weeks and days is what its own days say, worked out day by day."""
    for seed in range(12):
        month = 22.0 * (1 + seed % 5)
        weekly = {f"2026-W0{2 + (seed * 3 + n) % 4}": float(5 * (n + seed % 3)) for n in range(1 + seed % 3)}
        daily = {date(2026, 1, 5) + timedelta(days=(seed * 5 + 3 * n) % 26): float(n) for n in range(seed % 6)}
        rows = [row("2026-01", month), *(row(*one) for one in weekly.items())]
        rows += [row(str(day), value) for day, value in daily.items()]
        want = 0.0
        for n in range(27):
            day = date(2026, 1, 5) + timedelta(days=n)
            week, works = day.strftime("%G-W%V"), day.weekday() < 5
            if day in daily:
                want += daily[day]
            elif week in weekly:
                want += weekly[week] / 5 if works else 0.0
            elif day.month == 1 and works:
                want += month / 22
        assert sum(hours(line(tmp_path / f"{seed}", rows, periods=JANUARY)).values()) == pytest.approx(want), seed
