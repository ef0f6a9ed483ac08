"""Shapley values: games worked out by hand, and what holds for every game."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from soe_lib.money.rounding import first_and_last, gray_order, sampled, shapley, strongest_pair

# One left glove (player 0) and two right ones (1, 2): only a pair is worth 6. Of the 6 orders, player 0 completes a pair
# in 4 (01, 02 reversed …), players 1 and 2 in one each: 4, 1, 1. Shapley (1953) by way of Osborne & Rubinstein, ex. 291.
GLOVES = [0, 0, 0, 6, 0, 6, 0, 6]


def random_game(players: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=1 << players) * 1000


def test_the_glove_game() -> None:
    assert shapley(GLOVES) == pytest.approx([4, 1, 1])
    alone, last = first_and_last(GLOVES)
    assert alone.tolist() == [0, 0, 0]
    assert last.tolist() == [6, 0, 0]


def test_who_adds_the_same_always_gets_just_that() -> None:
    each = np.array([5.0, -3.0, 0.0, 11.25])
    game = [sum(each[i] for i in range(4) if mask >> i & 1) + 100 for mask in range(16)]
    assert shapley(game) == pytest.approx(each)
    assert strongest_pair(game) == pytest.approx((0, 1, 0.0))


@pytest.mark.parametrize("players", range(1, 11))
def test_shares_add_up_to_the_whole(players: int) -> None:
    game = random_game(players, players)
    assert shapley(game).sum() == pytest.approx(game[-1] - game[0], abs=1e-9 * players)


def test_equals_are_treated_alike_and_order_does_not_matter() -> None:
    game, swapped = random_game(4, 3), np.empty(16)
    for mask in range(16):  # players 1 and 3 change places
        other = mask & 0b0101 | (mask >> 1 & 1) << 3 | (mask >> 3 & 1) << 1
        swapped[other] = game[mask]
    assert shapley(swapped)[[0, 3, 2, 1]] == pytest.approx(shapley(game))


def test_the_strongest_pair() -> None:
    # alone 1 and 2, together 10: 10 − 1 − 2 = 7 more; with player 2 nothing changes
    game = [0, 1, 2, 10, 5, 6, 7, 15]
    assert strongest_pair(game) == (0, 1, 7.0)
    assert strongest_pair([0, 4]) is None


def test_values_that_are_no_game_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values"):
        shapley([0, 1, 2])


@pytest.mark.parametrize("players", [1, 4, 8])
def test_the_walk_visits_every_subset_once_a_step_at_a_time(players: int) -> None:
    masks = gray_order(players, list(reversed(range(players))))
    assert sorted(masks) == list(range(1 << players))
    assert masks[0] == 0
    assert {(a ^ b).bit_count() for a, b in pairwise(masks)} <= {1}
    cheapest = 1 << players - 1
    assert sum(a ^ b == cheapest for a, b in pairwise(masks)) == 1 << players - 1


def test_samples_add_up_whatever_was_drawn_and_the_interval_holds_the_truth() -> None:
    game = random_game(6, 1)
    truth, inside = shapley(game), 0
    for seed in range(60):
        found = sampled(lambda mask: game[mask], 6, pairs=15, seed=seed)
        assert found.mean.sum() == pytest.approx(game[-1] - game[0])
        inside += int((np.abs(found.mean - truth) <= found.half).sum())
    # 360 intervals of 95 %: 342 expected, below 320 has a chance of under one in a thousand
    assert inside >= 320


def test_a_game_without_chance_has_no_spread() -> None:
    found = sampled(lambda mask: 3.0 * mask.bit_count(), 5, pairs=4, seed=2)
    assert found.mean == pytest.approx(np.full(5, 3.0))
    assert found.half == pytest.approx(np.zeros(5))
    assert found.orders == 8
    with pytest.raises(ValueError, match="at least 2"):
        sampled(float, 3, pairs=1)
