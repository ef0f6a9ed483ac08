"""The closed week in standard costs: what the budget said, what happened, and why profit differs."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import made_and_taken, started
from soe_lib.money.ledger import Ledger
from soe_lib.money.position import position
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import PlanLike
from soe_lib.money.stocktaking import closed_days
from soe_lib.money.valuation import value_budget, value_closed_week
from soe_lib.money.valued import Valued
from soe_lib.money.variances.statement import OperatingStatement, Stock, standard_variances
from soe_lib.money.ways import ways
from soe_lib.money.window import Cut, cut
from soe_lib.money.worth import at_standard_cost

AT_STANDARD = ("material", "conversion", "overtime")
"""Accounts of the budget that the standard cost of an item stands for."""
BOOKED = ("revenue", "material", "conversion", "stock change")
"""Accounts of the actuals that have variances of their own; every other one is compared in full."""


def closed_week(
    before: Snapshot, now: Snapshot, plan: PlanLike | None = None, *, stock: Stock = "standard", digits: int = 2
) -> OperatingStatement:
    """The standard-cost variances of the days between two extracts, and the statement from budget to actual profit.

    Formula: budget and actual profit are those of `closed_week_bridges`, to the cent. Budget by item = the budget's
    units and revenue, split by mix and working days; its cost at standard, and where its own cost differs, the line
    "budget cost against standard". Materials (what is bought, or goes into recipes): standard quantity = units started
    × components + sold as such, used = bought and made − change of stock. What no recipe takes and no sale has sold is
    a stock difference. Hours: standard = units started × hours at the cheapest resource of a step, at its hourly cost.
    Freight, holding and other accounts in full. Transfers between places move no profit.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    plan : by whose rates the actuals without an amount are valued; those of the earlier extract when left out.
    stock : what material in stock is carried at; see `standard_variances`.

    Raises DataError where there is no budget, nothing happened between the two as-of dates, a standard cost is missing,
    or nobody knows the stock at the start or the end; ReconciliationError where the budget does not cover the days.
    """
    window = closed_days(before, now)
    if before["budget"].is_empty():
        raise DataError(f"{before.folder} has no budget: there is nothing to hold the closed week against.")
    book = _book(before, plan)
    budget, actual = value_budget(before, book), value_closed_week(before, now, book)
    told, done = cut(budget, window), cut(actual, window, standard_cost=now["items"])
    rows = now["actuals"].filter(pl.col("date").is_between(*window))
    units = _units(told, done, actual, rows, now)
    notes = [*_notes(budget), *_notes(actual)]
    new = units.filter((pl.col("budget_quantity") == 0) & (pl.col("actual_quantity") != 0)).height
    if new:
        notes.append(f"{new} items were sold that the budget does not know: all of it is mix, at the price paid.")
    return standard_variances(
        sales=_sales(units),
        materials=_materials(units),
        labour=_hours(rows, now),
        other=_other(units, told.ledger, done.ledger, notes),
        stock=stock,
        outside="line",
        digits=digits,
        notes=tuple(notes),
        ends=(told.ledger.margin, done.ledger.margin),
    )


def _book(before: Snapshot, plan: PlanLike | None) -> RateBook:
    """The plan's rates, else those that any plan of the extract has."""
    book = getattr(plan, "rates", None)
    if isinstance(book, RateBook) and book.tables:
        return book
    from soe_lib.model.model import Model

    return Model(before).rate_book


def _notes(valued: Valued) -> list[str]:
    """What a valued plan assumes, but for what the window answers and whose rate is the nearest."""
    answered = ("Actuals have no", "The budget has no")
    said = [note for note in valued.assumptions if not note.startswith(answered)]
    return [note for note in said if not note.endswith("rate of the nearest period.")]


