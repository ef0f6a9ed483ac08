"""What units are worth at standard cost; a cost that is missing stops instead of counting as nothing."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError

SHOWN = 5


def at_standard_cost(units: pl.DataFrame, costs: pl.DataFrame, what: str) -> pl.DataFrame:
    """The rows with standard_cost [money/unit] and worth [money].

    Formula: worth = quantity × standard cost; a row without units needs no cost.

    Parameters
    ----------
    units : item, quantity [unit] and whatever else is to be kept. costs : item, standard_cost.
    what : how errors call them: "in stock", "sold".

    Raises DataError for items with units and no standard cost, naming them.
    """
    known = costs.select(pl.col("item").cast(pl.String), pl.col("standard_cost").cast(pl.Float64)).unique("item")
    priced = units.join(known, on="item", how="left", validate="m:1")
    lost = priced.filter(pl.col("standard_cost").is_null(), pl.col("quantity") != 0)
    if lost.height:
        names = lost["item"].unique().sort()
        said = ", ".join(names.head(SHOWN)) + (", …" if names.len() > SHOWN else "")
        raise DataError(
            f"{names.len()} items with {lost['quantity'].abs().sum():,.6g} units {what} have no standard cost: {said}. "
            "Give items.standard_cost (0 where a unit is worth nothing)."
        )
    filled = priced.with_columns(pl.col("standard_cost").fill_null(0.0))
    return filled.with_columns(worth=pl.col("quantity") * pl.col("standard_cost"))
