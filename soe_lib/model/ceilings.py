"""Ceilings: the most of each item that can ever be used, and the most that is worth leaving at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.model.assemble import LEAD
from soe_lib.model.axis import BEYOND
from soe_lib.model.blocks import buy, make
from soe_lib.model.cache import prepared
from soe_lib.model.demand import served
from soe_lib.model.hours import portions

if TYPE_CHECKING:
    from soe_lib.model.network import Network


@prepared
def useful(network: Network) -> pl.DataFrame:
    """item, period, useful, rid: most units of the item that can still be used from the period on (null: no ceiling).

    useful(i, t) = Σ demand lines of i that may be served in t or later + Σ safety and end stock of its policies +
    excess of minimum and multiple loads on lanes + Σ over routings that consume i of quantity ÷ yield ×
    (useful(made item, t) + excess of minimum and multiple runs) + rid(i). rid(i): units that could be made only to use
    up components; infinite, and then not added, where co-products go into i.
    """
    position = places(network)
    count = position.height
    on_loads = network.cache.get("useful: beyond need", _beyond_needs)[0]
    own = _open_demand(network, position, count) + _policy_stock(network, position, count)[:, None] + on_loads[:, None]
    total = _exploded(network, own)
    total[:, -1] = 0.0  # nothing is used after the horizon, unless it has an end value
    rid = network.cache.get("useful: to be rid of", _rid)
    total += np.where(np.isfinite(rid), rid, 0.0)[:, None]
    total[network.cache.get("useful: endless", _endless)] = np.inf
    return _by_cell(network, "useful", total).with_columns(
        pl.Series("rid", np.repeat(rid, network.periods.height + 1)),
    )


@prepared
def at_most(network: Network) -> pl.DataFrame:
    """item, period, most: `useful` plus what is worth leaving at the end (null: no ceiling).

    most(i, t) = useful(i, t) with worth_leaving(i) among the own uses of i.
    """
    position = places(network)
    count = position.height
    on_loads = network.cache.get("useful: beyond need", _beyond_needs)[0]
    left = network.cache.get("most: worth leaving", worth_leaving)
    own = _open_demand(network, position, count) + (_policy_stock(network, position, count) + on_loads + left)[:, None]
    rid = network.cache.get("useful: to be rid of", _rid)
    return _by_cell(network, "most", _exploded(network, own) + np.where(np.isfinite(rid), rid, 0.0)[:, None])


def _exploded(network: Network, own: np.ndarray) -> np.ndarray:
    """Own uses plus the components that they need, level by level: shape (items, periods and beyond)."""
    beyond_need = network.cache.get("useful: beyond need", _beyond_needs)[1][:, None]
    uses = network.cache.get("useful: explosion", explosion)
    total = own.copy()
    step = np.where(own > 0, own + beyond_need, 0.0)
    for _ in range(len(own)):  # as many rounds as the BOM has levels
        step = uses @ step
        if not np.any(step):
            return total
        total += step
        step = np.where(step > 0, step + beyond_need, 0.0)
    total[:] = np.inf  # a cycle: nothing bounds it
    return total


def _by_cell(network: Network, name: str, total: np.ndarray) -> pl.DataFrame:
    """An array of shape (items, periods and beyond) as a frame: item, period and a column; infinite becomes null."""
    names, count = places(network)["item"], len(total)
    periods = pl.Series("period", [*network.snapshot.periods["period"], BEYOND], dtype=network.domains["period"])
    frame = pl.DataFrame(
        {
            "item": names.gather(np.repeat(np.arange(count), len(periods))),
            "period": periods.gather(np.tile(np.arange(len(periods)), count)),
            name: total.ravel(),
        }
    )
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(name).alias(name))


@prepared
def in_the_way(network: Network) -> pl.DataFrame:
    """item, moved: units that may be moved only because storing them where they are is expensive or not allowed.

    They are stock, receipts, minimum and multiple loads, and co-products. 0 where no place has a storage cost, a
    storage capacity or a maximum stock.
    """
    position, policies, where = places(network), network.table("policies"), network.table("locations")
    limits = policies.select(pl.any_horizontal(pl.col("maximum_stock", "end_stock_maximum").is_not_null()).any())
    dear = where.select(((pl.col("storage_cost") > 0) | pl.col("storage_capacity").is_not_null()).any())
    if not (limits.item() or dear.item()):
        return position.select("item", moved=pl.lit(0.0))
    moved = network.cache.get("useful: unwanted", _unwanted)
    made = network.table("routings").group_by("routing", "item").agg(pl.col("yield").min(), lot().max().alias("lot"))
    first = at_most(network).group_by("item", maintain_order=True).agg(pl.col("most").first())
    runs = pl.col("most") / pl.col("yield") + pl.col("lot") * network.periods.height
    beside = network.table("co_products").select("routing", "quantity", beside="item").join(made, on="routing")
    beside = beside.join(first, on="item").select(item="beside", units=(runs * pl.col("quantity")).fill_null(np.inf))
    moved = moved + place_of(beside.join(position, on="item"), "units", position.height)
    return position.select("item", moved=pl.Series(moved))


def useful_on_arrival(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with `useful` and `most` of their item from the first period in which they can arrive."""
    arrivals = network.arrivals(cells.select(LEAD).unique())
    first = arrivals.group_by(LEAD).agg(pl.col("arrival").sort().first())
    both = useful(network).join(at_most(network), on=["item", "period"]).rename({"period": "arrival"})
    return cells.join(first, on=[*LEAD], how="left", nulls_equal=True).join(both, on=["item", "arrival"], how="left")


