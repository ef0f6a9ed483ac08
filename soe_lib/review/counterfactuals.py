"""What each event costs: the plan's margin without it, less the plan's margin with it; and what it did to whom.

This room knows no solver, so whoever calls hands in the function that plans a snapshot again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.review.frames.fence import LEAST
from soe_lib.review.frames.lines import lines
from soe_lib.review.situation import Situation

FILE = "event_costs.parquet"
BREAK: dict[str, Any] = {"routing": pl.String, "period": pl.String, "units": pl.Float64}
COLUMNS: dict[str, Any] = {
    "subject": pl.String, "money": pl.Float64, "steering": pl.Float64, "missed": pl.Float64,
    "unbroken": pl.List(pl.Struct(BREAK)),
}  # fmt: skip
"""One row a cause; unbroken: the units of the frozen fence that are broken with it and not without it."""


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
    subject [event], money, steering [money], missed [units that would be served on time without it], unbroken.
    """
    events = situation.snapshot["events"]
    names = situation.events["event"].sort().head(at_most).to_list()
    rows = [without(situation, solve(situation.snapshot.replace(events=events.filter(pl.col("event") != name))), name)
            for name in names]  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("money", descending=True)


def without(situation: Situation, other: Plan, subject: str) -> tuple[Any, ...]:
    """The row of one event: its name, the money it costs, the units that would be on time without it, and the breaks
    of the fence that would not be.
    """
    plan = situation.plan
    gain = other.margin - plan.margin
    missed = float((situation.lines["late"] + situation.lines["short"]).sum())
    rest = lines(situation.snapshot, other)
    served = missed - float((rest["late"] + rest["short"]).sum())
    return subject, gain, other.steering - plan.steering, served, _unbroken(situation, other)


def _unbroken(situation: Situation, other: Plan) -> list[dict[str, Any]]:
    """routing, period, units: breaks of the frozen fence that the other plan does not need."""
    now, cell = situation.breaks, ["routing", "period"]
    if now.is_empty():
        return []
    made = other.flows["make"].select(*cell, then="quantity")
    apart = now.join(made, on=cell, how="left").with_columns(
        units=pl.col("change").abs() - (pl.col("then").fill_null(0.0) - pl.col("recorded")).abs()
    )
    return apart.filter(pl.col("units") > LEAST).select(*BREAK).to_dicts()


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
