"""A tiny company with a story: one line, one imported part, two customers; every figure can be worked out by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read
from soe_lib.money.rates import RateBook
from soe_lib.store.plan import Plan
from tests import networks

AS_OF = date(2026, 1, 5)
SETTINGS = """[costs]
per = "week"
[horizon]
weeks = 4
daily = 7
[calendar]
fiscal = "months"
[fence]
frozen_days = 7
[tolerance]
Hot = 0.10
[terms]
receivable_days = 30
payable_days = 10
"""


def tables() -> dict[str, list[dict[str, Any]]]:
    """Cups of a family Hot: 40 a week forecast for A, an order of 90 by B that nobody forecast, a late part, a
    stop.
    """
    week = [f"2026-W0{n}" for n in (2, 3, 4, 5)]
    return {
        "items": [
            {"item": "cup", "description": "Blue cup", "family": "Hot", "price": 10.0, "standard_cost": 4.0},
            {"item": "lid", "description": "Lid", "family": "Parts", "price": None, "standard_cost": 1.0},
        ],
        "locations": [{"location": "P", "kind": "plant"}, {"location": "D", "kind": "warehouse"}],
        "resources": [{"resource": "L1", "location": "P", "kind": "line", "hourly_cost": 1.0, "overtime_cost": 1.5}],
        "calendar": [{"resource": "L1", "period": name, "hours": 50.0, "overtime_hours": 10.0} for name in week],
        "routings": [{"routing": "R", "item": "cup", "location": "P", "cost_per_unit": 1.0}],
        "operations": [{"routing": "R", "step": "fill", "resource": "L1", "hours_per_unit": 1.0}],
        "components": [{"routing": "R", "component": "lid", "quantity": 1.0}],
        "offers": [
            {"offer": "kobe", "supplier": "Kobe", "item": "lid", "location": "P", "unit_cost": 1.0, "lead_time_days": 21}
        ],
        "lanes": [{"lane": "P>D", "origin": "P", "destination": "D", "mode": "road", "lead_time_days": 0.0}],
        "customers": [
            {"customer": "A", "priority": 1, "late_cost": 1.0, "short_penalty": 2.0, "latest_days": 14},
            {"customer": "B", "priority": 2, "late_cost": 0.5, "short_penalty": 0.0, "latest_days": 14},
        ],
        "forecast": [
            {"item": "cup", "location": "D", "customer": "A", "period": name, "version": "v", "quantity": 40.0}
            for name in week
        ],
        "orders": [
            {"order": "O1", "item": "cup", "location": "D", "customer": "A", "due_on": date(2026, 1, 7), "quantity": 20.0},
            {"order": "O2", "item": "cup", "location": "D", "customer": "B", "due_on": date(2026, 1, 15), "quantity": 90.0},
        ],
        "inventory": [
            {"item": "lid", "location": "P", "on_hand": 30.0},
            {"item": "cup", "location": "D", "on_hand": 10.0},
        ],
        "receipts": [
            {"receipt": "PO1", "kind": "buy", "item": "lid", "location": "P", "due_on": date(2026, 1, 7), "quantity": 200.0,
             "offer": "kobe"}
        ],
        "policies": [{"item": "cup", "location": "D", "safety_stock": 20.0, "below_safety_cost": 0.1}],
        "events": [
            {"event": "E1", "kind": "delay", "target": "PO1", "from": AS_OF, "to": date(2026, 1, 11), "hours": None,
             "days": 7, "note": "Missed the ship"},
            {"event": "E2", "kind": "downtime", "target": "L1", "from": date(2026, 1, 6), "to": date(2026, 1, 6),
             "hours": 8.0, "days": None, "note": "Belt torn"},
        ],
        "consensus": [
            {"fiscal_month": "2026-01", "family": "Hot", "location": "", "measure": "sales", "quantity": 200.0},
        ],
        "actuals": [
            {"date": date(2026, 1, 2), "measure": "sales", "item": "cup", "location": "D", "customer": "A", "quantity": 12.0},
            {"date": date(2026, 1, 2), "measure": "make", "item": "cup", "location": "P", "customer": "", "quantity": 9.0},
        ],
    }  # fmt: skip


def snapshot(folder: Path) -> Snapshot:
    """This week's extract."""
    networks.write(folder, SETTINGS, **tables())
    return read(folder)


def by_hand(this: Snapshot, **flows: list[dict[str, Any]]) -> Plan:
    """A plan whose flows are written down."""
    return Plan(
        name="by hand", source="loaded", as_of=this.as_of, company=this.company, currency=this.currency,
        fingerprint=this.fingerprint, rates=RateBook({}), periods=this.periods, items=this["items"],
        flows={name: pl.DataFrame(rows) for name, rows in flows.items()},
    )  # fmt: skip
