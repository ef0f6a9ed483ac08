"""RateBook: exact and nearest rates, what is free, what is missing, and the book on disk."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from soe_lib.errors import DataError, FormulationError
from soe_lib.money.rates import Match, RateBook
from tests.ledgers import cells, rates, weeks


def holding(period: str, per_unit: float) -> dict[str, object]:
    return {"item": "A", "location": "L", "period": period, "account": "holding", "per_unit": per_unit}


def sale(due: str, period: str, price: float, order: str = "") -> dict[str, object]:
    key = {"item": "A", "location": "L", "customer": "C", "order": order, "due": due, "period": period}
    return {**key, "account": "revenue", "per_unit": price}


def sold(due: str, period: str, quantity: float, order: str = "") -> dict[str, object]:
    return {
        "item": "A",
        "location": "L",
        "customer": "C",
        "order": order,
        "due": due,
        "period": period,
        "quantity": quantity,
    }


def test_amount_is_quantity_times_each_rate_of_the_cell() -> None:
    book = RateBook({"make": rates("make", [
        {"routing": "R", "period": "2026-W47", "account": "conversion", "per_unit": -2.0, "item": "A", "location": "P"},
        {"routing": "R", "period": "2026-W47", "account": "conversion", "per_unit": -0.5, "item": "A", "location": "P"},
    ])})  # fmt: skip
    ledger = book.value({"make": cells("make", [{"routing": "R", "period": "2026-W47", "quantity": 10}])})
    assert ledger.accounts() == {"conversion": -25.0}
    assert ledger.lines.select("item", "location", "period").unique().rows() == [("A", "P", "2026-W47")]


def test_a_rate_may_be_booked_elsewhere_and_later() -> None:
    table = rates("ship", [{"lane": "T", "item": "A", "period": "2026-W47", "account": "freight", "per_unit": -3.0,
                            "booked": "2026-W48", "location": "M"}])  # fmt: skip
    table = table.with_columns(booked_item=pl.lit("A in transit"))
    ledger = RateBook({"ship": table}).value(
        {"ship": cells("ship", [{"lane": "T", "item": "A", "period": "2026-W47", "quantity": 2}])}
    )
    assert ledger.lines.select("item", "location", "period", "amount").row(0) == ("A in transit", "M", "2026-W48", -6.0)


def test_rows_of_quantity_zero_leave_no_line() -> None:
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])})
    ledger = book.value(
        {"stock": cells("stock", [{"item": "A", "location": "L", "period": "2026-W47", "quantity": 0}])}
    )
    assert ledger.lines.is_empty()
    assert ledger.unmatched.is_empty()


def test_rows_without_a_rate_are_counted_not_zero() -> None:
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])})
    there = {"item": "B", "location": "L", "period": "2026-W47", "quantity": 7}
    for match in get_args(Match):
        ledger = book.value({"stock": cells("stock", [there])}, match=match)
        assert ledger.unmatched.rows() == [("stock", 1, 7.0)]


def test_a_cell_that_the_book_knows_without_a_rate_is_free() -> None:
    known = cells("stock", [{"item": item, "location": "L", "period": "2026-W47", "quantity": 7} for item in "AB"])
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])}).known({"stock": known})
    ledger = book.value({"stock": known})
    assert ledger.unmatched.is_empty()
    assert ledger.accounts() == {"holding": -7.0}
    assert book.value({"stock": known.with_columns(location=pl.lit("M"))}).unmatched.rows() == [("stock", 2, 14.0)]


def test_a_flow_that_earns_nothing_in_its_own_book_is_no_finding_but_in_another_it_is() -> None:
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])})
    flows = {"ship": cells("ship", [{"lane": "T", "item": "A", "period": "2026-W47", "quantity": 5}])}
    assert book.value(flows).unmatched.is_empty()
    assert book.value(flows, match="nearest").unmatched.rows() == [("ship", 1, 5.0)]


def test_nearest_takes_the_nearest_period_and_the_earlier_of_two() -> None:
    table = rates("buy", [{"offer": "O", "period": week, "account": "material", "per_unit": price}
                          for week, price in (("2026-W47", -1.0), ("2026-W49", -2.0))])  # fmt: skip
    asked = [
        {"offer": "O", "period": week, "quantity": 10} for week in ("2026-W30", "2026-W48", "2026-11-27", "2026-W60")
    ]
    ledger = RateBook({"buy": table}).value({"buy": cells("buy", asked)}, match="nearest")
    by = dict(ledger.by("period").rows())
    # W48 is as near to W47 as to W49: the earlier. Friday 27 November is 11 days after W47, 3 before W49.
    assert by == {"2026-W30": -10.0, "2026-W48": -10.0, "2026-11-27": -20.0}
    assert ledger.adapted.select("rows", "quantity").row(0) == (3, 30.0)
    assert ledger.unmatched.rows() == [("buy", 1, 10.0)]  # 2026-W60 is no week


def test_money_per_time_grows_with_the_length_of_the_period() -> None:
    # 7 cents a day in this week's plan; last week's plan had the whole week W48 as one period: 7 days × 0.07
    book = RateBook({"stock": rates("stock", [holding("2026-11-23", -0.07)])})
    asked = [{"item": "A", "location": "L", "period": "2026-W48", "quantity": 100}]
    ledger = book.value({"stock": cells("stock", asked)}, match="nearest")
    assert ledger.margin == pytest.approx(-49.0)


def test_a_late_sale_takes_the_rate_of_the_nearest_lag() -> None:
    book = RateBook({"sell": rates("sell", [sale("2026-W48", "2026-W48", 10.0), sale("2026-W48", "2026-W49", 9.0)])})
    asked = [sold("2026-W47", "2026-W47", 1), sold("2026-W47", "2026-W48", 1), sold("2026-W46", "2026-W49", 1)]
    ledger = book.value({"sell": cells("sell", asked)}, match="nearest")
    assert sorted(ledger.lines["per_unit"]) == [9.0, 9.0, 10.0]
    assert ledger.by("period")["period"].to_list() == ["2026-W47", "2026-W48", "2026-W49"]


def test_an_order_that_the_book_does_not_know_is_valued_as_forecast() -> None:
    book = RateBook({"sell": rates("sell", [sale("2026-W47", "2026-W47", 10.0)])})
    asked = [sold("2026-W47", "2026-W47", 3, order="77"), sold("2026-W45", "2026-W45", 2, order="78")]
    ledger = book.value({"sell": cells("sell", asked)}, match="nearest")
    assert ledger.margin == 50.0
    assert ledger.adapted.select("how", "rows", "quantity").rows() == [
        ("order unknown to the rates, valued as forecast", 2, 5.0)
    ]


def test_periods_with_names_of_their_own_are_dated_by_their_plan() -> None:
    january = weeks(2).with_columns(period=pl.Series(["one", "two"]))
    book = RateBook(
        {"buy": rates("buy", [{"offer": "O", "period": "two", "account": "material", "per_unit": -4.0}])},
        periods=january,
    )
    flows = {"buy": cells("buy", [{"offer": "O", "period": "first", "quantity": 1}])}
    theirs = weeks(1).with_columns(period=pl.lit("first"))
    assert book.value(flows, match="nearest", periods=theirs).margin == -4.0
    assert book.value(flows, match="nearest").unmatched.height == 1


def test_two_rows_of_one_cell_are_refused() -> None:
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])})
    twice = cells("stock", [{"item": "A", "location": "L", "period": "2026-W47", "quantity": 1}] * 2)
    with pytest.raises(FormulationError, match="1 of 2 rows repeat the key item, location, period"):
        book.value({"stock": twice})


def test_a_missing_rate_key_or_quantity_is_refused() -> None:
    with pytest.raises(FormulationError, match="rates of stock: 1 of 2 are blank"):
        RateBook({"stock": rates("stock", [holding("2026-W47", -1.0), holding("2026-W48", None)])})  # type: ignore[arg-type]
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.0)])})
    with pytest.raises(FormulationError, match="flow stock lacks period"):
        book.value({"stock": pl.DataFrame({"item": ["A"], "location": ["L"], "quantity": [1.0]})})
    with pytest.raises(FormulationError, match="1 of 1 quantities are blank"):
        book.value({"stock": cells("stock", [{"item": "A", "location": "L", "period": "W", "quantity": None}])})
    with pytest.raises(FormulationError, match="the book knows stock"):
        book.columns("fly")


def test_columns_are_the_keys_of_the_flow_also_of_one_nobody_heard_of() -> None:
    own = pl.DataFrame(
        {"crew": ["X"], "period": ["2026-W47"], "account": ["fixed"], "kind": ["cash"], "per_unit": [-1.0]}
    )
    book = RateBook({"call": own})
    assert book.columns("call") == ("crew", "period")
    assert book.columns("sell") == ("item", "location", "customer", "order", "due", "period")
    assert book.value({"call": own.select("crew", "period", quantity=pl.lit(3.0))}).margin == -3.0


def test_the_book_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    items = pl.DataFrame({"item": ["A"], "family": ["F"]})
    book = RateBook({"stock": rates("stock", [holding("2026-W47", -1.5)])}, items=items, periods=weeks())
    again = RateBook.load(book.save(tmp_path / "rates"))
    flows = {"stock": cells("stock", [{"item": "A", "location": "L", "period": "2026-W47", "quantity": 2}])}
    assert again.value(flows).by("family").rows() == [("F", -3.0)]
    assert again.columns("stock") == book.columns("stock")
    with pytest.raises(DataError, match="holds no rate book"):
        RateBook.load(tmp_path)
