"""A real PostgreSQL server on loopback for as long as the tests need it: its own folder, port and password."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

CANARY = "Kanari/en+vogel@2026 §7"
"""The password: with characters that an address has to encode."""
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Server:
    """A running server.

    Parameters
    ----------
    port : on 127.0.0.1.
    process : ends the server when terminated.
    """

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """The connection string of its only user, password included."""
        return f"postgresql://planner:{quote(CANARY, safe='')}@127.0.0.1:{self.port}/postgres"

    def run(self, *statements: str) -> None:
        """Run statements as the owner of everything."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


def binary(name: str) -> Path | None:
    """Where a program of the server is; Debian keeps them out of the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name)
    return places[0] if places else Path(found) if found else None


def account() -> str:
    """Whose server it is: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return getpass.getuser()
    names = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in ACCOUNTS if name in names)


@contextmanager
def running() -> Iterator[Server]:
    """A fresh server, ended and removed at the end.

    Raises
    ------
    FileNotFoundError : no PostgreSQL is installed.
    """
    initdb, postgres = binary("initdb"), binary("postgres")
    if initdb is None or postgres is None:
        raise FileNotFoundError("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    user = account()
    who = {"user": user} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "password").write_text(CANARY)
        if who:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        start = [str(initdb), "-D", str(folder / "data"), "-U", "planner", "-A", "scram-sha-256", "-E", "UTF8", "-N",
                 "--locale=C", f"--pwfile={folder / 'password'}"]  # fmt: skip
        subprocess.run(start, check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serve = [str(postgres), "-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder),
                 "-F"]  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(serve, cwd=folder, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
            server = Server(port, process)
            try:
                _wait(server)
                yield server
            finally:
                process.terminate()
                process.wait(30)


def _wait(server: Server, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            server.run("SELECT 1")
            return
        except psycopg.OperationalError:
            if time.monotonic() > until or server.process.poll() is not None:
                raise
            time.sleep(0.1)
