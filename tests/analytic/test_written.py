"""Constraints and terms that an analyst writes in CVXPY, on a line that makes two items, with answers by hand.

A earns 6 a unit and B 4; an hour makes one unit of either; a week has 100 hours and asks for 60 of each. The plan makes
60 A and 40 B a week and earns 520.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import FormulationError, SolveError
from tests.networks import snapshot, weeks

WEEKS = 2


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> soe.Snapshot:
    return company(tmp_path_factory.mktemp("line"))


def company(folder: Path, **changed: Any) -> soe.Snapshot:
    periods = [f"W{n + 1}" for n in range(WEEKS)]
    tables: dict[str, Any] = {
        "periods": weeks(WEEKS),
        "items": [{"item": "A", "unit": "each", "family": "tea"}, {"item": "B", "unit": "each", "family": "coffee"}],
        "locations": [{"location": "P", "kind": "plant"}],
        "resources": [{"resource": "L", "location": "P"}],
        "calendar": [{"resource": "L", "period": period, "hours": 100.0} for period in periods],
        "routings": [{"routing": i, "item": i, "location": "P", "cost_per_unit": 4.0} for i in "AB"],
        "operations": [{"routing": i, "step": "1", "resource": "L", "hours_per_unit": 1.0} for i in "AB"],
        "customers": [{"customer": "C"}],
        "forecast": [
            {"item": i, "location": "P", "customer": "C", "period": p, "quantity": 60.0, "price": price}
            for i, price in (("A", 10.0), ("B", 8.0))
            for p in periods
        ],
    }
    return snapshot(folder, **{**tables, **changed})


def made(plan: soe.Plan, item: str) -> list[float]:
    rows = plan.flows["make"].filter(pl.col("item") == item).sort("period")["quantity"]
    return [round(value, 4) for value in rows]


def test_the_line_without_anything_of_ones_own(line: soe.Snapshot) -> None:
    assert soe.plan(line).objective == pytest.approx(WEEKS * 520.0)


def test_a_constraint_holds_has_a_price_and_costs_what_it_costs(line: soe.Snapshot) -> None:
    plan = soe.plan(line, extra=lambda v: {"little coffee": cp.sum(v["make"].where(family="coffee")) <= 30.0})
    assert sum(made(plan, "B")) == pytest.approx(30.0)
    assert plan.objective == plan.margin == pytest.approx(WEEKS * 360.0 + 30.0 * 4.0)
    (price,) = plan.prices["little coffee"]["price"]
    more = soe.plan(line, extra=lambda v: [cp.sum(v["make"].where(family="coffee")) <= 31.0])
    assert price == pytest.approx(4.0) == pytest.approx(more.objective - plan.objective)


def test_a_norm_is_said_in_rows_and_booked_as_steering(line: soe.Snapshot) -> None:
    def alike(v: Any) -> dict[str, Any]:
        return {"alike": -1.5 * cp.norm1(v["make"].by("period", item="A") - v["make"].by("period", item="B"))}

    # Every unit from A to B loses 2 and gains 2 × 1.5.
    plan = soe.plan(line, extra=alike)
    assert made(plan, "A") == made(plan, "B") == [50.0, 50.0]
    half = soe.plan(line, extra=lambda v: {"alike": 0.5 * alike(v)["alike"]})
    assert made(half, "A") == [60.0, 60.0]
    assert half.ledger.accounts()["alike"] == half.steering == pytest.approx(-0.75 * WEEKS * 20.0)
    assert half.margin == pytest.approx(WEEKS * 520.0)
    assert half.margin + half.steering == pytest.approx(half.objective, abs=0.005)


def test_a_square_goes_to_a_convex_solver_and_the_ledger_ties(line: soe.Snapshot) -> None:
    def smooth(v: Any) -> list[Any]:
        return [-0.05 * cp.sum_squares(v["make"].by("period", item="A") - v["make"].by("period", item="B"))]

    # With A = 50 + d and B = 50 − d a week earns 500 + 2 d − 0.05 (2 d)²: best at d = 5.
    plan = soe.plan(line, extra=smooth)
    assert made(plan, "A") == pytest.approx([55.0, 55.0], abs=1e-3)
    assert plan.margin == pytest.approx(WEEKS * 510.0, abs=1e-3)
    assert plan.steering == pytest.approx(-WEEKS * 5.0, abs=1e-3)
    assert plan.margin + plan.steering == pytest.approx(plan.objective, abs=0.005)
    assert max(plan.solution["certificate"].values()) < 1e-6
    # 20 more hours would go to 10 of each: the price of an hour is what one more earns.
    assert plan.prices["hours"]["price"].to_list() == pytest.approx([5.0, 5.0], abs=1e-4)
    # A unit of A that lay there would be sold for 10 beside those that are made: the price of an equality.
    stock = plan.prices["stock"].filter(pl.col("item") == "A", pl.col("period") == "W1")["price"].to_list()
    assert stock == pytest.approx([10.0], abs=1e-3)


def test_the_problem_solves_to_the_same_objective(line: soe.Snapshot) -> None:
    for power in (cp.norm1, cp.sum_squares):
        model = soe.Model(line, extra=lambda v, power=power: [-0.05 * power(v["make"].by("period", item="A") - 50.0)])
        assert model.problem.solve(solver="CLARABEL") == pytest.approx(model.solve().objective, rel=1e-6)


def test_cvar_over_scenarios_that_the_analyst_brings(line: soe.Snapshot) -> None:
    losses = np.array([0.0, 1.0, 2.0, 20.0])  # a unit of A that week, four equally likely outcomes

    def careful(v: Any) -> dict[str, Any]:
        return {"risk": -0.4 * cp.cvar(losses * cp.sum(v["make"].where(item="A", period="W1")), 0.5)}

    # The worst half loses 11 a unit on average, of which 0.4 count: a unit of A earns 6 − 4.4 < 4
    # in the first week, which makes all the B that the second has no hours for.
    plan = soe.plan(line, extra=careful)
    assert made(plan, "A") == [20.0, 60.0]
    assert plan.steering == pytest.approx(-0.4 * 11.0 * 20.0)


def test_variables_of_ones_own_are_shared_between_constraints_and_terms(line: soe.Snapshot) -> None:
    def spread(v: Any) -> list[Any]:
        most = cp.Variable(nonneg=True)
        return [v["make"].by("period", item="A") <= most, -7.0 * most]

    # A week's most costs 7 and lets both weeks earn 6 − 4 more than B: 2 × 2 < 7, until B has all that is asked.
    plan = soe.plan(line, extra=spread)
    assert made(plan, "A") == [40.0, 40.0]
    assert plan.steering == pytest.approx(-7.0 * 40.0)


def test_whole_numbers_of_ones_own(line: soe.Snapshot) -> None:
    def batches(v: Any) -> list[Any]:
        count = cp.Variable(WEEKS, integer=True)
        return [v["make"].by("period", item="A") == 25.0 * count]

    plan = soe.plan(line, extra=batches)
    assert made(plan, "A") == [50.0, 50.0]
    assert plan.objective == pytest.approx(WEEKS * 500.0)


def test_a_living_model_keeps_to_it(line: soe.Snapshot) -> None:
    for term in (cp.norm1, cp.sum_squares):
        living = soe.Living(line, extra=lambda v, term=term: [-0.2 * term(v["make"].by("period", item="A") - 30.0)])
        more = soe.Scenario("more hours").scale("calendar.hours", 1.1).apply(line)
        cold = soe.plan(more, extra=lambda v, term=term: [-0.2 * term(v["make"].by("period", item="A") - 30.0)])
        assert living.plan(more).objective == pytest.approx(cold.objective, abs=1e-3)


def test_why_not_and_the_conflict_know_it(line: soe.Snapshot) -> None:
    living = soe.Living(line, extra=lambda v: {"little coffee": cp.sum(v["make"].where(item="B")) <= 30.0})
    answer = soe.why_not(living, [soe.blocks.Force("make", 20.0, item="B", period="W1")])
    assert answer.total == pytest.approx(0.0, abs=0.01)
    with pytest.raises(SolveError, match=r"at most 30\.00 are possible"):
        soe.why_not(living, [soe.blocks.Force("make", 40.0, item="B", period="W1")])

    def much(v: Any) -> dict[str, Any]:
        return {"much tea": cp.sum(v["make"].where(item="A")) >= 250.0}

    with pytest.raises(SolveError, match="much tea, of your own"):
        soe.plan(line, extra=much)
    (broken,) = soe.conflict(line, extra=much).promises.rows(named=True)
    assert (broken["by"], broken["promised"], broken["way"]) == (pytest.approx(50.0), 250.0, "less")


def test_formulation_prints_it(line: soe.Snapshot) -> None:
    model = soe.Model(line, extra=lambda v: {"little coffee": cp.sum(v["make"].where(item="B")) <= 30.0})
    assert "little coffee(own_row)" in model.formulation()
    curved = soe.Model(line, extra=lambda v: {"round": cp.norm2(v["make"].where(item="B")) <= 30.0})
    assert "round" in curved.formulation()


def test_a_convex_constraint_binds_and_has_a_price(line: soe.Snapshot) -> None:
    plan = soe.plan(line, extra=lambda v: {"round": cp.norm2(v["make"].by("period", item="B")) <= 30.0})
    assert made(plan, "B") == pytest.approx([30.0 / 2**0.5] * 2, abs=1e-3)
    assert plan.prices["round"]["price"].to_list() == pytest.approx([4.0 * 2**0.5], abs=1e-3)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (lambda v: [cp.sum(v["make"].where(item="Z")) <= 1.0], r"make.where\(item='Z'\): no cell has it. It has A, B."),
        (lambda v: [cp.sum(v["make"].where(famly="tea")) <= 1.0], "no column 'famly'. Did you mean family"),
        (lambda v: [cp.sum(v["make"].where(item="A", family="coffee")) <= 1.0], "selects none of 4 cells"),
        (lambda v: [cp.sum(v["mak"]) <= 1.0], "no flow 'mak'. Did you mean make"),
        (lambda v: [cp.sum_squares(v["make"])], "a term must be concave"),
        (lambda v: [cp.sum_squares(v["make"]) >= 1.0], "a constraint must be convex"),
        (lambda v: [v["make"]], r"an expression of shape \(4,\)"),
        (lambda _: [True], "own term 1 is True"),
        (lambda _: None, "own term 1 is None"),
        (
            lambda v: [(cp.sum(v["make"]) <= 1.0).set_label("a"), (cp.sum(v["make"]) <= 2.0).set_label("a")],
            "called 'a'",
        ),
    ],
)
def test_what_cannot_be_meant_is_said(line: soe.Snapshot, extra: Any, said: str) -> None:
    with pytest.raises(FormulationError, match=said):
        soe.plan(line, extra=extra)


def test_squares_beside_whole_numbers_are_refused(line: soe.Snapshot) -> None:
    lots = line.replace(routings=line["routings"].with_columns(multiple=pl.lit(7.0)))
    with pytest.raises(FormulationError, match="no solver here handles both"):
        soe.plan(lots, extra=lambda v: [-cp.sum_squares(v["make"])])


def test_a_figure_of_ones_own_for_each_cell(line: soe.Snapshot) -> None:
    steam = pl.DataFrame({"item": ["A", "B"], "steam": [3.0, 1.0]})
    plan = soe.plan(line, extra=lambda v: [v["make"].look_up(steam, "steam") @ v["make"] <= 320.0])
    # A unit of steam earns 4 in B and 2 in A: all 120 of B, and A from what is left of it.
    assert sum(made(plan, "B")) == pytest.approx(120.0)
    assert sum(made(plan, "A")) == pytest.approx((320.0 - 120.0) / 3.0, abs=1e-3)
    with pytest.raises(FormulationError, match="2 of 4 cells have no row"):
        soe.plan(line, extra=lambda v: [v["make"].look_up(steam.head(1), "steam") @ v["make"] <= 1.0])
