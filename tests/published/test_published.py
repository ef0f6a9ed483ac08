"""Every published problem is reproduced from its folder, and its conventions are pinned by their wrong answers too."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_published_answer(name: str) -> None:
    plan = soe.plan(soe.read(HERE / name))
    assert plan.objective == pytest.approx(EXPECTED[name]["objective"], abs=EXPECTED[name]["tolerance"])
    assert plan.margin + plan.steering == pytest.approx(plan.objective, abs=0.005)


def test_the_command_line_prints_one_json_object(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["plan", "--data", str(HERE / "ampl_steelT"), "--json", "--out", str(tmp_path / "flows")]
    )
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    wanted = {"status", "objective", "margin", "steering", "accounts", "gap", "seconds", "variables", "rows"}
    assert wanted <= set(answer)
    assert answer["status"] == "optimal"
    assert answer["objective"] == pytest.approx(515033.0, abs=0.5)
    made = pl.read_csv(tmp_path / "flows" / "make.csv", infer_schema=False)
    assert made["quantity"].cast(pl.Float64).sum() == pytest.approx(
        soe.plan(soe.read(HERE / "ampl_steelT")).flows["make"]["quantity"].sum()
    )


def changed(name: str, **tables: pl.DataFrame) -> float:
    snapshot = soe.read(HERE / name)
    return soe.plan(snapshot.replace(**tables)).objective


def test_factory_planning_with_the_end_stock_as_at_most() -> None:
    policies = soe.read(HERE / "hpw_factory_planning_1")["policies"].with_columns(end_stock=pl.lit(0.0))
    assert changed("hpw_factory_planning_1", policies=policies) == pytest.approx(94890.18, abs=0.01)


def test_steel_without_commitments() -> None:
    forecast = soe.read(HERE / "ampl_steel4")["forecast"].with_columns(committed=pl.lit(0.0))
    assert changed("ampl_steel4", forecast=forecast) == pytest.approx(190458.33, abs=0.01)


def test_the_factory_schedule_with_stock_allowed() -> None:
    policies = soe.read(HERE / "jump_factory_schedule")["policies"].clear()
    assert changed("jump_factory_schedule", policies=policies) == pytest.approx(-11934300.0, abs=0.5)


def rewritten(tmp_path: Path, name: str, old: str, new: str) -> float:
    folder = tmp_path / name
    folder.mkdir()
    for path in (HERE / name).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    settings = folder / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    assert old in text
    settings.write_text(text.replace(old, new), encoding="utf-8")
    return soe.plan(soe.read(folder)).objective


@pytest.mark.parametrize(("name", "wrong"), [("gams_whouse", 550.0), ("ampl_steelT", 515008.0)])
def test_holding_on_the_opening_stock_gives_another_answer(tmp_path: Path, name: str, wrong: float) -> None:
    answer = rewritten(tmp_path, name, 'holding_on = "closing"', 'holding_on = "opening"')
    assert answer == pytest.approx(wrong, abs=0.5)


def test_factory_planning_read_per_day(tmp_path: Path) -> None:
    answer = rewritten(tmp_path, "hpw_factory_planning_1", 'per = "period"', 'per = "day"')
    assert answer == pytest.approx(82606.0, abs=1.0)


def test_distribution_without_todays_baseline() -> None:
    """Every depot closed today: opening costs what closing would have saved."""
    locations = soe.read(HERE / "hpw_distribution_2")["locations"].with_columns(
        status=pl.when(pl.col("may_change")).then(pl.lit("closed")).otherwise("status")
    )
    assert changed("hpw_distribution_2", locations=locations) == pytest.approx(-189000.0, abs=0.01)
