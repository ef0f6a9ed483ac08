"""Small companies with set-ups, from a seed: several lines, every item on some of them, half an hour to change over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from soe_lib.extract.snapshot import Snapshot
from tests import networks


def tables(seed: int, *, items: int = 8, lines: int = 3, weeks: int = 8, tight: float = 0.85) -> dict[str, Any]:
    """The tables of a company whose lines are `tight` full if every item is run every second week.

    Parameters
    ----------
    seed : of all numbers. items, lines, weeks : how many. tight : demand over hours.
    """
    draw = np.random.default_rng(seed)
    names, resources = [f"K{n + 1:02d}" for n in range(items)], [f"line {n + 1}" for n in range(lines)]
    rate = draw.uniform(0.01, 0.03, items)
    demand = np.round(draw.gamma(4.0, 60.0, (items, weeks)))
    hours = float((demand * rate[:, None]).sum()) / (lines * weeks) / tight
    able = [sorted({n % lines, int(draw.integers(lines))}) for n in range(items)]
    pairs = [(n, line) for n in range(items) for line in able[n]]
    return {
        "periods": networks.weeks(weeks),
        "items": [
            {"item": name, "unit": "each", "holding_cost": round(float(draw.uniform(0.02, 0.2)), 3)} for name in names
        ],
        "locations": [{"location": "Works", "kind": "plant"}],
        "resources": [{"resource": name, "location": "Works", "hourly_cost": 25} for name in resources],
        "calendar": [
            {"resource": name, "period": f"W{w + 1}", "hours": round(hours, 2)} for name in resources for w in range(weeks)
        ],
        "routings": [
            {
                "routing": f"{names[n]} on {resources[line]}", "item": names[n], "location": "Works",
                "cost_per_unit": round(float(draw.uniform(1, 2)), 2), "setup_cost": int(draw.integers(20, 80)),
            }
            for n, line in pairs
        ],
        "operations": [
            {
                "routing": f"{names[n]} on {resources[line]}", "step": "1", "resource": resources[line],
                "hours_per_unit": round(float(rate[n]), 4), "setup_hours": 0.5,
            }
            for n, line in pairs
        ],
        "forecast": [
            {"item": names[n], "location": "Works", "period": f"W{w + 1}", "quantity": int(demand[n, w]),
             "price": 5, "short_cost": 3}
            for n in range(items) for w in range(weeks)
        ],
    }  # fmt: skip


def company(folder: Path, seed: int, **sizes: Any) -> Snapshot:
    """The checked snapshot of such a company."""
    return networks.snapshot(folder, **tables(seed, **sizes))
