"""Compares plans: the contribution-margin statement, and the differences between two plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import polars as pl

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.ledger import Ledger, in_order, timeline
from soe_lib.money.rounding import as_money, largest_remainder, whole
from soe_lib.money.window import (
    PlanLike,
    Window,
    common_window,
    cut,
    horizon,
    items_of,
    periods_of,
    standard_costs,
    stock_change,
)

Reading = Literal["cash", "accrual", "both"]

CASH_MARGIN = "cash margin"
STOCK_CHANGE = "stock change at standard cost"
ACCRUAL_MARGIN = "accrual margin"
MARGIN = "margin"
OBJECTIVE = "margin and steering"
TOTAL = "total"

SUBTOTALS = {
    CASH_MARGIN: ("account",),
    ACCRUAL_MARGIN: ("account", "stock"),
    MARGIN: ("account", "inventory"),
    OBJECTIVE: ("account", "inventory", "steering"),
}
"""Subtotal → the sections it sums."""

_CELL = ["section", "line", "group"]


@dataclass(frozen=True, eq=False, repr=False)
class Statement:
    """Accounts in rows, plans and groups in columns; all displayed figures add up.

    Formula: cash margin = Σ cash accounts; accrual margin = cash margin + stock change at standard cost;
    margin = cash margin + end value; below the line, steering.

    Parameters
    ----------
    rows : plan, section (account, stock, inventory, steering, subtotal), line, group, cents; in reading order.
    plans : names in the order given.
    by : the grouping: total, family, month, week, …
    digits : decimals of the currency.
    notes : assumptions with counts.
    """

    rows: pl.DataFrame
    plans: tuple[str, ...]
    by: str = TOTAL
    digits: int = 2
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines from top to bottom."""
        return tuple(self.rows.get_column("line").unique(maintain_order=True))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups from left to right."""
        return tuple(self.rows.get_column("group").unique().sort())

    def cents(self, line: str, *, plan: str | None = None, group: str | None = None) -> int:
        """One line of one plan (default the first) in whole minor units, for one group or all of them.

        Raises FormulationError for an unknown line, plan or group.
        """
        name = self.plans[0] if plan is None else plan
        found = self.rows.filter((pl.col("plan") == name) & (pl.col("line") == line))
        found = found if group is None else found.filter(pl.col("group") == group)
        if found.is_empty():
            asked = f"{line!r} of {name!r}" + (f" for {group!r}" if group else "")
            raise FormulationError(f"the statement has no {asked}; its lines are {', '.join(self.lines)}.")
        return int(found.get_column("cents").sum())

    def table(self, *, difference: bool = False) -> pl.DataFrame:
        """The statement for display: section, line, and a money column per plan and group.

        Parameters
        ----------
        difference : add the last plan less the first, if a statement by total has several plans.
        """
        several, grouped = len(self.plans) > 1, self.by != TOTAL
        sums = self.rows.group_by("plan", "section", "line", maintain_order=True).agg(pl.col("cents").sum())
        rows = pl.concat([self.rows, sums.with_columns(group=pl.lit(TOTAL))], how="diagonal") if grouped else self.rows
        parts = (["plan"] if several else []) + (["group"] if grouped else [])
        label = pl.concat_str(parts, separator=" · ") if parts else pl.col("plan")
        wide = rows.with_columns(column=label, money=as_money(pl.col("cents"), self.digits)).pivot(
            "column", index=["section", "line"], values="money", aggregate_function="first"
        )
        if difference and several and not grouped:
            moved = (pl.col(self.plans[-1]) - pl.col(self.plans[0])).round(self.digits)
            wide = wide.with_columns(difference=moved)
        return wide

    def __repr__(self) -> str:
        with pl.Config(
            tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, tbl_hide_dataframe_shape=True,
            tbl_hide_column_data_types=True, float_precision=self.digits, thousands_separator=True,
            tbl_cell_numeric_alignment="RIGHT",
        ):  # fmt: skip
            return "\n".join([f"Statement by {self.by}", str(self.table()), *self.notes])


def statement(
    plans: PlanLike | Sequence[PlanLike],
    by: str = TOTAL,
    *,
    reading: Reading = "both",
    standard_cost: pl.DataFrame | None = None,
    digits: int = 2,
) -> Statement:
    """The contribution-margin statement of one or several plans, in cash, in accrual, or in both.

    Formula: see Statement. Cells are rounded by largest remainder under their account, accounts under the
    plan's margin, so that every column and every row adds up.

    Parameters
    ----------
    plans : one plan or several, solved or loaded; names must differ.
    by : "total", "family", "month", "week", or any other column of `Ledger.by`.
    reading : "cash" leaves out stock change and accrual margin, "accrual" the end value and the margin.
    standard_cost : item, standard_cost [money/unit]; default the plans' own items.

    Raises FormulationError for duplicate names or an unknown `by`, ReconciliationError if the lines do not add up to
    the ledger's margin.

    Examples
    --------
    >>> print(soe.money.statement(soe.plan(small), "week", reading="cash"))
    Statement by week
    ┌──────────┬─────────────────────┬──────────┬──────────┬──────────┐
    │ section  ┆ line                ┆ 2026-W04 ┆ 2026-W05 ┆    total │
    ╞══════════╪═════════════════════╪══════════╪══════════╪══════════╡
    │ account  ┆ revenue             ┆   920.00 ┆   920.00 ┆ 1,840.00 │
    │ account  ┆ material            ┆  -300.00 ┆  -300.00 ┆  -600.00 │
    │ account  ┆ conversion          ┆  -100.00 ┆  -100.00 ┆  -200.00 │
    │ account  ┆ freight             ┆  -100.00 ┆  -100.00 ┆  -200.00 │
    │ subtotal ┆ cash margin         ┆   420.00 ┆   420.00 ┆   840.00 │
    │ subtotal ┆ margin              ┆   420.00 ┆   420.00 ┆   840.00 │
    │ subtotal ┆ margin and steering ┆   420.00 ┆   420.00 ┆   840.00 │
    └──────────┴─────────────────────┴──────────┴──────────┴──────────┘
    """
    several = list(plans) if isinstance(plans, Sequence) else [plans]
    names = [plan.name for plan in several]
    if len(set(names)) < len(names):
        raise FormulationError(f"plans in one statement need different names, not {', '.join(names)}.")
    costs = standard_costs(several, standard_cost)
    notes: list[str] = []
    cells = []
    for plan in several:
        own = [_accounts(plan, by, digits)]
        if reading != "cash":
            own.append(_stock(plan, by, costs, digits, notes))
        cells.append(pl.concat(own).with_columns(plan=pl.lit(plan.name)))
        notes += [f"{plan.name}: {n:,} rows of {f} have no rate ({q:,.6g} units)" for f, n, q in plan.ledger.lost]
    rows = _with_subtotals(pl.concat(cells), reading)
    return Statement(_in_reading_order(rows, names), tuple(names), by, digits, tuple(notes))


def _accounts(plan: PlanLike, by: str, digits: int) -> pl.DataFrame:
    ledger = plan.ledger.relabelled(items=items_of(plan), periods=periods_of(plan))
    cells = ledger.cents("account" if by == TOTAL else by, digits=digits)
    shown = int(cells.filter(pl.col("kind") != "steering").get_column("cents").sum())
    if shown != int(whole(ledger.margin * 10**digits)[0]):
        raise ReconciliationError(f"statement of {plan.name}: lines of {shown} do not add up to {ledger.margin}.")
    group = pl.lit(TOTAL) if by == TOTAL else pl.col(by)
    section = pl.col("kind").replace({"cash": "account"})
    return cells.select(section=section, line="account", group=group, cents="cents")


def _stock(plan: PlanLike, by: str, costs: pl.DataFrame, digits: int, notes: list[str]) -> pl.DataFrame:
    empty = pl.DataFrame(schema={**dict.fromkeys(_CELL, pl.String), "cents": pl.Int64})
    change = stock_change(plan, costs)
    if change is None:
        notes.append(f"{plan.name} has no stock: it has no accrual reading.")
        return empty
    unknown = change.filter(pl.col("amount").is_null())
    if unknown.height:
        items, units = unknown["item"].n_unique(), unknown["quantity"].abs().sum()
        notes.append(f"{plan.name}: {items} items without a standard cost leave {units:,.6g} units of stock unvalued.")
    if unknown.height and unknown.height == change.height:
        return empty
    columns = [] if by == TOTAL else [by]
    booked = change.drop_nulls("amount").with_columns(
        account=pl.lit(STOCK_CHANGE), kind=pl.lit("inventory"), flow=pl.lit("stock"), customer=pl.lit(""),
        per_unit=pl.lit(0.0),
    )  # fmt: skip
    labelled = Ledger(booked, items=items_of(plan), periods=periods_of(plan)).labelled(*columns)
    group = pl.lit(TOTAL) if by == TOTAL else pl.col(by)
    sums = labelled.group_by(group.alias("group")).agg(pl.col("amount").sum()).sort("group")
    scale, cash = 10**digits, plan.ledger.cash
    # Cash and stock as displayed must add up to the accrual margin, rounded once, of the bridges.
    shown = int(plan.ledger.cents("account", digits=digits).filter(pl.col("kind") == "cash")["cents"].sum())
    goal = int(whole((cash + float(sums["amount"].sum())) * scale)[0]) - shown
    cents = largest_remainder(sums["amount"].to_numpy() * scale, goal if sums.height else None)
    return sums.select(
        section=pl.lit("stock"), line=pl.lit(STOCK_CHANGE), group="group", cents=pl.Series("cents", cents)
    )


def _with_subtotals(cells: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    groups = cells.select("group").unique()
    stocked = cells.filter(pl.col("section") == "stock").select("plan").unique()
    plain = cells.filter(pl.col("section") != "stock").select("section", "line").unique()
    grid = cells.select("plan").unique().join(plain, how="cross")
    grid = pl.concat([grid, cells.filter(pl.col("section") == "stock").select("plan", "section", "line").unique()])
    full = grid.join(groups, how="cross").join(cells, on=["plan", *_CELL], how="left")
    rows = [full.with_columns(pl.col("cents").fill_null(0))]
    for line, sections in SUBTOTALS.items():
        part = rows[0].join(stocked, on="plan", how="semi") if "stock" in sections else rows[0]
        inside = pl.col("cents").filter(pl.col("section").is_in(sections)).sum()
        sums = part.group_by("plan", "group").agg(inside)
        rows.append(sums.with_columns(section=pl.lit("subtotal"), line=pl.lit(line)).select(rows[0].columns))
    hidden = {"cash": [ACCRUAL_MARGIN], "accrual": [MARGIN, OBJECTIVE]}.get(reading, [])
    gone = ["inventory", "steering"] if reading == "accrual" else []
    return pl.concat(rows).filter(~pl.col("line").is_in(hidden), ~pl.col("section").is_in(gone))


def _in_reading_order(rows: pl.DataFrame, plans: list[str]) -> pl.DataFrame:
    def named(section: str) -> list[str]:
        return in_order(rows.filter(pl.col("section") == section)["line"])

    order = [*named("account"), CASH_MARGIN, STOCK_CHANGE, ACCRUAL_MARGIN]
    order += [*named("inventory"), MARGIN, *named("steering"), OBJECTIVE]
    lines = pl.DataFrame({"line": order, "_line": range(len(order))}).unique("line", keep="first")
    which = pl.DataFrame({"plan": plans, "_plan": range(len(plans))})
    placed = rows.join(lines, on="line", how="left").join(which, on="plan", how="left")
    return placed.sort("_line", "_plan", "group").select("plan", *_CELL, "cents")


FLOWS = ("make", "buy", "ship", "sell")
PLACES = {"make": "location", "buy": "location", "ship": "destination", "sell": "location"}
CELL = ["flow", "item", "location", "week"]
LEAST = 5e-7
"""Units below which a change counts as 0."""
CHURN = pl.when(pl.col("before").sum() > 0).then(pl.col("change").abs().sum() / pl.col("before").sum())
"""Σ|change| ÷ Σ before of changed units; null if the earlier plan has none."""


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """The differences between two plans on the days that both cover.

    Formula: change = after − before; churn = Σ|after − before| ÷ Σ before, by item, place and week.

    Parameters
    ----------
    before, after : names of the plans. window : the days compared.
    units : flow, item, location, week, before, after, change [units], inside (the week starts within the fence).
    money : account, kind, item, week, before, after, change (Int64, minor units).
    start, end : the plans' margins on those days, in minor units.
    digits : decimals of the currency. notes : assumptions.

    Raises ReconciliationError if the money does not add up to the change of margin.
    """

    before: str
    after: str
    window: Window
    units: pl.DataFrame
    money: pl.DataFrame
    start: int
    end: int
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.residual:
            raise ReconciliationError(f"the differences leave {self.residual} minor units of the change unexplained.")

    @property
    def residual(self) -> int:
        """end − start − Σ change of the margin lines, in minor units: 0."""
        margin = self.money.filter(pl.col("kind") != "steering")
        return self.end - self.start - int(margin["change"].sum())

    def churn(self) -> pl.DataFrame:
        """The changed share of the earlier plan, inside and outside the fence.

        Moved counts units removed and units added; churn is null if the earlier plan has no units.

        Returns flow, fence (inside, outside, all), before, moved [units], churn [ratio].
        """
        fences = {"inside": pl.col("inside"), "outside": ~pl.col("inside"), "all": pl.lit(True)}
        parts = [
            # Units outside the filter count as 0, so that every flow has a row.
            self.units.with_columns(pl.when(where).then(pl.col("before", "change")).otherwise(0.0)).group_by("flow")
            .agg(pl.lit(name).alias("fence"), pl.col("before").sum(), moved=pl.col("change").abs().sum(), churn=CHURN)
            for name, where in fences.items()
        ]  # fmt: skip
        order = pl.col("flow").replace_strict({flow: n for n, flow in enumerate(FLOWS)}, return_dtype=pl.Int64)
        return pl.concat(parts).sort(order, "fence")

    def by(self, *columns: str) -> pl.DataFrame:
        """The change of money by account, kind, item or week: the columns, before, after, change [money]."""
        sums = self.money.group_by(columns, maintain_order=True).agg(pl.col("before", "after", "change").sum())
        return sums.with_columns(as_money(pl.col(name), self.digits) for name in ("before", "after", "change"))

    def __repr__(self) -> str:
        scale = 10**self.digits
        head = (
            f"{self.after} against {self.before}, {self.window[0]} to {self.window[1]}: margin "
            f"{self.start / scale:,.2f} → {self.end / scale:,.2f} ({(self.end - self.start) / scale:+,.2f})"
        )
        rows = [
            f"  {flow:<5} {fence:<8} {moved:>14,.1f} of {before:>14,.1f} units moved"
            for flow, fence, before, moved, _ in self.churn().iter_rows()
        ]
        return "\n".join([head, *rows, *self.notes])


def difference(
    before: PlanLike,
    after: PlanLike,
    *,
    frozen_days: int = 0,
    window: Window | None = None,
    digits: int = 2,
) -> Difference:
    """The differences between two plans in units and money, inside and outside the fence.

    Formula: see Difference; both plans are cut to the days that they share, each at its own rates, in whole cents by
    largest remainder, so that the rows add up to the change of margin.

    Parameters
    ----------
    before, after : solved, stored or valued. frozen_days : length of the fence from the first day compared [days].
    window : first and last day; default the days that both cover.

    Raises ReconciliationError if they share no day.

    Examples
    --------
    >>> less = soe.Scenario("a tenth fewer hours").scale("calendar.hours", 0.9).apply(small)
    >>> change = soe.money.difference(soe.plan(small), soe.plan(less, name="fewer hours"))
    >>> print(str(change).splitlines()[0])
    fewer hours against this week's plan, 2026-01-19 to 2026-02-01: margin 840.00 → 780.00 (-60.00)
    """
    days = window or common_window([before, after])
    one, other = (plan if horizon(plan) == days else cut(plan, days) for plan in (before, after))
    units = moved_units(one, other, frozen_days=frozen_days, window=days)
    notes = tuple(dict.fromkeys(note for side in (one, other) for note in getattr(side, "notes", ())))
    names = [plan.name for plan in (before, after)]
    if names[0] == names[1]:
        names = [f"{plan.name} of {getattr(plan, 'as_of', days[0])}" for plan in (before, after)]
    start, end = (int(whole(side.ledger.margin * 10**digits)[0]) for side in (one, other))
    money = _money(one, other, end - start, digits)
    return Difference(names[0], names[1], days, units, money, start, end, digits, notes)


def moved_units(
    before: PlanLike,
    after: PlanLike,
    *,
    frozen_days: int = 0,
    window: Window | None = None,
    flows: Sequence[str] = FLOWS,
) -> pl.DataFrame:
    """The differences of production, purchases, shipments and sales between two plans; all churn figures use them.

    Formula: change = after − before by item, place and week, on the days that both cover. A unit that changes week or
    place counts twice, once where it is removed and once where it is added.

    Parameters
    ----------
    frozen_days : length of the fence from the first day compared [days]. window : first and last day; default the days
        that both cover. flows : the FLOWS to compare.

    Returns
    -------
    flow, item, location, week, before, after, change [units], inside [whether the week starts within the fence].

    Raises ReconciliationError if they share no day.
    """
    days = window or common_window([before, after])
    sides = {"before": before, "after": after}
    shared = {side: plan if horizon(plan) == days else cut(plan, days) for side, plan in sides.items()}
    until = days[0] + timedelta(days=frozen_days)
    parts = [
        _weekly(plan, flow).select(*CELL, "starts_on", "quantity", side=pl.lit(side))
        for side, plan in shared.items()
        for flow in flows
        if flow in plan.flows
    ]
    kinds = dict.fromkeys(CELL, pl.String)
    every = pl.concat(
        [pl.DataFrame(schema={**kinds, "starts_on": pl.Date, "quantity": pl.Float64, "side": pl.String}), *parts]
    )
    sums = every.group_by(CELL).agg(
        *(pl.col("quantity").filter(pl.col("side") == side).sum().alias(side) for side in ("before", "after")),
        inside=pl.col("starts_on").min() < until,
    )
    changed = sums.with_columns(change=pl.col("after") - pl.col("before"))
    moved = pl.when(pl.col("change").abs() > LEAST).then(pl.col("change")).otherwise(0.0)
    return changed.with_columns(change=moved).select(*CELL, "before", "after", "change", "inside").sort(CELL)


def _weekly(plan: PlanLike, flow: str) -> pl.DataFrame:
    rows = plan.flows[flow]
    place = PLACES[flow] if PLACES[flow] in rows.columns else "location"
    where = pl.col(place) if place in rows.columns else pl.lit("")
    dates = timeline(rows["period"], periods_of(plan)).select("period", "week", "starts_on")
    cells = rows.select("item", where.alias("location"), "period", "quantity").filter(pl.col("quantity") != 0)
    return cells.join(dates, on="period").with_columns(flow=pl.lit(flow))


def _money(before: PlanLike, after: PlanLike, change: int, digits: int) -> pl.DataFrame:
    keys = ["account", "kind", "item", "week"]
    sides = []
    for name, plan in (("before", before), ("after", after)):
        ledger = plan.ledger.relabelled(items=items_of(plan), periods=periods_of(plan))
        cents = ledger.cents("item", "week", digits=digits).rename({"cents": name})
        sides.append(cents.select(*keys, name))
    both = sides[0].join(sides[1], on=keys, how="full", coalesce=True, validate="1:1").fill_null(0).sort(keys)
    rows = both.with_columns(change=pl.col("after") - pl.col("before"))
    found = int(rows.filter(pl.col("kind") != "steering")["change"].sum())
    if found != change:
        raise ReconciliationError(f"the ledgers' rows change by {found} minor units, the margins by {change}.")
    return rows
