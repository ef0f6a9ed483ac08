"""Stresses, the range of demand and the page they stand on: figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import charts, risk, tables
from soe_lib.review.week import Week
from soe_lib.whatif.stress import Sizes
from tests import networks

# Two weeks; a unit takes an hour, costs 4 and sells for 10; whoever gets none is lost at a goodwill of 5.
SETTINGS = '[costs]\nper = "period"\n[forecast]\nversion = "now"\n'


@pytest.fixture
def company(tmp_path: Path) -> Snapshot:
    """30 units wanted in each of two weeks with 40 hours; nothing can be made ahead, since storing it costs 100."""
    wanted = {"item": "cup", "location": "P", "customer": "C", "version": "now"}
    return networks.snapshot(
        tmp_path / "extract",
        SETTINGS,
        periods=networks.weeks(2),
        items=[{"item": "cup", "family": "Cups", "unit": "each", "price": 10.0, "standard_cost": 4.0, "holding_cost": 100.0}],
        locations=[{"location": "P", "kind": "plant"}],
        customers=[{"customer": "C", "priority": 1, "short_cost": 5.0}],
        resources=[{"resource": "L1", "location": "P"}],
        calendar=[{"resource": "L1", "period": f"W{week}", "hours": 40.0} for week in (1, 2)],
        routings=[{"routing": "make", "item": "cup", "location": "P", "cost_per_unit": 4.0}],
        operations=[{"routing": "make", "resource": "L1", "hours_per_unit": 1.0}],
        forecast=[wanted | {"period": f"W{week}", "quantity": 30.0} for week in (1, 2)],
    )  # fmt: skip


def test_a_week_without_the_line_loses_its_sales(company: Snapshot) -> None:
    """30 × (10 − 4) = 180 of margin and 30 × 5 = 150 of goodwill; a fifth of 60 units is 12, at 6 each 72."""
    found = soe.whatif.stress_test(soe.Living(company), Sizes(down_days=7, demand=0.2))
    rows = {row["stress"]: row for row in found.iter_rows(named=True)}
    down = rows["L1 down 7 days"]
    assert (down["margin"], down["goodwill"], down["total"]) == pytest.approx((-180.0, -150.0, -330.0))
    assert down["waits"] == pytest.approx(30.0)
    assert rows["Cups forecast −20\u00a0%"]["margin"] == pytest.approx(-72.0)
    assert rows["Cups forecast +20\u00a0%"]["margin"] == pytest.approx(72.0)
    assert found["stress"][0] == "L1 down 7 days"
    assert charts.stress(found, "EUR").title == "L1 down 7 days would hurt most: EUR\u00a0330 lost"


def test_a_stress_that_breaks_a_promise_is_told_and_stops_nobody(company: Snapshot) -> None:
    promised = company.replace(forecast=company["forecast"].with_columns(committed=pl.col("quantity")))
    found = soe.whatif.stress_test(soe.Living(promised))
    broken = found.filter(pl.col("stress") == "L1 down 7 days").row(0, named=True)
    assert broken["total"] is None
    assert "infeasible" in broken["note"]
    assert found.filter(pl.col("total").is_not_null()).height == 1, "a forecast under its promise is refused too"
    page = risk.page(Week.of(promised, soe.plan(promised), None), found, soe.whatif.demand_range(soe.Living(promised)),
                      soe.compare(promised, ["base"]).table())  # fmt: skip
    assert any(text.startswith("Not planned: L1 down 7 days.") for text in page.assumptions)


def test_the_range_needs_a_history_and_says_so(company: Snapshot) -> None:
    none = soe.whatif.demand_range(soe.Living(company))
    assert none.is_empty()
    assert str(risk.ranges(none, "EUR")).startswith("Insufficient history")


def test_the_range_of_the_demo_encloses_the_plan() -> None:
    snapshot = soe.read("data/demo")
    living = soe.Living(snapshot)
    found = soe.whatif.demand_range(living)
    low, planned, high = found["margin"].to_list()
    assert planned == pytest.approx(living.base.margin)
    assert low < planned < high
    # Independent of the scenario's edits: the forecast scaled by hand, family by family, and planned cold.
    from soe_lib.review.frames.service import historical_error

    items = snapshot["items"].select("item", "family")
    error = historical_error(snapshot).select("family", "error")
    scaled = (
        snapshot["forecast"].join(items, on="item", how="left").join(error, on="family", how="left")
        .with_columns(
            # What was published in the past stays: it is the record that the cushion reads.
            pl.when(pl.col("version") == snapshot.settings.forecast.version)
            .then(pl.col("quantity") * (1 - pl.col("error").fill_null(0.0)))
            .otherwise("quantity")
            .alias("quantity")
        )
        .select(snapshot["forecast"].columns)
    )  # fmt: skip
    assert low == pytest.approx(soe.plan(snapshot.replace(forecast=scaled)).margin, rel=1e-6)


def test_scenarios_of_the_company_stand_beside_the_plan(company: Snapshot) -> None:
    soe.Scenario("half the line").scale("calendar.hours", 0.5, resource="L1").save(company.folder)
    soe.Scenario("no such line").scale("calendar.hours", 0.5, resource="L1").scale(
        "calendar.hours", 0.5, resource="L9"
    ).save(company.folder)
    frame = soe.compare(company, ["base", *soe.whatif.saved_scenarios(company)]).table()
    shown = risk.scenarios(frame, "EUR", reference="base")
    assert isinstance(shown, tables.Table)
    rows = {row["Scenario"]: row for row in shown.frame.iter_rows(named=True)}
    # 20 hours a week instead of the 30 needed: 2 × 10 units × (10 − 4).
    assert rows["half the line"]["Margin, EUR"] == pytest.approx(-120.0)
    assert "L9" in rows["no such line"]["Note"]
    assert rows["This week's plan"]["Margin, EUR"] is None


def test_order_risk_splits_by_lateness() -> None:
    frame = pl.DataFrame(
        {
            "order": ["O1", "O1", "O2"], "customer": ["A", "A", "B"], "days_late": [3, 10, None],
            "short": [0.0, 0.0, 5.0], "revenue": [100.0, 50.0, 400.0],
        }
    )  # fmt: skip
    drawn = charts.order_risk(frame, "EUR")
    assert drawn.title == "2 orders are at risk, EUR\u00a0550 of revenue; the largest is O2 for B"
    assert "O1, A: EUR\u00a0150" in drawn.alt
    assert charts.order_risk(frame.clear(), "EUR").title == "No open order is at risk"
