"""Bridges: the margin change from one plan to the next, in steps that add up to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import polars as pl

from soe_lib.display import html
from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.drivers import (
    FIRST,
    LAST,
    ROUNDING,
    Flex,
    Side,
    account_effects,
    check_keys,
    coded,
    currency_effect,
    flex,
    formula,
    sales_effects,
    side_of,
)
from soe_lib.money.ledger import in_order
from soe_lib.money.rounding import LARGEST, as_money, nested, whole
from soe_lib.money.window import PlanLike, Window, common_window, horizon, items_of, standard_costs

Convention = Literal["mix at base margin", "mix as average price"]

KEYS = ("item", "customer", "location")
VARIABLE = ("material", "conversion", "freight")
"""Accounts flexed with the volume sold; all others are compared in full."""
NOISE = 1e-6
"""Minor units below which an effect is float noise."""


@dataclass(frozen=True, eq=False, repr=False)
class Bridge:
    """The margin change between two plans: start, named steps, end; favourable is positive.

    Formula: start + Σ steps = end, in whole minor units, with residual 0.

    Parameters
    ----------
    base, other : names of the two plans.
    start, end : their margins in minor units.
    steps : driver, amount (Int64, minor units), formula, rows (how many rows of `detail` it sums).
    detail : driver, the keys, amount (Int64, minor units); adds up to the steps.
    convention : separation of volume and mix.
    window : the days compared, None for the full horizon.
    notes : assumptions with counts.

    Raises ReconciliationError if steps or detail do not add up.
    """

    base: str
    other: str
    start: int
    end: int
    steps: pl.DataFrame
    detail: pl.DataFrame
    convention: str
    items: pl.DataFrame
    window: Window | None = None
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.residual:
            raise ReconciliationError(
                f"bridge from {self.base} to {self.other} leaves {self.residual} minor units unexplained: "
                f"{self.start} + steps {int(self.steps['amount'].sum())} is not {self.end}."
            )
        sums = self.detail.group_by("driver").agg(pl.col("amount").sum().alias("detail"))
        torn = self.steps.join(sums, on="driver", how="full").filter(pl.col("amount").ne_missing(pl.col("detail")))
        if torn.height:
            raise ReconciliationError(f"the rows of {torn['driver'].to_list()} do not add up to their step.")

    @property
    def residual(self) -> int:
        """end − start − Σ steps, in minor units: 0."""
        return self.end - self.start - int(self.steps.get_column("amount").sum())

    def table(self) -> pl.DataFrame:
        """The table of the chart: driver, amount [money], share of the change, cumulative [money], formula, rows."""
        change = self.end - self.start
        share = pl.col("amount") / change if change else pl.lit(None, dtype=pl.Float64)
        return self.steps.select(
            "driver",
            amount=as_money(pl.col("amount"), self.digits),
            share=share,
            cumulative=as_money(self.start + pl.col("amount").cum_sum(), self.digits),
            formula="formula",
            rows="rows",
        )

    def by(self, *columns: str) -> pl.DataFrame:
        """The steps drilled down: driver, the columns (a key, or family …), amount in minor units.

        Raises FormulationError for a column missing from both bridge and items.
        """
        rows = self.detail
        for name in columns:
            if name in rows.columns:
                continue
            if name not in self.items.columns or "item" not in rows.columns:
                raise FormulationError(f"this bridge has no column {name!r}; it has {', '.join(rows.columns)}.")
            labels = self.items.select("item", pl.col(name).cast(pl.String)).unique("item", keep="first")
            rows = rows.join(labels, on="item", how="left", validate="m:1").with_columns(pl.col(name).fill_null(""))
        order = self.steps.select("driver").with_row_index("_step")
        grouped = rows.group_by("driver", *columns).agg(pl.col("amount").sum())
        return grouped.join(order, on="driver").sort("_step", *columns).drop("_step")

    def __repr__(self) -> str:
        scale = 10**self.digits
        rows = [
            (self.base, self.start),
            *self.steps.select("driver", "amount").iter_rows(),
            (self.other, self.end),
        ]
        width = max(len(name) for name, _ in rows)
        shown = [f"  {name:<{width}} {amount / scale:>18,.2f}" for name, amount in rows]
        when = f", {self.window[0]} to {self.window[1]}" if self.window else ""
        return "\n".join([f"Bridge ({self.convention}{when}), residual 0.00", *shown, *self.notes])

    def _repr_html_(self) -> str:
        ends = [(name, amount / 10**self.digits) for name, amount in ((self.base, self.start), (self.other, self.end))]
        first, last = (pl.DataFrame([end], schema=["driver", "amount"], orient="row") for end in ends)
        steps = pl.concat([first, self.table().select("driver", pl.col("amount").cast(pl.Float64)), last])
        head = repr(self).partition("\n")[0]
        return html("\n".join([head, *self.notes]), steps, digits=self.digits)


@dataclass(frozen=True, eq=False, repr=False)
class Walk:
    """A chain of bridges over several plans; favourable is positive.

    Formula: margin of the first + Σ steps of every bridge = margin of the last, in whole minor units.

    Parameters
    ----------
    bridges : one from each plan to the next.

    Raises ReconciliationError if a bridge does not start at the end of the previous one.
    """

    bridges: tuple[Bridge, ...]

    def __post_init__(self) -> None:
        for before, after in pairwise(self.bridges):
            if (before.end, before.other) != (after.start, after.base):
                raise ReconciliationError(
                    f"the bridge to {before.other} ends at {before.end} minor units, the next one, from {after.base}, "
                    f"starts at {after.start}: value every plan once and compare it over the same days."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The plans from first to last."""
        return (self.bridges[0].base, *(one.other for one in self.bridges))

    @property
    def residual(self) -> int:
        """Last − first − Σ all steps, in minor units: 0."""
        steps = sum(int(one.steps["amount"].sum()) for one in self.bridges)
        return self.bridges[-1].end - self.bridges[0].start - steps

    @property
    def steps(self) -> pl.DataFrame:
        """Every step: from, to, driver, amount (Int64, minor units), formula, rows."""
        return pl.concat(_between(one, one.steps) for one in self.bridges)

    @property
    def detail(self) -> pl.DataFrame:
        """The rows behind the steps: from, to, driver, keys, quantities, amounts, amount (Int64, minor units)."""
        return pl.concat([_between(one, one.detail) for one in self.bridges], how="diagonal")

    def by(self, *columns: str) -> pl.DataFrame:
        """The steps drilled down: from, to, driver, the columns (a key, or family …), amount in minor units."""
        return pl.concat(_between(one, one.by(*columns)) for one in self.bridges)

    def drivers(self) -> pl.DataFrame:
        """Drivers in rows, bridges in columns: driver, a column per target plan, total [money]."""
        wide = self.steps.pivot("to", index="driver", values="amount", aggregate_function="sum").fill_null(0)
        total = wide.with_columns(total=pl.sum_horizontal(pl.exclude("driver")))
        return total.with_columns(as_money(pl.exclude("driver"), self.bridges[0].digits))

    def table(self) -> pl.DataFrame:
        """The chain for display: line, kind (plan, driver), amount, cumulative [money], formula."""
        parts = []
        for place, one in enumerate(self.bridges):
            if not place:
                parts.append(_line(one.base, one.start))
            reached = one.start + pl.col("amount").cum_sum()
            parts.append(one.steps.select(line="driver", kind=pl.lit("driver"), amount="amount", cumulative=reached,
                                          formula="formula"))  # fmt: skip
            parts.append(_line(one.other, one.end))
        money = as_money(pl.col("amount", "cumulative"), self.bridges[0].digits)
        return pl.concat(parts).with_columns(money)

    def __repr__(self) -> str:
        return "\n".join([f"{' → '.join(self.names)}, residual {self.residual}", *(repr(one) for one in self.bridges)])


