"""Simplex that takes shared rows last: the same answers and the same statuses as simplex from the start."""

from __future__ import annotations

import highspy
import numpy as np
import pytest
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.solver import gate as gate_module
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.diagnostics import Watch
from soe_lib.solver.gate import Gate
from soe_lib.solver.program import Program
from soe_lib.solver.race import SHARED, LinkingLast, lp, shared

STATUS = highspy.HighsModelStatus
ITEMS = 10


def lines(hours: tuple[float, float] = (30.0, 20.0), wanted: float = 0.0, most: float = 10.0) -> Program:
    """Ten items worth 10 to 19, an hour each on line A, or on line B for 1 more; `wanted` to `most` of each is sold.

    An eleventh quantity is fixed at nought, so that presolve has something to take out.
    """
    each = np.eye(ITEMS)
    made, hours_a, hours_b = np.hstack([each, each, -each]), np.zeros(3 * ITEMS), np.zeros(3 * ITEMS)
    hours_a[:ITEMS] = hours_b[ITEMS : 2 * ITEMS] = 1.0
    matrix = np.hstack([np.vstack([made, hours_a, hours_b]), np.ones((ITEMS + 2, 1))])
    return Program(
        matrix=sp.csc_array(matrix),
        cost=np.concatenate([np.zeros(ITEMS), np.ones(ITEMS), -np.arange(10.0, 20.0), [0.0]]),
        row_lower=np.concatenate([np.zeros(ITEMS), [-np.inf, -np.inf]]),
        row_upper=np.concatenate([np.zeros(ITEMS), hours]),
        lower=np.concatenate([np.zeros(2 * ITEMS), np.full(ITEMS, wanted), [0.0]]),
        upper=np.concatenate([np.full(2 * ITEMS, np.inf), np.full(ITEMS, most), [0.0]]),
        integer=np.zeros(3 * ITEMS + 1, bool),
        columns={},
        rows={},
    )


def loaded(made: Program, **options: float) -> LinkingLast:
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 2)  # as the library has it: HiGHS takes one number in a process
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp(made))
    return LinkingLast(highs)


def test_hours_go_to_the_items_worth_most() -> None:
    runner = loaded(lines())
    runner.run()
    # 50 hours: 10 each of the items worth 19 to 15, 20 of them on line B for 1 more.
    assert runner.getModelStatus() == STATUS.kOptimal
    assert runner.highs.getInfo().objective_function_value == pytest.approx(-(10 * (19 + 18 + 17 + 16 + 15) - 20))
    assert runner.inner.getModelStatus() == STATUS.kOptimal  # it was solved without its presolved rows, and not anew
    assert runner.highs.getInfo().simplex_iteration_count == 0
    assert runner.ahead
    assert runner.highs.getBasis().valid


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_have_the_optimum_of_plain_simplex(seed: int) -> None:
    draw = np.random.default_rng(seed)
    base = lines((float(draw.uniform(5, 90)), float(draw.uniform(5, 60))))
    program = Program(**{**vars(base), "cost": base.cost + draw.uniform(-0.5, 0.5, len(base.cost))})
    runner, plain = loaded(program), loaded(program).highs
    runner.run()
    plain.run()
    optimum = plain.getInfo().objective_function_value
    assert runner.inner.getModelStatus() == STATUS.kOptimal
    assert runner.highs.getInfo().objective_function_value == pytest.approx(optimum, rel=1e-9)


def test_too_few_hours_for_what_must_be_made_is_infeasible() -> None:
    runner = loaded(lines(wanted=6.0))  # 60 of 50 hours
    runner.run()
    assert runner.getModelStatus() in (STATUS.kInfeasible, STATUS.kUnboundedOrInfeasible)
    assert not runner.ahead


def test_bounded_by_its_hours_alone() -> None:
    runner = loaded(lines(most=np.inf))
    runner.run()
    # Without the hours it is unbounded; with them, all 50 go to the item worth 19.
    assert runner.getModelStatus() == STATUS.kOptimal
    assert runner.highs.getInfo().objective_function_value == pytest.approx(-(50 * 19 - 20))


def test_no_limit_at_all_is_unbounded() -> None:
    runner = loaded(lines((np.inf, np.inf), most=np.inf))
    runner.run()
    assert runner.getModelStatus() in (STATUS.kUnbounded, STATUS.kUnboundedOrInfeasible)


def test_no_time_left_is_a_limit() -> None:
    runner = loaded(lines(), time_limit=0.0)
    runner.run()
    assert runner.getModelStatus() == STATUS.kTimeLimit


def test_stopped_before_it_starts_nothing_is_proven() -> None:
    runner = loaded(lines())
    runner.HandleUserInterrupt = True
    runner.cancelSolve()
    runner.run()
    assert runner.getModelStatus() != STATUS.kOptimal


def test_who_watches_the_gate_can_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "LARGE", 1)
    assert Gate(lines()).answer().objective == pytest.approx(10 * (19 + 18 + 17 + 16 + 15) - 20)
    watch = Watch()
    watch.cancel()
    with pytest.raises(SolveError) as caught:
        Gate(lines(), SolverOptions(watch=watch)).answer()
    assert caught.value.status == "cancelled"


def test_shared_are_inequalities_with_many_entries() -> None:
    program = lines()
    made = lp(program)
    assert shared(made, program.row_lower, program.row_upper).tolist() == [ITEMS, ITEMS + 1]
    assert ITEMS >= SHARED
    tight = program.row_upper.copy()
    assert shared(made, tight, tight).size == 0


@pytest.mark.parametrize(
    ("won", "runners"), [("simplex", ("simplex",)), ("ipx", ("simplex", "ipx")), ("hipo", ("simplex", "hipo"))]
)
@pytest.mark.parametrize("patience", [0.0, 1.0])
def test_a_near_program_is_joined_after_a_while_by_whoever_won_from_nothing(
    monkeypatch: pytest.MonkeyPatch, won: str, runners: tuple[str, ...], patience: float
) -> None:
    monkeypatch.setattr(gate_module, "LARGE", 1)
    monkeypatch.setattr(gate_module, "PATIENCE", patience)
    asked: list[str] = []
    runner = Gate._runner
    monkeypatch.setattr(Gate, "_runner", lambda self, name: (asked.append(name), runner(self, name))[1])
    first = Gate(lines())
    first.answer()
    asked.clear()
    gate = Gate(lines()).start_from(first.basis, won).move(lines(hours=(10.0, 20.0)))
    # 30 hours: 10 each of the items worth 19, 18 and 17, 20 of them on line B for 1 more.
    assert gate.answer().objective == pytest.approx(10 * (19 + 18 + 17) - 20)
    assert tuple(asked) == ((runners if patience == 0 else runners[:1]) if len(runners) > 1 else ())
    assert gate.won == won
