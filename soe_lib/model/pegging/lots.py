"""Moves of goods that are followed by their day of expiry: what serves a customer is what may still be sold to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.shelf_life import cohorts, followed, fresh, lives, under_way
from soe_lib.model.pegging.match import Ints, overlap
from soe_lib.model.pegging.moves import CELL, CLOSE, NODE, Moves

if TYPE_CHECKING:
    from soe_lib.model.network import Network
    from soe_lib.store.plan import Plan

LOT = (*NODE, "lot")
ENTRIES = ("move", *CELL, "quantity", "lot")
USE = (*NODE, "life", "period")
WHO = ("customer", "receipt")
NEVER = ""
"""The lot of what keeps beyond the horizon, or that nobody follows."""


def by_lot(found: Moves, plan: Plan, network: Network, rank: Ints) -> Moves:
    """The moves with `lot`, the day of expiry, on every entry; what is of several lots is parted by them.

    The plan says how much of each lot is used, shipped and scrapped (`lot_use`, `lot_ship`, `lot_scrap`); among what
    uses lots of one place in one period with the same claim on remaining life, the oldest lot goes to whose turn is
    first. What is not followed has one lot, "".

    Parameters
    ----------
    rank : of each move, whose turn is first within a period.
    """
    if "lot_use" not in plan.flows:
        return Moves(found.cells, found.entries.with_columns(lot=pl.lit(NEVER)))
    cells, told = _parted(found, _parts(found.cells, plan, network))
    rank = rank[cells["whole"].to_numpy()]
    followed_here = pl.col("item").is_in(followed(network)["item"].cast(pl.String).implode())
    mine, rest = told.filter(followed_here), told.filter(~followed_here)
    brings, leaves, ships = pl.col("quantity") > 0, pl.col("flow") == "leave", pl.col("flow") == "ship"
    supplied = _fresh(mine.filter(brings), network)
    used = _used(mine.filter(~brings, ~ships, ~leaves), plan, network, rank)
    known = pl.concat([part.select(ENTRIES) for part in (supplied, mine.filter(~brings, ships), used)])
    left = _left(mine.filter(~brings, leaves).select(ENTRIES), known)
    return Moves(cells.drop("whole"), pl.concat([rest.select(ENTRIES), known, left]))


def _parts(cells: pl.DataFrame, plan: Plan, network: Network) -> pl.DataFrame:
    """move, lot, part: how much of opening stocks and shipments is of which lot."""
    there = cohorts(network).filter(pl.col("on_hand") > 0).select(
        pl.col(NODE).cast(pl.String), lot=pl.col("expires").cast(pl.String), part="on_hand"
    )  # fmt: skip
    opened = cells.filter(pl.col("flow") == "open").join(there, on=NODE).select("move", "lot", "part")
    if "lot_ship" not in plan.flows:
        return opened
    keys = ["lane", "item", "period"]
    sent = plan.flows["lot_ship"].filter(pl.col("quantity") > CLOSE).select(*keys, lot="expires", part="quantity")
    shipped = cells.filter(pl.col("flow") == "ship").join(sent, on=keys).select("move", "lot", "part")
    return pl.concat([opened, shipped])


def _parted(found: Moves, parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cells with a move for each lot, `whole` being the move that it is part of; entries with flow and customer."""
    sums = found.cells.select("move", "quantity").join(parts.group_by("move").agg(pl.col("part").sum()), on="move")
    rest = sums.select("move", lot=pl.lit(NEVER), part=pl.col("quantity") - pl.col("part"))
    split = pl.concat([parts, rest.filter(pl.col("part") > CLOSE)])
    cells = (
        found.cells.join(split, on="move", how="left")
        .with_columns(pl.col("lot").fill_null(NEVER), part=pl.coalesce("part", "quantity"))
        .sort("move", "lot")
        .with_row_index("new")
        .with_columns(pl.col("new").cast(pl.Int64), share=pl.col("part") / pl.col("quantity"))
    )
    labels = [pl.col(name) if name in cells.columns else pl.lit(None, pl.String).alias(name) for name in WHO]
    told = cells.select("move", "new", "lot", "share", "flow", *labels)
    entries = found.entries.join(told, on="move").with_columns(pl.col("quantity") * pl.col("share"), move="new")
    renamed = cells.with_columns(whole="move", move="new", quantity="part", expires=pl.col("lot").replace(NEVER, None))
    return renamed.drop("new", "part", "share", "lot"), entries.drop("new", "share")


