"""What a company says of its errors, and what it leaves out: labels of time, pools, records with holes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model import risk
from soe_lib.model.network import Network
from soe_lib.uncertainty.slices import normal_slices
from tests.networks import MONDAY, snapshot

HORIZON = '[costs]\nper = "week"\n[horizon]\nweeks = {weeks}\ndaily = {daily}\n[forecast]\nversion = "now"\n'


def week(number: int) -> str:
    """ISO week so many weeks from the as-of date."""
    return f"{MONDAY + timedelta(days=7 * number):%G-W%V}"


def company(folder: Path, *, more: str = "", weeks: int = 4, daily: int = 0, **tables: Any) -> Snapshot:
    """Two items, each bought at 4 a week ahead and sold at 10; 100 of each are forecast a week."""
    names = ["A", "B"]
    base: dict[str, Any] = {
        "items": [
            {
                "item": name,
                "unit": "each",
                "family": name,
                "standard_cost": 4.0,
                "end_value": 3.5,
                "holding_cost": 0.1,
                "price": 10.0,
            }
            for name in names
        ],
        "forecast": [
            {"item": name, "location": "P", "period": week(n), "version": "now", "quantity": 100.0}
            for name in names
            for n in range(weeks)
        ],
        "offers": [
            {"offer": name, "supplier": "S", "item": name, "location": "P", "unit_cost": 4.0, "lead_time_days": 7}
            for name in names
        ],
        "inventory": [{"item": name, "location": "P", "on_hand": 150.0} for name in names],
    }
    both = {name: [*base.get(name, []), *rows] for name, rows in tables.items() if rows}
    return snapshot(folder, HORIZON.format(weeks=weeks, daily=daily) + more, **{**base, **both})


def past(item: str, asked: list[float], lags: int = 2, forecast: float = 100.0) -> dict[str, Any]:
    """Versions and demand of the weeks before the as-of date, the last of them the week before."""
    first = -len(asked)
    versions = [
        {"item": item, "location": "P", "period": week(n), "version": week(n - lag), "quantity": forecast}
        for n in range(first, 0)
        for lag in range(lags)
    ]
    sold = [
        {"date": MONDAY + timedelta(days=7 * n), "measure": "demand", "item": item, "location": "P", "quantity": one}
        for n, one in zip(range(first, 0), asked, strict=True)
    ]
    return {"forecast": versions, "actuals": sold}


def of(label: str | None, quantity: float) -> list[dict[str, Any]]:
    """Two quantiles of A's error."""
    return [
        {"item": "A", "location": "P", "period": label, "probability": at, "quantity": sign * quantity}
        for at, sign in ((0.25, -1), (0.75, 1))
    ]


def levels(network: Network, item: str) -> dict[str, float]:
    """The highest level of each period."""
    found = risk.levels(network).filter(pl.col("item").cast(pl.String) == item)
    top = found.group_by("period").agg(pl.col("level").max()).sort("period")
    return dict(zip(top["period"].cast(pl.String), top["level"], strict=True))


def test_errors_are_stated_by_any_label_of_time_and_the_shortest_holds(tmp_path: Path) -> None:
    """A month from the 1st, a week of its own, the rest for all: by weeks, and by days of the first two."""
    said = [*of(None, 10.0), *of("2026-01", 20.0), *of(week(1), 30.0)]
    by_week = levels(Network(company(tmp_path / "weeks", forecast_errors=said)), "A")
    assert by_week == {week(0): 20.0, week(1): 30.0, week(2): 20.0, week(3): 10.0}  # 2026-W05 ends on 1 February
    by_day = levels(Network(company(tmp_path / "days", daily=14, forecast_errors=said)), "A")
    assert by_day == {"2026-01-11": 20.0, "2026-01-18": 30.0, week(2): 20.0, week(3): 10.0}


