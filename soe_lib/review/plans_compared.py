"""Plans held against each other: read at standard cost, bridged, and laid side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.calendar import Calendar
from soe_lib.money.actuals import value_actuals
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.profit_and_loss import Statement
from soe_lib.money.reconciliation import Bridge
from soe_lib.money.reconciliation import bridge as make_bridge
from soe_lib.money.valuation import value_budget, value_consensus, value_record
from soe_lib.money.window import PlanLike, Valued, Window, horizon, periods_of
from soe_lib.review import words
from soe_lib.review.tables import Column, Table, laid_out, said
from soe_lib.review.week import Week

COST_OF_SALES = "standard cost of sales"
REPLACED = ("material", "conversion")
TAIL, LEAST = 14, 42


@dataclass(frozen=True, eq=False)
class AtStandard:
    """A plan whose material and conversion are replaced by the standard cost of what it sells.

    Formula: margin at standard = Σ sold × (price − standard cost) − freight − premiums − holding − penalties.

    Parameters
    ----------
    name, items, periods, window, calendar : of the plan. flows : what it sells. ledger : its lines at standard cost.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    items: pl.DataFrame
    periods: pl.DataFrame
    window: Window
    calendar: Calendar | None = None


def at_standard(plan: PlanLike, items: pl.DataFrame, *, name: str = "") -> AtStandard:
    """A plan read at standard cost, solved or valued.

    Parameters
    ----------
    items : item, standard_cost [money/unit; null counts as 0, see `without_cost`]; the same for all plans compared.
    name : what to call it; its own name when left out.
    """
    kept = plan.ledger.lines.filter((pl.col("kind") == "cash") & ~pl.col("account").is_in(list(REPLACED)))
    costs = items.select("item", per_unit=-pl.col("standard_cost").fill_null(0.0))
    empty = dict.fromkeys(("item", "location", "customer", "period"), pl.String)
    sold = plan.flows["sell"] if "sell" in plan.flows else pl.DataFrame(schema={**empty, "quantity": pl.Float64})
    lines = (
        sold.select(*(pl.col(key).cast(pl.String) for key in empty), "quantity")
        .filter(pl.col("quantity") != 0)
        .join(costs, on="item", how="left", validate="m:1")
        .with_columns(pl.col("per_unit").fill_null(0.0))
        .with_columns(
            account=pl.lit(COST_OF_SALES), kind=pl.lit("cash"), flow=pl.lit("sell"),
            amount=pl.col("quantity") * pl.col("per_unit"),
        )
    )  # fmt: skip
    ledger = Ledger(pl.concat([kept, lines.select(LINES.names())]), items=items, periods=periods_of(plan))
    calendar = getattr(plan, "calendar", None)
    return AtStandard(name or plan.name, {"sell": sold}, ledger, items, periods_of(plan), horizon(plan), calendar)


def without_cost(plan: PlanLike, items: pl.DataFrame) -> pl.DataFrame:
    """item, quantity: what the plan sells of items that have no standard cost, and at_standard therefore takes as free.

    Parameters
    ----------
    items : item, standard_cost [money/unit].
    """
    known = items.filter(pl.col("standard_cost").is_not_null()).select(pl.col("item").cast(pl.String))
    if "sell" not in plan.flows:
        return pl.DataFrame(schema={"item": pl.String, "quantity": pl.Float64})
    sold = plan.flows["sell"].select(pl.col("item").cast(pl.String), "quantity").filter(pl.col("quantity") != 0)
    return sold.join(known, on="item", how="anti").group_by("item").agg(pl.col("quantity").sum()).sort("item")


def compared_days(*plans: PlanLike) -> Window | None:
    """The days on which plans may be compared: those that all cover, without the end of the shortest horizon.

    Towards its end a plan lets stock run out and ships nothing more, so the last two weeks are left out of horizons
    longer than six weeks. None where no day is left.
    """
    spans = [horizon(plan) for plan in plans]
    first, last = max(start for start, _ in spans), min(end for _, end in spans)
    if (last - first).days + 1 > LEAST:
        last -= timedelta(days=TAIL)
    return (first, last) if first <= last else None


def between(base: AtStandard | None, other: AtStandard) -> Bridge | None:
    """The bridge between two plans at standard cost, over the days compared; None where there are none."""
    days = compared_days(base, other) if base is not None else None
    if base is None or days is None:
        return None
    return make_bridge(base, other, by=("item", "customer"), variable=(COST_OF_SALES,), window=days)


