"""From a Snapshot and a Plan to the frames that a review reads; polars in, polars out, nothing drawn or
worded.
"""

from soe_lib.model.stock_targets import cushion_tiers, safety_stocks, targets, why_none
from soe_lib.model.where_to_hold import where_to_hold
from soe_lib.review.frames.adherence import annual_cost_of_goods, made_against_plan, stock_today
from soe_lib.review.frames.changes import changed_events, changed_inputs, changed_orders, changed_plan, changed_receipts
from soe_lib.review.frames.demand import demand_by_week, demand_lines
from soe_lib.review.frames.fence import fence_breaks, in_fence, with_causes
from soe_lib.review.frames.history import earlier
from soe_lib.review.frames.lateness import events_now, late_receipts, where_used
from soe_lib.review.frames.lines import lines
from soe_lib.review.frames.load import line_load, resource_hours, scarce_hours
from soe_lib.review.frames.outlook import month_outlook
from soe_lib.review.frames.running import running
from soe_lib.review.frames.service import gaps_by_item, gaps_by_week, orders_at_risk, service_by
from soe_lib.review.frames.stock import cover, projected_stock, stock_value
from soe_lib.review.frames.time import buckets
from soe_lib.review.frames.versions import (
    accuracy_by_cell,
    errors_by_lag,
    forecast_errors,
    forecast_versions,
    waterfall,
)

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
    "month_outlook",
    "orders_at_risk",
    "projected_stock",
    "resource_hours",
    "running",
    "safety_stocks",
    "scarce_hours",
    "service_by",
    "stock_today",
    "stock_value",
    "targets",
    "waterfall",
    "where_to_hold",
    "where_used",
    "why_none",
    "with_causes",
]
