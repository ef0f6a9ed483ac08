"""Supply matched with demand, first due first, from the customers upwards through lanes and bills of materials."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SLIVER = 1e-9
"""Share of a stock's throughput that counts as none: what arithmetic leaves between two ends that are the same."""
PEGS = {
    "supply": pl.Int64, "demand": pl.Int64, "root": pl.Int64, "quantity": pl.Float64, "serves": pl.Float64,
    "level": pl.Int64,
}  # fmt: skip

SHARE = {"move": pl.Int64, "root": pl.Int64, "share": pl.Float64, "serves": pl.Float64}


def overlap(of_supply: Ints, supply: Floats, of_demand: Ints, demand: Floats) -> tuple[Ints, Ints, Floats]:
    """First in, first out: which part of which supply meets which demand of its group.

    Formula: the n-th unit demanded of a group is the n-th unit supplied, so both are laid end to end and cut where
    either ends.

    Parameters
    ----------
    of_supply, of_demand : the group of each, ascending. supply, demand : quantities > 0, in the order of their turn.

    Returns
    -------
    position of the supply, position of the demand, quantity; one row per part.
    """
    ends = np.concatenate([_ends(of_supply, supply), _ends(of_demand, demand)])
    group = np.concatenate([of_supply, of_demand])
    demanded = np.arange(len(group)) >= len(of_supply)
    order = np.lexsort((demanded, ends, group))
    group, ends, demanded = group[order], ends[order], demanded[order]
    first = np.r_[True, group[1:] != group[:-1]] if len(group) else np.zeros(0, bool)
    length = ends - np.where(first, 0.0, np.r_[0.0, ends[:-1]][: len(ends)])
    mine: Ints = np.cumsum(~demanded, dtype=np.int64) - ~demanded
    theirs: Ints = np.cumsum(demanded, dtype=np.int64) - demanded
    inside = (mine < len(of_supply)) & (theirs < len(of_demand)) & (length > SLIVER * np.maximum(1.0, ends))
    mine, theirs, group, length = mine[inside], theirs[inside], group[inside], length[inside]
    same = (of_supply[mine] == group) & (of_demand[theirs] == group)
    return mine[same], theirs[same], length[same]


def _ends(group: Ints, quantity: Floats) -> Floats:
    """The running total of each group."""
    if not len(group):
        return np.zeros(0)
    total = np.cumsum(quantity, dtype=np.longdouble)
    start = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    before = np.r_[np.longdouble(0), total[start[1:] - 1]]
    return (total - np.repeat(before, np.diff(np.r_[start, len(group)]))).astype(np.float64)