@pytest.mark.parametrize("rule", ["keep", "remove"])
def test_without_a_pool_an_item_without_a_record_leans_on_the_company(tmp_path: Path, rule: str) -> None:
    more = f'bias = "{rule}"\n[cushion]\npool = 0\n'
    made = company(tmp_path, more=more, **past("B", [80.0, 120.0, 90.0, 110.0, 100.0, 100.0]))
    network = Network(made)
    assert network.demand["quantity"].is_finite().all()
    assert levels(network, "A") == levels(network, "B") != {}
    assert soe.plan(made, record=None).solution["status"] == "optimal"


def test_what_a_forecast_leans_by_goes_on_beyond_the_record(tmp_path: Path) -> None:
    """Always 120 for 100: 20 a week, however long the interval and however short the record, and 4 a day."""
    more = "[cushion]\npool = 0\n"
    slow = [{"offer": "C", "supplier": "S", "item": "C", "location": "P", "unit_cost": 4.0, "lead_time_days": 21}]
    good = {"item": "C", "unit": "each", "family": "C", "standard_cost": 4.0, "price": 10.0, "end_value": 3.0}
    ahead = [{"item": "C", "location": "P", "period": week(n), "version": "now", "quantity": 100.0} for n in range(4)]
    told = past("C", [120.0] * 4)
    tables = {"items": [good], "offers": slow, "actuals": told["actuals"], "forecast": [*ahead, *told["forecast"]]}
    found = levels(Network(company(tmp_path / "weeks", more=more, **tables)), "C")
    assert list(found.values()) == pytest.approx([20.0, 40.0, 60.0, 80.0])
    tables["offers"] = [{**slow[0], "lead_time_days": 0}]
    found = levels(Network(company(tmp_path / "days", more=more + "review_days = 1\n", daily=7, **tables)), "C")
    assert [found[f"2026-01-{day:02d}"] for day in range(5, 10)] == pytest.approx([4.0] * 5)


@pytest.mark.parametrize("ordered", [0.0, 36.0, 75.0, 99.0, 100.0])
def test_what_is_ordered_already_is_certain(tmp_path: Path, ordered: float) -> None:
    """Of a week's 100 so many are in hand: what may err goes with the root of the rest, down to nothing."""
    order = {"order": "1", "item": "A", "location": "P", "due_on": MONDAY + timedelta(days=3), "quantity": ordered}
    more = '[cushion]\nuse = "always"\n'
    free, some = (
        Network(company(tmp_path / name, more=more, **past("B", [100.0] * 3), **tables))
        for name, tables in (("free", {}), ("some", {"orders": [order]} if ordered else {}))
    )
    first = levels(free, "A")[week(0)]
    assert levels(some, "A").get(week(0), 0.0) == pytest.approx(first * (1.0 - ordered / 100.0) ** 0.5)
    kept = levels(Network(company(tmp_path / "own", **past("A", [80.0, 120.0, 60.0, 140.0, 100.0, 100.0]))), "A")
    own = company(
        tmp_path / "both", **past("A", [80.0, 120.0, 60.0, 140.0, 100.0, 100.0]), orders=[order] if ordered else []
    )
    assert levels(Network(own), "A").get(week(0), 0.0) == pytest.approx(kept[week(0)] * (1 - ordered / 100.0) ** 0.5)


@pytest.mark.parametrize(
    ("costs", "lost"),
    [({}, 6.0), ({"standard_cost": 5.0, "end_value": 3.0}, 5.0), ({"end_value": 3.0}, 7.0), ({"price": None}, 0.0)],
)
def test_a_unit_lost_costs_its_price_less_what_it_would_cost(
    tmp_path: Path, costs: dict[str, Any], lost: float
) -> None:
    """Sold at 10, bought at 4 or 4.5; standard cost goes before end value, and that before what it is bought at."""
    good = {"item": "C", "unit": "each", "holding_cost": 0.1, "price": 10.0, **costs}
    ahead = [{"item": "C", "location": "P", "period": week(n), "version": "now", "quantity": 100.0} for n in range(4)]
    offers = [
        {"offer": f"C{cost}", "supplier": "S", "item": "C", "location": "P", "unit_cost": cost} for cost in (4.5, 4.0)
    ]
    network = Network(company(tmp_path, items=[good], forecast=ahead, offers=offers))
    found = risk.lines(network).filter(pl.col("item").cast(pl.String) == "C")
    assert found["lost"].to_list() == pytest.approx([lost])


