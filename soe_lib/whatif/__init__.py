"""What-ifs: recorded edits of a snapshot, their plans side by side, and trade-offs."""

from soe_lib.names import offered

NAMES = {
    "CVaR": "soe_lib.whatif.hedge",
    "DecisionFlips": "soe_lib.whatif.breaking",
    "Delay": "soe_lib.whatif.breaking",
    "Demand": "soe_lib.whatif.breaking",
    "Disruption": "soe_lib.whatif.causes",
    "Downtime": "soe_lib.whatif.breaking",
    "MarginBelow": "soe_lib.whatif.breaking",
    "MonthMissed": "soe_lib.whatif.breaking",
    "ServiceBelow": "soe_lib.whatif.breaking",
    "attribute": "soe_lib.whatif.attribution",
    "breaking_point": "soe_lib.whatif.breaking",
    "cheapest_stable_plan": "soe_lib.whatif.rules",
    "commitment_prices": "soe_lib.whatif.commitments",
    "demand_range": "soe_lib.whatif.stress",
    "disruptions": "soe_lib.whatif.causes",
    "keep_promises": "soe_lib.whatif.promises",
    "price_manual": "soe_lib.whatif.rules",
    "price_of_fairness": "soe_lib.whatif.rules",
    "price_options": "soe_lib.whatif.options",
    "promise": "soe_lib.whatif.promises",
    "promote": "soe_lib.whatif.decisions",
    "saved_scenarios": "soe_lib.whatif.scenario",
    "service_against_margin": "soe_lib.whatif.frontier",
    "stress_test": "soe_lib.whatif.stress",
    "three_plans": "soe_lib.whatif.hindsight",
    "tightest": "soe_lib.whatif.commitments",
    "why_moved": "soe_lib.whatif.attribution",
}
"""Public name → the module that defines it."""

__getattr__, __dir__ = offered("soe.whatif", NAMES)
