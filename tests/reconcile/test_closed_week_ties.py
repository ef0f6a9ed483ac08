"""Statement and bridge of a closed week on companies of every kind: both say the profit that the goods themselves say."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot

Rows = list[dict[str, Any]]
FIRST = date(2027, 3, 1)
EVE, LAST = FIRST - timedelta(days=1), FIRST + timedelta(days=6)
COST = {"T": 5.0, "M": 2.0, "A": 9.0, "S": 1.0}
PRICE = {"T": 8.0, "M": 3.5, "A": 20.0, "S": 1.5}
PLACES = ("N", "P")


def master(given_periods: bool) -> dict[str, Rows]:
    """T is bought and sold, M is bought, used and sold as a spare, A is made of two M in half an hour and yields S."""
    weeks = [f"2027-W{n:02d}" for n in range(9, 14)]
    tables: dict[str, Rows] = {
        "items": [{"item": i, "family": "F", "standard_cost": COST[i], "price": PRICE[i]} for i in COST],
        "locations": [{"location": "P", "kind": "plant"}, {"location": "N", "kind": "warehouse"}],
        "resources": [{"resource": "L", "location": "P", "hourly_cost": 8}],
        "calendar": [{"resource": "L", "period": week, "hours": 400} for week in weeks],
        "routings": [{"routing": "R", "item": "A", "location": "P", "cost_per_unit": 2}],
        "operations": [{"routing": "R", "resource": "L", "hours_per_unit": 0.5}],
        "components": [{"routing": "R", "component": "M", "quantity": 2}],
        "co_products": [{"routing": "R", "item": "S", "quantity": 0.5}],
        "offers": [
            {"offer": f"{i} {at}", "supplier": "V", "item": i, "location": at, "unit_cost": COST[i]}
            for i in ("T", "M") for at in PLACES
        ],
        "lanes": [{"lane": f"{a}-{b}", "origin": a, "destination": b, "lead_time_days": 2, "cost_per_unit": 0.1}
                  for a, b in (("P", "N"), ("N", "P"))],
        "forecast": [
            {"item": i, "location": at, "period": week, "quantity": 40} for i in COST for at in PLACES for week in weeks
        ],
        "budget": [
            {"fiscal_month": "2027-03", "family": "F", "account": account, "measure": measure, "quantity": units,
             "amount": money}
            for account, measure, units, money in [
                ("revenue", "sales", 1200, 9800), ("material", "", None, -3100), ("conversion", "", None, -1200.37),
                ("freight", "", None, -99.99), ("holding", "", None, -12.5),
            ]
        ],
    }  # fmt: skip
    if given_periods:
        starts = [FIRST, FIRST + timedelta(days=10), FIRST + timedelta(days=24)]
        ends = [start - timedelta(days=1) for start in (*starts[1:], date(2027, 4, 5))]
        tables["periods"] = [
            {"period": f"T{n}", "starts_on": a, "ends_on": b} for n, (a, b) in enumerate(zip(starts, ends, strict=True))
        ]
        tables["calendar"] = [{"resource": "L", "period": row["period"], "hours": 400} for row in tables["periods"]]
        tables["forecast"] = [
            {"item": i, "location": at, "period": row["period"], "quantity": 40}
            for i in COST for at in PLACES for row in tables["periods"]
        ]  # fmt: skip
    return tables


def write(folder: Path, as_of: date, tables: dict[str, Rows], shuffle: random.Random) -> Snapshot:
    import polars as pl

    folder.mkdir(parents=True)
    text = f'company = "Ties"\ncurrency = "EUR"\nas_of = "{as_of}"\n[horizon]\nweeks = 4\n[costs]\nper = "week"\n'
    (folder / "settings.toml").write_text(text + "capital_rate = 0.01\n", encoding="utf-8")
    for name, rows in tables.items():
        mixed = shuffle.sample(rows, len(rows))
        if mixed:
            pl.DataFrame(mixed, infer_schema_length=None).write_csv(folder / f"{name}.csv")
    return soe.read(folder)


class Week:
    """A week of movements, every unit of which is followed from place to place."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.opening = {(i, at): float(self.dice.randint(0, 300)) for i in COST for at in PLACES}
        self.stock = dict(self.opening)
        self.rows: Rows = []
        self.under_way_before = {i: float(self.dice.choice([0, 30])) for i in ("T", "A")}
        self.under_way_after = {i: float(self.dice.choice([0, 20])) for i in ("T", "M")}
        self.money = 0.0

    def book(self, day: int, measure: str, amount: float | None = None, **more: Any) -> None:
        blank = dict.fromkeys(["item", "location", "resource", "customer", "quantity", "hours"])
        when = FIRST + timedelta(days=day)
        self.rows.append({"date": when, "measure": measure, **blank, **more, "amount": amount})
        if amount is not None:
            self.money += amount if measure == "sales" else -amount

    def happen(self) -> Week:
        dice = self.dice
        for (item, place), lying in self.opening.items():
            if item in ("T", "M"):
                units = dice.randint(0, 200)
                paid = round(units * COST[item] * dice.uniform(0.9, 1.1), 2)
                self.book(1, "buy", paid, item=item, location=place, quantity=units)
                self.stock[item, place] += units
            sold = dice.randint(0, int(lying) // 2 + 20)
            earned = round(sold * PRICE[item] * dice.uniform(0.9, 1.05), 2)
            self.book(3, "sales", earned, item=item, location=place, quantity=sold)
            self.stock[item, place] -= sold
        self.book(4, "sales", -24.0, item="T", location="N", quantity=-3)  # three come back and are credited
        self.stock["T", "N"] += 3
        self.book(4, "sales", -7.5, item="A", location="N")  # a credit note without goods
        self.make()
        for item in COST:  # from one place to the other, some of it still on its way when the week begins and ends
            moved = dice.randint(0, 40)
            self.book(2, "ship", round(moved * 0.1, 2), item=item, location="P", quantity=moved)
            self.stock[item, "P"] -= moved + self.under_way_after.get(item, 0.0)
            self.stock[item, "N"] += moved + self.under_way_before.get(item, 0.0)
        for cell in self.stock:  # what is counted is not always what is in the books
            self.stock[cell] = max(0.0, self.stock[cell] + dice.choice([0, 0, -2, 1]))
        return self

    def make(self) -> None:
        made = self.dice.randint(0, 60)
        self.book(2, "make", None, item="A", location="P", quantity=made)
        self.stock["A", "P"] += made
        self.stock["S", "P"] += made * 0.5
        self.stock["M", "P"] -= made * 2 + self.dice.choice([0, 3])
        self.money -= made * 2.0
        if self.dice.random() < 0.5:
            hours = round(made * 0.5 * 1.02 + 1, 2)
            self.book(2, "hours", round(hours * 8.1, 2), resource="L", hours=hours)
        else:
            self.money -= made * 0.5 * 8

    def counts(self, cells: dict[tuple[str, str], float], day: date) -> Rows:
        blank = dict.fromkeys(["resource", "customer", "hours", "amount"])
        found = [(item, place, units) for (item, place), units in cells.items() if units]
        return [
            {"date": day, "measure": "stock", "item": item, "location": place, "quantity": units, **blank}
            for item, place, units in found
        ]

    @property
    def profit(self) -> float:
        """Money of the week, holding of what is counted at its end, and what more is owned at standard cost."""
        held = sum(units * COST[item] * 0.01 for (item, _), units in self.stock.items())
        owned = sum((self.stock[item, at] - self.opening[item, at]) * COST[item] for item, at in self.stock)
        owned += sum(units * COST[item] for item, units in self.under_way_after.items())
        owned -= sum(units * COST[item] for item, units in self.under_way_before.items())
        return self.money - held + owned


def lying(cells: dict[tuple[str, str], float]) -> Rows:
    return [{"item": item, "location": at, "on_hand": units} for (item, at), units in cells.items()]


def coming(units: dict[str, float], due: date) -> Rows:
    return [
        {"receipt": f"R {item}", "kind": "ship", "item": item, "location": "N", "due_on": due, "quantity": amount,
         "lane": "P-N"}
        for item, amount in units.items() if amount
    ]  # fmt: skip


@pytest.mark.parametrize("given_periods", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_statement_and_bridge_say_the_profit_of_the_goods(tmp_path: Path, seed: int, given_periods: bool) -> None:
    week, tables = Week(seed).happen(), master(given_periods)
    dice = random.Random(seed)
    after = LAST + timedelta(days=1)
    before = write(
        tmp_path / "2027-03-01", FIRST,
        tables | {"inventory": lying(week.opening), "receipts": coming(week.under_way_before, FIRST + timedelta(days=1))},
        dice,
    )  # fmt: skip
    counted = week.counts(week.opening, EVE) + week.counts(week.stock, LAST) if seed % 2 else []
    later = {"actuals": week.rows + counted, "inventory": lying(week.stock),
             "receipts": coming(week.under_way_after, after + timedelta(days=1))}  # fmt: skip
    shifted = {name: rows for name, rows in tables.items() if name != "periods"}
    if given_periods:
        later["periods"] = [{"period": "T9", "starts_on": after, "ends_on": date(2027, 4, 5)}]
        shifted["calendar"] = [{"resource": "L", "period": "T9", "hours": 400}]
        shifted["forecast"] = [{"item": "A", "location": "P", "period": "T9", "quantity": 40}]
    now = write(tmp_path / "2027-03-08", after, shifted | later, dice)
    plan = soe.plan(before)
    walk = soe.money.closed_week_bridges(before, now, plan)
    statement = soe.money.closed_week(before, now)
    assert statement.end == walk.bridges[-1].end
    assert statement.start == walk.bridges[0].start
    assert statement.end / 100 == pytest.approx(week.profit, abs=0.0051)
    # 23 working days in March, five of them in the week
    budget = 9800 - 3100 - 1200.37 - 99.99 - 12.5
    assert statement.start / 100 == pytest.approx(budget * 5 / 23, abs=0.05)
    assert statement.residual == walk.residual == 0
    assert statement["cost outside the standards"] == pytest.approx(0.5 * a_made(week), abs=0.01)


def a_made(week: Week) -> float:
    """A costs 9 at standard and 4 + 2 + 4 by its recipe, less half an S at 1: 9.50, so −0.50 a piece."""
    return -sum(row["quantity"] for row in week.rows if row["measure"] == "make")
