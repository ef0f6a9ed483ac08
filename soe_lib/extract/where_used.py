"""Which items each item ends up in, over all levels of the bills of material."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.snapshot import Snapshot

DEPTH = 20


def where_used(snapshot: Snapshot) -> pl.DataFrame:
    """Which items each item ends up in, itself included, over all levels of the bill of materials.

    Returns
    -------
    component, item; one row per pair.
    """
    made = snapshot["routings"].select("routing", "item").unique()
    edges = snapshot["components"].join(made, on="routing").select("component", "item").unique()
    found = snapshot["items"].select(component="item", item="item")
    fresh = found
    for _ in range(DEPTH):
        step = fresh.join(edges, left_on="item", right_on="component").select("component", item="item_right")
        fresh = step.unique().join(found, on=["component", "item"], how="anti")
        if fresh.is_empty():
            break
        found = pl.concat([found, fresh])
    return found.sort("component", "item")
