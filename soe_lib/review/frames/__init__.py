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
from soe_lib.review.frames.pegging import NAMED, brief, purposes, rivals, sources
from soe_lib.review.frames.runs import runs
from soe_lib.review.frames.schedule import firm_hours, firm_runs, lane_loads, made_by_week
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
from soe_lib.review.frames.time import buckets, firm_periods

__all__ = [
    "NAMED",
    "accuracy_by_cell",
    "annual_cost_of_goods",
    "brief",
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
    "firm_hours",
    "firm_periods",
    "firm_runs",
    "forecast_errors",
    "forecast_versions",
    "gaps_by_item",
    "gaps_by_week",
    "in_fence",
    "lane_loads",
    "late_receipts",
    "line_load",
    "lines",
    "made_against_plan",
    "made_by_week",
    "matters",
    "month_outlook",
    "orders_at_risk",
    "projected_stock",
    "purposes",
    "resource_hours",
    "rivals",
    "running",
    "runs",
    "safety_stocks",
    "scarce_hours",
    "service_by",
    "sources",
    "stock_today",
    "targets",
    "waterfall",
    "where_to_hold",
    "why_none",
    "with_causes",
]
