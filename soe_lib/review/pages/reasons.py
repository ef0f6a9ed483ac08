"""What the finance page adds to statement and bridges: why, how S&OP and the year stand, the closed week, cash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from soe_lib.errors import DataError, FormulationError, ReconciliationError
from soe_lib.money.actuals import NOT_KNOWN
from soe_lib.money.bridge import Bridge
from soe_lib.money.cash import CashCurve, cash_curve
from soe_lib.money.closed_week import closed_week
from soe_lib.money.commitments import committed_by_month, committed_by_week
from soe_lib.money.ledger import rank
from soe_lib.money.targets import YearTargets, year_targets
from soe_lib.money.trace import origin
from soe_lib.money.variances import OperatingStatement
from soe_lib.review import charts, words
from soe_lib.review.frames.likely import likely_end
from soe_lib.review.pages.commitment import ends_table, prices_table, targets_table
from soe_lib.review.pages.page import check, unmade
from soe_lib.review.pages.statements import capital
from soe_lib.review.pages.why import Split, why_chart, why_frame, why_table
from soe_lib.review.situation import Situation
from soe_lib.review.tables import Table

VARIANCES = "Budget profit and variances are the actual profit"
STEPS = ["bridge", "sheet", "kind", "driver", "amount", "formula"]


@dataclass(frozen=True, eq=False)
class Reasons:
    """The figures beside statement and bridges, worked out once.

    Parameters
    ----------
    situation : the week. split : the attribution of the move, or why there is none.
    prices : what each commitment costs to keep; None where nobody has planned again.
    """

    situation: Situation
    split: Split | str = ""
    prices: pl.DataFrame | None = None

    @property
    def why(self) -> list[charts.Chart | Table | str]:
        """Why the margin moved: a waterfall and its table, or why nobody knows."""
        if isinstance(self.split, str):
            return [self.split or "The move is not split here: soe.why_moved(before, snapshot) does it."]
        return [why_chart(self.split, self.situation.currency), why_table(self.split, self.situation.currency)]

    @cached_property
    def ends(self) -> pl.DataFrame:
        """Where each family ends the month."""
        return likely_end(self.situation.snapshot, self.situation.plan)

    @property
    def sop(self) -> list[Table | str]:
        """Where the months will end, and what it costs to keep the commitments."""
        return [ends_table(self.ends), prices_table(self.prices, self.situation.currency)]

    @cached_property
    def targets(self) -> YearTargets | None:
        """The year's targets and where the plan lands them; None where there are none."""
        try:
            return year_targets(self.situation.snapshot, self.situation.plan, before=self.situation.before)
        except DataError:
            return None

    @property
    def year(self) -> Table | str:
        """The same as a table."""
        return targets_table(self.targets)

    @cached_property
    def operating(self) -> OperatingStatement | str:
        """The closed week in standard costs, or why it cannot be told."""
        before, record = self.situation.before, self.situation.record
        if before is None:
            return "There is no earlier extract: no week has closed."
        same = record if record is not None and record.as_of == before.as_of else None
        try:
            return closed_week(before, self.situation.snapshot, same)
        except (DataError, FormulationError, ReconciliationError) as error:
            return f"The closed week is not told in standard costs. {str(error).splitlines()[0]}"

    @property
    def operating_table(self) -> Table | str:
        """From budget profit to actual profit, variance by variance."""
        made = self.operating
        if isinstance(made, str):
            return made
        unit, currency = "Amount", self.situation.currency
        shown = made.table().select(
            pl.col("line").map_elements(capital, return_dtype=pl.String).alias("Line"),
            pl.col("amount").alias(f"{unit}, {currency}"),
            pl.col("cumulative").alias(f"Cumulative, {currency}"),
            pl.col("formula").alias("How it is worked out"),
        )
        ends = [shown["Line"][0], shown["Line"][-1]]
        formats = {f"{unit}, {currency}": "cents", f"Cumulative, {currency}": "cents"}
        note = f"Favourable is positive; the residual is 0.00. {' '.join(made.notes)}"
        title = "The closed week in standard costs: budget profit to actual profit"
        return Table(shown, title, formats, note, rows=40, strong=pl.col("Line").is_in(ends))

    @cached_property
    def cash(self) -> CashCurve | str:
        """When the plan's money comes and goes, or why that is not known."""
        try:
            return cash_curve(self.situation.plan, self.situation.snapshot)
        except (DataError, FormulationError) as error:
            return f"There is no cash curve. {str(error).splitlines()[0]}"

    @property
    def cash_table(self) -> Table | str:
        """Cash in and out by month, what is owed, and what it is all worth today."""
        curve = self.cash
        if isinstance(curve, str):
            return curve
        names = {
            "month": "Month",
            "inflow": "Comes in",
            "outflow": "Goes out",
            "net": "Net",
            "cash": "Cash so far",
            "receivables": "Customers owe",
            "payables": "We owe",
        }
        shown = curve.table("month").select(list(names)).rename(names)
        shown = shown.with_columns(pl.col("Month").map_elements(words.period_name, return_dtype=pl.String))
        terms = self.situation.snapshot.settings.terms
        worth, rate = words.money(curve.npv(), self.situation.currency), words.percent(curve.rate, decimals=1)
        note = (
            f"Customers pay after {terms.receivable_days:g} days, suppliers are paid after {terms.payable_days:g}. "
            f"Worth {worth} today at {rate} a year. {' '.join(curve.notes)}"
        )
        title = f"Cash curve of the plan, {self.situation.currency}"
        return Table(shown, title, dict.fromkeys(list(names.values())[1:], "money"), note, rows=24)

    @property
    def origins(self) -> Table:
        """What each account is made of: its formula, and the tables and columns that its rates stand in."""
        booked = self.situation.plan.ledger.lines.select("account", "flow").unique()
        rows = [
            (
                account,
                flow,
                made.formula,
                ", ".join(f"{part.table}.{name}" for part in made.parts for name in part.columns),
            )
            for account, flow in booked.sort(rank(booked["account"]), "flow").iter_rows()
            for made in [origin(flow, account, list(self.situation.plan.rates.columns(flow)))]
        ]
        names = ["Account", "Booked for", "Rate", "Made of"]
        shown = pl.DataFrame(rows, schema=names, orient="row")
        shown = shown.with_columns(pl.col("Account").map_elements(capital, return_dtype=pl.String))
        files = self.situation.snapshot.files.height
        note = f"{words.count(files, 'file')} went in; their fingerprints are in the manifest and in every answer."
        return Table(shown, "What the accounts are made of", {}, note, rows=40)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The shares, the variances and the commitments by week add up."""
        found = []
        if not isinstance(self.split, str):
            residual = self.split.residual / 10**self.split.digits
            found.append(
                check("The disruptions' shares add up to the move", residual == 0, f"Residual {residual:,.2f}")
            )
        if not isinstance(self.operating, str):
            residual = self.operating.residual / 10**self.operating.digits
            found.append(check(VARIANCES, residual == 0, f"Residual {residual:,.2f}"))
        elif NOT_KNOWN in self.operating:
            found.append(unmade(VARIANCES, self.operating))
        return found

    def sheets(self) -> dict[str, pl.DataFrame]:
        """The rows behind all this, for the workbook."""
        snapshot = self.situation.snapshot
        made = {"month_ends": self.ends.drop("inside").rename({"amount": "amount committed"})}
        if not isinstance(self.split, str):
            made["disruptions"] = self.split.table().rename({"disruption": "driver"})
        if not isinstance(self.operating, str):
            scale = 10**self.operating.digits
            made["standard_variances"] = self.operating.rows.rename({"variance": "driver"}).with_columns(
                amount=pl.col("amount") / scale
            )
        if self.prices is not None:
            made["commitments"] = self.prices.drop("sentence").rename(
                {"money": "amount to keep it", "next": "last unit"}
            )
        if self.targets is not None:
            made["targets"] = self.targets.table()
        if not isinstance(self.cash, str):
            made["cash"] = self.cash.table("week")
        try:
            weeks = committed_by_week(snapshot)
        except DataError:
            return made
        return {**made, "commitments_by_week": weeks, "commitments_by_month": committed_by_month(weeks)}

    def steps(self) -> list[pl.DataFrame]:
        """Attribution and variances as bridges, for the workbook's live formulas."""
        found = []
        if not isinstance(self.split, str):
            steps = [(name, amount, "") for name, amount in why_frame(self.split).select("label", "amount").rows()]
            found.append(steps_of("This week's disruptions", "disruptions", steps))
        if not isinstance(self.operating, str):
            lines = self.operating.table().select("line", "amount", "formula").rows()
            variances = self.operating.rows.group_by("variance", maintain_order=True).agg(pl.col("amount").sum())
            names = [lines[0][0], *variances["variance"], lines[-1][0]]
            rows = [(name, amount, formula) for name, (_, amount, formula) in zip(names, lines, strict=True)]
            found.append(steps_of("The closed week in standard costs", "standard_variances", rows))
        return found


def steps_of(name: str, sheet: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Start, steps and end of one bridge as the workbook takes them: see STEPS."""
    kinds = ["start", *["driver"] * (len(rows) - 2), "end"]
    return pl.DataFrame(
        [
            (name, sheet, kind, label, float(amount), formula)
            for kind, (label, amount, formula) in zip(kinds, rows, strict=True)
        ],
        schema=STEPS,
        orient="row",
    )


def bridge_steps(name: str, sheet: str, made: Bridge) -> pl.DataFrame:
    """A bridge as the workbook takes it."""
    scale = 10**made.digits
    steps = [
        (driver, amount / scale, said)
        for driver, amount, said in made.steps.select("driver", "amount", "formula").rows()
    ]
    return steps_of(name, sheet, [(made.base, made.start / scale, ""), *steps, (made.other, made.end / scale, "")])
