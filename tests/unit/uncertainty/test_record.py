"""The record of the forecast and the spread of its errors, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from soe_lib.uncertainty import record as records
from soe_lib.uncertainty.spread import spread

MONDAY = date(2026, 3, 2)  # 2026-W10
ACTUALS = {"date": pl.Date, "measure": pl.String, "item": pl.String, "location": pl.String, "quantity": pl.Float64}
FORECAST = {"item": pl.String, "location": pl.String, "period": pl.String, "version": pl.String, "quantity": pl.Float64}


def forecast(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Week, version, item, quantity, at place P."""
    return pl.DataFrame(
        [(item, "P", week, version, quantity) for week, version, item, quantity in rows], schema=FORECAST, orient="row"
    )


def actuals(*rows: tuple[date, str, str, float]) -> pl.DataFrame:
    """Day, measure, item, quantity, at place P."""
    return pl.DataFrame(
        [(day, measure, item, "P", quantity) for day, measure, item, quantity in rows], schema=ACTUALS, orient="row"
    )


def test_versions_are_held_against_what_was_asked_for_at_their_lag() -> None:
    told = forecast(
        ("2026-W10", "2026-W09", "A", 100.0), ("2026-W10", "2026-W10", "A", 110.0), ("2026-W10", "current", "A", 1.0)
    )
    sold = actuals((MONDAY, "sales", "A", 80.0), (MONDAY + timedelta(days=6), "sales", "A", 50.0))
    found = records.record(told, sold, MONDAY + timedelta(days=7))
    assert found.select("lag", "forecast", "actual").rows() == [(0, 110.0, 130.0), (1, 100.0, 130.0)]


def test_demand_goes_before_sales_and_a_week_under_way_is_not_finished() -> None:
    told = forecast(("2026-W10", "2026-W10", "A", 100.0), ("2026-W11", "2026-W10", "A", 100.0))
    sold = actuals(
        (MONDAY, "sales", "A", 80.0), (MONDAY, "demand", "A", 120.0), (MONDAY + timedelta(days=7), "demand", "A", 5.0)
    )
    found = records.record(told, sold, MONDAY + timedelta(days=9))
    assert found.select("lag", "forecast", "actual").rows() == [(0, 100.0, 120.0)]


def test_a_missing_forecast_is_one_of_zero_and_returns_leave_nothing_asked_for() -> None:
    told = forecast(("2026-W10", "2026-W10", "A", 100.0))
    sold = actuals((MONDAY, "sales", "A", 80.0), (MONDAY, "sales", "B", 30.0), (MONDAY, "sales", "C", -4.0))
    found = records.record(told, sold, MONDAY + timedelta(days=7))
    assert found.select("item", "forecast", "actual").rows() == [("A", 100.0, 80.0), ("B", 0.0, 30.0), ("C", 0.0, 0.0)]


def test_errors_add_up_from_the_week_of_publication() -> None:
    told = forecast(
        ("2026-W10", "2026-W10", "A", 100.0),
        ("2026-W11", "2026-W10", "A", 100.0),
        ("2026-W11", "2026-W11", "A", 130.0),
    )
    sold = actuals((MONDAY, "sales", "A", 90.0), (MONDAY + timedelta(days=7), "sales", "A", 150.0))
    known = records.record(told, sold, MONDAY + timedelta(days=14))
    found = records.accumulated(known, 2)
    assert found.select("published", "ahead", "error", "forecast").rows() == [
        (MONDAY, 1, -10.0, 100.0),
        (MONDAY, 2, 40.0, 200.0),
        (MONDAY + timedelta(days=7), 1, 20.0, 130.0),
    ]


def test_a_lag_that_was_not_kept_takes_the_next_greater_one() -> None:
    told = forecast(("2026-W10", "2026-W09", "A", 100.0), ("2026-W11", "2026-W10", "A", 70.0))
    sold = actuals((MONDAY, "sales", "A", 90.0), (MONDAY + timedelta(days=7), "sales", "A", 100.0))
    found = records.accumulated(records.record(told, sold, MONDAY + timedelta(days=14)), 2)
    two = found.filter(ahead=2)
    assert two.select("published", "error", "forecast").rows() == [(MONDAY, 20.0, 170.0)]


def test_errors_of_goods_are_errors_of_what_goes_into_them() -> None:
    errors = pl.DataFrame(
        {
            "item": ["A", "B"],
            "location": "P",
            "published": MONDAY,
            "ahead": 1,
            "error": [10.0, -4.0],
            "forecast": [100.0, 50.0],
        }
    )
    usage = pl.DataFrame(
        {"item": ["R", "R"], "location": "P", "of_item": ["A", "B"], "of_location": "P", "per_unit": [2.0, 3.0]}
    )
    assert records.joined(errors, usage).select("item", "error", "forecast").rows() == [("R", 8.0, 350.0)]


def shares(*errors: float, item: str = "A") -> pl.DataFrame:
    """One error of each of so many weeks, of a forecast of 100."""
    return pl.DataFrame(
        {
            "item": item, "location": "P", "published": [MONDAY + timedelta(days=7 * n) for n in range(len(errors))],
            "ahead": 1, "error": list(errors), "forecast": 100.0,
        },
        schema={"item": pl.String, "location": pl.String, "published": pl.Date, "ahead": pl.Int64, "error": pl.Float64, "forecast": pl.Float64},
    )  # fmt: skip


NODES = pl.DataFrame({"item": ["A", "B", "Z"], "location": "P", "family": ["F", "F", "G"]})


def test_without_any_record_the_stated_default_holds() -> None:
    found = spread(shares().clear(), NODES, steps=4, pool=8.0, default=0.3)
    expected = 0.3 * norm.ppf([0.125, 0.375, 0.625, 0.875])
    assert found["item"].to_list() == ["A", "B", "Z"]
    for row in found["quantile"]:
        np.testing.assert_allclose(row.to_list(), expected)


def test_little_history_leans_on_the_family_and_much_on_itself() -> None:
    history = pl.concat([shares(*[50.0, -50.0] * 100), shares(*[5.0] * 4, item="B")])
    found = spread(history, NODES, steps=2, pool=8.0, default=0.0)
    of = dict(found.select("item", "quantile").rows())
    rows = [50.0, -50.0] * 100 + [5.0] * 4
    company = np.quantile(np.array(rows) / 100, [0.25, 0.75]) * 204 / 212
    family = np.quantile(np.array(rows) / 100, [0.25, 0.75]) * 204 / 212 + company * 8 / 212
    np.testing.assert_allclose(of["B"], np.array([0.05, 0.05]) * 4 / 12 + family * 8 / 12)
    np.testing.assert_allclose(of["Z"], company)
    assert abs(of["A"][1]) > 0.45


def test_an_item_of_seldom_demand_keeps_its_shape() -> None:
    history = shares(*[-100.0] * 45, *[900.0] * 5)
    found = spread(history, NODES, steps=20, pool=0.001, default=0.3).filter(item="A")["quantile"][0]
    assert found[0] == pytest.approx(-1.0), "nothing was asked for in nine weeks of ten"
    assert found[19] > 1.0
    assert found[10] == pytest.approx(found[0])


def test_constant_zero_demand_has_no_error_of_its_own() -> None:
    none = shares(0.0, 0.0).with_columns(forecast=pl.lit(0.0))
    found = spread(none, NODES, steps=2, pool=8.0, default=0.3)
    assert found["n"].to_list() == [0.0, 0.0, 0.0]
    assert np.isfinite(found["quantile"].explode().to_numpy()).all()
