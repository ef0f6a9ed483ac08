"""What is worth leaving at the end: the ceiling on stock that earns money there, where no own limit is given.

A unit whose end value is above what it costs to get without limit would be got without end: nothing bounds it. Where
that is not so, only what comes through a way with a limit can be worth leaving: stock, receipts, offers with a maximum,
routings bounded by a maximum or by hours, the rest of a smallest or whole lot, and what is made of such units without
a limit of its own. A unit that is made of nothing but unlimited goods costs what these cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.model.prepared import prepared

if TYPE_CHECKING:
    from soe_lib.model.network import Network

CLOSE = 1e-9


@prepared
def places(network: Network) -> pl.DataFrame:
    """place, item: the order of the items in the arrays of ceilings."""
    return network.items.select("item").unique().sort("item").with_row_index("place")


def place_of(rows: pl.DataFrame, column: str, count: int) -> np.ndarray:
    """The sum of a column by `place`, shape (count,)."""
    weights = rows[column].fill_null(0.0).to_numpy().astype(np.float64)
    return np.bincount(rows["place"].to_numpy(), weights, minlength=count).astype(np.float64)


def lot() -> pl.Expr:
    """The smallest or whole load of a row, whichever is larger; 0 where there is none."""
    return pl.max_horizontal(pl.col("minimum").fill_null(0.0), pl.col("multiple").fill_null(0.0))


def explosion(network: Network) -> sp.csr_array:
    """Units of a part in one good unit of an item, the most that any routing takes: shape (parts, items)."""
    made = network.table("routings").group_by("routing", "item").agg(pl.col("yield").min())
    most = (pl.col("quantity") / pl.col("yield")).max()
    return _pairs(network, _uses(network, made).group_by("component", "item").agg(most.alias("ratio")))


def worth_leaving(network: Network) -> np.ndarray:
    """Units of each item that may be got only for their end value; infinite where that earns money without limit."""
    count = places(network).height
    rows = network.items.join(places(network), on="item").select("place", "end_value")
    worth = place_of(rows, "end_value", count)
    if not (worth > 0).any():
        return np.zeros(count)
    cost = least_cost(network)
    limited = _through_limits(network)
    limited[_joint(network, worth)] = np.inf
    return np.where(worth <= 0, 0.0, np.where(worth > cost + CLOSE * (1.0 + worth), np.inf, limited))


def least_cost(network: Network) -> np.ndarray:
    """Money for one more unit of each item by ways without a limit; infinite where there is none.

    cost(i) = the least of unit_cost of offers without a maximum, and, over routings that neither a maximum nor hours
    bound, (cost_per_unit + Σ quantity × cost(component)) ÷ yield.
    """
    from soe_lib.model.blocks import buy

    count = places(network).height
    offers = buy.offers(network).filter(pl.col("maximum").is_null()).join(places(network), on="item")
    bought = np.full(count, np.inf)
    np.minimum.at(bought, offers["place"].to_numpy(), offers["unit_cost"].to_numpy())
    ways = _unlimited(network).group_by("routing", "item").agg(pl.col("cost_per_unit").min(), pl.col("yield").max())
    ways = ways.join(places(network), on="item").with_row_index("way")
    parts = _uses(network, ways.select("routing", "item", "way")).join(
        places(network).rename({"item": "component", "place": "part"}), on="component"
    )
    cost = bought
    for _ in range(count):
        money = parts["quantity"].to_numpy() * cost[parts["part"].to_numpy()]
        inputs = np.bincount(parts["way"].to_numpy(), money, minlength=ways.height)
        lower = bought.copy()
        each = (ways["cost_per_unit"].fill_null(0.0).to_numpy() + inputs) / ways["yield"].to_numpy()
        np.minimum.at(lower, ways["place"].to_numpy(), each)
        if np.array_equal(lower, cost):
            break
        cost = lower
    return cost


def _through_limits(network: Network) -> np.ndarray:
    """Units of each item that come through a way with a limit, over the whole horizon, made of such ones included."""
    from soe_lib.model.blocks import buy

    count, position = places(network).height, places(network)
    runs, free = _limited(network), _unlimited(network)
    beside = network.table("co_products").select("routing", "item", "quantity")
    parts = [
        network.table("inventory").select("item", units="on_hand"),
        network.table("receipts").select("item", units="quantity"),
        buy.offers(network).select("item", units=pl.coalesce("maximum", lot())),
        runs.select("item", units=pl.col("cap") * pl.col("yield")),
        runs.drop("item").join(beside, on="routing").select("item", units=pl.col("cap") * pl.col("quantity")),
        free.select("item", units=lot() * pl.col("yield")),
    ]
    base = place_of(pl.concat(parts, how="vertical_relaxed").join(position, on="item"), "units", count)
    free_uses = _uses(network, free.group_by("routing", "item").agg(pl.col("yield").max()))
    most = (pl.col("yield") / pl.col("quantity")).max()
    made_of = _pairs(network, free_uses.group_by("component", "item").agg(most.alias("ratio"))).T.tocsr()
    total, step = base, base
    for _ in range(count):
        step = made_of @ step
        if not np.any(step):
            return total
        total = total + step
    return np.full(count, np.inf)


def _joint(network: Network, worth: np.ndarray) -> np.ndarray:
    """Items of routings without limit that bring co-products, where any output is worth something: bounded by none."""
    beside = network.table("co_products").select("routing", beside="item")
    valued = places(network).select("item", worth=pl.Series(worth > 0))
    free = _unlimited(network).select("routing", "item").unique().join(beside, on="routing")
    each = [free.select("routing", "item"), free.select("routing", item="beside")]
    outputs = pl.concat(each).unique().join(valued, on="item")
    earning = outputs.filter(pl.col("worth").any().over("routing"))
    return earning.join(places(network), on="item")["place"].to_numpy()


def _uses(network: Network, made: pl.DataFrame) -> pl.DataFrame:
    """Components of the routings in `made` with its columns; a quantity of 0 uses nothing."""
    components = network.table("components").select("routing", "component", "quantity")
    return components.filter(pl.col("quantity") > 0).join(made, on="routing")


def _pairs(network: Network, uses: pl.DataFrame) -> sp.csr_array:
    """component, item, ratio as a matrix of shape (parts, items)."""
    position = places(network)
    coded = uses.join(position, on="item").join(position.rename({"item": "component", "place": "part"}), on="component")
    return sp.csr_array(
        (coded["ratio"].to_numpy(), (coded["part"].to_numpy(), coded["place"].to_numpy())),
        shape=(position.height, position.height),
    )


def _runs(network: Network) -> pl.DataFrame:
    """Routings by period with `cap`: units that their maximum or the hours allow; null where nothing does."""
    from soe_lib.model.blocks import make
    from soe_lib.model.blocks.lot_hours import most_hours

    cells = make.routings(network).join(most_hours(network), on=["routing", "period"], how="left")
    return cells.with_columns(cap=pl.min_horizontal("maximum", "most_hours"))


def _limited(network: Network) -> pl.DataFrame:
    return _runs(network).filter(pl.col("cap").is_not_null())


def _unlimited(network: Network) -> pl.DataFrame:
    return _runs(network).filter(pl.col("cap").is_null())
