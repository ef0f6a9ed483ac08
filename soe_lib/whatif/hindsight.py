"""Hindsight: last week's extract with this week's knowledge, to plan again and see what was possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.calendar import with_label
from soe_lib.extract.settings import Consumption, Cushion, Fence
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import value_closed_week
from soe_lib.money.window import PlanLike, Valued, Window, cut, horizon, position
from soe_lib.store.plan import Plan
from soe_lib.whatif.recheck import recheck

KNOWN_LATER = ("items", "offers", "resources", "routings", "lanes", "customers", "components", "operations")
"""Tables of which this week's version holds: prices, costs, terms and recipes as we know them now."""

LINE = ["item", "location", "customer"]
STEERING = {"customers": ["short_cost", "late_goodwill"], "policies": ["below_safety_cost"]}
"""Tables, and their columns of steering money."""
CENT = 0.005
NAME = "what was known later"


def with_hindsight(before: Snapshot, now: Snapshot) -> Snapshot:
    """The earlier extract as it would have been with the knowledge of the later one.

    Formula: stock, receipts ordered and horizon of the earlier extract; in the days between the two, demand is what was
    sold and what is overdue now; afterwards orders and forecast of the later one; its events beside the earlier ones;
    current hours, prices and costs; receipts on the day they came or are now due. Goodwill and the cost of low stock
    are 0: they steer a plan and are no money, and what happened is measured in money alone.

    Parameters
    ----------
    before, now : extracts of one company, the older first.

    Raises DataError where the order is wrong, or the result could not be planned.
    """
    if before.as_of >= now.as_of:
        raise DataError(f"The first extract is of {before.as_of}, the second of {now.as_of}: give the older first.")
    tables = {name: now[name] for name in KNOWN_LATER if now[name].height}
    tables |= _without_steering(before, tables)
    # The old fence does not limit what was possible, and past sales consume no later forecast.
    settings = replace(before.settings, fence=Fence(), consumption=Consumption(), cushion=Cushion(use="never"))
    free = before if settings == before.settings else replace(before, settings=settings)
    later = free.replace(
        **tables,
        orders=_orders(before, now),
        forecast=_as_named(_forecast(now), before, now),
        calendar=_calendar(before, now),
        receipts=_receipts(before, now),
        events=_events(before, now),
    )
    return recheck(later, NAME, before)


