"""Rounding: parts that add up to their total, by hand and by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.money.rounding import largest_remainder, nested, whole

REALS = st.lists(st.floats(-1e7, 1e7, allow_nan=False), min_size=1, max_size=60)


def test_halves_go_away_from_zero_and_noise_does_not_count() -> None:
    assert whole([2.5, -2.5, 0.49, 2.675 * 100]).tolist() == [3, -3, 0, 268]


def test_thirds_of_100_add_up_to_100() -> None:
    assert largest_remainder([100 / 3] * 3).tolist() == [34, 33, 33]


def test_the_largest_remainder_gets_the_missing_unit() -> None:
    # floors 1 + 2 + 3 = 6, total 8: the two missing go to .9 and .6, not to .5
    assert largest_remainder([1.5, 2.6, 3.9]).tolist() == [1, 3, 4]


def test_negative_parts_add_up_too() -> None:
    assert largest_remainder([-1.5, 2.25, -0.75]).tolist() == [-1, 2, -1]


def test_a_tie_goes_to_the_larger_magnitude_then_to_the_earlier() -> None:
    assert largest_remainder([0.5, 10.5]).tolist() == [0, 11]
    assert largest_remainder([0.5, 0.5]).tolist() == [1, 0]


def test_groups_are_rounded_each_to_its_own_total() -> None:
    found = largest_remainder([0.5, 0.5, 0.4, 0.4, 0.2], groups=["a", "a", "b", "b", "b"])
    assert found.tolist() == [1, 0, 1, 0, 0]


def test_a_total_further_away_is_met_in_steps() -> None:
    assert largest_remainder([1.0, 1.0, 1.2], 6).tolist() == [2, 2, 2]
    assert largest_remainder([1.0, 1.0, 1.2], 1).tolist() == [0, 0, 1]


def test_nested_totals_add_up_at_each_level() -> None:
    # a = 0.4 + 0.4 = 0.8, b = 0.3 + 0.3 = 0.6, all 1.4 → 1; a has the larger remainder, so b shows 0
    assert nested([0.4, 0.4, 0.3, 0.3], [["a", "a", "b", "b"]]).tolist() == [1, 0, 0, 0]


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 values are not numbers"):
        largest_remainder([1.0, float("nan")])
    with pytest.raises(ValueError, match="whole number"):
        largest_remainder([1.0], 1.5)
    with pytest.raises(ValueError, match="no values"):
        largest_remainder([], 3)


def test_nothing_is_rounded_to_nothing() -> None:
    assert largest_remainder([]).size == 0


@settings(deadline=None)
@given(REALS)
def test_parts_add_up_to_the_rounded_sum_and_move_by_less_than_one(values: list[float]) -> None:
    found = largest_remainder(values)
    assert abs(found.sum() - sum(values)) <= 0.5 + 1e-4
    assert np.all(np.abs(found - np.asarray(values)) < 1 + 1e-5)


@settings(deadline=None)
@given(REALS, st.integers(-1000, 1000))
def test_any_whole_total_is_met(values: list[float], total: int) -> None:
    assert largest_remainder(values, total).sum() == total


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.floats(-1e5, 1e5)), min_size=1))
def test_nested_parts_add_up_to_totals_rounded_on_their_own(rows: list[tuple[str, str, float]]) -> None:
    outer, inner = [row[0] for row in rows], [row[0] + row[1] for row in rows]
    values = np.array([row[2] for row in rows])
    fine = nested(values, [outer, inner])
    _, codes = np.unique(outer, return_inverse=True)
    coarse = largest_remainder(np.bincount(codes, weights=values))
    assert np.bincount(codes, weights=fine).astype(int).tolist() == coarse.tolist()


def test_parts_of_a_hundred_billion_still_add_up() -> None:
    # at 1.66e13 cents a double resolves 0.002: the floor must stay the whole number that it is
    values = [16636335949584.44, -16636335949584.44, 0.4, -0.4]
    found = largest_remainder(values, 0)
    assert int(found.sum()) == 0
    assert abs(int(found[0]) - 16636335949584) <= 1
    assert int(nested(values, [["a", "b", "a", "b"]], 0).sum()) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.25, 0.5, 0.5001, -0.5, 1.25, -7.75])), max_size=40)
)
def test_few_groups_are_rounded_like_many(rows: list[tuple[int, float]]) -> None:
    # forty more groups of one part that is whole take the other way through the code, and nothing away
    values, groups = [value for _, value in rows], [group for group, _ in rows]
    few = largest_remainder(values, groups=groups)
    many = largest_remainder([*values, *[1.0] * 40], groups=[*groups, *range(10, 50)])
    assert few.tolist() == many[: len(rows)].tolist()
    assert many[len(rows) :].tolist() == [1] * 40


def test_parts_beyond_the_precision_of_a_double_still_add_up() -> None:
    # 1.67e17 and its neighbours have no odd numbers as doubles: only whole numbers can be counted up
    values = [1.67e17, 5.5, 3.0, -1.67e17]
    assert int(largest_remainder(values, 9).sum()) == 9
    with pytest.raises(ValueError, match="1 of 2 values overflow"):
        largest_remainder([1e19, 1.0])
