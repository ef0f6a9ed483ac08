"""What crews cost in a closed week, which no row of actuals says."""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import LINES
from soe_lib.money.stocktaking import closed_days


def wages(before: Snapshot, now: Snapshot) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Ledger lines of the crews' pay in the days between two extracts, and what had to be assumed.

    Formula: −heads × cost_per_head × length of the days in `costs.per`, −hire_cost or −release_cost × change of heads;
    heads are those that the later extract opens with, as people come and go at the start of a period. Where a crew has
    no hourly cost and its hours of these days carry an amount, that amount is its pay and nothing is added.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    """
    if before["workforce"].is_empty():
        return pl.DataFrame(schema=LINES), ()
    first, last = closed_days(before, now)
    overlap = pl.min_horizontal("ends_on", pl.lit(last)) - pl.max_horizontal("starts_on", pl.lit(first))
    days = pl.max_horizontal(overlap.dt.total_days() + 1, 0)
    length = float(before.periods.select((pl.col("length") * days / pl.col("days")).sum()).item())
    after = now["workforce"].select("resource", heads="opening_heads")
    crews = before["workforce"].join(after, on="resource", how="left", validate="1:1", maintain_order="left")
    change = pl.col("heads").fill_null(pl.col("opening_heads")) - pl.col("opening_heads")
    pay = {
        "heads": (pl.col("opening_heads") + change, pl.col("cost_per_head") * length),
        "hire": (change.clip(lower_bound=0.0), pl.col("hire_cost")),
        "release": ((-change).clip(lower_bound=0.0), pl.col("release_cost")),
    }
    unpaid = crews.join(_paid_by_the_hour(now, first, last), on="resource", how="anti", maintain_order="left")
    places = now["resources"].select("resource", "location")
    placed = unpaid.join(places, on="resource", how="left", validate="m:1", maintain_order="left")
    lines = [
        placed.select(
            "location", account=pl.lit("workforce"), kind=pl.lit("cash"), flow=pl.lit(flow), item=pl.lit(""),
            customer=pl.lit(""), period=pl.lit(first.isoformat()), quantity=heads, per_unit=-each, amount=-heads * each,
        ).filter(pl.col("amount") != 0).select(LINES.names())
        for flow, (heads, each) in pay.items()
    ]  # fmt: skip
    found = pl.concat(lines)
    said = f"Actuals do not say what crews are paid: {-found['amount'].sum():,.2f} by heads and cost_per_head."
    return found, (said,) if found.height else ()


def _paid_by_the_hour(now: Snapshot, first: date, last: date) -> pl.DataFrame:
    """Crews without an hourly cost whose hours have an amount: resource."""
    free = now["resources"].filter(pl.col("hourly_cost").fill_null(0.0) == 0).select("resource")
    rows = now["actuals"].filter(
        pl.col("date").is_between(pl.lit(first), pl.lit(last)), pl.col("measure") == "hours",
        pl.col("amount").is_not_null(),
    )  # fmt: skip
    return rows.join(free, on="resource", how="semi").select("resource").unique()
