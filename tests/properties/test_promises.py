"""Promises against brute force: every day and every gain worked out by an LP of the same network, written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from scipy.optimize import linprog

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from tests import networks
from tests.networks import MONDAY

DAYS, ITEMS = 8, ("A", "B")
HOLDING = 0.05


@dataclass(frozen=True)
class Line:
    """Something asked for: units of an item from a day on until a later one, of which some must be served."""

    order: str
    item: int
    day: int
    last: int
    quantity: float
    price: float
    committed: float = 0.0


@dataclass(frozen=True)
class Company:
    """Two items of one line that works some hours a day, A eats B's component too; orders and forecast ask for both."""

    hours: npt.NDArray[np.float64]
    per_unit: tuple[float, float]
    stock: tuple[float, float]
    lines: tuple[Line, ...]

    @classmethod
    def random(cls, seed: int) -> Company:
        """A company whose orders can be served, mostly, and whose forecast asks for more than there is."""
        dice = np.random.default_rng(seed)
        orders = [
            Line(f"O{n}", int(dice.integers(2)), day := int(dice.integers(DAYS)), min(day + int(dice.integers(3)), DAYS - 1),
                 float(dice.integers(2, 9)), float(dice.integers(8, 14)))
            for n in range(4)
        ]  # fmt: skip
        forecast = [
            Line("", item, day, day, float(dice.integers(1, 5)), float(dice.integers(4, 8)), float(dice.integers(2)) * 0.5)
            for item in range(2) for day in range(DAYS)
        ]  # fmt: skip
        return cls(
            dice.integers(2, 8, DAYS).astype(np.float64), (1.0, float(dice.integers(1, 3))),
            (float(dice.integers(6, 12)), float(dice.integers(6, 12))), (*orders, *forecast),
        )  # fmt: skip

    def written(self, folder: Path, dice: np.random.Generator, days: int) -> Snapshot:
        """The same as an extract, its rows shuffled, in periods of so many days each."""
        periods = [
            {"period": f"P{n}", "starts_on": MONDAY + timedelta(days=days * n),
             "ends_on": MONDAY + timedelta(days=days * n + days - 1)} for n in range(DAYS)
        ]  # fmt: skip
        on = [row["starts_on"] for row in periods]
        tables: dict[str, list[dict[str, Any]]] = {
            "periods": periods,
            "items": [{"item": name, "unit": "each", "holding_cost": HOLDING, "rounding": 0.0} for name in ITEMS],
            "resources": [{"resource": "L", "location": "P", "hourly_cost": 1.0}],
            "calendar": [{"resource": "L", "period": row["period"], "hours": float(h)}
                         for row, h in zip(periods, self.hours, strict=True)],
            "routings": [{"routing": f"R{name}", "item": name, "location": "P"} for name in ITEMS],
            "operations": [{"routing": f"R{name}", "step": "1", "resource": "L", "hours_per_unit": self.per_unit[n]}
                           for n, name in enumerate(ITEMS)],
            "components": [{"routing": "RA", "component": "B", "quantity": 0.5}],
            "inventory": [{"item": name, "location": "P", "on_hand": self.stock[n]} for n, name in enumerate(ITEMS)],
            "customers": [{"customer": f"C{line.order}", "latest_days": (line.last - line.day) * days}
                          for line in self.lines if line.order] + [{"customer": "new"}, {"customer": "spot"}],
            "orders": [{"order": line.order, "item": ITEMS[line.item], "location": "P", "customer": f"C{line.order}",
                        "due_on": on[line.day], "quantity": line.quantity, "price": line.price}
                       for line in self.lines if line.order],
            "forecast": [{"item": ITEMS[line.item], "location": "P", "customer": "spot",
                          "period": periods[line.day]["period"], "quantity": line.quantity, "price": line.price,
                          "committed": line.committed} for line in self.lines if not line.order],
        }  # fmt: skip
        for name, rows in tables.items():
            if name != "periods":
                dice.shuffle(rows)  # type: ignore[arg-type]
        return networks.snapshot(folder, **tables)


