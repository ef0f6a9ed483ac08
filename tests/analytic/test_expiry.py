"""Expiry travels with the lot: cases worked by hand, and a program written lot by lot on random small companies."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.model.planning import Model
from tests.networks import MONDAY, days, snapshot, weeks
from tests.properties.independent import Program

ITEMS = [{"item": "A", "standard_cost": 3, "price": 10}]
LANE = [{"lane": "P>Q", "origin": "P", "destination": "Q", "lead_time_days": 0}]


def lot(name: str, on_hand: float, expires: int | None, location: str = "P", item: str = "A") -> dict[str, Any]:
    """A lot whose last day is so many days after the as-of date."""
    last = None if expires is None else MONDAY + timedelta(days=expires)
    return {"item": item, "location": location, "lot": name, "on_hand": on_hand, "expires_on": last}


def asked(day: int, quantity: float, location: str = "Q", **more: Any) -> dict[str, Any]:
    row = {"item": "A", "location": location, "period": f"D{day + 1:03d}", "quantity": quantity, "price": 10}
    return {**row, **more}


def company(folder: Path, **tables: Any) -> soe.Snapshot:
    return snapshot(folder, **{"periods": days(6), "items": ITEMS, **tables})


def sold(plan: soe.Plan, **where: str) -> dict[str, float]:
    rows = plan.flows["sell"].filter(pl.col("quantity") > 1e-7, *(pl.col(k) == v for k, v in where.items()))
    return dict(rows.group_by("period", maintain_order=True).agg(pl.col("quantity").sum()).iter_rows())


def test_a_lot_that_was_shipped_is_not_sold_after_its_day(tmp_path: Path) -> None:
    # 9 expire on Tuesday, 6 January; shipped to Q they serve Monday's 2 and Tuesday's 3, not Wednesday's 4: 4 are scrap.
    tables = {"inventory": [lot("L", 9, 1)], "lanes": LANE, "forecast": [asked(0, 2), asked(1, 3), asked(2, 4)]}
    plan = soe.plan(company(tmp_path, **tables))
    assert sold(plan) == pytest.approx({"D001": 2, "D002": 3})
    assert float(plan.flows["scrap"]["quantity"].sum()) == pytest.approx(4)
    assert plan.ledger.accounts()["write-offs"] == pytest.approx(-4 * 3)


def test_days_on_the_way_count(tmp_path: Path) -> None:
    # A day on the way: what leaves on Monday arrives on Tuesday, its last; what leaves on Tuesday comes too late.
    lanes = [{**LANE[0], "lead_time_days": 1}]
    tables = {"inventory": [lot("L", 9, 1)], "lanes": lanes, "forecast": [asked(1, 3), asked(2, 4)]}
    assert sold(soe.plan(company(tmp_path, **tables))) == pytest.approx({"D002": 3})


def test_age_does_not_start_again_at_the_next_place(tmp_path: Path) -> None:
    # Bought on Monday only, good for two days: Wednesday at Q is served, Thursday is not, wherever it lay.
    tables = {
        "items": [{**ITEMS[0], "shelf_life_days": 2}],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1, "valid_to": MONDAY}],
        "lanes": LANE,
        "forecast": [asked(2, 3), asked(3, 4)],
    }
    assert sold(soe.plan(company(tmp_path, **tables))) == pytest.approx({"D003": 3})


def test_three_places_in_a_row_are_one_life(tmp_path: Path) -> None:
    lanes = [
        {"lane": f"{a}>{b}", "origin": a, "destination": b, "lead_time_days": 1} for a, b in (("P", "Q"), ("Q", "R"))
    ]
    tables = {"inventory": [lot("L", 9, 3)], "lanes": lanes, "forecast": [asked(day, 2, "R") for day in range(6)]}
    assert sold(soe.plan(company(tmp_path, **tables))) == pytest.approx({"D003": 2, "D004": 2})


def test_what_a_customer_wants_left_is_left(tmp_path: Path) -> None:
    # The lot has five days; C wants three left, so it is served on Monday to Wednesday; D wants none.
    customers = [{"customer": "C", "remaining_life_days": 3}, {"customer": "D"}]
    forecast = [asked(day, 2, "P", customer=c) for day in range(6) for c in "CD"]
    tables = {"inventory": [lot("L", 50, 5)], "customers": customers, "forecast": forecast}
    plan = soe.plan(company(tmp_path, **tables))
    assert sold(plan, customer="C") == pytest.approx({f"D00{n}": 2 for n in (1, 2, 3)})
    assert sold(plan, customer="D") == pytest.approx({f"D00{n}": 2 for n in range(1, 7)})


def test_life_wanted_beyond_the_horizon_counts(tmp_path: Path) -> None:
    # The lot keeps for twenty days, the plan looks at six; C wants eighteen left: Monday to Wednesday.
    customers = [{"customer": "C", "remaining_life_days": 18}]
    forecast = [asked(day, 2, "P", customer="C") for day in range(6)]
    plan = soe.plan(company(tmp_path, inventory=[lot("L", 50, 20)], customers=customers, forecast=forecast))
    assert sold(plan) == pytest.approx({f"D00{n}": 2 for n in (1, 2, 3)})


@pytest.mark.parametrize("travels", [False, True])
@pytest.mark.parametrize("as_lot", [False, True])
def test_what_is_good_until_the_horizons_last_day_is_not_written_off(
    tmp_path: Path, travels: bool, as_lot: bool
) -> None:
    # 5 come on Thursday, or lie there, good until Saturday, the last day; nobody asks. They are still good: 5 × 2.
    tables: dict[str, Any] = {
        "items": [{**ITEMS[0], "shelf_life_days": 2, "end_value": 2}],
        "forecast": [asked(0, 1, "P")],
        **({"lanes": LANE} if travels else {}),
    }
    due = {"due_on": MONDAY + timedelta(days=3), "location": "P", "item": "A"}
    came = {"receipts": [{"receipt": "T", "kind": "buy", "quantity": 5, **due}]}
    plan = soe.plan(company(tmp_path, **tables, **({"inventory": [lot("L", 6, 5)]} if as_lot else came)))
    assert float(plan.flows["scrap"]["quantity"].sum()) == pytest.approx(0)
    assert plan.objective == pytest.approx(10 * as_lot + 5 * 2)


def test_a_component_expires_on_its_way_to_the_line(tmp_path: Path) -> None:
    # B is good until Tuesday; Q makes A of it on Monday and Tuesday, 3 a day; A itself keeps.
    tables = {
        "items": [*ITEMS, {"item": "B", "standard_cost": 1}],
        "inventory": [lot("L", 20, 1, item="B")],
        "lanes": [{**LANE[0], "item": "B"}],
        "resources": [{"resource": "line", "location": "Q"}],
        "calendar": [{"resource": "line", "period": f"D00{n}", "hours": 3} for n in range(1, 7)],
        "routings": [{"routing": "R", "item": "A", "location": "Q"}],
        "operations": [{"routing": "R", "resource": "line", "hours_per_unit": 1}],
        "components": [{"routing": "R", "component": "B", "quantity": 1}],
        "forecast": [asked(5, 50)],
    }
    assert sold(soe.plan(company(tmp_path, **tables))) == pytest.approx({"D006": 6})


def test_a_lot_that_is_over_serves_nobody_anywhere(tmp_path: Path) -> None:
    tables = {"inventory": [lot("dead", 5, -1), lot("good", 4, 2)], "lanes": LANE, "forecast": [asked(0, 9)]}
    plan = soe.plan(company(tmp_path, **tables))
    assert sold(plan) == pytest.approx({"D001": 4})
    assert float(plan.flows["scrap"]["quantity"].sum()) == pytest.approx(5)


def test_a_lot_with_a_longer_life_than_fresh_goods_keeps_it(tmp_path: Path) -> None:
    # Fresh goods keep for a day, this lot for five: Saturday is served from it.
    tables = {"items": [{**ITEMS[0], "shelf_life_days": 1}], "inventory": [lot("L", 5, 5)]}
    assert sold(soe.plan(company(tmp_path, **tables, forecast=[asked(5, 4, "P")]))) == pytest.approx({"D006": 4})


def under_way(expires: int | None, **more: Any) -> dict[str, Any]:
    """9 units that come to Q on Tuesday, of an item that keeps for ten days."""
    last = None if expires is None else MONDAY + timedelta(days=expires)
    row = {"receipt": "T", "kind": "ship", "item": "A", "location": "Q", "due_on": MONDAY + timedelta(days=1)}
    items = [{**ITEMS[0], "shelf_life_days": 10}]
    tables = {"items": items, "receipts": [{**row, "quantity": 9, "expires_on": last}]}
    return {**tables, "forecast": [asked(day, 2) for day in range(6)], **more}


def test_goods_under_way_bring_their_age_along(tmp_path: Path) -> None:
    # Good until Thursday: Tuesday to Thursday are served, 3 are written off. Not dated, they would serve Friday too.
    plan = soe.plan(company(tmp_path / "aged", **under_way(3)))
    assert sold(plan) == pytest.approx({f"D00{n}": 2 for n in (2, 3, 4)})
    assert float(plan.flows["scrap"]["quantity"].sum()) == pytest.approx(3)
    fresh = soe.plan(company(tmp_path / "fresh", **under_way(None)))
    assert sum(sold(fresh).values()) == pytest.approx(9)


def test_what_a_customer_wants_left_is_left_of_goods_under_way(tmp_path: Path) -> None:
    wants = {"customers": [{"customer": "C", "remaining_life_days": 1}]}
    wants["forecast"] = [asked(day, 2, customer="C") for day in range(6)]
    plan = soe.plan(company(tmp_path, **under_way(3, **wants)))
    assert sold(plan) == pytest.approx({"D002": 2, "D003": 2})


def test_goods_that_are_late_are_older_when_they_come(tmp_path: Path) -> None:
    late = [{"event": "E", "kind": "delay", "target": "T", "days": 2}]
    plan = soe.plan(company(tmp_path / "late", **under_way(3, events=late)))
    assert sold(plan) == pytest.approx({"D004": 2})
    gone = soe.plan(company(tmp_path / "gone", **under_way(3, events=[{**late[0], "days": 3}])))
    assert sold(gone) == {}
    assert float(gone.flows["scrap"]["quantity"].sum()) == pytest.approx(9)


def test_goods_under_way_keep_their_age_where_they_are_sent_on(tmp_path: Path) -> None:
    lanes = [{"lane": "Q>R", "origin": "Q", "destination": "R", "lead_time_days": 1}]
    asking = [asked(day, 2, "R") for day in range(6)]
    plan = soe.plan(company(tmp_path, **under_way(3, lanes=lanes, forecast=asking)))
    assert sold(plan) == pytest.approx({"D003": 2, "D004": 2})


def test_an_item_that_keeps_but_for_goods_under_way(tmp_path: Path) -> None:
    plan = soe.plan(company(tmp_path, **under_way(3, items=ITEMS, inventory=[lot("L", 1, None, "Q")])))
    assert sum(sold(plan).values()) == pytest.approx(7)
    assert sold(plan)["D005" if "D005" in sold(plan) else "D001"] == pytest.approx(1)


@pytest.mark.parametrize("weekly", [False, True])
def test_items_that_keep_cost_nothing(tmp_path: Path, weekly: bool) -> None:
    # No quantity and no row more for an item that keeps, beside one that expires.
    periods = {"periods": weeks(4) if weekly else days(6)}
    row = {"period": "W1"} if weekly else {}
    tables: dict[str, Any] = {"inventory": [lot("L", 50, None)], "lanes": LANE, "forecast": [{**asked(0, 2), **row}]}
    plain = Model(company(tmp_path / "plain", **periods, **tables))
    assert not [name for name in (*plain.flows, *plain.constraints) if name.startswith("lot")]
    assert "scrap" not in plain.flows
    beside = {
        "items": [*ITEMS, {"item": "B", "standard_cost": 1, "price": 2}],
        "inventory": [lot("L", 50, None), lot("M", 5, 2, item="B")],
    }
    tables = {**tables, **beside, "forecast": [*tables["forecast"], {**asked(0, 2), **row, "item": "B"}]}
    both = Model(company(tmp_path / "both", **periods, **tables))
    for name, flow in both.flows.items():
        if name.startswith(("lot", "scrap")) and "item" in flow.keys:
            assert flow.named["item"].unique().to_list() == ["B"]


# -- lot by lot ----------------------------------------------------------------------------------------------------


def by_lots(tables: dict[str, Any], horizon: int) -> float:
    """The most money, every purchase of a day and every lot being goods of their own, in plain loops."""
    program = Program()
    life = {row["item"]: row.get("shelf_life_days") for row in tables["items"]}
    cost = {row["item"]: row["standard_cost"] for row in tables["items"]}
    wants = {row["customer"]: row["remaining_life_days"] or 0 for row in tables["customers"]}
    goods: list[tuple[Any, ...]] = []  # name, item, place, day it comes, quantity or None (bought), last day or None
    for row in tables["inventory"]:
        last = row["expires_on"]
        over = (last - MONDAY).days if last else life[row["item"]]
        goods.append((f"lot {row['lot']}", row["item"], row["location"], 0, row["on_hand"], over))
    for row in tables["receipts"]:
        day = (row["due_on"] - MONDAY).days
        over = None if life[row["item"]] is None else day + life[row["item"]]
        over = (row["expires_on"] - MONDAY).days if row["expires_on"] else over
        goods.append((row["receipt"], row["item"], row["location"], day, row["quantity"], over))
    for row in tables["offers"]:
        for day in range(horizon):
            over = None if life[row["item"]] is None else day + life[row["item"]]
            goods.append((f"{row['offer']} {day}", row["item"], row["location"], day, None, over))
            program.bounds["offer", row["offer"], day] = (-1e30, row["maximum"])
    lines: list[tuple[int, dict[str, Any], int]] = []
    for number, row in enumerate(tables["forecast"]):
        due = int(row["period"][1:]) - 1
        lines.append((number, row, due))
        program.bounds["line", number] = (-1e30, row["quantity"])
    for name, item, place, day, quantity, over in goods:
        places = sorted({row["location"] for row in tables["locations"]})
        for at in places:
            for t in range(day, horizon):
                program.bounds["goods", name, at, t] = (0.0, 0.0)
        if quantity is None:
            offer = next(row for row in tables["offers"] if name.startswith(row["offer"] + " "))
            bought = program.column(-offer["unit_cost"])
            program.rows["offer", offer["offer"], day][bought] = 1.0
            program.rows["goods", name, place, day][bought] = 1.0
        else:
            program.bounds["goods", name, place, day] = (-quantity, -quantity)
        for at in places:
            for t in range(day, horizon):
                usable = over is None or t <= over
                scrap = program.column(-cost[item])
                program.rows["goods", name, at, t][scrap] = -1.0
                if over is None or t < over or t == horizon - 1:
                    keep = program.column(-tables["items"][0]["holding_cost"] if item == "A" else 0.0)
                    if t == horizon - 1 and over is not None and over < horizon - 1:
                        continue
                    program.rows["goods", name, at, t][keep] = -1.0
                    if t + 1 < horizon:
                        program.rows["goods", name, at, t + 1][keep] = 1.0
                for number, row, due in lines:
                    left = over is None or t + wants.get(row["customer"], 0) <= over
                    if (row["item"], row["location"], due) == (item, at, t) and usable and left:
                        sell = program.column(row["price"])
                        program.rows["goods", name, at, t][sell] = -1.0
                        program.rows["line", number][sell] = 1.0
                for row in tables["lanes"]:
                    if row["origin"] == at and usable:
                        move = program.column(-row["cost_per_unit"])
                        program.rows["goods", name, at, t][move] = -1.0
                        if (then := t + row["lead_time_days"]) < horizon:
                            program.rows["goods", name, row["destination"], then][move] = 1.0
    for key in program.bounds:
        program.rows[key]  # a row may be empty
    status, money = program.solve()
    assert status == "optimal"
    return money


def random_company(seed: int) -> tuple[dict[str, Any], int]:
    chance, horizon = random.Random(seed), 7
    items = [
        {"item": i, "standard_cost": 2, "shelf_life_days": chance.choice([None, 1, 2, 3]), "holding_cost": 0.25 * (i == "A")}
        for i in "AB"
    ]  # fmt: skip
    places = [{"location": name, "kind": "warehouse"} for name in "PQR"]
    pairs = [("P", "Q"), ("Q", "R"), ("P", "R"), ("R", "Q")]
    lanes = [
        {"lane": f"{a}{b}", "origin": a, "destination": b, "lead_time_days": chance.randrange(3), "cost_per_unit": 0.5}
        for a, b in pairs if chance.random() < 0.7
    ]  # fmt: skip
    inventory = [
        lot(f"{n}", chance.randrange(3, 20), chance.choice([None, -1, 0, 1, 2, 3, 4, 9]), chance.choice("PQ"), chance.choice("AB"))
        for n in range(chance.randrange(1, 6))
    ]  # fmt: skip
    receipts = [
        {"receipt": f"T{n}", "kind": "buy", "item": chance.choice("AB"), "location": chance.choice("PQ"),
         "due_on": MONDAY + timedelta(days=chance.randrange(horizon)), "quantity": chance.randrange(1, 9)}
        for n in range(2)
    ]  # fmt: skip
    for row in receipts:
        after = random.Random(f"{seed} {row['receipt']}").choice([None, None, -1, 0, 1, 2, 5])
        row["expires_on"] = None if after is None else row["due_on"] + timedelta(days=after)
    offers = [
        {"offer": f"O{i}", "supplier": "S", "item": i, "location": "P", "unit_cost": 3, "maximum": chance.randrange(1, 5)}
        for i in "AB"
    ]  # fmt: skip
    customers = [{"customer": c, "remaining_life_days": chance.choice([0, 0, 1, 2])} for c in ("C", "D")]
    forecast = [
        {"item": i, "location": at, "customer": c, "period": f"D{day + 1:03d}", "quantity": chance.randrange(1, 8),
         "price": chance.randrange(4, 12)}
        for i in "AB" for at in "QR" for c in ("C", "D") for day in range(horizon) if chance.random() < 0.4
    ]  # fmt: skip
    tables = {"items": items, "locations": places, "lanes": lanes, "inventory": inventory, "receipts": receipts}
    return {**tables, "offers": offers, "customers": customers, "forecast": forecast}, horizon


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_program_lot_by_lot(tmp_path: Path, seed: int) -> None:
    tables, horizon = random_company(seed)
    given = {name: rows for name, rows in tables.items() if rows}
    found = soe.plan(snapshot(tmp_path, periods=days(horizon), **given))
    assert found.objective == pytest.approx(by_lots(tables, horizon), abs=1e-6)
    turned = {name: rows[::-1] for name, rows in given.items()}
    assert soe.plan(snapshot(tmp_path / "t", periods=days(horizon), **turned)).objective == pytest.approx(
        found.objective
    )
    assert date(2026, 1, 5) == MONDAY
