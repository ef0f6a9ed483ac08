"""The effects behind a bridge: volume, mix and price of what is sold, and each account of cost, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import FormulationError
from soe_lib.money.accounts import in_order
from soe_lib.money.ledger import Ledger
from soe_lib.money.reading import PlanLike, items_of, standard_costs

REVENUE = "revenue"
SAID = {
    "price": "Σ (p1 − p0) · q1",
    "currency": "Σ amount at its own exchange rates − Σ amount at those of the base",
    "rounding": "both ends are rounded on their own; what their difference is off the rounded change",
}
"""Formulas without figures of their own."""
NOTHING = 1e-6
"""Units that count as none, and the share of the other plan's sales below which the base sells nothing."""

_FIGURES = ["q0", "q1", "r0", "r1", "s0", "s1"]


@dataclass(frozen=True, eq=False)
class Flex:
    """What was sold in two plans, and how far costs may move with it.

    Parameters
    ----------
    keys : labels on which price and mix are told apart.
    sales : keys, q0, q1 [unit], r0, r1 revenue [money], s0, s1 units × standard cost [money], p0 [money/unit].
    variable : accounts that are flexed.
    spent : Σ of those accounts in the base [money, negative].
    cost : factor by which the base's variable cost is flexed, f.
    average : mix as the change of the average price, not as base margin.
    notes : what had to be assumed.
    """

    keys: tuple[str, ...]
    sales: pl.DataFrame
    variable: tuple[str, ...]
    spent: float
    cost: float
    average: bool
    notes: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[float, float]:
        """Units sold in the base and in the other plan, Q0 and Q1."""
        return self._sum("q0"), self._sum("q1")

    @property
    def ratio(self) -> float:
        """Q1/Q0; 1 where the base sells nothing."""
        before, after = self.units
        return after / before if self.started else 1.0

    @property
    def started(self) -> bool:
        """Whether the base sells anything: without, there is neither mix nor price."""
        before, after = self.units
        return _counts(before, after)

    @property
    def by_cost(self) -> bool:
        """Whether variable cost is flexed by units at standard cost, rather than by units."""
        return not self.average and _counts(self._sum("s0"), self._sum("s1"))

    @property
    def contribution(self) -> float:
        """CM0: the base's revenue plus its variable cost [money]."""
        return self._product("q0", "p0") + self.spent

    def _sum(self, column: str) -> float:
        return float(self.sales.get_column(column).sum())

    def _product(self, left: str, right: str) -> float:
        return float((self.sales.get_column(left) * self.sales.get_column(right)).sum())


def flex(
    base: PlanLike,
    other: PlanLike,
    keys: Sequence[str],
    *,
    variable: Sequence[str],
    average: bool,
    standard_cost: pl.DataFrame | None,
) -> Flex:
    """What two plans sold by key, and the flex of variable cost between them.

    Formula: f = Σ q1·sc / Σ q0·sc with the standard cost sc of each item; Q1/Q0 where `average`, or where no
    standard cost is known; 1 where the base sells nothing.

    Raises FormulationError for a key that neither the sales nor the items have.
    """
    if not keys:
        raise FormulationError("a bridge needs at least one key to tell price from mix, such as item.")
    sold = [_sold(plan, keys) for plan in (base, other)]
    costs, notes = _costs(sold, standard_costs([base, other], standard_cost))
    sides = []
    for side, (plan, units) in enumerate(zip((base, other), sold, strict=True)):
        priced = units.join(costs, on="item", how="left", validate="m:1")
        lines = _labelled(plan.ledger.lines.filter(pl.col("account") == REVENUE), plan, keys)
        volume = priced.group_by(keys).agg(
            _some(pl.col("quantity").sum()).alias(f"q{side}"),
            _some((pl.col("quantity") * pl.col("standard_cost")).sum()).alias(f"s{side}"),
        )
        revenue = lines.group_by(keys).agg(pl.col("amount").sum().alias(f"r{side}"))
        sides.append(volume.join(revenue, on=list(keys), how="full", coalesce=True))
    sales = (
        sides[0].join(sides[1], on=list(keys), how="full", coalesce=True).with_columns(pl.col(_FIGURES).fill_null(0.0))
    )
    own, theirs = pl.col("r0") / pl.col("q0"), pl.col("r1") / pl.col("q1")
    price = pl.when(pl.col("q0") != 0).then(own).when(pl.col("q1") != 0).then(theirs).otherwise(0.0)
    sales = sales.with_columns(p0=price).sort(keys)
    spent = base.ledger.lines.filter(pl.col("account").is_in(list(variable)), pl.col("kind") != "steering")
    money = float(spent.get_column("amount").sum())
    return Flex(tuple(keys), sales, tuple(variable), money, _factor(sales, average), average, tuple(notes))


