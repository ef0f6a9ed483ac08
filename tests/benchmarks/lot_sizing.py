"""Lot-sizing problems as extracts: a published one on two lines, random ones of its kind, and a plant of six lines.

`python -m tests.benchmarks.lot_sizing [SECONDS] [NAMES …]` compares the formulations tried on each of them, in one run
with the same limit: big-M rows alone, with the rows of `InTime`, and both with and without the search in
neighbourhoods (`soe_lib/solver/whole_numbers.py`).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from soe_lib.model.blocks.in_time import InTime
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.planning import Model
from soe_lib.solver import whole_numbers
from soe_lib.solver.answer import SolverOptions
from tests.networks import snapshot, weeks

Tables = dict[str, list[dict[str, Any]]]

G20_HOLDING = (5, 5, 4, 4, 1, 4)
G20_SETUP_HOURS = (30, 20, 50, 40, 40, 40)
G20_SETUP_COST = (600, 1000, 600, 200, 600, 200)
G20_DEMAND = (
    (78, 145, 0, 85, 194, 59, 0, 120, 112, 0, 188, 104, 80, 189, 78),
    (150, 0, 145, 0, 157, 177, 73, 107, 107, 0, 170, 65, 72, 125, 205),
    (0, 126, 146, 0, 177, 165, 141, 97, 169, 165, 0, 0, 97, 182, 168),
    (130, 0, 104, 0, 182, 80, 0, 148, 0, 89, 143, 167, 170, 206, 0),
    (124, 121, 140, 190, 179, 130, 0, 0, 112, 0, 0, 159, 75, 126, 178),
    (105, 0, 135, 95, 120, 140, 144, 105, 151, 0, 155, 138, 205, 188, 162),
)


def lots(
    demand: np.ndarray,
    holding: np.ndarray,
    setup_cost: np.ndarray,
    setup_hours: np.ndarray,
    hours: np.ndarray,
    *,
    can: np.ndarray | None = None,
    short: float = 0.0,
) -> Tables:
    """The tables of a plant: every item on every line that can make it, by a routing of its own.

    Parameters
    ----------
    demand : shape (items, periods) [units]. holding : (items,) per unit and period. setup_cost : (items,).
    setup_hours, can : (items, lines). hours : (lines,) of each period.
    short : what one unit of demand not served costs; 0: all demand is an obligation.
    """
    count, horizon = demand.shape
    lines = len(hours)
    able = np.ones((count, lines), bool) if can is None else can
    calendar = weeks(horizon)
    pairs = [(i, k) for i in range(count) for k in range(lines) if able[i, k]]
    return {
        "periods": list(calendar),
        "items": [{"item": f"I{i + 1:02d}", "holding_cost": float(holding[i])} for i in range(count)],
        "resources": [{"resource": f"L{k + 1}", "location": "P", "kind": "line"} for k in range(lines)],
        "calendar": [
            {"resource": f"L{k + 1}", "period": week["period"], "hours": float(hours[k])}
            for k in range(lines)
            for week in calendar
        ],
        "routings": [
            {
                "routing": f"I{i + 1:02d} L{k + 1}",
                "item": f"I{i + 1:02d}",
                "location": "P",
                "setup_cost": float(setup_cost[i]),
            }
            for i, k in pairs
        ],
        "operations": [
            {
                "routing": f"I{i + 1:02d} L{k + 1}",
                "resource": f"L{k + 1}",
                "hours_per_unit": 1,
                "setup_hours": float(setup_hours[i, k]),
            }
            for i, k in pairs
        ],
        "customers": [{"customer": "C", "short_penalty": short}],
        "forecast": [
            {
                "item": f"I{i + 1:02d}",
                "location": "P",
                "customer": "C",
                "period": calendar[t]["period"],
                "quantity": float(demand[i, t]),
                "committed": 0.0 if short else float(demand[i, t]),
                "price": 0,
            }
            for i in range(count)
            for t in range(horizon)
            if demand[i, t] > 0
        ],
    }


def g20(lines: int = 2) -> Tables:
    """Trigeiro, Thomas & McClain 1989, instance G20: 6 items, 15 periods; 618 hours of each of two lines: cost 31,368."""
    setup_hours = np.repeat(np.array(G20_SETUP_HOURS)[:, None], lines, axis=1)
    hours = np.full(lines, 618.0)
    return lots(np.array(G20_DEMAND), np.array(G20_HOLDING), np.array(G20_SETUP_COST), setup_hours, hours)


def trigeiro(items: int, periods: int, load: float, seed: int, *, lines: int = 1) -> Tables:
    """Like theirs: demand around 100, a quarter of the first four periods empty, set-ups that pay every 1 to 4 periods.

    load : hours of lot-for-lot production, set-ups included, over the hours there are.
    """
    draw = np.random.default_rng(seed)
    demand = np.maximum(np.rint(draw.normal(100, 35, (items, periods))), 0.0)
    demand[:, :4] *= draw.random((items, 4)) >= 0.25
    holding = draw.integers(1, 6, items).astype(float)
    between = draw.uniform(1.0, 4.0, items)
    setup_cost = np.rint(50.0 * holding * between**2)
    setup_hours = np.repeat(draw.integers(10, 51, items)[:, None].astype(float), lines, axis=1)
    hours = np.rint((demand.sum() / periods + setup_hours[:, 0].sum()) / load / lines)
    return lots(demand, holding, setup_cost, setup_hours, np.full(lines, hours), short=200.0)


def plant(items: int = 60, lines: int = 6, periods: int = 13, seed: int = 1, *, load: float = 0.9) -> Tables:
    """A plant in which each item can be made on two or three of the lines, with set-ups of 2 to 8 % of a week."""
    draw = np.random.default_rng(seed)
    level = draw.uniform(40, 160, items)[:, None]
    demand = np.rint(np.maximum(draw.normal(level, 0.35 * level, (items, periods)), 0.0))
    can = np.zeros((items, lines), bool)
    for i in range(items):
        can[i, draw.choice(lines, draw.integers(2, 4), replace=False)] = True
    holding = draw.integers(1, 6, items).astype(float)
    between = draw.uniform(1.0, 4.0, items)
    setup_cost = np.rint(level[:, 0] / 2 * holding * between**2)
    setup_hours = draw.integers(10, 51, (items, lines)).astype(float)
    hours = np.rint((demand.sum() / periods + setup_hours.mean(axis=1).sum()) / load / lines)
    return lots(demand, holding, setup_cost, setup_hours, np.full(lines, hours), can=can, short=200.0)


CASES: dict[str, Callable[[], Tables]] = {
    "G20 on two lines": g20,
    "6 items x 15 periods, load 0.75": lambda: trigeiro(6, 15, 0.75, 1),
    "6 items x 15 periods, load 1.0": lambda: trigeiro(6, 15, 1.0, 2),
    "12 items x 15 periods, load 0.9": lambda: trigeiro(12, 15, 0.9, 3),
    "12 items x 30 periods, load 0.9": lambda: trigeiro(12, 30, 0.9, 4),
    "24 items x 15 periods, load 1.0": lambda: trigeiro(24, 15, 1.0, 5),
    "24 items x 30 periods, load 0.9": lambda: trigeiro(24, 30, 0.9, 6),
    "60 items x 6 lines x 13 weeks": plant,
}
PLAIN = tuple(block for block in STANDARD if not isinstance(block, InTime))
FORMULATIONS = {"in time": STANDARD, "big-M": PLAIN}


def measure(tables: Tables, seconds: float) -> list[tuple[str, float, float, float]]:
    """Formulation, objective, gap and seconds (with assembling), for a gap of 1 %, one after the other."""
    found, first = [], whole_numbers.FIRST_WORK
    with tempfile.TemporaryDirectory() as folder:
        asked = snapshot(Path(folder), '[costs]\nper = "period"\n', **tables)
    for name, blocks in FORMULATIONS.items():
        for searched in (True, False):
            whole_numbers.FIRST_WORK = (
                first if searched else sys.maxsize
            )  # all work in the first step: plain branch and bound
            started = time.perf_counter()
            plan = Model(asked, blocks).solve(SolverOptions(gap=0.01, seconds=seconds))
            spent = time.perf_counter() - started
            label = f"{name}, {'neighbourhoods' if searched else 'branch and bound'}"
            found.append((label, plan.objective, float(plan.solution["gap"]), spent))
    whole_numbers.FIRST_WORK = first
    return found


def main(arguments: list[str]) -> None:
    """Print the table: cases × formulations."""
    seconds, names = float(arguments[0]) if arguments else 120.0, arguments[1:]
    for name, tables in CASES.items():
        if names and not any(part in name for part in names):
            continue
        print(name, flush=True)
        for label, objective, gap, spent in measure(tables(), seconds):
            print(f"  {label:<28} {objective:>14,.1f}  gap {gap:>7.3%}  {spent:>6.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
