"""Plans scenarios on this machine's cores or on a Dask cluster; a crashed worker fails only its current scenario.

Every worker receives the base once and keeps one warm solver of it. Objects that both sides have are sent by name, in
both directions.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl

from soe_lib.errors import FormulationError, SoeError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.living import Living
from soe_lib.model.model import Model
from soe_lib.model.planning import plan
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import Result, Scenario

if TYPE_CHECKING:
    from distributed import Client

    from soe_lib.model.extra import Extra
    from soe_lib.model.living import Living
    from soe_lib.model.model import Model
    from soe_lib.solver.answer import SolverOptions
    from soe_lib.solver.warm_start import Start

AHEAD = 2
"""Scenarios that a worker has at a time, so that it never waits for the next one."""
TRIES, WAIT = 3, 30
"""Retries of a scenario whose cluster worker is lost; time limit for a scheduler to answer [s]."""
ONE_EACH = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")

Solve = Callable[[Snapshot, Scenario], Plan]
"""How a plan is made from a snapshot with a scenario's edits."""


def frozen(found: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """A read-only mapping, unpickled."""
    return MappingProxyType(found)


copyreg.pickle(MappingProxyType, lambda mapping: (frozen, (dict(mapping),)))


@dataclass(frozen=True)
class Task:
    """What all scenarios share.

    Parameters
    ----------
    snapshot : the one that scenarios change. record, options : as for `soe.plan`.
    start : where the base's solve ended; None: each worker solves the base.
    extra : constraints and terms of the analyst, kept in every scenario.
    """

    snapshot: Snapshot
    record: Plan | None = None
    options: SolverOptions | None = None
    start: Start | None = None
    extra: Extra | None = None

    def cold(self, edited: Snapshot, scenario: Scenario) -> Plan:
        """The plan of a scenario, solved cold."""
        return plan(
            edited, blocks=scenario.blocks, extra=self.extra, record=self.record, options=self.options,
            name=scenario.name,
        )  # fmt: skip

    def model(self) -> Model:
        """The base's model."""
        return Model(self.snapshot, (*STANDARD, *kept_close(self.record)), extra=self.extra)

    def solved(self, model: Model) -> Task:
        """The task with its base solved; unchanged where the base has no plan, or none that another process can start
        from.
        """
        if "service" in model.constraints or model.convex:
            return self
        try:
            return replace(self, start=Session(model.program, self.options, unique=True).start)
        except (SolveError, FormulationError):
            return self


class WarmSolver:
    """Plans scenarios of one snapshot, each from a warm start at the base or at the last one.

    The plan equals that of a cold solve, because the tie-break makes it unique. `home` is the base's model, once it is
    solved.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.home: Model | None = None

    def __call__(self, edited: Snapshot, scenario: Scenario) -> Plan:
        """The plan of a scenario; solved cold where it has its own blocks or the base has no plan."""
        living = None if scenario.blocks else self.living
        if living is None:
            return self.task.cold(edited, scenario)
        if edited is self.task.snapshot:
            return living.base.with_name(scenario.name)
        return living.plan(edited, name=scenario.name)

    @cached_property
    def living(self) -> Living | None:
        """The warm solver; None where the base itself has no plan."""
        task = self.task
        try:
            living = Living(task.snapshot, extra=task.extra, record=task.record, options=task.options, start=task.start)
        except (SolveError, FormulationError):
            return None
        self.home = living.home
        return living


def planned(snapshot: Snapshot, scenario: Scenario, solve: Solve) -> Result:
    """One scenario's plan, or the reason for none; never raises, so that the other scenarios go on."""
    start, edited, plan, error = perf_counter(), None, None, ""
    try:
        edited = scenario.apply(snapshot)
        plan = solve(edited, scenario)
    except Exception as failure:
        error = str(failure) or type(failure).__name__
    return Result(scenario, edited, plan, error, perf_counter() - start)


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def distributed(
    task: Task, scenarios: Sequence[Scenario], *, workers: int = 1, cluster: str = ""
) -> Iterator[tuple[int, Result]]:
    """Position and result of every scenario, as they arrive.

    Parameters
    ----------
    task : what they share. workers : processes of this machine, one core each.
    cluster : address of a Dask scheduler, such as tcp://127.0.0.1:8786, whose workers are used instead.

    Raises SoeError where there is no scheduler at the address.
    """
    with ExitStack() as stack:
        if cluster:
            client = stack.enter_context(_client(cluster))
            lines = [_Worker(lambda: _Cluster(client), len(scenarios))]
        else:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soe-scenarios-")))
            lines = [_Worker(_process, AHEAD) for _ in range(min(workers, len(scenarios)))]
        stack.callback(lambda: [line.pool.shutdown(kill_workers=True) for line in lines])
        common, packed = _packed(task, scenarios)  # the workers import at the same time
        if cluster:
            shared = client.scatter(packed, broadcast=True, hash=False)
        else:
            shared = str(home / "task")
            Path(shared).write_bytes(packed)
        key, waiting = uuid4().hex, deque(range(len(scenarios)))
        while waiting or any(line.given for line in lines):
            for line in lines:
                while waiting and len(line.given) < line.ahead:
                    place = waiting.popleft()
                    line.given.append((place, line.pool.submit(work, key, shared, scenarios[place])))
            wait([future for line in lines for _, future in line.given], return_when=FIRST_COMPLETED)
            for line in lines:
                for place, sent in line.finished(waiting):
                    found = sent if isinstance(sent, str) else _unpacked(sent, common)
                    yield (
                        place,
                        (
                            Result(scenarios[place], None, None, found, 0.0)
                            if isinstance(found, str)
                            else replace(found, scenario=scenarios[place])
                        ),
                    )


@dataclass
class _Worker:
    """A process of this machine, or a whole cluster, and the scenarios it was given, oldest first."""

    begin: Callable[[], Any]
    ahead: int
    given: deque[tuple[int, Future[bytes]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.pool = self.begin()

    def finished(self, waiting: deque[int]) -> Iterator[tuple[int, bytes | str]]:
        """Position and answer of each finished scenario, or the reason for none.

        Where the process crashed, its current scenario fails; scenarios that it had not begun return to the queue.
        """
        while self.given and self.given[0][1].done():
            place, future = self.given.popleft()
            try:
                yield place, future.result()
            except BrokenProcessPool as lost:
                waiting.extendleft(place for place, _ in reversed(self.given))
                self.given.clear()
                self.pool.shutdown(kill_workers=True)
                self.pool = self.begin()
                reason = f"Its worker process crashed; the usual reason is a lack of memory. {lost}"
                yield place, f"{reason} Run it on its own."
            except Exception as failure:  # one failure must not stop the other scenarios
                yield place, f"It failed: {failure}"


def _process() -> Any:
    """One process of this machine, which begins to import."""
    from joblib.externals.loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(1, env=dict.fromkeys(ONE_EACH, "1"))
    pool.submit(_ready)
    return pool


def _ready() -> None:
    import soe_lib.model.living  # noqa: F401


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise SoeError("A cluster needs the extra `cluster`: pip install 'soe_lib[cluster]'.") from error
    try:
        return Client(address, timeout=WAIT)
    except OSError as error:
        raise SoeError(
            f"There is no Dask scheduler at {address}: {error}. Start one, or leave `cluster` out."
        ) from error


class _Cluster:
    """A Dask cluster with the interface of a process pool; a scenario whose worker is lost is run again elsewhere."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def submit(self, *call: Any) -> Future[bytes]:
        """The future result of a call on the cluster."""
        here: Future[bytes] = Future()
        self.client.submit(*call, pure=False, retries=TRIES).add_done_callback(lambda there: _settle(here, there))
        return here

    def shutdown(self, *, kill_workers: bool) -> None:
        """Does nothing: the cluster keeps running, and the owner of the client closes it."""


def _settle(here: Future[bytes], there: Any) -> None:
    try:
        here.set_result(there.result())
    except Exception as failure:
        here.set_exception(failure)


_LOCK = threading.Lock()
_OPEN: dict[str, WarmSolver] = {}
"""The solver of this process's current task; one at a time, because a warm solver takes much memory."""


def work(key: str, shared: bytes | str, scenario: Scenario) -> bytes:
    """Plans one scenario in a worker; threads of one worker take turns, because they share a solver.

    Parameters
    ----------
    key : of the task. shared : the task as bytes, or the file that holds them.
    """
    with _LOCK:
        if key not in _OPEN:
            _OPEN.clear()
            packed = shared if isinstance(shared, bytes) else Path(shared).read_bytes()
            _OPEN[key] = WarmSolver(pickle.loads(packed))  # noqa: S301  (written by this library's own processes)
        solver = _OPEN[key]
        found = planned(solver.task.snapshot, scenario, solver)
        sent = io.BytesIO()
        _ByName(sent, _common(solver.task.snapshot, solver.home)).dump(replace(found, scenario=Scenario(scenario.name)))
        return sent.getvalue()


def _packed(task: Task, scenarios: Iterable[Scenario]) -> tuple[Mapping[str, Any], bytes]:
    """The objects that both sides have, and the task as bytes for a process of one core.

    The base is solved only where a scenario starts from it.
    """
    model = None
    if any(not one.blocks for one in scenarios):
        try:
            model = task.model()
            task = task.solved(model)
        except SoeError:
            model = None
    alone = replace(task.options or SolverOptions(), threads=1, watch=None)
    return _common(task.snapshot, model), _sent(replace(task, options=alone))


def _sent(task: Task) -> bytes:
    """A task as bytes; the analyst's function goes with all that it refers to: no other process can import it."""
    if task.extra is None:
        return pickle.dumps(task, protocol=5)
    import cloudpickle  # needed only to send an analyst's function

    try:
        packed: bytes = cloudpickle.dumps(task, protocol=5)
    except Exception as failure:  # an object that cannot be pickled may raise anything
        raise SoeError(
            f"`extra` cannot be sent to other processes: {failure}. It must not refer to an object that belongs "
            "to this process (a lock, an open file, a connection); else compare with workers=1."
        ) from failure
    return packed


def _common(snapshot: Snapshot, model: Model | None) -> Mapping[str, Any]:
    """Name → what both sides have: the base, its tables, settings and periods, the labels and rates of its flows."""
    known = {"base": snapshot, "settings": snapshot.settings, "periods of the plan": snapshot.periods}
    if model is None:
        return {**snapshot.tables, **known}
    labels = {f"cells of {name}": flow.named for name, flow in model.flows.items()}
    rates = {f"rates of {name}": table for name, table in model.rate_book.tables.items()}
    return {**snapshot.tables, **known, **labels, **rates}


class _ByName(pickle.Pickler):
    """Pickles objects that the other side has, or equal frames, by their name.

    Of a flow whose cells are known it writes the quantities alone.
    """

    def __init__(self, file: io.BytesIO, common: Mapping[str, Any]) -> None:
        super().__init__(file, protocol=5)
        self.names = {id(one): name for name, one in common.items()}
        self.frames = {_shape(one): one for one in common.values() if isinstance(one, pl.DataFrame)}

    def persistent_id(self, obj: Any) -> str | None:
        return self.names.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, pl.DataFrame):
            return NotImplemented
        if (same := self._known(obj)) is not None:
            return pl.DataFrame.clone, (same,)
        if obj.columns[-1:] == ["quantity"] and (labels := self._known(obj.drop("quantity"))) is not None:
            return pl.DataFrame.with_columns, (labels, obj.get_column("quantity"))
        return NotImplemented

    def _known(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        known = self.frames.get(_shape(frame))
        return known if known is not None and frame.equals(known) else None


def _shape(frame: pl.DataFrame) -> tuple[Any, ...]:
    return (*frame.schema.items(), frame.height)


class _FromName(pickle.Unpickler):
    """Reads what `_ByName` wrote."""

    def __init__(self, file: io.BytesIO, common: Mapping[str, Any]) -> None:
        super().__init__(file)
        self.common = common

    def persistent_load(self, pid: str) -> Any:
        return self.common[pid]


def _unpacked(sent: bytes, common: Mapping[str, Any]) -> Result:
    found: Result = _FromName(io.BytesIO(sent), common).load()
    return found
