"""One weekly run in a process of its own, with a fault in it: killed, out of disk, or read-only.

The faults come through one seam: the interpreter's audit hook, which sees every file that is opened for writing, every
folder that is made and every rename before it happens. Writes inside libraries in other languages do not pass there;
for those the harness fills a real disk.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

PRELOADED = "tests.faults.preloaded"
WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "shutil.rmtree")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and at which of the run's writes (from 1; 0: at none, the writes are only counted)."""

    kind: str = ""
    at: int = 0


NONE = Fault()


@dataclass(frozen=True)
class Run:
    """One run: where, for which day, with what fault; `quick` runs the notebook's cells without a kernel."""

    home: Path
    out: Path
    as_of: date
    fault: Fault = NONE
    quick: bool = True
    timeout: float = 60.0
    clock: str = ""


def context() -> Any:
    """Processes that start from one that has loaded the library and has run nothing."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([PRELOADED])
    return made


def start(run: Run) -> tuple[Any, Any]:
    """Start a run; returns its process and the end of a pipe on which it tells its steps and its outcome."""
    made = context()
    here, there = made.Pipe(duplex=False)
    process = made.Process(target=body, args=(run, there))
    process.start()
    there.close()
    return process, here


def outcome(process: Any, pipe: Any, *, limit: float = 120.0) -> list[str]:
    """Everything that a run told until it ended."""
    told = []
    try:
        while pipe.poll(limit):
            told.append(pipe.recv())
    except (EOFError, OSError):
        pass
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        told.append("hung")
    pipe.close()
    return told


def body(run: Run, pipe: Any) -> None:
    """The run itself, in the child."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    from soe_lib.errors import SoeError
    from soe_lib.pack import job, manifest
    from soe_lib.pack.job import make_pack

    if run.quick:
        job.run_notebook.run = _without_kernel  # type: ignore[assignment]
        job.run_notebook.check_parameters = lambda _path, given: dict(given)  # type: ignore[assignment]
        job.kernel.server = lambda _: nullcontext({})  # type: ignore[assignment]
    if run.clock:
        manifest.datetime = _stopped(run.clock)  # type: ignore[misc,attr-defined]
    writes = _hook(run.out, run.fault)

    def step(name: str, state: str) -> None:
        pipe.send(f"{name} {state}")

    try:
        company = run.home / "data" / "grain"
        made = make_pack(
            company,
            run.as_of.isoformat(),
            run.out,
            progress=step,
            notebooks=run.home / "notebooks",
            timeout=run.timeout,
        )
        pipe.send(f"published {made.run}" if made.published else "up to date")
    except SoeError as error:
        pipe.send(f"refused {type(error).__name__}: {error}")
    except BaseException as error:
        pipe.send(f"escaped {type(error).__name__}: {error}")
    finally:
        pipe.send(f"writes {writes()}")


def _hook(out: Path, fault: Fault) -> Callable[[], int]:
    """Count the writes below a folder and let the fault happen at its own; returns how to read the count."""
    counted, below, lock = [0], str(out), threading.Lock()

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        writing = event in WRITES or (event == "open" and arguments[2] & WRITING)
        if not writing or not str(arguments[0]).startswith(below):
            return
        with lock:
            counted[0] += 1
            now = counted[0]
        if fault.kind == "kill" and now == fault.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind == "full" and now >= fault.at and event in ("open", "os.mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
        if fault.kind == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(arguments[0]))

    sys.addaudithook(heard)
    return lambda: counted[0]


def _without_kernel(notebook: Path, parameters: Mapping[str, object], *, folder: Path, **_: object) -> Path:
    """The notebook's cells one after another in this process: the run's own steps are what is killed here."""
    import json

    from soe_lib.errors import PackError

    given = {name: str(value) for name, value in parameters.items()}
    for cell in json.loads(Path(notebook).read_bytes())["cells"][1:]:
        try:
            exec(cell["source"], given)
        except Exception as error:
            raise PackError(f"{Path(notebook).name} failed: {error}") from error
    Path(folder).mkdir(exist_ok=True)
    return Path(shutil.copy(notebook, folder))


def _stopped(text: str) -> Any:
    from datetime import datetime

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromisoformat(text).replace(tzinfo=tz)

    return Clock
