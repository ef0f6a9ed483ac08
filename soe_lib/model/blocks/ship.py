"""Ship: lanes move items between locations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import events, hours
from soe_lib.model.blocks.make import with_lead
from soe_lib.model.cache import prepared
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


class Ship(Part):
    """Units dispatched on a lane in a period, at the destination lead time later.

    Brings flow `ship` (lane, item, period) [units]; effects on `stock` (−1 at the origin, +1 at the destination after
    the lead time) and on `hours` of the lane's resources (docks, throughput, trucks). Rows `lane_limit` hold a
    lane's maximum, joint over its items. Books −cost_per_unit to "freight" at the destination, and the hours of
    its resources to "freight" too.

    Examples
    --------
    >>> full = soe.Scenario("few trucks").set("lanes.maximum", 70.0, lane="truck").apply(small)
    >>> soe.plan(full)["ship"].group_by("lane").agg(pl.col("quantity").sum()).sort("lane").rows()
    [('rail', 60.0), ('truck', 140.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """ship."""
        yield Flow("ship", lanes(network), ("lane", "item", "period"), "unit", "units dispatched on a lane")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """lane_limit."""
        limited = lanes(network).filter(pl.col("maximum").is_not_null())
        if not limited.is_empty():
            yield Constraint(
                "lane_limit",
                limited.select("lane", "maximum", period="within").unique(),
                ("lane", "period"),
                "<=",
                "unit",
                f"a lane carries no more than its maximum in a {hours.per(network)}, all items together",
                rhs="maximum",
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On stock, hours and lane_limit."""
        yield Effect("ship", "stock", -1.0, at={"location": "origin"})
        yield Effect("ship", "stock", after=True, at={"location": "destination"})
        if lanes(network)["maximum"].is_not_null().any():
            yield Effect("ship", "lane_limit", at={"period": "within"}, where=pl.col("maximum").is_not_null())
        for handled, using in handling(network):
            yield Effect("ship", "hours", "handling_hours", join=handled, using=using)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Freight, and the hours of handling."""
        at = {"location": "destination"}
        yield Rate("freight", "ship", -pl.col("cost_per_unit"), at=at)
        costs = network.table("resources").select("resource", "hourly_cost")
        for handled, using in handling(network):
            priced = handled.join(costs, on="resource")
            yield Rate(
                "freight",
                "ship",
                -pl.col("handling_hours") * pl.col("hourly_cost"),
                at=at,
                join=priced,
                using=using,
            )


@prepared
def lanes(network: Network) -> pl.DataFrame:
    """One row per lane, item and period in which the lane is valid, with its terms and its lead time."""
    return hours.joined(network, events.closed(network, _open_lanes(network), ("lane",)), "lane")


@prepared
def _open_lanes(network: Network) -> pl.DataFrame:
    """The same before downtimes: one of a line is none of a lane."""
    table = network.lanes.select(
        "lane", "valid_from", "valid_to", "item", "origin", "destination", "mode", "lead_time_days", "cost_per_unit",
        "fixed_cost", "minimum", "maximum", "multiple",
    )  # fmt: skip
    cells = events.supply(network, hours.shared_out(network, network.over_periods(table)), ("lane",))
    return with_lead(network, cells, ("lane", "mode"), ("lane", "origin", "destination"))


def handling(network: Network) -> Iterator[tuple[pl.DataFrame, tuple[str, ...]]]:
    """Hours that a shipped unit takes of a resource: rows for one item, and rows for all items of a lane."""
    rows = network.table("lane_resources").rename({"hours_per_unit": "handling_hours"})
    every = rows.filter(pl.col("item").cast(pl.String) == "").select("lane", "resource", "handling_hours")
    one = rows.filter(pl.col("item").cast(pl.String) != "").select("lane", "item", "resource", "handling_hours")
    if not every.is_empty():
        yield every, ("lane",)
    if not one.is_empty():
        yield one, ("lane", "item")
