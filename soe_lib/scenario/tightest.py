"""The value of the tightest hours: step curves whose every corner is planned again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.worth import StepCurve, worth
from soe_lib.review import words
from soe_lib.review.charts.chart import Chart
from soe_lib.review.charts.steps import step_curves
from soe_lib.review.frames.load import resource_hours
from soe_lib.review.tables.table import Table

if TYPE_CHECKING:
    from soe_lib.model.living import Living

CURVES, HOURS, LEAST, TRIES = 2, 8.0, 1.0, 6


def curves(living: Living, *, most: int = CURVES, hours: float = HOURS) -> tuple[StepCurve, ...]:
    """The step curve of the dearest hour of each of the tightest lines, from today's hours on.

    Parameters
    ----------
    living : this week's living model. most : lines. hours : how many more to look at [h].
    """
    prices = living.base.prices.get("hours")
    if prices is None:
        return ()
    tight = prices.filter(pl.col("price") > 0.005).with_columns(pl.col("resource", "period").cast(pl.String))
    dearest = tight.sort(["price", "resource", "period"], descending=[True, False, False])
    found: list[StepCurve] = []
    # At a corner of the plan a price may hold for no hour at all: such an hour is not tight, whatever its price says.
    for line, period in dearest.select("resource", "period").head(TRIES * most).rows():
        if len(found) == most:
            break
        if any(curve.labels["resource"] == line for curve in found):
            continue
        known = {"resource": line, "period": period}
        curve = worth(living.home, "hours", hours, options=living.options, start=living.basis, **known)
        found += [curve] if curve.total >= LEAST else []
    return tuple(found)


def tightest(living: Living, *, most: int = CURVES, hours: float = HOURS) -> tuple[Chart | Table | str, ...]:
    """A chart of the step curves and, below it, what the first hours are worth; a sentence where no hour is scarce."""
    found = curves(living, most=most, hours=hours)
    if not found:
        return ("No hour is scarce: one more would earn nothing.",)
    named = [(named_row(curve), curve.steps) for curve in found]
    currency, loads = found[0].currency, _loads(living, found)
    return (step_curves(named, currency), table(named, currency, given=found[0].given, loads=loads))


def _loads(living: Living, found: tuple[StepCurve, ...]) -> list[float | None]:
    """How full each line is in its period: hours used ÷ regular hours; None where it has no regular hours."""
    asked = pl.DataFrame([{**curve.labels} for curve in found])
    there = resource_hours(living.home.snapshot, living.base)
    ratio = pl.when(pl.col("available") > 1e-9).then(pl.col("used") / pl.col("available"))
    return (
        asked.join(there, on=["resource", "period"], how="left", maintain_order="left")
        .select(ratio)
        .to_series()
        .to_list()
    )


def named_row(curve: StepCurve) -> str:
    """A line and its day as a reader says them."""
    return f"{curve.labels['resource']}, {words.period_name(curve.labels['period'])}"


def table(
    named: list[tuple[str, pl.DataFrame]], currency: str, *, given: str = "", loads: Sequence[float | None] = ()
) -> Table:
    """What the first hour, the first half of the hours and all of them earn, each by planning again."""
    rows = []
    for (name, steps), load in zip_longest(named, loads[: len(named)]):
        stop = float(steps["stop"].max())  # type: ignore[arg-type]
        for amount in (1.0, stop / 2, stop):
            used = (pl.min_horizontal("stop", pl.lit(amount)) - pl.col("start")).clip(lower_bound=0.0)
            money = float(steps.select((used * pl.col("price")).sum()).item())
            rows.append({"Hours of": name, "Load": load, "More hours": amount, "Earn": money, "Each": money / amount})
    frame = pl.DataFrame(rows, schema_overrides={"Load": pl.Float64}).rename(
        {"Earn": f"Earn together, {currency}", "Each": f"Each, {currency}"}
    )
    formats = {
        "Load": "percent",
        "More hours": ",.1f",
        f"Earn together, {currency}": "money",
        f"Each, {currency}": "money",
    }
    held = f", given {given}" if given else ""
    note = f"Margin and steering, read from the step curve, whose corners are planned again{held}; hours are free here."
    frame = frame if loads else frame.drop("Load")
    return Table(frame, "What more hours are worth on the tightest lines", formats, note, rows=12)
