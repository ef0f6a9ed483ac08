from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from soe_lib import cli
from soe_lib.errors import BusyError, DataError, PackError
from soe_lib.pack import archive, job, sanitize, schedule
from soe_lib.pack.verify import verify
from tests.unit.pack.conftest import bytes_of
from tests.unit.pack.live import live

SECRET = "customer Zürich GmbH buys 4,711"
ENVIRONMENT = ("SOE_NOTIFY_WEBHOOK", "SOE_NOTIFY_SMTP", "SOE_NOTIFY_DETAILS")


@pytest.fixture(autouse=True)
def _silent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def fail(out: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """A weekly run that stops with this error."""

    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(job, "_read", stop)
    with pytest.raises(type(error)) as caught:
        schedule.run("data", "2026-11-23", out)
    return caught.value


def test_a_failure_leaves_a_page_that_replaces_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bytes_of(out)
    error = fail(out, DataError(f"orders.csv, row 7: <script>alert(1)</script> {SECRET}\x1b[2J\r\nsecond"), monkeypatch)
    after = bytes_of(out)
    assert after.keys() - before.keys() == {"failed.html"}
    assert {name for name in before if before[name] != after[name]} == {"index.html"}
    page = (out / "failed.html").read_text()
    assert live(page) == []
    assert sanitize.read(page).faults == []
    for said in ("DataError", "“read”", SECRET, "second", "soe check", "2026-11-16/index.html", "--as-of 2026-11-23"):
        assert said in page
    assert "\x1b" not in page
    assert 'href="failed.html"' in (out / "index.html").read_text()
    assert 'href="2026-11-16/index.html"' in (out / "index.html").read_text()
    assert error.__notes__ == [f"What to do: {out / 'failed.html'}"]
    assert verify(out).ok


def test_the_next_run_that_succeeds_takes_the_page_away(
    out: Path, notebooks: Path, monkeypatch: pytest.MonkeyPatch, snapshots: Callable[..., None]
) -> None:
    before = bytes_of(out)
    with monkeypatch.context() as patch:
        fail(out, PackError("no"), patch)
    snapshots()
    made = schedule.run("data", None, out, notebooks=notebooks)
    assert not made.published
    assert bytes_of(out) == before


def test_an_altered_pack_is_not_called_good(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out / "2026-11-16" / "balance.html").write_text("forged")
    fail(out, PackError("no"), monkeypatch)
    assert "There is no earlier pack." in (out / "failed.html").read_text()


def test_a_fault_of_the_program_leaves_a_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(tmp_path / "out", ZeroDivisionError("division by zero"), monkeypatch)
    page = (tmp_path / "out" / "failed.html").read_text()
    assert "This is a fault of the program" in page
    assert "There is no earlier pack." in page


def test_a_run_beside_another_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(tmp_path / "out", BusyError("later"), monkeypatch)
    assert not (tmp_path / "out" / "failed.html").exists()


@pytest.mark.parametrize(
    ("error", "code"), [(DataError("x"), 1), (PackError("x"), 1), (BusyError("x"), 3)], ids=["data", "pack", "busy"]
)
def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(job, "_read", stop)
    done = CliRunner().invoke(cli.main, ["pack", "--out", str(tmp_path / "out")])
    assert (done.exit_code, done.exception.__class__) == (code, SystemExit)
    assert CliRunner().invoke(cli.main, ["pack", "--no-such-option"]).exit_code == 2


def test_a_second_run_exits_with_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_read", lambda *_: None)
    with archive.lock(tmp_path / "out"):
        done = CliRunner().invoke(cli.main, ["pack", "--out", str(tmp_path / "out")])
    assert done.exit_code == schedule.BUSY
    assert "Another run is making a pack" in done.output


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Post(socketserver.StreamRequestHandler):
    """As much of a mail server as takes one message."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper().startswith("DATA"):
                self._say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.server.got.append("\n".join(lines))  # type: ignore[attr-defined]
            elif line.upper().startswith("QUIT"):
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture(params=[(HTTPServer, Hook), (socketserver.ThreadingTCPServer, Post)], ids=["webhook", "mail"])
def sink(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A webhook or a mail server on loopback that keeps what it is told, and the environment that names it."""
    kind, handler = request.param
    with kind(("127.0.0.1", 0), handler) as server:
        server.got = []
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        port = server.server_address[1]
        if handler is Hook:
            monkeypatch.setenv("SOE_NOTIFY_WEBHOOK", f"http://127.0.0.1:{port}/hook?token=abc")
        else:
            monkeypatch.setenv("SOE_NOTIFY_SMTP", f"smtp://127.0.0.1:{port}")
            monkeypatch.setenv("SOE_NOTIFY_FROM", "soe@example.com")
            monkeypatch.setenv("SOE_NOTIFY_TO", "planner@example.com, it@example.com")
        yield server
        server.shutdown()


def test_a_notification_says_what_kind_and_never_what_value(
    sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(tmp_path / "out", DataError(SECRET), monkeypatch)
    assert len(sink.got) == 1
    said = str(sink.got[0])
    assert "DataError" in said
    assert "read" in said
    for value in ("rich GmbH", "4,711", "customer"):
        assert value not in said


def test_details_are_told_only_when_asked_for(sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOE_NOTIFY_DETAILS", "yes")
    fail(tmp_path / "out", DataError("row 7 of orders"), monkeypatch)
    assert "row 7 of orders" in str(sink.got[0])


def test_a_notification_that_fails_hides_no_error_and_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOE_NOTIFY_WEBHOOK", "http://127.0.0.1:9/hook?token=abc")
    error = fail(tmp_path / "out", DataError("x"), monkeypatch)
    assert "The notification by SOE_NOTIFY_WEBHOOK could not be sent (URLError)." in error.__notes__
    assert "abc" not in str(error.__notes__)


def test_a_webhook_that_is_no_http_address_is_not_opened(tmp_path: Path) -> None:
    failure = schedule.describe(DataError("x"), tmp_path, data="d", as_of=None, step="read")
    for address in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        assert schedule.tell(failure, {"SOE_NOTIFY_WEBHOOK": address}) == [
            "The notification by SOE_NOTIFY_WEBHOOK could not be sent (ValueError)."
        ]
