"""Forecast versions by lag, their waterfall, and how the plants ran: figures worked out by hand."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import frames, kpis, tables
from tests.networks import Rows, snapshot

NOW = date(2026, 11, 16)
SALES = {"date": date(2026, 11, 4), "measure": "sales", "location": "L", "customer": "C", "hours": None}


class Extract(dict[str, pl.DataFrame]):
    """Tables and a date: what these frames read of a snapshot."""

    as_of = NOW


def forecast(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["item", "period", "version", "quantity"], orient="row")


def extract() -> Any:
    """Week 45 (2 to 8 November): A forecast 130, 120, 100 with 2, 1 and 0 weeks to go, B 40 with 1; sold A 100, B 50."""
    rows = forecast(
        ("A", "2026-W45", "2026-W43", 130.0), ("A", "2026-W45", "2026-W44", 120.0), ("A", "2026-W45", "2026-W45", 100.0),
        ("B", "2026-W45", "2026-W44", 40.0), ("A", "2026-W47", "2026-W45", 999.0), ("A", "2026-W45", "current", 7.0),
        ("A", "2026-W44", "2026-W45", 5.0),
    )  # fmt: skip
    sold = pl.DataFrame([{**SALES, "item": "A", "quantity": 100.0}, {**SALES, "item": "B", "quantity": 50.0}])
    return Extract(forecast=rows, actuals=sold.with_columns(pl.col("hours").cast(pl.Float64)))


def test_wmape_and_bias_by_lag() -> None:
    """Lag 1: |100 − 120| + |50 − 40| = 30 over 150 sold is 20 %; 150 − 160 = −10 is −6.7 %. Lag 2 knows A only: 30 %."""
    found = frames.errors_by_lag(frames.forecast_versions(extract())).select("lag", "weeks", "wmape", "bias").rows()
    assert found[0] == (0, 1, 0.0, 0.0)
    assert found[1] == (1, 1, pytest.approx(0.2), pytest.approx(-10 / 150))
    assert found[2] == (2, 1, pytest.approx(0.3), pytest.approx(-0.3))
    assert len(found) == 3


def test_the_waterfall_goes_from_far_to_near_and_ends_with_what_was_sold() -> None:
    found = frames.waterfall(frames.forecast_versions(extract()))
    assert found.columns == ["week", "2 weeks before", "1 week before", "same week", "sold"]
    assert found.row(0) == ("2026-W45", 130.0, 160.0, 100.0, 150.0)


def test_without_versions_the_tables_say_so() -> None:
    bare = extract()
    bare["forecast"] = bare["forecast"].filter(pl.col("version") == "current")
    none = frames.forecast_versions(bare)
    for said in (tables.errors_by_lag(frames.errors_by_lag(none)), tables.waterfall(frames.waterfall(none))):
        assert isinstance(said, str)
        assert said.startswith("Insufficient history")


def plants(folder: Path, **tables: Rows) -> tuple[Snapshot, Snapshot]:
    """One plant, one line with 10 h planned, 8 run. A takes 0.1 h on the faster of two lines and 0.02 h to mix; 54 good
    at yield 0.9 are 60 started, 7.2 h at ideal speed, 6.48 h of them for good units.
    """
    day = "2026-01-06"
    given: dict[str, Rows] = {
        "resources": [{"resource": name, "location": "Plant", "hourly_cost": 1} for name in ("L1", "L2", "M")],
        "calendar": [
            {"resource": "L1", "date": day, "hours": 10},
            {"resource": "L1", "date": "2026-01-12", "hours": 99},
        ],
        "operations": [
            {"routing": "R", "step": "fill", "resource": "L1", "hours_per_unit": 0.1},
            {"routing": "R", "step": "fill", "resource": "L2", "units_per_hour": 5},
            {"routing": "R", "step": "", "resource": "M", "hours_per_unit": 0.02},
        ],
        "routings": [{"routing": "R", "item": "A", "location": "Plant", "yield": 0.9}],
        "forecast": [{"item": "A", "location": "Plant", "period": "2026-W02", "quantity": 1, "price": 1}],
        "actuals": [
            {"date": day, "measure": "hours", "location": "Plant", "resource": "L1", "hours": 8.0},
            {"date": day, "measure": "make", "location": "Plant", "item": "A", "quantity": 54.0},
            {"date": "2026-01-02", "measure": "hours", "location": "Plant", "resource": "L1", "hours": 5.0},
        ],
    }
    before = snapshot(folder, "[horizon]\nweeks = 3\n", **(given | tables))
    return dataclasses.replace(before, as_of=date(2026, 1, 12)), before


def test_oee_is_what_good_units_take_at_ideal_speed_over_the_hours_planned(tmp_path: Path) -> None:
    """Availability 8 ÷ 10, performance 7.2 ÷ 8, quality 0.9: 0.8 × 0.9 × 0.9 = 64.8 % = 6.48 ÷ 10."""
    found = frames.running(*plants(tmp_path))
    assert found.rows() == [("Plant", 10.0, 8.0, pytest.approx(7.2), pytest.approx(6.48))]
    score = kpis.oee(planned_hours=10.0, run_hours=8.0, made=7.2, good=6.48, units_per_hour=1.0)
    assert score.value == pytest.approx(0.648)
    table = tables.running(found)
    assert not isinstance(table, str)
    assert table.frame["OEE"].to_list() == [pytest.approx(0.648)]


def test_the_hours_planned_are_those_of_the_model(tmp_path: Path) -> None:
    # a week's label of 10 h, or two heads of 5 h
    week = [{"resource": "L1", "period": "2026-W02", "hours": 10}]
    assert frames.running(*plants(tmp_path / "week", calendar=week))["planned"].to_list() == pytest.approx([10])
    heads = [{"resource": "L1", "opening_heads": 2, "hours_per_head": 5}]
    idle = [{"resource": "M", "period": "2026-W02", "hours": 1}]
    crewed = plants(tmp_path / "crew", calendar=idle, workforce=heads)
    assert frames.running(*crewed)["planned"].to_list() == pytest.approx([10])


def test_without_an_earlier_extract_oee_is_not_known(tmp_path: Path) -> None:
    now, _ = plants(tmp_path)
    assert frames.running(now, None).is_empty()
    assert "Insufficient history" in str(tables.running(frames.running(now, None)))
