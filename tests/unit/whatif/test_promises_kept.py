"""Promises that were kept: the next plans honour them, say where they cannot, and later extracts tell which held."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review.frames.promises import kept_so_far, unkept, unkept_said
from soe_lib.review.measures import every
from soe_lib.store.promised import as_promised, promises
from tests import networks
from tests.networks import MONDAY, Rows


def day_of(number: int) -> date:
    return MONDAY + timedelta(days=number - 1)


def company(folder: Path, first: int = 1, hours: Mapping[int, float] | None = None, **more: Rows) -> Snapshot:
    """Ten days from day `first` on: 10 of A are made a day, 15 are there at first; anybody takes 4 a day for 5 each."""
    days = networks.days(10, day_of(first))
    tables: dict[str, Rows] = {
        "periods": days,
        "items": [{"item": "A", "unit": "each", "price": 10}],
        "resources": [{"resource": "L", "location": "P", "hourly_cost": 2}],
        "calendar": [
            {"resource": "L", "period": one["period"], "hours": (hours or {}).get(first + place, 10)}
            for place, one in enumerate(days)
        ],
        "routings": [{"routing": "R", "item": "A", "location": "P"}],
        "operations": [{"routing": "R", "step": "1", "resource": "L", "hours_per_unit": 1}],
        "customers": [{"customer": "new", "latest_days": 3, "late_cost": 3.5}, {"customer": "spot"}],
        "inventory": [{"item": "A", "location": "P", "on_hand": 15}],
        "forecast": [
            {"item": "A", "location": "P", "customer": "spot", "period": one["period"], "quantity": 4, "price": 5}
            for one in days
        ],
    } | more
    settings = f'company = "test"\ncurrency = "EUR"\nas_of = "{day_of(first)}"\n[costs]\nper = "period"\n'
    networks.snapshot(folder, **tables)
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    return soe.read(folder)


def asked(quantity: float, number: int, **more: Any) -> dict[str, Any]:
    return {"item": "A", "quantity": quantity, "customer": "new", "date": day_of(number)} | more


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A plan history in which 50 of A are promised to `new` for the fifth day, as order N."""
    made = soe.whatif.promise(company(tmp_path / "first"), asked(50, 5, order="N"))
    assert made[0].earliest == day_of(5)
    assert soe.whatif.keep_promises(made, store=tmp_path / "plans") == 1
    return tmp_path / "plans"


def served(plan: Any, order: str, until: int) -> float:
    ends = plan.periods.filter(pl.col("ends_on") <= day_of(until))["period"].cast(pl.String).implode()
    return float(plan.flows["sell"].filter(pl.col("order") == order, pl.col("period").is_in(ends))["quantity"].sum())


def test_the_next_plan_has_what_was_promised_on_its_day(tmp_path: Path, store: Path) -> None:
    """On the third day 25 are left: 10 a day are made, 50 are there on the fifth only where forecast gives way."""
    later = company(tmp_path / "later", 3, inventory=[{"item": "A", "location": "P", "on_hand": 25}])
    honoured = soe.plan(as_promised(later, store))
    assert served(honoured, "N", 5) == pytest.approx(50)
    assert unkept(honoured).is_empty()
    assert every()["promises_planned"].reading(soe.week(later, honoured, record=None)).value == 1.0
    assert unkept_said(honoured) == []


def test_a_promise_is_kept_where_it_does_not_pay(tmp_path: Path) -> None:
    """Sold for 1 a unit, which costs 2 to make, and forecast at 5 has to give way: the plan keeps the promise all the same."""
    (made,) = soe.whatif.promise(company(tmp_path / "first"), asked(50, 5, order="N", price=1.0))
    assert made.margin < 0
    assert "it costs EUR" in made.verdict.replace("\u00a0", " ")
    soe.whatif.keep_promises([made], store=tmp_path / "plans")
    later = as_promised(
        company(tmp_path / "later", 3, inventory=[{"item": "A", "location": "P", "on_hand": 25}]), tmp_path / "plans"
    )
    assert served(soe.plan(later), "N", 5) == pytest.approx(50)
    free = later.replace(orders=later["orders"].with_columns(promised=pl.lit(0.0)))
    assert served(soe.plan(free), "N", 5) < 50


