"""Several companies at once: one after another, and on a Dask scheduler with two workers as processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from soe_lib import cli
from soe_lib.pack.schedule import pack_all
from soe_lib.pack.verify import verify
from tests.faults import company

ROOT = Path(__file__).parents[2]
NAMES = ("barley", "oats", "rye")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of three companies."""
    for name in NAMES:
        company.extract(tmp_path / "data" / name, company.FIRST)
    company.notebook(tmp_path / "notebooks", company.NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_without_a_cluster_is_one_after_the_other_and_one_failure_stops_no_other(home: Path) -> None:
    (home / "data" / "oats" / "2026-12-21" / "items.csv").unlink()
    said = CliRunner().invoke(cli.main, ["pack", "--all", "--data", str(home / "data"), "--out", str(home / "out")])
    assert said.exit_code == 1, said.output
    for name in ("barley", "rye"):
        assert verify(home / "out" / name).ok
    assert (home / "out" / "oats" / "failed.html").is_file()
    assert re.search(r"^oats: .*cannot be planned", said.output, re.MULTILINE)
    assert CliRunner().invoke(cli.main, ["pack", "--cluster", "tcp://127.0.0.1:1"]).exit_code == 2


@pytest.fixture
def cluster(home: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers; every process is ended by its own handle."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begun: list[subprocess.Popen[bytes]] = []

    def begin(kind: str, *arguments: str) -> Path:
        log = home / f"{kind}{len(begun)}.log"
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
        with log.open("wb") as file:
            begun.append(subprocess.Popen(command, stdout=file, stderr=file, cwd=home, env=environment))
        return log

    try:
        log = begin("scheduler", "--host", "127.0.0.1", "--port", "0")
        address = told(log, r"(tcp://127\.0\.0\.1:\d+)")
        for _ in range(2):
            worker = begin("worker", address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
            told(worker, r"Registered to:")
        yield address, begun
    finally:
        for process in begun:
            process.kill()
            process.wait()


def told(log: Path, pattern: str) -> str:
    """What a process wrote into its log, as soon as it is there."""
    for _ in range(900):
        if found := re.search(pattern, log.read_text(encoding="utf-8", errors="replace")):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"{log.name} never said {pattern}: {log.read_text()[-500:]}")


def test_a_lost_worker_loses_nothing(home: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    address, (_, first, _) = cluster
    lost = threading.Event()

    def kill_once_at_work() -> None:
        for _ in range(900):
            if list((home / "out").glob("*/.staging-*")):
                first.kill()
                lost.set()
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_once_at_work)
    killer.start()
    made = pack_all(home / "data", None, home / "out", cluster=address)
    killer.join()
    assert lost.is_set()
    assert [(one.company, one.code) for one in made] == [(name, 0) for name in NAMES]
    for name in NAMES:
        report = verify(home / "out" / name)
        assert report.ok, report.text()
        assert report.packs == 1
        assert not list((home / "out" / name).glob(".staging-*"))
