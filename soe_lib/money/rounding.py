"""Rounding that adds up: shown parts sum to the shown total, to the unit.

Largest remainder: every part is rounded down, and the units still missing go to the parts that lost most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

SNAP = 6
"""Decimals of one unit beyond which a difference is float noise, not money."""
LARGE = 1e9
"""Units from which a double holds no seven decimals: dropping noise would move whole numbers there."""

LARGEST = 9.2e18
"""Units that no whole number of 64 bits holds."""
FEW = 32
"""Groups up to which each is looked through on its own."""

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
    """Whole numbers next to the values that add up to the total, within each group.

    Formula: part = ⌊value⌋ + 1 for the (total − Σ⌊value⌋) values with the largest value − ⌊value⌋; ties go
    to the larger magnitude, then to the earlier row. A total further away than that is first met by whole
    steps of every part.

    Parameters
    ----------
    values : shape (n,), in rounding units.
    total : whole number, or one per group in sorted order of its label; left out: the rounded sum.
    groups : shape (n,), a label per value; left out: all in one group.

    Raises ValueError on NaN or infinity, and on a total that is to be split over no values.
    """
    parts = _clean(values)
    codes, count = _codes(groups, parts.size)
    goals = whole(_sums(parts, codes, count)) if total is None else np.broadcast_to(_goals(total), (count,))
    if empty := int(np.count_nonzero(goals[np.bincount(codes, minlength=count) == 0])):
        raise ValueError(f"{empty} totals are to be split over no values: give each total at least one value.")
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
    """Which parts get one unit more: in each group the `extra` ones with the largest remainder."""
    count = extra.size
    if count > FEW:
        order = np.lexsort((np.arange(parts.size), -np.abs(parts), -remainder, codes))
        rank = np.empty(parts.size, np.int64)
        rank[order] = np.arange(parts.size) - _starts(codes, count)[codes[order]]
        return np.asarray(rank < extra[codes])
    # Few groups: finding the edge between those that get one and those that do not is much quicker than sorting.
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
    """Largest remainder from the top down, so that parts add up at every level and not only in all.

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
    """Whole minor units as money for showing: −280 cents are −2.8, the very float that is written −2.8.

    Formula: minor / 10^digits, rounded to the digits (a bare division leaves −2.8000000000000003).
    """
    return (minor / 10**digits).round(digits)


def _clean(values: npt.ArrayLike) -> Reals:
    parts = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if bad := int(np.count_nonzero(~np.isfinite(parts))):
        raise ValueError(f"{bad} of {parts.size} values are not numbers: money and quantities must be finite.")
    if bad := int(np.count_nonzero(np.abs(parts) >= LARGEST)):
        raise ValueError(f"{bad} of {parts.size} values have more units than whole numbers of 64 bits can count.")
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


def _starts(codes: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.int64]:
    sizes = np.bincount(codes, minlength=count)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)[:-1]]).astype(np.int64)