def test_where_nothing_is_promised_the_snapshot_is_the_same(tmp_path: Path, store: Path) -> None:
    snapshot = company(tmp_path / "a")
    assert as_promised(snapshot, tmp_path / "none") is snapshot
    other = company(tmp_path / "b", items=[{"item": "A", "unit": "each", "price": 10}])
    (tmp_path / "b/settings.toml").write_text(
        (tmp_path / "b/settings.toml").read_text(encoding="utf-8").replace('"test"', '"others"'), encoding="utf-8"
    )
    assert as_promised(soe.read(tmp_path / "b"), store)["orders"].is_empty()
    assert as_promised(other, store)["orders"].height == 1
    twice = as_promised(as_promised(other, store), store)
    assert twice["orders"].equals(as_promised(other, store)["orders"])


def test_an_event_that_makes_it_impossible_is_listed_and_stops_nothing(tmp_path: Path, store: Path) -> None:
    """The line is down on the fourth and fifth day: 25 + 10 are there by then, 15 more by the seventh."""
    later = company(
        tmp_path / "later", 3, hours={4: 0, 5: 0}, inventory=[{"item": "A", "location": "P", "on_hand": 25}]
    )
    made = soe.plan(as_promised(later, store))
    (row,) = unkept(made).iter_rows(named=True)
    assert (row["order"], row["on"], row["comes_on"]) == ("N", day_of(5), day_of(7))
    assert (row["promised"], row["missing"], row["later"], row["worth"]) == pytest.approx((50, 15, 15, 150))
    said = "\n".join(unkept_said(made))
    assert "1 promise cannot be kept" in said
    assert "N of new: 15 of 50 A are not there on 2026-01-09, 15 of them by 2026-01-11; they bring EUR 150.00" in said
    week = soe.week(as_promised(later, store), made, record=None, store=store)
    assert every()["promises_planned"].reading(week).value == 0.0
    (issue,) = [one for one in week.found if one.kind == "Promise broken"]
    assert issue.key == "Promise broken: N"
    assert issue.money == pytest.approx(150)


def test_an_order_of_the_extract_wins_and_the_promise_is_its_floor(tmp_path: Path, store: Path) -> None:
    """The ERP has N with 60, a day later: 50 of them are promised for that day, at the ERP's price."""
    row = {"order": "N", "item": "A", "location": "P", "customer": "new", "due_on": day_of(6), "price": 9.0}
    for quantity, promised in ((60, 50), (30, 30), (0, 0)):
        later = company(tmp_path / f"later{quantity}", 3, orders=[row | {"quantity": quantity}])
        (order,) = as_promised(later, store)["orders"].iter_rows(named=True)
        told = (order["quantity"], order["promised"], order["due_on"], order["price"])
        assert told == (quantity, promised, day_of(6), 9.0)


def test_parts_are_a_floor_of_the_whole_order_or_of_their_own(tmp_path: Path) -> None:
    """95 on the fifth day in parts: 15 + 10 a day are 65 by then; two ERPs number what comes in parts differently."""
    parts = soe.whatif.promise(company(tmp_path / "first"), asked(70, 5, order="N"), parts=True)
    home = tmp_path / "plans"
    assert soe.whatif.keep_promises(parts, store=home) == 2
    assert promises(home)["delivery"].to_list() == ["N/1", "N/2"]
    assert as_promised(company(tmp_path / "second"), home)["orders"]["order"].to_list() == ["N/1", "N/2"]
    row = {"item": "A", "location": "P", "customer": "new", "due_on": day_of(5), "quantity": 70}
    whole = as_promised(company(tmp_path / "whole", orders=[row | {"order": "N"}]), home)["orders"]
    assert whole.select("order", "promised").rows() == [("N", 70.0)]
    one = as_promised(company(tmp_path / "one", orders=[row | {"order": "N/1", "quantity": 65}]), home)["orders"]
    assert one.select("order", "promised").sort("order").rows() == [("N/1", 65.0), ("N/2", 5.0)]


def test_a_promise_whose_day_is_over_is_planned_no_more(tmp_path: Path, store: Path) -> None:
    assert as_promised(company(tmp_path / "later", 6), store)["orders"].is_empty()
    gone = company(tmp_path / "gone", 3, customers=[{"customer": "spot"}])
    assert as_promised(gone, store)["orders"].is_empty()


