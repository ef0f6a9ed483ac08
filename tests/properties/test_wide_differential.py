"""Random small networks that use the whole contract at once, against the independent formulation, status included.

The long form runs 600 of them (`pytest --runslow`), beside the 2,000 of test_differential.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.solver.answer import SolverOptions
from tests.networks import MONDAY, days, snapshot, weeks
from tests.properties.independent import answer

Tables = dict[str, list[dict[str, Any]]]
Draw = np.random.Generator
MADE, PLANTS = ("A", "B"), ("P", "Q")


def wide(seed: int, *, mixed: bool = False) -> tuple[Tables, dict[str, Any]]:
    """A company whose features are drawn one by one, and its settings; mixed: days, weeks and longer periods at once."""
    draw = np.random.default_rng(seed)
    plain = list(weeks(int(draw.integers(2, 4)))) if seed % 2 else list(days(int(draw.integers(4, 8))))
    tables = _base(draw, _mixed(draw) if mixed else plain)
    for feature in FEATURES:
        if draw.random() < (0.3 if not mixed else 0.5 if feature in LIMITS else 0.1):
            feature(draw, tables)
    settings: dict[str, Any] = {
        "per": str(draw.choice(["period", "day", "week"])),
        "holding_on": str(draw.choice(["closing", "opening"])),
        "dispatch": str(draw.choice(["spread", "start", "end"])),
        "carry_over": bool(draw.random() < 0.5),
        "limits": ("week", "day", "period")[seed % 3 if mixed else 2],
        "count": "working days" if mixed and seed % 4 else "calendar days",
    }
    if mixed and seed % 2:
        _closures(draw, tables)
    return tables, settings


def _closures(draw: Draw, tables: Tables) -> None:
    """Days on which the company, a supplier, a plant or the warehouse is closed, or open on a week-end."""
    drawn = {
        (str(draw.choice(["", "SP", "Q", "W"])), int(draw.integers(0, 25))): str(draw.choice(["no", "no", "yes"]))
        for _ in range(9)
    }
    tables["closures"] = [
        {"what": what, "date": MONDAY + timedelta(days=n), "open": is_open}
        for (what, n), is_open in sorted(drawn.items())
    ]


def _mixed(draw: Draw) -> list[Any]:
    """Some days, the rest of their week, a week, and more than a week that begins within one."""
    ends = [1, int(draw.integers(2, 6)), 7, 14, int(draw.integers(17, 27))]
    return [
        {"period": f"T{n}", "starts_on": MONDAY + timedelta(days=a), "ends_on": MONDAY + timedelta(days=b - 1)}
        for n, (a, b) in enumerate(zip([0, *ends[:-1]], ends, strict=True))
    ]


def _whole(draw: Draw, low: int, high: int) -> float:
    return float(draw.integers(low, high))


def _names(tables: Tables) -> list[str]:
    return [str(row["period"]) for row in tables["periods"]]


def _base(draw: Draw, periods: list[Any]) -> Tables:
    names = [row["period"] for row in periods]
    return {
        "periods": periods,
        "items": [
            {"item": i, "family": "F" if i == "A" else "G", "holding_cost": _whole(draw, 1, 4) / 10, "volume": _whole(draw, 1, 3)}
            for i in ("A", "B", "R", "Z")
        ],
        "locations": [{"location": x, "kind": "plant"} for x in ("P", "Q", "W")],
        "resources": [
            {"resource": f"{p}{n}", "location": p, "hourly_cost": _whole(draw, 0, 3), "overtime_cost": 4.0}
            for p in PLANTS
            for n in (1, 2)
        ],
        "calendar": [
            {"resource": f"{p}{n}", "period": t, "hours": _whole(draw, 4, 25), "overtime_hours": _whole(draw, 0, 6)}
            for p in PLANTS
            for n in (1, 2)
            for t in names
        ],
        "routings": [
            {"routing": f"{i}{p}", "item": i, "location": p, "cost_per_unit": _whole(draw, 1, 4),
             "lead_time_days": _whole(draw, 0, 3), "yield": float(draw.choice([1.0, 0.8]))}
            for i in MADE for p in PLANTS
        ],
        "operations": [{"routing": f"{i}{p}", "step": "", "resource": f"{p}1", "hours_per_unit": 1.0} for i in MADE for p in PLANTS],
        "components": [{"routing": f"{i}{p}", "component": "R", "quantity": _whole(draw, 1, 3)} for i in MADE for p in PLANTS],
        "offers": [
            {"offer": f"R{p}", "supplier": f"S{p}", "item": "R", "location": p, "unit_cost": _whole(draw, 1, 3),
             "lead_time_days": _whole(draw, 0, 4), "expedite": "no"} for p in PLANTS
        ],
        "lanes": [
            {"lane": f"{p}W {i}", "origin": p, "destination": "W", "item": i, "lead_time_days": _whole(draw, 0, 4), "cost_per_unit": 1.0}
            for p in PLANTS for i in MADE
        ],
        "customers": [{"customer": c, "late_cost": 0.5, "short_cost": _whole(draw, 0, 4), "latest_days": _whole(draw, 0, 9)} for c in "XY"],
        "forecast": [
            {"item": i, "location": "W", "customer": c, "period": t, "quantity": _whole(draw, 1, 12), "price": _whole(draw, 8, 15)}
            for i in MADE for c in "XY" for t in names
        ],
        "inventory": [{"item": i, "location": x, "on_hand": _whole(draw, 0, 10)} for i in (*MADE, "R") for x in PLANTS],
    }  # fmt: skip


# -- features, one function each --------------------------------------------------------------------------------------


def _receipts(draw: Draw, tables: Tables) -> None:
    tables["receipts"] = [
        {"receipt": f"T{n}", "kind": "buy", "item": "R", "location": str(draw.choice(PLANTS)), "quantity": _whole(draw, 1, 9),
         "due_on": MONDAY + timedelta(days=int(draw.integers(-3, 20))), "offer": "RP"} for n in range(3)
    ]  # fmt: skip


def _policies(draw: Draw, tables: Tables) -> None:
    tables["policies"] = [
        {"item": "A", "location": "W", "safety_stock": _whole(draw, 0, 8), "below_safety_cost": 0.7, "end_stock": _whole(draw, 0, 4)},
        {"item": "B", "location": "P", "safety_stock": 0.0, "below_safety_cost": 0.0, "maximum_stock": _whole(draw, 8, 14)},
        {"item": "R", "location": "Q", "safety_stock": 0.0, "below_safety_cost": 0.0, "end_stock_maximum": _whole(draw, 5, 20)},
    ]  # fmt: skip


def _promises(draw: Draw, tables: Tables) -> None:
    for row in tables["forecast"]:
        row["committed"] = float(draw.integers(0, int(row["quantity"]) // 3 + 1))


def _ends(draw: Draw, tables: Tables) -> None:
    for row in tables["items"]:
        row["end_value"] = 0.5 if row["item"] == "R" else _whole(draw, 0, 3)


def _rooms(draw: Draw, tables: Tables) -> None:
    for row in tables["locations"]:
        row["storage_capacity"], row["storage_cost"] = _whole(draw, 60, 90), _whole(draw, 0, 3) / 20


def _lane_limits(draw: Draw, tables: Tables) -> None:
    """Lanes for every item. All are wanted at W, by a policy: a blank lane carries only what is wanted beyond it."""
    tables["lanes"] = [
        {"lane": f"{p}W", "origin": p, "destination": "W", "lead_time_days": _whole(draw, 0, 4), "cost_per_unit": 1.0,
         "maximum": _whole(draw, 10, 30), "minimum": _whole(draw, 0, 5), "fixed_cost": _whole(draw, 0, 9)} for p in PLANTS
    ]  # fmt: skip
    tables.setdefault("policies", []).extend(
        {"item": i, "location": "W", "safety_stock": 0.0, "below_safety_cost": 0.0} for i in "RZ"
    )


def _docks(draw: Draw, tables: Tables) -> None:
    tables["resources"].append({"resource": "dock", "location": "W", "hourly_cost": 0.5})
    tables["calendar"] += [{"resource": "dock", "period": t, "hours": _whole(draw, 5, 15)} for t in _names(tables)]
    tables["lane_resources"] = [
        {"lane": lane["lane"], "resource": "dock", "hours_per_unit": 0.5} for lane in tables["lanes"][:2]
    ]


def _alternatives(draw: Draw, tables: Tables) -> None:
    for p in PLANTS:
        tables["operations"] += [
            {"routing": f"A{p}", "step": "pack", "resource": f"{p}{n}", "hours_per_unit": _whole(draw, 1, 3) / 2} for n in (1, 2)
        ]  # fmt: skip


def _set_ups(draw: Draw, tables: Tables) -> None:
    for row in tables["operations"]:
        row["setup_hours"] = _whole(draw, 0, 3)
    for row in tables["routings"]:
        row["setup_cost"] = _whole(draw, 0, 12)


def _runs(draw: Draw, tables: Tables) -> None:
    for row in tables["routings"]:
        row["minimum"], row["maximum"] = _whole(draw, 0, 5), _whole(draw, 10, 25)
        row["fixed_cost"] = _whole(draw, 0, 4)


def _orders(draw: Draw, tables: Tables) -> None:
    for row in tables["offers"]:
        row["order_cost"], row["minimum"], row["maximum"] = _whole(draw, 0, 9), _whole(draw, 0, 8), 40.0


def _lots(draw: Draw, tables: Tables) -> None:
    tables["routings"][0]["multiple"] = _whole(draw, 2, 5)
    tables["offers"][0]["multiple"] = _whole(draw, 2, 6)


def _crew(draw: Draw, tables: Tables) -> None:
    tables["workforce"] = [
        {"resource": "P1", "opening_heads": _whole(draw, 0, 3), "hours_per_head": 5.0, "overtime_hours_per_head": 1.0,
         "cost_per_head": 3.0, "hire_cost": 2.0, "release_cost": 1.0, "maximum_heads": 4.0, "whole": str(draw.choice(["yes", "no"]))},
        {"resource": "Q1", "opening_heads": 1.0, "hours_per_head": 4.0, "cost_per_head": 2.0, "hire_cost": 1.0, "minimum_heads": 1.0,
         "maximum_heads": 2.5, "whole": "no"},
    ]  # fmt: skip


def _overhauls(draw: Draw, tables: Tables) -> None:
    names = _names(tables)
    tables["maintenance"] = [
        {
            "maintenance": "M",
            "resource": "P1",
            "jobs": 2,
            "hours": 2.0,
            "earliest": names[0],
            "latest": names[1],
            "maximum_at_once": 1,
        }
    ]
    tables["expansions"] = [
        {"expansion": "E", "resource": "Q1", "hours": _whole(draw, 2, 9), "cost": _whole(draw, 5, 40), "maximum": 2}
    ]


def _sites(draw: Draw, tables: Tables) -> None:
    """Q may close or open; both plants are of one group, of which one has to stay."""
    for row in tables["items"]:
        row["end_value"] = 0.0
    for row in tables["locations"]:
        row["group"] = "plants" if row["location"] in PLANTS else ""
        row["status"] = str(draw.choice(["open", "closed"])) if row["location"] == "Q" else "open"
        row["may_change"], row["fixed_cost"] = "yes" if row["location"] == "Q" else "no", _whole(draw, 5, 60)
    tables["location_groups"] = [{"group": "plants", "minimum_open": 1, "maximum_open": 2}]
    tables["inventory"] = [row for row in tables["inventory"] if row["location"] != "Q"]
    for name in ("routings", "offers", "lanes") if "co_products" in tables else ():
        for row in tables[name]:  # whatever is made for the sake of a co-product has no other ceiling
            row["maximum"] = row.get("maximum") or 150.0


def _co_products(draw: Draw, tables: Tables) -> None:
    tables["co_products"] = [{"routing": "AP", "item": "Z", "quantity": 0.5}]
    tables["forecast"] += [
        {"item": "Z", "location": "P", "customer": "X", "period": t, "quantity": 3.0, "price": _whole(draw, 2, 6)}
        for t in _names(tables)
    ]


def _count_periods(draw: Draw, tables: Tables) -> None:
    for row in tables["routings"]:
        row["lead_time_days"], row["lead_time_periods"] = 0.0, int(draw.integers(0, 3))


def _validity(draw: Draw, tables: Tables) -> None:
    cut = tables["periods"][1]["starts_on"]
    rows = []
    for row in tables["routings"]:
        rows.append({**row, "valid_from": None, "valid_to": cut - timedelta(days=1)})
        rows.append(
            {**row, "valid_from": cut, "valid_to": None, "cost_per_unit": row["cost_per_unit"] + _whole(draw, 0, 3)}
        )
    tables["routings"] = rows
    tables["offers"][0]["valid_from"] = cut


def _events(draw: Draw, tables: Tables) -> None:
    kinds = [
        {"kind": "downtime", "target": "P1"}, {"kind": "downtime", "target": "Q", "factor": 0.5},
        {"kind": "downtime", "target": "P1", "hours": 7.0}, {"kind": "delay", "target": "SP", "days": 3},
        {"kind": "delay", "target": "A", "days": 2}, {"kind": "surge", "target": "F", "factor": 1.5},
        {"kind": "surge", "target": "A & X", "factor": 0.0}, {"kind": "supply_loss", "target": "RQ", "factor": 0.0},
        {"kind": "supply_loss", "target": "AP", "factor": 0.0}, {"kind": "delay", "target": "PW A", "days": 1},
    ]  # fmt: skip
    known = {lane["lane"] for lane in tables["lanes"]}
    kinds = [kind for kind in kinds if kind["target"] != "PW A" or "PW A" in known]
    tables["events"] = []
    for n, k in enumerate(draw.choice(len(kinds), 3, replace=False)):
        start = int(draw.integers(0, 6))
        dates = {
            "from": MONDAY + timedelta(days=start),
            "to": MONDAY + timedelta(days=start + int(draw.integers(0, 9))),
        }
        tables["events"].append({"event": str(n), **kinds[k], **dates})


LIMITS = (_lane_limits, _runs, _orders, _crew, _overhauls)
FEATURES = (
    _receipts, _policies, _promises, _ends, _rooms, _lane_limits, _docks, _alternatives, _set_ups, _runs, _orders, _lots,
    _crew, _overhauls, _co_products, _count_periods, _events, _validity, _sites,
)  # fmt: skip


def compare(folder: Path, seed: int, *, mixed: bool = False) -> str:
    """Fails where the two differ; the status they agree on."""
    tables, settings = wide(seed, mixed=mixed)
    written = (
        f'[costs]\nper = "{settings["per"]}"\nholding_on = "{settings["holding_on"]}"\n'
        f'[lead_time]\ndispatch = "{settings["dispatch"]}"\nin = "{settings["count"]}"\n'
        f"[setups]\ncarry_over = {str(settings['carry_over']).lower()}\n"
        f'[limits]\nper = "{settings["limits"]}"\n'
    )
    status, money = answer(tables, **settings, as_of=str(MONDAY))
    try:
        plan = soe.plan(snapshot(folder, written, **tables), options=SolverOptions(gap=0.0))
    except SolveError as refused:
        if refused.status != status:
            pytest.fail(f"seed {seed}: {refused} against {status} {money}")
        return status
    assert status == "optimal", f"seed {seed}: {plan.objective} against {status}"
    near = 1e-6 * max(1.0, abs(money))
    assert abs(plan.objective - money) <= near, f"seed {seed}: {plan.objective} against {money}"
    return status


@pytest.mark.parametrize("seed", range(24))
def test_the_whole_contract_against_an_independent_formulation(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)


@pytest.mark.parametrize("seed", range(2_000, 2_012))
def test_limits_per_week_day_and_period(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed, mixed=True)


@pytest.mark.slow
def test_six_hundred_networks(tmp_path: Path) -> None:
    found = [compare(tmp_path / str(seed), seed) for seed in range(1_000, 1_600)]
    assert found.count("optimal") > 500
