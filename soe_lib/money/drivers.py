"""The drivers behind a bridge: volume, mix and price of what is sold, and each account of cost, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import polars as pl

from soe_lib.errors import FormulationError
from soe_lib.money.ledger import Ledger, in_order
from soe_lib.money.window import PlanLike, items_of, standard_costs

KEY, ITEM, ACCOUNT = "_key", "_item", "_account"
PLACE = ("item", "location", "customer")
"""Columns of sales and of ledger lines that may be keys; any other key is a column of the items."""


@dataclass(frozen=True, eq=False)
class Keys:
    """Several labels as one whole number, in the order of the labels.

    Formula: code = Σ place of the label among its sorted labels × Π sizes of the labels after it.

    Parameters
    ----------
    names : of the labels. labels : sorted and unique, for each name. items, accounts : likewise.
    """

    names: tuple[str, ...]
    labels: tuple[pl.Series, ...]
    items: pl.Series
    accounts: pl.Series

    @property
    def count(self) -> int:
        """How many codes there are."""
        return prod(max(labels.len(), 1) for labels in self.labels)

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the names first, in place of the code."""
        left, found = rows.get_column(KEY), []
        for name, labels in zip(reversed(self.names), reversed(self.labels), strict=True):
            size = max(labels.len(), 1)
            found.append(labels.gather(left % size).alias(name))
            left = left // size
        return rows.drop(KEY).select(*reversed(found), pl.all())

    def coded(self, rows: pl.DataFrame, plan: PlanLike) -> pl.DataFrame:
        """_item and _key of rows that have an item and whichever names are columns of theirs."""
        item = _places(rows.get_column("item"), self.items)
        code = pl.Series(KEY, [0], dtype=pl.Int64).new_from_index(0, rows.height)
        for name, labels in zip(self.names, self.labels, strict=True):
            own = (
                _places(rows[name], labels) if name in rows.columns else self._of_item(name, labels, plan).gather(item)
            )
            code = code * max(labels.len(), 1) + own
        return pl.DataFrame([item.alias(ITEM), code.alias(KEY)])

    def _of_item(self, name: str, labels: pl.Series, plan: PlanLike) -> pl.Series:
        """By code of an item, the code of its label."""
        known = items_of(plan).select("item", pl.col(name).cast(pl.String)).unique("item", keep="first")
        own = self.items.alias("item").to_frame().join(known, on="item", how="left", maintain_order="left")
        return _places(own.get_column(name), labels)


@dataclass(frozen=True, eq=False)
class Side:
    """One plan, summed by key.

    Parameters
    ----------
    plan : which. sold : _item, _key, quantity [unit]. money : _account, _key, amount [money]; no steering.
    """

    plan: PlanLike
    sold: pl.DataFrame
    money: pl.DataFrame

    def of_accounts(self, keys: Keys, names: Sequence[str]) -> pl.DataFrame:
        """_key, amount of some accounts together."""
        mine = self.money.filter(pl.col(ACCOUNT).is_in(_known(keys.accounts, names)))
        return mine.group_by(KEY).agg(pl.col("amount").sum())


def sides_of(plans: Sequence[PlanLike], names: Sequence[str]) -> tuple[Keys, list[Side]]:
    """The plans summed by the same keys.

    Raises FormulationError without a key, or for one that neither the sales nor the items have.
    """
    if not names:
        raise FormulationError("a bridge needs at least one key to tell price from mix, such as item.")
    sales = [_sales(plan) for plan in plans]
    money = [plan.ledger.lines.filter(pl.col("kind") != "steering") for plan in plans]
    frames = [*sales, *money]
    labels = []
    for name in names:
        if name in PLACE:
            found = [frame[name] for frame in frames]
        elif lost := [plan.name for plan in plans if name not in items_of(plan).columns]:
            raise FormulationError(
                f"sales cannot be told apart by {name!r}: neither they nor the items of {lost} have it."
            )
        else:
            found = [pl.Series([""]), *(items_of(plan)[name].cast(pl.String) for plan in plans)]
        labels.append(_sorted(found))
    keys = Keys(
        tuple(names), tuple(labels), _sorted([frame["item"] for frame in frames]),
        _sorted([frame["account"] for frame in money]),
    )  # fmt: skip
    return keys, [_summed(*each, keys) for each in zip(plans, sales, money, strict=True)]