def test_nothing_is_kept_twice_or_of_what_was_not_promised(tmp_path: Path, store: Path) -> None:
    snapshot = company(tmp_path / "a")
    with pytest.raises(DataError, match="Order 'N' is promised already"):
        soe.whatif.keep_promises(soe.whatif.promise(snapshot, asked(5, 5, order="N")), store=store)
    with pytest.raises(DataError, match="Nothing was promised of 900"):
        soe.whatif.keep_promises(soe.whatif.promise(snapshot, asked(900, 5, order="M")), store=store)
    assert promises(store)["order"].to_list() == ["N"]


def test_a_second_promise_takes_nothing_from_the_first(tmp_path: Path, store: Path) -> None:
    """Of 65 on the fifth day 50 are promised: 20 more come on the sixth, not on the fifth day."""
    (found,) = soe.whatif.promise(as_promised(company(tmp_path / "a"), store), asked(20, 5))
    assert found.earliest == day_of(6)
    assert served(found.plan, "N", 5) == pytest.approx(50)


def kept(snapshot: Snapshot, store: Path) -> list[bool | None]:
    return kept_so_far(promises(store), snapshot)["kept"].to_list()


@pytest.mark.parametrize(("sold", "orders", "told"), [
    ([(5, 50)], [], True),               # sold on the day
    ([(4, 30), (5, 20)], [], True),      # and before it
    ([(5, 30), (6, 20)], [], False),     # 20 came a day late
    ([(0, 80), (5, 20)], [], False),     # what was sold before it was promised is not it
    ([(5, 50)], [10], False),            # 10 are still open
    ([], [], None),                      # nobody knows
])  # fmt: skip
def test_sales_and_open_orders_tell_whether_it_was_kept(
    tmp_path: Path, store: Path, sold: list[tuple[int, float]], orders: list[float], told: bool | None
) -> None:
    row = {"order": "N", "item": "A", "location": "P", "customer": "new", "due_on": day_of(5)}
    more: dict[str, Rows] = {}
    if sold:
        more["actuals"] = [
            {"date": day_of(day), "measure": "sales", "item": "A", "location": "P", "customer": "new", "quantity": n}
            for day, n in sold
        ]
    if orders:
        more["orders"] = [row | {"quantity": n} for n in orders]
    later = company(tmp_path / "later", 8, **more)
    assert kept(later, store) == [told]
    week = soe.week(as_promised(later, store), record=None, store=store)
    score = every()["promises_kept"].reading(week)
    assert score.value == (None if told is None else float(told))


def test_the_command_keeps_and_the_next_one_knows(tmp_path: Path) -> None:
    company(tmp_path / "data")
    where = ["--data", str(tmp_path / "data"), "--store", str(tmp_path / "plans")]
    first = CliRunner().invoke(main, ["promise", "A", "50", "new", "2026-01-09", *where, "--keep"])
    assert first.exit_code == 0, first.output
    assert "1 delivery kept in" in first.output
    second = CliRunner().invoke(main, ["promise", "A", "20", "new", "2026-01-09", *where, "--json"])
    assert '"earliest": "2026-01-10"' in second.output
    planned = CliRunner().invoke(main, ["plan", *where])
    assert planned.exit_code == 0
    unknown = CliRunner().invoke(main, ["promise", "B", "20", "new", "2026-01-09", *where])
    assert unknown.exit_code == 1
    assert "There is no item 'B'" in unknown.output
    assert CliRunner().invoke(main, ["promise", "A", "20", *where]).exit_code == 2
    listed = tmp_path / "orders.csv"
    listed.write_text("item,quantity,customer,date,order\nA,5,new,2026-01-09,X1\nA,60,new,2026-01-09,X2\n")
    many = CliRunner().invoke(main, ["promise", "--orders", str(listed), *where, "--keep"])
    assert many.exit_code == 0, many.output
    assert promises(tmp_path / "plans")["order"].to_list() == ["PR-260105-001", "X1", "X2"]
    wrong = CliRunner().invoke(main, ["promise", "--orders", str(tmp_path / "none.csv"), *where])
    assert wrong.exit_code == 1
    assert "is no CSV file of orders" in wrong.output
