"""In time: rows that say what the switches already imply, so that whole numbers are proven in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks import in_time_rows as rows
from soe_lib.model.blocks.carry_over import CarryOver
from soe_lib.model.blocks.lot_hours import carried_over
from soe_lib.model.blocks.lots import ALTERNATIVES, ORDERS, RUNNING, RUNS
from soe_lib.model.terms import Balance, Effect, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

ROW = ("item", "of", "period")
AT = {"period": "last"}

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "stock": ("stock", "open", "leave", "make", "buy", "receive", "ship", "sell", "replace", "scrap"),
    "demand": ("sell", "short", "replace"),
    "make_most": ("make", "set_up", "carry"),
    "run_most": ("run", "set_up_on", "carry_on"),
    "running_most": ("make", "running"),
    "buy_most": ("buy", "place_order"),
    "run": ("run", "make"),
    "carried": ("carry", "set_up"),
    "carried_on": ("carry_on", "set_up_on"),
}
"""The rows that these follow from, and the flows that they are known to hold: with any other, they are left out."""


@dataclass(frozen=True)
class InTime(Part):
    """What is sold within a window of periods was in stock before it, or comes from a set-up (an order) within it.

    Brings rows `in_time` (item, of, period), one per window from `of` to `period`:
    Σ on-time sales due in the window <= stock before it, everywhere and on the way + what arrives in it unswitched
    + Σ set-ups (orders) whose goods arrive in it × demand of the window that is due when they arrive or later.

    They are the (l, S) inequalities of lot sizing with S the whole window, known to describe uncapacitated lots of
    one item completely where holding is what makes early production dear. The relaxation that the solver starts from
    is then close to the optimum. They hold for every plan that keeps the other rows, whatever its costs: summed over an
    item's locations, the rows `stock` of the window say that what is sold in it was there before, or arrives in it.
    What one set-up brings is nothing where the set-up is not made; else it serves no more of the window's demand than
    is due from its first arrival on, since each sale is <= the quantity of its line. Unserved and late demand only sell
    less; other uses (components, substitutes, scrap, what is left) only take away. Where set-ups carry over, one that
    comes from before the window counts once, at the window's first start: none later in the window is without a set-up
    in it. With `late`, rows `in_window` count late sales within the window too, against all demand of the window that
    may still be served when the goods arrive.

    Source: Barany, Van Roy & Wolsey, Management Science 30 (1984) 1255–1261; Pochet & Wolsey, Mathematical Programming
    67 (1994) 297–323; with lost sales: Loparic, Pochet & Wolsey, Mathematical Programming 89 (2001) 487–504.

    Parameters
    ----------
    late : count late sales within the window too.
    """

    optional = ("set_up", "set_up_on", "running", "place_order", "carry", "carry_on")

    late: bool = False

    @property
    def name(self) -> str:
        """Of its rows."""
        return "in_window" if self.late else "in_time"

    def balances(self, network: Network) -> Iterator[Balance]:
        """in_time, or in_window."""
        if not (windows := rows.windows(network, self.late)).is_empty():
            frame = windows.select("item", "of", pl.col("last").alias("period"))
            yield Balance(
                self.name, frame, ROW, "<=", "unit", "what a window sells was there before, or is set up for within it",
                follows=FOLLOWS,
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sales, stock, arrivals and switches."""
        if rows.windows(network, self.late).is_empty():
            return
        sold = rows.sales(network, self.late)
        yield Effect("sell", self.name, at=AT, join=sold, using=("item", "due", "period"))
        before = rows.before(network, self.late)
        yield Effect(
            "stock", self.name, -1.0, at=AT, join=before, using=("item", "period"), note="−1 before the window"
        )
        opening = rows.opening(network, self.late)
        yield Effect("open", self.name, -1.0, at=AT, join=opening, using=("item",), note="−1 before the window")
        due_in = rows.receipts(network, self.late)
        yield Effect("receive", self.name, -1.0, at=AT, join=due_in, using=("item", "period"), note="−1 in the window")
        for flow, keys in (("ship", ("lane", "item")), ("make", ("routing",)), ("buy", ("offer",))):
            arriving = rows.arriving(network, flow, self.late)
            yield Effect(
                flow, self.name, -pl.col("part"), at=AT, join=arriving, using=(*keys, "period"),
                note="−share that arrives in the window",
            )  # fmt: skip
        note = "−demand of the window from its arrival on"
        for lots in (RUNS, ALTERNATIVES, RUNNING, ORDERS):
            served = rows.switched(network, lots, self.late)
            yield Effect(lots.switch, self.name, -pl.col("most"), at=AT, join=served, using=lots.cell, note=note)
        if not carried_over(network):
            return
        for carry in (CarryOver(RUNS), CarryOver(ALTERNATIVES, "_on")):
            served = rows.carried(network, carry.lots, self.late)
            flow, using = f"carry{carry.on}", carry.lots.cell
            yield Effect(flow, self.name, -pl.col("most"), at=AT, join=served, using=using, note=note)

    def __repr__(self) -> str:
        return f"InTime({self.name})"
