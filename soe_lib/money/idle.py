"""Stock that nobody will use in time: excess and obsolete, in money that adds up."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.reading import PlanLike, horizon
from soe_lib.money.rounding import as_money, largest_remainder
from soe_lib.money.worth import at_standard_cost

MONTH = 365 / 12
"""Days of a month."""


def idle_stock(plan: PlanLike, snapshot: Snapshot, *, months: float = 3.0, digits: int = 2) -> pl.DataFrame:
    """Today's stock beyond some months of what the plan uses of it, by item over all places.

    Formula: used a month = (sold + taken into other items) ÷ days of the plan × 365/12; obsolete = stock × standard
    cost where nothing is used; excess = max(stock − months × used a month, 0) × standard cost where something is.
    Moving goods from one place to another uses none.

    Parameters
    ----------
    months : of coming use that are no excess.

    Returns item, family, stock, used_a_month [unit], excess, obsolete [money, in whole minor units], the dearest
    first; the columns add up to their rounded sums.

    Raises DataError for stock without a standard cost.
    """
    first, last = horizon(plan)
    used = used_by(plan, snapshot).with_columns(used_a_month=pl.col("quantity") / ((last - first).days + 1) * MONTH)
    stock = snapshot["inventory"].group_by("item").agg(quantity=pl.col("on_hand").sum()).filter(pl.col("quantity") > 0)
    priced = at_standard_cost(stock, snapshot["items"], "in stock").rename({"quantity": "stock"})
    rows = priced.join(used.select("item", "used_a_month"), on="item", how="left").join(
        snapshot["items"].select("item", "family"), on="item", how="left"
    )
    rows = rows.with_columns(pl.col("used_a_month").fill_null(0.0)).sort("item")
    wanted, over = pl.col("used_a_month") > 0, (pl.col("stock") - months * pl.col("used_a_month")).clip(0.0)
    money = rows.select(
        excess=pl.when(wanted).then(over * pl.col("standard_cost")).otherwise(0.0),
        obsolete=pl.when(wanted).then(0.0).otherwise("worth"),
    )
    cents = {name: largest_remainder(money[name].to_numpy() * 10**digits) for name in money.columns}
    shown = rows.with_columns(pl.Series(name, values, dtype=pl.Int64) for name, values in cents.items())
    order = shown.with_columns(_all=-pl.col("excess") - pl.col("obsolete")).sort("_all", "item")
    return order.select("item", "family", "stock", "used_a_month", as_money(pl.col("excess", "obsolete"), digits))


def used_by(plan: PlanLike, snapshot: Snapshot) -> pl.DataFrame:
    """item, quantity: sold, or taken into what is made."""
    parts = [pl.DataFrame(schema={"item": pl.String, "quantity": pl.Float64})]
    if "sell" in plan.flows:
        parts.append(plan.flows["sell"].select(pl.col("item").cast(pl.String), "quantity"))
    if "make" in plan.flows:
        made = plan.flows["make"].select(pl.col("routing").cast(pl.String), started="quantity")
        recipe = made.join(snapshot["components"], on="routing")
        parts.append(recipe.select(item="component", quantity=pl.col("started") * pl.col("quantity")))
    return pl.concat(parts).group_by("item").agg(pl.col("quantity").sum())
