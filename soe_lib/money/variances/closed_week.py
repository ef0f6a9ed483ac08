"""The closed week in standard costs: what the budget said, what happened, and why profit differs."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.commitments import budget_lines
from soe_lib.money.reading import Window
from soe_lib.money.variances.statement import OperatingStatement, Stock, standard_variances
from soe_lib.money.ways import ways
from soe_lib.money.worth import at_standard_cost

NODE = ["item", "location"]
AT_STANDARD = ("material", "conversion", "overtime")
"""Accounts of the budget that the standard cost of an item stands for."""
UNKNOWN = ("holding", "penalties", "write-offs")
"""Accounts of the budget of which no actuals tell."""


def closed_week(before: Snapshot, now: Snapshot, *, stock: Stock = "standard", digits: int = 2) -> OperatingStatement:
    """The standard-cost variances of the days between two extracts, and the statement from budget to actual profit.

    Formula: budget by item = the budget's units and revenue, split by mix and working days; its cost at standard, and
    where its own cost differs, the line "budget cost against standard". Materials: standard quantity = units started ×
    components, bought and paid = actuals buy (made: at standard), used = counted before + bought and made − counted
    after. Hours: standard = units started × hours at the cheapest resource of a step, at its hourly cost. Freight and
    other accounts of the budget in full. Made and not sold at standard cost.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    stock : what material in stock is carried at; see `standard_variances`.

    Raises DataError where there is no budget, nothing happened between the two as-of dates, or a standard cost is
    missing.
    """
    window = before.as_of, now.as_of - timedelta(days=1)
    done = now["actuals"].filter(pl.col("date").is_between(*window))
    if done.is_empty():
        raise DataError(f"actuals say nothing of {window[0]} to {window[1]}: there is no closed week to explain.")
    if before["budget"].is_empty():
        raise DataError(f"{before.folder} has no budget: there is nothing to hold the closed week against.")
    notes: list[str] = []
    started = _started(now, done, notes)
    sales, other = _sales(before, now, done, window, notes)
    return standard_variances(
        sales=sales,
        materials=_materials(now, done, started, window, notes),
        labour=_hours(now, done, started, notes),
        other=other,
        stock=stock,
        digits=digits,
        notes=tuple(notes),
    )


def _sales(
    before: Snapshot, now: Snapshot, done: pl.DataFrame, window: Window, notes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Budget and actuals by item, and the accounts that are compared in full."""
    sold, unpriced, lines, found = budget_lines(before)
    if unpriced.height:
        raise DataError(f"{unpriced.height} rows of the budget's sales have units and no amount: give the amount.")
    notes += found
    days = before.periods.filter(pl.col("starts_on") <= window[1]).select("period")
    budget, money = sold.join(days, on="period", how="semi"), lines.join(days, on="period", how="semi")
    units = budget.group_by("item").agg(budget_quantity=pl.col("quantity").sum())
    revenue = money.filter(pl.col("account") == "revenue").group_by("item").agg(planned=pl.col("amount").sum())
    actual = done.filter(pl.col("measure") == "sales").group_by("item").agg(
        actual_quantity=pl.col("quantity").sum(), revenue=pl.col("amount").sum(), unpaid=_unpaid("quantity")
    )  # fmt: skip
    made = done.filter(pl.col("measure") == "make").group_by("item").agg(made=pl.col("quantity").sum())
    every = pl.concat([part.select("item") for part in (units, actual, made)]).unique()
    for part in (units, revenue, actual, made):
        every = every.join(part, on="item", how="left")
    every = every.with_columns(pl.exclude("item").fill_null(0.0))
    moved = pl.sum_horizontal("budget_quantity", "actual_quantity", "made")
    every = at_standard_cost(every.with_columns(quantity=moved), now["items"], "budgeted, made or sold")
    every = every.drop("quantity", "worth").with_columns(
        budget_price=_ratio("planned", "budget_quantity").fill_null(_ratio("revenue", "actual_quantity")).fill_null(0.0)
    )
    new = every.filter((pl.col("budget_quantity") == 0) & (pl.col("actual_quantity") != 0))
    if new.height:
        notes.append(
            f"{new.height} items were sold that the budget does not know: all of it is mix, at the price paid."
        )
    if unpaid := float(every["unpaid"].sum()):
        notes.append(f"{unpaid:,.6g} units sold have no amount: they count at the budget's price.")
        every = every.with_columns(revenue=pl.col("revenue") + pl.col("unpaid") * pl.col("budget_price"))
    return every.rename({"item": "product"}).sort("product"), _other(every, money, done, notes)


