"""The closed loop in generated worlds: what the plan must earn, what must close, what nobody may know."""

from __future__ import annotations

import pytest

from soe_lib.replay.loop import live
from soe_lib.replay.planners import Optimiser
from soe_lib.replay.truth import Truth
from tests.benchmarks.worlds import World, draw

CERTAIN = World(seed=3, noise=0.0, bias=0.0, stops=False, late=False, load=0.93, weeks=6)


@pytest.fixture(scope="module")
def certain() -> Truth:
    return draw(CERTAIN)


def test_with_a_perfect_forecast_and_no_event_the_plan_earns_all_but_the_end_of_the_horizon(certain: Truth) -> None:
    assert 0.995 <= live(certain, Optimiser(cushion="never")).share <= 1.0 + 1e-9


def test_who_does_nothing_earns_less(certain: Truth) -> None:
    assert live(certain, lambda _: {}).share < 0.7
