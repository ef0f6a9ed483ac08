"""soe replay as a process that is killed in the middle: it goes on where it was and ends with the same bytes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from soe_lib.demo import generate
from tests.unit.replay.test_command import SIZE

WEEKS = 3
PATIENCE = 300.0


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("company")
    generate(home, weeks=WEEKS + 1, seed=3, **SIZE)
    return home


@pytest.fixture(scope="module")
def whole(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that nobody kills."""
    out = tmp_path_factory.mktemp("whole")
    with running(company, out) as process:
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    return out


@contextmanager
def running(company: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """The command as a process, in a session of its own; whatever is left of it ends with the block."""
    command = [sys.executable, "-m", "soe_lib.cli", "replay", "--data", str(company), "--out", str(out), "--no-causes"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            for pid in members(process.pid):
                os.kill(pid, signal.SIGKILL)


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            state, _, _, mine = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(mine) == session and state != "Z":
            found.append(int(folder.name))
    return found


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} took more than {PATIENCE} seconds"
        time.sleep(0.01)


def kept(out: Path) -> dict[str, int]:
    """Weeks that each way to plan has done and not ended."""
    found = {}
    for file in (out / ".kept").glob("*/[!.]*.npz"):
        if re.search(r"\.\d+$", file.stem):
            continue  # being written
        with np.load(file) as left:
            found[file.stem] = int(left["at"][0])
    return found


def ended(out: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in (out / ".kept").glob("*/[!.]*.json")}


def same(out: Path, whole: Path) -> None:
    for name in ("index.html", "replay.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def gone_on(said: str) -> dict[str, int]:
    found = re.findall(r"(?m)^(.*): continues after week (\d+) of \d+$", said)
    return {name.replace(" ", "-"): int(week) for name, week in found}


@pytest.mark.parametrize("moment", ["in the first weeks", "when one is done"])
def test_a_killed_replay_goes_on_where_it_was_and_ends_with_the_same_bytes(
    company: Path, whole: Path, tmp_path: Path, moment: str
) -> None:
    out = tmp_path / "out"
    with running(company, out) as process:
        until(lambda: ended(out) if moment == "when one is done" else kept(out), moment)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not members(process.pid), "the end of the workers")
    assert not (out / "index.html").exists()
    done, before = ended(out), kept(out)
    with running(company, out) as process:
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    same(out, whole)
    assert gone_on(said) == {name: week for name, week in before.items() if week}
    assert done.items() <= ended(out).items()
    assert not kept(out)


def test_a_replay_that_is_asked_to_end_ends_at_once(company: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running(company, out) as process:
        until(lambda: kept(out), "the first week")
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert process.returncode
        until(lambda: not members(process.pid), "the end of the workers")


def test_a_killed_worker_is_replaced_and_its_weeks_are_not_done_again(
    company: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running(company, out) as process:
        until(lambda: any(kept(out).values()), "the first week")
        os.kill(workers(process.pid)[0], signal.SIGKILL)
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert "a process was lost" in said
    assert any(gone_on(said).values())
    same(out, whole)


def workers(session: int) -> list[int]:
    """The processes of a session that plan, which the command started."""
    return [pid for pid in members(session) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
