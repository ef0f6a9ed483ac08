"""What happens to each demand line of a plan: how much of it is served on time, late, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.horizon import PER

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

LINE = ["item", "location", "customer", "order", "due"]
LEAST = 5e-3


def lines(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """One row per demand line, with what the plan does to it.

    Formula: on_time = Σ sell in or before the due period, late = Σ sell after it and of overdue orders, short = units
    never served; the three add up to the demand. incurred = demand × late_cost × what it has been late before the
    as-of date, in `costs.per` (for costs per period: in periods as long as the first).

    Returns
    -------
    item, location, customer, order ("" for forecast), due, due_index, demand, on_time, late, short, was_late [units:
    of the late ones, those that the plan serves at once], overdue [days late before the as-of date], incurred [money],
    last_index [period of the last service, null without], price, margin [money/unit: price − standard
    cost], short_penalty [money/unit], late_money [money paid for lateness], description, family, priority.
    """
    places = plan.periods.select(pl.col("period"), pl.col("index"))
    sold = moved(plan, "sell", [*LINE, "period"], ("price", "late", "late_cost", "overdue"))
    sold = sold.join(places, on="period", how="left").join(
        places.rename({"period": "due", "index": "due_index"}), on="due", how="left", validate="m:1"
    )
    after, was_late = pl.col("index") > pl.col("due_index"), pl.col("overdue") > 0
    served = sold.group_by(LINE).agg(
        on_time=pl.col("quantity").filter(~after & ~was_late).sum(),
        late=pl.col("quantity").filter(after | was_late).sum(),
        was_late=pl.col("quantity").filter(~after & was_late).sum(),
        overdue=pl.col("overdue").max(),
        late_cost=pl.col("late_cost").max(),
        last_index=pl.col("index").filter(pl.col("quantity") > LEAST).max(),
        late_money=(pl.col("quantity") * pl.col("late") * pl.col("late_cost")).sum(),
        sold_price=pl.col("price").max(),
    )
    missed = moved(plan, "short", LINE, ("price", "short_penalty")).rename({"quantity": "short"})
    both = served.join(missed, on=LINE, how="full", coalesce=True, validate="1:1")
    filled = both.with_columns(
        pl.col("on_time", "late", "was_late", "short", "late_money", "short_penalty").fill_null(0.0),
        pl.col("overdue", "late_cost").fill_null(0.0),
        price=pl.coalesce("price", "sold_price").fill_null(0.0),
    ).drop("sold_price")
    found = labelled(snapshot, plan, filled)
    length = PER.get(snapshot.settings.costs.per, float(snapshot.periods["days"][0]))
    incurred = pl.col("demand") * pl.col("late_cost") * pl.col("overdue") / length
    return found.with_columns(incurred=incurred).drop("late_cost")


def missed_now(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Demand lines that this plan serves late or not at all; of overdue ones not what it serves at once."""
    found = lines(snapshot, plan).with_columns(late=pl.col("late") - pl.col("was_late"))
    return found.filter(pl.col("late") + pl.col("short") > LEAST)


def labelled(snapshot: Snapshot, plan: Plan, filled: pl.DataFrame) -> pl.DataFrame:
    """Demand lines with their item's and customer's names, their priority and their margin per unit."""
    items = snapshot["items"].select("item", "description", "family", "standard_cost")
    customers = snapshot["customers"].select("customer", "priority")
    due = plan.periods.select(pl.col("period").alias("due"), pl.col("index").alias("due_index"))
    return (
        filled.join(items, on="item", how="left", validate="m:1")
        .join(customers, on="customer", how="left", validate="m:1")
        .join(due, on="due", how="left", validate="m:1")
        .with_columns(
            demand=pl.col("on_time") + pl.col("late") + pl.col("short"),
            margin=pl.col("price") - pl.col("standard_cost").fill_null(0.0),
            description=named("description", "item"),
            family=pl.col("family").fill_null("").replace("", "No family"),
        )
        .sort(LINE)
    )


def moved(plan: Plan, flow: str, keys: list[str], attributes: tuple[str, ...]) -> pl.DataFrame:
    """Keys, attributes and quantity of a flow; no rows where the plan has no such flow, 0 where it lacks
    an attribute.
    """
    frame = plan.flows.get(flow)
    if frame is None:
        kinds = {**dict.fromkeys(keys, pl.String), **dict.fromkeys((*attributes, "quantity"), pl.Float64)}
        return pl.DataFrame(schema=kinds)
    there = [pl.col(name).cast(pl.Float64) for name in attributes if name in frame.columns]
    lacking = [pl.lit(0.0).alias(name) for name in attributes if name not in frame.columns]
    return frame.select(*keys, *there, *lacking, "quantity")


def named(name: str, code: str) -> pl.Expr:
    """The name of a thing, or its code where it has none."""
    return pl.when(pl.col(name).fill_null("") == "").then(pl.col(code)).otherwise(pl.col(name)).alias(name)
