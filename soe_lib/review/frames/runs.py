"""What each line runs, period by period, in the order in which it should: what orders and schedules are made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.store.plan import OFF_CENTRE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


MILLION = 1e6
RUNS = {
    **dict.fromkeys(("location", "line", "period"), pl.String), "starts_on": pl.Date, "ends_on": pl.Date,
    "sequence": pl.Int64, **dict.fromkeys(("routing", "step", "item", "description", "family"), pl.String),
    "quantity": pl.Float64, "good": pl.Float64, "unit": pl.String, "hours": pl.Float64, "setup_hours": pl.Float64,
}  # fmt: skip
"""A run of a line: quantity is units started, good what comes of them; hours are without the set-up's."""
BY_LINE = ("routing", "step", "line", "period", "quantity", "hours_per_unit", "setup_hours")


def whole(quantity: pl.Expr) -> pl.Expr:
    """A quantity to a millionth of a unit, rounded as `Plan.identity` rounds."""
    return (quantity * MILLION + OFF_CENTRE).round(0) / MILLION


def used(plan: Plan, flow: str) -> pl.DataFrame:
    """The cells of a flow that are something, to a millionth of a unit; no rows where the plan has no such flow."""
    frame = plan.flows.get(flow)
    if frame is None:
        return pl.DataFrame(schema={"quantity": pl.Float64})
    return frame.with_columns(quantity=whole(pl.col("quantity"))).filter(pl.col("quantity") != 0)


def runs(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What each line starts, in the order in which it should run within a period.

    A routing of several steps has a row per step; a step that may run on several lines has a row per line that the
    plan chose. Hours are units started × hours per unit; set-up hours stand beside them.

    Returns
    -------
    location, line, period, starts_on, ends_on, sequence, routing, step, item, description, family, quantity [units
    started], good [units], unit, hours, setup_hours [h].
    """
    started = used(plan, "make")
    if started.is_empty():
        return pl.DataFrame(schema=RUNS)
    items = snapshot["items"].select("item", "description", "family", "unit")
    joined = (
        _by_line(plan, snapshot)
        .join(
            started.select("routing", "period", "yield", "item", "location"), on=["routing", "period"], validate="m:1"
        )
        .join(items, on="item", how="left", validate="m:1")
        .join(plan.periods.select("period", "starts_on", "ends_on"), on="period", validate="m:1")
        .with_columns(good=pl.col("quantity") * pl.col("yield"), hours=pl.col("quantity") * pl.col("hours_per_unit"))
    )
    return sequenced(joined).sort("starts_on", "location", "line", "sequence", "routing", "step").select(*RUNS)


def _by_line(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """routing, step, line, period, quantity, hours_per_unit, setup_hours: made cells by the line that works on them."""
    made = used(plan, "make")
    each = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    ways = snapshot["operations"].select(
        "routing", "step", pl.col("resource").alias("line"), each.alias("hours_per_unit"),
        pl.col("setup_hours").fill_null(0.0),
    )  # fmt: skip
    forked = (pl.col("step") != "") & (pl.len().over("routing", "step") > 1)
    single = ways.filter(~forked)
    parts = [made.join(single, on="routing").select(*BY_LINE)]
    unworked = made.join(ways, on="routing", how="anti")
    parts.append(
        unworked.select(
            "routing", pl.lit("").alias("step"), pl.lit("").alias("line"), "period", "quantity",
            pl.lit(0.0).alias("hours_per_unit"), pl.lit(0.0).alias("setup_hours"),
        )
    )  # fmt: skip
    run = used(plan, "run")
    if not run.is_empty():
        chosen = run.select("routing", "step", "period", "quantity", line="resource")
        parts.append(chosen.join(ways, on=["routing", "step", "line"], validate="m:1").select(*BY_LINE))
    return pl.concat(parts)


FAMILY = 1e-3
"""Hours that a change of family counts beside the set-up's own: it breaks ties, and never outweighs a set-up."""


@dataclass(frozen=True)
class Job:
    """One routing's step on a line in a period: what a set-up is for."""

    name: str
    family: str
    setup_hours: float


def sequenced(runs: pl.DataFrame) -> pl.DataFrame:
    """The runs with their place on the line within the period, from 1.

    Parameters
    ----------
    runs : line, location, starts_on, routing, step, family, setup_hours; a row per run.
    """
    if runs.is_empty():
        return runs.with_columns(sequence=pl.lit(None, dtype=pl.Int64))
    job = pl.concat_str("routing", "step", separator="\x1f").alias("job")
    ordered = runs.with_columns(job).sort("location", "line", "starts_on", "job")
    found = []
    for (location, line), own in ordered.group_by(["location", "line"], maintain_order=True):
        days = [
            (day, [Job(*row) for row in part.select("job", pl.col("family").fill_null(""), "setup_hours").iter_rows()])
            for (day,), part in own.group_by(["starts_on"], maintain_order=True)
        ]
        for (day, _), jobs in zip(days, best([jobs for _, jobs in days]), strict=True):
            found += [(location, line, day, one.name, place) for place, one in enumerate(jobs, start=1)]
    kinds = {"location": pl.String, "line": pl.String, "starts_on": pl.Date, "job": pl.String, "sequence": pl.Int64}
    places = pl.DataFrame(found, schema=kinds, orient="row")
    return ordered.join(places, on=["location", "line", "starts_on", "job"], validate="1:1").drop("job")


def best(days: list[list[Job]]) -> list[list[Job]]:
    """The sequences of consecutive periods of one line with the fewest changeover hours over all of them.

    A set-up is saved where a period begins with what the one before it ended with. Within a period every job but the
    first needs its own set-up, so only the first and the last matter, and what stands between them is put by family.
    Exact by dynamic programming over the last job of each period: hours = Σ set-ups + FAMILY × changes of family.
    """
    reached: dict[Job | None, tuple[float, list[list[Job]]]] = {None: (0.0, [])}
    for jobs in days:
        following: dict[Job | None, tuple[float, list[list[Job]]]] = {}
        for before, (so_far, path) in reached.items():
            for first, last in _ends(jobs):
                order = _between(jobs, first, last)
                hours = so_far + changeover(order, before)
                if last not in following or hours < following[last][0] - 1e-12:
                    following[last] = (hours, [*path, order])
        reached = following
    return min(reached.values(), key=lambda found: found[0])[1]


def changeover(order: list[Job], before: Job | None) -> float:
    """Hours of set-up of one sequence after a job, families counted as `FAMILY` hours each."""
    hours = 0.0
    for one in order:
        if before is None or one.name != before.name:
            hours += one.setup_hours + FAMILY * (before is not None and one.family != before.family)
        before = one
    return hours


def _ends(jobs: list[Job]) -> list[tuple[Job, Job]]:
    return [(jobs[0], jobs[0])] if len(jobs) == 1 else list(permutations(jobs, 2))


def _between(jobs: list[Job], first: Job, last: Job) -> list[Job]:
    """First, then its family, then the other families, last's family at the end, then last."""
    if len(jobs) == 1:
        return list(jobs)
    inner = [one for one in jobs if one not in (first, last)]
    inner.sort(key=lambda one: (one.family != first.family, one.family == last.family, one.family, one.name))
    return [first, *inner, last]
