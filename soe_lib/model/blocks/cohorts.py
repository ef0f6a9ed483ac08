"""Cohorts: what expires on one day, followed from place to place; the day travels with the goods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import buy, cohort_rows, make
from soe_lib.model.blocks.cohort_rows import COHORT, MOVE, NODE, USE, arriving, cohorts, followed, lives, moves, uses
from soe_lib.model.program import LEAD
from soe_lib.model.terms import Balance, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network


class Cohorts(Part):
    """Items that expire and travel, or whose customers ask for a remaining life, by the day on which they expire.

    Brings, for each day of expiry that matters within the horizon, flows `lot_stock`, `lot_use` (item, location, life,
    expires, period; life: days that the customer wants left; "0" is what is consumed or written off too), `lot_ship`
    (lane, item, expires, period) and `lot_scrap` (item, location, expires, period) of what comes too late, and balances
    `lot` (item, location, expires, period): stock before + made, bought, received, shipped here = used + scrapped +
    shipped away + stock after; and `lots_in_stock`, `lots_used`, `lots_shipped`, `lots_scrapped`: Σ of the cohorts <=
    the whole. What the cohorts leave of the whole keeps beyond the horizon. Goods are used in periods that end by their
    day less the life that is wanted, in the first period if that day is not over. Made, bought and received goods
    expire shelf_life_days after the end of the period in which they come in. Books nothing.
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

    def balances(self, network: Network) -> Iterator[Balance]:
        """lot, and the four limits by the whole."""
        if followed(network).is_empty():
            return
        rows = cohorts(network)
        meaning = "what expires on a day is used, shipped or written off by then"
        yield Balance("lot", rows, COHORT, "==", "unit", meaning, rhs=-pl.col("on_hand"))
        if not (late := rows.filter(~pl.col("usable"))).is_empty():
            cells, meaning = late.select(*NODE, "period").unique(), "lots are part of what is written off"
            yield Balance("lots_scrapped", cells, (*NODE, "period"), "<=", "unit", meaning)
        kept = rows.filter("kept").select(*NODE, "period").unique()
        yield Balance("lots_in_stock", kept, (*NODE, "period"), "<=", "unit", "lots are part of the stock")
        yield Balance("lots_used", cohort_rows.used(network), USE, "<=", "unit", "lots are part of what is used")
        if not (moved := moves(network)).is_empty():
            keys = ("lane", "item", "period")
            yield Balance("lots_shipped", moved.select(keys).unique(), keys, "<=", "unit", "lots are part of a load")

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
    fresh = (
        cohort_rows.fresh(network)
        .rename({"period": "arrival"})
        .join(rows, on=[*NODE, "expires", "arrival"], how="semi")
    )
    for flow, key, cells in (("make", "routing", make.routings(network)), ("buy", "offer", buy.offers(network))):
        came = arriving(network, cells.select(key, "period", *LEAD[1:], *NODE)).join(fresh, on=[*NODE, "arrival"])
        amount = pl.col("yield") * pl.col("part") if flow == "make" else pl.col("part")
        if not came.is_empty():
            table = came.select(key, "period", "arrival", "expires", "part")
            yield Effect(flow, "lot", amount, at=at, join=table, using=(key, "period"))
    beside = make.co_products(network).join(make.routings(network), on="routing")
    if not beside.is_empty():
        cells = beside.select("routing", "period", *LEAD[1:], "location", "beside_quantity", item="component")
        came = arriving(network, cells).join(fresh, on=[*NODE, "arrival"]).rename({"item": "component"})
        table = came.select("routing", "period", "arrival", "expires", "part", "beside_quantity", "component")
        amount = pl.col("beside_quantity") * pl.col("part")
        yield Effect("make", "lot", amount, at={**at, "item": "component"}, join=table, using=("routing", "period"))
    if not (received := network.receipts.rename({"period": "arrival"}).join(fresh, on=[*NODE, "arrival"])).is_empty():
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
    wanted = cohort_rows.used(network)
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
