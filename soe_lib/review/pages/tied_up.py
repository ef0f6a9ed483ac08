"""What the finance page says of money that is tied up or spent on hurry, and the walk to what happened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from soe_lib.errors import DataError, FormulationError, ReconciliationError
from soe_lib.money.actuals import NOT_KNOWN
from soe_lib.money.bridge import Walk
from soe_lib.money.closed_week import closed_week_bridges
from soe_lib.money.rounding import as_money
from soe_lib.money.stock import expediting_by_cause, working_capital
from soe_lib.review import words
from soe_lib.review.pages.page import check, unmade
from soe_lib.review.pages.statements import capital
from soe_lib.review.situation import Situation
from soe_lib.review.tables import Table

DIGITS = 2
WALK = "The walk from budget to what happened leaves no residual"
STOPS = (DataError, FormulationError, ReconciliationError)


@dataclass(frozen=True, eq=False)
class TiedUp:
    """Working capital by week, expediting by cause, and the closed week from budget to actual.

    Parameters
    ----------
    situation : the week.
    """

    situation: Situation

    @cached_property
    def capital(self) -> pl.DataFrame | str:
        """Working capital at the end of each week, or why it is not known."""
        try:
            return working_capital(self.situation.plan, self.situation.snapshot)
        except STOPS as error:
            return f"Working capital is not known. {str(error).splitlines()[0]}"

    @property
    def capital_table(self) -> Table | str:
        """The same as a table."""
        rows = self.capital
        if isinstance(rows, str):
            return rows
        names = {
            "week": "Week", "stock": "Stock", "receivables": "Customers owe", "payables": "We owe",
            "working_capital": "Working capital", "days_of_stock": "Days of stock",
        }  # fmt: skip
        money = [name for name in names if name not in ("week", "days_of_stock")]
        shown = rows.select(list(names)).rename(names)
        shown = shown.with_columns(
            pl.col("Week").map_elements(lambda week: capital(words.period_name(week)), return_dtype=pl.String)
        )
        formats = dict.fromkeys((names[name] for name in money), "money") | {"Days of stock": ",.1f"}
        note = "At each week's end; stock at standard cost. Working capital: stock and receivables less payables."
        return Table(shown, f"Working capital of the plan, {self.situation.currency}", formats, note, rows=30)

    @cached_property
    def hurry(self) -> pl.DataFrame:
        """What is paid for expedited purchases, by cause, item and place."""
        costs, spared = self.situation.prices, None
        if costs is not None and "unhurried" in costs.columns:
            rows = costs.filter(pl.col("cause") == "event").select(event="subject", of="unhurried").explode("of")
            spared = rows.drop_nulls("of").unnest("of")
        return expediting_by_cause(self.situation.plan, self.situation.snapshot, spared=spared)

    @property
    def hurry_table(self) -> Table | str:
        """The same as a table."""
        if self.hurry.is_empty():
            return "The plan expedites nothing."
        premium = f"Premium, {self.situation.currency}"
        shown = self.hurry.select(
            pl.col("cause").map_elements(capital, return_dtype=pl.String).alias("Cause"),
            pl.col("item").alias("Item"), pl.col("location").alias("Location"), pl.col("quantity").alias("Units"),
            (-pl.col("amount")).alias(premium),
        )  # fmt: skip
        note = (
            "The premium over the ordinary way. Each unit has one cause: an event where planning again without it does "
            "not expedite the unit, else the ordinary lead time; where nobody has planned again, the first that the "
            "extract knows of its item."
        )
        return Table(shown, "Expediting by cause", {premium: "cents", "Units": ",.1f"}, note, rows=20)

    @cached_property
    def walk(self) -> Walk | str:
        """The closed week from budget by S&OP and the plan to what happened, or why it cannot be walked."""
        before, record = self.situation.before, self.situation.record
        if before is None or record is None:
            return "There is no closed week to walk through."
        if record.as_of != before.as_of:
            return f"The plan of record is of {record.as_of}, the extract before this one of {before.as_of}."
        try:
            return closed_week_bridges(before, self.situation.snapshot, record)
        except STOPS as error:
            return f"The closed week cannot be walked through. {str(error).splitlines()[0]}"

    @property
    def walk_table(self) -> Table | str:
        """Every step of the walk."""
        if isinstance(self.walk, str):
            return self.walk
        amount, worth = f"Step, {self.situation.currency}", f"Margin, {self.situation.currency}"
        first = self.walk.bridges[0]
        plans = pl.col("kind") == "plan"
        rows = self.walk.table().filter(plans | (pl.col("amount") != 0))
        shown = rows.select(
            pl.col("line").map_elements(capital, return_dtype=pl.String).alias("Plan or driver"),
            pl.when(~plans).then(pl.col("amount")).alias(amount),
            pl.col("cumulative").alias(worth),
            pl.col("formula").alias("How it is worked out"),
        )
        note = (
            f"In accrual, at standard cost. {first.convention.capitalize()}. Favourable is positive; the residual of "
            "every bridge is 0.00."
        )
        title = f"The closed week: {' → '.join(self.walk.names)}"
        strong = pl.col(amount).is_null()
        return Table(shown, title, {amount: "cents", worth: "cents"}, note, rows=60, strong=strong)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The walk and the premiums add up."""
        paid = round(-self.situation.plan.ledger.accounts().get("expediting", 0.0) * 10**DIGITS)
        found = -round(self.hurry["amount"].sum() * 10**DIGITS)
        said = f"By cause {found / 10**DIGITS:,.2f}, ledger {paid / 10**DIGITS:,.2f}"
        made = [check("Expediting by cause = ledger, to the cent", abs(found - paid) <= 1, said)]
        if not isinstance(self.walk, str):
            residual = self.walk.residual / 10**DIGITS
            made.append(check(WALK, residual == 0, f"Residual {residual:,.2f}"))
        elif NOT_KNOWN in self.walk:
            made.append(unmade(WALK, self.walk))
        return made

    def sheets(self) -> dict[str, pl.DataFrame]:
        """The rows behind all this, for the workbook."""
        made = {"expediting": self.hurry}
        if not isinstance(self.capital, str):
            made["working_capital"] = self.capital
        if not isinstance(self.walk, str):
            for number, one in enumerate(self.walk.bridges, start=1):
                made[f"walk_{number}"] = one.detail.with_columns(as_money(pl.col("amount"), one.digits))
        return made
