"""A JupyterLab and a Voila on this machine, and Debian's Chromium to look at it with."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60.0


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, its token, its workspace."""

    address: str
    token: str
    workspace: Path

    def url(self, notebook: str) -> str:
        """Where a notebook opens, in a layout of its own."""
        return f"{self.address}/lab/tree/notebooks/{notebook}?token={self.token}&reset"


def browser_or_skip() -> None:
    """Skip, loudly, where there is no browser to test with."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        pytest.skip("NOT TESTED IN A BROWSER: the package playwright is not installed (pip install playwright)")
    if not CHROMIUM:
        pytest.skip("NOT TESTED IN A BROWSER: no chromium on this machine (apt-get install chromium)")


@dataclass(frozen=True)
class Pages:
    """A running Voila: the address of the workbench's page, and its workspace."""

    address: str
    workspace: Path


# A server for each module: what one writes or deletes (scenarios.toml, a notebook's kernel) is no other's business.
@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on 127.0.0.1 with a token, over a workspace of its own; ended by its process id."""
    browser_or_skip()
    with lab_in(tmp_path_factory.mktemp("lab")) as found:
        yield found


@contextmanager
def lab_in(home: Path) -> Iterator[Lab]:
    """JupyterLab over a workspace in `home`."""
    workspace, token, port = workspace_in(home), secrets.token_hex(16), free_port()
    quiet(home / "config")
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={workspace}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with served(command, home, f"{address}/api/status?token={token}"):
        yield Lab(address, token, workspace)


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Voila on 127.0.0.1 over a workspace of its own, as README starts it; ended by its process id."""
    browser_or_skip()
    if importlib.util.find_spec("voila") is None:
        pytest.skip("NOT TESTED IN A BROWSER: the package voila is not installed (pip install 'soe_lib[page]')")
    home = tmp_path_factory.mktemp("voila")
    workspace, port = workspace_in(home), free_port()
    command = [
        sys.executable, "-m", "voila", "notebooks/workbench.ipynb", "--no-browser", f"--port={port}",
        "--Voila.ip=127.0.0.1",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}/"
    with served(command, home, f"{address}voila/static/main.js", refused=True):
        yield Pages(address, workspace)


def workspace_in(home: Path) -> Path:
    """A copy of the notebooks and the data, to be written to."""
    workspace = home / "workspace"
    for folder in ("notebooks", "data"):
        shutil.copytree(ROOT / folder, workspace / folder, ignore=shutil.ignore_patterns(".*"))
    return workspace


@contextmanager
def served(command: list[str], home: Path, ready: str, *, refused: bool = False) -> Iterator[None]:
    """A server over the workspace in `home`, from when it answers until it is ended by its process id.

    Parameters
    ----------
    ready : an address that answers once it runs. refused : any answer will do, an error of HTTP too.
    """
    template = home / "share" / "voila" / "templates" / "soe"  # this checkout's, whatever is installed
    shutil.copytree(ROOT / "templates" / "voila", template)
    places = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = {**os.environ, **places, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
    environment |= {"JUPYTER_PATH": str(home / "share"), "JUPYTER_CONFIG_PATH": str(template)}
    with (home / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=environment, cwd=home / "workspace", stdout=log, stderr=log)
        try:
            answers(server, ready, home / "server.log", refused=refused)
            yield
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(15)


HEARD: dict[Page, list[str]] = {}
"""Each page that is listened to: what its console and its kernel said; a closed one is forgotten."""


def listened(page: Page) -> Page:
    """The page, with what its console and its kernel's streams and errors say kept for the report of a failure."""
    heard = HEARD[page] = []

    def frame(sent: str | bytes) -> None:
        text = sent if isinstance(sent, str) else sent.decode("utf-8", "replace")
        if re.search(r'"msg_type": ?"(stream|error)"', text):
            heard.append(f"kernel: {re.sub('[^ -~]+', ' ', text)[-2000:]}")  # what is said stands at the end

    page.on("websocket", lambda socket: socket.on("framereceived", frame))
    page.on("console", lambda said: heard.append(f"console: {said.text[:400]}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("close", lambda closed: HEARD.pop(closed, None))
    return page


def witness(page: Page, home: Path, name: str) -> str:
    """What a page shows and what was heard of it, as text; its picture is left in `home`."""
    picture = home / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}.png"
    parts = {"Picture": str(picture), "Heard": "\n".join(HEARD.get(page, [])[-40:])}
    try:
        page.screenshot(path=picture, full_page=True, timeout=10_000)
        seen = page.locator(".soe-page").all() or [page.locator("body")]
        parts["Shown"] = "\n".join(one.inner_text(timeout=10_000) for one in seen)
    except Exception as error:  # a page that is gone has nothing to show, and the failure is to be told all the same
        parts["Shown"] = f"The page cannot be asked: {error}"
    for log in home.glob("*.log"):
        parts[log.name] = log.read_text(encoding="utf-8", errors="replace")[-6000:]
    return "\n".join(f"--- {title}\n{text}" for title, text in parts.items())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure explains itself: each open page's text and picture, its console, its kernel's words, the server's log."""
    report = yield
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        given = getattr(item, "funcargs", {}).values()
        home = next((one.workspace.parent for one in given if isinstance(one, Lab | Pages)), None)
        for number, page in enumerate(list(HEARD) if home else []):
            title = f"what page {number} showed ({call.when})"
            report.sections.append((title, witness(page, home, f"{item.name}-{number}")))
    return report


def quiet(config: Path) -> None:
    """No question about news over the page."""
    settings = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', encoding="utf-8")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(server: subprocess.Popen[bytes], url: str, log: Path, *, refused: bool = False) -> None:
    """Wait until the server answers; fail with its log where it does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            if refused:
                return
            time.sleep(0.2)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The server does not answer:\n{log.read_text(encoding='utf-8')[-3000:]}")
