"""Decisions made elsewhere, carried out in a model: cells held at given quantities, under ceilings that allow them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.model.canonical import again
from soe_lib.model.model import Model
from soe_lib.model.program import Program, stacked

SMALL = 1e-6
"""A decision of less than this is none, and one this near to a bound is on it [unit of the flow]."""

CEILINGS = ("make_most", "run_most", "running_most", "buy_most", "ship_most", "site_make", "site_buy", "site_lane")
"""Rows whose switches stand beside the most that anybody could ever use (ceilings.py)."""


def cells_of(model: Model, flow: str, periods: Sequence[str] | None) -> pl.DataFrame:
    """The keys of the cells of a flow in some periods, and `cell`, their place in the flow."""
    if flow not in model.flows:
        return pl.DataFrame(schema={"cell": pl.UInt32})
    rows = model.flows[flow].named.select(model.flows[flow].keys).with_row_index("cell")
    return rows if periods is None else rows.filter(pl.col("period").is_in(list(periods)))


def holding(model: Model, decisions: Mapping[str, pl.DataFrame]) -> Model:
    """The model with some cells held at what was decided elsewhere; its plan is the best answer to these decisions.

    Parameters
    ----------
    decisions : flow → the flow's keys and `quantity` [unit of the flow].

    Raises SolveError (infeasible) where a decision has no cell here, or lies outside its bounds.
    """
    program, canonical = model.program, model.canonical
    low, high = program.lower.copy(), program.upper.copy()
    canonical_low, canonical_high = canonical.lower.copy(), canonical.upper.copy()
    for flow, frame in decisions.items():
        cells = cells_of(model, flow, None)
        keys = [name for name in frame.columns if name in cells.columns]
        met = frame.join(cells, on=keys, how="left") if keys else frame.with_columns(cell=pl.lit(None, pl.UInt32))
        _refuse(flow, met.filter(pl.col("cell").is_null() & (pl.col("quantity").abs() > SMALL)), "has no such decision")
        kept = met.filter(pl.col("cell").is_not_null())
        if kept.is_empty():
            continue
        cell, quantity = kept["cell"].to_numpy().astype(np.intp), kept["quantity"].to_numpy()
        at = cell + program.columns[flow].start
        slack = SMALL * np.maximum(1.0, np.abs(quantity))
        outside = (quantity < low[at] - slack) | (quantity > high[at] + slack)
        _refuse(flow, kept.filter(pl.Series(outside)), "takes no such quantity")
        low[at] = high[at] = np.clip(quantity, low[at], high[at])
        there = cell + canonical.columns[flow].start
        canonical_low[there] = canonical_high[there] = low[at]
    held = copy.copy(model)
    held.__dict__["program"] = replace(program, lower=low, upper=high)
    held.__dict__["canonical"] = replace(canonical, lower=canonical_low, upper=canonical_high)
    return held


def _refuse(flow: str, bad: pl.DataFrame, said: str) -> None:
    if not bad.is_empty():
        row = bad.row(0, named=True)
        where = ", ".join(str(value) for name, value in row.items() if name not in ("quantity", "cell"))
        raise SolveError(
            f"infeasible: {bad.height} decisions of {flow} cannot be carried out, first {row['quantity']:,.2f} of "
            f"{where}: the scenario {said}",
            status="infeasible",
        )


def with_same_ceilings(models: Mapping[str, Model]) -> dict[str, Model]:
    """The models with each switch's ceiling as high as it is in any of them.

    The most that could ever be used is worked out from the demand of one scenario. A decision that is common to
    several, or made for another, may well be more: it is bounded by what can be used in one of them.
    """
    raised = {name: dict(model.program.blocks) for name, model in models.items()}
    if not any(model.program.integer.any() for model in models.values()):
        return dict(models)
    places = {place for model in models.values() for place in model.program.blocks if place[0] in CEILINGS}
    for place in sorted(places):
        having = {name: model for name, model in models.items() if place in model.program.blocks}
        if not any(model.flows[place[1]].whole.any() for model in having.values()):
            continue
        entries = {name: _entries(model.program, *place) for name, model in having.items()}
        labels = [column for column in next(iter(entries.values())).columns if column != "effect"]
        most = pl.concat(list(entries.values())).group_by(labels).agg(pl.col("effect").min())
        for name, own in entries.items():
            effect = own.select(labels).join(most, on=labels, how="left", maintain_order="left")["effect"].to_numpy()
            block = models[name].program.blocks[place]
            raised[name][place] = sp.csr_array((effect, block.indices, block.indptr), shape=block.shape)
    return {name: _with_blocks(model, raised[name]) for name, model in models.items()}


def _entries(program: Program, balance: str, flow: str) -> pl.DataFrame:
    """Labels of row and column of each entry, in the block's order, and `effect`."""
    block = program.blocks[balance, flow].tocoo()
    row, column = block.coords
    on, of = program.balances[balance], program.flows[flow]
    rows = on.named.select(pl.all().name.prefix("row "))[row.astype(np.uint32)]
    columns = of.named.select(pl.col(of.keys).name.prefix("column "))[column.astype(np.uint32)]
    return pl.concat([rows, columns], how="horizontal").with_columns(effect=block.data)


def _with_blocks(model: Model, blocks: Mapping[tuple[str, str], sp.csr_array]) -> Model:
    if all(block is model.program.blocks[place] for place, block in blocks.items()):
        return model
    program = replace(model.program, blocks=blocks, matrix=stacked(blocks, model.program))
    canonical = again(model.canonical, program)
    assert canonical is not None, "the same rows and columns"
    other = copy.copy(model)
    other.__dict__["program"], other.__dict__["canonical"] = program, canonical
    return other


__all__ = ["cells_of", "holding", "with_same_ceilings"]
