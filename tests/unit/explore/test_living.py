"""A hot answer is the cold answer: same money, same plan, whatever was asked before."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.explore.controller import Explorer
from soe_lib.explore.edits import recorded
from soe_lib.explore.trial import Trial
from tests.unit.explore.companies import MONDAY, network

EDITS = 20


def trials(explorer: Explorer, count: int, seed: int) -> list[Trial]:
    """Trials as a planner makes them: some local, some global, each after another."""
    chance, choices = random.Random(seed), explorer.choices
    return [
        Trial(
            resource=chance.choice(choices.resources),
            outage_days=chance.choice([0, 0, 2, 5, 9]),
            outage_from=MONDAY + timedelta(days=chance.randrange(20)),
            demand=chance.choice([0.0, -0.2, 0.07, 0.3]),
            family=chance.choice(["", *choices.families]),
            customer=chance.choice(["", *choices.customers]),
            overtime_premium=chance.choice([0.0, 0.0, 0.5, -0.4]),
            expediting=chance.random() < 0.8,
        )
        for _ in range(count)
    ]


def test_twenty_random_edits_give_what_a_cold_solve_gives(tmp_path: Path) -> None:
    explorer = Explorer(network(tmp_path))
    moved = 0
    for trial in trials(explorer, EDITS, seed=7):
        answer = explorer.answer(trial)
        assert answer.ok, answer
        cold = soe.plan(recorded(explorer.snapshot, trial)[0].apply(explorer.snapshot))
        assert answer.plan.objective == pytest.approx(cold.objective, rel=1e-9, abs=1e-9), trial.name
        assert answer.plan.identity == cold.identity, trial.name
        moved += answer["Margin"].state != "level"
    assert moved >= EDITS // 2, "edits that change nothing prove nothing"
