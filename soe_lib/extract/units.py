"""Whose unit a number is in and with which power, as schema.csv's column `unit` says it, and factors between units.

The parts of a unit stand between slashes: the first counts (+1), what it is per divides (−1). "unit" is the unit of the
row's item; "unit of x" that of the item which column x names, or of the item of the row that x refers to; "unit
started" that of the item which the row's routing makes; "unit demanded" that of the item demanded. A row without an
item is of every item, or of every item of its family; an event is of the item or offer that it happens to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from soe_lib.extract.schema import Column, Table, schema

STEPS = 4  # pallet → layer → case → piece
SAME = 1e-12
OTHER = "other "
PER = (" started", " demanded")
Frames = Mapping[str, pl.DataFrame]


def powers(column: Column) -> Mapping[str, int]:
    """Whose unit a number is in and with which power: {"component": 1, "routing": -1}; "" stands for every item.

    Parameters
    ----------
    column : any column; one that counts no item's units gives nothing.
    """
    found: Counter[str] = Counter()
    for place, word in enumerate(_words(column)):
        if word == "unit" or word.startswith("unit "):
            found[_owner(word, schema()[column.table])] += -1 if place else 1
    return {owner: power for owner, power in found.items() if power}


def money(column: Column) -> bool:
    """Whether a number is in money, by itself or per something."""
    return _words(column)[:1] == ["money"]


def owners(table: Table) -> tuple[str, ...]:
    """The columns that lead to the items whose units a table counts: first `unit`, then `per_unit`."""
    words = [word for column in table.columns for word in _words(column) if word.split(" ")[0] == "unit"]
    return tuple(dict.fromkeys(_owner(word, table) for word in sorted(words, key=lambda word: word.endswith(PER))))


def _words(column: Column) -> list[str]:
    """The parts of a number's unit; none of a factor between units or currencies, which is in neither."""
    return column.unit.split("/") if column.type == "number" and OTHER not in column.unit else []


def _owner(word: str, table: Table) -> str:
    role = word.removeprefix("unit").strip()
    if role.startswith("of "):
        return role.removeprefix("of ")
    if role == "started" and table.name != "routings":
        return "routing"
    return "item" if "item" in table.names else ""


def item_of(table: str, owner: str, tables: Frames) -> pl.Series:
    """The item whose unit each row of a table is in, "" where it is of every item.

    Parameters
    ----------
    owner : one of `owners`.
    tables : typed frames.
    """
    frame = tables[table]
    if not owner:
        return _hit(frame, tables) if "target" in frame.columns else _every(frame)
    referred = schema()[table][owner].references.partition(".")[0]
    if owner != "item" and referred != "items":
        return _through(frame, owner, tables[referred])
    items = frame.get_column(owner).alias("item")
    if "lane" in frame.columns and table != "lanes":
        return pl.select(
            pl.when(items == "").then(_through(frame, "lane", tables["lanes"])).otherwise(items)
        ).to_series()
    return items


def _every(frame: pl.DataFrame) -> pl.Series:
    return pl.repeat("", frame.height, dtype=pl.String, eager=True).alias("item")


def _hit(frame: pl.DataFrame, tables: Frames) -> pl.Series:
    """The item that an event happens to: its target, or that of the offer, or of every item where it is neither."""
    targets = frame.get_column("target")
    known = targets.is_in(tables["items"]["item"].implode())
    bought = _through(targets.alias("offer").to_frame(), "offer", tables["offers"])
    return pl.select(pl.when(known).then(targets).otherwise(bought)).to_series().alias("item")


def _through(frame: pl.DataFrame, name: str, other: pl.DataFrame) -> pl.Series:
    """The item of the routing, offer or lane that a row names."""
    known = other.select(name, "item").unique(name, keep="first", maintain_order=True)
    found = frame.select(name).join(known, on=name, how="left", maintain_order="left")["item"]
    return found.fill_null("")


def own_units(tables: Frames) -> pl.DataFrame:
    """[item, own]: the unit that each item is counted in."""
    return tables["items"].select("item", own="unit").unique("item", keep="first")


def factors(tables: Frames) -> pl.DataFrame:
    """[item, unit, factor]: units of the item in one of another unit, chains of conversions multiplied out."""
    own = own_units(tables)
    listed = tables["units"].filter(pl.col("factor") > 0).select("item", "unit", "to", "factor")
    everywhere = listed.filter(pl.col("item") == "").drop("item").join(own.select("item"), how="cross")
    pairs = pl.concat([listed.filter(pl.col("item") != ""), everywhere.select(listed.columns)])
    pairs = pairs.unique(["item", "unit"], keep="first", maintain_order=True).join(own, on="item", how="inner")
    pairs = pairs.with_columns(to=pl.when(pl.col("to") == "").then("own").otherwise("to"))
    pairs = pairs.filter(pl.col("unit") != pl.col("own"))
    known = own.select("item", unit="own", factor=pl.lit(1.0))
    for _ in range(STEPS):
        reached = pairs.join(known.select("item", to="unit", further="factor"), on=["item", "to"], how="inner").select(
            "item", "unit", factor=pl.col("factor") * pl.col("further")
        )
        fresh = reached.join(known, on=["item", "unit"], how="anti")
        if fresh.is_empty():
            break
        known = pl.concat([known, fresh])
    return known


def shared_factors(tables: Frames) -> pl.DataFrame:
    """[family, unit, factor]: conversions that are the same for every item of a family; family "" is every item."""
    named = tables["items"].select("item", "family").unique("item", keep="first")
    members = pl.concat([named, named.with_columns(family=pl.lit(""))]).unique()
    every = members.group_by("family").agg(of=pl.len())
    found = members.join(factors(tables), on="item", how="inner").group_by("family", "unit")
    spread = found.agg(known=pl.len(), factor=pl.col("factor").min(), most=pl.col("factor").max()).join(
        every, on="family"
    )
    alike = (pl.col("known") == pl.col("of")) & (pl.col("most") - pl.col("factor") <= SAME * pl.col("factor"))
    return spread.filter(alike).select("family", "unit", "factor")


def scaled(name: str, factor: pl.Series, power: int) -> pl.Expr:
    """A number in the item's own unit: × factor^power; where the factor is 0.001, ÷ 1,000 to the last digit.

    Parameters
    ----------
    name : the column.
    factor : own units in one of the delivered unit, row by row.
    power : of the unit in the column.
    """
    inverse = (1 / factor).round()
    whole = (inverse >= 1) & ((inverse * factor - 1).abs() <= SAME)
    up, value = power > 0, pl.col(name)
    exact = value / inverse if up else value * inverse
    return pl.when(whole).then(exact).otherwise(value * factor if up else value / factor).alias(name)
