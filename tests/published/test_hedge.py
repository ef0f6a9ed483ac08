"""Two published stochastic programs, hedged: the farmer, and the newsvendor."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import soe_lib as soe

HERE = Path(__file__).parent
DEMAND = norm(50, 8)


def test_the_farmer() -> None:
    """Birge & Louveaux, Introduction to Stochastic Programming, 2nd ed., §1.1, tables 1 to 5."""
    snapshot = soe.read(HERE / "birge_louveaux_farmer")
    good = soe.Scenario("good").scale("routings.yield", 1.2)
    bad = soe.Scenario("bad").scale("routings.yield", 0.8)
    farmer = soe.hedge(snapshot, ["base", good, bad], commit={"make": "planting"})
    planted = farmer.decisions["make"]
    acres = dict(zip(planted["routing"], planted["quantity"], strict=True))
    assert acres == pytest.approx({"wheat": 170, "corn": 80, "beets": 250})
    of_mean = dict(zip(planted["routing"], planted["of_mean"], strict=True))
    assert of_mean == pytest.approx({"wheat": 120, "corn": 80, "beets": 300})
    assert farmer.value == pytest.approx(108_390, abs=0.005)
    assert farmer.wait_and_see == pytest.approx(115_406, abs=0.5)
    assert farmer.expected_of_mean == pytest.approx(107_240, abs=0.005)
    assert farmer.evpi == pytest.approx(7_016, abs=0.5)
    assert farmer.vss == pytest.approx(1_150, abs=0.005)
    outcomes = dict(farmer.table().select("scenario", "money").iter_rows())
    assert outcomes == pytest.approx({"base": 109_350, "good": 167_000, "bad": 48_820})


def mean_within(low: float, high: float) -> tuple[float, float]:
    """Probability of demand in an interval, and its mean there."""
    chance = DEMAND.cdf(high) - DEMAND.cdf(low)
    return float(chance), float(50 + 64 * (DEMAND.pdf(low) - DEMAND.pdf(high)) / chance)


def test_the_newsvendor_found_by_narrowing_the_scenarios_down() -> None:
    """Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., example 4.1 (stockpyl): 56.60396, cost 1.99761.

    Each scenario stands for an interval of demand and is its mean. Money is linear in demand but where demand is what
    was ordered, so only the interval with the order in it is inexact: it is cut in eight, over and over.
    """
    snapshot = soe.read(HERE / "snyder_shen_newsvendor")
    low, high = 18.0, 82.0
    while True:
        edges = np.array([-30.0, *np.linspace(low, high, 9), 130.0])
        chances, means = np.array([mean_within(*pair) for pair in pairwise(edges)]).T
        mornings = [snapshot.replace(forecast=snapshot["forecast"].with_columns(quantity=max(m, 0.0))) for m in means]
        hedged = soe.hedge(snapshot, list(zip(chances / chances.sum(), mornings, strict=True)))
        order = hedged.decisions["buy"]["quantity"].item()
        if high - low < 1e-4:
            break
        place = int(np.searchsorted(edges, order)) - 1
        low, high = float(edges[place]), float(edges[place + 1])
    assert order == pytest.approx(56.60395592743389, abs=1e-4)
    assert hedged.value == pytest.approx(33.002394806823354, abs=1e-6)
    # With demand known, 0.70 is earned on each of 50 papers: what is lost is the cost of not knowing.
    assert hedged.wait_and_see == pytest.approx(35.0, abs=1e-6)
    assert hedged.evpi == pytest.approx(1.9976051931766445, abs=1e-6)
