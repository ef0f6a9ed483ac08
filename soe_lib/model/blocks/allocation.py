"""Allocation: how scarce supply is shared out, by the name that settings.toml gives it.

margin        whoever earns most is served (nothing is added to the program)
priority      customers of the first priority are served as far as possible, then the second, and so on; then money
fair          the least served customer is served as well as possible, then the next (max-min fairness); then money
proportional  within one item and due period every line is cut by the same share
Objective mode "service" is "priority" under another name: service first by priority, then cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.demand import KEYS
from soe_lib.model.prepared import prepared
from soe_lib.model.terms import Balance, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

MODES = ("", "margin", "service")
RULES = ("", "margin", "priority", "fair", "proportional")


def rule(network: Network) -> str:
    """The allocation that applies; raises DataError naming the known ones."""
    chosen = network.settings.objective
    for what, value, known in (("mode", chosen.mode, MODES), ("allocation", chosen.allocation, RULES)):
        if value not in known:
            raise DataError(
                f"settings.toml: [objective] {what} {value!r} is not known; choose one of {', '.join(known[1:])}"
            )
    return "priority" if chosen.mode == "service" else chosen.allocation or "margin"


class Allocation(Part):
    """Rows that an allocation rule needs.

    Brings, for priority and fair, balance `service` (group): −Σ served <= −floor, floors being raised one after the
    other by `stages`; for proportional, flow `cut` (item, due) [share] and balance `equal_cut` (line): short = quantity
    × cut. Books nothing.
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """cut, where cuts are proportional."""
        if rule(network) == "proportional":
            groups = network.demand.filter(pl.col("quantity") > 0).select("item", "due").unique()
            yield Flow(
                "cut", groups, ("item", "due"), "share", "share of an item's demand that is not served", upper=1.0
            )

    def balances(self, network: Network) -> Iterator[Balance]:
        """service or equal_cut."""
        if rule(network) == "proportional":
            lines = network.demand.filter(pl.col("quantity") > 0).select(KEYS)
            yield Balance("equal_cut", lines, KEYS, "==", "unit", "every line of an item and period is cut alike")
        elif rule(network) in ("priority", "fair"):
            asked = groups_of(network).group_by("served_group", "rank").agg(pl.col("quantity").sum().alias("asked"))
            yield Balance("service", asked, ("served_group",), "<=", "unit", "a group is served at least this much")

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell and replace on service, of short and cut on equal_cut."""
        if rule(network) == "proportional":
            quantities = network.demand.filter(pl.col("quantity") > 0).select(KEYS)
            yield Effect("short", "equal_cut", join=quantities, using=KEYS)
            lines = network.demand.filter(pl.col("quantity") > 0).select(*KEYS, "quantity")
            yield Effect("cut", "equal_cut", -pl.col("quantity"), join=lines, using=("item", "due"))
        elif rule(network) in ("priority", "fair"):
            groups = groups_of(network).select(*KEYS, "served_group")
            for flow in ("sell", "replace"):
                yield Effect(flow, "service", -1.0, join=groups, using=KEYS)


@prepared
def groups_of(network: Network) -> pl.DataFrame:
    """Each demand line with the group that shares its service: its customer's priority, or its customer."""
    last = 1 + (network.table("customers")["priority"].max() or 0)  # type: ignore[operator]
    rank = pl.col("priority").fill_null(last).cast(pl.Int64)
    by_priority = rule(network) == "priority"
    label = pl.format("priority {}", rank) if by_priority else pl.col("customer").cast(pl.String)
    rows = network.demand.select(*KEYS, "quantity", rank.alias("rank"), label.alias("served_group"))
    rows = rows if by_priority else rows.with_columns(pl.lit(0, dtype=pl.Int64).alias("rank"))
    return rows.with_columns(pl.col("served_group").cast(pl.Enum(rows["served_group"].unique().sort())))
