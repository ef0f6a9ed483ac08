"""Time: weeks against days of the same network, goods that arrive beyond the horizon, end values without bound."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.store.plan import Plan
from tests.networks import MONDAY, snapshot, weeks

Tables = dict[str, list[dict[str, Any]]]
WEEKS, MADE, PLANTS = 13, ("A", "B", "C"), ("P", "Q")


def chain(seed: int) -> Tables:
    """Raw R → half-made H → A, B, C at two plants → warehouse W, every step with a lead time; all figures by day."""
    draw = np.random.default_rng(seed)
    whole = lambda low, high: float(draw.integers(low, high))  # noqa: E731
    days = [MONDAY + timedelta(days=n) for n in range(7 * WEEKS)]
    worked = [day for day in days if day.weekday() < 5]
    routings = [
        {"routing": f"{i}{p}", "item": i, "location": p, "cost_per_unit": whole(1, 4), "lead_time_days": whole(1, 4),
         "yield": float(draw.choice([1.0, 0.95]))} for i in ("H", *MADE) for p in PLANTS
    ]  # fmt: skip
    level = {i: whole(6, 16) for i in MADE}
    return {
        "items": [
            {"item": i, "holding_cost": worth / 100, "end_value": 0.8 * worth}
            for i, worth in {"R": 2.0, "H": 5.0, "A": 9.0, "B": 9.0, "C": 9.0}.items()
        ],
        "locations": [{"location": x, "kind": "plant"} for x in (*PLANTS, "W")],
        "resources": [{"resource": f"{p}1", "location": p, "hourly_cost": 1.0, "overtime_cost": 3.0} for p in PLANTS],
        "calendar": [
            {"resource": f"{p}1", "period": day, "hours": hours, "overtime_hours": 4.0}
            for p, hours in zip(PLANTS, (whole(24, 60), whole(24, 60)), strict=True)
            for day in worked
        ],
        "routings": routings,
        "operations": [
            {"routing": row["routing"], "resource": f"{row['location']}1", "hours_per_unit": 0.5 if row["item"] == "H" else 1.0}
            for row in routings
        ],
        "components": [
            {"routing": row["routing"], "component": "R" if row["item"] == "H" else "H", "quantity": 1.0} for row in routings
        ],
        "offers": [
            {"offer": f"R{p}", "supplier": "S", "item": "R", "location": p, "unit_cost": 2.0, "lead_time_days": whole(3, 10),
             "maximum": 200.0} for p in PLANTS
        ],
        "lanes": [
            {"lane": f"{p}W", "origin": p, "destination": "W", "lead_time_days": whole(1, 5), "cost_per_unit": 1.0} for p in PLANTS
        ],
        "customers": [{"customer": c, "late_cost": 0.2, "short_cost": 2.0, "latest_days": 4} for c in "XY"],
        "forecast": [
            {"item": i, "location": "W", "customer": c, "period": day, "price": whole(14, 19),
             "quantity": max(round(level[i] * (1 + 0.4 * np.sin(n / 14 + ord(c))) + draw.normal(0, 1)), 0)}
            for i in MADE for c in "XY" for n, day in enumerate(worked)
        ],
        "inventory": [
            {"item": i, "location": p, "on_hand": on_hand}
            for p in PLANTS for i, on_hand in {"R": 250.0, "H": 120.0, **dict.fromkeys(MADE, 30.0)}.items()
        ] + [{"item": i, "location": "W", "on_hand": 90.0} for i in MADE],
    }  # fmt: skip


def planned(folder: Path, tables: Tables, daily: int, dispatch: str = "spread") -> Plan:
    """The plan of a horizon with so many daily periods."""
    settings = (
        f'[costs]\nper = "day"\n[horizon]\nweeks = {WEEKS}\ndaily = {daily}\n[lead_time]\ndispatch = "{dispatch}"\n'
    )
    return soe.plan(snapshot(folder, settings, **tables))


def error(folder: Path, seed: int, dispatch: str = "spread") -> float:
    """How much more the daily-then-weekly plan says the network earns than the all-daily one."""
    mixed = planned(folder / "mixed", chain(seed), 14, dispatch)
    fine = planned(folder / "daily", chain(seed), 7 * WEEKS, dispatch)
    assert (mixed.periods.height, fine.periods.height) == (14 + WEEKS - 2, 7 * WEEKS)
    return mixed.margin / fine.margin - 1


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 10))])
def test_weeks_earn_what_days_do_within_five_per_cent(tmp_path: Path, seed: int) -> None:
    assert abs(error(tmp_path, seed)) <= 0.05


def test_no_other_dispatch_would_do(tmp_path: Path) -> None:
    """At the end of a week everything is late by up to six days at each of four steps: far more than 5 %."""
    assert error(tmp_path, 0, "end") < -0.05


# -- by hand ----------------------------------------------------------------------------------------------------------


ONE = {"forecast": [{"item": "A", "location": "P", "period": "W1", "quantity": 1.0, "price": 0.0}]}
"""A demand that earns nothing, for an extract needs one."""


def bought(lead: float, *, weeks_of_horizon: int = 3, **items: float) -> Tables:
    """Seven units may be ordered in the first week only, at 2 each."""
    return ONE | {
        "periods": list(weeks(weeks_of_horizon)),
        "items": [{"item": "A", "holding_cost": 0.0, **items}],
        "offers": [
            {"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 2.0, "lead_time_days": lead,
             "maximum": 7.0, "valid_to": MONDAY + timedelta(days=6)}
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lead", "dispatch", "arrives"),
    [
        # Ordered on each of days 1 to 7, there `lead` days later: by day 7, 14, 21, or beyond.
        (0, "spread", [7, 0, 0]), (1, "spread", [6, 1, 0]), (3, "spread", [4, 3, 0]), (7, "spread", [0, 7, 0]),
        (10, "spread", [0, 4, 3]), (16, "spread", [0, 0, 5]), (21, "spread", [0, 0, 0]),
        # All of it on day 1, or on day 7.
        (6, "start", [7, 0, 0]), (7, "start", [0, 7, 0]), (0, "end", [7, 0, 0]), (1, "end", [0, 7, 0]), (14, "end", [0, 0, 7]),
    ],
)  # fmt: skip
def test_what_a_week_orders_arrives_over_the_days_it_falls_into(
    tmp_path: Path, lead: float, dispatch: str, arrives: list[float]
) -> None:
    # Each unit sells at 10 in whichever week it comes, and at the end what is under way is worth 3.
    tables = bought(lead, end_value=3.0)
    tables["forecast"] = [
        {"item": "A", "location": "P", "period": f"W{n}", "quantity": 7.0, "price": 10.0} for n in (1, 2, 3)
    ]
    settings = f'[costs]\nper = "period"\n[lead_time]\ndispatch = "{dispatch}"\n'
    plan = soe.plan(snapshot(tmp_path, settings, **tables))
    sold = plan.flows["sell"].group_by("period").agg(pl.col("quantity").sum()).sort("period")["quantity"]
    assert sold.to_list() == pytest.approx(arrives)
    assert plan.margin == pytest.approx(10 * sum(arrives) + 3 * (7 - sum(arrives)) - 2 * 7)


def test_goods_beyond_the_horizon_are_paid_for_and_valued(tmp_path: Path) -> None:
    # One week, lead time 3 days: 4 of 7 are in stock at its end and held at 0.5, 3 are under way; all are worth 3.
    plan = soe.plan(snapshot(tmp_path, **bought(3, weeks_of_horizon=1, end_value=3.0, holding_cost=0.5)))
    accounts = plan.ledger.accounts()
    assert (accounts["material"], accounts["holding"], accounts["end value"]) == pytest.approx((-14, -2, 21))
    assert plan.flows["leave"]["quantity"].sum() == pytest.approx(7)
    # Worth a little less than what they cost and hold, they are not bought.
    none = soe.plan(snapshot(tmp_path / "less", **bought(3, weeks_of_horizon=1, end_value=2.28, holding_cost=0.5)))
    assert none.margin == 0


def _offer(item: str, cost: float, **terms: object) -> dict[str, Any]:
    return {
        "offer": item,
        "supplier": "S",
        "item": item,
        "location": "P",
        "unit_cost": cost,
        "lead_time_days": 0,
        **terms,
    }


def _free(item: str, cost: float, **terms: object) -> dict[str, Any]:
    return {"routing": item, "item": item, "location": "P", "cost_per_unit": cost, "yield": 1.0, **terms}


PARTS: Tables = {
    "routings": [_free("A", 1, **{"yield": 0.5}), _free("B", 1)],
    "components": [
        {"routing": "A", "component": "B", "quantity": 2.0},
        {"routing": "B", "component": "R", "quantity": 3.0},
    ],
}
"""A = (1 + 2 B) / 0.5 with B = 1 + 3 R: at R = 1, B costs 4 and A costs 18."""
LANE = {"lane": "PW", "origin": "P", "destination": "W", "lead_time_days": 2, "cost_per_unit": 1.5}


@pytest.mark.parametrize(
    ("tables", "worth"),
    [
        ({"offers": [_offer("A", 2)]}, {"A": 2}),
        ({"offers": [_offer("A", 2, lead_time_days=40)]}, {"A": 2}),
        ({"routings": [_free("A", 4, **{"yield": 0.5})]}, {"A": 8}),
        ({"offers": [_offer("R", 1)], **PARTS}, {"B": 4}),
        ({"offers": [_offer("R", 1)], **PARTS}, {"A": 18}),
        ({"offers": [_offer("A", 2)], "lanes": [{**LANE, "item": "A"}], "policies": [{"item": "A", "location": "P", "maximum_stock": 0}]}, {"A": 3.5}),
        ({"offers": [_offer("R", 1)], **PARTS, "lanes": [{**LANE, "item": "A"}],
          "policies": [{"item": "A", "location": "P", "maximum_stock": 0}]}, {"A": 19.5}),
    ],
    ids=["bought", "bought late", "made of nothing", "made", "made of what is made", "shipped", "made and shipped"],
)  # fmt: skip
def test_an_end_value_above_what_it_costs_is_refused_before_anything_is_solved(
    tmp_path: Path, tables: Tables, worth: dict[str, float]
) -> None:
    def company(more: float) -> Snapshot:
        names = ["A", "B", "R"]
        rest = {
            **ONE,
            "periods": list(weeks(2)),
            "items": [{"item": i, "end_value": worth.get(i, 0.0) + more * (i in worth)} for i in names],
        }
        return snapshot(tmp_path / str(more), **rest, **tables)

    with pytest.raises(DataError, match="without a maximum"):
        company(0.01)
    plan = soe.plan(company(0.0))  # at what it costs it is bounded, and nothing is gained
    assert plan.margin == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "limits",
    [
        {"offers": [_offer("R", 1, maximum=30)]},
        {"routings": [PARTS["routings"][0] | {"maximum": 5}, PARTS["routings"][1]]},
        {"routings": [PARTS["routings"][0], PARTS["routings"][1] | {"maximum": 5}]},
        {"operations": [{"routing": "B", "resource": "line", "hours_per_unit": 1}],
         "resources": [{"resource": "line", "location": "P"}], "calendar": [{"resource": "line", "period": "W1", "hours": 9}]},
    ],
    ids=["part", "routing", "routing below", "hours"],
)  # fmt: skip
def test_a_limit_anywhere_on_the_way_bounds_it(tmp_path: Path, limits: Tables) -> None:
    items = [{"item": "A", "end_value": 30.0}, {"item": "B"}, {"item": "R"}]
    rest = {**ONE, "periods": list(weeks(2)), "items": items, "offers": [_offer("R", 1)]}
    assert soe.plan(snapshot(tmp_path, **{**rest, **PARTS, **limits})).margin > 0
