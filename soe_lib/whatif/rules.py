"""The cost of rules: overrides, the fence, fair allocation, and a stable plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, SoeError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.targets import lock_of
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.model import Model
from soe_lib.model.planning import plan as planned
from soe_lib.model.record import Recorded, of_record
from soe_lib.model.terms import Rate
from soe_lib.money.ledger import STEERING
from soe_lib.review import words
from soe_lib.review.measures import of_plans as measures
from soe_lib.review.measures.of_plans import CELL, Moved, in_horizon
from soe_lib.review.options import MANUAL
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living
    from soe_lib.model.network import Network
    from soe_lib.model.terms import Block


def price_manual(living: Living) -> pl.DataFrame:
    """The cost of each override, of the fence and of the allocation rule, each removed alone.

    Formula: money = (margin + steering of the plan without it) − (margin + steering of the plan); 0 where it does not
    bind. The cost of the fence leaves out its costs of changes, which are no money.

    Parameters
    ----------
    living : this week's living model.

    Returns
    -------
    the columns of `soe_lib.review.options.MANUAL`.

    Examples
    --------
    >>> lock = {"what": "make item=coffee & period=W1", "quantity": 50.0}
    >>> locked = soe.Scenario("locked").row("overrides", override="O1", **lock).apply(small)
    >>> soe.whatif.price_manual(soe.Living(locked))["money"].to_list()
    [20.0]
    """
    snapshot = living.home.snapshot
    rows = [
        _priced(living, one, scenario) for one, scenario in _manual_rules(snapshot, fenced=living.record is not None)
    ]
    return pl.DataFrame(rows, schema=MANUAL, orient="row").sort(["money", "name"], descending=[True, False])


def _manual_rules(snapshot: Snapshot, *, fenced: bool) -> Iterator[tuple[dict[str, Any], Scenario | None]]:
    for row in snapshot["overrides"].sort("override").iter_rows(named=True):
        told = {name: row[name] or "" for name in ("by", "why")}
        who = {"kind": "override", "name": row["override"], "what": row["what"], "until": row["until"], **told}
        ended = isinstance(row["until"], date) and row["until"] < snapshot.as_of
        free = Scenario(f"without {row['override']}").drop("overrides", override=row["override"])
        yield who, None if ended or lock_of(row) is None else free
    fence, aim = snapshot.settings.fence, snapshot.settings.objective
    if fenced and max(fence.frozen_days, fence.slushy_days):
        what = f"{fence.frozen_days} days frozen, {fence.slushy_days} days slushy"
        free = Scenario("without the fence").set("settings.fence.frozen_days", 0).set("settings.fence.slushy_days", 0)
        yield {"kind": "fence", "name": "The fence", "what": what}, free
    if aim.allocation not in ("", "margin"):
        what = f"scarce supply goes by {aim.allocation}, not by what it earns"
        free = Scenario("by margin").set("settings.objective.allocation", "margin")
        yield {"kind": "priority", "name": "Allocation", "what": what}, free


def _priced(living: Living, told: dict[str, Any], free: Scenario | None) -> dict[str, Any]:
    row = {name: told.get(name) for name in MANUAL} | {"note": ""}
    if free is None:
        return row | {"note": "It has no effect: it has ended, or is not written as a lock."}
    try:
        other = living.plan(free.apply(living.home.snapshot), name=free.name)
    except SoeError as error:
        return row | {"note": f"Not priced: {str(error).splitlines()[0]}"}
    gained = measures.gain(other, living.base, fenced=not free.moves_fence)
    return row | {"money": gained["total"], "margin": gained["margin"]}


MARGIN = "margin"
RULES = {
    MARGIN: "most money",
    "proportional": "what is promised, then cut alike",
    "fair": "the least served first (max-min)",
    "priority": "by priority of customers",
}
"""Allocation rule of settings.toml → its meaning."""
LEVEL = 5e-4
"""A smaller change of a share counts as none."""


@dataclass(frozen=True, eq=False, repr=False)
class PriceOfFairness:
    """Margin and service under each allocation rule.

    Parameters
    ----------
    rules : rule, margin, goodwill, shortage (expected), other (steering) [money], costs [margin and steering less than
        with most money], least, most
        [share served of the worst and the best served customer].
    customers : customer, rule, asked, served [units], share, change [of share, against most money].
    """

    rules: pl.DataFrame
    customers: pl.DataFrame
    currency: str
    plans: dict[str, Plan] = field(repr=False)

    def plan(self, rule: str) -> Plan:
        """The plan under a rule; raises DataError where it was not asked for."""
        if rule not in self.plans:
            raise DataError(f"There is no plan by {rule!r}; there are {', '.join(self.plans)}.")
        return self.plans[rule]

    def winners(self, rule: str) -> list[str]:
        """Customers who are served more by a rule than by most money, the most first."""
        return self._moved(rule, 1.0)

    def losers(self, rule: str) -> list[str]:
        """Customers who are served less by a rule than by most money, the most first."""
        return self._moved(rule, -1.0)

    def _moved(self, rule: str, sign: float) -> list[str]:
        own = self.customers.filter((pl.col("rule") == rule) & (sign * pl.col("change") > LEVEL))
        return own.sort([sign * pl.col("change"), "customer"], descending=[True, False])["customer"].to_list()

    def __repr__(self) -> str:
        lines = [f"The price of fairness, {self.currency}"]
        for row in self.rules.iter_rows(named=True):
            shares = f"{words.percent(row['least'], decimals=1)} to {words.percent(row['most'], decimals=1)} served"
            costs = words.number(row["costs"], decimals=2)
            line = f"  {row['rule']:<13}{RULES[row['rule']]:<34}costs {costs:>14}; {shares}"
            gains, loses = self.winners(row["rule"]), self.losers(row["rule"])
            line += f"; gains {words.listing(gains)}" if gains else ""
            line += f"; loses {words.listing(loses)}" if loses else ""
            lines.append(line)
        return "\n".join(lines)


def price_of_fairness(
    snapshot: Snapshot,
    *,
    rules: Sequence[str] = tuple(RULES),
    blocks: Block | Sequence[Block] = (),
    record: Recorded = "find",
    options: SolverOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PriceOfFairness:
    """The cost of each allocation rule, by planning again: most money, proportional, max-min fair, strict priority.

    Parameters
    ----------
    snapshot : this week's; its own rule does not matter.
    rules : of "margin", "proportional", "fair", "priority"; "margin" is always planned: all are compared with it.
    blocks, record, options : as for `soe.plan`. progress : called with the number of rules planned, and of all.

    Raises DataError for an unknown rule, SolveError where a rule leaves no plan.

    Examples
    --------
    >>> print(soe.whatif.price_of_fairness(small, rules=["proportional"]))
    The price of fairness, EUR
      margin       most money                        costs           0.00; 83.3 % to 83.3 % served
      proportional what is promised, then cut alike  costs           0.00; 83.3 % to 83.3 % served
    """
    if unknown := [rule for rule in rules if rule not in RULES]:
        raise DataError(f"There is no allocation rule {unknown[0]!r}; choose of {', '.join(RULES)}.")
    chosen = [MARGIN, *(rule for rule in dict.fromkeys(rules) if rule != MARGIN)]
    plans: dict[str, Plan] = {}
    kept = of_record(snapshot, record)
    for number, rule in enumerate(chosen, start=1):
        plans[rule] = planned(_by(snapshot, rule), blocks=blocks, record=kept, options=options, name=RULES[rule])
        if progress:
            progress(number, len(chosen))
    served = pl.concat([_served(found).with_columns(rule=pl.lit(rule)) for rule, found in plans.items()])
    base = served.filter(pl.col("rule") == MARGIN).select("customer", base="share")
    customers = served.join(base, on="customer", how="left").select(
        "customer", "rule", "asked", "served", "share", change=pl.col("share") - pl.col("base")
    )
    rows = [_row(rule, found, plans[MARGIN], served) for rule, found in plans.items()]
    return PriceOfFairness(pl.DataFrame(rows), customers, snapshot.currency, plans)


def _by(snapshot: Snapshot, rule: str) -> Snapshot:
    wanted = Scenario(RULES[rule]).set("settings.objective.mode", MARGIN).set("settings.objective.allocation", rule)
    return wanted.apply(snapshot)


def _served(plan: Plan) -> pl.DataFrame:
    """customer, asked, served, share; a customer who asks for nothing is left out."""
    parts = [
        plan.flows[flow].select("customer", asked="quantity", served=pl.col("quantity") * kept)
        for flow, kept in (("sell", 1.0), ("replace", 1.0), ("short", 0.0))
        if flow in plan.flows
    ]
    summed = pl.concat(parts).group_by("customer").agg(pl.col("asked", "served").sum()).filter(pl.col("asked") > 0)
    return summed.with_columns(share=pl.col("served") / pl.col("asked")).sort("customer")


def _row(rule: str, plan: Plan, best: Plan, served: pl.DataFrame) -> dict[str, object]:
    shares = served.filter(pl.col("rule") == rule)["share"]
    return {
        "rule": rule,
        "margin": plan.margin,
        **measures.steering(plan),
        "costs": best.objective - plan.objective,
        "least": shares.min(),
        "most": shares.max(),
    }


ACCOUNT, MOVED, PRICED = "disruption", ("made_more", "made_less"), ("gain", "avoided", "per_unit")
CENT = 0.005
LEAST = 0.05
"""Fewer units moved are noise."""
RISING = (0.25, 0.5, 1.0, 2.0, 4.0)
"""The prices of a moved unit on the curve, as multiples of the stated one."""
MOST = 12


@dataclass(frozen=True)
class Disrupted(Moved):
    """A moved unit costs what disrupting the shop floor costs; steering money, no cash.

    Parameters
    ----------
    price : money per unit made more or less than recorded.
    """

    price: float = 0.0

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """Disruption."""
        for name in MOVED:
            yield Rate(ACCOUNT, name, -self.price, kind="steering")


@dataclass(frozen=True, eq=False, repr=False)
class StablePlan:
    """The plan whose every change pays for its disruption.

    Parameters
    ----------
    plan : the stable plan. best : the plan worth most without a price on changes.
    price : of a moved unit [money].
    churn, churn_of_best : share of the record's production that they move.
    margin_given_up : best less stable [money].
    steering_given_up : likewise goodwill, shortage (expected) and other, without disruption [money].
    changes : item, location, units [moved from the record], gain [money lost if this item is kept as recorded; null
        where that is infeasible], avoided [fewer units moved in all if it is kept], per_unit [gain ÷ avoided; the price
        or more]. The most units first. Gains of several items do not add up.
    curve : price, churn, units, margin, goodwill, shortage, other: the plans as the price of a moved unit rises.
    """

    plan: Plan
    best: Plan
    price: float
    churn: float
    churn_of_best: float
    margin_given_up: float
    steering_given_up: Mapping[str, float]
    changes: pl.DataFrame
    curve: pl.DataFrame
    currency: str = ""

    @property
    def churn_avoided(self) -> float:
        """Churn of the best plan less churn of this plan."""
        return self.churn_of_best - self.churn

    def __repr__(self) -> str:
        given = self.margin_given_up + sum(self.steering_given_up.values())
        moved = {name: value for name, value in self.steering_given_up.items() if abs(value) >= CENT}
        parts = {"margin": self.margin_given_up, **{STEERING[name].lower(): value for name, value in moved.items()}}
        price = words.money(self.price, self.currency, cents=True)
        money = words.money(given, self.currency, cents=True)
        lines = [
            f"Cheapest stable plan at {price} a moved unit: churn {words.percent(self.churn, decimals=1)} instead of "
            f"{words.percent(self.churn_of_best, decimals=1)}, for {money} given up "
            f"({', '.join(f'{name} {words.number(value, decimals=2)}' for name, value in parts.items())})."
        ]
        for row in self.changes.iter_rows(named=True):
            gain = "has to change" if row["gain"] is None else f"gains {words.money(row['gain'], self.currency)}"
            lines.append(f"  {row['item']}, {row['location']}: {words.number(row['units'])} units moved, {gain}")
        return "\n".join(lines)


def cheapest_stable_plan(
    snapshot: Snapshot,
    record: Plan,
    *,
    price: float,
    most: int = MOST,
    rising: Sequence[float] = RISING,
    living: Living | None = None,
    options: SolverOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StablePlan:
    """The plan that changes the plan of record only where a change gains more than its disruption costs.

    Formula: max margin + steering − price × Σ |made − recorded|, by item, location and period; what a change gains is
    the optimum with it less the optimum that keeps the item as recorded.

    Parameters
    ----------
    snapshot : this week's. record : the plan of record, of this horizon or an earlier one.
    price : what one moved unit is taken to cost [money].
    most : how many changed items are priced, those with most units moved first; each takes a re-solve.
    rising : multiples of the price for the curve.
    living : this week's living model; its plan is then the best one. options : limits of the solver.
    progress : called with the number of solves that are done, and of all.

    Raises DataError for a price below 0, SolveError where there is no plan.

    Examples
    --------
    >>> less = soe.Scenario("less tea").scale("forecast.quantity", 0.5, item="tea").apply(small)
    >>> print(soe.whatif.cheapest_stable_plan(less, soe.plan(small), price=1.0, rising=(1.0,)))
    Cheapest stable plan at EUR 1.00 a moved unit: churn 50.0 % instead of 50.0 %, for EUR 0.00 given up (margin
    0.00).
      tea, plant: 60 units moved, gains EUR 405
      coffee, plant: 40 units moved, gains EUR 120
    """
    if price < 0:
        raise DataError(f"A moved unit cannot cost {price}: give 0 or more.")
    own = living.own if living else ()
    best = living.base if living else planned(snapshot, record=record, options=options)
    work = _Stable(snapshot, record, own, options or (living.options if living else None))
    count = iter(range(1, 1 + len(rising) + most))

    def tell() -> None:
        if progress:
            progress(next(count), len(rising) + most)

    curve = []
    for factor in rising:
        curve.append(work.point(price * factor))
        tell()
    stable = work.plan(price, "cheapest stable plan")
    churn, churn_of_best = (measures.churn(one, work.moves) or 0.0 for one in (stable, best))
    steered = stable.ledger.steered((ACCOUNT,))
    given = {name: value - steered[name] for name, value in best.ledger.steered((ACCOUNT,)).items()}
    return StablePlan(
        stable, best, price, churn, churn_of_best, best.margin - stable.margin, given,
        work.changes(stable, price, most, tell), pl.DataFrame(curve), snapshot.currency,
    )  # fmt: skip


class _Stable:
    """The program with a price on changes, at one price after another, and with one item at a time as recorded."""

    def __init__(self, snapshot: Snapshot, record: Plan, own: Sequence[Any], options: SolverOptions | None) -> None:
        self.snapshot, self.options = snapshot, options
        self.moves = in_horizon(snapshot, record)
        self.blocks = (*STANDARD, *kept_close(record), *own)
        self.model: Model | None = None
        self.session: Session | None = None

    def plan(self, price: float, name: str = "stable plan") -> Plan:
        """The plan at a price, from a warm start at the last price."""
        blocks = (*self.blocks, Disrupted(self.moves, price))
        model = Model(self.snapshot, blocks, near=self.model).staged(self.options)
        if self.session is None:
            self.session = Session(model.program, self.options, unique=True)
        self.model = model
        return model.plan_of(self.session.solve(model.program), name=name)

    def point(self, price: float) -> dict[str, Any]:
        """A row of the curve."""
        plan = self.plan(price)
        steering = plan.ledger.steered((ACCOUNT,))
        churn = measures.churn(plan, self.moves)
        return {"price": price, "churn": churn, "units": _units(plan), "margin": plan.margin, **steering}

    def changes(self, plan: Plan, price: float, most: int, tell: Callable[[], None]) -> pl.DataFrame:
        """The items that the last plan moves, and what each gains."""
        schema = {"item": pl.String, "location": pl.String, **dict.fromkeys(("units", *PRICED), pl.Float64)}
        if MOVED[0] not in plan.flows:
            return pl.DataFrame(schema=schema)
        both = pl.concat([plan.flows[name].select(*CELL, "quantity") for name in MOVED])
        summed = both.group_by("item", "location").agg(units=pl.col("quantity").sum()).filter(pl.col("units") > LEAST)
        largest = summed.sort(["units", "item", "location"], descending=[True, False, False]).head(most)
        rows = []
        for item, location, units in largest.rows():
            rows.append((item, location, units, *self._kept(plan, price, item, location)))
            tell()
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _kept(
        self, plan: Plan, price: float, item: str, location: str
    ) -> tuple[float | None, float | None, float | None]:
        """Money lost where an item is kept as recorded, fewer units moved, and money per unit; None if infeasible."""
        assert self.model is not None and self.session is not None, "planned first"  # noqa: PT018
        program = self.model.program
        for name in MOVED:
            program = program.with_bounds(program.column(name, item=item, location=location), 0.0, 0.0)
        try:
            answer = self.session.solve(program)
        except SolveError:
            return None, None, None
        moved, before = sum(float(answer.x[program.columns[name]].sum()) for name in MOVED), _units(plan)
        gain, avoided = (plan.objective + price * before) - (answer.objective + price * moved), before - moved
        return gain, avoided, gain / avoided if avoided > LEAST else None


def _units(plan: Plan) -> float:
    """Units that are moved."""
    return sum(float(plan.flows[name]["quantity"].sum()) for name in MOVED if name in plan.flows)
