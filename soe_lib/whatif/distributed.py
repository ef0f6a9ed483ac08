"""Scenarios on this machine's cores or on a Dask cluster: each worker keeps a solver; a crash costs one scenario."""

from __future__ import annotations

import copyreg
import gc
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from soe_lib.errors import FormulationError, SoeError, SolveError
from soe_lib.extract.settings import Settings
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.model.start import Start
from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook
from soe_lib.whatif.scenario import Result, Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.model import Model
    from soe_lib.model.solve import Options


Frames = Mapping[str, pl.DataFrame]
QUANTITY, PRICE = ("quantity",), ("rhs", "price")
"""The columns of flows and of prices that a plan is about; the others are labels."""


@dataclass(frozen=True)
class Figures:
    """One frame without its labels.

    Parameters
    ----------
    labels : None where they are the base's. values : the other columns. order : of all columns.
    """

    labels: pl.DataFrame | None
    values: pl.DataFrame
    order: tuple[str, ...]


@dataclass(frozen=True)
class Slim:
    """A plan without what the other side knows.

    Parameters
    ----------
    plan : with no flows, prices and rates. flows, prices : their figures by name.
    rates : tables that are not the base's; None: the base's book.
    """

    plan: Plan
    flows: Mapping[str, Figures]
    prices: Mapping[str, Figures]
    rates: RateBook | None


class Known:
    """What both sides know of the base.

    Parameters
    ----------
    model : of the base; the same on both sides, since a snapshot's labels have one order.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.flows = {name: _parted(flow.named, QUANTITY)[0] for name, flow in model.flows.items()}
        self.balances = {name: _parted(balance.named, PRICE)[0] for name, balance in model.balances.items()}

    def slim(self, plan: Plan) -> Slim:
        """A plan without it."""
        own = plan.rates is self.model.rate_book
        empty = RateBook({}, items=plan.items, periods=plan.periods)
        return Slim(
            replace(plan, flows={}, prices={}, rates=empty),
            _figures(plan.flows, self.flows, QUANTITY),
            _figures(plan.prices, self.balances, PRICE),
            None if own else plan.rates,
        )

    def whole(self, slim: Slim) -> Plan:
        """The plan again, with its ledger where the base's rates value it cell by cell."""
        rates = self.model.rate_book if slim.rates is None else slim.rates
        plan = replace(
            slim.plan, flows=_frames(slim.flows, self.flows), prices=_frames(slim.prices, self.balances), rates=rates
        )
        if slim.rates is None and all(one.labels is None for one in slim.flows.values()):
            quantities = [plan.flows[name].get_column("quantity").to_numpy() for name in self.model.program.columns]
            lines = self.model.rates_by_cell.value(np.concatenate(quantities))
            plan.__dict__["ledger"] = Ledger(lines, items=plan.items, periods=plan.periods)
        return plan


def _figures(frames: Frames, known: Frames, values: Sequence[str]) -> dict[str, Figures]:
    return {name: _figured(frame, known.get(name), values) for name, frame in frames.items()}


def _figured(frame: pl.DataFrame, known: pl.DataFrame | None, names: Sequence[str]) -> Figures:
    labels, values = _parted(frame, names)
    own = known is None or labels.columns != known.columns or not labels.equals(known)
    return Figures(labels if own else None, values, tuple(frame.columns))


