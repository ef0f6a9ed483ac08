"""The pattern of whole numbers (set-ups, switches) of a plan that is known, kept first when it is planned again.

To prove a plan with set-ups takes minutes, and an event, an option or a stress asks for another one. Most of them
change little of the pattern: with it held, what is left is an LP of seconds, whose plan is feasible and certified. The
linear relaxation says how far it is from the best possible. Where that is no farther than this week's own plan, a
search would find as much for this week's plan: only beyond it, time is spent on searching (budget.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import highspy
import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.canonical import Canonical
from soe_lib.model.polish import PATIENCE, linear, rounded
from soe_lib.model.terms import Flow

if TYPE_CHECKING:
    from soe_lib.store.plan import Plan

NODES = 200
"""Nodes of the search for whole numbers that the pattern leaves open: counts of lots, switches of new cells."""
ROOM = 1.1
"""How many times farther from its relaxation than this week's plan a plan may be before it is searched for."""


def known(plan: Plan, flows: Mapping[str, Flow], columns: Mapping[str, slice], size: int) -> Floats:
    """The whole numbers of a plan by column of another program, found by their labels; NaN where it has none."""
    start = np.full(size, np.nan)
    for name, flow in flows.items():
        theirs = plan.flows.get(name)
        if not flow.whole.any() or theirs is None or not set(flow.keys) <= set(theirs.columns):
            continue
        text = [pl.col(key).cast(pl.String) for key in flow.keys]
        mine = flow.rows.select(text).join(
            theirs.select(*text, pl.col("quantity").cast(pl.Float64)), on=flow.keys, how="left", maintain_order="left"
        )
        quantity = mine["quantity"].fill_null(np.nan).to_numpy()
        start[columns[name]] = np.where(flow.whole, np.rint(quantity), np.nan)
    return start


@dataclass(frozen=True, eq=False)
class Held:
    """A plan with a known pattern: its objective (minimised), its whole numbers, and where simplex ended, if it did."""

    objective: float
    values: Floats
    basis: highspy.HighsBasis | None = None


def keep(highs: highspy.Highs, canonical: Canonical, whole: npt.NDArray[np.intp]) -> Held | None:
    """The best plan with the known switches, else with some of them off; None: there is none."""
    low, high, start = canonical.lower[whole], canonical.upper[whole], canonical.start[whole]
    switch = ~np.isnan(start) & (high <= 1.0)
    held = np.where(switch, np.clip(np.nan_to_num(start), low, high), low)
    if switch.all():
        lower, upper = canonical.lower.copy(), canonical.upper.copy()
        lower[whole] = upper[whole] = held
        bare = replace(canonical, lower=lower, upper=upper, row_upper=_without_implied(canonical))
        if (found := linear(bare, highs.getOptionValue("threads")[1], "held")) is not None:
            return Held(found.getInfo().objective_function_value, held, found.getBasis())
    # Not as they are: then none that was off is on, else any that the relaxation has on.
    bare = replace(canonical, row_upper=_without_implied(canonical))
    for most in (np.where(switch, held, high), high) if switch.all() else ():
        upper = canonical.upper.copy()
        upper[whole] = most
        if (
            near := rounded(replace(bare, upper=upper), whole, highs.getOptionValue("threads")[1], "repaired")
        ) is not None:
            return Held(near.objective, near.values)
    places, count = whole.astype(np.int32), len(whole)
    highs.setOptionValue("mip_max_nodes", NODES)
    best = None
    for least in (low,) if switch.all() else (held, low):
        highs.changeColsBounds(count, places, np.where(switch, least, low), np.where(switch, held, high))
        highs.setOptionValue("time_limit", PATIENCE)
        highs.run()
        if highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            values = np.rint(np.asarray(highs.getSolution().col_value)[whole])
            best = Held(float(highs.getInfo().objective_function_value), values)
            break
    highs.changeColsBounds(count, places, low, high)
    highs.setOptionValue("mip_max_nodes", highspy.kHighsIInf)
    return best


def relaxed(canonical: Canonical, threads: int) -> float:
    """The optimum without whole numbers, which no plan betters (in the sense of minimising); −inf where not found."""
    found = linear(canonical, threads, "relaxed")
    return -np.inf if found is None else float(found.getInfo().objective_function_value)


def _without_implied(canonical: Canonical) -> Floats:
    """Row limits without those rows that only help to find the bound: most of the entries, of no help to an LP."""
    upper = canonical.row_upper.copy()
    for name in canonical.implied:
        upper[canonical.rows[name]] = highspy.kHighsInf
    return upper


def pays(canonical: Canonical, distance: float) -> bool:
    """Whether a search is worth its time: the plan is farther from its relaxation than the plan whose pattern it keeps.

    Parameters
    ----------
    distance : of the plan with the pattern from its relaxation, relative.
    """
    same_aim = canonical.cost is canonical.priced
    return not same_aim or not distance <= canonical.loose * ROOM
