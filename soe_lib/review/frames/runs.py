"""What each line runs, period by period, in the order in which it should: what orders and schedules are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import setup_families
from soe_lib.model.network import Network
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
    ordered = sequenced(*_set_up(joined, snapshot))
    return ordered.sort("starts_on", "location", "line", "sequence", "routing", "step").select(*RUNS)


def _set_up(runs: pl.DataFrame, snapshot: Snapshot) -> tuple[pl.DataFrame, dict[str, Changes]]:
    """The runs with `set_up_for`, the family that their line is set up for, and what changing takes on each line."""
    if snapshot["changeovers"].is_empty():
        return runs.with_columns(set_up_for="family"), {}
    network = Network(snapshot)
    of = setup_families.operations(network).with_columns(pl.all().cast(pl.String)).rename({"resource": "line"})
    named = runs.join(of, on=["routing", "step", "line"], how="left", validate="m:1", maintain_order="left")
    rate = pl.when(pl.col("hourly_cost") > 0).then("hourly_cost").otherwise(1.0)
    rows = setup_families.changes(network).join(
        network.table("resources").select("resource", pl.col("hourly_cost").fill_null(0.0)), on="resource"
    )
    begin = dict(snapshot["resources"].select("resource", pl.col("set_up_for").fill_null("")).iter_rows())
    told: dict[str, dict[tuple[str, str], float]] = {}
    weighed = rows.select("resource", *setup_families.PAIR, pl.col("hours") + pl.col("cost") / rate)
    for line, one, other, hours in weighed.iter_rows():
        told.setdefault(line, {})[one, other] = hours
    changes = {line: Changes.of(pairs, begin[line]) for line, pairs in told.items()}
    return named.with_columns(set_up_for=pl.coalesce("setup_family", "family")), changes


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


EXACT = 8
"""Families between the first and the last of a period up to which the shortest way through them is found exactly."""
NOTHING: Mapping[str, Changes] = {}
FAMILY = 1e-3
"""Hours that a change of family counts beside the set-up's own: it breaks ties, and never outweighs a set-up."""


@dataclass(frozen=True)
class Job:
    """One routing's step on a line in a period: what a set-up is for."""

    name: str
    family: str
    setup_hours: float


@dataclass(frozen=True)
class Changes:
    """What a line takes to change between families: hours of the shortest way, through others where that is shorter.

    Parameters
    ----------
    hours : from, to → hours; its cost counts as hours at the line's hourly cost. begin : what it is set up for today.
    """

    hours: Mapping[tuple[str, str], float]
    begin: str

    @classmethod
    def of(cls, told: Mapping[tuple[str, str], float], begin: str) -> Changes:
        """From what single changes take (Floyd & Warshall)."""
        hours, families = dict(told), sorted({family for pair in told for family in pair})
        for by, one, other in product(families, repeat=3):
            through = hours.get((one, by), math.inf) + hours.get((by, other), math.inf)
            if one != other and through < hours.get((one, other), math.inf):
                hours[one, other] = through
        return cls(hours, begin)

    def taken(self, one: str, other: str) -> float:
        """Hours of a change; none where nothing is told of it."""
        return 0.0 if one == other else self.hours.get((one, other), 0.0)

    def route(self, first: str, last: str, families: frozenset[str]) -> tuple[str, ...]:
        """The shortest way from one family to another through all of them.

        Exact for up to EXACT families (Held & Karp); of more, the nearest comes next.
        """
        between = families - {first, last}
        if len(between) > EXACT:
            way, left = [first], set(between)
            while left:
                way.append(min(sorted(left), key=lambda family: self.taken(way[-1], family)))
                left.remove(way[-1])
            return (*way, last)
        ways: dict[tuple[frozenset[str], str], tuple[float, tuple[str, ...]]] = {(frozenset(), first): (0.0, (first,))}
        for _ in between:
            longer: dict[tuple[frozenset[str], str], tuple[float, tuple[str, ...]]] = {}
            for (seen, at), (hours, path) in ways.items():
                for to in sorted(between - seen):
                    found, key = (hours + self.taken(at, to), (*path, to)), (seen | {to}, to)
                    longer[key] = min(found, longer.get(key, found))
            ways = longer
        _, path = min((hours + self.taken(at, last), path) for (_, at), (hours, path) in ways.items())
        return path if path == (last,) else (*path, last)


