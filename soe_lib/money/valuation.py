"""Plans that nobody solved, valued by the rates of one that was: S&OP, budget, plan of record, actuals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import read_actuals
from soe_lib.money.balances import with_stock
from soe_lib.money.commitments import budget_lines, covered, said_amount, sold_by_consensus, supplied
from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, periods_of
from soe_lib.money.stocktaking import closed_days, stocktaking
from soe_lib.money.supply import owned
from soe_lib.money.valued import Valued, said
from soe_lib.money.wages import wages

NODE = ["item", "location"]


def value_consensus(snapshot: Snapshot, rate_book: RateBook, *, name: str = "S&OP plan") -> Valued:
    """The S&OP plan as if it were carried out: by item, customer and period, in this week's prices and costs.

    Formula: sales by month, family and location × the forecast's mix × working days of the period, whole units
    adding up exactly; made where S&OP makes it (else where it is sold from) on the cheapest routing, components
    exploded, bought at the cheapest ordinary offer after stock and receipts, shipped on the cheapest lane, all
    in the period of use; no overtime; stock as it follows.

    Parameters
    ----------
    snapshot : with consensus, forecast, routings, components, offers, lanes, inventory, receipts.
    rate_book : of the plan to compare with; rates of periods it does not have are the nearest.

    Raises DataError where there is no consensus, or it names a family that no item has.
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
    notes += [*split_notes, *made_notes, *stock_notes, *said_amount(snapshot, ledger), *said(ledger)]
    notes.append("The S&OP plan works no overtime, and nothing in it is late or short.")
    return Valued(
        name, full, ledger, tuple(notes), window, snapshot.periods, snapshot["items"], rate_book, snapshot.calendar
    )


def value_budget(snapshot: Snapshot, rate_book: RateBook, *, name: str = "budget") -> Valued:
    """The budget by item, customer and period: its own amounts by account, split like the S&OP plan.

    Formula: amount by month, family, location and account × share of the item and customer (revenue by forecast
    units × price, cost by forecast units × standard cost) × working days of the period. Revenue with a quantity
    and no amount is valued by the rate book. Units sold are those of its sales rows.

    Raises DataError where there is no budget, or it names a family that no item has.
    """
    if snapshot["budget"].is_empty():
        raise DataError(f"{snapshot.folder} has no budget to value.")
    window, notes = covered(snapshot, "budget")
    sell, unpriced, lines, split_notes = budget_lines(snapshot)
    valued = rate_book.value({"sell": unpriced}, match="nearest", items=snapshot["items"], periods=snapshot.periods)
    ledger = valued + Ledger(lines)
    notes += [*split_notes, *said(valued), "The budget has no stock: cash is all it says."]
    return Valued(
        name, {"sell": sell}, ledger, tuple(notes), window, snapshot.periods, snapshot["items"], rate_book,
        snapshot.calendar,
    )  # fmt: skip


def value_record(plan: PlanLike, rate_book: RateBook, *, name: str | None = None) -> Valued:
    """Last week's plan in this week's prices and costs; what they do not know keeps the plan's own.

    Parameters
    ----------
    plan : any plan with flows; its own rates are the fallback where it has some.
    """
    own = getattr(plan, "rates", None)
    ledger = rate_book.value(
        plan.flows, match="nearest", items=items_of(plan), periods=periods_of(plan),
        instead=own if isinstance(own, RateBook) else None,
    )  # fmt: skip
    title = plan.name if name is None else name
    return Valued(
        title, plan.flows, ledger, tuple(said(ledger)), horizon(plan), periods_of(plan), items_of(plan), rate_book
    )


def value_actuals(snapshot: Snapshot, rate_book: RateBook, *, name: str = "actuals") -> Valued:
    """What happened, by day: at the money booked where there is some, else at this week's prices and costs.

    Formula: sales, buy, ship and hours at their amount (revenue, material, freight, conversion), sales without one
    at the nearest price, buy without one at the cheapest offer (without an offer at standard cost), hours without one
    at the resource's hourly cost; make at the routing's cost_per_unit × units started, and at its standard hours where
    no hours are recorded; stock × days since it was last counted ×
    holding. There is no end value: compare actuals within a window.

    Raises DataError where there are no actuals.
    """
    if snapshot["actuals"].is_empty():
        raise DataError(f"{snapshot.folder} has no actuals to value.")
    found = read_actuals(snapshot)
    ledger = rate_book.value(found.unpaid, match="nearest", items=snapshot["items"], periods=found.periods)
    ledger += Ledger(found.lines)
    notes = (*found.notes, *said(ledger), "Actuals have no end value of their own: compare them within a window.")
    return Valued(name, found.flows, ledger, notes, found.window, found.periods, snapshot["items"], rate_book)


def value_closed_week(before: Snapshot, now: Snapshot, rate_book: RateBook, *, name: str = "actual") -> Valued:
    """What happened in the days between two extracts, with the stock that both ends of them began and ended with.

    Formula: see `value_actuals`, of these days; stock at their start and end as in `stocktaking`, goods under way and
    what no count names beside it as flow `uncounted`; crews are paid by heads, as in `wages`.

    Raises DataError where actuals say nothing of these days, or nobody knows the stock at one of their ends.
    """
    window, found = closed_days(before, now), stocktaking(before, now)
    ends = window[0] - timedelta(days=1), window[1]
    rows = now["actuals"].filter(pl.col("date").is_between(*window))
    inner = rows.filter((pl.col("measure") != "stock") | (pl.col("date") < window[1]))
    counted = [
        cells.select(*NODE, "quantity", date=pl.lit(day), measure=pl.lit("stock"))
        for day, cells in zip(ends, (found.opening, found.closing), strict=True)
    ]
    told = pl.concat([inner, *counted], how="diagonal").with_columns(pl.col("resource", "customer").fill_null(""))
    done = value_actuals(now.replace(actuals=told), rate_book, name=name)
    beside = _at_ends(found.left, pl.concat([found.arriving, found.booked]), ends)
    pay, guessed = wages(before, now)
    notes = (*found.notes, *done.assumptions, *guessed)
    return replace(
        done, flows={**done.flows, "uncounted": beside}, ledger=done.ledger + Ledger(pay), window=(ends[0], ends[1]),
        assumptions=notes,
    )  # fmt: skip


def _at_ends(opening: pl.DataFrame, closing: pl.DataFrame, ends: Window) -> pl.DataFrame:
    """Units at two days, nothing where only the other day has some: item, location, period, quantity."""
    parts = [
        rows.select(*NODE, "quantity", period=pl.lit(day.isoformat()))
        for rows, day in ((opening, ends[0]), (closing, ends[1]))
    ]
    days = pl.DataFrame({"period": [day.isoformat() for day in ends]})
    grid = pl.concat(parts).select(NODE).unique().join(days, how="cross")
    sums = pl.concat(parts).group_by(*NODE, "period").agg(pl.col("quantity").sum())
    full = grid.join(sums, on=[*NODE, "period"], how="left").with_columns(pl.col("quantity").fill_null(0.0))
    return full.sort(*NODE, "period")
