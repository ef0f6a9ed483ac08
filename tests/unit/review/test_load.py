"""How full resources are: set-ups, crews, maintenance, expansions and places that may close, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.network import Network
from soe_lib.model.planning import Model
from soe_lib.model.work import working_blocks
from soe_lib.review import frames
from soe_lib.review.measures.of_pages import fullest_line
from soe_lib.review.week import Week
from soe_lib.whatif.commitments import tightest
from tests.networks import Rows, snapshot, weeks

PRICE = 50


def press(folder: Path, *, setup: float = 7, settings: str = "", asked: int = 60, **tables: Rows) -> Snapshot:
    """A and B on one press of 30 hours a week, 0.1 h each; what is made must be sold in its week."""
    given: dict[str, Rows] = {
        "periods": weeks(2),
        "items": [
            {"item": i, "unit": "each", "price": PRICE, "standard_cost": 5, "holding_cost": 100} for i in ("A", "B")
        ],
        "resources": [{"resource": "Press", "location": "X", "kind": "line", "hourly_cost": 6, "overtime_cost": 9}],
        "calendar": [{"resource": "Press", "period": f"W{n}", "hours": 30} for n in (1, 2)],
        "routings": [{"routing": f"r{i}", "item": i, "location": "X", "cost_per_unit": 1} for i in ("A", "B")],
        "operations": [
            {"routing": f"r{i}", "resource": "Press", "hours_per_unit": 0.1, "setup_hours": setup} for i in ("A", "B")
        ],
        "forecast": [
            {"item": i, "location": "X", "period": f"W{n}", "quantity": asked} for i in ("A", "B") for n in (1, 2)
        ],
    }
    return snapshot(folder, settings, **(given | tables))


def row(read: Snapshot, resource: str = "Press", week: str = "W1") -> dict[str, Any]:
    load = frames.line_load(read, soe.plan(read))
    return load.filter((pl.col("resource") == resource) & (pl.col("label") == week)).row(0, named=True)


def test_set_up_hours_are_load(tmp_path: Path) -> None:
    # two set-ups of 7 h and 120 pieces at 0.1 h: 26 of 30
    read = press(tmp_path)
    one = row(read)
    assert (one["used"], one["setup"], one["available"]) == (pytest.approx(26), pytest.approx(14), 30)
    assert one["load"] == pytest.approx(26 / 30)
    score = fullest_line(Week.of(read, soe.plan(read)))
    assert score.value == pytest.approx(26 / 30)


def test_hours_of_change_overs_are_load(tmp_path: Path) -> None:
    # a change of 3 h a week, A to B and B to A, and 120 pieces at 0.1 h: 15 of 30
    items = [{"item": i, "unit": "each", "price": PRICE, "family": i, "holding_cost": 100} for i in ("A", "B")]
    change = [{"from_family": a, "to_family": b, "hours": 3} for a, b in ("AB", "BA")]
    one = row(press(tmp_path, setup=0, items=items, changeovers=change))
    assert (one["used"], one["setup"], one["available"]) == (pytest.approx(15), pytest.approx(3), 30)


def test_set_ups_of_steps_with_alternatives_and_carried_ones_are_counted_as_the_plan_makes_them(tmp_path: Path) -> None:
    # either press takes one of the two; the set-up of the first week is still there in the second
    second = {"resource": "Press 2", "location": "X", "kind": "line", "hourly_cost": 6}
    tables: dict[str, Rows] = {
        "resources": [{"resource": "Press", "location": "X", "kind": "line", "hourly_cost": 6}, second],
        "calendar": [
            {"resource": name, "period": f"W{n}", "hours": 13} for n in (1, 2) for name in ("Press", "Press 2")
        ],
        "operations": [
            {"routing": f"r{i}", "step": "press", "resource": name, "hours_per_unit": 0.1, "setup_hours": 7}
            for i in ("A", "B") for name in ("Press", "Press 2")
        ],
    }  # fmt: skip
    fresh = frames.line_load(read := press(tmp_path / "fresh", **tables), soe.plan(read))
    assert fresh["used"].to_list() == pytest.approx([13] * 4)
    settings = '[costs]\nper = "period"\n[setups]\ncarry_over = true\n'
    kept = frames.line_load(read := press(tmp_path / "kept", settings=settings, **tables), soe.plan(read))
    assert kept.group_by("label").agg(pl.col("used").sum()).sort("label")["used"].to_list() == pytest.approx([26, 12])


def crew(folder: Path, *, calendar: float = 0, **tables: Rows) -> Snapshot:
    """Three heads of 5 hours each work the press, and may work 2 hours more each."""
    heads = {"opening_heads": 3, "hours_per_head": 5, "overtime_hours_per_head": 2, "minimum_heads": 3,
             "maximum_heads": 3, "cost_per_head": 1}  # fmt: skip
    given: dict[str, Rows] = {
        "workforce": [{"resource": "Press", **heads}],
        "calendar": [{"resource": "Press", "period": f"W{n}", "hours": calendar} for n in (1, 2)] if calendar else [],
    }
    return press(folder, setup=0, asked=90, **{name: rows for name, rows in (given | tables).items() if rows})


def test_hours_that_come_with_heads_are_load_and_have_a_price(tmp_path: Path) -> None:
    # 180 pieces want 18 h: 15 of three heads, and 3 of their 6 hours of overtime
    read = crew(tmp_path, calendar=0)
    read = read.replace(calendar=read["calendar"].clear())
    plan = soe.plan(read)
    one = row(read)
    assert (one["used"], one["available"], one["overtime"], one["overtime_limit"]) == pytest.approx((18, 15, 3, 6))
    assert one["load"] == pytest.approx(1.2)
    prices = frames.scarce_hours(read, plan)
    assert prices["price"].to_list() == pytest.approx([3, 3])  # an hour more saves one of overtime at 9 − 6
    curve = soe.worth(Model(read), "hours", 2.0, resource="Press", period="W1")
    assert curve.today == pytest.approx(15)
    assert curve.total == pytest.approx(6)
    chart, table = tightest(soe.Living(read))
    assert "Press" in chart.alt
    assert table.frame["Load"].to_list() == pytest.approx([1.2] * table.frame.height)


def test_a_crew_and_a_calendar_add_up_and_an_event_takes_from_both(tmp_path: Path) -> None:
    down = [{"event": "E", "kind": "downtime", "target": "Press", "from": "2026-01-05", "to": "2026-01-05", "hours": 5}]
    one = row(crew(tmp_path, calendar=10, events=down))
    assert (one["available"], one["lost"]) == pytest.approx((20, 5))


def test_maintenance_takes_and_an_expansion_brings_hours(tmp_path: Path) -> None:
    job = [{"maintenance": "M", "resource": "Press", "jobs": 1, "hours": 4, "earliest": "W1", "latest": "W1"}]
    step = [{"expansion": "E", "resource": "Press", "hours": 10, "cost": 1, "maximum": 1}]
    # 26 h are wanted; 30 − 4 are there, so nothing need be bought
    one = row(press(tmp_path / "m", maintenance=job, expansions=step))
    assert (one["used"], one["available"], one["load"]) == pytest.approx((26, 26, 1))
    # 34 h are wanted: the step is bought
    one = row(press(tmp_path / "e", maintenance=job, expansions=step, asked=100))
    assert (one["used"], one["available"]) == pytest.approx((34, 36))


def test_a_closed_place_has_no_hours(tmp_path: Path) -> None:
    site = {"location": "X", "kind": "plant", "status": "open", "may_change": "yes"}
    one = row(press(tmp_path / "open", setup=0, locations=[site]))
    assert (one["used"], one["available"]) == pytest.approx((12, 30))
    # all that is sold earns 240 × (50 − 1) less hours; closing saves more
    shut = press(tmp_path / "shut", setup=0, locations=[{**site, "fixed_cost": 100_000}])
    assert frames.resource_hours(shut, soe.plan(shut))["available"].to_list() == [0, 0]


def test_every_block_that_acts_on_hours_is_asked(tmp_path: Path) -> None:
    job = [{"maintenance": "M", "resource": "Press", "jobs": 1, "hours": 4}]
    step = [{"expansion": "E", "resource": "Press", "hours": 10, "cost": 1, "maximum": 1}]
    sites = [{"location": "X", "kind": "plant", "status": "open", "may_change": "yes"}]
    docks = [{"lane": "L", "resource": "Press", "hours_per_unit": 0.01}]
    lanes = [{"lane": "L", "origin": "X", "destination": "Y"}]
    places = [*sites, {"location": "Y", "kind": "warehouse"}]
    items = [{"item": i, "unit": "each", "price": PRICE, "family": i} for i in ("A", "B")]
    change = [{"from_family": a, "to_family": b, "hours": 1} for a, b in ("AB", "BA")]
    more = {"items": items, "changeovers": change}
    read = crew(tmp_path, maintenance=job, expansions=step, locations=places, lanes=lanes, lane_resources=docks, **more)
    network = Network(read)
    acting = {effect.flow for block in STANDARD for effect in block.effects(network) if effect.on == "hours"}
    asked = {e.flow for block in working_blocks() for e in block.effects(network) if e.on == "hours"}
    assert acting == asked >= {"make", "ship", "heads", "expand", "maintain", "overtime", "open_site", "change_over"}