def sequenced(runs: pl.DataFrame, changes: Mapping[str, Changes] = NOTHING) -> pl.DataFrame:
    """The runs with their place on the line within the period, from 1.

    Parameters
    ----------
    runs : line, location, starts_on, routing, step, set_up_for (a family), setup_hours; a row per run.
    changes : of the lines that change over between families.
    """
    if runs.is_empty():
        return runs.with_columns(sequence=pl.lit(None, dtype=pl.Int64))
    job = pl.concat_str("routing", "step", separator="\x1f").alias("job")
    ordered = runs.with_columns(job).sort("location", "line", "starts_on", "job")
    columns = ("job", pl.col("set_up_for").fill_null(""), "setup_hours")
    found = []
    for (location, line), own in ordered.group_by(["location", "line"], maintain_order=True):
        days = [
            (day, [Job(*row) for row in part.select(columns).iter_rows()])
            for (day,), part in own.group_by(["starts_on"], maintain_order=True)
        ]
        for (day, _), jobs in zip(days, best([jobs for _, jobs in days], changes.get(str(line))), strict=True):
            found += [(location, line, day, one.name, place) for place, one in enumerate(jobs, start=1)]
    kinds = {"location": pl.String, "line": pl.String, "starts_on": pl.Date, "job": pl.String, "sequence": pl.Int64}
    places = pl.DataFrame(found, schema=kinds, orient="row")
    return ordered.join(places, on=["location", "line", "starts_on", "job"], validate="1:1").drop("job")


def best(days: list[list[Job]], changes: Changes | None = None) -> list[list[Job]]:
    """The sequences of consecutive periods of one line with the fewest changeover hours over all of them.

    A set-up is saved where a period begins with what the one before it ended with. Within a period every job but the
    first needs its own set-up, so only the first and the last matter; between them families stand together, in the
    order of the shortest way through them. Exact by dynamic programming over the last job of each period: hours = Σ
    set-ups + Σ changes of family, which count FAMILY hours each where nothing else is told.
    """
    reached: dict[Job | None, tuple[float, list[list[Job]]]] = {None: (0.0, [])}
    for jobs in days:
        ways = {ends: _between(jobs, *ends, changes) for ends in _ends(jobs)}
        following: dict[Job | None, tuple[float, list[list[Job]]]] = {}
        for before, (so_far, path) in reached.items():
            for (_, last), order in ways.items():
                hours = so_far + changeover(order, before, changes)
                if last not in following or hours < following[last][0] - 1e-12:
                    following[last] = (hours, [*path, order])
        reached = following
    return min(reached.values(), key=lambda found: found[0])[1]


def changeover(order: list[Job], before: Job | None, changes: Changes | None = None) -> float:
    """Hours of set-up of one sequence after a job, changes of family included."""
    hours = 0.0
    for one in order:
        if changes is not None:
            hours += changes.taken(before.family if before else changes.begin, one.family)
        if before is None or one.name != before.name:
            hours += one.setup_hours
            hours += FAMILY * (changes is None and before is not None and one.family != before.family)
        before = one
    return hours


def _ends(jobs: list[Job]) -> list[tuple[Job, Job]]:
    return [(jobs[0], jobs[0])] if len(jobs) == 1 else list(permutations(jobs, 2))


def _between(jobs: list[Job], first: Job, last: Job, changes: Changes | None) -> list[Job]:
    """First, then its family, then the other families, last's family at the end, then last."""
    if len(jobs) == 1:
        return list(jobs)
    inner = [one for one in jobs if one not in (first, last)]
    place = dict[str, int]()
    if changes is not None:
        families = frozenset(one.family for one in jobs)
        route = changes.route(first.family, last.family, families)
        place = {family: at for at, family in reversed([*enumerate(route)])}
    inner.sort(
        key=lambda one: (
            one.family != first.family, one.family == last.family, place.get(one.family, 0), one.family, one.name,
        )
    )  # fmt: skip
    return [first, *inner, last]
