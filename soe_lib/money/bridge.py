"""Bridge: why one plan is worth more than another, in steps that add up to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, standard_costs
from soe_lib.money.rounding import as_money, nested, whole
from soe_lib.money.variance import Flex, account_effects, currency_effects, drivers, flex, formula, sales_effects
from soe_lib.money.window import accrual, common_window, cut

Convention = Literal["mix at base margin", "mix as average price"]

CURRENCY, ROUNDING = "currency", "rounding"
KEYS = ("item", "customer", "location")
VARIABLE = ("material", "conversion", "freight")
"""Accounts that are flexed with the volume sold; every other one is compared in full."""

NOISE = 1e-6
"""Minor units below which an effect is float noise."""


@dataclass(frozen=True, eq=False, repr=False)
class Bridge:
    """Why one plan is worth more than another: start, named steps, end; favourable is positive.

    Formula: start + Σ steps = end, in whole minor units; the residual is 0 or the bridge does not exist.

    Parameters
    ----------
    base, other : names of the two plans.
    start, end : their margins in minor units.
    steps : driver, amount (Int64, minor units), formula, rows (how many rows of `detail` it sums).
    detail : driver, the keys, amount (Int64, minor units); adds up to the steps.
    convention : how volume and mix are told apart.
    window : the days compared, None for the whole of both.
    notes : what had to be assumed, counted.

    Raises ReconciliationError where steps or detail do not add up.
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
        """What stands beside the chart: driver, amount [money], share of the change, cumulative [money], formula."""
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

        Raises FormulationError for a column that neither the bridge nor the items have.
        """
        rows = self.detail
        for name in columns:
            if name in rows.columns:
                continue
            if name not in self.items.columns or "item" not in rows.columns:
                raise FormulationError(f"this bridge was not made by {name!r}; it knows {', '.join(rows.columns)}.")
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
    """Why `other` is worth more than `base`: volume, mix, price, each account of cost, currency and rounding.

    Formula, with q units sold, p revenue per unit, SC = Σ q × standard cost, Q = Σ q, A the variable accounts,
    CM0 = revenue + Σ A of the base, f the flex of cost:
    volume = (Q1/Q0 − 1) · CM0; mix = Σ (q1 − Q1·q0/Q0) · p0 + Σ A0 · (f − Q1/Q0); price = Σ (p1 − p0) · q1;
    a variable account = A1 − A0 · f; every other account = A1 − A0.
    "mix at base margin": f = SC1/SC0, so mix is the change of mix at base price less base cost (Horngren's
    sales-mix variance). "mix as average price": f = Q1/Q0, so mix is the change of the average base price and
    the cost of a dearer mix stays in the cost accounts. A key not sold in the base has p0 = p1: it is mix, not
    price. With Q0 = 0 volume is Σ p1 · q1 and costs are compared in full. With `at_base_rates`, everything is measured
    on it, and currency = Σ other − Σ at_base_rates. Steps are rounded under the rounded change; rounding is what the
    two ends, rounded each on its own, are off it: a minor unit at most.

    Parameters
    ----------
    base, other : plans, solved or loaded, of one horizon.
    by : keys on which price and mix are told apart; items' columns such as family too.
    standard_cost : item, standard_cost [money/unit]; the plans' own items when left out.
    variable : accounts that are flexed with what is sold.
    window : first and last day to compare, or "common" for the days that both cover; see `cut`.
    reading : "cash" compares margins of cash and end value, "accrual" those of cash and the change of stock at
        standard cost: the way to compare with a budget, which has no stock.
    at_base_rates : the other plan at the exchange rates of the base, so that rates make a step of their own; left out:
        both are at one set of rates.

    Raises ReconciliationError for different horizons without a window, FormulationError for an unknown
    convention or key.
    """
    if convention not in get_args(Convention):
        raise FormulationError(f"no convention {convention!r}; choose one of {', '.join(get_args(Convention))}.")
    plans = [base, other] if at_base_rates is None else [base, other, at_base_rates]
    span = _window(base, other, window)
    sides = _sides(plans, span, standard_costs(plans, standard_cost) if reading == "accrual" else None)
    ends, measured = (sides[0], sides[1]), (sides[0], sides[-1])
    average = convention == "mix as average price"
    flexed = flex(*measured, tuple(by), variable=variable, average=average, standard_cost=standard_cost)
    parts = [sales_effects(flexed), account_effects(flexed, *measured)]
    if at_base_rates is not None:
        parts.append(currency_effects(sides[2], sides[1], flexed.keys))
    effects = pl.concat(parts, how="diagonal")
    start, end = (int(whole(side.ledger.margin * 10**digits)[0]) for side in ends)
    _complete(effects, ends)
    detail = _in_minor_units(effects, end - start, 10**digits)
    notes = [*flexed.notes, *(note for side in sides for note in getattr(side, "notes", ()))]
    notes += [
        f"{side.name}: {n:,} rows of {f} have no rate ({q:,.6g} units)."
        for side in sides
        for f, n, q in side.ledger.lost
    ]
    return Bridge(
        base.name, other.name, start, end, _steps(detail, flexed, measured), detail, convention,
        pl.concat([items_of(side) for side in sides], how="diagonal_relaxed").unique("item", keep="first"),
        span, digits, tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _sides(plans: Sequence[PlanLike], span: Window | None, costs: pl.DataFrame | None) -> list[PlanLike]:
    if span is not None:
        return [cut(plan, span, standard_cost=costs) for plan in plans]
    return list(plans) if costs is None else [accrual(plan, costs) for plan in plans]


def _window(base: PlanLike, other: PlanLike, window: Window | Literal["common"] | None) -> Window | None:
    if window == "common":
        return common_window([base, other])
    if window is not None:
        return window
    spans = [horizon(plan) for plan in (base, other)]
    if spans[0] != spans[1]:
        said = "; ".join(f"{p.name}: {a} to {b}" for p, (a, b) in zip((base, other), spans, strict=True))
        raise ReconciliationError(
            f"the plans cover different days ({said}), and money of different days cannot be bridged. "
            'Compare what they share with window="common".'
        )
    return None


def _complete(effects: pl.DataFrame, sides: tuple[PlanLike, PlanLike]) -> None:
    """Nothing may be rounded away: the effects must be the change of margin before they become cents."""
    change = sides[1].ledger.margin - sides[0].ledger.margin
    found = float(effects.get_column("effect").sum())
    turnover = sum(float(side.ledger.lines["amount"].abs().sum()) for side in sides)
    if abs(found - change) > max(1e-4, 1e-11 * turnover):
        raise ReconciliationError(f"the effects add up to {found:,.4f}, but the margin moves by {change:,.4f}.")


def _in_minor_units(effects: pl.DataFrame, change: int, scale: int) -> pl.DataFrame:
    """Effects as minor units that add up to the rounded change, and what the rounded ends are off it."""
    order = {driver: n for n, driver in enumerate(drivers(effects))}
    rows = effects.filter((pl.col("effect") * scale).abs() >= NOISE)
    place = pl.col("driver").replace_strict(order, return_dtype=pl.Int64)
    rows = rows.with_columns(_place=place).sort("_place", maintain_order=True)
    values = rows.get_column("effect").to_numpy() * scale
    goal = int(whole(values.sum())[0]) if values.size else 0
    cents = nested(values, [rows.get_column("_place").to_numpy()], goal)
    found = rows.drop("_place", "effect").with_columns(pl.Series("amount", cents, dtype=pl.Int64))
    if change == goal:
        return found
    left = dict.fromkeys(found.columns) | {"driver": ROUNDING, "amount": change - goal}
    return pl.concat([found, pl.DataFrame([left], schema=found.schema)])


def _steps(detail: pl.DataFrame, flexed: Flex, sides: tuple[PlanLike, PlanLike]) -> pl.DataFrame:
    sums = detail.group_by("driver", maintain_order=True).agg(
        pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("rows")
    )
    said = [formula(driver, flexed, sides[0].ledger, sides[1].ledger) for driver in sums.get_column("driver")]
    return sums.with_columns(pl.Series("formula", said, dtype=pl.String)).select("driver", "amount", "formula", "rows")