def _fresh(supplied: pl.DataFrame, network: Network) -> pl.DataFrame:
    """Supplies with the lot of what comes in: fresh goods, and receipts whose goods have an age already."""
    days = fresh(network).select(
        pl.col(NODE).cast(pl.String),
        pl.col("period").to_physical().cast(pl.Int64),
        born=pl.col("expires").cast(pl.String),
    )
    aged = network.receipts.filter(pl.col("expires_on").is_not_null())["receipt"].cast(pl.String).implode()
    own = under_way(network).select(pl.col("receipt").cast(pl.String), own=pl.col("expires").cast(pl.String))
    comes = pl.col("flow").is_in(["make", "buy", "receive"])
    labelled = supplied.join(days, on=CELL, how="left", validate="m:1", maintain_order="left").join(
        own, on="receipt", how="left", validate="m:1", maintain_order="left"
    )
    lot = pl.when(pl.col("receipt").is_in(aged)).then("own").when(comes).then("born").otherwise("lot")
    return labelled.with_columns(lot=lot.fill_null(NEVER))


def _used(uses: pl.DataFrame, plan: Plan, network: Network, rank: Ints) -> pl.DataFrame:
    """What is used, parted by lots: of those with the same claim, the first in turn gets the oldest."""
    index = network.snapshot.periods.select("period", number=pl.col("index").cast(pl.Int64))
    claims = lives(network).select(pl.col("customer").cast(pl.String), pl.col("life").cast(pl.String))
    asked = uses.join(claims, on="customer", how="left", validate="m:1", maintain_order="left").with_columns(
        pl.when(pl.col("flow").is_in(["sell", "replace"])).then("life").fill_null("0").alias("life"),
        -pl.col("quantity"), rank=pl.Series(rank[uses["move"].to_numpy()]),
    ).sort(*USE, "rank", "move")  # fmt: skip
    taken = [plan.flows["lot_use"].select(*USE, "quantity", lot="expires", first=pl.lit(1))]
    if "lot_scrap" in plan.flows:
        scrapped = plan.flows["lot_scrap"].with_columns(life=pl.lit("0"))
        taken.append(scrapped.select(*USE, "quantity", lot="expires", first=pl.lit(0)))
    lots = pl.concat(taken).filter(pl.col("quantity") > CLOSE).join(index, on="period").with_columns(period="number")
    lots = lots.select(*USE, "quantity", "lot", "first")
    sums = asked.group_by(USE).agg(pl.col("quantity").sum())
    told = sums.join(lots.group_by(USE).agg(of=pl.col("quantity").sum()), on=USE, how="left")
    rest = told.with_columns(
        pl.col("quantity") - pl.col("of").fill_null(0.0), lot=pl.lit(NEVER), first=pl.lit(2)
    ).filter(pl.col("quantity") > CLOSE)  # fmt: skip
    there = pl.concat([lots, rest.select(lots.columns)])
    numbered = pl.concat([there.select(USE), asked.select(USE)]).select(pl.struct(USE).rank("dense").cast(pl.Int64))
    group = numbered.to_series().to_numpy()
    there = there.with_columns(group=pl.Series(group[: there.height])).sort("group", "first", "lot")
    asked = asked.with_columns(group=pl.Series(group[there.height :])).sort("group", maintain_order=True)
    lot, use, quantity = overlap(
        there["group"].to_numpy(), there["quantity"].to_numpy(), asked["group"].to_numpy(), asked["quantity"].to_numpy()
    )
    met = asked[use]
    return met.with_columns(pl.Series("quantity", -quantity), lot=there["lot"].gather(lot))


def _left(leaves: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What is left at the end, parted by the lots that nothing used up."""
    lots = known.filter(pl.col("lot") != NEVER).group_by(LOT).agg(part=pl.col("quantity").sum())
    kept = leaves.drop("lot").join(lots.filter(pl.col("part") > CLOSE), on=NODE, maintain_order="left")
    parts = kept.with_columns(quantity=-pl.col("part"))
    taken = parts.group_by("move").agg(taken=pl.col("quantity").sum())
    rest = leaves.join(taken, on="move", how="left").with_columns(
        pl.col("quantity") - pl.col("taken").fill_null(0.0)
    ).filter(pl.col("quantity") < -CLOSE)  # fmt: skip
    return pl.concat([parts.select(leaves.columns), rest.select(leaves.columns)])
