"""What travels between processes: a snapshot once, then a scenario one way and what is new in its answer the other."""

from __future__ import annotations

import copyreg
import pickle
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.extract.settings import Settings
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.scenario.result import Result
from soe_lib.scenario.scenario import Scenario
from soe_lib.scenario.station import Station

if TYPE_CHECKING:
    from soe_lib.model.solve import Options
    from soe_lib.money.rates import RateBook


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
    def rates(self) -> RateBook:
        """The rates of the base, which most scenarios leave as they are."""
        from soe_lib.model.blocks import STANDARD, kept_close
        from soe_lib.model.model import Model

        return Model(self.snapshot, (*STANDARD, *kept_close(self.snapshot, self.record))).rate_book

    def station(self) -> Station:
        """A place where it is worked on."""
        return Station(self.snapshot, self.record, self.options)

    def packed(self) -> bytes:
        """As bytes."""
        return pickle.dumps(Task(self.snapshot, self.record, self.options), protocol=5)


def opened(task: bytes) -> Task:
    """The task that `packed` made bytes of."""
    found = pickle.loads(task)  # noqa: S301  (written by this library's own processes)
    assert isinstance(found, Task), "nothing else is sent"
    return found


@dataclass(frozen=True)
class _Sent:
    """An answer without what the other side has: tables that no edit changed, and the base's rates."""

    tables: dict[str, pl.DataFrame] | None
    settings: Settings | None
    plan: Plan | None
    base_rates: bool
    error: str
    seconds: float


def answer(station: Station, scenario: bytes) -> bytes:
    """What a worker makes of a scenario that was sent to it."""
    try:
        asked = pickle.loads(scenario)  # noqa: S301  (as above)
    except Exception as failure:  # a class that only the asker's own session knows
        said = f"The scenario's own blocks cannot be sent to a worker ({failure}): put their classes in a module."
        return pickle.dumps(_Sent(None, None, None, False, said, 0.0), protocol=5)
    return pickle.dumps(_sent(station, station.result(asked)), protocol=5)


def received(task: Task, scenario: Scenario, sent: bytes) -> Result:
    """The result of a scenario, put together again."""
    found: _Sent = pickle.loads(sent)  # noqa: S301  (as above)
    plan, edited = found.plan, None
    if plan is not None and found.base_rates:
        plan = replace(plan, rates=task.rates)
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
    same = plan is not None and station.rates is not None and plan.rates is station.rates
    if plan is not None:
        plan = replace(plan, rates=None) if same else replace(plan)  # type: ignore[arg-type]
    return _Sent(tables, settings, plan, same, result.error, result.seconds)
