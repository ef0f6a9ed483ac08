"""Promises: the earliest day, what can be there by when, what it earns, who gives way; worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.available import available_to_promise
from soe_lib.whatif.promises import Promise
from tests import networks
from tests.networks import MONDAY, Rows

HOLDING = 0.01


def fortnight(folder: Path, scale: float = 1.0, turn: int = 0, **more: Rows) -> Snapshot:
    """Two weeks of days. A line makes 10 of A a day for 2 each; 15 are there; `old` is to have 20 on the third day for
    10 each, and anybody would take 4 a day for 5 each. `scale` counts in a smaller unit; `turn` turns rows about."""
    days = networks.days(14)
    tables: dict[str, Rows] = {
        "periods": days,
        "items": [{"item": "A", "unit": "each", "price": 10 / scale, "holding_cost": HOLDING / scale, "rounding": 1.0}],
        "resources": [{"resource": "L", "location": "P", "hourly_cost": 2}],
        "calendar": [{"resource": "L", "period": day["period"], "hours": 10} for day in days],
        "routings": [{"routing": "R", "item": "A", "location": "P"}],
        "operations": [{"routing": "R", "step": "1", "resource": "L", "hours_per_unit": 1 / scale}],
        "customers": [{"customer": name} for name in ("old", "new", "spot")],
        "inventory": [{"item": "A", "location": "P", "on_hand": 15 * scale}],
        "orders": [{"order": "O1", "item": "A", "location": "P", "customer": "old", "due_on": day_of(3),
                    "quantity": 20 * scale}],
        "forecast": [{"item": "A", "location": "P", "customer": "spot", "period": day["period"], "quantity": 4 * scale,
                      "price": 5 / scale} for day in days],
    } | more  # fmt: skip
    tables["items"] = [{k: v for k, v in row.items() if k != "rounding" or rounds()} for row in tables["items"]]
    turned = {name: [*rows[turn:], *rows[:turn]] for name, rows in tables.items()}
    return networks.snapshot(folder, **turned)


def rounds() -> bool:
    """Whether the contract knows what an item is counted in multiples of."""
    from soe_lib.extract.schema import schema

    return "rounding" in schema()["items"].names


def day_of(number: int) -> date:
    return MONDAY + timedelta(days=number - 1)


def asked(quantity: float, number: int, **more: Any) -> dict[str, Any]:
    return {"item": "A", "quantity": quantity, "customer": "new", "date": day_of(number)} | more


def one(source: Any, order: Mapping[str, Any], **how: Any) -> Promise:
    (found,) = soe.whatif.promise(source, order, **how)
    return found


def test_what_is_there_and_made_beside_what_is_promised_sets_the_day(tmp_path: Path) -> None:
    """100 on the 5th day: 15 + 10 a day − 20 promised are 45 by then, 95 on the 10th and 105 on the 11th day."""
    found = one(fortnight(tmp_path), asked(100, 5))
    assert found.earliest == day_of(11)
    assert found.possible["date"].to_list() == [day_of(n) for n in range(5, 12)]
    assert found.possible["possible"].to_list() == pytest.approx([45, 55, 65, 75, 85, 95, 100])
    assert found.deliveries.rows() == [(day_of(11), 100.0)]
    assert found.rests_on == "CTP"


def test_what_it_earns_is_its_price_less_what_is_made_for_it_and_what_gives_way(tmp_path: Path) -> None:
    """1,000 for it. Until the 11th day 15 + 110 − 20 − 100 = 5 are left of 44 that forecast asks: 39 give way, 195.
    Made are 20 + 100 + 5 + 12 − 15 = 122 rather than 61, at 2 each. Stock is 21, 30, 20, 30 … 90 rather than 11, 14.
    """
    found = one(fortnight(tmp_path), asked(100, 5))
    held = sum([21, 30, *range(20, 91, 10)]) - (11 + 14)
    assert found.margin == pytest.approx(1000 - 195 - 2 * 61 - HOLDING * held)
    assert found.total == pytest.approx(found.margin)
    assert found.gives_way.rows() == [("spot", "A", "P", pytest.approx(39), 0.0, pytest.approx(195))]
    assert found.waits.is_empty()
    assert found.plan.margin - found.before.margin == pytest.approx(found.margin)


def test_what_nobody_was_promised_is_available_to_promise(tmp_path: Path) -> None:
    """The plan serves 4 a day to forecast and holds 11, 14, 0 …: until the third day 12 are free, then 4 a day more."""
    living = soe.Living(fortnight(tmp_path))
    free = available_to_promise(living.base, "A", "P")
    assert free.tolist() == pytest.approx([12, 12, *range(12, 57, 4)])
    carried, planned = one(living, asked(20, 5)), one(living, asked(21, 5))
    assert (carried.rests_on, planned.rests_on) == ("ATP", "CTP")
    assert carried.earliest == planned.earliest == day_of(5)
    assert "(ATP)" in carried.verdict
    assert "(CTP)" in planned.verdict


def test_in_parts_what_is_there_comes_at_once(tmp_path: Path) -> None:
    found = one(fortnight(tmp_path), asked(100, 5), parts=True)
    assert found.deliveries["date"].to_list() == [day_of(n) for n in range(5, 12)]
    assert found.deliveries["quantity"].to_list() == pytest.approx([45, 10, 10, 10, 10, 10, 5])
    assert found.earliest == day_of(11)


def test_a_customer_has_no_more_deliveries_than_it_takes(tmp_path: Path) -> None:
    """Of seven deliveries the second brings all that the others would."""
    two = [{"customer": "old"}, {"customer": "new", "most_deliveries": 2}, {"customer": "spot"}]
    found = one(fortnight(tmp_path, customers=two), asked(100, 5), parts=True)
    assert found.deliveries.rows() == [(day_of(5), pytest.approx(45)), (day_of(11), pytest.approx(55))]
    whole = [{"customer": "old"}, {"customer": "new", "in_full": "yes"}, {"customer": "spot"}]
    living = soe.Living(fortnight(tmp_path / "b", customers=whole))
    assert one(living, asked(100, 5), parts=True).deliveries.rows() == [(day_of(11), 100.0)]
    assert not one(living, asked(200, 5), parts=True).promised
    assert one(living, asked(100, 5)).earliest == day_of(11)


def test_other_orders_wait_only_where_that_is_asked_for(tmp_path: Path) -> None:
    """30 on the third day: 15 + 30 − 20 = 25 are free, so it comes on the fourth; or `old` waits.

    By the third day 15 are left of 45, 12 of them for forecast, which earns more than lateness costs; then 6 a day are
    left: `old` has 3 in time, 6 a day late, 6 two and 5 three days, at 0.5 each.
    """
    late = [{"customer": "old", "late_cost": 0.5, "latest_days": 3}, {"customer": "new"}, {"customer": "spot"}]
    living = soe.Living(fortnight(tmp_path, customers=late))
    kept, displacing = one(living, asked(30, 3)), one(living, asked(30, 3), displace=True)
    assert (kept.earliest, displacing.earliest) == (day_of(4), day_of(3))
    assert kept.waits.is_empty()
    assert displacing.waits.rows() == [("O1", "old", "A", "P", pytest.approx(17), 3, 0.0, pytest.approx(16.5))]
    assert "waits: O1 of old, 17 of A, 3 days, EUR\u00a016.50" in displacing.text()


def test_several_orders_each_hold_what_those_before_took(tmp_path: Path) -> None:
    living = soe.Living(fortnight(tmp_path))
    first, second = soe.whatif.promise(living, [asked(100, 5), asked(10, 5)])
    assert (first.earliest, second.earliest) == (day_of(11), day_of(12))
    second_first = soe.whatif.promise(living, pl.DataFrame([asked(10, 5), asked(100, 5)]))
    assert [found.earliest for found in second_first] == [day_of(5), day_of(12)]
    both = first.plan.margin - living.base.margin + (second.plan.margin - first.plan.margin)
    assert first.margin + second.margin == pytest.approx(both)
    assert [found.ask.order for found in (first, second)] == ["PR-260105-001", "PR-260105-002"]


def test_together_none_is_first_and_the_fewest_units_wait(tmp_path: Path) -> None:
    """10 first: there at once, and the 100 on the 12th day, 7 × 100. The 100 first: 6 × 100 and 7 × 10."""
    living = soe.Living(fortnight(tmp_path))
    in_turn = soe.whatif.promise(living, [asked(10, 5), asked(100, 5)])
    together = soe.whatif.promise(living, [asked(10, 5), asked(100, 5)], together=True)
    assert [one.earliest for one in in_turn] == [day_of(5), day_of(12)]
    assert [one.earliest for one in together] == [day_of(12), day_of(11)]


def test_the_plan_that_answers_is_the_one_that_an_order_of_that_day_has(tmp_path: Path) -> None:
    """The gain is what planning the extract with the order committed gives, with the old orders as they are served."""
    snapshot = fortnight(tmp_path)
    found = one(snapshot, asked(100, 5))
    row = {"order": "N", "item": "A", "location": "P", "customer": "new", "due_on": day_of(11), "quantity": 100.0}
    edited = soe.Scenario("with it").row("orders", **row, committed=100.0).promise("orders", 1.0, order="O1")
    again = soe.plan(edited.apply(snapshot))
    assert again.margin - found.before.margin == pytest.approx(found.margin)


@pytest.mark.parametrize("turn", [1, 3])
def test_turned_rows_and_other_units_change_nothing(tmp_path: Path, turn: int) -> None:
    found, other = (
        one(fortnight(tmp_path / "a"), asked(100, 5)),
        one(fortnight(tmp_path / "b", turn=turn), asked(100, 5)),
    )
    assert other.as_dict() == found.as_dict()
    small = one(fortnight(tmp_path / "c", scale=1000.0), asked(100_000, 5))
    assert small.earliest == found.earliest
    assert small.margin == pytest.approx(found.margin)
    assert (small.possible["possible"] / 1000).to_list() == pytest.approx(found.possible["possible"].to_list())


def weeks(folder: Path) -> Snapshot:
    """Two weeks: 20 of A are made in each, 15 are there, `old` is to have 20 in the first."""
    periods = networks.weeks(2)
    return networks.snapshot(
        folder, periods=periods, customers=[{"customer": "old"}, {"customer": "new"}],
        items=[{"item": "A", "unit": "each", "price": 10}], resources=[{"resource": "L", "location": "P"}],
        calendar=[{"resource": "L", "period": one["period"], "hours": 20} for one in periods],
        routings=[{"routing": "R", "item": "A", "location": "P"}],
        operations=[{"routing": "R", "step": "1", "resource": "L", "hours_per_unit": 1}],
        inventory=[{"item": "A", "location": "P", "on_hand": 15}],
        orders=[{"order": "O1", "item": "A", "location": "P", "customer": "old", "due_on": day_of(2), "quantity": 20}],
    )  # fmt: skip


@pytest.mark.parametrize(("quantity", "wanted", "earliest"), [
    (12, 10, 10),   # 15 + 20 − 20 = 15 are there when the first week ends: on the Wednesday of the second for sure
    (16, 10, 12),   # 35 when the second ends: on its last working day, the Friday
    (35, 13, 13),   # asked for after that, on the Saturday
    (10, 3, 5),     # within the first week nothing is sure before its Friday
    (36, 3, None),  # never within two weeks
])  # fmt: skip
def test_of_a_week_the_last_working_day_is_sure(
    tmp_path: Path, quantity: float, wanted: int, earliest: int | None
) -> None:
    found = one(weeks(tmp_path), asked(quantity, wanted))
    assert found.earliest == (None if earliest is None else day_of(earliest))
    if earliest is None:
        assert (found.promised, found.total) == (False, 0.0)
        assert "not within the plan; at most 35 each by 2026-01-16" in found.verdict


@pytest.mark.parametrize(("wrong", "said"), [
    ({"item": "a"}, "There is no item 'a'. Did you mean A?"),
    ({"customer": "news"}, "There is no customer 'news'. Did you mean new?"),
    ({"location": "Q"}, "There is no location 'Q'."),
    ({"date": "2026-01-04"}, "2026-01-04 is past: the extract is of 2026-01-05"),
    ({"date": "2026-01-19"}, "lies beyond the plan, which ends on 2026-01-18"),
    ({"date": "soon"}, "must be an ISO date"),
    ({"quantity": 0}, "0 of A is nothing to promise"),
    ({"quantity": -3}, "-3 of A is nothing to promise"),
    ({"quantity": "many"}, "must be a number, not 'many'"),
    ({"quantity": float("nan")}, "must be a finite number"),
    ({"quantity": 2.5}, "A is counted in multiples of 1, and 2.5 is none: ask for 3"),
    ({"price": -1.0}, "The price of A cannot be -1"),
    ({"order": "O1"}, "Order 'O1' is in the extract, or promised, already"),
    ({"qty": 3}, "has a column 'qty'. Did you mean quantity?"),
    ({"customer": ""}, "Order 1 has no customer"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_what_to_do(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as refused:
        one(fortnight(tmp_path), asked(5, 5) | wrong)
    assert said in str(refused.value)


def test_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No order is asked for"):
        soe.whatif.promise(fortnight(tmp_path), [])
    with pytest.raises(DataError, match="asked for twice"):
        soe.whatif.promise(fortnight(tmp_path / "b"), [asked(5, 5, order="N"), asked(6, 6, order="N")])


def test_an_item_without_price_needs_one(tmp_path: Path) -> None:
    bare = [{"item": "A", "unit": "each"}]
    snapshot = fortnight(tmp_path, items=bare)
    with pytest.raises(DataError, match=r"A has no price: state what new pays for a unit \(--price\)"):
        one(snapshot, asked(5, 5))
    assert one(snapshot, asked(5, 5, price=7.0)).ask.price == 7.0


def two_places(folder: Path) -> Snapshot:
    """A is at P and Q: 10 are made a day at P, 50 lie at Q; `new` is forecast at both, mostly at P; B is at Q only."""
    days = networks.days(5)
    return networks.snapshot(
        folder, periods=days, customers=[{"customer": "old"}, {"customer": "new"}],
        items=[{"item": "A", "unit": "each", "price": 10}, {"item": "B", "unit": "each", "price": 10}],
        resources=[{"resource": "L", "location": "P"}],
        calendar=[{"resource": "L", "period": one["period"], "hours": 10} for one in days],
        routings=[{"routing": "R", "item": "A", "location": "P"}],
        operations=[{"routing": "R", "step": "1", "resource": "L", "hours_per_unit": 1}],
        inventory=[{"item": "A", "location": "Q", "on_hand": 50}, {"item": "B", "location": "Q", "on_hand": 1}],
        forecast=[{"item": "A", "location": place, "customer": "new", "period": "D005", "quantity": quantity}
                  for place, quantity in (("P", 5), ("Q", 4))],
    )  # fmt: skip


def test_of_two_places_the_first_is_where_most_is_asked_for_and_else_where_it_is_there_first(tmp_path: Path) -> None:
    living = soe.Living(two_places(tmp_path))
    near, far = one(living, asked(10, 1)), one(living, asked(40, 1))
    assert (near.ask.location, near.earliest) == ("P", day_of(1))
    assert "new asks for it there, the most of 2 places" in near.text()
    assert (far.ask.location, far.earliest) == ("Q", day_of(1))
    assert "of 2 places it has it first, P on 2026-01-08" in far.text()
    with pytest.raises(DataError, match=r"P does not stock B\. It is at Q\."):
        one(living, asked(1, 1, item="B", location="P"))
    assert one(living, asked(1, 1, item="B")).ask.location == "Q"


def test_forecast_of_the_same_customer_is_what_was_foreseen(tmp_path: Path) -> None:
    """`spot` orders what its forecast of a day had foreseen: nothing is earned that was not planned for."""
    found = one(fortnight(tmp_path), asked(4, 6, customer="spot"))
    assert (found.ask.price, found.price_why) == (5.0, "what spot pays there")
    assert found.foreseen == pytest.approx(4)
    assert found.margin == pytest.approx(0.0, abs=1e-9)
    assert found.gives_way.is_empty()
    assert "4 each of it were in the forecast, and planned for" in found.text()


def test_the_session_of_the_living_model_stays_as_it_was(tmp_path: Path) -> None:
    living = soe.Living(fortnight(tmp_path))
    before = living.base.margin
    one(living, asked(100, 5))
    assert living.plan(living.home.snapshot).margin == pytest.approx(before)
    np.testing.assert_allclose(
        living.base.flows["sell"]["quantity"], soe.plan(living.home.snapshot).flows["sell"]["quantity"]
    )
