"""Shared definitions of the risk curve: its cells, its causes, and when stock is reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.reach import NODE

if TYPE_CHECKING:
    from soe_lib.model.network import Network

CELL = (*NODE, "period")
LEAST = 1e-6
"""Smallest step that counts [units]."""
CAUSES = ("forecast error", "late deliveries", "lost hours")
"""The causes of shortage that a cushion covers."""


def pace(network: Network) -> float:
    """Units of time (`costs.per`) in a day."""
    return float(network.periods["length"].sum() / lengths(network).sum())


def lengths(network: Network) -> Floats:
    """Days of each period."""
    span = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    return network.periods.select(span.cast(pl.Float64)).to_series().to_numpy()


def counted(network: Network) -> Floats:
    """Days that the closing stock of a period represents: the whole review interval in its last period, else 0.

    A plan in days is reviewed only every few days; low stock in between can no longer be corrected.
    """
    days = lengths(network)
    review = np.ceil(np.cumsum(days) / network.settings.cushion.review_days - 1e-9)
    last = np.append(review[1:] != review[:-1], True)
    reached = np.cumsum(days)[last]
    counted = np.zeros(len(days))
    counted[last] = np.diff(reached, prepend=0.0)
    return counted


def windows(network: Network, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Weeks over which errors accumulate by the end of each period, and the share of each period within them.

    Shapes: curves × periods, and curves × periods × periods.
    """
    days = lengths(network)
    ends = np.cumsum(days)
    begins = ends - days
    distinct, place = np.unique(rows["days"].to_numpy(), return_inverse=True)
    first = np.maximum(ends[None, :] - distinct[:, None], 0.0)
    overlap = np.minimum(ends[None, None, :], ends[None, :, None]) - np.maximum(
        begins[None, None, :], first[:, :, None]
    )
    return ((ends[None, :] - first) / 7.0)[place], np.clip(overlap / days[None, None, :], 0.0, 1.0)[place]


def reviews(network: Network) -> pl.DataFrame:
    """The periods whose closing stock counts for the cushion: period, days that it represents."""
    found = network.periods.select("period").with_columns(days=pl.Series(counted(network), dtype=pl.Float64))
    return found.filter(pl.col("days") > 0)
