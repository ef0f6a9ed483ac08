"""The drivers of a bridge: volume, mix and price of sales, and each cost account, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import FormulationError
from soe_lib.money.window import PlanLike, Window, accrual, cut, items_of

PLACE = ("item", "location", "customer")
"""Key columns of sales and ledger lines; any other key is a column of the items."""
REVENUE, ROUNDING = "revenue", "rounding"
FIRST, LAST = ("volume", "mix", "price"), ("currency", ROUNDING)
"""Drivers before and after the accounts."""
FORMULAS = {
    "price": "Σ (p1 − p0) · q1",
    "currency": "Σ amount at its own exchange rates − Σ amount at those of the base",
    ROUNDING: "difference of the two rounded ends − the rounded change",
}
"""Formulas without figures of their own."""
NOTHING = 1e-6
"""Units below which a quantity counts as 0."""
LEAST = 1e-4
"""Share of the other plan's sales below which the base's sales are too small to measure by."""


@dataclass(frozen=True, eq=False)
class Side:
    """One plan on the days compared, summed by key.

    Parameters
    ----------
    plan : the plan. sold : item, keys, quantity [unit]. money : account, keys, amount [money]; no steering.
    """

    plan: PlanLike
    sold: pl.DataFrame
    money: pl.DataFrame


def check_keys(plans: Sequence[PlanLike], by: Sequence[str]) -> None:
    if not by:
        raise FormulationError("a bridge needs at least one key to separate price from mix, such as item.")
    for name in by:
        lost = [plan.name for plan in plans if name not in items_of(plan).columns]
        if name not in PLACE and lost:
            raise FormulationError(
                f"sales cannot be grouped by {name!r}: neither sales nor the items of {lost} have that column."
            )


def side_of(plan: PlanLike, span: Window | None, costs: pl.DataFrame | None, by: Sequence[str]) -> Side:
    """A plan cut to the window; in accrual if standard costs are given."""
    read = plan
    if span is not None:
        read = cut(plan, span, standard_cost=costs)
    elif costs is not None:
        read = accrual(plan, costs)
    empty = pl.DataFrame(schema={**dict.fromkeys(PLACE, pl.String), "quantity": pl.Float64})
    sales = read.flows.get("sell", empty).select(pl.col(PLACE).cast(pl.String).fill_null(""), "quantity")
    money = read.ledger.lines.filter(pl.col("kind") != "steering")
    return Side(read, _summed(sales, read, "item", by, "quantity"), _summed(money, read, "account", by, "amount"))


def _summed(rows: pl.DataFrame, plan: PlanLike, first: str, by: Sequence[str], value: str) -> pl.DataFrame:
    """The sums of a value by a column of the rows and the keys; missing keys are columns of the items."""
    keys, total = list(dict.fromkeys((first, *by))), pl.col(value).sum()
    labels = [name for name in by if name not in PLACE]
    own = list(dict.fromkeys((*(("item",) if labels else ()), *(name for name in keys if name not in labels))))
    # Categoricals, which polars groups as numbers, take half the time of strings for a million lines.
    sums = rows.with_columns(pl.col(own).cast(pl.Categorical)).group_by(own).agg(total)
    if not labels:
        return sums
    known = items_of(plan).select("item", pl.col(labels).cast(pl.String)).unique("item", keep="first")
    sums = sums.join(known.cast({"item": pl.Categorical}), on="item", how="left")
    return sums.with_columns(pl.col(labels).fill_null("")).group_by(keys).agg(total)


@dataclass(frozen=True, eq=False)
class Flex:
    """The sales of two plans, and the flex of variable cost between them.

    Parameters
    ----------
    sales : keys, q0, q1 [unit], r0, r1 revenue [money], s0, s1 units × standard cost [money], p0 [money/unit].
    variable : accounts that are flexed. spent : Σ of those accounts in the base [money, negative].
    average : mix as the change of the average price instead of at base margin.
    notes : assumptions.
    """

    sales: pl.DataFrame
    variable: tuple[str, ...]
    spent: float
    average: bool
    notes: tuple[str, ...] = ()

    def total(self, column: str) -> float:
        """Σ of a column of the sales."""
        return float(self.sales.get_column(column).sum())

    @property
    def started(self) -> bool:
        """Whether the base has sales; without sales there is neither mix nor price."""
        return _counts(self.total("q0"), self.total("q1"))

    @property
    def by_cost(self) -> bool:
        """Whether variable cost is flexed by units at standard cost instead of by units."""
        return not self.average and _counts(self.total("s0"), self.total("s1"))

    @property
    def cost(self) -> float:
        """Flex factor f of the base's variable cost; 1 if the base sells nothing."""
        if not self.started:
            return 1.0
        return self.total("s1") / self.total("s0") if self.by_cost else self.total("q1") / self.total("q0")

    @property
    def contribution(self) -> float:
        """CM0: the base's revenue plus its variable cost [money]."""
        return float((self.sales.get_column("q0") * self.sales.get_column("p0")).sum()) + self.spent


