"""Tiny companies with a past: an extract a Monday, in which everything is sold as it was forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

START = date(2026, 1, 5)
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Company:
    """What a company is like.

    Parameters
    ----------
    items : its goods; each is made on one line of the plant and sent to the depot within a week.
    weeks : that can be lived again; there is one extract more. ahead : weeks that each extract plans.
    demand : of each item and week, by customer, from the first Monday on.
    hours : of the line in a week; None: there are no resources, and goods are bought.
    by_date : hours and forecast stand by day and not by week, and the first fortnight is planned by day.
    own_weeks : periods are the company's own, W1, W2 ….
    extra : tables of every extract, and settings in TOML.
    left : Mondays, counted from 0, that have no extract.
    """

    items: Sequence[str] = ("A", "B")
    weeks: int = 4
    ahead: int = 6
    currency: str = "EUR"
    demand: Mapping[str, float] = field(default_factory=lambda: {"Key": 30.0, "Spot": 20.0})
    hours: float | None = 120.0
    by_date: bool = False
    own_weeks: bool = False
    extra: Mapping[str, Rows] = field(default_factory=dict)
    settings: str = ""
    left: Sequence[int] = ()
    price: float = 10.0

    def write(self, home: Path) -> Path:
        """Write an extract for each Monday."""
        for number in range(self.weeks + 1):
            if number not in self.left:
                self._extract(home, number)
        return home

    def _extract(self, home: Path, number: int) -> None:
        monday = START + timedelta(days=7 * number)
        folder = home / monday.isoformat()
        folder.mkdir(parents=True)
        horizon = "" if self.own_weeks else f"[horizon]\nweeks = {self.ahead}\ndaily = {14 if self.by_date else 0}\n"
        (folder / "settings.toml").write_text(
            f'company = "Tiny"\ncurrency = "{self.currency}"\nas_of = {monday}\n{self.settings}\n'
            f'[costs]\nper = "week"\nholding_on = "closing"\n{horizon}'
            '[forecast]\nversion = "current"\n',
            encoding="utf-8",
        )
        for name, rows in {**self._standing(), **self._moving(monday), **self.extra}.items():
            if rows:
                pl.DataFrame(list(rows), infer_schema_length=None).write_csv(folder / f"{name}.csv")

    @property
    def total(self) -> float:
        """Units of an item asked for in a week."""
        return sum(self.demand.values())

    def _standing(self) -> dict[str, Rows]:
        items = self.items
        made = self.hours is not None
        return {
            "items": [
                {"item": item, "family": f"F{n % 2}", "unit": "each", "standard_cost": 4.0, "holding_cost": 0.02, "price": self.price}
                for n, item in enumerate(items)
            ],
            "locations": [{"location": "P", "kind": "plant"}, {"location": "D", "kind": "warehouse"}],
            "customers": [
                {"customer": customer, "priority": n + 1, "short_cost": 2.0, "latest_days": 0}
                for n, customer in enumerate(self.demand)
            ],
            "resources": [{"resource": "L", "location": "P", "hourly_cost": 2.0}] if made else [],
            "routings": [{"routing": f"make {item}", "item": item, "location": "P", "cost_per_unit": 1.0} for item in items] if made else [],
            "operations": [{"routing": f"make {item}", "resource": "L", "hours_per_unit": 1.0} for item in items] if made else [],
            "offers": [] if made else [
                {"offer": f"buy {item}", "item": item, "location": "P", "unit_cost": 3.0, "lead_time_days": 7} for item in items
            ],
            "lanes": [{"lane": "P to D", "origin": "P", "destination": "D", "lead_time_days": 7, "cost_per_unit": 0.5}],
            "inventory": [
                {"item": item, "location": place, "on_hand": 2.0 * self.total} for item in items for place in ("P", "D")
            ],
        }  # fmt: skip

    def _moving(self, monday: date) -> dict[str, Rows]:
        weeks = [monday + timedelta(days=7 * week) for week in range(self.ahead)]
        labels = {day: f"W{n + 1}" if self.own_weeks else day.strftime("%G-W%V") for n, day in enumerate(weeks)}
        asked = [
            {"item": item, "location": "D", "customer": customer, "day": day, "quantity": quantity}
            for day in weeks for item in self.items for customer, quantity in self.demand.items()
        ]  # fmt: skip
        before = monday - timedelta(days=7)
        return {
            "forecast": [self._when(row, labels) | {"version": "current"} for row in asked],
            "calendar": [] if self.hours is None else [
                self._when({"resource": "L", "day": day, "hours": self.hours}, labels) for day in weeks
            ],
            "periods": [
                {"period": labels[day], "starts_on": day, "ends_on": day + timedelta(days=6)} for day in weeks
            ] if self.own_weeks else [],
            "actuals": [
                {"date": before, "measure": measure, "item": item, "location": "D", "customer": customer, "quantity": quantity,
                 "amount": self.price * quantity if measure == "sales" else None}
                for item in self.items for customer, quantity in self.demand.items() for measure in ("demand", "sales")
            ],
        }  # fmt: skip

    def _when(self, row: Mapping[str, Any], labels: Mapping[date, str]) -> dict[str, Any]:
        day = row["day"]
        rest = {name: value for name, value in row.items() if name != "day"}
        return {**rest, "date": day} if self.by_date else {**rest, "period": labels[day]}
