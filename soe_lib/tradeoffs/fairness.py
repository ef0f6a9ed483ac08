"""The price of fairness: what sharing scarce goods by another rule than money costs, and who gains by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan
from soe_lib.model.planning import Recorded
from soe_lib.review import words
from soe_lib.scenario import measures
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.solve import Options

MARGIN = "margin"
RULES = {
    MARGIN: "most money",
    "proportional": "what is promised, then cut alike",
    "fair": "the least served first (max-min)",
    "priority": "by priority of customers",
}
"""Allocation rule of settings.toml → what it says."""
LEAST = 5e-4
"""A share that moves by less is level."""


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
        own = self.customers.filter((pl.col("rule") == rule) & (sign * pl.col("change") > LEAST))
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
    record: Recorded = "find",
    options: Options | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PriceOfFairness:
    """What each rule of sharing costs, by planning again: most money, proportional, max-min fair, strict priority.

    Formula: costs = (margin + steering with most money) − (margin + steering by the rule); share = units served, late
    and with substitutes included, ÷ units asked for.

    Parameters
    ----------
    snapshot : this week's; its own rule does not matter.
    rules : of "margin", "proportional", "fair", "priority"; "margin" is always planned, for all are held against it.
    record, options : as for `soe.plan`. progress : called with the number of rules planned, and of all.

    Raises DataError for an unknown rule, SolveError where a rule leaves no plan.
    """
    from soe_lib.model.planning import of_record, plan

    if unknown := [rule for rule in rules if rule not in RULES]:
        raise DataError(f"There is no allocation rule {unknown[0]!r}; choose of {', '.join(RULES)}.")
    chosen = [MARGIN, *(rule for rule in dict.fromkeys(rules) if rule != MARGIN)]
    plans: dict[str, Plan] = {}
    kept = of_record(snapshot, record)
    for number, rule in enumerate(chosen, start=1):
        plans[rule] = plan(_by(snapshot, rule), record=kept, options=options, name=RULES[rule])
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
