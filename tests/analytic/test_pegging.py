"""Who gets what of a plan whose every peg is worked out by hand.

A lamp needs two shades and a base, a base three kilos of steel. Lamps are sold at the shop, a week from the plant. All
is made as late as it can be: 32 lamps in W2 for W3 (36 asked for, 4 there), 8 in W3 for W4; bases a week before.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.pegging.answer import Pegging
from tests.networks import MONDAY, days, snapshot, weeks

W3, W4 = "2026-01-19", "2026-01-26"


def lamps(folder: Path) -> Snapshot:
    def order(name: str, day: str, quantity: float) -> dict[str, object]:
        return {
            "order": name, "item": "lamp", "location": "shop", "customer": "dealer", "due_on": day,
            "quantity": quantity,
        }  # fmt: skip

    def stock(item: str, location: str, on_hand: float) -> dict[str, object]:
        return {"item": item, "location": location, "on_hand": on_hand}

    return snapshot(
        folder,
        periods=weeks(4),
        items=[
            {"item": name, "unit": "each", "price": price, "holding_cost": held}
            for name, price, held in (("lamp", 100.0, 4.0), ("base", 0.0, 2.0), ("shade", 0.0, 0.5), ("steel", 0.0, 0.5))
        ],
        customers=[{"customer": "dealer"}, {"customer": "walk-in"}],
        orders=[order("SO-2", W3, 10.0), order("SO-1", W3, 20.0), order("SO-3", W4, 8.0)],
        forecast=[{"item": "lamp", "location": "shop", "customer": "walk-in", "period": "W3", "quantity": 6.0}],
        lanes=[{"lane": "van", "origin": "plant", "destination": "shop", "item": "lamp", "lead_time_days": 7}],
        routings=[
            {"routing": "assemble", "item": "lamp", "location": "plant"},
            {"routing": "weld", "item": "base", "location": "plant", "lead_time_periods": 1},
        ],
        components=[
            {"routing": "assemble", "component": "shade", "quantity": 2.0},
            {"routing": "assemble", "component": "base", "quantity": 1.0},
            {"routing": "weld", "component": "steel", "quantity": 3.0},
        ],
        offers=[{"offer": "mill", "supplier": "mill", "item": "steel", "location": "plant", "unit_cost": 1.0}],
        receipts=[
            {"receipt": name, "kind": "buy", "item": "shade", "location": "plant", "due_on": day, "quantity": quantity}
            for name, day, quantity in (("R1", "2026-01-05", 40.0), ("R2", "2026-01-12", 50.0))
        ],
        inventory=[stock("lamp", "shop", 4.0), stock("base", "plant", 10.0), stock("steel", "plant", 30.0)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def pegged(tmp_path_factory: pytest.TempPathFactory) -> Pegging:
    here = lamps(tmp_path_factory.mktemp("lamps"))
    found = soe.review.pegging(soe.plan(here), here)
    assert isinstance(found, Pegging)
    return found


def served(frame: pl.DataFrame) -> dict[str, float]:
    """What each order gets of a supply, forecast and end stock by their kind."""
    name = pl.when(pl.col("order") == "").then("kind").otherwise("order").alias("name")
    return dict(frame.group_by(name).agg(pl.col("quantity").sum().round(6)).iter_rows())


def test_a_shipment_serves_what_is_due_first_orders_before_forecast(pegged: Pegging) -> None:
    assert served(pegged.of(shipment="van", period="W2")) == {"SO-1": 16.0, "SO-2": 10.0, "forecast": 6.0}
    assert served(pegged.of(shipment="van", period="W3")) == {"SO-3": 8.0}


def test_a_receipt_serves_orders_through_the_bill_of_materials(pegged: Pegging) -> None:
    assert served(pegged.of(receipt="R1")) == {"SO-1": 32.0, "SO-2": 8.0}
    assert served(pegged.of(receipt="R2")) == {"SO-2": 12.0, "forecast": 12.0, "SO-3": 16.0, "end stock": 10.0}


def test_a_run_serves_what_opening_stock_leaves_to_it(pegged: Pegging) -> None:
    assert served(pegged.of(run="assemble", period="W2")) == {"SO-1": 16.0, "SO-2": 10.0, "forecast": 6.0}
    assert served(pegged.of(run="weld", period="W1")) == {"SO-1": 6.0, "SO-2": 10.0, "forecast": 6.0}
    assert served(pegged.of(run="weld", period="W2")) == {"SO-3": 8.0}


def test_a_purchase_two_levels_down_serves_orders(pegged: Pegging) -> None:
    assert served(pegged.of(purchase="mill", period="W1")) == {"SO-2": 18.0, "forecast": 18.0}
    assert served(pegged.of(purchase="mill", period="W2")) == {"SO-3": 24.0}


def test_an_order_is_served_by_all_that_stands_below_it(pegged: Pegging) -> None:
    found = pegged.of(order="SO-1").group_by("kind", "name", "item").agg(pl.col("quantity", "serves").sum().round(6))
    assert {row[:3]: row[3:] for row in found.iter_rows()} == {
        ("opening stock", "", "lamp"): (4.0, 4.0),
        ("shipment", "van", "lamp"): (16.0, 16.0),
        ("run", "assemble", "lamp"): (16.0, 16.0),
        ("receipt", "R1", "shade"): (32.0, 16.0),
        ("opening stock", "", "base"): (10.0, 10.0),
        ("run", "weld", "base"): (6.0, 6.0),
        ("opening stock", "", "steel"): (18.0, 6.0),
    }


def test_names_that_a_plan_does_not_have_are_answered_with_the_nearest(pegged: Pegging) -> None:
    with pytest.raises(DataError, match=r"no order 'SO-11' here\. Did you mean SO-1\?"):
        pegged.of(order="SO-11")
    with pytest.raises(DataError, match=r"not asked by 'ordr'\. Did you mean order\?"):
        pegged.of(ordr="SO-1")
    with pytest.raises(DataError, match=r"no run 'assembel' here\. Did you mean assemble\?"):
        pegged.of(run="assembel")


def test_a_plan_of_another_extract_is_refused(pegged: Pegging) -> None:
    other = soe.Scenario("more").scale("forecast.quantity", 2.0).apply(pegged.snapshot)
    with pytest.raises(DataError, match="give the extract that it was made from"):
        soe.review.pegging(pegged.plan, other)


def test_goods_go_to_whom_their_remaining_life_lets_them(tmp_path: Path) -> None:
    """20 of an old lot and 20 of a fresh one; who wants ten days left and is due first gets the fresh ones all the same."""
    forecast = {"item": "A", "location": "Q", "price": 10, "quantity": 20.0}
    here = snapshot(
        tmp_path,
        periods=days(6),
        items=[{"item": "A", "standard_cost": 3, "price": 10}],
        lanes=[{"lane": "P>Q", "origin": "P", "destination": "Q", "lead_time_days": 1}],
        customers=[{"customer": "choosy", "remaining_life_days": 10}, {"customer": "any"}],
        forecast=[
            {**forecast, "customer": "choosy", "period": "D002"}, {**forecast, "customer": "any", "period": "D003"}
        ],
        inventory=[
            {"item": "A", "location": "P", "lot": name, "on_hand": 20.0, "expires_on": MONDAY + timedelta(days=left)}
            for name, left in (("old", 3), ("fresh", 20))
        ],
    )  # fmt: skip
    found = soe.review.pegging(soe.plan(here), here)
    lots = found.links.filter(pl.col("kind") == "opening stock").select("customer", "quantity", "name")
    # The fresh lot outlives the horizon and whatever anybody wants left: its day is not followed.
    assert sorted(lots.rows()) == [("any", 20.0, "2026-01-08"), ("choosy", 20.0, "")]


def test_what_a_run_takes_is_shared_out_over_its_products_by_their_cost(tmp_path: Path) -> None:
    """40 started at yield 0.5 make 20 A (cost 6) and 40 B (cost 1) of 80 kg: 120 to 40, three quarters to A's order."""
    asked = {"location": "P", "customer": "C", "due_on": "2026-01-06", "price": 50}
    here = snapshot(
        tmp_path,
        periods=days(2),
        items=[{"item": "A", "standard_cost": 6}, {"item": "B", "standard_cost": 1}, {"item": "R", "standard_cost": 0.5}],
        routings=[{"routing": "split", "item": "A", "location": "P", "yield": 0.5}],
        co_products=[{"routing": "split", "item": "B", "quantity": 1.0}],
        components=[{"routing": "split", "component": "R", "quantity": 2.0}],
        offers=[{"offer": "o", "supplier": "S", "item": "R", "location": "P", "unit_cost": 0.5}],
        orders=[
            {**asked, "order": "OA", "item": "A", "quantity": 20.0}, {**asked, "order": "OB", "item": "B", "quantity": 40.0}
        ],
    )  # fmt: skip
    found = soe.review.pegging(soe.plan(here), here)
    assert served(found.of(purchase="o")) == {"OA": 60.0, "OB": 20.0}
    mine = found.of(order="OB").select("kind", "item", "quantity", "serves").rows()
    assert mine == [("run", "B", 40.0, 40.0), ("purchase", "R", 20.0, 40.0)]


