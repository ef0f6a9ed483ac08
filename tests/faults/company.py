"""A company of one item in one warehouse, and one review notebook: the whole weekly run in half a second of work."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2026, 12, 21)
NOTEBOOK = """
import dataclasses
from pathlib import Path
from soe_lib.model.checks import read
from soe_lib.store.plan import Plan
from soe_lib.pack.display import publish
from soe_lib.workspace import write

snapshot = read(data, as_of)
stock = float(snapshot["inventory"]["on_hand"].sum())
solved = Path(data).parent / "solved"
if results and solved.is_dir():
    made = dataclasses.replace(Plan.load(solved), fingerprint=snapshot.fingerprint, as_of=snapshot.as_of)
    made.save(Path(results) / "plan")
score = {"name": "Stock in hand", "value": stock, "unit": "each", "state": "good"}
check = {"name": "Stock is counted", "ok": stock >= 0}
publish(results, page="stock", title="Stock", headline=f"{stock:g} units are in hand.", scores=[score], checks=[check])
"""
PARAMETERS = 'data: str = ""\nas_of: str = ""\nresults: str = ""\nstore: str = ""'


def extract(company: Path, as_of: date, *, on_hand: float = 50.0) -> Path:
    """One extract: two weekly periods, one item to buy and to sell, so much of it in stock."""
    folder = company / as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    week = timedelta(days=7)
    files = {
        "settings.toml": f'company = "{company.name}"\ncurrency = "USD"\nas_of = "{as_of}"\n',
        "items.csv": "item,unit,holding_cost\ngrain,each,0\n",
        "locations.csv": "location,kind,storage_capacity,storage_cost\nwarehouse,warehouse,100,1\n",
        "inventory.csv": f"item,location,on_hand\ngrain,warehouse,{on_hand:g}\n",
        "offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days\nbuy,market,grain,warehouse,10,0\n",
        "forecast.csv": "item,location,period,quantity,price\ngrain,warehouse,P1,40,12\ngrain,warehouse,P2,40,12\n",
        "periods.csv": f"period,starts_on,ends_on\nP1,{as_of},{as_of + week - timedelta(days=1)}\n"
        f"P2,{as_of + week},{as_of + 2 * week - timedelta(days=1)}\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def cell(source: str, *tags: str) -> dict[str, object]:
    """A code cell of a notebook."""
    return {
        "cell_type": "code",
        "id": f"cell{abs(hash(source)) % 10**8}",
        "metadata": {"tags": list(tags)},
        "execution_count": None,
        "outputs": [],
        "source": source.strip(),
    }


def notebook(folder: Path, *sources: str, name: str = "stock") -> Path:
    """A review of these cells, behind the cell of its parameters."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "soe": {"page": True, "title": name.capitalize(), "order": 1}},
        "cells": [cell(PARAMETERS, "parameters"), *(cell(source) for source in sources)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def solve(home: Path) -> Path:
    """Solve the company's plan once; the notebook takes it as each week's, so that the plan store is written for real."""
    from soe_lib.model.checks import read
    from soe_lib.model.planning import plan

    return plan(read(home / "data" / "grain", FIRST.isoformat())).save(home / "data" / "solved")


def workspace(home: Path, *, weeks: int = 1, solved: Path | None = None) -> Path:
    """Company, notebook and (given a solved plan) the plan, laid out in a folder; returns it."""
    for number in range(weeks):
        extract(home / "data" / "grain", FIRST + timedelta(weeks=number), on_hand=50.0 + number)
    notebook(home / "notebooks", NOTEBOOK)
    if solved is not None:
        shutil.copytree(solved, home / "data" / "solved", dirs_exist_ok=True)
    return home
