"""One rule for every path: the workspace first, whatever folder a command, a kernel or a page stands in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib import workspace
from soe_lib.cli import main
from soe_lib.errors import PackError
from soe_lib.pack import figures, verify
from soe_lib.store import tables
from soe_lib.whatif.scenario import Scenario
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.explorer import Explorer
from tests.unit.workbench.companies import mill

MONDAY = "2026-01-05"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with one company, and folders to stand in."""
    for folder in ("notebooks", "data", "elsewhere/deep"):
        (tmp_path / "space" / folder).mkdir(parents=True)
    mill(tmp_path / "space" / "data" / "mill" / MONDAY)
    return tmp_path / "space"


@pytest.mark.parametrize("stand", [".", "notebooks", "data/mill", "elsewhere/deep"])
def test_a_relative_path_is_one_of_the_workspace(home: Path, stand: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / stand)
    (Path.cwd() / "out").mkdir()  # a folder of that name where one stands is not meant
    for asked in ("out/plans", "new/file.html", "data/mill"):
        assert workspace.place(asked) == home / asked
    assert workspace.place("./out") == home / stand / "out"
    assert workspace.place("../out") == (home / stand).parent / "out"
    assert workspace.place(home / "x") == home / "x"
    assert workspace.find("data/mill") == home / "data" / "mill"
    assert workspace.find("data/none") == home / "data" / "none"


def test_without_a_workspace_the_current_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alone").mkdir()
    monkeypatch.chdir(tmp_path / "alone")
    assert workspace.own() is None
    assert workspace.place("out/plans") == tmp_path / "alone" / "out" / "plans"


def test_data_in_the_current_folder_is_found_where_the_workspace_has_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home / "data")
    assert workspace.find("mill") == home / "data" / "mill"
    assert soe.read("mill").as_of.isoformat() == MONDAY
    monkeypatch.chdir(home / "notebooks")
    assert soe.read("data/mill").folder == home / "data" / "mill" / MONDAY


def test_every_room_speaks_of_the_same_plan_history(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promoted by a page whose kernel stands in notebooks/, listed and approved from anywhere."""
    monkeypatch.chdir(home / "notebooks")
    snapshot = soe.read("data/mill")
    builder = Builder(Explorer(snapshot))
    entry = builder.set(days=7).promote(by="Ann", reason="the line is down", store="out/plans")
    assert not (home / "notebooks" / "out").exists()
    kept = home / "out" / "plans"
    for stand in (".", "notebooks", "elsewhere/deep"):
        monkeypatch.chdir(home / stand)
        assert soe.plans().height == 1
        assert soe.load_plan(MONDAY).identity == soe.load_plan(MONDAY, store=kept).identity
        assert tables.at("out/plans") == str(kept)
        listed = CliRunner().invoke(main, ["plans"])
        assert listed.output.splitlines()[0] == f"Plan history {kept}"
        assert f"{entry.label}  {snapshot.company}  optimal" in listed.output
        approved = CliRunner().invoke(main, ["approve", entry.label, "--by", "Bo", "--reason", stand])
        assert approved.exit_code == 0, approved.output
        assert str(kept) in approved.output
    assert not (home / "elsewhere" / "deep" / "out").exists()
    released = CliRunner().invoke(main, ["release", "out", entry.label, "--data", "data/mill"])
    assert released.exit_code == 0, released.output
    assert (home / "out" / "releases" / f"{MONDAY}.1" / "release.json").is_file()
    assert str(home / "out" / "releases") in released.output
    other = CliRunner().invoke(main, ["release", "out", "2026-01-05/2", "--data", "data/mill"])
    assert other.exit_code == 1
    assert str(kept) in other.output


def test_the_plan_of_record_is_found_from_a_notebook_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    before = soe.plan(soe.read("data/mill"), name="as it was kept")
    soe.store.append("out/plans", before)
    from dataclasses import replace
    from datetime import timedelta

    later = replace(soe.read("data/mill"), as_of=before.as_of + timedelta(days=7))
    for stand in (".", "notebooks"):
        monkeypatch.chdir(home / stand)
        record = soe.plan_of_record(later, "out/plans")
        assert record is not None
        assert record.name == "as it was kept"


def test_a_second_plan_gets_the_next_label(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they are kept from, two plans of one date never bear one label, and the same plan keeps its own."""
    monkeypatch.chdir(home)
    snapshot = soe.read("data/mill")
    first = soe.store.append("out/plans", soe.plan(snapshot))
    monkeypatch.chdir(home / "notebooks")
    builder = Builder(Explorer(snapshot))
    second = builder.set(days=7).promote(by="Ann", reason="down", store="out/plans")
    again = builder.promote(by="Ann", reason="down", store="out/plans")
    assert (first.label, second.label, again.label) == (f"{MONDAY}/1", f"{MONDAY}/2", f"{MONDAY}/2")
    labels = soe.plans().select("company", "as_of", "run")
    assert labels.is_unique().all()


def test_archives_scenarios_and_tables_follow_the_rule(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "notebooks")
    saved = Scenario("half").scale("calendar.hours", 0.5).save("data/mill")
    assert saved == home / "data" / "mill" / "scenarios.toml"
    for asked in (verify.verify, figures.read):
        with pytest.raises(PackError, match=str(home / "out")):
            asked("out")
    made = CliRunner().invoke(main, ["plan", "--data", "data/mill", "--scenario", "half", "--out", "flows"])
    assert made.exit_code == 0, made.output
    assert f"Tables in {home / 'flows'}" in made.output
    assert (home / "flows" / "ledger.csv").is_file()
