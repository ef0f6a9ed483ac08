"""Plans as they travel: nothing is lost of what the other side does not have, and nothing sent that it has."""

from __future__ import annotations

import pickle
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import soe_lib as soe
import soe_lib.whatif.distributed  # how a frozen mapping travels
from soe_lib.model.plan import Plan
from soe_lib.whatif import Scenario
from soe_lib.whatif.distributed import Known, Slim

SCENARIOS = {
    "a line short of hours": Scenario("x").scale("calendar.hours", 0.7, resource="L1"),
    "dearer resin, other rates": Scenario("x").scale("offers.unit_cost", 3),
    "one customer less, other cells": Scenario("x").drop("forecast", customer="C2"),
    "another as the base": Scenario("x").set("settings.costs.capital_rate", 0.03),
}


@pytest.fixture
def known(tiny: soe.Snapshot) -> Known:
    return Known(soe.Model(tiny))


def travelled(plan: Plan, one: Known, other: Known) -> tuple[Slim, Plan]:
    slim: Slim = pickle.loads(pickle.dumps(one.slim(plan)))  # noqa: S301  (our own)
    return slim, other.whole(slim)


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


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_plan_arrives_whole(tiny: soe.Snapshot, known: Known, name: str) -> None:
    living = soe.Living(tiny)
    plan = living.plan(SCENARIOS[name].apply(tiny))
    slim, arrived = travelled(plan, Known(living.home), known)
    same(plan, arrived)
    assert (slim.rates is None) == (plan.rates is living.home.rate_book)


def test_labels_and_rates_of_the_base_are_not_sent(tiny: soe.Snapshot) -> None:
    living = soe.Living(tiny)
    plan = living.plan(SCENARIOS["a line short of hours"].apply(tiny))
    slim = Known(living.home).slim(plan)
    assert slim.rates is None
    assert [one.values.columns for one in slim.flows.values()] == [["quantity"]] * len(plan.flows)
    assert all(one.labels is None for one in (*slim.flows.values(), *slim.prices.values()))


def test_cells_that_another_side_does_not_have_are_sent_with_their_labels(tiny: soe.Snapshot, known: Known) -> None:
    plan = soe.plan(tiny)
    first = next(iter(plan.flows))
    own = {**plan.flows, first: plan.flows[first][::-1], "mine": pl.DataFrame({"mine": ["a"], "quantity": [1.0]})}
    strange = replace(plan, flows=own, prices={"mine": pl.DataFrame({"mine": ["a"], "price": [2.0]})})
    slim, arrived = travelled(strange, known, known)
    assert_frame_equal(arrived.flows[first], own[first])
    assert_frame_equal(arrived.flows["mine"], own["mine"])
    assert_frame_equal(arrived.prices["mine"], strange.prices["mine"])
    assert slim.flows[first].labels is not None


def test_cells_in_another_order_are_valued_by_their_keys(tiny: soe.Snapshot, known: Known) -> None:
    plan = soe.plan(tiny)
    mine = Known(soe.Model(tiny))
    turned = replace(plan, flows={name: frame[::-1] for name, frame in plan.flows.items()}, rates=mine.model.rate_book)
    slim, arrived = travelled(turned, mine, known)
    assert slim.rates is None
    assert_frame_equal(arrived.ledger.lines, plan.ledger.lines, check_row_order=False)


def test_a_ledger_by_cell_is_that_of_the_keys(tiny: soe.Snapshot, known: Known) -> None:
    living = soe.Living(tiny)
    plan = living.plan(SCENARIOS["a line short of hours"].apply(tiny))
    _, arrived = travelled(plan, Known(living.home), known)
    assert "ledger" in arrived.__dict__, "nobody has to ask for it"
    by_keys = arrived.rates.value(arrived.flows, items=arrived.items, periods=arrived.periods)
    assert_frame_equal(arrived.ledger.lines, by_keys.lines, check_exact=True)
