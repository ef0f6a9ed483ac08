"""frePPLe operations → routings with their steps' hours, components and by-products.

A routing of ours is one way to make an item: a frePPLe operation, or a frePPLe routing with all its sub-operations.
Alternates become routings side by side. Everything is per unit of the item that comes out.
Source: frePPLe's model reference, operations, operation materials.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.frepple.timing import effective, is_rounded, lead_days, lots, validity
from soe_lib.extract.importers.report import Part, names, tell

CHOICES = ("alternate", "split")
KINDS = ("fixed_time", "time_per", "routing", *CHOICES)
NESTED = 5
"""So deep may an alternate stand inside an alternate."""


@dataclass(frozen=True)
class Ways:
    """The ways to make something and what each consists of.

    Parameters
    ----------
    ways : one row per routing: routing, item, location, output (units per unit of the operation), …
    steps : routing, operation, sequence.
    operations : frePPLe's operations, kind and owner resolved.
    """

    ways: pl.DataFrame
    steps: pl.DataFrame
    operations: pl.DataFrame


def production(source: Frepple, *, as_of: date, share: pl.DataFrame) -> tuple[Ways, Part]:
    """Routings, components and co-products.

    Parameters
    ----------
    as_of : materials that are not valid on this day are left out.
    share : location, share of the time in which it works.
    """
    operations, typed = _operations(source)
    steps = _steps(operations)
    materials, chosen = _materials(source, as_of=as_of)
    flows = steps.join(materials, on="operation").group_by("routing", "item").agg(pl.col("quantity").sum())
    ways, made = _ways(operations, steps, flows)
    routings, timed = _routings(ways, steps, operations, share)
    per_unit = flows.rename({"item": "other"}).join(ways, on="routing").filter(pl.col("other") != pl.col("item"))
    amount = pl.col("quantity") / pl.col("output")
    components = per_unit.filter(amount < 0).select("routing", component="other", quantity=-amount)
    by_products = per_unit.filter(amount > 0).select("routing", item="other", quantity=amount)
    tables = {"routings": routings, "components": components, "co_products": by_products}
    return Ways(ways, steps, operations), Part(tables, typed + chosen + made + timed)


def _operations(source: Frepple) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Operations with kind, and with the owner that the older table suboperation gives."""
    older = (
        source["suboperation"]
        .select(name="suboperation", older_owner="operation", older_priority="priority")
        .unique("name", keep="first", maintain_order=True)
    )
    rows = source["operation"].join(older, on="name", how="left")
    blank = pl.col("owner") == ""
    rows = rows.with_columns(
        owner=pl.when(blank).then(pl.col("older_owner").fill_null("")).otherwise("owner"),
        priority=pl.when(blank).then(pl.coalesce("older_priority", "priority")).otherwise("priority"),
        kind=pl.col("type").str.to_lowercase().str.strip_prefix("operation_"),
    )
    unknown = rows.filter(pl.col("kind") != "", ~pl.col("kind").is_in(KINDS))
    owners = rows.filter(pl.col("owner") != "")["owner"].unique()
    is_owner = pl.col("name").is_in(owners.implode()) & ~pl.col("kind").is_in(["routing", *CHOICES])
    promoted = rows.filter(is_owner)
    plain = pl.when(pl.col("kind") == "").then(pl.lit("fixed_time")).otherwise("kind")
    kind = pl.when(is_owner).then(pl.lit("routing")).when(plain.is_in(KINDS)).then(plain).otherwise(pl.lit("time_per"))
    kinds = names(unknown["kind"])
    rows, placed = _placed(source, rows)
    notes = tell(
        unknown, "name", rows.height, "operations",
        f"have a type that frePPLe's manual does not know ({kinds}); read as time_per",
    ) + tell(
        promoted, "name", rows.height, "operations", "own others without being a routing; read as routings"
    )  # fmt: skip
    return rows.with_columns(kind), notes + placed