def _summed(plan: PlanLike, sales: pl.DataFrame, money: pl.DataFrame, keys: Keys) -> Side:
    units = keys.coded(sales, plan).with_columns(sales["quantity"])
    cell = keys.coded(money, plan)[KEY] + _places(money["account"], keys.accounts) * keys.count
    sums = pl.DataFrame({"_cell": cell, "amount": money["amount"]}).group_by("_cell").agg(pl.col("amount").sum())
    split = sums.select(
        (pl.col("_cell") // keys.count).alias(ACCOUNT), (pl.col("_cell") % keys.count).alias(KEY), "amount"
    )
    return Side(plan, units.group_by(ITEM, KEY).agg(pl.col("quantity").sum()), split)


def _sales(plan: PlanLike) -> pl.DataFrame:
    empty = pl.DataFrame(schema={**dict.fromkeys(PLACE, pl.String), "quantity": pl.Float64})
    sell = plan.flows.get("sell", empty)
    return sell.select(*(pl.col(name).cast(pl.String).fill_null("") for name in PLACE), pl.col("quantity"))


def _sorted(parts: Sequence[pl.Series]) -> pl.Series:
    every = pl.concat([part.cast(pl.String).alias("").unique() for part in parts])
    return every.fill_null("").unique().sort()


def _places(values: pl.Series, labels: pl.Series) -> pl.Series:
    """The place of each value among sorted labels."""
    return values.fill_null("").cast(pl.Enum(labels)).to_physical().cast(pl.Int64)


def _known(labels: pl.Series, names: Sequence[str]) -> list[int]:
    return [place for place, label in enumerate(labels) if label in names]


REVENUE = "revenue"
SAID = {
    "price": "Σ (p1 − p0) · q1",
    "currency": "Σ amount at its own exchange rates − Σ amount at those of the base",
    "rounding": "both ends are rounded on their own; what their difference is off the rounded change",
}
"""Formulas without figures of their own."""
NOTHING = 1e-6
"""Units that count as none."""
LEAST = 1e-4
"""Share of the other plan's sales below which the base sells nothing to measure by."""

FIRST, LAST = ("volume", "mix", "price"), ("currency", "rounding")
"""Drivers before and after the accounts."""

_FIGURES = ["q0", "q1", "r0", "r1", "s0", "s1"]


@dataclass(frozen=True, eq=False)
class Flex:
    """What was sold in two plans, and how far costs may move with it.

    Parameters
    ----------
    keys : labels on which price and mix are told apart.
    sales : _key, q0, q1 [unit], r0, r1 revenue [money], s0, s1 units × standard cost [money], p0 [money/unit].
    variable : accounts that are flexed.
    spent : Σ of those accounts in the base [money, negative].
    cost : factor by which the base's variable cost is flexed, f.
    average : mix as the change of the average price, not as base margin.
    notes : what had to be assumed.
    """

    keys: Keys
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
    base: Side,
    other: Side,
    keys: Keys,
    *,
    variable: Sequence[str],
    average: bool,
    standard_cost: pl.DataFrame | None,
) -> Flex:
    """What two plans sold by key, and the flex of variable cost between them.

    Formula: f = Σ q1·sc / Σ q0·sc with the standard cost sc of each item; Q1/Q0 where `average`, or where no
    standard cost is known; 1 where the base sells nothing.
    """
    pair = (base, other)
    costs, notes = _costs(pair, keys, standard_costs([side.plan for side in pair], standard_cost))
    sides = []
    for number, side in enumerate(pair):
        priced = side.sold.with_columns(_worth=pl.col("quantity") * costs.gather(side.sold[ITEM]))
        volume = priced.group_by(KEY).agg(
            _some(pl.col("quantity").sum()).alias(f"q{number}"), _some(pl.col("_worth").sum()).alias(f"s{number}")
        )
        revenue = side.of_accounts(keys, (REVENUE,)).rename({"amount": f"r{number}"})
        sides.append(volume.join(revenue, on=KEY, how="full", coalesce=True))
    both = sides[0].join(sides[1], on=KEY, how="full", coalesce=True).with_columns(pl.col(_FIGURES).fill_null(0.0))
    own, theirs = pl.col("r0") / pl.col("q0"), pl.col("r1") / pl.col("q1")
    price = pl.when(pl.col("q0") != 0).then(own).when(pl.col("q1") != 0).then(theirs).otherwise(0.0)
    sales = both.with_columns(p0=price).sort(KEY)
    money = float(base.of_accounts(keys, variable)["amount"].sum())
    return Flex(keys, sales, tuple(variable), money, _factor(sales, average), average, tuple(notes))


def _some(total: pl.Expr) -> pl.Expr:
    return pl.when(total.abs() > NOTHING).then(total).otherwise(0.0)


def _factor(sales: pl.DataFrame, average: bool) -> float:
    q0, q1, s0, s1 = (float(sales.get_column(name).sum()) for name in ("q0", "q1", "s0", "s1"))
    if not _counts(q0, q1):
        return 1.0
    return q1 / q0 if average or not _counts(s0, s1) else s1 / s0


def _counts(before: float, after: float) -> bool:
    """Whether what was before is enough to measure what comes after by."""
    return before > max(NOTHING, LEAST * after)


