"""The arrays that HiGHS is given are what CVXPY would have made of the same program, and CVXPY is not asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import soe_lib as soe

ROOT = Path(__file__).parents[3]
CASES = sorted(path.parent.name for path in (ROOT / "tests" / "published").glob("*/settings.toml"))


def the_same(model: soe.Model) -> None:
    """The problem in CVXPY, as CVXPY hands it to HiGHS, against the program's own arrays."""
    program, problem = model.program, model.problem
    data = problem.get_problem_data("HIGHS")[0]
    at = data["param_prob"].var_id_to_col
    assert {one.name(): at[one.id] for one in problem.variables()} == {k: v.start for k, v in program.columns.items()}
    assert [one.label for one in problem.constraints] == list(program.rows)
    matrix = sp.csc_array(data["A"])
    matrix.sort_indices()
    for part in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(matrix, part), getattr(program.matrix, part)), part
    assert np.array_equal(data["c"], program.cost)
    assert np.array_equal(data["b"], program.rhs)
    assert data["dims"].zero == program.equalities
    size = len(program.cost)
    for key, bound, none in (("lower_bounds", program.lower, -np.inf), ("upper_bounds", program.upper, np.inf)):
        assert np.array_equal(np.full(size, none) if data[key] is None else data[key], bound), key
    whole = sorted([*data["bool_vars_idx"], *data["int_vars_idx"]])
    assert whole == program.whole.tolist()


@pytest.mark.parametrize("case", CASES)
def test_both_ways_are_bit_identical(case: str) -> None:
    the_same(soe.Model(soe.read(ROOT / "tests" / "published" / case)))


def test_both_ways_are_bit_identical_for_the_demo() -> None:
    the_same(soe.Model(soe.read(ROOT / "data" / "demo")))


@pytest.mark.parametrize("case", ["ampl_steelT", "gams_clsp", "hpw_factory_planning_2"])
def test_the_problem_solves_to_the_same_objective(case: str) -> None:
    snapshot = soe.read(ROOT / "tests" / "published" / case)
    problem = soe.Model(snapshot).problem
    assert problem.solve(solver="HIGHS") == pytest.approx(soe.plan(snapshot).objective, rel=1e-7)


def test_a_plan_does_not_import_cvxpy() -> None:
    code = "import sys, soe_lib as soe; soe.plan(soe.read(sys.argv[1])); sys.exit('cvxpy' in sys.modules)"
    case = str(ROOT / "tests" / "published" / "ampl_steelT")
    assert subprocess.run([sys.executable, "-c", code, case], check=False).returncode == 0
