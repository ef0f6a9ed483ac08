"""Sales & Operations Execution: balance supply and demand over the next 13 weeks, and value every plan in money.

The public names below are loaded when first asked for, so that `import soe_lib as soe` costs nothing and the rooms
that need no solver never load one.
"""

from __future__ import annotations

from importlib import import_module
from inspect import isfunction
from typing import Any

__version__ = "0.1.0"

PUBLIC = {
    "read": "soe_lib.extract.snapshot",
    "Snapshot": "soe_lib.extract.snapshot",
    "snapshot": "soe_lib.extract.frames",
    "check": "soe_lib.extract.check",
    "plan": "soe_lib.model.planning",
    "Model": "soe_lib.model.model",
    "balanced": "soe_lib.model.planning",
    "plan_of_record": "soe_lib.model.planning",
    "committed_by_week": "soe_lib.money.commitments",
    "targets": "soe_lib.model.stock_targets",
    "year_targets": "soe_lib.money.targets",
    "likely_end": "soe_lib.review.frames.service",
    "commitment_prices": "soe_lib.whatif.commitments",
    "why_moved": "soe_lib.whatif.attribution",
    "attribute": "soe_lib.whatif.attribution",
    "disruptions": "soe_lib.whatif.disruptions",
    "Disruption": "soe_lib.whatif.disruptions",
    "keep": "soe_lib.model.planning",
    "conflict": "soe_lib.model.conflict",
    "worth": "soe_lib.model.worth",
    "Plan": "soe_lib.store.plan",
    "plans": "soe_lib.store.history",
    "load_plan": "soe_lib.store.history",
    "append": "soe_lib.store.history",
    "difference": "soe_lib.money.statement",
    "restate": "soe_lib.store.history",
    "approve": "soe_lib.store.meeting",
    "release": "soe_lib.operations.release",
    "Living": "soe_lib.model.living",
    "Options": "soe_lib.solver.session",
    "statement": "soe_lib.money.statement",
    "bridge": "soe_lib.money.bridge",
    "bridges": "soe_lib.money.bridge",
    "standard_variances": "soe_lib.money.variances",
    "closed_week": "soe_lib.money.closed_week",
    "closed_week_bridges": "soe_lib.money.closed_week",
    "planning_and_execution": "soe_lib.money.closed_week",
    "three_plans": "soe_lib.whatif.hindsight",
    "cash_curve": "soe_lib.money.cash",
    "working_capital": "soe_lib.money.cash",
    "excess_stock": "soe_lib.money.cash",
    "expediting_by_cause": "soe_lib.money.cash",
    "in_currency": "soe_lib.money.valuation",
    "npv": "soe_lib.money.cash",
    "value_consensus": "soe_lib.money.valuation",
    "value_budget": "soe_lib.money.valuation",
    "value_record": "soe_lib.money.valuation",
    "value_actuals": "soe_lib.money.actuals",
    "decide": "soe_lib.whatif.decisions",
    "promote": "soe_lib.whatif.decisions",
    "decisions": "soe_lib.store.meeting",
    "price_manual": "soe_lib.whatif.rules",
    "price_options": "soe_lib.whatif.options",
    "tightest": "soe_lib.whatif.commitments",
    "why_not": "soe_lib.whatif.why_not",
    "stress_test": "soe_lib.whatif.stress",
    "demand_range": "soe_lib.whatif.stress",
    "saved_scenarios": "soe_lib.whatif.scenario",
    "Force": "soe_lib.model.blocks.stability",
    "Scenario": "soe_lib.whatif.scenario",
    "compare": "soe_lib.whatif.compare",
    "hedge": "soe_lib.whatif.hedge",
    "CVaR": "soe_lib.whatif.hedge",
    "service_against_margin": "soe_lib.whatif.frontier",
    "frontier": "soe_lib.whatif.frontier",
    "breaking_point": "soe_lib.whatif.breaking",
    "price_of_fairness": "soe_lib.whatif.rules",
    "cheapest_stable_plan": "soe_lib.whatif.rules",
    "Downtime": "soe_lib.whatif.breaking",
    "Demand": "soe_lib.whatif.breaking",
    "Delay": "soe_lib.whatif.breaking",
    "MarginBelow": "soe_lib.whatif.breaking",
    "ServiceBelow": "soe_lib.whatif.breaking",
    "MonthMissed": "soe_lib.whatif.breaking",
    "DecisionFlips": "soe_lib.whatif.breaking",
    "workbench": "soe_lib.workbench.page",
    "Builder": "soe_lib.workbench.builder",
    "week": "soe_lib.whatif.week",
    "cost_of_events": "soe_lib.review.counterfactuals",
    "show": "soe_lib.pack.display",
    "say": "soe_lib.pack.display",
    "publish": "soe_lib.pack.display",
    "parameters": "soe_lib.pack.run_notebook",
    "figure": "soe_lib.pack.display",
    "table": "soe_lib.pack.display",
    "trace": "soe_lib.pack.figures",
    "make_pack": "soe_lib.pack.job",
}
"""Public name → the module that defines it."""

__all__ = sorted([*PUBLIC, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"soe_lib has no {name!r}; it offers {', '.join(sorted(PUBLIC))}")
    found = getattr(import_module(PUBLIC[name]), name)
    if not isfunction(found):
        return found
    from soe_lib.guard import guarded

    return guarded(name, found)


def __dir__() -> list[str]:
    return list(__all__)
