"""The stock level that each slice of an error requires, and the price of a unit below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.blocks.stock import holding_rates
from soe_lib.model.cache import prepared
from soe_lib.model.reach import NODE
from soe_lib.model.risk.cells import CAUSES, CELL, LEAST, counted, pace, windows
from soe_lib.model.risk.evidence import active, stated
from soe_lib.model.risk.losses import before, curves
from soe_lib.model.risk.shortages import needed, recorded
from soe_lib.uncertainty.slices import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soe_lib.model.network import Network


@prepared
def levels(network: Network) -> pl.DataFrame:
    """The stock level that each step of each curve requires at the end of each period, and the price of a unit below.

    Formula: level = slice of the relative error × max(forecast of the interval, half the usual one) − demand of the
    classes that are short before, in the interval. The interval is the protection interval of the curve, or the time
    from the as-of date to the end of the period where that is shorter. Price = rate × days of the review × probability
    of the slice; the first class of the shortest interval adds the holding rate to its rate.

    Returns
    -------
    item, location, period, level [units], price [money/unit below].
    """
    return levels_against(network, CAUSES)


def levels_against(network: Network, causes: Sequence[str]) -> pl.DataFrame:
    """The levels and prices with only some of the causes."""
    nothing = network.nodes.clear().with_columns(period=network.first, level=pl.lit(0.0), price=pl.lit(0.0))
    if network.settings.cushion.use == "never" or not (active(network) or stated(network).height):
        return nothing
    rows = curves(network).join(holding_rates(network), on=NODE, how="left", maintain_order="left")
    if rows.is_empty():
        return nothing
    held = pl.col("holding").fill_null(0.0) * pace(network)
    # A unit short has no holding cost, whatever the interval: only the shortest one counts this.
    once = pl.col("first") & (pl.col("days") == pl.col("days").min().over(NODE))
    rows = rows.with_columns(pl.when(once).then(pl.col("rate") + held).otherwise("rate").alias("rate"))
    given = stated(network)
    rest = rows.join(given.select(NODE).unique(), on=NODE, how="anti").sort(*NODE, "days", "rank")
    found = []
    if given.height and CAUSES[0] in causes:
        found.append(_as_stated(network, rows.join(given.select(NODE).unique(), on=NODE, how="semi"), given))
    if rest.height and active(network):
        found.append(_as_recorded(network, rest, causes))
    return pl.concat([nothing, *found])


def _as_stated(network: Network, rows: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Levels and prices of nodes whose errors the company states."""
    ahead, inside = windows(network, rows)
    asked, others = (np.einsum("cs,cts->ct", one, inside) for one in (needed(network, rows)[1], before(network, rows)))
    usable = _usable(network, rows, asked, ahead)
    when = pl.DataFrame({"at": np.arange(network.periods.height), "days": counted(network)})
    cells = (
        rows.select(*NODE, "rate")
        .with_row_index("curve")
        .join(
            pl.concat([network.periods.select("period"), when], how="horizontal").filter(pl.col("days") > 0),
            how="cross",
        )
    )
    place = (cells["curve"].to_numpy(), cells["at"].to_numpy())
    cells = cells.with_columns(others=pl.Series(others[place]), usable=pl.Series(usable[place]))
    level = pl.min_horizontal(pl.col("quantity") - pl.col("others"), "usable")
    return (
        cells.join(given, on=CELL)
        .select(*CELL, level=level, price=pl.col("rate") * pl.col("days") * pl.col("weight"))
        .filter(pl.col("level") > LEAST)
    )


def _as_recorded(network: Network, rows: pl.DataFrame, causes: Sequence[str]) -> pl.DataFrame:
    """Levels and prices of nodes whose errors come from the record."""
    # The shortage is the same for all classes, and needed only for periods with a review.
    each = rows.select(*NODE, "days").unique(maintain_order=True)
    place = rows.join(each.with_row_index("place"), on=[*NODE, "days"], maintain_order="left")["place"].to_numpy()
    at = np.flatnonzero(counted(network))
    short, asked = recorded(network, each, causes)
    ahead, inside = (one[:, at] for one in windows(network, each))
    usable = _usable(network, each, asked, ahead)
    level = short[place] - np.einsum("cs,cts->ct", before(network, rows), inside[place])[:, :, None]
    level = np.minimum(level, usable[place][:, :, None])
    rate = rows["rate"].to_numpy()[:, None] * counted(network)[at]
    price = rate[:, :, None] * WEIGHTS
    which, when, step = np.nonzero((level > LEAST) & (price != 0))
    return pl.DataFrame(
        [
            rows["item"].gather(which),
            rows["location"].gather(which),
            network.periods["period"].gather(at[when]),
            pl.Series("level", level[which, when, step]),
            pl.Series("price", price[which, when, step]),
        ]
    )


def _usable(network: Network, rows: pl.DataFrame, asked: Floats, ahead: Floats) -> Floats:
    """Units that can be used before they expire, at the demand rate of the interval: curves × periods; else inf.

    The remaining life that customers require shortens the usable life.
    """
    required = network.table("customers").select(pl.col("remaining_life_days").max().fill_null(0.0)).item() or 0.0
    lives = network.table("items").select("item", left=(pl.col("shelf_life_days") - required).clip(0.0))
    left = rows.select("item").join(lives, on="item", how="left", maintain_order="left")["left"]
    days = left.cast(pl.Float64).fill_null(np.inf).to_numpy()[:, None]
    limit = np.full(asked.shape, np.inf)
    return np.multiply(asked / (7.0 * ahead), days, out=limit, where=np.isfinite(days))
