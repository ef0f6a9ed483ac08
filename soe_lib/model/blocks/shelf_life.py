"""Shelf life: first expired, first out; what is not used in time is scrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.assemble import LEAD
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.cache import prepared
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


NODE = ("item", "location")
COHORT = (*NODE, "expires", "period")
USE = (*NODE, "life", "period")
MOVE = ("lane", "item", "expires", "period")


@prepared
def lives(network: Network) -> pl.DataFrame:
    """customer, life: the days that each customer wants left when it is served, "0" where it does not say."""
    asks = network.table("customers").select("customer", days=pl.col("remaining_life_days").fill_null(0.0).ceil())
    known = network.demand.select("customer").unique().join(asks, on="customer", how="left")
    text = pl.col("days").fill_null(0.0).cast(pl.Int64).cast(pl.String)
    labels = pl.concat([pl.Series("life", ["0"]), known.select(life=text)["life"]]).unique().sort()
    return known.select("customer", text.cast(pl.Enum(labels)).alias("life")).sort("customer")


@prepared
def _wanted(network: Network) -> pl.DataFrame:
    """item, location, life of everything that may be sold or consumed."""
    asked = network.demand.select(*NODE, "customer").unique().join(lives(network), on="customer")
    pairs = network.table("substitutions").select("item", "substitute").unique()
    instead = asked.join(pairs, on="item").select(pl.col("substitute").alias("item"), "location", "life")
    made = network.table("routings").select("routing", "location").unique()
    consumed = make.components(network).join(made, on="routing").select(pl.col("component").alias("item"), "location")
    # What is written off wants nothing left; it may happen at any place.
    anywhere = pl.concat([consumed, network.nodes.select(NODE)]).unique()
    plain = anywhere.with_columns(life=pl.lit("0", dtype=asked.schema["life"]))
    return pl.concat([asked.select(*NODE, "life"), instead, plain]).unique().sort(*NODE, "life")


@prepared
def followed(network: Network) -> pl.DataFrame:
    """item, shelf_life_days, until: items whose day of expiry must be known place by place; later days do not matter.

    They are shipped, or a customer wants more life left, or a lot keeps longer than fresh goods, or a receipt brings an
    age along. Elsewhere the rows of `shelf_life`, by place, say the same with less.
    """
    dated = network.table("inventory").filter(pl.col("expires_on").is_not_null()).group_by("item")
    lots = dated.agg(pl.col("expires_on").max().alias("latest"))
    most = _wanted(network).group_by("item").agg(pl.col("life").cast(pl.String).cast(pl.Int64).max().alias("life"))
    items = network.items.select("item", "shelf_life_days").join(lots, on="item", how="left")
    aged = pl.col("item").is_in(_aged(network)["item"].unique().implode())
    items = items.filter(pl.col("shelf_life_days").is_not_null() | pl.col("latest").is_not_null() | aged)
    items = items.join(most, on="item", how="left").with_columns(pl.col("life").fill_null(0))
    fresh = pl.lit(network.snapshot.as_of) + pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    longer = (pl.col("latest") > fresh).fill_null(value=False)
    carried = pl.col("item").is_in(network.lanes["item"].unique().implode())
    until = pl.lit(network.snapshot.periods["ends_on"][-1]) + pl.duration(days="life")
    return items.filter(carried | (pl.col("life") > 0) | longer | aged).select(
        "item", "shelf_life_days", until.alias("until")
    )


@prepared
def _aged(network: Network) -> pl.DataFrame:
    """The receipts whose goods were made before they come: they say how long these can be used."""
    return network.receipts.filter(pl.col("expires_on").is_not_null())


@prepared
def under_way(network: Network) -> pl.DataFrame:
    """receipt, item, location, arrival, expires of such receipts, where the day matters."""
    rows = _aged(network).join(followed(network).select("item", "until"), on="item")
    rows = rows.with_columns(day="expires_on", arrival="period").filter(pl.col("day") < pl.col("until"))
    return _labelled(network, rows).select("receipt", *NODE, "arrival", "expires")


@prepared
def fresh(network: Network) -> pl.DataFrame:
    """item, location, period, expires: the day on which goods that come in within a period expire, where it matters."""
    days = pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    lasting = followed(network).filter(pl.col("shelf_life_days").is_not_null())
    each = lasting.join(network.periods.select("period", "index", "ends_on"), how="cross")
    each = each.with_columns((pl.col("ends_on") + days).alias("day")).filter(pl.col("day") < pl.col("until"))
    return _labelled(network, each.join(network.nodes, on="item")).select(*NODE, "period", "expires")


@prepared
def _opening(network: Network) -> pl.DataFrame:
    """item, location, expires, day, on_hand of what is in stock; undated goods of an item that expires are fresh."""
    first = network.periods.row(0, named=True)["ends_on"]
    fresh = pl.lit(first) + pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    stock = network.table("inventory").join(followed(network), on="item")
    stock = stock.with_columns(pl.coalesce("expires_on", fresh).alias("day")).filter(pl.col("day") < pl.col("until"))
    return _labelled(network, stock).group_by(*NODE, "expires").agg(pl.col("on_hand").sum())


def _labelled(network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `expires`: the last day until `day` that makes a difference to who may use the goods, and when.

    Days of expiry in one week of a weekly horizon are one cohort, so that there are no more of them than needed.
    """
    marks = _marks(network)
    dead = pl.lit(network.snapshot.as_of) - pl.duration(days=1)
    kind = pl.Enum(
        pl.concat([marks.select("mark"), marks.select(dead.alias("mark"))])["mark"].unique().sort().cast(str)
    )
    rows = rows.with_columns(pl.col("day").cast(pl.Date)).sort("day")
    found = rows.join_asof(marks.sort("mark"), left_on="day", right_on="mark", by="item", check_sortedness=False)
    return found.with_columns(expires=pl.coalesce("mark", dead).cast(pl.String).cast(kind)).drop("mark")


