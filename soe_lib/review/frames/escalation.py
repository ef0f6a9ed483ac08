"""Whose matter a family off its S&OP commitment is: what a week of waiting costs against what deciding costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan

LEAST_MONEY = 0.0001
TYPED, COSTS, USUAL = "typed", "costs", "usual"
"""Which band holds: the one typed in settings.toml, the one that follows from the costs, or the usual one."""


def worth_deciding(plan: Plan) -> float:
    """Money from which a matter is worth a decision: a ten-thousandth of the plan's revenue [money]."""
    return max(LEAST_MONEY * max(plan.ledger.accounts().get("revenue", 0.0), 0.0), 0.5)


def matters(snapshot: Snapshot, plan: Plan, outlook: pl.DataFrame, prices: pl.DataFrame | None) -> pl.DataFrame:
    """Whether a family's deviation from its month is S&OP's matter, and from which deviation on it would be.

    Formula: a band typed in `[tolerance]` wins: S&OP's outside it. Else S&OP's where a week of waiting costs more than
    deciding; band = |share − 1| × deciding ÷ waiting, the deviation at which both cost the same. Where nobody has
    planned again, the usual band. deciding = `[escalation] decision_cost`, or what is worth a decision.

    Parameters
    ----------
    outlook : from `month_outlook`. prices : rows of `soe.whatif.commitment_prices`; None where nobody planned again.

    Returns
    -------
    the columns of `month_outlook`, waiting [money, null where nobody knows], lost [units], deciding [money], band
    [share of the commitment; null: waiting costs nothing], holds (typed, costs, usual), handed (S&OP's).
    """
    settings, keys = snapshot.settings, ["family", "month"]
    blank = {"waiting": pl.lit(None, dtype=pl.Float64), "lost": pl.lit(None, dtype=pl.Float64)}
    if prices is None or "waiting" not in prices.columns:
        known = outlook.with_columns(**blank)
    else:
        known = outlook.join(prices.select(*keys, *blank), on=keys, how="left", validate="1:1", maintain_order="left")
    typed = pl.lit("default" in settings.tolerance) | pl.col("family").is_in(list(settings.tolerance))
    holds = pl.when(typed).then(pl.lit(TYPED)).when(pl.col("waiting").is_not_null()).then(pl.lit(COSTS))
    deciding = settings.escalation.decision_cost or worth_deciding(plan)
    told = known.with_columns(holds=holds.otherwise(pl.lit(USUAL)), deciding=pl.lit(deciding))
    costly, even = pl.col("holds") == COSTS, pl.when(pl.col("waiting") > 0).then(pl.col("deciding") / pl.col("waiting"))
    return told.with_columns(
        band=pl.when(costly).then((pl.col("share") - 1).abs() * even).otherwise(pl.col("high") - 1),
        handed=pl.when(costly).then(pl.col("waiting") > pl.col("deciding")).otherwise(~pl.col("inside")),
    ).select(*outlook.columns, "waiting", "lost", "deciding", "band", "holds", "handed")
