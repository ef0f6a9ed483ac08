"""Records with holes: items that are new, weeks told in part, days told twice, extracts of a Wednesday, extracts mended."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.uncertainty import record as records
from tests.networks import write
from tests.unit.uncertainty.test_record import MONDAY, actuals, forecast

WEEK = timedelta(days=7)
WEEKS = [MONDAY + WEEK * n for n in range(4)]


def name(day: date) -> str:
    return f"{day:%G-W%V}"


def sold(first: date, last: date, quantity: float = 20.0) -> list[tuple[date, str, str, float]]:
    """So many units of A on each working day."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day, "sales", "A", quantity) for day in days if day.weekday() < 5]


def test_an_item_has_no_errors_before_it_was_there() -> None:
    """B is forecast from the third week on, in which nobody wants any."""
    told = [(name(week), name(week), "A", 100.0) for week in WEEKS]
    told += [(name(week), name(week), "B", 50.0) for week in WEEKS[2:]]
    rows = [(week, "sales", "A", 100.0) for week in WEEKS] + [(WEEKS[3], "sales", "B", 40.0)]
    found = records.record(forecast(*told), actuals(*rows), MONDAY + 4 * WEEK)
    assert found.filter(item="B").select("week", "forecast", "actual").rows() == [
        (WEEKS[2], 50.0, 0.0),
        (WEEKS[3], 50.0, 40.0),
    ]
    assert found.filter(item="A").height == 4


@pytest.mark.parametrize(
    ("first", "last", "weeks"),
    [
        (0, 25, WEEKS),
        (3, 25, WEEKS[1:]),  # from a Thursday on
        (0, 23, WEEKS[:3]),  # the last days are not posted yet
        (2, 22, WEEKS[1:3]),
    ],
)
def test_weeks_that_are_told_in_part_are_none(first: int, last: int, weeks: list[date]) -> None:
    told = forecast(*[(name(week), name(week), "A", 100.0) for week in WEEKS])
    rows = sold(MONDAY + timedelta(days=first), MONDAY + timedelta(days=last))
    found = records.record(told, actuals(*rows), MONDAY + 4 * WEEK)
    assert found.select("week", "actual").rows() == [(week, 100.0) for week in weeks]


def extract(
    company: Path, as_of: date, actual: list[tuple[date, str, str, float]], label: str = "week", unit: str = "each"
) -> None:
    """Four weeks of 100 ahead, by week or as 20 a working day, and what is told of the past."""
    monday = as_of - timedelta(days=as_of.weekday())
    ahead = [as_of + timedelta(days=n) for n in range(28 - as_of.weekday())]
    times = {
        "week": [(name(monday + WEEK * n), 100.0) for n in range(4)],
        "day": [(day.isoformat(), 20.0) for day in ahead if day.weekday() < 5],
    }
    tables: dict[str, Any] = {
        "items": [{"item": "A", "unit": unit, "price": 5.0}],
        "locations": [{"location": "P", "kind": "plant"}],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1.0}],
        "forecast": [{"item": "A", "location": "P", "period": when, "quantity": one} for when, one in times[label]],
        "actuals": [
            {"date": day, "measure": measure, "item": item, "location": "P", "quantity": one}
            for day, measure, item, one in actual
        ],
    }
    folder = write(company / as_of.isoformat(), **{table: rows for table, rows in tables.items() if rows})
    text = f'company = "test"\ncurrency = "EUR"\nas_of = "{as_of}"\n[horizon]\nweeks = 4\ndaily = 0\n'
    (folder / "settings.toml").write_text(text, encoding="utf-8")


def test_what_is_told_of_a_day_last_holds(tmp_path: Path) -> None:
    """Each extract tells of two weeks back; the first figure of a week is corrected a week later."""
    for n in range(5):
        at = MONDAY + WEEK * n
        told = [(at - WEEK * back, "sales", "A", 90.0 if back == 1 else 105.0) for back in (2, 1)]
        extract(tmp_path / "company", at, told)
    found = records.of(soe.read(tmp_path / "company")).filter(lag=0)
    assert found.select("week", "actual").rows() == [(week, 90.0 if week == WEEKS[3] else 105.0) for week in WEEKS]


