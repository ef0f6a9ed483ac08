"""How far the money may lie from the plan when demand is as far off its forecast as it has been before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.review.frames.likely import historical_error
from soe_lib.scenario import measures
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living

LOW, PLANNED, HIGH = "Demand low", "As forecast", "Demand high"
COLUMNS = {
    "case": pl.String, "margin": pl.Float64, "cash": pl.Float64, "service": pl.Float64, "stock": pl.Float64,
    "overtime_hours": pl.Float64, "note": pl.String,
}  # fmt: skip


def demand_range(living: Living, *, lag: int = 1, versions: pl.DataFrame | None = None) -> pl.DataFrame:
    """This week's figures with the forecast of every family as low, and as high, as its past error makes likely.

    Formula: forecast × (1 − error) and × (1 + error), error = Σ|A − F₍lag₎| ÷ ΣA of the family; all families together,
    each case planned again, so the answer to it is the best one. Orders are facts and stay.

    Parameters
    ----------
    living : this week's living model. lag : weeks between the publication of a forecast and its demand [weeks].
    versions : every forecast of the finished weeks, `situation.versions`; left out: what this extract names.

    Returns
    -------
    case, margin, cash [money], service [share on time], stock [money, mean], overtime_hours [h], note; no row where no
    family has a history.
    """
    snapshot = living.home.snapshot
    errors = historical_error(snapshot, lag=lag, versions=versions)
    planned = snapshot["forecast"].filter(pl.col("quantity") > 0)
    there = planned.join(snapshot["items"].select("item", "family"), on="item", how="left")["family"].unique()
    errors = errors.filter(pl.col("family").is_in(there.implode()))
    if errors.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    rows = [_case(living, name, errors, sign) for name, sign in ((LOW, -1.0), (PLANNED, 0.0), (HIGH, 1.0))]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _case(living: Living, name: str, errors: pl.DataFrame, sign: float) -> dict[str, object]:
    snapshot, plan = living.home.snapshot, living.base
    if sign:
        scenario = Scenario(name)
        for family, error in errors.select("family", "error").iter_rows():
            scenario = scenario.scale("forecast.quantity", max(1.0 + sign * error, 0.0), family=family)
        try:
            snapshot = scenario.apply(snapshot)
            plan = living.plan(snapshot, name=name)
        except SoeError as error:
            return {**dict.fromkeys(COLUMNS), "case": name, "note": str(error).splitlines()[0]}
    return {"case": name, "note": "", **{k: v for k, v in measures.figures(snapshot, plan).items() if k in COLUMNS}}
