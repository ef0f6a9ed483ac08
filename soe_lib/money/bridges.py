"""A walk of bridges: budget → S&OP → last week's plan → this week's plan → actual, each with residual 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import polars as pl

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.bridge import KEYS, VARIABLE, Bridge, Convention, Reader
from soe_lib.money.reading import PlanLike, Window, standard_costs
from soe_lib.money.rounding import as_money
from soe_lib.money.steps import window_of


@dataclass(frozen=True, eq=False, repr=False)
class Walk:
    """Several plans in turn, and why each is worth more than the one before; favourable is positive.

    Formula: margin of the first + Σ steps of every bridge = margin of the last, in whole minor units.

    Parameters
    ----------
    bridges : one from each plan to the next.

    Raises ReconciliationError where one does not start at what the one before ends at.
    """

    bridges: tuple[Bridge, ...]

    def __post_init__(self) -> None:
        for before, after in pairwise(self.bridges):
            if (before.end, before.other) != (after.start, after.base):
                raise ReconciliationError(
                    f"the bridge to {before.other} ends at {before.end} minor units, the next one, from {after.base}, "
                    f"starts at {after.start}: value every plan once and compare it over the same days."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The plans from first to last."""
        return (self.bridges[0].base, *(one.other for one in self.bridges))

    @property
    def residual(self) -> int:
        """Last − first − Σ all steps, in minor units: 0."""
        steps = sum(int(one.steps["amount"].sum()) for one in self.bridges)
        return self.bridges[-1].end - self.bridges[0].start - steps

    @property
    def steps(self) -> pl.DataFrame:
        """Every step: from, to, driver, amount (Int64, minor units), formula, rows."""
        return pl.concat(_between(one, one.steps) for one in self.bridges)

    @property
    def detail(self) -> pl.DataFrame:
        """The rows behind the steps: from, to, driver, keys, quantities, amounts, amount (Int64, minor units)."""
        return pl.concat([_between(one, one.detail) for one in self.bridges], how="diagonal")

    def by(self, *columns: str) -> pl.DataFrame:
        """The steps drilled down: from, to, driver, the columns (a key, or family …), amount in minor units."""
        return pl.concat(_between(one, one.by(*columns)) for one in self.bridges)

    def drivers(self) -> pl.DataFrame:
        """Drivers down, bridges across, and in all: driver, a column per plan walked to, total [money]."""
        wide = self.steps.pivot("to", index="driver", values="amount", aggregate_function="sum").fill_null(0)
        total = wide.with_columns(total=pl.sum_horizontal(pl.exclude("driver")))
        return total.with_columns(as_money(pl.exclude("driver"), self.bridges[0].digits))

    def table(self) -> pl.DataFrame:
        """The walk as it is shown: line, kind (plan, driver), amount, cumulative [money], formula."""
        parts = []
        for place, one in enumerate(self.bridges):
            if not place:
                parts.append(_line(one.base, one.start))
            reached = one.start + pl.col("amount").cum_sum()
            parts.append(one.steps.select(line="driver", kind=pl.lit("driver"), amount="amount", cumulative=reached,
                                          formula="formula"))  # fmt: skip
            parts.append(_line(one.other, one.end))
        money = as_money(pl.col("amount", "cumulative"), self.bridges[0].digits)
        return pl.concat(parts).with_columns(money)

    def __repr__(self) -> str:
        return "\n".join([f"{' → '.join(self.names)}, residual {self.residual}", *(repr(one) for one in self.bridges)])


def bridges(
    plans: Sequence[PlanLike],
    *,
    window: Window | Literal["common"] | None = None,
    at_base_rates: Mapping[str, PlanLike] | None = None,
    standard_cost: pl.DataFrame | None = None,
    convention: Convention = "mix at base margin",
    by: Sequence[str] = KEYS,
    variable: Sequence[str] = VARIABLE,
    reading: Literal["cash", "accrual"] = "cash",
    digits: int = 2,
) -> Walk:
    """The bridges from each plan to the next: budget → S&OP → last week's plan → this week's plan → actual.

    Formula: see `soe_lib.money.bridge.bridge`; all of them over the same days and at the same standard costs.

    Parameters
    ----------
    plans : two or more, in the order to be walked; names of their own.
    window : first and last day to compare, or "common" for the days that all of them cover.
    at_base_rates : by name of a plan: that plan at the exchange rates of the one before it.
    standard_cost : item, standard_cost [money/unit]; the plans' own items when left out.
    convention, by, variable, reading, digits : of every bridge; see `bridge`.

    Raises ReconciliationError for different horizons without a window, FormulationError for fewer than two plans.
    """
    if len(plans) < 2:
        raise FormulationError(f"a walk needs at least two plans, not {len(plans)}.")
    rated = dict(at_base_rates or {})
    if unknown := sorted(set(rated) - {plan.name for plan in plans[1:]}):
        raise FormulationError(f"no plan to walk to is called {', '.join(unknown)}.")
    span = window_of(plans, window)
    costs = standard_costs(list(plans), standard_cost)
    read = Reader([*plans, *rated.values()], span, tuple(by), costs, reading=reading)
    return Walk(
        tuple(
            read.bridge(before, after, rated.get(after.name), convention=convention, variable=variable, digits=digits)
            for before, after in pairwise(plans)
        )
    )


def _between(one: Bridge, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.lit(one.base).alias("from"), pl.lit(one.other).alias("to"), pl.all())


def _line(name: str, amount: int) -> pl.DataFrame:
    return pl.DataFrame({"line": [name], "kind": ["plan"], "amount": [amount], "cumulative": [amount], "formula": [""]})
