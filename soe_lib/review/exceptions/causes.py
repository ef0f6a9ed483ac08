"""Why demand is missed: each missed item is laid to one cause, so that no unit is counted twice.

The links are found in the data, in this order: a late receipt of the item or of something in it; a supply loss; a
line that is down; a line whose hours have a price in the weeks of the gap or shortly before; none of these. What a
cause really costs is known only by planning again without it (`counterfactuals`).
"""

from __future__ import annotations

import polars as pl

from soe_lib.review.frames.lateness import where_used
from soe_lib.review.situation import Situation

LOOK_BACK = 4
LATE, LOSS, DOWN, FULL, OTHER = "late receipt", "supply loss", "line down", "line full", "other"
LINK = {"item": pl.String, "kind": pl.String, "key": pl.String, "rank": pl.Int32, "weight": pl.Float64}


def attributed(situation: Situation) -> pl.DataFrame:
    """The items with missed demand, each with its likeliest cause.

    Returns
    -------
    the rows of `item_gaps`, kind (late receipt, supply loss, line down, line full, other) and key (receipt, event or
    resource).
    """
    gaps = situation.item_gaps.filter(pl.col("late") + pl.col("short") >= 0.5)
    used = where_used(situation.snapshot)
    made = made_on(situation)
    links = [
        late_links(situation, used),
        loss_links(situation, used),
        down_links(situation, used, made),
        full_links(situation, used, made, gaps),
    ]
    best = pl.concat(links).sort(["item", "rank", "weight", "key"], descending=[False, False, True, False])
    first = best.unique("item", keep="first", maintain_order=True).select("item", "kind", "key")
    joined = gaps.join(first, on="item", how="left", validate="1:1")
    return joined.with_columns(pl.col("kind").fill_null(OTHER), pl.col("key").fill_null(""))


def made_on(situation: Situation) -> pl.DataFrame:
    """Which resource works on which item: resource, component (the item that it makes)."""
    routings = situation.snapshot["routings"].select("routing", component="item").unique()
    return (
        situation.snapshot["operations"]
        .select("routing", "resource")
        .join(routings, on="routing")
        .drop("routing")
        .unique()
    )


def link(frame: pl.DataFrame, kind: str, rank: int, *, key: str, weight: str | None = None) -> pl.DataFrame:
    """Rows of LINK from any frame with an item and a key."""
    heavy = pl.col(weight).cast(pl.Float64) if weight else pl.lit(0.0)
    return frame.select(
        "item", kind=pl.lit(kind), key=pl.col(key), rank=pl.lit(rank, dtype=pl.Int32), weight=heavy
    ).cast(LINK)  # type: ignore[arg-type]


def late_links(situation: Situation, used: pl.DataFrame) -> pl.DataFrame:
    """Items that contain something which comes late; the dearest receipt counts."""
    late = situation.late_receipts.select("receipt", "value", component="item")
    return link(used.join(late, on="component"), LATE, 0, key="receipt", weight="value")


def loss_links(situation: Situation, used: pl.DataFrame) -> pl.DataFrame:
    """Items that contain something whose supplier or offer is hit by a supply loss."""
    lost = situation.events.filter(pl.col("kind") == "supply_loss").select("event", "target")
    offers = situation.snapshot["offers"].select("offer", "supplier", "location", component="item")
    hit = pl.concat(
        [offers.select("component", target=pl.col(name)) for name in ("offer", "supplier", "component", "location")]
    )
    return link(hit.unique().join(lost, on="target").join(used, on="component"), LOSS, 1, key="event")


def down_links(situation: Situation, used: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Items that are made, or contain something made, on a line that is down."""
    down = situation.events.filter(pl.col("kind") == "downtime").select("event", resource="target")
    return link(made.join(down, on="resource").join(used, on="component"), DOWN, 2, key="event")


def full_links(situation: Situation, used: pl.DataFrame, made: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """Items made on a line whose hours have a price in the weeks of the gap or shortly before; the dearest counts."""
    places = situation.load.select(weeks="label", place="order").unique()
    when = gaps.select("item", "weeks").explode("weeks").join(places, on="weeks", validate="m:1")
    last = when.group_by("item").agg(last=pl.col("place").max())
    near = used.join(last, on="item").join(made, on="component").join(situation.scarce, on="resource")
    return link(
        near.filter(pl.col("order").is_between(pl.col("last") - LOOK_BACK, pl.col("last"))),
        FULL, 3, key="resource", weight="price",
    )  # fmt: skip