def bridge(
    base: PlanLike,
    other: PlanLike,
    *,
    convention: Convention = "mix at base margin",
    by: Sequence[str] = KEYS,
    standard_cost: pl.DataFrame | None = None,
    variable: Sequence[str] = VARIABLE,
    window: Window | Literal["common"] | None = None,
    reading: Literal["cash", "accrual"] = "cash",
    at_base_rates: PlanLike | None = None,
    digits: int = 2,
) -> Bridge:
    """The margin change from `base` to `other`: volume, mix, price, each cost account, currency and rounding.

    Formula, with q units sold, p revenue per unit, SC = Σ q × standard cost, Q = Σ q, A the variable accounts,
    CM0 = revenue + Σ A of the base, f the flex of cost:
    volume = (Q1/Q0 − 1) · CM0; mix = Σ (q1 − Q1·q0/Q0) · p0 + Σ A0 · (f − Q1/Q0); price = Σ (p1 − p0) · q1;
    a variable account = A1 − A0 · f; every other account = A1 − A0.
    "mix at base margin": f = SC1/SC0, so mix is the change of mix at base price less base cost (Horngren's
    sales-mix variance). "mix as average price": f = Q1/Q0, so mix is the change of the average base price and
    the cost of a more expensive mix stays in the cost accounts. A key not sold in the base has p0 = p1: it is mix, not
    price. With Q0 = 0 volume is Σ p1 · q1 and costs are compared in full. With `at_base_rates`, all other steps are
    measured against that plan, and currency = Σ other − Σ at_base_rates. Steps are rounded to the rounded change;
    rounding is the difference of the two rounded ends less that change: at most one minor unit.

    Parameters
    ----------
    base, other : plans, solved or loaded, of one horizon.
    by : keys that separate price from mix; columns of the items, such as family, are allowed.
    standard_cost : item, standard_cost [money/unit]; default the plans' own items.
    variable : accounts flexed with sales.
    window : first and last day to compare, or "common" for the days that both cover; see `cut`.
    reading : "cash" compares cash and end value; "accrual" compares cash and the stock change at standard cost, for
        example with a budget, which has no stock.
    at_base_rates : the other plan at the base's exchange rates, for a separate currency step; default: no such step.

    Raises ReconciliationError for different horizons without a window, FormulationError for an unknown
    convention or key.

    Examples
    --------
    >>> less = soe.Scenario("a tenth fewer hours").scale("calendar.hours", 0.9).apply(small)
    >>> walk = soe.money.bridge(soe.plan(small), soe.plan(less, name="fewer hours"))
    >>> walk.residual, walk.table().select("driver", "amount").rows()
    (0, [('volume', -84.0), ('mix', 24.0), ('conversion', 0.0), ('freight', 0.0)])
    """
    rated = {} if at_base_rates is None else {other.name: at_base_rates}
    walk = bridges(
        [base, other], window=window, at_base_rates=rated, standard_cost=standard_cost, convention=convention, by=by,
        variable=variable, reading=reading, digits=digits,
    )  # fmt: skip
    return walk.bridges[0]


