"""What a plan does otherwise than the base: by flow, thing, place and week, the most money first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

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
    weeks = buckets(plan.periods).select("period", "bucket", place="order")
    found = [_moved(plan, base, flow, weeks) for flow in READ if flow in plan.flows or flow in base.flows]
    if not found:
        return pl.DataFrame(schema=MOVES)
    by = ["flow", "what", "where", "week"]
    return pl.concat(found).sort(
        [pl.col("money").abs().round(2), pl.col("change").abs().round(6), *by], descending=[True, True, *[False] * 4]
    )


def _moved(plan: Plan, base: Plan, flow: str, weeks: pl.DataFrame) -> pl.DataFrame:
    """The moves of one flow."""
    reading = READ[flow]
    sides = {"after": plan, "before": base}
    keys = list((plan if flow in plan.flows else base).rates.columns(flow))
    both = _side_by_side(plan, base, flow, keys)
    changed = both.filter((pl.col("after") - pl.col("before")).abs() > LEAST)
    if changed.is_empty():
        return pl.DataFrame(schema=MOVES)
    # Two scenarios mostly share a flow's rates, the very same table: it is looked up once.
    tables = {side: one.rates.tables.get(flow) for side, one in sides.items()}
    known = {id(tables[side]): _rates(one, flow, keys, changed) for side, one in sides.items()}
    for side in sides:
        changed = (
            changed.join(known[id(tables[side])], on=keys, how="left", validate="1:1")
            .with_columns((pl.col(side) * pl.col("rate").fill_null(0.0)).alias(f"{side}_money"))
            .drop("rate")
        )
    told = _labelled(changed, plan, base, flow, keys).join(
        weeks.rename({"period": reading.when}), on=reading.when, how="left"
    )
    where = pl.concat_str(
        [pl.col(name).replace("", None) for name in reading.where] or [pl.lit("")],
        separator=" → " if flow == "ship" else ", ",
        ignore_nulls=True,
    )
    grouped = told.group_by(
        pl.lit(flow).alias("flow"),
        pl.col(reading.what).alias("what"),
        where.alias("where"),
        week="bucket",
        place="place",
    ).agg(pl.col("before", "after").sum(), money=pl.col("after_money").sum() - pl.col("before_money").sum())
    summed = grouped.with_columns(change=pl.col("after") - pl.col("before")).filter(pl.col("change").abs() > LEAST)
    return summed.select(pl.col(name).cast(dtype) for name, dtype in MOVES.items())


def _side_by_side(plan: Plan, base: Plan, flow: str, keys: list[str]) -> pl.DataFrame:
    """keys, after, before: the cells of a flow in both plans, 0 where one has none."""
    now, then = plan.flows.get(flow), base.flows.get(flow)
    if now is not None and then is not None and now.select(keys).equals(then.select(keys)):
        return now.select(*keys, after="quantity").with_columns(then["quantity"].alias("before"))
    # A move may come from a cell that only one of the plans has: an offer that is closed, a line that is new.
    cells = {side: _cells(one, flow, keys, side) for side, one in (("after", plan), ("before", base))}
    both = cells["after"].join(cells["before"], on=keys, how="full", coalesce=True, validate="1:1")
    return both.with_columns(pl.col("after", "before").fill_null(0.0))


def _cells(plan: Plan, flow: str, keys: list[str], side: str) -> pl.DataFrame:
    if flow not in plan.flows:
        return pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), side: pl.Float64})
    return plan.flows[flow].filter(pl.col("quantity") != 0).select(*keys, pl.col("quantity").alias(side))


def _rates(plan: Plan, flow: str, keys: list[str], cells: pl.DataFrame) -> pl.DataFrame:
    """keys, rate: money per unit of the cells asked for, steering left out."""
    table = plan.rates.tables.get(flow)
    if table is None:
        return cells.select(keys).with_columns(rate=pl.lit(0.0))
    mine = table.join(cells.select(keys), on=keys, how="semi").filter(pl.col("kind") != "steering")
    return mine.group_by(keys).agg(pl.col("per_unit").sum().alias("rate"))


def _labelled(cells: pl.DataFrame, plan: Plan, base: Plan, flow: str, keys: list[str]) -> pl.DataFrame:
    """The cells with whatever else of what and where the flow's frame names."""
    wanted = [name for name in (READ[flow].what, *READ[flow].where) if name not in keys]
    if not wanted:
        return cells
    frames = [
        one.flows[flow].select(*keys, *wanted).join(cells.select(keys), on=keys, how="semi")
        for one in (plan, base)
        if flow in one.flows
    ]
    return cells.join(pl.concat(frames).unique(keys), on=keys, how="left", validate="1:1")
