"""What the customers got: on time, in full, and what is still owed."""

from __future__ import annotations

from typing import Literal

import polars as pl

from soe_lib.review import words
from soe_lib.review.score import Band, Score, insufficient, known

OTIF_BAND = Band(good=(0.95, 1.0), watch=(0.90, 1.0))
FILL_BAND = Band(good=(0.97, 1.0), watch=(0.93, 1.0))


def otif(
    lines: pl.DataFrame,
    *,
    basis: Literal["requested", "confirmed"] = "requested",
    days_late: int = 0,
    short_share: float = 0.0,
    band: Band = OTIF_BAND,
) -> Score:
    """Share of order lines that came on time and in full; half a line is a miss.

    Formula: lines with (delivered ≤ date + days_late) and (shipped ≥ quantity × (1 − short_share)) ÷ all
    lines. There is no standard definition: the score's text prints the one used. A line not delivered is a
    miss.

    Parameters
    ----------
    lines : one row per order line: requested_on, confirmed_on [date, either may be missing when it is not
        the basis], delivered_on [date of the last delivery counted, null: none], quantity, shipped [units].
    basis : the date the customer asked for, or the date that was confirmed.
    days_late : days after that date that still count as on time.
    short_share : share of the quantity that may be missing and still count as in full.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    tolerance = f"up to {words.count(days_late, 'day')} late" if days_late else "no day late"
    full = f"at least {words.percent(1 - short_share)} of the quantity" if short_share else "the whole quantity"
    definition = f"Order lines delivered by the {basis} date ({tolerance}) with {full} ÷ all order lines."
    if lines.is_empty():
        return insufficient("OTIF", "%", "no order lines were due")
    late = pl.col("delivered_on") > pl.col(f"{basis}_on").dt.offset_by(f"{days_late}d")
    met = (pl.col("delivered_on").is_not_null() & ~late) & (
        pl.col("shipped") >= pl.col("quantity") * (1 - short_share) - 1e-9
    )
    share = float(lines.select(met.fill_null(False).mean()).item())
    return known("OTIF", share, "%", definition, band=band)


def fill_rate(
    lines: pl.DataFrame,
    *,
    by: Literal["units", "revenue", "lines", "orders"] = "units",
    band: Band = FILL_BAND,
) -> Score:
    """Share of what was ordered that was shipped.

    Formula: units: Σ min(shipped, ordered) ÷ Σ ordered; revenue: the same at the line's price; lines and
    orders: the share of those shipped completely. Shipping more than ordered earns nothing.

    Parameters
    ----------
    lines : one row per order line: order, quantity, shipped [units], price [money/unit, only for revenue].
    by : what is counted.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    name = f"Fill rate by {by}"
    weight = pl.col("price") if by == "revenue" else pl.lit(1.0)
    shipped = pl.min_horizontal("shipped", "quantity")
    if by in {"lines", "orders"}:
        full = pl.col("shipped") >= pl.col("quantity") - 1e-9
        keyed = lines.with_row_index("line").group_by("order" if by == "orders" else "line").agg(full=full.all())
        ordered, sent = float(keyed.height), float(keyed["full"].sum())
    else:
        sums = lines.select(ordered=(pl.col("quantity") * weight).sum(), sent=(shipped * weight).sum())
        ordered, sent = float(sums["ordered"][0]), float(sums["sent"][0])
    if ordered <= 0:
        return insufficient(name, "%", "nothing was ordered")
    return known(name, sent / ordered, "%", f"Shipped ÷ ordered, in {by}; over-shipment earns nothing.", band=band)


def backlog(frame: pl.DataFrame, *, opening: float = 0.0) -> pl.DataFrame:
    """What is owed to customers at the end of each period.

    Formula: B_t = B_{t−1} + due_t − shipped_t, with B_0 = opening. Negative: shipped ahead of the due date.

    Parameters
    ----------
    frame : due, shipped [units], one row per period in time order.
    opening : units owed at the start.

    Returns
    -------
    the frame with backlog [units] added.
    """
    return frame.with_columns(backlog=opening + (pl.col("due") - pl.col("shipped")).cum_sum())
