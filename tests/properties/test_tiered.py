"""A cold solve without the rows of the cushion: the plan, prices and basis of the whole program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.model.blocks.cushion import Cushion
from soe_lib.model.living import Living
from soe_lib.model.network import Network
from soe_lib.solver.gate import Gate
from soe_lib.solver.presolve import Tiered
from soe_lib.solver.program import Program
from soe_lib.solver.race import LARGE
from soe_lib.solver.session import Session
from tests.properties.test_cushion import company

DEMO = Path(__file__).parents[2] / "data" / "demo"
CONTINUOUS = ("plain", "shelf life", "late only", "proportional", "promised")


@pytest.mark.parametrize("kind", CONTINUOUS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_answer_to_the_whole_program(tmp_path: Path, seed: int, kind: str) -> None:
    model = soe.Model(company(tmp_path, seed, kind)).staged()
    arrays, tiered = model.program, Tiered.of_program(model.program)
    cold, whole = Session(arrays, unique=True).solve(), Gate(arrays).answer(arrays.weights)
    assert tiered is not None
    assert len(tiered.smaller.row_upper) == len(arrays.row_upper) - len(tiered.row)
    assert len(tiered.row) > 0
    assert cold.objective == pytest.approx(whole.objective, rel=1e-9)
    assert cold.x == pytest.approx(whole.x, abs=1e-6)
    # Prices prove the optimum: reduced money is what they leave of a quantity's money, and is paid at a bound only.
    left = -arrays.cost - arrays.matrix.T @ cold.price
    assert cold.reduced == pytest.approx(left, abs=1e-6)
    assert np.all((left <= 1e-6) | (cold.x >= arrays.upper - 1e-6))
    assert np.all((left >= -1e-6) | (cold.x <= arrays.lower + 1e-6))
    slack = arrays.row_upper - arrays.matrix @ cold.x
    loose = (slack > 1e-6) & (arrays.row_lower < arrays.row_upper)
    assert np.abs(cold.price[loose]).max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_another_run_from_its_basis_has_nothing_left_to_do(tmp_path: Path, seed: int) -> None:
    model = soe.Model(company(tmp_path, seed, "plain"))
    session = Session(model.program, unique=True)
    cold = session.solve()
    again = Gate(model.program).start_from(session.start.basis).answer()
    assert cold.iterations > 0
    assert again.iterations == 0
    assert again.objective == pytest.approx(cold.objective, rel=1e-9)


def test_a_living_model_answers_like_a_cold_one(tmp_path: Path) -> None:
    made = company(tmp_path, 2, "plain")
    changed = soe.Scenario("more").scale("forecast.quantity", 1.3).apply(made)
    hot, cold = Living(made, record=None).plan(changed), soe.plan(changed, record=None)
    assert hot.identity == cold.identity
    assert hot.objective == pytest.approx(cold.objective, rel=1e-9)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_change_of_demand_leaves_a_cushion_as_many_tiers(share: float) -> None:
    made = soe.read(DEMO, as_of="2026-11-16")
    customer = made["customers"]["customer"].sort()[0]
    changed = soe.Scenario("demand").scale("forecast.quantity", share, customer=customer).apply(made)
    one, other = (next(iter(Cushion().flows(Network(each)))) for each in (made, changed))
    assert one.axis.same(other.axis)
    assert not one.rows["width"].equals(other.rows["width"])


def program(ceiling: float, room: float) -> Program:
    """Two stocks (columns 0, 1) that cost 1 and share room, each with two tiers of 3 and 2 units, at 5 and 2 a unit."""
    rows = [
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [-1.0, 0.0, -1.0, -1.0, 0.0, 0.0],
        [0.0, -1.0, 0.0, 0.0, -1.0, -1.0],
    ]
    return Program(
        matrix=sp.csc_array(np.array(rows)),
        cost=np.array([1.0, 1.0, 5.0, 2.0, 5.0, 2.0]),
        row_lower=np.full(3, -np.inf),
        row_upper=np.array([room, -5.0, -5.0]),
        lower=np.zeros(6),
        upper=np.array([np.inf, ceiling, 3.0, 2.0, 3.0, 2.0]),
        integer=np.zeros(6, bool),
        columns={"stock": slice(0, 2), "below_cushion": slice(2, 6)},
        rows={"room": slice(0, 1), "cushion": slice(1, 3)},
    )


@pytest.mark.parametrize(("ceiling", "left_out"), [(np.inf, [1, 2]), (4.0, [1])])
def test_a_stock_with_a_bound_of_its_own_keeps_its_row(ceiling: float, left_out: list[int]) -> None:
    made = program(ceiling, room=7.0)
    tiered = Tiered.of_program(made)
    assert tiered is not None
    assert tiered.row.tolist() == left_out
    # By hand: seven units fill both first tiers and half of a second, of the first stock up to 4; the three that are missing cost 2 each.
    cold = Session(replace(made, weights=np.array([1.0, 2.0, 0.0, 0.0, 0.0, 0.0])), unique=True).solve()
    assert cold.objective == pytest.approx(-(7.0 + 3 * 2.0))
    assert cold.x == pytest.approx([4.0, 3.0, 0.0, 1.0, 0.0, 2.0])  # the weights prefer the first stock
    assert cold.price[0] == pytest.approx(1.0)  # room for one more: 2 saved, 1 of stock


def test_levels_that_the_widths_do_not_add_up_to_keep_the_row() -> None:
    made = program(np.inf, room=7.0)
    made.row_upper[1:] = -6.0
    assert Tiered.of_program(made) is None


def test_a_refusal_speaks_of_the_whole_program() -> None:
    made = program(np.inf, room=-1.0)
    with pytest.raises(SolveError, match="infeasible"):
        Session(made, unique=True).solve()


def test_tiers_without_width_make_no_program_large_enough_for_a_race() -> None:
    made = soe.Model(soe.read(DEMO, as_of="2026-11-16")).program
    moving = int((made.lower < made.upper).sum())
    assert moving < LARGE <= len(made.cost)
    assert Gate(made)._racers("auto") == ("simplex",)