@pytest.mark.parametrize("label", ["week", "day"])
@pytest.mark.parametrize("weekday", [0, 2, 5])
def test_extracts_of_any_day_tell_the_same_of_whole_weeks(tmp_path: Path, weekday: int, label: str) -> None:
    """A Wednesday's forecast of its own week is of three days: it is no forecast of the week, and there is no error."""
    for n in range(4):
        at = MONDAY + WEEK * n + timedelta(days=weekday)
        extract(tmp_path / "company", at, sold(MONDAY - WEEK, at - timedelta(days=1)), label)
    found = records.of(soe.read(tmp_path / "company"))
    assert not found.filter(pl.col("lag") > 0).is_empty()
    assert found.filter(pl.col("forecast") != 100.0).is_empty()
    assert found.filter(pl.col("actual") != 100.0).is_empty()


def test_an_extract_that_is_missing_leaves_no_week_in_part(tmp_path: Path) -> None:
    """Each Wednesday tells of the seven days before it, and one is missing: two weeks are told in part."""
    for n in (0, 1, 3, 4):
        at = MONDAY + WEEK * n + timedelta(days=2)
        extract(tmp_path / "company", at, sold(at - WEEK, at - timedelta(days=1)))
    found = records.of(soe.read(tmp_path / "company"))
    assert set(found["week"]) == {WEEKS[3]}
    assert set(found["actual"]) == {100.0}


def test_an_earlier_extract_that_was_mended_is_read_again(tmp_path: Path) -> None:
    company = tmp_path / "company"
    for n in range(3):
        extract(company, MONDAY + WEEK * n, sold(MONDAY, MONDAY + WEEK * n - timedelta(days=1)))
    assert set(records.of(soe.read(company))["forecast"]) == {100.0}
    file = company / MONDAY.isoformat() / "forecast.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("100.0", "1000.0"), encoding="utf-8")
    assert set(records.of(soe.read(company))["forecast"]) == {100.0, 1000.0}


def test_sales_count_until_the_actuals_know_demand() -> None:
    """Demand is recorded from the third week on, in which half of it was not served; B is known by its sales alone."""
    told = forecast(*[(name(week), name(week), item, 100.0) for week in WEEKS for item in "AB"])
    rows = [(week, "sales", item, 60.0) for week in WEEKS for item in "AB"]
    rows += [(week, "demand", "A", 120.0) for week in WEEKS[2:]]
    found = records.record(told, actuals(*rows), MONDAY + 4 * WEEK)
    assert found.filter(item="A")["actual"].to_list() == [60.0, 60.0, 120.0, 120.0]
    assert found.filter(item="B")["actual"].to_list() == [60.0] * 4


def test_versions_by_day_are_versions() -> None:
    """20 a working day for two weeks and a Monday: the third week is not foreseen whole. Days beside a week are its own."""
    days = [MONDAY + timedelta(days=n) for n in range(15) if n % 7 < 5]
    rows = [(day.isoformat(), name(MONDAY), "A", 20.0) for day in days]
    rows += [(name(MONDAY), name(MONDAY), "B", 70.0), (MONDAY.isoformat(), name(MONDAY), "B", 30.0)]
    sold_ = [(week, "sales", item, 100.0) for week in WEEKS[:3] for item in "AB"]
    found = records.record(forecast(*rows), actuals(*sold_), MONDAY + 3 * WEEK)
    assert found.filter(item="A").select("week", "lag", "forecast").rows() == [
        (WEEKS[0], 0, 100.0),
        (WEEKS[1], 1, 100.0),
    ]
    assert found.filter(item="B", lag=0)["forecast"].to_list() == [70.0]
    by_date = forecast(*[("", version, item, quantity) for _, version, item, quantity in rows[: len(days)]])
    by_date = by_date.with_columns(date=pl.Series(days))
    again = records.record(by_date, actuals(*sold_), MONDAY + 3 * WEEK).filter(item="A")
    assert again.rows() == found.filter(item="A").rows()


def test_an_item_in_other_units_has_no_record_yet(tmp_path: Path) -> None:
    """Tonnes until last week, kilograms now: a forecast of 100 was no error of thousands."""
    company = tmp_path / "company"
    for n in range(3):
        extract(company, MONDAY + WEEK * n, sold(MONDAY, MONDAY + WEEK * n - timedelta(days=1)), unit="t")
    extract(company, MONDAY + WEEK * 3, sold(MONDAY, MONDAY + WEEK * 3 - timedelta(days=1), 20_000.0), unit="kg")
    assert records.of(soe.read(company, MONDAY + WEEK * 2)).height > 0
    assert records.of(soe.read(company)).is_empty()