def test_a_substitute_serves_the_order_in_its_own_units(tmp_path: Path) -> None:
    """Nobody has coffee: ten of it are served with twenty of tea, which is in stock."""
    here = snapshot(
        tmp_path,
        periods=days(1),
        substitutions=[{"item": "coffee", "substitute": "tea", "ratio": 2.0}],
        orders=[
            {
                "order": "O",
                "item": "coffee",
                "location": "P",
                "customer": "C",
                "due_on": MONDAY,
                "quantity": 10,
                "price": 9,
            }
        ],
        inventory=[{"item": "tea", "location": "P", "on_hand": 25}],
    )
    found = soe.review.pegging(soe.plan(here), here)
    assert found.of(order="O").select("item", "quantity", "serves").rows() == [("tea", 20.0, 10.0)]


def test_ten_times_the_quantities_are_ten_times_the_pegs(pegged: Pegging) -> None:
    tables = {"orders": "quantity", "forecast": "quantity", "receipts": "quantity", "inventory": "on_hand"}
    ten = {name: pegged.snapshot[name].with_columns(pl.col(column) * 10.0) for name, column in tables.items()}
    here = pegged.snapshot.replace(**ten)
    larger = soe.review.pegging(soe.plan(here), here)
    keys = [name for name, kind in pegged.links.schema.items() if kind == pl.String]
    one, other = (each.links.group_by(keys).agg(pl.col("quantity").sum()).sort(keys) for each in (pegged, larger))
    assert one.select(keys).equals(other.select(keys))
    assert other["quantity"].to_list() == pytest.approx((one["quantity"] * 10.0).to_list())
