"""Scaled, permuted and broken copies of the published folders, against the independent formulation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.errors import DataError, SolveError
from soe_lib.solver.answer import SolverOptions
from tests.properties.independent import answer
from tests.properties.independent_world import Tables, extract

PUBLISHED = Path(__file__).parents[1] / "published"
FOLDERS = sorted(p.name for p in PUBLISHED.iterdir() if p.is_dir() and p.name[0] not in "._t")
FOLDERS = [name for name in FOLDERS if not (PUBLISHED / name / "changeovers.csv").exists()]
"""The independent formulation knows no change-overs; tests/analytic/test_changeovers.py has one that does."""
"""All but the lot-sizing instance on two lines, whose copies take minutes to prove."""

Draw = np.random.Generator
UNITS = {
    "forecast": ("quantity", "committed"),
    "inventory": ("on_hand",),
    "policies": ("safety_stock", "maximum_stock", "end_stock", "end_stock_maximum"),
    "calendar": ("hours", "overtime_hours"),
    "lanes": ("minimum", "maximum", "multiple"),
    "offers": ("minimum", "maximum", "multiple"),
    "routings": ("minimum", "maximum", "multiple"),
    "locations": ("storage_capacity",),
    "workforce": ("opening_heads", "minimum_heads", "maximum_heads"),
    "maintenance": ("hours",),
    "expansions": ("hours",),
    "events": ("hours",),
}
MONEY = {
    "items": ("holding_cost", "end_value"),
    "locations": ("storage_cost", "fixed_cost"),
    "resources": ("hourly_cost", "overtime_cost"),
    "routings": ("cost_per_unit", "setup_cost", "fixed_cost"),
    "offers": ("unit_cost", "order_cost"),
    "offer_prices": ("unit_cost",),
    "lanes": ("cost_per_unit", "fixed_cost"),
    "customers": ("late_cost", "short_cost", "short_penalty"),
    "forecast": ("price",),
    "workforce": ("cost_per_head", "hire_cost", "release_cost"),
    "expansions": ("cost",),
}
OTHER = {"operations": ("hours_per_unit", "units_per_hour", "setup_hours"), "components": ("quantity",)}
LABELS = (
    "item",
    "component",
    "location",
    "origin",
    "destination",
    "resource",
    "routing",
    "lane",
    "offer",
    "customer",
    "supplier",
)


def written(folder: Path, name: str, tables: Tables) -> Path:
    """The tables beside the settings of the folder they came from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_bytes((PUBLISHED / name / "settings.toml").read_bytes())
    for table, rows in tables.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            lines = csv.DictWriter(file, list(rows[0]))
            lines.writeheader()
            lines.writerows(rows)
    return folder


def each(tables: Tables, columns: dict[str, tuple[str, ...]], change: Callable[[float], float]) -> None:
    """Change every number of some columns in place."""
    for table, names in columns.items():
        for row in tables.get(table, []):
            for name in names:
                if row.get(name) not in (None, ""):
                    row[name] = repr(change(float(row[name])))


def scaled(draw: Draw, tables: Tables) -> None:
    """Quantities and hours × k, money × m."""
    units, money = float(draw.choice([0.25, 8.0, 100.0])), float(draw.choice([0.01, 3.0, 1000.0]))
    each(tables, UNITS, lambda x: x * units)
    each(tables, MONEY, lambda x: x * money)


def permuted(draw: Draw, tables: Tables) -> None:
    """Rows and columns in any order, and every code renamed, so that codes sort otherwise too; money stays."""
    codes = sorted({row[k] for rows in tables.values() for row in rows for k in LABELS if row.get(k)})
    codes += [row["target"] for row in tables.get("events", []) if row["target"] not in codes]
    names = dict(zip(codes, (f"x{n:04d}" for n in draw.permutation(len(codes))), strict=True))
    for table, rows in tables.items():
        for row in rows:
            row.update({k: names[row[k]] for k in (*LABELS, "target") if row.get(k)})
        columns = draw.permutation(list(rows[0]))
        tables[table] = [{name: rows[n][name] for name in columns} for n in draw.permutation(len(rows))]
    tables["periods"].sort(key=lambda row: str(row["starts_on"]))


