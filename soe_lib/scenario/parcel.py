"""What travels between processes: a snapshot once, then a scenario one way and what is new in its answer the other."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.settings import Settings
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.scenario.handed import Handed
from soe_lib.scenario.known import Known, Slim
from soe_lib.scenario.result import Result
from soe_lib.scenario.scenario import Scenario
from soe_lib.scenario.station import Station

if TYPE_CHECKING:
    from soe_lib.model.solve import Options


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


def handed(begun: bytes) -> Handed:
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
