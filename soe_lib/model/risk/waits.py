"""A charge on units that wait beyond the review after their due date, so that waiting fills no tier of the cushion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.demand import KEYS, served
from soe_lib.model.reach import NODE
from soe_lib.model.risk.cells import CELL, reviews
from soe_lib.model.risk.tiers import steps
from soe_lib.model.risk.worth import worth

if TYPE_CHECKING:
    from soe_lib.model.network import Network

LINE = (*KEYS, "period")
LEFT = 0.9
"""Most of the charge, as a share of the loss of an unserved unit: above it a plan would rather lose the unit."""


@prepared
def waits(network: Network) -> pl.DataFrame:
    """The charge on a unit that is served after the first review since its due date, so that waiting fills no cushion.

    At that review the curve applies to net stock, closing stock − backlog. Unforeseen demand of others up to then is
    known before the unit has to leave, so keeping the unit back in advance gains nothing. A unit kept back for a later
    review protects against the demand of others until then, and costs only its delay.
    Formula: waiting = min(price of the lowest tier at the review, LEFT × (lost − late × delay)⁺).

    Returns
    -------
    item, location, customer, order, due, period, waiting [money/unit, above 0].
    """
    place = network.periods.select("period", "index").sort("index")
    review = reviews(network).select("period").join(place, on="period").sort("index")
    first = place.rename({"period": "due"}).join_asof(
        review.select(review="period", at="index", key="index"), left_on="index", right_on="key", strategy="forward"
    )
    lowest = steps(network).group_by(CELL).agg(lowest=pl.col("price").max()).rename({"period": "review"})
    lost = (pl.col("price") - pl.col("value")).clip(0.0) + pl.col("short_penalty") + pl.col("short_cost")
    delay = (pl.col("late_cost") + pl.col("late_goodwill")) * pl.col("late")
    return (
        served(network)
        .filter(pl.col("late") > 0)
        .join(first.select("due", "review", "at"), on="due", maintain_order="left")
        .join(place, on="period", maintain_order="left")
        .filter(pl.col("index") > pl.col("at"))
        .join(lowest, on=[*NODE, "review"], maintain_order="left")
        .join(worth(network), on="item", how="left", maintain_order="left")
        .select(*LINE, waiting=pl.min_horizontal("lowest", LEFT * (lost - delay).clip(0.0)))
        .filter(pl.col("waiting") > 0)
    )
