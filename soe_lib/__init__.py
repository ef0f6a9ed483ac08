"""Sales & Operations Execution: balance supply and demand over the next 13 weeks, and value every plan in money.

`soe.plan`, `soe.compare`, `soe.show` and the like are what every day needs. Six namespaces hold the rest: `soe.blocks`
(planning ideas of a model), `soe.money` (bridges, variances, cash), `soe.whatif` (stress, breaking points, what
moved), `soe.review` (charts, tables, frames, KPIs), `soe.pack` (what a notebook shows) and `soe.store` (plan history).

Every public name has an example. In them `small` is `soe.read("notebooks/guide/leaf_and_bean")`, a company of two items
whose figures can be checked by hand, `settings` and `tables` what it is made of, `down` the same with its line down for
20 hours of W1; `snapshot` and `before` are the demo's last two weeks, `plan` and `record` their plans; `store` is the
folder of an empty plan history, `kept` one that holds the pack of `down`, `pages` a folder of notebooks.
"""

from __future__ import annotations

from soe_lib.names import offered

__version__ = "0.1.0"

PUBLIC = {
    "read": "soe_lib.model.checks",
    "snapshot": "soe_lib.model.checks",
    "check": "soe_lib.model.checks",
    "Snapshot": "soe_lib.extract.snapshot",
    "plan": "soe_lib.model.planning",
    "Plan": "soe_lib.store.plan",
    "Model": "soe_lib.model.planning",
    "Living": "soe_lib.model.living",
    "SolverOptions": "soe_lib.solver.answer",
    "conflict": "soe_lib.model.planning",
    "worth": "soe_lib.model.worth",
    "why_not": "soe_lib.whatif.why_not",
    "targets": "soe_lib.model.stock_targets",
    "hedge": "soe_lib.whatif.hedge",
    "frontier": "soe_lib.whatif.frontier",
    "Scenario": "soe_lib.whatif.scenario",
    "compare": "soe_lib.whatif.compare",
    "decide": "soe_lib.whatif.decisions",
    "plan_of_record": "soe_lib.model.record",
    "plans": "soe_lib.store.history",
    "load_plan": "soe_lib.store.history",
    "approve": "soe_lib.store.meeting",
    "release": "soe_lib.operations.release",
    "week": "soe_lib.whatif.week",
    "kpis": "soe_lib.review.measured",
    "workbench": "soe_lib.workbench.page",
    "show": "soe_lib.pack.display",
    "publish": "soe_lib.pack.display",
    "trace": "soe_lib.pack.figures",
    "make_pack": "soe_lib.pack.job",
}
"""Public name → the module that defines it."""

NAMESPACES = {
    "blocks": "soe_lib.model.blocks",
    "money": "soe_lib.money",
    "pack": "soe_lib.pack",
    "review": "soe_lib.review",
    "store": "soe_lib.store",
    "whatif": "soe_lib.whatif",
}
"""Namespace → the package of its names."""

__all__ = sorted([*PUBLIC, *NAMESPACES, "__version__"])

__getattr__, __dir__ = offered("soe", PUBLIC, NAMESPACES)
