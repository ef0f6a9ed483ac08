"""Hedging: first decisions common to all scenarios, the best response to each, and the value of information."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
import polars as pl

from soe_lib.errors import DataError, ReconciliationError, SolveError, hint
from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.axis import Floats
from soe_lib.model.blocks.cushion import Cushion
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.conflict import explained
from soe_lib.model.model import CENT, Model
from soe_lib.model.record import Recorded, of_record
from soe_lib.model.terms import Block, blocks_of
from soe_lib.model.two_stage import First, at_odds, cells_of, holding, two_stage, with_same_ceilings
from soe_lib.solver.answer import SolverOptions
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import BASE, Scenario


@dataclass(frozen=True)
class CVaR:
    """How much the worst outcomes count: the plan is worth (1 − weight) · expected money + weight · CVaR.

    Formula: CVaR = the mean of the worst 1 − level of all outcomes (Rockafellar & Uryasev 2000).

    Parameters
    ----------
    level : α, from 0 (all outcomes) to below 1. weight : from 0 (expected money only) to 1 (CVaR only).

    Raises DataError for anything else.

    Examples
    --------
    >>> low = soe.Scenario("half the demand").scale("forecast.quantity", 0.5)
    >>> soe.hedge(small, [low, "base"], risk=soe.whatif.CVaR(level=0.5, weight=0.4)).cvar
    460.0
    """

    level: float = 0.95
    weight: float = 0.5

    def __post_init__(self) -> None:
        given: dict[str, object] = {"level": self.level, "weight": self.weight}
        for name, one in given.items():
            if isinstance(one, bool) or not isinstance(one, Real):
                raise DataError(f"the {name} of CVaR is a number, not {one!r}.")
        if not 0.0 <= self.level < 1.0:
            raise DataError(f"the level of CVaR is from 0 to below 1, not {self.level}: 0.95 means the worst 5 %.")
        if not 0.0 <= self.weight <= 1.0:
            raise DataError(f"the weight of CVaR is from 0 to 1, not {self.weight}.")

    def tail(self, outcomes: Floats, chances: Floats) -> float:
        """The mean of the worst 1 − level of some outcomes, shape (scenarios,) [money]."""
        order = np.argsort(outcomes, kind="stable")
        share = 1.0 - self.level
        before = np.cumsum(chances[order]) - chances[order]
        counted = np.clip(share - before, 0.0, chances[order])
        return float(outcomes[order] @ counted / counted.sum())

    def value(self, outcomes: Floats, chances: Floats) -> float:
        """The value of some outcomes together [money]; −∞ where one of them is infeasible."""
        if np.isneginf(outcomes).any():
            return -np.inf
        return (1.0 - self.weight) * float(outcomes @ chances) + self.weight * self.tail(outcomes, chances)


@dataclass(frozen=True, eq=False, repr=False)
class Hedge:
    """Common first decisions, the plan that answers each scenario, and the value of both.

    Money is margin + steering, which the plans maximise.

    Parameters
    ----------
    currency : of the money.
    chances : scenario → probability.
    first : flow → the periods that are decided first (None: all cells).
    decisions : flow → keys, quantity, and `of_mean`, the same decision of the plan for the mean [unit of the flow].
    plans : scenario → its certified plan, the first decisions held.
    alone : scenario → its plan with perfect information, nothing held.
    carried_out : scenario → its plan with the first decisions of the mean plan; None where they cannot be carried out.
    mean : name of the mean plan.
    risk : how much the worst outcomes count.
    solution : of the joint program: status, objective, bound, gap, seconds, variables, rows, certificate.
    """

    currency: str
    chances: Mapping[str, float]
    first: First
    decisions: Mapping[str, pl.DataFrame]
    plans: Mapping[str, Plan]
    alone: Mapping[str, Plan]
    carried_out: Mapping[str, Plan | None]
    mean: str
    risk: CVaR
    solution: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, scenario: str) -> Plan:
        """The plan of a scenario by name; DataError where there is no such scenario."""
        if scenario not in self.plans:
            raise DataError(
                f"No scenario {scenario!r}. {hint(scenario, self.plans)} There are: {', '.join(self.plans)}."
            )
        return self.plans[scenario]

    @property
    def value(self) -> float:
        """What the hedged plan is worth: expected money, or its mixture with CVaR [money]."""
        return self._worth(self.plans)

    @property
    def expected(self) -> float:
        """Σ probability × (margin + steering) of the hedged plans [money]."""
        return float(self._probabilities @ _money(self.plans))

    @property
    def expected_margin(self) -> float:
        """Σ probability × margin of the hedged plans [money]."""
        return float(self._probabilities @ np.array([plan.margin for plan in self.plans.values()]))

    @property
    def cvar(self) -> float:
        """The mean of the worst 1 − level of the hedged outcomes [money]."""
        return self.risk.tail(_money(self.plans), self._probabilities)

    @property
    def expected_of_mean(self) -> float:
        """EEV: what the mean plan's first decisions are worth in these scenarios [money]; −∞ where they cannot be."""
        return self._worth(self.carried_out)

    @property
    def wait_and_see(self) -> float:
        """WS: what the plans with perfect information are worth [money]."""
        return self._worth(self.alone)

    @property
    def vss(self) -> float:
        """VSS, the value of the stochastic solution: value − expected_of_mean [money]; ∞ where that is −∞."""
        return self.value - self.expected_of_mean

    @property
    def evpi(self) -> float:
        """EVPI, the expected value of perfect information: wait_and_see − value [money]."""
        return self.wait_and_see - self.value

    def table(self) -> pl.DataFrame:
        """One row a scenario.

        Returns
        -------
        scenario, probability; margin, steering and money of the hedged plan; of_mean: with the mean plan's first
        decisions (blank: they cannot be carried out); alone: with perfect information; regret: alone − money [money].
        """
        money, alone = _money(self.plans), _money(self.alone)
        of_mean = [None if plan is None else plan.objective for plan in self.carried_out.values()]
        return pl.DataFrame(
            {
                "scenario": list(self.plans),
                "probability": self._probabilities,
                "margin": [plan.margin for plan in self.plans.values()],
                "steering": [plan.steering for plan in self.plans.values()],
                "money": money,
                "of_mean": pl.Series(of_mean, dtype=pl.Float64),
                "alone": alone,
                "regret": alone - money,
            }
        )

    @cached_property
    def _probabilities(self) -> Floats:
        return np.array(list(self.chances.values()))

    def _worth(self, plans: Mapping[str, Plan | None]) -> float:
        return self.risk.value(_money(plans), self._probabilities)

    def __repr__(self) -> str:
        flows = ", ".join(f"{flow} ({frame.height:,})" for flow, frame in self.decisions.items())
        worst = f"the worst {1 - self.risk.level:.0%}"
        counted = f" (counted {self.risk.weight:.0%} by {worst})" if self.risk.weight else ""
        lost = [name for name, plan in self.carried_out.items() if plan is None]
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        mean = (
            f"First decisions of {self.mean} cannot be carried out in {lost[0]!r}{others}."
            if lost
            else f"First decisions of {self.mean} would be worth {self.expected_of_mean:,.2f}: hedging is worth "
            f"{self.vss:,.2f}."
        )
        return (
            f"Hedged plan for {len(self.plans)} scenarios, {self.solution.get('status')}: worth {self.currency} "
            f"{self.value:,.2f}{counted}; expected margin {self.expected_margin:,.2f}, mean of {worst} "
            f"{self.cvar:,.2f}. Decided first: {flows or 'nothing'}. {mean} Perfect information would be worth "
            f"{self.evpi:,.2f} more."
        )


