"""Money that is tied up or spent on hurry, as the finance page says it."""

from __future__ import annotations

from pathlib import Path

import soe_lib as soe
from soe_lib.review.pages.tied_up import TiedUp
from soe_lib.review.tables import Table
from tests.unit.explore.companies import trader

DEMO = Path(__file__).parents[3] / "data" / "demo"


def test_the_premium_has_a_cause_and_ties_to_the_ledger(tmp_path: Path) -> None:
    # ten at 8 in place of 5, for the ordinary offer comes a week too late
    snapshot = trader(tmp_path)
    page = TiedUp(soe.situation(snapshot, soe.plan(snapshot)))
    table = page.hurry_table
    assert isinstance(table, Table)
    assert table.frame.rows() == [("The ordinary way takes too long", "C", "W", 10.0, 30.0)]
    assert page.checks == [
        {"name": "Expediting by cause = ledger, to the cent", "ok": True, "detail": "By cause 30.00, ledger 30.00."}
    ]
    assert page.walk_table == "There is no closed week to walk through."


def test_the_closed_week_of_the_demo_is_walked_from_budget_to_actual() -> None:
    before, now = soe.read(DEMO, "2026-11-09"), soe.read(DEMO, "2026-11-16")
    page = TiedUp(soe.situation(now, soe.plan(now), soe.plan(before)))
    table = page.walk_table
    assert isinstance(table, Table)
    names = table.frame["Plan or driver"].to_list()
    assert [names[0], names[-1]] == ["Budget", "Actual"]
    steps, margin = table.frame["Step, EUR"], table.frame["Margin, EUR"]
    assert abs(float(margin[0]) + float(steps.sum()) - float(margin[-1])) < 0.005
    assert all(one["ok"] for one in page.checks)
    assert {"working_capital", "expediting", "walk_1"} <= set(page.sheets())
    late = TiedUp(soe.situation(before, soe.plan(before), soe.plan(now)))
    assert "The plan of record is of 2026-11-16" in str(late.walk_table)