def _parted(frame: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labels and values; column by column, since a query takes longer than there is to do."""
    columns = frame.get_columns()
    labels, values = ([one for one in columns if (one.name in names) == values] for values in (False, True))
    return pl.DataFrame(labels), pl.DataFrame(values)


def _frames(figures: Mapping[str, Figures], known: Frames) -> dict[str, pl.DataFrame]:
    return {name: _frame(one, known[name] if one.labels is None else one.labels) for name, one in figures.items()}


def _frame(figures: Figures, labels: pl.DataFrame) -> pl.DataFrame:
    columns = {one.name: one for one in (*labels.get_columns(), *figures.values.get_columns())}
    return pl.DataFrame([columns[name] for name in figures.order])


@dataclass(frozen=True)
class Handed:
    """What became of the base.

    Parameters
    ----------
    start : its answer; None where there is none that can be handed on: whoever needs it solves it.
    refused, status : why the base has no plan, and its status; blank where it has one, or where nobody tried.
    """

    start: Start | None = None
    refused: str = ""
    status: str = ""

    @classmethod
    def found(cls, model: Model, options: Options | None) -> Handed:
        """Solve the base, for others."""
        if "service" in model.balances:
            return cls()
        try:
            return cls(Start.of(model, options))
        except SolveError as failure:
            return cls(refused=str(failure), status=failure.status)
        except FormulationError as failure:
            return cls(refused=str(failure), status="empty")

    def __call__(self, model: Model, options: Options | None) -> Start:
        """The answer for a living model of the base; solved here where none was handed, or another model's.

        Raises SolveError where the base has no plan.
        """
        if self.refused:
            raise SolveError(self.refused, status=self.status)
        if self.start is None or not self.start.fits(model):
            return Start.of(model, options)
        model.canonical = self.start.canonical
        return self.start


class Station:
    """Answers scenarios of one snapshot, each from the nearer of the base and the one before; never raises for one.

    The answer is that of a cold solve: the tie-break singles out the same plan wherever the solver came from.

    Parameters
    ----------
    snapshot : the one that scenarios change. record, options : as for `soe.plan`.
    start : finds the base's answer; left out, it is solved here.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        record: Plan | None = None,
        options: Options | None = None,
        start: Callable[[Model, Options | None], Start] | None = None,
    ) -> None:
        self.snapshot, self.record, self.options = snapshot, record, options
        self._start = start
        self._living: Living | None = None
        self._hopeless = False

    def result(self, scenario: Scenario) -> Result:
        """One scenario's plan, or why there is none."""
        start, edited, plan, error = perf_counter(), None, None, ""
        try:
            edited = scenario.apply(self.snapshot)
            plan = self._plan(edited, scenario)
        # whatever goes wrong in one scenario, the others must still be seen
        except Exception as failure:
            error = str(failure) or type(failure).__name__
        return Result(scenario, edited, plan, error, perf_counter() - start)

    def _plan(self, edited: Snapshot, scenario: Scenario) -> Plan:
        living = None if scenario.blocks else self._alive()
        if living is None:
            from soe_lib.model.planning import plan

            return plan(edited, blocks=scenario.blocks, record=self.record, options=self.options, name=scenario.name)
        if edited is self.snapshot:
            return living.base.with_name(scenario.name)
        return living.plan(edited, name=scenario.name)

    def _alive(self) -> Living | None:
        """The living solver; None where the base itself has no plan, and every scenario starts from nothing."""
        if self._living is None and not self._hopeless:
            from soe_lib.model.living import Living
            from soe_lib.model.start import Start

            start = self._start or Start.of
            try:
                self._living = Living(self.snapshot, record=self.record, options=self.options, start=start)
            except (SolveError, FormulationError):
                self._hopeless = True
        return self._living

    def begin(self) -> None:
        """Set the base up before anybody asks; what goes wrong is said to whoever asks."""
        with suppress(Exception):
            self._alive()

    @cached_property
    def known(self) -> Known | None:
        """What both sides know of the base, once it is planned."""
        return None if self._living is None else Known(self._living.home)