@prepared
def _marks(network: Network) -> pl.DataFrame:
    """item, mark: the ends of periods, and today, with the days added that somebody wants left."""
    ends = network.periods.select(end="ends_on").vstack(pl.DataFrame({"end": [network.snapshot.as_of]}))
    life = pl.duration(days=pl.col("life").cast(pl.String).cast(pl.Int64))
    lives_of = _wanted(network).select("item", "life").unique().join(followed(network), on="item", how="semi")
    return lives_of.join(ends, how="cross").select("item", (pl.col("end") + life).alias("mark")).unique().sort("mark")


@prepared
def _places(network: Network) -> pl.DataFrame:
    """item, location, expires, day, born (index): where goods of a day of expiry may be, and from when on."""
    index = network.periods.select("period", born="index")
    ways = make.routings(network).select(NODE), buy.offers(network).select(NODE), network.receipts.select(NODE)
    beside = make.co_products(network).join(make.routings(network).select("routing", "location"), on="routing")
    sources = pl.concat([*ways, beside.select(pl.col("component").alias("item"), "location")]).unique()
    came = fresh(network).join(sources, on=list(NODE), how="semi").join(index, on="period").drop("period")
    opening = _opening(network).select(*NODE, "expires", born=pl.lit(0, dtype=pl.Int64))
    aged = under_way(network).join(index, left_on="arrival", right_on="period").select(opening.columns)
    found = (
        pl.concat([came.select(opening.columns), opening, aged]).group_by(*NODE, "expires").agg(pl.col("born").min())
    )
    lanes = network.lanes.select("item", "origin", "destination").unique()
    last = found
    while not last.is_empty():
        there = last.join(lanes, left_on=list(NODE), right_on=["item", "origin"])
        there = there.group_by("item", pl.col("destination").alias("location"), "expires").agg(pl.col("born").min())
        both = there.join(found, on=[*NODE, "expires"], how="left", suffix="_known")
        last = both.filter(pl.col("born_known").is_null() | (pl.col("born") < pl.col("born_known"))).drop("born_known")
        found = pl.concat([found.join(last, on=[*NODE, "expires"], how="anti"), last.select(found.columns)])
    return found.with_columns(pl.col("expires").cast(pl.String).str.to_date("%Y-%m-%d").alias("day")).sort(*NODE, "day")


def _usable(network: Network, life: pl.Expr | int = 0) -> pl.Expr:
    """Whether goods of `day` may be used in a period (index, ends_on) by who wants so many days left."""
    left = pl.duration(days=life)
    in_time = pl.col("ends_on") + left <= pl.col("day")
    return in_time | ((pl.col("index") == 0) & (pl.lit(network.snapshot.as_of) + left <= pl.col("day")))


