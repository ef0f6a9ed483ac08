"""S&OP's monthly family commitments as a weekly item plan, and a weekly item plan as commitments again."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError, ReconciliationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.split import check_families, forecast_mix, spread

CLOSE = 1e-6
"""Units that count as none."""

_ROW = "_commitment"
_LABELS = ["fiscal_month", "family", "location"]


def committed(snapshot: Snapshot) -> pl.DataFrame:
    """What S&OP has promised to sell: fiscal_month, family, location (blank: all), quantity [units], amount [money].

    Raises DataError where it has promised nothing, or a family that no item has.
    """
    check_families(snapshot, "consensus")
    rows = snapshot["consensus"].filter(pl.col("measure") == "sales", pl.col("quantity").is_not_null())
    if rows.is_empty():
        raise DataError(f"{snapshot.folder} has no consensus with sales: S&OP has committed nothing.")
    return rows.drop("measure")


def committed_by_week(snapshot: Snapshot) -> pl.DataFrame:
    """The monthly family commitments as a weekly item plan, by the forecast's mix and working days.

    Formula: quantity × weight of the item and customer in the month's forecast ÷ Σ weights × working days of the month
    in the week ÷ working days of the month; whole units by largest remainder, so that the weeks of a month that lies
    within the horizon are the commitment again, and those of the others are never more.

    Returns
    -------
    fiscal_month, family, location (of the commitment, blank: all), item, customer, week, quantity [units].

    Raises DataError as `committed` does; ReconciliationError where it does not add up.
    """
    rows = committed(snapshot).with_row_index(_ROW)
    cells, _ = spread(rows.drop("amount"), forecast_mix(snapshot, rows["fiscal_month"]))
    keys = [_ROW, "item", "customer", "week"]
    weeks = cells.join(snapshot.periods.select("period", "week"), on="period", validate="m:1")
    found = weeks.group_by(keys).agg(pl.col("quantity").sum())
    _check(found, rows, snapshot)
    labelled = found.join(rows.select(_ROW, *_LABELS), on=_ROW, validate="m:1")
    return labelled.select(*_LABELS, *keys[1:], "quantity").sort(*_LABELS, *keys[1:])


def committed_by_month(weeks: pl.DataFrame) -> pl.DataFrame:
    """A weekly item plan as monthly family commitments again: fiscal_month, family, location, quantity [units]."""
    return weeks.group_by(_LABELS).agg(pl.col("quantity").sum()).sort(_LABELS)


def _check(found: pl.DataFrame, rows: pl.DataFrame, snapshot: Snapshot) -> None:
    """A month within the horizon must add up to its commitment, any other to no more."""
    shares = snapshot.calendar.shares(rows["fiscal_month"]).group_by("label").agg(pl.col("share").sum())
    sums = found.group_by(_ROW).agg(split=pl.col("quantity").sum())
    both = rows.join(shares, left_on="fiscal_month", right_on="label", how="left", validate="m:1")
    both = both.join(sums, on=_ROW, how="left", validate="1:1").with_columns(pl.col("share", "split").fill_null(0.0))
    off = pl.col("split") - pl.col("quantity")
    whole = pl.col("share") > 1 - 1e-9
    torn = both.filter(pl.when(whole).then(off.abs() > CLOSE).otherwise(off > CLOSE))
    if torn.height:
        raise ReconciliationError(f"{torn.height} commitments do not add up over their weeks, first {torn.row(0)}.")
