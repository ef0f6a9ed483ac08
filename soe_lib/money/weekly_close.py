"""The closed week: bridges from budget to actual, standard-cost variances, and planning against execution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from soe_lib.errors import DataError, ReconciliationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import closed_days, made_and_taken, started, value_closed_week
from soe_lib.money.cheapest_supply import cheapest_supply
from soe_lib.money.ledger import Ledger, rank
from soe_lib.money.rates import RateBook
from soe_lib.money.reconciliation import KEYS, Convention, Walk, bridges, window_of
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.valuation import value_budget, value_consensus, value_record
from soe_lib.money.variances import OperatingStatement, Stock, standard_variances
from soe_lib.money.window import PlanLike, Valued, Window, at_standard_cost, cut, position

ACTUAL = "actual"
AT_STANDARD = ("material", "conversion", "overtime")
"""Accounts of the budget that an item's standard cost covers."""
BOOKED = ("revenue", "material", "conversion", "stock change")
"""Accounts of the actuals with variances of their own; all others are compared in full."""
SIDES = ("plan", "hindsight", "actual")
BETTER = "did better than the model's best"
"""In the note of a week whose actuals are infeasible in the model."""


def closed_week_bridges(
    before: Snapshot,
    now: Snapshot,
    plan: PlanLike,
    *,
    record: PlanLike | None = None,
    convention: Convention = "mix at base margin",
    by: Sequence[str] = KEYS,
    digits: int = 2,
) -> Walk:
    """The bridges budget → S&OP plan → previous plan → plan of the week → actual, over the closed days.

    Formula: see `soe.money.bridge`, in accrual at the later extract's standard costs. All plans are valued at the rates
    of the plan of the week, so that they differ by quantities; actuals are valued as booked.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    plan : made on `before`. record : the plan of the previous week, if there is one.
    convention, by, digits : of every bridge.

    Raises DataError if the plan has no rates, actuals have no row of the week, its stock at either end is unknown, or a
    family is unknown; ReconciliationError if a plan does not cover the week.

    Examples
    --------
    >>> walk = soe.money.closed_week_bridges(before, snapshot, record)
    >>> walk.residual
    0
    """
    book = getattr(plan, "rates", None)
    if not isinstance(book, RateBook) or not book.tables:
        raise DataError(f"{plan.name} has no rates to value the other plans by: give a plan that was solved or stored.")
    happened = value_closed_week(before, now, book, name=ACTUAL)
    plans = [*_promised(before, book), *([_dated(record, book)] if record is not None else []), _dated(plan, book)]
    return bridges(
        [*plans, happened], window=closed_days(before, now), reading="accrual",
        standard_cost=now["items"].select("item", "standard_cost"), convention=convention, by=by, digits=digits,
    )  # fmt: skip


def _promised(before: Snapshot, book: RateBook) -> list[Valued]:
    """Budget and S&OP plan, if they exist."""
    found = []
    if before["budget"].height:
        found.append(value_budget(before, book))
    if before["consensus"].filter(pl.col("measure") == "sales").height:
        found.append(value_consensus(before, book))
    return found


def _dated(plan: PlanLike, book: RateBook) -> Valued:
    as_of = getattr(plan, "as_of", None)
    return value_record(plan, book, name=f"plan of {as_of}" if as_of else plan.name)


