"""Make: routings turn components and hours into items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import events, hours
from soe_lib.model.cache import prepared
from soe_lib.model.hours import counted
from soe_lib.model.setup_families import operations as operations_of_families
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


class Make(Part):
    """Units started on a routing in a period; good output is yield × started, lead time later.

    Brings flow `make` (routing, period) [units started]; effects on `stock` (+yield of the item after its lead time,
    −quantity of each component in the period of the start, + co-products) and on `hours`
    (hours per unit of each operation). Where a step names several resources, flow `run` (routing, step, resource,
    period) splits it freely and constraint `run` keeps Σ run = make. Rows `make_limit` hold a routing's maximum.
    Books −cost_per_unit × started and −hourly_cost × hours to "conversion".

    Examples
    --------
    >>> [flow.name for flow in soe.blocks.Make().flows(soe.Model(small).network)]
    ['make']
    >>> soe.plan(small).flows["make"].select("routing", "period", "quantity").rows()
    [('coffee', 'W1', 40.0), ('coffee', 'W2', 40.0), ('tea', 'W1', 60.0), ('tea', 'W2', 60.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """make, and run where steps have alternatives."""
        yield Flow("make", routings(network), ("routing", "period"), "unit started", "units started on a routing")
        if not (split := alternatives(network)).is_empty():
            yield Flow(
                "run",
                _started(network, split).select(
                    "routing", "step", "resource", "period", "item", "location", "hours_per_unit"
                ),
                ("routing", "step", "resource", "period"),
                "unit started",
                "units of a step on one of its alternative resources",
            )

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """run (alternatives add up), make_limit."""
        if not (split := alternatives(network)).is_empty():
            steps = _started(network, split).select("routing", "step", "period").unique()
            yield Constraint(
                "run",
                steps,
                ("routing", "step", "period"),
                "==",
                "unit started",
                "each started unit passes each step once",
            )
        limited = routings(network).filter(pl.col("maximum").is_not_null())
        if not limited.is_empty():
            yield Constraint(
                "make_limit",
                limited.select("routing", "maximum", period="within").unique(),
                ("routing", "period"),
                "<=",
                "unit started",
                f"a routing starts no more than its maximum in a {hours.per(network)}",
                rhs="maximum",
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On stock, hours, run and make_limit."""
        yield Effect("make", "stock", "yield", after=True)
        if not (bom := components(network)).is_empty():
            yield Effect(
                "make",
                "stock",
                -pl.col("quantity"),
                at={"item": "component"},
                join=bom,
                using=("routing",),
                note="−quantity of each component",
            )
        if not (beside := co_products(network)).is_empty():
            yield Effect(
                "make",
                "stock",
                "beside_quantity",
                at={"item": "component"},
                join=beside,
                using=("routing",),
                after=True,
            )
        if not (single := alone(network)).is_empty():
            yield Effect("make", "hours", "hours_per_unit", join=single, using=("routing",))
        if not (split := alternatives(network)).is_empty():
            yield Effect("run", "hours", "hours_per_unit")
            yield Effect("run", "run")
            yield Effect("make", "run", -1.0, join=split.select("routing", "step").unique(), using=("routing",))
        if routings(network)["maximum"].is_not_null().any():
            yield Effect("make", "make_limit", at={"period": "within"}, where=pl.col("maximum").is_not_null())

    def rates(self, network: Network) -> Iterator[Rate]:
        """Conversion: the routing's own cost, and the hours it uses."""
        yield Rate("conversion", "make", -pl.col("cost_per_unit"))
        costs = network.table("resources").select("resource", "hourly_cost")
        if not (single := alone(network)).is_empty():
            priced = single.join(costs, on="resource")
            yield Rate(
                "conversion",
                "make",
                -pl.col("hours_per_unit") * pl.col("hourly_cost"),
                join=priced,
                using=("routing",),
                note="−hourly_cost × hours_per_unit",
            )
        if not alternatives(network).is_empty():
            yield Rate(
                "conversion",
                "run",
                -pl.col("hours_per_unit") * pl.col("hourly_cost"),
                join=costs,
                using=("resource",),
                note="−hourly_cost × hours_per_unit",
            )


@prepared
def routings(network: Network) -> pl.DataFrame:
    """One row per routing and period in which it is valid, with its terms and its lead time."""
    rows = network.over_periods(
        network.table("routings").select(
            "routing", "valid_from", "valid_to", "item", "location", "lead_time_days", "lead_time_periods",
            "cost_per_unit", "yield", "setup_cost", "fixed_cost", "minimum", "maximum", "multiple",
        )
    )  # fmt: skip
    rows = events.supply(network, hours.shared_out(network, rows), ("routing", "item", "location"))
    rows = hours.joined(network, rows, "routing")
    with_hours = network.table("operations").filter(pl.col("setup_hours").fill_null(0.0) > 0)["routing"].unique()
    timed = pl.concat([with_hours, operations_of_families(network)["routing"]]).unique()
    set_up = (pl.col("setup_cost") > 0) | pl.col("routing").is_in(timed.implode())
    rows = rows.with_columns(set_up.alias("set_up"))
    return with_lead(network, rows, ("routing", "item", "location"), ("location",)).drop("set_up")


def with_lead(
    network: Network, rows: pl.DataFrame, columns: tuple[str, ...], takes_part: tuple[str, ...]
) -> pl.DataFrame:
    """Rows with lead_days, lead_periods, dispatch and counted, after the delay events on one of the columns.

    Whole lots, that is multiples and what is set up (`set_up`), leave at the period's end.

    Parameters
    ----------
    takes_part : columns of those whose closures count where lead times are in working days.
    """
    periods = pl.col("lead_time_periods") if "lead_time_periods" in rows.columns else pl.lit(None, dtype=pl.Int64)
    set_up = pl.col("set_up").fill_null(value=False) if "set_up" in rows.columns else pl.lit(value=False)
    lots = (pl.col("multiple").fill_null(0.0) > 0) | set_up
    timed = rows.with_columns(
        pl.col("lead_time_days").fill_null(0.0).cast(pl.Float64).alias("lead_days"),
        periods.cast(pl.Int64).alias("lead_periods"),
        pl.when(lots).then(pl.lit("end")).otherwise(pl.lit(network.settings.lead_time.dispatch)).alias("dispatch"),
    )
    delayed = network.delayed(timed, columns).drop("lead_time_days", "lead_time_periods", strict=False)
    return counted(network, delayed, takes_part)


@prepared
def components(network: Network) -> pl.DataFrame:
    """routing, component, quantity consumed per unit started."""
    return network.table("components").select("routing", "component", "quantity")


@prepared
def co_products(network: Network) -> pl.DataFrame:
    """routing, component (the item that comes out beside), beside_quantity per unit started."""
    return network.table("co_products").select(
        "routing", pl.col("item").alias("component"), pl.col("quantity").alias("beside_quantity")
    )


@prepared
def operations(network: Network) -> pl.DataFrame:
    """routing, step, resource, hours_per_unit, alternatives (how many resources the step may use)."""
    rows = network.table("operations").with_columns(
        pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0).alias("hours_per_unit"),
        (pl.col("step").cast(pl.String) == "").alias("own_step"),
    )
    return rows.select("routing", "step", "resource", "hours_per_unit", "own_step").with_columns(
        pl.when("own_step").then(1).otherwise(pl.len().over("routing", "step")).alias("alternatives")
    )


@prepared
def alone(network: Network) -> pl.DataFrame:
    """The operations that have no alternative."""
    return operations(network).filter(pl.col("alternatives") == 1).select("routing", "resource", "hours_per_unit")


@prepared
def alternatives(network: Network) -> pl.DataFrame:
    """The operations whose step may be split over several resources."""
    return (
        operations(network).filter(pl.col("alternatives") > 1).select("routing", "step", "resource", "hours_per_unit")
    )


def _started(network: Network, split: pl.DataFrame) -> pl.DataFrame:
    return routings(network).select("routing", "period", "item", "location").join(split, on="routing")
