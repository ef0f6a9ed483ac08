"""Random small companies with set-ups: late and lost sales, lanes, lead times, components, orders, alternatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.networks import days, weeks

Tables = dict[str, list[dict[str, Any]]]


def company(seed: int) -> tuple[str, Tables, dict[str, Any]]:
    """settings.toml, tables, and the settings as arguments; every feature comes and goes with the seed."""
    draw = np.random.default_rng(seed)
    whole = lambda low, high: float(draw.integers(low, high))  # noqa: E731
    some = lambda share: bool(draw.random() < share)  # noqa: E731
    count = int(draw.integers(3, 6))
    calendar = list(weeks(count)) if some(0.7) else list(days(count))
    names = [row["period"] for row in calendar]
    step = 7 if len(str(names[0])) == 2 else 1
    items, lines = ["A", "B"], ["L1", "L2"]
    market = "M" if some(0.5) else "P"
    forked = some(0.4)
    tables: Tables = {
        "periods": calendar,
        "items": [
            {"item": i, "holding_cost": whole(0, 4) / 2, "shelf_life_days": 2 * step if i == "B" and some(0.2) else None,
             "standard_cost": 1.0}
            for i in items
        ],
        "locations": [{"location": x, "kind": "plant"} for x in ("P", "M")],
        "resources": [{"resource": r, "location": "P", "kind": "line", "hourly_cost": whole(0, 2)} for r in lines],
        "calendar": [{"resource": r, "period": n, "hours": whole(8, 25)} for r in lines for n in names],
        "customers": [
            {"customer": "X", "late_cost": whole(1, 4), "short_penalty": whole(2, 12), "latest_days": whole(0, 3) * step}
        ],
        "forecast": [
            {"item": i, "location": market, "customer": "X", "period": n, "quantity": whole(1, 12), "price": whole(5, 15)}
            for i in items
            for n in names
            if some(0.8)
        ]
        or [{"item": "A", "location": market, "customer": "X", "period": names[-1], "quantity": 5.0, "price": 9.0}],
    }  # fmt: skip
    ways = [(i, r) for i in items for r in (("",) if forked else lines)]
    tables["routings"] = [
        {
            "routing": f"{i}{r}", "item": i, "location": "P", "cost_per_unit": whole(0, 3),
            "setup_cost": whole(0, 25) if some(0.8) else 0.0, "fixed_cost": whole(1, 8) if some(0.2) else 0.0,
            "minimum": whole(1, 6) if some(0.2) else 0.0, "multiple": 3.0 if some(0.15) else None,
            "maximum": whole(8, 20) if some(0.2) else None,
            "yield": 0.5 if some(0.2) else 1.0, "lead_time_days": float(whole(0, 3) * step // 2) if some(0.3) else 0.0,
        }
        for i, r in ways
    ]  # fmt: skip
    tables["operations"] = [
        {"routing": f"{i}{r}", "step": "1", "resource": line, "hours_per_unit": 1.0,
         "setup_hours": whole(0, 5) if some(0.8) else 0.0}
        for i, r in ways
        for line in (lines if forked else [r])
    ]  # fmt: skip
    tables["inventory"] = [{"item": i, "location": "P", "on_hand": whole(0, 8)} for i in items if some(0.4)]
    if market == "M":
        tables["lanes"] = [
            {"lane": f"PM{k}", "origin": "P", "destination": "M", "lead_time_days": k * step, "cost_per_unit": 1.0 - k / 2,
             "fixed_cost": whole(0, 6) if some(0.3) else 0.0, "minimum": 2.0 if some(0.2) else None}
            for k in range(2)
        ]  # fmt: skip
    if some(0.4):  # B goes into A, too
        tables["components"] = [
            {"routing": way["routing"], "component": "B", "quantity": 1.0}
            for way in tables["routings"]
            if way["item"] == "A"
        ]
    if some(0.4):
        tables["offers"] = [
            {"offer": f"O{k}", "supplier": "S", "item": "AB"[k], "location": "PM"[int(some(0.5))], "unit_cost": whole(3, 9), "lead_time_days": whole(0, 2) * step,
             "order_cost": whole(1, 15) if some(0.7) else 0.0, "minimum": 2.0 if some(0.3) else None}
            for k in range(2)
        ]  # fmt: skip
    if some(0.3):
        tables["receipts"] = [
            {
                "receipt": "R",
                "kind": "make",
                "item": "A",
                "location": "P",
                "due_on": str(calendar[1]["starts_on"]),
                "quantity": whole(1, 9),
                "firm": "yes",
            }
        ]
    if some(0.25):
        tables["substitutions"] = [{"item": "A", "substitute": "B", "ratio": 1.0, "cost": 1.0}]
    if some(0.3):
        tables["policies"] = [
            {"item": "A", "location": "P", "safety_stock": whole(1, 5), "below_safety_cost": 1.0, "end_stock": None}
        ]
    if some(0.2):
        tables["events"] = [
            {
                "event": "E",
                "kind": "delay",
                "target": "A",
                "from": str(calendar[1]["starts_on"]),
                "to": str(calendar[1]["ends_on"]),
                "days": step,
            }
        ]
    wanted = {row["item"] for row in tables["forecast"]} | {
        row["substitute"] for row in tables.get("substitutions", [])
    }
    if len(wanted) == 1:  # a lane for all carries what somebody wants; the independent formulation carries all there is
        tables["lanes"] = [{**lane, "item": min(wanted)} for lane in tables.get("lanes", [])]
    dispatch = str(draw.choice(["spread", "end", "start"]))
    carry = some(0.5)
    settings = (
        f'[costs]\nper = "period"\n[lead_time]\ndispatch = "{dispatch}"\n[setups]\ncarry_over = {str(carry).lower()}\n'
    )
    return settings, {name: rows for name, rows in tables.items() if rows}, {"dispatch": dispatch, "carry_over": carry}
