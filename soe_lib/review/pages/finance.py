"""The finance page: what the plan earns, why it moved, what it ties up; and the frames behind the workbook."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from soe_lib.money.bridge import Bridge
from soe_lib.money.bridge import bridge as make_bridge
from soe_lib.money.statement import Statement
from soe_lib.money.statement import statement as make_statement
from soe_lib.review import charts, frames, kpis, words
from soe_lib.review.exceptions.detectors.idle_stock import idle
from soe_lib.review.pages.page import Page, check, found_on, to_decide
from soe_lib.review.pages.standard import COST_OF_SALES, at_standard, compared_days
from soe_lib.review.score import Score, insufficient, known
from soe_lib.review.situation import Situation
from soe_lib.review.tables import Table


@dataclass(frozen=True, eq=False)
class Finance:
    """The figures of the finance page, worked out once.

    Parameters
    ----------
    situation : the week.
    """

    situation: Situation

    @cached_property
    def bridge(self) -> Bridge | None:
        """From the plan of record to this plan, at standard cost, over the days compared; None where there are
        none.
        """
        record, plan, items = self.situation.record, self.situation.plan, self.situation.snapshot["items"]
        days = compared_days(plan, record) if record is not None else None
        if record is None or days is None:
            return None
        sides = (at_standard(record, items), at_standard(plan, items))
        return make_bridge(*sides, by=("item", "customer"), variable=(COST_OF_SALES,), window=days)

    @cached_property
    def statement(self) -> Statement:
        """This plan's statement by family."""
        return make_statement(self.situation.plan, "family")

    @cached_property
    def months(self) -> Statement:
        """This plan's statement by fiscal month."""
        return make_statement(self.situation.plan, "month")

    @cached_property
    def idle(self) -> pl.DataFrame:
        """Stock beyond three months of use, or without any."""
        return idle(self.situation)

    @property
    def bridge_chart(self) -> charts.Chart:
        """The bridge as a waterfall."""
        return charts.bridge(bridge_frame(self.bridge), self.situation.currency, what="margin at standard cost")

    @property
    def bridge_table(self) -> Table:
        """What stands beside the waterfall: amount, share, cumulative, formula."""
        currency = self.situation.currency
        empty = {"Driver": pl.String, f"Amount, {currency}": pl.Float64}
        if self.bridge is None:
            return Table(pl.DataFrame(schema=empty), "No plan of record to compare with")
        shown = self.bridge.table().select(
            pl.col("driver").alias("Driver"), pl.col("amount").alias(f"Amount, {currency}"),
            pl.col("share").alias("Share of the change"), pl.col("cumulative").alias(f"Cumulative, {currency}"),
            pl.col("formula").alias("How it is worked out"),
        )  # fmt: skip
        formats = {f"Amount, {currency}": "cents", f"Cumulative, {currency}": "cents", "Share of the change": "percent"}
        first, last = self.bridge.window or (None, None)
        days = f" Days compared: {words.full_day(first)} to {words.full_day(last)}." if first else ""
        rule = self.bridge.convention.capitalize()
        note = f"At standard cost; favourable is positive; the residual is 0.00. {rule}.{days}"
        return Table(shown, f"From {self.bridge.base} to {self.bridge.other}", formats, note, rows=30)

    @property
    def statement_table(self) -> Table:
        """The statement by family."""
        return statement_table(self.statement, "Contribution margin by family", self.situation.currency)

    @property
    def month_table(self) -> Table:
        """The statement by fiscal month."""
        return statement_table(self.months, "Contribution margin by fiscal month", self.situation.currency)

    @property
    def page(self) -> Page:
        """Headline, scores, exceptions and checks."""
        issues = found_on(self.situation, "finance_review")
        return Page(
            name="finance_review",
            title="Finance review",
            headline=self.headline,
            currency=self.situation.currency,
            scores=self.scores,
            issues=issues,
            asked=to_decide(self.situation, issues),
            checks=tuple(self.checks),
            assumptions=tuple(self.assumptions),
        )

    @property
    def headline(self) -> str:
        """How the margin moved against the plan of record, and what moved it most."""
        plan, currency = self.situation.plan, self.situation.currency
        if self.bridge is None:
            earned = words.brief_money(plan.margin, currency)
            return words.sentence(f"The plan earns {earned} of margin; there is no plan of record to compare it with")
        return words.sentence(
            charts.bridge_finding(bridge_frame(self.bridge), currency, what="margin at standard cost")
        )

    @property
    def scores(self) -> tuple[Score, ...]:
        """Margin, cash, the move against the plan of record, cash-to-cash, expediting and overtime, idle stock."""
        snapshot, plan, currency = self.situation.snapshot, self.situation.plan, self.situation.currency
        accounts = plan.ledger.accounts()
        hurry = -(accounts.get("expediting", 0.0) + accounts.get("overtime", 0.0))
        found = self.idle
        terms = snapshot.settings.terms
        return (
            known("Cash margin of this plan", plan.ledger.cash, currency,
                  "Revenue less all costs paid in the horizon."),
            self.moved,
            kpis.cash_to_cash(
                stock_value=frames.stock_today(snapshot),
                annual_cost_of_goods=frames.annual_cost_of_goods(snapshot),
                receivable_days=terms.receivable_days,
                payable_days=terms.payable_days,
            ),
            known("Expediting and overtime", hurry, currency, "Premiums over the standard way that the plan pays."),
            known("Excess and obsolete stock", float((found["excess"] + found["obsolete"]).sum()), currency,
                  "Stock beyond three months of use, or without any use, at standard cost."),
        )  # fmt: skip

    @property
    def assumptions(self) -> list[str]:
        """What the page takes for granted."""
        said = ["Stock beyond three months of use counts as excess, without any use as obsolete."]
        if self.bridge is not None:
            said.append(
                "Plans are compared at standard cost, without the last two weeks of the shorter horizon, in which a "
                "plan lets its stock run out."
            )
            said += [note for note in self.bridge.notes if not note.endswith("is not valued.")]
        return said

    @property
    def moved(self) -> Score:
        """Margin against the plan of record over the same days."""
        name = "Margin at standard against the plan of record"
        if self.bridge is None:
            return insufficient(name, self.situation.currency, "no plan of record")
        change = (self.bridge.end - self.bridge.start) / 10**self.bridge.digits
        first, last = self.bridge.window or (self.situation.snapshot.as_of, self.situation.snapshot.as_of)
        text = (
            f"This plan less {self.bridge.base}, at standard cost, {words.full_day(first)} to {words.full_day(last)}: "
            "what is sold carries its standard cost, whenever it is made or bought."
        )
        return known(name, change, self.situation.currency, text)

    @property
    def checks(self) -> list[dict[str, object]]:
        """Ledger, statement and bridge tie out to the cent."""
        margin = round(self.situation.plan.margin * 100)
        shown = self.statement.cents("margin")
        found = [check("Statement = ledger, to the cent", abs(shown - margin) <= 1,
                       f"Statement {shown / 100:,.2f}, ledger {margin / 100:,.2f}")]  # fmt: skip
        if self.bridge is not None:
            found.append(check("The bridge leaves no residual", self.bridge.residual == 0,
                               f"Residual {self.bridge.residual / 100:,.2f}"))  # fmt: skip
        lost = int(self.situation.plan.ledger.unmatched["rows"].sum())
        found.append(check("Every quantity has its rate", lost == 0, f"{words.count(lost, 'row')} without a rate"))
        return found

    def workbook(self, results: str | Path) -> dict[str, pl.DataFrame]:
        """The frames behind finance.xlsx, written to `<results>/finance/*.parquet`; only returned when run by
        hand.
        """
        sheets = workbook_frames(self)
        if str(results).strip():
            folder = Path(results) / "finance"
            folder.mkdir(parents=True, exist_ok=True)
            for name, frame in sheets.items():
                frame.write_parquet(folder / f"{name}.parquet")
        return sheets