def _without_steering(before: Snapshot, known: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Customers and policies without steering costs."""
    found = {}
    for table, columns in STEERING.items():
        rows = known.get(table, before[table])
        if rows.height and rows.select(pl.any_horizontal(pl.col(columns).fill_null(0.0) != 0).any()).item():
            found[table] = rows.with_columns(pl.lit(0.0).alias(column) for column in columns)
    return found


def handed_over(before: Snapshot, now: Snapshot) -> Snapshot | None:
    """The rest of the earlier horizon, from the actual state after the week; None where the week was its last.

    Formula: as `with_hindsight`, from the later extract's day on: its stock, its receipts, its open orders.

    Raises DataError where the week ends within a period of the earlier extract.
    """
    later = with_hindsight(before, now)
    if (torn := later.periods.filter(pl.col("starts_on") < now.as_of, pl.col("ends_on") >= now.as_of)).height:
        raise DataError(
            f"{now.as_of} lies within the period {torn['period'][0]} of the extract of {before.as_of}: hindsight of "
            "part of a period is not known. Give periods that end with the week, or generate them."
        )
    tail = later.periods.filter(pl.col("starts_on") >= now.as_of)
    if tail.is_empty():
        return None
    order = pl.int_range(pl.len()).cast(tail.schema["index"])
    settings = replace(later.settings, as_of=now.as_of)
    rest = replace(later, as_of=now.as_of, periods=tail.with_columns(index=order), settings=settings)
    return rest.replace(inventory=now["inventory"], receipts=now["receipts"], orders=now["orders"])


def three_plans(
    before: Snapshot, now: Snapshot, *, solve: Callable[[Snapshot], Plan], planned: Plan | None = None
) -> tuple[Valued, Valued, Valued]:
    """What we planned, what we would have planned with hindsight, and what happened; for `planning_and_execution`.

    Formula: the state of each after the closed days is valued at its worth to the rest of the horizon, booked to
    "handed on". Hindsight is the optimum of the earlier extract's whole horizon with what is known now. What happened
    is followed by the optimum of the rest of that horizon from the actual state: stock, goods in transit, open orders.
    Stock of the plan and of hindsight is valued at hindsight's prices. What happened was feasible: where it did better
    than the model's optimum, it counts as the best, and a note says so.

    Parameters
    ----------
    solve : plans a snapshot, such as `soe.plan`. planned : the plan of record, where there is one; else it is solved.

    Raises DataError as `value_closed_week` and `handed_over` do.

    Examples
    --------
    >>> [one.name for one in soe.whatif.three_plans(before, snapshot, solve=soe.plan, planned=record)]
    ["this week's plan", 'with hindsight', 'what happened']
    """
    days = before.as_of, now.as_of - timedelta(days=1)
    then = solve(before) if planned is None else planned
    best, open_ = solve(with_hindsight(before, now)), handed_over(before, now)
    rest = solve(open_) if open_ is not None else None
    done = value_closed_week(before, now, best.rates, name="what happened")
    worth = _prices(best, now)
    at_prices = _worth(best, days[1], worth)
    ours = at_prices + (rest.margin if rest is not None else 0.0) - _after(best, days)
    short = max(0.0, _within(done, days) + ours - _within(best, days) - at_prices)
    said = (f"What happened did better than the model's best, by {short:,.2f}: that counts as the best.",)
    return (
        _handing_on(then, then.name, days, _worth(then, days[1], worth)),
        _handing_on(best, "with hindsight", days, at_prices + short, said if short > CENT else ()),
        replace(done, handed_on=(days[1], ours)),
    )


def _handing_on(plan: Plan, name: str, days: Window, money: float, said: tuple[str, ...] = ()) -> Valued:
    """A plan with the worth of its state at the end of the days."""
    return Valued(
        name, plan.flows, plan.ledger, said, horizon(plan), plan.periods, plan.items, plan.rates,
        handed_on=(days[1], money),
    )  # fmt: skip


def _within(plan: PlanLike, days: Window) -> float:
    """Cash of the days."""
    return float(cut(plan, days).ledger.cash)


def _after(plan: Plan, days: Window) -> float:
    """Margin that is booked after the days: cash, and the end value."""
    return plan.margin - _within(plan, days)


def _prices(best: Plan, now: Snapshot) -> pl.DataFrame:
    """item, location, price: hindsight's price of one more unit in the first period after the days."""
    later = best.periods.filter(pl.col("starts_on") >= now.as_of).sort("starts_on")["period"].head(1).cast(pl.String)
    rows = best.prices.get("stock")
    if rows is None or later.is_empty():
        return pl.DataFrame(schema={"item": pl.String, "location": pl.String, "price": pl.Float64})
    first = rows.filter(pl.col("period").cast(pl.String) == later[0])
    # A stock row is outflow − inflow: one more on its right-hand side is one unit less of stock.
    return first.select(pl.col("item", "location").cast(pl.String), price=-pl.col("price"))


def _worth(plan: PlanLike, day: date, prices: pl.DataFrame) -> float:
    """The worth of a plan's position at the close of a day, at these prices."""
    owned = position(plan, day).join(prices, on=["item", "location"], how="left")
    return float((owned["quantity"] * owned["price"].fill_null(0.0)).sum())


def _orders(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """Sales of the days between as orders due on their day, and the orders that are open now."""
    between = (pl.col("date") >= before.as_of) & (pl.col("date") < now.as_of)
    sold = now["actuals"].filter(between, pl.col("measure") == "sales", pl.col("quantity") > 0)
    days = sold.group_by(*LINE, "date").agg(pl.col("quantity", "amount").sum(), free=pl.col("amount").null_count())
    price = pl.when(pl.col("free") == 0).then(pl.col("amount") / pl.col("quantity")).alias("price")
    label = pl.format("sold {}", "n").alias("order")
    lines = days.sort(*LINE, "date").with_row_index("n")
    served = lines.select(label, *LINE, pl.col("date").alias("due_on"), "quantity", price)
    return pl.concat([now["orders"], served], how="diagonal_relaxed").with_columns(pl.col("committed").fill_null(0.0))


def _forecast(now: Snapshot) -> pl.DataFrame:
    """The later forecast of the days that are still open; a label that began before them by its open periods."""
    rows = with_label(now["forecast"]).rename({"period": "label"})
    spans = now.calendar.spans(rows["label"]).select("label", "first", "last")
    dated = rows.join(spans, on="label", how="left", maintain_order="left").rename({"label": "period"})
    open_ = dated.filter(pl.col("last").is_null() | (pl.col("last") >= now.as_of))
    torn = pl.col("first") < now.as_of
    names = now["forecast"].columns
    whole, begun = open_.filter(~torn | torn.is_null()).select(names), open_.filter(torn).select(names)
    if begun.is_empty():
        return whole
    parts = now.calendar.split(begun.with_columns(date=pl.lit(None, dtype=pl.Date)), along=("committed",))
    return pl.concat([whole, parts.select(names)])


def _as_named(rows: pl.DataFrame, before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """The later extract's rows under the earlier extract's period names; rows that start after its horizon drop out.

    A company with its own periods may call them P1 … P4 every week, or use names that the earlier extract lacks.
    """
    named = rows.select("period").drop_nulls().unique().filter(pl.col("period") != "")["period"]
    own = before.periods.select("starts_on", "ends_on", _now=pl.col("period").cast(pl.String))
    spans = now.calendar.spans(named).select("label", "first", "last")
    then = before.calendar.spans(named).select("label", _first="first", _last="last")
    both = spans.join(then, on="label", how="left").filter(
        pl.col("first").is_not_null(),
        ~(pl.col("first").eq_missing(pl.col("_first")) & pl.col("last").eq_missing(pl.col("_last"))),
    )
    other = both.join(own, left_on=["first", "last"], right_on=["starts_on", "ends_on"], how="left")
    beyond = other.filter(pl.col("first") > before.periods["ends_on"].max())["label"]
    kept = rows.filter(~pl.col("period").is_in(beyond.implode()) | pl.col("period").is_null())
    names = other.select(period="label", _now="_now")
    renamed = kept.join(names, on="period", how="left", validate="m:1", maintain_order="left")
    return renamed.with_columns(period=pl.coalesce("_now", "period")).select(rows.columns)


def _calendar(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """The earlier hours of the days that are over, the later ones from then on."""
    last = pl.col("last")
    over, open_ = _ending(before, before["calendar"]), _ending(now, now["calendar"])
    later = _as_named(open_.filter(last >= now.as_of).drop("last"), before, now)
    return pl.concat([over.filter(last < now.as_of).drop("last"), later])


def _ending(snapshot: Snapshot, rows: pl.DataFrame) -> pl.DataFrame:
    """The calendar's rows with the last day of their label."""
    label = pl.coalesce(pl.col("date").cast(pl.String), "period")
    spans = snapshot.calendar.spans(rows.select(label).to_series()).select("label", "last")
    return rows.with_columns(label=label).join(spans, on="label", how="left").drop("label")


def _receipts(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """Receipts of the earlier extract on their current due day; one that is gone since came on its due day."""
    due = now["receipts"].select("receipt", now_due="due_on")
    known = before["receipts"].join(due, on="receipt", how="left")
    return known.with_columns(due_on=pl.coalesce("now_due", "due_on")).drop("now_due")


def _events(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    return pl.concat([now["events"], before["events"].join(now["events"], on="event", how="anti")])
