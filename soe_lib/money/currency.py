"""A plan in another currency, at the rate of each month; a month without a rate stops."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.reading import PlanLike, horizon, items_of, periods_of
from soe_lib.money.timeline import BEYOND
from soe_lib.money.valued import Valued


def in_currency(plan: PlanLike, snapshot: Snapshot, currency: str, *, rates: pl.DataFrame | None = None) -> Valued:
    """The plan as it reads in another currency; statement and bridge take it like any other.

    Formula: amount in the other currency = amount ÷ rate of the line's month (rate: the company's money for one of the
    other). What is booked beyond the horizon takes the rate of the horizon's last month.

    Parameters
    ----------
    snapshot : with the currencies table. currency : ISO code; the company's own changes nothing.
    rates : currency, month, rate, in place of the table: budget rates, say.

    Raises DataError for a currency that the table does not have, or a month without a rate, naming them.
    """
    notes = [f"{plan.name} in {currency}: each month at its own rate."]
    if currency == snapshot.currency:
        ledger = plan.ledger
        notes = []
    else:
        ledger = _converted(plan, rates_of(snapshot, currency, rates=rates), currency)
    name = f"{plan.name} in {currency}"
    return Valued(name, plan.flows, ledger, tuple(notes), horizon(plan), periods_of(plan), items_of(plan))


def rates_of(snapshot: Snapshot, currency: str, *, rates: pl.DataFrame | None = None) -> pl.DataFrame:
    """month, rate of one currency; raises DataError for one that has no rate at all."""
    table = snapshot["currencies"] if rates is None else rates
    found = table.filter(pl.col("currency") == currency).select("month", pl.col("rate").cast(pl.Float64))
    if found.is_empty():
        known = table["currency"].unique().sort().to_list()
        said = f"known: {', '.join(known)}" if known else "the table is empty"
        raise DataError(f"currencies.csv has no rate of {currency!r} ({said}). {hint(currency, known)}".strip())
    if (bad := found.filter(pl.col("rate").is_null() | ~(pl.col("rate") > 0))).height:
        raise DataError(f"currencies.csv: the rate of {currency} in {', '.join(bad['month'])} is not above 0.")
    if (twice := found.height - found["month"].n_unique()) > 0:
        raise DataError(f"currencies.csv: {twice} months have two rates of {currency}; leave one of each.")
    return found


def _converted(plan: PlanLike, rates: pl.DataFrame, currency: str) -> Ledger:
    ledger = plan.ledger.relabelled(items=items_of(plan), periods=periods_of(plan))
    lines = ledger.labelled("month")
    last = periods_of(plan).sort("ends_on")["month"][-1] if periods_of(plan).height else ""
    month = pl.when(pl.col("month") == BEYOND).then(pl.lit(last)).otherwise("month")
    rated = lines.with_columns(month=month).join(rates, on="month", how="left", validate="m:1")
    if (lost := rated.filter(pl.col("rate").is_null())).height:
        months = ", ".join(lost["month"].unique().sort())
        raise DataError(
            f"{lost.height} of {lines.height} money lines of {plan.name} are in months without a rate of {currency}: "
            f"{months}. Add them to currencies.csv."
        )
    other = rated.with_columns(pl.col("amount", "per_unit") / pl.col("rate")).select(LINES.names())
    return Ledger(other, ledger.unmatched, ledger.items, ledger.periods, ledger.adapted)
