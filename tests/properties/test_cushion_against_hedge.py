"""The cushion against a two-stage hedge on four random networks: a short form of the benchmark of the same name."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from tests.benchmarks.cushion_against_hedge import WEEKS, compared, first_week, hedged_week, money, network, week

BAND = 0.75
"""Per cent of expected money that a cushioned first week may earn less than a hedged one; without a cushion it is more."""


@pytest.mark.parametrize("seed", [1, 4, 9, 15])
def test_a_cushioned_first_week_earns_nearly_what_a_hedged_one_does(seed: int) -> None:
    found = compared(network(seed), scenarios=60, fresh=200)
    assert found["cushioned %"] > -BAND
    assert found["as it is %"] < -BAND
    assert found["perfect"] >= max(found["hedged"], found["cushioned"], found["as it is"])


def test_the_benchmark_hedges_as_the_library_does() -> None:
    """Its scenarios are one model with other demand; `soe.hedge` plans each from its own snapshot."""
    of = network(1)
    plain, paths = of.snapshot("never"), of.paths(3, 7)
    snapshots = [
        plain.replace(forecast=plain["forecast"].with_columns(pl.Series("quantity", _drawn(plain, path))))
        for path in paths
    ]
    hedged = soe.hedge(plain, snapshots, commit=1)
    model = soe.Model(plain)
    decisions, value = hedged_week(model, of, paths)
    assert hedged.value == pytest.approx(value, abs=0.005)
    assert money(model, decisions, of, paths).mean() == pytest.approx(value, abs=0.005)
    of_plan = money(model, first_week(model, soe.plan(plain)), of, paths)
    assert of_plan == pytest.approx([plan.objective for plan in hedged.carried_out.values() if plan], abs=0.005)


def _drawn(plain: soe.Snapshot, path: np.ndarray) -> list[float]:
    """The forecast's quantities with one path in the version that is planned with."""
    rows = plain["forecast"].select("item", "period", "version", "quantity").rows()
    good = {name: n for n, name in enumerate(plain["items"]["item"].to_list())}
    due = {week(t): t for t in range(WEEKS)}
    return [float(path[good[i], due[p]]) if version == week(0) else q for i, p, version, q in rows]