def _unpaid(quantity: str) -> pl.Expr:
    """How much of it has no amount."""
    return pl.col(quantity).filter(pl.col("amount").is_null()).sum()


def _ratio(amount: str, quantity: str) -> pl.Expr:
    return pl.when(pl.col(quantity) != 0).then(pl.col(amount) / pl.col(quantity))


def _other(every: pl.DataFrame, money: pl.DataFrame, done: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Freight and the other accounts: budget, paid; and what the budget's cost is off its own standard."""
    sums = dict(money.group_by("account").agg(-pl.col("amount").sum()).iter_rows())
    standard = float((every["budget_quantity"] * every["standard_cost"]).sum())
    freight = float(done.filter(pl.col("measure") == "ship")["amount"].sum())
    own = sum(sums.get(account, 0.0) for account in AT_STANDARD)
    rows = [("budget cost against standard", own - standard, 0.0), ("freight", sums.get("freight", 0.0), freight)]
    known = {"revenue", "freight", *AT_STANDARD}
    for account in sorted(set(sums) - known):
        if account in UNKNOWN:
            notes.append(f"The budget's {account} of {sums[account]:,.2f} is left out: no actuals tell of it.")
        else:
            rows.append((account, sums[account], 0.0))
            notes.append(f"No actuals tell of {account}: the budget's {sums[account]:,.2f} counts as saved.")
    return pl.DataFrame(rows, schema={"account": pl.String, "budget": pl.Float64, "paid": pl.Float64}, orient="row")


def _started(now: Snapshot, done: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Units started by routing: routing, item, location, started."""
    made = done.filter(pl.col("measure") == "make").group_by(NODE).agg(pl.col("quantity").sum())
    routed = made.join(ways(now).routings, on=NODE, how="left", validate="m:1")
    lost = routed.filter(pl.col("routing").is_null())
    if lost.height:
        notes.append(
            f"{lost['quantity'].sum():,.6g} units were made where no routing makes them: they have no standard."
        )
    known = routed.filter(pl.col("routing").is_not_null())
    return known.select("routing", *NODE, started=pl.col("quantity") / pl.col("yield"))


def _materials(
    now: Snapshot, done: pl.DataFrame, started: pl.DataFrame, window: Window, notes: list[str]
) -> pl.DataFrame:
    """Components by item and place: standard quantity, price, bought, paid, used."""
    needed = (
        started.select("routing", "location", "started")
        .join(now["components"], on="routing")
        .group_by(pl.col("component").alias("item"), "location")
        .agg(standard_quantity=(pl.col("started") * pl.col("quantity")).sum())
    )
    bought = done.filter(pl.col("measure") == "buy").group_by(NODE).agg(
        purchased=pl.col("quantity").sum(), invoiced=pl.col("amount").sum(), unpaid=_unpaid("quantity")
    )  # fmt: skip
    own = done.filter(pl.col("measure") == "make").group_by(NODE).agg(own=pl.col("quantity").sum())
    components = pl.concat([needed.select(NODE), bought.select(NODE)]).unique()
    both = components.join(needed, on=NODE, how="left").join(bought, on=NODE, how="left").join(own, on=NODE, how="left")
    counts = _counted(now, window)
    names = ["standard_quantity", "purchased", "invoiced", "own"]
    both = both.join(counts, on=NODE, how="left").with_columns(pl.col(names).fill_null(0.0))
    both = both.with_columns(bought=pl.col("purchased") + pl.col("own"))
    both = both.with_columns(quantity=pl.sum_horizontal("standard_quantity", "bought"))
    both = at_standard_cost(both, now["items"], "bought or needed").drop("quantity", "worth")
    both = both.rename({"standard_cost": "standard_price"})
    used = pl.col("opening") + pl.col("bought") - pl.col("closing")
    uncounted = both.filter(used.is_null())
    if uncounted.height:
        notes.append(
            f"{uncounted.height} materials were not counted before or after: used counts as the standard quantity."
        )
    if unpaid := float(both["unpaid"].fill_null(0.0).sum()):
        notes.append(f"{unpaid:,.6g} units bought have no amount: they count as paid at standard.")
        invoiced = pl.col("invoiced") + pl.col("unpaid").fill_null(0.0) * pl.col("standard_price")
        both = both.with_columns(invoiced.alias("invoiced"))
    return both.select(
        "standard_quantity", "standard_price", "bought",
        material=pl.format("{} at {}", "item", "location"),
        paid=pl.col("invoiced") + pl.col("own") * pl.col("standard_price"),
        used=used.fill_null(pl.col("standard_quantity")),
    ).sort("material")  # fmt: skip


def _counted(now: Snapshot, window: Window) -> pl.DataFrame:
    """Stock on the last count before the window and on the last within it: item, location, opening, closing."""
    counts = now["actuals"].filter(pl.col("measure") == "stock").group_by(*NODE, "date").agg(pl.col("quantity").sum())
    first, last = _last(counts, window[0] - timedelta(days=1)), _last(counts, window[1])
    if first is None or last is None or last < window[0]:
        return pl.DataFrame(
            schema={"item": pl.String, "location": pl.String, "opening": pl.Float64, "closing": pl.Float64}
        )
    at = [counts.filter(pl.col("date") == day).select(*NODE, "quantity") for day in (first, last)]
    grid = pl.concat([one.select(NODE) for one in at]).unique()
    sides = [grid.join(one, on=NODE, how="left")["quantity"].fill_null(0.0) for one in at]
    return grid.with_columns(opening=sides[0], closing=sides[1])


def _last(counts: pl.DataFrame, day: date) -> date | None:
    return counts.filter(pl.col("date") <= day)["date"].max()  # type: ignore[return-value]


def _hours(now: Snapshot, done: pl.DataFrame, started: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Hours by resource: standard for what was made, worked, paid; at the resource's hourly cost."""
    rates = now["resources"].select("resource", pl.col("hourly_cost").fill_null(0.0))
    per_unit = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour"))
    steps = now["operations"].join(rates, on="resource", how="left").with_columns(each=per_unit)
    cheapest = steps.with_columns(cost=pl.col("each") * pl.col("hourly_cost")).with_columns(
        alone=pl.when(pl.col("step") == "").then(pl.col("resource")).otherwise("step")
    )
    one = cheapest.sort("routing", "alone", "cost", "resource").unique(
        ["routing", "alone"], keep="first", maintain_order=True
    )
    standard = started.join(one, on="routing").group_by("resource").agg(
        standard_hours=(pl.col("started") * pl.col("each")).sum()
    )  # fmt: skip
    worked = done.filter(pl.col("measure") == "hours").group_by("resource").agg(
        hours=pl.col("hours").sum(), paid=pl.col("amount").sum(), unpaid=_unpaid("hours")
    )  # fmt: skip
    if worked.is_empty():
        notes.append("No hours were recorded: they count as worked and paid at standard.")
        paid = pl.col("standard_hours") * pl.col("hourly_cost")
        priced = standard.join(rates, on="resource", how="left")
        worked = priced.select("resource", hours="standard_hours", paid=paid, unpaid=pl.lit(0.0))
    every = pl.concat([standard.select("resource"), worked.select("resource")]).unique()
    both = every.join(standard, on="resource", how="left").join(worked, on="resource", how="left")
    both = both.join(rates.rename({"hourly_cost": "standard_rate"}), on="resource", how="left")
    if unpaid := float(both["unpaid"].fill_null(0.0).sum()):
        notes.append(f"{unpaid:,.6g} hours have no amount: they count as paid at standard.")
        both = both.with_columns(pl.col("paid") + pl.col("unpaid") * pl.col("standard_rate"))
    columns = ["standard_hours", "standard_rate", "hours", "paid"]
    return both.select(pl.col("resource").alias("grade"), pl.col(columns).fill_null(0.0)).sort("grade")
