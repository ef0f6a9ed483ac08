"""What released orders are for: who gets what of every run, purchase, shipment, receipt and opening stock."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review import frames

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.pegging.answer import Pegging

KEY = (
    "kind", "name", "item", "location", "period", "available", "for_kind", "order", "customer", "for_item",
    "for_location", "due", "served",
)  # fmt: skip
"""A supply (its kind; its routing, offer, lane or receipt; its period; when it is available) and what it serves."""


def served(pegged: Pegging, snapshot: Snapshot, periods: Collection[str] | None = None) -> pl.DataFrame:
    """Who gets what of each supply, by first in, first out, first due first, orders before forecast.

    The rows of a supply add up to it: what is served, scrapped and left at the end of the horizon.

    Parameters
    ----------
    pegged : of the plan that is released. periods : of the supplies; all when left out.

    Returns
    -------
    KEY, quantity [units of the item, to a millionth], unit.
    """
    found = pegged.links.rename({"made_in": "period"})
    inside = found if periods is None else found.filter(pl.col("period").is_in(sorted(periods)))
    units = snapshot["items"].select("item", "unit")
    summed = inside.group_by(KEY).agg(pl.col("quantity").sum().round(6)).filter(pl.col("quantity") > 0)
    return summed.join(units, on="item", how="left", validate="m:1").sort(KEY)


def purposes(pegged: Pegging, snapshot: Snapshot) -> pl.DataFrame:
    """routing, period, serves: what every run is for, in words."""
    told = frames.purposes(pegged).filter(pl.col("kind") == "run").rename({"name": "routing", "made_in": "period"})
    own = snapshot["routings"].select("routing", "item").unique()
    return told.join(own, on=["routing", "item"], how="semi").select("routing", "period", serves="purpose")
