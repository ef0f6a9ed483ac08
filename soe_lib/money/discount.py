"""What money at different times is worth today: net present value, and the rate at which it is worth nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from soe_lib.errors import DataError

DAYS = 365.0
"""Days of a year, for times in years and for annual rates."""

_GRID = np.concatenate([np.linspace(-0.9999, 1.0, 4001), np.geomspace(1.0005, 1e6, 2000)])


def npv(rate: float, flows: npt.ArrayLike, times: npt.ArrayLike | None = None) -> float:
    """What the flows are worth at time 0.

    Formula: Σ c_t / (1 + r)^t; the flow of time 0 is not discounted.

    Parameters
    ----------
    rate : per unit of time (a year, where times are in years), above −1.
    flows : shape (n,) [money]. times : shape (n,) [years]; left out: 0, 1, 2 …

    Raises DataError for a rate of −100 % or less, or shapes that do not fit.
    """
    money, when = _checked(flows, times)
    if not rate > -1.0:
        raise DataError(f"a rate of {rate:.2%} takes everything and more: give one above −100 %.")
    return float(np.sum(money * (1.0 + rate) ** -when))


def irr(flows: npt.ArrayLike, times: npt.ArrayLike | None = None) -> float:
    """The rate at which the flows are worth nothing today.

    Formula: the r above −1 with Σ c_t / (1 + r)^t = 0.

    Raises DataError where no rate does that, or several do: then none of them means anything.
    """
    money, when = _checked(flows, times)
    values = np.array([npv(rate, money, when) for rate in _GRID])
    exact = _GRID[values == 0.0]
    turns = np.flatnonzero(values[:-1] * values[1:] < 0.0)
    found = [brentq(npv, _GRID[turn], _GRID[turn + 1], args=(money, when), xtol=1e-14) for turn in turns]
    roots = sorted([*exact.tolist(), *found])
    if not np.any(money) or not roots:
        raise DataError("no rate makes these flows worth nothing: they need money out and money in.")
    if len(roots) > 1:
        said = ", ".join(f"{root:.2%}" for root in roots[:5])
        raise DataError(
            f"{len(roots)} rates make these flows worth nothing ({said}): the sign of the flows turns too often."
        )
    return float(roots[0])


def annual_rate(rate: float, per: str, *, days: float | None = None) -> float:
    """A capital rate per day, week, year or period, as a rate per year.

    Formula: (1 + rate)^(365 ÷ days of `per`) − 1.

    Parameters
    ----------
    per : day, week, year, or period. days : of a period.

    Raises DataError for a period of unknown length.
    """
    length = {"day": 1.0, "week": 7.0, "year": DAYS}.get(per, days)
    if not length:
        raise DataError(f"a capital rate per {per} is no rate per year: say how many days that is.")
    return float((1.0 + rate) ** (DAYS / length) - 1.0)


def _checked(
    flows: npt.ArrayLike, times: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    money = np.atleast_1d(np.asarray(flows, dtype=np.float64))
    when = (
        np.arange(money.size, dtype=np.float64) if times is None else np.atleast_1d(np.asarray(times, dtype=np.float64))
    )
    if money.shape != when.shape:
        raise DataError(f"{money.size} flows at {when.size} times: give each flow its time.")
    if bad := int(np.count_nonzero(~np.isfinite(money) | ~np.isfinite(when))):
        raise DataError(f"{bad} of {money.size} flows have no finite amount or time.")
    return money, when
