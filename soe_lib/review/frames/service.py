"""Service: who is served on time, who waits, and what of the revenue hangs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from soe_lib.model.demand import late_from
from soe_lib.review.frames.lines import LEAST, lines, missed_now
from soe_lib.review.frames.time import buckets

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

By = Literal["priority", "customer", "family", "location"]


def sums() -> list[pl.Expr]:
    """Units and revenue served on time, late and not at all."""
    money = [(pl.col(name) * pl.col("price")).sum().alias(f"revenue_{name}") for name in ("on_time", "late", "short")]
    return [pl.col("demand", "on_time", "late", "short").sum(), *money]


def service_by(snapshot: Snapshot, plan: Plan, by: By = "priority") -> pl.DataFrame:
    """Demand served on time, late and not at all, by priority, customer, family or location.

    Formula: shares are units ÷ units demanded over the whole horizon; revenue at the line's price.

    Returns
    -------
    group [name], order [place], demand, on_time, late, short [units], revenue_on_time, revenue_late,
    revenue_short [money].
    """
    found = lines(snapshot, plan)
    if by == "priority":
        rank = pl.col("priority")
        name = pl.when(rank.is_null()).then(pl.lit("No priority")).otherwise(pl.format("Priority {}", rank))
        grouped = found.with_columns(group=name, order=rank.fill_null(10**6)).group_by("group", "order").agg(sums())
        return grouped.sort("order", "group")
    name = pl.col(by).replace("", "Anybody" if by == "customer" else f"No {by}")
    grouped = found.with_columns(group=name).group_by("group").agg(sums())
    missed = (pl.col("late") + pl.col("short")).round(2)
    return (
        grouped.sort([missed, pl.col("demand"), pl.col("group")], descending=[True, True, False])
        .with_row_index("order")
        .with_columns(pl.col("order").cast(pl.Int64))
        .select("group", "order", pl.exclude("group", "order"))
    )


def gaps_by_week(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Demand against what is served, by the week in which it is due.

    Returns
    -------
    week [bucket], order, demand, on_time, late, short [units], revenue_… [money].
    """
    places = buckets(plan.periods).select(due="period", week="bucket", order="order")
    joined = lines(snapshot, plan).drop("order").join(places, on="due", how="inner", validate="m:1")
    return joined.group_by("week", "order").agg(sums()).sort("order")


def gaps_by_item(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Items whose demand is not all served on time, the dearest gap first; not what was late before and comes at once.

    Formula: money = short × (price − standard cost + short penalty) + what lateness costs.

    Returns
    -------
    item, description, family, demand, late, short [units], weeks [list of buckets with a gap], customers
    [list], first_due [date], money.
    """
    places = buckets(plan.periods).select("period", "bucket", "starts_on").rename({"period": "due"})
    missed = missed_now(snapshot, plan)
    joined = missed.join(places, on="due", how="left", validate="m:1")
    lost = pl.col("short") * (pl.col("margin") + pl.col("short_penalty")) + pl.col("late_money")
    return (
        joined.group_by("item", "description", "family")
        .agg(
            pl.col("demand", "late", "short").sum(),
            weeks=pl.col("bucket").sort_by("due_index").unique(maintain_order=True),
            customers=pl.col("customer").filter(pl.col("customer") != "").unique().sort(),
            first_due=pl.col("starts_on").min(),
            revenue=((pl.col("late") + pl.col("short")) * pl.col("price")).sum(),
            money=lost.sum(),
        )
        .sort(["money", "item"], descending=[True, False])
    )


def orders_at_risk(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Open orders that will be late or short, with the day they are promised for; the most revenue first.

    Formula: revenue = (late + short) × price; money = short × (price − standard cost + short penalty) +
    lateness from today on; incurred = what lateness has cost until today.

    Returns
    -------
    order, customer, priority, item, description, location, due_on [date asked, or confirmed by setting], quantity,
    on_time, late, short [units], promised_on [date of the last part, null where nothing comes], days_late [days],
    revenue, money, incurred.
    """
    ends = plan.periods.select(pl.col("index").alias("last_index"), pl.col("ends_on").alias("promised_on"))
    given = snapshot["orders"].select("order", late_from(snapshot.settings).alias("due_on")).unique("order")
    missed = lines(snapshot, plan).filter((pl.col("order") != "") & (pl.col("late") + pl.col("short") > LEAST))
    after = (pl.col("promised_on") - pl.col("due_on")).dt.total_days().clip(lower_bound=0)
    lost = pl.col("short") * (pl.col("margin") + pl.col("short_penalty")) + pl.col("late_money")
    return (
        missed.join(given, on="order", how="left", validate="m:1")
        .join(ends, on="last_index", how="left", validate="m:1")
        .select(
            "order", "customer", "priority", "item", "description", "location", "due_on",
            pl.col("demand").alias("quantity"), "on_time", "late", "short", "promised_on",
            days_late=pl.when(pl.col("late") > LEAST).then(after),
            revenue=(pl.col("late") + pl.col("short")) * pl.col("price"), money=lost, incurred="incurred",
        )
        .sort(["revenue", "order"], descending=[True, False])
    )  # fmt: skip
