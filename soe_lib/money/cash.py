"""When the money of a plan comes and goes: the cash curve, and what it is worth today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.errors import DataError, FormulationError
from soe_lib.extract.settings import Terms
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import timeline
from soe_lib.money.rounding import as_money, nested, whole
from soe_lib.money.window import PlanLike, at_standard_cost, horizon, periods_of

DAYS = 365.0
"""Days of a year, for times in years and for annual rates."""


def npv(rate: float, flows: npt.ArrayLike, times: npt.ArrayLike | None = None) -> float:
    """What the flows are worth at time 0.

    Formula: Σ c_t / (1 + r)^t; the flow of time 0 is not discounted.

    Parameters
    ----------
    rate : per unit of time (a year, where times are in years), above −1.
    flows : shape (n,) [money]. times : shape (n,) [years]; left out: 0, 1, 2 …

    Raises DataError for a rate of −100 % or less, or shapes that do not fit.
    """
    money, when = _checked(flows, times)
    if not rate > -1.0:
        raise DataError(f"a rate of {rate:.2%} takes everything and more: give one above −100 %.")
    return float(np.sum(money * (1.0 + rate) ** -when))


def annual_rate(rate: float, per: str, *, days: float | None = None) -> float:
    """A capital rate per day, week, year or period, as a rate per year.

    Formula: (1 + rate)^(365 ÷ days of `per`) − 1.

    Parameters
    ----------
    per : day, week, year, or period. days : of a period.

    Raises DataError for a period of unknown length.
    """
    length = {"day": 1.0, "week": 7.0, "year": DAYS}.get(per, days)
    if not length:
        raise DataError(f"a capital rate per {per} is no rate per year: say how many days that is.")
    return float((1.0 + rate) ** (DAYS / length) - 1.0)


def _checked(
    flows: npt.ArrayLike, times: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    money = np.atleast_1d(np.asarray(flows, dtype=np.float64))
    when = (
        np.arange(money.size, dtype=np.float64) if times is None else np.atleast_1d(np.asarray(times, dtype=np.float64))
    )
    if money.shape != when.shape:
        raise DataError(f"{money.size} flows at {when.size} times: give each flow its time.")
    if bad := int(np.count_nonzero(~np.isfinite(money) | ~np.isfinite(when))):
        raise DataError(f"{bad} of {money.size} flows have no finite amount or time.")
    return money, when


RECEIVED = ("revenue", "penalties")
"""Accounts that customers settle, `receivable_days` later."""
BOUGHT = ("material", "expediting", "freight")
"""Accounts that suppliers and carriers are paid for, `payable_days` later; all others are paid as they arise."""

MOVES = pl.Schema({"date": pl.Date, "account": pl.String, "side": pl.String, "amount": pl.Float64})
"""Money by the day it moves on; side is received, bought, or other."""


@dataclass(frozen=True, eq=False, repr=False)
class CashCurve:
    """Cash by day, with what customers still owe and what is still owed to suppliers.

    Formula: net = inflow + outflow (negative); cash = Σ net so far; receivables = open at the start + revenue so far −
    received so far, payables alike.

    Parameters
    ----------
    name : of the plan. as_of : the day that counts as today.
    rows : date, inflow, outflow, net, cash, receivables, payables (Int64, minor units), without a gap.
    rate : capital rate per year. digits : decimals of the currency.
    notes : what had to be assumed, counted.
    """

    name: str
    as_of: date
    rows: pl.DataFrame
    rate: float
    digits: int = 2
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All the money that moves, in minor units."""
        return int(self.rows["net"].sum())

    def npv(self, rate: float | None = None) -> float:
        """What the curve is worth on the as-of date [money].

        Formula: Σ net_t / (1 + r)^(days from the as-of date ÷ 365).

        Parameters
        ----------
        rate : per year; the capital rate of the settings when left out.
        """
        years = (self.rows["date"] - self.as_of).dt.total_days().to_numpy() / DAYS
        flows = self.rows["net"].to_numpy() / 10**self.digits
        return npv(self.rate if rate is None else rate, flows, years)

    def table(self, by: Literal["day", "week", "month"] = "week") -> pl.DataFrame:
        """The curve by day, ISO week or calendar month: label, inflow, outflow, net, balances at its end [money]."""
        forms = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
        if by not in forms:
            raise FormulationError(f"a cash curve is read by {', '.join(forms)}, not by {by!r}.")
        flows, balances = ["inflow", "outflow", "net"], ["cash", "receivables", "payables"]
        labelled = self.rows.with_columns(pl.col("date").dt.strftime(forms[by]).alias(by))
        sums = labelled.group_by(by, maintain_order=True).agg(pl.col(flows).sum(), pl.col(balances).last())
        return sums.with_columns(as_money(pl.col(name), self.digits) for name in (*flows, *balances))

    def __repr__(self) -> str:
        scale = 10**self.digits
        lowest = int(self.rows["cash"].min() or 0)  # type: ignore[arg-type]
        worth = f"worth {self.npv():,.2f} today at {self.rate:.2%} a year."
        head = f"Cash of {self.name} from {self.as_of}: {self.total / scale:,.2f} in all"
        return " ".join([f"{head}, never below {lowest / scale:,.2f}, {worth}", *self.notes])


