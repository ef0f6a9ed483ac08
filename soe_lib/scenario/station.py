"""One process's place of work: a snapshot with a solver kept alive, which answers one scenario after another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

from soe_lib.errors import FormulationError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.scenario.known import Known
from soe_lib.scenario.result import Result
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.model import Model
    from soe_lib.model.solve import Options
    from soe_lib.model.start import Start


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
