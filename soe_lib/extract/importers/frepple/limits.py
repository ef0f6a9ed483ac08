"""frePPLe's order sizes: left out of the plan, or kept as lots, each with a maximum that nobody would exceed.

Lots make whole-number decisions of a plan, which are proven optimal in minutes or not at all; without them it takes a
second. So they are kept only where the user asks for them.
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.importers.report import Part, tell

ROOM = 2.0
"""The maximum is so many times what the open orders need, so that scenarios with more demand still fit."""


def requirement(
    orders: pl.DataFrame, policies: pl.DataFrame, routings: pl.DataFrame, components: pl.DataFrame
) -> pl.DataFrame:
    """The most of each item that open orders and safety stocks can ask for in the whole horizon.

    needed(i) = Σ orders of i + Σ safety stocks of i + Σ over items m made of i of the largest quantity of i per unit
    of m × needed(m); stock on hand is not taken off.

    Returns
    -------
    frame of item, needed.
    """
    own = [orders.select("item", needed="quantity"), policies.select("item", needed="safety_stock")]
    uses = (
        components.join(routings.select("routing", "item").unique(), on="routing")
        .group_by("item", "component")
        .agg(pl.col("quantity").max())
    )
    step = pl.concat(own).group_by("item").agg(pl.col("needed").sum())
    found = [step]
    # a bill of material is no deeper than there are routings; a circle in it must not turn for ever
    for _ in range(routings.height):
        step = (
            uses.join(step, on="item")
            .group_by(item="component")
            .agg(needed=(pl.col("quantity") * pl.col("needed")).sum())
        )
        if step.is_empty():
            break
        found.append(step)
    return pl.concat(found).group_by("item").agg(pl.col("needed").sum())


def without(name: str, table: pl.DataFrame) -> Part:
    """The table without order sizes: any quantity may be made, bought or shipped.

    Parameters
    ----------
    name : offers, lanes or routings.
    """
    sized = table.filter(pl.col("minimum").is_not_null() | pl.col("multiple").is_not_null())
    notes = tell(
        sized, name.removesuffix("s"), table.height, name,
        "have a smallest order or a multiple; left out, any quantity may be planned (import with lots to keep them)",
    )  # fmt: skip
    nothing = pl.lit(None, pl.Float64)
    return Part({name: table.with_columns(minimum=nothing, multiple=nothing)}, notes)


def bounded(name: str, table: pl.DataFrame, needed: pl.DataFrame, *, fixed: pl.Series | None = None) -> Part:
    """The table with its order sizes, and `maximum` per period where something comes in lots.

    maximum = ROOM × needed, rounded up to the multiple, and at least the minimum.

    Parameters
    ----------
    name : offers, lanes or routings.
    needed : from `requirement`.
    fixed : further keys that are all or nothing, because an order of them takes a fixed time.
    """
    key = name.removesuffix("s")
    in_lots = pl.col("minimum").fill_null(0.0) > 0
    if fixed is not None:
        in_lots = in_lots | pl.col(key).is_in(fixed.implode())
    multiple = pl.col("multiple").fill_null(1.0)
    most = pl.max_horizontal(pl.col("needed").fill_null(0.0) * ROOM, pl.col("minimum").fill_null(0.0))
    rows = table.join(needed, on="item", how="left").with_columns(
        maximum=pl.when(in_lots).then((most / multiple).ceil() * multiple)
    )
    notes = tell(
        rows.filter(pl.col("minimum").is_not_null()), key, rows.height, name,
        "have a smallest order size; written as the least amount of a period in which they are used",
    ) + tell(
        rows.filter(in_lots), key, rows.height, name,
        f"come in lots and get a maximum per period: {ROOM:g} times what all open orders need of the item",
    )  # fmt: skip
    return Part({name: rows.drop("needed")}, notes)
