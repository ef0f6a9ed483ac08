"""What a hedge comes to: common first decisions, a plan for each scenario, and what knowing more would be worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.spelling import hint
from soe_lib.model.axis import Floats
from soe_lib.model.plan import Plan
from soe_lib.model.two_stage import First


@dataclass(frozen=True)
class CVaR:
    """How much the worst outcomes count: the plan is worth (1 − weight) · expected money + weight · CVaR.

    Formula: CVaR = the mean of the worst 1 − level of all outcomes (Rockafellar & Uryasev 2000).

    Parameters
    ----------
    level : α, from 0 (all outcomes) to below 1. weight : from 0 (expected money only) to 1 (CVaR only).

    Raises DataError for anything else.
    """

    level: float = 0.95
    weight: float = 0.5

    def __post_init__(self) -> None:
        given: dict[str, object] = {"level": self.level, "weight": self.weight}
        for name, one in given.items():
            if isinstance(one, bool) or not isinstance(one, Real):
                raise DataError(f"the {name} of CVaR is a number, not {one!r}.")
        if not 0.0 <= self.level < 1.0:
            raise DataError(f"the level of CVaR is from 0 to below 1, not {self.level}: 0.95 means the worst 5 %.")
        if not 0.0 <= self.weight <= 1.0:
            raise DataError(f"the weight of CVaR is from 0 to 1, not {self.weight}.")

    def tail(self, outcomes: Floats, chances: Floats) -> float:
        """The mean of the worst 1 − level of some outcomes, shape (scenarios,) [money]."""
        order = np.argsort(outcomes, kind="stable")
        share = 1.0 - self.level
        before = np.cumsum(chances[order]) - chances[order]
        counted = np.clip(share - before, 0.0, chances[order])
        return float(outcomes[order] @ counted / counted.sum())

    def value(self, outcomes: Floats, chances: Floats) -> float:
        """What some outcomes are worth together [money]; −∞ where one of them cannot be."""
        if np.isneginf(outcomes).any():
            return -np.inf
        return (1.0 - self.weight) * float(outcomes @ chances) + self.weight * self.tail(outcomes, chances)


@dataclass(frozen=True, eq=False, repr=False)
class Hedge:
    """First decisions that are common to all scenarios, the plan that answers each, and what both are worth.

    Money is margin + steering, which the plans maximise.

    Parameters
    ----------
    currency : of the money.
    chances : scenario → probability.
    first : flow → the periods that are decided first (None: all cells).
    decisions : flow → keys, quantity, and `of_mean`, the same decision of the plan for the mean [unit of the flow].
    plans : scenario → its certified plan, the first decisions held.
    alone : scenario → its plan with perfect information, nothing held.
    carried_out : scenario → its plan with the first decisions of the mean plan; None where they cannot be carried out.
    mean : name of the mean plan.
    risk : how much the worst outcomes count.
    solution : of the joint program: status, objective, bound, gap, seconds, variables, rows, certificate.
    """

    currency: str
    chances: Mapping[str, float]
    first: First
    decisions: Mapping[str, pl.DataFrame]
    plans: Mapping[str, Plan]
    alone: Mapping[str, Plan]
    carried_out: Mapping[str, Plan | None]
    mean: str
    risk: CVaR
    solution: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, scenario: str) -> Plan:
        """The plan of a scenario by name; DataError where there is no such scenario."""
        if scenario not in self.plans:
            raise DataError(
                f"No scenario {scenario!r}. {hint(scenario, self.plans)} There are: {', '.join(self.plans)}."
            )
        return self.plans[scenario]

    @property
    def value(self) -> float:
        """What the hedged plan is worth: expected money, or its mixture with CVaR [money]."""
        return self._worth(self.plans)

    @property
    def expected(self) -> float:
        """Σ probability × (margin + steering) of the hedged plans [money]."""
        return float(self._probabilities @ _money(self.plans))

    @property
    def expected_margin(self) -> float:
        """Σ probability × margin of the hedged plans [money]."""
        return float(self._probabilities @ np.array([plan.margin for plan in self.plans.values()]))

    @property
    def cvar(self) -> float:
        """The mean of the worst 1 − level of the hedged outcomes [money]."""
        return self.risk.tail(_money(self.plans), self._probabilities)

    @property
    def expected_of_mean(self) -> float:
        """EEV: what the mean plan's first decisions are worth in these scenarios [money]; −∞ where they cannot be."""
        return self._worth(self.carried_out)

    @property
    def wait_and_see(self) -> float:
        """WS: what the plans with perfect information are worth [money]."""
        return self._worth(self.alone)

    @property
    def vss(self) -> float:
        """VSS, the value of the stochastic solution: value − expected_of_mean [money]; ∞ where that is −∞."""
        return self.value - self.expected_of_mean

    @property
    def evpi(self) -> float:
        """EVPI, the expected value of perfect information: wait_and_see − value [money]."""
        return self.wait_and_see - self.value

    def table(self) -> pl.DataFrame:
        """One row a scenario.

        Returns
        -------
        scenario, probability; margin, steering and money of the hedged plan; of_mean: with the mean plan's first
        decisions (blank: they cannot be carried out); alone: with perfect information; regret: alone − money [money].
        """
        money, alone = _money(self.plans), _money(self.alone)
        of_mean = [None if plan is None else plan.objective for plan in self.carried_out.values()]
        return pl.DataFrame(
            {
                "scenario": list(self.plans),
                "probability": self._probabilities,
                "margin": [plan.margin for plan in self.plans.values()],
                "steering": [plan.steering for plan in self.plans.values()],
                "money": money,
                "of_mean": pl.Series(of_mean, dtype=pl.Float64),
                "alone": alone,
                "regret": alone - money,
            }
        )

    @cached_property
    def _probabilities(self) -> Floats:
        return np.array(list(self.chances.values()))

    def _worth(self, plans: Mapping[str, Plan | None]) -> float:
        return self.risk.value(_money(plans), self._probabilities)

    def __repr__(self) -> str:
        flows = ", ".join(f"{flow} ({frame.height:,})" for flow, frame in self.decisions.items())
        worst = f"the worst {1 - self.risk.level:.0%}"
        counted = f" (counted {self.risk.weight:.0%} by {worst})" if self.risk.weight else ""
        lost = [name for name, plan in self.carried_out.items() if plan is None]
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        mean = (
            f"First decisions of {self.mean} cannot be carried out in {lost[0]!r}{others}."
            if lost
            else f"First decisions of {self.mean} would be worth {self.expected_of_mean:,.2f}: hedging is worth "
            f"{self.vss:,.2f}."
        )
        return (
            f"Hedged plan for {len(self.plans)} scenarios, {self.solution.get('status')}: worth {self.currency} "
            f"{self.value:,.2f}{counted}; expected margin {self.expected_margin:,.2f}, mean of {worst} "
            f"{self.cvar:,.2f}. Decided first: {flows or 'nothing'}. {mean} Perfect information would be worth "
            f"{self.evpi:,.2f} more."
        )


def _money(plans: Mapping[str, Plan | None]) -> Floats:
    return np.array([-np.inf if plan is None else plan.objective for plan in plans.values()])


__all__ = ["CVaR", "Hedge"]
