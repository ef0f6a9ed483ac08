"""Closed dates: what is kept of them stays as it is, and a correction stands beside it with its reason."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.plan import Plan
from soe_lib.store.tables import Store


def restated_by(rows: pl.DataFrame, plan: Plan, reason: str, store: Store) -> str:
    """Which version of a closed date the plan restates, as "as-of/run"; blank where the date is open or new."""
    own = rows.filter(pl.col("company") == plan.company)
    same = own.filter(pl.col("as_of") == plan.as_of)
    if same.is_empty() or own.filter(pl.col("as_of") > plan.as_of).is_empty():
        return ""
    label = f"{plan.as_of.isoformat()}/{int(same['run'].max())}"  # type: ignore[arg-type]
    if not reason.strip():
        raise DataError(
            f"{plan.as_of} is closed in the plan store {store}: a later plan builds on {label}, which stays as it is. "
            "To put a corrected version beside it, restate it with a reason: soe.restate(store, plan, reason), or "
            "`soe pack --reason`."
        )
    return label
