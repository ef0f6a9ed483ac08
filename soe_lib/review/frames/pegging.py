"""What the pages say of pegging: what a run is for, and with whom an order that waits competes for scarce hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review.frames.runs import runs
from soe_lib.review.words import period_name

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.pegging.answer import Pegging

NAMED = 4
"""Orders that a text names; the others are counted."""
LEAST_PRICE = 0.01
"""Money per hour from which on hours are scarce."""
WHOLE = 99.5
FOR = ["for_kind", "order", "customer", "for_item", "for_location", "due"]


def purposes(pegged: Pegging, *, most: int = NAMED) -> pl.DataFrame:
    """What every run, purchase, shipment and receipt is for, in words: "SO-101 240, SO-107 60, forecast 100".

    Orders come first, by due date; then the forecast, and what is left or scrapped. Quantities are units of what is
    made, bought or shipped; they add up to all of it, to the rounding that is shown.

    Parameters
    ----------
    most : orders that are named; the others are summed up.

    Returns
    -------
    kind, name, made_in [period], item, purpose.
    """
    cell = ["kind", "name", "made_in", "item"]
    ordered = pl.col("for_kind") == "order"
    summed = pegged.links.group_by(
        *cell, who=pl.when(ordered).then("order").otherwise("for_kind"), ordered=ordered
    ).agg(pl.col("quantity").sum(), pl.col("due").min())  # fmt: skip
    kinds = {"forecast": 1, "end stock": 2, "scrap": 3}
    ranked = summed.with_columns(
        place=pl.when("ordered").then(0).otherwise(pl.col("who").replace_strict(kinds, default=4))
    ).sort(*cell, "place", "due", "who")
    number = pl.int_range(pl.len()).over(cell)
    left_out = pl.col("ordered") & (number >= most)
    merged = ranked.with_columns(who=pl.when(left_out).then(pl.lit("")).otherwise("who"), extra=left_out).group_by(
        *cell, "place", "extra", "who", maintain_order=True
    ).agg(pl.col("quantity").sum(), pl.len())  # fmt: skip
    others = pl.when(pl.col("len") == 1).then(pl.lit("1 more order")).otherwise(pl.format("{} more orders", "len"))
    text = pl.format("{} {}", pl.when("extra").then(others).otherwise("who"), brief(pl.col("quantity")))
    return merged.group_by(cell, maintain_order=True).agg(text.str.join(", ").alias("purpose"))


def sources(pegged: Pegging) -> pl.DataFrame:
    """Of every order: comes_from, what reaches its customer's place, and made_by, the runs that stand behind it."""
    when = pl.when(pl.col("made_in").is_null() | (pl.col("kind") == "opening stock")).then(pl.lit(""))
    place = pl.concat_str(
        pl.when(pl.col("name") == "").then("kind").otherwise("name"),
        when.otherwise(pl.format(" {}", pl.col("made_in").map_elements(period_name, return_dtype=pl.String))),
    )
    mine = pegged.links.filter(pl.col("order") != "").with_columns(place=place)
    direct, made = mine.filter(pl.col("used_by").str.starts_with("sale")), mine.filter(pl.col("kind") == "run")
    found = [
        part.group_by("order", "place", "available", maintain_order=True)
        .agg(pl.col("quantity").sum())
        .group_by("order", maintain_order=True)
        .agg(
            pl.format("{} {}", "place", brief(pl.col("quantity")))
            .unique(maintain_order=True)
            .str.join(", ")
            .alias(name)
        )
        for part, name in ((direct, "comes_from"), (made, "made_by"))
    ]
    return found[0].join(found[1], on="order", how="full", coalesce=True, validate="1:1").sort("order")


def brief(quantity: pl.Expr) -> pl.Expr:
    """A quantity as a reader sees it: whole from a hundred on, three figures below."""
    small = quantity.round_sig_figs(3).cast(pl.String).str.strip_suffix(".0")
    return pl.when(quantity >= WHOLE).then(quantity.round(0).cast(pl.Int64).cast(pl.String)).otherwise(small)


def uses(pegged: Pegging) -> pl.DataFrame:
    """Whom the hours of every line are for: line, period, FOR, hours; a run's hours are shared out as its goods are."""
    worked = runs(pegged.plan, pegged.snapshot).filter(pl.col("line") != "")
    moves = pegged.named.filter(pl.col("flow") == "make").select("move", routing="name", period="period")
    shared = (
        worked.select("line", "routing", "period", "hours")
        .join(moves, on=["routing", "period"], validate="m:1")
        .join(pegged.shares.select("move", "root", "share"), on="move")
        .join(pegged.roots.select("root", *FOR), on="root", validate="m:1")
    )
    return (
        shared.group_by("line", "period", *FOR)
        .agg(hours=(pl.col("hours") * pl.col("share")).sum())
        .sort("line", "period", "hours", *FOR, descending=[False, False, True, *[False] * len(FOR)])
    )


def wanted_lines(snapshot: Snapshot) -> pl.DataFrame:
    """item, line: the lines that can make an item, or anything that goes into it, at any place."""
    made = snapshot["routings"].select("routing", "item").unique()
    into = made.join(snapshot["components"].select("routing", "component"), on="routing").select("item", "component")
    below = made.select("item").unique().with_columns(component="item")
    while True:
        further = below.join(into.unique().rename({"item": "component", "component": "next"}), on="component")
        found = pl.concat([below, further.select("item", component="next")]).unique()
        if found.height == below.height:
            break
        below = found
    lines = made.join(snapshot["operations"].select("routing", line="resource"), on="routing")
    return below.join(lines.select(component="item", line="line"), on="component").select("item", "line").unique()


def rivals(pegged: Pegging, at_risk: pl.DataFrame) -> pl.DataFrame:
    """With whom orders that will be late or short compete: who gets scarce hours that could make them in time.

    Hours are those of the lines that can make the order's item or anything that goes into it, in periods until its due
    date in which one more hour would earn money. Whether a rival would give way is for planning again to tell.

    Parameters
    ----------
    at_risk : order, item, due_on.

    Returns
    -------
    of [the order at risk], line, period, price [money per hour, of the first one], FOR (the rival), hours.
    """
    prices = pegged.plan.prices.get("hours")
    shape = {"of": pl.String, "line": pl.String, "period": pl.String, "price": pl.Float64}
    if prices is None or at_risk.is_empty():
        return pl.DataFrame(schema={**shape, **dict.fromkeys(FOR, pl.String), "hours": pl.Float64})
    scarce = prices.filter(pl.col("price") >= LEAST_PRICE).select(
        line=pl.col("resource").cast(pl.String), period=pl.col("period").cast(pl.String), price="price"
    )
    dated = scarce.join(pegged.plan.periods.select("period", "index", "starts_on"), on="period", validate="m:1")
    asked = at_risk.select("item", "due_on", of="order").join(wanted_lines(pegged.snapshot), on="item")
    near = asked.join(dated, on="line").filter((pl.col("starts_on") <= pl.col("due_on")) | (pl.col("index") == 0))
    found = near.select("of", "line", "period", "price", "index").join(uses(pegged), on=["line", "period"])
    return found.filter((pl.col("order") != pl.col("of")) & (pl.col("hours") > 0)).sort(
        "of", "hours", "index", "line", *FOR, descending=[False, True, False, False, *[False] * len(FOR)]
    ).drop("index")  # fmt: skip
