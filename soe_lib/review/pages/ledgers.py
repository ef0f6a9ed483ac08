"""Other plans valued by this plan's rates, and the sheets of the finance workbook."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError
from soe_lib.money.bridge import Bridge
from soe_lib.money.statement import Statement
from soe_lib.money.valuation import Valued, value_budget, value_consensus, value_record
from soe_lib.review import words
from soe_lib.review.pages.standard import AtStandard, at_standard, without_cost
from soe_lib.review.situation import Situation

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


def this_plan(situation: Situation) -> AtStandard:
    """This week's plan at standard cost."""
    return at_standard(situation.plan, situation.snapshot["items"], name="this week's plan")


def others(situation: Situation) -> Others:
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


def read(value: Callable[[], Valued], situation: Situation, name: str, said: list[str]) -> AtStandard | None:
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
    situation: Situation, family: Statement, months: Statement, side_by_side: Statement | None
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


def ledger_sheet(situation: Situation) -> pl.DataFrame:
    """The ledger by account, family, item, location, customer and month, in money that adds up to the cent."""
    cents = situation.plan.ledger.cents("family", "item", "location", "customer", "month")
    return cents.with_columns(amount=pl.col("cents") / 100).drop("cents")


def bridge_sheet(made: Bridge) -> pl.DataFrame:
    """A bridge by driver, item and customer: the rows that each bar sums."""
    return made.detail.with_columns(amount=pl.col("amount") / 10**made.digits)
