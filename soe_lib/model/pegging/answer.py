"""Which receipts, runs and shipments serve which order, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.errors import DataError, advice
from soe_lib.model.axis import BEYOND
from soe_lib.model.blocks.buy import Buy, Receive
from soe_lib.model.blocks.make import Make
from soe_lib.model.blocks.sell import Sell, Substitute
from soe_lib.model.blocks.shelf_life import ShelfLife
from soe_lib.model.blocks.ship import Ship
from soe_lib.model.blocks.stock import Stock
from soe_lib.model.demand import late_from
from soe_lib.model.network import Network
from soe_lib.model.pegging.lots import LOT, by_lot
from soe_lib.model.pegging.match import matched
from soe_lib.model.pegging.moves import NODE, UNKNOWN, Moves, moves
from soe_lib.model.terms import Block, blocks_of

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan

MOVING: tuple[Block, ...] = (Make(), Buy(), Receive(), Ship(), Stock(), Sell(), Substitute(), ShelfLife())
"""The standard blocks whose flows change a stock."""
KINDS = {
    "open": "opening stock", "receive": "receipt", "make": "run", "buy": "purchase", "ship": "shipment",
    "sell": "sale", "replace": "sale of a substitute", "scrap": "scrap", "leave": "end stock",
}  # fmt: skip
"""Flow → what a reader calls one of its cells; any other flow is called by its name."""
ENDS = ("scrap", "leave", UNKNOWN)
CIRCULAR = "goods in circulation"
"""What a move is for whose goods come back to where they left within the period."""
LABELS = ("receipt", "routing", "offer", "lane", "order", "expires")
SUPPLY = ("receipt", "run", "purchase", "shipment")
DEMAND = ("order", "customer")
BESIDE = ("item", "location", "period")


def pegging(plan: Plan, snapshot: Snapshot, *, blocks: Block | Sequence[Block] = ()) -> Pegging:
    """Which supply serves which demand: through every stock, lane and bill of materials of a plan.

    Rule, where goods are interchangeable: first in, first out of the supply of each item and place, and of the demand
    of a period first due first; of the same due period orders before forecast; ties by due date, then order number.
    What is scrapped is the oldest, and goods that are followed by their day of expiry go to whom the plan sells them.
    What a run takes is shared out over its products by their standard cost.

    Formula: the n-th unit that leaves a stock is the n-th unit that came into it, so Σ pegs of a supply = that supply
    (served, scrapped or left at the end), and Σ pegs of a demand = that demand, on every level.

    Parameters
    ----------
    plan : solved or kept. snapshot : the extract that it was made from.
    blocks : planning ideas of one's own that the plan was made with.

    Errors
    ------
    DataError : the plan was made from another extract, or says nothing of stocks.

    Examples
    --------
    >>> pegged = soe.review.pegging(soe.plan(small), small)
    >>> pegged.of(run="tea", period="W1").select("kind", "customer", "due", "quantity").rows()
    [('forecast', 'shop', 'W1', 60.0)]
    """
    if plan.fingerprint != snapshot.fingerprint:
        raise DataError(
            f"{plan.name} was made from inputs {plan.fingerprint[:12]}, not from {snapshot.fingerprint[:12]} of "
            f"{snapshot.folder}: give the extract that it was made from."
        )
    network = Network(snapshot)
    found = moves(plan, network, (*MOVING, *blocks_of(blocks)))
    found = by_lot(found, plan, network, _ranks(found, snapshot))
    supplies, demands = _sides(found, snapshot)
    rank = _ranks(found, snapshot)
    pegs, shares = matched(supplies, demands, rank, found.cells["quantity"].abs().to_numpy())
    entries = pl.concat([supplies.select(_SIDE), demands.select(_SIDE)])
    return Pegging(plan, snapshot, found.cells, entries, pegs, shares)


_SIDE = ["entry", "move", *LOT, "period", "quantity"]


def _sides(found: Moves, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Supplies in the order of their turn, with their weight among all that their move brings; and demands."""
    costs = snapshot["items"].select("item", cost=pl.col("standard_cost").fill_null(0.0))
    first = found.cells.select("move", turn=pl.col("flow").replace_strict({"open": 0, "receive": 1}, default=2))
    rows = found.entries.join(first, on="move").join(costs, on="item", how="left").with_columns(
        node=pl.struct(LOT).rank("dense").cast(pl.Int64)
    )  # fmt: skip
    supplies = rows.filter(pl.col("quantity") > 0).sort("node", "period", "turn", "move").with_row_index("entry")
    worth = pl.col("quantity") * pl.when(pl.col("cost").sum().over("move") > 0).then("cost").otherwise(1.0)
    supplies = supplies.with_columns(worth=worth).with_columns(
        weight=pl.col("worth") / pl.col("worth").sum().over("move")
    )
    demands = rows.filter(pl.col("quantity") < 0).with_columns(-pl.col("quantity")).sort("node", "period", "move")
    part = pl.col("quantity") / pl.col("quantity").sum().over("move", *NODE)
    demands = demands.with_columns(part=part).with_row_index("entry", offset=supplies.height)
    entry = pl.col("entry").cast(pl.Int64)
    return supplies.with_columns(entry), demands.with_columns(entry)


