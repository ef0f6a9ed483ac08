"""What a limit is per: a week's maximum and a head's hours in a horizon of days, weeks and months, by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from tests.networks import snapshot, weeks

WEDNESDAY = date(2026, 1, 7)
Rows = list[dict[str, Any]]


def settings(daily: int = 14, per: str = "") -> str:
    text = f'[costs]\nper = "week"\n[horizon]\nweeks = 4\ndaily = {daily}\n'
    return text + (f'[limits]\nper = "{per}"\n' if per else "")


def wanted(quantity: float, days: int = 40, start: date = date(2026, 1, 5)) -> Rows:
    """So much on each day."""
    return [
        {"item": "A", "location": "P", "date": start + timedelta(days=n), "period": "", "quantity": quantity, "price": 10.0}
        for n in range(days)
    ]  # fmt: skip


def bought(folder: Path, text: str, **more: Any) -> pl.DataFrame:
    """What is bought when everybody wants more than there is."""
    offers = more.pop("offers", [{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0}])
    found = snapshot(folder, text, offers=offers, forecast=more.pop("forecast", wanted(500.0)), **more)
    return total(found, "buy")


def total(found: Snapshot, flow: str) -> pl.DataFrame:
    """The flow by ISO week of its period's first day."""
    rows = soe.plan(found).flows[flow].join(found.periods.select("period", "week", "starts_on"), on="period")
    return rows.group_by("week").agg(pl.col("quantity").sum().round(6)).sort("week")


@pytest.mark.parametrize("daily", [0, 7, 14])
def test_a_maximum_of_a_week_is_joint_over_its_days(tmp_path: Path, daily: int) -> None:
    found = bought(tmp_path / "x", settings(daily))
    assert found["quantity"].to_list() == [70.0] * 4


def test_all_of_a_week_may_come_on_one_day(tmp_path: Path) -> None:
    """200 are wanted on the second Sunday: two weeks of 70, however they are ordered."""
    found = soe.plan(
        snapshot(
            tmp_path / "x", settings(),
            offers=[{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0}],
            orders=[{"order": "1", "item": "A", "location": "P", "due_on": "2026-01-18", "quantity": 200.0, "price": 10.0}],
        )
    )  # fmt: skip
    assert found.ledger.margin == pytest.approx(140.0 * 9.0)
    prices = found.prices["buy_limit"].filter(pl.col("price") > 0)
    assert prices.sort("period").select("period", "rhs", "price").rows() == [
        ("2026-01-05", 70.0, pytest.approx(9.0)), ("2026-01-12", 70.0, pytest.approx(9.0)),
    ]  # fmt: skip


def test_a_week_cut_by_the_as_of_date_has_the_share_of_its_days(tmp_path: Path) -> None:
    """From Wednesday on, five of seven days are left of the first week."""
    for daily in (0, 14):
        folder, text = tmp_path / f"{daily}", settings(daily)
        snapshot(folder, text, offers=[{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0}],
                 forecast=wanted(500.0), items=[{"item": "A", "unit": "each"}])  # fmt: skip
        path = folder / "settings.toml"
        path.write_text(path.read_text("utf-8").replace("2026-01-05", str(WEDNESDAY)), "utf-8")
        assert total(soe.read(folder), "buy")["quantity"].to_list() == [50.0, 70.0, 70.0, 70.0, 70.0], daily


@pytest.mark.parametrize(
    ("per", "weekly"), [("week", [70.0] * 4), ("day", [490.0] * 4), ("period", [490.0, 490.0, 70.0, 70.0])]
)
def test_a_limit_per_week_day_or_period(tmp_path: Path, per: str, weekly: list[float]) -> None:
    assert bought(tmp_path / "x", settings(14, per))["quantity"].to_list() == weekly


MONTHS = [
    {"period": "January", "starts_on": date(2026, 1, 5), "ends_on": date(2026, 2, 1)},
    {"period": "February", "starts_on": date(2026, 2, 2), "ends_on": date(2026, 3, 4)},
]


@pytest.mark.parametrize(
    ("per", "each"), [("", [70.0, 70.0]), ("period", [70.0, 70.0]), ("week", [280.0, 310.0]), ("day", [1960.0, 2170.0])]
)
def test_given_periods_longer_than_a_week(tmp_path: Path, per: str, each: list[float]) -> None:
    """28 and 31 days: four weeks, and 31/7 of them."""
    found = bought(tmp_path / "x", settings(0, per), periods=MONTHS, forecast=wanted(500.0, 58))
    assert found["quantity"].to_list() == each


def test_given_periods_keep_their_limits_unless_said_otherwise(tmp_path: Path) -> None:
    assert bought(tmp_path / "x", settings(0), periods=weeks(3))["quantity"].to_list() == [70.0] * 3


