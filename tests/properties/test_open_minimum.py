"""Orders, runs and trips with a minimum, a lot or a cost and no maximum: what bounds them cuts off no optimum.

The other formulation is given a bound ten times what exists, so that it cannot cut anything off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.solver.answer import SolverOptions
from tests.networks import MONDAY, snapshot, weeks
from tests.properties.independent import answer
from tests.properties.independent_world import World

Tables = dict[str, list[dict[str, Any]]]
PER_PERIOD = '[costs]\nper = "period"\n'


def company(seed: int) -> Tables:
    """Three levels (A of B of R, with a lid), bought, made and shipped in lots; end values at most what things cost."""
    draw = np.random.default_rng(seed)
    whole = lambda low, high: float(draw.integers(low, high))  # noqa: E731
    some = lambda share: bool(draw.random() < share)  # noqa: E731
    periods = list(weeks(int(draw.integers(2, 5))))
    names = [row["period"] for row in periods]
    cost = {"R": whole(2, 5), "LID": whole(1, 3)}
    conversion = {"B": whole(0, 3), "A": whole(0, 3)}
    each = {"B": whole(1, 3), "A": whole(1, 3)}
    cost["B"] = cost["R"] * each["B"] + conversion["B"]
    cost["A"] = cost["B"] * each["A"] + cost["LID"] + conversion["A"]
    hours = some(0.4)  # then B may be worth more than it costs: hours bound it
    worth = {item: max(0.0, cost[item] - whole(0, 4)) if some(0.7) else 0.0 for item in cost}
    if hours and some(0.5):
        worth["B"] = cost["B"] + 1.0
    lots = lambda: {  # noqa: E731
        "minimum": whole(3, 15) if some(0.5) else None, "multiple": whole(2, 8) if some(0.3) else None,
    }  # fmt: skip
    tables: Tables = {
        "periods": periods,
        "items": [{"item": i, "holding_cost": whole(0, 3) / 4, "end_value": worth[i]} for i in worth],
        "locations": [
            {"location": "P", "kind": "plant", "storage_cost": whole(0, 3) if some(0.4) else 0.0},
            {"location": "W", "kind": "warehouse", "storage_cost": 0.0},
        ],
        "routings": [
            {"routing": f"{i}P", "item": i, "location": "P", "cost_per_unit": conversion[i],
             "fixed_cost": whole(0, 9) if some(0.5) else 0.0, "lead_time_days": whole(0, 2) * 7, **lots()}
            for i in "AB"
        ],
        "components": [
            {"routing": "AP", "component": "B", "quantity": each["A"]},
            {"routing": "AP", "component": "LID", "quantity": 1.0},
            {"routing": "BP", "component": "R", "quantity": each["B"]},
        ],
        "offers": [
            {"offer": "O1", "supplier": "S", "item": "R", "location": "P", "unit_cost": cost["R"],
             "order_cost": whole(0, 20), "lead_time_days": whole(0, 2) * 7, **lots()},
            {"offer": "O2", "supplier": "S", "item": "R", "location": "P", "unit_cost": 1.0,
             "order_cost": 0.0, "lead_time_days": 0.0, "maximum": whole(0, 40)},
            {"offer": "O3", "supplier": "S", "item": "LID", "location": "P", "unit_cost": cost["LID"],
             "order_cost": whole(0, 5), "lead_time_days": 0.0, **lots()},
        ],
        "lanes": [
            {"lane": f"L{i}", "origin": "P", "destination": "W", "item": i, "cost_per_unit": whole(0, 2),
             "fixed_cost": whole(0, 6), "lead_time_days": 0.0, **lots()} for i in "AB"
        ],
        "customers": [{"customer": "X", "short_penalty": whole(0, 9), "late_cost": 1.0, "latest_days": whole(0, 2) * 7}],
        "forecast": [
            {"item": i, "location": "W", "customer": "X", "period": t, "quantity": whole(1, 12), "price": whole(5, 30)}
            for i in "AB" for t in names if i == "A" or some(0.5)
        ],
        "inventory": [{"item": i, "location": "P", "on_hand": whole(0, 40)} for i in "ABR" if some(0.5)],
    }  # fmt: skip
    if some(0.3):
        tables["policies"] = [{"item": "A", "location": "W", "safety_stock": whole(0, 5), "below_safety_cost": 1.0,
                               "end_stock": whole(0, 5), "end_stock_maximum": None, "maximum_stock": None}]  # fmt: skip
    if hours:
        tables["resources"] = [{"resource": "L", "location": "P", "hourly_cost": 0.0}]
        tables["calendar"] = [{"resource": "L", "period": t, "hours": whole(5, 20)} for t in names]
        tables["operations"] = [{"routing": "BP", "step": "1", "resource": "L", "hours_per_unit": 1.0}]
    return {name: rows for name, rows in tables.items() if rows}


def both_ways(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Fails where the bound costs money; returns how the search ended."""
    tables = company(seed)
    monkeypatch.setattr(World, "most", lambda *_: 5_000.0)
    theirs = answer(tables, as_of=str(MONDAY), carry_over=False)
    try:
        ours = ("optimal", soe.plan(snapshot(folder, PER_PERIOD, **tables), options=SolverOptions(gap=0.0)).objective)
    except SolveError as refused:
        ours = (str(refused.status), 0.0)
    same = ours[0] == theirs[0] and (ours[0] != "optimal" or ours[1] == pytest.approx(theirs[1], rel=1e-6, abs=1e-5))
    assert same, f"seed {seed}: {ours}, {theirs}"
    return ours[0]


@pytest.mark.parametrize("seed", range(25))
def test_no_bound_on_open_lots_costs_money(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    both_ways(tmp_path, seed, monkeypatch)


@pytest.mark.slow
def test_no_bound_on_open_lots_costs_money_in_five_hundred_companies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [both_ways(tmp_path / str(seed), seed, monkeypatch) for seed in range(100, 600)]
    assert found.count("optimal") > 400
