"""Why the margin moved, S&OP and the year, the closed week, cash: what the finance page adds to its bridges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from soe_lib.errors import DataError, FormulationError, ReconciliationError
from soe_lib.money.actuals import NOT_KNOWN
from soe_lib.money.cash import CashCurve, cash_curve, expediting_by_cause, working_capital
from soe_lib.money.commitments import committed_by_month, committed_by_week
from soe_lib.money.ledger import rank
from soe_lib.money.reconciliation import Bridge, Walk
from soe_lib.money.rounding import as_money
from soe_lib.money.targets import YearTargets, year_targets
from soe_lib.money.trace import origin
from soe_lib.money.variances import ACTUAL, BUDGET, OperatingStatement
from soe_lib.money.weekly_close import closed_week, closed_week_bridges
from soe_lib.review import charts, words
from soe_lib.review.frames.service import likely_end
from soe_lib.review.page import check, unmade
from soe_lib.review.plans_compared import capital
from soe_lib.review.tables import Column, Table, each, laid_out, said
from soe_lib.review.week import Week

SHARES = "The disruptions' shares add up to the move"
VARIANCES = "Budget profit and variances are the actual profit"
STOPS = (DataError, FormulationError, ReconciliationError)
STEPS = ["bridge", "sheet", "kind", "driver", "amount", "formula"]


@dataclass(frozen=True, eq=False)
class Reasons:
    """The figures beside statement and bridges, worked out once.

    Parameters
    ----------
    situation : the week.
    """

    situation: Week

    @property
    def why(self) -> list[charts.Chart | Table | str]:
        """Why the margin moved: a waterfall and its table, or why nobody knows."""
        split, currency = self.situation.split, self.situation.currency
        if isinstance(split, str):
            return [split or "The move is not split here: soe.whatif.why_moved(before, snapshot) does it."]
        return [why_chart(split, currency), why_table(split, currency)]

    @cached_property
    def ends(self) -> pl.DataFrame:
        """Where each family ends the month."""
        return likely_end(self.situation.snapshot, self.situation.plan)

    @property
    def sop(self) -> list[Table | str]:
        """Where the months will end, and what it costs to keep the commitments."""
        return [ends_table(self.ends), prices_table(self.situation.commitments, self.situation.currency)]

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
        return targets_table(self.targets, self.situation.snapshot["targets"])

    @cached_property
    def operating(self) -> OperatingStatement | str:
        """The closed week in standard costs, or why it cannot be told."""
        before, record = self.situation.before, self.situation.record
        if before is None:
            return "There is no earlier extract: no week has closed."
        same = record if record is not None and record.as_of == before.as_of else None
        try:
            return closed_week(before, self.situation.snapshot, same)
        except STOPS as error:
            return f"The closed week is not told in standard costs. {str(error).splitlines()[0]}"

    @property
    def operating_table(self) -> Table | str:
        """From budget profit to actual profit, variance by variance."""
        made = self.operating
        if isinstance(made, str):
            return made
        currency, ends = self.situation.currency, pl.Series([BUDGET, ACTUAL]).map_elements(capital, pl.String)
        columns: dict[str, Column] = {
            "Line": said("line", capital),
            **each("cents", {f"Amount, {currency}": "amount", f"Cumulative, {currency}": "cumulative"}),
            "How it is worked out": "formula",
        }
        note = f"Favourable is positive; the residual is 0.00. {' '.join(made.notes)}"
        title = "The closed week in standard costs: budget profit to actual profit"
        return laid_out(made.table(), title, columns, note, rows=40, strong=pl.col("Line").is_in(ends.implode()))

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
        money = {
            "Comes in": "inflow", "Goes out": "outflow", "Net": "net", "Cash so far": "cash",
            "Customers owe": "receivables", "We owe": "payables",
        }  # fmt: skip
        terms = self.situation.snapshot.settings.terms
        worth, rate = words.money(curve.npv(), self.situation.currency), words.percent(curve.rate, decimals=1)
        note = (
            f"Customers pay after {terms.receivable_days:g} days, suppliers are paid after {terms.payable_days:g}. "
            f"Worth {worth} today at {rate} a year. {' '.join(curve.notes)}"
        )
        title = f"Cash curve of the plan, {self.situation.currency}"
        return laid_out(curve.table("month"), title, {"Month": MONTH, **each("money", money)}, note, rows=24)

    @property
    def origins(self) -> Table:
        """What each account is made of: its formula, and the tables and columns that its rates stand in."""
        booked = self.situation.plan.ledger.lines.select("account", "flow").unique()
        rows = [
            (
                account,
                flow,
                made.formula,
                ", ".join(f"{one.table}.{name}" for one in made.parts for name in one.columns),
            )
            for account, flow in booked.sort(rank(booked["account"]), "flow").iter_rows()
            for made in [origin(flow, account, list(self.situation.plan.rates.columns(flow)))]
        ]
        shown = pl.DataFrame(rows, schema=["account", "Booked for", "Rate", "Made of"], orient="row")
        columns: dict[str, Any] = {"Account": said("account", capital), **{name: name for name in shown.columns[1:]}}
        files = self.situation.snapshot.files.height
        note = f"{words.count(files, 'file')} went in; their fingerprints are in the manifest and in every answer."
        return laid_out(shown, "What the accounts are made of", columns, note, rows=40)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The shares, the variances and the commitments by week add up."""
        found = []
        if not isinstance(split := self.situation.split, str):
            residual = split.residual / 10**split.digits
            found.append(check(SHARES, residual == 0, f"Residual {residual:,.2f}"))
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
        if not isinstance(self.situation.split, str):
            made["disruptions"] = self.situation.split.table().rename({"disruption": "driver"})
        if not isinstance(self.operating, str):
            scale = 10**self.operating.digits
            made["standard_variances"] = self.operating.rows.rename({"variance": "driver"}).with_columns(
                amount=pl.col("amount") / scale
            )
        if self.situation.commitments is not None:
            made["commitments"] = self.situation.commitments.drop("sentence").rename(
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
        if not isinstance(self.situation.split, str):
            parts = why_frame(self.situation.split).select("label", "amount").rows()
            steps = [(name, amount, "") for name, amount in parts]
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
    told = [
        (name, sheet, kind, label, float(money), how) for kind, (label, money, how) in zip(kinds, rows, strict=True)
    ]
    return pl.DataFrame(told, schema=STEPS, orient="row")


def bridge_steps(name: str, sheet: str, made: Bridge) -> pl.DataFrame:
    """A bridge as the workbook takes it."""
    scale = 10**made.digits
    steps = [
        (driver, amount / scale, said)
        for driver, amount, said in made.steps.select("driver", "amount", "formula").rows()
    ]
    return steps_of(name, sheet, [(made.base, made.start / scale, ""), *steps, (made.other, made.end / scale, "")])


MONTH = said("month", words.period_name)
MEASURES = {
    "revenue": "Revenue", "margin": "Margin, accrual", "stock": "Stock at the year's end", "cash": "Cash",
    "growth": "Revenue that the growth asks for", "working_capital": "Working capital at the year's end",
}  # fmt: skip


def ends_table(ends: pl.DataFrame) -> Table | str:
    """Where each family ends the month against its commitment, its band and its past."""
    if ends.is_empty():
        return "No month with a commitment ends within the horizon."
    units = {
        "Committed": "consensus", "Sold so far": "actual", "Still planned": "planned", "Outlook": "outlook",
        "Band from": pl.col("low") * pl.col("consensus"), "Band to": pl.col("high") * pl.col("consensus"),
        "Likely from": "likely_from", "Likely to": "likely_to",
    }  # fmt: skip
    columns = {"Family": "family", "Month": MONTH, **each("number", units), "The commitment": "verdict"}
    note = (
        "Units. Outlook: sold so far and still planned. Likely: the outlook, as far off as its weekly forecast "
        "has been (its tolerance, where there is no history). Weeks are split over months by working days."
    )
    return laid_out(ends, "Where the months will end", columns, note, rows=40)


def prices_table(prices: pl.DataFrame | None, currency: str) -> Table | str:
    """What the optimum gives up to keep each commitment that it would not keep by itself."""
    if prices is None:
        return "The commitments are not priced here: soe.whatif.commitment_prices(snapshot) does it."
    open_ = prices.filter(pl.col("planned") + pl.col("done") < pl.col("committed") - 0.5)
    free = prices.height - open_.height
    if open_.is_empty():
        return "Every commitment is kept by the plan as it is: keeping them costs nothing."
    most = pl.col("kept") < pl.col("committed") - 0.5
    money = {f"Costs, {currency}": "money", f"A unit, {currency}": "each", f"The last one, {currency}": "next"}
    some = pl.col("kept") - pl.col("done") - pl.col("planned") > 0.5
    units = {"Committed": "committed", "Best plan sells": pl.col("done") + pl.col("planned"), "Could be sold": "kept"}
    told = pl.when(most).then(pl.lit("cannot be kept in full")).otherwise(pl.lit("can be kept"))
    columns: dict[str, Column] = {
        "Family": "family", "Month": MONTH, **each("number", units),
        **each("cents", {title: pl.when(some).then(pl.col(name)) for title, name in money.items()}),
        "The commitment": told,
    }  # fmt: skip
    note = (
        "Found by planning again with the commitment as a floor: optimum without it less optimum with it, goodwill "
        f"included. {words.count(free, 'other commitment').capitalize()} cost nothing: the plan sells as much anyway."
    )
    return laid_out(open_, "What it costs to keep the commitments", columns, note, rows=40)


def targets_table(found: YearTargets | None, given: pl.DataFrame | None = None) -> Table | str:
    """The year's targets, where this week's plan lands them, and which of them steer it."""
    if found is None:
        return "Nobody has set a target for the year: give the table targets, or a budget."
    rows = found.table()
    names = {
        "Target": "target", "In the books": "booked", "Happened since": "actual", "Planned": "planned",
        "Budgeted after": "rest", "Lands at": "landing", "Better than target": "gap",
    }  # fmt: skip
    share: Column = ("share", "percent")
    if rows["landing"].null_count():
        told = said("share", lambda part: words.percent(part, decimals=1))
        share = (pl.when(pl.col("landing").is_null()).then(pl.lit(words.UNKNOWN)).otherwise(told), "text")
    measure = pl.col("measure").replace(MEASURES)
    columns = {f"{found.year}, {found.currency}": measure, **each("money", names), "Of target": share}
    if given is not None and (given["steer"].fill_null("") != "").any():
        told = pl.when(pl.col("steer") == "price").then(pl.format("at {} of what is missing", "price"))
        steer = told.when(pl.col("steer") == "floor").then(pl.lit("as a limit")).otherwise(pl.lit(""))
        mine = given.filter(pl.col("year") == found.year).select("measure", steer=steer)
        rows = rows.join(mine, on="measure", how="left", maintain_order="left").with_columns(
            pl.col("steer").fill_null("")
        )
        columns["Steers"] = "steer"
    return laid_out(rows, f"The targets of {found.year}", columns, " ".join(found.notes), rows=10)


WHAT = "margin"


class Split(Protocol):
    """What the page reads of an Attribution: this room knows no solver."""

    @property
    def start(self) -> int:
        """Margin without any disruption, in minor units."""

    @property
    def end(self) -> int:
        """Margin with all of them, in minor units."""

    @property
    def residual(self) -> int:
        """What the shares leave, in minor units."""

    @property
    def digits(self) -> int:
        """Decimals of the currency."""

    @property
    def how(self) -> str:
        """How the figures were found."""

    @property
    def why(self) -> str:
        """Why the one-at-a-time figures do not add up."""

    def table(self) -> pl.DataFrame:
        """disruption, kind, amount, share, alone, last, low, high, steering."""


def why_frame(split: Split) -> pl.DataFrame:
    """An attribution as the waterfall reads it: label, amount [money], kind."""
    scale = 10**split.digits
    steps = [(name, amount, "driver") for name, amount in split.table().select("disruption", "amount").iter_rows()]
    rows = [
        ("plan without them", split.start / scale, "start"),
        *steps,
        ("this week's plan", split.end / scale, "end"),
    ]
    return pl.DataFrame(rows, schema=["label", "amount", "kind"], orient="row")


def why_chart(split: Split, currency: str) -> charts.Chart:
    """From the plan without the disruptions to this week's plan, as a waterfall."""
    return charts.bridge(why_frame(split), currency, what=WHAT)


def why_table(split: Split, currency: str) -> Table:
    """Each disruption's share of the move, beside what it does alone and last."""
    rows = split.table()
    names = {
        "Its share": "amount", "Of the move": "share", "Put in alone": "alone", "Taken out alone": "last",
        "Steering": "steering",
    }  # fmt: skip
    summed = ("amount", "alone", "last", "steering")
    sums = {name: [round(float(rows[name].sum()), 2)] for name in summed}
    total = pl.DataFrame({"disruption": ["All together"], **sums, "share": [1.0]})
    if rows["low"].null_count() < rows.height:
        names |= {"95 % from": "low", "95 % to": "high"}
    rows = rows.with_columns(said("disruption", capital))
    columns: dict[str, Column] = {
        "Disruption": "disruption",
        **{
            title if name == "share" else f"{title}, {currency}": (name, "percent" if name == "share" else "cents")
            for title, name in names.items()
        },
    }
    together = pl.concat([rows.select("disruption", *names.values()), total], how="diagonal_relaxed")
    title, strong = "Why the margin moved: this week's disruptions", pl.col("Disruption") == "All together"
    return laid_out(together, title, columns, f"{split.how} {split.why}", rows=20, strong=strong)


DIGITS = 2
WALK = "The walk from budget to what happened leaves no residual"


@dataclass(frozen=True, eq=False)
class TiedUp:
    """Working capital by week, expediting by cause, and the closed week from budget to actual.

    Parameters
    ----------
    situation : the week.
    """

    situation: Week

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
        money = {
            "Stock": "stock", "Customers owe": "receivables", "We owe": "payables",
            "Working capital": "working_capital",
        }  # fmt: skip
        week = said("week", lambda week: capital(words.period_name(week)))
        columns = {"Week": week, **each("money", money), "Days of stock": ("days_of_stock", ",.1f")}
        note = "At each week's end; stock at standard cost. Working capital: stock and receivables less payables."
        return laid_out(rows, f"Working capital of the plan, {self.situation.currency}", columns, note, rows=30)

    @cached_property
    def expediting(self) -> pl.DataFrame:
        """What is paid for expedited purchases, by cause, item and place."""
        costs, spared = self.situation.prices, None
        if costs is not None and "unhurried" in costs.columns:
            rows = costs.filter(pl.col("cause") == "event").select(event="subject", of="unhurried").explode("of")
            spared = rows.drop_nulls("of").unnest("of")
        return expediting_by_cause(self.situation.plan, self.situation.snapshot, spared=spared)

    @property
    def expediting_table(self) -> Table | str:
        """The same as a table."""
        if self.expediting.is_empty():
            return "The plan expedites nothing."
        columns: dict[str, Column] = {
            "Cause": said("cause", capital), "Item": "item", "Location": "location", "Units": ("quantity", ",.1f"),
            f"Premium, {self.situation.currency}": (-pl.col("amount"), "cents"),
        }  # fmt: skip
        note = (
            "The premium over the ordinary way. Each unit has one cause: an event where planning again without it does "
            "not expedite the unit, else the ordinary lead time; where nobody has planned again, the first that the "
            "extract knows of its item."
        )
        return laid_out(self.expediting, "Expediting by cause", columns, note, rows=20)

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
        columns: dict[str, Column] = {
            "Plan or driver": said("line", capital),
            **each("cents", {amount: pl.when(~plans).then(pl.col("amount")), worth: "cumulative"}),
            "How it is worked out": "formula",
        }
        note = (
            f"In accrual, at standard cost. {first.convention.capitalize()}. Favourable is positive; the residual of "
            "every bridge is 0.00."
        )
        title = f"The closed week: {' → '.join(self.walk.names)}"
        return laid_out(rows, title, columns, note, rows=60, strong=pl.col(amount).is_null())

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The walk and the premiums add up."""
        paid = round(-self.situation.plan.ledger.accounts().get("expediting", 0.0) * 10**DIGITS)
        found = -round(self.expediting["amount"].sum() * 10**DIGITS)
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
        made = {"expediting": self.expediting}
        if not isinstance(self.capital, str):
            made["working_capital"] = self.capital
        if not isinstance(self.walk, str):
            for number, one in enumerate(self.walk.bridges, start=1):
                made[f"walk_{number}"] = one.detail.with_columns(as_money(pl.col("amount"), one.digits))
        return made
