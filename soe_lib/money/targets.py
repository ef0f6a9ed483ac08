"""The year's targets, and where this week's plan lands them: booked, happened since, planned, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import as_count, value_actuals
from soe_lib.money.cash import cash_curve, working_capital
from soe_lib.money.rates import RateBook
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.window import PlanLike, Window, cut, horizon, position, standard_costs

MEASURES = ("revenue", "margin", "stock", "cash", "growth", "working_capital")
AT_MOST = ("stock", "working_capital")
"""Measures of which less is better."""
MONEY = ("target", "booked", "actual", "planned", "rest", "landing", "gap")
ROWS = pl.Schema({"measure": pl.String} | dict.fromkeys(MONEY, pl.Int64))


@dataclass(frozen=True, eq=False, repr=False)
class YearTargets:
    """The year's targets and their likely end.

    Formula: landing = booked + actual + planned + rest; gap = landing − target, of stock and working capital target −
    landing; below 0 the target is missed.

    Parameters
    ----------
    year : fiscal year. rows : measure, target, booked (in the books), actual (happened since), planned (this plan),
        rest (budget, of days after the plan's horizon), landing, gap; Int64, minor units.
    notes : what had to be assumed, counted. currency, digits : of the money.
    """

    year: str
    rows: pl.DataFrame
    notes: tuple[str, ...] = ()
    currency: str = ""
    digits: int = 2

    def table(self) -> pl.DataFrame:
        """The rows in money, and share = landing ÷ target."""
        share = pl.when(pl.col("target") != 0).then(pl.col("landing") / pl.col("target"))
        money = [as_money(pl.col(name), self.digits).alias(name) for name, kind in ROWS.items() if kind == pl.Int64]
        return self.rows.with_columns(share=share).with_columns(money)

    def __repr__(self) -> str:
        rows = self.table().select("measure", "target", "landing", "gap").iter_rows()
        line = "  {:<8} target {:>18,.2f}, lands at {:>18,.2f} ({:+,.2f})"
        unknown = "  {:<8} target {:>18,.2f}, lands at: not known"
        lines = [unknown.format(*row[:2]) if row[2] is None else line.format(*row) for row in rows]
        return "\n".join([f"Targets of {self.year}, {self.currency}", *lines, *self.notes])


def year_targets(
    snapshot: Snapshot, plan: PlanLike, *, year: str | None = None, before: Snapshot | None = None, digits: int = 2
) -> YearTargets:
    """Where this week's plan lands the year's revenue, margin, stock, cash, growth and working capital.

    Formula: revenue and margin (accrual, at standard cost) are what the books hold, the actuals since, the plan's days
    of the year, and the budget of the days after its horizon; stock is what the plan holds at the year's end (or at its
    horizon's end) at standard cost; cash is booked and what the plan's cash curve brings by then; growth is the revenue
    that it asks for, (1 + share) × that of the year before; working capital is stock and receivables less payables at
    the last week's end by then. Without a row in
    `targets` the budget's months of the year are the target of revenue and margin, and S&OP's stock of the year's last
    month that of stock.

    Parameters
    ----------
    year : fiscal year; that of the as-of date when left out.
    before : the extract before this one, whose inventory is the stock that its day began with. Margin that happened is
        blank where nobody knows the stock at its start.

    Raises DataError where neither targets nor budget nor S&OP say anything of the year.

    Examples
    --------
    >>> aims = pl.DataFrame({"year": ["2026"], "measure": ["revenue"], "amount": [40_000.0]})
    >>> asked = soe.snapshot(settings, {**tables, "targets": aims})
    >>> soe.money.year_targets(asked, soe.plan(asked)).table().select("measure", "target").rows()
    [('revenue', 40000.0)]
    """
    asked = year or year_of(snapshot)
    sides = _Sides(snapshot, plan, asked, before)
    rows = [found for measure in MEASURES if (found := sides.row(measure)) is not None]
    if not rows:
        raise DataError(
            f"{snapshot.folder} has no target for {asked}: give the table targets (year, measure, amount), or a budget."
        )
    numbers = [name for name, kind in ROWS.items() if kind == pl.Int64 and name not in ("landing", "gap")]
    cents = [{"measure": row["measure"], **{n: _minor(row[n], digits) for n in numbers}} for row in rows]
    landing = pl.col("booked") + pl.col("actual") + pl.col("planned") + pl.col("rest")
    sign = pl.when(pl.col("measure").is_in(AT_MOST)).then(-1).otherwise(1)
    known = {name: kind for name, kind in ROWS.items() if name in ("measure", *numbers)}
    frame = pl.DataFrame(cents, schema=known).with_columns(landing=landing)
    frame = frame.with_columns(gap=(pl.col("landing") - pl.col("target")) * sign)
    return YearTargets(asked, frame.select(list(ROWS)).cast(ROWS), tuple(sides.notes), snapshot.currency, digits)


def year_of(snapshot: Snapshot) -> str:
    """The fiscal year of the as-of date."""
    return str(snapshot.calendar.fiscal_month(pl.Series([snapshot.as_of]))[0])[:4]


def spans_of(snapshot: Snapshot, year: str) -> pl.DataFrame:
    """month, first, last of the year's fiscal months, as the calendar has them."""
    months = pl.Series([f"{year}-{number:02d}" for number in range(1, 13)])
    return snapshot.calendar.spans(months).rename({"label": "month"}).drop_nulls()


def last_day_of(snapshot: Snapshot, year: str) -> date:
    """The last day of a fiscal year."""
    return spans_of(snapshot, year)["last"].max()  # type: ignore[return-value]


def _minor(money: float | str | None, digits: int) -> int | None:
    return None if money is None else int(whole(float(money) * 10**digits)[0])


class _Sides:
    """What the tables, the actuals and the plan say of one year."""

    def __init__(self, snapshot: Snapshot, plan: PlanLike, year: str, before: Snapshot | None = None) -> None:
        self.snapshot, self.plan, self.year, self.before = snapshot, plan, year, before
        self.notes: list[str] = []
        self.spans = spans_of(snapshot, year)
        self.given = snapshot["targets"].filter(pl.col("year") == year)
        self.costs = standard_costs([plan], snapshot["items"])
        self.horizon = horizon(plan)

    def row(self, measure: str) -> dict[str, float | str | None] | None:
        """One line of the targets; None where nobody has set one."""
        given = self.given.filter(pl.col("measure") == measure)
        budget = self.snapshot["budget"].filter(pl.col("fiscal_month").is_in(self.spans["month"].implode()))
        if given.height:
            said = given.row(0, named=True)
            start = said["booked_to"] + timedelta(days=1) if said["booked_to"] else self._known_from()
            target, booked = float(said["amount"]), float(said["booked"])
            if measure == "growth":
                target, booked, start = self._grown(said, start)
        elif measure in ("revenue", "margin") and budget["amount"].is_not_null().any():
            months = budget["fiscal_month"].unique().sort().to_list()
            start, booked = self.spans.filter(pl.col("month") == months[0])["first"][0], 0.0
            target = float(budget.filter(_mine(measure))["amount"].sum())
            if len(months) < 12:
                self._say(f"The budget knows {months[0]} to {months[-1]} of {self.year}: {measure} is of these months.")
        elif measure == "stock" and (known := self._promised_stock()) is not None:
            start, booked, target = self.snapshot.as_of, 0.0, known
        else:
            return None
        money = {"stock": self._stock, "cash": self._cash, "working_capital": self._working_capital}.get(measure)
        parts = money(start) if money else self._earned(measure, start)
        actual, planned, rest = parts
        return {
            "measure": measure, "target": target, "booked": booked, "actual": actual, "planned": planned, "rest": rest,
        }  # fmt: skip

    @property
    def end(self) -> date:
        """Last day of the year."""
        return self.spans["last"].max()  # type: ignore[return-value]

    def _known_from(self) -> date:
        first = self.snapshot["actuals"].filter(pl.col("measure") != "stock")["date"].min()
        return first if isinstance(first, date) else self.snapshot.as_of

    def _earned(self, measure: str, start: date) -> tuple[float | None, float, float]:
        """Revenue or margin: happened since `start`, planned, and budgeted for the days after the horizon."""
        today = self.snapshot.as_of
        past = start, today - timedelta(days=1)
        actual: float | None = 0.0
        if start < today and self.snapshot["actuals"].height:
            begun = max(start, self._known_from())
            if gap := int(np.busday_count(start, begun)):
                self._say(f"{gap} working days before {begun} are neither booked nor in the actuals: they count as 0.")
            past = begun, past[1]
            if measure != "margin" or self._counted_before(begun):
                actual = self._of_window(self._happened(begun), measure, past)
            else:
                actual = None
                self._say(f"Margin since {begun} is not known: no count and no inventory say what lay in stock then.")
        elif gap := int(np.busday_count(start, today)):
            self._say(f"{gap} working days before {today} are neither booked nor in the actuals: they count as 0.")
        days = max(today, self.horizon[0]), min(self.end, self.horizon[1])
        planned = self._of_window(self.plan, measure, days) if days[0] <= days[1] else 0.0
        return actual, planned, self._budgeted(measure, self.horizon[1] + timedelta(days=1))

    def _counted_before(self, start: date) -> bool:
        """Whether somebody knows the stock at the start of a day: a count before it, or an inventory of that day."""
        counts = self.snapshot["actuals"].filter(pl.col("measure") == "stock", pl.col("date") < start)
        return counts.height > 0 or self._inventory_of(start) is not None

    def _inventory_of(self, day: date) -> Snapshot | None:
        """The extract whose inventory is the stock at the start of a day."""
        found = [one for one in (self.before, self.snapshot) if one is not None and one.as_of == day]
        return next((one for one in found if one["inventory"].height), None)

    def _happened(self, start: date) -> PlanLike:
        """The actuals, with today's inventory, and that of their first day, as counts where none was made."""
        book = getattr(self.plan, "rates", None)
        if not isinstance(book, RateBook):
            raise DataError(f"{self.plan.name} has no rates to value the actuals by: value it first.")
        rows = self.snapshot["actuals"].with_columns(_inventory=pl.lit(value=False))
        counted = rows.filter(pl.col("measure") == "stock")["date"].unique().implode()
        known = [one for day in (start, self.snapshot.as_of) if (one := self._inventory_of(day)) is not None]
        told = pl.concat([rows, *(as_count(one) for one in known)], how="diagonal")
        twice = pl.col("date").is_in(counted) & pl.col("_inventory")
        kept = told.filter(~twice).with_columns(pl.col("resource", "customer").fill_null(""))
        return value_actuals(self.snapshot.replace(actuals=kept), book)

    def _of_window(self, plan: PlanLike, measure: str, days: Window) -> float:
        first, last = horizon(plan)
        window = max(days[0], first), min(days[1], last)
        if window[0] > window[1]:
            return 0.0
        ledger = cut(plan, window, standard_cost=self.costs).ledger
        return ledger.margin if measure == "margin" else ledger.accounts().get("revenue", 0.0)

    def _budgeted(self, measure: str, start: date) -> float:
        """The budget of the days from `start` to the year's end, by working days."""
        if start > self.end:
            return 0.0
        rows = self.snapshot["budget"].filter(_mine(measure)).join(self.spans, left_on="fiscal_month", right_on="month")
        late = rows.filter(pl.col("last") >= start)
        first, last = (late[name].to_numpy().astype("datetime64[D]") for name in ("first", "last"))
        left = np.busday_count(np.maximum(first, np.datetime64(start)), last + 1)
        share = left / np.maximum(np.busday_count(first, last + 1), 1)
        lost = self.spans.filter(pl.col("last") >= start).join(
            rows.select(month="fiscal_month"), on="month", how="anti"
        )
        if lost.height:
            self._say(f"{lost.height} months after the plan's horizon have no budget: their {measure} counts as 0.")
        self._say(f"The days from {start} to {self.end} lie after the plan's horizon: they count as budgeted.")
        return float(np.sum(late["amount"].fill_null(0.0).to_numpy() * share))

    def _promised_stock(self) -> float | None:
        last = str(self.spans["month"].sort()[-1])
        stock = self.snapshot["consensus"].filter(pl.col("measure") == "stock", pl.col("fiscal_month") == last)
        rows = stock.filter(pl.col("amount").is_not_null())
        if rows.is_empty():
            return None
        self._say(f"The stock target is S&OP's for {last}, of the families that it names.")
        return float(rows["amount"].sum())

    def _stock(self, start: date) -> tuple[float, float, float]:  # noqa: ARG002
        """What the plan holds at the year's end, at standard cost."""
        day = min(self.end, self.horizon[1])
        if day < self.end:
            self._say(f"The plan ends on {day}, before the year does: stock is that of its last day.")
        owned = position(self.plan, day).join(self.costs, on="item", how="left")
        families = self.snapshot["consensus"].filter(pl.col("measure") == "stock")["family"].unique()
        if self.given.filter(pl.col("measure") == "stock").is_empty() and "" not in families:
            items = self.snapshot["items"].filter(pl.col("family").is_in(families.implode()))
            owned = owned.join(items, on="item", how="semi")
        return 0.0, float((owned["quantity"] * owned["standard_cost"].fill_null(0.0)).sum()), 0.0

    def _grown(self, said: dict[str, Any], start: date) -> tuple[float, float, date]:
        """The revenue that a growth asks for; what is booked of it, and from which day on, is that of revenue."""
        last = self.snapshot["targets"].filter(year=str(int(self.year) - 1), measure="revenue")
        if last.is_empty() or not last["booked"][0]:
            raise DataError(
                f"The growth of {self.year} is on the revenue of {int(self.year) - 1}, which nobody says: give targets "
                f"a row ({int(self.year) - 1}, revenue) with what the books hold of that year in booked."
            )
        own = self.given.filter(measure="revenue")
        booked, base = float(said["booked"]), float(last["booked"][0])
        if own.height and not booked and not said["booked_to"]:
            booked, to = float(own["booked"][0]), own["booked_to"][0]
            start = to + timedelta(days=1) if to else start
        self._say(
            f"Growth of {100 * float(said['amount']):.1f} % is on a revenue of {base:,.0f} in {int(self.year) - 1}."
        )
        return base * (1.0 + float(said["amount"])), booked, start

    def _working_capital(self, start: date) -> tuple[float, float, float]:  # noqa: ARG002
        """Stock and receivables less payables at the end of the last week of the year that the plan reaches."""
        weeks = working_capital(self.plan, self.snapshot).filter(pl.col("ends_on") <= min(self.end, self.horizon[1]))
        if weeks.is_empty():
            self._say("No week of the plan ends within the year: working capital is not known, and counts as 0.")
            return 0.0, 0.0, 0.0
        day = cast("date", weeks["ends_on"].max())
        if weeks.filter(ends_on=self.end).is_empty():
            self._say(f"Working capital is that of {day}, the last week's end of the year that the plan reaches.")
        return 0.0, float(weeks.sort("ends_on")["working_capital"][-1]), 0.0

    def _cash(self, start: date) -> tuple[float, float, float]:
        """What the plan's cash curve brings by the year's end, what is owed on the as-of date included."""
        today = self.snapshot.as_of
        if gap := int(np.busday_count(start, today)):
            self._say(f"Cash of the {gap} working days from {start} to the as-of date is not known: it counts as 0.")
        curve = cash_curve(self.plan, self.snapshot)
        self.notes += curve.notes
        if self.end > self.horizon[1]:
            self._say(f"Cash after {self.horizon[1]} is only what is owed by then.")
        net = curve.rows.filter(pl.col("date") <= self.end)["net"].sum()
        return 0.0, float(net) / 10**curve.digits, 0.0

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _mine(measure: str) -> pl.Expr:
    """Which rows of the budget belong to a measure."""
    revenue = (pl.col("account") == "revenue") | ((pl.col("account") == "") & (pl.col("measure") == "sales"))
    return pl.lit(True) if measure == "margin" else revenue