def _some(total: pl.Expr) -> pl.Expr:
    return pl.when(total.abs() > NOTHING).then(total).otherwise(0.0)


def _factor(sales: pl.DataFrame, average: bool) -> float:
    q0, q1, s0, s1 = (float(sales.get_column(name).sum()) for name in ("q0", "q1", "s0", "s1"))
    if not _counts(q0, q1):
        return 1.0
    return q1 / q0 if average or not _counts(s0, s1) else s1 / s0


def _counts(before: float, after: float) -> bool:
    """Whether what was before is enough to measure what comes after by."""
    return before > NOTHING * max(1.0, after)


def sales_effects(flexed: Flex) -> pl.DataFrame:
    """Volume, mix and price by key: driver, keys, base and other quantity and amount, effect [money].

    Formula by key, mix at base margin, with k = Σ variable accounts of the base / Σ q0·sc:
    volume = (Q1/Q0 − 1) · (q0·p0 + k·q0·sc); mix = (q1 − Q1/Q0·q0) · (p0 + k·sc).
    Mix as average price, with P0 = Σ q0·p0 / Q0: volume = (q1 − q0) · CM0/Q0; mix = (q1 − q0) · (p0 − P0).
    Both: price = (p1 − p0) · q1, which is r1 − r0 − (q1 − q0) · p0.
    """
    q0, q1, p0 = pl.col("q0"), pl.col("q1"), pl.col("p0")
    change = pl.col("r1") - pl.col("r0")
    if not flexed.started:
        effects = {"volume": change}
    elif flexed.average:
        units = flexed.units[0]
        mean = (flexed.contribution - flexed.spent) / units
        effects = {"volume": (q1 - q0) * (flexed.contribution / units), "mix": (q1 - q0) * (p0 - mean)}
    else:
        ratio, weighed = flexed.ratio, "s" if flexed.by_cost else "q"
        k = flexed.spent / float(flexed.sales[f"{weighed}0"].sum())
        s0, s1 = pl.col(f"{weighed}0"), pl.col(f"{weighed}1")
        effects = {
            "volume": (ratio - 1) * (q0 * p0 + k * s0),
            "mix": (q1 - ratio * q0) * p0 + k * (s1 - ratio * s0),
        }
    if flexed.started:
        effects["price"] = change - (q1 - q0) * p0
    figures = {"base_quantity": "q0", "other_quantity": "q1", "base_amount": "r0", "other_amount": "r1"}
    return pl.concat(
        [
            flexed.sales.select(pl.lit(driver).alias("driver"), *flexed.keys, **figures, effect=effect)
            for driver, effect in effects.items()
        ]
    )


def account_effects(flexed: Flex, base: PlanLike, other: PlanLike) -> pl.DataFrame:
    """Every account of cost and of end value, by key: driver, keys, base and other amount, effect [money].

    Formula: A1 − A0 · f for the variable accounts, A1 − A0 for the others.
    """
    keys = list(flexed.keys)
    sides = []
    for side, plan in (("base_amount", base), ("other_amount", other)):
        lines = plan.ledger.lines.filter(pl.col("account") != REVENUE, pl.col("kind") != "steering")
        labelled = _labelled(lines, plan, keys).rename({"account": "driver"})
        sides.append(labelled.group_by("driver", *keys).agg(pl.col("amount").sum().alias(side)))
    both = sides[0].join(sides[1], on=["driver", *keys], how="full", coalesce=True)
    both = both.with_columns(pl.col("base_amount", "other_amount").fill_null(0.0)).sort("driver", *keys)
    factor = pl.when(pl.col("driver").is_in(list(flexed.variable))).then(flexed.cost).otherwise(1.0)
    return both.with_columns(effect=pl.col("other_amount") - pl.col("base_amount") * factor)


