"""Answers as they travel between processes: whole, and nothing is sent that both sides have."""

from __future__ import annotations

import io
import pickle

import pytest
from polars.testing import assert_frame_equal

import soe_lib as soe
from soe_lib.store.plan import Plan
from soe_lib.whatif.distributed import Task, WarmSolver, _ByName, _common, _packed, _unpacked, planned
from soe_lib.whatif.scenario import Result, Scenario

SCENARIOS = {
    "a line short of hours": Scenario("x").scale("calendar.hours", 0.7, resource="L1"),
    "dearer resin, other rates": Scenario("x").scale("offers.unit_cost", 3),
    "one customer less, other cells": Scenario("x").drop("forecast", customer="C2"),
    "another as the base": Scenario("x").set("settings.costs.capital_rate", 0.03),
}


def same(one: Plan, other: Plan) -> None:
    assert other.identity == one.identity
    assert list(other.flows) == list(one.flows)
    assert list(other.prices) == list(one.prices)
    for name, frame in one.flows.items():
        assert_frame_equal(other.flows[name], frame, check_exact=True)
    for name, frame in one.prices.items():
        assert_frame_equal(other.prices[name], frame, check_exact=True)
    assert other.rates.tables.keys() == one.rates.tables.keys()
    for name, table in one.rates.tables.items():
        assert_frame_equal(other.rates.tables[name], table, check_exact=True)
    assert_frame_equal(other.ledger.lines, one.ledger.lines, check_row_order=False)
    assert other.margin == pytest.approx(one.margin, abs=1e-9)
    assert {**other.solution} == {**one.solution}


def travelled(snapshot: soe.Snapshot, scenario: Scenario) -> tuple[Result, Result, int]:
    """A result where it is made and where it arrives, and how many bytes that takes."""
    common, packed = _packed(Task(snapshot), [scenario])
    solver = WarmSolver(pickle.loads(packed))  # noqa: S301  (our own)
    found = planned(solver.task.snapshot, scenario, solver)
    assert solver.living is not None
    sent = io.BytesIO()
    _ByName(sent, _common(solver.task.snapshot, solver.living.home)).dump(found)
    return found, _unpacked(sent.getvalue(), common), len(sent.getvalue())


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_answer_arrives_whole(tiny: soe.Snapshot, name: str) -> None:
    made, arrived, _ = travelled(tiny, SCENARIOS[name])
    assert made.plan is not None
    assert arrived.plan is not None
    same(made.plan, arrived.plan)
    assert arrived.snapshot is not None
    assert arrived.snapshot.fingerprint == SCENARIOS[name].apply(tiny).fingerprint == arrived.plan.fingerprint


def test_tables_that_no_edit_changed_and_rates_of_the_base_are_the_askers_own(tiny: soe.Snapshot) -> None:
    made, arrived, size = travelled(tiny, SCENARIOS["a line short of hours"])
    assert arrived.snapshot is not None
    assert [name for name, frame in arrived.snapshot.tables.items() if frame is not tiny[name]] == ["calendar"]
    assert arrived.snapshot.settings is tiny.settings
    assert size < 0.5 * len(pickle.dumps(made, protocol=5))


def test_other_rates_and_settings_are_sent(tiny: soe.Snapshot) -> None:
    _, arrived, _ = travelled(tiny, SCENARIOS["another as the base"])
    assert arrived.snapshot is not None
    assert arrived.snapshot.settings.costs.capital_rate == 0.03
    assert tiny.settings.costs.capital_rate != 0.03
