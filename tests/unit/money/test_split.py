"""From a family and a month to items, customers and periods, by hand."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from soe_lib.money.commitments import Mix, spread
from soe_lib.money.rounding import as_money

Row = tuple[str, str, str, str, str, float, float, float]
SCHEMA = ["fiscal_month", "family", "item", "location", "customer", "weight", "price", "cost"]


def mix(rows: Sequence[Row], *, periods: int = 1, even: Sequence[Row] = ()) -> Mix:
    known = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    alike = pl.DataFrame(even, schema=known.schema, orient="row") if even else known.clear()
    parts = pl.DataFrame(
        {
            "fiscal_month": "M",
            "period": [f"W{n}" for n in range(periods)],
            "share": 1.0 / periods,
            "_place": range(periods),
        }
    )
    return Mix(known, alike, parts)


def asked(quantity: float, family: str = "F", location: str = "L") -> pl.DataFrame:
    return pl.DataFrame({"fiscal_month": ["M"], "family": [family], "location": [location], "quantity": [quantity]})


def test_the_mix_of_the_month_family_and_location_is_taken_first() -> None:
    known = mix(
        [
            ("M", "F", "A", "L", "K", 3.0, 1.0, 1.0),
            ("M", "F", "B", "L", "K", 1.0, 1.0, 1.0),
            ("M", "F", "C", "X", "K", 9.0, 1.0, 1.0),
        ]
    )
    found, notes = spread(asked(100), known)
    assert found.select("item", "location", "customer", "quantity").rows() == [
        ("A", "L", "K", 75.0),
        ("B", "L", "K", 25.0),
    ]
    assert not notes


def test_a_running_total_keeps_small_quantities_even_over_time() -> None:
    found, _ = spread(asked(17), mix([("M", "F", "A", "L", "K", 1.0, 1.0, 1.0)], periods=5))
    assert found["quantity"].to_list() == [3.0, 4.0, 3.0, 4.0, 3.0]


def test_quantities_that_are_not_whole_are_split_in_proportion() -> None:
    found, _ = spread(asked(10.5), mix([("M", "F", "A", "L", "K", 1.0, 1.0, 1.0)], periods=4))
    assert found["quantity"].to_list() == pytest.approx([2.625] * 4)


def test_money_may_be_split_by_money() -> None:
    known = mix([("M", "F", "A", "L", "K", 1.0, 30.0, 0.0), ("M", "F", "B", "L", "K", 3.0, 10.0, 1.0)])
    found, _ = spread(asked(100), known, weight=pl.col("weight") * pl.col("price"))
    assert found["quantity"].to_list() == [50.0, 50.0]


def test_the_fallbacks_are_taken_in_turn_and_counted() -> None:
    other_month, other_place = ("N", "F", "A", "L", "K", 1.0, 1.0, 1.0), ("M", "F", "B", "X", "K", 1.0, 1.0, 1.0)
    found, notes = spread(asked(8), mix([other_month, other_place]))
    assert (found["item"].to_list(), notes) == (["A"], ["1 rows (8) are split by the mix of the whole horizon."])
    found, notes = spread(asked(8), mix([other_place]))
    assert (found.select("item", "location").row(0), notes) == (
        ("B", "L"),
        ["1 rows (8) are split by the mix of other locations."],
    )
    alike = [("", "F", item, "", "", 1.0, 0.0, 0.0) for item in "PQ"]
    found, notes = spread(asked(8), mix([("M", "G", "Z", "L", "K", 1.0, 1.0, 1.0)], even=alike))
    assert found.select("item", "location", "quantity").rows() == [("P", "L", 4.0), ("Q", "L", 4.0)]
    assert notes == ["1 rows (8) are split evenly over the items of the family, without a forecast."]


def test_blank_family_and_location_mean_all_of_them() -> None:
    known = mix([("M", "F", "A", "L", "K", 1.0, 1.0, 1.0), ("M", "G", "B", "X", "K", 3.0, 1.0, 1.0)])
    found, _ = spread(asked(8, family="", location=""), known)
    assert found.select("family", "item", "location", "quantity").rows() == [("F", "A", "L", 2.0), ("G", "B", "X", 6.0)]


def test_cents_are_shown_as_the_money_that_is_written() -> None:
    shown = pl.DataFrame({"cents": [-280, 5, 0]}).select(as_money(pl.col("cents"))).to_series()
    assert shown.to_list() == [-2.8, 0.05, 0.0]
    assert pl.select(as_money(pl.lit(7), 0)).item() == 7.0
