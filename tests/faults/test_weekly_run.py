"""The short form of the fault harness: few of each fault; `python -m tests.faults.harness all` is the long form."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from soe_lib.errors import PackError
from soe_lib.pack import manifest
from soe_lib.pack.archive import CHAIN, LOCK, listed
from soe_lib.pack.job import make_pack
from soe_lib.pack.verify import verify
from tests.faults import company, harness
from tests.faults.weekly import Fault

Make = Callable[..., harness.Archive]


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The grain company's plan, solved once."""
    home = company.workspace(tmp_path_factory.mktemp("solved"))
    return company.solve(home)


@pytest.fixture
def archive(tmp_path: Path, solved: Path) -> harness.Archive:
    made = harness.Archive(tmp_path, solve=False)
    company.workspace(tmp_path, solved=solved)
    return made


def test_kills_at_random_moments_lose_nothing(archive: harness.Archive) -> None:
    tally = harness.kills(archive, 6)
    assert tally.clean, tally.text("kills")
    assert tally.faults == 8


def test_a_kill_in_each_stage_loses_nothing(archive: harness.Archive) -> None:
    tally = harness.stages(archive, 1)
    assert tally.clean, tally.text("stages")


@pytest.mark.parametrize("kind", ["full", "kill"])
def test_a_disk_that_fills_or_a_kill_at_every_few_writes_loses_nothing(archive: harness.Archive, kind: str) -> None:
    tally = harness.writes(archive, kind, every=9)
    assert tally.clean, tally.text(kind)
    assert tally.faults > 4


def test_a_read_only_archive_is_refused_and_left_alone(archive: harness.Archive) -> None:
    tally = harness.read_only(archive)
    assert tally.clean, tally.text("read-only")


def test_a_real_disk_that_is_too_small_loses_nothing(tmp_path: Path) -> None:
    try:
        tally = harness.disks(tmp_path, 2)
    except PackError:
        pytest.skip("no disk can be mounted here; the injected faults above stand for it")
    assert tally.clean, tally.text("disks")


def test_of_twenty_runs_at_once_exactly_one_publishes(archive: harness.Archive) -> None:
    tally = harness.crowds(archive, 20, 1)
    assert tally.clean, tally.text("crowds")
    assert sorted(archive.known) == ["2026-12-21.1", "2026-12-21.2"]


def test_one_changed_digit_is_found_a_hundred_times_of_a_hundred(archive: harness.Archive) -> None:
    assert harness.tampers(archive, 100) == (100, 100)
    assert archive.tally.clean, archive.tally.text("tampers")


def test_a_stored_plan_that_was_altered_is_found(archive: harness.Archive) -> None:
    archive.settle()
    path = next((archive.out / "plans" / "flows").glob("*.parquet"))
    whole, rows = path.read_bytes(), pl.read_parquet(path)
    rows.with_columns(pl.col("quantity") + 0.01).write_parquet(path)
    assert not verify(archive.out).ok
    path.write_bytes(whole)
    assert verify(archive.out).ok


def test_a_pack_that_is_taken_away_is_missed(archive: harness.Archive) -> None:
    archive.settle()
    archive.change()
    archive.settle()
    (archive.out / "2026-12-21").rename(archive.home / "stolen")
    assert "2026-12-21 run 2: the pack was removed or its manifest cannot be read." in verify(archive.out).faults


def test_the_newest_pack_forged_and_sealed_again_is_found(archive: harness.Archive) -> None:
    archive.settle()
    folder = archive.out / "2026-12-21"
    told = manifest.read(folder)
    assert told is not None
    (folder / "index.html").write_text("forged")
    manifest.seal(folder, {key: value for key, value in told.items() if key not in {"pages", "seal"}})
    assert verify(archive.out).faults == ("2026-12-21 run 1: its manifest is not the one that was published.",)


def test_a_run_that_died_before_it_could_list_its_pack_is_listed_by_the_next(archive: harness.Archive) -> None:
    archive.settle()
    (archive.out / CHAIN).unlink()
    assert verify(archive.out).ok
    archive.settle()
    assert list(listed(archive.out) or {}) == ["2026-12-21.1"]


def test_a_clock_that_went_back_changes_neither_order_nor_proof(archive: harness.Archive) -> None:
    archive.settle()
    archive.change()
    assert "published 2" in archive.run(clock="1999-12-31T23:59:59")
    told = manifest.read(archive.out / "2026-12-21")
    assert told is not None
    assert told["created"].startswith("1999")
    assert told["run"] == 2
    assert verify(archive.out).ok
    archive.settle()


def test_a_lock_that_a_dead_run_left_behind_does_not_count(archive: harness.Archive) -> None:
    archive.out.mkdir()
    (archive.out / LOCK).write_text("process 999999 on elsewhere since 2026-01-01 00:00:00 UTC")
    archive.settle()
    assert list(archive.known) == ["2026-12-21.1"]
    assert archive.tally.clean


@pytest.mark.parametrize(
    ("cell", "said", "limit"),
    [
        (
            "import time, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)",
            "its limit of",
            6.0,
        ),
        ("import os\nos._exit(137)", "failed", 60.0),
    ],
)
def test_a_hanging_solver_and_a_dead_kernel_are_ended_by_the_clock(
    archive: harness.Archive, cell: str, said: str, limit: float
) -> None:
    archive.settle()
    archive.change()
    company.notebook(archive.home / "notebooks", cell)
    began = time.monotonic()
    with pytest.raises(PackError, match=said):
        make_pack(
            archive.home / "data" / "grain", None, archive.out, notebooks=archive.home / "notebooks", timeout=limit
        )
    assert time.monotonic() - began < 60.0
    archive.judge("a notebook that does not end")
    assert archive.tally.clean
    assert not any("ipykernel" in line and str(archive.out) in line for line in _commands())


def test_the_seam_counts_every_write_and_an_untouched_run_has_many(archive: harness.Archive) -> None:
    told = archive.run(Fault())
    assert told[-2] == "published 1"
    assert int(told[-1].split()[1]) > 20


def _commands() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
