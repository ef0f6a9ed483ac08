"""Ledger: totals, readings, and cents that add up."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.errors import FormulationError
from soe_lib.money.ledger import Ledger, in_order
from soe_lib.money.rounding import whole
from tests.ledgers import lines, weeks

ITEMS = pl.DataFrame({"item": ["A", "B"], "family": ["F", "G"]})


def example() -> Ledger:
    """100 revenue, −40 material, 15 end value, −5 goodwill."""
    rows = [
        {"account": "end value", "kind": "inventory", "item": "A", "amount": 15.0, "period": "beyond"},
        {"account": "revenue", "item": "A", "amount": 70.0, "period": "2026-W47"},
        {"account": "revenue", "item": "B", "amount": 30.0, "period": "2026-W49"},
        {"account": "material", "item": "B", "amount": -40.0, "period": "2026-W49"},
        {"account": "goodwill", "kind": "steering", "item": "B", "amount": -5.0},
    ]
    return Ledger(lines(rows), items=ITEMS, periods=weeks())


def test_margin_is_cash_and_end_value_and_steering_stands_beside() -> None:
    ledger = example()
    assert (ledger.cash, ledger.inventory, ledger.margin, ledger.steering, ledger.total) == (60, 15, 75, -5, 70)


def test_accounts_stand_in_finances_order() -> None:
    assert list(example().accounts()) == ["revenue", "material", "end value", "goodwill"]
    assert in_order(["steam", "end value", "freight", "revenue"]) == ["revenue", "freight", "steam", "end value"]


def test_money_is_read_by_family_week_and_month() -> None:
    by = example().by("family", "account")
    assert by.rows() == [
        ("F", "revenue", 70.0),
        ("F", "end value", 15.0),
        ("G", "revenue", 30.0),
        ("G", "material", -40.0),
        ("G", "goodwill", -5.0),
    ]
    assert example().by("week").rows() == [("2026-W47", 65.0), ("2026-W49", -10.0), ("beyond", 15.0)]
    # W49 (30 Nov to 6 Dec) has most of its days in December
    assert example().by("month").rows() == [("2026-11", 65.0), ("2026-12", -10.0), ("beyond", 15.0)]
    assert example().by()["amount"].item() == 70.0


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(FormulationError, match="Did you mean family"):
        example().by("famly")


def test_days_that_the_periods_do_not_have_are_read_from_their_name() -> None:
    ledger = Ledger(lines([{"account": "revenue", "amount": 1.0, "period": "2026-12-31"}]))
    assert ledger.by("week", "month").rows() == [("2026-W53", "2026-12", 1.0)]


def test_cents_of_three_thirds_add_up() -> None:
    rows = [{"account": "revenue", "item": name, "amount": 10 / 3} for name in "ABC"]
    assert Ledger(lines(rows)).cents()["cents"].to_list() == [334, 333, 333]


def test_currencies_without_decimals_round_to_whole_units() -> None:
    rows = [{"account": "revenue", "amount": 10.4}, {"account": "material", "amount": -0.7}]
    assert Ledger(lines(rows)).cents(digits=0)["cents"].to_list() == [11, -1]


def test_margin_in_cents_is_the_rounded_margin_and_steering_takes_what_is_left() -> None:
    # margin 0.004 → 0 cents, total 0.008 → 1 cent: steering shows 1 cent, so that all add up
    rows = [{"account": "revenue", "amount": 0.004}, {"account": "goodwill", "kind": "steering", "amount": 0.004}]
    assert Ledger(lines(rows)).cents()["cents"].to_list() == [0, 1]


def test_a_line_without_an_amount_is_refused() -> None:
    with pytest.raises(FormulationError, match="1 of 2 ledger lines have no finite amount"):
        Ledger(lines([{"account": "revenue", "amount": 1.0}, {"account": "revenue", "amount": float("nan")}]))
    with pytest.raises(FormulationError, match="no kind"):
        Ledger(lines([{"account": "revenue", "kind": "hope", "amount": 1.0}]))
    with pytest.raises(FormulationError, match="lack account"):
        Ledger(pl.DataFrame({"kind": ["cash"]}))


def test_the_repr_says_margin_accounts_and_what_has_no_rate() -> None:
    unmatched = pl.DataFrame({"flow": ["ship"], "rows": [2], "quantity": [30.0]})
    text = repr(Ledger(example().lines, unmatched))
    assert "margin 75.00 (cash 60.00, end value 15.00), steering -5.00" in text
    assert "without a rate: 2 rows of ship, 30 units" in text


MONEY = st.lists(
    st.tuples(
        st.sampled_from(["revenue", "material", "freight", "end value", "goodwill", "below safety"]),
        st.sampled_from("AB"),
        st.floats(-1e6, 1e6, allow_nan=False),
    ),
    min_size=1,
    max_size=40,
)
KIND = {"end value": "inventory", "goodwill": "steering", "below safety": "steering"}


@settings(max_examples=200, deadline=None)
@given(MONEY)
def test_any_ledger_adds_up_in_cents_however_it_is_read(rows: list[tuple[str, str, float]]) -> None:
    ledger = Ledger(
        lines([{"account": a, "kind": KIND.get(a, "cash"), "item": i, "amount": m} for a, i, m in rows]), items=ITEMS
    )
    by_line, by_family = ledger.cents(), ledger.cents("family")
    assert by_line["cents"].sum() == by_family["cents"].sum() == int(whole(ledger.total * 100)[0])
    margin = pl.col("kind") != "steering"
    if by_line.filter(margin).height:
        assert by_line.filter(margin)["cents"].sum() == int(whole(ledger.margin * 100)[0])
    accounts = by_line.group_by("account").agg(pl.col("cents").sum()).sort("account").rows()
    assert accounts == by_family.group_by("account").agg(pl.col("cents").sum()).sort("account").rows()
    assert ((by_line["cents"] - by_line["amount"] * 100).abs() < 2).all()