def _counts(before: float, after: float) -> bool:
    """Whether the earlier figure is large enough to be a base for the later one."""
    return before > max(NOTHING, LEAST * after)


def flex(
    base: Side,
    other: Side,
    by: Sequence[str],
    costs: pl.DataFrame,
    *,
    variable: Sequence[str],
    average: bool,
) -> Flex:
    """The sales of two plans by key, and the flex of variable cost between them."""
    known, notes = _costs(base, other, costs)
    sides = []
    for number, side in enumerate((base, other)):
        priced = side.sold.join(known, on="item", how="left")
        worth = (pl.col("quantity") * pl.col("standard_cost")).sum()
        volume = priced.group_by(by).agg(
            _some(pl.col("quantity").sum()).alias(f"q{number}"), _some(worth).alias(f"s{number}")
        )
        revenue = side.money.filter(pl.col("account") == REVENUE).select(*by, pl.col("amount").alias(f"r{number}"))
        sides.append(volume.join(revenue, on=by, how="full", coalesce=True))
    both = sides[0].join(sides[1], on=by, how="full", coalesce=True)
    both = both.with_columns(pl.col("q0", "q1", "r0", "r1", "s0", "s1").fill_null(0.0))
    own, theirs = pl.col("r0") / pl.col("q0"), pl.col("r1") / pl.col("q1")
    price = pl.when(pl.col("q0") != 0).then(own).when(pl.col("q1") != 0).then(theirs).otherwise(0.0)
    spent = float(base.money.filter(pl.col("account").is_in(list(variable)))["amount"].sum())
    return Flex(both.with_columns(p0=price).sort(by), tuple(variable), spent, average, tuple(notes))


def _some(total: pl.Expr) -> pl.Expr:
    return pl.when(total.abs() > NOTHING).then(total).otherwise(0.0)


