"""Scenarios on a Dask cluster by its address: the same work as on this machine's cores."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256

from soe_lib.errors import SoeError
from soe_lib.scenario.parcel import Task, answer, handed, opened, received
from soe_lib.scenario.result import Result
from soe_lib.scenario.scenario import Scenario
from soe_lib.scenario.station import Station

TRIES, WAIT = 3, 30
"""How often a scenario is begun anew when its worker is lost, and how long a scheduler may take to answer [s]."""
_LOCK = threading.Lock()
_OPEN: dict[str, Station] = {}
"""The station of the task that this worker is at; one at a time, for a living solver is no small thing."""


def results(task: Task, scenarios: Sequence[Scenario], address: str) -> Iterator[tuple[int, Result]]:
    """Place and result of every scenario, as they arrive.

    Parameters
    ----------
    address : of the scheduler, such as tcp://127.0.0.1:8786.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise SoeError("A cluster needs the extra `cluster`: pip install 'soe_lib[cluster]'.") from error
    packed = task.packed()
    key = sha256(packed).hexdigest()[:16]
    try:
        client = Client(address, timeout=WAIT)
    except OSError as error:
        raise SoeError(
            f"There is no Dask scheduler at {address}: {error}. Start one, or leave `cluster` out."
        ) from error
    with client:
        shared = client.scatter((packed, task.begun(scenarios)), broadcast=True, hash=False)
        asked = (pickle.dumps(one, protocol=5) for one in scenarios)
        begun = {client.submit(work, key, shared, one, pure=False, retries=TRIES): n for n, one in enumerate(asked)}
        for done in as_completed(list(begun)):
            place = begun[done]
            if done.status == "finished":
                yield place, received(task, scenarios[place], done.result())
            else:
                said = f"The cluster gave it up: {done.exception()}"
                yield place, Result(scenarios[place], None, None, said, 0.0)
            done.release()


def work(key: str, parcel: tuple[bytes, bytes], scenario: bytes) -> bytes:
    """One scenario on a worker; a worker of several threads does one at a time, since they share a solver."""
    with _LOCK:
        if key not in _OPEN:
            _OPEN.clear()
            task, begun = opened(parcel[0]), handed(parcel[1])
            _OPEN[key] = Station(task.snapshot, task.record, task.options, begun)
        return answer(_OPEN[key], scenario)
