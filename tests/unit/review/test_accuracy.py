"""Forecast accuracy where it is planned with (item, place, customer class): figures worked out by hand."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.model import risk
from soe_lib.model.network import Network
from soe_lib.review import frames, tables

NOW = date(2026, 11, 16)
CELL = ("item", "location", "segment")


SETTINGS = """company = "test"
currency = "EUR"
as_of = "2026-11-16"
[horizon]
weeks = 2
daily = 0
[forecast]
version = "2026-W47"
"""


def told(*rows: tuple[str, str, str, str, float, str]) -> pl.DataFrame:
    """Actuals of one week: Wednesday of week 44 or 45."""
    days = {"2026-W44": date(2026, 10, 28), "2026-W45": date(2026, 11, 4)}
    schema = ["item", "location", "customer", "week", "quantity", "measure"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(date=pl.col("week").replace_strict(days, return_dtype=pl.Date)).drop("week")


def extract(
    *,
    actuals: pl.DataFrame | None = None,
    lead: float = 7.0,
    settings: str = SETTINGS,
    mixed: bool = False,
    **more: Any,
) -> soe.Snapshot:
    """A at L: key customers K1, K2 forecast 100 and 50 a week one week before, retail R 30; anybody 10 of B."""
    version = {"2026-W44": "2026-W43", "2026-W45": "2026-W44"}
    lines = (("A", "K1", 100.0), ("A", "K2", 50.0), ("A", "R", 30.0), ("B", "", 10.0))
    rows = [(item, "L", who, week, version[week], units) for item, who, units in lines for week in version]
    columns = ["item", "location", "customer", "period", "version", "quantity"]
    sold = told(
        ("A", "L", "K1", "2026-W44", 120.0, "sales"), ("A", "L", "K2", "2026-W44", 40.0, "sales"),
        ("A", "L", "R", "2026-W44", 30.0, "sales"), ("A", "L", "K1", "2026-W45", 90.0, "sales"),
        ("A", "L", "K2", "2026-W45", 40.0, "sales"), ("B", "L", "K1", "2026-W45", 4.0, "sales"),
        ("B", "L", "N", "2026-W45", 8.0, "sales"),
    )  # fmt: skip
    rows += [(item, "L", who, "2026-W47", "2026-W47", units) for item, who, units in lines]
    made = {"routings": [{"routing": "M", "item": "A", "location": "L", "lead_time_days": lead}]}
    tables_of: dict[str, Any] = {
        "forecast": pl.DataFrame(rows, schema=columns, orient="row"),
        "actuals": sold if actuals is None else actuals,
        "customers": [{"customer": "K1", "segment": "key"}, {"customer": "K2", "segment": "key"},
                      {"customer": "R", "segment": "retail"}, {"customer": "N", "segment": ""}],
        "items": [{"item": "A", "family": "F", "unit": "each", "standard_cost": 6.0, "price": 10.0},
                  {"item": "B", "family": "F", "unit": "each", "standard_cost": None, "price": 5.0}],
        "locations": [{"location": "L", "kind": "plant"}, {"location": "X", "kind": "plant"}],
        "offers": [{"offer": "O", "supplier": "S", "item": "B", "location": "L", "unit_cost": 1.0}],
        **made, **more,
    }  # fmt: skip
    frames_of = {
        name: rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows) for name, rows in tables_of.items()
    }
    if mixed:
        frames_of = {name: rows.reverse() for name, rows in frames_of.items()}
    return soe.snapshot(tomllib.loads(settings), frames_of)


def test_accuracy_by_item_place_and_class() -> None:
    """Key customers of A together: 160 and 130 asked, 150 forecast: 10 too few, 20 too many; retail 30 and 0."""
    found = {row["segment"]: row for row in frames.accuracy_by_cell(extract()).to_dicts() if row["item"] == "A"}
    key, retail = found["key"], found["retail"]
    assert (key["weeks"], key["lag"], key["actual"], key["forecast"]) == (2, 1, 290.0, 300.0)
    assert key["wmape"] == pytest.approx(30 / 290)
    assert key["bias"] == pytest.approx(-10 / 290)
    assert key["money"] == pytest.approx(10 * 4 + 20 * 6)  # margin 4, standard cost 6
    assert retail["money"] == pytest.approx(30 * 6)
    assert [row["money"] for row in frames.accuracy_by_cell(extract()).to_dicts()] == [180.0, 160.0, 10.0]


def test_sales_of_a_class_that_nobody_forecast_count_with_anybodys() -> None:
    """B is forecast for anybody: 10 a week, 12 sold in week 45 to two customers, nothing in week 44; no standard cost."""
    found = frames.accuracy_by_cell(extract()).filter(pl.col("item") == "B").row(0, named=True)
    assert (found["segment"], found["actual"], found["forecast"]) == ("", 12.0, 20.0)
    assert found["wmape"] == pytest.approx(12 / 12)
    assert found["money"] == pytest.approx(2 * 5)  # too few at price − nothing; too many at no cost


def test_sales_without_any_forecast_are_an_error_of_the_whole_sale() -> None:
    sold = told(("A", "X", "R", "2026-W45", 7.0, "sales"), ("A", "L", "K1", "2026-W45", 1.0, "sales"))
    found = frames.accuracy_by_cell(extract(actuals=sold)).filter(pl.col("location") == "X").row(0, named=True)
    assert (found["segment"], found["forecast"], found["wmape"], found["bias"]) == ("retail", 0.0, 1.0, 1.0)


def test_demand_goes_before_sales_for_its_item_and_week() -> None:
    asked = told(("A", "L", "K1", "2026-W44", 170.0, "demand"))
    base = extract()["actuals"].select(asked.columns)
    found = frames.accuracy_by_cell(extract(actuals=pl.concat([base, asked])))
    key = found.filter(pl.col("segment") == "key").row(0, named=True)
    # week 44: only what was asked for, 170, counts of A; week 45: sales of 130
    assert (key["actual"], key["measure"]) == (300.0, "both")
    assert found.filter(pl.col("item") == "B")["measure"].to_list() == ["sales"]
    assert "served or not, of 1 of 2 items" in tables.asked_for(found)
    assert "since the actuals hold no demand" in tables.asked_for(frames.accuracy_by_cell(extract()))


def test_the_lag_is_what_a_decision_must_cover() -> None:
    """Lead time + 7 days: 8 days reach into the second week, so its forecast is one week old; 14 days do too."""
    lags = {lead: frames.demand.protection_lags(extract(lead=lead)).row(0)[3] for lead in (0.0, 1.0, 7.0, 8.0, 30.0)}
    assert lags == {0.0: 0, 1.0: 1, 7.0: 1, 8.0: 2, 30.0: 5}
    # only the forecast of one week before was kept, so that one is shown, and said
    assert set(frames.accuracy_by_cell(extract(lead=30.0))["lag"]) == {1}


def test_the_lag_is_of_the_interval_that_the_cushion_protects() -> None:
    """A lane that any item may take is a way in, and the next decision may be two weeks off: 1 and 5 days, 14 more."""
    lanes = [{"lane": "any", "origin": "X", "destination": "L", "lead_time_days": 1.0}]
    offers = [{"offer": f"O{item}", "supplier": "S", "item": item, "location": "X", "unit_cost": 1.0} for item in "AB"]
    made = extract(
        lead=5.0, settings=f'{SETTINGS}[cushion]\nuse = "always"\nreview_days = 14\n', lanes=lanes, offers=offers
    )
    assert frames.demand.protection_lags(made).rows() == [("A", "L", 15.0, 2), ("B", "L", 15.0, 2)]
    intervals = risk.intervals(Network(made)).filter(pl.col("location").cast(pl.String) == "L")
    assert set(intervals["days"]) == {15.0}


def test_the_finer_level_adds_up_to_the_items() -> None:
    by_item = frames.forecast_versions(extract()).group_by("item").agg(pl.col("forecast", "actual").sum()).sort("item")
    by_cell = frames.forecast_versions(extract(), by=CELL)
    assert by_cell.group_by("item").agg(pl.col("forecast", "actual").sum()).sort("item").equals(by_item)


def test_row_order_changes_nothing_and_no_history_says_so() -> None:
    assert frames.accuracy_by_cell(extract(mixed=True)).equals(frames.accuracy_by_cell(extract()))
    none = frames.accuracy_by_cell(extract(actuals=extract()["actuals"].clear()))
    assert str(tables.accuracy_by_cell(none, "EUR")).startswith("Insufficient history")
