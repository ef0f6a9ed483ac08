"""Cash of a plan: the cash curve and its net present value, working capital, excess stock and expediting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import and_, or_
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.errors import DataError, FormulationError
from soe_lib.extract.settings import Terms
from soe_lib.extract.snapshot import Snapshot, where_used
from soe_lib.money.ledger import timeline
from soe_lib.money.rounding import as_money, largest_remainder, nested, whole
from soe_lib.money.window import PlanLike, at_standard_cost, horizon, periods_of, with_dates

DAYS = 365.0
"""Days of a year, for discounting and annual rates."""
RECEIVED = ("revenue", "penalties")
"""Accounts that customers pay `receivable_days` later."""
BOUGHT = ("material", "expediting", "freight")
"""Accounts paid to suppliers and carriers `payable_days` later; all others are paid as they arise."""

MOVES = pl.Schema({"date": pl.Date, "account": pl.String, "side": pl.String, "amount": pl.Float64})
"""Payments by day; side is received, bought, or other."""
MONTH = 365 / 12
"""Days of a month."""
LEAD = "the ordinary way takes too long"
_CAUSE = pl.Schema({"item": pl.String, "cause": pl.String, "rank": pl.Int64, "event": pl.String})


def npv(rate: float, flows: npt.ArrayLike, times: npt.ArrayLike | None = None) -> float:
    """The net present value of cash flows at time 0.

    Formula: Σ c_t / (1 + r)^t; the flow of time 0 is not discounted.

    Parameters
    ----------
    rate : per unit of time (a year, for times in years), above −1.
    flows : shape (n,) [money]. times : shape (n,) [years]; default 0, 1, 2 …

    Raises DataError for a rate of −100 % or less, or shapes that do not match.

    Examples
    --------
    >>> soe.money.npv(0.25, [-100.0, 150.0])
    20.0
    """
    money = np.atleast_1d(np.asarray(flows, dtype=np.float64))
    when = np.arange(float(money.size)) if times is None else np.atleast_1d(np.asarray(times, dtype=np.float64))
    if money.shape != when.shape:
        raise DataError(f"{money.size} flows at {when.size} times: give each flow its time.")
    if bad := int(np.count_nonzero(~np.isfinite(money) | ~np.isfinite(when))):
        raise DataError(f"{bad} of {money.size} flows have no finite amount or time.")
    if not rate > -1.0:
        raise DataError(f"a rate of {rate:.2%} cannot discount: give one above −100 %.")
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
        raise DataError(f"a capital rate per {per} has no annual rate without its length: give `days`.")
    return float((1.0 + rate) ** (DAYS / length) - 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class CashCurve:
    """Cash, receivables and payables by day.

    Formula: net = inflow + outflow (negative); cash = Σ net so far; receivables = open at the start + revenue so far −
    received so far; payables likewise.

    Parameters
    ----------
    name : of the plan. as_of : the day that counts as today.
    rows : date, inflow, outflow, net, cash, receivables, payables (Int64, minor units), every day.
    rate : capital rate per year. digits : decimals of the currency.
    notes : assumptions with counts.
    """

    name: str
    as_of: date
    rows: pl.DataFrame
    rate: float
    digits: int = 2
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """The net cash flow in total, in minor units."""
        return int(self.rows["net"].sum())

    def npv(self, rate: float | None = None) -> float:
        """The net present value of the curve on the as-of date [money].

        Formula: Σ net_t / (1 + r)^(days from the as-of date ÷ 365).

        Parameters
        ----------
        rate : per year; default the capital rate of the settings.
        """
        years = (self.rows["date"] - self.as_of).dt.total_days().to_numpy() / DAYS
        flows = self.rows["net"].to_numpy() / 10**self.digits
        return npv(self.rate if rate is None else rate, flows, years)

    def table(self, by: Literal["day", "week", "month"] = "week") -> pl.DataFrame:
        """The curve by day, ISO week or calendar month: label, inflow, outflow, net, balances at its end [money]."""
        forms = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
        if by not in forms:
            raise FormulationError(f"a cash curve is grouped by {', '.join(forms)}, not by {by!r}.")
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
    """The cash curve of a plan, with receipts and payments by the terms of payment.

    Formula: each cash line of the ledger is spread evenly over the days of its period. Revenue and penalties are paid
    `receivable_days` later; material, expediting and freight `payable_days` later. Capital charges on stock are no
    payments and left out, since the NPV includes them. With `opening`, unpaid sales and purchases of the actuals are
    added. Day by day in minor units, adding up to the ledger's cash (less capital charges).

    Parameters
    ----------
    snapshot : with terms, capital rate and actuals. terms : in place of its own.

    Raises DataError for negative terms, or a capital rate per period.

    Examples
    --------
    >>> soe.money.cash_curve(soe.plan(small), small, opening=False).table().select("week", "cash").rows()
    [('2026-W04', 420.06), ('2026-W05', 840.0)]
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
    """The days from paying for material to being paid for goods.

    Formula: days of stock + days receivable − days payable; days of stock = mean stock at standard cost ÷ (cost of
    sales per day), days receivable = mean receivables ÷ (revenue per day), days payable = mean payables ÷ (material per
    day), over the plan's horizon (SCOR; payables on material cost).

    Parameters
    ----------
    standard_cost : item, standard_cost [money/unit].

    Returns days_of_stock, days_receivable, days_payable, cash_to_cash [days].

    Raises DataError if the plan sells or buys nothing, or a standard cost is missing.
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
    """Cash lines by account and period without capital charges, and the capital charges [money]."""
    cash = plan.ledger.lines.filter(pl.col("kind") == "cash")
    costs, items = snapshot.settings.costs, snapshot["items"]
    imputed = items.filter(pl.col("holding_cost").is_null()).select(
        "item", imputed=pl.col("standard_cost").fill_null(0.0) * (costs.capital_rate or 0.0)
    )
    lengths = snapshot.periods.select("period", "length")
    held = cash.join(imputed, on="item", how="left").join(lengths, on="period", how="left")
    part = pl.col("quantity") * pl.col("imputed") * pl.col("length")
    charge = pl.when(pl.col("account") == "holding").then(part).otherwise(0.0).fill_null(0.0)
    # Capped at the line itself; amounts above stay payments.
    split = held.with_columns(_charge=pl.min_horizontal(charge, -pl.col("amount")).clip(0.0))
    paid = split.group_by("account", "period").agg((pl.col("amount") + pl.col("_charge")).sum())
    return paid, float(split["_charge"].sum())


def _by_day(lines: pl.DataFrame, plan: PlanLike) -> pl.DataFrame:
    """Each line spread evenly over the days of its period."""
    dates = timeline(lines["period"], periods_of(plan))
    dated = lines.join(dates, on="period", how="inner").filter(pl.col("amount") != 0)
    spread = dated.with_columns(pl.date_ranges("starts_on", "ends_on").alias("date"), pl.col("amount") / pl.col("days"))
    return spread.explode("date").select("date", "account", _side(pl.col("account")).alias("side"), "amount")


def _open_items(snapshot: Snapshot, terms: Terms, notes: list[str]) -> pl.DataFrame:
    """Sales, purchases and freight of the actuals that are unpaid on the as-of date, by the day of the actual."""
    accounts = {"sales": ("revenue", terms.receivable_days), "buy": ("material", terms.payable_days)}
    accounts["ship"] = ("freight", terms.payable_days)
    done = snapshot["actuals"].filter(pl.col("amount").is_not_null(), pl.col("date") < snapshot.as_of)
    parts = [pl.DataFrame(schema=MOVES)]
    for measure, (account, days) in accounts.items():
        mine = done.filter(pl.col("measure") == measure)
        since = snapshot.as_of - timedelta(days=round(days))
        if days and (mine.is_empty() or mine["date"].min() > since + timedelta(days=7)):  # type: ignore[operator]
            notes.append(f"The actuals' {measure} rows go back less than {days:g} days: older ones count as paid.")
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
    """Flows by day, and the balances at the end of the day."""
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


def excess_and_obsolete(frame: pl.DataFrame, *, months: float = 3.0) -> pl.DataFrame:
    """Stock beyond future demand, in money.

    Formula: obsolete = stock × cost without future demand; excess = max(stock − months × demand per month, 0) × cost
    with future demand. A unit is never counted twice.

    Parameters
    ----------
    frame : item, location, stock [units], demand_per_month [units/month, future], standard_cost
        [money/unit].
    months : months of future demand that are no excess.

    Returns
    -------
    the frame with excess [money] and obsolete [money] added.
    """
    coming = pl.col("demand_per_month") > 0
    value = pl.col("stock") * pl.col("standard_cost")
    over = (pl.col("stock") - months * pl.col("demand_per_month")).clip(lower_bound=0.0) * pl.col("standard_cost")
    return frame.with_columns(
        excess=pl.when(coming).then(over).otherwise(0.0), obsolete=pl.when(coming).then(0.0).otherwise(value)
    )


def excess_stock(plan: PlanLike, snapshot: Snapshot, *, months: float = 3.0, digits: int = 2) -> pl.DataFrame:
    """Today's stock beyond some months of the plan's usage, by item over all places.

    Formula: used a month = (sold + used as component) ÷ days of the plan × 365/12; obsolete = stock × standard cost
    without usage; excess = max(stock − months × used a month, 0) × standard cost with usage. Transfers between places
    are no usage.

    Parameters
    ----------
    months : months of future usage that are no excess.

    Returns item, family, stock, used_a_month [unit], excess, obsolete [money, in whole minor units], the largest
    amount first; the columns add up to their rounded sums.

    Raises DataError for stock without a standard cost.

    Examples
    --------
    >>> full = soe.Scenario("full").row("inventory", item="tea", location="market", on_hand=1000.0).apply(small)
    >>> soe.money.excess_stock(soe.plan(full), full, months=1.0).select("item", "stock", "excess").rows()
    [('tea', 1000.0, 2957.14)]
    """
    first, last = horizon(plan)
    used = used_by(plan, snapshot).select(
        "item", demand_per_month=pl.col("quantity") / ((last - first).days + 1) * MONTH
    )
    stock = snapshot["inventory"].group_by("item").agg(quantity=pl.col("on_hand").sum()).filter(pl.col("quantity") > 0)
    priced = at_standard_cost(stock, snapshot["items"], "in stock").rename({"quantity": "stock"})
    rows = priced.join(used, on="item", how="left").join(
        snapshot["items"].select("item", "family"), on="item", how="left"
    )
    rows = excess_and_obsolete(rows.with_columns(pl.col("demand_per_month").fill_null(0.0)).sort("item"), months=months)
    cents = {name: largest_remainder(rows[name].to_numpy() * 10**digits) for name in ("excess", "obsolete")}
    shown = rows.with_columns(pl.Series(name, values, dtype=pl.Int64) for name, values in cents.items())
    order = shown.with_columns(_all=-pl.col("excess") - pl.col("obsolete")).sort("_all", "item")
    return order.select(
        "item",
        "family",
        "stock",
        pl.col("demand_per_month").alias("used_a_month"),
        as_money(pl.col("excess", "obsolete"), digits),
    )


def used_by(plan: PlanLike, snapshot: Snapshot) -> pl.DataFrame:
    """item, quantity: sold, or used as component."""
    parts = [pl.DataFrame(schema={"item": pl.String, "quantity": pl.Float64})]
    if "sell" in plan.flows:
        parts.append(plan.flows["sell"].select(pl.col("item").cast(pl.String), "quantity"))
    if "make" in plan.flows:
        made = plan.flows["make"].select(pl.col("routing").cast(pl.String), started="quantity")
        recipe = made.join(snapshot["components"], on="routing")
        parts.append(recipe.select(item="component", quantity=pl.col("started") * pl.col("quantity")))
    return pl.concat(parts).group_by("item").agg(pl.col("quantity").sum())


def working_capital(
    plan: PlanLike, snapshot: Snapshot, *, curve: CashCurve | None = None, digits: int = 2
) -> pl.DataFrame:
    """Working capital at the end of each week of the plan.

    Formula: working capital = stock at standard cost + receivables − payables; days of stock = stock ÷ cost of the
    plan's sales per day, over the full horizon (null if it sells nothing).

    Parameters
    ----------
    curve : the plan's cash curve, if already computed; see `cash_curve` for terms and open items.
    digits : decimals of the currency.

    Returns week, ends_on, stock, receivables, payables, working_capital [money, in whole minor units], days_of_stock.

    Raises DataError for stock or sales without a standard cost, FormulationError for a plan without stock.

    Examples
    --------
    >>> early = soe.Scenario("closed in W2").scale("calendar.hours", 0.0, period="W2").apply(small)
    >>> soe.money.working_capital(soe.plan(early), early).select("week", "stock").rows()
    [('2026-W04', 160.0), ('2026-W05', 0.0)]
    """
    known = cash_curve(plan, snapshot, digits=digits) if curve is None else curve
    costs = snapshot["items"]
    cells = at_standard_cost(with_dates(plan.flows["stock"], plan), costs, "in stock")
    ends = cells.group_by("ends_on").agg(pl.col("worth").sum()).sort("ends_on")
    weeks = ends.with_columns(week=pl.col("ends_on").dt.strftime("%G-W%V")).unique(
        "week", keep="last", maintain_order=True
    )
    sold = at_standard_cost(with_dates(plan.flows["sell"], plan), costs, "sold")
    days = int(cells.select("ends_on", "days").unique()["days"].sum())
    a_day = float(sold["worth"].sum()) / days if days else 0.0
    open_items = known.rows.select(pl.col("date").alias("ends_on"), "receivables", "payables")
    stock = pl.Series("stock", whole(weeks["worth"].to_numpy() * 10**digits), dtype=pl.Int64)
    rows = weeks.with_columns(stock).join(open_items, on="ends_on", how="left")
    rows = rows.with_columns(pl.col("receivables", "payables").fill_null(0))
    rows = rows.with_columns(working_capital=pl.col("stock") + pl.col("receivables") - pl.col("payables"))
    return rows.select(
        "week", "ends_on",
        as_money(pl.col("stock", "receivables", "payables", "working_capital"), digits),
        days_of_stock=pl.col("worth") / a_day if a_day else pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip


def expediting_by_cause(
    plan: PlanLike, snapshot: Snapshot, *, spared: pl.DataFrame | None = None, digits: int = 2
) -> pl.DataFrame:
    """The premiums of a plan for expedited purchases, each attributed to one cause, so that no unit counts twice.

    Formula: Σ units × (expedited − ordinary cost), as booked in the ledger. With `spared`, each event causes the units
    that would not be expedited without it, and the ordinary lead time causes the rest. Without it, the cause is the
    first that applies to the item: a receipt delayed by an event, an overdue receipt, a supply loss, a surge of demand
    for the item or for a product that contains it; else the ordinary lead time.

    Parameters
    ----------
    spared : event, item, location, units not expedited without the event; None if no plan without events was made.

    Returns cause, item, location, quantity [unit], amount [money, negative], the largest premium first; the
    amounts are those of the statement and add up to its expediting.

    Examples
    --------
    >>> fast = {"supplier": "Assam", "item": "crop", "location": "plant", "unit_cost": 3.5, "expedite": True}
    >>> hasty = soe.Scenario("the farm takes a week").set("offers.lead_time_days", 7, offer="farm")
    >>> hasty = hasty.row("offers", offer="courier", **fast).apply(small)
    >>> soe.money.expediting_by_cause(soe.plan(hasty), hasty).select("cause", "quantity", "amount").rows()
    [('the ordinary way takes too long', 100.0, -50.0)]
    """
    mine = pl.col("account") == "expediting"
    cents = plan.ledger.cents("item", "location", digits=digits).filter(mine)
    units = plan.ledger.lines.filter(mine).group_by("item", "location").agg(pl.col("quantity").sum())
    causes = pl.concat([_delayed(snapshot), _overdue(snapshot), _lost(snapshot), _surges(snapshot)])
    booked = cents.join(units, on=["item", "location"], how="left")
    if spared is None:
        first = causes.sort("item", "rank", "cause").unique("item", keep="first", maintain_order=True)
        rows = booked.join(first, on="item", how="left")
    else:
        rows = _proven(booked, spared, causes)
    money = as_money(pl.col("cents"), digits).alias("amount")
    shown = rows.select(pl.col("cause").fill_null(LEAD), "item", "location", "quantity", money)
    return shown.sort("amount", "cause", "item", "location")


def _proven(booked: pl.DataFrame, spared: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """The booked rows split by event, the largest first; the rest has no cause."""
    place, size = ["item", "location"], pl.col("quantity").abs()
    texts = causes.filter(pl.col("event") != "").unique(["item", "event"], keep="first", maintain_order=True)
    mine = booked.join(spared.filter(pl.col("units") > 0), on=place).sort(["units", "event"], descending=[True, False])
    mine = mine.with_columns(until=pl.min_horizontal(pl.col("units").cum_sum().over(place), size) / size)
    mine = mine.with_columns(share=pl.col("until") - pl.col("until").shift(1).over(place).fill_null(0.0))
    named = mine.join(texts.drop("rank"), on=["item", "event"], how="left").with_columns(
        pl.coalesce("cause", pl.format("event {}", "event")).alias("cause"), pl.col("quantity") * pl.col("share"),
        (pl.col("cents") * pl.col("share")).round(0).cast(pl.Int64),
    )  # fmt: skip
    parts = named.select(*place, "cause", "quantity", "cents")
    taken = parts.group_by(place).agg(pl.col("quantity", "cents").sum()).rename({"quantity": "gone", "cents": "less"})
    rest = booked.join(taken, on=place, how="left").select(
        *place, cause=pl.lit(None, pl.String), quantity=pl.col("quantity") - pl.col("gone").fill_null(0.0),
        cents=pl.col("cents") - pl.col("less").fill_null(0),
    )  # fmt: skip
    both = pl.concat([parts, rest.select(parts.columns)])
    return both.filter((pl.col("cents") != 0) | (pl.col("quantity").abs() > 1e-6))


def _delayed(snapshot: Snapshot) -> pl.DataFrame:
    suppliers = snapshot["offers"].select("offer", "supplier").unique("offer", keep="first")
    receipts = snapshot["receipts"].join(suppliers, on="offer", how="left")
    columns = ("receipt", "supplier", "offer", "lane", "item")
    return _hit(snapshot, "delay", receipts, columns, "{} is late ({})", "receipt", 0)


def _overdue(snapshot: Snapshot) -> pl.DataFrame:
    late = snapshot["receipts"].filter(pl.col("due_on") < snapshot.as_of)
    return late.select("item", cause=pl.format("{} is overdue", "receipt"), rank=pl.lit(1), event=pl.lit("")).cast(
        _CAUSE
    )


def _lost(snapshot: Snapshot) -> pl.DataFrame:
    columns = ("offer", "supplier", "item", "location")
    return _hit(snapshot, "supply_loss", snapshot["offers"], columns, "{} gives less ({})", "supplier", 2)


def _surges(snapshot: Snapshot) -> pl.DataFrame:
    """Surges of an item, or of any product that contains it."""
    families = snapshot["items"].select("item", "family")
    demand = snapshot["forecast"].select("item", "location", "customer").unique().join(families, on="item", how="left")
    used = where_used(snapshot).rename({"item": "sold", "component": "item"})
    reached = demand.rename({"item": "sold"}).join(used, on="sold")
    columns = ("sold", "family", "location", "customer")
    return _hit(snapshot, "surge", reached, columns, "more of {} is wanted ({})", "", 3)


def _hit(
    snapshot: Snapshot, kind: str, rows: pl.DataFrame, columns: tuple[str, ...], text: str, named: str, rank: int
) -> pl.DataFrame:
    """The items of rows that an event of a kind hits; each part of its target equals one of the columns.

    Parameters
    ----------
    text : the cause, with placeholders for a name and the event. named : column of the name; blank: the event's target.
    """
    found = [pl.DataFrame(schema=_CAUSE)]
    for event, target in snapshot["events"].filter(pl.col("kind") == kind).select("event", "target").iter_rows():
        parts = [part.strip() for part in target.split(" & ")]
        meant = reduce(and_, [reduce(or_, [pl.col(column) == part for column in columns]) for part in parts])
        hit = rows.filter(meant.fill_null(value=False))
        cause = pl.format(text, pl.col(named) if named else pl.lit(target), pl.lit(event))
        found.append(
            hit.select("item", cause.alias("cause"), pl.lit(rank).alias("rank"), event=pl.lit(event)).cast(_CAUSE)
        )
    return pl.concat(found)
