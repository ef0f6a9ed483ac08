"""From two plans to the steps of a bridge: the same days, effects that are complete, minor units that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.money.keyed import Keys, Side
from soe_lib.money.reading import PlanLike, Window, horizon
from soe_lib.money.rounding import LARGEST, nested
from soe_lib.money.variance import Flex, formula
from soe_lib.money.window import accrual, common_window, cut

ROUNDING = "rounding"
NOISE = 1e-6
"""Minor units below which an effect is float noise."""


def on_days(plans: Sequence[PlanLike], span: Window | None, costs: pl.DataFrame | None) -> list[PlanLike]:
    if span is not None:
        return [cut(plan, span, standard_cost=costs) for plan in plans]
    return list(plans) if costs is None else [accrual(plan, costs) for plan in plans]


def window_of(plans: Sequence[PlanLike], window: Window | Literal["common"] | None) -> Window | None:
    """The days to compare; None for the whole of plans that cover the same days.

    Raises ReconciliationError for different horizons without a window.
    """
    if window == "common":
        return common_window(list(plans))
    if window is not None:
        return window
    spans = [horizon(plan) for plan in plans]
    if len(set(spans)) > 1:
        said = "; ".join(f"{p.name}: {a} to {b}" for p, (a, b) in zip(plans, spans, strict=True))
        raise ReconciliationError(
            f"the plans cover different days ({said}), and money of different days cannot be bridged. "
            'Compare what they share with window="common".'
        )
    return None


def change_of(effects: Mapping[str, pl.DataFrame], plans: Sequence[PlanLike]) -> float:
    """The change of margin, which the effects must be before they become cents: nothing may be rounded away.

    Float noise grows with the figures: a volume of a million times the base is measured in such figures.
    """
    change = plans[1].ledger.margin - plans[0].ledger.margin
    found = sum(float(rows.get_column("effect").sum()) for rows in effects.values())
    size = sum(float(rows.get_column("effect").abs().sum()) for rows in effects.values())
    turnover = sum(plan.ledger.turnover for plan in plans)
    if abs(found - change) > max(1e-4, 1e-11 * turnover, 1e-13 * size):
        raise ReconciliationError(f"the effects add up to {found:,.4f}, but the margin moves by {change:,.4f}.")
    return change


def in_minor_units(effects: Mapping[str, pl.DataFrame], keys: Keys, goals: tuple[int, int], scale: int) -> pl.DataFrame:
    """Effects as minor units that add up to the rounded change, and what the rounded ends are off it.

    Parameters
    ----------
    goals : the rounded change, and the change between the rounded ends, in minor units.
    """
    goal, change = goals
    kept = {driver: rows.filter((pl.col("effect") * scale).abs() >= NOISE) for driver, rows in effects.items()}
    sizes = [rows.height for rows in kept.values()]
    rows = pl.concat(kept.values(), how="diagonal")
    values = rows.get_column("effect").to_numpy() * scale
    if beyond := [driver for driver, one in kept.items() if float(one["effect"].abs().sum()) * scale >= LARGEST]:
        raise ReconciliationError(
            f"{', '.join(beyond)} has more minor units than whole numbers of 64 bits can count: the base sells too "
            "little to measure the other plan by, or an amount is not in money. Compare plans of one scale."
        )
    goal = goal if values.size else 0
    cents = nested(values, [np.repeat(np.arange(len(sizes)), sizes)], goal)
    drivers = pl.Series("driver", list(kept), dtype=pl.String).gather(np.repeat(np.arange(len(sizes)), sizes))
    found = keys.labelled(rows.drop("effect").with_columns(pl.Series("amount", cents, dtype=pl.Int64)))
    found = found.select(drivers, pl.all())
    if change == goal:
        return found
    left = dict.fromkeys(found.columns) | {"driver": ROUNDING, "amount": change - goal}
    return pl.concat([found, pl.DataFrame([left], schema=found.schema)])


def steps_of(detail: pl.DataFrame, flexed: Flex, sides: tuple[Side, Side]) -> pl.DataFrame:
    sums = detail.group_by("driver", maintain_order=True).agg(
        pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("rows")
    )
    said = [formula(driver, flexed, sides[0].plan.ledger, sides[1].plan.ledger) for driver in sums.get_column("driver")]
    return sums.with_columns(pl.Series("formula", said, dtype=pl.String)).select("driver", "amount", "formula", "rows")
