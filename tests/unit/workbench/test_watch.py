"""A run that is watched: it tells how far it is, and ends when it is asked to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from soe_lib.errors import SolveError
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.diagnostics import Progress, Watch
from soe_lib.solver.gate import Gate
from soe_lib.solver.program import Program


def knapsack(items: int = 60, seed: int = 3) -> Program:
    """Which of many things to take into five sacks, whole: a search that does not end at its root."""
    draw = np.random.default_rng(seed)
    weight = draw.integers(20, 100, (5, items)).astype(float)
    return Program(
        matrix=sparse.csc_matrix(weight), cost=-(weight.sum(axis=0) + draw.integers(0, 9, items)),
        row_lower=np.full(5, -np.inf), row_upper=weight.sum(axis=1) / 2, lower=np.zeros(items), upper=np.ones(items),
        integer=np.ones(items, bool), columns={"take": slice(0, items)}, rows={"sack": slice(0, 5)},
    )  # fmt: skip


def test_a_cancelled_search_has_no_answer_and_says_so() -> None:
    watch = Watch()
    watch.cancel()
    with pytest.raises(SolveError, match="stopped before it had an answer") as raised:
        Gate(knapsack(), SolverOptions(watch=watch)).answer()
    assert raised.value.status == "cancelled"


def test_the_best_plan_so_far_is_taken_with_its_gap() -> None:
    watch = Watch()
    watch.take()
    taken = Gate(knapsack(), SolverOptions(watch=watch)).answer()
    assert taken.status == "feasible"
    assert taken.bound >= taken.objective
    assert taken.gap > 0
    assert watch.progress.whole
    assert watch.progress.incumbent is not None


def test_the_gap_is_how_far_the_incumbent_may_be_off() -> None:
    assert Progress(incumbent=200.0, bound=210.0).gap == pytest.approx(0.05)
    assert Progress(incumbent=200.0).gap is None
    assert Progress(bound=1.0).gap is None