def _open_demand(network: Network, position: pl.DataFrame, count: int) -> np.ndarray:
    horizon = network.periods.height + 1
    keys = ["item", "location", "customer", "order", "due"]
    last = served(network).group_by(keys).agg(pl.col("period").max().alias("last"), pl.col("quantity").first())
    rows = last.join(position, on="item").select("place", "quantity", pl.col("last").to_physical().alias("index"))
    by_last = np.zeros((count, horizon))
    np.add.at(by_last, (rows["place"].to_numpy(), rows["index"].to_numpy()), rows["quantity"].to_numpy())
    pairs = network.table("substitutions")
    if not pairs.is_empty():  # a substitute may serve the whole demand of the item it replaces
        pairs = pairs.join(position, on="item").join(
            position.select(pl.col("item").alias("substitute"), pl.col("place").alias("other")), on="substitute"
        )
        extra = by_last[pairs["place"].to_numpy()] * pairs["ratio"].fill_null(1.0).to_numpy()[:, None]
        np.add.at(by_last, pairs["other"].to_numpy(), extra)
    return by_last[:, ::-1].cumsum(axis=1)[:, ::-1]


def _policy_stock(network: Network, position: pl.DataFrame, count: int) -> np.ndarray:
    wanted = pl.col("safety_stock").fill_null(0.0) + pl.col("end_stock").fill_null(0.0)
    rows = network.table("policies").join(position, on="item").select("place", wanted.alias("wanted"))
    return place_of(rows, "wanted", count)


