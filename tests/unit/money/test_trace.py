"""Where a figure comes from: down to the line of the file, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.money.trace import ORIGINS, lineage
from tests.unit.workbench.companies import mill, network, trader

ROOT = Path(__file__).parents[3]


def test_a_figure_down_to_the_line_of_its_file(tmp_path: Path) -> None:
    # 8 a week are made for 4 and 2 an hour; the routing stands on line 2 of its file, the one line on line 2
    snapshot = mill(tmp_path)
    found = soe.trace(soe.plan(snapshot), snapshot, account="conversion")
    assert (found.figure, found.amount) == (-9600, -96.0)
    assert sorted(found.lines["per_unit"].unique()) == [-4.0, -2.0]
    assert int(found.lines["cents"].sum()) == -9600
    rows = found.sources.select("file", "line", "column", "value").unique().sort("file", "column").rows()
    assert ("routings.csv", 2, "cost_per_unit", "4.0") in rows
    assert ("resources.csv", 2, "hourly_cost", "2.0") in rows
    assert ("operations.csv", 2, "hours_per_unit", "1.0") in rows
    assert found.files["sha256"].str.len_chars().to_list() == [64, 64, 64]
    text = found.text()
    assert "routings.csv line 2 cost_per_unit 4.0" in text
    assert "HiGHS" in text


def test_the_price_of_a_week_is_the_one_of_its_forecast(tmp_path: Path) -> None:
    snapshot = mill(tmp_path)
    found = soe.trace(soe.plan(snapshot), snapshot, account="revenue", period="W2")
    assert found.amount == 96.0
    lines = found.sources.filter(pl.col("table") == "forecast")["line"].unique().to_list()
    assert lines == [3], "the second week stands on the third line"


def test_the_dear_offer_is_held_against_the_ordinary_one(tmp_path: Path) -> None:
    snapshot = trader(tmp_path)
    plan = soe.plan(snapshot)
    material, hurry = (soe.trace(plan, snapshot, account=name) for name in ("material", "expediting"))
    assert (material.amount, hurry.amount) == (-50.0, -30.0)
    assert sorted(hurry.sources["value"]) == ["5.0", "8.0"]


@pytest.mark.parametrize("columns", [("account",), ("account", "family"), ("account", "item", "week")])
def test_every_cell_of_the_ledger_can_be_asked(tmp_path: Path, columns: tuple[str, ...]) -> None:
    snapshot = network(tmp_path)
    plan = soe.plan(snapshot)
    found = lineage(plan, snapshot)
    published = plan.ledger.cents(*columns)
    for row in published.iter_rows(named=True):
        where = {name: row[name] for name in columns if row[name]}
        if len(where) == len(columns):
            traced = found.trace(where)
            assert traced.figure == row["cents"] == int(traced.lines["cents"].sum())
            assert traced.sources.height
            assert (
                traced.lines.select((pl.col("quantity") * pl.col("per_unit") - pl.col("amount")).abs().max()).item()
                < 1e-9
            )


def test_the_demos_rates_are_all_found_in_its_files() -> None:
    snapshot = soe.read(ROOT / "data" / "demo", as_of="2026-11-16")
    found = lineage(soe.plan(snapshot), snapshot)
    assert found.lines.join(found.sources, on=["cell", "account"], how="anti").is_empty()
    assert found.sources["line"].null_count() == 0
    # what stands in the file at that line is what the trace says
    some = found.sources.filter(pl.col("table") == "offers").head(20)
    text = (snapshot.folder / "offers.csv").read_text(encoding="utf-8").splitlines()
    place = text[0].split(",").index("unit_cost")
    said = {(line, float(value)) for line, value in some.select("line", "value").iter_rows()}
    assert said == {(line, float(text[line - 1].split(",")[place])) for line, _ in said}
    assert set(found.formulas.select("flow", "account").rows()) <= set(ORIGINS)


def test_an_edited_extract_has_values_without_lines(tmp_path: Path) -> None:
    snapshot = mill(tmp_path)
    dear = soe.Scenario("dear").scale("routings.cost_per_unit", 1.5).apply(snapshot)
    found = soe.trace(soe.plan(dear), dear, account="conversion", flow="make")
    assert found.made["lines of files"].startswith("not known")
    rows = found.sources.filter(pl.col("column") == "cost_per_unit").select("line", "value").unique().rows()
    assert rows == [(None, "6.0")]


def test_what_was_never_booked_is_refused(tmp_path: Path) -> None:
    snapshot = mill(tmp_path)
    plan = soe.plan(snapshot)
    with pytest.raises(DataError, match="No money is booked to account 'materiel'"):
        soe.trace(plan, snapshot, account="materiel")
    with pytest.raises(DataError, match=r"no filter 'famly'.*family"):
        soe.trace(plan, snapshot, famly="Flour")
    with pytest.raises(DataError, match="the extract that it was made from"):
        soe.trace(plan, account="revenue")
    with pytest.raises(DataError, match="was made from inputs"):
        soe.trace(plan, snapshot.replace(customers=snapshot["customers"].clear()), account="revenue")
