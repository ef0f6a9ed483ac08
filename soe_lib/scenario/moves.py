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
    weeks = buckets(plan.periods).select("period", "bucket", place="order").lazy()
    flows = [flow for flow in READ if flow in plan.flows or flow in base.flows]
    if not flows:
        return pl.DataFrame(schema=MOVES)
    # One query a flow, and all of them at once: most of the time would be the calls, not the rows.
    changed = pl.collect_all([_changed(plan, base, flow) for flow in flows])
    found = pl.collect_all([_told(plan, base, flow, rows, weeks) for flow, rows in zip(flows, changed, strict=True)])
    by = ["flow", "what", "where", "week"]
    return pl.concat(found).sort(
        [pl.col("money").abs().round(2), pl.col("change").abs().round(6), *by], descending=[True, True, *[False] * 4]
    )


def _keys(plan: Plan, base: Plan, flow: str) -> list[str]:
    return list((plan if flow in plan.flows else base).rates.columns(flow))


def _changed(plan: Plan, base: Plan, flow: str) -> pl.LazyFrame:
    """The cells of one flow that differ: keys, after, before."""
    keys = _keys(plan, base, flow)
    now, then = plan.flows.get(flow), base.flows.get(flow)
    apart = (pl.col("after") - pl.col("before")).abs() > LEAST
    if now is not None and then is not None and now.select(keys).equals(then.select(keys)):
        same = now.lazy().select(*keys, after="quantity").with_columns(then["quantity"].alias("before"))
        return same.filter(apart)
    # A move may come from a cell that only one of the plans has: an offer that is closed, a line that is new.
    cells = {side: _cells(one, flow, keys, side) for side, one in (("after", plan), ("before", base))}
    both = cells["after"].join(cells["before"], on=keys, how="full", coalesce=True, validate="1:1")
    return both.with_columns(pl.col("after", "before").fill_null(0.0)).filter(apart)


def _told(plan: Plan, base: Plan, flow: str, changed: pl.DataFrame, weeks: pl.LazyFrame) -> pl.LazyFrame:
    """The moves of one flow, by what, where and week, with their money."""
    reading, keys = READ[flow], _keys(plan, base, flow)
    cells = changed.lazy()
    for side, one in (("after", plan), ("before", base)):
        cells = (
            cells.join(_rates(one, flow, keys, changed), on=keys, how="left", validate="1:1")
            .with_columns((pl.col(side) * pl.col("rate").fill_null(0.0)).alias(f"{side}_money"))
            .drop("rate")
        )
    told = _labelled(cells, changed, plan, base, flow, keys).join(
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


def _cells(plan: Plan, flow: str, keys: list[str], side: str) -> pl.LazyFrame:
    if flow not in plan.flows:
        return pl.LazyFrame(schema={**dict.fromkeys(keys, pl.String), side: pl.Float64})
    return plan.flows[flow].lazy().filter(pl.col("quantity") != 0).select(*keys, pl.col("quantity").alias(side))


def _rates(plan: Plan, flow: str, keys: list[str], cells: pl.DataFrame) -> pl.LazyFrame:
    """keys, rate: money per unit of the cells asked for, steering left out."""
    table = plan.rates.tables.get(flow)
    if table is None:
        return cells.lazy().select(keys).with_columns(rate=pl.lit(0.0))
    mine = table.lazy().filter(pl.col("kind") != "steering").join(cells.lazy().select(keys), on=keys, how="semi")
    return mine.group_by(keys).agg(pl.col("per_unit").sum().alias("rate"))


def _labelled(
    cells: pl.LazyFrame, changed: pl.DataFrame, plan: Plan, base: Plan, flow: str, keys: list[str]
) -> pl.LazyFrame:
    """The cells with whatever else of what and where the flow's frame names."""
    wanted = [name for name in (READ[flow].what, *READ[flow].where) if name not in keys]
    if not wanted:
        return cells
    frames = [
        one.flows[flow].lazy().select(*keys, *wanted).join(changed.lazy().select(keys), on=keys, how="semi")
        for one in (plan, base)
        if flow in one.flows
    ]
    return cells.join(pl.concat(frames).unique(keys), on=keys, how="left", validate="1:1")
