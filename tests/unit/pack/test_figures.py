"""A pack says where its figures come from, with nothing but its folder."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.errors import DataError, PackError
from soe_lib.money.trace import lineage as made_of
from soe_lib.pack import figures, manifest
from tests.unit.workbench.companies import mill

SAID = {"balance": {"scores": [{"name": "Service", "shown": "96.7 %", "text": "served ÷ asked for"}]}}
STEPS = pl.DataFrame(
    {"bridge": ["old to new"], "sheet": ["bridge"], "kind": ["driver"], "driver": ["volume"], "amount": [12.5],
     "formula": ["(Q1/Q0 − 1) · CM0"]}
)  # fmt: skip


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A sealed folder with the lineage of the mill's plan; the extract is gone."""
    snapshot = mill(tmp_path / "data")
    home = tmp_path / "out" / "2026-01-05"
    home.mkdir(parents=True)
    listed = figures.figures_of(SAID, {"bridges": STEPS}, "EUR")
    figures.write(home / figures.NAME, made_of(soe.plan(snapshot), snapshot), listed)
    told = {
        "company": "test", "currency": "EUR", "as_of": "2026-01-05", "run": 1, "plan": {}, "checks": [], "summary": {},
        "code": {"version": "0.1.0", "sha256": "c" * 64, "commit": "abc"}, "libraries": {"highspy": "1.15"},
    }  # fmt: skip
    manifest.seal(home, told)
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    return home


def test_the_archive_alone_answers_down_to_the_file(pack: Path) -> None:
    found = soe.trace(pack, account="conversion", family="Flour")
    assert isinstance(found.as_dict()["figure"], float)
    text = found.text()
    assert text.startswith("account conversion, family Flour: -96.00 = the sum of 4 money lines, quantity × rate")
    assert "routings.csv line 2 cost_per_unit 4.0" in text
    assert f"soe_lib 0.1.0 sha256 {'c' * 64}" in text
    assert "2026-01-05 run 1, seal " in text
    assert soe.trace(pack.parent, account="conversion").text().startswith("account conversion: -96.00"), (
        "the newest pack"
    )


def test_scores_and_bridge_steps_can_be_asked_by_name(pack: Path) -> None:
    assert "96.7 %" in soe.trace(pack, figure="service").text()
    step = soe.trace(pack, figure="old to new: volume").text()
    assert "EUR 12.50" in step
    assert "rows on the sheet bridge of finance.xlsx" in step
    assert "(Q1/Q0 − 1) · CM0" in step
    with pytest.raises(DataError, match=r"No figure is called 'servise'.*Service"):
        soe.trace(pack, figure="servise")


def test_an_altered_lineage_is_not_believed(pack: Path) -> None:
    with (pack / figures.NAME).open("ab") as file:
        file.write(b"x")
    with pytest.raises(PackError, match="not what was published"):
        soe.trace(pack, account="conversion")
    (pack / figures.NAME).unlink()
    with pytest.raises(PackError, match="no pack that can be asked"):
        soe.trace(pack, account="conversion")


def test_the_command_prints_the_same(pack: Path) -> None:
    run = CliRunner().invoke(main, ["trace", str(pack), "--account", "conversion", "--rows", "1"])
    assert run.exit_code == 0
    assert "and 3 more lines of" in run.output
    told = CliRunner().invoke(main, ["trace", str(pack), "--account", "conversion", "--json"])
    assert json.loads(told.output)["figure"] == -96.0
    assert CliRunner().invoke(main, ["trace", str(pack), "--account", "nothing"]).exit_code == 1


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    snapshot = mill(tmp_path / "data")
    found = made_of(soe.plan(snapshot), snapshot)
    for name in ("a.zip", "b.zip"):
        figures.write(tmp_path / name, found)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
