"""How much of an item anybody could ever use: the ceiling behind every on/off decision.

A switch (a run, an order, a lorry, a site) needs a number that the switched quantity never exceeds in an optimal plan.
It is valid only if it covers every use that is paid: demand still open, components of what is still open, stock that a
policy asks for, and what is made only to be rid of components that nobody wants, for there is no free disposal. An
item whose stock earns money at the end has no such ceiling; then only its own limits count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.model.demand import served
from soe_lib.model.domains import BEYOND
from soe_lib.model.prepared import prepared
from soe_lib.model.program import LEAD

if TYPE_CHECKING:
    from soe_lib.model.network import Network


@prepared
def useful(network: Network) -> pl.DataFrame:
    """item, period, useful, rid: most units of the item that can still be used from the period on (null: no ceiling).

    useful(i, t) = Σ demand lines of i that may be served in t or later + Σ policies' safety and end stock
    + what smallest and whole loads carry beyond it + Σ over routings that consume i of
    quantity ÷ yield × (useful(made item, t) + what its smallest and whole runs make beyond it) + rid(i), the units that
    could be made of components only to be rid of these (infinite for what co-products go into; then not added).
    """
    position = _position(network)
    names, count = position["item"], position.height
    on_loads, on_loads_and_runs = network.kept.get("useful: beyond need", _beyond_needs)
    own = _open_demand(network, position, count) + _kept(network, position, count)[:, None] + on_loads[:, None]
    beyond_need = on_loads_and_runs[:, None]
    explosion = network.kept.get("useful: explosion", _explosion)
    total = own.copy()
    step = np.where(own > 0, own + beyond_need, 0.0)
    for _ in range(count):  # as many rounds as the BOM has levels
        step = explosion @ step
        if not np.any(step):
            break
        total += step
        step = np.where(step > 0, step + beyond_need, 0.0)
    else:
        total[:] = np.inf  # a cycle: nothing bounds it
    total[:, -1] = 0.0  # what comes after the horizon is used by nobody, unless it is worth something
    rid = network.kept.get("useful: to be rid of", _rid)
    total += np.where(np.isfinite(rid), rid, 0.0)[:, None]
    total[network.kept.get("useful: endless", _endless)] = np.inf
    periods = pl.Series("period", [*network.snapshot.periods["period"], BEYOND], dtype=network.domains["period"])
    return pl.DataFrame(
        {
            "item": names.gather(np.repeat(np.arange(count), len(periods))),
            "period": periods.gather(np.tile(np.arange(len(periods)), count)),
            "useful": total.ravel(),
            "rid": np.repeat(rid, len(periods)),
        }
    ).with_columns(pl.when(pl.col("useful").is_finite()).then("useful").alias("useful"))


@prepared
def _position(network: Network) -> pl.DataFrame:
    """place, item: the order of the items in what follows."""
    return network.items.select("item").unique().sort("item").with_row_index("place")


def useful_on_arrival(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with `useful` of their item from the period on in which the first of it can be there."""
    arrivals = network.arrivals(cells.select(LEAD).unique())
    first = arrivals.group_by(LEAD).agg(pl.col("arrival").sort().first())
    return cells.join(first, on=[*LEAD], how="left", nulls_equal=True).join(
        useful(network).rename({"period": "arrival"}), on=["item", "arrival"], how="left"
    )


def _open_demand(network: Network, position: pl.DataFrame, count: int) -> np.ndarray:
    horizon = network.periods.height + 1
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


def _beyond_needs(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Beyond need on lanes, and on lanes and in routings."""
    return _beyond_need(network, ("lanes",)), _beyond_need(network, ("lanes", "routings"))


def _beyond_need(network: Network, tables: tuple[str, ...]) -> np.ndarray:
    """Units that smallest and whole runs and loads may bring beyond what is needed.

    What the last of them leaves over stays in stock, so it is never more than one smallest or whole load of each
    routing and lane: with more left, the last one could have been left out. Where stock expires, every one may.
    """
    position = _position(network)
    count = position.height
    size = pl.max_horizontal(pl.col("minimum").fill_null(0.0), pl.col("multiple").fill_null(0.0))
    found = np.zeros(count)
    for name, key in (("lanes", "lane"), ("routings", "routing")):
        if name in tables:
            rows = network.lanes if name == "lanes" else network.table(name)
            most = rows.select(key, "item", size.alias("size")).group_by(key, "item").agg(pl.col("size").max())
            places = most.join(position, on="item")
            found += np.bincount(places["place"].to_numpy(), places["size"].to_numpy(), minlength=count)
    expiring = network.items.join(position, on="item").filter(pl.col("shelf_life_days").is_not_null())["place"]
    found[expiring.to_numpy()] *= network.periods.height
    return found


def _rid(network: Network) -> np.ndarray:
    """Units of each item that could be made only to be rid of a component.

    rid(i) = the largest of (unwanted(c) + rid(c)) × yield ÷ quantity over its components c; unwanted of c are what is
    there or on its way, and what smallest and whole loads of it bring in every period.
    """
    position = _position(network)
    count = position.height
    load = pl.max_horizontal(pl.col("minimum").fill_null(0.0), pl.col("multiple").fill_null(0.0))
    size = load * network.periods.height
    given = [
        network.table("inventory").select("item", units="on_hand"),
        network.table("receipts").select("item", units="quantity"),
    ]
    sizes = [
        rows.select(key, "item", units=size).group_by(key, "item").agg(pl.col("units").max()).select("item", "units")
        for rows, key in (
            (network.table("offers"), "offer"), (network.lanes, "lane"), (network.table("routings"), "routing")
        )
    ]  # fmt: skip
    rows = pl.concat([*given, *sizes], how="vertical_relaxed").join(position, on="item")
    unwanted = np.bincount(rows["place"].to_numpy(), rows["units"].fill_null(0.0).to_numpy(), minlength=count)
    beside = network.table("co_products").join(position, on="item")
    unwanted[beside["place"].to_numpy()] = np.inf
    explosion = network.kept.get("useful: explosion", _explosion).tocoo()
    part, made, ratio = explosion.row, explosion.col, explosion.data
    rid = np.zeros(count)
    for _ in range(count):  # as many rounds as the BOM has levels
        higher = np.zeros(count)
        np.maximum.at(higher, made, (unwanted[part] + rid[part]) / ratio)
        if np.array_equal(higher, rid):
            break
        rid = higher
    return rid


def _explosion(network: Network) -> sp.csr_array:
    position = _position(network)
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
        (uses["ratio"].to_numpy(), (uses["part"].to_numpy(), uses["place"].to_numpy())),
        shape=(position.height, position.height),
    )


def _endless(network: Network) -> np.ndarray:
    """Items whose stock earns money at the end, and whatever goes into them."""
    position, explosion = _position(network), network.kept.get("useful: explosion", _explosion)
    count = position.height
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