def broken(draw: Draw, tables: Tables) -> None:
    """A third of all figures are wrong by up to a half, and a tenth of the demand lines are gone."""
    for columns in (UNITS, MONEY, OTHER):
        each(tables, columns, lambda x: round(x * float(draw.uniform(0.5, 1.5)), 3) if draw.random() < 0.3 else x)
    kept = [row for row in tables["forecast"] if draw.random() > 0.1]
    tables["forecast"] = kept or tables["forecast"]
    for row in tables["forecast"]:
        if row.get("committed") not in (None, ""):
            row["committed"] = repr(min(float(row["committed"]), float(row["quantity"])))
    for table, low, high in (
        ("policies", "end_stock", "end_stock_maximum"),
        ("policies", "end_stock", "maximum_stock"),
        ("routings", "minimum", "maximum"),
    ):
        for row in tables.get(table, []):
            if row.get(low) not in (None, "") and row.get(high) not in (None, ""):
                row[high] = repr(max(float(row[low]), float(row[high])))


# -- data that no plan can be made of ---------------------------------------------------------------------------------


def _cell(table: str, column: str, value: str) -> Callable[[Draw, Tables], str]:
    """One cell, in any row, says something else."""

    def spoil(draw: Draw, tables: Tables) -> str:
        rows = tables[table]
        rows[int(draw.integers(len(rows)))][column] = value
        return table

    return spoil


def _twice(draw: Draw, tables: Tables) -> str:
    """A row with a key is there twice, with another number."""
    rows = tables["items"]
    rows.append(dict(rows[int(draw.integers(len(rows)))]))
    return "items"


def _gap(draw: Draw, tables: Tables) -> str:  # noqa: ARG001
    """A period ends before it starts."""
    row = tables["periods"][-1]
    row["ends_on"] = "1900-01-01"
    return "periods"


def _without(table: str) -> Callable[[Draw, Tables], str]:
    """A table is missing."""

    def spoil(draw: Draw, tables: Tables) -> str:  # noqa: ARG001
        del tables[table]
        return table

    return spoil


SPOILT = {
    "a blank demand": _cell("forecast", "quantity", ""),
    "a negative demand": _cell("forecast", "quantity", "-1"),
    "words for a number": _cell("forecast", "quantity", "a lot"),
    "a demand without end": _cell("forecast", "quantity", "inf"),
    "no number": _cell("forecast", "quantity", "nan"),
    "an item that nobody knows": _cell("forecast", "item", "no such item"),
    "a place that nobody knows": _cell("forecast", "location", "no such place"),
    "a period that nobody knows": _cell("forecast", "period", "no such period"),
    "an item twice": _twice,
    "a period that ends before it starts": _gap,
    "no items": _without("items"),
    "no demand": _without("forecast"),
}


def third(name: str, what: str) -> bool:
    """Every kind of damage meets a third of the folders, every folder a third of the kinds; the long form all of both."""
    return (FOLDERS.index(name) + sorted(SPOILT).index(what)) % 3 == 0


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param(name, what, marks=[] if third(name, what) else pytest.mark.slow)
        for name in FOLDERS
        for what in sorted(SPOILT)
    ],
)
def test_a_spoilt_copy_is_refused_with_the_name_of_its_table(tmp_path: Path, name: str, what: str) -> None:
    tables, _ = extract(PUBLISHED / name)
    table = SPOILT[what](np.random.default_rng(len(what)), tables)
    folder = written(tmp_path, name, tables)
    with pytest.raises(DataError, match=table):
        soe.read(folder)


CHANGES = {"scaled": scaled, "permuted": permuted, "broken": broken}


def compare(folder: Path, name: str, change: str, seed: int) -> str:
    """Fails where ours and the independent answer differ; the status they agree on."""
    tables, settings = extract(PUBLISHED / name)
    CHANGES[change](np.random.default_rng(seed), tables)
    status, money = answer(tables, **settings)
    who = f"{name}, {change}, seed {seed}"
    try:
        plan = soe.plan(soe.read(written(folder, name, tables)), options=SolverOptions(gap=0.0))
    except SolveError as refused:
        if refused.status != status:
            pytest.fail(f"{who}: {refused} against {status} {money}")
        return status
    assert status == "optimal", f"{who}: {plan.objective} against {status}"
    assert abs(plan.objective - money) <= 1e-6 * max(1.0, abs(money)), f"{who}: {plan.objective} against {money}"
    if change == "permuted":
        base = soe.plan(soe.read(PUBLISHED / name)).objective
        assert abs(plan.objective - base) <= 1e-6 * max(1.0, abs(base)), f"{who}: {plan.objective}, unchanged {base}"
    return status


@pytest.mark.parametrize("name", FOLDERS)
def test_a_copy_against_an_independent_formulation(tmp_path: Path, name: str) -> None:
    change = sorted(CHANGES)[FOLDERS.index(name) % 3]
    compare(tmp_path, name, change, seed=FOLDERS.index(name))


@pytest.mark.slow
@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize("name", FOLDERS)
def test_many_copies(tmp_path: Path, name: str, change: str) -> None:
    for seed in range(8):
        compare(tmp_path / str(seed), name, change, seed)
