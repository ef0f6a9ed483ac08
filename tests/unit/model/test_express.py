"""The arrays that HiGHS is given are what CVXPY would have made of the same program, and CVXPY is not asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.model.convex import express
from soe_lib.solver.program import Canonical

ROOT = Path(__file__).parents[3]
CASES = sorted(path.parent.name for path in (ROOT / "tests" / "published").glob("*/settings.toml"))
ARRAYS = ("cost", "row_lower", "row_upper", "lower", "upper", "integer", "when", "what")


def the_same(one: Canonical, other: Canonical) -> bool:
    assert (one.columns, one.rows, one.implied, one.offset) == (other.columns, other.rows, other.implied, other.offset)
    matrices = ("indptr", "indices", "data")
    assert one.matrix.shape == other.matrix.shape
    return all(np.array_equal(getattr(one.matrix, name), getattr(other.matrix, name)) for name in matrices) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS
    )


@pytest.mark.parametrize("case", CASES)
def test_both_ways_are_bit_identical(case: str) -> None:
    model = soe.Model(soe.read(ROOT / "tests" / "published" / case))
    assert the_same(model.canonical, express(model.program)[1])


def test_both_ways_are_bit_identical_for_the_demo() -> None:
    model = soe.Model(soe.read(ROOT / "data" / "demo"))
    assert the_same(model.canonical, express(model.program)[1])


@pytest.mark.parametrize("case", ["ampl_steelT", "gams_clsp", "hpw_factory_planning_2"])
def test_the_problem_solves_to_the_same_objective(case: str) -> None:
    snapshot = soe.read(ROOT / "tests" / "published" / case)
    problem = soe.Model(snapshot).problem
    assert problem.solve(solver="HIGHS") == pytest.approx(soe.plan(snapshot).objective, rel=1e-7)


def test_a_plan_does_not_import_cvxpy() -> None:
    code = "import sys, soe_lib as soe; soe.plan(soe.read(sys.argv[1])); sys.exit('cvxpy' in sys.modules)"
    case = str(ROOT / "tests" / "published" / "ampl_steelT")
    assert subprocess.run([sys.executable, "-c", code, case], check=False).returncode == 0
