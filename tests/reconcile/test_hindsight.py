"""Planning and execution variance: by hand from extract to extract, and adding up whatever the ledgers are."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.errors import DataError, ReconciliationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.weekly_close import Hindsight, planning_and_execution
from soe_lib.whatif.hindsight import handed_over, three_plans, with_hindsight
from tests.ledgers import Written

DEMO = Path(__file__).parents[2] / "data" / "demo"
THEN, NOW = date(2026, 1, 5), date(2026, 1, 12)
TABLES: dict[str, list[dict[str, Any]]] = {
    "items": [{"item": "A", "family": "F", "standard_cost": 5, "price": 12}],
    "locations": [{"location": "W", "kind": "warehouse"}],
    "offers": [
        {"offer": "slow", "supplier": "S", "item": "A", "location": "W", "unit_cost": 5, "expedite": "no"},
        {"offer": "fast", "supplier": "S", "item": "A", "location": "W", "unit_cost": 8, "expedite": "yes"},
    ],
    "inventory": [{"item": "A", "location": "W", "on_hand": 10}],
}


def extract(folder: Path, as_of: date, **tables: list[dict[str, Any]]) -> Snapshot:
    target = folder / as_of.isoformat()
    target.mkdir(parents=True)
    text = f'company = "Tiny"\ncurrency = "EUR"\nas_of = "{as_of}"\n[horizon]\nweeks = 3\n'
    (target / "settings.toml").write_text(text, encoding="utf-8")
    for name, rows in (TABLES | tables).items():
        pl.DataFrame(rows, infer_schema_length=None).write_csv(target / f"{name}.csv")
    return soe.read(target)


def two_weeks(folder: Path) -> tuple[Snapshot, Snapshot]:
    """Ten wanted, and ten in stock. Fourteen were: twelve were sold, two of them bought dear, and two are overdue."""
    before = extract(folder, THEN, forecast=[{"item": "A", "location": "W", "period": "2026-W02", "quantity": 10}])
    done = [
        {"date": "2026-01-07", "measure": "sales", "item": "A", "location": "W", "quantity": 12, "amount": 144},
        {"date": "2026-01-07", "measure": "buy", "item": "A", "location": "W", "quantity": 2, "amount": 16},
    ]
    owed = [{"order": "O1", "item": "A", "location": "W", "due_on": "2026-01-08", "quantity": 2, "price": 12}]
    now = extract(folder, NOW, orders=owed, actuals=done, inventory=[{"item": "A", "location": "W", "on_hand": 0}])
    return before, now


def test_a_week_by_hand(tmp_path: Path) -> None:
    # planned 10 × 12 = 120; with hindsight 14 × 12 − 4 × 5 = 148; happened 144 − 16 = 128, and the two that are still
    # owed earn 2 × (12 − 5) next week: 142. What was left on the table is that two were bought at 8 and not at 5.
    three = three_plans(*two_weeks(tmp_path), solve=soe.plan)
    found = planning_and_execution(*three, window=(THEN, date(2026, 1, 11)))
    assert (found.plan, found.hindsight, found.actual) == (12000, 14800, 14200)
    assert (found.planning, found.execution) == (2800, -600)
    rows = {row["account"]: row for row in found.table().to_dicts()}
    assert (rows["revenue"]["planning"], rows["revenue"]["execution"]) == (48.0, -24.0)
    assert (rows["material"]["planning"], rows["material"]["execution"]) == (-20.0, 4.0)
    assert (rows["handed on"]["hindsight"], rows["handed on"]["actual"]) == (0.0, 14.0)
    assert (rows["margin"]["total"], rows["margin"]["planning"], rows["margin"]["execution"]) == (22.0, 28.0, -6.0)
    assert "planning variance               28.00" in repr(found)


def test_periods_that_every_week_calls_alike_are_known_by_their_days(tmp_path: Path) -> None:
    # P1 … P3 are weeks 2 to 4 then and weeks 3 to 5 now: the 40 of P1 are next week's, the 50 of P3 after the horizon.
    def named(first: date) -> list[dict[str, Any]]:
        starts = [first + timedelta(days=7 * n) for n in range(3)]
        return [
            {"period": f"P{n}", "starts_on": day, "ends_on": day + timedelta(days=6)} for n, day in enumerate(starts, 1)
        ]

    one = {"item": "A", "location": "W"}
    now = two_weeks(tmp_path / "weeks")[1]
    wanted = [{**one, "period": "P1", "quantity": 40}, {**one, "period": "P3", "quantity": 50}]
    then = extract(tmp_path, THEN, periods=named(THEN), forecast=[{**one, "period": "P1", "quantity": 10}])
    later = extract(tmp_path, NOW, periods=named(NOW), forecast=wanted).replace(
        actuals=now["actuals"], orders=now["orders"], inventory=now["inventory"]
    )
    three = three_plans(then, later, solve=soe.plan)
    found = planning_and_execution(*three, window=(THEN, date(2026, 1, 11)))
    assert (found.plan, found.hindsight, found.actual) == (12000, 14800, 14200)


def bought(folder: Path, week: int, left: float) -> tuple[Snapshot, Snapshot]:
    """Ten are sold each week and none is in stock; the offer costs 5 in the first week and 7 afterwards."""
    days = {"valid_from": "2026-01-05", "valid_to": "2026-01-11"}, {"valid_from": "2026-01-12", "valid_to": None}
    offers = [
        {"offer": "O", "supplier": "S", "item": "A", "location": "W", "unit_cost": cost, "expedite": "no", **when}
        for cost, when in zip((5, 7), days, strict=True)
    ]
    asked = [{"item": "A", "location": "W", "period": f"2026-W0{n}", "quantity": 10} for n in (2, 3, 4)]
    before = extract(
        folder, THEN, forecast=asked, offers=offers, inventory=[{"item": "A", "location": "W", "on_hand": 0}]
    )
    done = [
        {"date": "2026-01-07", "measure": "sales", "item": "A", "location": "W", "quantity": 10, "amount": 120},
        {"date": "2026-01-07", "measure": "buy", "item": "A", "location": "W", "quantity": week, "amount": 5 * week},
    ]
    lying = [{"item": "A", "location": "W", "on_hand": left}]
    return before, extract(folder, NOW, forecast=asked, offers=offers, actuals=done, inventory=lying)


@pytest.mark.parametrize(("units", "execution"), [(10, -40.0), (20, -20.0), (30, 0.0)])
def test_stock_is_handed_on_at_what_it_is_worth_to_the_weeks_that_follow(
    tmp_path: Path, units: int, execution: float
) -> None:
    # all thirty are best bought at 5: each that was not costs 2 more later
    found = planning_and_execution(
        *three_plans(*bought(tmp_path, units, units - 10), solve=soe.plan), window=(THEN, date(2026, 1, 11))
    )
    rows = {row["account"]: row for row in found.table().to_dicts()}
    assert rows["margin"]["execution"] == execution
    assert rows["margin"]["planning"] == 0
    # twenty are handed on at 5: one more in stock would save that
    assert rows["handed on"]["hindsight"] == 100


def test_what_happened_counts_as_possible(tmp_path: Path) -> None:
    # nobody offers at 4, but ten were bought at it
    before, now = bought(tmp_path, 30, 20)
    cheap = pl.when(pl.col("measure") == "buy").then(120.0).otherwise("amount").alias("amount")
    three = three_plans(before, now.replace(actuals=now["actuals"].with_columns(cheap)), solve=soe.plan)
    found = planning_and_execution(*three, window=(THEN, date(2026, 1, 11)))
    assert (found.execution, found.planning) == (0, 3000)
    assert any("did better than the model's best, by 30.00" in note for note in found.notes)


def test_a_week_that_ends_within_a_period_has_no_hindsight(tmp_path: Path) -> None:
    before, now = bought(tmp_path, 20, 10)
    days = before.periods.with_columns(index=pl.col("index"))
    one = days.head(1).with_columns(ends_on=pl.lit(date(2026, 1, 25)), days=pl.lit(21, dtype=days.schema["days"]))
    with pytest.raises(DataError, match="hindsight of part of a period is not known"):
        handed_over(dataclasses.replace(before, periods=one), now)


@pytest.mark.parametrize("seed", range(10))
def test_what_happened_never_beats_hindsight_on_generated_weeks(tmp_path: Path, seed: int) -> None:
    generate(tmp_path, weeks=2, items=4, seed=seed, plants=1, lines=2, warehouses=1, horizon_weeks=4)
    before, now = (soe.read(folder) for folder in sorted(tmp_path.iterdir()) if folder.is_dir())
    window = before.as_of, now.as_of - timedelta(days=1)
    found = planning_and_execution(*three_plans(before, now, solve=soe.plan), window=window)
    assert found.execution <= 0
    assert found.notes == (), "no week had to be taken for better than the model's best"
    assert found.planning + found.execution == found.actual - found.plan


def test_hindsight_keeps_the_start_and_knows_the_rest() -> None:
    before, now = soe.read(DEMO, "2026-11-09"), soe.read(DEMO, "2026-11-16")
    later = with_hindsight(before, now)
    assert (later.as_of, later.periods.equals(before.periods)) == (before.as_of, True)
    assert later["inventory"].equals(before["inventory"])
    assert later["receipts"]["receipt"].equals(before["receipts"]["receipt"])
    assert later["events"].equals(now["events"])
    sold = later["orders"].filter(pl.col("order").str.starts_with("sold"))
    done = now["actuals"].filter(pl.col("measure") == "sales", pl.col("date") >= before.as_of)
    assert sold["quantity"].sum() == pytest.approx(done["quantity"].sum())
    assert (sold["quantity"] * sold["price"]).sum() == pytest.approx(done["amount"].sum())
    assert later["orders"].height == sold.height + now["orders"].height
    first = later["calendar"]["date"].drop_nulls().min()
    assert first == before.as_of
    hours = later["calendar"].filter(pl.col("date") == before.as_of).sort("resource")
    assert hours.equals(before["calendar"].filter(pl.col("date") == before.as_of).sort("resource"))
    with pytest.raises(DataError, match="give the older first"):
        with_hindsight(now, before)


def test_a_receipt_that_is_late_by_now_is_late_in_hindsight(tmp_path: Path) -> None:
    before, now = two_weeks(tmp_path)
    receipts = pl.DataFrame(
        {"receipt": ["R1", "R2"], "kind": "buy", "item": "A", "location": "W", "due_on": [date(2026, 1, 9)] * 2,
         "quantity": 5.0, "routing": "", "offer": "slow", "lane": "", "firm": True,
         "reference": "", "expires_on": None},
        schema_overrides={"expires_on": pl.Date},
    )  # fmt: skip
    later = with_hindsight(
        before.replace(receipts=receipts),
        now.replace(receipts=receipts.head(1).with_columns(due_on=pl.date(2026, 1, 20))),
    )
    assert later["receipts"]["due_on"].to_list() == [date(2026, 1, 20), date(2026, 1, 9)]


def test_different_horizons_need_a_window() -> None:
    sold = [{"item": "A", "quantity": 1, "price": 10}]
    plans = [Written(name, sold, [], weeks_long=weeks) for name, weeks in (("a", 4), ("b", 4), ("c", 3))]
    with pytest.raises(ReconciliationError, match="cover different days"):
        planning_and_execution(*plans)
    assert planning_and_execution(*plans, window="common").window == (date(2026, 11, 16), date(2026, 12, 6))


def test_rows_that_do_not_tie_are_refused() -> None:
    sold = [{"item": "A", "quantity": 1, "price": 10}]
    found = planning_and_execution(*(Written(name, sold, []) for name in "abc"))
    with pytest.raises(ReconciliationError, match="accounts of actual, execution, total"):
        Hindsight(found.plan, found.hindsight, found.actual + 1, found.rows)


MONEY = st.lists(
    st.tuples(st.sampled_from(["material", "freight", "penalties"]), st.floats(-1e6, 1e6, allow_nan=False)), max_size=6
)


@settings(max_examples=50, deadline=None)
@given(st.tuples(MONEY, MONEY, MONEY))
def test_the_two_always_add_up(money: tuple[list[tuple[str, float]], ...]) -> None:
    sold = [{"item": "A", "quantity": 3, "price": 1 / 3}]
    plans = [
        Written(name, sold, [{"account": account, "amount": amount} for account, amount in rows])
        for name, rows in zip("abc", money, strict=True)
    ]
    found = planning_and_execution(*plans)
    assert found.planning + found.execution == found.actual - found.plan
    assert found.rows.select((pl.col("planning") + pl.col("execution") - pl.col("total")).abs().max()).item() == 0
