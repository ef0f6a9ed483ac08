"""A missed unit is laid to a cause only where taking the cause away serves it; the parts add up to all that is missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import exceptions
from soe_lib.review.frames.service import lines
from soe_lib.review.options import cost_of_events
from soe_lib.review.week import Week
from tests.analytic.test_two_items import asked, line
from tests.networks import MONDAY, snapshot


def priced(found: Snapshot) -> Week:
    """The week with its causes taken away one by one."""
    week = Week(found, soe.plan(found))
    return week.knowing(prices=cost_of_events(week, soe.plan))


def laid(week: Week) -> dict[tuple[str, str], float]:
    """Kind and key of each cause → missed units."""
    rows = week.missed.group_by("kind", "key").agg(units=(pl.col("late") + pl.col("short")).sum()).rows()
    return {(kind, key): units for kind, key, units in rows}


def stop(hours: float, name: str = "E1") -> dict[str, Any]:
    """A stop of the line in the first week."""
    last = MONDAY.replace(day=11)
    return {"event": name, "kind": "downtime", "target": "line", "from": MONDAY, "to": last, "hours": hours}


def test_only_what_the_stop_takes_is_laid_to_it(tmp_path: Path) -> None:
    # 30 are asked for, 20 h would make 20, 14 are left: 6 wait for the line's repair, 10 for hours that nobody has.
    tables = line(20) | {"forecast": [asked("A", 30, 10)], "events": [stop(6)]}
    week = priced(snapshot(tmp_path, **tables))
    assert laid(week) == pytest.approx({("line down", "E1"): 6, ("line full", "line"): 10})
    (down,) = exceptions.find(week, only=["line_down"])
    assert "6 units never served of A" in down.what
    (full,) = exceptions.find(week, only=["unserved"])
    assert "10 units never served" in full.what


def test_a_stop_that_nobody_waits_for_has_no_units(tmp_path: Path) -> None:
    # The line has 20 h for 10 units; B is missed because nothing sells it before a unit that costs more than its price.
    tables = line(20) | {"forecast": [asked("A", 10, 10), asked("B", 5, 5)], "events": [stop(6)]}
    week = priced(snapshot(tmp_path, **tables))
    assert ("line down", "E1") not in laid(week)
    (down,) = exceptions.find(week, only=["line_down"])
    assert "the plan makes up for it elsewhere" in down.what


def test_two_stops_never_share_a_unit(tmp_path: Path) -> None:
    # 20 h less 4 less 8 make 8 of 20: taking away the longer serves 8, the shorter 4, and there are 12 in all.
    tables = line(20) | {"forecast": [asked("A", 20, 10)], "events": [stop(4), stop(8, "E2")]}
    assert laid(priced(snapshot(tmp_path, **tables))) == pytest.approx({("line down", "E2"): 8, ("line down", "E1"): 4})


def test_a_surge_is_laid_only_what_others_lose_by_it(tmp_path: Path) -> None:
    # A surge of B at 8 an hour takes 10 h from A at 6: 10 of A are on time without it, and B's own units are not served.
    tables = line(20) | {"forecast": [asked("A", 20, 10), asked("B", 5, 40)]}
    tables["events"] = [
        {"event": "E1", "kind": "surge", "target": "B", "from": MONDAY, "to": MONDAY.replace(day=11), "factor": 2}
    ]
    found = snapshot(tmp_path, **tables)
    week = priced(found)
    assert laid(week) == pytest.approx({("event", "E1"): 10, ("line full", "line"): 10})
    texts = [issue.cause for issue in exceptions.find(week, only=["unserved"])]
    assert "event E1: without it they would be on time" in texts


def test_orders_that_nobody_forecast_are_named_where_they_compete(tmp_path: Path) -> None:
    # C's forecast of 20 would fill the line; D's order of 8 pays twice as much, and takes 8 of them.
    tables = line(20) | {"forecast": [asked("A", 20, 10, customer="C")]}
    tables["orders"] = [
        {"order": "O1", "item": "A", "location": "P", "customer": "D", "due_on": MONDAY, "quantity": 8, "price": 20}
    ]
    tables["items"] = [
        {"item": "A", "family": "F", "standard_cost": 4, "price": 10},
        {"item": "B", "family": "F", "price": 1},
    ]
    tables["customers"] = [{"customer": "C"}, {"customer": "D"}]
    week = priced(snapshot(tmp_path, **tables))
    assert laid(week) == pytest.approx({("orders above forecast", "D F"): 8})
    (surprise,) = exceptions.find(week, only=["unforecast_orders"])
    assert "8 units never served of A for others would be on time without them" in surprise.what
    assert surprise.revenue == pytest.approx(80)
    assert not exceptions.find(week, only=["unserved"])


def test_without_planning_again_nothing_is_said_for_certain(tmp_path: Path) -> None:
    found = snapshot(tmp_path, **line(20) | {"forecast": [asked("A", 30, 10)], "events": [stop(6)]})
    (down,) = exceptions.find(Week(found, soe.plan(found)), only=["line_down"])
    assert "up to 16 units never served" in down.what


@pytest.mark.parametrize("seed", [3, 77])
def test_no_cause_of_a_generated_company_is_overstated(tmp_path: Path, seed: int) -> None:
    found = soe.read(generate(tmp_path, 1, 8, seed)[0])
    living = soe.Living(found)
    week = Week(found, living.base)
    week = week.knowing(prices=cost_of_events(week, living.plan))
    missed = float((week.lines["late"] + week.lines["short"]).sum())
    parts = laid(week)
    assert sum(parts.values()) == pytest.approx(missed, abs=0.05)
    served = float(week.lines["on_time"].sum())
    for event in found["events"]["event"]:
        without = found.replace(events=found["events"].filter(pl.col("event") != event))
        spared = float(lines(without, soe.plan(without))["on_time"].sum()) - served
        keys = {event, *week.late_receipts.filter(pl.col("event") == event)["receipt"]}
        mine = sum(units for (kind, key), units in parts.items() if key in keys and kind != "line full")
        assert mine <= max(spared, 0.0) + 0.05