class ByHand:
    """Columns: make and stock of each item and day, then what serves each line on each day that may."""

    def __init__(self, company: Company, extra: tuple[Line, ...] = ()) -> None:
        self.company, self.lines = company, (*company.lines, *extra)
        self.cells = [(n, day) for n, line in enumerate(self.lines) for day in range(line.day, line.last + 1)]
        self.wide = 4 * DAYS + len(self.cells)
        self.balance, self.right = np.zeros((2 * DAYS, self.wide)), np.zeros(2 * DAYS)
        for item in range(2):
            for day in range(DAYS):
                row = self.balance[item * DAYS + day]
                row[item * DAYS + day] = 1.0  # made
                row[2 * DAYS + item * DAYS + day] = -1.0  # closing stock
                if item == 1:
                    row[day] = -0.5  # what A takes of B
                if day:
                    row[2 * DAYS + item * DAYS + day - 1] = 1.0
                else:
                    self.right[item * DAYS] = -company.stock[item]
        for place, (n, day) in enumerate(self.cells):
            self.balance[self.lines[n].item * DAYS + day, 4 * DAYS + place] = -1.0
        self.rows: list[npt.NDArray[np.float64]] = []
        self.limits: list[float] = []
        for day in range(DAYS):
            row = np.zeros(self.wide)
            row[[day, DAYS + day]] = company.per_unit
            self.most(row, company.hours[day])
        for n, line in enumerate(self.lines):
            self.most(self.served(n), line.quantity)
            if line.committed:
                self.most(-self.served(n), -line.committed)
        self.money = np.zeros(self.wide)
        for item in range(2):
            self.money[item * DAYS : (item + 1) * DAYS] = -company.per_unit[item]
            self.money[(2 + item) * DAYS : (3 + item) * DAYS] = -HOLDING
        self.money[4 * DAYS :] = [self.lines[n].price for n, _ in self.cells]

    def served(self, n: int, until: int = DAYS) -> npt.NDArray[np.float64]:
        row = np.zeros(self.wide)
        row[4 * DAYS :] = [one == n and day <= until for one, day in self.cells]
        return row

    def most(self, row: npt.NDArray[np.float64], limit: float) -> None:
        self.rows.append(row)
        self.limits.append(limit)

    def best(self, aim: npt.NDArray[np.float64]) -> float:
        found = linprog(-aim, np.array(self.rows), np.array(self.limits), self.balance, self.right, method="highs")
        assert found.status == 0, found.message
        return -float(found.fun)


def kept(by_hand: ByHand, plan: soe.Plan) -> None:
    """Every order is served as much and as early as the plan has it."""
    at = {name: n for n, name in enumerate(plan.periods["period"])}
    sold = plan.flows["sell"].filter(pl.col("order") != "", pl.col("quantity") > 1e-9)
    for n, line in enumerate(by_hand.lines):
        mine = sold.filter(pl.col("order") == line.order)
        for until in sorted({at[period] for period in mine["period"]}):
            before = sum(q for period, q in mine.select("period", "quantity").rows() if at[period] <= until)
            by_hand.most(-by_hand.served(n, until), -before * (1.0 - 1e-9))


@pytest.mark.parametrize("days", [1, 7])
@pytest.mark.parametrize("seed", range(12))
def test_days_and_gains_are_those_of_a_program_written_by_hand(tmp_path: Path, seed: int, days: int) -> None:
    company, dice = Company.random(seed), np.random.default_rng(1000 + seed)
    living = soe.Living(company.written(tmp_path, dice, days))
    wanted = Line(
        "N", int(dice.integers(2)), first := int(dice.integers(3)), DAYS - 1, float(dice.integers(5, 25)), 9.0
    )
    ends = living.home.snapshot.periods["ends_on"].to_list()
    order = {"item": ITEMS[wanted.item], "quantity": wanted.quantity, "customer": "new", "price": wanted.price}
    (found,) = soe.whatif.promise(living, order | {"date": ends[first], "order": "N"})

    before = ByHand(company).best(ByHand(company).money)
    assert living.base.ledger.margin == pytest.approx(before)
    program = ByHand(company, (wanted,))
    kept(program, living.base)
    new = len(program.lines) - 1
    most = [program.best(program.served(new, until)) for until in range(first, DAYS)]
    there = [n for n, units in enumerate(most) if units >= wanted.quantity * (1 - 1e-6)]
    shown = found.possible["possible"].to_list()
    assert shown == pytest.approx(most[: len(shown)], abs=1e-6)
    if not there:
        assert found.earliest is None
        return
    last = first + there[0]
    assert found.possible["date"].to_list()[-1] == found.earliest
    assert ends[last - 1] < found.earliest <= ends[last] if last > first else found.earliest == ends[first]

    exact = ByHand(company, (Line("N", wanted.item, last, last, wanted.quantity, wanted.price, wanted.quantity),))
    kept(exact, living.base)
    assert found.margin == pytest.approx(exact.best(exact.money) - before, abs=1e-6)

    (free,) = soe.whatif.promise(living, order | {"date": ends[first], "order": "N"}, displace=True)
    loose = ByHand(company, (wanted,))
    sooner = [
        n for n in range(DAYS - first) if loose.best(loose.served(new, first + n)) >= wanted.quantity * (1 - 1e-6)
    ]
    assert free.possible.height == (sooner[0] if sooner else DAYS - first - 1) + 1
    assert free.earliest is None or free.earliest <= found.earliest
