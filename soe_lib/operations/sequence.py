"""The order in which a line runs what a period asks of it: as few changeover hours as possible, families together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import polars as pl

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