def sales_effects(flexed: Flex) -> dict[str, pl.DataFrame]:
    """Volume, mix and price: by driver _key, base and other quantity and amount, effect [money].

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
    return {driver: flexed.sales.select(KEY, **figures, effect=effect) for driver, effect in effects.items()}


def account_effects(flexed: Flex, base: Side, other: Side) -> dict[str, pl.DataFrame]:
    """Every account of cost and of end value: by account _key, base and other amount, effect [money].

    Formula: A1 − A0 · f for the variable accounts, A1 − A0 for the others.
    """
    keys, cell = flexed.keys, [ACCOUNT, KEY]
    sides = [
        side.money.select((pl.col(ACCOUNT) * keys.count + pl.col(KEY)).alias("_cell"), pl.col("amount").alias(name))
        for side, name in ((base, "base_amount"), (other, "other_amount"))
    ]
    both = sides[0].join(sides[1], on="_cell", how="full", coalesce=True).sort("_cell").with_columns(
        pl.col("base_amount", "other_amount").fill_null(0.0),
        (pl.col("_cell") // keys.count).alias(ACCOUNT), (pl.col("_cell") % keys.count).alias(KEY),
    )  # fmt: skip
    found = {}
    for (code,), rows in both.select(*cell, "base_amount", "other_amount").partition_by(
        ACCOUNT, as_dict=True, include_key=False, maintain_order=True
    ).items():  # fmt: skip
        account = keys.accounts[int(code)]
        factor = flexed.cost if account in flexed.variable else 1.0
        if account != REVENUE:
            found[account] = rows.with_columns(effect=pl.col("other_amount") - pl.col("base_amount") * factor)
    return found


def currency_effects(at_base_rates: Side, other: Side) -> dict[str, pl.DataFrame]:
    """What other exchange rates make of the same quantities: _key, both amounts, effect [money].

    Formula: Σ amount at its own rates − Σ amount at the base's rates, revenue, cost and end value alike.
    """
    sides = [
        side.money.group_by(KEY).agg(pl.col("amount").sum().alias(name))
        for side, name in ((at_base_rates, "base_amount"), (other, "other_amount"))
    ]
    both = sides[0].join(sides[1], on=KEY, how="full", coalesce=True).sort(KEY)
    both = both.with_columns(pl.col("base_amount", "other_amount").fill_null(0.0))
    return {"currency": both.with_columns(effect=pl.col("other_amount") - pl.col("base_amount"))}


def in_order_of_drivers(effects: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Volume, mix, price, then accounts in finance's order, then currency."""
    accounts = in_order(set(effects) - {*FIRST, *LAST})
    return {driver: effects[driver] for driver in (*FIRST, *accounts, *LAST) if driver in effects}


def formula(driver: str, flexed: Flex, base: Ledger, other: Ledger) -> str:
    """How a step was worked out, in figures."""
    before, after = flexed.units
    units, cost = f"{after:,.6g}/{before:,.6g}", _said(flexed.contribution)
    if driver == "volume":
        return f"(Q1/Q0 − 1) · CM0 = ({units} − 1) · {cost}" if flexed.started else "Σ p1·q1, nothing sold before"
    if driver == "mix" and flexed.average:
        return "Q1 · (Σ q1·p0/Q1 − Σ q0·p0/Q0): the average base price moves"
    if driver == "mix":
        return f"Σ (q1 − Q1·q0/Q0)·p0 + A0·(f − Q1/Q0), f = {flexed.cost:.6f}, A0 = {_said(flexed.spent)}"
    if driver in SAID:
        return SAID[driver]
    a0, a1 = base.accounts().get(driver, 0.0), other.accounts().get(driver, 0.0)
    flexing = f" · {flexed.cost:.6f}" if driver in flexed.variable else ""
    return f"A1 − A0{' · f' if flexing else ''} = {_said(a1)} − ({_said(a0)}){flexing}"


def _said(amount: float) -> str:
    """An amount as people write it: with a minus sign, not a hyphen."""
    return f"{amount:,.2f}".replace("-", "−")


def _costs(sides: tuple[Side, Side], keys: Keys, known: pl.DataFrame) -> tuple[pl.Series, list[str]]:
    """Standard cost by code of an item: its own, else the mean of those known, and a note that says so."""
    units = pl.concat([side.sold.select(ITEM, "quantity") for side in sides])
    sold = units.group_by(ITEM).agg(pl.col("quantity").sum()).sort(ITEM)
    wanted = sold.with_columns(item=keys.items.gather(sold[ITEM])).join(known, on="item", how="left", validate="m:1")
    have = wanted.drop_nulls("standard_cost").filter(pl.col("quantity") > 0)
    weight = float(have["quantity"].sum())
    mean = float((have["quantity"] * have["standard_cost"]).sum()) / weight if weight else 1.0
    missing = wanted.filter(pl.col("standard_cost").is_null())
    notes = []
    if missing.height:
        how = "the mean of the others" if weight else "one unit of cost a unit"
        q = float(missing["quantity"].sum())
        notes.append(f"{missing.height} items sold ({q:,.6g} units) have no standard cost: {how} is taken.")
    every = keys.items.alias("item").to_frame().join(known, on="item", how="left", maintain_order="left")
    return every.get_column("standard_cost").fill_null(mean), notes
