"""The base's answer as another process is handed it: believed of the very same model, and of no other."""

from __future__ import annotations

import pickle

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.solver.session import Session
from soe_lib.solver.warm_start import Start
from soe_lib.whatif.distributed import Task, WarmSolver
from tests.unit.whatif.conftest import tiny
from tests.unit.workbench.companies import network

__all__ = ["tiny"]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> soe.Snapshot:
    return network(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def sent(company: soe.Snapshot) -> Start:
    """An answer that has travelled."""
    found: Start = pickle.loads(pickle.dumps(proven(company)))  # noqa: S301  (our own)
    return found


def proven(company: soe.Snapshot) -> Start:
    return Session(soe.Model(company).staged().program, unique=True).start


def begun(snapshot: soe.Snapshot, start: Start | None) -> soe.Living:
    """A living model that is handed an answer."""
    living = WarmSolver(Task(snapshot, start=start)).living
    assert living is not None
    return living


def test_a_model_that_is_handed_its_answer_asks_neither_solver_nor_cvxpy(company: soe.Snapshot, sent: Start) -> None:
    living = begun(company, sent)
    assert living.base.identity == soe.plan(company).identity


def test_an_edit_is_answered_from_it_as_from_ones_own(company: soe.Snapshot, sent: Start) -> None:
    ours, handed = soe.Living(company), begun(company, sent)
    mine, theirs = (living.session.start for living in (ours, handed))
    assert mine.columns.tolist() == theirs.columns.tolist()
    assert mine.rows.tolist() == theirs.rows.tolist()
    more = soe.Scenario("more").scale("forecast.quantity", 1.2).apply(company)
    assert handed.plan(more).identity == ours.plan(more).identity == soe.plan(more).identity


@pytest.mark.parametrize(
    ("path", "factor"),
    [
        ("offers.unit_cost", 1.01),
        ("forecast.quantity", 1.01),
        ("calendar.hours", 0.99),
        ("operations.hours_per_unit", 1.01),
    ],
)
def test_it_is_not_believed_of_another_model(company: soe.Snapshot, sent: Start, path: str, factor: float) -> None:
    other = soe.Scenario("other").scale(path, factor).apply(company)
    assert sent.fits(soe.Model(company).program)
    assert not sent.fits(soe.Model(other).program)
    assert begun(other, sent).base.identity == soe.plan(other).identity


def test_a_recipe_moves_neither_money_nor_limits_and_is_noticed(tiny: soe.Snapshot) -> None:
    start = proven(tiny)
    other = soe.Scenario("more resin").scale("components.quantity", 1.5).apply(tiny)
    assert start.fits(soe.Model(tiny).program)
    assert not start.fits(soe.Model(other).program)


@pytest.fixture
def lots(tiny: soe.Snapshot) -> soe.Snapshot:
    """A company that makes in lots."""
    found = tiny.replace(routings=tiny["routings"].with_columns(multiple=pl.lit(7.0)))
    assert soe.Model(found).program.integer.any(), "lots are whole"
    return found


def test_an_answer_with_whole_numbers_is_handed_on_too(lots: soe.Snapshot) -> None:
    living = begun(lots, Task(lots).solved(soe.Model(lots)).start)
    assert living.base.identity == soe.plan(lots).identity
    less = soe.Scenario("less").scale("calendar.hours", 0.5).apply(lots)
    assert living.plan(less).identity == soe.plan(less).identity


def test_aims_before_money_are_reached_by_whoever_needs_them(tiny: soe.Snapshot) -> None:
    fair = soe.Scenario("fair").set("settings.objective.allocation", "priority").apply(tiny)
    assert "service" in soe.Model(fair).constraints
    assert Task(fair).solved(soe.Model(fair)).start is None
    assert begun(fair, None).base.identity == soe.plan(fair).identity
    assert not proven(fair).fits(soe.Model(fair).program)


def test_a_living_base_with_whole_numbers_starts_again_from_itself(lots: soe.Snapshot) -> None:
    living = soe.Living(lots)
    smooth = lots.replace(routings=lots["routings"].with_columns(multiple=pl.lit(None, dtype=pl.Float64)))
    first = living.plan(smooth).identity
    living.restart()
    assert living.plan(smooth).identity == first == soe.plan(smooth).identity
