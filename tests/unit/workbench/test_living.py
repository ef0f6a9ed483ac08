"""A hot answer is the cold answer: same money, same plan, whatever was asked before."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

import soe_lib as soe
from soe_lib.solver.gate import Gate
from soe_lib.whatif.why_not import moves
from soe_lib.workbench.answer import Draft
from soe_lib.workbench.explorer import Explorer
from tests.unit.workbench.companies import MONDAY, network
from tests.unit.workbench.forms import tried

EDITS = 20
SAME = 1e-6
"""Plans are the same to a millionth of a unit; identities may still differ, where that is an edge of rounding."""


def trials(explorer: Explorer, count: int, seed: int) -> list[Draft]:
    """Trials as a planner makes them: most of them local, some global, each after another."""
    chance, choices = random.Random(seed), explorer.choices
    return [
        tried(
            resource=chance.choice(choices.resources),
            outage_days=chance.choice([0, 0, 2, 5, 9]),
            outage_from=MONDAY + timedelta(days=chance.randrange(20)),
            demand=chance.choice([0.0, 0.0, 0.0, -0.2, 0.07, 0.3]),
            family=chance.choice(["", *choices.families]),
            customer=chance.choice(["", *choices.customers]),
            overtime_premium=chance.choice([0.0, 0.0, 0.5, -0.4]),
            expediting=chance.random() < 0.8,
        )
        for _ in range(count)
    ]


def apart(one: soe.Plan, other: soe.Plan) -> float:
    """The largest difference of any quantity of two plans of the same cells [units]."""
    assert {name: frame.height for name, frame in one.flows.items()} == {
        name: frame.height for name, frame in other.flows.items()
    }
    found = [(one.flows[name]["quantity"] - other.flows[name]["quantity"]).abs().max() for name in one.flows]
    return max(float(value or 0.0) for value in found)


def test_twenty_random_edits_give_what_a_cold_solve_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer(network(tmp_path))
    starts: dict[str, list[bool]] = {"living": [], "cold": []}
    who, solve = "living", Gate.answer

    def watched(gate: Gate, *given: Any) -> Any:
        if given:  # with weights: a plan's own run, not the one that breaks its ties, which goes on from where it ended
            starts[who].append(gate._warm)
        return solve(gate, *given)

    monkeypatch.setattr(Gate, "answer", watched)
    moved = 0
    for trial in trials(explorer, EDITS, seed=7):
        who = "living"
        answer = explorer.answer(trial)
        assert answer.ok, answer
        who = "cold"
        cold = soe.plan(explorer.recorded(trial)[0].apply(explorer.snapshot))
        assert answer.plan.objective == pytest.approx(cold.objective, rel=1e-9, abs=1e-9), answer.name
        assert apart(answer.plan, cold) < SAME, answer.name
        moved += answer["Margin"].state != "level"
    assert moved >= EDITS // 2, "edits that change nothing prove nothing"
    assert len(starts["cold"]) == EDITS
    assert not any(starts["cold"])
    assert sum(starts["living"]) >= EDITS // 2, "cold against cold proves nothing"


def test_a_living_plan_is_valued_by_cell_as_the_rate_book_values_it_by_keys(tmp_path: Path) -> None:
    explorer = Explorer(network(tmp_path))
    for trial in trials(explorer, EDITS, seed=11):
        plan = explorer.answer(trial).plan
        assert plan is not None
        by_keys = plan.rates.value(plan.flows, items=plan.items, periods=plan.periods)
        assert_frame_equal(plan.ledger.lines, by_keys.lines, check_exact=True)
        assert plan.ledger.lost == by_keys.lost == []


def test_after_another_edit_what_the_base_has_is_taken_from_the_base(tmp_path: Path) -> None:
    living = soe.Living(network(tmp_path))
    hours = soe.Scenario("fewer hours").scale("calendar.hours", 0.9).apply(living.model.snapshot)
    demand = soe.Scenario("more demand").scale("forecast.quantity", 1.01).apply(living.home.snapshot)
    living.plan(hours)
    living.plan(demand)
    kept, base = living.model.network.cache.entries, living.home.network.cache.entries
    assert kept["hours"] is base["hours"], "its hours are the base's, not those of the edit before"


def test_moves_of_the_same_cells_are_those_that_keys_find(tmp_path: Path) -> None:
    explorer = Explorer(network(tmp_path))
    base, line = explorer.living.base, explorer.choices.resources[0]
    plan = explorer.answer(tried(resource=line, outage_days=5, demand=0.1)).plan
    assert plan is not None
    turned = replace(plan, flows={name: frame[::-1] for name, frame in plan.flows.items()})
    found = moves(plan, base)
    assert found.height > 0
    assert_frame_equal(found, moves(turned, base), abs_tol=1e-6)