def test_two_rows_of_one_week_share_it_by_their_days(tmp_path: Path) -> None:
    """Until Tuesday 70 a week, from Wednesday 140: 2/7 of the one and 5/7 of the other."""
    offers: Rows = [
        {"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0, "valid_to": "2026-01-13"},
        {"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 140.0, "valid_from": "2026-01-14"},
    ]
    assert bought(tmp_path / "x", settings(14), offers=offers)["quantity"].to_list() == [70.0, 120.0, 140.0, 140.0]


def test_a_loss_of_supply_on_days_of_a_week(tmp_path: Path) -> None:
    """Nothing on the first Monday to Wednesday, half in the second week's last two days."""
    events: Rows = [
        {"event": "1", "kind": "supply_loss", "target": "S", "from": "2026-01-05", "to": "2026-01-07", "factor": 0.0},
        {"event": "2", "kind": "supply_loss", "target": "S", "from": "2026-01-17", "to": "2026-01-18", "factor": 0.5},
    ]
    offers = [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0}]
    for daily in (0, 14):
        found = bought(tmp_path / f"{daily}", settings(daily), offers=offers, events=events)
        assert found["quantity"].to_list() == [40.0, 60.0, 70.0, 70.0], daily
    early = wanted(500.0, 3)
    assert bought(tmp_path / "early", settings(), offers=offers, events=events, forecast=early)["quantity"].sum() == 0.0
    free = [{**offers[0], "maximum": None}]
    none = bought(tmp_path / "free", settings(), offers=free, events=events[:1], forecast=wanted(5.0, 7))
    assert none["quantity"].sum() == 20.0, "an offer without a maximum is closed on the lost days only"


def test_lanes_and_routings_too(tmp_path: Path) -> None:
    """A lane's maximum is joint over its items and the days of the week; a routing's over the days."""
    lanes = [{"lane": "PW", "origin": "P", "destination": "W", "cost_per_unit": 0.0, "maximum": 70.0}]
    two = [{**row, "item": item, "location": "W"} for row in wanted(40.0, 28) for item in "AB"]
    found = snapshot(
        tmp_path / "lane", settings(), lanes=lanes, forecast=two,
        inventory=[{"item": item, "location": "P", "on_hand": 1e4} for item in "AB"],
    )  # fmt: skip
    assert total(found, "ship")["quantity"].to_list() == [70.0] * 4
    routings = [{"routing": "R", "item": "A", "location": "P", "cost_per_unit": 0.0, "maximum": 70.0}]
    made = snapshot(tmp_path / "make", settings(), routings=routings, forecast=wanted(40.0, 28))
    assert total(made, "make")["quantity"].to_list() == [70.0] * 4


def crew(folder: Path, text: str, **more: Any) -> Snapshot:
    """Two heads of 35 h and 5 h overtime, and a step of 10 h more; a unit takes an hour."""
    return snapshot(
        folder, text,
        resources=[{"resource": "L", "location": "P", "hourly_cost": 1.0, "overtime_cost": 2.0}],
        calendar=[{"resource": "L", "period": "2026-01-05", "hours": 0.0}],
        workforce=[{"resource": "L", "opening_heads": 2.0, "minimum_heads": 2.0, "maximum_heads": 2.0,
                    "hours_per_head": 35.0, "overtime_hours_per_head": 5.0}],
        expansions=[{"expansion": "E", "resource": "L", "hours": 10.0, "cost": 1.0, "maximum": 1}],
        routings=[{"routing": "R", "item": "A", "location": "P"}],
        operations=[{"routing": "R", "resource": "L", "hours_per_unit": 1.0}],
        forecast=more.pop("forecast", wanted(500.0)), **more,
    )  # fmt: skip


@pytest.mark.parametrize("daily", [0, 14])
def test_hours_of_heads_and_steps_are_spread_over_working_days(tmp_path: Path, daily: int) -> None:
    found = crew(tmp_path / "x", settings(daily))
    made = soe.plan(found).flows["make"]
    assert total(found, "make")["quantity"].to_list() == [90.0] * 4
    if daily:
        days = made.sort("period")["quantity"].round(6).to_list()[:7]
        assert days == [18.0] * 5 + [0.0] * 2


def test_hours_of_heads_in_months_and_per_period(tmp_path: Path) -> None:
    """28 days have 20 working days, 31 from a Monday on have 23: 4 and 4.6 times the hours of a week."""
    far = wanted(500.0, 58)
    by_week = crew(tmp_path / "week", settings(0, "week"), periods=MONTHS, forecast=far)
    assert total(by_week, "make")["quantity"].to_list() == [360.0, 414.0]
    by_period = crew(tmp_path / "period", settings(0), periods=MONTHS, forecast=far)
    assert total(by_period, "make")["quantity"].to_list() == [90.0, 90.0]
    by_day = crew(tmp_path / "day", settings(14, "day"))
    assert total(by_day, "make")["quantity"].to_list() == [450.0] * 4


def test_a_crew_that_is_down_for_two_days_of_a_week(tmp_path: Path) -> None:
    """Two of five working days: 36 of 90 h; the step stays, for a downtime is of the calendar and the crew."""
    event = [{"event": "1", "kind": "downtime", "target": "L", "from": "2026-01-13", "to": "2026-01-14"}]
    weekly, daily = (
        total(crew(tmp_path / f"{n}", settings(n), events=event), "make")["quantity"].to_list() for n in (0, 14)
    )
    assert weekly == [90.0, 58.0, 90.0, 90.0], "2 × 40 × 3/5 + 10"
    assert daily == weekly


def test_a_minimum_is_of_an_order(tmp_path: Path) -> None:
    offers = [{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "minimum": 30.0, "maximum": 70.0}]
    found = snapshot(tmp_path / "x", settings(14), offers=offers, forecast=wanted(500.0))
    days = soe.plan(found).flows["buy"].filter(pl.col("quantity") > 0)["quantity"]
    assert (days >= 30.0 - 1e-6).all()


def test_the_rows_say_what_they_are_per(tmp_path: Path) -> None:
    offers = [{"offer": "O", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 70.0}]
    for per in ("week", "day", "period"):
        found = snapshot(tmp_path / per, settings(14, per), offers=offers, forecast=wanted(5.0))
        assert f"no more than its maximum in a {per}" in Model(found).formulation()
