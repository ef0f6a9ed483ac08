"""Rounding of whole numbers that rows hold together: what is found keeps these rows, and leaves a plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.solver.linked import together
from soe_lib.solver.program import Program
from soe_lib.solver.whole_numbers import MANY, linear, rounded
from tests.changeovers import Lines


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Two lines, four families, eight weeks: 256 changes that may be made."""
    draw = np.random.default_rng(7)
    world = Lines(
        demand={item: draw.integers(0, 12, 8).tolist() for item in "ABCD"}, family=dict(zip("ABCD", "abcd", strict=True)),
        hours={"L0": 16.0, "L1": 16.0}, begin={"L0": "a"},
        change={pair: (float(draw.integers(1, 4)), 5.0) for pair in permutations(["", *"abcd"], 2) if pair[1]},
    )  # fmt: skip
    return soe.Model(world.snapshot(tmp_path_factory.mktemp("lines"))).program


def test_what_is_rounded_together_keeps_the_rows_that_hold_it(program: Program) -> None:
    assert program.hints is not None
    assert set(program.hints.linked) == {"set_up_state", "family_set_up", "in_sequence", "led"}
    highs = linear(program, 1)
    assert highs is not None
    relaxed = np.asarray(highs.getSolution().col_value)
    for threshold in (1e-9, 0.1, 0.5):
        found = together(program, relaxed, threshold, 1)
        assert found is not None
        places, values = found
        fixed = replace(
            program, lower=program.lower.copy(), upper=program.upper.copy(), integer=np.zeros_like(program.integer)
        )
        fixed.lower[places] = fixed.upper[places] = values
        assert linear(fixed, 1) is not None


def test_a_rounding_finds_a_plan_that_rounding_each_for_itself_does_not(program: Program) -> None:
    whole = np.flatnonzero(program.integer)
    assert len(whole) >= MANY
    found = rounded(program, whole, 1)
    assert found is not None
    assert program.hints is not None
    alone = rounded(replace(program, hints=replace(program.hints, linked=())), whole, 1)
    assert alone is None or found.objective <= alone.objective
    assert found.objective <= 0.65 * found.bound  # both below 0; the lines are so short of hours that much is given up