def _beyond_needs(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """`_beyond_need` for lanes alone, and for lanes and routings."""
    return _beyond_need(network, ("lanes",)), _beyond_need(network, ("lanes", "routings"))


def _beyond_need(network: Network, tables: tuple[str, ...]) -> np.ndarray:
    """Most units by which minimum and multiple runs and loads exceed the need.

    The excess stays in stock, so it never exceeds one minimum or multiple load of each routing and lane: with more left
    over, the last load would be superfluous. Stock that expires may have this excess in every period.
    """
    position = places(network)
    count = position.height
    found = np.zeros(count)
    for name, key in (("lanes", "lane"), ("routings", "routing")):
        if name in tables:
            rows = network.lanes if name == "lanes" else network.table(name)
            most = rows.select(key, "item", lot().alias("size")).group_by(key, "item").agg(pl.col("size").max())
            found += place_of(most.join(position, on="item"), "size", count)
    expiring = network.items.join(position, on="item").filter(pl.col("shelf_life_days").is_not_null())["place"]
    found[expiring.to_numpy()] *= network.periods.height
    return found


def _rid(network: Network) -> np.ndarray:
    """Units of each item that could be made only to use up a component.

    rid(i) = max over its components c of (unwanted(c) + rid(c)) × yield ÷ quantity. unwanted(c): stock and receipts of
    c, and its minimum and multiple loads in every period; infinite for a co-product.
    """
    unwanted = network.cache.get("useful: unwanted", _unwanted).copy()
    beside = network.table("co_products").join(places(network), on="item")
    unwanted[beside["place"].to_numpy()] = np.inf
    uses = network.cache.get("useful: explosion", explosion).tocoo()
    part, made, ratio = uses.row, uses.col, uses.data
    count = len(unwanted)
    rid = np.zeros(count)
    for _ in range(count):  # as many rounds as the BOM has levels
        higher = np.zeros(count)
        np.maximum.at(higher, made, (unwanted[part] + rid[part]) / ratio)
        if np.array_equal(higher, rid):
            break
        rid = higher
    return rid


def _unwanted(network: Network) -> np.ndarray:
    """Units of each item that exist or arrive whether needed or not, without co-products."""
    position = places(network)
    size = lot() * network.periods.height
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
    return place_of(rows, "units", position.height)


def _endless(network: Network) -> np.ndarray:
    """Items without a ceiling: those with an end value, main items of routings with co-products, and components of
    both.
    """
    position, uses = places(network), network.cache.get("useful: explosion", explosion)
    count = position.height
    rows = network.items.join(position, on="item").select("place", "end_value")
    valued = np.zeros(count, bool)
    valued[rows["place"].to_numpy()] = rows["end_value"].to_numpy() > 0
    # A routing may run for its co-product alone: the need for its main item is then no bound.
    beside = network.table("co_products").join(network.table("routings").select("routing", "item"), on="routing")
    if not beside.is_empty():
        valued[beside.join(position, left_on="item_right", right_on="item")["place"].to_numpy()] = True
    for _ in range(count):
        wider = valued | (uses @ valued.astype(float) > 0)
        if (wider == valued).all():
            break
        valued = wider
    return valued


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
    """The larger of a row's minimum and multiple; 0 where it has neither."""
    return pl.max_horizontal(pl.col("minimum").fill_null(0.0), pl.col("multiple").fill_null(0.0))


def explosion(network: Network) -> sp.csr_array:
    """Units of a component per good unit of an item, the most of any routing: shape (components, items)."""
    made = network.table("routings").group_by("routing", "item").agg(pl.col("yield").min())
    most = (pl.col("quantity") / pl.col("yield")).max()
    return _pairs(network, _uses(network, made).group_by("component", "item").agg(most.alias("ratio")))


def worth_leaving(network: Network) -> np.ndarray:
    """Units of each item that may be made or bought only for their end value; infinite where that pays without end."""
    count = places(network).height
    rows = network.items.join(places(network), on="item").select("place", "end_value")
    worth = place_of(rows, "end_value", count)
    if not (worth > 0).any():
        return np.zeros(count)
    cost = least_cost(network)
    limited = _through_limits(network)
    limited[_unbounded_outputs(network, worth)] = np.inf
    return np.where(worth <= 0, 0.0, np.where(worth > cost + CLOSE * (1.0 + worth), np.inf, limited))


def least_cost(network: Network) -> np.ndarray:
    """Least money for one more unit of each item from unlimited sources; infinite where it has none.

    cost(i) = min of unit_cost over offers without a maximum and of (cost_per_unit + Σ quantity × cost(component)) ÷
    yield over routings that neither a maximum nor hours limit.
    """
    count = places(network).height
    offers = buy.offers(network).filter(pl.col("maximum").is_null()).join(places(network), on="item")
    bought = np.full(count, np.inf)
    np.minimum.at(bought, offers["place"].to_numpy(), offers["unit_cost"].to_numpy())
    made = _unlimited(network).group_by("routing", "item").agg(pl.col("cost_per_unit").min(), pl.col("yield").max())
    made = made.join(places(network), on="item").with_row_index("run")
    parts = _uses(network, made.select("routing", "item", "run")).join(
        places(network).rename({"item": "component", "place": "part"}), on="component"
    )
    cost = bought
    for _ in range(count):
        money = parts["quantity"].to_numpy() * cost[parts["part"].to_numpy()]
        inputs = np.bincount(parts["run"].to_numpy(), money, minlength=made.height)
        lower = bought.copy()
        each = (made["cost_per_unit"].fill_null(0.0).to_numpy() + inputs) / made["yield"].to_numpy()
        np.minimum.at(lower, made["place"].to_numpy(), each)
        if np.array_equal(lower, cost):
            break
        cost = lower
    return cost


def _through_limits(network: Network) -> np.ndarray:
    """Units of each item from limited sources over the whole horizon, and units that can be made of them."""
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


def _unbounded_outputs(network: Network, worth: np.ndarray) -> np.ndarray:
    """Outputs of unlimited routings with co-products where any output has an end value: they have no bound."""
    beside = network.table("co_products").select("routing", beside="item")
    valued = places(network).select("item", worth=pl.Series(worth > 0))
    free = _unlimited(network).select("routing", "item").unique().join(beside, on="routing")
    each = [free.select("routing", "item"), free.select("routing", item="beside")]
    outputs = pl.concat(each).unique().join(valued, on="item")
    earning = outputs.filter(pl.col("worth").any().over("routing"))
    return earning.join(places(network), on="item")["place"].to_numpy()


def _uses(network: Network, made: pl.DataFrame) -> pl.DataFrame:
    """Components of the routings in `made`, with its columns; a quantity of 0 drops out."""
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
    """Routings by period with `cap`: units that their maximum and hours allow; null where neither limits them."""
    cells = make.routings(network).join(most_hours(network), on=["routing", "period"], how="left")
    return cells.with_columns(cap=pl.min_horizontal("maximum", "most_hours"))


def _limited(network: Network) -> pl.DataFrame:
    return _runs(network).filter(pl.col("cap").is_not_null())


def _unlimited(network: Network) -> pl.DataFrame:
    return _runs(network).filter(pl.col("cap").is_null())


# -- what hours allow -----------------------------------------------------------------------------------------------

FORKED = pl.col("alternatives") > 1


def carried_over(network: Network) -> bool:
    """Whether a set-up may last into the next period ([setups] carry_over of settings.toml)."""
    return network.settings.setups.carry_over


@prepared
def operations(network: Network) -> pl.DataFrame:
    """routing, step, resource, hours_per_unit, setup_hours, alternatives."""
    timed = network.table("operations").select("routing", "step", "resource", pl.col("setup_hours").fill_null(0.0))
    rows = make.operations(network).select("routing", "step", "resource", "hours_per_unit", "alternatives")
    return rows.join(timed, on=["routing", "step", "resource"])


def units(hours: pl.Expr) -> pl.Expr:
    """Units that the hours allow; null where a unit takes none."""
    return pl.when(pl.col("hours_per_unit") > 0).then(hours.clip(lower_bound=0.0) / pl.col("hours_per_unit"))


@prepared
def most_hours(network: Network) -> pl.DataFrame:
    """routing, period, most_hours: units that the hours of its bottleneck step allow; most_switched: after a set-up."""
    fork = pl.when(FORKED).then(None).otherwise("resource").alias("fork")
    carried = carried_over(network)
    taken = pl.when(FORKED & pl.lit(carried)).then(0.0).otherwise("setup_hours")
    by_step = (
        operations(network)
        .join(resource_hours(network), on="resource")
        .with_columns(
            fork,
            units(pl.col("hours")).alias("most_hours"),
            units(pl.col("hours") - taken).alias("most_switched"),
        )
    )
    names = ("most_hours", "most_switched")
    per_step = by_step.group_by("routing", "step", "fork", "period").agg(
        pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name) for name in names
    )
    return per_step.group_by("routing", "period").agg(pl.col(name).min() for name in names)


@prepared
def resource_hours(network: Network) -> pl.DataFrame:
    """resource, period, hours: the most there can be, with overtime, expansions and the largest crew."""
    regular = network.hours.select("resource", "period", (pl.col("hours") + pl.col("overtime_hours")).alias("regular"))
    grown = (
        network.table("expansions").group_by("resource").agg((pl.col("hours") * pl.col("maximum")).sum().alias("more"))
    )
    head = pl.col("hours_per_head").fill_null(0.0) + pl.col("overtime_hours_per_head").fill_null(0.0)
    crews = network.table("workforce").select("resource", head.alias("head"), "maximum_heads")
    crew = pl.when(pl.col("head").fill_null(0.0) == 0).then(0.0).otherwise(pl.col("head") * pl.col("maximum_heads"))
    more = pl.when(pl.col("work") > 0).then((pl.col("more").fill_null(0.0) + crew) * pl.col("work")).otherwise(0.0)
    return (
        regular.join(grown, on="resource", how="left")
        .join(crews, on="resource", how="left")
        .join(portions(network).select("period", "work"), on="period", how="left")
        .select("resource", "period", (pl.col("regular") + more).alias("hours"))
    )
