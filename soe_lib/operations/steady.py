"""Nothing nervous: what is released stays as it is where changing it earns less than the disturbance costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.solver.session import Session

if TYPE_CHECKING:
    from soe_lib.solver.answer import Answer
    from soe_lib.solver.program import Floats, Places, Program


NEAR = 1e-6
KEYS = {"make": ("routing",), "buy": ("offer",), "ship": ("lane", "item")}
"""Flow of an order → what names its cells beside the period."""


@dataclass(frozen=True, eq=False)
class Steady:
    """A plan near what was released.

    Parameters
    ----------
    x : shape (columns,), its quantities.
    changed : the columns where it leaves what was released. gains : shape (changed,), what each of them earns: the
        optimum less that with this one as released [money]. effects : shape (changed, columns), how quantities differ.
    """

    x: Floats
    changed: Places
    gains: Floats
    effects: tuple[Floats, ...] = ()


def released_quantities(program: Program, orders: pl.DataFrame, periods: pl.DataFrame) -> Floats:
    """What was released of each column, shape (columns,); 0 in periods that the release covered; NaN in the others.

    Parameters
    ----------
    orders : open orders (earlier.OPEN). periods : period, starts_on, ends_on of the horizon that the release covered.
    """
    was = np.full(len(program.cost), np.nan)
    dated = orders.join(periods.select("period", "starts_on", "ends_on"), on=["starts_on", "ends_on"])
    step = pl.col("part").str.split("/").list.first()
    forked = pl.DataFrame(schema={"way": pl.String, "step": pl.String})
    if "run" in program.flows:
        forked = program.flows["run"].rows.select(pl.col("routing").alias("way"), "step").cast(pl.String).unique()
    for flow, keys in KEYS.items():
        if flow not in program.columns:
            continue
        rows = program.flows[flow].rows.select(pl.col(*keys, "period").cast(pl.String))
        mine = dated.filter(pl.col("kind") == flow).with_columns(step=step)
        if flow == "make":  # a run that several lines share is theirs together; every step has the same units
            parts = mine.join(forked.with_columns(shared=pl.lit(True)), on=["way", "step"], how="left")
            alone = pl.when(pl.col("shared").is_null()).then("part").otherwise("step")
            mine = parts.group_by("way", "period", alone.alias("step")).agg(pl.col("quantity").sum())
            mine = mine.group_by("way", "period").agg(pl.col("quantity").max())
        named = mine.select(
            pl.col("way").alias(keys[0]), *(pl.col("part").alias(key) for key in keys[1:]), "period", "quantity"
        )
        found = rows.join(named, on=[*keys, "period"], how="left", maintain_order="left")
        covered = pl.col("period").is_in(periods["period"].implode())
        own = found.select(pl.when(covered).then(pl.col("quantity").fill_null(0.0)).fill_null(float("nan")))
        was[program.columns[flow]] = own.to_series().to_numpy()
    return was


def steady(program: Program, x: Floats, was: Floats, price: float) -> Steady:
    """The plan that leaves what was released only where a change earns more than its price.

    Changes are priced per unit first, so that the change that the plan would make costs the price; what then stays is
    held. Each change that is left is taken back, and stays so where that loses less than the price.

    Parameters
    ----------
    program : what may still move; without whole numbers. x : shape (columns,), the plan.
    was : shape (columns,), what was released; NaN where nothing is open.
    """
    cells = np.flatnonzero(~np.isnan(was))
    if not (np.abs(x - was)[cells] > NEAR).any():
        return Steady(x, np.zeros(0, np.intp), np.zeros(0))
    found = _priced(program, cells, was[cells], price / np.maximum(np.abs(x - was)[cells], 1.0))
    stays = np.abs(found - was)[cells] <= NEAR
    now = program.with_bounds(cells[stays], was[cells[stays]], was[cells[stays]])
    session = Session(now)
    best, left = session.solve(now), cells[~stays]
    for cell in left[np.argsort(np.abs(best.x - was)[left], kind="stable")]:
        trial = now.with_bounds(np.array([cell]), was[cell], was[cell])
        answer = tried(session, trial)
        if answer is not None and best.objective - answer.objective < price:
            now, best = trial, answer
    changed = left[np.abs(best.x - was)[left] > NEAR]
    back = [tried(session, now.with_bounds(np.array([cell]), was[cell], was[cell])) for cell in changed]
    gains = np.array([np.inf if one is None else best.objective - one.objective for one in back])
    effects = tuple(best.x if one is None else best.x - one.x for one in back)
    return Steady(best.x, changed, gains, effects)


def tried(session: Session, program: Program) -> Answer | None:
    """The answer, or None where there is none."""
    try:
        return session.solve(program)
    except SolveError:
        return None


def _priced(program: Program, cells: Places, was: Floats, price: Floats) -> Floats:
    """The plan that pays a price for each unit by which a cell leaves what it was."""
    size, count = len(program.cost), len(cells)
    nothing = sp.csc_array((len(program.row_upper), count))
    wide = replace(program, weights=None).with_columns("change", nothing, price)
    rows, one = np.arange(count), np.ones(count)
    shape = (count, size + count)
    unit = sp.csc_array((one, (rows, cells)), shape=shape)
    change = sp.csc_array((one, (rows, size + rows)), shape=shape)
    above = wide.with_rows("above", sp.csc_array(unit - change), was)
    return Session(above.with_rows("below", sp.csc_array(-unit - change), -was)).solve().x[:size]
