"""Targets of the year that steer: the mill that sells 32 to Aldi for 12 and could sell more to Cheap for 5 at a cost of 6.

It makes ten a week in regular hours, and four more in W2 by overtime, at 9 each.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

import soe_lib as soe
from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.targets import year_targets
from soe_lib.review.finance_parts import targets_table
from soe_lib.review.tables import Table
from tests.analytic.test_commitments import flour
from tests.networks import Rows


def target(measure: str, amount: float, steer: str = "floor", **more: Any) -> dict[str, Any]:
    return {
        "year": "2026",
        "measure": measure,
        "amount": amount,
        "booked": 0.0,
        "booked_to": "2026-01-04",
        "steer": steer,
    } | more


def mill(folder: Path, *rows: dict[str, Any], **tables: Rows) -> Snapshot:
    return flour(folder, 30, targets=list(rows), **tables)


def landing(snapshot: Snapshot, plan: soe.Plan, measure: str) -> float:
    return float(year_targets(snapshot, plan).table().filter(measure=measure)["landing"].item())


def test_a_target_that_does_not_steer_moves_nothing(tmp_path: Path) -> None:
    free = soe.plan(flour(tmp_path / "free", 30))
    shown = soe.plan(mill(tmp_path / "shown", target("revenue", 404.0, "")))
    assert shown.objective == free.objective == 192.0
    assert "target(" not in soe.Model(mill(tmp_path / "again", target("revenue", 404.0, ""))).formulation()


def test_a_floor_of_revenue_is_kept_and_costs_what_it_costs(tmp_path: Path) -> None:
    """20 more than 384: four at Cheap for 5, each at a loss of 1."""
    snapshot = mill(tmp_path, target("revenue", 404.0))
    plan = soe.plan(snapshot)
    assert landing(snapshot, plan, "revenue") == pytest.approx(404.0)
    assert (plan.margin, plan.steering) == (pytest.approx(188.0), pytest.approx(0.0))
    assert plan.prices["target"]["price"].item() == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("price", "margin", "steering"),
    [
        # A euro of revenue more costs 0.2: at 0.1 none is worth it, and 20 are missing.
        (0.1, 192.0, -2.0),
        (0.3, 188.0, 0.0),
    ],
)
def test_a_price_pays_for_revenue_as_far_as_it_goes(
    tmp_path: Path, price: float, margin: float, steering: float
) -> None:
    plan = soe.plan(mill(tmp_path, target("revenue", 404.0, "price", price=price)))
    assert (plan.margin, plan.steering) == (pytest.approx(margin), pytest.approx(steering))
    assert plan.ledger.accounts().get("targets", 0.0) == pytest.approx(steering)
    assert plan.margin + plan.steering == pytest.approx(plan.objective)


def test_growth_asks_for_the_revenue_of_the_year_before_and_more(tmp_path: Path) -> None:
    """A growth of 1 % on 400 is a revenue of 404."""
    before = target("revenue", 0.0, "", year="2025", booked=400.0, booked_to="2025-12-31")
    snapshot = mill(tmp_path, target("growth", 0.01), before)
    plan = soe.plan(snapshot)
    found = year_targets(snapshot, plan).table().filter(measure="growth").row(0, named=True)
    assert (found["target"], found["landing"]) == (404.0, pytest.approx(404.0))
    assert plan.margin == pytest.approx(188.0)


def test_growth_on_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The growth of 2026 is on the revenue of 2025, which nobody says"):
        soe.plan(mill(tmp_path, target("growth", 0.01)))


@pytest.mark.parametrize("measure", ["margin", "cash"])
def test_what_the_plan_earns_anyway_binds_nothing(tmp_path: Path, measure: str) -> None:
    snapshot = mill(tmp_path, target(measure, 192.0))
    plan = soe.plan(snapshot)
    assert plan.objective == pytest.approx(192.0)
    assert landing(snapshot, plan, measure) == pytest.approx(192.0)


@pytest.mark.parametrize("measure", ["stock", "working_capital"])
def test_a_ceiling_on_stock_sells_it_at_a_loss(tmp_path: Path, measure: str) -> None:
    """50 on hand that cost 6 each, worth 6 at the end; 18 of them are left. At most 60 of stock: eight to Cheap for 5."""
    rows = {
        "inventory": [{"item": "A", "location": "P", "on_hand": 50}],
        "items": [{"item": "A", "family": "Flour", "unit": "each", "standard_cost": 6, "end_value": 6}],
    }
    free = mill(tmp_path / "free", target(measure, 60.0, ""), **rows)
    held = mill(tmp_path / "held", target(measure, 60.0), **rows)
    before, after = soe.plan(free), soe.plan(held)
    assert landing(free, before, measure) == pytest.approx(108.0)
    assert landing(held, after, measure) == pytest.approx(60.0)
    assert before.objective - after.objective == pytest.approx(8 * (6 - 5))


def test_working_capital_counts_what_customers_owe(tmp_path: Path) -> None:
    """Paid 30 days later, what is sold in the last 30 days is owed at the end: all four weeks."""
    snapshot = mill(tmp_path, target("working_capital", 300.0))
    settings = snapshot.settings
    late = replace(snapshot, settings=replace(settings, terms=replace(settings.terms, receivable_days=30.0)))
    plan = soe.plan(late)
    assert landing(late, plan, "working_capital") == pytest.approx(300.0, abs=0.05)
    assert plan.margin == pytest.approx(192.0 - 84.0 / 12.0 * 6.0, abs=1e-3)  # 7 of 32 are not sold


def test_what_cannot_be_reached_is_named_by_the_conflict(tmp_path: Path) -> None:
    """At most 44 can be made: 32 at 12 and 12 at 5 are 444."""
    snapshot = mill(tmp_path, target("revenue", 500.0))
    found = soe.conflict(snapshot)
    assert found.found
    assert found.money == pytest.approx(56.0)
    assert "the year lands at its target (measure revenue" in found.text()
    with pytest.raises(SolveError, match="the year lands at its target"):
        soe.plan(snapshot)


def test_the_formulation_prints_the_target(tmp_path: Path) -> None:
    said = soe.Model(mill(tmp_path, target("revenue", 404.0, "price", price=0.3))).formulation()
    assert "Targets()  The year's targets that steer" in said
    assert "hold     target(measure)  1 × [money]" in said
    assert "what it adds to the landing·sell" in said
    assert "money    targets [steering]: −price of what is missing" in said


@pytest.mark.parametrize("times", [0.01, 1000.0])
def test_scaled_money_moves_no_unit(tmp_path: Path, times: float) -> None:
    base = mill(tmp_path / "base", target("revenue", 404.0))
    money = {
        "forecast": ["price"], "routings": ["cost_per_unit"], "resources": ["hourly_cost", "overtime_cost"],
        "items": ["standard_cost", "end_value", "price"], "targets": ["amount", "booked"],
    }  # fmt: skip
    scaled = base.replace(
        **{
            name: base[name].with_columns(pl.col(column) * times for column in columns)
            for name, columns in money.items()
        }
    )
    one, other = soe.plan(base), soe.plan(scaled)
    assert other.objective == pytest.approx(times * one.objective, rel=1e-6)
    sold = [float(plan.flows["sell"]["quantity"].sum()) for plan in (one, other)]
    assert sold[0] == pytest.approx(sold[1], abs=1e-4 / min(times, 1.0))


def test_the_order_of_rows_says_nothing(tmp_path: Path) -> None:
    rows = [target("revenue", 404.0), target("stock", 60.0, "price", price=0.5), target("cash", 150.0)]
    one, other = (soe.plan(mill(tmp_path / name, *order)) for name, order in (("a", rows), ("b", rows[::-1])))
    for flow, frame in one.flows.items():
        assert frame.equals(other.flows[flow]), flow


def test_an_independent_program_keeps_the_same_floor(tmp_path: Path) -> None:
    """Regular and overtime made, Aldi and Cheap sold by week; the revenue is at least 425: by overtime too."""
    worth = np.concatenate([np.full(4, -6.0), np.full(4, -9.0), np.full(4, 12.0), np.full(4, 5.0)])
    upper = np.concatenate([np.full(4, 10.0), [0.0, 4.0, 0.0, 0.0], np.full(4, 8.0), np.full(4, 20.0)])
    until = np.tril(np.ones((4, 4)))
    stock = np.hstack([-until, -until, until, until])
    revenue = -np.where(worth > 0, worth, 0.0)[None, :]
    bounds = [(0.0, float(high)) for high in upper]
    found = linprog(-worth, np.vstack([stock, revenue]), np.concatenate([np.zeros(4), [-425.0]]), bounds=bounds)
    assert soe.plan(mill(tmp_path, target("revenue", 425.0))).objective == pytest.approx(-float(found.fun))


def test_the_plan_is_kept_and_loaded_with_what_is_missing(tmp_path: Path) -> None:
    plan = soe.plan(mill(tmp_path / "company", target("revenue", 404.0, "price", price=0.1)))
    soe.store.append(tmp_path / "plans", plan)
    again = soe.load_plan(plan.as_of.isoformat(), store=tmp_path / "plans")
    assert (again.margin, again.steering) == (pytest.approx(192.0), pytest.approx(-2.0))


def test_a_living_model_keeps_the_floor_after_an_edit(tmp_path: Path) -> None:
    snapshot = mill(tmp_path, target("revenue", 404.0))
    alive = soe.Living(snapshot)
    less = soe.Scenario("Aldi wants less").scale("forecast.quantity", 0.9, customer="Aldi").apply(snapshot)
    assert alive.plan(less).objective == pytest.approx(soe.plan(less).objective)
    dear = snapshot.replace(targets=snapshot["targets"].with_columns(amount=pl.lit(414.0)))
    assert alive.plan(dear).objective == pytest.approx(soe.plan(dear).objective)
    assert alive.plan(dear).margin == pytest.approx(186.0)


def test_blocks_that_know_a_model_are_asked_anew(tmp_path: Path) -> None:
    model = soe.Model(mill(tmp_path, target("revenue", 404.0)))
    again = soe.Model(model.snapshot, model.blocks)
    assert again.program.matrix.nnz == model.program.matrix.nnz
    assert again.solve().objective == pytest.approx(188.0)


def test_the_finance_page_says_what_steers(tmp_path: Path) -> None:
    snapshot = mill(
        tmp_path, target("revenue", 404.0), target("stock", 60.0, "price", price=0.5), target("cash", 1.0, "")
    )
    shown = targets_table(year_targets(snapshot, soe.plan(snapshot)), snapshot["targets"])
    assert isinstance(shown, Table)
    assert dict(shown.frame.select("2026, EUR", "Steers").rows()) == {
        "Revenue": "as a limit", "Stock at the year's end": "at 0.5 of what is missing", "Cash": "",
    }  # fmt: skip


def test_what_is_missing_is_traced_to_its_row(tmp_path: Path) -> None:
    snapshot = mill(tmp_path, target("revenue", 404.0, "price", price=0.1))
    found = soe.trace(soe.plan(snapshot), snapshot, account="targets")
    assert found.amount == pytest.approx(-2.0)
    assert set(found.sources["table"]) == {"targets"}
