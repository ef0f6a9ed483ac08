"""A random company in round numbers, from which most of the property tests start."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.networks import days, weeks


def network(seed: int) -> dict[str, list[dict[str, Any]]]:
    """A random company: two plants, a warehouse, BOM, overtime, late and short, all in round numbers full of ties."""
    draw = np.random.default_rng(seed)
    items, periods = ["A", "B", "C"], int(draw.integers(2, 6))
    calendar_rows = list(weeks(periods)) if seed % 2 else list(days(periods * 3))
    names = [row["period"] for row in calendar_rows]
    whole = lambda low, high: float(draw.integers(low, high))  # noqa: E731
    return {
        "periods": calendar_rows,
        "items": [{"item": i, "holding_cost": whole(0, 3) / 10, "end_value": whole(0, 2)} for i in [*items, "R"]],
        "locations": [{"location": x, "kind": "plant", "storage_capacity": 400} for x in ("P", "Q", "W")],
        "resources": [
            {"resource": f"{p}1", "location": p, "kind": "line", "hourly_cost": 1, "overtime_cost": 3} for p in "PQ"
        ],
        "calendar": [
            {"resource": f"{p}1", "period": n, "hours": whole(5, 40), "overtime_hours": whole(0, 6)} for p in "PQ" for n in names
        ],
        "routings": [
            {"routing": f"{i}{p}", "item": i, "location": p, "cost_per_unit": whole(2, 4), "lead_time_days": whole(0, 3)}
            for i in items
            for p in "PQ"
        ],
        "operations": [{"routing": f"{i}{p}", "resource": f"{p}1", "hours_per_unit": 1} for i in items for p in "PQ"],
        "components": [{"routing": f"{i}{p}", "component": "R", "quantity": 1} for i in items for p in "PQ"],
        "offers": [
            {"offer": f"R{p}{e}", "supplier": "S", "item": "R", "location": p, "unit_cost": 2 + e, "lead_time_days": 4 - 4 * e,
             "expedite": "yes" if e else "no"} for p in "PQ" for e in (0, 1)
        ],
        "lanes": [{"lane": f"{p}W", "origin": p, "destination": "W", "lead_time_days": whole(0, 3), "cost_per_unit": 1} for p in "PQ"],
        "customers": [{"customer": c, "late_cost": 1, "short_cost": 3, "latest_days": 7, "priority": n + 1} for n, c in enumerate("XY")],
        "forecast": [
            {"item": i, "location": "W", "customer": c, "period": n, "quantity": whole(1, 12), "price": 12}
            for i in items for c in "XY" for n in names
        ],
        "inventory": [{"item": i, "location": x, "on_hand": whole(0, 15)} for i in [*items, "R"] for x in "PQ"],
    }  # fmt: skip
