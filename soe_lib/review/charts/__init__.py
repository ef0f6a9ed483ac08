"""One chart per file: a frame goes in, a drawing with its finding and its words comes out."""

from soe_lib.review.charts.bridge import bridge
from soe_lib.review.charts.bridge import finding as bridge_finding
from soe_lib.review.charts.bridge import whole_units as bridge_whole_units
from soe_lib.review.charts.chart import Chart, nothing_to_show
from soe_lib.review.charts.demand import demand
from soe_lib.review.charts.gaps import gaps
from soe_lib.review.charts.load import load_heatmap
from soe_lib.review.charts.order_risk import order_risk
from soe_lib.review.charts.outlook import month_outlook
from soe_lib.review.charts.prices import constraint_prices
from soe_lib.review.charts.service import service
from soe_lib.review.charts.stock import projected_stock
from soe_lib.review.charts.stress import stress
from soe_lib.review.charts.targets import targets

__all__ = [
    "Chart",
    "bridge",
    "bridge_finding",
    "bridge_whole_units",
    "constraint_prices",
    "demand",
    "gaps",
    "load_heatmap",
    "month_outlook",
    "nothing_to_show",
    "order_risk",
    "projected_stock",
    "service",
    "stress",
    "targets",
]