@prepared
def _cells(network: Network) -> pl.DataFrame:
    """The places of each day of expiry in each period from its birth on, and whether the goods are usable then."""
    periods = network.periods.select("period", "index", "ends_on", next_end=pl.col("ends_on").shift(-1))
    cells = _places(network).join(periods, how="cross").filter(pl.col("index") >= pl.col("born"))
    return cells.with_columns(
        _usable(network).alias("usable"),
        kept=pl.when(pl.col("next_end").is_null()).then(pl.col("day") >= pl.col("ends_on"))
        .otherwise(pl.col("next_end") <= pl.col("day")),
    )  # fmt: skip


@prepared
def moves(network: Network) -> pl.DataFrame:
    """MOVE, origin, destination and lead time: what may be shipped while it is usable, at the latest in its period."""
    lanes = ship.lanes(network).select("lane", "item", "period", "origin", "destination", *LEAD[1:])
    there = _cells(network).filter("usable").select("item", pl.col("location").alias("origin"), "expires", "period")
    return lanes.join(there, on=["item", "origin", "period"]).select(*MOVE, "origin", "destination", *LEAD[1:])


@prepared
def cohorts(network: Network) -> pl.DataFrame:
    """COHORT, usable, kept, on_hand: the rows of a day of expiry: while it is usable, and whenever something comes."""
    cells = _cells(network)
    moved = moves(network)
    came = arriving(network, moved).select("item", pl.col("destination").alias("location"), "expires", period="arrival")
    aged = under_way(network).select(*NODE, "expires", period="arrival")
    came = pl.concat([came, aged]).unique().with_columns(comes=pl.lit(value=True))
    rows = cells.join(came, on=list(COHORT), how="left").filter(
        pl.col("usable") | pl.col("comes") | (pl.col("index") == pl.col("born"))
    )
    opening = _opening(network).select(*NODE, "expires", "on_hand", index=pl.lit(0, dtype=pl.Int64))
    rows = rows.join(opening, on=[*NODE, "expires", "index"], how="left")
    kept = (pl.col("kept") & pl.col("usable")).alias("kept")
    return rows.select(*COHORT, "usable", kept, pl.col("on_hand").fill_null(0.0)).sort(COHORT)


@prepared
def uses(network: Network) -> pl.DataFrame:
    """item, location, life, expires, period: who may use what, when."""
    life = pl.col("life").cast(pl.String).cast(pl.Int64)
    cells = _cells(network).join(_wanted(network), on=list(NODE)).filter(_usable(network, life))
    return cells.select(*NODE, "life", "expires", "period")


@prepared
def used(network: Network) -> pl.DataFrame:
    """USE: the rows in which cohorts are used, or written off because they come too late."""
    in_time = uses(network).select(USE)
    late = (
        cohorts(network)
        .filter(~pl.col("usable"))
        .select(*NODE, pl.lit("0", in_time.schema["life"]).alias("life"), "period")
    )
    return pl.concat([in_time, late]).unique().sort(USE)