def closed_week(
    before: Snapshot, now: Snapshot, plan: PlanLike | None = None, *, stock: Stock = "standard", digits: int = 2
) -> OperatingStatement:
    """The standard-cost variances of the days between two extracts, and the statement from budget to actual profit.

    Formula: budget and actual profit are those of `closed_week_bridges`, to the cent. Budget by item = the budget's
    units and revenue, split by mix and working days, with cost at standard; the line "budget cost against standard" is
    the difference to its own cost. Materials (purchased items and components): standard quantity = units started ×
    components + units sold as material; used = bought and made − stock change. Usage of items in no recipe that was not
    sold is a stock difference. Hours: standard = units started × hours at the cheapest resource of a step, at its
    hourly cost. Freight, holding and other accounts are compared in full. Transfers between places keep profit.

    Parameters
    ----------
    before, now : extracts of the week's first day and of the day after its last.
    plan : its rates value actuals without an amount; default the rates of the earlier extract.
    stock : valuation of material in stock; see `standard_variances`.

    Raises DataError if there is no budget, there are no actuals of the days, a standard cost is missing, or the stock
    at the start or the end is unknown; ReconciliationError if the budget does not cover the days.

    Examples
    --------
    >>> closed = soe.money.closed_week(before, snapshot)
    >>> closed.residual
    0
    """
    window = closed_days(before, now)
    if before["budget"].is_empty():
        raise DataError(f"{before.folder} has no budget: there is nothing to compare the closed week with.")
    book = _book(before, plan)
    budget, actual = value_budget(before, book), value_closed_week(before, now, book)
    planned, done = cut(budget, window), cut(actual, window, standard_cost=now["items"])
    rows = now["actuals"].filter(pl.col("date").is_between(*window))
    units = _units(planned, done, actual, rows, now)
    notes = [*_notes(budget), *_notes(actual)]
    new = units.filter((pl.col("budget_quantity") == 0) & (pl.col("actual_quantity") != 0)).height
    if new:
        notes.append(f"{new} items were sold that are not in the budget: their effect is all mix, at the price paid.")
    return standard_variances(
        sales=_sales(units),
        materials=_materials(units),
        labour=_hours(rows, now),
        other=_other(units, planned.ledger, done.ledger, notes),
        stock=stock,
        outside="line",
        digits=digits,
        notes=tuple(notes),
        ends=(planned.ledger.margin, done.ledger.margin),
    )


def _book(before: Snapshot, plan: PlanLike | None) -> RateBook:
    """The plan's rates, else those of the extract's model."""
    book = getattr(plan, "rates", None)
    if isinstance(book, RateBook) and book.tables:
        return book
    from soe_lib.model.planning import Model

    return Model(before).rate_book


def _notes(valued: Valued) -> list[str]:
    """A valued plan's assumptions, without those on stock, which the window resolves, and on nearest rates."""
    resolved = ("Actuals have no", "The budget has no")
    rest = [note for note in valued.assumptions if not note.startswith(resolved)]
    return [note for note in rest if not note.endswith("rate of the nearest period.")]


