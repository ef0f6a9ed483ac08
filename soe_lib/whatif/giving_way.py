"""Who gives way to a promise: forecast that is served less or later, and orders that wait, in units, days and money."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from soe_lib.store.plan import Plan

LINE = ["item", "location", "customer", "order", "due"]
LEAST = 1e-4
"""Fewer units are rounding."""
FORECAST = pl.col("order") == ""
CELLS = {
    **dict.fromkeys((*LINE, "period"), pl.String),
    **dict.fromkeys(("served", "later", "short", "lost", "money"), pl.Float64),
}
"""Of each cell of a demand line: served, later (part of it served late), short [units]; lost (price, goodwill and
penalties of short units, and cost of lateness), money (price less costs of lateness and shortage) [money].
"""


def _cells(plan: Plan) -> pl.DataFrame:
    """The cells that serve demand lines, or leave them short; columns of CELLS, `period` blank of what is short."""
    parts = [pl.DataFrame(schema=CELLS)]
    for flow in ("sell", "replace"):
        if flow in plan.flows:
            units, late = pl.col("quantity"), pl.col("late") * (pl.col("late_cost") + pl.col("late_goodwill"))
            each = pl.col("price") - late - (pl.col("cost") if flow == "replace" else 0.0)
            rows = plan.flows[flow].filter(units > 0)
            parts.append(rows.select(
                *LINE, "period", served=units, later=units * (pl.col("late") > 0), short=0.0, lost=units * late,
                money=units * each,
            ).select(pl.col(name).cast(kind) for name, kind in CELLS.items()))  # fmt: skip
    if "short" in plan.flows:
        units, costs = pl.col("quantity"), pl.col("short_penalty") + pl.col("short_cost")
        parts.append(plan.flows["short"].filter(units > 0).select(
            *LINE, period=pl.lit(""), served=0.0, later=0.0, short=units, lost=units * (pl.col("price") + costs),
            money=-units * costs,
        ).select(pl.col(name).cast(kind) for name, kind in CELLS.items()))  # fmt: skip
    return pl.concat(parts)


def _lines(plan: Plan, own: pl.Expr) -> pl.DataFrame:
    return _cells(plan).filter(own).group_by(LINE).agg(pl.col("served", "later", "short", "lost", "money").sum())


def _both(after: Plan, before: Plan, own: pl.Expr) -> pl.DataFrame:
    mine, theirs = _lines(after, own), _lines(before, own)
    return mine.join(theirs, on=LINE, how="full", coalesce=True, suffix="_before", validate="1:1").fill_null(0.0)


def foreseen(after: Plan, before: Plan) -> float:
    """Units of forecast that the orders of one plan consume beyond another plan."""
    asked = _both(after, before, FORECAST).select(
        pl.col("served_before", "short_before").sum(), -pl.col("served", "short").sum()
    )
    units = float(asked.sum_horizontal().item())
    return units if units > LEAST else 0.0


def given_way(after: Plan, before: Plan) -> pl.DataFrame:
    """Forecast that is served less or later than in another plan, beyond what orders consume.

    Formula: quantity = short after − before, later = served late after − before, each where it is more than 0; money =
    what the units short would have brought, with goodwill, penalties and costs of lateness, after − before.

    Returns
    -------
    customer, item, location, quantity, later [units], money; the most money first.
    """
    both = _both(after, before, FORECAST).group_by("customer", "item", "location").agg(
        (pl.col(name) - pl.col(f"{name}_before")).sum().alias(into)
        for name, into in (("short", "quantity"), ("later", "later"), ("lost", "money"))
    )  # fmt: skip
    rows = both.filter((pl.col("quantity") > LEAST) | (pl.col("later") > LEAST))
    return rows.with_columns(pl.col("quantity", "later").clip(lower_bound=0.0)).sort(
        [pl.col("money").round(2), "customer", "item", "location"], descending=[True, False, False, False]
    )


def waiting(after: Plan, before: Plan, new: Collection[str]) -> pl.DataFrame:
    """Orders that are served later or less than in another plan, most money first.

    Formula: days = longest delay until as many units are served as before; never = served before − served after; money
    = what the order brings less.

    Parameters
    ----------
    new : orders that are only in the newer plan.

    Returns
    -------
    order, customer, item, location, quantity [most units behind at a time], days, never [units], money.
    """
    own = ~FORECAST & ~pl.col("order").is_in(sorted(new))
    ends = after.periods.select(pl.col("period").cast(pl.String), "ends_on")
    then, now = (_so_far(_cells(plan).filter(own, pl.col("served") > 0), ends) for plan in (before, after))
    reached = then.sort("so_far").join_asof(
        now.sort("so_far").select(*LINE, "so_far", came="ends_on"), on="so_far", by=LINE, strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    there = reached.sort("ends_on").join_asof(
        now.sort("ends_on").select(*LINE, "ends_on", so_far_now="so_far"), on="ends_on", by=LINE, check_sortedness=False
    )  # fmt: skip
    behind = there.filter(pl.col("came").is_null() | (pl.col("came") > pl.col("ends_on"))).group_by(LINE).agg(
        quantity=(pl.col("so_far") - pl.col("so_far_now").fill_null(0.0)).max(),
        days=(pl.col("came") - pl.col("ends_on")).dt.total_days().max(),
    )  # fmt: skip
    both = _both(after, before, own).with_columns(
        never=(pl.col("served_before") - pl.col("served")).clip(0.0), money=pl.col("money_before") - pl.col("money")
    )
    return (
        behind.join(both, on=LINE, how="inner")
        .select("order", "customer", "item", "location", "quantity", pl.col("days").fill_null(0), "never", "money")
        .sort([pl.col("money").round(2), "order"], descending=[True, False])
    )


def _so_far(rows: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """LINE, ends_on, served, so_far [units, to rounding] of the cells in order of time."""
    summed = rows.group_by(*LINE, "period").agg(pl.col("served").sum()).join(ends, on="period").sort(*LINE, "ends_on")
    return summed.with_columns(so_far=pl.col("served").cum_sum().over(LINE).round(4))