def matched(
    supplies: pl.DataFrame, demands: pl.DataFrame, rank: Ints, amount: Floats
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All pegs of a plan, and which share of each move is for whom.

    Stocks are taken level by level, so that what a move is for is known before what it takes is matched: customers'
    first, then what is shipped or made for them. Stocks that lie in a circle are taken period by period, the last
    first; what goes round within a period ends a chain.

    Parameters
    ----------
    supplies : entry, move, node, period, quantity, weight (of all that the move brings); in the order of their turn.
    demands : entry, move, node, period, quantity, part (of all that the move takes of the item there).
    rank : of each move as a root: whose turn is first within a period. amount : what each move serves as a root.

    Returns
    -------
    supply, demand [entries], root [the move at the end of the chain], quantity [unit of the item], serves [unit of the
    root], level [steps from the end of the longest chain]; and move, root, share [of what the move takes], serves.
    """
    chunks, demands = _points(supplies, demands)
    ways = chunks.select("move", "point").unique().join(
        demands.select("move", "point").unique(), on="move", suffix="_from"
    )  # fmt: skip
    circular = _circular(ways)
    ways = ways.filter(~pl.col("move").is_in(circular.tolist()))
    ends_here = np.ones(len(rank), bool)
    ends_here[supplies["move"].to_numpy()] = False
    ends_here[circular] = True
    level = _levels(ways, _count(chunks["point"], demands["point"]))
    leveled = demands.with_columns(level=pl.Series(level[demands["point"].to_numpy()]))
    pegs, share = [pl.DataFrame(schema=PEGS)], pl.DataFrame(schema=SHARE)
    weights = supplies.select("entry", "move", weight=pl.col("weight") / pl.col("quantity"))
    for (number,), here in leveled.sort("level").group_by("level", maintain_order=True):
        parts = _parts(here, share, ends_here, amount)
        found = _match(
            chunks.join(here.select("point").unique(), on="point", how="semi", maintain_order="left"), parts, rank
        )
        pegs.append(found.with_columns(level=pl.lit(number, pl.Int64)))
        met = found.join(weights, left_on="supply", right_on="entry", maintain_order="left")
        met = met.select("move", "root", pl.col("quantity") * pl.col("weight"), "serves")
        told = pl.concat([share, met.rename({"quantity": "share"})])
        share = told.group_by("move", "root", maintain_order=True).agg(pl.col("share", "serves").sum())
    return pl.concat(pegs), share


def _parts(here: pl.DataFrame, share: pl.DataFrame, ends_here: npt.NDArray[np.bool_], amount: Floats) -> pl.DataFrame:
    """What each demand is for: demand, point, period, move, root, quantity, serves."""
    own = here.filter(pl.Series(ends_here[here["move"].to_numpy()]))
    own = own.with_columns(root="move", serves=pl.Series(amount[own["move"].to_numpy()]) * pl.col("part"))
    rest = here.join(own.select("entry"), on="entry", how="anti").join(share, on="move")
    rest = rest.with_columns(pl.col("quantity") * pl.col("share"), pl.col("serves") * pl.col("part"))
    columns = ["entry", "point", "period", "move", "root", "quantity", "serves"]
    return pl.concat([own.select(columns), rest.select(columns)])


def _match(chunks: pl.DataFrame, parts: pl.DataFrame, rank: Ints) -> pl.DataFrame:
    turn = parts.with_columns(rank=pl.Series(rank[parts["root"].to_numpy()])).sort("point", "period", "rank", "move")
    mine, theirs, quantity = overlap(
        chunks["point"].to_numpy(), chunks["quantity"].to_numpy(), turn["point"].to_numpy(), turn["quantity"].to_numpy()
    )
    met = turn[theirs]
    return pl.DataFrame({
        "supply": chunks["entry"].gather(mine), "demand": met["entry"], "root": met["root"],
        "quantity": quantity, "serves": met["serves"] * (quantity / met["quantity"].to_numpy()),
    })  # fmt: skip


def _points(supplies: pl.DataFrame, demands: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Where supply meets demand: a stock, or, where stocks lie in a circle, a stock in one period.

    Returns the supplies, cut where a point ends (entry, move, point, quantity), and the demands with their point.
    """
    ways = supplies.select("move", "node").unique().join(
        demands.select("move", "node").unique(), on="move", suffix="_from"
    )  # fmt: skip
    count, periods = _count(supplies["node"], demands["node"]), _count(demands["period"])
    round_ = _in_circles(ways["node"].to_numpy(), ways["node_from"].to_numpy(), count)
    nodes, when = demands["node"].to_numpy(), demands["period"].to_numpy()
    placed = demands.with_columns(point=pl.Series(np.where(round_[nodes], count + nodes * periods + when, nodes)))
    cut = pl.Series(round_[supplies["node"].to_numpy()])
    whole = supplies.filter(~cut).select("entry", "move", "quantity", point="node")
    apart = supplies.filter(cut)
    if apart.is_empty():
        return whole, placed
    # Numbered from the first on, so that points are as few as they are.
    known = placed["point"].unique().sort()
    placed = placed.with_columns(point=pl.Series(np.searchsorted(known.to_numpy(), placed["point"].to_numpy())))
    whole = whole.with_columns(point=pl.Series(np.searchsorted(known.to_numpy(), whole["point"].to_numpy())))
    totals = placed.filter(pl.Series(round_[nodes])).group_by("node", "point").agg(pl.col("quantity").sum())
    totals = totals.sort("node", "point")
    mine, theirs, quantity = overlap(
        apart["node"].to_numpy(), apart["quantity"].to_numpy(), totals["node"].to_numpy(), totals["quantity"].to_numpy()
    )
    parts = apart[mine].select("entry", "move", pl.Series("quantity", quantity), point=totals["point"].gather(theirs))
    return pl.concat([whole, parts]).sort("point", maintain_order=True), placed


def _count(*numbers: pl.Series) -> int:
    """How many numbers there are from 0 to the largest."""
    return max((int(column.to_numpy().max()) + 1 for column in numbers if len(column)), default=0)


def _in_circles(after: Ints, before: Ints, count: int) -> npt.NDArray[np.bool_]:
    """Which of the numbers below `count` lie on a circle of steps from `before` to `after`."""
    _, part = _strong(after, before, count)
    size = np.bincount(part, minlength=count)
    found = size[part] > 1
    found[after[after == before]] = True
    return np.asarray(found, dtype=bool)


def _strong(after: Ints, before: Ints, count: int) -> tuple[int, Ints]:
    graph = sp.coo_array((np.ones(len(after)), (before, after)), shape=(count, count)).tocsr()
    number, part = connected_components(graph, directed=True, connection="strong")
    return int(number), part.astype(np.int64)


def _circular(ways: pl.DataFrame) -> Ints:
    """The moves to leave out so that no circle is left: those that lead back to an earlier point of their circle."""
    if ways.is_empty():
        return np.zeros(0, np.int64)
    after, before = ways["point"].to_numpy(), ways["point_from"].to_numpy()
    names, codes = np.unique(np.concatenate([after, before]), return_inverse=True)
    to, start = codes[: len(after)], codes[len(after) :]
    _, part = _strong(to, start, len(names))
    back = (part[to] == part[start]) & (to <= start)
    return np.unique(ways["move"].to_numpy()[back])


def _levels(ways: pl.DataFrame, count: int) -> Ints:
    """How many steps each point is from the end of its longest chain: what it serves comes before it."""
    steps = ways.select("point", "point_from").unique()
    after, before = steps["point"].to_numpy(), steps["point_from"].to_numpy()
    level = np.zeros(count, np.int64)
    while True:
        raised = level.copy()
        np.maximum.at(raised, before, level[after] + 1)
        if np.array_equal(raised, level):
            return level
        level = raised
