"""The year's targets and where the plan lands them, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.targets import YearTargets, year_targets
from soe_lib.review import words
from soe_lib.review.finance_parts import targets_table
from soe_lib.review.tables import Table
from tests.analytic.test_commitments import flour
from tests.networks import Rows
from tests.unit.workbench.companies import mill


def asked(**of: tuple[float, float]) -> Rows:
    return [
        {"year": "2026", "measure": measure, "amount": amount, "booked": booked, "booked_to": "2026-01-04"}
        for measure, (amount, booked) in of.items()
    ]


def landed(snapshot: Snapshot) -> YearTargets:
    return year_targets(snapshot, soe.plan(snapshot))


def money(found: YearTargets, measure: str) -> dict[str, float]:
    return found.table().filter(pl.col("measure") == measure).row(0, named=True)


def revenue_share(found: YearTargets) -> float:
    return money(found, "revenue")["share"]


def test_booked_planned_and_budgeted_add_up(tmp_path: Path) -> None:
    # the plan sells 32 at 12 for a cost of 6 each: 384 and 192; the budget has 50 of revenue less 20 in March
    budget = [
        {"fiscal_month": "2026-03", "family": "Flour", "account": "revenue", "measure": "sales", "amount": 50},
        {"fiscal_month": "2026-03", "family": "Flour", "account": "material", "amount": -20},
    ]
    snapshot = flour(tmp_path, 30, targets=asked(revenue=(500, 100), margin=(250, 40)), budget=budget)
    found = landed(snapshot)
    revenue, margin = money(found, "revenue"), money(found, "margin")
    parts = ("target", "booked", "actual", "planned", "rest", "landing", "gap")
    assert [revenue[name] for name in parts] == [500, 100, 0, 384, 50, 534, 34]
    assert [margin[name] for name in parts] == [250, 40, 0, 192, 30, 262, 12]
    assert revenue["share"] == pytest.approx(534 / 500)
    assert any("10 months after the plan's horizon have no budget" in note for note in found.notes), found.notes


def test_actuals_count_from_the_day_after_the_books(tmp_path: Path) -> None:
    # 2 sold on Friday the 2nd at 12; the books reach to the 1st
    sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi", "quantity": 2, "amount": 24}
    rows = [{**row, "booked_to": "2026-01-01"} for row in asked(revenue=(500, 100))]
    snapshot = flour(tmp_path, 30, targets=rows, actuals=[{"date": "2026-01-02", **sold}])
    assert money(landed(snapshot), "revenue")["actual"] == 24
    later = [{**row, "booked_to": "2026-01-02"} for row in asked(revenue=(500, 100))]
    booked = flour(tmp_path / "booked", 30, targets=later, actuals=[{"date": "2026-01-02", **sold}])
    assert money(landed(booked), "revenue")["actual"] == 0


def test_days_that_nobody_knows_are_counted(tmp_path: Path) -> None:
    rows = [{**row, "booked_to": "2025-12-31"} for row in asked(revenue=(500, 100))]
    sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi", "quantity": 2, "amount": 24}
    snapshot = flour(tmp_path, 30, targets=rows, actuals=[{"date": "2026-01-02", **sold}])
    # New Year's Day is a Thursday
    assert any("1 working days before 2026-01-02 are neither booked" in note for note in landed(snapshot).notes)


def test_stock_lands_at_standard_cost_and_below_target_is_good(tmp_path: Path) -> None:
    inventory = [{"item": "A", "location": "P", "on_hand": 50}]
    snapshot = flour(tmp_path, 30, targets=asked(stock=(200, 0)), inventory=inventory)
    found = landed(snapshot)
    left = float(soe.plan(snapshot).flows["leave"]["quantity"].sum())
    assert money(found, "stock")["landing"] == pytest.approx(6 * left)
    assert money(found, "stock")["gap"] == pytest.approx(200 - 6 * left)


def test_without_targets_the_budgets_months_are_the_target(tmp_path: Path) -> None:
    budget = [{"fiscal_month": "2026-01", "family": "Flour", "account": "revenue", "measure": "sales", "amount": 400}]
    found = landed(flour(tmp_path, 30, budget=budget))
    assert money(found, "revenue")["gap"] == pytest.approx(384 - 400)
    assert "2 working days before 2026-01-05 are neither booked nor in the actuals: they count as 0." in found.notes
    assert "The budget knows 2026-01 to 2026-01 of 2026: revenue is of these months." in found.notes


def test_cash_follows_the_terms(tmp_path: Path) -> None:
    # 192 of margin, all paid at once; with 400 days to pay, customers pay nothing this year: −192
    snapshot = flour(tmp_path, 30, targets=asked(cash=(0, 10)))
    assert money(landed(snapshot), "cash")["landing"] == pytest.approx(10 + 192)


def test_a_year_without_any_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no target for 2026"):
        landed(mill(tmp_path))


def test_margin_without_a_stock_to_start_from_is_not_known(tmp_path: Path) -> None:
    # two of A sold at 12 on Friday the 2nd, 40 counted that evening; the inventory of the 5th is the same
    sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi", "quantity": 2, "amount": 24}
    counted = {"date": "2026-01-02", "measure": "stock", "item": "A", "location": "P", "quantity": 40}
    rows = [{**row, "booked_to": "2026-01-01"} for row in asked(revenue=(500, 100), margin=(250, 40))]
    told = [{"date": "2026-01-02", **sold}, counted]
    lying = [{"item": "A", "location": "P", "on_hand": 40}]
    found = landed(flour(tmp_path, 30, targets=rows, actuals=told, inventory=lying))
    assert money(found, "revenue")["actual"] == 24
    margin = money(found, "margin")
    assert [margin[name] for name in ("actual", "landing", "gap", "share")] == [None] * 4
    assert any("Margin since 2026-01-02 is not known" in note for note in found.notes), found.notes
    assert "lands at: not known" in repr(found)
    shown = targets_table(found)
    assert isinstance(shown, Table)
    assert shown.frame["Of target"].to_list() == [words.percent(revenue_share(found), decimals=1), "not known"]
    # 42 were counted on New Year's Eve: 24 less two at 6
    before = {**counted, "date": "2025-12-31", "quantity": 42}
    known = landed(flour(tmp_path / "known", 30, targets=rows, actuals=[*told, before], inventory=lying))
    assert money(known, "margin")["actual"] == 12
