"""A plan as moves: what every cell of a flow takes from a stock, and what it brings to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.assemble import LEAD, cells_of
from soe_lib.model.references import brought
from soe_lib.model.terms import Block, Effect, Flow, column

if TYPE_CHECKING:
    from soe_lib.model.network import Network
    from soe_lib.store.plan import Plan

NODE = ("item", "location")
CELL = (*NODE, "period")
CLOSE = 1e-6
"""Units that count as none."""
UNKNOWN = "other"
"""The move of what no block explains: a plan made with blocks that are not told here."""
ENTRY = {"move": pl.Int64, "item": pl.String, "location": pl.String, "period": pl.Int64, "quantity": pl.Float64}


@dataclass(frozen=True, eq=False)
class Moves:
    """Every cell of a plan that takes from stock or adds to it.

    Parameters
    ----------
    cells : move (a number), flow, quantity [unit of the flow], and the labels of the cell as text.
    entries : move, item, location, period [index; the number of periods is beyond], quantity [unit of the item]: what
        a move brings (+) and takes (−). Each item, location and period adds up over time to its closing stock.
    """

    cells: pl.DataFrame
    entries: pl.DataFrame


def moves(plan: Plan, network: Network, blocks: Iterable[Block]) -> Moves:
    """The moves of a plan, by the same effects on `stock` that its program was made of.

    Parameters
    ----------
    plan : with a flow `stock`. network : of its extract. blocks : that it was made of.

    Raises DataError where the plan says nothing of stocks.
    """
    if "stock" not in plan.flows:
        raise DataError(f"{plan.name} says nothing of stocks, so nothing can be pegged: soe.plan makes one that does.")
    cells, entries, top = [], [pl.DataFrame(schema=ENTRY)], 0
    for flow, effects in sorted(_acting(network, blocks), key=lambda pair: pair[0].name):
        quantity = _quantities(plan, flow, network)
        used = replace(flow, frame=quantity.drop("planned"))
        amounts = quantity.select(*flow.keys, "planned").sort(flow.keys)["planned"]
        texts = [name for name, kind in used.rows.schema.items() if isinstance(kind, pl.Enum)]
        numbered = used.rows.select(pl.col(texts).cast(pl.String)).with_row_index("move", offset=top)
        cells.append(numbered.with_columns(pl.col("move").cast(pl.Int64), flow=pl.lit(flow.name), quantity=amounts))
        entries += [_entries(effect, used, amounts, network, top) for effect in effects]
        top += used.size
    found = pl.concat(entries).group_by("move", *CELL, pl.col("quantity") > 0, maintain_order=True)
    summed = found.agg(total=pl.col("quantity").sum()).drop("quantity").rename({"total": "quantity"})
    return _with_the_rest(pl.concat(cells, how="diagonal"), summed, plan, network)


def _acting(network: Network, blocks: Iterable[Block]) -> Iterable[tuple[Flow, list[Effect]]]:
    """Every flow that changes a stock, with its effects on it; stock itself only carries over."""
    effects: dict[str, list[Effect]] = {}
    flows: dict[str, Flow] = {}
    for block in blocks:
        on_stock = [one for one in brought(block, "effects", network) if one.on == "stock" and one.flow != "stock"]
        for one in on_stock:
            effects.setdefault(one.flow, []).append(one)
        if on_stock:
            flows |= {flow.name: flow for flow in brought(block, "flows", network)}
    return [(flows[name], mine) for name, mine in effects.items() if name in flows and flows[name].size]


def _quantities(plan: Plan, flow: Flow, network: Network) -> pl.DataFrame:
    """The cells of a flow that the plan uses, with `planned`."""
    theirs = plan.flows.get(flow.name)
    if theirs is None:
        return flow.rows.clear().with_columns(planned=pl.lit(None, dtype=pl.Float64))
    own = network.encode(theirs.select(*flow.keys, planned="quantity").filter(pl.col("planned").abs() > CLOSE))
    return flow.rows.join(own, on=flow.keys, validate="1:1")


def _entries(effect: Effect, flow: Flow, amounts: pl.Series, network: Network, top: int) -> pl.DataFrame:
    """What the cells bring and take through one effect on stock."""
    who = f"{effect.flow} on stock"
    cells = cells_of(effect, flow, who)
    if effect.after:
        arrivals = network.arrivals(cells.select(LEAD).unique())
        cells = cells.join(arrivals, on=[*LEAD], how="left", nulls_equal=True, maintain_order="left_right")
    each = pl.Series(column(cells, effect.per_unit, who)) * amounts.gather(cells["cell"])
    if effect.after:
        each *= cells["share"]
    at = {**({"period": "arrival"} if effect.after else {}), **effect.at}
    return cells.select(
        pl.col("cell").cast(pl.Int64).alias("move") + top,
        pl.col(at.get("item", "item")).cast(pl.String).alias("item"),
        pl.col(at.get("location", "location")).cast(pl.String).alias("location"),
        pl.col(at.get("period", "period")).to_physical().cast(pl.Int64).alias("period"),
        quantity=each,
    ).filter(pl.col("quantity") != 0)


def _with_the_rest(cells: pl.DataFrame, entries: pl.DataFrame, plan: Plan, network: Network) -> Moves:
    """The moves, and what they leave unexplained of any stock as moves of their own."""
    index = network.snapshot.periods.select("period", number=pl.col("index").cast(pl.Int64))
    stock = plan.flows["stock"].join(index, on="period").select(*NODE, period="number", held="quantity")
    after = stock.with_columns(pl.col("period") + 1).rename({"held": "before"})
    netted = entries.group_by(CELL).agg(pl.col("quantity").sum())
    both = netted.join(stock, on=CELL, how="full", coalesce=True).join(after, on=CELL, how="full", coalesce=True)
    gap = both.select(
        *CELL, pl.sum_horizontal(pl.col("held"), -pl.col("before"), -pl.col("quantity")).alias("quantity")
    )
    size = pl.lit(max(1.0, float(np.abs(entries["quantity"].to_numpy()).max(initial=0.0))))
    rest = gap.filter(pl.col("quantity").abs() > CLOSE * size).sort(CELL)
    if rest.is_empty():
        return Moves(cells, entries)
    labels = dict(enumerate([*network.snapshot.periods["period"], "beyond"]))
    own = rest.with_row_index("move", offset=cells.height).with_columns(pl.col("move").cast(pl.Int64))
    named = own.with_columns(pl.col("period").replace_strict(labels), flow=pl.lit(UNKNOWN))
    return Moves(
        pl.concat([cells, named], how="diagonal"),
        pl.concat([entries, own.select(*ENTRY)]),
    )