def _units(budget: Valued, done: Valued, actual: Valued, rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """By item: budget_quantity, actual_quantity, made, taken, bought, grown [unit]; planned, revenue, invoiced [money].

    Items with a budget, a movement or a change of stock; standard_cost [money/unit].
    """
    made, taken = made_and_taken(rows, now)
    bought = rows.filter(pl.col("measure") == "buy").select("item", pl.col("quantity").fill_null(0.0))
    ends = [position(actual, day) for day in actual.window]
    grown = pl.concat([ends[1], ends[0].with_columns(-pl.col("quantity"))])
    parts = {
        "budget_quantity": budget.flows["sell"], "actual_quantity": done.flows["sell"], "made": made, "taken": taken,
        "bought": bought, "grown": grown,
        "planned": _booked(budget.ledger, "revenue"), "revenue": _booked(done.ledger, "revenue"),
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
    """Whether an item is purchased or a component; its sales are sales of material."""
    return (pl.col("taken") != 0) | (pl.col("bought") != 0) | (pl.col("invoiced") != 0)


def _ratio(amount: str, quantity: str) -> pl.Expr:
    return pl.when(pl.col(quantity) != 0).then(pl.col(amount) / pl.col(quantity))


def _price() -> pl.Expr:
    return _ratio("planned", "budget_quantity").fill_null(_ratio("revenue", "actual_quantity")).fill_null(0.0)


def _sales(units: pl.DataFrame) -> pl.DataFrame:
    """Budget and actuals by product; sales of material count as output."""
    as_such = pl.when(_is_material()).then(pl.col("actual_quantity")).otherwise(0.0)
    return units.select(
        "budget_quantity", "actual_quantity", "revenue", "standard_cost", product="item", budget_price=_price(),
        made=pl.col("made") + as_such,
    )  # fmt: skip


def _materials(units: pl.DataFrame) -> pl.DataFrame:
    """Standard quantity, price, bought, paid, used and lost by material; for other items only the loss."""
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


def _other(units: pl.DataFrame, planned: Ledger, done: Ledger, notes: list[str]) -> pl.DataFrame:
    """Freight and other accounts: budget, paid; and the difference of the budget's money to its units at standard."""
    budget, paid = planned.accounts(), done.accounts()
    quantity = pl.col("budget_quantity")
    at_price, at_cost = units.select(
        price=(quantity * _price()).sum(), cost=(quantity * pl.col("standard_cost")).sum()
    ).row(0)
    own = -sum(budget.get(account, 0.0) for account in AT_STANDARD)
    rows = [("budget cost against standard", own - at_cost, 0.0)]
    if abs(rest := budget.get("revenue", 0.0) - at_price) > 1e-6:
        rows.append(("budget revenue without units", -rest, 0.0))
    for account in sorted({*budget, *paid} - {*BOOKED}):
        amount = 0.0 if account in AT_STANDARD else -budget.get(account, 0.0)
        rows.append((account, amount, -paid.get(account, 0.0)))
        if account not in paid and amount:
            notes.append(f"There are no actuals of {account}: the budget's {amount:,.2f} counts as saved.")
    return pl.DataFrame(rows, schema={"account": pl.String, "budget": pl.Float64, "paid": pl.Float64}, orient="row")


def _hours(rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """Hours by resource: standard for actual output, worked, paid; and the routings' cost per unit, at standard."""
    begun = started(rows, cheapest_supply(now).routings).filter(pl.col("routing") != "")
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
    """The routings' cost per unit started, as separate grades that are always paid at standard."""
    costs = now["routings"].unique("routing", keep="first").select("routing", standard_rate="cost_per_unit")
    priced = begun.join(costs, on="routing", how="left").filter(pl.col("standard_rate").fill_null(0.0) != 0)
    return priced.sort("routing").select(
        "standard_rate", grade=pl.format("{} by the unit", "routing"), standard_hours="started", hours="started",
        paid=pl.col("started") * pl.col("standard_rate"),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Hindsight:
    """Actual less plan, split into planning and execution variance; favourable is positive.

    Formula: planning = hindsight optimum − plan (new information); execution = actual − hindsight optimum (missed
    margin); the two add up to actual − plan. Over the closed days of `three_plans` each plan values its closing stock
    at its worth for the rest of the horizon, so execution exceeds 0 by rounding at most. Over other days, or without
    that value, actuals can exceed the optimum of a longer horizon, which spends money for later weeks.

    Parameters
    ----------
    plan, hindsight, actual : the three margins in minor units.
    rows : account, plan, hindsight, actual, planning, execution, total (Int64, minor units); in finance's order.
    window : the days compared, None for the full horizons.
    notes : assumptions.

    Raises ReconciliationError if rows and margins do not add up.
    """

    plan: int
    hindsight: int
    actual: int
    rows: pl.DataFrame
    window: Window | None = None
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sums = {name: int(self.rows[name].sum()) for name in (*SIDES, "planning", "execution", "total")}
        wanted = {
            "plan": self.plan, "hindsight": self.hindsight, "actual": self.actual, "planning": self.planning,
            "execution": self.execution, "total": self.actual - self.plan,
        }  # fmt: skip
        if torn := [name for name, value in wanted.items() if sums[name] != value]:
            raise ReconciliationError(f"the accounts of {', '.join(torn)} do not add up to the margin.")

    @property
    def planning(self) -> int:
        """Planning variance in minor units."""
        return self.hindsight - self.plan

    @property
    def execution(self) -> int:
        """Execution variance in minor units."""
        return self.actual - self.hindsight

    def table(self) -> pl.DataFrame:
        """By account and in total: account, plan, hindsight, actual, planning, execution, total [money]."""
        columns = [name for name in self.rows.columns if name != "account"]
        margin = self.rows.select(pl.lit("margin").alias("account"), pl.col(columns).sum())
        both = pl.concat([self.rows, margin])
        return both.with_columns(as_money(pl.col(columns), self.digits))

    def __repr__(self) -> str:
        scale = 10**self.digits
        when = f", {self.window[0]} to {self.window[1]}" if self.window else ""
        lines = [
            ("planned", self.plan),
            ("planning variance", self.planning),
            ("execution variance", self.execution),
            ("happened", self.actual),
        ]
        shown = [f"  {name:<18} {amount / scale:>18,.{self.digits}f}" for name, amount in lines]
        return "\n".join([f"Planning against execution{when}", *shown, *self.notes])


def planning_and_execution(
    plan: PlanLike,
    hindsight: PlanLike,
    actual: PlanLike,
    *,
    window: Window | Literal["common"] | None = None,
    standard_cost: pl.DataFrame | None = None,
    digits: int = 2,
) -> Hindsight:
    """Split actual − plan into planning variance and execution variance, account by account.

    Formula: see Hindsight; each margin is rounded once, and its accounts by largest remainder.

    Parameters
    ----------
    plan : the optimum with the information at the time. hindsight : the optimum with today's information, from the same
        start. actual : the actuals.
    window : first and last day to compare, or "common" for the days that all three cover; see `cut`.
    standard_cost : item, standard_cost [money/unit], to read stock at the ends of the window at standard cost.

    Raises ReconciliationError for different horizons without a window.

    Examples
    --------
    >>> planned = soe.plan(small)
    >>> more = soe.Scenario("ten hours more").add_to("calendar.hours", 10.0).apply(small)
    >>> print(soe.money.planning_and_execution(planned, soe.plan(more, name="with hindsight"), planned))
    Planning against execution
      planned                        840.00
      planning variance               60.00
      execution variance             -60.00
      happened                       840.00
    """
    three = [plan, hindsight, actual]
    span = window_of(three, window)
    notes: list[str] = [note for one in three for note in getattr(one, "assumptions", ()) if BETTER in note]
    if span is not None:
        cuts = [cut(one, span, standard_cost=standard_cost) for one in three]
        notes += [note for one in cuts for note in one.notes]
        three = list(cuts)
    sides = [_accounts(one, side, digits) for one, side in zip(three, SIDES, strict=True)]
    lost = [(one.name, *row) for one in three for row in one.ledger.lost]
    notes += [f"{name}: {rows:,} rows of {flow} have no rate ({units:,.6g} units)." for name, flow, rows, units in lost]
    rows = sides[0].join(sides[1], on="account", how="full", coalesce=True)
    rows = rows.join(sides[2], on="account", how="full", coalesce=True).with_columns(pl.col(SIDES).fill_null(0))
    rows = rows.with_columns(
        planning=pl.col("hindsight") - pl.col("plan"),
        execution=pl.col("actual") - pl.col("hindsight"),
        total=pl.col("actual") - pl.col("plan"),
    ).sort(rank(rows["account"]))
    planned, best, done = (int(whole(one.ledger.margin * 10**digits)[0]) for one in three)
    return Hindsight(planned, best, done, rows, span, digits, tuple(notes))


def _accounts(plan: PlanLike, side: str, digits: int) -> pl.DataFrame:
    """account and its cents, which add up to the rounded margin."""
    cents = plan.ledger.cents("account", digits=digits).filter(pl.col("kind") != "steering")
    return cents.group_by("account").agg(pl.col("cents").sum().alias(side))
