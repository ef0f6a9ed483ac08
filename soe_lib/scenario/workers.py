"""Scenarios on this machine's cores: worker processes, each with a living solver; one that dies takes one row along.

concurrent.futures gives up the whole pool when a process is killed, and starts children by running the caller's script
again; these are started by module name, and a dead one is replaced.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import TYPE_CHECKING

from soe_lib.scenario.handed import Handed
from soe_lib.scenario.parcel import Task, answer, handed, opened, received
from soe_lib.scenario.result import Result
from soe_lib.scenario.scenario import Scenario
from soe_lib.scenario.station import Station

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.solve import Options
    from soe_lib.model.start import Start

AHEAD = 2
"""Scenarios that a worker has at a time, so that it never waits for the next one."""
ONE_EACH = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def results(task: Task, scenarios: Sequence[Scenario], workers: int) -> Iterator[tuple[int, Result]]:
    """Place and result of every scenario, as they arrive.

    Parameters
    ----------
    task : what they share. workers : processes at a time, one core each.
    """
    waiting = deque(enumerate(pickle.dumps(one, protocol=5) for one in scenarios))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soe-scenarios-")))
        (home / "task").write_bytes(task.packed())
        staff = [stack.enter_context(_Worker.begin(home / "task")) for _ in range(min(workers, len(waiting)))]
        begun = task.begun(scenarios)  # meanwhile they import, and set up the base's model
        for one in staff:
            one.tell(begun)
        while waiting or any(one.has for one in staff):
            for one in staff:
                one.take(waiting)
            for link in wait([one.link for one in staff if one.has]):
                one = next(each for each in staff if each.link is link)
                place, _ = one.has[0]
                try:
                    sent = one.link.recv_bytes()
                except (EOFError, OSError):
                    yield place, _lost(scenarios[place], one)
                    waiting.extendleft(reversed(list(one.has)[1:]))
                    staff.remove(one)
                    if waiting:
                        staff.append(stack.enter_context(_Worker.begin(home / "task")))
                        staff[-1].tell(begun)
                    continue
                one.has.popleft()
                one.take(waiting)
                yield place, received(task, scenarios[place], sent)


@dataclass(eq=False)
class _Worker:
    """A process and the line to it.

    Parameters
    ----------
    has : place and bytes of the scenarios that it was given, the one that it works on first.
    """

    process: subprocess.Popen[bytes]
    link: Connection
    has: deque[tuple[int, bytes]] = field(default_factory=deque)

    @classmethod
    def begin(cls, task: Path) -> _Worker:
        """Start one; it reads the task by itself."""
        ours, theirs = Pipe()
        path = os.pathsep.join(str(Path(place or ".").resolve()) for place in sys.path)
        known = {**os.environ, "PYTHONPATH": path, **dict.fromkeys(ONE_EACH, "1")}
        command = [sys.executable, "-m", "soe_lib.scenario.workers", str(theirs.fileno()), str(task)]
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=known, stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        return cls(process, ours)

    def tell(self, begun: bytes) -> None:
        """What became of the base: its first message."""
        with suppress(OSError):
            self.link.send_bytes(begun)

    def take(self, waiting: deque[tuple[int, bytes]]) -> None:
        """Give it work; a line that is cut is noticed when its answer is waited for."""
        while waiting and len(self.has) < AHEAD:
            self.has.append(waiting.popleft())
            try:
                self.link.send_bytes(self.has[-1][1])
            except OSError:
                return

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()
        self.process.kill()
        self.process.wait()


def _lost(scenario: Scenario, worker: _Worker) -> Result:
    code = worker.process.wait()
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = f"The process that worked on it was lost ({how}); out of memory is the usual reason. Run it on its own."
    return Result(scenario, None, None, said, 0.0)


class _Coming:
    """The base's answer, which another process works on and sends."""

    def __init__(self, link: Connection) -> None:
        self.link = link

    @cached_property
    def handed(self) -> Handed:
        """What was sent; waits for it."""
        return handed(self.link.recv_bytes())

    def __call__(self, model: Model, options: Options | None) -> Start:
        """The answer for a living model, which is made ready for it while it is waited for."""
        _ = model.program, model.rate_book
        return self.handed(model, options)


def main(line: int, task: str) -> None:
    """A worker's life: read the task, answer until the line is closed."""
    link = Connection(line)
    coming = _Coming(link)
    shared = opened(Path(task).read_bytes())
    station = Station(shared.snapshot, shared.record, shared.options, coming)
    try:
        station.begin()
        _ = coming.handed  # taken from the line, where nothing waited for it
        gc.freeze()  # the base lives as long as the worker: no use in looking through it again and again
        while True:
            link.send_bytes(answer(station, link.recv_bytes()))
    except EOFError:
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
