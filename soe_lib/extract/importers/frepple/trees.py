"""frePPLe's hierarchies (items, locations, resources): who belongs to whom, however deep."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError

DEEPEST = 30
"""Levels after which a hierarchy must be a circle."""


def members(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """Every group with everything below it; each name also belongs to itself.

    Parameters
    ----------
    table : with name and owner.
    what : the table's name, for the error.

    Returns
    -------
    frame of group, member.

    Raises
    ------
    DataError : an owner that belongs to its own member.
    """
    parents = table.filter(pl.col("owner") != "").select(group="name", above="owner")
    level = table.select(group="name", member="name")
    found = [level]
    for _ in range(DEEPEST):
        level = level.join(parents, on="group").select(group="above", member="member")
        if level.is_empty():
            return pl.concat(found).unique(maintain_order=True)
        found.append(level)
    circle = ", ".join(level["member"].unique().sort().head(5))
    raise DataError(f"{what}.csv: the owners of {circle} go round in a circle. Correct the column owner.")


def groups(table: pl.DataFrame) -> pl.Series:
    """Names that own others: groups, not things."""
    return table.filter(pl.col("owner") != "")["owner"].unique()


def leaves(table: pl.DataFrame, what: str) -> pl.DataFrame:
    """As `members`, but only with members that own nothing themselves."""
    return members(table, what).filter(~pl.col("member").is_in(groups(table).implode()))
