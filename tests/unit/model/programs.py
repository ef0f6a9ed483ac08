"""Small programs as a solver sees them, and what is bad about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from soe_lib.solver.program import Program

INF = np.inf


def arrays(
    cost: list[float],
    matrix: list[list[float]],
    upper: list[float],
    *,
    equal: int = 0,
    ceiling: float = INF,
    floor: float = 0.0,
    integer: bool = False,
) -> Program:
    """Minimise cost @ x, the first `equal` rows ==, the others <=, all columns in [floor, ceiling]."""
    rows = np.asarray(upper, float)
    low = np.where(np.arange(len(rows)) < equal, rows, -INF)
    size = len(cost)
    return Program(
        matrix=sp.csc_array(np.asarray(matrix, float).reshape(len(rows), size)),
        cost=np.asarray(cost, float),
        row_lower=low,
        row_upper=rows,
        lower=np.full(size, floor),
        upper=np.full(size, ceiling),
        integer=np.full(size, integer),
        columns={"x": slice(0, size)},
        rows={"limit": slice(0, len(rows))},
    )


def fine() -> Program:
    """Earn 3 x + 2 y with x + y <= 4, x + 3 y <= 6: x = 4, worth 12."""
    return arrays([-3.0, -2.0], [[1.0, 1.0], [1.0, 3.0]], [4.0, 6.0])


def tampered(part: str, value: float, at: int = 0) -> Program:
    """`fine` with one figure of one of its arrays replaced."""
    base = fine()
    if part == "matrix":
        matrix = base.matrix.copy()
        matrix.data[at] = value
        return replace(base, matrix=matrix)
    values = getattr(base, part).copy()
    values[at] = value
    return replace(base, **{part: values})


def market_split(seed: int, *, rows: int = 5, slack: bool = False) -> Program:
    """Split so many products' sales in half at once over 10 (rows − 1) yes-or-no customers (Cornuéjols & Dawande 1998).

    Branch and bound goes through nearly all 2^(10 (rows − 1)) ways. Without slack there is no plan until one is found
    by chance; with slack, whose total is minimised, any way is a plan and the bound stays at 0.
    """
    size = 10 * (rows - 1)
    sales = np.random.default_rng(seed).integers(0, 100, (rows, size)).astype(float)
    half = np.floor(sales.sum(axis=1) / 2)
    if not slack:
        return arrays([0.0] * size, sales.tolist(), half.tolist(), equal=rows, ceiling=1.0, integer=True)
    both = np.hstack([sales, np.eye(rows), -np.eye(rows)])
    program = arrays([0.0] * size + [1.0] * 2 * rows, both.tolist(), half.tolist(), equal=rows, integer=True)
    whole = np.arange(size + 2 * rows) < size
    return replace(program, upper=np.where(whole, 1.0, INF), integer=whole)


def bad() -> Iterator[tuple[str, Program, str, str]]:
    """Name, program, the status it must be refused with, and a word that the message must have."""
    cycle = arrays([-1.0, 0.0], [[1.0, -1.0]], [0.0], equal=1)
    two = arrays([-1.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], [1.0, 2.0], equal=2)
    crossed = replace(fine(), lower=np.array([5.0, 0.0]), upper=np.array([1.0, 9.0]))
    apart = replace(fine(), row_lower=np.array([5.0, 0.0]))
    both = [[0.0, 1.0], [0.0, -1.0]]
    yield "more than there is", arrays([-1.0], [[1.0], [-1.0]], [1.0, -2.0]), "infeasible", "conflict"
    yield "two sums that differ", two, "infeasible", "conflict"
    yield "bounds that cross", crossed, "infeasible", "conflict"
    yield "a row whose sides cross", apart, "infeasible", "conflict"
    yield "bounds too low for a row", arrays([1.0], [[-1.0]], [-5.0], ceiling=4.0), "infeasible", "conflict"
    yield (
        "no whole number between",
        arrays([-1.0], [[2.0], [-2.0]], [1.4, -0.8], ceiling=1.0, integer=True),
        "infeasible",
        "conflict",
    )
    yield (
        "an odd number of pairs",
        arrays([1.0, 1.0], [[2.0, 2.0]], [3.0], equal=1, ceiling=9.0, integer=True),
        "infeasible",
        "conflict",
    )
    yield "nothing limits it", arrays([-1.0, 0.0], [[0.0, 1.0]], [1.0]), "unbounded", "flow x earns"
    yield "no row at all", arrays([-1.0], [], []), "unbounded", "flow x earns"
    yield "a cycle that earns", cycle, "unbounded", "flow x earns"
    yield "below nothing", arrays([1.0], [[1.0]], [1.0], floor=-INF), "unbounded", "flow x earns"
    yield (
        "nothing limits whole numbers",
        arrays([-1.0, 0.0], [[0.0, 1.0]], [1.0], integer=True),
        "unbounded",
        "flow x earns",
    )
    yield "a cycle of whole numbers", replace(cycle, integer=np.ones(2, bool)), "unbounded", "flow x earns"
    yield "both at once", arrays([-1.0, 0.0], both, [1.0, -2.0]), "infeasible", "conflict"
    yield (
        "both at once in whole numbers",
        arrays([-1.0, 0.0], both, [1.0, -2.0], integer=True),
        "infeasible",
        "conflict",
    )
    yield "nothing to decide", arrays([], [], []), "empty", "demand"
    yield "nothing to decide, and a promise", arrays([], [[]], [-1.0]), "empty", "demand"
    yield "an effect that no solver sees", arrays([-1.0], [[1e-12]], [1.0]), "scaling", "another unit"
    yield "money beyond all figures", arrays([-1e300], [[1.0]], [1e300]), "scaling", "another unit"
    yield "an effect beyond all figures", arrays([-1.0], [[1e200]], [1.0]), "refused", "another unit"
    for part in ("cost", "matrix", "lower", "upper", "row_lower", "row_upper"):
        allowed = {"lower": -INF, "row_lower": -INF, "upper": INF, "row_upper": INF}.get(part)
        for value in (np.nan, INF, -INF):
            if value != allowed:
                where = "constraint limit" if part.startswith("row") else "flow x"
                yield f"{part} of {value}", tampered(part, value), "refused", where