def bridge_frame(made: Bridge | None) -> pl.DataFrame:
    """A bridge as its chart reads it: label, amount [money], kind."""
    kinds = {"label": pl.String, "amount": pl.Float64, "kind": pl.String}
    if made is None:
        return pl.DataFrame(schema=kinds)
    scale = 10**made.digits
    steps = [(driver, amount / scale, "driver") for driver, amount in made.steps.select("driver", "amount").rows()]
    rows = [(made.base, made.start / scale, "start"), *steps, (made.other, made.end / scale, "end")]
    return pl.DataFrame(rows, schema=kinds, orient="row")


def bridge_table(made: Bridge | None, currency: str, otherwise: str) -> Table | str:
    """A bridge as a table with its formulas; `otherwise` where there is none."""
    if made is None or made.window is None:
        return otherwise
    columns: dict[str, Column] = {
        "Driver": said("driver", capital), f"Amount, {currency}": ("amount", "cents"),
        "Share of the change": ("share", "percent"), f"Cumulative, {currency}": ("cumulative", "cents"),
        "How it is worked out": "formula",
    }  # fmt: skip
    moved = made.table().filter(pl.col("amount") != 0)
    first, last = (words.full_day(day) for day in made.window)
    note = (
        f"At standard cost; favourable is positive; the residual is 0.00. {made.convention.capitalize()}. "
        f"Days compared: {first} to {last}."
    )
    return laid_out(moved, f"From the {made.base} to {made.other}", columns, note, rows=30)


def statement_table(made: Statement, caption: str, currency: str, *, standard: bool = False) -> Table:
    """A statement as a table: accounts down, groups or plans across, subtotals bold.

    Parameters
    ----------
    standard : whether it is read at standard cost, where the three margins are one.
    """
    wide = made.table().rename({"line": "Account", "total": "Total", "": "Unassigned"}, strict=False)
    wide = wide.rename({name: capital(words.period_name(name)) for name in wide.columns})
    if standard:
        wide = wide.filter(~pl.col("Account").is_in(["margin", "margin and steering"]))
        wide = wide.with_columns(pl.col("Account").replace({"cash margin": "margin at standard cost"}))
    named = wide.with_columns(pl.col("Account").map_elements(capital, return_dtype=pl.String))
    bold = named.filter(pl.col("Section") == "subtotal")["Account"].to_list()
    shown = named.drop("Section")
    accrual = "Accrual margin: with the change of stock at standard cost."
    steering = "Margin: with the end value of what is left. Steering moves the plan and is no money."
    parts = ["Revenue is positive, cost is negative."]
    parts += [] if standard else ["Cash margin: revenue less costs of the days shown.", accrual, steering]
    money = dict.fromkeys(shown.columns[1:], "money")
    return Table(shown, f"{caption}, {currency}", money, " ".join(parts), rows=40, strong=pl.col("Account").is_in(bold))


def capital(name: str) -> str:
    """A name with a capital at its start."""
    return name[:1].upper() + name[1:]


ADAPTED = re.compile(r"^[\d,]+ rows of \w+ \([^)]*\): ")
CONSENSUS, BUDGET = "S&OP plan", "budget"


@dataclass(frozen=True, eq=False)
class Others:
    """The plans that this one is held against, at standard cost; None where there is none.

    Parameters
    ----------
    record : last published plan. consensus : the S&OP plan. budget : the budget.
    assumptions : what had to be assumed to value them.
    """

    record: AtStandard | None
    consensus: AtStandard | None
    budget: AtStandard | None
    assumptions: tuple[str, ...]

    @property
    def known(self) -> list[AtStandard]:
        """Those that there are: budget, S&OP plan, plan of record."""
        return [one for one in (self.budget, self.consensus, self.record) if one is not None]


def this_plan(situation: Week) -> AtStandard:
    """This week's plan at standard cost."""
    return at_standard(situation.plan, situation.snapshot["items"], name="this week's plan")


