"""What each event costs: the plan's margin without it, less the plan's margin with it.

This room knows no solver, so whoever calls hands in the function that plans a snapshot again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.review.frames.lines import lines
from soe_lib.review.situation import Situation

FILE = "event_costs.parquet"
COLUMNS = {"subject": pl.String, "money": pl.Float64, "steering": pl.Float64, "missed": pl.Float64}


def cost_of_events(situation: Situation, solve: Callable[[Snapshot], Plan], *, at_most: int = 6) -> pl.DataFrame:
    """What each event in force costs, by planning again without it.

    Formula: money = margin without the event − margin with it; positive: the event costs that much even with the best
    answer to it. Each is taken away alone, so the costs of several need not add up to that of all of them.

    Parameters
    ----------
    solve : plans a snapshot: `soe.plan`, or `Living(snapshot).plan`, which is faster.
    at_most : events that are priced, in order of their names.

    Returns
    -------
    subject [event], money, steering [money], missed [units that would be served on time without it].
    """
    events = situation.snapshot["events"]
    names = situation.events["event"].sort().head(at_most).to_list()
    rows = [without(situation, solve(situation.snapshot.replace(events=events.filter(pl.col("event") != name))), name)
            for name in names]  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("money", descending=True)


def without(situation: Situation, other: Plan, subject: str) -> tuple[str, float, float, float]:
    """The row of one event: its name, the money it costs, and the units that would be on time without it."""
    plan = situation.plan
    gain = other.margin - plan.margin
    missed = float((situation.lines["late"] + situation.lines["short"]).sum())
    rest = lines(situation.snapshot, other)
    return subject, gain, other.steering - plan.steering, missed - float((rest["late"] + rest["short"]).sum())


def keep_costs(costs: pl.DataFrame, results: str | Path) -> pl.DataFrame:
    """Leave the costs where the other pages of the same pack find them; does nothing when run by hand."""
    if str(results):
        Path(results).mkdir(parents=True, exist_ok=True)
        costs.write_parquet(Path(results) / FILE)
    return costs


def kept_costs(results: str | Path) -> pl.DataFrame | None:
    """The costs that the balance page left; None where there are none."""
    path = Path(results) / FILE
    return pl.read_parquet(path) if str(results) and path.is_file() else None