def bridges(
    plans: Sequence[PlanLike],
    *,
    window: Window | Literal["common"] | None = None,
    at_base_rates: Mapping[str, PlanLike] | None = None,
    standard_cost: pl.DataFrame | None = None,
    convention: Convention = "mix at base margin",
    by: Sequence[str] = KEYS,
    variable: Sequence[str] = VARIABLE,
    reading: Literal["cash", "accrual"] = "cash",
    digits: int = 2,
) -> Walk:
    """The bridges from each plan to the next: budget → S&OP → last week's plan → this week's plan → actual.

    Formula: see `bridge`; all over the same days and at the same standard costs.

    Parameters
    ----------
    plans : two or more in order, with different names.
    window : first and last day to compare, or "common" for the days that all of them cover.
    at_base_rates : by name of a plan: that plan at the exchange rates of the previous one.
    standard_cost : item, standard_cost [money/unit]; default the plans' own items.
    convention, by, variable, reading, digits : of every bridge; see `bridge`.

    Raises ReconciliationError for different horizons without a window, FormulationError for fewer than two plans.

    Examples
    --------
    >>> less = soe.Scenario("a tenth fewer hours").scale("calendar.hours", 0.9).apply(small)
    >>> walk = soe.money.bridges([soe.plan(small), soe.plan(less, name="fewer hours")])
    >>> walk.table().filter(pl.col("kind") != "driver").select("line", "amount").rows()
    [("this week's plan", 840.0), ('fewer hours', 780.0)]
    """
    if len(plans) < 2:
        raise FormulationError(f"bridges need at least two plans, not {len(plans)}.")
    if convention not in get_args(Convention):
        raise FormulationError(f"no convention {convention!r}; choose one of {', '.join(get_args(Convention))}.")
    rated = dict(at_base_rates or {})
    if unknown := sorted(set(rated) - {plan.name for plan in plans[1:]}):
        raise FormulationError(f"at_base_rates names {', '.join(unknown)}, which is none of the plans after the first.")
    every = [*plans, *rated.values()]
    check_keys(every, by)
    terms = _Terms(
        by, variable, convention, standard_costs(list(plans), standard_cost), window_of(plans, window), digits
    )
    accrual = terms.costs if reading == "accrual" else None
    read = coded([side_of(plan, terms.span, accrual, by) for plan in every])
    sides = {id(plan): side for plan, side in zip(every, read, strict=True)}
    return Walk(
        tuple(
            terms.between(before, after, sides[id(before)], sides[id(after)], sides[id(rated.get(after.name, after))])
            for before, after in pairwise(plans)
        )
    )


