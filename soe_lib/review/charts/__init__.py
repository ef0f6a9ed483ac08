"""One chart per file: a frame goes in, a drawing with its finding and its words comes out."""

from soe_lib.review.charts.demand import demand, gaps, month_outlook, order_risk, service
from soe_lib.review.charts.money import bridge, stress
from soe_lib.review.charts.money import bridge_finding as bridge_finding
from soe_lib.review.charts.money import whole_units as bridge_whole_units
from soe_lib.review.charts.schedule import LINES, gantt, made_heatmap
from soe_lib.review.charts.supply import constraint_prices, load_heatmap, projected_stock, targets
from soe_lib.review.style import WIDTH, Chart, nothing_to_show

__all__ = [
    "LINES",
    "WIDTH",
    "Chart",
    "bridge",
    "bridge_finding",
    "bridge_whole_units",
    "constraint_prices",
    "demand",
    "gantt",
    "gaps",
    "load_heatmap",
    "made_heatmap",
    "month_outlook",
    "nothing_to_show",
    "order_risk",
    "projected_stock",
    "service",
    "stress",
    "targets",
]
