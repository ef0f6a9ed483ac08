"""The field's figures, one file per family: each formula with its sign and its source, each tested by
hand.
"""

from soe_lib.review.kpis.adherence import mix_adherence, schedule_attainment
from soe_lib.review.kpis.capacity import capacity_load, oee
from soe_lib.review.kpis.forecast import bias, mape, mase, rmsse, tracking_score, tracking_signal, wmape
from soe_lib.review.kpis.inventory import days_of_supply, excess_and_obsolete, forward_cover
from soe_lib.review.kpis.money import cash_to_cash, expediting
from soe_lib.review.kpis.service import backlog, fill_rate, otif
from soe_lib.review.kpis.stability import plan_churn

__all__ = [
    "backlog",
    "bias",
    "capacity_load",
    "cash_to_cash",
    "days_of_supply",
    "excess_and_obsolete",
    "expediting",
    "fill_rate",
    "forward_cover",
    "mape",
    "mase",
    "mix_adherence",
    "oee",
    "otif",
    "plan_churn",
    "rmsse",
    "schedule_attainment",
    "tracking_score",
    "tracking_signal",
    "wmape",
]