@dataclass(frozen=True, eq=False)
class _Terms:
    """The common parameters of all bridges of a chain; see `bridge`."""

    by: Sequence[str]
    variable: Sequence[str]
    convention: Convention
    costs: pl.DataFrame
    span: Window | None
    digits: int

    def between(self, before: PlanLike, after: PlanLike, base: Side, other: Side, measured: Side) -> Bridge:
        """The bridge from one plan to the next; measured: the next plan at the exchange rates of the first."""
        average = self.convention == "mix as average price"
        flexed = flex(base, measured, self.by, self.costs, variable=self.variable, average=average)
        effects = sales_effects(flexed, self.by) | account_effects(flexed, base, measured, self.by)
        read = [base.plan, other.plan]
        if measured is not other:
            effects["currency"] = currency_effect(measured, other, self.by)
            read.append(measured.plan)
        start, end = (int(whole(plan.ledger.margin * 10**self.digits)[0]) for plan in read[:2])
        goal = int(whole(_change(effects, read[:2]) * 10**self.digits)[0])
        order = [*FIRST, *in_order(set(effects) - {*FIRST, *LAST}), *LAST]
        ordered = {driver: effects[driver] for driver in order if driver in effects}
        detail = _in_minor_units(ordered, self.by, (goal, end - start), 10**self.digits)
        return Bridge(
            before.name, after.name, start, end, _steps(detail, flexed, base, measured), detail, self.convention,
            pl.concat([items_of(plan) for plan in read], how="diagonal_relaxed").unique("item", keep="first"),
            self.span, self.digits, _notes(flexed, read),
        )  # fmt: skip


def _notes(flexed: Flex, plans: Sequence[PlanLike]) -> tuple[str, ...]:
    """The distinct assumptions of a bridge: of its flex, of its plans, and quantities without a rate."""
    lost = [(plan.name, *row) for plan in plans for row in plan.ledger.lost]
    unrated = [
        f"{name}: {rows:,} rows of {flow} have no rate ({units:,.6g} units)." for name, flow, rows, units in lost
    ]
    own = [note for plan in plans for note in getattr(plan, "notes", ())]
    return tuple(dict.fromkeys([*flexed.notes, *own, *unrated]))