def currency_effects(at_base_rates: PlanLike, other: PlanLike, keys: Sequence[str]) -> pl.DataFrame:
    """What other exchange rates make of the same quantities, by key: driver, keys, both amounts, effect [money].

    Formula: Σ amount at its own rates − Σ amount at the base's rates, revenue, cost and end value alike.
    """
    sides = []
    for side, plan in (("base_amount", at_base_rates), ("other_amount", other)):
        labelled = _labelled(plan.ledger.lines.filter(pl.col("kind") != "steering"), plan, keys)
        sides.append(labelled.group_by(keys).agg(pl.col("amount").sum().alias(side)))
    both = sides[0].join(sides[1], on=list(keys), how="full", coalesce=True)
    both = both.with_columns(pl.col("base_amount", "other_amount").fill_null(0.0)).sort(keys)
    return both.select(
        pl.lit("currency").alias("driver"), *keys, "base_amount", "other_amount",
        effect=pl.col("other_amount") - pl.col("base_amount"),
    )  # fmt: skip


def drivers(effects: pl.DataFrame) -> list[str]:
    """The drivers in the order they are shown: volume, mix, price, accounts in finance's order, currency."""
    named = set(effects.get_column("driver").unique())
    first, last = ("volume", "mix", "price"), ("currency", "rounding")
    accounts = in_order(named - {*first, *last})
    return [driver for driver in (*first, *accounts, *last) if driver in named]


def formula(driver: str, flexed: Flex, base: Ledger, other: Ledger) -> str:
    """How a step was worked out, in figures."""
    before, after = flexed.units
    units, cost = f"{after:,.6g}/{before:,.6g}", flexed.contribution
    if driver == "volume":
        return f"(Q1/Q0 − 1) · CM0 = ({units} − 1) · {cost:,.2f}" if flexed.started else "Σ p1·q1, nothing sold before"
    if driver == "mix" and flexed.average:
        return "Q1 · (Σ q1·p0/Q1 − Σ q0·p0/Q0): the average base price moves"
    if driver == "mix":
        return f"Σ (q1 − Q1·q0/Q0)·p0 + A0·(f − Q1/Q0), f = {flexed.cost:.6f}, A0 = {flexed.spent:,.2f}"
    if driver in SAID:
        return SAID[driver]
    a0, a1 = base.accounts().get(driver, 0.0), other.accounts().get(driver, 0.0)
    flexing = f" · {flexed.cost:.6f}" if driver in flexed.variable else ""
    return f"A1 − A0{' · f' if flexing else ''} = {a1:,.2f} − ({a0:,.2f}){flexing}"


def _sold(plan: PlanLike, keys: Sequence[str]) -> pl.DataFrame:
    empty = pl.DataFrame(schema={**dict.fromkeys(("item", "location", "customer"), pl.String), "quantity": pl.Float64})
    sell = plan.flows.get("sell", empty)
    rows = sell.select(*(pl.col(name).cast(pl.String) for name in empty.columns[:3]), pl.col("quantity"))
    return _labelled(rows, plan, keys).select("quantity", *dict.fromkeys(("item", *keys)))


def _labelled(rows: pl.DataFrame, plan: PlanLike, keys: Sequence[str]) -> pl.DataFrame:
    items = items_of(plan)
    for key in keys:
        if key in rows.columns:
            continue
        if key not in items.columns:
            raise FormulationError(f"sales cannot be told apart by {key!r}: neither they nor the items have it.")
        labels = items.select("item", pl.col(key).cast(pl.String)).unique("item", keep="first")
        rows = rows.join(labels, on="item", how="left", validate="m:1").with_columns(pl.col(key).fill_null(""))
    return rows


def _costs(sold: list[pl.DataFrame], known: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Standard cost of every item sold: its own, else the mean of those known, and a note that says so."""
    units = pl.concat([part.select("item", "quantity") for part in sold])
    wanted = units.group_by("item").agg(pl.col("quantity").sum()).join(known, on="item", how="left")
    have = wanted.drop_nulls("standard_cost").filter(pl.col("quantity") > 0)
    weight = float(have["quantity"].sum())
    mean = float((have["quantity"] * have["standard_cost"]).sum()) / weight if weight else 1.0
    missing = wanted.filter(pl.col("standard_cost").is_null())
    notes = []
    if missing.height:
        how = "the mean of the others" if weight else "one unit of cost a unit"
        q = float(missing["quantity"].sum())
        notes.append(f"{missing.height} items sold ({q:,.6g} units) have no standard cost: {how} is taken.")
    return wanted.select("item", pl.col("standard_cost").fill_null(mean)), notes
