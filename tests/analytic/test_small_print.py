"""What the contract says in passing: closed places, crews under events, forecasts by day, substitutes, lots, expiry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.model.network import Network
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import days, snapshot, weeks

WHOLE_WEEK = {"from": "2026-01-05", "to": "2026-01-11"}
Tables = dict[str, list[dict[str, object]]]


def only_a(hours: float, periods: int = 1, **terms: object) -> Tables:
    """The line of `line`, with one routing for A of other terms."""
    tables = line(hours, periods=periods)
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P", **terms}]
    tables["operations"] = tables["operations"][:1]
    tables["items"] = [{"item": "A"}]
    return tables


# -- places that are closed ------------------------------------------------------------------------------------------


def depot(**terms: object) -> Tables:
    """9 A at P, wanted at M, which only the depot D supplies."""
    return {
        "periods": list(weeks(1)),
        "inventory": [{"item": "A", "location": "P", "on_hand": 9}],
        "locations": [
            {"location": "P", "kind": "plant"},
            {"location": "D", "kind": "warehouse", **terms},
            {"location": "M", "kind": "market"},
        ],
        "lanes": [{"lane": f"{a}{b}", "origin": a, "destination": b} for a, b in ("PD", "DM")],
        "forecast": [{"item": "A", "location": "M", "period": "W1", "quantity": 5, "price": 3}],
    }


def test_nothing_passes_a_place_that_is_closed_for_good(tmp_path: Path) -> None:
    assert quantity(soe.plan(snapshot(tmp_path / "open", **depot())), "sell") == 5
    assert quantity(soe.plan(snapshot(tmp_path / "closed", **depot(status="closed"))), "sell") == 0


def test_a_place_without_a_status_is_open_and_saves_its_cost_when_closed(tmp_path: Path) -> None:
    # Closing D saves 20, selling through it earns 15.
    tables = depot(may_change="yes", fixed_cost=20)
    assert soe.plan(snapshot(tmp_path, **tables)).margin == pytest.approx(20)


def test_a_closed_plant_makes_nothing(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10)]}
    tables["locations"] = [{"location": "P", "kind": "plant", "status": "closed"}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == 0


def test_nothing_is_bought_to_a_place_that_stays_closed(tmp_path: Path) -> None:
    # 25 A would earn 2 each; opening costs 51, one more than they earn, or 49.
    for cost, sold in ((51, 0), (49, 25)):
        found = snapshot(
            tmp_path / str(cost),
            periods=weeks(1),
            locations=[{"location": "D", "status": "closed", "may_change": "yes", "fixed_cost": cost}],
            offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "D", "unit_cost": 1}],
            forecast=[{"item": "A", "location": "D", "period": "W1", "quantity": 25, "price": 3}],
        )
        assert quantity(soe.plan(found), "sell") == sold


# -- crews -----------------------------------------------------------------------------------------------------------


def test_whole_crews_beside_crews_that_may_be_split(tmp_path: Path) -> None:
    # 6 h are wanted of each, a head has 4: 2 whole heads on one, 1.5 on the other.
    tables = line(0) | {"forecast": [asked("A", 6, 10)]}
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P"}]
    tables["resources"] = [{"resource": r, "location": "P", "kind": "line"} for r in ("line", "other")]
    tables["operations"] = [{"routing": "A", "resource": r, "hours_per_unit": 1} for r in ("line", "other")]
    tables["workforce"] = [
        {"resource": "line", "hours_per_head": 4, "cost_per_head": 1, "whole": "yes"},
        {"resource": "other", "hours_per_head": 4, "cost_per_head": 1, "whole": "no"},
    ]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "heads", resource="line") == 2
    assert quantity(plan, "heads", resource="other") == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("event", "made"), [({}, 0), ({"factor": 0.5}, 5), ({"hours": 4}, 6), ({"to": "2026-01-06"}, 6)]
)
def test_downtime_takes_hours_from_the_crew(tmp_path: Path, event: dict[str, object], made: float) -> None:
    # Two heads of 5 h. Two of the week's five working days are 40 % of it.
    tables = line(0) | {"forecast": [asked("A", 20, 10)]}
    tables["workforce"] = [{"resource": "line", "opening_heads": 2, "maximum_heads": 2, "hours_per_head": 5}]
    tables["events"] = [{"event": "1", "kind": "downtime", "target": "line", **WHOLE_WEEK, **event}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == pytest.approx(made)


@pytest.mark.parametrize(("event", "made"), [({}, 0), ({"hours": 6}, 2), ({"hours": 4}, 4), ({"hours": 9}, 0)])
def test_downtime_beyond_the_hours_takes_overtime(tmp_path: Path, event: dict[str, object], made: float) -> None:
    # 5 h and 3 h overtime, less what the event takes: hours used <= hours + overtime − events.
    tables = line(5) | {"forecast": [asked("A", 20, 10)]}
    tables["calendar"] = [{"resource": "line", "period": "W1", "hours": 5, "overtime_hours": 3}]
    tables["events"] = [{"event": "1", "kind": "downtime", "target": "line", **WHOLE_WEEK, **event}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == pytest.approx(made)


# -- events hit all that the extract accepts as their target ---------------------------------------------------------


def test_downtime_of_a_place_stops_its_lines(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 20, 10)]}
    tables["events"] = [{"event": "1", "kind": "downtime", "target": "P", **WHOLE_WEEK}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "make") == 0


@pytest.mark.parametrize(("last", "shipped"), [("2026-01-11", 0), ("2026-01-05", 6)])
def test_downtime_of_a_lane_takes_its_days(tmp_path: Path, last: str, shipped: float) -> None:
    tables = depot() | {"lanes": [{"lane": "PM", "origin": "P", "destination": "M", "maximum": 7}]}
    tables["forecast"] = [{"item": "A", "location": "M", "period": "W1", "quantity": 9, "price": 3}]
    tables["events"] = [{"event": "1", "kind": "downtime", "target": "PM", "from": "2026-01-05", "to": last}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "ship") == pytest.approx(shipped)


@pytest.mark.parametrize(("target", "received", "made"), [("R", 0, 5), ("A", 3, 0), ("P", 3, 0), ("LA", 3, 0)])
def test_loss_of_supply_hits_receipts_routings_and_places(
    tmp_path: Path, target: str, received: float, made: float
) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10)]}
    tables["routings"] = [{"routing": "LA", "item": "A", "location": "P"}]
    tables["operations"] = [{"routing": "LA", "resource": "line", "hours_per_unit": 1}]
    tables["receipts"] = [
        {"receipt": "R", "kind": "make", "item": "A", "location": "P", "due_on": "2026-01-07", "quantity": 3}
    ]
    tables["events"] = [{"event": "1", "kind": "supply_loss", "target": target, **WHOLE_WEEK, "factor": 0}]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "receive") == received
    assert quantity(plan, "make") == made
    assert plan.flows["receive"]["lost"].to_list() == [3 - received]


@pytest.mark.parametrize("target", ["C", "F", "A", "F & C"])
def test_a_price_event_that_hits_no_offer_is_a_sales_price(tmp_path: Path, target: str) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10, customer="C"), asked("B", 1, 10, customer="D")]}
    tables["customers"] = [{"customer": "C"}, {"customer": "D"}]
    tables["items"] = [{"item": "A", "family": "F"}, {"item": "B", "family": "G"}]
    tables["events"] = [{"event": "1", "kind": "price", "target": target, **WHOLE_WEEK, "factor": 2}]
    assert soe.plan(snapshot(tmp_path, **tables)).ledger.accounts()["revenue"] == pytest.approx(100 + 10)


@pytest.mark.parametrize(("target", "margin"), [("F", 5 * (15 - 2)), ("A", 65), ("O", 5 * (10 - 3)), ("S & A", 35)])
def test_a_price_event_moves_the_sales_price_of_an_item_and_the_cost_of_an_offer(
    tmp_path: Path, target: str, margin: float
) -> None:
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        items=[{"item": "A", "family": "F"}],
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 2}],
        forecast=[asked("A", 5, 10)],
        events=[{"event": "1", "kind": "price", "target": target, **WHOLE_WEEK, "factor": 1.5}],
    )
    assert soe.plan(found).margin == pytest.approx(margin)


@pytest.mark.parametrize(("factor", "sold"), [(0, 0), (0.5, 2.5), (2, 10)])
def test_a_surge_of_any_factor_and_promises_that_shrink_with_it(tmp_path: Path, factor: float, sold: float) -> None:
    tables = line(10) | {"forecast": [asked("A", 5, 10, committed=4)]}
    tables["events"] = [{"event": "1", "kind": "surge", "target": "A", **WHOLE_WEEK, "factor": factor}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "sell") == pytest.approx(sold)


def test_a_delay_hits_what_is_overdue(tmp_path: Path) -> None:
    # Due on 2 January, six days late: the 8th, the fourth day of the horizon.
    found = snapshot(
        tmp_path,
        periods=days(10),
        receipts=[{"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-02", "quantity": 4}],
        events=[{"event": "1", "kind": "delay", "target": "R", "days": 6}],
        forecast=[asked("A", 4, 10, "D001")],
    )
    assert soe.plan(found).flows["receive"]["period"].to_list() == ["D004"]


@pytest.mark.parametrize(("late", "sold"), [(0, 14), (7, 7), (8, 0), (14, 0)])
def test_a_delay_lengthens_a_lead_time_that_counts_periods(tmp_path: Path, late: int, sold: float) -> None:
    # Started in W1 only, one period of lead time: W2 and W3 can be served; a week late W3 only; eight days are two weeks.
    tables = only_a(100, periods=3, lead_time_periods=1, valid_to="2026-01-11")
    tables["forecast"] = [asked("A", 7, 10, "W2"), asked("A", 7, 10, "W3")]
    tables["events"] = [{"event": "1", "kind": "delay", "target": "A", "days": late}]
    assert quantity(soe.plan(snapshot(tmp_path, **tables)), "sell") == pytest.approx(sold)


# -- demand ----------------------------------------------------------------------------------------------------------


def test_days_of_forecast_in_a_week_are_one_line_at_their_average_price(tmp_path: Path) -> None:
    rows = [
        {"item": "A", "location": "P", "date": f"2026-01-0{d}", "quantity": d, "price": 10 + d, "committed": 1}
        for d in (5, 6, 7)
    ]
    plan = soe.plan(snapshot(tmp_path, **line(100) | {"forecast": rows}))
    assert quantity(plan, "sell") == pytest.approx(18)
    assert plan.ledger.accounts()["revenue"] == pytest.approx(5 * 15 + 6 * 16 + 7 * 17)


@pytest.mark.parametrize("seed", range(12))
def test_no_period_promises_more_than_it_asks_for(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    whole = int(draw.integers(1, 40))
    rows = [asked("A", whole, 1, "2026-01", committed=int(draw.integers(1, whole + 1)))]
    found = snapshot(
        tmp_path,
        periods=days(27),
        inventory=[{"item": "A", "location": "P", "on_hand": 100}],
        forecast=rows,
    )
    demand = Network(found).demand
    assert (demand["committed"] <= demand["quantity"] + 1e-12).all()
    share = demand["quantity"].sum() / whole
    assert demand["committed"].sum() == pytest.approx(share * float(str(rows[0]["committed"])))


def test_an_overdue_order_takes_nothing_out_of_this_weeks_forecast(tmp_path: Path) -> None:
    tables = line(100) | {"forecast": [asked("A", 5, 10, customer="C")], "customers": [{"customer": "C"}]}
    order = {"order": "1", "item": "A", "location": "P", "customer": "C", "quantity": 3, "price": 10}
    tables["orders"] = [{**order, "due_on": "2026-01-02"}]
    assert quantity(soe.plan(snapshot(tmp_path / "overdue", **tables)), "sell") == pytest.approx(8)
    tables["orders"] = [{**order, "due_on": "2026-01-06"}]
    assert quantity(soe.plan(snapshot(tmp_path / "timely", **tables)), "sell") == pytest.approx(5)


def test_what_a_customer_accepts_goes_before_what_everybody_accepts(tmp_path: Path) -> None:
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        inventory=[{"item": "B", "location": "P", "on_hand": 4}],
        customers=[{"customer": "C"}],
        substitutions=[
            {"item": "A", "substitute": "B", "ratio": 2, "cost": 1},
            {"item": "A", "substitute": "B", "customer": "C", "ratio": 1, "cost": 0},
        ],
        forecast=[asked("A", 5, 10, customer="C")],
    )
    assert soe.plan(found).margin == pytest.approx(4 * 10)


def test_what_is_owed_may_be_served_with_a_substitute_at_a_loss(tmp_path: Path) -> None:
    # Each of the 5 that are owed brings 1 and costs 6; what is asked beyond them is left.
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        inventory=[{"item": "B", "location": "P", "on_hand": 20}],
        substitutions=[{"item": "A", "substitute": "B", "ratio": 2, "cost": 6}],
        forecast=[asked("A", 8, 1, committed=5)],
    )
    plan = soe.plan(found)
    assert quantity(plan, "replace") == pytest.approx(5)
    assert plan.margin == pytest.approx(5 * (1 - 6))


def test_a_substitute_that_comes_late_pays_for_it(tmp_path: Path) -> None:
    # 4 B come a week after A is due: 10 each, less 3 for the week.
    found = snapshot(
        tmp_path,
        periods=weeks(2),
        receipts=[
            {"receipt": "r", "kind": "make", "item": "B", "location": "P", "quantity": 4, "due_on": "2026-01-13"}
        ],
        customers=[{"customer": "C", "late_cost": 3, "latest_days": 7}],
        substitutions=[{"item": "A", "substitute": "B"}],
        forecast=[asked("A", 5, 10, customer="C")],
    )
    plan = soe.plan(found)
    assert plan.margin == pytest.approx(4 * (10 - 3))
    assert plan.ledger.accounts()["penalties"] == pytest.approx(-4 * 3)


def test_an_offer_prices_average_is_over_the_days_of_the_period(tmp_path: Path) -> None:
    # Monday 26 January to Sunday 1 February: six days at 1, one at 8: 2 on average.
    found = snapshot(
        tmp_path,
        periods=[{"period": "W", "starts_on": "2026-01-26", "ends_on": "2026-02-01"}],
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P"}],
        offer_prices=[
            {"offer": "O", "period": "2026-01", "unit_cost": 1},
            {"offer": "O", "period": "2026-02", "unit_cost": 8},
        ],
        forecast=[asked("A", 5, 10, "W")],
    )
    assert soe.plan(found).margin == pytest.approx(5 * (10 - 2))


# -- expiry ----------------------------------------------------------------------------------------------------------


def test_a_substitute_is_used_up_in_time_too(tmp_path: Path) -> None:
    found = snapshot(
        tmp_path,
        periods=days(5),
        items=[{"item": "A"}, {"item": "B", "shelf_life_days": 2, "standard_cost": 1}],
        inventory=[{"item": "B", "location": "P", "on_hand": 8, "expires_on": "2026-01-07"}],
        substitutions=[{"item": "A", "substitute": "B", "ratio": 2}],
        forecast=[asked("A", 4, 10, "D002")],
    )
    assert soe.plan(found).margin == pytest.approx(40)


def test_what_expired_before_today_cannot_be_sold(tmp_path: Path) -> None:
    lots = [("old", 4, "2026-01-04"), ("new", 3, "2026-01-05")]
    found = snapshot(
        tmp_path,
        periods=days(3),
        items=[{"item": "A", "standard_cost": 3}],
        inventory=[{"item": "A", "location": "P", "lot": n, "on_hand": q, "expires_on": d} for n, q, d in lots],
        forecast=[asked("A", 9, 10, "D001")],
    )
    plan = soe.plan(found)
    assert quantity(plan, "sell") == pytest.approx(3)
    assert plan.ledger.accounts()["write-offs"] == pytest.approx(-4 * 3)


# -- lots ------------------------------------------------------------------------------------------------------------


def test_what_is_set_up_by_hours_alone_leaves_at_the_periods_end(tmp_path: Path) -> None:
    tables = only_a(100, periods=2, lead_time_days=1)
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1, "setup_hours": 1}]
    tables["forecast"] = [asked("A", 7, 10, "W1"), asked("A", 7, 10, "W2")]
    plan = soe.plan(snapshot(tmp_path, **tables))
    assert quantity(plan, "sell", period="W1") == 0
    assert quantity(plan, "sell", period="W2") == pytest.approx(7)


# -- limits of space -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "policy", "by"),
    [({"storage_capacity": 5}, {}, 3), ({}, {"maximum_stock": 5}, 3), ({}, {"maximum_stock": 0}, 8)],
)
def test_stock_that_does_not_fit_is_named(
    tmp_path: Path, place: dict[str, object], policy: dict[str, object], by: float
) -> None:
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        inventory=[{"item": "A", "location": "P", "on_hand": 9}],
        locations=[{"location": "P", "kind": "plant", **place}],
        policies=[{"item": "A", "location": "P", **policy}],
        forecast=[asked("A", 1, 10)],
    )
    broken = soe.conflict(found)
    assert broken.promises["by"].to_list() == pytest.approx([by])
    assert broken.promises["way"].to_list() == ["more"]
    assert "W1" in broken.text()


def test_a_lane_without_an_item_carries_what_is_wanted_beyond_it(tmp_path: Path) -> None:
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        inventory=[{"item": i, "location": "P", "on_hand": 1} for i in "AB"],
        lanes=[{"lane": "L", "origin": "P", "destination": "M"}],
        forecast=[{"item": "A", "location": "M", "period": "W1", "quantity": 1, "price": 1}],
    )
    assert soe.plan(found).flows["ship"]["item"].to_list() == ["A"]