def _units(told: Cut, done: Cut, actual: Valued, rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """By item: budget_quantity, actual_quantity, made, taken, bought, grown [unit]; planned, revenue, invoiced [money].

    Items with a budget, a movement or a change of stock; standard_cost [money/unit].
    """
    made, taken = made_and_taken(rows, now)
    bought = rows.filter(pl.col("measure") == "buy").select("item", pl.col("quantity").fill_null(0.0))
    ends = [position(actual, day) for day in actual.window]
    grown = pl.concat([ends[1], ends[0].with_columns(-pl.col("quantity"))])
    parts = {
        "budget_quantity": told.flows["sell"], "actual_quantity": done.flows["sell"], "made": made, "taken": taken,
        "bought": bought, "grown": grown,
        "planned": _booked(told.ledger, "revenue"), "revenue": _booked(done.ledger, "revenue"),
        "invoiced": _booked(done.ledger, "material").with_columns(-pl.col("quantity")),
    }  # fmt: skip
    sums = [part.group_by("item").agg(pl.col("quantity").sum().alias(name)) for name, part in parts.items()]
    every = pl.concat([one.select("item") for one in sums]).unique().sort("item")
    for one in sums:
        every = every.join(one, on="item", how="left", validate="1:1")
    every = every.with_columns(pl.exclude("item").fill_null(0.0))
    moved = pl.sum_horizontal(pl.col(list(parts)[:6]).abs())
    priced = at_standard_cost(every.with_columns(quantity=moved), now["items"], "budgeted, moved or counted")
    return priced.drop("quantity", "worth")


def _booked(ledger: Ledger, account: str) -> pl.DataFrame:
    """item, quantity: the money of one account."""
    return ledger.lines.filter(pl.col("account") == account).select("item", quantity="amount")


def _is_material() -> pl.Expr:
    """What is bought or goes into recipes: what is sold of it leaves as it came in."""
    return (pl.col("taken") != 0) | (pl.col("bought") != 0) | (pl.col("invoiced") != 0)


def _ratio(amount: str, quantity: str) -> pl.Expr:
    return pl.when(pl.col(quantity) != 0).then(pl.col(amount) / pl.col(quantity))


def _price() -> pl.Expr:
    return _ratio("planned", "budget_quantity").fill_null(_ratio("revenue", "actual_quantity")).fill_null(0.0)


def _sales(units: pl.DataFrame) -> pl.DataFrame:
    """Budget and actuals by product; what is sold as it was bought is output of its material."""
    as_such = pl.when(_is_material()).then(pl.col("actual_quantity")).otherwise(0.0)
    return units.select(
        "budget_quantity", "actual_quantity", "revenue", "standard_cost", product="item", budget_price=_price(),
        made=pl.col("made") + as_such,
    )  # fmt: skip


def _materials(units: pl.DataFrame) -> pl.DataFrame:
    """Standard quantity, price, bought, paid, used and lost, by material; of other items what is lost."""
    material, cost = _is_material(), pl.col("standard_cost")
    both = units.with_columns(
        bought=pl.when(material).then(pl.col("bought") + pl.col("made")).otherwise(0.0),
        paid=pl.when(material).then(pl.col("invoiced") + pl.col("made") * cost).otherwise(0.0),
        standard_quantity=pl.when(material).then(pl.col("taken") + pl.col("actual_quantity")).otherwise(0.0),
    )
    gone = pl.col("made") - pl.col("actual_quantity") - pl.col("grown")
    both = both.with_columns(used=pl.when(material).then(pl.col("bought") - pl.col("grown")).otherwise(gone))
    lost = pl.when(pl.col("taken") == 0).then(pl.col("used") - pl.col("standard_quantity")).otherwise(0.0)
    return both.select(
        "standard_quantity", "bought", "paid", "used", material="item", standard_price="standard_cost", lost=lost
    )


def _other(units: pl.DataFrame, told: Ledger, done: Ledger, notes: list[str]) -> pl.DataFrame:
    """Freight and the other accounts: budget, paid; and what the budget's money is off its units at standard."""
    budget, paid = told.accounts(), done.accounts()
    quantity = pl.col("budget_quantity")
    at_price, at_cost = units.select(
        price=(quantity * _price()).sum(), cost=(quantity * pl.col("standard_cost")).sum()
    ).row(0)
    own = -sum(budget.get(account, 0.0) for account in AT_STANDARD)
    rows = [("budget cost against standard", own - at_cost, 0.0)]
    if abs(rest := budget.get("revenue", 0.0) - at_price) > 1e-6:
        rows.append(("budget revenue without units", -rest, 0.0))
    for account in sorted({*budget, *paid} - {*BOOKED}):
        planned = 0.0 if account in AT_STANDARD else -budget.get(account, 0.0)
        rows.append((account, planned, -paid.get(account, 0.0)))
        if account not in paid and planned:
            notes.append(f"No actuals tell of {account}: the budget's {planned:,.2f} counts as saved.")
    return pl.DataFrame(rows, schema={"account": pl.String, "budget": pl.Float64, "paid": pl.Float64}, orient="row")


def _hours(rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """Hours by resource: standard for what was made, worked, paid; and what routings cost by the unit, at standard."""
    begun = started(rows, ways(now).routings).filter(pl.col("routing") != "")
    begun = begun.group_by("routing").agg(started=pl.col("quantity").sum())
    rates = now["resources"].select("resource", standard_rate=pl.col("hourly_cost").fill_null(0.0))
    standard = _standard_hours(begun, now, rates)
    hours = rows.filter(pl.col("measure") == "hours").join(rates, on="resource", how="left")
    worked = hours.group_by("resource").agg(
        hours=pl.col("hours").sum(),
        paid=pl.coalesce("amount", pl.col("hours") * pl.col("standard_rate")).sum(),
    )
    if worked.is_empty():
        priced = standard.join(rates, on="resource", how="left")
        paid = pl.col("standard_hours") * pl.col("standard_rate")
        worked = priced.select("resource", hours="standard_hours", paid=paid)
    every = pl.concat([standard.select("resource"), worked.select("resource")]).unique()
    for part in (standard, worked, rates):
        every = every.join(part, on="resource", how="left", validate="1:1")
    columns = ["standard_hours", "standard_rate", "hours", "paid"]
    lines = every.select(pl.col("resource").alias("grade"), pl.col(columns).fill_null(0.0))
    return pl.concat([lines.sort("grade"), _by_the_unit(begun, now).select(lines.columns)])


def _standard_hours(begun: pl.DataFrame, now: Snapshot, rates: pl.DataFrame) -> pl.DataFrame:
    """resource, standard_hours: units started × hours at the cheapest resource of each step."""
    per_unit = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    steps = now["operations"].join(rates, on="resource", how="left").with_columns(each=per_unit)
    alone = pl.when(pl.col("step") == "").then(pl.col("resource")).otherwise("step")
    cheapest = steps.with_columns(cost=pl.col("each") * pl.col("standard_rate"), alone=alone)
    one = cheapest.sort("routing", "alone", "cost", "resource").unique(
        ["routing", "alone"], keep="first", maintain_order=True
    )
    hours = begun.join(one, on="routing").group_by("resource").agg(
        standard_hours=(pl.col("started") * pl.col("each")).sum()
    )  # fmt: skip
    return hours.sort("resource")


def _by_the_unit(begun: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """What routings cost per unit started, as a grade of its own that is always paid at standard."""
    costs = now["routings"].unique("routing", keep="first").select("routing", standard_rate="cost_per_unit")
    priced = begun.join(costs, on="routing", how="left").filter(pl.col("standard_rate").fill_null(0.0) != 0)
    return priced.sort("routing").select(
        "standard_rate", grade=pl.format("{} by the unit", "routing"), standard_hours="started", hours="started",
        paid=pl.col("started") * pl.col("standard_rate"),
    )  # fmt: skip
