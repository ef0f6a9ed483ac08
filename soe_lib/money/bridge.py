"""Bridge: why one plan is worth more than another, in steps that add up to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from soe_lib.display import html
from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.keyed import sides_of
from soe_lib.money.reading import PlanLike, Window, items_of, standard_costs
from soe_lib.money.rounding import as_money, whole
from soe_lib.money.steps import change_of, in_minor_units, on_days, steps_of, window_of
from soe_lib.money.variance import account_effects, currency_effects, flex, in_order_of_drivers, sales_effects

Convention = Literal["mix at base margin", "mix as average price"]

KEYS = ("item", "customer", "location")
VARIABLE = ("material", "conversion", "freight")
"""Accounts that are flexed with the volume sold; every other one is compared in full."""


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

    def _repr_html_(self) -> str:
        ends = [(name, amount / 10**self.digits) for name, amount in ((self.base, self.start), (self.other, self.end))]
        first, last = (pl.DataFrame([end], schema=["driver", "amount"], orient="row") for end in ends)
        steps = pl.concat([first, self.table().select("driver", pl.col("amount").cast(pl.Float64)), last])
        head = repr(self).partition("\n")[0]
        return html("\n".join([head, *self.notes]), steps, digits=self.digits)


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
    plans = [base, other] if at_base_rates is None else [base, other, at_base_rates]
    span = window_of(plans[:2], window)
    read = Reader(plans, span, tuple(by), standard_cost, reading=reading)
    return read.bridge(base, other, at_base_rates, convention=convention, variable=variable, digits=digits)


class Reader:
    """Plans cut to the same days and summed by the same keys, once, for any bridge between them.

    Parameters
    ----------
    plans : all that are to be compared. span : the days, None for the whole of each.
    by : keys. standard_cost : item, standard_cost [money/unit], or None. reading : see `bridge`.
    """

    def __init__(
        self,
        plans: Sequence[PlanLike],
        span: Window | None,
        by: tuple[str, ...],
        standard_cost: pl.DataFrame | None,
        *,
        reading: Literal["cash", "accrual"] = "cash",
    ) -> None:
        self.span, self.standard_cost = span, standard_cost
        costs = standard_costs(list(plans), standard_cost) if reading == "accrual" else None
        self.keys, sides = sides_of(on_days(plans, span, costs), by)
        self.sides = {id(plan): side for plan, side in zip(plans, sides, strict=True)}

    def bridge(
        self,
        base: PlanLike,
        other: PlanLike,
        at_base_rates: PlanLike | None = None,
        *,
        convention: Convention = "mix at base margin",
        variable: Sequence[str] = VARIABLE,
        digits: int = 2,
    ) -> Bridge:
        """The bridge between two of the plans; see `soe_lib.money.bridge.bridge`."""
        if convention not in get_args(Convention):
            raise FormulationError(f"no convention {convention!r}; choose one of {', '.join(get_args(Convention))}.")
        ends = self.sides[id(base)], self.sides[id(other)]
        measured = ends if at_base_rates is None else (ends[0], self.sides[id(at_base_rates)])
        average = convention == "mix as average price"
        flexed = flex(*measured, self.keys, variable=variable, average=average, standard_cost=self.standard_cost)
        effects = sales_effects(flexed) | account_effects(flexed, *measured)
        if at_base_rates is not None:
            effects |= currency_effects(measured[1], ends[1])
        plans = [side.plan for side in (*ends, *(measured[1:] if at_base_rates is not None else ()))]
        start, end = (int(whole(plan.ledger.margin * 10**digits)[0]) for plan in plans[:2])
        goal = int(whole(change_of(effects, plans[:2]) * 10**digits)[0])
        detail = in_minor_units(in_order_of_drivers(effects), self.keys, (goal, end - start), 10**digits)
        notes = [*flexed.notes, *(note for plan in plans for note in getattr(plan, "notes", ()))]
        notes += [
            f"{p.name}: {n:,} rows of {f} have no rate ({q:,.6g} units)." for p in plans for f, n, q in p.ledger.lost
        ]
        return Bridge(
            base.name, other.name, start, end, steps_of(detail, flexed, measured), detail, convention,
            pl.concat([items_of(plan) for plan in plans], how="diagonal_relaxed").unique("item", keep="first"),
            self.span, digits, tuple(dict.fromkeys(notes)),
        )  # fmt: skip
