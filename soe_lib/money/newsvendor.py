"""One chance to order, and demand that nobody knows yet: how much is worth most (the newsvendor)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.stats import rv_discrete

from soe_lib.errors import DataError


@dataclass(frozen=True)
class Order:
    """What to order once, and what it is expected to come to.

    Parameters
    ----------
    quantity : S, units to have. ratio : share of demands that it covers at least, underage ÷ (underage + overage).
    leftover, short : expected units too many and too few. cost : expected money lost by not knowing.
    profit : expected margin, where price and cost were given.
    """

    quantity: float
    ratio: float
    leftover: float
    short: float
    cost: float
    profit: float | None = None


def newsvendor(
    demand: Any | Mapping[float, float],
    *,
    overage: float | None = None,
    underage: float | None = None,
    price: float | None = None,
    cost: float | None = None,
    salvage: float = 0.0,
    quantity: float | None = None,
) -> Order:
    """The quantity to order once that is worth most, before demand is known.

    Formula: S = smallest quantity with P(demand ≤ S) ≥ underage ÷ (underage + overage); cost = overage · E[(S − D)⁺] +
    underage · E[(D − S)⁺]. With price, cost and salvage: underage = price − cost, overage = cost − salvage, profit =
    (price − cost) · E[D] − cost of not knowing (Snyder & Shen, Fundamentals of Supply Chain Theory, §4.3).

    Parameters
    ----------
    demand : a frozen scipy.stats distribution, such as norm(50, 8) or poisson(50), or units → probability.
    overage, underage : money per unit too many, per unit too few; or price, cost, salvage [money/unit].
    quantity : what is ordered, to see what it costs; the best when left out.

    Raises DataError for costs that are missing or not above 0, or probabilities that do not add up to 1.
    """
    margin = None
    if price is not None and cost is not None:
        underage, overage, margin = price - cost, cost - salvage, price - cost
    if overage is None or underage is None or not (overage > 0 and underage > 0):
        said = f"overage {overage}, underage {underage}"
        raise DataError(f"a unit too many and a unit too few must both cost something above 0, not {said}.")
    known = _listed(demand) if isinstance(demand, Mapping) else demand
    ratio = underage / (underage + overage)
    best = float(known.ppf(ratio)) if quantity is None else float(quantity)
    mean = float(known.mean())
    leftover = _leftover(known, best)
    short = mean - best + leftover
    lost = overage * leftover + underage * short
    return Order(best, ratio, leftover, short, lost, None if margin is None else margin * mean - lost)


def _listed(demand: Mapping[float, float]) -> Any:
    units = np.array(sorted(demand), dtype=np.float64)
    chances = np.array([demand[one] for one in sorted(demand)], dtype=np.float64)
    if not demand or np.any(chances < 0) or abs(float(chances.sum()) - 1.0) > 1e-9:
        raise DataError(f"the probabilities of {len(demand)} demands add up to {float(chances.sum()):g}, not to 1.")
    return _Listed(units, chances)


@dataclass(frozen=True, eq=False)
class _Listed:
    """Units and their probabilities, read like a distribution of scipy.stats."""

    units: Any
    chances: Any

    def ppf(self, ratio: float) -> float:
        place = int(np.searchsorted(np.cumsum(self.chances), ratio - 1e-12))
        return float(self.units[min(place, self.units.size - 1)])

    def mean(self) -> float:
        return float(self.units @ self.chances)

    def leftover(self, quantity: float) -> float:
        return float(np.maximum(quantity - self.units, 0.0) @ self.chances)


def _leftover(demand: Any, quantity: float) -> float:
    """E[(S − D)⁺]: Σ or ∫ of the distribution function up to S."""
    if isinstance(demand, _Listed):
        return demand.leftover(quantity)
    lowest = max(float(demand.ppf(1e-15)), float(demand.support()[0]))
    if isinstance(demand.dist, rv_discrete):
        steps = np.arange(lowest, np.floor(quantity))
        return float(np.sum(demand.cdf(steps))) + (quantity - np.floor(quantity)) * float(demand.cdf(quantity))
    return float(quad(demand.cdf, min(lowest, quantity), quantity, epsabs=1e-11, limit=200)[0])
