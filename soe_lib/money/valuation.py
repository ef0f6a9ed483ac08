"""Values loaded plans at the rates of a solved one: S&OP plan, budget, plan of record, other currencies."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cheapest_supply import owned, with_stock
from soe_lib.money.commitments import budget_lines, covered, said_amount, sold_by_consensus, supplied
from soe_lib.money.ledger import BEYOND, LINES, Ledger
from soe_lib.money.rates import RateBook
from soe_lib.money.window import PlanLike, Valued, assumed, horizon, items_of, periods_of


def value_consensus(snapshot: Snapshot, rate_book: RateBook, *, name: str = "S&OP plan") -> Valued:
    """The S&OP plan as if executed: by item, customer and period, in this week's prices and costs.

    Formula: sales by month, family and location × the forecast's mix × working days of the period, in whole units that
    add up exactly. Production is where S&OP places it (else where the item is sold from), on the cheapest routing with
    its components. Purchases are at the cheapest ordinary offer, after stock and receipts; shipments on the cheapest
    lane. Everything happens in the period of use, without overtime; stock results.

    Parameters
    ----------
    snapshot : with consensus, forecast, routings, components, offers, lanes, inventory, receipts.
    rate_book : of the plan to compare with; a missing period takes the nearest rate.

    Raises DataError if there is no consensus, or it names a family that no item has.

    Examples
    --------
    >>> soe.money.value_consensus(small, soe.plan(small).rates).ledger.accounts()
    {'revenue': 1224.0, 'material': -408.0, 'conversion': -136.0, 'freight': -136.0}
    """
    if snapshot["consensus"].filter(pl.col("measure") == "sales").is_empty():
        raise DataError(f"{snapshot.folder} has no consensus with sales: there is no S&OP plan to value.")
    window, notes = covered(snapshot, "consensus")
    sell, split_notes = sold_by_consensus(snapshot)
    on_hand, coming = owned(snapshot)
    made, made_notes = supplied(snapshot, sell, on_hand, coming)
    flows = {"sell": sell, "open": on_hand, "receive": coming, **made}
    full, stock_notes = with_stock(snapshot, flows)
    ledger = rate_book.value(full, match="nearest", items=snapshot["items"], periods=snapshot.periods)
    notes += [*split_notes, *made_notes, *stock_notes, *said_amount(snapshot, ledger), *assumed(ledger)]
    notes.append("The S&OP plan works no overtime, and nothing in it is late or short.")
    return Valued(
        name, full, ledger, tuple(notes), window, snapshot.periods, snapshot["items"], rate_book, snapshot.calendar
    )


def value_budget(snapshot: Snapshot, rate_book: RateBook, *, name: str = "budget") -> Valued:
    """The budget by item, customer and period: its amounts by account, split like the S&OP plan.

    Formula: amount by month, family, location and account × share of the item and customer (revenue by forecast
    units × price, cost by forecast units × standard cost) × working days of the period. The rate book values revenue
    with a quantity and no amount. Units sold are those of its sales rows.

    Raises DataError if there is no budget, or it names a family that no item has.

    Examples
    --------
    >>> lines = {"fiscal_month": ["2026-01"], "family": ["Drinks"], "account": ["revenue"], "amount": [2200.0]}
    >>> asked = soe.snapshot(settings, {**tables, "budget": pl.DataFrame(lines)})
    >>> soe.money.value_budget(asked, soe.plan(asked).rates).ledger.accounts()
    {'revenue': 1000.0}
    """
    if snapshot["budget"].is_empty():
        raise DataError(f"{snapshot.folder} has no budget to value.")
    window, notes = covered(snapshot, "budget")
    sell, unpriced, lines, split_notes = budget_lines(snapshot)
    valued = rate_book.value({"sell": unpriced}, match="nearest", items=snapshot["items"], periods=snapshot.periods)
    ledger = valued + Ledger(lines)
    notes += [*split_notes, *assumed(valued), "The budget has no stock, only cash."]
    return Valued(
        name, {"sell": sell}, ledger, tuple(notes), window, snapshot.periods, snapshot["items"], rate_book,
        snapshot.calendar,
    )  # fmt: skip


def value_record(plan: PlanLike, rate_book: RateBook, *, name: str | None = None) -> Valued:
    """Last week's plan in this week's prices and costs; the plan's own rates fill gaps.

    Parameters
    ----------
    plan : any plan with flows; its own rates, if any, are the fallback.

    Examples
    --------
    >>> dearer = soe.Scenario("a dearer crop").set("offers.unit_cost", 3.5).apply(small)
    >>> soe.money.value_record(soe.plan(small), soe.plan(dearer).rates).ledger.margin
    740.0
    """
    own = getattr(plan, "rates", None)
    ledger = rate_book.value(
        plan.flows, match="nearest", items=items_of(plan), periods=periods_of(plan),
        instead=own if isinstance(own, RateBook) else None,
    )  # fmt: skip
    title = plan.name if name is None else name
    return Valued(
        title, plan.flows, ledger, tuple(assumed(ledger)), horizon(plan), periods_of(plan), items_of(plan), rate_book
    )


def in_currency(plan: PlanLike, snapshot: Snapshot, currency: str, *, rates: pl.DataFrame | None = None) -> Valued:
    """The plan in another currency; statement and bridge take it like any other.

    Formula: amount in the other currency = amount ÷ rate of the line's month (rate: company currency per unit of the
    other). Lines beyond the horizon take the rate of its last month.

    Parameters
    ----------
    snapshot : with the currencies table. currency : ISO code; the company's own changes nothing.
    rates : currency, month, rate, in place of the table, such as budget rates.

    Raises DataError for a currency missing from the table, or months without a rate.

    Examples
    --------
    >>> dollars = pl.DataFrame({"currency": ["USD"], "month": ["2026-01"], "rate": [0.8]})
    >>> soe.money.in_currency(soe.plan(small), small, "USD", rates=dollars).ledger.margin
    1050.0
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
    """month, rate of one currency; raises DataError if it has no rate."""
    table = snapshot["currencies"] if rates is None else rates
    found = table.filter(pl.col("currency") == currency).select("month", pl.col("rate").cast(pl.Float64))
    if found.is_empty():
        known = table["currency"].unique().sort().to_list()
        listed = f"known: {', '.join(known)}" if known else "the table is empty"
        raise DataError(f"currencies.csv has no rate of {currency!r} ({listed}). {hint(currency, known)}".strip())
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
