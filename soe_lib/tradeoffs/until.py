"""What counts as broken: margin or service below a figure, a month missed, another answer better than the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError, SoeError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.model.plan import Plan
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.outlook import month_outlook
from soe_lib.review.situation import Situation
from soe_lib.scenario import measures
from soe_lib.scenario.options.price import LEAST
from soe_lib.scenario.options.registry import answers_to
from soe_lib.scenario.scenario import Scenario

NOTHING = "do nothing"


@dataclass(frozen=True, eq=False)
class Reading:
    """One size of a change, planned.

    Parameters
    ----------
    snapshot, plan : with the change; plan None where there is none, `error` says why.
    solve : plans another snapshot in the same way.
    """

    size: float
    snapshot: Snapshot
    plan: Plan | None
    error: str
    solve: Callable[[Snapshot], Plan]


Until = Callable[[Reading, Reading], bool]
"""Of a reading and that of size 0: whether it is broken. What has no plan is broken without being asked."""


@dataclass(frozen=True)
class MarginBelow:
    """The margin falls below an amount [money]."""

    amount: float

    def __call__(self, now: Reading, base: Reading) -> bool:  # noqa: ARG002
        assert now.plan is not None, "only planned readings are asked"
        return now.plan.margin < self.amount

    def __str__(self) -> str:
        return f"margin falls below {words.number(self.amount)}"


@dataclass(frozen=True)
class ServiceBelow:
    """The share of demand that is served in its own period falls below a share."""

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            meant = f": write {self.share / 100:g} for {self.share:g} %" if 1 < self.share <= 100 else ""
            raise DataError(f"Service is a share from 0 to 1, not {self.share:g}{meant}.")

    def __call__(self, now: Reading, base: Reading) -> bool:  # noqa: ARG002
        assert now.plan is not None, "only planned readings are asked"
        return (measures.service(now.plan) or 0.0) < self.share

    def __str__(self) -> str:
        return f"service falls below {words.percent(self.share, decimals=1)}"


@dataclass(frozen=True)
class MonthMissed:
    """A family's month leaves the S&OP tolerance that it keeps today.

    Parameters
    ----------
    family, month : which ("Laundry", "2026-12"); blank: any.
    """

    family: str = ""
    month: str = ""

    def __call__(self, now: Reading, base: Reading) -> bool:
        assert now.plan is not None, "only planned readings are asked"
        self._check(base.snapshot)
        kept = self._outlook(base).filter(pl.col("inside"))
        if kept.is_empty():
            asked = " ".join(part for part in (self.family, self.month) if part) or "any family"
            raise DataError(
                f"No month of {asked} is within its S&OP tolerance today, so none can be missed: ask for another one."
            )
        lost = self._outlook(now).filter(~pl.col("inside"))
        return bool(lost.join(kept, on=["family", "month"], how="semi").height)

    def _check(self, snapshot: Snapshot) -> None:
        families = snapshot["items"]["family"].unique().to_list()
        if self.family and self.family not in families:
            raise DataError(f"No item is of the family {self.family!r}. {hint(self.family, families)}".strip())

    def _outlook(self, reading: Reading) -> pl.DataFrame:
        assert reading.plan is not None, "only planned readings are asked"
        rows = month_outlook(reading.snapshot, reading.plan)
        asked = {"family": self.family, "month": self.month}
        return rows.filter(*(pl.col(name) == value for name, value in asked.items() if value))

    def __str__(self) -> str:
        whose = " of ".join(part for part in (self.month or "a month", self.family) if part)
        return f"{whose} leaves its S&OP tolerance"


@dataclass(frozen=True)
class DecisionFlips:
    """Another answer is now worth most.

    Formula: the answer with the largest (margin + steering with it) − (margin + steering without); an answer that gains
    less than one unit of money is none, and "do nothing" wins where all are.

    Parameters
    ----------
    answers : the options, each a scenario on top of the change.
    """

    answers: tuple[Scenario, ...]

    @classmethod
    def between(cls, answers: Sequence[Scenario]) -> DecisionFlips:
        """Of options of your own."""
        return cls(tuple(answers))

    @classmethod
    def of(cls, situation: Situation, issue: Issue, *, at_most: int = 4) -> DecisionFlips:
        """Of the options that the pack offers for an exception; raises DataError where it offers none."""
        found = tuple(option.scenario for option in answers_to(situation, issue)[:at_most])
        if not found:
            raise DataError(f"{issue.key}: no option is known, so no decision can flip.")
        return cls(found)

    def best(self, reading: Reading) -> str:
        """The name of the answer that is worth most."""
        assert reading.plan is not None, "only planned readings are asked"
        worth = {NOTHING: LEAST}
        for answer in self.answers:
            try:
                worth[answer.name] = reading.solve(answer.apply(reading.snapshot)).objective - reading.plan.objective
            except SolveError:
                continue
            except SoeError as error:
                raise DataError(f"The answer {answer.name!r} cannot be given here: {error}") from error
        # The first of equals, to the cent: which one it is must not hang on rounding.
        return max(worth, key=lambda name: round(worth[name], 2))

    def __call__(self, now: Reading, base: Reading) -> bool:
        return self.best(now) != self.best(base)

    def __str__(self) -> str:
        return "another answer is worth most"