def _money(plans: Mapping[str, Plan | None]) -> Floats:
    return np.array([-np.inf if plan is None else plan.objective for plan in plans.values()])


DECISIONS = (
    "make", "run", "buy", "ship", "set_up", "set_up_on", "change_over", "run_family", "batch", "running", "place_order",
    "pack_size", "dispatch_trip", "load", "heads", "hire", "release", "maintain",
)  # fmt: skip
"""Flows decided before the scenario is known: runs, orders, trips, crews. Sales, backlog, stock and overtime respond.
"""

Future = Scenario | Snapshot | str
"""What may come: a scenario, a whole snapshot, or "base"."""


def hedge(
    snapshot: Snapshot,
    scenarios: Iterable[Future | tuple[float, Future]],
    *,
    commit: int | str | Mapping[str, int | str] | None = None,
    risk: CVaR | None = None,
    mean: Scenario | Plan | None = None,
    blocks: Block | Sequence[Block] = (),
    record: Recorded = "find",
    options: SolverOptions | None = None,
) -> Hedge:
    """First decisions common to all scenarios, the rest by scenario, so that expected money (or CVaR) is highest.

    Formula: max (1 − w) Σ p_s money_s(x_s) + w CVaR_α, the committed cells of all x_s being equal (two_stage.py).

    Parameters
    ----------
    snapshot : what was known on the as-of date; scenarios are edits of it.
    scenarios : scenarios, "base" for the snapshot as it is, or whole snapshots of the same date and periods; each alone
        (all equally likely) or as (probability, scenario).
    commit : the periods decided before the scenario is known: a number of periods from the first on, or a time label
        up to its end ("2026-W48"), for the flows of DECISIONS; or flow → one of these. Left out: the first week. A
        cell that some scenario lacks (an offer that is gone) is 0 in all.
    risk : how much the worst outcomes count; left out: expected money alone.
    mean : the plan that the hedge is compared with, its first decisions carried out in every scenario: a scenario to
        plan for, or a plan, such as the cushioned `soe.plan(snapshot)`; left out: a plan for the snapshot as it is.
        The scenarios cover the uncertainty, so none of the plans made here holds a cushion.
    blocks, record, options : as for `soe.plan`; the fence's plan of record is one for all.

    Raises
    ------
    DataError : probabilities that do not add up to 1, two scenarios of one name, a commitment that names nothing, a
        snapshot of another date, or an allocation rule whose aims come before money.
    SolveError : a scenario without a plan of its own, or scenarios without common first decisions; it names them.
    ReconciliationError : the scenarios' ledgers do not add up to the joint optimum.

    Examples
    --------
    >>> low = soe.Scenario("little tea").scale("forecast.quantity", 0.5, item="tea")
    >>> hedged = soe.hedge(small, [(0.5, low), (0.5, "base")], commit="W1")
    >>> hedged.decisions["make"].rows()
    [('coffee', 'W1', 60.0, 40.0), ('tea', 'W1', 40.0, 60.0)]
    >>> hedged.expected, hedged.evpi, hedged.vss
    (727.5, 22.5, 15.0)
    """
    counted = _kinds(snapshot, mean, risk)
    own = (*(one for one in STANDARD if not isinstance(one, Cushion)), *kept_close(of_record(snapshot, record)))
    chosen = _chosen(snapshot, scenarios)
    chances = np.array([chance for _, chance, _, _ in chosen])
    other = mean if isinstance(mean, Scenario) else Scenario("")
    base = Model(other.apply(snapshot), (*own, *blocks_of(blocks), *other.blocks))
    models = {name: Model(one, (*own, *blocks_of(blocks), *extra), near=base) for name, _, one, extra in chosen}
    for name, model in {"base": base, **models}.items():
        _refuse_aims(name, model)
    base, *others = with_same_ceilings({"": base, **models}).values()
    models = dict(zip(models, others, strict=True))
    first = _first(commit, snapshot, base, models)
    alone = {name: _alone(name, model, options, blocks_of(blocks)) for name, model in models.items()}
    joint = two_stage(models, chances, first, level=counted.level, weight=counted.weight)
    try:
        answer, certificate = joint.solve(options)
    except SolveError as error:
        raise _explained(error, models, first) from error
    decisions = joint.decisions(answer.x)
    plans = {name: holding(model, decisions).solve(options, name=name) for name, model in models.items()}
    said = f"the plan for {f'the scenario {other.name!r}' if other.name else 'the snapshot as it is'}"
    meant = mean if isinstance(mean, Plan) else _or_none(base, options, said)
    of_mean = None if meant is None else _decided(base, meant, first)
    made = Hedge(
        currency=snapshot.currency,
        chances={name: chance for name, chance, _, _ in chosen},
        first=first,
        decisions={flow: _beside(frame, (of_mean or {}).get(flow)) for flow, frame in decisions.items()},
        plans=plans,
        alone=alone,
        carried_out={name: _carried_out(model, of_mean, options, name) for name, model in models.items()},
        mean=said if meant is None else meant.name,
        risk=counted,
        solution={
            "status": answer.status,
            "objective": answer.objective,
            "bound": answer.bound,
            "gap": answer.gap,
            "seconds": answer.seconds,
            "variables": len(answer.x),
            "rows": len(answer.price),
            "solver": answer.solver,
            "certificate": certificate.as_dict(),
        },
    )
    _tie_out(made)
    return made


