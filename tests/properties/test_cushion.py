"""The cushion on random companies: booked as its curve says, never better than without, and beside every other block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model import risk
from soe_lib.model.network import Network
from tests.networks import snapshot
from tests.properties.random_network import network

USE = '[costs]\nper = "{per}"\n[cushion]\nuse = "{use}"\nerror = 0.6\n'
KINDS = ("plain", "lots", "set-ups", "shelf life", "late only", "proportional", "promised")


def company(folder: Path, seed: int, kind: str, use: str = "always") -> Snapshot:
    """A random company with one more idea in it."""
    tables: dict[str, list[dict[str, Any]]] = network(seed)
    settings = USE.format(per="week" if seed % 2 else "day", use=use)
    if kind == "lots":
        tables["routings"] = [{**row, "multiple": 4 if row["routing"] == "AP" else None} for row in tables["routings"]]
    if kind == "set-ups":
        tables["routings"] = [{**row, "setup_cost": 2 * (row["routing"] == "BQ")} for row in tables["routings"]]
    if kind == "shelf life":
        tables["items"] = [{**row, "shelf_life_days": 9 if row["item"] != "R" else None} for row in tables["items"]]
    if kind == "late only":
        tables["customers"] = [{**row, "latest_days": 60} for row in tables["customers"]]
    if kind == "proportional":
        settings += '[objective]\nallocation = "proportional"\n'
    if kind == "promised":
        tables["forecast"] = [{**row, "committed": min(1.0, row["quantity"])} for row in tables["forecast"]]
    return snapshot(folder, settings, **tables)


def expected(made: Snapshot, plan: soe.Plan) -> float:
    """What the curve of each node says of the plan's own closing stock: the part of each tier above it, priced."""
    stock = plan.flows["stock"].select(*risk.CELL, closing="quantity")
    tiers = risk.steps(Network(made)).with_columns(pl.col(risk.CELL).cast(pl.String))
    both = tiers.join(stock.with_columns(pl.col(risk.CELL).cast(pl.String)), on=risk.CELL, how="left")
    assert both["closing"].null_count() == 0
    upper, width, closing, price = (both[name].to_numpy() for name in ("level", "width", "closing", "price"))
    return float((np.clip(upper - np.maximum(closing, upper - width), 0.0, None) * price).sum())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_its_cost_is_that_of_the_curve_at_the_plans_stock(tmp_path: Path, seed: int, kind: str) -> None:
    held, free = company(tmp_path / "held", seed, kind), company(tmp_path / "free", seed, kind, "never")
    plan, without = soe.plan(held, record=None), soe.plan(free, record=None)
    booked = -float(plan.ledger.accounts().get("expected shortage", 0.0))
    assert booked == pytest.approx(expected(held, plan), abs=1e-6)
    assert plan.objective == pytest.approx(plan.margin + plan.steering, abs=1e-6)
    assert "expected shortage" not in without.ledger.accounts()
    if kind == "proportional":  # its aims come before money
        return
    # It costs something, and no more than the plan without it would be expected to lose.
    assert plan.objective <= without.objective + 1e-6
    assert plan.objective >= without.objective - expected(held, without) - 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_changes_nothing(tmp_path: Path, seed: int) -> None:
    tables = network(seed)
    draw = np.random.default_rng(seed)
    turned = {
        name: [rows[n] for n in draw.permutation(len(rows))] for name, rows in tables.items() if name != "periods"
    }
    settings = USE.format(per="week", use="always")
    one = soe.plan(snapshot(tmp_path / "one", settings, **tables), record=None)
    other = soe.plan(snapshot(tmp_path / "other", settings, **turned, periods=tables["periods"]), record=None)
    assert one.objective == other.objective
    for flow, rows in one.flows.items():
        assert rows.equals(other.flows[flow]), flow


def test_stock_that_would_expire_protects_nothing(tmp_path: Path) -> None:
    fresh = company(tmp_path / "fresh", 1, "shelf life")
    network_ = Network(fresh)
    highest = (
        risk.steps(network_)
        .filter(pl.col("item").cast(pl.String) != "R")
        .group_by(risk.CELL)
        .agg(pl.col("level").max())
    )
    asked = network_.demand.group_by("item", "location").agg(pl.col("quantity").sum())
    days = float(
        network_.periods.select((pl.col("ends_on") - pl.col("starts_on")).dt.total_days().sum() + pl.len()).item()
    )
    assert not highest.is_empty()
    # No more than about nine days of the demand at hand: twice the mean pace is a generous limit of any interval.
    most = highest.group_by("item").agg(pl.col("level").max()).join(asked, on="item")
    assert (most["level"] <= 9 * 3 * most["quantity"] / days).all()


def test_a_conflict_names_the_same_promises_with_it(tmp_path: Path) -> None:
    """What is promised beyond all supply cannot be kept, cushion or not."""
    found = []
    for use in ("always", "never"):
        tables = network(1)
        tables["calendar"] = [{**row, "hours": 1.0, "overtime_hours": 0.0} for row in tables["calendar"]]
        tables["inventory"] = []
        tables["forecast"] = [{**row, "committed": row["quantity"]} for row in tables["forecast"]]
        tables = {name: rows for name, rows in tables.items() if rows}
        made = snapshot(tmp_path / use, USE.format(per="week", use=use), **tables)
        with pytest.raises(SolveError) as error:
            soe.plan(made, record=None)
        found.append(str(error.value))
    assert found[0] == found[1]