def cash_curve(
    plan: PlanLike, snapshot: Snapshot, *, terms: Terms | None = None, opening: bool = True, digits: int = 2
) -> CashCurve:
    """The cash curve of a plan: what is sold comes in and what is bought goes out when the terms say.

    Formula: each line of the ledger's cash lies evenly over the days of its period; revenue and penalties move
    `receivable_days` later, material, expediting and freight `payable_days` later. Holding that is only the capital
    rate on stock is no payment and left out: the NPV counts it. With `opening`, sales and purchases of the actuals that
    are not yet paid for come on top. Day by day in minor units, adding up to the ledger's cash (less capital charges).

    Parameters
    ----------
    snapshot : with terms, capital rate and actuals. terms : in place of its own.

    Raises DataError for negative terms, or a capital rate per period.
    """
    used = snapshot.settings.terms if terms is None else terms
    if min(used.receivable_days, used.payable_days) < 0:
        raise DataError(f"terms of {used.receivable_days:g} and {used.payable_days:g} days: give 0 or more.")
    costs, notes = snapshot.settings.costs, []
    length = float(snapshot.periods["days"].mean())  # type: ignore[arg-type]
    lines, charge = _payments(plan, snapshot)
    if charge:
        notes.append(f"Capital charges of {charge:,.2f} on stock are no payments.")
    moves = _by_day(lines, plan)
    before = _open_items(snapshot, used, notes) if opening else pl.DataFrame(schema=MOVES)
    rows = _balances(_in_cents(pl.concat([moves, before]), digits), used, snapshot.as_of)
    rate = annual_rate(costs.capital_rate or 0.0, costs.per, days=length)
    return CashCurve(plan.name, snapshot.as_of, rows, rate, digits, tuple(notes))


def cash_to_cash(curve: CashCurve, plan: PlanLike, standard_cost: pl.DataFrame) -> dict[str, float]:
    """For how many days money is tied up between paying for material and being paid for goods.

    Formula: days of stock + days receivable − days payable; days of stock = mean stock at standard cost ÷ (cost of
    sales per day), days receivable = mean receivables ÷ (revenue per day), days payable = mean payables ÷ (material per
    day), over the plan's horizon (SCOR; payables on material cost).

    Parameters
    ----------
    standard_cost : item, standard_cost [money/unit].

    Returns days_of_stock, days_receivable, days_payable, cash_to_cash [days].

    Raises DataError where the plan sells or buys nothing, or a standard cost is missing.
    """
    periods = periods_of(plan)
    first, last = horizon(plan)
    days = (last - first).days + 1
    inside = curve.rows.filter(pl.col("date").is_between(first, last))
    scale = 10.0**curve.digits
    accounts = plan.ledger.accounts()
    revenue, material = accounts.get("revenue", 0.0), -sum(accounts.get(name, 0.0) for name in BOUGHT)
    cost = float(at_standard_cost(plan.flows["sell"].select("item", "quantity"), standard_cost, "sold")["worth"].sum())
    if min(revenue, cost, material) <= 0:
        raise DataError(f"{plan.name} sells or buys nothing at a price: there are no days to count.")
    stock = at_standard_cost(plan.flows["stock"], standard_cost, "in stock").join(
        periods.select("period", "days"), on="period"
    )
    held = float((stock["worth"] * stock["days"]).sum()) / days
    receivable = float(inside["receivables"].mean()) / scale / (revenue / days)  # type: ignore[arg-type]
    payable = float(inside["payables"].mean()) / scale / (material / days)  # type: ignore[arg-type]
    in_stock = held / (cost / days)
    return {
        "days_of_stock": in_stock, "days_receivable": receivable, "days_payable": payable,
        "cash_to_cash": in_stock + receivable - payable,
    }  # fmt: skip


def _side(account: pl.Expr) -> pl.Expr:
    received = pl.when(account.is_in(RECEIVED)).then(pl.lit("received"))
    return received.when(account.is_in(BOUGHT)).then(pl.lit("bought")).otherwise(pl.lit("other"))


