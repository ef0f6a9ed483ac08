"""A lock, a commitment and an analyst's selection that name a week mean all of its days, the weekend too."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import cvxpy as cp
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.networks import snapshot

DEMAND = 7 * [10.0]


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> soe.Snapshot:
    """One item, made on every day of the week that it is asked for."""
    return company(tmp_path_factory.mktemp("daily"))


def company(folder: Path) -> soe.Snapshot:
    days = [date(2026, 1, 5 + n) for n in range(14)]
    return snapshot(
        folder,
        '[horizon]\ndaily = 14\nweeks = 2\n[costs]\nper = "day"\n',
        items=[{"item": "A", "unit": "each"}],
        locations=[{"location": "P", "kind": "plant"}],
        routings=[{"routing": "A", "item": "A", "location": "P", "cost_per_unit": 1.0}],
        customers=[{"customer": "C", "latest_days": 0}],
        forecast=[
            {"item": "A", "location": "P", "customer": "C", "period": str(day), "quantity": 10.0, "price": 5.0}
            for day in days
        ],
    )


def of_week(plan: soe.Plan, week: str) -> list[float]:
    days = plan.periods.filter(pl.col("week") == week)["period"].to_list()
    made = plan.flows["make"].filter(pl.col("period").is_in(days)).sort("period")["quantity"]
    return [round(value, 6) for value in made]


def test_the_company_makes_on_sundays(daily: soe.Snapshot) -> None:
    assert of_week(soe.plan(daily), "2026-W02") == DEMAND


def test_a_lock_of_a_week_holds_on_its_weekend(daily: soe.Snapshot) -> None:
    plan = soe.plan(daily, blocks=[soe.blocks.Force("make", 0.0, item="A", period="2026-W03")])
    assert sum(of_week(plan, "2026-W03")) == 0.0
    with pytest.raises(DataError, match="2026-W99"):
        soe.plan(daily, blocks=[soe.blocks.Force("make", 0.0, item="A", period="2026-W99")])


def test_a_selection_of_a_week_holds_on_its_weekend(daily: soe.Snapshot) -> None:
    plan = soe.plan(daily, extra=lambda v: [cp.sum(v["make"].where(period="2026-W03")) <= 0.0])
    assert sum(of_week(plan, "2026-W03")) == 0.0


def test_a_month_covers_the_days_of_it_that_the_horizon_has(daily: soe.Snapshot) -> None:
    assert daily.calendar.covered("2026-01").to_list() == daily.periods["period"].to_list()
    assert daily.calendar.covered("2026-01-11").to_list() == ["2026-01-11"]


def test_a_hedge_that_commits_a_week_commits_its_weekend(daily: soe.Snapshot) -> None:
    low = soe.Scenario("low").scale("forecast.quantity", 0.5)
    hedged = soe.hedge(daily, [low, "base"], commit="2026-W02")
    assert hedged.decisions["make"]["period"].unique().sort().to_list() == [f"2026-01-{5 + n:02d}" for n in range(7)]
