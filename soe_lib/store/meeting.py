"""What a meeting leaves beside the plan history, append-only: exceptions, options, decisions and approvals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from soe_lib.errors import DataError
from soe_lib.store import tables
from soe_lib.store.history import newest
from soe_lib.store.plan import Plan
from soe_lib.store.promised import promises
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

    Examples
    --------
    >>> entry = soe.store.append(store, soe.plan(small))
    >>> soe.approve(store, "2026-01-19", by="Head of planning", reason="As discussed on Monday").label
    '2026-01-19/1'
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


STAMP = ["company", "as_of", "created"]
DECISIONS = pl.Schema(
    {
        "company": pl.String(),
        "as_of": pl.Date(),
        "created": pl.Datetime("us", "UTC"),
        "key": pl.String(),
        "what": pl.String(),
        "option": pl.String(),
        "scenario": pl.String(),
        "owner": pl.String(),
        "due": pl.Date(),
        "reason": pl.String(),
        "promised": pl.Float64(),
        "margin": pl.Float64(),
        "stake": pl.Float64(),
        "currency": pl.String(),
        "promoted": pl.Boolean(),
    }
)
"""One row a decision: of which pack, what about, which option, who does it by when and why, the money that the option
promised, and the money that was at stake."""


def keep(store: Store, table: str, rows: pl.DataFrame, *, company: str, as_of: date) -> bool:
    """Append a week's rows; the very same rows again add nothing. Says whether anything was added."""
    now = rows.drop([name for name in STAMP if name in rows.columns])
    before = recall(store, table, company=company, as_of=as_of)
    known = before is not None and set(now.columns) <= set(before.columns)  # an older version kept fewer
    if before is not None and known and before.drop(STAMP).select(now.columns).equals(now):
        return False
    if now.is_empty() and before is None:
        return False
    stamp = {"company": company, "as_of": as_of, "created": datetime.now(UTC)}
    tables.add(store, table, now.select(*(pl.lit(value).alias(name) for name, value in stamp.items()), pl.all()))
    return True


def recall(
    store: Store, table: str, *, company: str | None, as_of: date | None = None, before: date | None = None
) -> pl.DataFrame | None:
    """The newest rows that were kept of a date, or of the last date before one; None where there are none."""
    rows = _rows(store, table, company)
    if rows is None:
        return None
    if as_of is not None:
        rows = rows.filter(pl.col("as_of") == as_of)
    if before is not None:
        rows = rows.filter(pl.col("as_of") < before)
    newest = rows.filter(pl.col("as_of") == pl.col("as_of").max())
    kept = newest.filter(pl.col("created") == pl.col("created").max())
    return kept if kept.height else None


def record(store: Store, row: dict[str, object]) -> None:
    """Append one decision."""
    stamped = {**row, "created": datetime.now(UTC)}
    tables.add(store, "decisions", pl.DataFrame([stamped], schema=DECISIONS, orient="row"))


def decisions(
    store: Store = "out/plans", *, company: str | None = None, as_of: date | None = None, before: date | None = None
) -> pl.DataFrame:
    """Every decision kept, oldest first; the last word on one matter of one week counts.

    Parameters
    ----------
    company : only this one's. as_of : only of this date's pack. before : only of the last date before this one.

    Examples
    --------
    >>> made = soe.decide("Line down", 1, owner="Maintenance", reason="It pays", store=kept)
    >>> soe.store.decisions(kept)["option"].to_list()
    ['Repair line 4 days sooner']
    """
    rows = _rows(store, "decisions", company)
    if rows is None:
        return pl.DataFrame(schema=DECISIONS)
    if as_of is not None:
        rows = rows.filter(pl.col("as_of") == as_of)
    if before is not None:
        rows = rows.filter(pl.col("as_of") < before).filter(pl.col("as_of") == pl.col("as_of").max())
    last = rows.sort("created").unique(["company", "as_of", "key"], keep="last", maintain_order=True)
    return last.select(DECISIONS.names()).sort("as_of", "created")


def known_before(store: Store, *, company: str, as_of: date) -> dict[str, pl.DataFrame]:
    """What a week reads of earlier meetings, by table: the last exceptions, every decision, every promise until then.

    None is left empty.
    """
    past = recall(store, "exceptions", company=company, before=as_of)
    rows = _rows(store, "decisions", company)
    taken = rows.filter(pl.col("as_of") < as_of).sort("created", "key") if rows is not None else None
    given = promises(store, company=company, until=as_of)
    both = {"exceptions": past.sort("key") if past is not None else None, "decisions": taken, "promises": given}
    return {table: frame for table, frame in both.items() if frame is not None and frame.height}


def _rows(store: Store, table: str, company: str | None) -> pl.DataFrame | None:
    rows = tables.read(tables.opened(store, table))
    if rows.is_empty():
        return None
    return rows if company is None else rows.filter(pl.col("company") == company)
