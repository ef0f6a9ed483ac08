"""A first run with merged tiers: the same answer, and a start at which the plan with all tiers is feasible."""

from __future__ import annotations

from pathlib import Path

import highspy
import numpy as np
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.solver import gate, presolve
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.gate import Gate
from soe_lib.solver.presolve import Tiered
from soe_lib.solver.race import Merged, MergedFirst
from soe_lib.solver.session import Session
from tests.properties.test_cushion import company
from tests.properties.test_tiered import program

KINDS = ("plain", "shelf life", "late only", "proportional", "promised")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[MergedFirst]:
    """Every program has tiers enough, and who ran is kept."""
    monkeypatch.setattr(presolve, "MANY_TIERS", 1)
    ran: list[MergedFirst] = []
    run = MergedFirst.run
    monkeypatch.setattr(MergedFirst, "run", lambda self: (ran.append(self), run(self))[1])
    return ran


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("race", [False, True])
def test_it_is_the_answer_with_all_tiers(
    tmp_path: Path, few: list[MergedFirst], monkeypatch: pytest.MonkeyPatch, kind: str, race: bool
) -> None:
    monkeypatch.setattr(gate, "LARGE", 1 if race else 10**9)
    model = soe.Model(company(tmp_path, 2, kind)).staged()
    session = Session(model.program, unique=True)
    cold, whole = session.solve(), Gate(model.program).answer(model.program.weights)
    assert few, "merged tiers come first"
    assert cold.objective == pytest.approx(whole.objective, rel=1e-9)
    assert cold.x == pytest.approx(whole.x, abs=1e-6)
    left = -model.program.cost - model.program.matrix.T @ cold.price
    assert cold.reduced == pytest.approx(left, abs=1e-6)
    again = Gate(model.program).start_from(session.start.basis).answer()
    assert again.iterations == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_plan_with_merged_tiers_is_a_corner_of_the_program_with_all(tmp_path: Path, seed: int) -> None:
    found = Tiered.of_program(soe.Model(company(tmp_path, seed, "plain")).program)
    assert found is not None
    merged = Merged.of(found.smaller, found.tier, found.of)
    first = Gate(merged.program)
    answer = first.answer()
    highs = Gate(found.smaller).start_from(merged.parts(first.basis, answer.x)).highs
    highs.setOptionValue("simplex_iteration_limit", 0)
    highs.setOptionValue("simplex_strategy", gate.PRIMAL)
    highs.run()
    x = np.asarray(highs.getSolution().col_value)
    assert highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    rest = np.setdiff1d(np.arange(len(x)), found.tier)
    assert x[rest] == pytest.approx(answer.x[np.searchsorted(merged.columns, rest)], abs=1e-6)
    # Cheap tiers are filled only where the dear ones are full.
    empty = x[merged.tier] < found.smaller.upper[merged.tier] - 1e-6
    above = (merged.row[1:] == merged.row[:-1]) & empty[:-1]
    assert np.abs(x[merged.tier][1:][above]).max() <= 1e-6
    assert (x[found.tier] > 1e-6).any()


def test_a_merged_tier_is_as_wide_as_its_parts_and_costs_their_mean() -> None:
    found = Tiered.of_program(program(np.inf, room=7.0))
    assert found is not None
    merged = Merged.of(found.smaller, found.tier, found.of)
    assert merged.columns.tolist() == [0, 1, 2, 4]
    assert merged.program.upper.tolist() == [np.inf, np.inf, 5.0, 5.0]
    # A unit in the first tier (3 wide) costs 1 − 5, in the second (2 wide) 1 − 2.
    assert merged.program.cost.tolist() == pytest.approx([1.0, 1.0, -14 / 5, -14 / 5])
    status = highspy.HighsBasisStatus
    basis = highspy.HighsBasis()
    basis.col_status = [status.kLower, status.kLower, status.kUpper, status.kBasic]
    basis.row_status = [status.kUpper]
    parts = merged.parts(basis, np.array([0.0, 0.0, 5.0, 3.5]))
    full, part, low = status.kUpper, status.kBasic, status.kLower
    assert list(parts.col_status) == [low, low, full, full, full, part]
    none = merged.parts(basis, np.array([0.0, 0.0, 5.0, 0.0]))
    assert list(none.col_status)[4:] == [part, low]


@pytest.mark.parametrize("large", [1, 10**9])
def test_a_refusal_is_of_the_whole_program(few: list[MergedFirst], monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(gate, "LARGE", large)
    with pytest.raises(SolveError, match="infeasible"):
        Session(program(np.inf, room=-1.0), unique=True).solve()
    assert few


def test_interior_points_begin_with_all_tiers(few: list[MergedFirst]) -> None:
    cold = Session(program(np.inf, room=7.0), SolverOptions(solver="ipx"), unique=True).solve()
    assert not few
    assert cold.objective == pytest.approx(-(7.0 + 3 * 2.0))