def _kinds(snapshot: Snapshot, mean: object, risk: object) -> CVaR:
    """The measure of risk; DataError where it is none, or the mean is neither a scenario nor a plan of the date."""
    if not (mean is None or isinstance(mean, Scenario | Plan)):
        raise DataError(f"mean is a soe.Scenario or a plan, not a {type(mean).__name__}: mean=soe.plan(snapshot).")
    if isinstance(mean, Plan) and mean.as_of != snapshot.as_of:
        raise DataError(f"mean is a plan as of {mean.as_of}, the snapshot is as of {snapshot.as_of}: plan it again.")
    if not (risk is None or isinstance(risk, CVaR)):
        raise DataError(f"risk is a soe.whatif.CVaR(level=…, weight=…), not a {type(risk).__name__}.")
    return risk or CVaR(weight=0.0)


def _chosen(
    snapshot: Snapshot, scenarios: Iterable[Future | tuple[float, Future]]
) -> list[tuple[str, float, Snapshot, tuple[Block, ...]]]:
    """Name, probability, snapshot and blocks of each scenario."""
    if isinstance(scenarios, str | Snapshot | Scenario | Mapping) or not isinstance(scenarios, Iterable):
        raise DataError(f"scenarios is a list, not a {type(scenarios).__name__}: [low, high] or [(0.3, low), …].")
    given = list(scenarios)
    if not given:
        raise DataError('A hedge needs scenarios: give one at least, or "base".')
    weighed = [one for one in given if isinstance(one, tuple)]
    if weighed and len(weighed) < len(given):
        raise DataError(f"{len(weighed)} of {len(given)} scenarios have a probability: give one to all, or to none.")
    if odd := [one for one in weighed if len(one) != 2 or not _is_a(Real, one[0])]:
        said = ", ".join(type(part).__name__ for part in odd[0])
        raise DataError(f"A scenario with its probability is (number, scenario), such as (0.3, low), not ({said}).")
    chances = [float(one[0]) for one in weighed] or [1.0 / len(given)] * len(given)
    if not all(chance > 0.0 for chance in chances):
        raise DataError(f"A probability is above 0, not {min(chances)}: leave out what cannot come.")
    if abs(sum(chances) - 1.0) > 1e-9:
        raise DataError(f"The probabilities of {len(given)} scenarios add up to {sum(chances):g}, not to 1.")
    futures = [one[1] if isinstance(one, tuple) else one for one in given]
    found = [_future(snapshot, one, number) for number, one in enumerate(futures, 1)]
    names = [name for name, _, _ in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"Two scenarios are called {twice[0]!r}. Rename one of them.")
    return [(name, chance, one, extra) for chance, (name, one, extra) in zip(chances, found, strict=True)]


