"""Random small networks against an independent formulation; the long form runs 2,000 (`pytest --runslow`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.solver.answer import SolverOptions
from tests.networks import snapshot
from tests.properties.independent import optimum
from tests.properties.random_network import network


def varied(seed: int) -> dict[str, list[dict[str, Any]]]:
    """A random network with yields, storage limits, and in two of five cases set-ups or minimum runs."""
    tables, draw = network(seed), np.random.default_rng(seed + 1_000_000)
    for routing in tables["routings"]:
        routing["yield"] = float(draw.choice([1.0, 0.9, 0.8]))
    for item in tables["items"]:
        item["volume"] = float(draw.integers(1, 4))
    for place in tables["locations"]:
        place["storage_capacity"] = float(draw.integers(150, 400))
    for customer in tables["customers"]:
        customer["latest_days"] = int(draw.integers(0, 12))
    if seed % 5 in (0, 1):
        for item in tables["items"]:
            item["end_value"] = 0.0
        for routing in tables["routings"]:
            if seed % 5 == 0:
                routing["setup_cost"] = float(draw.integers(0, 30))
            routing["minimum"] = float(draw.integers(0, 6))
        tables["forecast"] = [row for row in tables["forecast"] if draw.random() < 0.5] or tables["forecast"]
    return tables


def compare(folder: Path, seed: int) -> None:
    tables = varied(seed)
    plan = soe.plan(snapshot(folder, **tables), options=SolverOptions(gap=0.0))
    other = optimum(tables)
    assert abs(plan.objective - other) <= 1e-6 * max(1.0, abs(other)), f"seed {seed}: {plan.objective} against {other}"


@pytest.mark.parametrize("seed", range(30))
def test_the_optimum_of_an_independent_formulation(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed)


@pytest.mark.slow
def test_two_thousand_networks(tmp_path: Path) -> None:
    for seed in range(2_000):
        compare(tmp_path / str(seed), seed)