def _frozen(found: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(found)


def _thawed(found: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return _frozen, (dict(found),)


copyreg.pickle(MappingProxyType, _thawed)


@dataclass(frozen=True)
class Task:
    """What all scenarios share; it is sent to a worker once.

    Parameters
    ----------
    snapshot : the one that scenarios change. record, options : as for `soe.plan`.
    """

    snapshot: Snapshot
    record: Plan | None = None
    options: Options | None = None

    @cached_property
    def known(self) -> Known | None:
        """What every worker knows of the base; None where not even its model can be set up."""
        from soe_lib.model.blocks import STANDARD, kept_close
        from soe_lib.model.model import Model

        try:
            return Known(Model(self.snapshot, (*STANDARD, *kept_close(self.record))))
        except SoeError:
            return None

    @cached_property
    def handed(self) -> Handed:
        """The base's answer, found here."""
        return Handed() if self.known is None else Handed.found(self.known.model, self.options)

    def begun(self, scenarios: Sequence[Scenario]) -> bytes:
        """What became of the base, as bytes; it is solved only where a scenario starts from it."""
        needed = any(not one.blocks for one in scenarios)
        return pickle.dumps(self.handed if needed else Handed(refused="No scenario starts from it."), protocol=5)

    def packed(self) -> bytes:
        """As bytes, for a worker of one core."""
        from soe_lib.model.solve import Options

        alone = replace(self.options or Options(), threads=1, watch=None)
        return pickle.dumps(Task(self.snapshot, self.record, alone), protocol=5)


def unpacked_handed(begun: bytes) -> Handed:
    """What `Task.begun` made bytes of."""
    found = pickle.loads(begun)  # noqa: S301  (as below)
    assert isinstance(found, Handed), "nothing else is sent"
    return found


def opened(task: bytes) -> Task:
    """The task that `packed` made bytes of."""
    found = pickle.loads(task)  # noqa: S301  (written by this library's own processes)
    assert isinstance(found, Task), "nothing else is sent"
    return found


@dataclass(frozen=True)
class _Sent:
    """An answer without what the other side has: tables that no edit changed, and what both know of the base."""

    tables: dict[str, pl.DataFrame] | None
    settings: Settings | None
    plan: Slim | Plan | None
    error: str
    seconds: float


def answer(station: Station, scenario: bytes) -> bytes:
    """What a worker makes of a scenario that was sent to it."""
    try:
        asked = pickle.loads(scenario)  # noqa: S301  (as above)
    except Exception as failure:  # a class that only the asker's own session knows
        said = f"The scenario's own blocks cannot be sent to a worker ({failure}): put their classes in a module."
        return pickle.dumps(_Sent(None, None, None, said, 0.0), protocol=5)
    return pickle.dumps(_sent(station, station.result(asked)), protocol=5)


def received(task: Task, scenario: Scenario, sent: bytes) -> Result:
    """The result of a scenario, put together again."""
    found: _Sent = pickle.loads(sent)  # noqa: S301  (as above)
    plan, edited = found.plan, None
    if isinstance(plan, Slim):
        assert task.known is not None, "a worker that knows the base's labels has set up its model"
        plan = task.known.whole(plan)
    if found.tables is not None:
        tables = MappingProxyType({**task.snapshot.tables, **found.tables})
        settings = found.settings or task.snapshot.settings
        edited = replace(task.snapshot, tables=tables, settings=settings)
    return Result(scenario, edited, plan, found.error, found.seconds)


def _sent(station: Station, result: Result) -> _Sent:
    base, edited, plan = station.snapshot, result.snapshot, result.plan
    tables, settings = None, None
    if edited is not None:
        tables = {name: frame for name, frame in edited.tables.items() if frame is not base.tables[name]}
        settings = edited.settings if edited.settings is not base.settings else None
    slim = station.known.slim(plan) if plan is not None and station.known is not None else plan
    return _Sent(tables, settings, slim, result.error, result.seconds)


BEGIN = "import sys; from soe_lib.whatif.distributed import main; main(int(sys.argv[1]), sys.argv[2])"
AHEAD = 2
"""Scenarios that a worker has at a time, so that it never waits for the next one."""
ONE_EACH = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def on_cores(task: Task, scenarios: Sequence[Scenario], workers: int) -> Iterator[tuple[int, Result]]:
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
        command = [sys.executable, "-c", BEGIN, str(theirs.fileno()), str(task)]
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
        return unpacked_handed(self.link.recv_bytes())

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


TRIES, WAIT = 3, 30
"""How often a scenario is begun anew when its worker is lost, and how long a scheduler may take to answer [s]."""
_LOCK = threading.Lock()
_OPEN: dict[str, Station] = {}
"""The station of the task that this worker is at; one at a time, for a living solver is no small thing."""


def on_cluster(task: Task, scenarios: Sequence[Scenario], address: str) -> Iterator[tuple[int, Result]]:
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
            task, begun = opened(parcel[0]), unpacked_handed(parcel[1])
            _OPEN[key] = Station(task.snapshot, task.record, task.options, begun)
        return answer(_OPEN[key], scenario)
