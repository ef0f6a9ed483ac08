"""What became of one scenario."""

from __future__ import annotations

from dataclasses import dataclass

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.scenario.scenario import Scenario


@dataclass(frozen=True)
class Result:
    """One scenario's plan, or why there is none.

    Parameters
    ----------
    snapshot : as the scenario makes it; None where an edit failed.
    plan : None where there is no proven plan.
    error : blank where there is one.
    seconds : for edits, model and solve.
    """

    scenario: Scenario
    snapshot: Snapshot | None
    plan: Plan | None
    error: str
    seconds: float

    @property
    def name(self) -> str:
        """Of the scenario."""
        return self.scenario.name
