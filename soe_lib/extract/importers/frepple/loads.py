"""frePPLe operation-resources → hours of our operations, with skills and pools as alternatives of one step.

Source: frePPLe's model reference, operation resources, resources, resource skills.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from soe_lib.extract.importers.frepple.calendars import is_quantity_bucket
from soe_lib.extract.importers.frepple.production import Ways
from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.frepple.timing import effective
from soe_lib.extract.importers.frepple.trees import leaves
from soe_lib.extract.importers.report import Part, tell

STEP = ["routing", "step"]


def loads(source: Frepple, ways: Ways, *, as_of: date, lots: bool) -> Part:
    """The operations table: hours of each routing's steps on each resource that may do them.

    hours_per_unit = duration per unit × load quantity / units that come out. The fixed duration × quantity becomes
    setup_hours with lots; without, it is spread over the order size where frePPLe gives one above 1, else left out.
    Rows of one step are alternatives: the members of a pool, those of them with the skill asked for, or loads that
    frePPLe names alike. On a bucketed resource the load quantity itself is the use of one unit.

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
    notes = left + unskilled + tell(
        free_steps, "resource", timed.unique(STEP).height, "loads", "are on resources without a limit; left out"
    )  # fmt: skip
    sized, fixed = _fixed(kept, lots=lots)
    operations = (
        sized.group_by(*STEP, "resource")
        .agg(pl.col("hours_per_unit").sum(), pl.col("setup_hours").sum())
        .sort(*STEP, "resource")
    )
    return Part({"operations": operations}, notes + fixed)


def _rows(source: Frepple, *, as_of: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Valid loads, each with the label that it shares with its alternates."""
    rows = source["operationresource"]
    total, things = rows.height, "operation resources"
    skilled = pl.concat_str("resource", pl.lit(" ("), "skill", pl.lit(")"))
    label = pl.when(pl.col("name") != "").then("name").when(pl.col("skill") != "").then(skilled).otherwise("resource")
    notes = tell(
        rows.filter(~effective(as_of)), "resource", total, things, "are not valid on the as-of date; left out"
    ) + tell(
        rows.filter(pl.col("setup") != ""), "resource", total, things, "ask for a set-up; changeovers are left out"
    )
    return rows.filter(effective(as_of)).with_columns(load=label), notes


def _able(source: Frepple, rows: pl.DataFrame, *, as_of: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Each load with every single resource that may take it."""
    below = leaves(source["resource"], "resource").rename({"group": "resource", "member": "able"})
    skills = source["resourceskill"].filter(effective(as_of), pl.col("priority") != 0)
    skills = skills.select(able="resource", skill="skill", has=pl.lit(value=True)).unique()
    pairs = rows.join(below, on="resource").join(skills, on=["able", "skill"], how="left")
    fits = (pl.col("skill") == "") | pl.col("has").fill_null(False)
    nobody = ~fits.any().over("operation", "load", "resource")
    unskilled = pairs.filter(nobody).unique(["operation", "load"])
    notes = tell(
        unskilled, "skill", rows.height, "operation resources",
        "ask for a skill that nobody in the pool has; every member may do the work",
    )  # fmt: skip
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
    # an amount per bucket is not stretched by hours on offer, so the efficiency goes into the use instead
    effort = pl.col("quantity") / pl.when(pl.col("counted")).then(pl.col("efficiency")).otherwise(1.0)
    per_unit = pl.when(pl.col("bucketed")).then(effort).otherwise(pl.col("quantity") * pl.col("per_unit"))
    fixed = pl.when(pl.col("bucketed")).then("quantityfixed").otherwise(pl.col("quantity") * pl.col("fixed"))
    step = pl.concat_str(pl.col("sequence").cast(pl.Int64), pl.lit(" "), "operation", pl.lit(": "), "load")
    plain = pl.when(pl.col("operation") == pl.col("routing")).then("load").otherwise(step)
    return rows.with_columns(step=plain, hours_per_unit=per_unit / pl.col("output"), setup_hours=fixed)


def _fixed(rows: pl.DataFrame, *, lots: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Fixed hours per order: as set-ups, or spread over the order size."""
    fixed = rows.filter(pl.col("setup_hours") > 0).unique(STEP)
    total = rows.unique(STEP).height
    if lots:
        return rows, tell(
            fixed, "routing", total, "steps",
            "take a fixed time per order; written as set-up hours of each period in which the routing runs",
        )  # fmt: skip
    sized = pl.col("lot") > pl.col("output")  # frePPLe's default size of one says nothing
    notes = tell(
        fixed.filter(sized), "routing", total, "steps", "take a fixed time per order; spread over the smallest order"
    ) + tell(
        fixed.filter(~sized), "routing", total, "steps",
        "take a fixed time per order of no given size; left out (import with lots to keep it)",
    )  # fmt: skip
    spread = pl.when(sized).then(pl.col("setup_hours") / pl.col("lot")).otherwise(0.0)
    return rows.with_columns(hours_per_unit=pl.col("hours_per_unit") + spread, setup_hours=pl.lit(0.0)), notes
