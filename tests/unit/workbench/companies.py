"""Companies small enough to plan by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from soe_lib.extract.snapshot import Snapshot
from tests.networks import Rows, snapshot, weeks

MONDAY = date(2026, 1, 5)


def mill(
    folder: Path,
    *,
    item: str = "A",
    customer: str = "Aldi",
    line: str = "line",
    settings: str = "",
    **tables: Rows,
) -> Snapshot:
    """One line of 10 hours a week makes one item for one customer, 8 a week for two weeks; overtime in W2 only.

    A unit earns 12 − 4 − 2 (an hour) = 6, by overtime 12 − 4 − 5 = 3, and 1 less if it comes a week late.
    """
    given: dict[str, Rows] = {
        "periods": weeks(2),
        "items": [{"item": item, "family": "Flour", "unit": "each", "standard_cost": 6}],
        "resources": [
            {"resource": line, "location": "P", "kind": "line", "hourly_cost": 2, "overtime_cost": 5},
        ],
        "calendar": [
            {"resource": line, "period": "W1", "hours": 10, "overtime_hours": 0},
            {"resource": line, "period": "W2", "hours": 10, "overtime_hours": 4},
        ],
        "routings": [{"routing": "R", "item": item, "location": "P", "cost_per_unit": 4}],
        "operations": [{"routing": "R", "resource": line, "hours_per_unit": 1}],
        "customers": [{"customer": customer, "late_cost": 1, "latest_days": 14}],
        "forecast": [
            {"item": item, "location": "P", "customer": customer, "period": f"W{n}", "quantity": 8, "price": 12}
            for n in (1, 2)
        ],
    }
    return snapshot(folder, settings, **(given | tables))


def trader(folder: Path) -> Snapshot:
    """Ten are wanted this week at 12 and there is no stock: the ordinary offer (5) comes next week, the dear one (8) now."""
    offer = {"supplier": "S", "item": "C", "location": "W"}
    return snapshot(
        folder,
        periods=weeks(2),
        offers=[
            {"offer": "slow", **offer, "unit_cost": 5, "lead_time_days": 7, "expedite": "no"},
            {"offer": "fast", **offer, "unit_cost": 8, "lead_time_days": 0, "expedite": "yes"},
        ],
        forecast=[{"item": "C", "location": "W", "period": "W1", "quantity": 10, "price": 12}],
    )


def network(folder: Path) -> Snapshot:
    """Three items on two lines, two warehouses, three customers, six weeks: tight enough that every edit bites."""
    items = ["Bran", "Flour", "Semolina"]
    customers = ["Aldi", "Lidl", "Spar"]
    lines = {"north": 60, "south": 48}
    periods = [row["period"] for row in weeks(6)]
    wanted = [
        {"item": item, "location": place, "customer": customer, "period": period,
         "quantity": 8 + (3 * a + 5 * b + 7 * c) % 11, "price": 20 + 3 * a - b}
        for a, item in enumerate(items) for b, customer in enumerate(customers)
        for c, period in enumerate(periods) for place in (["east", "west"] if b else ["east"])
    ]  # fmt: skip
    return snapshot(
        folder,
        periods=weeks(6),
        items=[
            {"item": item, "family": "Fine" if item == "Flour" else "Coarse", "unit": "each", "standard_cost": 7,
             "holding_cost": 0.1, "end_value": 3}
            for item in items
        ] + [{"item": "grain", "family": "Raw", "unit": "each", "standard_cost": 2, "holding_cost": 0.05, "end_value": 1}],
        resources=[
            {"resource": name, "location": "mill", "kind": "line", "hourly_cost": 2, "overtime_cost": 5 + n}
            for n, name in enumerate(lines)
        ],
        calendar=[
            {"resource": name, "period": period, "hours": hours, "overtime_hours": 10}
            for name, hours in lines.items() for period in periods
        ],
        routings=[
            {"routing": f"{item} {name}", "item": item, "location": "mill", "cost_per_unit": 1 + n, "lead_time_days": 2}
            for item in items for n, name in enumerate(lines)
        ],
        operations=[
            {"routing": f"{item} {name}", "resource": name, "hours_per_unit": 0.8 + 0.1 * n}
            for n, item in enumerate(items) for name in lines
        ],
        components=[
            {"routing": f"{item} {name}", "component": "grain", "quantity": 1.5} for item in items for name in lines
        ],
        offers=[
            {"offer": "by ship", "supplier": "Odesa", "item": "grain", "location": "mill", "unit_cost": 1.5,
             "lead_time_days": 14, "maximum": 300, "expedite": "no"},
            {"offer": "by lorry", "supplier": "Gdansk", "item": "grain", "location": "mill", "unit_cost": 3,
             "lead_time_days": 3, "maximum": 120, "expedite": "yes"},
        ],
        lanes=[
            {"lane": f"to {place}", "origin": "mill", "destination": place, "mode": "truck", "lead_time_days": 1 + n,
             "cost_per_unit": 0.5 + n}
            for n, place in enumerate(["east", "west"])
        ],
        customers=[
            {"customer": name, "late_cost": 0.7, "short_cost": 4 - n, "latest_days": 7} for n, name in enumerate(customers)
        ],
        forecast=wanted,
        inventory=[
            *({"item": item, "location": place, "on_hand": 25} for item in items for place in ("east", "west")),
            {"item": "grain", "location": "mill", "on_hand": 500},
        ],
        policies=[
            {"item": item, "location": place, "safety_stock": 12, "below_safety_cost": 0.3}
            for item in items for place in ("east", "west")
        ],
    )  # fmt: skip
