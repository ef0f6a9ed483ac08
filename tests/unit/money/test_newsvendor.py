"""The newsvendor: published answers, three demands by hand, and what is refused."""

from __future__ import annotations

import pytest
from scipy.stats import norm, poisson, uniform

from soe_lib.errors import DataError
from soe_lib.money.newsvendor import newsvendor


def test_snyder_and_shen_example_4_1() -> None:
    # stockpyl (MIT), newsvendor.py: holding 0.18, shortage 0.70, demand normal(50, 8) and Poisson(50)
    normal = newsvendor(norm(50, 8), overage=0.18, underage=0.70)
    assert normal.quantity == pytest.approx(56.60395592743389, abs=1e-6)
    assert normal.cost == pytest.approx(1.9976051931766445, abs=1e-6)
    counted = newsvendor(poisson(50), overage=0.18, underage=0.70)
    assert (counted.quantity, counted.cost) == (56, pytest.approx(1.797235211809178, abs=1e-6))
    explicit = newsvendor(norm(50, 8), price=1.0, cost=0.30, salvage=0.12)
    assert explicit.profit == pytest.approx(33.002394806823354, abs=1e-6)
    assert explicit.quantity == pytest.approx(normal.quantity)


def test_three_demands_by_hand() -> None:
    # 10, 20 or 30 wanted, at 0.2, 0.5, 0.3; underage 6, overage 2: ratio 0.75 → 30
    demand = {10: 0.2, 20: 0.5, 30: 0.3}
    best = newsvendor(demand, overage=2, underage=6)
    assert (best.quantity, best.ratio) == (30, 0.75)
    assert (best.leftover, best.short, best.cost) == (pytest.approx(9), pytest.approx(0), pytest.approx(18))
    # 20 ordered: 10 left with 0.2, 10 short with 0.3 → 2 × 2 + 3 × 6
    assert newsvendor(demand, overage=2, underage=6, quantity=20).cost == pytest.approx(22)
    assert newsvendor(demand, overage=2, underage=2).quantity == 20
    # evenly between 0 and 100: S = 75, E[(S − D)⁺] = 75²/200, E[(D − S)⁺] = 25²/200
    even = newsvendor(uniform(0, 100), overage=1, underage=3)
    assert (even.quantity, even.cost) == (pytest.approx(75), pytest.approx(75**2 / 200 + 3 * 25**2 / 200))


def test_costs_and_chances_that_mean_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="overage None, underage 3"):
        newsvendor(norm(50, 8), underage=3)
    with pytest.raises(DataError, match="must both cost something above 0"):
        newsvendor(norm(50, 8), price=1.0, cost=0.3, salvage=0.3)
    with pytest.raises(DataError, match=r"2 demands add up to 0\.9"):
        newsvendor({1: 0.4, 2: 0.5}, overage=1, underage=1)
