"""The value of an unsold unit: as the company states it, as it is bought, or as it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.make import components, operations
from soe_lib.model.cache import prepared
from soe_lib.model.reach import DEPTH

if TYPE_CHECKING:
    from soe_lib.model.network import Network


@prepared
def worth(network: Network) -> pl.DataFrame:
    """The value of an unsold unit: item, value [money/unit].

    Standard cost, else the end value, else the cheapest offer, else the cheapest routing, else 0. Formula of a routing:
    (cost_per_unit + Σ hours × hourly_cost + Σ quantity × value of its components) ÷ yield. Alternative resources of a
    step are averaged; a component without a value counts as 0.
    """
    bought = network.table("offers").group_by("item").agg(pl.col("unit_cost").min())
    left = pl.when(pl.col("end_value") > 0.0).then("end_value")
    found = network.items.join(bought, on="item", how="left", maintain_order="left").select(
        "item", value=pl.coalesce("standard_cost", left, "unit_cost")
    )
    made, parts = _conversion(network), components(network)
    for _ in range(DEPTH):
        unvalued = made.join(found.filter(pl.col("value").is_null()), on="item", how="semi")
        # An item waits until the components of all its routings have a value.
        early = parts.join(unvalued.select(component="item"), on="component", how="semi")
        ready = unvalued.join(unvalued.join(early, on="routing", how="semi"), on="item", how="anti")
        material = parts.join(found, left_on="component", right_on="item", how="left")
        material = material.group_by("routing").agg(
            material=(pl.col("quantity") * pl.col("value").fill_null(0.0)).sum()
        )
        cost = (pl.col("conversion") + pl.col("material").fill_null(0.0)) / pl.col("yield")
        priced = ready.join(material, on="routing", how="left").group_by("item").agg(made_at=cost.min())
        if priced.is_empty():
            break
        found = found.join(priced, on="item", how="left", maintain_order="left").select(
            "item", value=pl.coalesce("value", "made_at")
        )
    return found.with_columns(pl.col("value").fill_null(0.0))


def _conversion(network: Network) -> pl.DataFrame:
    """The cost of a unit started, without its components: routing, item, yield, conversion [money]."""
    rate = network.table("resources").select("resource", pl.col("hourly_cost").fill_null(0.0)).unique("resource")
    steps = operations(network).join(rate, on="resource", how="left")
    money = (pl.col("hours_per_unit") * pl.col("hourly_cost").fill_null(0.0) / pl.col("alternatives")).sum()
    hours = steps.group_by("routing").agg(hours=money)
    terms = network.table("routings").unique("routing", keep="first", maintain_order=True)
    return terms.join(hours, on="routing", how="left").select(
        "routing",
        "item",
        pl.col("yield").fill_null(1.0).clip(1e-9),
        conversion=pl.col("cost_per_unit").fill_null(0.0) + pl.col("hours").fill_null(0.0),
    )
