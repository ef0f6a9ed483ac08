"""The errors of a node, from the record or as the company states them, and those of its supply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.reach import NODE, lateness, usage, ways
from soe_lib.model.risk.cells import CELL
from soe_lib.model.risk.losses import intervals
from soe_lib.uncertainty import record as records
from soe_lib.uncertainty import supply
from soe_lib.uncertainty.spread import spread

if TYPE_CHECKING:
    from soe_lib.model.network import Network

FOREVER = 10**6
"""Length of a blank time label [days]."""


@prepared
def known(network: Network) -> pl.DataFrame:
    """The record of the forecast by item and place; see `uncertainty.record.of`."""
    found = records.of(network.snapshot)
    # An earlier extract may contain items and places that no longer exist.
    labels = {name: network.domains[name].categories for name in NODE}
    return network.encode(found.filter(pl.col(name).is_in(now.implode()) for name, now in labels.items()))


@prepared
def errors(network: Network) -> pl.DataFrame:
    """Slices of the relative error of every node that serves demand; see `uncertainty.spread.spread`."""
    rule = network.settings.cushion
    history = known(network)
    weeks = history.select(pl.col("week").n_unique()).item() if history.height else 0
    longest = intervals(network).select(pl.col("days").max().fill_null(7.0)).item()
    far = int(longest // 7) + 1
    summed = records.accumulated(history, max(1, min(far, weeks // 2)))
    nodes = usage(network).select(NODE).unique().sort(NODE)
    nodes = nodes.join(network.table("items").select("item", "family"), on="item", how="left")
    return spread(records.joined(summed, usage(network)), nodes, pool=rule.pool, default=rule.error)


def active(network: Network) -> bool:
    """Whether errors come from the record: always, or only where there is one, as the settings say."""
    use = network.settings.cushion.use
    return use == "always" or (use == "with a record" and not known(network).is_empty())


@prepared
def stated(network: Network) -> pl.DataFrame:
    """The errors that the company states: item, location, period, probability, quantity, weight.

    A row applies to the periods that end within its time label; the shortest label counts, a blank one last. Formula:
    the weight of a quantile is half the distance between its neighbours; the outermost reach to 0 and to 1.
    """
    table = network.table("forecast_errors")
    if table.is_empty():
        return network.nodes.clear().with_columns(
            period=network.first, probability=pl.lit(0.0), quantity=pl.lit(0.0), weight=pl.lit(0.0)
        )
    names = table.select(label=pl.col("period").fill_null("")).unique()
    spans = network.calendar.spans(names["label"]).with_columns(long=(pl.col("last") - pl.col("first")).dt.total_days())
    ending = pl.col("ends_on").is_between("first", "last") | (pl.col("label") == "")
    held = spans.join(network.periods.select(at="period", ends_on="ends_on"), how="cross").filter(ending)
    rows = (
        table.with_columns(label=pl.col("period").fill_null(""))
        .drop("period")
        .join(held.select("label", pl.col("at").alias("period"), pl.col("long").fill_null(FOREVER)), on="label")
        .filter(pl.col("long") == pl.col("long").min().over(CELL))
        .sort(*CELL, "probability")
    )
    at = pl.col("probability")
    above = ((at + at.shift(-1)) / 2).over(CELL).fill_null(1.0)
    below = ((at + at.shift(1)) / 2).over(CELL).fill_null(0.0)
    return rows.select(*CELL, "probability", "quantity", weight=above - below)


@prepared
def delays(network: Network) -> pl.DataFrame:
    """The delay of supply to each node, of the cheapest routing, else lane, else offer: *NODE, days, share (sum 1)."""
    rank = pl.col("kind").replace_strict({"make": 0, "ship": 1, "buy": 2}, return_dtype=pl.Int8)
    first = ways(network).sort(*NODE, rank, "cost", "days", "name").group_by(NODE, maintain_order=True).first()
    mixed = lateness(network).select("kind", pl.col("name"), late="days", share="share")
    return (
        first.select(*NODE, "kind", "name").join(mixed, on=["kind", "name"]).select(*NODE, days="late", share="share")
    )


@prepared
def outages(network: Network) -> pl.DataFrame:
    """Share of an item's weekly output that is lost with hours, averaged over places: item, mean, variance."""
    lost = network.encode(supply.output_lost(network.snapshot).select("item", "location", "mean_share", "sd_share"))
    return (
        lost.sort(NODE)
        .group_by("item", maintain_order=True)
        .agg(mean=pl.col("mean_share").mean(), variance=(pl.col("sd_share") ** 2).mean())
    )
