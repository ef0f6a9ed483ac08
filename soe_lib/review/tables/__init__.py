"""Tables of the pages: polars frames with headings that a reader understands, and how to write each column."""

from soe_lib.review.tables.balance import changed_plan, fence_breaks, item_gaps, orders_at_risk, service
from soe_lib.review.tables.demand import (
    accuracy_by_cell,
    asked_for,
    changed_forecast,
    changed_orders,
    forecast_errors,
    outlook,
    unforecast,
)
from soe_lib.review.tables.history import errors_by_lag, running, waterfall
from soe_lib.review.tables.meeting import decisions, exceptions, scoreboard
from soe_lib.review.tables.risk import ranges, scenarios, stresses
from soe_lib.review.tables.supply import (
    adherence,
    changed_events,
    changed_receipts,
    cheapest_places,
    events,
    idle_stock,
    late_receipts,
    protection,
    targets,
    thin_stock,
)
from soe_lib.review.tables.table import Table

__all__ = [
    "Table",
    "accuracy_by_cell",
    "adherence",
    "asked_for",
    "changed_events",
    "changed_forecast",
    "changed_orders",
    "changed_plan",
    "changed_receipts",
    "cheapest_places",
    "decisions",
    "errors_by_lag",
    "events",
    "exceptions",
    "fence_breaks",
    "forecast_errors",
    "idle_stock",
    "item_gaps",
    "late_receipts",
    "orders_at_risk",
    "outlook",
    "protection",
    "ranges",
    "running",
    "scenarios",
    "scoreboard",
    "service",
    "stresses",
    "targets",
    "thin_stock",
    "unforecast",
    "waterfall",
]
