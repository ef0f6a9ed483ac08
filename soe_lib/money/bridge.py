"""Bridge: why one plan is worth more than another, in steps that add up to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.reading import PlanLike, Window, horizon, items_of, standard_costs
from soe_lib.money.rounding import largest_remainder, nested, whole
from soe_lib.money.variance import FORMULAS, Flex, account_effects, sales_effects, sales_of
from soe_lib.money.window import common_window, cut

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
        scale, change = 10**self.digits, self.end - self.start
        share = pl.col("amount") / change if change else pl.lit(None, dtype=pl.Float64)
        return self.steps.select(
            "driver",
            amount=pl.col("amount") / scale,
            share=share,
            cumulative=(self.start + pl.col("amount").cum_sum()) / scale,
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
        rows = [(self.base, self.start), *self.steps.select("driver", "amount").iter_rows(), (self.other, self.end)]
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
    digits: int = 2,
) -> Bridge:
    """Why `other` is worth more than `base`: volume, mix, price, and each account of cost.

    Formula, with q units sold, p revenue per unit, SC = Σ q × standard cost, Q = Σ q, A the variable accounts,
    CM0 = revenue + Σ A of the base, f the flex of cost:
    volume = (Q1/Q0 − 1) · CM0; mix = Σ (q1 − Q1·q0/Q0) · p0 + Σ A0 · (f − Q1/Q0); price = Σ (p1 − p0) · q1;
    a variable account = A1 − A0 · f; every other account = A1 − A0.
    "mix at base margin": f = SC1/SC0, so mix is the change of mix at base price less base cost (Horngren's
    sales-mix variance). "mix as average price": f = Q1/Q0, so mix is the change of the average base price and
    the cost of a dearer mix stays in the cost accounts. A key not sold in the base has p0 = p1: it is mix, not
    price. With Q0 = 0 volume is Σ p1 · q1 and costs are compared in full.

    Parameters
    ----------
    base, other : plans, solved or loaded, of one horizon.
    by : keys on which price and mix are told apart; items' columns such as family too.
    standard_cost : item, standard_cost [money/unit]; the plans' own items when left out.
    variable : accounts that are flexed with what is sold.
    window : first and last day to compare, or "common" for the days that both cover; see `cut`.

    Raises ReconciliationError for different horizons without a window, FormulationError for an unknown
    convention or key.
    """
    if convention not in get_args(Convention):
        raise FormulationError(f"no convention {convention!r}; choose one of {', '.join(get_args(Convention))}.")
    span = _window(base, other, window)
    left, right = (base, other) if span is None else (cut(base, span), cut(other, span))
    flex = Flex.between(
        sales_of(left, by), sales_of(right, by), standard_costs([left, right], standard_cost),
        by_cost=convention == "mix at base margin",
    )  # fmt: skip
    effects = pl.concat(
        [
            sales_effects(flex, left, right, variable, average=convention == "mix as average price"),
            account_effects(flex, left, right, variable),
        ],
        how="diagonal",
    )
    return _closed(base, other, effects, (left, right), flex, convention, span, digits)


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


def _closed(
    base: PlanLike,
    other: PlanLike,
    effects: pl.DataFrame,
    cuts: tuple[PlanLike, PlanLike],
    flex: Flex,
    convention: str,
    span: Window | None,
    digits: int,
) -> Bridge:
    scale = 10**digits
    start, end = (int(whole(plan.ledger.margin * scale)[0]) for plan in cuts)
    sums = effects.group_by("driver", "place", maintain_order=True).agg(pl.col("amount").sum(), rows=pl.len())
    sums = sums.sort("place").filter(pl.col("amount") != 0)
    if end != start and sums.is_empty():
        sums = pl.DataFrame({"driver": ["rounding"], "place": [0], "amount": [float(end - start) / scale], "rows": [0]})
    if sums.height:
        cents = largest_remainder(sums["amount"].to_numpy() * scale, end - start)
    raise NotImplementedError((cents, nested, FORMULAS, items_of, flex, convention, span))
