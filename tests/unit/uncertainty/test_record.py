"""The record of the forecast and the spread of its errors, by hand."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.uncertainty import record as records
from soe_lib.uncertainty.slices import EDGES, WEIGHTS, added, cut, normal_slices, of_values, widening
from soe_lib.uncertainty.spread import GRID, spread
from tests.networks import write

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


def slices(values: list[float]) -> np.ndarray:
    """The mean between each two quantiles, on the same grid, by NumPy."""
    at = EDGES[:-1, None] + WEIGHTS[:, None] * (np.arange(GRID) + 0.5) / GRID
    return np.quantile(np.array(values), at).mean(axis=1)


def foreseen(values: list[float]) -> np.ndarray:
    """The same for the next point, which is not among them: further from the mean, which stays."""
    drawn = slices(values)
    mean = drawn @ WEIGHTS
    wide = (drawn - mean) * widening(np.array([float(len(values))]))[0]
    return np.asarray(mean + wide - wide @ WEIGHTS)


def of(found: pl.DataFrame, item: str) -> np.ndarray:
    return np.array(found.filter(item=item)["slices"][0].to_list())


def test_the_slices_of_a_normal_error_are_its_means() -> None:
    drawn = np.sort(np.random.default_rng(1).standard_normal(400_000))
    parts = np.split(drawn, (EDGES[1:-1] * drawn.size).astype(int))
    np.testing.assert_allclose(normal_slices(), [part.mean() for part in parts], atol=0.02)
    assert float(normal_slices() @ WEIGHTS) == pytest.approx(0.0, abs=1e-12)


def test_without_any_record_the_stated_default_holds() -> None:
    found = spread(shares().clear(), NODES, pool=8.0, default=0.3)
    for item in ("A", "B", "Z"):
        np.testing.assert_allclose(of(found, item), 0.3 * normal_slices())


def test_little_history_leans_on_the_family_and_much_on_itself() -> None:
    history = pl.concat([shares(*[50.0, -50.0] * 100), shares(*[5.0] * 4, item="B")])
    found = spread(history, NODES, pool=8.0, default=0.0)
    everything = foreseen([0.5, -0.5] * 100 + [0.05] * 4)
    company = everything * 204 / 212
    family = everything * 204 / 212 + company * 8 / 212
    np.testing.assert_allclose(of(found, "B"), 0.05 * 4 / 12 + family * 8 / 12)
    np.testing.assert_allclose(of(found, "A"), foreseen([0.5, -0.5] * 100) * 200 / 208 + family * 8 / 208)
    np.testing.assert_allclose(of(found, "Z"), company, err_msg="of another family")


def test_an_item_of_seldom_demand_keeps_its_shape() -> None:
    history = shares(*[-100.0] * 45, *[900.0] * 5)
    found = of(spread(history, NODES, pool=0.001, default=0.3), "A")
    np.testing.assert_allclose(found[:3], -1.0, atol=5e-2, err_msg="nothing was asked for in nine weeks of ten")
    np.testing.assert_allclose(found[-2:], 9.0, rtol=7e-2)
    np.testing.assert_allclose(found, foreseen([-1.0] * 45 + [9.0] * 5), atol=1e-3)


@pytest.mark.parametrize("points", [5, 8, 26])
def test_the_next_point_lies_further_out_than_the_record(points: int) -> None:
    """Drawn again and again: what comes after so many points, in standard deviations of those points."""
    drawn = np.random.default_rng(points).standard_normal((400_000, points + 1))
    known = drawn[:, :-1]
    after = np.sort((drawn[:, -1] - known.mean(axis=1)) / known.std(axis=1))
    parts = np.split(after, (EDGES[1:-1] * after.size).astype(int))
    found = normal_slices() * widening(np.array([float(points)]))[0]
    np.testing.assert_allclose(found, [part.mean() for part in parts], rtol=0.05)


def test_a_long_record_is_not_widened_and_a_short_one_no_more_than_one_of_five() -> None:
    found = widening(np.array([0.0, 2.0, 5.0, 6.0, 1e7]))
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[2])
    assert (found[3] < found[2]).all()
    np.testing.assert_allclose(found[4], 1.0, atol=1e-5)


def test_constant_zero_demand_has_no_error_of_its_own() -> None:
    none = shares(0.0, 0.0).with_columns(forecast=pl.lit(0.0))
    found = spread(none, NODES, pool=8.0, default=0.3)
    assert found["n"].to_list() == [0.0, 0.0, 0.0]
    assert np.isfinite(found["slices"].explode().to_numpy()).all()


def test_a_discrete_distribution_is_cut_into_the_means_of_its_slices() -> None:
    row, values, shares = [0, 0, 0, 2], [0.0, 7.0, 14.0, 3.0], [0.78, 0.15, 0.07, 1.0]
    found, none, certain = of_values(np.array(row), np.array(values), np.array(shares), 3)
    drawn = np.repeat([0.0, 7.0, 14.0], [780_000, 150_000, 70_000])
    parts = np.split(drawn, (EDGES[1:-1] * drawn.size).astype(int))
    np.testing.assert_allclose(found, [part.mean() for part in parts], atol=1e-4)
    assert float(found @ WEIGHTS) == pytest.approx(0.15 * 7 + 0.07 * 14)
    np.testing.assert_allclose(none, 0.0)
    np.testing.assert_allclose(certain, 3.0)
    assert of_values(np.zeros(0, int), np.zeros(0), np.zeros(0), 2).tolist() == np.zeros((2, len(WEIGHTS))).tolist()


def test_the_sum_of_two_distributions_is_that_of_independent_draws() -> None:
    rng = np.random.default_rng(2)
    drawn = np.sort(rng.standard_normal(400_000) + np.where(rng.uniform(size=400_000) < 0.1, 3.0, 0.0))
    parts = np.split(drawn, (EDGES[1:-1] * drawn.size).astype(int))
    found = added(normal_slices()[None, :], np.array([[0.0, 3.0]]), np.array([[0.9, 0.1]]))[0]
    np.testing.assert_allclose(found, [part.mean() for part in parts], atol=0.12)
    assert float(found @ WEIGHTS) == pytest.approx(0.3)


def test_cutting_keeps_the_mean_whatever_the_weights() -> None:
    rng = np.random.default_rng(3)
    values, weights = np.sort(rng.normal(size=(5, 40))), rng.uniform(0.1, 1.0, (5, 40))
    found = cut(values, weights)
    np.testing.assert_allclose(found @ WEIGHTS, (values * weights).sum(axis=1) / weights.sum(axis=1))
    assert (np.diff(found, axis=1) >= 0).all()


def test_earlier_extracts_stand_in_for_versions(tmp_path: Path) -> None:
    """Three Mondays of a company that keeps no versions: each forecasts four weeks, the last knows what was sold."""
    for number in range(3):
        made = MONDAY + timedelta(days=7 * number)
        weeks = [made + timedelta(days=7 * ahead) for ahead in range(4)]
        sold = [(MONDAY + timedelta(days=7 * n), 90.0 + 10 * n) for n in range(number)]
        tables: dict[str, Any] = {
            "items": [{"item": "A", "unit": "each", "price": 5.0}],
            "locations": [{"location": "P", "kind": "plant"}],
            "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1.0}],
            "forecast": [
                {"item": "A", "location": "P", "period": f"{week:%G-W%V}", "quantity": 100.0 + number} for week in weeks
            ],
            "actuals": [
                {"date": day, "measure": "sales", "item": "A", "location": "P", "quantity": q} for day, q in sold[-1:]
            ],
        }
        folder = write(tmp_path / "company" / made.isoformat(), **{name: rows for name, rows in tables.items() if rows})
        settings = folder / "settings.toml"
        text = f'company = "test"\ncurrency = "EUR"\nas_of = "{made}"\n[horizon]\nweeks = 4\ndaily = 0\n'
        settings.write_text(text, encoding="utf-8")
    snapshot = soe.read(tmp_path / "company")
    found = records.of(snapshot).select("week", "lag", "forecast", "actual")
    second = MONDAY + timedelta(days=7)
    assert found.rows() == [(MONDAY, 0, 100.0, 90.0), (second, 0, 101.0, 100.0), (second, 1, 100.0, 100.0)]
    assert records.of(soe.read(tmp_path / "company", MONDAY)).is_empty()
    alone = shutil.copytree(tmp_path / "company" / snapshot.as_of.isoformat(), tmp_path / "alone")
    assert records.of(soe.read(alone)).is_empty()
