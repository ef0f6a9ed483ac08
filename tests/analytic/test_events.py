"""Events change what they target, by amounts a planner works out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.scenario import load
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import snapshot, weeks


def test_downtime_takes_hours(tmp_path: Path) -> None:
    # 14 h over 14 days: 7 of them in W1. 10 − 7 = 3 h are left.
    tables = line(10, periods=2) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [
        {"event": "E", "kind": "downtime", "target": "line", "from": "2026-01-05", "to": "2026-01-18", "hours": 14}
    ]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make", period="W1") == pytest.approx(3)


def test_downtime_without_hours_takes_the_working_days(tmp_path: Path) -> None:
    # Monday to Wednesday of a five-day week: three fifths of 10 h.
    tables = line(10) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "downtime", "target": "line", "from": "2026-01-05", "to": "2026-01-07"}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == pytest.approx(4)


def test_a_delay_moves_a_receipt(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(2),
        "receipts": [
            {"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-08", "quantity": 4}
        ],
        "forecast": [asked("A", 4, 10, "W1"), asked("A", 4, 9, "W2")],
    }
    assert soe.plan(snapshot(tmp_path / "a", **tables)).margin == pytest.approx(40)
    tables["events"] = [{"event": "E", "kind": "delay", "target": "R", "days": 9}]
    assert soe.plan(snapshot(tmp_path / "b", **tables)).margin == pytest.approx(36)


def test_a_surge_multiplies_the_forecast(tmp_path: Path) -> None:
    tables = line(100) | {"forecast": [asked("A", 10, 10), asked("B", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "surge", "target": "A", "factor": 1.5}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", item="A") == pytest.approx(15)
    assert quantity(plan, "sell", item="B") == pytest.approx(10)


def test_a_lost_supplier_delivers_nothing(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(2),
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1}],
        "forecast": [asked("A", 4, 10, "W1"), asked("A", 4, 10, "W2")],
        "events": [
            {"event": "E", "kind": "supply_loss", "target": "S", "from": "2026-01-05", "to": "2026-01-11", "factor": 0}
        ],
    }
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "buy", period="W1") == 0
    assert quantity(plan, "buy", period="W2") == pytest.approx(4)


def test_a_price_event_changes_what_is_paid(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(1),
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 2}],
        "forecast": [asked("A", 4, 10)],
        "events": [{"event": "E", "kind": "price", "target": "O", "factor": 1.5}],
    }
    assert soe.plan(snapshot(tmp_path, **tables)).ledger.accounts()["material"] == pytest.approx(-12)


def test_an_event_that_hits_nothing_is_refused(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 10, 10)]}
    tables["events"] = [{"event": "E", "kind": "downtime", "target": "lime"}]
    with pytest.raises(DataError, match="line"):
        soe.plan(snapshot(tmp_path, **tables))


def test_a_label_with_an_ampersand_is_one_target(tmp_path: Path) -> None:
    # "A & B" is an item; "A & X" is item A for customer X only.
    tables = line(100) | {"forecast": [asked("A", 10, 10), asked("A", 10, 10, customer="X"), asked("A & B", 10, 10)]}
    tables["customers"] = [{"customer": "X"}]
    tables["items"] = [{"item": item} for item in ("A", "B", "A & B")]
    tables["routings"].append({"routing": "A & B", "item": "A & B", "location": "P"})
    tables["events"] = [
        {"event": "E", "kind": "surge", "target": "A & B", "factor": 2},
        {"event": "F", "kind": "surge", "target": "A & X", "factor": 3},
    ]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", item="A & B") == pytest.approx(20)
    assert quantity(plan, "sell", item="A") == pytest.approx(10 + 30)


# -- hours of a downtime and the days that they lie on ---------------------------------------------------------------

WEEKLY = '[costs]\nper = "week"\n[horizon]\nweeks = 3\ndaily = {}\n'


def press(folder: Path, *events: dict[str, object], daily: int = 14, saturday: float = 0.0, **more: Any) -> Snapshot:
    """A press of 40 h and 5 h overtime a week, on the Saturday of the second week as many hours as said."""
    return snapshot(
        folder, WEEKLY.format(daily),
        resources=[{"resource": "press", "location": "P"}],
        calendar=[{"resource": "press", "period": f"2026-W0{n}", "hours": 40.0, "overtime_hours": 5.0} for n in (2, 3, 4)]
        + [{"resource": "press", "period": "2026-01-17", "hours": saturday, "overtime_hours": 0.0}],
        routings=[{"routing": "R", "item": "A", "location": "P"}],
        operations=[{"routing": "R", "resource": "press", "hours_per_unit": 1.0}],
        forecast=[{"item": "A", "location": "P", "period": "2026-W04", "quantity": 1.0, "price": 1.0}],
        events=[{"event": f"E{n}", "kind": "downtime", "target": "press", **one} for n, one in enumerate(events)], **more,
    )  # fmt: skip


def second_week(found: Snapshot) -> tuple[float, float]:
    """Hours and overtime that are left in the second week."""
    weeks_of = found.periods.select("period", "week")
    rows = soe.Model(found).network.hours.with_columns(pl.col("period").cast(pl.String)).join(weeks_of, on="period")
    mine = rows.filter(pl.col("week") == "2026-W03")
    return round(mine["hours"].sum(), 9), round(mine["overtime_hours"].sum(), 9)


@pytest.mark.parametrize("daily", [0, 14])
@pytest.mark.parametrize(
    ("event", "saturday", "left", "lost"),
    [
        ({"from": "2026-01-13", "to": "2026-01-14", "hours": 12}, 0, (28, 5), 0),  # fits: 6 h on each of two days
        ({"from": "2026-01-13", "to": "2026-01-14", "hours": 17}, 0, (24, 4), 0),  # 16 h of them, and 1 h of overtime
        ({"from": "2026-01-13", "to": "2026-01-14", "hours": 30}, 0, (24, 3), 12),  # 18 h is all they have
        ({"from": "2026-01-16", "to": "2026-01-18", "hours": 9}, 0, (32, 4), 0),  # a Friday and a week-end
        ({"from": "2026-01-16", "to": "2026-01-18", "hours": 12}, 6, (34, 5), 0),  # 6 h each on Friday and Saturday
        ({"from": "2026-01-16", "to": "2026-01-18", "hours": 13}, 6, (33, 5), 0),  # 7 and 6
        ({"from": "2026-01-17", "to": "2026-01-18", "hours": 4}, 0, (40, 5), 4),  # nothing is worked there
        ({"from": "2026-01-01", "to": "2026-01-04", "hours": 4}, 0, (40, 5), 0),  # over before the horizon begins
    ],
)
def test_hours_of_a_downtime_are_lost_on_its_own_days(
    tmp_path: Path, event: dict[str, object], saturday: float, left: tuple[float, float], lost: float, daily: int
) -> None:
    found = press(tmp_path, event, saturday=saturday, daily=daily)
    assert second_week(found) == (left[0] + (saturday if left[0] == 40 else 0), left[1])
    said = [one for one in found.findings if "do not fit" in one.rule]
    assert [one.rule.partition(" of ")[0] for one in said] == ([f"{lost:g}"] if lost else [])
    assert all(one.table == "events" and "E0" in one.rule and one.level == "warn" for one in said)


def test_two_downtimes_of_one_day_share_its_hours(tmp_path: Path) -> None:
    """8 h and 1 h overtime on the day: the second finds 2 h, of which it needs 3."""
    day = {"from": "2026-01-13", "to": "2026-01-13"}
    found = press(tmp_path, {**day, "hours": 7}, {**day, "hours": 3})
    assert second_week(found) == (32, 4)
    (said,) = [one for one in found.findings if "do not fit" in one.rule]
    assert said.rule.startswith("1 of the 3 h of E1")


def test_hours_before_the_horizon_take_their_working_days_along(tmp_path: Path) -> None:
    """Thursday to Tuesday, of which Monday and Tuesday are to come: half of 16 h."""
    found = press(tmp_path, {"from": "2026-01-01", "to": "2026-01-06", "hours": 16}, daily=0)
    hours = soe.Model(found).network.hours.sort("period")["hours"].to_list()
    assert hours[0] == pytest.approx(40 - 8)


@pytest.mark.parametrize("daily", [0, 14])
def test_a_day_longer_is_a_day_longer(tmp_path: Path, daily: int) -> None:
    """Two days of 8 h; a third takes its own 8 h, a fourth that is a Saturday none."""
    event = {"from": "2026-01-14", "to": "2026-01-15", "hours": 16}
    found = press(tmp_path, event, daily=daily)
    assert second_week(found) == (24, 5)
    longer = soe.Scenario("longer").longer(days=1, event="E0")
    assert second_week(longer.apply(found)) == (16, 5)
    touched = longer.touched(found).select("column", "before", "after").rows()
    assert touched == [("to", "2026-01-15", "2026-01-16"), ("hours", "16", "24")]
    weekend = soe.Scenario("weekend").longer(days=3, event="E0").apply(found)["events"].row(0, named=True)
    assert (str(weekend["to"]), weekend["hours"]) == ("2026-01-18", 24.0)
    shorter = soe.Scenario("shorter").longer(days=-1, event="E0").apply(found)
    assert second_week(shorter) == (32, 5)
    saved = longer.save(tmp_path / "scenarios.toml")
    assert load(saved)[0].edits == longer.edits


def test_edits_that_would_lose_hours_nowhere_stop(tmp_path: Path) -> None:
    found = press(tmp_path, {"from": "2026-01-14", "to": "2026-01-15", "hours": 16})
    with pytest.raises(DataError, match=r"14 of the 32 h of E0 do not fit"):
        soe.Scenario("a day longer").add_to("events.hours", 16.0, event="E0").apply(found)
    soe.Scenario("2 h more").add_to("events.hours", 2.0, event="E0").apply(found)
    for wrong, says in (
        (lambda: soe.Scenario("x").longer(days=-2, event="E0").apply(found), "before it begins"),
        (lambda: soe.Scenario("x").longer(days=1.5, event="E0"), "whole days"),
        (
            lambda: soe.Scenario("x").set("events.to", None, event="E0").longer(days=1, event="E0").apply(found),
            "no end",
        ),
    ):
        with pytest.raises(DataError, match=says):
            wrong()
    # What did not fit before an edit of something else is no reason to refuse that.
    over = press(tmp_path / "over", {"from": "2026-01-14", "to": "2026-01-14", "hours": 20})
    soe.Scenario("other").event(kind="surge", target="A", factor=1.1).apply(over)
