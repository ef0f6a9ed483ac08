"""Which kept plan was decided to be carried out: by whom, when and why; nothing is released without such a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.plan import Plan
from soe_lib.store import tables
from soe_lib.store.history import newest
from soe_lib.store.tables import Store

APPROVALS = pl.Schema(
    {
        "company": pl.String(),
        "as_of": pl.Date(),
        "run": pl.Int64(),
        "plan_fingerprint": pl.String(),
        "decided_by": pl.String(),
        "reason": pl.String(),
        "decided_at": pl.Datetime("us", "UTC"),
    }
)
"""One row per approval; `plan_fingerprint` ties it to the quantities, so that no other plan can borrow it."""


@dataclass(frozen=True)
class Approval:
    """A decision to carry out one kept plan.

    Parameters
    ----------
    company, as_of, run : of the plan. plan_fingerprint : of its quantities.
    decided_by, reason, decided_at : who decided it, why, and when [UTC].
    """

    company: str
    as_of: date
    run: int
    plan_fingerprint: str
    decided_by: str
    reason: str
    decided_at: datetime

    @property
    def label(self) -> str:
        """The approved plan as "as-of/run"."""
        return f"{self.as_of.isoformat()}/{self.run}"


def approve(
    store: Store,
    as_of: str | date,
    run: int | None = None,
    *,
    by: str,
    reason: str,
    company: str | None = None,
) -> Approval:
    """Record that a kept plan is to be carried out; the same approval again adds nothing.

    Parameters
    ----------
    as_of : its date. run : its number on that date; the newest when left out.
    by : who decided. reason : why, in a sentence.

    Raises DataError for a blank name or reason, or where no such plan is kept.
    """
    for name, text in (("by", by), ("reason", reason)):
        if not text.strip():
            raise DataError(f"An approval needs its {name}: say who decided, and why.")
    plan = newest(store, as_of, run, company=company)
    known = approvals(store).filter(
        pl.col("company") == plan["company"],
        pl.col("plan_fingerprint") == plan["plan_fingerprint"],
        pl.col("decided_by") == by,
        pl.col("reason") == reason,
    )
    if known.height:
        return Approval(**known.row(0, named=True))
    row = {
        **{name: plan[name] for name in ("company", "as_of", "run", "plan_fingerprint")},
        "decided_by": by,
        "reason": reason,
        "decided_at": datetime.now(UTC),
    }
    tables.add(store, "approvals", pl.DataFrame([row], schema=APPROVALS))
    return Approval(**row)


def approvals(store: Store) -> pl.DataFrame:
    """Every approval in the store, oldest first."""
    rows = tables.read(tables.opened(store, "approvals"))
    return rows.select(APPROVALS.names()).sort("decided_at") if rows.width else pl.DataFrame(schema=APPROVALS)


def approved(store: Store, plan: Plan) -> Approval | None:
    """The newest approval of exactly these quantities; None where nobody decided them."""
    own = approvals(store).filter(
        pl.col("company") == plan.company,
        pl.col("as_of") == plan.as_of,
        pl.col("plan_fingerprint") == plan.identity,
    )
    return None if own.is_empty() else Approval(**own.row(-1, named=True))