def test_a_unit_lost_of_a_made_item_costs_its_price_less_what_making_it_takes(tmp_path: Path) -> None:
    """C = (2 + half an hour at 30, or at 10 on the other line, + 3 × D) ÷ 0.8 yield, D = 1.5 + 2 × E, E bought at 0.25."""
    names = ("C", "D", "E")
    goods = [{"item": name, "unit": "each", "price": 30.0 if name == "C" else None} for name in names]
    ahead = [{"item": "C", "location": "P", "period": week(n), "version": "now", "quantity": 100.0} for n in range(4)]
    made = company(
        tmp_path, items=goods, forecast=ahead,
        offers=[{"offer": "E", "supplier": "S", "item": "E", "location": "P", "unit_cost": 0.25}],
        routings=[
            {"routing": "RC", "item": "C", "location": "P", "cost_per_unit": 2.0, "yield": 0.8},
            {"routing": "RC dear", "item": "C", "location": "P", "cost_per_unit": 99.0, "yield": 1.0},
            {"routing": "RD", "item": "D", "location": "P", "cost_per_unit": 1.5, "yield": 1.0},
        ],
        resources=[{"resource": f"L{cost}", "location": "P", "hourly_cost": cost} for cost in (30.0, 10.0)],
        calendar=[{"resource": f"L{cost}", "period": week(n), "hours": 100.0} for cost in (30.0, 10.0) for n in range(4)],
        operations=[{"routing": "RC", "step": "1", "resource": f"L{cost}", "hours_per_unit": 0.5} for cost in (30.0, 10.0)],
        components=[{"routing": "RC", "component": "D", "quantity": 3.0}, {"routing": "RD", "component": "E", "quantity": 2.0}],
    )  # fmt: skip
    found = risk.lines(Network(made)).filter(pl.col("item").cast(pl.String) == "C")
    assert found["lost"].to_list() == pytest.approx([30.0 - (2.0 + 0.5 * 20.0 + 3.0 * (1.5 + 2.0 * 0.25)) / 0.8])


def test_a_trading_company_is_protected_where_it_buys(tmp_path: Path) -> None:
    """C comes to a depot in three weeks, or in one at 2 more, and a day later to its market; A and B are bought there.

    With nothing made, each of the two places of C is short of its own interval's error: 22 and 8 days in sum.
    """
    good = {"item": "C", "unit": "each", "family": "C", "standard_cost": 4.0, "price": 10.0, "holding_cost": 0.1}
    ahead = [{"item": "C", "location": "P", "period": week(n), "version": "now", "quantity": 100.0} for n in range(4)]
    offers = [
        {"offer": "slow", "supplier": "S", "item": "C", "location": "D", "unit_cost": 4.0, "lead_time_days": 21},
        {"offer": "fast", "supplier": "S", "item": "C", "location": "D", "unit_cost": 6.0, "lead_time_days": 7},
        {"offer": "A2", "supplier": "S", "item": "A", "location": "P", "unit_cost": 3.6, "lead_time_days": 28},
    ]
    lanes = [{"lane": "L", "origin": "D", "destination": "P", "lead_time_days": 1, "cost_per_unit": 0.1}]
    more = '[cushion]\nuse = "always"\nerror = 0.4\n'
    network = Network(company(tmp_path, more=more, items=[good], forecast=ahead, offers=offers, lanes=lanes))
    found = risk.intervals(network).with_columns(pl.col("item", "location").cast(pl.String))
    assert found.rows() == [
        ("A", "P", 14.0, None),
        ("A", "P", 35.0, pytest.approx(0.4)),
        ("B", "P", 14.0, None),
        ("C", "D", 14.0, None),
        ("C", "D", 28.0, 2.0),
        ("C", "P", 8.0, None),
    ]
    top = risk.levels(network).filter(pl.col("item").cast(pl.String) == "C").group_by("location")
    highest = dict(top.agg(pl.col("level").max()).with_columns(pl.col("location").cast(pl.String)).iter_rows())
    last = float(normal_slices()[-1]) * 40.0
    assert highest == {"D": pytest.approx(last * 4**0.5), "P": pytest.approx(last * (8 / 7) ** 0.5)}