def window_of(plans: Sequence[PlanLike], window: Window | Literal["common"] | None) -> Window | None:
    """The days to compare; None for the full horizon of plans that cover the same days.

    Raises ReconciliationError for different horizons without a window.
    """
    if window == "common":
        return common_window(list(plans))
    if window is not None:
        return window
    spans = [horizon(plan) for plan in plans]
    if len(set(spans)) > 1:
        listed = "; ".join(f"{p.name}: {a} to {b}" for p, (a, b) in zip(plans, spans, strict=True))
        raise ReconciliationError(
            f"the plans cover different days ({listed}), and money of different days cannot be bridged. "
            'Compare their common days with window="common".'
        )
    return None


def _change(effects: Mapping[str, pl.DataFrame], plans: Sequence[PlanLike]) -> float:
    """The change of margin, after the check that the unrounded effects add up to it.

    The tolerance for float noise grows with the size of the figures.
    """
    change = plans[1].ledger.margin - plans[0].ledger.margin
    found = sum(float(rows.get_column("effect").sum()) for rows in effects.values())
    size = sum(float(rows.get_column("effect").abs().sum()) for rows in effects.values())
    turnover = sum(plan.ledger.turnover for plan in plans)
    if abs(found - change) > max(1e-4, 1e-11 * turnover, 1e-13 * size):
        raise ReconciliationError(f"the effects add up to {found:,.4f}, but the margin changes by {change:,.4f}.")
    return change


def _in_minor_units(
    effects: Mapping[str, pl.DataFrame], by: Sequence[str], goals: tuple[int, int], scale: int
) -> pl.DataFrame:
    """Effects as minor units that add up to the rounded change, and the rounding step of the ends.

    Parameters
    ----------
    goals : the rounded change, and the change between the rounded ends, in minor units.
    """
    goal, change = goals
    kept = {driver: rows.filter((pl.col("effect") * scale).abs() >= NOISE) for driver, rows in effects.items()}
    if beyond := [driver for driver, one in kept.items() if float(one["effect"].abs().sum()) * scale >= LARGEST]:
        raise ReconciliationError(
            f"{', '.join(beyond)} overflows a 64-bit integer of minor units: the base's sales are too small to measure "
            "the other plan by, or an amount is not in money. Compare plans of similar scale."
        )
    drivers = np.repeat(np.arange(len(kept)), [rows.height for rows in kept.values()])
    rows = pl.concat(kept.values(), how="diagonal")
    goal = goal if rows.height else 0
    cents = nested(rows.get_column("effect").to_numpy() * scale, [drivers], goal)
    found = rows.select(
        pl.Series("driver", list(kept), dtype=pl.String).gather(drivers),
        pl.col(by).cast(pl.String),
        pl.exclude(*by, "effect"),
        pl.Series("amount", cents, dtype=pl.Int64),
    )
    if change == goal:
        return found
    left = dict.fromkeys(found.columns) | {"driver": ROUNDING, "amount": change - goal}
    return pl.concat([found, pl.DataFrame([left], schema=found.schema)])


def _steps(detail: pl.DataFrame, flexed: Flex, base: Side, other: Side) -> pl.DataFrame:
    """driver, amount, formula, rows: the detail summed by driver."""
    sums = detail.group_by("driver", maintain_order=True).agg(
        pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("rows")
    )
    accounts = base.plan.ledger.accounts(), other.plan.ledger.accounts()
    texts = [formula(driver, flexed, *(one.get(driver, 0.0) for one in accounts)) for driver in sums["driver"]]
    return sums.with_columns(pl.Series("formula", texts, dtype=pl.String)).select("driver", "amount", "formula", "rows")


def _between(one: Bridge, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.lit(one.base).alias("from"), pl.lit(one.other).alias("to"), pl.all())


def _line(name: str, amount: int) -> pl.DataFrame:
    return pl.DataFrame({"line": [name], "kind": ["plan"], "amount": [amount], "cumulative": [amount], "formula": [""]})
