"""Options: the answers to an exception, each planned again and compared with doing nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.service import lines
from soe_lib.review.measures import of_plans as measures
from soe_lib.review.options import BETTER, NONE, WORSE, frame_of
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan
from soe_lib.whatif.answers import Option, answers_to
from soe_lib.whatif.scenario import text

Solve = Callable[[Snapshot], Plan]
LEAST = 1.0
"""Money below which an option changes nothing."""


def price_options(situation: Week, solve: Solve, issues: Sequence[Issue], *, at_most: int = 4) -> pl.DataFrame:
    """The gain or cost of each feasible answer to each exception against doing nothing, by planning again.

    Formula: total = (margin + steering of the plan with the option) − (margin + steering of this plan). An option that
    changes less than one unit of money is not offered. Where an option moves the fence, costs of changes are left out.

    Parameters
    ----------
    solve : plans a snapshot: `Living(snapshot).plan`, or `soe.plan`, which is slower.
    issues : the exceptions to answer. at_most : options of one exception that are planned.

    Returns
    -------
    the columns of `soe_lib.review.options.OPTIONS`.

    Examples
    --------
    >>> week = soe.week(down, soe.plan(down), record=None)
    >>> soe.whatif.price_options(week, soe.plan, week.issues).select("option", "total").rows()
    [('Repair line 4 days sooner', 24.0)]
    """
    known: dict[str, dict[str, Any]] = {}
    rows = []
    for issue in issues:
        for option in answers_to(situation, issue)[:at_most]:
            name = repr(option.scenario)
            if name not in known:
                known[name] = priced(situation, solve, option)
            if known[name]["verdict"]:
                rows.append({"key": issue.key, **known[name]})
    return frame_of(rows)


def priced(situation: Week, solve: Solve, option: Option) -> dict[str, Any]:
    """One option against doing nothing; no verdict where it changes nothing."""
    scenario = option.scenario
    row: dict[str, Any] = {
        "option": scenario.name,
        "answer": option.answer,
        "what": "; ".join(map(str, scenario.edits)),
    }
    row |= {"paid": option.paid, "scenario": text(scenario)}
    try:
        changed = scenario.apply(situation.snapshot)
        plan = solve(changed)
    except SoeError as error:
        first = str(error).splitlines()[0]
        return {**row, "verdict": NONE, "note": f"There is no plan with it: {first}"}
    gains = against(situation, changed, plan, fenced=not scenario.moves_fence)
    moves = abs(gains["total"]) >= LEAST
    verdict = (BETTER if gains["total"] > 0 else WORSE) if moves else ""
    return {**row, **gains, "verdict": verdict, "note": note(option, gains, situation.currency)}


def against(situation: Week, snapshot: Snapshot, plan: Plan, *, fenced: bool = True) -> dict[str, Any]:
    """A plan's figures less those of this week's plan; fenced: both have the same fence."""
    base, mine = measures.figures(situation.plan), measures.figures(plan)
    rest = lines(snapshot, plan)
    waits = float((rest["late"] + rest["short"]).sum())
    waits -= float((situation.lines["late"] + situation.lines["short"]).sum())
    return {
        **measures.gain(plan, situation.plan, fenced=fenced),
        "service": (mine["service"] or 0.0) - (base["service"] or 0.0),
        "waits": waits,
        "stock": (mine["stock"] or 0.0) - (base["stock"] or 0.0),
        "churn": measures.churn(plan, situation.plan),
    }


def note(option: Option, gains: dict[str, Any], currency: str) -> str:
    """What the figures leave out, in a sentence."""
    if gains["total"] < 0:
        return "Worse than doing nothing."
    if option.paid:
        return "Its cost is in the figures."
    most = words.money(gains["total"], currency)
    return f"Worth it up to {most}: what it costs is not in the data."
