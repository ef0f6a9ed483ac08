"""One definition of each measure: a new one is a file, and every reader of measures has it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.review import balance, measures
from soe_lib.review.measures import Band, Measure
from soe_lib.review.week import Week
from soe_lib.workbench import answer

FILE = """
from soe_lib.review.measures import Band, Linear, Measure, add


def form(model):
    return Linear({"sell": [1.0] * model.flows["sell"].size}), Linear(constant=1.0)


add(
    Measure(
        "sold", "Sold", "Units sold, early or late.", "units", 1, lambda plan: float(plan.flows["sell"]["quantity"].sum()),
        band=Band(good=(100.0, 1e9), watch=(0.0, 1e9)), on={"balance": 2.5, "comparison": 9, "workbench": 9}, form=form,
    )
)
"""


@pytest.fixture
def sold(tmp_path: Path) -> Iterator[None]:
    """A measure of one's own, in one file."""
    path = tmp_path / "sold.py"
    path.write_text(FILE, "utf-8")
    spec = util.spec_from_file_location("sold", path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield
    measures._ADDED.pop("sold")
    sys.modules.pop("sold", None)


@pytest.mark.usefixtures("sold")
def test_a_new_measure_is_one_file(week: Week) -> None:
    units = float(week.plan.flows["sell"]["quantity"].sum())
    assert units > 0
    for of in (week, week.plan):
        row = soe.kpis(of).filter(pl.col("name") == "sold").row(0, named=True)
        assert (row["value"], row["unit"], row["definition"]) == (units, "units", "Units sold, early or late.")
        assert row["state"] == ("good" if units >= 100 else "watch")
    assert [score.name for score in balance.page(week).scores][1:4] == ["Service on time", "Sold", "Fill rate by units"]
    less = soe.Scenario("less").scale("forecast.quantity", 0.5)
    compared = soe.compare(week.snapshot, ["base", less], record=None)
    assert compared.table()["sold"][0] == units
    assert compared.differences()["sold"][0] < 0
    assert answer.figures(week.plan)["Sold"] == units
    assert measures.tradable("sold").value(week.plan) == units


def test_a_plan_has_the_figures_of_its_week(week: Week) -> None:
    alone, whole = (dict(soe.kpis(one).select("name", "value").iter_rows()) for one in (week.plan, week))
    assert set(alone) < set(whole)
    assert alone == {name: whole[name] for name in alone}
    assert (alone["margin"], alone["service"]) == (week.plan.margin, whole["service"])
    # The scoreboards are no second reading.
    shown = {score.name: score.value for score in balance.page(week).scores}
    assert shown["Service on time"] == whole["service"]
    assert shown["Fill rate by units"] == whole["fill_rate"]


def test_states_are_those_of_the_bands(week: Week) -> None:
    for row in soe.kpis(week).iter_rows(named=True):
        band = measures.every()[row["name"]].band
        judged = "unknown" if row["value"] is None or band is None else band.judge(row["value"])
        assert row["state"] == judged, row["name"]
        if row["value"] is None:
            assert row["definition"].startswith("Insufficient history: ")


def test_a_band_with_a_figure_outside_it_is_acted_on() -> None:
    late = Measure("x", "X", "Some.", "ratio", -1, lambda _: 3.0, Band(good=(0, 1), watch=(0, 2)), reads="week")
    score = late.score(SimpleNamespace(currency="EUR"))
    assert (score.state, score.side, score.shown) == ("act", "above", "3")


def test_two_measures_of_one_name_are_refused() -> None:
    measures.every()
    with pytest.raises(DataError, match=r"a measure 'margin' already"):
        measures.add(Measure("margin", "Margin", "Another.", "money", 1, lambda _: 0.0))


@pytest.mark.parametrize("wrong", ["plan", None, 3])
def test_kpis_of_something_else_are_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"soe\.kpis takes a plan or a week"):
        soe.kpis(wrong)
