"""The curves of a node as one convex price of closing stock, in few tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.risk.cells import CAUSES, CELL
from soe_lib.model.risk.prices import levels, levels_against

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soe_lib.model.network import Network

BINS = 8
"""Most tiers of a node and period: steps of its curves that lie close together are merged at their mean."""
FEW, LARGE = 4, 10_000
"""Most tiers where a network has more cells (node and period) with a cushion than LARGE: each tier is a column, which
slows interior points (they solve large networks with recipes). It would move the demo's objective by 0.008 %."""
TIERS = pl.Enum([f"{number:03d}" for number in range(1, BINS + 1)])


@prepared
def steps(network: Network) -> pl.DataFrame:
    """The curves of a node as one convex price: the width of each tier, and the price of a unit in it.

    Formula: of more than eight steps, those in the same eighth of the highest level are merged at their mean, weighted
    by price. With more than 10,000 cells (node and period), more than four steps are merged by quarters. A unit in a
    tier costs no less than one in a tier above, even where demand that is short later loses less: the price stays
    convex.

    Returns
    -------
    item, location, period, tier (001 is the lowest), width [units], price [money/unit], level [units, its upper end].
    """
    return steps_against(network, CAUSES)


def most(network: Network) -> int:
    """Most tiers of a node and period; edited networks keep the number, so that an edit changes no columns."""
    if network.tiers is None:
        network.tiers = FEW if levels(network).select(CELL).n_unique() > LARGE else BINS
    return network.tiers


def steps_against(network: Network, causes: Sequence[str]) -> pl.DataFrame:
    """The same steps with only some of the causes (see CAUSES)."""
    level, size = pl.col("level"), pl.col("price").abs()
    bins = most(network)
    few, nth = pl.len().over("cell") <= bins, level.rank("dense").over("cell")
    merged = (
        (levels(network) if tuple(causes) == CAUSES else levels_against(network, causes))
        .sort(*CELL, "level", "price")
        .with_columns(cell=pl.struct(CELL).rle_id())  # one number is found faster than three labels
        .with_columns(bin=pl.when(few).then(nth).otherwise((level / level.max().over("cell") * bins).ceil()))
        .group_by("cell", *CELL, "bin", maintain_order=True)
        .agg(level=(level * size).sum() / size.sum(), price=pl.col("price").sum())
        .sort("cell", "level")
    )
    return merged.with_columns(
        width=pl.col("level") - pl.col("level").shift(1).over("cell").fill_null(0.0),
        price=pl.col("price").cum_sum(reverse=True).cum_max(reverse=True).over("cell"),
        tier=pl.int_range(0, pl.len()).over("cell"),
    ).select(*CELL, (pl.col("tier") + 1).cast(pl.String).str.zfill(3).cast(TIERS), "width", "price", "level")


@prepared
def padded(network: Network) -> pl.DataFrame:
    """The same steps with an equal number of tiers for each node and period; unneeded tiers have width 0.

    A small change of demand then changes widths, not the columns of the program: a living model starts from its last
    basis.

    Returns
    -------
    item, location, period, tier, width [units], price [money/unit].
    """
    found = steps(network)
    every = pl.Series("tier", TIERS.categories[: most(network)], dtype=TIERS).to_frame()
    return (
        found.select(CELL)
        .unique(maintain_order=True)
        .join(every, how="cross", maintain_order="left_right")
        .join(found.select(*CELL, "tier", "width", "price"), on=[*CELL, "tier"], how="left", maintain_order="left")
        .with_columns(pl.col("width", "price").fill_null(0.0))
    )
