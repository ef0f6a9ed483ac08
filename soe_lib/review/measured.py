"""`soe.kpis`: every measure of a plan or a week in one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.review.finance import Finance
from soe_lib.review.measures import Alone, every, week_of

if TYPE_CHECKING:
    from soe_lib.review.week import Week
    from soe_lib.store.plan import Plan

KPIS = pl.Schema(
    {
        "name": pl.String,
        "label": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "state": pl.String,
        "definition": pl.String,
    }
)


def kpis(of: Week | Plan, record: Plan | None = None) -> pl.DataFrame:
    """Every measure of a plan or a week, judged against its band.

    Formula: that of each measure, as its `definition` says it; state: good inside the inner band, watch inside the
    outer one, act beyond it, unknown where there is no figure or nobody judges it.

    Parameters
    ----------
    of : a week (`soe.week`), or a plan alone, which has the measures that need no extract.
    record : plan of record that a plan is held against, for churn; a week has its own.

    Returns
    -------
    name, label, value, unit ("share" of 1, the currency, "hours", "days", …), state, definition, or why there is no
    value. What only planning under stress can tell is on the page of risks.

    Raises DataError for what is neither a plan nor a week.

    Examples
    --------
    >>> found = soe.kpis(soe.plan(small))
    >>> found.filter(pl.col("name").is_in(["margin", "short"])).select("label", "value", "unit").rows()
    [('Margin of this plan', 840.0, 'EUR'), ('Short', 40.0, 'units')]
    """
    if not hasattr(of, "plan" if hasattr(of, "snapshot") else "ledger"):
        raise DataError(f"soe.kpis takes a plan or a week, not a {type(of).__name__}: soe.plan and soe.week give them.")
    alone = not hasattr(of, "snapshot")
    read: Any = Alone(of, record) if alone else Finance(of)  # type: ignore[arg-type]
    situation = week_of(read)
    rows = []
    for one in every().values():
        told = one.reads == "plan" if alone else one.reads != "risk" and (one.when is None or one.when(situation))
        if told:
            score = one.score(read)
            unit = situation.currency if one.unit == "money" else one.unit
            rows.append((one.name, score.name, score.value, unit, score.state, score.text))
    return pl.DataFrame(rows, schema=KPIS, orient="row")
