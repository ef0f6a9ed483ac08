"""Several aims in a fixed order: each is brought to its best, held there, and the next one follows; money is last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats, widened
from soe_lib.solver.program import Canonical
from soe_lib.solver.session import Gate, Options

if TYPE_CHECKING:
    from soe_lib.model.model import Model

GIVE = 1e-7
"""A reached service is held to this relative slack, so that rounding does not make the next stage infeasible."""


def floors(model: Model, options: Options | None) -> Floats | None:
    """Right-hand sides of balance `service` after all stages, or None where the rule needs none."""
    if "service" not in model.balances:
        return None
    rows = model.balances["service"].rows.with_row_index("row")
    if "held" in rows.columns:
        return _alike(model, rows["held"] != "at most", options)
    by_rank = sorted(rows["rank"].unique().to_list())
    held = np.zeros(rows.height)
    if len(by_rank) == 1 and rows.height > 1:
        return _fair(model, rows, held, options)
    for rank in by_rank:
        mine = rows.filter(pl.col("rank") == rank)["row"].to_list()
        held[mine] = _best(model, mine, held, options)
    return -held


def _alike(model: Model, alike: pl.Series, options: Options | None) -> Floats:
    """Cut everybody alike for most money; then no cut may be above that, and money says the rest."""
    canonical, place, steps = model.canonical, _place(model), alike.to_numpy()
    answer = Gate(with_floors(canonical, place, np.where(steps, 0.0, 1.0)), options).answer()
    reached = canonical.matrix[place.start : place.stop, :] @ answer.x
    return np.where(steps, 1.0, np.minimum(reached * (1.0 + GIVE) + GIVE, 1.0))


def _place(model: Model) -> slice:
    return model.canonical.rows["service"]


def _best(model: Model, mine: list[int], held: Floats, options: Options | None) -> Floats:
    """Most that one group can be served while the floors so far hold."""
    canonical, place = with_floors(model.canonical, _place(model), -held), _place(model)
    service = canonical.matrix[place.start : place.stop, :][mine, :]
    cost = np.asarray(service.sum(axis=0), dtype=np.float64).ravel()  # the rows are −served, and HiGHS minimises
    answer = Gate(replace(canonical, cost=cost, offset=0.0), options).answer()
    served = -(service @ answer.x)
    return np.maximum(served * (1.0 - GIVE) - GIVE, 0.0)


def _fair(model: Model, rows: pl.DataFrame, held: Floats, options: Options | None) -> Floats:
    """Raise the smallest share of all groups as far as it goes, hold those that stop it, and go on with the rest."""
    asked = rows["asked"].to_numpy()
    open_groups = asked > 0
    while open_groups.any():
        share, stuck = _least(model, held, asked, open_groups, options)
        held = np.where(open_groups, np.maximum(share * asked * (1.0 - GIVE) - GIVE, 0.0), held)
        open_groups &= ~stuck
    return -held


def _least(
    model: Model, held: Floats, asked: Floats, open_groups: np.ndarray, options: Options | None
) -> tuple[float, np.ndarray]:
    """The largest smallest share of the open groups, and which of them cannot be served better."""
    canonical, place = with_floors(model.canonical, _place(model), -held), _place(model)
    size, mine = len(canonical.cost), np.flatnonzero(open_groups)
    # One more column, the share: −served + asked × share <= 0 for each open group.
    matrix = widened(canonical.matrix, place.start + mine, np.full(len(mine), size), asked[mine])
    row_upper = canonical.row_upper.copy()
    row_upper[place.start + mine] = 0.0
    program = replace(
        canonical,
        matrix=matrix,
        row_upper=row_upper,
        cost=np.append(np.zeros(size), -1.0),
        lower=np.append(canonical.lower, 0.0),
        upper=np.append(canonical.upper, 1.0),
        integer=np.append(canonical.integer, False),
        offset=0.0,
    )
    answer = Gate(program, options).answer()
    share = float(answer.x[size])
    stuck = open_groups.copy()
    if share < 1.0 - 1e-9:
        prices = np.zeros(len(asked))
        prices[mine] = answer.price[place.start + mine]
        stuck = open_groups & (prices > 1e-9)
    return share, stuck if stuck.any() else open_groups


def with_floors(canonical: Canonical, place: slice, rhs: Floats) -> Canonical:
    """The canonical data with other right-hand sides of balance `service`."""
    row_upper = canonical.row_upper.copy()
    row_upper[place] = rhs
    return replace(canonical, row_upper=row_upper)
