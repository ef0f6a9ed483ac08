"""What each event costs: the plan's margin without it, less the plan's margin with it; and what it did to whom.

This room knows no solver, so whoever calls hands in the function that plans a snapshot again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review.exceptions.customers import orders_of, subject_of
from soe_lib.review.frames.changes import FENCE_LEAST
from soe_lib.review.frames.service import lines
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan

BREAK: dict[str, Any] = {"routing": pl.String, "period": pl.String, "units": pl.Float64}
HURRIED: dict[str, Any] = {"item": pl.String, "location": pl.String, "units": pl.Float64}
SERVED: dict[str, Any] = {"item": pl.String, "units": pl.Float64}
COLUMNS: dict[str, Any] = {
    "subject": pl.String, "money": pl.Float64, "steering": pl.Float64, "missed": pl.Float64, "cause": pl.String,
    "served": pl.List(pl.Struct(SERVED)), "unbroken": pl.List(pl.Struct(BREAK)),
    "unhurried": pl.List(pl.Struct(HURRIED)),
}  # fmt: skip
"""One row a cause, an "event" or "orders"; served: by item, the units that are on time without it and not with it;
unbroken: the units of the frozen fence that are broken with it and not without it; unhurried: the units that are
expedited with it and not without it."""
EVENT, ORDERS = "event", "orders"


def cost_of_events(
    situation: Week, solve: Callable[[Snapshot], Plan], *, at_most: int = 12, orders: int = 3
) -> pl.DataFrame:
    """What each event in force costs, and whom it makes wait, by planning again without it; likewise for orders that
    nobody forecast.

    Formula: money = margin without the cause − margin with it; positive: it costs that much even with the best answer
    to it. Each is taken away alone, so the costs of several need not add up to that of all of them.

    Parameters
    ----------
    solve : plans a snapshot: `soe.plan`, or `Living(snapshot).plan`, which is faster.
    at_most : events that are priced, in order of their names. orders : customers and families whose orders above
        forecast are taken away, the most revenue first.

    Returns
    -------
    the columns of COLUMNS: subject [event, or customer and family], money, steering [money], missed [units that would
    be served on time without it, of others where it is an order], cause, served, unbroken.
    """
    here, events = situation.snapshot, situation.snapshot["events"]
    rows = [
        without(situation, solve(here.replace(events=events.filter(pl.col("event") != name))), name)
        for name in situation.events["event"].sort().head(at_most)
    ]
    surprises = situation.unforecast.sort(["revenue", "customer", "family"], descending=[True, False, False])
    for row in surprises.head(orders).iter_rows(named=True):
        mine = pl.col("order").is_in(list(orders_of(situation, row)))
        share = row["forecast"] / row["orders"]
        less = here["orders"].with_columns(pl.when(mine).then(pl.col(name) * share).otherwise(name).alias(name)
                                           for name in ("quantity", "committed"))  # fmt: skip
        other = solve(here.replace(orders=less if share > 0 else here["orders"].filter(~mine)))
        of = (pl.col("customer") == row["customer"]) & (pl.col("family") == row["family"])
        rows.append(without(situation, other, subject_of(row), cause=ORDERS, lines_of=~of))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("money", descending=True)


def without(
    situation: Week, other: Plan, subject: str, *, cause: str = EVENT, lines_of: pl.Expr | bool = True
) -> tuple[Any, ...]:
    """The row of one cause: its name, the money it costs, the units that would be on time without it, in all and by
    item, and the breaks of the fence that would not be.

    Parameters
    ----------
    lines_of : the demand lines whose units count.
    """
    plan, served = situation.plan, _served(situation, other, lines_of)
    units = float(served["units"].sum())
    found = served.filter(pl.col("units").abs() > FENCE_LEAST).to_dicts()
    money = other.margin - plan.margin, other.steering - plan.steering
    return subject, *money, units, cause, found, _unbroken(situation, other), _unhurried(situation.plan, other)


def _served(situation: Week, other: Plan, lines_of: pl.Expr | bool) -> pl.DataFrame:
    """item, units: how many more are on time in the other plan; negative: how many more are missed.

    Demand that is there only with the cause is neither: it is not served without it, it is not asked for.
    """
    sides = [
        frame.filter(lines_of)
        .group_by("item")
        .agg(on_time=pl.col("on_time").sum() * sign, missed=(pl.col("late") + pl.col("short")).sum() * sign)
        for frame, sign in ((lines(situation.snapshot, other), 1.0), (situation.lines, -1.0))
    ]
    apart = pl.concat(sides).group_by("item").agg(pl.col("on_time", "missed").sum())
    more, fewer = pl.col("on_time"), -pl.col("missed")
    gained = pl.min_horizontal(more, fewer.clip(lower_bound=0.0))
    return apart.select("item", units=pl.when(more > 0).then(gained).otherwise(fewer.clip(upper_bound=0.0))).sort(
        "item"
    )


def _unbroken(situation: Week, other: Plan) -> list[dict[str, Any]]:
    """routing, period, units: breaks of the frozen fence that the other plan does not need."""
    now, cell = situation.breaks, ["routing", "period"]
    if now.is_empty():
        return []
    made = other.flows["make"].select(*cell, then="quantity")
    apart = now.join(made, on=cell, how="left").with_columns(
        units=pl.col("change").abs() - (pl.col("then").fill_null(0.0) - pl.col("recorded")).abs()
    )
    return apart.filter(pl.col("units") > FENCE_LEAST).select(*BREAK).to_dicts()


def _unhurried(plan: Plan, other: Plan) -> list[dict[str, Any]]:
    """item, location, units: what is expedited in the plan and not in the other."""
    sides = [_expedited(plan, 1.0), _expedited(other, -1.0)]
    apart = pl.concat(sides).group_by("item", "location").agg(pl.col("units").sum())
    return apart.filter(pl.col("units") > FENCE_LEAST).sort("item", "location").to_dicts()


def _expedited(plan: Plan, sign: float) -> pl.DataFrame:
    lines = plan.ledger.lines.filter(pl.col("account") == "expediting")
    return lines.select(pl.col("item", "location").cast(pl.String), units=pl.col("quantity") * sign)