@pytest.mark.parametrize(
    ("asked_at_the_plant", "sub", "days"), [(False, False, 28.0), (True, False, 21.0), (False, True, 33.0)]
)
def test_goods_are_protected_from_where_stock_is_held(
    tmp_path: Path, asked_at_the_plant: bool, sub: bool, days: float
) -> None:
    """C is made at D in 7 days of R, or of S that is made in 5 of R, and is 14 days on its way to P; nothing is held at D
    unless it is asked for there, and one review goes by.
    """
    names = ["C", "R", *(["S"] if sub else [])]
    goods = [
        {"item": one, "unit": "each", "standard_cost": 4.0, "price": 10.0 if one == "C" else None} for one in names
    ]
    asked = ["P", *(["D"] if asked_at_the_plant else [])]
    made = company(
        tmp_path, items=goods,
        forecast=[{"item": "C", "location": at, "period": week(n), "version": "now", "quantity": 100.0} for at in asked for n in range(4)],
        offers=[{"offer": "R", "supplier": "S", "item": "R", "location": "D", "unit_cost": 1.0, "lead_time_days": 35}],
        routings=[{"routing": one, "item": one, "location": "D", "lead_time_days": 7 if one == "C" else 5} for one in names if one != "R"],
        components=[{"routing": one, "component": "S" if sub and one == "C" else "R", "quantity": 1.0} for one in names if one != "R"],
        lanes=[{"lane": "L", "origin": "D", "destination": "P", "item": "C", "lead_time_days": 14, "cost_per_unit": 0.1}],
    )  # fmt: skip
    found = risk.intervals(Network(made)).with_columns(pl.col("item", "location").cast(pl.String))
    expected = [("C", "D", 14.0, None)] if asked_at_the_plant else []
    expected += [("C", "P", days, None), ("R", "D", 42.0, None)]
    assert found.filter(~pl.col("item").is_in(["A", "B"])).rows() == expected


@pytest.mark.parametrize(
    ("terms", "more", "days"),
    [
        ({}, "", 8.0),
        ({"valid_to": MONDAY - timedelta(days=1)}, "", 29.0),  # over
        ({"valid_from": MONDAY + timedelta(days=60)}, "", 29.0),  # after the horizon
        ({"valid_from": MONDAY + timedelta(days=7), "valid_to": MONDAY + timedelta(days=8)}, "", 8.0),
        ({"maximum": 0.0}, "", 29.0),
        ({"lead_time_days": 5}, '[lead_time]\nin = "working days"\n', 14.0),
    ],
)
def test_ways_that_are_shut_shorten_no_interval(tmp_path: Path, terms: dict[str, Any], more: str, days: float) -> None:
    """C comes in 22 days, or in one under a second offer, where that is open; five working days are a week."""
    good = {"item": "C", "unit": "each", "family": "C", "standard_cost": 4.0, "price": 10.0}
    ahead = [{"item": "C", "location": "P", "period": week(n), "version": "now", "quantity": 100.0} for n in range(4)]
    one = {"supplier": "S", "item": "C", "location": "P", "unit_cost": 4.0}
    offers = [{**one, "offer": "far", "lead_time_days": 22}, {**one, "offer": "near", "lead_time_days": 1, **terms}]
    network = Network(company(tmp_path, more=more, items=[good], forecast=ahead, offers=offers))
    found = risk.intervals(network).filter(pl.col("item").cast(pl.String) == "C", pl.col("most").is_null())
    assert found["days"].to_list() == [days]
