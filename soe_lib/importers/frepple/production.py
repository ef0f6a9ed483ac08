"""frePPLe operations and their resources → routings, hours, components and by-products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from soe_lib.importers import Part, names
from soe_lib.importers.frepple.calendars import (
    effective,
    is_quantity_bucket,
    is_rounded,
    lead_days,
    leaves,
    lots,
    validity,
)
from soe_lib.importers.frepple.source import Frepple, tell

CHOICES = ("alternate", "split")
KINDS = ("fixed_time", "time_per", "routing", *CHOICES)
NESTED = 5
"""Largest nesting depth of alternates."""


@dataclass(frozen=True)
class Ways:
    """The routings and their steps.

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
    notes = tell("unknown types", unknown, rows.height, kinds=kinds) + tell("owners", promoted, rows.height)
    return rows.with_columns(kind), notes + placed


def _placed(source: Frepple, rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Operations without a location take that of their resources."""
    at = source["resource"].filter(pl.col("location") != "").select(resource="name", at="location")
    first = source["operationresource"].join(at, on="resource").sort("operation", "at")
    place = first.group_by("operation", maintain_order=True).agg(pl.col("at").first()).rename({"operation": "name"})
    joined = rows.join(place, on="name", how="left")
    moved = joined.filter(pl.col("location") == "", pl.col("owner") == "", pl.col("at").is_not_null())
    notes = tell("operations without place", moved, rows.height)
    filled = pl.when(pl.col("location") == "").then(pl.col("at").fill_null("")).otherwise("location")
    return joined.with_columns(location=filled).drop("at"), notes


def _steps(operations: pl.DataFrame) -> pl.DataFrame:
    """routing, operation, sequence: a routing's sub-operations, and itself for its direct loads and materials."""
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
    notes = (
        tell("invalid materials", rows.filter(~effective(as_of)), rows.height)
        + tell("alternate materials", valid.filter(named & (best > 1)), rows.height)
        + tell("fixed quantities", valid.filter(pl.col("quantityfixed") != 0), rows.height)
        + tell("offsets", valid.filter(pl.col("offset").fill_null(0.0) != 0), rows.height)
    )
    return chosen.select("operation", "item", "quantity"), notes


def _ways(operations: pl.DataFrame, steps: pl.DataFrame, flows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The operations that make an item, with item, location and output; and sentences on the others."""
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
    total = operations.height
    notes = (
        tell("aimless operations", candidates.filter(aimless), total)
        + tell("operations of priority 0", candidates.filter(idle), total)
        + _not_kept(operations)
    )
    return candidates.filter(~aimless & ~idle).rename({"name": "routing"}), notes


def _inherited(operations: pl.DataFrame) -> pl.DataFrame:
    """The operations with item, location and "never planned" inherited from their alternate; steps are marked."""
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
    """Sentences on frePPLe's attributes of operations that the contract lacks."""
    total = operations.height
    splits = operations.filter(pl.col("kind") == "split")
    return (
        tell("splits", splits, total)
        + tell("post times", operations.filter(pl.col("posttime") > 0), total)
        + tell("operation fences", operations.filter(pl.col("fence").fill_null(0.0) > 0), total)
        + tell("own working hours", operations.filter(pl.col("available") != ""), total)
        + tell("largest operations", operations.filter(pl.col("sizemaximum").is_not_null()), total)
    )


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
    notes = tell("fixed durations", rows.filter(is_rounded(hours, worked)), rows.height)
    return rows.select(
        "routing", *validity(), "item", "location",
        lead_days(hours, worked).alias("lead_time_days"),
        (pl.col("cost") / pl.col("output")).alias("cost_per_unit"),
        *(lot * pl.col("output") for lot in lots()),
    ), notes  # fmt: skip


STEP = ["routing", "step"]


def loads(source: Frepple, ways: Ways, *, as_of: date, lots: bool) -> Part:
    """The operations table: hours of each routing's steps on each resource that may do them.

    hours_per_unit = duration per unit × load quantity / units of output. With lots, the fixed duration × quantity
    becomes setup_hours; without lots, it is spread over an order size above 1, else left out. Rows of one step are
    alternatives: the members of a pool, those with the required skill, or loads with the same name. On a bucketed
    resource the load quantity itself is the use per unit.

    Parameters
    ----------
    as_of : loads and skills that are not valid on this day are left out.
    lots : whether orders come in lots.
    """
    rows, left = _rows(source, as_of=as_of)
    able, unskilled = _able(source, rows, as_of=as_of)
    timed = _hours(source, able.join(_times(ways), on="operation"))
    free = timed.filter(pl.col("unlimited"))
    kept = timed.join(free.select(STEP).unique(), on=STEP, how="anti")
    free_steps = free.unique(STEP)
    notes = left + unskilled + tell("unlimited resources", free_steps, timed.unique(STEP).height)
    sized, fixed = _fixed(kept, lots=lots)
    operations = (
        sized.group_by(*STEP, "resource")
        .agg(pl.col("hours_per_unit").sum(), pl.col("setup_hours").sum())
        .sort(*STEP, "resource")
    )
    return Part({"operations": operations}, notes + fixed)


def _rows(source: Frepple, *, as_of: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Valid loads, each with the common label of its alternates."""
    rows = source["operationresource"]
    total = rows.height
    skilled = pl.concat_str("resource", pl.lit(" ("), "skill", pl.lit(")"))
    label = pl.when(pl.col("name") != "").then("name").when(pl.col("skill") != "").then(skilled).otherwise("resource")
    notes = tell("invalid loads", rows.filter(~effective(as_of)), total) + tell(
        "load set-ups", rows.filter(pl.col("setup") != ""), total
    )
    return rows.filter(effective(as_of)).with_columns(load=label), notes


def _able(source: Frepple, rows: pl.DataFrame, *, as_of: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Each load with every resource that may take it."""
    below = leaves(source["resource"], "resource").rename({"group": "resource", "member": "able"})
    skills = source["resourceskill"].filter(effective(as_of), pl.col("priority") != 0)
    skills = skills.select(able="resource", skill="skill", has=pl.lit(value=True)).unique()
    pairs = rows.join(below, on="resource").join(skills, on=["able", "skill"], how="left")
    fits = (pl.col("skill") == "") | pl.col("has").fill_null(False)
    nobody = ~fits.any().over("operation", "load", "resource")
    unskilled = pairs.filter(nobody).unique(["operation", "load"])
    notes = tell("missing skills", unskilled, rows.height)
    chosen = pairs.filter(fits | nobody)
    return chosen.with_columns(pl.col("able").alias("resource")).drop("able", "has"), notes


def _times(ways: Ways) -> pl.DataFrame:
    """routing, operation, sequence, output, lot size, hours per unit and fixed hours of every step of every way."""
    times = ways.operations.select(
        operation="name",
        per_unit=pl.when(pl.col("kind") == "time_per").then(pl.col("durationper") / 3600).otherwise(0.0),
        fixed=pl.col("duration") / 3600,
    )
    size = pl.max_horizontal("sizeminimum", "sizemultiple").fill_null(1.0)
    outputs = ways.ways.select("routing", "output", lot=size * pl.col("output"))
    return ways.steps.join(outputs, on="routing").join(times, on="operation")


def _hours(source: Frepple, rows: pl.DataFrame) -> pl.DataFrame:
    kinds = source["resource"].select(
        resource="name",
        bucketed=pl.col("type").str.to_lowercase().str.starts_with("buckets"),
        counted=is_quantity_bucket(),
        unlimited=(pl.col("type").str.to_lowercase() == "infinite") | ~pl.col("constrained"),
        efficiency=pl.col("efficiency") / 100,
    )
    rows = rows.join(kinds, on="resource")
    # an amount per bucket does not scale with hours, so the efficiency divides the use
    effort = pl.col("quantity") / pl.when(pl.col("counted")).then(pl.col("efficiency")).otherwise(1.0)
    per_unit = pl.when(pl.col("bucketed")).then(effort).otherwise(pl.col("quantity") * pl.col("per_unit"))
    fixed = pl.when(pl.col("bucketed")).then("quantityfixed").otherwise(pl.col("quantity") * pl.col("fixed"))
    step = pl.concat_str(pl.col("sequence").cast(pl.Int64), pl.lit(" "), "operation", pl.lit(": "), "load")
    plain = pl.when(pl.col("operation") == pl.col("routing")).then("load").otherwise(step)
    return rows.with_columns(step=plain, hours_per_unit=per_unit / pl.col("output"), setup_hours=fixed)


def _fixed(rows: pl.DataFrame, *, lots: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Fixed hours per order, as set-ups or spread over the order size."""
    fixed = rows.filter(pl.col("setup_hours") > 0).unique(STEP)
    total = rows.unique(STEP).height
    if lots:
        return rows, tell("fixed times as set-ups", fixed, total)
    sized = pl.col("lot") > pl.col("output")  # frePPLe's default size of one is no information
    notes = tell("fixed times spread", fixed.filter(sized), total) + tell(
        "fixed times left out", fixed.filter(~sized), total
    )
    spread = pl.when(sized).then(pl.col("setup_hours") / pl.col("lot")).otherwise(0.0)
    return rows.with_columns(hours_per_unit=pl.col("hours_per_unit") + spread, setup_hours=pl.lit(0.0)), notes