def finance(situation: Situation) -> Finance:
    """The finance page of a week."""
    return Finance(situation)


def bridge_frame(made: Bridge | None) -> pl.DataFrame:
    """A bridge as its chart reads it: label, amount [money], kind."""
    kinds = {"label": pl.String, "amount": pl.Float64, "kind": pl.String}
    if made is None:
        return pl.DataFrame(schema=kinds)
    scale = 10**made.digits
    steps = [(driver, amount / scale, "driver") for driver, amount in made.steps.select("driver", "amount").rows()]
    rows = [(made.base, made.start / scale, "start"), *steps, (made.other, made.end / scale, "end")]
    return pl.DataFrame(rows, schema=kinds, orient="row")


def statement_table(made: Statement, caption: str, currency: str) -> Table:
    """A statement as a table: accounts down, groups across, subtotals bold."""
    wide = made.table().rename({"line": "Account", "total": "Total"}, strict=False)
    wide = wide.rename({name: name or "None" for name in wide.columns})
    shown = wide.drop("section").with_columns(subtotal=wide["section"] == "subtotal")
    money = [name for name in shown.columns if name not in {"Account", "subtotal"}]
    bold = shown["Account"].filter(shown["subtotal"]).to_list()
    return Table(
        shown.drop("subtotal"),
        f"{caption}, {currency}",
        dict.fromkeys(money, "money"),
        "Revenue is positive, cost is negative. Cash margin: paid in the horizon. Accrual margin: with the change of "
        "stock at standard cost. Margin: with the end value of what is left. Steering moves the plan and is no money.",
        rows=40,
        strong=pl.col("Account").is_in(bold),
    )


def workbook_frames(made: Finance) -> dict[str, pl.DataFrame]:
    """The sheets: statement, months, bridge with its detail, ledger, outlook, exceptions."""
    situation = made.situation
    sheets = {
        "statement": sheet_of(made.statement),
        "months": sheet_of(made.months),
        "ledger": ledger_sheet(situation),
        "outlook": situation.outlook.drop("inside").rename({"amount": "amount committed"}),
    }
    if made.bridge is not None:
        scale = 10**made.bridge.digits
        detail = made.bridge.detail.with_columns(amount=pl.col("amount") / scale)
        sheets["bridge"] = made.bridge.table().select("driver", "amount", "share", "formula", "rows")
        sheets["bridge detail"] = detail
    return {name.replace(" ", "_"): frame for name, frame in sheets.items()}


def sheet_of(made: Statement) -> pl.DataFrame:
    """A statement for the workbook: amounts named as such, total lines marked."""
    wide = made.table()
    names = {name: f"amount {name}" for name in wide.columns if name not in {"section", "line"}}
    return wide.rename(names).with_columns(total=pl.col("section") == "subtotal").rename({"line": "account"})


def ledger_sheet(situation: Situation) -> pl.DataFrame:
    """The ledger by account, family, item, location, customer and month, in money that adds up to the cent."""
    keys = ("family", "item", "location", "customer", "month")
    cents = situation.plan.ledger.cents(*keys)
    return cents.with_columns(amount=pl.col("cents") / 100).drop("cents")
