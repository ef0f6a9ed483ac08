"""Comparing scenarios: figures worked out by hand on a tiny plan, and real plans of the tiny company."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from soe_lib.errors import DataError, SolveError
from soe_lib.review.measures.of_plans import churn, service, stock
from soe_lib.whatif.compare import compare
from soe_lib.whatif.scenario import Scenario


def plan(snapshot=None, **flows):
    """A stand-in for a plan: flows as lists of rows."""
    first = date(2026, 1, 5)
    weeks = pl.DataFrame({"period": ["W1", "W2", "W3"], "index": [0, 1, 2], "days": [7, 7, 7]}).with_columns(
        starts_on=first + pl.duration(days=7 * pl.col("index")),
        ends_on=first + pl.duration(days=7 * pl.col("index") + 6),
    )
    weeks = weeks.with_columns(week=pl.col("starts_on").dt.strftime("%G-W%V"))
    known = {"periods": weeks} if snapshot is None else {"items": snapshot["items"], "periods": snapshot.periods}
    return SimpleNamespace(flows={name: pl.DataFrame(rows) for name, rows in flows.items()}, **known)


def test_service_is_what_is_served_in_its_own_period():
    sold = [
        {"due": "W1", "period": "W1", "quantity": 60.0},
        {"due": "W1", "period": "W2", "quantity": 20.0},
    ]
    # 60 of 60 + 20 + 20
    assert service(plan(sell=sold, short=[{"due": "W1", "quantity": 20.0}])) == 0.6
    assert service(plan(make=[{"quantity": 1.0}])) is None


def test_stock_is_a_mean_over_days_at_standard_cost(tiny):
    # 14 days of 1 day and two weeks: 10 units of A (4 each) for one week of 28 days, 10 × 4 × 7 / 28
    closing = [{"item": "A", "location": "M", "period": "2026-W49", "quantity": 10.0}]
    assert stock(plan(tiny, stock=closing)) == 10.0


def test_churn_counts_what_moved_over_what_was_made():
    before = plan(
        make=[{"item": "A", "location": "P", "period": p, "quantity": q} for p, q in (("W1", 30.0), ("W2", 50.0))]
    )
    now = plan(
        make=[{"item": "A", "location": "P", "period": p, "quantity": q} for p, q in (("W1", 40.0), ("W3", 50.0))]
    )
    # 10 more, 50 gone, 50 new: 110 / 80
    assert churn(now, before) == 1.375
    assert churn(before, before) == 0.0
    assert churn(now, plan(make=[{"item": "A", "location": "P", "period": "W1", "quantity": 0.0}])) is None


def test_scenarios_side_by_side(tiny):
    dear = Scenario("dear resin").scale("offers.unit_cost", 3.0)
    none = Scenario("no such line").scale("calendar.hours", 0, resource="L9")
    down = Scenario("both down").scale("calendar.hours", 0.0).set("calendar.overtime_hours", 0)
    seen = []
    found = compare(tiny, ["base", dear, none, down], progress=lambda result: seen.append(result.name))
    assert seen == ["base", "dear resin", "no such line", "both down"]
    table = {row["scenario"]: row for row in found.table().to_dicts()}
    base = found["base"]
    assert table["base"]["margin"] == pytest.approx(base.margin)
    assert table["base"]["cash"] == pytest.approx(base.ledger.cash)
    assert table["base"]["churn"] == 0.0
    assert table["base"]["status"] == "optimal"
    assert table["dear resin"]["margin"] < table["base"]["margin"]
    assert table["both down"]["revenue"] < table["base"]["revenue"]
    assert table["both down"]["churn"] == pytest.approx(1.0), "all production is gone"
    assert table["no such line"]["status"] == "failed"
    assert "The nearest are L1, L2" in table["no such line"]["error"]
    assert table["no such line"]["margin"] is None
    moved = {row["scenario"]: row for row in found.differences().to_dicts()}
    assert "base" not in moved
    assert moved["dear resin"]["margin"] == pytest.approx(table["dear resin"]["margin"] - table["base"]["margin"])
    assert repr(found) == "Comparison of 4 scenarios, 1 without a plan: base, dear resin, no such line, both down."
    with pytest.raises(DataError, match="has no plan: Scenario 'no such line'"):
        found["no such line"]
    with pytest.raises(DataError, match="Did you mean base"):
        found["bse"]


def test_a_solver_that_fails_stops_nobody(tiny):
    good = compare(tiny, ["base"])["base"]

    def solve(edited, scenario):
        assert edited["events"].is_empty() or scenario.name == "base"
        if scenario.name == "hopeless":
            raise SolveError("no plan keeps every promise", status="infeasible")
        return good

    found = compare(tiny, [Scenario("hopeless").drop("events"), "base", Scenario("same").drop("events")], solve=solve)
    assert found.table()["status"].to_list() == ["failed", "optimal", "optimal"]
    assert found.table()["error"][0] == "no plan keeps every promise"
    assert found.reference.name == "base"


def test_without_a_base_the_first_plan_is_the_reference(tiny):
    first, second = Scenario("first").drop("events"), Scenario("second").scale("offers.unit_cost", 2)
    found = compare(tiny, [first, second])
    assert found.reference.name == "first"
    assert found.table()["churn"][0] == 0.0


def test_nothing_to_compare_with(tiny):
    found = compare(tiny, [Scenario("bad").scale("calendar.hours", 0, resource="L9")])
    assert found.table()["status"].to_list() == ["failed"]
    with pytest.raises(DataError, match="None of the scenarios has a plan"):
        found.differences()


@pytest.mark.parametrize(
    ("scenarios", "words"),
    [(["bse"], 'Only "base"'), ([Scenario("a").drop("events"), Scenario("a").drop("lanes")], "are called 'a'")],
)
def test_names_that_cannot_be_meant(tiny, scenarios, words):
    with pytest.raises(DataError, match=words):
        compare(tiny, scenarios)
