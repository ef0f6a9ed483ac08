"""What plans sell and what they earn and spend by key, labels coded as whole numbers: quick to group, join and sort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import polars as pl

from soe_lib.errors import FormulationError
from soe_lib.money.reading import PlanLike, items_of

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