def _placed(source: Frepple, rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Operations without a location stand where their resources stand."""
    at = source["resource"].filter(pl.col("location") != "").select(resource="name", at="location")
    first = source["operationresource"].join(at, on="resource").sort("operation", "at")
    place = first.group_by("operation", maintain_order=True).agg(pl.col("at").first()).rename({"operation": "name"})
    joined = rows.join(place, on="name", how="left")
    moved = joined.filter(pl.col("location") == "", pl.col("owner") == "", pl.col("at").is_not_null())
    notes = tell(moved, "name", rows.height, "operations", "name no location; they stand where their resources stand")
    filled = pl.when(pl.col("location") == "").then(pl.col("at").fill_null("")).otherwise("location")
    return joined.with_columns(location=filled).drop("at"), notes


def _steps(operations: pl.DataFrame) -> pl.DataFrame:
    """routing, operation, sequence: a routing's sub-operations, and itself for whatever is booked on it directly."""
    own = operations.filter(~pl.col("kind").is_in(CHOICES)).select(
        routing="name", operation="name", sequence=pl.lit(0.0)
    )
    routings = operations.filter(pl.col("kind") == "routing")["name"].implode()
    below = operations.filter(pl.col("owner").is_in(routings)).select(
        routing="owner", operation="name", sequence="priority"
    )
    return pl.concat([own, below])


def _materials(source: Frepple, *, as_of: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    rows = source["operationmaterial"]
    valid = rows.filter(effective(as_of)).with_row_index("line")
    named = pl.col("name") != ""
    best = pl.col("priority").rank("ordinal").over("operation", "name")
    chosen = valid.filter(~named | (best == 1))
    things = "operation materials"
    notes = (
        tell(rows.filter(~effective(as_of)), "item", rows.height, things, "are not valid on the as-of date; left out")
        + tell(
            valid.filter(named & (best > 1)), "item", rows.height, things,
            "are alternates of a material with a better priority; left out",
        )
        + tell(
            valid.filter(pl.col("quantityfixed") != 0), "item", rows.height, things,
            "have a fixed quantity per order; it is left out, only the quantity per unit counts",
        )
        + tell(
            valid.filter(pl.col("offset").fill_null(0.0) != 0), "item", rows.height, things,
            "are offset in time from the order; the offset is left out",
        )
    )  # fmt: skip
    return chosen.select("operation", "item", "quantity"), notes


def _ways(operations: pl.DataFrame, steps: pl.DataFrame, flows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The operations that make an item, with item, location and output; and why others do not."""
    rows = _inherited(operations)
    candidates = rows.filter(~pl.col("kind").is_in(CHOICES), ~pl.col("is_step"))
    produced = (
        flows.filter(pl.col("quantity") > 0).group_by("routing").agg(pl.col("item").sort(), pl.len().alias("many"))
    )
    single = produced.filter(pl.col("many") == 1).select(name="routing", single=pl.col("item").list.first())
    places = (
        steps.sort("sequence")
        .join(operations.filter(pl.col("location") != "").select(operation="name", place="location"), on="operation")
        .group_by("routing", maintain_order=True)
        .agg(pl.col("place").first())
        .rename({"routing": "name"})
    )
    candidates = (
        candidates.join(single, on="name", how="left")
        .join(places, on="name", how="left")
        .with_columns(
            item=pl.when(pl.col("item") == "").then(pl.col("single").fill_null("")).otherwise("item"),
            location=pl.when(pl.col("location") == "").then(pl.col("place").fill_null("")).otherwise("location"),
        )
    )
    own = flows.rename({"routing": "name", "quantity": "output"})
    candidates = candidates.join(own, on=["name", "item"], how="left").with_columns(pl.col("output").fill_null(1.0))
    aimless = (pl.col("item") == "") | (pl.col("location") == "") | (pl.col("output") <= 0)
    idle = ~aimless & (pl.col("priority") == 0)
    total, things = operations.height, "operations"
    notes = (
        tell(candidates.filter(aimless), "name", total, things, "make no known item at a known location; left out")
        + tell(candidates.filter(idle), "name", total, things, "have priority 0, which frePPLe does not plan; left out")
        + _not_kept(operations)
    )
    return candidates.filter(~aimless & ~idle).rename({"name": "routing"}), notes


def _inherited(operations: pl.DataFrame) -> pl.DataFrame:
    """Item, location and "never planned" come down from an alternate to its choices; steps are marked."""
    rows = operations
    for _ in range(NESTED):
        above = rows.select(
            owner="name", above_kind="kind", above_item="item", above_location="location", above_priority="priority"
        )
        joined = rows.join(above, on="owner", how="left")
        choice = pl.col("above_kind").is_in(CHOICES).fill_null(False)
        rows = joined.with_columns(
            item=pl.when(choice & (pl.col("item") == "")).then("above_item").otherwise("item"),
            location=pl.when(choice & (pl.col("location") == "")).then("above_location").otherwise("location"),
            priority=pl.when(choice & (pl.col("above_priority") == 0)).then(0.0).otherwise("priority"),
            is_step=(pl.col("above_kind") == "routing").fill_null(False),
        ).select(*operations.columns, "is_step")
    return rows


def _not_kept(operations: pl.DataFrame) -> tuple[str, ...]:
    """What frePPLe says about operations and the contract has no place for."""
    total, things = operations.height, "operations"
    splits = operations.filter(pl.col("kind") == "split")
    return (
        tell(splits, "name", total, things, "split by fixed percentages; the plan may choose any shares")
        + tell(
            operations.filter(pl.col("posttime") > 0), "name", total, things,
            "have a post-operation time (a safety time); left out",
        )
        + tell(
            operations.filter(pl.col("fence").fill_null(0.0) > 0), "name", total, things,
            "have a release fence; left out, the plan may start at once",
        )
        + tell(
            operations.filter(pl.col("available") != ""), "name", total, things,
            "have working hours of their own; only those of their resources and location are kept",
        )
        + tell(
            operations.filter(pl.col("sizemaximum").is_not_null()), "name", total, things,
            "have a largest order size; left out, it limits one order and not the plan",
        )
    )  # fmt: skip


def _routings(
    ways: pl.DataFrame, steps: pl.DataFrame, operations: pl.DataFrame, share: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    each = steps.join(operations.select(operation="name", hours=pl.col("duration") / 3600, cost="cost"), on="operation")
    total = each.group_by("routing").agg(pl.col("hours").sum(), pl.col("cost").sum())
    rows = (
        ways.drop("cost")
        .join(total, on="routing")
        .join(share, on="location", how="left")
        .with_columns(pl.col("share").fill_null(1.0))
    )
    hours, worked = pl.col("hours"), pl.col("share")
    notes = tell(
        rows.filter(is_rounded(hours, worked)), "routing", rows.height, "routings",
        "have a fixed duration that is no whole number of calendar days; rounded to days, at least one",
    )  # fmt: skip
    return rows.select(
        "routing", *validity(), "item", "location",
        lead_days(hours, worked).alias("lead_time_days"),
        (pl.col("cost") / pl.col("output")).alias("cost_per_unit"),
        *(lot * pl.col("output") for lot in lots()),
    ), notes  # fmt: skip
