"""What statement and bridge read of a plan, solved or loaded: its dates, its items, its standard costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.ledger import Ledger
from soe_lib.money.timeline import timeline

Window = tuple[date, date]
"""First and last day, both included."""

STANDARD = pl.Schema({"item": pl.String, "standard_cost": pl.Float64})


class PlanLike(Protocol):
    """Anything with a name, flows and a ledger: a Plan, or a Valued plan that nobody solved."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def flows(self) -> Mapping[str, pl.DataFrame]:
        """Flow → frame of keys and quantity."""

    @property
    def ledger(self) -> Ledger:
        """Its money lines."""


def periods_of(plan: PlanLike) -> pl.DataFrame:
    """The plan's periods: its own, else those of its ledger."""
    own = getattr(plan, "periods", None)
    return own if isinstance(own, pl.DataFrame) and own.height else plan.ledger.periods


def items_of(plan: PlanLike) -> pl.DataFrame:
    """The plan's items: its own, else those of its ledger."""
    own = getattr(plan, "items", None)
    return own if isinstance(own, pl.DataFrame) and own.height else plan.ledger.items


def horizon(plan: PlanLike) -> Window:
    """First and last day that the plan speaks about: its window, else its periods.

    Raises ReconciliationError where it has neither.
    """
    window = getattr(plan, "window", None)
    if window is not None:
        return window
    periods = periods_of(plan)
    if periods.is_empty():
        raise ReconciliationError(f"{plan.name} has no periods: nobody can say which days it covers.")
    return periods.get_column("starts_on").min(), periods.get_column("ends_on").max()  # type: ignore[return-value]


def standard_costs(plans: list[PlanLike], given: pl.DataFrame | None) -> pl.DataFrame:
    """item, standard_cost [money/unit]: the frame given, else the plans' items, the last plan's first."""
    frames = [given] if given is not None else [items_of(plan) for plan in reversed(plans)]
    known = [
        frame.select(pl.col("item").cast(pl.String), pl.col("standard_cost").cast(pl.Float64)).drop_nulls()
        for frame in frames
        if {"item", "standard_cost"} <= set(frame.columns)
    ]
    return pl.concat([pl.DataFrame(schema=STANDARD), *known]).unique("item", keep="first").sort("item")


def with_dates(frame: pl.DataFrame, plan: PlanLike) -> pl.DataFrame:
    """The frame with starts_on, ends_on and days of its `period`; null where the label is no time."""
    dates = timeline(frame.get_column("period"), periods_of(plan))
    return frame.join(dates.drop("week", "month", "months"), on="period", how="left", validate="m:1")
