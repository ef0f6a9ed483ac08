"""The order of a line's day: worked out by hand, and against every order there is."""

from __future__ import annotations

import random
from itertools import permutations, product
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.review.frames.runs import Changes, Job, best, changeover, runs
from tests.changeovers import Lines

A, B, C = Job("A", "red", 2.0), Job("B", "red", 1.0), Job("C", "blue", 3.0)


def total(days: list[list[Job]], changes: Changes | None = None) -> float:
    hours, before = 0.0, None
    for day in days:
        hours += changeover(day, before, changes)
        before = day[-1]
    return hours


def test_the_dearest_set_up_that_two_days_share_is_kept_over_night() -> None:
    """Both days run A (2 h) and C (3 h): set-ups 2 + 3 + 2 + 3 = 10 h; keeping C over night saves 3, keeping A only 2."""
    first, second = best([[A, C], [A, C]])
    assert (first[-1], second[0]) == (C, C)
    assert total([first, second]) == pytest.approx(7.0, abs=0.01)


def test_a_family_is_not_split() -> None:
    """A and B are red, C is blue: one change of family in the day, not two."""
    (day,) = best([[A, C, B]])
    assert [job.family for job in day] in (["red", "red", "blue"], ["blue", "red", "red"])


@pytest.mark.parametrize("seed", range(12))
def test_no_other_order_has_fewer_changeover_hours(seed: int) -> None:
    chance = random.Random(seed)
    jobs = [Job(name, chance.choice(["red", "blue"]), chance.choice([0.0, 0.5, 1.0, 2.0])) for name in "ABCDE"]
    days = [chance.sample(jobs, chance.randint(1, 3)) for _ in range(4)]
    every = (total([list(day) for day in chosen]) for chosen in product(*(permutations(day) for day in days)))
    found = best(days)
    assert [sorted(day, key=repr) for day in found] == [sorted(day, key=repr) for day in days]
    assert total(found) == pytest.approx(min(every), abs=1e-9)


# -- lines that change over ------------------------------------------------------------------------------------------


def test_a_line_goes_round_the_short_way() -> None:
    """Red to green and on to blue takes an hour each, every other change five; set up for red today."""
    short = {"redgreen", "greenblue", "bluered"}
    told = {(a, b): 1.0 if a + b in short else 5.0 for a, b in permutations(("red", "green", "blue"), 2)}
    jobs = [Job("B", "blue", 0.0), Job("G", "green", 0.0), Job("R", "red", 0.0)]
    (day,) = best([jobs], Changes.of(told, "red"))
    assert [job.name for job in day] == ["R", "G", "B"]
    # red to blue takes 2 hours through green, for nothing need be made of what a line passes through
    assert Changes.of(told, "red").taken("red", "blue") == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_order_of_families_takes_fewer_hours(seed: int) -> None:
    chance = random.Random(seed)
    families = ["a", "b", "c", "d"]
    told = {pair: float(chance.randint(0, 9)) for pair in permutations(["", *families], 2)}
    changes = Changes.of(told, chance.choice(["", *families]))
    jobs = [Job(name, chance.choice(families), chance.choice([0.0, 1.0])) for name in "ABCDEF"]
    days = [chance.sample(jobs, chance.randint(1, 4)) for _ in range(3)]
    every = (total([list(day) for day in chosen], changes) for chosen in product(*(permutations(day) for day in days)))
    assert total(best(days, changes), changes) == pytest.approx(min(every), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_runs_take_no_more_changes_than_their_plan_paid_for(tmp_path: Path, seed: int) -> None:
    """The order of the runs is found from what runs; the plan chose both together."""
    chance = random.Random(seed)
    told = {pair: (float(chance.randint(1, 4)), 0.0) for pair in permutations(["", "a", "b", "c"], 2) if pair[1]}
    demand = {item: [chance.randint(0, 9) for _ in range(4)] for item in "ABCD"}
    world = Lines(demand=demand, family=dict(zip("ABCD", "abcc", strict=True)), hours={"L": 30.0}, change=told)
    snapshot = world.snapshot(tmp_path)
    plan = soe.plan(snapshot)
    changes = Changes.of({pair: hours for pair, (hours, _) in told.items()}, "")
    days = [
        [Job(name, family, 0.0) for name, family in day.select("item", "family").iter_rows()]
        for _, day in runs(plan, snapshot).group_by("starts_on", maintain_order=True)
    ]
    paid = plan.flows["change_over"].select((pl.col("quantity") * pl.col("hours")).sum()).item()
    assert total(days, changes) <= paid + 1e-6
