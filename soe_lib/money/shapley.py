"""Who made how much of a change that several made together: the Shapley value (Shapley 1953).

Each player gets the mean of what it adds, over all the orders in which they may come. Whatever they get in each other's
way or help each other is shared between them, and the shares add up to the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]

EXACT = 10
"""Players up to which every subset is looked at: 1,024 of them."""


def shapley(values: npt.ArrayLike) -> Floats:
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
        raise ValueError(f"{worth.size} values: a game of n players has 2 to the power of n of them.")
    masks = np.arange(worth.size)
    size = np.array([mask.bit_count() for mask in range(worth.size)])
    weight = np.array([1.0 / (count * comb(count - 1, others)) for others in range(count)])
    found = np.empty(count)
    for player in range(count):
        without = masks[masks >> player & 1 == 0]
        found[player] = np.sum(weight[size[without]] * (worth[without | 1 << player] - worth[without]))
    return found


def first_and_last(values: npt.ArrayLike) -> tuple[Floats, Floats]:
    """What each player adds when it comes alone, and when it comes last.

    Formula: V(i) − V(none); V(all) − V(all without i). Shapes (n,) each [money].
    """
    worth = np.asarray(values, dtype=np.float64)
    alone = 1 << np.arange(worth.size.bit_length() - 1)
    return worth[alone] - worth[0], worth[-1] - worth[worth.size - 1 - alone]


def strongest_pair(values: npt.ArrayLike) -> tuple[int, int, float] | None:
    """The two players that change each other most, and by how much; None for fewer than two.

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
    """Shapley values estimated from some of the orders.

    Parameters
    ----------
    mean : shape (n,), the estimate [money]; adds up to V(all) − V(none) whatever was sampled.
    half : shape (n,), half the width of its 95 % interval [money].
    orders : orders looked at, each with its reverse.
    """

    mean: Floats
    half: Floats
    orders: int


def sampled(value: Callable[[int], float], players: int, *, pairs: int, seed: int = 0) -> Sampled:
    """Shapley values from random orders, each followed by its reverse (antithetic, which halves the noise).

    Formula: mean over the pairs of the mean addition in an order and in its reverse; interval = Student's t at 95 %
    × standard error over the pairs (Castro, Gómez & Tejada 2009; Mitchell et al. 2022).

    Parameters
    ----------
    value : mask → value of the subset [money]; asked along each order, so that neighbours differ by one player.
    pairs : orders to draw, at least 2.

    Raises ValueError for fewer than two pairs: one has no spread.
    """
    if pairs < 2:
        raise ValueError(f"{pairs} pairs of orders say nothing about their spread: draw at least 2.")
    chance = np.random.default_rng(seed)
    found = np.empty((pairs, players))
    for pair in range(pairs):
        order = chance.permutation(players)
        found[pair] = (_added(value, order) + _added(value, order[::-1])) / 2.0
    half = stdtrit(pairs - 1, 0.975) * found.std(axis=0, ddof=1) / np.sqrt(pairs)
    return Sampled(found.mean(axis=0), half, 2 * pairs)


def _added(value: Callable[[int], float], order: npt.NDArray[np.int64]) -> Floats:
    added, mask, before = np.empty(order.size), 0, value(0)
    for player in order.tolist():
        mask |= 1 << player
        after = value(mask)
        added[player] = after - before
        before = after
    return added


def gray_order(players: int, cheapest: list[int]) -> list[int]:
    """Every subset once, from none on, each differing from the one before by one player.

    Formula: the reflected binary code (Gray 1953); the first player of `cheapest` is changed 2ⁿ⁻¹ times, the next
    half as often, and so on.

    Parameters
    ----------
    cheapest : the players, the one that costs least to change first.
    """
    codes = [step ^ (step >> 1) for step in range(1 << players)]
    return [sum(1 << cheapest[place] for place in range(players) if code >> place & 1) for code in codes]
