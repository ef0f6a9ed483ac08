"""Promises in a plan and in later extracts: what is not there on its day, and what was kept when the day came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan

LEAST = 1e-3
LINE = ("item", "location", "customer", "order", "due")
UNKEPT = {
    **dict.fromkeys(("order", "customer", "item", "location", "due"), pl.String), "on": pl.Date,
    **dict.fromkeys(("promised", "missing", "later"), pl.Float64), "comes_on": pl.Date, "worth": pl.Float64,
}  # fmt: skip
"""One row a promise that the plan breaks: its day, promised, missing on it, of that later [units]; the day on which the
last of it comes; what the missing units bring [money]."""


def unkept(plan: Plan) -> pl.DataFrame:
    """The promises that the plan cannot keep, the first due first; columns of UNKEPT."""
    rows = plan.flows.get("unkept")
    if rows is None or (short := rows.filter(pl.col("quantity") > LEAST)).is_empty():
        return pl.DataFrame(schema=UNKEPT)
    ends = plan.periods.select(pl.col("period").cast(pl.String), "ends_on")
    later = (
        plan.flows["sell"].filter(pl.col("quantity") > LEAST, pl.col("period") != pl.col("due")).join(ends, on="period")
    )
    came = later.group_by(LINE).agg(later=pl.col("quantity").sum(), comes_on=pl.col("ends_on").max())
    prices = plan.flows["short"].select(*LINE, "price")
    found = (
        short.rename({"quantity": "missing"})
        .join(came, on=LINE, how="left")
        .join(prices, on=LINE, how="left")
        .join(ends.rename({"period": "due", "ends_on": "on"}), on="due", how="left")
        .with_columns(pl.min_horizontal(pl.col("later").fill_null(0.0), "missing").alias("later"))
        .with_columns(worth=pl.col("missing") * pl.col("price").fill_null(0.0))
    )
    return found.select(pl.col(name).cast(kind) for name, kind in UNKEPT.items()).sort("on", "order")


def unkept_said(plan: Plan, *, most: int = 12) -> list[str]:
    """The same in lines, for a terminal; none where every promise is kept, or none was given."""
    rows = unkept(plan)
    if rows.is_empty():
        return []
    noun = "promise" if rows.height == 1 else "promises"
    lines = [f"{rows.height} {noun} cannot be kept; the plan serves them as far as it can:"]
    for row in rows.head(most).iter_rows(named=True):
        after = f"{row['later']:,.10g} of them by {row['comes_on']}" if row["later"] > 0 else "none of them later"
        lines.append(
            f"  {row['order']} of {row['customer']}: {row['missing']:,.10g} of {row['promised']:,.10g} {row['item']} "
            f"are not there on {row['on']}, {after}; they bring {plan.currency} {row['worth']:,.2f}"
        )
    return [*lines, *([f"  and {rows.height - most} more"] if rows.height > most else [])]


def kept_so_far(promises: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Whether promises whose day is over were served in full by it, as this extract and its actuals tell.

    A promise that an open order still asks for was not. Of the others the sales of its item, place and customer count,
    from the day it was made on: they serve the promises of that cell in the order of their days.

    Parameters
    ----------
    promises : from `soe.store.promises`.

    Returns
    -------
    the rows of the promises whose day is over, and kept (null where no sales of the time are known).
    """
    due = promises.filter(pl.col("promised_on") < snapshot.as_of)
    cell = ["item", "location", "customer"]
    sales = snapshot["actuals"].filter(pl.col("measure") == "sales").select(*cell, "date", sold="quantity")
    first = due.group_by(cell).agg(since=pl.col("as_of").min())
    rows = due.sort(*cell, "promised_on", "delivery").with_columns(asked=pl.col("quantity").cum_sum().over(cell))
    counted = (
        rows.select("delivery", *cell, "promised_on")
        .join(first, on=cell)
        .join(sales, on=cell)
        .filter(pl.col("date") >= pl.col("since"), pl.col("date") <= pl.col("promised_on"))
        .group_by("delivery")
        .agg(pl.col("sold").sum())
    )
    open_orders = snapshot["orders"].filter(pl.col("quantity") > 0)["order"].implode()
    still = pl.col("delivery").is_in(open_orders) | pl.col("order").is_in(open_orders)
    known = sales.is_empty() is False
    there = (pl.col("sold").fill_null(0.0) >= pl.col("asked") - LEAST) if known else pl.lit(None, pl.Boolean)
    told = rows.join(counted, on="delivery", how="left", maintain_order="left")
    kept = pl.when(still).then(pl.lit(value=False)).otherwise(there)
    return told.with_columns(kept=kept).drop("asked", "sold")
