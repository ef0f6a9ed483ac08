"""The possible shortage of a node over an interval: demand above, and supply below, what the plan expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.reach import NODE, usage
from soe_lib.model.risk.cells import CAUSES, CELL, LEAST, counted, reviews, windows
from soe_lib.model.risk.evidence import active, delays, errors, outages, stated
from soe_lib.model.risk.losses import shortest_intervals
from soe_lib.uncertainty.slices import WEIGHTS, added, of_values
from soe_lib.uncertainty.spread import FLOOR, LISTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soe_lib.model.network import Network


def recorded(network: Network, rows: pl.DataFrame, causes: Sequence[str]) -> tuple[Floats, Floats]:
    """Slices of the shortage over each interval (rows × reviews × slices), and its demand (rows × reviews)."""
    at = np.flatnonzero(counted(network))
    ahead, inside = (one[:, at] for one in windows(network, rows))
    exposed, asked = (np.einsum("cs,cts->ct", one, inside) for one in needed(network, rows))
    share, usual = _shares(network, rows, ahead)
    if network.settings.forecast.bias == "remove":  # the forecast is already corrected
        share = share - (share @ WEIGHTS)[:, :, None]
    part = np.divide(exposed, asked, out=np.zeros_like(asked), where=asked > LEAST)
    base = part * np.maximum(asked, FLOOR * usual * ahead)
    errors_in_sum = share * base[:, :, None] * float(CAUSES[0] in causes)
    return _supply(network, rows, asked, ahead, errors_in_sum, causes), asked


def needed(network: Network, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Demand on the node of each curve by period, in the node's units: the uncertain part, and all of it.

    Orders in hand are certain. In a period that is partly ordered, the uncertain part is √(demand × forecast).
    """
    cells = (
        network.demand.group_by(*NODE, "due", maintain_order=True)
        .agg(
            pl.col("quantity").sum(),
            forecast=pl.col("quantity").filter(pl.col("order").cast(pl.String) == "").sum(),
        )
        .with_columns(exposed=(pl.col("quantity") * pl.col("forecast")).sqrt())
        .rename({"item": "of_item", "location": "of_location", "due": "period"})
    )
    found = (
        usage(network)
        .join(cells, on=["of_item", "of_location"])
        .sort(*NODE, "period", "of_item", "of_location")
        .group_by(*NODE, "period", maintain_order=True)
        .agg((pl.col("exposed", "quantity") * pl.col("per_unit")).sum())
        .join(rows.select(NODE).with_row_index("curve"), on=NODE)
        .join(network.periods.select("period", at=pl.int_range(0, pl.len())), on="period")
    )
    place = (found["curve"].to_numpy(), found["at"].to_numpy())
    made = []
    for name in ("exposed", "quantity"):
        table = np.zeros((rows.height, network.periods.height))
        table[place] = found[name].to_numpy()
        made.append(table)
    return made[0], made[1]


def _supply(
    network: Network, rows: pl.DataFrame, asked: Floats, ahead: Floats, short: Floats, causes: Sequence[str]
) -> Floats:
    """Slices of the shortage from unforeseen demand (`short`), late deliveries and lost output together.

    Formula: a delivery late by some days is short by the demand of as many days. Lost output over w weeks has mean
    w × μ and variance w × σ² of a week's demand, as one stop with probability mean² ÷ (mean² + variance). Demand,
    deliveries and stops are assumed independent.
    """
    day = asked / (7.0 * ahead)
    late = rows.select(NODE).with_row_index("curve").join(delays(network), on=NODE).sort("curve", "days")
    which, days, share = (late[name].to_numpy() for name in ("curve", "days", "share"))
    slices = of_values(which, days, share, rows.height)
    if CAUSES[1] in causes and np.any(slices):
        within = np.minimum(slices[:, None, :], 7.0 * ahead[:, :, None])
        short = added(short, within * day[:, :, None], WEIGHTS)
    lost = rows.select(NODE).join(outages(network), on="item", how="left", maintain_order="left")
    mean, variance = (lost[name].fill_null(0.0).to_numpy()[:, None] * ahead for name in ("mean", "variance"))
    if CAUSES[2] in causes and np.any(mean):
        chance = np.divide(mean**2, mean**2 + variance, out=np.ones_like(mean), where=(mean**2 + variance) > 0)
        size = np.divide(mean, chance, out=np.zeros_like(mean), where=chance > 0) * 7.0 * day
        values = np.stack([np.zeros_like(size), size], axis=2)
        short = added(short, values, np.stack([1.0 - chance, chance], axis=2))
    return short


def _shares(network: Network, rows: pl.DataFrame, ahead: Floats) -> tuple[Floats, Floats]:
    """Slices of the relative error of each row and review (rows × reviews × slices), and a usual week's forecast.

    Between whole weeks they are interpolated. Before the first and after the last week of the record, deviations from
    the mean are assumed independent from week to week; the mean is the same bias in every week.
    """
    table = errors(network)
    known_weeks = np.array(sorted(table["ahead"].unique().to_list()), dtype=np.float64)
    nodes = rows.select(NODE).join(
        table.sort("ahead").group_by(NODE, maintain_order=True).agg(LISTED, "usual"),
        on=NODE,
        how="left",
        maintain_order="left",
    )
    listed = np.array(nodes[LISTED].to_list(), dtype=np.float64)  # curves × weeks known × steps
    usual = np.array([one[0] or 0.0 for one in nodes["usual"].to_list()]) / known_weeks[0]
    inside = np.clip(ahead, known_weeks[0], known_weeks[-1])
    upper = np.clip(np.searchsorted(known_weeks, inside), 1, max(len(known_weeks) - 1, 1))
    if len(known_weeks) == 1:
        taken = np.repeat(listed, ahead.shape[1], axis=1)
    else:
        left, right = known_weeks[upper - 1], known_weeks[upper]
        weight = ((inside - left) / (right - left))[:, :, None]
        row = np.arange(rows.height)[:, None]
        taken = listed[row, upper - 1] * (1.0 - weight) + listed[row, upper] * weight
    mean = (taken @ WEIGHTS)[:, :, None]
    return mean + (taken - mean) * np.sqrt(inside / ahead)[:, :, None], usual[:, None]


def shortfalls(network: Network) -> pl.DataFrame:
    """The possible shortages of each node at the end of each review, over its shortest interval, with probabilities.

    Returns
    -------
    item, location, interval [days], period, short [units, below 0: a surplus], weight (adds up to 1).
    """
    rows = shortest_intervals(network)
    given = stated(network)
    parts = [rows.select(*NODE, interval="days").join(given.select(*CELL, short="quantity", weight="weight"), on=NODE)]
    rest = rows.join(given.select(NODE).unique(), on=NODE, how="anti")
    if rest.height and active(network):
        short, _ = recorded(network, rest, CAUSES)
        which, when, step = (axis.ravel() for axis in np.indices(short.shape))
        parts.append(
            pl.DataFrame(
                [
                    rest["item"].gather(which),
                    rest["location"].gather(which),
                    rest["days"].gather(which).alias("interval"),
                    reviews(network)["period"].gather(when),
                    pl.Series("short", short[which, when, step]),
                    pl.Series("weight", WEIGHTS[step]),
                ]
            )
        )
    return pl.concat(parts).join(reviews(network).select("period"), on="period", how="semi")
