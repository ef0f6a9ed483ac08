"""Money: the ledger of any plan, solved or loaded, from rates × quantities, and finance's reports on it.

rates (RateBook) · ledger (Ledger) · statement · bridge · valuation (S&OP, budget, plan of record, actuals).
This room never calls a solver.
"""

from soe_lib.names import offered

NAMES = {
    "bridge": "soe_lib.money.reconciliation",
    "bridges": "soe_lib.money.reconciliation",
    "cash_curve": "soe_lib.money.cash",
    "closed_week": "soe_lib.money.weekly_close",
    "closed_week_bridges": "soe_lib.money.weekly_close",
    "committed_by_week": "soe_lib.money.commitments",
    "difference": "soe_lib.money.profit_and_loss",
    "excess_stock": "soe_lib.money.cash",
    "expediting_by_cause": "soe_lib.money.cash",
    "in_currency": "soe_lib.money.valuation",
    "npv": "soe_lib.money.cash",
    "planning_and_execution": "soe_lib.money.weekly_close",
    "standard_variances": "soe_lib.money.variances",
    "statement": "soe_lib.money.profit_and_loss",
    "value_actuals": "soe_lib.money.actuals",
    "value_budget": "soe_lib.money.valuation",
    "value_consensus": "soe_lib.money.valuation",
    "value_record": "soe_lib.money.valuation",
    "working_capital": "soe_lib.money.cash",
    "year_targets": "soe_lib.money.targets",
}
"""Public name → the module that defines it."""

__getattr__, __dir__ = offered("soe.money", NAMES)
