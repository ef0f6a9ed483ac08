"""Changes of open orders: each priced by planning again, none that is nervous, and what the ERP has lost is listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError, PackError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.operations import changes, earlier, files, orders
from soe_lib.operations.release import Release
from soe_lib.operations.whole_units import WholeUnits, in_whole_units
from tests.networks import MONDAY, Rows, days, snapshot
from tests.unit.operations.test_release import TABLES

SETTINGS = '[costs]\nper = "period"\n[release]\nchange_worth = {worth}\nmove_days = {days}\n'
ORDERS = [
    {"order": "O1", "item": "P", "location": "Shop", "customer": "C", "due_on": "2026-01-06", "quantity": 18, "price": 50},
    {"order": "O2", "item": "P", "location": "Shop", "customer": "C", "due_on": "2026-01-07", "quantity": 36, "price": 50},
]  # fmt: skip
RECEIPT = {"receipt": "R7", "kind": "buy", "item": "R", "location": "Plant", "due_on": "2026-01-10", "quantity": 60,
           "offer": "R offer", "firm": "yes"}  # fmt: skip


def tables(**other: Rows) -> dict[str, Rows]:
    """20 R in hand make 18 P for O1; for O2 there is R only when the receipt of Saturday comes: three days late."""
    calendar = [{"resource": "L1", "period": f"D{n:03d}", "hours": 8} for n in range(1, 11)]
    customers = [{"customer": "C", "late_cost": 2.0, "short_cost": 5.0, "latest_days": 9}]
    made = {
        **TABLES, "periods": days(10), "calendar": calendar, "customers": customers, "orders": ORDERS,
        "offers": [{**TABLES["offers"][0], "maximum": 0}], "receipts": [RECEIPT],
        "inventory": [{"item": "R", "location": "Plant", "on_hand": 20}],
    }  # fmt: skip
    return {**made, **other}


def company(folder: Path, *, worth: float = 20.0, reach: int = 7, **other: Rows) -> Snapshot:
    return snapshot(folder, SETTINGS.format(worth=worth, days=reach), **tables(**other))


def changed(read: Snapshot) -> pl.DataFrame:
    found = in_whole_units(soe.plan(read, record=None), read)
    return changes.changes(found, changes.numbered({**released(found, read)}, none())[1], read)


def released(found: WholeUnits, read: Snapshot) -> dict[str, pl.DataFrame]:
    return orders.tables_of(found.plan, read, found.labels)


def none() -> pl.DataFrame:
    return pl.DataFrame(schema=earlier.OPEN)


def of_receipts(found: pl.DataFrame) -> pl.DataFrame:
    return found.filter(pl.col("order") == "R7")


def test_a_receipt_that_should_come_sooner_by_hand(tmp_path: Path) -> None:
    """R of Saturday makes P that arrives on Sunday: O2 is four days late, 36 × 4 × 2 = 288.

    Tomorrow is the soonest that a supplier can be asked for: made on Tuesday, at the shop on Wednesday, on time.
    """
    (row,) = of_receipts(changed(company(tmp_path / "x"))).to_dicts()
    assert (row["change"], row["was_on"], row["now_on"]) == ("reschedule in", date(2026, 1, 10), date(2026, 1, 6))
    assert row["gain"] == pytest.approx(288.0)
    assert row["margin"] == pytest.approx(288.0)
    assert row["reason"] == "penalties +288; chiefly P"


@pytest.mark.parametrize(("reach", "sooner"), [(1, 1), (2, 2), (3, 3), (4, 4)])
def test_no_other_day_earns_more_by_planning_each_again(tmp_path: Path, reach: int, sooner: int) -> None:
    """Every day within reach is planned from an extract in which the receipt comes then."""
    read = company(tmp_path / "x", reach=reach)
    base = soe.plan(read, record=None).objective
    days_off = range(-min(reach, 4), reach + 1)
    gains = {}
    for more in days_off:
        moved = read["receipts"].with_columns(due_on=pl.lit(date(2026, 1, 10) + timedelta(days=more)))
        gains[more] = soe.plan(read.replace(receipts=moved), record=None).objective - base
    (row,) = of_receipts(changed(read)).to_dicts()
    assert row["now_on"] == date(2026, 1, 10) - timedelta(days=sooner)
    assert row["gain"] == pytest.approx(max(gains.values()), abs=1e-5)
    assert row["gain"] == pytest.approx(gains[-sooner], abs=1e-5)


def test_what_earns_less_than_the_disturbance_is_left(tmp_path: Path) -> None:
    assert of_receipts(changed(company(tmp_path / "a", worth=289.0))).is_empty()
    assert of_receipts(changed(company(tmp_path / "b", worth=287.0))).height == 1


def test_what_nobody_needs_is_cancelled_where_its_money_is_not_committed(tmp_path: Path) -> None:
    """60 R at 2 EUR are 120; an order that is firm costs them whether it comes or not."""
    nobody = {**tables(), "orders": ORDERS[:1]}
    free = company(tmp_path / "a", worth=119.0, **{**nobody, "receipts": [{**RECEIPT, "firm": "no"}]})
    (row,) = of_receipts(changed(free)).to_dicts()
    assert (row["change"], row["now"], row["now_on"]) == ("cancel", 0.0, None)
    assert row["gain"] == pytest.approx(120.0)
    dear = company(tmp_path / "b", worth=121.0, **{**nobody, "receipts": [{**RECEIPT, "firm": "no"}]})
    assert of_receipts(changed(dear)).is_empty()
    assert of_receipts(changed(company(tmp_path / "c", worth=1.0, **nobody))).is_empty()


def test_what_is_under_way_is_left(tmp_path: Path) -> None:
    """A shipment or a run that has begun cannot be asked for sooner."""
    for kind in ("ship", "make"):
        moving = {**RECEIPT, "kind": kind, "offer": ""}
        assert of_receipts(changed(company(tmp_path / kind, receipts=[moving]))).is_empty()


# -- one release after the other ------------------------------------------------------------------------------------


def decided(out: Path, read: Snapshot) -> Release:
    """Plan, decide and release."""
    plan = soe.plan(read, record=None)
    entry = soe.store.append(out / "plans", plan)
    soe.approve(out / "plans", read.as_of.isoformat(), entry.run, by="Ada", reason="as discussed")
    return soe.release(out, read.as_of.isoformat(), entry.run, snapshot=read)


def table(made: Release, name: str) -> pl.DataFrame:
    schema = {"changes": changes.CHANGES}.get(name)
    path = made.folder / f"{name}.csv"
    return files.read_csv(path, schema) if schema else pl.read_csv(path, try_parse_dates=True)


def later(read: Snapshot, **frames: pl.DataFrame) -> Snapshot:
    """The same as_of, other tables: what changed in between."""
    return read.replace(**frames)


def test_the_same_again_adds_nothing_and_the_numbers_stay(tmp_path: Path) -> None:
    read = company(tmp_path / "x")
    first = decided(tmp_path / "out", read)
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    again = soe.release(tmp_path / "out", MONDAY, snapshot=read)
    assert not again.added
    assert again.moved == first.moved
    assert {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()} == before
    # Another plan of the same day, of which nothing differs that an order knows of.
    dearer = later(read, customers=read["customers"].with_columns(priority=pl.lit(2)))
    second = decided(tmp_path / "out", dearer)
    assert second.folder != first.folder
    for name in ("production_orders", "purchase_orders", "transfer_orders"):
        assert table(second, name).equals(table(first, name))
    assert set(table(second, "changes")["change"]) <= {"reschedule in"}


def test_more_less_other_day_and_gone() -> None:
    """What was released is compared by its work: the same day or the nearest one with about as much."""
    day = date(2026, 1, 6)
    one = {
        "order": "PO-1", "kind": "buy", "way": "offer", "part": "", "item": "R", "description": "", "location": "Plant",
        "starts_on": day, "ends_on": day, "arrives_on": day, "quantity": 10.0, "unit": "kg",
    }  # fmt: skip
    was = [
        one,
        {**one, "order": "PO-2", "way": "other"},
        {**one, "order": "PO-3", "way": "third"},
        {**one, "order": "PO-4", "way": "fourth"},
    ]
    now = [
        {**one, "order": "fresh-1", "quantity": 12.0},
        {**one, "order": "fresh-2", "way": "other", "starts_on": day + timedelta(days=2), "quantity": 8.0},
        {**one, "order": "fresh-3", "way": "third", "starts_on": day + timedelta(days=1), "quantity": 4.0},
    ]
    pairs = changes._paired(pl.DataFrame(now, schema=earlier.OPEN), pl.DataFrame(was, schema=earlier.OPEN))
    told = {row["order"]: (row["fresh"], row["was"], row["now"]) for row in pairs.to_dicts()}
    assert told == {
        "PO-1": ("fresh-1", 10.0, 12.0),
        "PO-2": ("fresh-2", 10.0, 8.0),
        "PO-3": (None, 10.0, None),
        "fresh-3": ("fresh-3", None, 4.0),
        "PO-4": (None, 10.0, None),
    }


@pytest.mark.parametrize("worth", [20.0, 0.0])
def test_a_small_gain_moves_nothing_that_is_released(tmp_path: Path, worth: float) -> None:
    """R of Tuesday becomes a cent dearer: to buy it on Monday saves cents, and stays where a change must earn 20."""
    read = company(tmp_path / "x", offers=TABLES["offers"], worth=worth)
    first = decided(tmp_path / "out", read)
    bought = table(first, "purchase_orders")
    price = pl.DataFrame(
        {
            "offer": ["R offer"] * bought.height,
            "period": bought["period"],
            "date": [None] * bought.height,
            "unit_cost": [2.01] * bought.height,
        },
    )
    dearer = later(read, offer_prices=price)
    free = in_whole_units(soe.plan(dearer, record=None), dearer)
    assert released(free, dearer)["purchase_orders"]["period"].to_list() != bought["period"].to_list()
    second = decided(tmp_path / "out", dearer)
    now = table(second, "purchase_orders")
    assert now["purchase_order"].to_list() == bought["purchase_order"].to_list()
    assert now["period"].equals(bought["period"]) == (worth > 0)
    moved = table(second, "changes").filter(pl.col("kind") == "buy", pl.col("order") != "R7")
    assert moved.select("change", "order").rows() == (
        [] if worth else [("reschedule in", name) for name in bought["purchase_order"]]
    )
    for name in ("production_orders", "transfer_orders") if worth else ():
        assert table(second, name).equals(table(first, name))


def test_a_change_that_pays_is_made_and_says_what_it_earns(tmp_path: Path) -> None:
    """O2 grows by 9 P, at 50 each less R and freight of 20: more is made, bought and shipped, by the same orders."""
    read = company(tmp_path / "x", offers=TABLES["offers"], worth=20.0)
    first = decided(tmp_path / "out", read)
    grown = read["orders"].with_columns(quantity=pl.when(pl.col("order") == "O2").then(45.0).otherwise("quantity"))
    second = decided(tmp_path / "out", later(read, orders=grown))
    found = table(second, "changes").filter(pl.col("order") != "R7")
    assert found.height
    assert (found["gain"].drop_nulls() >= 20.0).all()
    money = found["gain"].fill_null(0.0).to_list()
    assert money == sorted(money, reverse=True)
    known = set(table(first, "production_orders")["production_order"])
    assert set(table(second, "production_orders")["production_order"]) & known
    made = [table(one, "production_orders")["good_quantity"].sum() for one in (first, second)]
    assert made[1] >= made[0] + 9 - 0.9


def test_changes_read_back_from_both_files(tmp_path: Path) -> None:
    made = decided(tmp_path / "out", company(tmp_path / "x"))
    csv = table(made, "changes")
    sheet = openpyxl.load_workbook(made.folder / files.WORKBOOK)["changes"]
    rows = [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert rows == csv["change_key"].to_list()
    assert csv["change_key"].is_unique().all()
    assert csv.filter(pl.col("order") == "R7")["change_key"].to_list() == ["reschedule in | R7 | 20260106"]


def test_what_was_released_says_its_most_money_in_words(tmp_path: Path) -> None:
    said = decided(tmp_path / "out", company(tmp_path / "x")).text()
    assert "1 changes of open orders; most money: reschedule in R7, EUR +288 (penalties +288; chiefly P)" in said


def test_a_purchase_that_comes_with_an_open_one_says_so(tmp_path: Path) -> None:
    """R that is bought on Tuesday comes on Tuesday, as R7 does: one order may do for both."""
    read = company(
        tmp_path / "x", offers=TABLES["offers"], receipts=[{**RECEIPT, "quantity": 1, "due_on": "2026-01-06"}]
    )
    found = changed(read).filter(pl.col("kind") == "buy", pl.col("now_on") == date(2026, 1, 6))
    assert found["reason"].to_list() == ["comes with R7 of the same day: may be added to it"]


# -- bad input --------------------------------------------------------------------------------------------------------


def test_a_superseded_week_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    out, read = tmp_path / "out", company(tmp_path / "x")
    soe.store.append(out / "plans", soe.plan(read, record=None))
    soe.approve(out / "plans", MONDAY, by="Ada", reason="as discussed")
    other = later(read, customers=read["customers"].with_columns(late_cost=pl.lit(3.0)))
    entry = soe.store.append(out / "plans", soe.plan(other, record=None))
    soe.approve(out / "plans", MONDAY, entry.run, by="Ada", reason="thought again")
    with pytest.raises(DataError, match=r"2026-01-05/1 is superseded: plan 2026-01-05/2 was decided since"):
        soe.release(out, MONDAY, 1, snapshot=read)
    assert not (out / "releases").exists()
    made = soe.release(out, MONDAY, entry.run, snapshot=other)
    kept = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match=r"the orders of 2026-01-05/2 are released since"):
        soe.release(out, MONDAY, 1, snapshot=read)
    assert {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()} == kept


def test_a_release_that_cannot_be_read_stops_the_next(tmp_path: Path) -> None:
    out, read = tmp_path / "out", company(tmp_path / "x")
    made = decided(out, read)
    (made.folder / "purchase_orders.csv").unlink()
    other = later(read, customers=read["customers"].with_columns(late_cost=pl.lit(3.0)))
    with pytest.raises(PackError, match="cannot be read"):
        decided(out, other)


@pytest.mark.parametrize("how", ["gone", "number", "reference", "same day"])
def test_an_order_that_the_erp_no_longer_has_is_listed(tmp_path: Path, how: str) -> None:
    """Bought on Monday, due on Friday: on Tuesday it must be among the receipts, by whichever name."""
    slow = [{**TABLES["offers"][0], "lead_time_days": 4}]
    read = company(tmp_path / "x", offers=slow, receipts=[RECEIPT])
    plan = in_whole_units(soe.plan(read, record=None), read)
    bought = pl.DataFrame(
        {"order": ["PO-A"], "kind": ["buy"], "way": ["R offer"], "part": [""], "item": ["R"], "description": [""],
         "location": ["Plant"], "starts_on": [MONDAY], "ends_on": [MONDAY], "arrives_on": [MONDAY + timedelta(days=4)],
         "quantity": [7.0], "unit": ["kg"]}, schema=earlier.OPEN
    )  # fmt: skip
    told = [earlier.Earlier("2026-01-05/1", MONDAY, 1, plan.until, bought)]
    receipt = {
        "gone": {}, "number": {"receipt": "PO-A"}, "reference": {"reference": "PO-A"},
        "same day": {"due_on": MONDAY + timedelta(days=4)},
    }[how]  # fmt: skip
    rows = read["receipts"].with_columns(pl.lit(value).alias(name) for name, value in receipt.items())
    tuesday = replace(read.replace(receipts=rows), as_of=MONDAY + timedelta(days=1))
    found = earlier.not_in_erp(told, tuesday)
    assert found["order"].to_list() == (["PO-A"] if how == "gone" else [])
