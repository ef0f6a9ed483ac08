"""The smaller program of a living solver: the same answer, in quantities, money and prices of the whole one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.solver.gate import Gate
from soe_lib.solver.presolve import Reduction
from soe_lib.solver.program import Program
from tests.unit.model.programs import INF, arrays, fine

SEEDS = 60


def shop() -> Program:
    """Sell at 5 what 10 want, or leave it short at 2; make at most 7, hours 1 each, 2 hours of overtime at 1 at most.

    Columns sell, short, overtime, stock; sell + short == 10, sell − overtime <= 6, overtime <= 2, stock <= 3.
    """
    made = arrays(
        [-5.0, 2.0, 1.0, 0.0],
        [[1, 1, 0, 0], [1, 0, -1, 0], [0, 0, 1, 0], [0, 0, 0, 2.0]],
        [10.0, 6.0, 2.0, 6.0],
        equal=1,
    )
    return replace(made, upper=np.array([7.0, INF, INF, INF]))


def random_program(seed: int) -> Program:
    """Equations with and without slacks, limits on one quantity, rows of several; feasible by construction."""
    chance = np.random.default_rng(seed)
    own, rows = int(chance.integers(3, 9)), int(chance.integers(3, 9))
    matrix = chance.choice([0.0, 0.0, 1.0, -1.0, 2.0, 0.5], (rows, own))
    for row in np.flatnonzero(chance.random(rows) < 0.5):  # alone in its row
        matrix[row] = 0.0
        matrix[row, chance.integers(own)] = chance.choice([1.0, -2.0, 0.5])
    slack = np.zeros((rows, rows))
    filled = np.flatnonzero(chance.random(rows) < 0.6)
    slack[filled, filled] = chance.choice([1.0, -1.0, 2.0, -0.5], len(filled))
    matrix = np.hstack([matrix, slack[:, filled]])
    size = matrix.shape[1]
    low = chance.choice([0.0, 0.0, -2.0, 1.0], size)
    high = low + chance.choice([0.0, 3.0, 8.0, 20.0], size, p=[0.1, 0.3, 0.3, 0.3])
    inside = low + (high - low) * chance.random(size)
    equal = chance.random(rows) < 0.6
    equal[filled] |= chance.random(len(filled)) < 0.7
    right = matrix @ inside
    order = np.argsort(~equal, kind="stable")  # equations first
    matrix, equal = matrix[order], equal[order]
    right = right[order] + np.where(equal, 0.0, chance.choice([0.0, 1.0, 5.0], rows))
    cost = chance.choice([-5.0, -3.0, -1.0, 0.0, 1.0, 2.0, 4.0], size) + chance.random(size) * 0.1
    made = arrays(cost.tolist(), matrix.tolist(), right.tolist(), equal=int(equal.sum()))
    return replace(made, lower=low, upper=high, matrix=sp.csc_array(made.matrix), offset=float(chance.integers(9)))


def test_what_only_bounds_one_quantity_is_left_out() -> None:
    program = shop()
    lean = Reduction.of(program)
    small = lean.reduced(program)
    assert lean.slack.tolist() == [1]
    assert small.matrix.toarray().tolist() == [[1.0, -1.0, 0.0]]
    assert small.upper.tolist() == [7.0, 2.0, 3.0]
    assert small.cost.tolist() == [-7.0, 1.0, 0.0]  # what is sold is not short
    assert small.offset == 20.0


def test_the_prices_of_what_was_left_out_come_back() -> None:
    program = replace(shop(), row_upper=np.array([6.5, 6.0, 2.0, 6.0]), row_lower=np.array([6.5, -INF, -INF, -INF]))
    lean = Reduction.of(program)
    answer = lean.whole(Gate(lean.reduced(program)).answer(), program)
    assert answer.x.tolist() == pytest.approx([6.5, 0.0, 0.5, answer.x[3]])
    assert answer.objective == pytest.approx(5 * 6.5 - 0.5)
    assert answer.price.tolist() == pytest.approx([4.0, 1.0, 0.0, 0.0])  # one more wanted: 5 less an hour of overtime


@pytest.mark.parametrize("seed", range(SEEDS))
def test_it_earns_the_same_and_is_proven_by_the_whole_program(seed: int) -> None:
    program = random_program(seed)
    gate = Gate(program)
    whole, lean = gate.answer(), Reduction.of(program)
    answer = lean.whole(Gate(lean.reduced(program)).answer(), program)
    assert answer.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
    assert -(program.cost @ answer.x + program.offset) == pytest.approx(answer.objective, rel=1e-9, abs=1e-9)
    activity = program.matrix @ answer.x
    assert (answer.x >= program.lower - 1e-9).all()
    assert (answer.x <= program.upper + 1e-9).all()
    assert (activity >= program.row_lower - 1e-8).all()
    assert (activity <= program.row_upper + 1e-8).all()
    # Weak duality closes: the reduced money is that of these prices, and no price or bound pulls at what is not tight.
    assert answer.reduced == pytest.approx(-program.cost - program.matrix.T @ answer.price, abs=1e-9)
    free = ~np.isclose(program.row_lower, program.row_upper)
    assert (answer.price[free] >= -1e-9).all()
    bound = np.where(answer.reduced > 0, program.upper, program.lower)
    dual = program.row_upper @ answer.price + np.where(np.abs(answer.reduced) > 1e-9, answer.reduced * bound, 0.0).sum()
    assert dual - program.offset == pytest.approx(answer.objective, rel=1e-8, abs=1e-8)
    # From the whole program's basis there is nothing left to do, or hardly anything where it was degenerate.
    again = Gate(lean.reduced(program)).start_from(lean.basis(gate.basis)).answer()
    assert again.objective == pytest.approx(whole.objective, rel=1e-9, abs=1e-9)
    assert again.iterations <= 2


def test_most_random_programs_have_something_to_leave_out() -> None:
    found = [Reduction.of(random_program(seed)) for seed in range(SEEDS)]
    assert sum(len(one.slack) > 0 for one in found) > SEEDS / 2
    assert sum(len(one.bound) > 0 for one in found) > SEEDS / 2


def test_it_fits_where_only_figures_moved_that_it_does_not_hold() -> None:
    program = shop()
    lean = Reduction.of(program)
    assert lean.fits(replace(program, cost=program.cost * 2, row_upper=program.row_upper * 1.0))
    assert not lean.fits(replace(program, matrix=program.matrix.copy()))
    assert not lean.fits(replace(program, upper=np.array([7.0, 0.0, INF, INF])))  # short may not be: no slack any more
    assert not lean.fits(replace(program, row_lower=np.full(4, -INF)))


def test_what_cannot_be_is_refused_as_by_the_whole_program() -> None:
    program = replace(shop(), lower=np.array([0.0, 4.0, 0.0, 0.0]), upper=np.array([7.0, 5.0, 2.0, INF]))
    none = replace(program, lower=np.array([6.5, 4.0, 0.0, 0.0]))  # 6.5 and 4 are more than 10
    lean = Reduction.of(none)
    for asked in (none, lean.reduced(none)):
        with pytest.raises(SolveError) as error:
            Gate(asked).answer()
        assert error.value.status == "infeasible"
    free = replace(fine(), matrix=sp.csc_array(np.array([[1.0, -1.0], [0.0, 0.0]])))
    free = replace(free, columns={"sell": slice(0, 1), "make": slice(1, 2)})
    for asked in (free, Reduction.of(free).reduced(free)):
        with pytest.raises(SolveError, match="flow sell, make earns money without limit") as error:
            Gate(asked).answer()
        assert error.value.status == "unbounded"


def test_what_is_kept_keeps_its_name() -> None:
    program = replace(shop(), columns={"sell": slice(0, 1), "short": slice(1, 2), "rest": slice(2, 4)})
    small = Reduction.of(program).reduced(program)
    assert small.columns == {"sell": slice(0, 1), "short": slice(1, 1), "rest": slice(1, 3)}
    assert small.rows == {"limit": slice(0, 1)}


def test_bounds_that_cross_by_rounding_count_as_one() -> None:
    third = 1e9 / 3.0
    made = arrays([-1.0, 1.0, 0.0], [[3.0, 1.0, 0.0], [1.0, 0.0, 1.0]], [1e9, 5e9], equal=1)
    program = replace(made, lower=np.array([third * (1 + 1e-15), 0.0, 0.0]))
    assert program.lower[0] > third
    assert Gate(Reduction.of(program).reduced(program)).answer().x[0] == pytest.approx(third)
