"""What happened in the week before the last as-of date, written as events and orders and nowhere else."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.recipes import REGULAR_HOURS
from soe_lib.extract.demo.world import World

DOWN_DAYS = 3
LATE_DAYS = 9
IMPORTED = 35  # days of lead time from which a part counts as imported
PROMOTION = ((8, 2.2), (10, 2.0))  # days from the as-of date, size in weeks of the customer's usual demand


def events(world: World, as_of: date, receipts: pl.DataFrame) -> pl.DataFrame:
    """A filling line that is down for three days, and the dearest imported container nine days late."""
    company = world.company
    line = company.lines["resource"][min(company.size.lines // 2, company.size.lines - 1)]
    down = {
        "event": f"EV-{as_of:%y%m}-1",
        "kind": "downtime",
        "target": line,
        "from": as_of,
        "to": as_of + timedelta(days=DOWN_DAYS - 1),
        "hours": DOWN_DAYS * REGULAR_HOURS / 5,
        "note": "Gearbox of the filler broke on Sunday; the spare part is fitted on the third day",
    }
    parts = catalogue.COMPONENTS.select("item", "unit_cost", "lead")
    containers = (
        receipts.filter((pl.col("kind") == "buy") & (pl.col("due_on") < as_of + timedelta(days=7)))
        .join(parts, on="item", how="inner", validate="m:1")
        .filter(pl.col("lead") >= IMPORTED)
        .sort(-pl.col("quantity") * pl.col("unit_cost"), "receipt")
    )
    late = [
        {
            "event": f"EV-{as_of:%y%m}-2",
            "kind": "delay",
            "target": name,
            "from": as_of,
            "to": as_of + timedelta(days=6),
            "days": LATE_DAYS,
            "note": "Container missed its vessel in Kobe; the forwarder confirms the next sailing",
        }
        for name in containers["receipt"].head(1)
    ]
    columns = {
        "event": pl.String,
        "kind": pl.String,
        "target": pl.String,
        "from": pl.Date,
        "to": pl.Date,
        "hours": pl.Float64,
        "days": pl.Int64,
        "note": pl.String,
    }
    return pl.DataFrame([down, *late], schema=columns)


def promotion(world: World, at: int) -> pl.DataFrame:
    """Orders of the largest customer for the fast items of the first family, far above what it usually takes.

    Rows like those of the order book: [order, line, due_on, quantity].
    """
    company, lines = world.company, world.company.demand_lines
    items = company.items[lines["item"].to_numpy()]
    fast = (items["family"] == company.items["family"][0]) & (items["rank"] == "A") & (lines["customer"] == 0)
    line = np.flatnonzero(fast.to_numpy())
    days, size = np.array(PROMOTION).T
    week = at + days.astype(np.int64) // 7
    usual = world.demand.published(at)[week[:, None], line]
    due, which = np.indices(usual.shape).reshape(2, -1)
    label = world.demand.timeline.labels.gather(week[due])
    return pl.DataFrame({"week": label, "number": 9001 + np.arange(len(due)), "line": line[which]}).select(
        pl.format("SO-{}{}-{}", pl.col("week").str.slice(2, 2), pl.col("week").str.slice(6, 2), "number").alias(
            "order"
        ),
        "line",
        world.dates(np.full(len(due), at), days[due].astype(np.int64)).alias("due_on"),
        pl.Series("quantity", np.ceil((size[:, None] * usual).ravel() / 10) * 10),
    )
