"""Plans that nobody solved, valued by the rates of one that was: S&OP, budget, plan of record, actuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.calendar import Calendar
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import closed_days, read_actuals, stocktaking, wages
from soe_lib.money.cheapest_supply import owned, with_stock
from soe_lib.money.commitments import budget_lines, covered, said_amount, sold_by_consensus, supplied
from soe_lib.money.ledger import BEYOND, LINES, Ledger, no_periods
from soe_lib.money.rates import RateBook
from soe_lib.money.window import PlanLike, Window, horizon, items_of, periods_of


@dataclass(frozen=True, eq=False, repr=False)
class Valued:
    """Quantities that somebody else decided, valued by a rate book; bridge and statement take it like a Plan.

    Parameters
    ----------
    name : "S&OP plan", "budget", "actuals" …
    flows : flow → frame of keys and `quantity`.
    ledger : its money lines.
    assumptions : what had to be assumed, a sentence each, with counts and quantities.
    window : first and last day that it speaks about.
    periods, items : to read it by weeks, months and families.
    rates : the book that it was valued by.
    handed_on : a day, and what is owned at its close is worth to the days after it [money], where that is known.
    calendar : by whose working days a part of a period is told; None where a flow is even over its days.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    assumptions: tuple[str, ...]
    window: Window
    periods: pl.DataFrame = field(default_factory=no_periods)
    items: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"item": pl.String}))
    rates: RateBook = field(default_factory=lambda: RateBook({}))
    calendar: Calendar | None = None
    handed_on: tuple[date, float] | None = None

    @property
    def margin(self) -> float:
        """Cash margin plus end value [money]."""
        return self.ledger.margin

    @property
    def steering(self) -> float:
        """Money that moves plans but is no cash [money]."""
        return self.ledger.steering

    def __repr__(self) -> str:
        said = [f"  - {sentence}" for sentence in self.assumptions]
        return "\n".join([f"{self.name}, {self.window[0]} to {self.window[1]}", repr(self.ledger), *said])


def said(ledger: Ledger) -> list[str]:
    """What a ledger had to assume about rates, a sentence each."""
    taken = [f"{rows:,} rows of {flow} ({q:,.6g} units): {how}." for flow, how, rows, q in ledger.adapted.iter_rows()]
    return taken + [
        f"{rows:,} rows of {flow} ({q:,.6g} units) have no rate and no money." for flow, rows, q in ledger.lost
    ]


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
