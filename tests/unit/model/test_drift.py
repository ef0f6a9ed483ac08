"""Prices that have drifted off their basis: the basis is factored anew and run again, and the plan is proven."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.model.certificate import DUAL
from soe_lib.solver.gate import Gate
from soe_lib.solver.race import Highs
from tests.benchmarks.many_scenarios import scenarios

DEMO = Path(__file__).resolve().parents[3] / "data" / "demo"


@pytest.fixture(scope="module")
def snapshot() -> soe.Snapshot:
    return soe.read(DEMO, as_of="2026-11-16")


def test_an_edit_whose_prices_drift_is_proven(snapshot: soe.Snapshot) -> None:
    """Three edits of the demo after one another: of the last HiGHS 1.15 told 1e-10, and its prices were 0.01 off."""
    living = soe.Living(snapshot)
    for edit in (one.apply(snapshot) for one in scenarios(snapshot, 50)[47:]):
        plan = living.plan(edit)
        assert plan.solution["certificate"]["dual_infeasibility"] <= DUAL
    assert plan.objective == pytest.approx(soe.plan(edit).objective, abs=0.01)


def test_prices_that_do_not_fit_their_basis_are_seen_and_run_again(
    snapshot: soe.Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = soe.Model(snapshot)
    gate = Gate(model.program)
    gate.answer()
    assert not gate._drifted
    told, run, runs = Highs.getSolution, Highs.run, list[str]()

    def off(self: Highs) -> SimpleNamespace:
        found = told(self)
        price = np.asarray(found.row_dual) + (1e-3 if len(runs) < 2 else 0.0)
        return SimpleNamespace(row_dual=price, col_dual=found.col_dual, col_value=found.col_value)

    def counted(self: Highs) -> object:
        runs.append("run")
        return run(self)

    monkeypatch.setattr(Highs, "getSolution", off)
    monkeypatch.setattr(Highs, "run", counted)
    assert gate._drifted
    gate.answer()
    assert len(runs) == 2  # once more than it takes where nothing has drifted