def _costs(base: Side, other: Side, known: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """item, standard_cost of all items sold: their own, else the mean of the known ones, with a note."""
    units = pl.concat([side.sold.select("item", "quantity") for side in (base, other)])
    sold = units.group_by("item").agg(pl.col("quantity").sum()).sort("item")
    wanted = sold.cast({"item": pl.String}).join(known, on="item", how="left", validate="m:1", maintain_order="left")
    have = wanted.drop_nulls("standard_cost").filter(pl.col("quantity") > 0)
    weight = float(have["quantity"].sum())
    mean = float((have["quantity"] * have["standard_cost"]).sum()) / weight if weight else 1.0
    missing = wanted.filter(pl.col("standard_cost").is_null())
    notes = []
    if missing.height:
        how = "the mean of the others" if weight else "a cost of 1 per unit"
        q = float(missing["quantity"].sum())
        notes.append(f"{missing.height} items sold ({q:,.6g} units) have no standard cost: {how} is used.")
    return wanted.select(sold["item"], pl.col("standard_cost").fill_null(mean)), notes


def sales_effects(flexed: Flex, by: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Volume, mix and price: by driver keys, base and other quantity and amount, effect [money].

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
        units = flexed.total("q0")
        mean = (flexed.contribution - flexed.spent) / units
        effects = {"volume": (q1 - q0) * (flexed.contribution / units), "mix": (q1 - q0) * (p0 - mean)}
    else:
        ratio, weighed = flexed.total("q1") / flexed.total("q0"), "s" if flexed.by_cost else "q"
        k = flexed.spent / flexed.total(f"{weighed}0")
        s0, s1 = pl.col(f"{weighed}0"), pl.col(f"{weighed}1")
        effects = {
            "volume": (ratio - 1) * (q0 * p0 + k * s0),
            "mix": (q1 - ratio * q0) * p0 + k * (s1 - ratio * s0),
        }
    if flexed.started:
        effects["price"] = change - (q1 - q0) * p0
    figures = {"base_quantity": "q0", "other_quantity": "q1", "base_amount": "r0", "other_amount": "r1"}
    return {driver: flexed.sales.select(*by, **figures, effect=effect) for driver, effect in effects.items()}


def account_effects(flexed: Flex, base: Side, other: Side, by: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The effects of cost and end value accounts: by account keys, base and other amount, effect [money].

    Formula: A1 − A0 · f for the variable accounts, A1 − A0 for the others.
    """
    both = _beside(base.money, other.money, ["account", *by]).filter(pl.col("account") != REVENUE)
    factor = pl.when(pl.col("account").is_in(flexed.variable)).then(flexed.cost).otherwise(1.0)
    effects = both.with_columns(effect=pl.col("other_amount") - pl.col("base_amount") * factor)
    parts = effects.partition_by("account", as_dict=True, include_key=False, maintain_order=True)
    return {account: rows for (account,), rows in parts.items()}


def currency_effect(at_base_rates: Side, other: Side, by: Sequence[str]) -> pl.DataFrame:
    """The effect of other exchange rates on the same quantities: keys, both amounts, effect [money]."""
    sums = [side.money.group_by(by).agg(pl.col("amount").sum()) for side in (at_base_rates, other)]
    return _beside(sums[0], sums[1], list(by)).with_columns(effect=pl.col("other_amount") - pl.col("base_amount"))


def coded(sides: Sequence[Side]) -> list[Side]:
    """The sides with one common Enum per label column, which joins and sorts as fast as numbers."""
    sorts = {}
    for name in {*sides[0].sold.columns, *sides[0].money.columns} - {"quantity", "amount"}:
        columns = [rows[name] for side in sides for rows in (side.sold, side.money) if name in rows.columns]
        sorts[name] = pl.Enum(pl.concat([column.unique().cast(pl.String) for column in columns]).unique().sort())
    return [
        Side(
            side.plan,
            side.sold.cast({n: sorts[n] for n in side.sold.columns if n in sorts}),
            side.money.cast({n: sorts[n] for n in side.money.columns if n in sorts}),
        )
        for side in sides
    ]


def _beside(base: pl.DataFrame, other: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """keys, base_amount, other_amount, sorted by the keys; 0 if only one side has the keys."""
    # Concatenated and summed: two thirds of the time of a join.
    nothing = pl.lit(0.0)
    both = pl.concat(
        [
            base.lazy().select(*keys, base_amount="amount", other_amount=nothing),
            other.lazy().select(*keys, base_amount=nothing, other_amount="amount"),
        ]
    )
    return both.group_by(keys).agg(pl.col("base_amount", "other_amount").sum()).sort(keys).collect()


def formula(driver: str, flexed: Flex, before: float, after: float) -> str:
    """The formula of a step with its figures; before, after : of an account [money]."""
    q0, q1, cost = flexed.total("q0"), flexed.total("q1"), _figure(flexed.contribution)
    if driver == "volume":
        return (
            f"(Q1/Q0 − 1) · CM0 = ({q1:,.6g}/{q0:,.6g} − 1) · {cost}"
            if flexed.started
            else "Σ p1·q1, no sales in the base"
        )
    if driver == "mix" and flexed.average:
        return "Q1 · (Σ q1·p0/Q1 − Σ q0·p0/Q0): change of the average base price"
    if driver == "mix":
        return f"Σ (q1 − Q1·q0/Q0)·p0 + A0·(f − Q1/Q0), f = {flexed.cost:.6f}, A0 = {_figure(flexed.spent)}"
    if driver in FORMULAS:
        return FORMULAS[driver]
    flexes = driver in flexed.variable
    factor = f" · {flexed.cost:.6f}" if flexes else ""
    return f"A1 − A0{' · f' if flexes else ''} = {_figure(after)} − ({_figure(before)}){factor}"


def _figure(amount: float) -> str:
    """An amount with a minus sign instead of a hyphen."""
    return f"{amount:,.2f}".replace("-", "−")
