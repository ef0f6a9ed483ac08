"""Distributions as the means of their slices, which are finer in the upper tail: normal, discrete, and sums of two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, ndtri, stdtrit

Floats = npt.NDArray[np.float64]

EDGES = np.array([0.0, 0.25, 0.5, 0.75, 0.875, 0.9375, 0.96875, 0.984375, 1.0])
"""Quantiles that bound the slices; each halves the remaining tail, since costly shortages lie in the tail."""
WEIGHTS = np.diff(EDGES)
"""Probability of each slice."""
FEWEST = 5.0
"""Least number of points that widening assumes; with fewer, the pooled record outweighs the own tail."""


def normal_slices() -> Floats:
    """The mean of each slice of a standard normal error: (φ(a) − φ(b)) ÷ weight, between the quantiles a and b."""
    density = np.exp(-(ndtri(EDGES) ** 2) / 2.0) / np.sqrt(2.0 * np.pi)
    return np.asarray(-np.diff(density) / WEIGHTS, dtype=np.float64)


def widening(points: Floats) -> Floats:
    """The factor by which a slice of a record lies further from the mean for a new point than for the recorded ones.

    Formula: √((n + 1) ÷ (n − 1)) × slice of Student's t with n − 1 degrees of freedom ÷ slice of the normal: the
    predictive distribution of a normal sample (Geisser, Predictive Inference, 1993), against the sample's own. Fewer
    points than FEWEST count as that many.

    Parameters
    ----------
    points : shape (records,); may be fractions, since overlapping errors count in part.

    Returns
    -------
    shape (records, slices), above 1.
    """
    n = np.maximum(points, FEWEST)[:, None]
    free = n - 1.0
    at = stdtrit(free, EDGES[None, 1:-1])
    log_density = gammaln((free + 1) / 2) - gammaln(free / 2) - np.log(free * np.pi) / 2
    density = np.exp(log_density - (free + 1) / 2 * np.log1p(at**2 / free)) * (free + at**2) / (free - 1)
    nothing = np.zeros_like(n)
    slices = -np.diff(np.concatenate([nothing, density, nothing], axis=1)) / WEIGHTS
    return np.asarray(slices / normal_slices() * np.sqrt((n + 1) / (n - 1)), dtype=np.float64)


def of_values(row: npt.NDArray[np.intp], values: Floats, shares: Floats, count: int) -> Floats:
    """The slice means of several discrete distributions; zeros for a distribution without values.

    Parameters
    ----------
    row : shape (values,), the distribution of each value, ascending; the values of each distribution are sorted.
    """
    place = np.arange(len(row)) - np.searchsorted(row, row)
    table, share = np.zeros((2, count, place.max(initial=0) + 1))
    table[row, place], share[row, place] = values, shares
    share[~share.any(axis=1), 0] = 1.0
    return cut(table, share)


def added(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Slices of the sum of two independent distributions on the last axis; `one` is in slices."""
    total = (one[..., :, None] + other[..., None, :]).reshape(*one.shape[:-1], -1)
    both = np.broadcast_to(WEIGHTS[:, None] * weights[..., None, :], (*one.shape, other.shape[-1])).reshape(total.shape)
    order = np.argsort(total, axis=-1, kind="stable")
    return cut(np.take_along_axis(total, order, -1), np.take_along_axis(both, order, -1))


def cut(values: Floats, weights: Floats) -> Floats:
    """The slice means of discrete distributions on the last axis, sorted by value."""
    reached = np.cumsum(weights, axis=-1)
    reached = reached / reached[..., -1:]
    # Σ value × weight up to each edge, linear within a value; differences are the sums of the slices.
    summed = np.cumsum(values * np.diff(reached, axis=-1, prepend=0.0), axis=-1)
    at = np.stack([_up_to(edge, values, reached, summed) for edge in EDGES[1:-1]], axis=-1)
    ends = np.concatenate([np.zeros_like(at[..., :1]), at, summed[..., -1:]], axis=-1)
    return np.asarray(np.diff(ends, axis=-1) / WEIGHTS, dtype=np.float64)


def _up_to(edge: float, values: Floats, reached: Floats, summed: Floats) -> Floats:
    place = np.argmax(reached >= edge - 1e-12, axis=-1)[..., None]
    before = np.take_along_axis(summed, place, -1) - np.take_along_axis(values, place, -1) * (
        np.take_along_axis(reached, place, -1) - edge
    )
    return before[..., 0]
