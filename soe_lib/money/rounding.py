"""Parts that add up to a total: rounding by largest remainder, and shares of several causes (Shapley 1953)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import stdtrit

SNAP = 6
"""Decimals of one unit beyond which a difference is float noise, not money."""
LARGE = 1e9
"""Units from which a double holds no seven decimals: dropping noise would move whole numbers there."""

LARGEST = 9.2e18
"""Units that overflow a 64-bit integer."""

EXACT = 10
"""Number of players up to which every subset is evaluated (1,024 subsets)."""
FEW = 32
"""Number of groups up to which each is processed separately."""

Whole: TypeAlias = npt.NDArray[np.int64]
Reals: TypeAlias = npt.NDArray[np.float64]


def whole(values: npt.ArrayLike) -> Whole:
    """The nearest whole numbers, halves away from zero.

    Formula: sign(x) · ⌊|x| + ½⌋, after noise beyond the sixth decimal is dropped: 267.49999999999997 is
    267.5 → 268.

    Parameters
    ----------
    values : shape (n,), in rounding units (cents, say).

    Raises ValueError on NaN or infinity.
    """
    clean = _clean(values)
    return np.asarray(np.sign(clean) * np.floor(np.abs(clean) + 0.5), dtype=np.int64)


def largest_remainder(
    values: npt.ArrayLike,
    total: npt.ArrayLike | None = None,
    *,
    groups: npt.ArrayLike | None = None,
) -> Whole:
    """Whole numbers adjacent to the values that add up to the total, within each group.

    Formula: part = ⌊value⌋ + 1 for the (total − Σ⌊value⌋) values with the largest value − ⌊value⌋; ties go
    to the larger magnitude, then to the earlier row. A total further away is first approached by equal whole steps of
    every part.

    Parameters
    ----------
    values : shape (n,), in rounding units.
    total : whole number, or one per group in sorted order of its label; left out: the rounded sum.
    groups : shape (n,), a label per value; left out: all in one group.

    Raises ValueError for NaN or infinity, and for a nonzero total of a group without values.
    """
    parts = _clean(values)
    codes, count = _codes(groups, parts.size)
    goals = whole(_sums(parts, codes, count)) if total is None else np.broadcast_to(_goals(total), (count,))
    if empty := int(np.count_nonzero(goals[np.bincount(codes, minlength=count) == 0])):
        raise ValueError(f"{empty} totals have no values to be split over: give each total at least one value.")
    if not parts.size:
        return np.zeros(0, np.int64)
    floors = np.floor(parts)
    missing = goals.copy()
    np.subtract.at(missing, codes, floors.astype(np.int64))
    size = np.maximum(np.bincount(codes, minlength=count), 1)
    step, extra = missing // size, missing % size
    more = _more(parts, parts - floors, codes, extra)
    return np.asarray(floors.astype(np.int64) + step[codes] + more, dtype=np.int64)


def _more(parts: Reals, remainder: Reals, codes: npt.NDArray[np.intp], extra: Whole) -> npt.NDArray[np.bool_]:
    """Whether a part gets one unit more: the `extra` parts with the largest remainder in each group."""
    count = extra.size
    if count > FEW:
        order = np.lexsort((np.arange(parts.size), -np.abs(parts), -remainder, codes))
        rank = np.empty(parts.size, np.int64)
        sizes = np.bincount(codes, minlength=count)
        rank[order] = np.arange(parts.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.asarray(rank < extra[codes])
    # Few groups: a partition at the threshold is much faster than sorting.
    chosen = np.zeros(parts.size, np.bool_)
    for group in np.flatnonzero(extra):
        here = np.flatnonzero(codes == group)
        wanted, gaps = int(extra[group]), remainder[here]
        edge = np.partition(gaps, here.size - wanted)[here.size - wanted]
        above, level = here[gaps > edge], here[gaps == edge]
        ties = np.lexsort((level, -np.abs(parts[level])))
        chosen[above] = True
        chosen[level[ties[: wanted - above.size]]] = True
    return chosen


def nested(values: npt.ArrayLike, levels: Sequence[npt.ArrayLike], total: npt.ArrayLike | None = None) -> Whole:
    """Largest remainder from the top down, so that parts add up at every level.

    Formula: the totals of level 1 are rounded to the grand total, those of level 2 within each group of
    level 1, …, the values within the finest groups.

    Parameters
    ----------
    values : shape (n,), in rounding units.
    levels : labels of shape (n,) each, coarsest first.
    total : the grand total as a whole number; left out: the rounded sum.
    """
    parts = _clean(values)
    above: npt.NDArray[np.intp] = np.zeros(parts.size, np.intp)
    goals: npt.ArrayLike | None = total
    for labels in levels:
        here, width = _codes(labels, parts.size)
        fine, codes = np.unique(above * max(width, 1) + here, return_inverse=True)
        sums = _sums(parts, codes, fine.size)
        goals = largest_remainder(sums, goals, groups=fine // max(width, 1))
        above = codes
    return largest_remainder(parts, goals, groups=above)


def as_money(minor: pl.Expr, digits: int = 2) -> pl.Expr:
    """Whole minor units as money for display: −280 cents are exactly the float −2.8.

    Formula: minor / 10^digits, rounded to the digits (a bare division leaves −2.8000000000000003).
    """
    return (minor / 10**digits).round(digits)


def _clean(values: npt.ArrayLike) -> Reals:
    parts = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if bad := int(np.count_nonzero(~np.isfinite(parts))):
        raise ValueError(f"{bad} of {parts.size} values are not numbers: money and quantities must be finite.")
    if bad := int(np.count_nonzero(np.abs(parts) >= LARGEST)):
        raise ValueError(f"{bad} of {parts.size} values overflow a 64-bit integer of minor units.")
    return _snapped(parts)


def _snapped(values: Reals) -> Reals:
    return np.asarray(np.where(np.abs(values) < LARGE, np.round(values, SNAP), values), dtype=np.float64)


def _goals(total: npt.ArrayLike) -> Whole:
    goals = np.asarray(total)
    if not np.array_equal(goals, np.floor(goals)):
        raise ValueError(f"A total to be split is a whole number of units, not {goals.ravel()[:3].tolist()}.")
    return goals.astype(np.int64)


def _codes(groups: npt.ArrayLike | None, size: int) -> tuple[npt.NDArray[np.intp], int]:
    if groups is None:
        return np.zeros(size, np.intp), 1
    found, codes = np.unique(np.asarray(groups), return_inverse=True)
    return codes.astype(np.intp), int(found.size)


def _sums(values: Reals, codes: npt.NDArray[np.intp], count: int) -> Reals:
    return _snapped(np.bincount(codes, weights=values, minlength=count).astype(np.float64))


def shapley(values: npt.ArrayLike) -> Reals:
    """The share of each player in V(all) − V(none).

    Formula: φ_i = Σ over subsets S without i of |S|! (n − |S| − 1)! / n! · (V(S ∪ i) − V(S)).

    Parameters
    ----------
    values : shape (2ⁿ,), the value of each subset; player i is in subset m where bit i of m is set [money].

    Returns shape (n,) [money]. Raises ValueError where the number of values is no power of two.
    """
    worth = np.asarray(values, dtype=np.float64)
    count = worth.size.bit_length() - 1
    if worth.size != 1 << count:
        raise ValueError(f"{worth.size} values: a game of n players needs 2 to the power of n values.")
    masks = np.arange(worth.size)
    size = np.array([mask.bit_count() for mask in range(worth.size)])
    weight = np.array([1.0 / (count * comb(count - 1, others)) for others in range(count)])
    found = np.empty(count)
    for player in range(count):
        without = masks[masks >> player & 1 == 0]
        found[player] = np.sum(weight[size[without]] * (worth[without | 1 << player] - worth[without]))
    return found


def first_and_last(values: npt.ArrayLike) -> tuple[Reals, Reals]:
    """The contribution of each player alone, and as the last one.

    Formula: V(i) − V(none); V(all) − V(all without i). Shapes (n,) each [money].
    """
    worth = np.asarray(values, dtype=np.float64)
    alone = 1 << np.arange(worth.size.bit_length() - 1)
    return worth[alone] - worth[0], worth[-1] - worth[worth.size - 1 - alone]


def strongest_pair(values: npt.ArrayLike) -> tuple[int, int, float] | None:
    """The two players with the strongest interaction, and its value; None for fewer than two.

    Formula: V(ij) − V(i) − V(j) + V(none), the largest in magnitude; above 0 the two are worth more together.
    """
    worth = np.asarray(values, dtype=np.float64)
    count = worth.size.bit_length() - 1
    if count < 2:
        return None
    one, other = np.triu_indices(count, 1)
    first, second = 1 << one, 1 << other
    between = worth[first | second] - worth[first] - worth[second] + worth[0]
    best = int(np.argmax(np.abs(between)))
    return int(one[best]), int(other[best]), float(between[best])


@dataclass(frozen=True)
class Sampled:
    """Shapley values estimated from sampled orders.

    Parameters
    ----------
    mean : shape (n,), the estimate [money]; always adds up to V(all) − V(none).
    half : shape (n,), half the width of its 95 % interval [money].
    orders : number of sampled orders, reversed ones included.
    """

    mean: Reals
    half: Reals
    orders: int


def sampled(value: Callable[[int], float], players: int, *, pairs: int, seed: int = 0) -> Sampled:
    """Shapley values from random orders, each followed by its reverse (antithetic, which halves the noise).

    Formula: mean over the pairs of the mean addition in an order and in its reverse; interval = Student's t at 95 %
    × standard error over the pairs (Castro, Gómez & Tejada 2009; Mitchell et al. 2022).

    Parameters
    ----------
    value : mask → value of the subset [money]; called along each order: consecutive subsets differ by one player.
    pairs : orders to draw, at least 2.

    Raises ValueError for fewer than two pairs: one has no spread.
    """
    if pairs < 2:
        raise ValueError(f"{pairs} pairs of orders have no spread to estimate: draw at least 2.")
    chance = np.random.default_rng(seed)
    found = np.empty((pairs, players))
    for pair in range(pairs):
        order = chance.permutation(players)
        found[pair] = (_added(value, order) + _added(value, order[::-1])) / 2.0
    half = stdtrit(pairs - 1, 0.975) * found.std(axis=0, ddof=1) / np.sqrt(pairs)
    return Sampled(found.mean(axis=0), half, 2 * pairs)


def _added(value: Callable[[int], float], order: npt.NDArray[np.int64]) -> Reals:
    added, mask, before = np.empty(order.size), 0, value(0)
    for player in order.tolist():
        mask |= 1 << player
        after = value(mask)
        added[player] = after - before
        before = after
    return added


def gray_order(players: int, cheapest: list[int]) -> list[int]:
    """Every subset once, starting with the empty one; consecutive subsets differ by one player.

    Formula: the reflected binary code (Gray 1953); the first player of `cheapest` changes 2ⁿ⁻¹ times, the next half as
    often, and so on.

    Parameters
    ----------
    cheapest : the players in ascending order of the cost to change them.
    """
    codes = [step ^ (step >> 1) for step in range(1 << players)]
    return [sum(1 << cheapest[place] for place in range(players) if code >> place & 1) for code in codes]
