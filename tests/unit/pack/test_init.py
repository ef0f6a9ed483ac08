from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.workspace import init


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "shipped"
    for name in workspace.MARKS:
        (home / name / ".ipynb_checkpoints").mkdir(parents=True)
        (home / name / "a.txt").write_text(name)
    monkeypatch.setattr(workspace, "shipped", lambda: home)
    return home


def test_a_workspace_is_laid_out_and_found(tmp_path: Path, shipped: Path) -> None:
    home = init(tmp_path / "mine" / "soe")
    assert sorted(path.name for path in home.iterdir()) == ["data", "notebooks", "templates"]
    assert (home / "templates" / "a.txt").read_text() == "templates"
    assert not list(home.rglob(".*"))
    assert workspace.root(home / "notebooks") == home
    assert shipped.is_dir()


@pytest.mark.usefixtures("shipped")
def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "own.csv").write_text("own")
    with pytest.raises(PackError, match="already holds data; nothing was changed"):
        init(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["data"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(PackError, match="is a file"):
        init(tmp_path / "file")


def test_an_installation_without_its_files_says_so(tmp_path: Path, shipped: Path) -> None:
    (shipped / "templates" / "a.txt").unlink()
    (shipped / "templates" / ".ipynb_checkpoints").rmdir()
    (shipped / "templates").rmdir()
    with pytest.raises(PackError, match="holds no templates"):
        init(tmp_path / "mine")


def test_the_real_templates_are_shipped() -> None:
    names = {path.name for path in (workspace.shipped() / "templates").iterdir()}
    assert {
        "page.html.j2",
        "cover.html.j2",
        "archive.html.j2",
        "notebook.html.j2",
        "parts.html.j2",
        "style.css",
    } <= names
