"""Hedged plans of random small networks against the same two stages written straight on scipy's milp, in plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from tests.networks import snapshot, weeks

WEEKS, CHANCES = 4, np.array([0.5, 0.3, 0.2])
Numbers = dict[str, Any]


def numbers(seed: int) -> Numbers:
    """A random company: goods of one component, a line, two ways to buy, late and lost demand; three futures of it."""
    draw = np.random.default_rng(seed)
    goods = "AB"[: int(draw.integers(1, 3))]
    whole = lambda low, high: float(draw.integers(low, high))  # noqa: E731
    base = {(i, t): whole(2, 15) for i in goods for t in range(WEEKS)}
    lots = seed % 3 == 0
    return {
        "goods": goods,
        "lots": lots,
        "holding": {i: whole(1, 5) / 10 for i in (*goods, "R")},
        "left": dict.fromkeys((*goods, "R"), 0.0 if lots else 1.0),
        "hours": [whole(8, 30) for _ in range(WEEKS)],
        "make": {i: whole(1, 4) for i in goods},
        "setup": {i: whole(1, 12) if lots else 0.0 for i in goods},
        "slow": (2.0, 1), "quick": (4.0, 0),
        "order": whole(1, 12) if lots else 0.0,
        "price": {i: whole(9, 16) for i in goods},
        "late": whole(1, 3), "short": whole(0, 3),
        "there": {i: whole(0, 10) for i in (*goods, "R")},
        "demand": [{k: float(np.round(v * f)) for (k, v), f in zip(base.items(), draw.uniform(0.2, 2.5, len(base)), strict=True)}
                   for _ in CHANCES],
        "first": int(draw.integers(1, 3)),
    }  # fmt: skip


def extract(folder: Path, of: Numbers, number: int) -> Snapshot:
    goods, names = of["goods"], [f"W{t + 1}" for t in range(WEEKS)]
    bought = {"supplier": "S", "item": "R", "location": "P", "order_cost": of["order"]}
    return snapshot(
        folder / str(number),
        periods=weeks(WEEKS),
        items=[{"item": i, "holding_cost": of["holding"][i], "end_value": of["left"][i]} for i in (*goods, "R")],
        resources=[{"resource": "L", "location": "P"}],
        calendar=[{"resource": "L", "period": n, "hours": h} for n, h in zip(names, of["hours"], strict=True)],
        routings=[{"routing": i, "item": i, "location": "P", "cost_per_unit": of["make"][i], "setup_cost": of["setup"][i]}
                  for i in goods],
        operations=[{"routing": i, "resource": "L", "hours_per_unit": 1} for i in goods],
        components=[{"routing": i, "component": "R", "quantity": 1} for i in goods],
        offers=[{"offer": o, "unit_cost": of[o][0], "lead_time_days": 7 * of[o][1], **bought} for o in ("slow", "quick")],
        customers=[{"customer": "X", "late_cost": of["late"], "short_cost": of["short"], "latest_days": 7}],
        forecast=[{"item": i, "location": "P", "customer": "X", "period": names[t], "quantity": q, "price": of["price"][i]}
                  for (i, t), q in of["demand"][number].items()],
        inventory=[{"item": i, "location": "P", "on_hand": q} for i, q in of["there"].items()],
    )  # fmt: skip


def most(of: Numbers, level: float, weight: float) -> float:
    """max (1 − w) Σ p money + w CVaR with make and buy of the first weeks shared by all futures."""
    money: list[float] = []
    low: list[float] = []
    high: list[float] = []
    integer: list[int] = []
    rows: list[tuple[dict[int, float], float, float]] = []

    def column(value: float = 0.0, least: float = 0.0, largest: float = np.inf, whole: int = 0) -> int:
        money.append(value)
        low.append(least)
        high.append(largest)
        integer.append(whole)
        return len(money) - 1

    goods, shared = of["goods"], {}
    worth: list[dict[int, float]] = []
    for chance, demand in zip(CHANCES, of["demand"], strict=True):
        mine: dict[int, float] = {}
        stock = {(i, t): {} for i in (*goods, "R") for t in range(WEEKS + 1)}

        def new(value: float, *args: Any, chance: float = chance, mine: dict[int, float] = mine) -> int:
            made = column((1 - weight) * chance * value, *args)
            mine[made] = value
            return made

        def decided(name: tuple[Any, ...], value: float, *args: Any, new: Any = new, chance: float = chance,
                    mine: dict[int, float] = mine) -> int:  # fmt: skip
            if name[-1] >= of["first"]:
                return int(new(value, *args))
            if name not in shared:
                shared[name] = column(0.0, *args)
            money[shared[name]] += (1 - weight) * chance * value
            mine[shared[name]] = value
            return shared[name]

        for t in range(WEEKS):
            hours = {}
            for i in goods:
                make = decided(("make", i, t), -of["make"][i])
                hours[make] = 1.0
                stock[i, t][make], stock["R", t][make] = 1.0, -1.0
                if of["setup"][i]:
                    on = decided(("on", i, t), -of["setup"][i], 0.0, 1.0, 1)
                    rows.append(({make: 1.0, on: -1e3}, -np.inf, 0.0))
            rows.append((hours, -np.inf, of["hours"][t]))
            for offer in ("slow", "quick"):
                cost, lead = of[offer]
                buy = decided(("buy", offer, t), -cost)
                stock["R", t + lead][buy] = 1.0
                if of["order"]:
                    on = decided(("order", offer, t), -of["order"], 0.0, 1.0, 1)
                    rows.append(({buy: 1.0, on: -1e3}, -np.inf, 0.0))
        for (i, t), quantity in demand.items():
            line = {new(-of["short"]): 1.0}
            for when in range(t, min(t + 2, WEEKS)):
                sell = new(of["price"][i] - of["late"] * (when - t))
                line[sell] = 1.0
                stock[i, when][sell] = -1.0
            rows.append((line, quantity, quantity))
        for i in (*goods, "R"):
            for t in range(WEEKS):
                rest = new(-of["holding"][i])
                stock[i, t][rest], stock[i, t + 1][rest] = -1.0, 1.0
            stock[i, WEEKS][new(of["left"][i])] = -1.0
            for t in range(WEEKS + 1):
                comes = of["there"][i] if t == 0 else 0.0
                rows.append((stock[i, t], -comes, -comes))
        worth.append(mine)
    if weight:
        threshold = column(weight, -np.inf)
        for chance, mine in zip(CHANCES, worth, strict=True):
            below = column(-weight * chance / (1 - level))
            rows.append(({threshold: 1.0, below: -1.0, **{at: -value for at, value in mine.items()}}, -np.inf, 0.0))
    matrix = sp.lil_array((len(rows), len(money)))
    for number, (entries, _, _) in enumerate(rows):
        for at, value in entries.items():
            matrix[number, at] = value
    limits = LinearConstraint(matrix.tocsr(), [row[1] for row in rows], [row[2] for row in rows])
    found = milp(-np.array(money), constraints=limits, bounds=Bounds(low, high), integrality=integer,
                 options={"mip_rel_gap": 0.0})  # fmt: skip
    assert found.success, found.message
    return -float(found.fun)


def compare(folder: Path, seed: int) -> None:
    of = numbers(seed)
    futures = [extract(folder, of, number) for number in range(len(CHANCES))]
    odds = list(zip(CHANCES, futures, strict=True))
    level, weight = ((0.0, 0.0), (0.6, 0.5), (0.9, 1.0))[seed // 3 % 3]
    risk = soe.whatif.CVaR(level, weight)
    hedged = soe.hedge(futures[0], odds, commit=of["first"], risk=risk)
    assert hedged.value == pytest.approx(most(of, level, weight), rel=1e-6, abs=1e-6), f"seed {seed}"
    assert hedged.value == pytest.approx(hedged.solution["objective"], abs=0.005)
    # Whatever is known sooner is worth something, and whatever is decided for one future alone is not.
    assert hedged.vss >= -1e-6
    assert hedged.evpi >= -1e-6
    for flow, frame in hedged.decisions.items():
        keys = [name for name in frame.columns if name not in ("quantity", "of_mean")]
        for plan in hedged.plans.values():
            held = plan.flows[flow].join(frame, on=keys, suffix="_first")
            assert held.height == frame.height
            assert held.select((pl.col("quantity") - pl.col("quantity_first")).abs().max()).item() < 1e-6
    for plan in hedged.plans.values():
        assert plan.margin + plan.steering == pytest.approx(plan.objective, abs=0.005)


@pytest.mark.parametrize("seed", range(9))
def test_the_optimum_of_an_independent_formulation(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9, 200))
def test_many_networks(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)
