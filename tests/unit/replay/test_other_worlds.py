"""The second kind of generated worlds: what is written down in another way tells the same, and nobody beats hindsight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.carry import Floor
from soe_lib.replay.known import Memory
from soe_lib.uncertainty import record
from tests.benchmarks.other_worlds import Company, Told, Traits, draw, drawn, run

TRAITS = replace(drawn(2, 3), goods=4, history=4)


def handed(traits: Traits) -> Snapshot:
    """The first Monday's extract as a company hands it over."""
    first, company = draw(traits)
    floor = Floor(first)
    return Told(company, first)(Memory(floor).snapshot(floor.opening(), 0))


def test_earlier_extracts_tell_the_same_record_as_versions() -> None:
    told = record.of(handed(replace(TRAITS, handed="versions")))
    assert told["week"].n_unique() == TRAITS.history
    assert_frame_equal(record.of(handed(replace(TRAITS, handed="extracts"))), told)


def test_what_is_not_written_down_is_not_handed_over() -> None:
    silent = handed(replace(TRAITS, handed="versions", sales_only=True, receipts_told=False, losses_told=False))
    assert set(silent["actuals"]["measure"]) == {"sales"}
    assert silent["deliveries"].is_empty()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_nobody_earns_more_than_hindsight(depth: int) -> None:
    shares = [
        float(row["share"]) for row in run(replace(TRAITS, depth=depth, handed="versions"), ("cushion", "MRP z 1.65"))
    ]  # type: ignore[arg-type]
    assert max(shares) < 1.0


def test_seeds_draw_networks_of_every_kind() -> None:
    made = [drawn(seed) for seed in range(1, 61)]
    assert {one.depth for one in made} == {0, 1, 2}
    assert min(one.goods for one in made) == 3
    assert max(one.goods for one in made) > 20
    assert all((Company(one, np.random.default_rng(one.seed)).base.sum(axis=(1, 2)) > 0).all() for one in made[:10])