def _future(snapshot: Snapshot, one: Future, number: int) -> tuple[str, Snapshot, tuple[Block, ...]]:
    if isinstance(one, Scenario):
        return one.name, one.apply(snapshot), one.blocks
    if isinstance(one, str):
        if one != BASE:
            raise DataError(f'Only "{BASE}" is known by its name; {one!r} is no scenario. Give a soe.Scenario.')
        return BASE, snapshot, ()
    other = expected(one, "soe.hedge")
    if (other.as_of, other.company) != (snapshot.as_of, snapshot.company):
        raise DataError(
            f"Snapshot {number} is of {other.company} as of {other.as_of}, the first of {snapshot.company} as of "
            f"{snapshot.as_of}: scenarios are of one company and date."
        )
    if not other.periods.equals(snapshot.periods):
        raise DataError(f"Snapshot {number} has other periods than the first: scenarios have the same.")
    return f"snapshot {number}", other, ()


def _refuse_aims(name: str, model: Model) -> None:
    if "service" in model.constraints:
        raise DataError(
            f"Scenario {name!r}: settings.toml has an allocation whose aims come before money, and an expectation over "
            'scenarios has no such order. Set [objective] allocation = "margin", or price what is short (short_cost).'
        )


def _first(
    commit: int | str | Mapping[str, int | str] | None, snapshot: Snapshot, base: Model, models: Mapping[str, Model]
) -> dict[str, tuple[str, ...] | None]:
    """Flow → the periods that are decided first."""
    known = {name: flow for model in (base, *models.values()) for name, flow in model.flows.items()}
    asked: dict[str, int | str | None]
    if isinstance(commit, Mapping):
        asked = dict(commit)
        if lost := [name for name in asked if name not in known]:
            there = f"{hint(lost[0], known)} There are: {', '.join(sorted(known))}."
            raise DataError(f"commit: no scenario has a flow {lost[0]!r}. {there}")
    else:
        asked = dict.fromkeys((name for name in DECISIONS if name in known), commit)
    if not asked:
        raise DataError(
            f"commit: there is nothing to decide first. Name flows of the plan: commit={{flow: label}}, of "
            f"{', '.join(sorted(known))}."
        )
    return {
        flow: _until(until, snapshot, base, flow) if "period" in known[flow].keys else None
        for flow, until in asked.items()
    }


