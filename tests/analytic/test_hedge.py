"""Hedged plans whose answers are worked out by hand: one order now, demand known later, a dearer way to mend it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from tests.networks import snapshot, weeks


def shop(folder: Path, *, units: float = 1.0, money: float = 1.0, **offer: Any) -> Snapshot:
    """A is wanted in W2 at 10: 18 units are expected. Ordered in W1 it costs 2; at once, once demand is known, 6."""
    cheap = {"offer": "cheap", "unit_cost": 2 * money / units, "lead_time_days": 7, "expedite": "no", **offer}
    quick = {"offer": "quick", "unit_cost": 6 * money / units, "lead_time_days": 0, "expedite": "yes"}
    terms = {"supplier": "S", "item": "A", "location": "P"}
    line = {"item": "A", "location": "P", "period": "W2", "quantity": 18 * units, "price": 10 * money / units}
    return snapshot(folder, periods=weeks(2), offers=[{**cheap, **terms}, {**quick, **terms}], forecast=[line])


def demand(quantity: float, name: str = "") -> soe.Scenario:
    return soe.Scenario(name or f"{quantity:g} wanted").set("forecast.quantity", quantity)


LOW, HIGH = demand(10, "low"), demand(30, "high")
ODDS = [(0.6, LOW), (0.4, HIGH)]


def ordered(hedged: Any, offer: str = "cheap") -> float:
    rows = hedged.decisions["buy"].filter(pl.col("offer") == offer)
    return float(rows["quantity"].sum())


def test_one_more_unit_pays_where_it_is_likely_enough_to_be_needed(tmp_path: Path) -> None:
    """Beyond 10 a unit costs 2 and saves 6 with 40 %: 0.4 more each, so 30 are ordered."""
    hedged = soe.hedge(shop(tmp_path), ODDS)
    assert ordered(hedged) == pytest.approx(30)
    assert hedged.table()["money"].to_list() == pytest.approx([100 - 60, 300 - 60])
    assert hedged.value == hedged.expected == pytest.approx(0.6 * 40 + 0.4 * 240)
    assert hedged.expected_margin == pytest.approx(120)
    # Planned for 18: 2 × 18 spent, and 12 more at 6 where 30 are wanted.
    assert hedged.table()["of_mean"].to_list() == pytest.approx([100 - 36, 300 - 36 - 72])
    assert hedged.expected_of_mean == pytest.approx(115.2)
    assert hedged.vss == pytest.approx(4.8)
    assert hedged.wait_and_see == pytest.approx(0.6 * 80 + 0.4 * 240)
    assert hedged.evpi == pytest.approx(24)
    assert hedged.decisions["buy"].filter(pl.col("offer") == "cheap")["of_mean"].item() == pytest.approx(18)
    assert "expected margin 120.00" in repr(hedged)
    assert "worth 4.80" in repr(hedged)


def test_one_more_unit_does_not_pay_where_it_is_unlikely(tmp_path: Path) -> None:
    """With 30 % a unit beyond 10 saves 1.80 and costs 2."""
    hedged = soe.hedge(shop(tmp_path), [(0.7, LOW), (0.3, HIGH)])
    assert ordered(hedged) == pytest.approx(10)
    assert hedged.value == pytest.approx(0.7 * 80 + 0.3 * (300 - 20 - 120))


@pytest.mark.parametrize(("weight", "order", "value"), [(1.0, 10, 80.0), (0.5, 10, 96.0), (0.1, 30, 112.0)])
def test_the_worst_outcomes_count(tmp_path: Path, weight: float, order: float, value: float) -> None:
    """The worst half is all low demand: 100 − 2 × order. Expected money rises by 0.4 a unit ordered from 10 to 30."""
    hedged = soe.hedge(shop(tmp_path), ODDS, risk=soe.whatif.CVaR(level=0.5, weight=weight))
    assert ordered(hedged) == pytest.approx(order)
    assert hedged.value == pytest.approx(value)
    assert hedged.cvar == pytest.approx(100 - 2 * order)
    assert hedged.vss >= 0
    assert hedged.evpi >= 0


def test_a_tail_that_cuts_an_outcome() -> None:
    """The worst 70 % of 40 (60 %) and 240 (40 %) is all of the first and 10 of the second."""
    tail = soe.whatif.CVaR(level=0.3, weight=1.0).tail(np.array([240.0, 40.0]), np.array([0.4, 0.6]))
    assert tail == pytest.approx((0.6 * 40 + 0.1 * 240) / 0.7)
    assert soe.whatif.CVaR(level=0.0).tail(np.array([240.0, 40.0]), np.array([0.4, 0.6])) == pytest.approx(120)


@pytest.mark.parametrize(("order_cost", "order", "value"), [(15, 30, 105), (60, 0, 72)])
def test_an_order_that_costs_something_as_such(tmp_path: Path, order_cost: float, order: float, value: float) -> None:
    """Without an order each unit earns 4: 0.6 × 40 + 0.4 × 120 = 72."""
    hedged = soe.hedge(shop(tmp_path, order_cost=order_cost), ODDS)
    assert ordered(hedged) == pytest.approx(order)
    assert hedged.value == pytest.approx(value)
    assert set(hedged.decisions) == {"buy", "place_order"}
    rough = soe.hedge(shop(tmp_path / "rough", order_cost=order_cost), ODDS, options=soe.SolverOptions(gap=0.5))
    assert value / 2 <= rough.value <= value + 1e-6


def test_one_scenario_is_the_ordinary_plan_and_so_are_two_equal_ones(tmp_path: Path) -> None:
    company = shop(tmp_path)
    plan = soe.plan(company)
    twice = soe.hedge(company, [(0.25, company), (0.75, "base")])
    for hedged in (soe.hedge(company, ["base"]), twice):
        assert hedged.value == pytest.approx(plan.objective, abs=0.005)
        assert {one.identity for one in hedged.plans.values()} == {plan.identity}
        assert hedged.vss == pytest.approx(0, abs=1e-9)
        assert hedged.evpi == pytest.approx(0, abs=1e-9)


def test_the_order_of_scenarios_and_of_rows_does_not_matter(tmp_path: Path) -> None:
    company = shop(tmp_path)
    first, second = soe.hedge(company, ODDS), soe.hedge(company, ODDS[::-1])
    offers = company["offers"]
    turned = soe.hedge(company.replace(offers=offers[::-1]), ODDS)
    for other in (second, turned):
        assert {name: other[name].identity for name in ("low", "high")} == {
            name: first[name].identity for name in ("low", "high")
        }


@pytest.mark.parametrize(("units", "money"), [(1e6, 1.0), (1e-2, 1.0), (1.0, 1e6), (1e5, 1e5)])
def test_other_units_and_money(tmp_path: Path, units: float, money: float) -> None:
    company = shop(tmp_path, units=units, money=money)
    odds = [(0.6, demand(10 * units, "low")), (0.4, demand(30 * units, "high"))]
    hedged = soe.hedge(company, odds)
    assert ordered(hedged) == pytest.approx(30 * units)
    assert hedged.value == pytest.approx(120 * money)
    assert hedged.evpi == pytest.approx(24 * money)


def test_nothing_is_decided_later_where_all_is_committed(tmp_path: Path) -> None:
    """Quick orders of W2 are common too: 30 units at 2 still; what is ordered at 6 would be so in both."""
    hedged = soe.hedge(shop(tmp_path), [(0.7, LOW), (0.3, HIGH)], commit=2)
    # One unit beyond 10 earns 10 × 0.3 and costs 2: now it pays, for nothing mends it later.
    assert ordered(hedged) == pytest.approx(30)
    assert hedged.value == pytest.approx(0.7 * 100 + 0.3 * 300 - 60)


def test_a_commitment_by_flow_and_label(tmp_path: Path) -> None:
    company = shop(tmp_path)
    assert soe.hedge(company, ODDS, commit={"buy": "2026-W02"}).value == pytest.approx(120)
    assert soe.hedge(company, ODDS, commit="W1").value == pytest.approx(120)
    assert soe.hedge(company, ODDS, commit={"buy": "W1", "sell": "W2"}).expected == pytest.approx(100 - 20)


def test_what_one_scenario_lacks_is_decided_by_nobody(tmp_path: Path) -> None:
    gone = soe.Scenario("gone").drop("offers", offer="cheap")
    hedged = soe.hedge(shop(tmp_path), ["base", gone])
    assert ordered(hedged) == 0.0
    assert hedged.value == pytest.approx(18 * 4)
    assert hedged.table()["of_mean"].to_list() == [pytest.approx(18 * 8), None]
    assert hedged.vss == float("inf")
    assert "cannot be carried out in 'gone'" in repr(hedged)


def test_another_mean(tmp_path: Path) -> None:
    hedged = soe.hedge(shop(tmp_path), ODDS, mean=demand(10, "pessimist"))
    assert hedged.expected_of_mean == pytest.approx(0.6 * 80 + 0.4 * (300 - 20 - 120))
    assert "'pessimist'" in repr(hedged)


def test_scenarios_take_the_place_of_the_cushion(tmp_path: Path) -> None:
    """A cushion of 12 units is steering for a plan by itself; a hedged plan and its scenarios hold none."""
    company, settings = shop(tmp_path), '[costs]\nper = "period"\n[cushion]\nuse = "always"\n'
    error = {"item": "A", "location": "P", "period": "W2"}
    errors = [{**error, "probability": at, "quantity": units} for at, units in ((0.25, -12.0), (0.75, 12.0))]
    tables = {name: company[name].to_dicts() for name in ("offers", "forecast")}
    careful = snapshot(tmp_path / "careful", settings, periods=weeks(2), forecast_errors=errors, **tables)
    plan = soe.plan(careful)
    assert plan.flows["buy"]["quantity"].sum() == pytest.approx(30)
    hedged = soe.hedge(careful, ODDS)
    assert hedged.value == pytest.approx(120)
    assert hedged.table()["steering"].to_list() == [0.0, 0.0]
    assert hedged.decisions["buy"].filter(pl.col("offer") == "cheap")["of_mean"].item() == pytest.approx(18)
    held = soe.hedge(careful, ODDS, mean=plan)
    assert held.decisions["buy"].filter(pl.col("offer") == "cheap")["of_mean"].item() == pytest.approx(30)
    assert held.vss == pytest.approx(0)
    assert "First decisions of this week's plan would be worth 120.00" in repr(held)


def line(folder: Path) -> Snapshot:
    """A and B share the 10 hours of a line; 10 of either may have been promised."""
    return snapshot(
        folder,
        periods=weeks(2),
        resources=[{"resource": "L", "location": "P"}],
        calendar=[{"resource": "L", "period": "W1", "hours": 10}],
        routings=[{"routing": name, "item": name, "location": "P"} for name in "AB"],
        operations=[{"routing": name, "resource": "L", "hours_per_unit": 1} for name in "AB"],
        forecast=[{"item": name, "location": "P", "period": "W1", "quantity": 10, "price": 1} for name in "AB"],
    )


def test_scenarios_that_no_first_decisions_suit_are_named(tmp_path: Path) -> None:
    of = {name: soe.Scenario(f"{name} promised").set("forecast.committed", 10.0, item=name) for name in "AB"}
    with pytest.raises(SolveError, match=r"suit the scenarios 'A promised' and 'B promised': .* their make cannot"):
        soe.hedge(line(tmp_path), ["base", of["A"], soe.Scenario("calm").scale("forecast.quantity", 0.5), of["B"]])


def test_a_scenario_without_a_plan_of_its_own_is_named(tmp_path: Path) -> None:
    much = soe.Scenario("much").set("forecast.committed", 10.0)
    with pytest.raises(SolveError, match=r"'much' has no plan even by itself: infeasible: 1 promise"):
        soe.hedge(line(tmp_path), ["base", much])


@pytest.mark.parametrize(
    ("scenarios", "said"),
    [
        ([], "give one at least"),
        ([(0.6, LOW), (0.3, HIGH)], "add up to 0.9, not to 1"),
        ([(1.2, LOW), (-0.2, HIGH)], "above 0, not -0.2"),
        ([(0.5, LOW), HIGH], "1 of 2 scenarios have a probability"),
        ([LOW, LOW], "Two scenarios are called 'low'"),
        (["basis"], "'basis' is no scenario"),
        ("base", "scenarios is a list, not a str"),
        (LOW, "scenarios is a list, not a Scenario"),
        ({"low": LOW}, "scenarios is a list, not a dict"),
        (None, "scenarios is a list, not a NoneType"),
        ([(LOW, 0.5), (HIGH, 0.5)], r"is \(number, scenario\), such as \(0.3, low\), not \(Scenario, float\)"),
        ([("half", LOW), ("half", HIGH)], r"not \(str, Scenario\)"),
        ([(float("nan"), LOW), (1.0, HIGH)], "above 0, not nan"),
    ],
)
def test_scenarios_that_are_refused(tmp_path: Path, scenarios: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        soe.hedge(shop(tmp_path), scenarios)


@pytest.mark.parametrize(
    ("commit", "said"),
    [
        (0, "buy for 0 periods; the plan has 2"),
        (3, "buy for 3 periods"),
        ("2027-W01", "lies outside the plan, which covers 2026-01-05 to 2026-01-18"),
        ({"by": 1}, "no scenario has a flow 'by'. Did you mean buy"),
        ({}, "nothing to decide first"),
        (1.5, "write a whole number of periods"),
        (True, "write a whole number of periods"),
        ({"buy": [1]}, "write a whole number of periods"),
    ],
)
def test_commitments_that_are_refused(tmp_path: Path, commit: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        soe.hedge(shop(tmp_path), ODDS, commit=commit)


def test_a_measure_of_risk_that_is_none() -> None:
    with pytest.raises(DataError, match=r"below 1, not 95: 0\.95 means"):
        soe.whatif.CVaR(level=95)
    with pytest.raises(DataError, match="weight of CVaR is from 0 to 1, not 2"):
        soe.whatif.CVaR(weight=2)
    with pytest.raises(DataError, match="level of CVaR is a number, not 'much'"):
        soe.whatif.CVaR(level="much")  # type: ignore[arg-type]


def test_a_mean_and_a_risk_of_another_kind_are_refused(tmp_path: Path) -> None:
    """A snapshot or a name as mean was read as none, and VSS held against the wrong plan."""
    company = shop(tmp_path)
    for mean in ("base", company):
        with pytest.raises(DataError, match=r"mean is a soe\.Scenario or a plan, not a"):
            soe.hedge(company, ODDS, mean=mean)  # type: ignore[arg-type]
    later = replace(soe.plan(company, record=None), as_of=date(2026, 1, 12))
    with pytest.raises(DataError, match="mean is a plan as of 2026-01-12"):
        soe.hedge(company, ODDS, mean=later)
    with pytest.raises(DataError, match=r"risk is a .*CVaR"):
        soe.hedge(company, ODDS, risk=0.5)  # type: ignore[arg-type]


def test_aims_that_come_before_money_are_refused(tmp_path: Path) -> None:
    company = shop(tmp_path)
    fair = soe.Scenario("fair").set("settings.objective.allocation", "fair")
    with pytest.raises(DataError, match="aims come before money"):
        soe.hedge(company, [fair])


def test_a_snapshot_of_other_periods_is_refused(tmp_path: Path) -> None:
    company = shop(tmp_path / "shop")
    longer = replace(company, periods=line(tmp_path / "line").periods.with_columns(days=pl.lit(6)))
    with pytest.raises(DataError, match="other periods"):
        soe.hedge(company, [longer])
    with pytest.raises(DataError, match="as of 2026-01-12, the first of test as of 2026-01-05"):
        soe.hedge(company, [replace(company, as_of=date(2026, 1, 12))])
