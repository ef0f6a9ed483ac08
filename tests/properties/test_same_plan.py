"""The same inputs in any order give the same plan, unit for unit; and the plan keeps its promises on any network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import soe_lib as soe
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.planning import Model
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.gate import Gate
from soe_lib.solver.program import Program
from soe_lib.store.plan import Plan
from tests.networks import snapshot
from tests.properties.random_network import network
from tests.properties.test_metamorphic import LONG, rich


def shuffled(tables: dict[str, list[dict[str, Any]]], seed: int) -> dict[str, list[dict[str, Any]]]:
    draw = np.random.default_rng(seed)
    return {name: [rows[k] for k in draw.permutation(len(rows))] for name, rows in tables.items()}


def permuted(folder: Path, tables: dict[str, list[dict[str, Any]]], seed: int) -> Model:
    """The model of the tables with their rows in another order, of blocks in another order."""
    other = snapshot(folder, **shuffled(tables, seed))
    return Model(other, [STANDARD[n] for n in np.random.default_rng(seed).permutation(len(STANDARD))])


def moved(one: Plan, other: Plan) -> float:
    """The largest number of units by which a cell of one plan differs from the same cell of another."""
    assert one.flows.keys() == other.flows.keys()
    for flow, frame in one.flows.items():
        assert frame.drop("quantity").equals(other.flows[flow].drop("quantity")), flow
    pairs = [(frame["quantity"], other.flows[flow]["quantity"]) for flow, frame in one.flows.items()]
    return max(float((mine - theirs).abs().max() or 0.0) for mine, theirs in pairs)  # type: ignore[arg-type]


def same_arrays(one: Program, other: Program) -> bool:
    """Whether a solver is handed the same program, bit for bit."""
    parts = ("cost", "row_lower", "row_upper", "lower", "upper", "integer")
    matrix = all(
        np.array_equal(getattr(one.matrix, k), getattr(other.matrix, k)) for k in ("data", "indices", "indptr")
    )
    return matrix and all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 24))])
def test_five_permutations_of_rows_and_blocks_move_no_unit(tmp_path: Path, seed: int) -> None:
    tables = network(seed) if seed % 4 else rich(seed + 2)  # the latter with receipts, policies, limits and rooms
    model = Model(snapshot(tmp_path / "base", **tables))
    base = model.solve()
    for k in range(5):
        other = permuted(tmp_path / str(k), tables, k)
        plan = other.solve()
        assert plan.objective == pytest.approx(base.objective, rel=1e-9)
        assert moved(base, plan) == 0
        assert (plan.fingerprint, plan.identity) == (base.fingerprint, base.identity)


@pytest.mark.parametrize("seed", [0, 11, 35, *(pytest.param(n, marks=pytest.mark.slow) for n in LONG[2::5])])
def test_with_whole_numbers_too_the_solver_is_handed_the_same_program_and_no_unit_moves(
    tmp_path: Path, seed: int
) -> None:
    """Minimum runs, set-ups, offers by multiples: the rule of `soe_lib.solver.gate`, proven to gap 0."""
    tables = rich(seed) if seed else _lots(network(3))
    model = Model(snapshot(tmp_path / "base", **tables))
    if not model.program.integer.any():  # a network that chance gave no lots: give it some
        tables = _lots(tables)
        model = Model(snapshot(tmp_path / "lots", **tables))
    assert model.program.integer.any()
    base = model.solve(SolverOptions(gap=0.0))
    for k in range(5):
        other = permuted(tmp_path / str(k), tables, k)
        assert same_arrays(model.program, other.program)
        plan = other.solve(SolverOptions(gap=0.0))
        assert plan.objective == pytest.approx(base.objective, rel=1e-9)
        assert moved(base, plan) == 0
        assert plan.identity == base.identity


def _lots(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Two equal offers, in lots of three: many plans earn the same."""
    for row in tables["offers"]:
        row["multiple"] = 3.0
    for row in tables["items"]:
        row["end_value"] = 0.0
    return tables


@pytest.mark.parametrize("solver", ["simplex", "ipx", "hipo"])
@pytest.mark.parametrize("seed", [3, 6, *(pytest.param(n, marks=pytest.mark.slow) for n in range(30, 40))])
def test_every_solver_lands_on_the_same_plan(tmp_path: Path, seed: int, solver: str) -> None:
    model = Model(snapshot(tmp_path, **network(seed)))
    base = model.solve()
    other = model.plan_of(Gate(model.program, SolverOptions(solver=solver)).answer(model.program.weights), name=solver)
    assert other.objective == pytest.approx(base.objective, rel=1e-9)
    assert moved(base, other) < 1e-6


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000))
def test_material_balances_and_hours_hold(seed: int) -> None:
    tables = network(seed)
    with tempfile.TemporaryDirectory() as folder:
        found = snapshot(Path(folder), **tables)
        plan = soe.plan(found)
    total = {flow: float(frame["quantity"].sum()) for flow, frame in plan.flows.items()}
    made = float(plan.flows["make"].select((pl.col("quantity") * pl.col("yield")).sum()).item())
    consumed = float(plan.flows["make"]["quantity"].sum())  # one R per unit started
    # Whatever came in over the horizon was sold, consumed, or is left at the end (in stock or under way).
    assert total["open"] + made + total["buy"] == pytest.approx(total["sell"] + consumed + total["leave"], rel=1e-7)
    assert total["sell"] + total["short"] == pytest.approx(found["forecast"]["quantity"].sum(), rel=1e-9)
    used = (
        plan.flows["make"].join(found["operations"].select("routing", "resource", "hours_per_unit"), on="routing")
        .group_by("resource", "period").agg((pl.col("quantity") * pl.col("hours_per_unit")).sum().alias("used"))
        .join(found["calendar"].select("resource", "period", "hours"), on=["resource", "period"])
        .join(plan.flows["overtime"].select("resource", "period", pl.col("quantity").alias("over")), on=["resource", "period"], how="left")
    )  # fmt: skip
    assert (used["used"] <= used["hours"] + used["over"].fill_null(0.0) + 1e-6).all()
    assert (plan.flows["stock"]["quantity"] >= -1e-9).all()
    storage = plan.flows["stock"].group_by("location", "period").agg(pl.col("quantity").sum())
    assert (storage["quantity"] <= 400 + 1e-6).all()
