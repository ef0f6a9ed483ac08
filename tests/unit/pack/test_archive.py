from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.pack import archive

DAY = "2026-11-16"


def pack(folder: Path, run: int, text: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"run": run}))
    (folder / "index.html").write_text(text or f"run {run}")
    return folder


def shown(out: Path) -> str:
    return (out / DAY / "index.html").read_text()


def test_a_second_run_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    with (
        archive.lock(tmp_path / "out"),
        pytest.raises(PackError, match=r"Another run .*process \d+ on .* since 2"),
        archive.lock(tmp_path / "out"),
    ):
        raise AssertionError("both runs hold the folder")


def test_the_lock_of_a_dead_run_does_not_count(tmp_path: Path) -> None:
    held = (
        "import os, pathlib, signal, sys\nfrom soe_lib.pack import archive\n"
        "lock = archive.lock(pathlib.Path(sys.argv[1]))\nlock.__enter__()\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(archive.__file__).parents[2]
    died = subprocess.run([sys.executable, "-c", held, str(tmp_path)], cwd=root, check=False)
    assert died.returncode == -9
    assert "process" in (tmp_path / ".lock").read_text()
    with archive.lock(tmp_path):
        pass


def test_staging_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), archive.staging(tmp_path) as folder:
        (folder / "pack" / "missing").read_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exchange", [True, False])
def test_a_replacement_keeps_the_old_pack_as_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(archive, "_exchange", lambda *_: False)
    archive.put(pack(tmp_path / "a", 1), tmp_path / DAY)
    assert shown(tmp_path) == "run 1"
    archive.put(pack(tmp_path / "b", 2), tmp_path / DAY, replaced=f"{DAY}.1")
    assert shown(tmp_path) == "run 2"
    assert [folder.name for folder in archive.versions(tmp_path)] == [f"{DAY}.1"]
    assert (tmp_path / ".versions" / f"{DAY}.1" / "index.html").read_text() == "run 1"
    assert archive.recover(tmp_path) == []


def test_a_death_before_the_exchange_leaves_the_old_pack_in_force(tmp_path: Path) -> None:
    pack(tmp_path / DAY, 1)
    pack(tmp_path / ".versions" / f"{DAY}.1", 2)
    assert archive.recover(tmp_path) == [f"removed {DAY}.1, the unfinished replacement of a pack"]
    assert shown(tmp_path) == "run 1"
    assert archive.versions(tmp_path) == []


def test_a_death_between_two_renames_is_undone(tmp_path: Path) -> None:
    pack(tmp_path / ".versions" / f"{DAY}.9", 9)
    pack(tmp_path / ".versions" / f"{DAY}.10", 10)
    pack(tmp_path / ".versions" / f"{DAY}.10.new", 11)
    said = archive.recover(tmp_path)
    assert said[1] == f"put {DAY}.10 back in force after a replacement that was cut short"
    assert shown(tmp_path) == "run 10"
    assert [folder.name for folder in archive.versions(tmp_path)] == [f"{DAY}.9"]


def test_an_altered_version_is_evidence_and_stays(tmp_path: Path) -> None:
    pack(tmp_path / DAY, 3)
    pack(tmp_path / ".versions" / f"{DAY}.1", 2)
    assert archive.recover(tmp_path) == []
    assert len(archive.versions(tmp_path)) == 1


def test_staging_folders_of_dead_runs_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".staging-abc" / "pack").mkdir(parents=True)
    assert archive.recover(tmp_path) == ["removed .staging-abc, left behind by a run that died"]


def test_only_dates_are_packs(tmp_path: Path) -> None:
    for name in (DAY, "2026-13-45", "plans", "2026-11-09.old", ".versions"):
        (tmp_path / name).mkdir()
    assert [day.isoformat() for day in archive.packs(tmp_path)] == [DAY]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("old")

    def refuse(*_: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        workspace.write(tmp_path / "index.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "old"