def others(situation: Week) -> Others:
    """Plan of record, S&OP plan and budget, valued by this plan's rates: a difference is of quantities, not of
    rates.
    """
    snapshot, book, record = situation.snapshot, situation.plan.rates, situation.record
    said: list[str] = []
    if (free := without_cost(situation.plan, snapshot["items"])).height:
        units, first = f"{free['quantity'].sum():,.6g}", ", ".join(free["item"].head(3))
        said.append(
            f"{words.count(free.height, 'item')} without a standard cost ({first}; {units} units sold) cost nothing in "
            "margins at standard cost: give items.standard_cost."
        )
    past = None
    if record is not None:
        name = f"plan of {words.full_day(record.as_of)}"
        past = read(lambda: value_record(record, book, name=name), situation, name, said)
    committed = snapshot["consensus"].filter(pl.col("measure") == "sales").height > 0
    consensus = read(lambda: value_consensus(snapshot, book), situation, CONSENSUS, said) if committed else None
    planned = snapshot["budget"].height > 0
    budget = read(lambda: value_budget(snapshot, book), situation, BUDGET, said) if planned else None
    return Others(past, consensus, budget, tuple(said))


def read(value: Callable[[], Valued], situation: Week, name: str, said: list[str]) -> AtStandard | None:
    """One plan at standard cost; where it cannot be valued, None, and the reason among the assumptions."""
    try:
        valued = value()
    except DataError as error:
        said.append(words.sentence(f"The {name} is not compared: {str(error).splitlines()[0]}"))
        return None
    said += [words.sentence(f"{name}: {text}") for text in valued.assumptions if not ADAPTED.match(text)]
    nearest = int(valued.ledger.adapted["rows"].sum())
    if nearest:
        rows = words.count(nearest, "row")
        said.append(
            words.sentence(f"{name}: {rows} valued at a neighbouring rate, of another period or of the forecast")
        )
    return at_standard(valued, situation.snapshot["items"])


def sheets(
    situation: Week, family: Statement, months: Statement, side_by_side: Statement | None
) -> dict[str, pl.DataFrame]:
    """The sheets of the workbook: statements, the ledger behind them, the outlook."""
    found = {
        "statement": statement_sheet(family),
        "months": statement_sheet(months),
        "ledger": ledger_sheet(situation),
        "outlook": situation.outlook.drop("inside").rename({"amount": "amount committed"}),
    }
    return found if side_by_side is None else {**found, "side_by_side": statement_sheet(side_by_side)}


def statement_sheet(made: Statement) -> pl.DataFrame:
    """A statement for the workbook: columns of money named as such, total lines marked."""
    wide = made.table()
    names = {name: f"amount {name or 'unassigned'}" for name in wide.columns if name not in {"section", "line"}}
    return wide.rename(names).with_columns(total=pl.col("section") == "subtotal").rename({"line": "account"})


def ledger_sheet(situation: Week) -> pl.DataFrame:
    """The ledger by account, family, item, location, customer and month, in money that adds up to the cent."""
    cents = situation.plan.ledger.cents("family", "item", "location", "customer", "month")
    return cents.with_columns(amount=pl.col("cents") / 100).drop("cents")


def bridge_sheet(made: Bridge) -> pl.DataFrame:
    """A bridge by driver, item and customer: the rows that each bar sums."""
    return made.detail.with_columns(amount=pl.col("amount") / 10**made.digits)


def closed_week(situation: Week) -> Bridge | None:
    """From the plan of record to the actuals of the days since it was made (those that both know), at standard cost.

    None where there is no plan of record, no actual sale in those days, or an actual that cannot be valued.
    """
    snapshot, record = situation.snapshot, situation.record
    if record is None:
        return None
    first, last = record.as_of, snapshot.as_of - timedelta(days=1)
    sold = snapshot["actuals"].filter((pl.col("measure") == "sales") & pl.col("date").is_between(first, last))
    if sold.is_empty():
        return None
    items, rates = snapshot["items"], situation.plan.rates
    try:
        said = value_record(record, rates, name=f"plan of {words.full_day(record.as_of)}")
        done = value_actuals(snapshot, rates, name="what happened")
    except DataError:
        return None
    planned, actual = at_standard(said, items), at_standard(done, items)
    (planned_from, planned_to), (done_from, done_to) = horizon(planned), horizon(actual)
    # A week may have been left out: then only the days that both the plan and the actuals know are compared.
    first, last = max(first, planned_from, done_from), min(last, planned_to, done_to)
    if first > last:
        return None
    return make_bridge(planned, actual, by=("item", "customer"), variable=(COST_OF_SALES,), window=(first, last))
