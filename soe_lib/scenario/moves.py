"""What a plan does otherwise than the base: by flow, thing, place and week, the most money first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from soe_lib.model.plan import Plan
from soe_lib.review.frames.time import buckets

MOVES = pl.Schema(
    {
        "flow": pl.String,
        "what": pl.String,
        "where": pl.String,
        "week": pl.String,
        "place": pl.Int64,
        "before": pl.Float64,
        "after": pl.Float64,
        "change": pl.Float64,
        "money": pl.Float64,
    }
)
"""One move: units (hours of overtime) before and after in one week, and what the change earns [money]."""

SIDES = ("before", "after")

LEAST = 0.05
"""A smaller change of a cell is noise [units or hours]."""


class Reading(NamedTuple):
    """How a flow is told: the columns that say what, where and when."""

    what: str
    where: tuple[str, ...]
    when: str = "period"


READ: Mapping[str, Reading] = {
    "make": Reading("item", ("location",)),
    "buy": Reading("item", ("supplier", "location")),
    "ship": Reading("item", ("origin", "destination")),
    "sell": Reading("item", ("customer", "location")),
    "short": Reading("item", ("customer", "location"), "due"),
    "overtime": Reading("resource", ()),
}
"""The decisions that a meeting talks about; what follows from them (stock, run) is left out."""


def moves(plan: Plan, base: Plan) -> pl.DataFrame:
    """The moves from a base to a plan; columns of MOVES.

    Formula: money = after × its rates − before × its rates, over the cash and inventory accounts of the flow itself.
    """
    found = [_changed(plan, base, flow) for flow in READ if flow in plan.flows or flow in base.flows]
    if not found:
        return pl.DataFrame(schema=MOVES)
    weeks = buckets(plan.periods).select("period", week="bucket", place="order")
    by = ["flow", "what", "where", "week"]
    grouped = (
        pl.concat(found)
        .lazy()
        .join(weeks.lazy(), on="period", how="left", validate="m:1")
        .group_by(*by, "place", maintain_order=True)
        .agg(pl.col("before", "after").sum(), money=pl.col("after_money").sum() - pl.col("before_money").sum())
        .with_columns(change=pl.col("after") - pl.col("before"))
        .filter(pl.col("change").abs() > LEAST)
        .select(pl.col(name).cast(dtype) for name, dtype in MOVES.items())
    )
    order = [pl.col("money").abs().round(2), pl.col("change").abs().round(6), *by]
    return grouped.sort(order, descending=[True, True, *[False] * 4]).collect()


def _changed(plan: Plan, base: Plan, flow: str) -> pl.DataFrame:
    """flow, what, where, period, before, after and their money, of the cells of one flow that changed."""
    now, then = plan.flows.get(flow), base.flows.get(flow)
    keys = list((plan if now is not None else base).rates.columns(flow))
    if now is not None and then is not None and now.select(keys).equals(then.select(keys)):
        cells = _of_the_same(plan, base, flow)
    else:
        cells = _of_others(plan, base, flow, keys)
    reading = READ[flow]
    where = pl.concat_str(
        [pl.col(name).replace("", None) for name in reading.where] or [pl.lit("")],
        separator=" → " if flow == "ship" else ", ",
        ignore_nulls=True,
    )
    return cells.select(
        pl.lit(flow).alias("flow"),
        pl.col(reading.what).alias("what"),
        where.alias("where"),
        pl.col(reading.when).alias("period"),
        *SIDES,
        after_money=pl.col("after") * pl.col("after_rate"),
        before_money=pl.col("before") * pl.col("before_rate"),
    )


def _of_the_same(plan: Plan, base: Plan, flow: str) -> pl.DataFrame:
    """The changed cells of a flow that has the same cells in both plans, row by row."""
    quantities = {side: one.flows[flow]["quantity"].to_numpy() for side, one in (("after", plan), ("before", base))}
    moved = np.flatnonzero(np.abs(quantities["after"] - quantities["before"]) > LEAST)
    # Two scenarios mostly share a flow's rates, the very same table: it is read once, and for the base.
    shared = plan.rates.tables.get(flow) is base.rates.tables.get(flow)
    rates = {"after": (base if shared else plan).per_unit(flow), "before": base.per_unit(flow)}
    return plan.flows[flow][moved].with_columns(
        *(pl.Series(side, quantities[side][moved]) for side in SIDES),
        *(pl.Series(f"{side}_rate", rates[side][moved]) for side in SIDES),
    )


def _of_others(plan: Plan, base: Plan, flow: str, keys: list[str]) -> pl.DataFrame:
    """The changed cells where a plan has some that the other lacks: an offer that is closed, a line that is new."""
    sides = {side: _cells(one, flow, keys, side) for side, one in (("after", plan), ("before", base))}
    both = sides["after"].join(sides["before"], on=keys, how="full", coalesce=True, validate="1:1", suffix="_there")
    told = [pl.coalesce(name, f"{name}_there").alias(name) for name in _labels(flow, keys)]
    numbers = [*SIDES, "after_rate", "before_rate"]
    filled = both.with_columns(*told, pl.col(numbers).fill_null(0.0))
    return filled.filter((pl.col("after") - pl.col("before")).abs() > LEAST)


def _cells(plan: Plan, flow: str, keys: list[str], side: str) -> pl.DataFrame:
    """keys and labels of the cells of a flow that are not 0, with their quantity and rate."""
    wanted = [*keys, *_labels(flow, keys)]
    frame = plan.flows.get(flow)
    if frame is None:
        numbers = {side: pl.Float64, f"{side}_rate": pl.Float64}
        return pl.DataFrame(schema={**dict.fromkeys(wanted, pl.String), **numbers})
    rated = frame.select(*wanted, pl.col("quantity").alias(side), pl.Series(f"{side}_rate", plan.per_unit(flow)))
    return rated.filter(pl.col(side) != 0)


def _labels(flow: str, keys: list[str]) -> list[str]:
    """What else of what and where the flow's frame names."""
    return [name for name in (READ[flow].what, *READ[flow].where) if name not in keys]
