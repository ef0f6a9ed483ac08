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
from soe_lib.money.variances import OperatingStatement
from soe_lib.money.weekly_close import closed_week, closed_week_bridges
from soe_lib.review import charts, words
from soe_lib.review.frames.service import likely_end
from soe_lib.review.page import check, unmade
from soe_lib.review.plans_compared import capital
from soe_lib.review.tables import Format, Table
from soe_lib.review.week import Week

VARIANCES = "Budget profit and variances are the actual profit"
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
        if isinstance(self.situation.split, str):
            return [
                self.situation.split or "The move is not split here: soe.whatif.why_moved(before, snapshot) does it."
            ]
        return [
            why_chart(self.situation.split, self.situation.currency),
            why_table(self.situation.split, self.situation.currency),
        ]

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
        if not isinstance(self.situation.split, str):
            residual = self.situation.split.residual / 10**self.situation.split.digits
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
            steps = [
                (name, amount, "") for name, amount in why_frame(self.situation.split).select("label", "amount").rows()
            ]
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


MONTH = pl.col("month").map_elements(words.period_name, return_dtype=pl.String).alias("Month")
MEASURES = {"revenue": "Revenue", "margin": "Margin, accrual", "stock": "Stock at the year's end", "cash": "Cash"}


def ends_table(ends: pl.DataFrame) -> Table | str:
    """Where each family ends the month against its commitment, its band and its past."""
    if ends.is_empty():
        return "No month with a commitment ends within the horizon."
    units = {
        "consensus": "Committed",
        "actual": "Sold so far",
        "planned": "Still planned",
        "outlook": "Outlook",
        "low": "Band from",
        "high": "Band to",
        "likely_from": "Likely from",
        "likely_to": "Likely to",
    }
    shown = ends.with_columns(pl.col("low", "high") * pl.col("consensus")).select(
        pl.col("family").alias("Family"),
        MONTH,
        *(pl.col(name).alias(label) for name, label in units.items()),
        pl.col("verdict").alias("The commitment"),
    )
    note = (
        "Units. Outlook: sold so far and still planned. Likely: the outlook, as far off as its weekly forecast "
        "has been (its tolerance, where there is no history). Weeks are split over months by working days."
    )
    return Table(shown, "Where the months will end", dict.fromkeys(units.values(), "number"), note, rows=40)


def prices_table(prices: pl.DataFrame | None, currency: str) -> Table | str:
    """What the optimum gives up to keep each commitment that it would not keep by itself."""
    if prices is None:
        return "The commitments are not priced here: soe.whatif.commitment_prices(snapshot) does it."
    open_ = prices.filter(pl.col("planned") + pl.col("done") < pl.col("committed") - 0.5)
    free = prices.height - open_.height
    if open_.is_empty():
        return "Every commitment is kept by the plan as it is: keeping them costs nothing."
    most = pl.col("kept") < pl.col("committed") - 0.5
    money = [f"Costs, {currency}", f"A unit, {currency}", f"The last one, {currency}"]
    blank = pl.col("kept") - pl.col("done") - pl.col("planned") <= 0.5
    shown = open_.select(
        pl.col("family").alias("Family"),
        MONTH,
        pl.col("committed").alias("Committed"),
        (pl.col("done") + pl.col("planned")).alias("Best plan sells"),
        pl.col("kept").alias("Could be sold"),
        *(
            pl.when(~blank).then(pl.col(name)).alias(label)
            for name, label in zip(("money", "each", "next"), money, strict=True)
        ),
        pl.when(most).then(pl.lit("cannot be kept in full")).otherwise(pl.lit("can be kept")).alias("The commitment"),
    )
    formats = dict.fromkeys(("Committed", "Best plan sells", "Could be sold"), "number") | dict.fromkeys(money, "cents")
    note = (
        "Found by planning again with the commitment as a floor: optimum without it less optimum with it, goodwill "
        f"included. {words.count(free, 'other commitment').capitalize()} cost nothing: the plan sells as much anyway."
    )
    return Table(shown, "What it costs to keep the commitments", formats, note, rows=40)


def targets_table(found: YearTargets | None) -> Table | str:
    """The year's targets and where this week's plan lands them."""
    if found is None:
        return "Nobody has set a target for the year: give the table targets, or a budget."
    rows = found.table()
    names = {
        "target": "Target",
        "booked": "In the books",
        "actual": "Happened since",
        "planned": "Planned",
        "rest": "Budgeted after",
        "landing": "Lands at",
        "gap": "Better than target",
    }
    shown = rows.select(
        pl.col("measure").replace(MEASURES).alias(f"{found.year}, {found.currency}"),
        *(pl.col(name).alias(label) for name, label in names.items()),
        pl.col("share").alias("Of target"),
    )
    formats: dict[str, Format] = {**dict.fromkeys(names.values(), "money"), "Of target": "percent"}
    if rows["landing"].null_count():
        share = pl.col("Of target").map_elements(lambda part: words.percent(part, decimals=1), return_dtype=pl.String)
        told = pl.when(pl.col("Lands at").is_null()).then(pl.lit(words.UNKNOWN)).otherwise(share)
        shown = shown.with_columns(told.alias("Of target"))
        formats |= {"Of target": "text"}
    return Table(shown, f"The targets of {found.year}", formats, " ".join(found.notes), rows=10)


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
    unit = f", {currency}"
    names = {
        "disruption": "Disruption",
        "amount": f"Its share{unit}",
        "share": "Of the move",
        "alone": f"Put in alone{unit}",
        "last": f"Taken out alone{unit}",
        "steering": f"Steering{unit}",
    }
    if rows["low"].null_count() < rows.height:
        names |= {"low": f"95 % from{unit}", "high": f"95 % to{unit}"}
    numbers = [name for name in names if name not in ("disruption", "share")]
    sums: dict[str, Any] = {
        name: [round(float(rows[name].sum()), 2)] for name in numbers if name not in ("low", "high")
    }
    total = pl.DataFrame({"disruption": ["All together"], **sums, "share": [1.0]})
    rows = rows.with_columns(pl.col("disruption").map_elements(capital, return_dtype=pl.String))
    shown = pl.concat([rows.select(list(names)), total], how="diagonal_relaxed").select(list(names)).rename(names)
    said = f"{split.how} {split.why}"
    formats = dict.fromkeys((names[name] for name in numbers), "cents") | {"Of the move": "percent"}
    return Table(
        shown,
        "Why the margin moved: this week's disruptions",
        formats,
        said,
        rows=20,
        strong=pl.col("Disruption") == "All together",
    )


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
        premium = f"Premium, {self.situation.currency}"
        shown = self.expediting.select(
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