def _until(until: int | str | None, snapshot: Snapshot, base: Model, flow: str) -> tuple[str, ...]:
    """The periods from the first one on."""
    periods = snapshot.periods
    names, starts = periods["period"].to_list(), periods["starts_on"].to_list()
    if until is None:
        count = max(1, sum(day < snapshot.as_of + timedelta(days=7) for day in starts))
    elif isinstance(until, str):
        inside = set(base.network.calendar.covered(until))
        count = max((place for place, name in enumerate(names, 1) if name in inside), default=0)
        if not count:
            covered = f"which covers {starts[0]} to {periods['ends_on'][-1]}"
            raise DataError(f"commit: {flow} until {until!r} lies outside the plan, {covered}.")
    elif not _is_a(Integral, until):
        raise DataError(f"commit: {flow} for {until!r}: write a whole number of periods, or a label of time in quotes.")
    elif 1 <= until <= len(names):
        count = until
    else:
        raise DataError(f"commit: {flow} for {until} periods; the plan has {len(names)}, and 1 is the least.")
    return tuple(names[:count])


def _is_a(kind: type, value: object) -> bool:
    """Whether a value is a number of a kind; true and false are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _alone(name: str, model: Model, options: SolverOptions | None, own: Sequence[Block]) -> Plan:
    try:
        return model.solve(options, name=name)
    except SolveError as error:
        told = explained(error, model, own)
        raise SolveError(f"The scenario {name!r} has no plan even by itself: {told}", status=told.status) from error


def _explained(error: SolveError, models: Mapping[str, Model], first: First) -> SolveError:
    """The error, naming scenarios without common first decisions and the flows that prevent them."""
    if error.status != "infeasible" or len(models) < 2:
        return error
    names, flows = at_odds(models, first)
    said = ", ".join(map(repr, names[:-1])) + f" and {names[-1]!r}"
    what = ", ".join(flows or first)
    return SolveError(
        f"infeasible: no common first decisions suit the scenarios {said}: each has a plan by itself, but their {what} "
        "cannot be the same. Commit less (commit=…), or let a promise of theirs be broken at a price.",
        status=error.status,
    )


def _decided(base: Model, plan: Plan, first: First) -> dict[str, pl.DataFrame]:
    """Flow → keys and quantity of what a plan decides first."""
    found = {}
    for flow, periods in first.items():
        if flow in base.flows and flow in plan.flows:
            cells = cells_of(base, flow, periods).drop("cell")
            found[flow] = cells.join(plan.flows[flow].select(*cells.columns, "quantity"), on=cells.columns)
    return found


def _beside(frame: pl.DataFrame, of_mean: pl.DataFrame | None) -> pl.DataFrame:
    """Decisions beside those of the mean plan; 0 where that plan lacks the cell."""
    if of_mean is None:
        return frame.with_columns(pl.lit(0.0).alias("of_mean"))
    keys = [name for name in frame.columns if name != "quantity"]
    return frame.join(of_mean.rename({"quantity": "of_mean"}), on=keys, how="left").with_columns(
        pl.col("of_mean").fill_null(0.0)
    )


def _carried_out(
    model: Model, decisions: Mapping[str, pl.DataFrame] | None, options: SolverOptions | None, name: str
) -> Plan | None:
    if decisions is None:
        return None
    try:
        held = holding(model, decisions)
    except SolveError:
        return None
    return _or_none(held, options, f"{name}, decided for the mean")


def _or_none(model: Model, options: SolverOptions | None, name: str) -> Plan | None:
    """The plan, or None where there is none."""
    try:
        return model.solve(options, name=name)
    except SolveError as error:
        if error.status == "infeasible":
            return None
        raise


def _tie_out(made: Hedge) -> None:
    """Check that the scenarios' plans with the first decisions held are worth the joint optimum, to the cent.

    Where a search for whole numbers ended unproven, they agree within its gap.
    """
    joint = made.solution
    slack = max(CENT, 1e-9 * abs(joint["objective"]))
    unproven = max(float(plan.solution["bound"]) - plan.objective for plan in made.plans.values())
    if not joint["objective"] - slack - unproven <= made.value <= joint["bound"] + slack:
        raise ReconciliationError(
            f"the scenarios' plans are worth {made.value:,.4f} together, the joint optimum is "
            f"{joint['objective']:,.4f}: they must agree"
        )