def _payments(plan: PlanLike, snapshot: Snapshot) -> tuple[pl.DataFrame, float]:
    """Cash lines by account and period, and the capital charges that are not among them [money]."""
    cash = plan.ledger.lines.filter(pl.col("kind") == "cash")
    costs, items = snapshot.settings.costs, snapshot["items"]
    imputed = items.filter(pl.col("holding_cost").is_null()).select(
        "item", imputed=pl.col("standard_cost").fill_null(0.0) * (costs.capital_rate or 0.0)
    )
    lengths = snapshot.periods.select("period", "length")
    held = cash.join(imputed, on="item", how="left").join(lengths, on="period", how="left")
    part = pl.col("quantity") * pl.col("imputed") * pl.col("length")
    charge = pl.when(pl.col("account") == "holding").then(part).otherwise(0.0).fill_null(0.0)
    # No more than the line itself: what is charged twice or valued at another rate stays a payment.
    split = held.with_columns(_charge=pl.min_horizontal(charge, -pl.col("amount")).clip(0.0))
    paid = split.group_by("account", "period").agg((pl.col("amount") + pl.col("_charge")).sum())
    return paid, float(split["_charge"].sum())


def _by_day(lines: pl.DataFrame, plan: PlanLike) -> pl.DataFrame:
    """Each line evenly over the days of its period."""
    dates = timeline(lines["period"], periods_of(plan))
    dated = lines.join(dates, on="period", how="inner").filter(pl.col("amount") != 0)
    spread = dated.with_columns(pl.date_ranges("starts_on", "ends_on").alias("date"), pl.col("amount") / pl.col("days"))
    return spread.explode("date").select("date", "account", _side(pl.col("account")).alias("side"), "amount")


def _open_items(snapshot: Snapshot, terms: Terms, notes: list[str]) -> pl.DataFrame:
    """Sales and purchases of the actuals that are not paid for on the as-of date, on the day they were made."""
    accounts = {"sales": ("revenue", terms.receivable_days), "buy": ("material", terms.payable_days)}
    accounts["ship"] = ("freight", terms.payable_days)
    done = snapshot["actuals"].filter(pl.col("amount").is_not_null(), pl.col("date") < snapshot.as_of)
    parts = [pl.DataFrame(schema=MOVES)]
    for measure, (account, days) in accounts.items():
        mine = done.filter(pl.col("measure") == measure)
        since = snapshot.as_of - timedelta(days=round(days))
        if days and (mine.is_empty() or mine["date"].min() > since + timedelta(days=7)):  # type: ignore[operator]
            notes.append(f"The actuals' {measure} do not reach back {days:g} days: older ones count as paid.")
        sign = 1.0 if measure == "sales" else -1.0
        rows = mine.filter(pl.col("date") >= since).group_by("date").agg(amount=pl.col("amount").sum() * sign)
        label = pl.lit(account).alias("account")
        parts.append(rows.select("date", label, _side(label).alias("side"), "amount"))
    return pl.concat(parts)


def _in_cents(moves: pl.DataFrame, digits: int) -> pl.DataFrame:
    rows = moves.group_by("side", "date").agg(pl.col("amount").sum()).sort("side", "date")
    scaled = rows["amount"].to_numpy() * 10**digits
    cents = nested(scaled, [rows["side"].rank("dense").to_numpy()], int(whole(np.sum(scaled))[0]))
    return rows.with_columns(pl.Series("amount", cents, dtype=pl.Int64))


def _balances(moves: pl.DataFrame, terms: Terms, as_of: date) -> pl.DataFrame:
    """Day by day: what moves, and what is open at the end of the day."""
    received = pl.when(pl.col("side") == "received").then(terms.receivable_days)
    later = received.when(pl.col("side") == "bought").then(terms.payable_days).otherwise(0.0)
    due = moves.with_columns(due=pl.col("date") + pl.duration(days=later.round(0).cast(pl.Int64)))
    last = max([as_of, *due["due"].drop_nulls().to_list()])
    days = pl.DataFrame({"date": pl.date_range(as_of, last, eager=True)})
    rows = days.join(_sums(due, "due", pl.col("amount") > 0, "inflow"), on="date", how="left")
    rows = rows.join(_sums(due, "due", pl.col("amount") < 0, "outflow"), on="date", how="left")
    for side, name, sign in (("received", "receivables", 1), ("bought", "payables", -1)):
        mine = due.filter(pl.col("side") == side)
        arisen = _sums(mine.with_columns(pl.max_horizontal("date", pl.lit(as_of))), "date", pl.lit(True), "arisen")
        settled = _sums(mine, "due", pl.lit(True), "settled")
        both = days.join(arisen, on="date", how="left").join(settled, on="date", how="left").fill_null(0)
        rows = rows.with_columns(((both["arisen"] - both["settled"]).cum_sum() * sign).alias(name))
    filled = rows.with_columns(pl.col("inflow", "outflow").fill_null(0)).with_columns(
        net=pl.col("inflow") + pl.col("outflow")
    )
    flows = filled.with_columns(cash=pl.col("net").cum_sum())
    return flows.select("date", "inflow", "outflow", "net", "cash", "receivables", "payables")


def _sums(moves: pl.DataFrame, day: str, which: pl.Expr, name: str) -> pl.DataFrame:
    return moves.filter(which).group_by(pl.col(day).alias("date")).agg(pl.col("amount").sum().alias(name))
