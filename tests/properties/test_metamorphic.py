"""What must not change the money, what must scale it, and what must never lower or raise it, on random networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.solver.answer import SolverOptions
from tests.networks import MONDAY, days, snapshot
from tests.properties.random_network import network
from tests.properties.test_differential import varied

Tables = dict[str, list[dict[str, Any]]]
SHORT = (11, 14, 35)
"""Minimum runs by the week, days without whole numbers, set-ups by the week."""
LONG = tuple(n for n in range(100, 160) if n % 10)
"""Without the daily set-ups, whose proof takes a minute each."""

MONEY = {
    "items": ("holding_cost", "end_value"),
    "locations": ("storage_cost",),
    "resources": ("hourly_cost", "overtime_cost"),
    "routings": ("cost_per_unit", "setup_cost", "fixed_cost"),
    "offers": ("unit_cost", "order_cost"),
    "lanes": ("cost_per_unit", "fixed_cost"),
    "customers": ("late_cost", "short_cost", "short_penalty"),
    "forecast": ("price",),
    "policies": ("below_safety_cost",),
}
PER_UNIT = {
    "items": ("holding_cost", "end_value", "volume"),
    "routings": ("cost_per_unit",),
    "operations": ("hours_per_unit",),
    "offers": ("unit_cost",),
    "forecast": ("price",),
    "policies": ("below_safety_cost",),
}
UNITS = {
    "routings": ("minimum", "maximum", "multiple"),
    "offers": ("minimum", "maximum", "multiple"),
    "forecast": ("quantity", "committed"),
    "inventory": ("on_hand",),
    "receipts": ("quantity",),
    "policies": ("safety_stock", "maximum_stock", "end_stock", "end_stock_maximum"),
}


def rich(seed: int) -> Tables:
    """A network of `varied` with receipts, policies, offer limits and a storage cost beside what it has."""
    tables, draw = varied(seed), np.random.default_rng(seed + 7)
    for offer in tables["offers"]:
        if draw.random() < 0.5:
            offer["maximum"] = float(draw.integers(5, 20))
    tables["receipts"] = [
        {"receipt": f"{i}{n}", "kind": "make", "item": i, "location": "W", "quantity": float(draw.integers(1, 9)),
         "due_on": MONDAY + timedelta(days=int(draw.integers(0, 12)))}
        for n, i in enumerate(draw.choice(["A", "B", "C"], 3))
    ]  # fmt: skip
    tables["policies"] = [
        {"item": "A", "location": "W", "safety_stock": 6.0, "below_safety_cost": 0.5, "end_stock": None},
        {"item": "B", "location": "P", "safety_stock": 0.0, "below_safety_cost": 0.0, "end_stock": 2.0},
    ]
    volume = {row["item"]: row["volume"] for row in tables["items"]}
    for place in tables["locations"]:  # as tight as what is there or on its way allows
        given = [(row["item"], row["on_hand"]) for row in tables["inventory"] if row["location"] == place["location"]]
        given += [(row["item"], row["quantity"]) for row in tables["receipts"] if row["location"] == place["location"]]
        place["storage_cost"] = float(draw.integers(0, 2)) / 100
        place["storage_capacity"] = sum(volume[item] * units for item, units in given) + float(draw.integers(1, 20))
    return tables


def value(folder: Path, tables: Tables) -> float:
    """The most money."""
    return soe.plan(snapshot(folder, **tables), options=SolverOptions(gap=0.0)).objective


def times(tables: Tables, columns: Mapping[str, tuple[str, ...]], factor: float, item: str | None = None) -> Tables:
    """The tables with some columns times a factor: of all rows, or of those of one item."""
    changed = deepcopy(tables)
    made = {row["routing"]: row["item"] for row in tables["routings"]}
    for table, names in columns.items():
        for row in changed.get(table, []):
            of = row.get("item", made.get(row.get("routing", "")))
            for name in names:
                if row.get(name) is not None and item in (None, of):
                    row[name] = row[name] * factor
    return changed


def close(one: float, other: float, *, relative: float = 1e-7) -> bool:
    return abs(one - other) <= relative * max(1.0, abs(one), abs(other))


def both(seeds: Iterable[int], longer: Iterable[int]) -> Callable[[Any], Any]:
    """The short form over one range of seeds, the long form over another."""
    return pytest.mark.parametrize("seed", [*seeds, *(pytest.param(n, marks=pytest.mark.slow) for n in longer)])


# -- what scales or leaves the money --------------------------------------------------------------------------------


@both(SHORT, LONG)
def test_money_times_k(tmp_path: Path, seed: int) -> None:
    base = value(tmp_path / "base", rich(seed))
    for k in (0.01, 250.0):
        assert close(value(tmp_path / str(k), times(rich(seed), MONEY, k)), k * base)


@both(SHORT, LONG)
def test_another_unit_of_one_item(tmp_path: Path, seed: int) -> None:
    """A in boxes of 12: quantities ÷ 12, money, hours and components per unit × 12; lanes carry boxes at 12 × freight."""
    tables = rich(seed)
    boxed = times(times(tables, UNITS, 1 / 12, "A"), PER_UNIT, 12.0, "A")
    made = {row["routing"]: row["item"] for row in tables["routings"]}
    for row in boxed["components"]:
        row["quantity"] = row["quantity"] * (12.0 if made[row["routing"]] == "A" else 1.0)
    boxed["lanes"] = [
        {**lane, "lane": f"{lane['lane']} {i}", "item": i, "cost_per_unit": lane["cost_per_unit"] * (12.0 if i == "A" else 1.0)}
        for lane in boxed["lanes"]
        for i in "ABC"
    ]  # fmt: skip
    # Short and late cost are per unit of the customer: its A-lines become a customer of their own.
    boxed["customers"] += [
        {**row, "customer": f"{row['customer']} boxes", "late_cost": 12.0 * row["late_cost"], "short_cost": 12.0 * row["short_cost"]}
        for row in tables["customers"]
    ]  # fmt: skip
    for row in boxed["forecast"]:
        row["customer"] = f"{row['customer']} boxes" if row["item"] == "A" else row["customer"]
    assert close(value(tmp_path / "base", tables), value(tmp_path / "boxed", boxed))


@both((14, 23), (n for n in LONG if n % 5 > 1))
def test_an_item_split_into_two_identical_halves(tmp_path: Path, seed: int) -> None:
    """Without whole numbers: two halves would be set up twice."""
    tables = rich(seed)
    halves = times(tables, UNITS, 0.5, "A")
    split: Tables = {}
    for table, rows in halves.items():
        split[table] = []
        for row in rows:
            mine = row.get("item") == "A" or str(row.get("routing", "")).startswith("A")
            split[table] += [_renamed(row, half) for half in ("A1", "A2")] if mine else [row]
    assert close(value(tmp_path / "base", tables), value(tmp_path / "split", split))


def _renamed(row: dict[str, Any], half: str) -> dict[str, Any]:
    new = {**row}
    for key in ("item", "routing", "receipt"):
        if str(row.get(key, "")).startswith("A"):
            new[key] = half + str(row[key])[1:]
    return new


@both((14, 34), range(100, 160, 2))
def test_lead_time_shifted_together_with_demand_and_calendar(tmp_path: Path, seed: int) -> None:
    """All lanes take k days more, demand is k days later, the horizon k days longer and nothing can be made in them."""
    k, tables = 1 + seed % 3, network(seed)
    for row in tables["items"]:
        row["holding_cost"] = 0.0
    later = deepcopy(tables)
    names = [row["period"] for row in tables["periods"]]
    later["periods"] = list(days(len(names) + k))
    labels = [row["period"] for row in later["periods"]]
    end = tables["periods"][-1]["ends_on"]
    for row in later["forecast"]:
        row["period"] = labels[names.index(row["period"]) + k]
    for row in later["lanes"]:
        row["lead_time_days"] += k
    for table in ("routings", "offers"):
        for row in later[table]:
            row["valid_to"] = end
    assert close(value(tmp_path / "base", tables), value(tmp_path / "later", later))


@both((11, 14), LONG)
def test_the_whole_calendar_shifted_by_weeks(tmp_path: Path, seed: int) -> None:
    tables = rich(seed)
    later = deepcopy(tables)
    for rows in later.values():
        for row in rows:
            row.update({key: day + timedelta(days=21) for key, day in row.items() if isinstance(day, date)})
    assert close(value(tmp_path / "base", tables), value(tmp_path / "later", later))


# -- what never lowers the money --------------------------------------------------------------------------------------


def _more(table: str, column: str, amount: float) -> Callable[[Tables], None]:
    def edit(tables: Tables) -> None:
        for row in tables[table]:
            if row.get(column) is not None:
                row[column] += amount

    return edit


def _without(table: str, column: str) -> Callable[[Tables], None]:
    def edit(tables: Tables) -> None:
        for row in tables[table]:
            row[column] = None

    return edit


def _with(table: str, *rows: dict[str, Any]) -> Callable[[Tables], None]:
    def edit(tables: Tables) -> None:
        tables[table] = [*tables.get(table, []), *rows]

    return edit


BETTER: dict[str, Callable[[Tables], None]] = {
    "more hours": _more("calendar", "hours", 3.0),
    "more overtime": _more("calendar", "overtime_hours", 2.0),
    "more room": _more("locations", "storage_capacity", 50.0),
    "more on offer": _more("offers", "maximum", 4.0),
    "no limit on offers": _without("offers", "maximum"),
    "no end stock": _without("policies", "end_stock"),
    "no minimum run": _without("routings", "minimum"),
    "later is allowed": _more("customers", "latest_days", 5),
    "a quicker lane": _with(
        "lanes", {"lane": "air", "origin": "P", "destination": "W", "lead_time_days": 0.0, "cost_per_unit": 2.0}
    ),
    "a third supplier": _with(
        "offers",
        {"offer": "new", "supplier": "T", "item": "R", "location": "P", "unit_cost": 2.5, "lead_time_days": 1.0,
         "minimum": 3.0, "multiple": 2.0, "order_cost": 1.0, "maximum": 8.0},
    ),
    "another routing": _with(
        "routings",
        {"routing": "sub", "item": "A", "location": "W", "cost_per_unit": 9.0, "lead_time_days": 2.0, "yield": 1.0,
         "maximum": 6.0, "fixed_cost": 2.0, "multiple": 3.0},
    ),
    "a substitute": _with("substitutions", {"item": "A", "substitute": "B", "ratio": 1.0, "cost": 1.0}),
    "capacity for sale": _with("expansions", {"expansion": "e", "resource": "P1", "hours": 2.0, "cost": 5.0, "maximum": 2}),
    "a crew to hire": _with(
        "workforce",
        {"resource": "Q1", "opening_heads": 0.0, "hours_per_head": 3.0, "cost_per_head": 4.0, "hire_cost": 1.0,
         "maximum_heads": 2.0, "whole": "yes"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", sorted(BETTER))
def test_an_option_never_lowers_the_money(tmp_path: Path, change: str) -> None:
    assert _gains(tmp_path, change, seeds=(14,)) >= 0


@pytest.mark.slow
@pytest.mark.parametrize("change", sorted(BETTER))
def test_an_option_never_lowers_the_money_on_many_networks(tmp_path: Path, change: str) -> None:
    assert _gains(tmp_path, change, seeds=LONG[:27]) > 0, "the change should pay at least once"


def _gains(folder: Path, change: str, seeds: tuple[int, ...]) -> int:
    """On how many networks a change pays; fails where it costs."""
    paid = 0
    for seed in seeds:
        tables = rich(seed)
        better = deepcopy(tables)
        BETTER[change](better)
        before, after = value(folder / f"{seed}", tables), value(folder / f"{seed} better", better)
        assert after >= before - 1e-7 * (1.0 + abs(before)), f"{change}, seed {seed}: {before} became {after}"
        paid += after > before + 1e-6
    return paid


# -- what never raises it ---------------------------------------------------------------------------------------------


@both((11, 14), LONG)
def test_more_downtime_never_raises_the_money(tmp_path: Path, seed: int) -> None:
    tables, found = rich(seed), []
    last = tables["periods"][-1]["ends_on"]
    for number, event in enumerate(
        (
            {"factor": 0.0},
            {"factor": 0.4},
            {"factor": 0.8},
            {},
            {"target": "P"},
            {"hours": 3.0},
            {"hours": 30.0},
        )
    ):
        row = {"event": "1", "kind": "downtime", "target": "P1", "from": MONDAY, "to": last, **event}
        found.append(value(tmp_path / str(number), tables | {"events": [row]}))
    base = value(tmp_path / "base", tables)
    slack = 1e-7 * (1.0 + abs(base))
    assert close(found[0], base)
    for milder, harder in ((0, 1), (1, 2), (2, 3), (5, 6)):
        assert found[harder] <= found[milder] + slack
    assert close(found[4], found[3])  # the place has one line
