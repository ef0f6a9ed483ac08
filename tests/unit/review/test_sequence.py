"""The order of a line's day: worked out by hand, and against every order there is."""

from __future__ import annotations

import random
from itertools import permutations, product

import pytest

from soe_lib.review.frames.runs import Job, best, changeover

A, B, C = Job("A", "red", 2.0), Job("B", "red", 1.0), Job("C", "blue", 3.0)


def total(days: list[list[Job]]) -> float:
    hours, before = 0.0, None
    for day in days:
        hours += changeover(day, before)
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
