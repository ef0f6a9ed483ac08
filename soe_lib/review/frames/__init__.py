"""From a Snapshot and a Plan to the frames that a review reads; polars in, polars out, nothing drawn or
worded.
"""

from soe_lib.model.stock_targets import cushion_tiers, safety_stocks, targets, why_none
from soe_lib.model.where_to_hold import where_to_hold
from soe_lib.review.frames.changes import (
    changed_events,
    changed_inputs,
    changed_orders,
    changed_plan,
    changed_receipts,
    fence_breaks,
    in_fence,
    with_causes,
)
from soe_lib.review.frames.demand import (
    accuracy_by_cell,
    demand_by_week,
    demand_lines,
    earlier,
    errors_by_lag,
    forecast_errors,
    forecast_versions,
    waterfall,
)
from soe_lib.review.frames.escalation import matters
from soe_lib.review.frames.service import gaps_by_item, gaps_by_week, lines, month_outlook, orders_at_risk, service_by
from soe_lib.review.frames.supply import (
    annual_cost_of_goods,
    cover,
    events_now,
    late_receipts,
    line_load,
    made_against_plan,
    projected_stock,
    resource_hours,
    running,
    scarce_hours,
    stock_today,
)
from soe_lib.review.frames.time import buckets

__all__ = [
    "accuracy_by_cell",
    "annual_cost_of_goods",
    "buckets",
    "changed_events",
    "changed_inputs",
    "changed_orders",
    "changed_plan",
    "changed_receipts",
    "cover",
    "cushion_tiers",
    "demand_by_week",
    "demand_lines",
    "earlier",
    "errors_by_lag",
    "events_now",
    "fence_breaks",
    "forecast_errors",
    "forecast_versions",
    "gaps_by_item",
    "gaps_by_week",
    "in_fence",
    "late_receipts",
    "line_load",
    "lines",
    "made_against_plan",
    "matters",
    "month_outlook",
    "orders_at_risk",
    "projected_stock",
    "resource_hours",
    "running",
    "safety_stocks",
    "scarce_hours",
    "service_by",
    "stock_today",
    "targets",
    "waterfall",
    "where_to_hold",
    "why_none",
    "with_causes",
]
