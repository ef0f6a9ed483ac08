"""How much of an item anybody could ever use: the ceiling behind every on/off decision.

A switch (a run, an order, a lorry, a site) needs a number that the switched quantity never exceeds in an optimal plan.
It is valid only if it covers every use that is paid: demand still open, components of what is still open, stock that a
policy asks for. An item whose stock earns money at the end has no such ceiling; then only its own limits count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.model.demand import served
from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network


@prepared
def useful(network: Network) -> pl.DataFrame:
    """item, period, useful: most units of the item that can still be used from the period on (null: no ceiling).

    useful(i, t) = Σ demand lines of i that may be served in t or later + Σ policies' safety and end stock
    + Σ over routings that consume i of quantity ÷ yield × useful(made item, t).
    """
    items = network.items.select("item").unique().sort("item")
    names, count = items["item"], items.height
    position = items.with_row_index("place")
    own = _open_demand(network, position, count) + _kept(network, position, count)[:, None]
    explosion = _explosion(network, position, count)
    total, step = own.copy(), own
    for _ in range(count):  # as many rounds as the BOM has levels
        step = explosion @ step
        if not np.any(step):
            break
        total += step
    else:
        total[:] = np.inf  # a cycle: nothing bounds it
    total[_endless(network, position, count, explosion)] = np.inf
    periods = network.periods["period"]
    return pl.DataFrame(
        {
            "item": names.gather(np.repeat(np.arange(count), len(periods))),
            "period": periods.gather(np.tile(np.arange(len(periods)), count)),
            "useful": total.ravel(),
        }
    ).with_columns(pl.when(pl.col("useful").is_finite()).then("useful").alias("useful"))


def _open_demand(network: Network, position: pl.DataFrame, count: int) -> np.ndarray:
    horizon = network.periods.height
    keys = ["item", "location", "customer", "order", "due"]
    last = served(network).group_by(keys).agg(pl.col("period").max().alias("last"), pl.col("quantity").first())
    rows = last.join(position, on="item").select("place", "quantity", pl.col("last").to_physical().alias("index"))
    by_last = np.zeros((count, horizon))
    np.add.at(by_last, (rows["place"].to_numpy(), rows["index"].to_numpy()), rows["quantity"].to_numpy())
    asked = network.table("substitutions")
    if not asked.is_empty():  # a substitute may stand in for the whole demand of the item it replaces
        pairs = asked.join(position, on="item").join(
            position.select(pl.col("item").alias("substitute"), pl.col("place").alias("other")), on="substitute"
        )
        extra = by_last[pairs["place"].to_numpy()] * pairs["ratio"].fill_null(1.0).to_numpy()[:, None]
        np.add.at(by_last, pairs["other"].to_numpy(), extra)
    return by_last[:, ::-1].cumsum(axis=1)[:, ::-1]


def _kept(network: Network, position: pl.DataFrame, count: int) -> np.ndarray:
    wanted = pl.col("safety_stock").fill_null(0.0) + pl.col("end_stock").fill_null(0.0)
    rows = network.table("policies").join(position, on="item").select("place", wanted.alias("wanted"))
    return np.bincount(rows["place"].to_numpy(), rows["wanted"].to_numpy(), minlength=count)


def _explosion(network: Network, position: pl.DataFrame, count: int) -> sp.csr_array:
    made = network.table("routings").group_by("routing", "item").agg(pl.col("yield").min())
    uses = (
        network.table("components")
        .join(made, on="routing")
        .group_by("component", "item")
        .agg((pl.col("quantity") / pl.col("yield")).max().alias("ratio"))
        .join(position, on="item")
        .join(position.select(pl.col("item").alias("component"), pl.col("place").alias("part")), on="component")
    )
    return sp.csr_array(
        (uses["ratio"].to_numpy(), (uses["part"].to_numpy(), uses["place"].to_numpy())), shape=(count, count)
    )


def _endless(network: Network, position: pl.DataFrame, count: int, explosion: sp.csr_array) -> np.ndarray:
    """Items whose stock earns money at the end, and whatever goes into them."""
    rows = network.items.join(position, on="item").select("place", "end_value")
    valued = np.zeros(count, bool)
    valued[rows["place"].to_numpy()] = rows["end_value"].to_numpy() > 0
    # A co-product may be made for the sake of the other: its routing's own item bounds it no longer.
    beside = network.table("co_products").join(network.table("routings").select("routing", "item"), on="routing")
    if not beside.is_empty():
        valued[beside.join(position, left_on="item_right", right_on="item")["place"].to_numpy()] = True
    for _ in range(count):
        wider = valued | (explosion @ valued.astype(float) > 0)
        if (wider == valued).all():
            break
        valued = wider
    return valued