def arriving(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with arrival and part, the share that comes then."""
    arrivals = network.arrivals(cells.select(LEAD).unique()).rename({"share": "part"})
    return cells.join(arrivals, on=list(LEAD), how="left", nulls_equal=True)


class Cohorts(Part):
    """Items that expire and travel, or whose customers ask for a remaining life, by the day on which they expire.

    Brings, for each day of expiry that matters within the horizon, flows `lot_stock`, `lot_use` (item, location, life,
    expires, period; life: days that the customer wants left; "0" is what is consumed or written off too), `lot_ship`
    (lane, item, expires, period) and `lot_scrap` (item, location, expires, period) of what comes too late, and
    constraints `lot` (item, location, expires, period): stock before + made, bought, received, shipped here = used
    + scrapped + shipped away + stock after; and `lots_in_stock`, `lots_used`, `lots_shipped`, `lots_scrapped`: Σ of
    the cohorts <= the whole. What the cohorts leave of the whole keeps beyond the horizon. Goods are used in
    periods that end by their day less the life that is wanted, in the first period if that day is not over. Made,
    bought and received goods expire shelf_life_days after the end of the period in which they come in. Books
    nothing.

    Examples
    --------
    >>> fresh = soe.Scenario("fresh tea").set("items.shelf_life_days", 5.0, item="tea")
    >>> fresh = fresh.set("customers.remaining_life_days", 3.0).apply(small)
    >>> sorted(name for name in soe.plan(fresh).flows if name.startswith("lot_"))
    ['lot_ship', 'lot_use']
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """lot_stock, lot_scrap, lot_use, lot_ship."""
        if followed(network).is_empty():
            return
        rows = cohorts(network)
        yield Flow(
            "lot_stock", rows.filter("kept").select(COHORT), COHORT, "unit", "closing stock of one day of expiry"
        )
        if not (late := rows.filter(~pl.col("usable"))).is_empty():
            yield Flow("lot_scrap", late.select(COHORT), COHORT, "unit", "units that come too late, written off")
        keys = (*NODE, "life", "expires", "period")
        yield Flow("lot_use", uses(network), keys, "unit", "units of one day of expiry sold, consumed or written off")
        if not (moved := moves(network)).is_empty():
            yield Flow("lot_ship", moved, MOVE, "unit", "units of one day of expiry shipped")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """lot, and the four limits by the whole."""
        if followed(network).is_empty():
            return
        rows = cohorts(network)
        meaning = "what expires on a day is used, shipped or written off by then"
        yield Constraint("lot", rows, COHORT, "==", "unit", meaning, rhs=-pl.col("on_hand"))
        if not (late := rows.filter(~pl.col("usable"))).is_empty():
            cells, meaning = late.select(*NODE, "period").unique(), "lots are part of what is written off"
            yield Constraint("lots_scrapped", cells, (*NODE, "period"), "<=", "unit", meaning)
        kept = rows.filter("kept").select(*NODE, "period").unique()
        yield Constraint("lots_in_stock", kept, (*NODE, "period"), "<=", "unit", "lots are part of the stock")
        yield Constraint("lots_used", used(network), USE, "<=", "unit", "lots are part of what is used")
        if not (moved := moves(network)).is_empty():
            keys = ("lane", "item", "period")
            yield Constraint("lots_shipped", moved.select(keys).unique(), keys, "<=", "unit", "lots are part of a load")

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of the cohorts on each other, of what comes in, and of the whole on the limits."""
        if followed(network).is_empty():
            return
        periods = network.periods.select("period", of=pl.col("period").shift(-1)).drop_nulls()
        yield Effect("lot_stock", "lot", -1.0)
        yield Effect(
            "lot_stock", "lot", at={"period": "of"}, join=periods, using=("period",), note="+1 in the next period"
        )
        yield Effect("lot_use", "lot", -1.0)
        yield from _coming(network)
        yield from _limits(network)


def _coming(network: Network) -> Iterator[Effect]:
    """Made, beside, bought and received goods enter the cohort of their period; shipped ones keep theirs."""
    at = {"period": "arrival"}
    rows = cohorts(network).select(*NODE, "expires", arrival="period")
    starting = fresh(network).rename({"period": "arrival"}).join(rows, on=[*NODE, "expires", "arrival"], how="semi")
    for flow, key, cells in (("make", "routing", make.routings(network)), ("buy", "offer", buy.offers(network))):
        came = arriving(network, cells.select(key, "period", *LEAD[1:], *NODE)).join(starting, on=[*NODE, "arrival"])
        amount = pl.col("yield") * pl.col("part") if flow == "make" else pl.col("part")
        if not came.is_empty():
            table = came.select(key, "period", "arrival", "expires", "part")
            yield Effect(flow, "lot", amount, at=at, join=table, using=(key, "period"))
    beside = make.co_products(network).join(make.routings(network), on="routing")
    if not beside.is_empty():
        cells = beside.select("routing", "period", *LEAD[1:], "location", "beside_quantity", item="component")
        came = arriving(network, cells).join(starting, on=[*NODE, "arrival"]).rename({"item": "component"})
        table = came.select("routing", "period", "arrival", "expires", "part", "beside_quantity", "component")
        amount = pl.col("beside_quantity") * pl.col("part")
        yield Effect("make", "lot", amount, at={**at, "item": "component"}, join=table, using=("routing", "period"))
    plain = network.receipts.filter(pl.col("expires_on").is_null()).rename({"period": "arrival"})
    aged = under_way(network).join(rows, on=[*NODE, "expires", "arrival"], how="semi")
    received = pl.concat([plain.join(starting, on=[*NODE, "arrival"]).select(aged.columns), aged])
    if not received.is_empty():
        yield Effect("receive", "lot", join=received.select("receipt", "arrival", "expires"), using=("receipt",), at=at)
    if not (moved := moves(network)).is_empty():
        yield Effect("lot_ship", "lot", -1.0, at={"location": "origin"})
        came = arriving(network, moved.select("lane", "item", "expires", "period", *LEAD[1:]))
        came = came.filter(pl.col("arrival") != network.beyond).select(*MOVE, "arrival", "part")
        yield Effect("lot_ship", "lot", "part", at={**at, "location": "destination"}, join=came, using=MOVE)


def _limits(network: Network) -> Iterator[Effect]:
    """The cohorts, and the whole of which they are a part."""
    rows, cell = cohorts(network), (*NODE, "period")
    yield Effect("lot_stock", "lots_in_stock")
    yield Effect("stock", "lots_in_stock", -1.0, join=rows.filter("kept").select(cell).unique(), using=cell)
    wanted = used(network)
    plain = wanted.filter(pl.col("life") == "0")
    if not (late := rows.filter(~pl.col("usable"))).is_empty():
        yield Effect("lot_scrap", "lot", -1.0)
        yield Effect("lot_scrap", "lots_scrapped")
        yield Effect("scrap", "lots_scrapped", -1.0, join=late.select(cell).unique(), using=cell)
        yield Effect("lot_scrap", "lots_used", join=plain, using=cell)
    if not (moved := moves(network)).is_empty():
        load = ("lane", "item", "period")
        yield Effect("lot_ship", "lots_shipped")
        yield Effect("ship", "lots_shipped", -1.0, join=moved.select(load).unique(), using=load)
    yield Effect("lot_use", "lots_used")
    yield Effect("scrap", "lots_used", -1.0, join=plain, using=cell)
    sold = wanted.join(lives(network), on="life")
    yield Effect("sell", "lots_used", -1.0, join=sold, using=(*NODE, "customer", "period"))
    if not network.table("substitutions").is_empty():
        instead = sold.rename({"item": "substitute"})
        using = ("substitute", "location", "customer", "period")
        yield Effect("replace", "lots_used", -pl.col("ratio"), at={"item": "substitute"}, join=instead, using=using)
    bom = make.components(network).join(plain, left_on="component", right_on="item")
    if not bom.is_empty():
        started = ("routing", "location", "period")
        yield Effect("make", "lots_used", -pl.col("quantity"), at={"item": "component"}, join=bom, using=started)


CELL = (*NODE, "period")


class ShelfLife(Part):
    """What is in stock at the end of a period leaves within its shelf life: sold, shipped, consumed or scrapped.

    Brings flow `scrap` (item, location, period) [units] and rows `shelf_life` (item, location, period):
    stock(t) <= Σ outflow over the shelf life after t, and `lot_expiry` (item, location, lot): Σ outflow until a lot
    expires >= all that expires by then. First expired, first out. The rows are those of items that stay where they are;
    what travels is followed by `Cohorts`. Books −standard_cost per scrapped unit to "write-offs" (inventory money, not
    cash).

    Examples
    --------
    >>> old = soe.Scenario("old tea").set("items.shelf_life_days", 3.0, item="tea")
    >>> old = old.row("inventory", item="tea", location="market", on_hand=200.0).apply(small)
    >>> soe.plan(old).ledger.accounts()["write-offs"]
    -560.0
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """scrap."""
        if not (nodes := ageing(network)).is_empty():
            cells = nodes.join(network.periods.select("period"), how="cross")
            cells = cells.join(expired(network), on=CELL, how="left").with_columns(pl.col("expired").fill_null(0.0))
            yield Flow("scrap", cells, CELL, "unit", "units written off", lower="expired")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """shelf_life, lot_expiry."""
        if not (rows := limits(network)).is_empty():
            yield Constraint("shelf_life", rows, CELL, "<=", "unit", "stock is used within its shelf life")
        if not (rows := lots(network)).is_empty():
            yield Constraint(
                "lot_expiry",
                rows,
                (*NODE, "lot"),
                "<=",
                "unit",
                "a lot is used before it expires",
                rhs=-pl.col("due_out"),
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of scrap on stock; of stock and of every outflow on both rules."""
        if ageing(network).is_empty():
            return
        yield Effect("scrap", "stock", -1.0)
        if not (rows := limits(network)).is_empty():
            yield Effect("stock", "shelf_life", join=rows.select(CELL), using=CELL)
            yield from outflows(network, "shelf_life", reach(network))
        if not (rows := lots(network)).is_empty():
            yield from outflows(network, "lot_expiry", until(network))

    def rates(self, network: Network) -> Iterator[Rate]:
        """Write-offs."""
        if not ageing(network).is_empty():
            yield Rate("write-offs", "scrap", -pl.col("standard_cost"), kind="inventory")


def outflows(network: Network, on: str, windows: pl.DataFrame) -> Iterator[Effect]:
    """The outflow of a node in `period` counts for the rule's row; windows: node, period and the row's key."""
    row = {"period": "of"} if on == "shelf_life" else {}
    at_node = windows.rename({"item": "node_item", "location": "node"})
    for flow, item, place in (("sell", "item", "location"), ("scrap", "item", "location"), ("ship", "item", "origin")):
        table = at_node.rename({"node_item": item, "node": place})
        yield Effect(flow, on, -1.0, at={**row, "location": place}, join=table, using=(item, place, "period"))
    instead = at_node.rename({"node_item": "substitute", "node": "location"})
    yield Effect(
        "replace", on, -pl.col("ratio"), at={**row, "item": "substitute"}, join=instead,
        using=("substitute", "location", "period"),
    )  # fmt: skip
    bom = make.components(network)
    if not bom.is_empty():
        table = bom.join(at_node, left_on="component", right_on="node_item").rename({"node": "location"})
        yield Effect(
            "make", on, -pl.col("quantity"), at={**row, "item": "component"}, join=table,
            using=("routing", "location", "period"),
        )  # fmt: skip


@prepared
def ageing(network: Network) -> pl.DataFrame:
    """item, location, shelf_life_days, standard_cost, followed (by cohorts) of nodes whose stock can expire."""
    items = network.items.select("item", "shelf_life_days", pl.col("standard_cost").fill_null(0.0))
    dated = network.table("inventory").filter(pl.col("expires_on").is_not_null()).select(NODE).unique()
    travelling = followed(network).select("item", followed=pl.lit(value=True))
    nodes = network.nodes.join(items, on="item").join(travelling, on="item", how="left")
    nodes = nodes.with_columns(pl.col("followed").fill_null(value=False))
    by_lot = nodes.join(dated, on=list(NODE), how="semi")
    lasting = nodes.filter(pl.col("shelf_life_days").is_not_null() | pl.col("followed"))
    return pl.concat([lasting, by_lot]).unique(NODE, keep="first", maintain_order=True)


@prepared
def expired(network: Network) -> pl.DataFrame:
    """item, location, period (the first), expired: stock of lots that expired before today; nothing may use it."""
    dead = network.table("inventory").filter(pl.col("expires_on") < pl.lit(network.snapshot.as_of))
    return dead.group_by(NODE).agg(pl.col("on_hand").sum().alias("expired")).with_columns(network.first.alias("period"))


@prepared
def limits(network: Network) -> pl.DataFrame:
    """item, location, period, gone_by: where the shelf life of the closing stock ends before the horizon does."""
    nodes = ageing(network).filter(pl.col("shelf_life_days").is_not_null(), ~pl.col("followed"))
    days = pl.duration(days=pl.col("shelf_life_days").floor().cast(pl.Int64))
    end = network.snapshot.periods["ends_on"][-1]
    return (
        nodes.join(network.periods.select("period", "index", "ends_on"), how="cross")
        .with_columns((pl.col("ends_on") + days).alias("gone_by"))
        .filter(pl.col("gone_by") < end)
        .select(*CELL, "index", "gone_by")
    )


@prepared
def reach(network: Network) -> pl.DataFrame:
    """item, location, of (the row's period), period: the periods within the shelf life after `of`."""
    later = network.periods.select("period", pl.col("index").alias("then"), "ends_on")
    return (
        limits(network)
        .rename({"period": "of"})
        .join(later, how="cross")
        .filter((pl.col("then") > pl.col("index")) & (pl.col("ends_on") <= pl.col("gone_by")))
        .select(*NODE, "of", "period")
    )


@prepared
def lots(network: Network) -> pl.DataFrame:
    """item, location, lot, due_out: what must be out by the time the lot expires, it and all that expire before."""
    end = network.snapshot.periods["ends_on"][-1]
    return (
        network.table("inventory")
        .filter(pl.col("expires_on").is_not_null() & (pl.col("expires_on") < end))
        .join(followed(network), on="item", how="anti")
        .sort(*NODE, "expires_on", "lot")
        .with_columns(pl.col("on_hand").cum_sum().over(NODE).alias("due_out"))
        .select(*NODE, "lot", "expires_on", "due_out")
    )


@prepared
def until(network: Network) -> pl.DataFrame:
    """item, location, lot, period: the periods that end by the lot's expiry, and the first in any case."""
    inside = (pl.col("ends_on") <= pl.col("expires_on")) | (pl.col("index") == 0)
    return (
        lots(network)
        .join(network.periods.select("period", "index", "ends_on"), how="cross")
        .filter(inside)
        .select(*NODE, "lot", "period")
    )
