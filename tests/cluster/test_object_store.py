"""Extracts, plan store and archive at an object store's address: an S3-compatible server that the test starts."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib import cli, objects
from soe_lib.errors import BusyError, DataError, SoeError
from soe_lib.pack import archive, schedule
from soe_lib.pack.job import make_pack
from soe_lib.pack.verify import verify
from tests.faults import company

pytest.importorskip("obstore", reason="the extra `cloud` is not installed")
pytest.importorskip("moto", reason="moto[server] is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3-compatible server on loopback, ended by its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield address
    finally:
        child.kill()
        child.wait()
        log.close()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A fresh bucket with the grain company in it."""
    for name, value in {
        "AWS_ENDPOINT_URL": server, "AWS_ALLOW_HTTP": "true", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    name = f"soe-{abs(hash(str(tmp_path))) % 10**10}"
    asked = urllib.request.Request(f"{server}/{name}", method="PUT")
    urllib.request.urlopen(asked, timeout=10).close()
    return f"s3://{name}"


def upload(folder: Path, address: str) -> None:
    store = objects.opened(address)
    for path in folder.rglob("*"):
        if path.is_file():
            store.put(path.relative_to(folder).as_posix(), path.read_bytes())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = company.workspace(tmp_path_factory.mktemp("remote"))
    company.solve(made)
    return made


def notebook_with_plan(home: Path) -> Path:
    """The notebook finds the solved plan beside the company's own folder, wherever its copy is."""
    source = company.NOTEBOOK.replace('Path(data).parent / "solved"', f"Path({str(home / 'data' / 'solved')!r})")
    company.notebook(home / "notebooks", source)
    return home / "notebooks"


def test_extracts_archive_and_plan_store_at_an_address(bucket: str, home: Path) -> None:
    notebooks = notebook_with_plan(home)
    upload(home / "data" / "grain", f"{bucket}/grain")
    data, out = f"{bucket}/grain", f"{bucket}/out"
    made = make_pack(data, None, out, notebooks=notebooks)
    assert made.published
    assert str(made.message).startswith(f"{out}/2026-12-21.1-")
    again = make_pack(data, None, out, notebooks=notebooks)
    assert not again.published
    keys = objects.keys(objects.opened(out))
    assert "index.html" in keys
    assert any(key.startswith("plans/plans/_delta_log/") for key in keys)

    changed = company.extract(home / "other" / "grain", company.FIRST, on_hand=51.0)
    upload(changed, f"{data}/{changed.name}")
    second = make_pack(data, None, out, notebooks=notebooks)
    assert (second.published, second.run) == (True, 2)
    with archive.copy(out) as (local, _):
        report = verify(local)
        assert report.ok, report.text()
        assert (report.packs, report.plans) == (2, 2)
        assert sorted(archive.listed(local) or {}) == ["2026-12-21.1", "2026-12-21.2"]
    page = bytes(objects.opened(out).get("index.html").bytes()).decode()
    assert 'href="2026-12-21.2-' in page
    assert 'href="2026-12-21.1-' in page
    said = CliRunner().invoke(cli.main, ["verify", out])
    assert (said.exit_code, "all as published" in said.output) == (0, True), said.output
    rebuilt = CliRunner().invoke(cli.main, ["rebuild", out, "2026-12-21"])
    assert rebuilt.exit_code == 0, rebuilt.output

    key = next(key for key in objects.keys(objects.opened(out)) if key.endswith("/stock.html"))
    objects.opened(out).put(key, b"forged")
    assert CliRunner().invoke(cli.main, ["verify", out]).exit_code == 1


def test_of_two_runs_at_once_the_second_to_finish_publishes_nothing(
    bucket: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = f"{bucket}/race"
    pushed: Any = archive.push

    def late(store: Any, folder: Path, seen: str | None) -> None:
        objects.swap(store, archive.CHAIN, b'{"packs": {}}', seen)
        pushed(store, folder, seen)

    monkeypatch.setattr(archive, "push", late)
    with pytest.raises(BusyError, match="Another run published"):
        make_pack(home / "data" / "grain", None, out, notebooks=home / "notebooks")
    assert bytes(objects.opened(out).get(archive.CHAIN).bytes()) == b'{"packs": {}}'


def test_a_failure_leaves_its_page_at_the_address(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "grain").mkdir()
    with pytest.raises(DataError) as caught:
        schedule.run(str(tmp_path / "grain"), None, f"{bucket}/out")
    assert caught.value.__notes__ == [f"What to do: {bucket}/out/failed.html"]
    assert b"The last run failed" in bytes(objects.opened(f"{bucket}/out").get("failed.html").bytes())


def test_every_command_that_reads_an_extract_takes_an_address(bucket: str, home: Path) -> None:
    upload(home / "data" / "grain", f"{bucket}/grain")
    there, here = f"{bucket}/grain", str(home / "data" / "grain")
    for command in ("check", "sources", "plan", "conflict"):
        far, near = (CliRunner().invoke(cli.main, [command, "--data", data]) for data in (there, here))
        assert (far.exit_code, near.exit_code) == (0, 0), far.output
        assert far.output.replace(there, here).splitlines()[1:] == near.output.splitlines()[1:]
    assert soe.read(there).fingerprint == soe.read(here).fingerprint
    first = sorted(path.name for path in Path(here).iterdir() if path.is_dir())[0]
    assert soe.read(there, first).fingerprint == soe.read(here, first).fingerprint
    assert soe.read(f"{there}/{first}").fingerprint == soe.read(here, first).fingerprint


def test_a_copy_of_an_address_follows_what_lies_there(bucket: str, home: Path) -> None:
    there = f"{bucket}/grain"
    upload(home / "data" / "grain", there)
    before = soe.read(there)
    later = company.extract(home / "later" / "grain", company.FIRST, on_hand=51.0)
    upload(later, f"{there}/{later.name}")
    assert soe.read(there, later.name).fingerprint != before.fingerprint
    for key in objects.keys(objects.opened(there)):
        if key.startswith(later.name):
            objects.opened(there).delete(key)
    with pytest.raises(SoeError, match="There is nothing at"):
        soe.read(there, later.name)
    upload(home / "data" / "grain", there)
    assert soe.read(there).fingerprint == before.fingerprint


def test_an_address_where_nothing_lies_is_said_and_not_planned(bucket: str) -> None:
    for command in ("check", "plan", "conflict", "sources"):
        found = CliRunner().invoke(cli.main, [command, "--data", f"{bucket}/none"])
        assert found.exit_code == 1
        assert f"nothing at {bucket}/none" in found.output
