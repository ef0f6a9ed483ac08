"""Money that is tied up or spent on hurry, as the finance page says it."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import polars as pl

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.pack.cover import _trust
from soe_lib.review.finance import Finance
from soe_lib.review.finance_parts import TiedUp
from soe_lib.review.plans_compared import closed_week
from soe_lib.review.tables import Table
from soe_lib.review.week import Week
from tests.reconcile.test_closed_week import FIRST, extract, happened
from tests.unit.workbench.companies import trader

DEMO = Path(__file__).parents[3] / "data" / "demo"


def test_the_premium_has_a_cause_and_ties_to_the_ledger(tmp_path: Path) -> None:
    # ten at 8 in place of 5, for the ordinary offer comes a week too late
    snapshot = trader(tmp_path)
    page = TiedUp(Week.of(snapshot, soe.plan(snapshot)))
    table = page.expediting_table
    assert isinstance(table, Table)
    assert table.frame.rows() == [("The ordinary way takes too long", "C", "W", 10.0, 30.0)]
    assert page.checks == [
        {"name": "Expediting by cause = ledger, to the cent", "ok": True, "detail": "By cause 30.00, ledger 30.00."}
    ]
    assert page.walk_table == "There is no closed week to walk through."


def test_the_closed_week_of_the_demo_is_walked_from_budget_to_actual() -> None:
    before, now = soe.read(DEMO, "2026-11-09"), soe.read(DEMO, "2026-11-16")
    page = TiedUp(Week.of(now, soe.plan(now), soe.plan(before)))
    table = page.walk_table
    assert isinstance(table, Table)
    names = table.frame["Plan or driver"].to_list()
    assert [names[0], names[-1]] == ["Budget", "Actual"]
    steps, margin = table.frame["Step, EUR"], table.frame["Margin, EUR"]
    assert abs(float(margin[0]) + float(steps.sum()) - float(margin[-1])) < 0.005
    assert all(one["ok"] for one in page.checks)
    assert {"working_capital", "expediting", "walk_1"} <= set(page.sheets())
    late = TiedUp(Week.of(before, soe.plan(before), soe.plan(now)))
    assert "The plan of record is of 2026-11-16" in str(late.walk_table)


def test_after_a_week_that_was_left_out_only_the_days_that_both_know_are_compared() -> None:
    whole = soe.read(DEMO, "2026-11-16")
    lately = whole.replace(actuals=whole["actuals"].filter(pl.col("date") >= date(2026, 11, 9)))
    old = soe.plan(soe.read(DEMO, "2026-11-02"))
    week = Week.of(lately, soe.plan(lately), old)
    found = closed_week(week)
    assert found is not None
    assert found.window == (date(2026, 11, 9), date(2026, 11, 15))
    assert found.residual == 0
    # A plan that ended before the sales begin has nothing to say.
    gone = dataclasses.replace(old, periods=old.periods.head(3))
    early = {name: frame.filter(pl.col("period").cast(pl.String).is_in(gone.periods["period"].cast(pl.String).to_list()))
             if "period" in frame.columns else frame for name, frame in old.flows.items()}  # fmt: skip
    assert closed_week(Week.of(lately, week.plan, dataclasses.replace(gone, flows=early))) is None


def working(folder: Path, **changes: float | None) -> tuple[Snapshot, Snapshot]:
    """The two extracts of a week whose line has hours."""
    hours = [{"resource": "L", "period": f"2027-W0{n}", "hours": 40} for n in (5, 6, 7, 8)]
    before = extract(folder, FIRST, calendar=hours)
    return before, extract(folder, FIRST + timedelta(days=7), actuals=happened(**changes), calendar=hours)


def test_a_week_whose_stock_nobody_knows_is_not_known_wherever_it_shows(tmp_path: Path) -> None:
    before, now = working(tmp_path, counted=None)
    page = Finance(Week.of(now, soe.plan(now), soe.plan(before)))
    for said in (page.reasons.operating_table, page.tied_up.walk_table):
        assert "Profit of 2027-02-01 to 2027-02-07 is not known: stock at its start is not." in str(said)
    assert not {"walk_1", "standard_variances"} & set(page.workbook(""))
    unmade = [one for one in page.checks if one.get("state")]
    assert len(unmade) == 2
    assert all(one["ok"] and one["state"] == "not known" for one in unmade)
    assert sum("is not known: stock at its start" in text for text in page.assumptions) == 2
    facts = {fact.name: fact for fact in _trust(now, {}, page.checks)}
    every = len(page.checks)
    assert (facts["Checks"].text, facts["Checks"].state) == (f"{every - 2} of {every} passed, 2 not known", "watch")


def test_both_readings_of_a_known_week_are_checked_against_each_other(tmp_path: Path) -> None:
    before, now = working(tmp_path)
    page = Finance(Week.of(now, soe.plan(now), soe.plan(before)))
    same = [one for one in page.checks if "same in both readings" in one["name"]]
    assert [(one["ok"], one["detail"]) for one in same] == [(True, "Standard costs 1,593.00, walk 1,593.00.")]