def _ranks(found: Moves, snapshot: Snapshot) -> np.ndarray:
    """Whose turn is first within a period: scrap, then demand by due period, orders before forecast, then the rest."""
    cells = found.cells
    columns = ["order", "customer", "due", *NODE, "substitute", "period"]
    lacking = [pl.lit("").alias(name) for name in columns if name not in cells.columns]
    places = snapshot.periods.select(due="period", due_place="index")
    dated = snapshot["orders"].select("order", late_from(snapshot.settings).alias("due_on")).unique("order")
    told = cells.with_columns(lacking).join(places, on="due", how="left").join(dated, on="order", how="left")
    asked = pl.col("flow").is_in(["sell", "replace"])
    turn = pl.when(pl.col("flow") == "scrap").then(0).when(asked).then(1).otherwise(2)
    ordered = told.with_columns(turn=turn, forecast=pl.col("order") == "").sort(
        "turn", "due_place", "forecast", "due_on", *columns, "flow", "move", nulls_last=True
    )
    rank = np.empty(cells.height, np.int64)
    rank[ordered["move"].to_numpy()] = np.arange(cells.height)
    return rank


@dataclass(frozen=True, eq=False)
class Pegging:
    """What serves what in a plan.

    Parameters
    ----------
    plan, snapshot : of which. cells : move, flow, quantity and the labels of every cell that changes a stock.
    entries : entry, move, item, location, period (index), quantity: what a move brings to a stock, or takes.
    pegs : supply, demand (entries), root (the move at the end of the chain), quantity [unit], serves [unit of root].
    shares : move, root, share of what the move takes that is for the root, serves [unit of root].
    """

    plan: Plan
    snapshot: Snapshot
    cells: pl.DataFrame
    entries: pl.DataFrame
    pegs: pl.DataFrame
    shares: pl.DataFrame

    @cached_property
    def links(self) -> pl.DataFrame:
        """Every peg with its labels.

        Returns
        -------
        kind, name, made_in [period of the move], item, location, available, used [periods], quantity [unit of the
        item], used_by, used_for [kind and name of what takes it], for_kind (order, forecast, end stock, scrap …),
        order, customer, for_item, for_location, due, served [period], serves [unit of for_item], level [steps from the
        end of the longest chain], move, root.
        """
        periods = dict(enumerate([*self.snapshot.periods["period"], BEYOND]))
        side = self.entries.select("entry", "move", *NODE, "period")
        named = self.named
        taken = side.select(demand="entry", taker="move", used="period")
        return (
            self.pegs.join(side.rename({"entry": "supply", "period": "available"}), on="supply", validate="m:1")
            .join(taken, on="demand", validate="m:1")
            .join(named.select("move", "kind", "name", made_in="period"), on="move", validate="m:1")
            .join(named.select(taker="move", used_by="kind", used_for="name"), on="taker", validate="m:1")
            .join(self.roots, on="root", validate="m:1")
            .with_columns(pl.col("available", "used").replace_strict(periods))
            .select(
                "kind", "name", "made_in", *NODE, "available", "used", "quantity", "used_by", "used_for", "for_kind",
                "order", "customer", "for_item", "for_location", "due", "served", "serves", "level", "move", "root",
            )
        )  # fmt: skip

    @cached_property
    def named(self) -> pl.DataFrame:
        """move, flow, kind, name, period of every move, as a reader calls it."""
        labels = [pl.col(name) for name in LABELS if name in self.cells.columns]
        return self.cells.select(
            "move", "flow", pl.col("flow").replace(KINDS).alias("kind"),
            pl.coalesce(*labels, pl.lit("")).alias("name"), "period",
        )  # fmt: skip

    @cached_property
    def roots(self) -> pl.DataFrame:
        """root, for_kind, order, customer, for_item, for_location, due, served of every end of a chain."""
        ends = self.cells.join(self.pegs.select(move="root").unique(), on="move", how="semi")
        free = {name: pl.lit("").alias(name) for name in ("order", "customer", "due") if name not in ends.columns}
        asked = pl.when(pl.col("order") == "").then(pl.lit("forecast")).otherwise(pl.lit("order"))
        kind = (
            pl.when(pl.col("flow").is_in(["sell", "replace"])).then(asked)
            .when(pl.col("flow").is_in(ENDS)).then(pl.col("flow").replace(KINDS))
            .otherwise(pl.lit(CIRCULAR))
        )  # fmt: skip
        return ends.with_columns(**free).with_columns(pl.col("order", "customer", "due").fill_null("")).select(
            kind.alias("for_kind"), "order", "customer", "due", root="move", for_item="item", for_location="location",
            served="period",
        )  # fmt: skip

    def of(self, **where: str) -> pl.DataFrame:
        """What serves an order, or what a receipt, run, purchase or shipment serves.

        Parameters
        ----------
        where : order or customer: the supply that serves it, level by level. receipt, run (a routing), purchase (an
            offer) or shipment (a lane): the demand that it serves. item, location and period narrow either.

        Returns
        -------
        Of an order: kind, name, item, location, made_in, available, used, quantity, used_by, used_for, serves. Of a
        supply: for_kind as kind, order, customer, item, location, due, served, quantity [units of the supply].

        Raises DataError for a word that nothing is asked by, or for a name that the plan does not have.
        """
        words = (*DEMAND, *SUPPLY, *BESIDE)
        if strange := [one for one in where if one not in words]:
            raise DataError(f"Pegging is not asked by {strange[0]!r}. {advice(strange[0], words)}")
        return self._serving(where) if set(where) & set(DEMAND) else self._served(where)

    def _serving(self, where: dict[str, str]) -> pl.DataFrame:
        column = {"item": "for_item", "location": "for_location", "period": "served"}
        roots = self._chosen(self.roots, where, column)
        found = self.links.join(roots.select("root"), on="root", how="semi").sort(
            "order", "customer", "level", "available", "kind", "name", *NODE, "used", "used_by", "used_for"
        )  # fmt: skip
        return found.group_by(
            "order", "customer", "kind", "name", *NODE, "made_in", "available", "used", "used_by", "used_for",
            maintain_order=True,
        ).agg(pl.col("quantity", "serves").sum())  # fmt: skip

    def _served(self, where: dict[str, str]) -> pl.DataFrame:
        kinds = [one for one in where if one in SUPPLY]
        chosen = self.links.filter(pl.col("kind").is_in(kinds or list(KINDS.values())))
        rows = self._chosen(chosen, where, {"period": "made_in", **dict.fromkeys(SUPPLY, "name")})
        return rows.group_by(
            "for_kind", "order", "customer", "for_item", "for_location", "due", "served", maintain_order=True
        ).agg(pl.col("quantity").sum()).rename({f"for_{one}": one for one in ("kind", *NODE)}).sort(
            "due", "kind", "order", "customer", *NODE
        )  # fmt: skip

    def _chosen(self, frame: pl.DataFrame, where: dict[str, str], columns: Mapping[str, str]) -> pl.DataFrame:
        """The rows of the frame whose columns have the values that were asked for."""
        for asked, value in where.items():
            column = columns.get(asked, asked)
            kept = frame.filter(pl.col(column) == value)
            if kept.is_empty():
                known = frame[column].unique().drop_nulls().sort().to_list()
                raise DataError(f"{self.plan.name} has no {asked} {value!r} here. {advice(value, known)}")
            frame = kept
        return frame
