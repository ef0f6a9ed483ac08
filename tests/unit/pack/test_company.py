"""Whose pack it is: the workspace's own company, the demo only by name or where it is alone, one company an archive."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib import cli
from soe_lib.errors import DataError, OtherCompanyError
from soe_lib.extract import folders
from soe_lib.pack import schedule
from soe_lib.pack.job import make_pack
from soe_lib.workspace import init
from tests import networks
from tests.faults import company as grain

DAY = "2026-01-05"


def extract(data: Path, name: str) -> Path:
    """One extract of a tiny company in data/<name>/<as-of>."""
    rows = [{"item": "A", "location": "W", "period": "W1", "quantity": 2, "price": 3}]
    stock = [{"item": "A", "location": "W", "on_hand": 2}]
    folder = data / name / DAY
    networks.snapshot(folder, periods=networks.weeks(1), forecast=rows, inventory=stock)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace without a company, which the caller stands in."""
    for name in ("notebooks", "data"):
        (tmp_path / "firm" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "firm")
    return tmp_path / "firm"


def test_without_a_workspace_nothing_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["pack"], ["plan"], ["check"], ["sources"], ["conflict"]):
        said = CliRunner().invoke(cli.main, command)
        assert said.exit_code == 1, (command, said.output)
        assert "no workspace" in said.output
        assert "soe init DIR" in said.output
    assert not (tmp_path / "out" / DAY).exists()
    with pytest.raises(DataError, match="no workspace"):
        soe.read("")


def test_the_own_company_comes_before_the_demo_and_several_are_asked_for(home: Path) -> None:
    with pytest.raises(DataError, match="holds no company"):
        soe.read("")
    extract(home / "data", "demo")
    assert folders.company().name == "demo"
    extract(home / "data", "bakery")
    assert folders.company().name == "bakery"
    assert soe.read("").folder == home / "data" / "bakery" / DAY
    (home / "data" / "notes").mkdir()
    extract(home / "data", "mill")
    with pytest.raises(DataError, match=r"2 companies: bakery, mill\. Name one, such as --data data/bakery"):
        soe.read("")
    assert soe.read("data/demo").folder == home / "data" / "demo" / DAY


def test_init_lays_no_demo_beside_the_own_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(cli.main, ["init", "firm"])
    assert said.exit_code == 0, said.output
    assert not list((tmp_path / "firm" / "data").iterdir())
    monkeypatch.chdir(tmp_path / "firm")
    assert CliRunner().invoke(cli.main, ["pack"]).exit_code == 1
    assert not (tmp_path / "firm" / "out" / "index.html").exists()
    extract(tmp_path / "firm" / "data", "bakery")
    assert folders.company().name == "bakery"
    with_demo = init(tmp_path / "trial", with_demo=True)
    assert folders.dates(with_demo / "data" / "demo")


def test_an_archive_refuses_a_second_company(tmp_path: Path) -> None:
    home = grain.workspace(tmp_path / "grain")
    grain.solve(home)
    out = home / "out"
    made = make_pack(home / "data" / "grain", None, out, notebooks=home / "notebooks")
    assert made.published
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    other = extract(home / "data", "mill")
    for run in (make_pack, schedule.run):
        with pytest.raises(OtherCompanyError, match=r"is the archive of .*; the pack of test goes to another one"):
            run(str(other.parent), None, out, notebooks=home / "notebooks")
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before
